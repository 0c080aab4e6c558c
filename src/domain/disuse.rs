//! Disuse: what becomes of applications that nobody uses (rule B58).
//!
//! A hub may have a policy that deletes them. [`due`] says what is to be done about one application, given the evidence
//! of its use and one clock reading; it is pure, and a round that runs late or twice changes nothing of it. An
//! application is told of its deletion at each of the term's notices, the longest first. The first is given its whole days
//! before the deletion, and one that comes more than an hour late puts the deletion off. Any use takes it back.
//!
//! Use that nobody knows of must not hurt anybody: an application is idle from the latest of its registration, the end of
//! the hour in which it was last used, and the instant from which on every call is known.

mod sentence;
mod settle;

use chrono::{DateTime, TimeDelta, Utc};
use devhub_decision::Environment;

use super::application::Application;
use super::name::ApplicationId;
use super::notice::{DELAY_FORGIVEN, Milestone};

pub use settle::SettleDisuse;

/// Most notices before one deletion.
pub const NOTICES_MAX: usize = 5;

/// Longest time without use that a policy can state, in days.
pub const DAYS_MAX: u32 = 3650;

/// A deletion that nobody carried out for so long, because the hub was down, is announced anew.
const OVERDUE: TimeDelta = TimeDelta::days(1);

/// Last use is known to the hour; it is taken to be at the end of it.
const HOUR: TimeDelta = TimeDelta::hours(1);

/// How long an application may go unused, and when its administrators are told before it is deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    days: u32,
    notices: Notices,
}

/// How many days before a deletion notices are given: 1 to 5 different numbers, none of them 0; the longest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notices(Vec<u32>);

impl Notices {
    /// Notices so many days before, in any order; `None` when they are not 1 to 5 different numbers, none of them 0.
    pub fn new(days: impl IntoIterator<Item = u32>) -> Option<Notices> {
        let mut days: Vec<u32> = days.into_iter().collect();
        days.sort_unstable_by(|a, b| b.cmp(a));
        let distinct = days.windows(2).all(|pair| pair[0] != pair[1]);
        let fit = (1..=NOTICES_MAX).contains(&days.len()) && distinct && days.last() != Some(&0);
        fit.then_some(Notices(days))
    }

    /// The longest.
    pub fn longest(&self) -> u32 {
        self.0[0]
    }
}

impl Term {
    /// A term of so many days, with notices before its end; `None` when it is no longer than its longest notice.
    pub fn new(days: u32, notices: Notices) -> Option<Term> {
        (notices.longest() < days).then_some(Term { days, notices })
    }

    /// The days without use.
    pub const fn days(&self) -> u32 {
        self.days
    }

    /// Days before the deletion at which notices are given, the longest first.
    pub fn notice_days(&self) -> &[u32] {
        &self.notices.0
    }

    fn longest_notice(&self) -> TimeDelta {
        days(self.notices.longest())
    }
}

/// How long applications may go unused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// In the sandbox.
    pub sandbox: Term,
    /// In production.
    pub production: Term,
    /// In the sandbox, when they were never used at all.
    pub never_used_sandbox: Term,
}

impl Limits {
    /// Whether anything can be due about an application that is not to be deleted yet, whatever its use is. Most are too
    /// young, and nobody need look further.
    pub fn may_concern(&self, application: &Application, known_since: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        let terms = match application.environment {
            Environment::Production => vec![&self.production],
            Environment::Sandbox => vec![&self.sandbox, &self.never_used_sandbox],
        };
        let oldest = application.created_at.max(known_since);
        let quiet = |term: &Term| days(term.days) - term.longest_notice();
        spared(application).is_none() && terms.into_iter().any(|term| now >= later(oldest, quiet(term)))
    }

    fn term(&self, application: &Application, evidence: &Evidence) -> &Term {
        match application.environment {
            Environment::Production => &self.production,
            Environment::Sandbox if evidence.is_never_used(application.created_at) => &self.never_used_sandbox,
            Environment::Sandbox => &self.sandbox,
        }
    }
}

/// What is known of the use of an application: of calls to any version that were allowed because it is subscribed.
/// Refused calls, and calls that anybody may make, are no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Evidence {
    /// The beginning of the hour of the last use; `None` when none is known.
    pub last_use: Option<DateTime<Utc>>,
    /// From when on every use is known: before it calls may have been lost, or nobody counted.
    pub known_since: DateTime<Utc>,
}

impl Evidence {
    /// From when on it is certain that an application was not used.
    pub fn idle_since(&self, created_at: DateTime<Utc>) -> DateTime<Utc> {
        self.used_until().map_or(created_at, |used| used.max(created_at)).max(self.known_since)
    }

    fn used_until(&self) -> Option<DateTime<Utc>> {
        self.last_use.map(|hour| later(hour, HOUR))
    }

    /// Whether it is certain that an application was never used.
    fn is_never_used(&self, created_at: DateTime<Utc>) -> bool {
        self.last_use.is_none() && self.known_since <= created_at
    }
}

/// Why an announced deletion is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// It was used.
    Used,
    /// Calls were lost, and nobody knows whose.
    Unknown,
    /// Its deletion is restricted.
    Restricted,
    /// It is blocked, so that it cannot be used.
    Blocked,
    /// The hub deletes nobody any more, or later.
    Policy,
    /// Somebody has deleted it.
    Deleted,
}

impl Cause {
    /// All causes.
    pub const ALL: [Cause; 6] =
        [Cause::Used, Cause::Unknown, Cause::Restricted, Cause::Blocked, Cause::Policy, Cause::Deleted];

