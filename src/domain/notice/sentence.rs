//! What notices say.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use chrono_tz::Tz;
use devhub_decision::Schedule;

use super::{Milestone, Wording};
use crate::domain::announcement::AnnouncementRevision;
use crate::domain::application::Absence;
use crate::domain::ledger::{Revision, RevisionKind};
use crate::domain::name::Zone;

/// An instant for people, to the second: in the zone it was announced in, then in UTC (rule B26).
pub fn zoned(instant: DateTime<Utc>, zone: Option<&Zone>) -> String {
    let utc = instant.to_rfc3339_opts(SecondsFormat::Secs, true);
    // Which zones are known is a matter of the release; one that is not is left out rather than guessed.
    match zone.and_then(|zone| zone.as_str().parse::<Tz>().ok()) {
        Some(zone) => {
            let local = instant.with_timezone(&zone);
            format!("{} {} ({utc})", local.format("%Y-%m-%d %H:%M %Z"), zone.name())
        }
        None => utc,
    }
}

/// How late a notice may be given and still say the days that were planned.
pub(in crate::domain) const DELAY_FORGIVEN: TimeDelta = TimeDelta::hours(1);

/// Full days from `now` until `instant`, where up to an hour is forgiven; `None` when it has come.
pub fn days_left(instant: DateTime<Utc>, now: DateTime<Utc>) -> Option<u32> {
    if instant <= now { None } else { u32::try_from((instant - now + DELAY_FORGIVEN).num_days()).ok() }
}

/// A number of days for people.
pub fn days_text(count: u32) -> String {
    match count {
        0 => "less than a day".to_owned(),
        1 => "1 day".to_owned(),
        count => format!("{count} days"),
    }
}

fn what_happened(revision: &Revision, now: DateTime<Utc>) -> String {
    let target = &revision.target;
    let schedule = &revision.after.schedule;
    let is_or_will = |at: Option<DateTime<Utc>>, is: &str, will: &str| {
        if at.is_some_and(|at| at > now) { will.to_owned() } else { is.to_owned() }
    };
    match revision.kind {
        RevisionKind::Published | RevisionKind::Promoted => format!("{target} has a new schedule."),
        RevisionKind::Deprecated => {
            let verb = is_or_will(schedule.deprecated_at(), "is deprecated", "will be deprecated");
            format!("{target} {verb}.")
        }
        RevisionKind::Revised => format!("The dates of {target} have changed."),
        RevisionKind::Withdrawn => format!("The end of {target} is withdrawn: it goes on as before."),
        RevisionKind::Retired => {
            let verb = is_or_will(schedule.retires_at(), "is retired: calls are refused", "will be retired");
            format!("{target} {verb}.")
        }
        RevisionKind::Reinstated => format!("{target} is brought back: calls pass again."),
        RevisionKind::BrownoutScheduled => {
            format!("Calls to {target} will be refused for a short time, as a warning of its end.")
        }
        RevisionKind::BrownoutCancelled => {
            format!("A short time in which calls to {target} were to be refused is cancelled.")
        }
    }
}

fn dates(revision: &Revision, milestone: Milestone, now: DateTime<Utc>) -> Vec<String> {
    let zone = revision.zone.as_ref();
    let schedule = &revision.after.schedule;
    let mut sentences = Vec::new();
    if let Some(window) = revision.brownout.filter(|_| milestone == Milestone::Announced) {
        sentences.push(format!("The short time: {} until {}.", zoned(window.from, zone), zoned(window.until, zone)));
    }
    if let Some(deprecated_at) = schedule.deprecated_at() {
        sentences.push(format!("Deprecated from {} on: no new subscriptions.", zoned(deprecated_at, zone)));
    }
    if let Some(begins_at) = schedule.sunset_begins_at() {
        sentences.push(format!("From {} on some calls are refused.", zoned(begins_at, zone)));
    }
    match (schedule.retires_at(), schedule.deprecated_at()) {
        (Some(retires_at), _) => {
            let left = days_left(retires_at, now).map(|left| format!(", {} from this notice", days_text(left)));
            sentences.push(format!(
                "Retired from {} on{}: every call is refused.",
                zoned(retires_at, zone),
                left.unwrap_or_default()
            ));
        }
        (None, Some(_)) => sentences.push("When it is retired is to be announced.".to_owned()),
        (None, None) => {}
    }
    sentences
}

