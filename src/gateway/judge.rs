//! The one way from a question to a decision, whichever protocol it came by: judged, measured, counted. Who decides is the
//! hub, from its own table, or a replica of that table beside a gateway; to whoever asks they are one thing.

use std::cell::Cell;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use devhub_decision::{Decision, Facts, Limits, Question, decide};
use devhub_gateway::{Replica, Unready};

use super::decision_log::DecisionLog;
use crate::gateway::request::{Call, Misread, Reading};
use crate::hub::Hub;
use crate::telemetry::Metrics;

/// Judges the questions of gateways.
#[derive(Clone)]
pub struct Judge {
    bench: Bench,
    metrics: Metrics,
    log: Option<Arc<DecisionLog>>,
}

/// Who decides.
#[derive(Clone)]
enum Bench {
    /// A hub; answers are to be cached no longer than the limits say. It decides unless it was restored and that is not
    /// confirmed: while it cannot, nobody is let through to it.
    Hub { hub: Hub, limits: Limits },
    /// A replica, as long as its hub has said lately that it may. It counts calls of subscribers by itself.
    Replica(Replica),
}

impl Judge {
    /// Judges by the table of `hub`; answers are to be cached no longer than `limits` say.
    pub fn new(hub: Hub, limits: Limits, metrics: Metrics) -> Judge {
        Judge { bench: Bench::Hub { hub, limits }, metrics, log: None }
    }

    /// The same, which also writes samples of its decisions to `log`.
    pub fn logging(self, log: Option<Arc<DecisionLog>>) -> Judge {
        Judge { log, ..self }
    }

    /// Judges by what `replica` holds.
    pub fn of_replica(replica: Replica, metrics: Metrics) -> Judge {
        Judge { bench: Bench::Replica(replica), metrics, log: None }
    }

    /// The instant at which a question that comes in now is judged.
    pub fn now(&self) -> DateTime<Utc> {
        match &self.bench {
            Bench::Hub { hub, .. } => hub.now(),
            Bench::Replica(replica) => replica.instant(),
        }
    }

    /// Whether it judges at the moment. Asked before a call is read: what cannot be judged must not be denied either.
    ///
    /// # Errors
    /// When it does not.
    pub fn ready(&self) -> Result<(), Unready> {
        match &self.bench {
            Bench::Hub { .. } => self.confirmed(),
            Bench::Replica(replica) => replica.ready(),
        }
    }

    /// Refuses to decide by what was restored and nobody has confirmed.
    fn confirmed(&self) -> Result<(), Unready> {
        match &self.bench {
            Bench::Hub { hub, .. } if hub.is_held() => Err(Unready::Unconfirmed),
            Bench::Hub { .. } | Bench::Replica(_) => Ok(()),
        }
    }

    /// The question that a call asks, or why there is none.
    ///
    /// # Errors
    /// When it does not judge at the moment.
    pub fn read<'c>(&self, reading: &'c Reading, call: &Call<'c>) -> Result<Result<Question<'c>, Misread>, Unready> {
        let unready = Cell::new(None);
        let read = reading.read(call, &|context, environment| match &self.bench {
            Bench::Hub { hub, .. } => hub.table().has_api(context, environment),
            Bench::Replica(replica) => replica.has_api(context, environment).unwrap_or_else(|why| {
                unready.set(Some(why));
                false
            }),
        });
        unready.into_inner().map_or(Ok(read), Err)
    }

    /// Lends the decision about one question to `answer`. The table is locked meanwhile.
    ///
    /// # Errors
    /// When it does not judge at the moment.
    pub fn ask<R>(
        &self,
        question: &Question<'_>,
        now: DateTime<Utc>,
        answer: impl FnOnce(&Decision<'_>) -> R,
    ) -> Result<R, Unready> {
        self.confirmed()?;
        match &self.bench {
            Bench::Hub { hub, limits } => {
                Ok(hub.table().ask(question, |facts| answer(&self.decided(hub, *limits, question, facts, now))))
            }
            Bench::Replica(replica) => replica.decide_at(question, now, |decision| {
                self.metrics.decided(decision.reason);
                answer(decision)
            }),
        }
    }

    /// The same for many questions at one revision; `answer` gets the index of each.
    ///
    /// # Errors
    /// When it does not judge one of them at the moment: then it judges none.
    pub fn ask_all<R>(
        &self,
        questions: &[Question<'_>],
        now: DateTime<Utc>,
        mut answer: impl FnMut(usize, &Decision<'_>) -> R,
    ) -> Result<Vec<R>, Unready> {
        self.confirmed()?;
        match &self.bench {
            Bench::Hub { hub, limits } => Ok(hub.table().ask_all(questions, |index, facts| {
                answer(index, &self.decided(hub, *limits, &questions[index], facts, now))
            })),
            Bench::Replica(replica) => replica.decide_all_at(questions, now, |index, decision| {
                self.metrics.decided(decision.reason);
                answer(index, decision)
            }),
        }
    }

    /// Remembers that a call could not be judged.
    pub fn misread(&self, misread: &Misread) {
        self.metrics.misread(misread);
        if let Misread::Misconfigured { what } = misread {
            tracing::debug!(what, "a gateway asks so that nothing can be judged");
        }
    }

    /// Decides, and leaves behind what a hub keeps of an answer: that it was given, that a subscriber called, that an
    /// installation was used.
    fn decided<'f>(
        &self,
        hub: &Hub,
        limits: Limits,
        question: &Question<'_>,
        facts: &Facts<'f>,
        now: DateTime<Utc>,
    ) -> Decision<'f> {
        let decision = decide(facts, now, limits);
        self.metrics.decided(decision.reason);
        hub.usage().count(question, &decision, now);
        hub.first_uses().look(question, facts, &decision, now);
        if let Some(log) = &self.log {
            log.look(question, &decision, now);
        }
        decision
    }
}
