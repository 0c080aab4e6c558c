//! The two-person rule on the way of a command: what one person alone must not do is kept as a proposal, and what two agree on
//! is judged anew and committed with both names.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::execute::{Mode, Request};
use super::plan::records_digest;
use super::{Failure, Hub};
use crate::domain::fact::Fact;
use crate::domain::proposal::{Agreement, Danger, Proposal, Propose, Shown, told};
use crate::domain::record::{Record, RecordKey, Records};
use crate::domain::setting::{Consent, Setting, TwoPersons};
use crate::domain::{Actor, Command, Outcome, Refusal, restored};
use crate::ids;
use crate::store::{Expectation, Guard, Key, Store};

/// A request, as it came: what a proposal keeps of it.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The call.
    pub call: Box<str>,
    /// The message.
    pub message: Bytes,
}

/// That somebody agrees to what is proposed.
#[derive(Debug, Clone)]
pub struct Word {
    /// To what, and how.
    pub agreement: Agreement,
    /// Who.
    pub by: Actor,
}

/// What the records of a proposal say, beside those of the command that it proposes.
#[derive(Default)]
pub(super) struct Aside {
    records: Option<Records>,
    pub(super) expectations: Vec<(Key, Expectation)>,
}

/// A command weighed: what it comes to, and on whose word.
pub(super) struct Weighed {
    pub(super) outcome: Outcome,
    /// What becomes of the proposal.
    pub(super) agreed: Option<Outcome>,
    /// What must still hold at the commit.
    pub(super) guard: Option<Guard>,
    /// Why one person alone must not do it, if only one asks.
    pub(super) danger: Option<(Danger, Shown)>,
}

impl Weighed {
    fn alone(outcome: Outcome) -> Weighed {
        Weighed { outcome, agreed: None, guard: None, danger: None }
    }
}

impl Hub {
    /// Whether this hub was restored from a backup and nobody has confirmed that.
    pub fn is_held(&self) -> bool {
        self.0.held.load(Ordering::Acquire)
    }

    /// Notes that the restore is confirmed, once that is committed and folded.
    pub(super) fn release(&self, command: &Command) {
        if let Command::ConfirmRestore(_) = command {
            self.0.held.store(false, Ordering::Release);
            tracing::warn!("the restore of this hub is confirmed; it decides and takes changes again");
        }
    }

    /// What is known of a proposal that somebody agrees to.
    pub(super) fn load_aside(&self, request: &Request) -> Result<Aside, Failure> {
        let Some(word) = &request.word else { return Ok(Aside::default()) };
        let (records, expectations) = self.load_keys(word.agreement.reads())?;
        Ok(Aside { records: Some(records), expectations })
    }

    /// Judges a command, on the word of one or of two.
    pub(super) fn weigh(
        &self,
        command: &Command,
        request: &Request,
        records: &Records,
        aside: &Aside,
        setting: &Setting<'_>,
    ) -> Result<Weighed, Refusal> {
        if self.is_held() {
            restored::gate(command)?;
        }
        let shared = Setting { consent: Consent::Shared, ..*setting };
        if let (Some(word), Some(known)) = (&request.word, &aside.records) {
            let shown = self.shown(command, records, setting.now);
            let by = Setting { actor: &word.by, ..shared };
            let agreed = word.agreement.judge(&shown, known, &by)?;
            let mut outcome = command.judge(records, &shared)?;
            outcome.facts = outcome.facts.into_iter().map(|fact| sign(fact, word)).collect();
            let guard = self.no_more_than(command, shown.affected, setting.now);
            return Ok(Weighed { outcome, agreed: Some(agreed), guard, danger: None });
        }
        if setting.rules.two_persons == TwoPersons::NotNeeded || !command.may_be_dangerous() {
            return command.judge(records, setting).map(Weighed::alone);
        }
        let outcome = command.judge(records, &shared)?;
        let shown = self.shown(command, records, setting.now);
        let danger = command.danger(records, &shared, shown.affected).map(|danger| (danger, shown));
        let guard = self.no_more_than(command, shown.affected, setting.now);
        Ok(Weighed { guard, danger, ..Weighed::alone(outcome) })
    }

    /// What a command is judged over, as a proposal shows it.
    fn shown(&self, command: &Command, records: &Records, now: DateTime<Utc>) -> Shown {
        // Nothing else ends what is subscribed to.
        let affected = if let Command::ChangeLifecycle(command) = command {
            self.index().live_at(&command.targets(), now)
        } else {
            0
        };
        Shown { stands_on: records_digest(records), affected }
    }

    /// That no more live subscriptions are ended at once than were counted: somebody may subscribe between the count and the
    /// commit.
    fn no_more_than(&self, command: &Command, affected: u64, now: DateTime<Utc>) -> Option<Guard> {
        let Command::ChangeLifecycle(change) = command else { return None };
        let (index, targets) = (Arc::clone(&self.0.index), change.targets());
        command.ends_at_once(now).then(|| Guard(Arc::new(move || index.live_at(&targets, now) <= affected)))
    }

    /// Keeps what one person alone must not do as a proposal, and says so.
    pub(super) async fn propose(
        &self,
        actor: &Actor,
        command: &Command,
        request: &Request,
        outcome: &Outcome,
        (danger, shown): (Danger, Shown),
    ) -> Failure {
        let Some(asked) = request.asked.as_ref().filter(|_| request.mode == Mode::Commit) else {
            return Refusal::SecondPersonRequired { danger, proposal: None }.into();
        };
        let propose = Propose {
            id: ids::proposal(self.now()),
            danger,
            call: asked.call.to_string(),
            request: asked.message.to_vec().into(),
            fingerprint: request.fingerprint,
            shown,
            would_record: told(&outcome.facts),
            subject: command.subject(),
        };
        let kept = Box::pin(self.run(actor, &propose.into(), &Request::once())).await;
        match kept.map(|answer| answer.subject) {
            Ok(Record::Proposal(Proposal { id, expires_at, .. })) => {
                tracing::info!(proposal = %id, danger = danger.name(), "what takes two persons waits for the second");
                Refusal::SecondPersonRequired { danger, proposal: Some((id, expires_at)) }.into()
            }
            Ok(_) => Failure::Defect,
            Err(failure) => failure,
        }
    }

    /// Proposals that wait at `now`, those whose breaking of the glass nobody has acknowledged, and codes used so far.
    pub fn proposals_waiting(&self, now: DateTime<Utc>) -> (u64, u64, u64) {
        let stored = self.get_one(RecordKey::ProposalBook).ok().flatten();
        let Some(Record::ProposalBook(book)) = stored.map(|stored| stored.record) else { return (0, 0, 0) };
        (book.waiting_at(now) as u64, book.unacknowledged.len() as u64, book.spent.len() as u64)
    }
}

/// The fact of a deed that two agreed on names the second person too.
fn sign(fact: Fact, word: &Word) -> Fact {
    fact.change(word.agreement.field(), "", &word.by).change("proposal", "", &word.agreement.proposal)
}

/// Whether the history that a store counts in began with a restore that nobody has confirmed.
pub(super) fn waits(store: &dyn Store) -> Result<bool, Failure> {
    if !store.began_anew() {
        return Ok(false);
    }
    let key = RecordKey::RestoreConfirmation;
    let found = store.get(&[crate::store::codec::encode_key(&key)])?.pop().flatten();
    let record = match found {
        Some(value) => Some((value.revision, crate::store::codec::decode_record(&value.value)?)),
        None => None,
    };
    Ok(restored::waits(&Records::new(vec![(key, record)]), &store.epoch().to_string()))
}