/// What is said of a milestone of a schedule's revision at `now`.
pub fn of_revision(revision: &Revision, milestone: Milestone, now: DateTime<Utc>) -> Wording {
    let schedule = &revision.after.schedule;
    let target = &revision.target;
    let left = schedule.retires_at().and_then(|retires_at| days_left(retires_at, now));
    let mut sentences = vec![match milestone {
        Milestone::Announced => what_happened(revision, now),
        Milestone::Deprecated => format!("{target} is deprecated now."),
        Milestone::SunsetBegins => format!("The sunset of {target} begins now: some calls are refused."),
        Milestone::Countdown(_) => format!("{target} is retired in {}.", days_text(left.unwrap_or_default())),
        Milestone::Retired => format!("{target} is retired now: calls are refused."),
        // Of applications and of service accounts only: no schedule plans them.
        Milestone::CreationEnds | Milestone::Sunset | Milestone::Deleted | Milestone::Kept => target.to_string(),
    }];
    sentences.extend(dates(revision, milestone, now));
    // Nobody needs to move from what goes on.
    if !revision.successor.is_empty() && *schedule != Schedule::Open {
        sentences.push(format!("Move to {}.", revision.successor));
    }
    if milestone == Milestone::Announced && !revision.reason.is_empty() {
        sentences.push(format!("Reason: {}", revision.reason));
    }
    // Whoever is given less time than the policy promises may know why.
    if milestone == Milestone::Announced && !revision.override_reason.is_empty() {
        sentences.push(format!("Why the policy's minimum does not hold here: {}", revision.override_reason));
    }
    Wording {
        sentences,
        deprecated_at: schedule.deprecated_at(),
        ends_at: schedule.retires_at(),
        zone: revision.zone.clone(),
        days_left: left,
        successor: revision.successor.clone(),
    }
}

/// When and why dates were announced: what somebody missed who was away then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// When subscribers were told.
    pub at: DateTime<Utc>,
    /// The zone of the announcement.
    pub zone: Option<Zone>,
    /// Why.
    pub reason: String,
}

/// What somebody is told besides, who was away when dates were announced; nothing where they were there.
pub fn of_absence(said: &Said, milestone: Milestone, absence: Absence) -> Option<String> {
    let missed = absence.from <= said.at && said.at < absence.until && milestone != Milestone::Announced;
    let why = if said.reason.is_empty() { String::new() } else { format!(" Reason: {}", said.reason) };
    missed.then(|| {
        let when = zoned(said.at, said.zone.as_ref());
        format!("This was announced on {when}, while the application was deleted.{why}")
    })
}

/// What is said of a revision of an announcement at `now`.
pub fn of_announcement(revision: &AnnouncementRevision, now: DateTime<Utc>) -> Wording {
    let content = &revision.content;
    let zone = content.effective.zone.as_ref();
    let mut sentences = vec![if revision.withdrawn {
        format!("Withdrawn: {}", content.title)
    } else if revision.number > 1 {
        format!("Updated: {}", content.title)
    } else {
        content.title.clone()
    }];
    match (content.effective.from, content.effective.until) {
        (Some(from), Some(until)) => {
            sentences.push(format!("Effective {} until {}.", zoned(from, zone), zoned(until, zone)))
        }
        (Some(from), None) => sentences.push(format!("Effective {}.", zoned(from, zone))),
        (None, Some(until)) => sentences.push(format!("Effective until {}.", zoned(until, zone))),
        (None, None) => {}
    }
    if !revision.note.is_empty() {
        sentences.push(revision.note.clone());
    }
    Wording {
        sentences,
        deprecated_at: None,
        ends_at: content.effective.from,
        zone: content.effective.zone.clone(),
        days_left: content.effective.from.and_then(|from| days_left(from, now)),
        successor: String::new(),
    }
}
