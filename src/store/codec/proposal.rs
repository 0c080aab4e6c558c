//! Proposals, the book of them, and the confirmation of a restore, as messages.

use devhub_proto::store::v1 as disk;

use super::app::{decode_step, decode_taken, encode_step};
use super::record::needed;
use crate::domain::actor::Actor;
use crate::domain::proposal::{Ending, Proposal, ProposalBook, Shown, WaitingProposal};
use crate::domain::restored::RestoreConfirmation;
use crate::wire::{Word, timestamp};

pub(super) fn encode(proposal: &Proposal) -> disk::ProposalRecord {
    let ending = proposal.ending.as_ref();
    let apis = if let Actor::Publisher { apis, .. } = &proposal.by { &**apis } else { &[] };
    disk::ProposalRecord {
        id: proposal.id.to_string(),
        danger: proposal.danger.number(),
        call: proposal.call.clone(),
        request: proposal.request.to_vec(),
        fingerprint: proposal.fingerprint.to_vec(),
        stands_on: proposal.shown.stands_on.to_vec(),
        affected: proposal.shown.affected,
        would_record: proposal.would_record.clone(),
        proposed_by: proposal.by.to_string(),
        proposer_apis: apis.iter().map(ToString::to_string).collect(),
        proposed_at: Some(timestamp(proposal.at)),
        expires_at: Some(timestamp(proposal.expires_at)),
        ended: ending.map(|ending| ending.how.number()).unwrap_or_default(),
        end: ending.map(|ending| encode_step(&ending.step)),
        end_reason: ending.map(|ending| ending.reason.clone()).unwrap_or_default(),
        acknowledged: proposal.acknowledged.as_ref().map(encode_step),
    }
}

/// Who proposed it: publishers are none by saying so, and the record says which APIs they publish.
fn proposer(text: &str, apis: &[String]) -> Option<Actor> {
    match text.strip_prefix("publisher:") {
        Some(name) => {
            let apis = apis.iter().map(|api| api.parse().ok()).collect::<Option<_>>()?;
            Some(Actor::Publisher { name: name.into(), apis })
        }
        None => text.parse().ok(),
    }
}

pub(super) fn decode(proposal: disk::ProposalRecord) -> Option<Proposal> {
    let ending = match (proposal.ended, decode_taken(proposal.end)?) {
        (0, None) => None,
        (how, Some(step)) => Some(Ending { how: Word::from_number(how)?, step, reason: proposal.end_reason }),
        (_, None) => return None,
    };
    Some(Proposal {
        id: proposal.id.parse().ok()?,
        danger: Word::from_number(proposal.danger)?,
        call: proposal.call,
        request: proposal.request.into(),
        fingerprint: proposal.fingerprint.try_into().ok()?,
        shown: Shown { stands_on: proposal.stands_on.try_into().ok()?, affected: proposal.affected },
        would_record: proposal.would_record,
        by: proposer(&proposal.proposed_by, &proposal.proposer_apis)?,
        at: needed(proposal.proposed_at.as_ref())?,
        expires_at: needed(proposal.expires_at.as_ref())?,
        ending,
        acknowledged: decode_taken(proposal.acknowledged)?,
    })
}

pub(super) fn encode_book(book: &ProposalBook) -> disk::ProposalBookRecord {
    let waiting = |waiting: &WaitingProposal| disk::WaitingProposalRecord {
        id: waiting.id.to_string(),
        fingerprint: waiting.fingerprint.to_vec(),
        expires_at: Some(timestamp(waiting.expires_at)),
    };
    disk::ProposalBookRecord {
        waiting: book.waiting.iter().map(waiting).collect(),
        unacknowledged: book.unacknowledged.iter().map(ToString::to_string).collect(),
        spent: book.spent.clone(),
    }
}

pub(super) fn decode_book(book: disk::ProposalBookRecord) -> Option<ProposalBook> {
    let waiting = |waiting: disk::WaitingProposalRecord| {
        Some(WaitingProposal {
            id: waiting.id.parse().ok()?,
            fingerprint: waiting.fingerprint.try_into().ok()?,
            expires_at: needed(waiting.expires_at.as_ref())?,
        })
    };
    Some(ProposalBook {
        waiting: book.waiting.into_iter().map(waiting).collect::<Option<_>>()?,
        unacknowledged: book.unacknowledged.iter().map(|id| id.parse().ok()).collect::<Option<_>>()?,
        spent: book.spent,
    })
}

pub(super) fn encode_confirmation(known: &RestoreConfirmation) -> disk::RestoreConfirmationRecord {
    disk::RestoreConfirmationRecord {
        epoch: known.epoch.clone(),
        confirmed: Some(encode_step(&known.confirmed)),
        reason: known.reason.clone(),
        later_facts: known.later_facts,
    }
}

pub(super) fn decode_confirmation(known: disk::RestoreConfirmationRecord) -> Option<RestoreConfirmation> {
    Some(RestoreConfirmation {
        epoch: known.epoch,
        confirmed: decode_step(known.confirmed)?,
        reason: known.reason,
        later_facts: known.later_facts,
    })
}
