//! The result of judging a command that is not refused.

use super::fact::Fact;
use super::name::VersionName;
use super::record::{Record, RecordKey};
use super::refusal::Refusal;

/// Accepted with an outcome, or refused with a reason.
pub type Judgement = Result<Outcome, Refusal>;

/// From when the effect of a command counts against other commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It does not depend on the instant of the commit.
    Independent,
    /// It begins at the instant of the commit, and nothing judged later may have been committed earlier.
    BeginsNow,
}

/// A version for which an accepted command did not do all that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// The version.
    pub version: VersionName,
    /// Why not.
    pub refusal: Refusal,
}

/// What an accepted command changes and records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// New records; empty only when everything is already as asked.
    pub writes: Vec<(RecordKey, Record)>,
    /// What happened; empty only when nothing did.
    pub facts: Vec<Fact>,
    /// The record that the reply shows, with its key.
    pub subject: (RecordKey, Record),
    /// What the actor should know, a sentence each.
    pub warnings: Vec<String>,
    /// What was asked for besides and is not granted.
    pub dropped: Vec<Dropped>,
    /// From when it counts.
    pub effect: Effect,
}

impl Outcome {
    /// One record written, one fact recorded; the reply shows the record.
    pub(super) fn write(key: RecordKey, record: Record, fact: Fact) -> Outcome {
        Outcome {
            writes: vec![(key.clone(), record.clone())],
            facts: vec![fact],
            subject: (key, record),
            warnings: Vec::new(),
            dropped: Vec::new(),
            effect: Effect::Independent,
        }
    }

    /// Everything is already as asked: the reply shows the record, nothing is written or recorded.
    pub(super) fn unchanged(key: RecordKey, record: Record) -> Outcome {
        Outcome {
            writes: Vec::new(),
            facts: Vec::new(),
            subject: (key, record),
            warnings: Vec::new(),
            dropped: Vec::new(),
            effect: Effect::Independent,
        }
    }

    /// Adds a further record.
    #[must_use]
    pub(super) fn also(mut self, key: RecordKey, record: Record) -> Outcome {
        self.writes.push((key, record));
        self
    }

    /// Both, as one: of two records under one key the later stays. The reply shows the record of the first.
    #[must_use]
    pub(super) fn and(mut self, later: Outcome) -> Outcome {
        self.writes.retain(|(key, _)| !later.writes.iter().any(|(written, _)| written == key));
        if let Some((_, record)) = later.writes.iter().find(|(key, _)| *key == self.subject.0) {
            self.subject.1 = record.clone();
        }
        self.writes.extend(later.writes);
        self.facts.extend(later.facts);
        self.warnings.extend(later.warnings);
        self.dropped.extend(later.dropped);
        self
    }

    /// Adds warnings.
    #[must_use]
    pub(super) fn warn(mut self, warnings: Vec<String>) -> Outcome {
        self.warnings = warnings;
        self
    }

    /// States from when it counts.
    #[must_use]
    pub(super) fn with_effect(mut self, effect: Effect) -> Outcome {
        self.effect = effect;
        self
    }
}
