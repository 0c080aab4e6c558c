//! Housekeeping: forgets answers to request ids that nobody will repeat. Nothing depends on it but disk space: an old
//! answer is not used even while it is still there.

use bytes::Bytes;

use super::execute::ANSWER_KEPT;
use super::{Failure, Hub};
use crate::domain::Actor;
use crate::domain::fact::{Fact, FactKind, Subject};
use crate::store::codec::{self, Answer, Kind};
use crate::store::{Expectation, Verdict, Write};

/// Answers looked at, and forgotten at most, in one commit.
const STEP: usize = 500;

impl Hub {
    /// Forgets answers older than 24 hours; returns how many.
    ///
    /// # Errors
    /// When the store cannot be read or written. What was forgotten until then stays forgotten.
    pub async fn forget_old_answers(&self) -> Result<u64, Failure> {
        let mut forgotten = 0;
        let mut after: Option<Bytes> = None;
        loop {
            let now = self.now();
            let found = self.0.store.scan(&[Kind::Answer.byte()], after.as_deref(), STEP)?;
            let complete = found.len() < STEP;
            after = found.last().map(|(key, _)| key.clone());
            let (mut writes, mut expectations) = (Vec::new(), Vec::new());
            for (key, value) in found {
                if now - Answer::decode(&value.value)?.answered_at >= ANSWER_KEPT {
                    expectations.push((key.clone(), Expectation::At(value.revision)));
                    writes.push(Write { key, value: None });
                }
            }
            if !writes.is_empty() {
                let count = writes.len() as u64;
                let fact = Fact::new(FactKind::AnswersForgotten, Subject::default()).change("answers", count, 0);
                let actor = Actor::Process("housekeeping".into());
                let facts = vec![codec::encode_fact(&fact, &codec::By::process(&actor), None)];
                match self.commit_plain(writes, expectations, facts).await? {
                    Verdict::Committed(_) => forgotten += count,
                    // An answer was replaced meanwhile: the next round will see.
                    Verdict::Conflict => {}
                }
            }
            if complete {
                return Ok(forgotten);
            }
        }
    }
}
