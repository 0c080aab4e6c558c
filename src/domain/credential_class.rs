//! The class of traditional service accounts: when it is deprecated, closed to new accounts, and no longer accepted.
//!
//! Three dates, one ledger: each revision states all three as they were announced, so that "what was known then?" has
//! one answer for any instant (rule B71). A date that is not known is "to be announced": nothing ends by it (rule B74).

use chrono::{DateTime, Days, TimeDelta, Utc};

use super::fact::{Fact, FactKind, Subject, instant_text};
use super::ledger::LedgerEnd;
use super::name::Zone;
use super::notice::Milestone;
use super::outcome::{Judgement, Outcome};
use super::record::{Record, RecordKey, Records};
use super::refusal::Refusal;
use super::schedule::NewDate;
use super::setting::Setting;

/// Least notice of a date that comes earlier than the one announced before, in days (rule B72).
pub const EARLIER_NOTICE_DAYS: i64 = 30;

/// So many days before the sunset, administrators are told how much is left to do.
pub const NOTICE_DAYS: [u32; 4] = [90, 30, 7, 1];

/// The dates of the class. `None` is "to be announced".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClassSchedule {
    /// The first instant at which accounts of the class are discouraged.
    pub deprecated_at: Option<DateTime<Utc>>,
    /// The first instant at which none can be created (rules B25, B67).
    pub cutoff_at: Option<DateTime<Utc>>,
    /// The first instant at which none is accepted (rules B69, B70).
    pub sunset_at: Option<DateTime<Utc>>,
}

impl ClassSchedule {
    /// Whether accounts can be created at `now`: as long as neither cut-off nor sunset has come (rules B67, B74).
    pub fn takes_new(&self, now: DateTime<Utc>) -> bool {
        self.closes_at().is_none_or(|closes_at| now < closes_at)
    }

    /// The first instant at which no account can be created.
    pub fn closes_at(&self) -> Option<DateTime<Utc>> {
        [self.cutoff_at, self.sunset_at].into_iter().flatten().min()
    }

    /// Whether accounts of the class are accepted at `now`.
    pub fn accepts(&self, now: DateTime<Utc>) -> bool {
        self.sunset_at.is_none_or(|sunset_at| now < sunset_at)
    }

    /// Whether accounts are discouraged at `now`.
    pub fn is_deprecated(&self, now: DateTime<Utc>) -> bool {
        self.deprecated_at.is_some_and(|deprecated_at| deprecated_at <= now)
    }
}

/// One revision of the dates. Never changed, never removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassRevision {
    /// 1 for the first, then one more each time.
    pub number: u32,
    /// The dates before.
    pub before: ClassSchedule,
    /// The dates from then on.
    pub after: ClassSchedule,
    /// When it was made public; never before that of the revision before.
    pub announced_at: DateTime<Utc>,
    /// When it was committed.
    pub recorded_at: DateTime<Utc>,
    /// The zone that the dates were announced in.
    pub zone: Option<Zone>,
    /// Who did it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Why a rule was overridden; empty if none was.
    pub override_reason: String,
}

impl ClassRevision {
    /// Whether it opened creation after it had been closed (rule B73).
    pub fn reopens(&self) -> bool {
        !self.before.takes_new(self.announced_at) && self.after.takes_new(self.announced_at)
    }
}

/// The milestones of a revision with their instants, in order of time (rule B91).
///
/// Each is announced with its commit, which also tells what came before or with it; what a later revision replaces is
/// dropped, as with the revisions of a schedule.
pub fn plan(revision: &ClassRevision) -> Vec<(Milestone, DateTime<Utc>)> {
    let told_at = revision.recorded_at;
    let ClassSchedule { deprecated_at, cutoff_at, sunset_at } = revision.after;
    // What comes together with the sunset is no news beside it.
    let comes_first = |at: &DateTime<Utc>| sunset_at.is_none_or(|sunset_at| *at < sunset_at);
    let before = |days: u32| sunset_at?.checked_sub_days(Days::new(u64::from(days)));
    let countdown = NOTICE_DAYS.into_iter().filter_map(|days| Some((Milestone::Countdown(days), before(days)?)));
    let begins = deprecated_at.filter(comes_first).map(|at| (Milestone::Deprecated, at));
    let closes = cutoff_at.filter(comes_first).map(|at| (Milestone::CreationEnds, at));
    let ends = sunset_at.map(|at| (Milestone::Sunset, at));
    let mut milestones: Vec<_> = [begins, closes, ends].into_iter().flatten().chain(countdown).collect();
    milestones.retain(|(_, due_at)| *due_at > told_at);
    milestones.push((Milestone::Announced, told_at));
    milestones.sort_by_key(|(milestone, due_at)| (*due_at, *milestone));
    milestones
}

