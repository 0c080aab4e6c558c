//! The one way in which anything changes.

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};

use super::plan::Planned;
use super::proposing::{Asked, Weighed, Word};
use super::{Failure, Hub};
use crate::domain::fact::{Fact, FactKind, Subject};
use crate::domain::name::RequestId;
use crate::domain::outcome::{self, Effect, Outcome};
use crate::domain::quota::Counted;
use crate::domain::record::Found;
use crate::domain::setting::Consent;
use crate::domain::{Actor, Command, Record, RecordKey, Records, Refusal, Setting};
use crate::store::codec::{self, Answer as StoredAnswer, By};
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
    /// The request, as it came, for commands that one person alone must not do.
    pub asked: Option<Asked>,
    /// That somebody agrees to the command, which is one that was proposed.
    pub word: Option<Word>,
    /// The portal through which the actor came, if he came through one.
    pub via: Option<Box<str>>,
}

impl Request {
    /// A request that changes things and cannot be repeated.
    pub const fn once() -> Request {
        Request {
            id: None,
            fingerprint: [0; 32],
            mode: Mode::Commit,
            plan: None,
            guard: None,
            asked: None,
            word: None,
            via: None,
        }
    }

    /// What the facts of the command say of where it came from.
    fn by<'b>(&'b self, actor: &'b Actor) -> By<'b> {
        By { actor, via: self.via.as_deref(), request_id: self.id.as_ref() }
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

    pub(super) async fn run(&self, actor: &Actor, command: &Command, request: &Request) -> Result<Answer, Failure> {
        let mut turn = None;
        for _ in 0..ATTEMPTS_MAX {
            let loaded = self.load(command, Command::gated_by(actor), request)?;
            let aside = self.load_aside(request)?;
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
            let setting = Setting { actor, now, rules: self.rules(), consent: Consent::Alone };
            let counted = command.counted(actor, &loaded.records);
            let weighed = self.weigh(command, request, &loaded.records, &aside, &setting);
            let weighed = match weighed.and_then(|weighed| self.within_quotas(weighed, &counted)) {
                Ok(weighed) => weighed,
                Err(refusal) => {
                    if request.mode == Mode::Commit {
                        let told = command.true_refusal(&loaded.records, &setting);
                        let who = request.word.as_ref().map_or(actor, |word| &word.by);
                        self.record_refusal(who, command, request, told.as_ref().unwrap_or(&refusal), now).await;
                    }
                    return Err(refusal.into());
                }
            };
            let mut answer = self.answer(command, &weighed.outcome, &loaded.records, now);
            if let Some((danger, shown)) = weighed.danger {
                if request.mode == Mode::Commit {
                    return Err(self.propose(actor, command, request, &weighed.outcome, (danger, shown)).await);
                }
                answer.warnings.push(format!("{} takes two persons: it would wait as a proposal", danger.noun()));
            }
            if answer.done == Done::AlreadySo || request.mode == Mode::ValidateOnly {
                return Ok(answer);
            }
            let expectations = loaded.expectations.into_iter().chain(aside.expectations).collect();
            let guard = self.conditions(request, weighed.guard.clone(), counted);
            let batch = batch(actor, request, guard, &weighed, &answer, expectations, now);
            match self.0.store.commit(batch).await? {
                Verdict::Committed(revision) => {
                    self.release(command);
                    return Ok(Answer { revision, done: Done::Committed, ..answer });
                }
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

    /// The records of keys, and what the commit expects of them.
    pub(super) fn load_keys(&self, keys: Vec<RecordKey>) -> Result<(Records, Vec<(Key, Expectation)>), Failure> {
        let encoded: Vec<Key> = keys.iter().map(codec::encode_key).collect();
        let found = self.0.store.get(&encoded)?;
        let expectations =
            encoded.into_iter().zip(&found).map(|(key, found)| (key, expectation(found.as_ref()))).collect();
        Ok((Records::new(decoded(keys, found)?), expectations))
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

    /// Leaves facts of how many refused commands were not recorded one by one, whose time has come; at the end, of all.
    ///
    /// # Errors
    /// When they could not be recorded: they are not told any more.
    pub async fn note_refusals(&self, now: Option<DateTime<Utc>>) -> Result<(), StoreError> {
        let told = self.0.refusals.left_out(now);
        let facts: Vec<Bytes> = told.iter().map(|(actor, count)| left_out(actor, *count)).collect();
        if !facts.is_empty() {
            self.commit_plain(Vec::new(), Vec::new(), facts).await?;
        }
        Ok(())
    }

    /// What a command comes to, if its owners may have one more of all that it adds to.
    fn within_quotas(&self, weighed: Weighed, counted: &[Counted]) -> Result<Weighed, Refusal> {
        let quotas = &self.rules().quotas;
        let adds = if weighed.outcome.writes.is_empty() { &[] } else { counted };
        adds.iter().try_for_each(|counted| counted.one_more(self.index().count(counted), quotas))?;
        Ok(weighed)
    }

    /// The conditions under which a command may be committed: those of the request, of its judgement, and that others did not
    /// use up what is counted meanwhile. Of two for the last place one finds the other there, and is judged again.
    fn conditions(&self, request: &Request, judged: Option<Guard>, counted: Vec<Counted>) -> Option<Guard> {
        let plan = request.plan.as_ref().map(|plan| plan.guard.clone());
        let mut guards: Vec<Guard> = [plan, request.guard.clone(), judged].into_iter().flatten().collect();
        if !counted.is_empty() {
            let (index, quotas) = (Arc::clone(&self.0.index), self.rules().quotas);
            let room = move |counted: &Counted| counted.one_more(index.count(counted), &quotas).is_ok();
            guards.push(Guard(Arc::new(move || counted.iter().all(&room))));
        }
        (!guards.is_empty()).then(|| Guard(Arc::new(move || guards.iter().all(|guard| guard.0()))))
    }

    /// Leaves a fact that a command was refused (rule B92), or counts it where there are many of the actor's. The refusal
    /// stands even if it cannot be recorded: a full disk must not turn a "no" into an error.
    async fn record_refusal(
        &self,
        actor: &Actor,
        command: &Command,
        request: &Request,
        refusal: &Refusal,
        now: DateTime<Utc>,
    ) {
        let due = self.0.refusals.refuse(actor, now);
        let why: String = refusal.to_string().chars().take(REASON_CHARS_MAX).collect();
        let fact = Fact::new(FactKind::CommandRefused, command.subject()).because(&why);
        let refused = (command.name(), reason::name(reason::reason(refusal)));
        let before = (due.left_out > 0).then(|| left_out(actor, due.left_out));
        let itself = due.refusal.then(|| codec::encode_fact(&fact, &request.by(actor), Some(refused)));
        let facts: Vec<Bytes> = before.into_iter().chain(itself).collect();
        if facts.is_empty() {
            return;
        }
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

/// The fact that so many refused commands of an actor were not recorded one by one.
fn left_out(actor: &Actor, count: u64) -> Bytes {
    let fact = Fact::new(FactKind::RefusalsLeftOut, Subject::default()).change("refusals", "", count);
    codec::encode_fact(&fact, &By::process(actor), None)
}

/// The commit of an accepted command: its records, its facts and, if it is repeatable, its answer. What two agreed on takes
/// the proposal along.
fn batch(
    actor: &Actor,
    request: &Request,
    guard: Option<Guard>,
    weighed: &Weighed,
    answer: &Answer,
    expectations: Vec<(Key, Expectation)>,
    now: DateTime<Utc>,
) -> Batch {
    let outcome = &weighed.outcome;
    let mut writes: Vec<Write> = outcome
        .writes
        .iter()
        .chain(weighed.agreed.iter().flat_map(|agreed| &agreed.writes))
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
    let encode = |fact: &Fact, actor: &Actor| codec::encode_fact(fact, &request.by(actor), None);
    let mut facts: Vec<Bytes> = outcome.facts.iter().map(|fact| encode(fact, actor)).collect();
    if let (Some(agreed), Some(word)) = (&weighed.agreed, &request.word) {
        facts.extend(agreed.facts.iter().map(|fact| encode(fact, &word.by)));
    }
    Batch { instant: now, expectations, after_all: outcome.effect == Effect::BeginsNow, guard, writes, facts }
}
