//! The one way in which a lifecycle changes: versions, operations and namespaces, one or many at once.
//!
//! A change names a target and a step. `dates` judges the step on the target's timetable, whatever the target is;
//! `demands` says what a policy demands of dates, `announced` from when notice of them counts; `target` finds the timetable
//! and puts the new one back, with a revision in the ledger. A command carries up to [`CHANGES_MAX`] changes and is
//! committed whole or not at all.

mod announced;
mod dates;
mod demands;
mod successor;
mod target;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use devhub_decision::{Brownout, Maturity};

use super::fact::Subject;
use super::ledger::{OperationName, Target};
use super::name::{Context, VersionName, Zone};
use super::outcome::{Effect, Judgement, Outcome};
use super::record::{RecordKey, Records};
use super::refusal::Refusal;
use super::setting::Setting;

pub(super) use announced::Announced;
pub(super) use demands::{check_dates, check_notice, check_sunset};
pub use demands::{check_order, suggested_retirement};
pub(super) use successor::{check_successor, name_successor, successor_keys, successor_warnings};
pub(super) use target::published;

/// Most changes of one command.
pub const CHANGES_MAX: usize = 100;

/// A new value for a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewDate {
    /// The one it has.
    Keep,
    /// Not known yet; for a date that may be missing, none.
    ToBeAnnounced,
    /// This one.
    At(DateTime<Utc>),
}

/// Where to move to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Successor {
    /// A version.
    Version(VersionName),
    /// An operation, and where it is documented; empty for nowhere.
    Operation(OperationName, String),
    /// A namespace, and where it is documented; empty for nowhere.
    Namespace(Context, String),
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Raise the maturity of a version.
    Promote {
        /// The new maturity.
        maturity: Maturity,
        /// Show the endpoints as enabled from now on.
        endpoints_enabled: bool,
    },
    /// Plan or begin a deprecation.
    Deprecate {
        /// First instant of DEPRECATED; `None` means the instant of the commit.
        deprecated_at: Option<DateTime<Utc>>,
        /// First instant of a gradual sunset.
        sunset_begins_at: Option<DateTime<Utc>>,
        /// First instant of RETIRED; `None` means to be announced.
        retires_at: Option<DateTime<Utc>>,
    },
    /// Change dates.
    Revise {
        /// First instant of DEPRECATED.
        deprecated: NewDate,
        /// First instant of a gradual sunset.
        sunset_begins: NewDate,
        /// First instant of RETIRED.
        retires: NewDate,
    },
    /// Plan or begin a retirement.
    Retire {
        /// First instant of RETIRED; `None` means the instant of the commit.
        retires_at: Option<DateTime<Utc>>,
    },
    /// Take back the end that is planned or begun (rule B35).
    Withdraw,
    /// Bring back what is retired.
    Reinstate {
        /// First instant of the next retirement.
        retires: NewDate,
    },
    /// Plan a short denial.
    ScheduleBrownout(Brownout),
    /// Cancel a short denial.
    CancelBrownout {
        /// Its first instant.
        from: DateTime<Utc>,
    },
}

/// One step for one target.
#[derive(Debug, Clone)]
pub struct LifecycleChange {
    /// What it is about.
    pub target: Target,
    /// The APIs in a namespace; empty for other targets. Their policies say what is allowed.
    pub members: Vec<Context>,
    /// What to do.
    pub step: Step,
    /// Where to move to; `None` keeps what is named.
    pub successor: Option<Successor>,
    /// Why.
    pub reason: String,
    /// Why less time than the policy demands is acceptable; empty to accept none.
    pub override_reason: String,
    /// When it was made public, if not with the commit. Stated for the first entry of a target's ledger, its dates may lie
    /// in the past: what was announced before there was a ledger.
    pub announced_at: Option<DateTime<Utc>>,
    /// The zone of the announcement.
    pub zone: Option<Zone>,
    /// The revision last read, if the change depends on it.
    pub etag: Option<u64>,
}

impl LifecycleChange {
    /// A change of `target` without anything that may be left out.
    pub fn new(target: Target, step: Step) -> LifecycleChange {
        LifecycleChange {
            target,
            members: Vec::new(),
            step,
            successor: None,
            reason: String::new(),
            override_reason: String::new(),
            announced_at: None,
            zone: None,
            etag: None,
        }
    }

    /// The key of the record that holds the target's dates.
    pub fn record(&self) -> RecordKey {
        match &self.target {
            Target::Version(name, _) => RecordKey::Version(name.clone()),
            Target::Operation(operation, _) => RecordKey::Version(operation.version.clone()),
            Target::Namespace(namespace, _) => RecordKey::Namespace(namespace.clone()),
        }
    }

    fn reads(&self) -> impl Iterator<Item = RecordKey> + '_ {
        let successor = match &self.successor {
            Some(Successor::Version(name)) => Some(name),
            Some(Successor::Operation(operation, _)) => Some(&operation.version),
            Some(Successor::Namespace(..)) | None => None,
        };
        let successor = successor.into_iter().flat_map(successor_keys);
        [self.record()].into_iter().chain(successor).chain(self.members.iter().cloned().map(RecordKey::Api))
    }

    /// Judges this change alone.
    fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        setting.publisher("change a lifecycle")?;
        setting.may_override(&self.override_reason)?;
        records.check_etag(&self.record(), self.etag)?;
        target::judge(self, records, setting)
    }
}

/// Command: change lifecycles, all or none.
#[derive(Debug, Clone)]
pub struct ChangeLifecycle {
    /// 1 to [`CHANGES_MAX`] changes, judged in this order, each as if those before it had happened.
    pub changes: Vec<LifecycleChange>,
}

impl From<LifecycleChange> for ChangeLifecycle {
    fn from(change: LifecycleChange) -> ChangeLifecycle {
        ChangeLifecycle { changes: vec![change] }
    }
}

impl ChangeLifecycle {
    pub(super) fn reads(&self) -> Vec<RecordKey> {
        self.changes.iter().flat_map(LifecycleChange::reads).collect()
    }

    /// What the changes are about, each target once, in order.
    pub fn targets(&self) -> BTreeSet<Target> {
        self.changes.iter().map(|change| change.target.clone()).collect()
    }

    pub(super) fn subject(&self) -> Subject {
        self.changes.first().map(|change| change.target.subject()).unwrap_or_default()
    }

    /// What would become of each change, in order. One after a refused one is judged as if that one had not been asked
    /// for.
    pub fn rehearse(&self, records: &Records, setting: &Setting<'_>) -> Vec<Judgement> {
        let mut records = records.clone();
        let mut judgements = Vec::with_capacity(self.changes.len());
        for change in &self.changes {
            let judgement = change.judge(&records, setting);
            if let Ok(outcome) = &judgement {
                records = records.after(&outcome.writes);
            }
            judgements.push(judgement);
        }
        judgements
    }

    pub(super) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        let mut whole: Option<Outcome> = None;
        for (position, judgement) in self.rehearse(records, setting).into_iter().enumerate() {
            let outcome = judgement.map_err(|refusal| match self.changes.len() {
                1 => refusal,
                _ => Refusal::InBatch {
                    position,
                    target: self.changes[position].target.to_string(),
                    refusal: Box::new(refusal),
                },
            })?;
            whole = Some(match whole {
                Some(before) => before.and(outcome),
                None => outcome,
            });
        }
        let outcome = whole.ok_or(Refusal::NothingToDo("no change was asked for; name at least one"))?;
        // The effect may begin at once, and a subscription judged later must not have been committed earlier.
        Ok(outcome.with_effect(Effect::BeginsNow))
    }
}
