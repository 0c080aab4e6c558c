//! Judging one group: which of its batches take effect, under which revisions.
//!
//! The batches are judged one after the other, each against the current state as changed by those before it, exactly as
//! if each had been alone. Nothing has happened yet when a round ends: the engine still has to make it durable.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::queue::{Answer, Waiting};
use super::{Batch, Commit, Expectation, Head, Key, Revision, StoreError, Verdict, Versioned};

/// Keys and what they hold after a group; `None` is a removed key.
pub(crate) type Changed = BTreeMap<Key, Option<Versioned>>;

/// A judged group.
pub(crate) struct Round {
    /// The batches that take effect, in order.
    pub(crate) commits: Vec<Commit>,
    /// The state after all of them, as far as they changed it.
    pub(crate) changed: Changed,
    /// The latest instant after all of them.
    pub(crate) latest: DateTime<Utc>,
    /// What to answer once the commits are durable.
    answers: Vec<(Answer, Result<Verdict, StoreError>)>,
}

impl Round {
    /// Judges `group` against the state that `current` reads and that `head` names.
    pub(crate) fn judge(
        group: Vec<Waiting>,
        head: &Head,
        current: &dyn Fn(&Key) -> Result<Option<Versioned>, StoreError>,
    ) -> Self {
        let mut round = Self {
            commits: Vec::with_capacity(group.len()),
            changed: Changed::new(),
            latest: head.instant,
            answers: Vec::with_capacity(group.len()),
        };
        let mut next = head.revision + 1;
        for Waiting { batch, answer, .. } in group {
            let verdict = match round.holds(&batch, current) {
                Ok(true) => {
                    round.accept(batch, next);
                    next += 1;
                    Ok(Verdict::Committed(next - 1))
                }
                Ok(false) => Ok(Verdict::Conflict),
                Err(error) => Err(error),
            };
            round.answers.push((answer, verdict));
        }
        round
    }

    fn holds(
        &self,
        batch: &Batch,
        current: &dyn Fn(&Key) -> Result<Option<Versioned>, StoreError>,
    ) -> Result<bool, StoreError> {
        if batch.after_all && batch.instant <= self.latest {
            return Ok(false);
        }
        debug_assert!(batch.guard.is_none() || self.commits.is_empty(), "a guarded batch begins its group");
        if batch.guard.as_ref().is_some_and(|guard| !(guard.0)()) {
            return Ok(false);
        }
        for (key, expectation) in &batch.expectations {
            let revision = match self.changed.get(key) {
                Some(changed) => changed.as_ref().map(|versioned| versioned.revision),
                None => current(key)?.map(|versioned| versioned.revision),
            };
            let wanted = match expectation {
                Expectation::Absent => None,
                Expectation::At(revision) => Some(*revision),
            };
            if revision != wanted {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn accept(&mut self, batch: Batch, revision: Revision) {
        let Batch { instant, writes, facts, .. } = batch;
        for write in &writes {
            let after = write.value.clone().map(|value| Versioned { revision, value });
            self.changed.insert(write.key.clone(), after);
        }
        self.latest = self.latest.max(instant);
        self.commits.push(Commit { revision, instant, writes, facts });
    }

    /// Gives every caller its verdict, in order.
    pub(crate) fn answer(self) {
        for (answer, verdict) in self.answers {
            send(answer, verdict);
        }
    }

    /// Tells every caller that the group failed: `written` to those whose batch was in it, `others` to the rest. Even a
    /// conflict is not answered as one, since it may stand on a batch that did not take effect.
    pub(crate) fn fail(self, written: &StoreError, others: &StoreError) {
        for (answer, verdict) in self.answers {
            let error = match verdict {
                Ok(Verdict::Committed(_)) => written.clone(),
                Ok(Verdict::Conflict) => others.clone(),
                Err(error) => error,
            };
            send(answer, Err(error));
        }
    }
}

/// Answers a whole group that was not judged.
pub(crate) fn refuse(group: Vec<Waiting>, error: &StoreError) {
    for waiting in group {
        send(waiting.answer, Err(error.clone()));
    }
}

/// A caller that went away has no use for its answer; the batch took effect all the same.
fn send(answer: Answer, result: Result<Verdict, StoreError>) {
    drop(answer.send(result));
}
