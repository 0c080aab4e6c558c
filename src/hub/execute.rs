//! The one way in which anything changes.

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};

use super::plan::Planned;
use super::{Failure, Hub};
use crate::domain::fact::{Fact, FactKind};
use crate::domain::name::RequestId;
use crate::domain::outcome::{self, Effect, Outcome};
use crate::domain::quota::Counted;
use crate::domain::record::Found;
use crate::domain::{Actor, Command, Record, RecordKey, Records, Refusal, Setting};
use crate::store::codec::{self, Answer as StoredAnswer};
use crate::store::{Batch, Expectation, Guard, Key, StoreError, Verdict, Versioned, Write};
use crate::wire::reason;

/// How often a command is judged again because others changed what it depends on.
const ATTEMPTS_MAX: usize = 32;

/// Longest reason of a recorded refusal, in characters: it may quote what the caller sent.
const REASON_CHARS_MAX: usize = 500;

/// How long the answer to a request id is kept.
pub(super) const ANSWER_KEPT: TimeDelta = TimeDelta::hours(24);

/// How a command came in.
#[derive(Debug, Clone)]
pub struct Request {
    /// Makes the command repeatable: a replay within 24 hours returns the first answer.
    pub id: Option<RequestId>,
    /// SHA-256 of method, actor and request, to tell a replay from another request under the same id.
    pub fingerprint: [u8; 32],
    /// Whether to change anything.
    pub mode: Mode,
    /// The plan that the caller was shown: refuse if what it stands on is different now.
    pub plan: Option<Planned>,
    /// A condition on what the command was made of: when it does not hold any more at the commit, nothing is done.
    pub guard: Option<Guard>,
}

impl Request {
    /// A request that changes things and cannot be repeated.
    pub const fn once() -> Request {
        Request { id: None, fingerprint: [0; 32], mode: Mode::Commit, plan: None, guard: None }
    }
}

/// Whether a command changes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Judge and commit.
    Commit,
    /// Judge only.
    ValidateOnly,
}

/// What became of an accepted command.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The record that the reply shows.
    pub subject: Record,
    /// Revision of the commit; when nothing was committed, that of the record as it is, 0 if there is none. Also the etag.
    pub revision: u64,
    /// The instant of the judgement: what the reply computes from the clock, it computes from this.
    pub at: DateTime<Utc>,
    /// What the actor should know, a sentence each.
    pub warnings: Vec<String>,
    /// What was asked for besides and was not granted.
    pub dropped: Vec<codec::Dropped>,
    /// Live subscriptions to the version concerned, if it is about one environment of a version.
    pub affected: u64,
    /// What was done.
    pub done: Done,
}

/// What became of an accepted command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// It was committed, now or when its request id was first used.
    Committed,
    /// It would be committed: it was judged only.
    Judged,
    /// Everything is already as asked.
    AlreadySo,
}

/// What was loaded for one judgement.
pub(super) struct Loaded {
    pub(super) records: Records,
    expectations: Vec<(Key, Expectation)>,
    answer: Option<(u64, StoredAnswer)>,
}

/// What is told, and kept, of what was not granted.
fn dropped(dropped: &outcome::Dropped) -> codec::Dropped {
    codec::Dropped {
        version: dropped.version.clone(),
        reason: reason::name(reason::reason(&dropped.refusal)).to_owned(),
        sentence: dropped.refusal.to_string(),
    }
}

/// The records of keys, with what was found under each.
fn decoded(keys: Vec<RecordKey>, found: Vec<Option<Versioned>>) -> Result<Vec<(RecordKey, Found)>, Failure> {
    let mut records = Vec::with_capacity(keys.len());
    for (key, found) in keys.into_iter().zip(found) {
        let record = match found {
            Some(value) => Some((value.revision, codec::decode_record(&value.value)?)),
            None => None,
        };
        records.push((key, record));
    }
    Ok(records)
}

fn expectation(found: Option<&Versioned>) -> Expectation {
    found.map_or(Expectation::Absent, |found| Expectation::At(found.revision))
}

impl Hub {
    /// Judges a command and commits its outcome.
    ///
    /// The work goes on when the caller goes away: a command is done whole or not at all.
    ///
    /// # Errors
    /// When the command is refused, or the store cannot take it.
    pub async fn execute(&self, actor: Actor, command: Command, request: Request) -> Result<Answer, Failure> {
        // Not recorded: whoever is too fast would have the journal grow at any speed.
        self.0.change_rate.begin(&actor, self.now())?;
        let hub = self.clone();
        let work = tokio::spawn(async move { hub.run(&actor, &command, &request).await });
        work.await.unwrap_or(Err(Failure::Defect))
    }