/// The dates that were public at `as_of`, by the revisions in their order.
pub fn as_of(revisions: &[ClassRevision], as_of: DateTime<Utc>) -> ClassSchedule {
    let public = revisions.iter().take_while(|revision| revision.announced_at <= as_of).last();
    public.map(|revision| revision.after).unwrap_or_default()
}

/// The times in which creation was open again after it had been closed, by the revisions in their order: from the
/// announcement until it closed again; `None` for "still open, no date known" (rule B73).
pub fn reopened(revisions: &[ClassRevision]) -> Vec<(DateTime<Utc>, Option<DateTime<Utc>>)> {
    let mut windows = Vec::new();
    for (position, revision) in revisions.iter().enumerate().filter(|(_, revision)| revision.reopens()) {
        // It lasts until the date that rules when it comes; a later revision may move that before it has come.
        let mut closes_at = revision.after.closes_at();
        for later in &revisions[position + 1..] {
            if closes_at.is_some_and(|closes_at| closes_at <= later.announced_at) {
                break;
            }
            closes_at = later.after.closes_at();
        }
        windows.push((revision.announced_at, closes_at));
    }
    windows
}

/// The class: its dates, and how far its ledger has come.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CredentialClass {
    /// What is true now.
    pub schedule: ClassSchedule,
    /// How it came to be.
    pub ledger: LedgerEnd,
}

/// What to do with the dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClassStep {
    /// Announce other dates.
    Revise {
        /// The deprecation.
        deprecated: NewDate,
        /// The creation cut-off.
        cutoff: NewDate,
        /// The sunset.
        sunset: NewDate,
    },
    /// The sunset begins with the commit; its own step, so that no slip of the pen does it (rule B75).
    SunsetNow,
}

/// Whether a date may come earlier than it was announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Earlier {
    /// No: that would be a mistake.
    Refused,
    /// Yes, with the notice that the rule demands.
    Accepted,
}

/// Command: change the dates of the class. Operators only.
#[derive(Debug, Clone)]
pub struct ReviseCredentialClass {
    /// What to do.
    pub step: ClassStep,
    /// Whether a date may come earlier.
    pub earlier: Earlier,
    /// Why.
    pub reason: String,
    /// Why a rule does not hold; empty if all do.
    pub override_reason: String,
    /// When it was made public, if not with the commit. With an override reason the dates are judged as of then: so a
    /// history is loaded.
    pub announced_at: Option<DateTime<Utc>>,
    /// The zone of the announcement.
    pub zone: Option<Zone>,
    /// The revision last read, if the change depends on it.
    pub etag: Option<u64>,
}

fn renewed(old: Option<DateTime<Utc>>, new: NewDate) -> Option<DateTime<Utc>> {
    match new {
        NewDate::Keep => old,
        NewDate::ToBeAnnounced => None,
        NewDate::At(instant) => Some(instant),
    }
}

/// Whether `new` comes before `old`; what is to be announced comes last.
fn comes_earlier(old: Option<DateTime<Utc>>, new: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
    new.filter(|new| old.is_none_or(|old| *new < old))
}

impl Records {
    /// The class; one without dates if nothing was ever announced.
    pub(super) fn class(&self) -> CredentialClass {
        self.credential_class().cloned().unwrap_or_default()
    }
}

impl ReviseCredentialClass {
    pub(super) fn reads(&self) -> Vec<RecordKey> {
        vec![RecordKey::CredentialClass]
    }

