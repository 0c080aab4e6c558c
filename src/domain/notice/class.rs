//! What notices about the class of traditional service accounts say: the dates, which are the same for everybody, and how
//! much the one who reads them still depends on such accounts.

use chrono::{DateTime, Utc};

use super::sentence::{days_left, days_text, zoned};
use super::{Milestone, Wording};
use crate::domain::credential_class::ClassRevision;
use crate::domain::migration::Phase;
use crate::domain::name::Zone;

/// Most migrations that one notice names; it says how many there are.
pub const MIGRATIONS_MAX: usize = 50;

/// A migration of a company that is not finished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    /// What the accounts are for, or which account nobody knows the application of.
    pub name: String,
    /// Accounts that are not removed.
    pub accounts: u64,
    /// How far it is.
    pub phase: Phase,
}

/// How much a holder still depends on traditional service accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dependence {
    /// A company has accounts.
    Company {
        /// Accounts that are not removed.
        accounts: u64,
        /// What is not finished, in any order.
        unfinished: Vec<Unfinished>,
        /// Its accounts are accepted past the sunset until then.
        extended_until: Option<DateTime<Utc>>,
    },
    /// An application is what accounts of companies are replaced by.
    Application {
        /// Companies with accounts for it.
        companies: u64,
        /// Those of them whose calls the sunset would stop, or has stopped.
        at_risk: u64,
        /// Since when it has something to install.
        ready_at: Option<DateTime<Utc>>,
    },
}

fn counted(count: u64, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}

impl Dependence {
    /// In sentences, for people who are told of a date at `now`.
    pub fn sentences(&self, sunset_at: Option<DateTime<Utc>>, zone: Option<&Zone>, now: DateTime<Utc>) -> Vec<String> {
        match self {
            Dependence::Company { accounts, unfinished, extended_until } => {
                let mut sentences = of_migrations(*accounts, unfinished);
                // An extension that ends with the sunset, or before it, extends nothing; nor does one without a sunset.
                let beyond = extended_until.filter(|until| sunset_at.is_some_and(|sunset_at| *until > sunset_at));
                sentences.extend(beyond.map(|until| of_extension(until, zone, now)));
                sentences
            }
            Dependence::Application { companies, at_risk, ready_at } => of_companies(*companies, *at_risk, *ready_at),
        }
    }
}

fn of_migrations(accounts: u64, unfinished: &[Unfinished]) -> Vec<String> {
    let at_risk = unfinished.iter().filter(|migration| migration.phase.is_at_risk()).count();
    let held = counted(accounts, "such account", "such accounts");
    let all = counted(unfinished.len() as u64, "migration", "migrations");
    let mut sentences = vec![match (at_risk, unfinished.len()) {
        (_, 0) => format!("This company has {held} left that nothing depends on; remove what is left."),
        (0, _) => format!("This company has {held} and {all} to finish, none at risk."),
        (at_risk, _) => format!(
            "This company has {held} and {all} to finish, {at_risk} at risk: nothing is installed that goes on without them."
        ),
    }];
    // What is at risk first: a list that is cut must not hide it.
    let mut ordered: Vec<&Unfinished> = unfinished.iter().collect();
    ordered.sort_by_key(|migration| (!migration.phase.is_at_risk(), &migration.name));
    sentences.extend(ordered.iter().take(MIGRATIONS_MAX).map(|migration| {
        let accounts = counted(migration.accounts, "account", "accounts");
        let step = migration.phase.next_step().unwrap_or_default();
        format!("{} ({accounts}, {}): {step}", migration.name, migration.phase)
    }));
    let more = ordered.len().saturating_sub(MIGRATIONS_MAX);
    sentences.extend((more > 0).then(|| format!("And {more} more.")));
    sentences
}

fn of_extension(until: DateTime<Utc>, zone: Option<&Zone>, now: DateTime<Utc>) -> String {
    let date = zoned(until, zone);
    match days_left(until, now) {
        Some(left) => {
            format!("The accounts of this company are accepted until {date}, {} from this notice.", days_text(left))
        }
        None => format!("The accounts of this company were accepted until {date}."),
    }
}