    async fn run(&self, actor: &Actor, command: &Command, request: &Request) -> Result<Answer, Failure> {
        let mut turn = None;
        for _ in 0..ATTEMPTS_MAX {
            let loaded = self.load(command, Command::gated_by(actor), request)?;
            // Read after the records: whoever sees a version deprecated from an instant on is judged after that instant.
            let now = self.0.instants.next();
            if let Some((revision, answer)) = loaded.answer
                && now - answer.answered_at < ANSWER_KEPT
            {
                if answer.fingerprint != request.fingerprint {
                    self.record_refusal(actor, command, request, &Refusal::RequestIdReused, now).await;
                    return Err(Refusal::RequestIdReused.into());
                }
                return Ok(Answer {
                    subject: answer.subject,
                    revision,
                    at: answer.answered_at,
                    warnings: answer.warnings,
                    dropped: answer.dropped,
                    affected: answer.affected,
                    done: Done::Committed,
                });
            }
            // What belongs to others is refused by the judgement, not by what has happened to it.
            if let Some(plan) = &request.plan
                && command.seen_by(actor, &loaded.records).is_everything()
                && let Err(refusal) = self.check_plan(plan, command, &loaded.records, now)
            {
                if request.mode == Mode::Commit {
                    self.record_refusal(actor, command, request, &refusal, now).await;
                }
                return Err(refusal.into());
            }
            let setting = Setting { actor, now, rules: self.rules() };
            let counted = command.counted(actor, &loaded.records);
            let within = |outcome: Outcome| {
                let quotas = &self.rules().quotas;
                let adds = if outcome.writes.is_empty() { &[] } else { &*counted };
                adds.iter().try_for_each(|counted| counted.one_more(self.index().count(counted), quotas))?;
                Ok(outcome)
            };
            let outcome = match command.judge(&loaded.records, &setting).and_then(within) {
                Ok(outcome) => outcome,
                Err(refusal) => {
                    if request.mode == Mode::Commit {
                        let told = command.true_refusal(&loaded.records, &setting);
                        self.record_refusal(actor, command, request, told.as_ref().unwrap_or(&refusal), now).await;
                    }
                    return Err(refusal.into());
                }
            };
            let answer = self.answer(command, &outcome, &loaded.records, now);
            if answer.done == Done::AlreadySo || request.mode == Mode::ValidateOnly {
                return Ok(answer);
            }
            let guard = self.within_quotas(request, counted);
            let batch = batch(actor, request, guard, &outcome, &answer, loaded.expectations, now);
            match self.0.store.commit(batch).await? {
                Verdict::Committed(revision) => return Ok(Answer { revision, done: Done::Committed, ..answer }),
                // What the command was made of is over: judging it again would not make it any better.
                Verdict::Conflict if request.guard.as_ref().is_some_and(|guard| !guard.0()) => break,
                // Whoever lost once takes turns with the other losers, so that one of them wins each time.
                Verdict::Conflict if turn.is_none() => turn = Some(self.0.turns.take(command).await),
                Verdict::Conflict => {}
            }
        }
        Err(Failure::Contention)
    }