    /// The name used in facts.
    pub const fn name(self) -> &'static str {
        match self {
            Cause::Used => "USED",
            Cause::Unknown => "CALLS_LOST",
            Cause::Restricted => "DELETION_RESTRICTED",
            Cause::Blocked => "BLOCKED",
            Cause::Policy => "POLICY",
            Cause::Deleted => "DELETED",
        }
    }
}

/// How an announced deletion stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is to come.
    Announced,
    /// It was taken back.
    Cancelled(DateTime<Utc>, Cause),
    /// It was carried out.
    Done(DateTime<Utc>),
}

/// The latest announced deletion of an application that nobody uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disuse {
    /// The application.
    pub application: ApplicationId,
    /// 1 for its first announcement, then one more each time.
    pub number: u32,
    /// Since when it was idle when that was announced.
    pub idle_since: DateTime<Utc>,
    /// When.
    pub announced_at: DateTime<Utc>,
    /// When it is to be deleted; later than announced if a notice was late.
    pub deletes_at: DateTime<Utc>,
    /// Days before the deletion at which notices are given, the longest first.
    pub notice_days: Vec<u32>,
    /// How many of them were given.
    pub given: usize,
    /// How it stands.
    pub standing: Standing,
}

impl Disuse {
    /// Whether the deletion is still to come.
    pub fn is_announced(&self) -> bool {
        self.standing == Standing::Announced
    }

    /// The next notice that is owed, and when.
    fn next_notice(&self) -> Option<(u32, DateTime<Utc>)> {
        let next = *self.notice_days.get(self.given)?;
        Some((next, self.deletes_at - days(next)))
    }
}

/// What is to be done about an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Nothing.
    Nothing,
    /// Announce its deletion: the first, longest notice.
    Announce {
        /// Since when it is idle.
        idle_since: DateTime<Utc>,
        /// When it is to be deleted.
        deletes_at: DateTime<Utc>,
    },
    /// Give the next notice.
    Remind {
        /// So many days before the deletion.
        days: u32,
        /// When that was owed.
        due_at: DateTime<Utc>,
        /// When it is to be deleted: as announced or, if the notice is late, whole days after it.
        deletes_at: DateTime<Utc>,
    },
    /// Delete it.
    Delete,
    /// Take the announced deletion back.
    Cancel(Cause),
}

/// The notices and the deletion that follow if nobody uses an application, in order of time.
pub fn plan(idle_since: DateTime<Utc>, term: &Term) -> Vec<(Milestone, DateTime<Utc>)> {
    let deletes_at = later(idle_since, days(term.days));
    let notices = term.notices.0.iter().map(|notice| (Milestone::Countdown(*notice), deletes_at - days(*notice)));
    notices.chain([(Milestone::Deleted, deletes_at)]).collect()
}

/// What is to be done about an application at `now`. `announced` is its latest announcement; `limits` is the policy of
/// the hub, if it has one.
pub fn due(
    application: &Application,
    evidence: &Evidence,
    announced: Option<&Disuse>,
    limits: Option<&Limits>,
    now: DateTime<Utc>,
) -> Due {
    let announced = announced.filter(|disuse| disuse.is_announced());
    let (limits, spared) = match (limits, spared(application)) {
        (Some(limits), None) => (limits, None),
        (Some(limits), Some(cause)) => (limits, Some(cause)),
        (None, _) => return announced.map_or(Due::Nothing, |_| Due::Cancel(Cause::Policy)),
    };
    if let Some(cause) = spared {
        return announced.map_or(Due::Nothing, |_| Due::Cancel(cause));
    }
    let term = limits.term(application, evidence);
    let idle_since = evidence.idle_since(application.created_at);
    let ends_at = later(idle_since, days(term.days));
    let may_be_announced = now >= ends_at - term.longest_notice();
    let anew = Due::Announce { idle_since, deletes_at: ends_at.max(later(now, term.longest_notice())) };
    let Some(announced) = announced else { return if may_be_announced { anew } else { Due::Nothing } };
    if idle_since > announced.idle_since {
        let used = evidence.used_until().is_some_and(|used| used > announced.idle_since);
        return Due::Cancel(if used { Cause::Used } else { Cause::Unknown });
    }
    if !may_be_announced {
        return Due::Cancel(Cause::Policy);
    }
    match announced.next_notice() {
        Some((notice, due_at)) if now >= due_at => {
            let is_late = now > later(due_at, DELAY_FORGIVEN);
            let put_off = if is_late { later(now, days(notice)) } else { announced.deletes_at };
            Due::Remind { days: notice, due_at, deletes_at: put_off }
        }
        Some(_) => Due::Nothing,
        None if now >= later(announced.deletes_at, OVERDUE) => anew,
        None if now >= announced.deletes_at => Due::Delete,
        None => Due::Nothing,
    }
}

/// Why an application is left alone, however long it is idle.
fn spared(application: &Application) -> Option<Cause> {
    if application.deletion.is_some() {
        Some(Cause::Deleted)
    } else if !application.deletion_restriction.is_empty() {
        Some(Cause::Restricted)
    } else if application.blocked {
        Some(Cause::Blocked)
    } else {
        None
    }
}

fn days(count: u32) -> TimeDelta {
    TimeDelta::days(i64::from(count))
}

/// The instant that lies `time` after `start`.
fn later(start: DateTime<Utc>, time: TimeDelta) -> DateTime<Utc> {
    start.checked_add_signed(time).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

#[cfg(test)]
mod tests;
