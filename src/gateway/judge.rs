//! The one way from a question to a decision, whichever protocol it came by: judged, measured, counted.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use devhub_decision::{Decision, Facts, Limits, Question, decide};

use super::decision_log::DecisionLog;
use crate::gateway::request::Misread;
use crate::hub::Hub;
use crate::telemetry::Metrics;

/// Judges the questions of gateways.
#[derive(Clone)]
pub struct Judge {
    hub: Hub,
    limits: Limits,
    metrics: Metrics,
    log: Option<Arc<DecisionLog>>,
}

impl Judge {
    /// Judges by the table of `hub`; answers are to be cached no longer than `limits` say.
    pub fn new(hub: Hub, limits: Limits, metrics: Metrics) -> Judge {
        Judge { hub, limits, metrics, log: None }
    }

    /// The same, which also writes samples of its decisions to `log`.
    pub fn logging(self, log: Option<Arc<DecisionLog>>) -> Judge {
        Judge { log, ..self }
    }

    /// The hub that is asked.
    pub fn hub(&self) -> &Hub {
        &self.hub
    }

    /// How long answers may be cached.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Lends the decision about one question to `answer`. The table is locked meanwhile.
    pub fn ask<R>(&self, question: &Question<'_>, now: DateTime<Utc>, answer: impl FnOnce(&Decision<'_>) -> R) -> R {
        self.hub.table().ask(question, |facts| answer(&self.decide(question, facts, now)))
    }

    /// The same for many questions at one revision; `answer` gets the index of each.
    pub fn ask_all<R>(
        &self,
        questions: &[Question<'_>],
        now: DateTime<Utc>,
        mut answer: impl FnMut(usize, &Decision<'_>) -> R,
    ) -> Vec<R> {
        self.hub.table().ask_all(questions, |index, facts| answer(index, &self.decide(&questions[index], facts, now)))
    }

    /// Remembers that a call could not be judged.
    pub fn misread(&self, misread: &Misread) {
        self.metrics.misread(misread);
        if let Misread::Misconfigured { what } = misread {
            tracing::debug!(what, "a gateway asks so that nothing can be judged");
        }
    }

    /// Decides, and leaves behind what is kept of an answer: that it was given, that a subscriber called, that an
    /// installation was used.
    fn decide<'f>(&self, question: &Question<'_>, facts: &Facts<'f>, now: DateTime<Utc>) -> Decision<'f> {
        let decision = decide(facts, now, self.limits);
        self.metrics.decided(decision.reason);
        self.hub.usage().count(question, &decision, now);
        self.hub.first_uses().look(question, facts, &decision, now);
        if let Some(log) = &self.log {
            log.look(question, &decision, now);
        }
        decision
    }
}