    pub(super) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        setting.operator("change the dates of service accounts")?;
        records.check_etag(&RecordKey::CredentialClass, self.etag)?;
        let class = records.class();
        let announced_at = self.announced_at.unwrap_or(setting.now);
        let earliest = class.ledger.announced_at.filter(|last| announced_at < *last);
        if announced_at > setting.now || earliest.is_some() {
            return Err(Refusal::AnnouncementOutOfOrder { given: announced_at, earliest, now: setting.now });
        }
        let old = class.schedule;
        let new = match self.step {
            ClassStep::Revise { deprecated, cutoff, sunset } => {
                let new = ClassSchedule {
                    deprecated_at: renewed(old.deprecated_at, deprecated),
                    cutoff_at: renewed(old.cutoff_at, cutoff),
                    sunset_at: renewed(old.sunset_at, sunset),
                };
                self.check_dates(old, new, if self.is_history() { announced_at } else { setting.now })?;
                new
            }
            ClassStep::SunsetNow if old.sunset_at.is_some_and(|sunset_at| sunset_at <= setting.now) => {
                return Err(Refusal::NothingToDo("the sunset of service accounts has come already"));
            }
            ClassStep::SunsetNow if self.override_reason.is_empty() => {
                return Err(Refusal::invalid(
                    "override_reason",
                    "must be given: a sunset without notice stops every integration that has not migrated",
                ));
            }
            ClassStep::SunsetNow => ClassSchedule {
                deprecated_at: Some(old.deprecated_at.map_or(setting.now, |at| at.min(setting.now))),
                cutoff_at: Some(old.cutoff_at.map_or(setting.now, |at| at.min(setting.now))),
                sunset_at: Some(setting.now),
            },
        };
        if new == old {
            return Err(Refusal::NothingToDo("these are the dates already"));
        }
        let revision = ClassRevision {
            number: class.ledger.revisions + 1,
            before: old,
            after: new,
            announced_at,
            recorded_at: setting.now,
            zone: self.zone.clone(),
            by: setting.actor.to_string(),
            reason: self.reason.clone(),
            override_reason: self.override_reason.clone(),
        };
        let fact = Fact::new(FactKind::CredentialClassRevised, Subject::default())
            .change("deprecate_time", instant_text(old.deprecated_at), instant_text(new.deprecated_at))
            .change("creation_cutoff_time", instant_text(old.cutoff_at), instant_text(new.cutoff_at))
            .change("sunset_time", instant_text(old.sunset_at), instant_text(new.sunset_at))
            .change("override_reason", "", &self.override_reason)
            .because(&self.reason)
            .effective(self.announced_at);
        let mut warnings = Vec::new();
        if revision.reopens() {
            warnings.push(match new.closes_at() {
                Some(at) => format!("accounts can be created again until {}", instant_text(Some(at))),
                None => "accounts can be created again, until a cut-off is announced".to_owned(),
            });
        }
        let number = revision.number;
        let after = CredentialClass {
            schedule: new,
            ledger: LedgerEnd {
                revisions: number,
                announced_at: Some(announced_at),
                recorded_at: Some(setting.now),
                zone: self.zone.clone(),
            },
        };
        let outcome = Outcome::write(RecordKey::CredentialClass, Record::CredentialClass(after), fact);
        Ok(outcome.also(RecordKey::ClassRevision(number), Record::ClassRevision(revision)).warn(warnings))
    }

    /// A past announcement that is put on record now.
    fn is_history(&self) -> bool {
        self.announced_at.is_some() && !self.override_reason.is_empty()
    }

    /// Judges dates announced at `at`.
    fn check_dates(&self, old: ClassSchedule, new: ClassSchedule, at: DateTime<Utc>) -> Result<(), Refusal> {
        let ordered = |field: &str, sooner: Option<DateTime<Utc>>, later: Option<DateTime<Utc>>| match (sooner, later) {
            (Some(sooner), Some(later)) if later < sooner => {
                Err(Refusal::invalid(field, "comes too soon: the order is deprecation, creation cut-off, sunset"))
            }
            _ => Ok(()),
        };
        ordered("creation_cutoff_time", new.deprecated_at, new.cutoff_at)?;
        ordered("sunset_time", new.deprecated_at, new.sunset_at)?;
        ordered("sunset_time", new.cutoff_at, new.sunset_at)?;
        if new.deprecated_at.is_none() && (new.cutoff_at.is_some() || new.sunset_at.is_some()) {
            return Err(Refusal::invalid("deprecate_time", "must be known before a cut-off or a sunset is announced"));
        }
        // A deprecation takes nothing from anybody, so it may have begun before it is put on record.
        let dates =
            [("creation_cutoff_time", old.cutoff_at, new.cutoff_at), ("sunset_time", old.sunset_at, new.sunset_at)];
        for (field, old, new) in dates {
            // A sunset in the past would be one without notice (rule B75).
            if let Some(given) = new.filter(|given| Some(*given) != old && *given < at) {
                return Err(Refusal::InstantInPast { field, given });
            }
            let Some(given) = comes_earlier(old, new).filter(|_| self.override_reason.is_empty()) else { continue };
            if let Some(old) = old.filter(|_| self.earlier == Earlier::Refused) {
                return Err(Refusal::EarlierNotAccepted { field, given, announced: old });
            }
            let earliest = at + TimeDelta::days(EARLIER_NOTICE_DAYS);
            if given < earliest {
                return Err(Refusal::ClassNoticeTooShort { field, days: EARLIER_NOTICE_DAYS, earliest });
            }
        }
        Ok(())
    }
}