fn of_companies(companies: u64, at_risk: u64, ready_at: Option<DateTime<Utc>>) -> Vec<String> {
    let depend = counted(companies, "company has", "companies have");
    let risk = match at_risk {
        0 => "none of them at risk".to_owned(),
        at_risk => format!("{at_risk} at risk, since nothing is installed there that goes on without them"),
    };
    let step = match (ready_at, at_risk) {
        (None, _) => Phase::NotStarted.next_step(),
        (Some(_), 0) => Phase::Installed.next_step(),
        (Some(_), _) => Phase::DeveloperReady.next_step(),
    };
    let mut sentences = vec![format!("{depend} such accounts for this application, {risk}.")];
    sentences.extend(step.map(str::to_owned));
    sentences
}

fn what_happened(revision: &ClassRevision, now: DateTime<Utc>) -> String {
    let (before, after) = (revision.before, revision.after);
    let what = if !after.accepts(now) {
        "Traditional service accounts are no longer accepted: calls with them are refused."
    } else if revision.number == 1 {
        "Traditional service accounts come to an end."
    } else {
        "The dates of traditional service accounts have changed."
    };
    let moved = match (before.sunset_at, after.sunset_at) {
        (Some(old), new) if new != Some(old) => {
            format!(" Their sunset was announced for {} before.", zoned(old, revision.zone.as_ref()))
        }
        (Some(_) | None, _) => String::new(),
    };
    let again = if revision.reopens() && after.takes_new(now) { " They can be created again." } else { "" };
    format!("{what}{moved}{again}")
}

fn dates(revision: &ClassRevision, now: DateTime<Utc>) -> Vec<String> {
    let zone = revision.zone.as_ref();
    let schedule = &revision.after;
    let mut sentences = Vec::new();
    if let Some(deprecated_at) = schedule.deprecated_at {
        sentences.push(format!("Deprecated from {} on.", zoned(deprecated_at, zone)));
    }
    sentences.push(match schedule.closes_at() {
        Some(closes_at) => format!("None can be created from {} on.", zoned(closes_at, zone)),
        None => "Until when they can be created is to be announced.".to_owned(),
    });
    sentences.push(match schedule.sunset_at {
        Some(sunset_at) => {
            let left = days_left(sunset_at, now).map(|left| format!(", {} from this notice", days_text(left)));
            format!("They are refused from {} on{}.", zoned(sunset_at, zone), left.unwrap_or_default())
        }
        None => "When they are refused is to be announced.".to_owned(),
    });
    sentences
}

/// What is said of a milestone of a revision of the dates at `now`, whoever reads it.
pub fn of_class(revision: &ClassRevision, milestone: Milestone, now: DateTime<Utc>) -> Wording {
    let schedule = &revision.after;
    let left = schedule.sunset_at.and_then(|sunset_at| days_left(sunset_at, now));
    let mut sentences = vec![match milestone {
        Milestone::Announced => what_happened(revision, now),
        Milestone::Deprecated => "Traditional service accounts are deprecated now.".to_owned(),
        Milestone::CreationEnds => "No further traditional service account can be created.".to_owned(),
        Milestone::Countdown(_) => {
            format!("Traditional service accounts are refused in {}.", days_text(left.unwrap_or_default()))
        }
        Milestone::Sunset => "Traditional service accounts are refused from now on.".to_owned(),
        // Of schedules and applications only: the class plans none of them.
        Milestone::SunsetBegins | Milestone::Retired | Milestone::Deleted | Milestone::Kept => String::new(),
    }];
    sentences.extend(dates(revision, now));
    if milestone == Milestone::Announced {
        // Whoever hears of it only now may know since when it has been public.
        if revision.announced_at < revision.recorded_at {
            sentences.push(format!("Public since {}.", zoned(revision.announced_at, revision.zone.as_ref())));
        }
        if !revision.reason.is_empty() {
            sentences.push(format!("Reason: {}", revision.reason));
        }
        if !revision.override_reason.is_empty() {
            sentences.push(format!("Why the least notice does not hold here: {}", revision.override_reason));
        }
    }
    Wording {
        sentences,
        deprecated_at: schedule.deprecated_at,
        ends_at: schedule.sunset_at,
        zone: revision.zone.clone(),
        days_left: left,
        successor: String::new(),
    }
}

#[cfg(test)]
mod tests;
