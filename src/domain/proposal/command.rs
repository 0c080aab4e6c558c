//! Commands about proposals: making one, ending one without doing it, looking at one that was done by one person.

use super::{
    Danger, Ended, Ending, GOOD_FOR, Proposal, ProposalState, Shown, WAITING_MAX, WaitingProposal, book, same_person,
};
use crate::domain::app_version::Step;
use crate::domain::fact::{Fact, FactKind, Subject, instant_text};
use crate::domain::name::ProposalId;
use crate::domain::outcome::{Judgement, Outcome};
use crate::domain::record::{Record, RecordKey, Records};
use crate::domain::refusal::Refusal;
use crate::domain::setting::Setting;

/// Command: keep what one person alone must not do, for another to approve.
#[derive(Debug, Clone)]
pub struct Propose {
    /// Its id.
    pub id: ProposalId,
    /// Why one person alone must not do it.
    pub danger: Danger,
    /// The call that was made.
    pub call: String,
    /// The request, as it came.
    pub request: Box<[u8]>,
    /// What tells the request from another one.
    pub fingerprint: [u8; 32],
    /// What it was judged over.
    pub shown: Shown,
    /// What would be recorded, a line for each fact.
    pub would_record: Vec<String>,
    /// What it is about.
    pub subject: Subject,
}

impl Propose {
    pub(in crate::domain) fn reads(&self) -> Vec<RecordKey> {
        vec![RecordKey::Proposal(self.id.clone()), RecordKey::ProposalBook]
    }

    /// The proposal of the same request, if one is in the book.
    pub(in crate::domain) fn follows(&self, records: &Records) -> Vec<RecordKey> {
        let known = records.proposal_book().into_iter().flat_map(|book| &book.waiting);
        let same = known.filter(|known| known.fingerprint == self.fingerprint);
        same.map(|known| RecordKey::Proposal(known.id.clone())).collect()
    }

    pub(in crate::domain) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        // Whoever repeats a request is told of the proposal that waits, unless it stands on what is over.
        for key in self.follows(records) {
            let RecordKey::Proposal(id) = &key else { continue };
            let known = records.proposal(id);
            let same =
                |known: &&Proposal| known.shown == self.shown && known.state(setting.now) == ProposalState::Waiting;
            if let Some(known) = known.filter(same) {
                return Ok(Outcome::unchanged(known.key(), Record::Proposal(known.clone())));
            }
        }
        let mut book = book(records).without(&self.id, setting.now);
        if book.waiting.len() >= WAITING_MAX {
            return Err(Refusal::LimitReached { what: "proposals that wait", limit: WAITING_MAX });
        }
        let expires_at = setting.now + GOOD_FOR;
        book.waiting.push(WaitingProposal { id: self.id.clone(), fingerprint: self.fingerprint, expires_at });
        let proposal = Proposal {
            id: self.id.clone(),
            danger: self.danger,
            call: self.call.clone(),
            request: self.request.clone(),
            fingerprint: self.fingerprint,
            shown: self.shown,
            would_record: self.would_record.clone(),
            by: setting.actor.clone(),
            at: setting.now,
            expires_at,
            ending: None,
            acknowledged: None,
        };
        let fact = Fact::new(FactKind::Proposed, self.subject.clone())
            .change("proposal", "", &self.id)
            .change("call", "", &self.call)
            .change("danger", "", self.danger.name())
            .change("affected_subscriptions", "0", self.shown.affected)
            .change("expires_at", "", instant_text(Some(expires_at)))
            .change("would_record", "", self.would_record.join("\n"));
        Ok(Outcome::write(proposal.key(), Record::Proposal(proposal), fact)
            .also(RecordKey::ProposalBook, Record::ProposalBook(book)))
    }
}

/// Command: end a proposal without doing it. Operators only.
#[derive(Debug, Clone)]
pub struct EndProposal {
    /// Its id.
    pub id: ProposalId,
    /// Whether it is somebody else's and rejected, or one's own and taken back.
    pub verdict: Dismissal,
    /// Why; may be empty for one's own.
    pub reason: String,
    /// The revision last read, if it depends on it.
    pub etag: Option<u64>,
}

/// How a proposal ends that is not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dismissal {
    /// Another operator rejects it.
    Reject,
    /// Whoever made it takes it back.
    Withdraw,
}