    /// Reads what the judgement depends on. Each record is current at some moment of this call; that they fit together
    /// is what the expectations of the commit make sure of.
    pub(super) fn load(
        &self,
        command: &Command,
        gate: Option<RecordKey>,
        request: &Request,
    ) -> Result<Loaded, Failure> {
        let mut keys: Vec<RecordKey> = Vec::new();
        for key in command.reads().into_iter().chain(gate) {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        let mut encoded: Vec<Key> = keys.iter().map(codec::encode_key).collect();
        encoded.extend(request.id.as_ref().map(StoredAnswer::key));
        let mut found = self.0.store.get(&encoded)?;
        let mut expectations: Vec<_> =
            encoded.into_iter().zip(&found).map(|(key, found)| (key, expectation(found.as_ref()))).collect();
        let answer = match request.id.as_ref().and_then(|_| found.pop()).flatten() {
            Some(value) => Some((value.revision, StoredAnswer::decode(&value.value)?)),
            None => None,
        };
        let mut records = Records::new(decoded(keys, found)?);
        let mut further = command.follows(&records);
        further.retain(|key| !records.has(key));
        if !further.is_empty() {
            let encoded: Vec<Key> = further.iter().map(codec::encode_key).collect();
            let found = self.0.store.get(&encoded)?;
            expectations.extend(encoded.into_iter().zip(&found).map(|(key, found)| (key, expectation(found.as_ref()))));
            records = records.and(decoded(further, found)?);
        }
        Ok(Loaded { records, expectations, answer })
    }

    fn answer(&self, command: &Command, outcome: &Outcome, records: &Records, now: DateTime<Utc>) -> Answer {
        let affected = if let Command::ChangeLifecycle(command) = command {
            self.index().concerned_at(&command.targets(), now)
        } else {
            0
        };
        Answer {
            subject: outcome.subject.1.clone(),
            revision: records.revision(&outcome.subject.0).unwrap_or_default(),
            at: now,
            warnings: outcome.warnings.clone(),
            dropped: outcome.dropped.iter().map(dropped).collect(),
            affected,
            done: if outcome.facts.is_empty() { Done::AlreadySo } else { Done::Judged },
        }
    }

    /// The condition under which the command may be committed: that of the request, and that others did not use up what is
    /// counted meanwhile. Of two for the last place one finds the other there, and is judged again.
    fn within_quotas(&self, request: &Request, counted: Vec<Counted>) -> Option<Guard> {
        let guard = request.plan.as_ref().map(|plan| plan.guard.clone()).or_else(|| request.guard.clone());
        if counted.is_empty() {
            return guard;
        }
        let (index, quotas) = (Arc::clone(&self.0.index), self.rules().quotas);
        Some(Guard(Arc::new(move || {
            guard.as_ref().is_none_or(|guard| guard.0())
                && counted.iter().all(|counted| counted.one_more(index.count(counted), &quotas).is_ok())
        })))
    }

    /// Leaves a fact that a command was refused (rule B92). The refusal stands even if it cannot be recorded: a full
    /// disk must not turn a "no" into an error.
    async fn record_refusal(
        &self,
        actor: &Actor,
        command: &Command,
        request: &Request,
        refusal: &Refusal,
        now: DateTime<Utc>,
    ) {
        let why: String = refusal.to_string().chars().take(REASON_CHARS_MAX).collect();
        let fact = Fact::new(FactKind::CommandRefused, command.subject()).because(&why);
        let refused = (command.name(), reason::name(reason::reason(refusal)));
        let facts = vec![codec::encode_fact(&fact, actor, request.id.as_ref(), Some(refused))];
        let batch =
            Batch { instant: now, expectations: Vec::new(), after_all: false, guard: None, writes: Vec::new(), facts };
        match self.0.store.commit(batch).await {
            Ok(Verdict::Committed(_)) => {}
            Ok(Verdict::Conflict) => tracing::error!("a batch without expectations met a conflict"),
            Err(error) => tracing::warn!(%error, command = command.name(), "a refused command was not recorded"),
        }
    }

    /// Commits facts and writes that no command stands behind, for housekeeping.
    pub(super) async fn commit_plain(
        &self,
        writes: Vec<Write>,
        expectations: Vec<(Key, Expectation)>,
        facts: Vec<Bytes>,
    ) -> Result<Verdict, StoreError> {
        let instant = self.0.instants.next();
        self.0.store.commit(Batch { instant, expectations, after_all: false, guard: None, writes, facts }).await
    }
}

/// The commit of an accepted command: its records, its facts and, if it is repeatable, its answer.
fn batch(
    actor: &Actor,
    request: &Request,
    guard: Option<Guard>,
    outcome: &Outcome,
    answer: &Answer,
    expectations: Vec<(Key, Expectation)>,
    now: DateTime<Utc>,
) -> Batch {
    let mut writes: Vec<Write> = outcome
        .writes
        .iter()
        .map(|(key, record)| Write { key: codec::encode_key(key), value: Some(codec::encode_record(record)) })
        .collect();
    if let Some(id) = &request.id {
        let stored = StoredAnswer {
            fingerprint: request.fingerprint,
            answered_at: now,
            subject: answer.subject.clone(),
            warnings: answer.warnings.clone(),
            dropped: answer.dropped.clone(),
            affected: answer.affected,
        };
        writes.push(Write { key: StoredAnswer::key(id), value: Some(stored.encode()) });
    }
    for write in &writes {
        debug_assert!(
            write
                .value
                .as_ref()
                .is_none_or(|value| codec::key_kind(&write.key) == Some(codec::Kind::Answer)
                    || codec::decode_record(value).is_ok()),
            "what is written can be read"
        );
    }
    let facts = outcome.facts.iter().map(|fact| codec::encode_fact(fact, actor, request.id.as_ref(), None)).collect();
    Batch { instant: now, expectations, after_all: outcome.effect == Effect::BeginsNow, guard, writes, facts }
}
