//! What gateway services ask of a follower besides single decisions: whether it decides at all, which contexts are APIs,
//! and many questions at one revision.

use std::time::Duration;

use chrono::{DateTime, Utc};
use devhub_decision::{Decision, Environment, Facts, Limits, Question, decide};

use super::{Follower, Held};
use crate::health::{Health, Unready};

impl Follower {
    /// Whether it decides at this reading of the clock that nobody sets. Asked once for a call that comes in, and counted
    /// as a call that is not decided if it does not.
    ///
    /// # Errors
    /// When it does not.
    pub fn ready(&self, elapsed: Duration) -> Result<(), Unready> {
        self.lend(elapsed, 1, |_, _| ())
    }

    /// Whether an API lies at this context. It is not known of the other environment, and of none where only some are
    /// followed: a path could name one of the others.
    ///
    /// # Errors
    /// When it does not decide: then it does not know either.
    pub fn has_api(&self, context: &str, environment: Environment, elapsed: Duration) -> Result<bool, Unready> {
        self.is_ours(environment, 1)?;
        if !self.contexts.is_empty() {
            self.counters.stand_aside(Unready::OtherContext, 1);
            return Err(Unready::OtherContext);
        }
        self.lend(elapsed, 1, |held, _| held.table.has_api(context, environment))
    }

    /// Judges many calls at one revision, as [`Follower::decide`] judges one: all of them or none.
    ///
    /// # Errors
    /// When it does not decide one of them.
    pub fn decide_all<R>(
        &self,
        questions: &[Question<'_>],
        now: DateTime<Utc>,
        elapsed: Duration,
        mut answer: impl FnMut(usize, &Facts<'_>, &Decision<'_>) -> R,
    ) -> Result<Vec<R>, Unready> {
        let many = questions.len() as u64;
        for question in questions {
            self.is_ours(question.environment, many)?;
            self.is_followed(question.context, many)?;
        }
        let stale = self.health(elapsed) == Health::Stale;
        let answers = self.lend(elapsed, many, |held, limits| {
            let now = now.max(held.latest);
            held.table.ask_all(questions, |index, facts| {
                let decision = decide(facts, now, limits);
                self.counters.decide(decision.reason);
                answer(index, facts, &decision)
            })
        })?;
        self.counters.decided_stale.add(if stale { many } else { 0 });
        Ok(answers)
    }

    /// Of the other environment nothing is known; that many calls are not decided then.
    pub(super) fn is_ours(&self, environment: Environment, calls: u64) -> Result<(), Unready> {
        if environment == self.environment {
            return Ok(());
        }
        self.counters.stand_aside(Unready::OtherEnvironment, calls);
        Err(Unready::OtherEnvironment)
    }

    /// Of APIs that are not followed there are no rows, which says nothing about them.
    pub(super) fn is_followed(&self, context: &str, calls: u64) -> Result<(), Unready> {
        if self.contexts.is_empty() || self.contexts.contains(context) {
            return Ok(());
        }
        self.counters.stand_aside(Unready::OtherContext, calls);
        Err(Unready::OtherContext)
    }

    /// Lends what may be decided from; if nothing may, that many calls are not decided.
    fn lend<R>(&self, elapsed: Duration, calls: u64, look: impl FnOnce(&Held, Limits) -> R) -> Result<R, Unready> {
        let held = self.held.read();
        let unready = match (self.health_of(&held, elapsed), held.limits) {
            (Health::Serving | Health::Stale, Some(limits)) => return Ok(look(&held, limits)),
            (Health::Serving | Health::Stale, None) => Unready::NoSnapshot,
            (Health::Unready(unready), _) => unready,
        };
        self.counters.stand_aside(unready, calls);
        Err(unready)
    }
}