impl EndProposal {
    pub(in crate::domain) fn reads(&self) -> Vec<RecordKey> {
        vec![RecordKey::Proposal(self.id.clone()), RecordKey::ProposalBook]
    }

    pub(in crate::domain) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        setting.operator("end a proposal")?;
        let proposal = waiting(&self.id, self.etag, records, setting)?;
        let own = same_person(&proposal.by, setting.actor);
        let (how, kind) = match (self.verdict, own) {
            (Dismissal::Reject, false) => (Ended::Rejected, FactKind::ProposalRejected),
            (Dismissal::Withdraw, true) => (Ended::Withdrawn, FactKind::ProposalWithdrawn),
            (Dismissal::Reject, true) => {
                return Err(Refusal::WrongPerson("the proposal is your own; withdraw it instead"));
            }
            (Dismissal::Withdraw, false) => {
                return Err(Refusal::WrongPerson("the proposal is somebody else's; reject it instead"));
            }
        };
        let step = Step { by: setting.actor.to_string(), at: setting.now };
        let after = Proposal { ending: Some(Ending { how, step, reason: self.reason.clone() }), ..proposal.clone() };
        let fact = about(kind, proposal).because(&self.reason);
        Ok(Outcome::write(after.key(), Record::Proposal(after), fact)
            .also(RecordKey::ProposalBook, Record::ProposalBook(book(records).without(&self.id, setting.now))))
    }
}

/// Command: say that somebody else's breaking of the glass was looked at. Operators only.
#[derive(Debug, Clone)]
pub struct AcknowledgeBreakGlass {
    /// The proposal that was done.
    pub id: ProposalId,
    /// The revision last read, if it depends on it.
    pub etag: Option<u64>,
}

impl AcknowledgeBreakGlass {
    pub(in crate::domain) fn reads(&self) -> Vec<RecordKey> {
        vec![RecordKey::Proposal(self.id.clone()), RecordKey::ProposalBook]
    }

    pub(in crate::domain) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        setting.operator("acknowledge that the glass was broken")?;
        let proposal = found(&self.id, self.etag, records)?;
        let state = proposal.state(setting.now);
        let broken_by = proposal.ending.as_ref().map(|ending| ending.step.by.parse());
        if state != ProposalState::BrokeGlass {
            return Err(Refusal::ProposalNotOpen { id: self.id.clone(), state });
        }
        if broken_by.is_some_and(|by| by.is_ok_and(|by| same_person(&by, setting.actor))) {
            return Err(Refusal::WrongPerson("nobody acknowledges what they did themselves; ask another operator"));
        }
        let step = Step { by: setting.actor.to_string(), at: setting.now };
        let after = Proposal { acknowledged: Some(step), ..proposal.clone() };
        let mut book = book(records);
        book.unacknowledged.retain(|id| *id != self.id);
        let fact = about(FactKind::BreakGlassAcknowledged, proposal);
        Ok(Outcome::write(after.key(), Record::Proposal(after), fact)
            .also(RecordKey::ProposalBook, Record::ProposalBook(book)))
    }
}

/// A fact about a proposal.
pub(super) fn about(kind: FactKind, proposal: &Proposal) -> Fact {
    Fact::new(kind, Subject::default())
        .change("proposal", "", &proposal.id)
        .change("call", "", &proposal.call)
        .change("danger", "", proposal.danger.name())
        .change("proposed_by", "", &proposal.by)
}

fn found<'r>(id: &ProposalId, etag: Option<u64>, records: &'r Records) -> Result<&'r Proposal, Refusal> {
    let proposal = records.proposal(id).ok_or_else(|| Refusal::ProposalNotFound(id.clone()))?;
    records.check_etag(&proposal.key(), etag)?;
    Ok(proposal)
}

/// The proposal, if it waits.
pub(super) fn waiting<'r>(
    id: &ProposalId,
    etag: Option<u64>,
    records: &'r Records,
    setting: &Setting<'_>,
) -> Result<&'r Proposal, Refusal> {
    let proposal = found(id, etag, records)?;
    match proposal.state(setting.now) {
        ProposalState::Waiting => Ok(proposal),
        state @ (ProposalState::Expired
        | ProposalState::Approved
        | ProposalState::Rejected
        | ProposalState::Withdrawn
        | ProposalState::BrokeGlass
        | ProposalState::Acknowledged) => Err(Refusal::ProposalNotOpen { id: id.clone(), state }),
    }
}
