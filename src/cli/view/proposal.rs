//! Proposals.

use devhub_proto::v1;
use serde::Serialize;

use super::{or_empty, time};
use crate::cli::output::Row;
use crate::cli::words::wire_name;

/// A proposal.
#[derive(Debug, Clone, Serialize)]
pub struct ProposalView {
    proposal_id: String,
    state: String,
    danger: String,
    call: String,
    would_record: Vec<String>,
    affected_subscriptions: i64,
    proposed_by: String,
    propose_time: Option<String>,
    expire_time: Option<String>,
    ended_by: String,
    end_time: Option<String>,
    end_reason: String,
    acknowledged_by: String,
    acknowledge_time: Option<String>,
    etag: String,
}

impl From<v1::Proposal> for ProposalView {
    fn from(proposal: v1::Proposal) -> ProposalView {
        ProposalView {
            proposal_id: proposal.proposal_id,
            state: wire_name(proposal.state, v1::ProposalState::as_str_name, "PROPOSAL_STATE_"),
            danger: wire_name(proposal.danger, v1::ProposalDanger::as_str_name, "PROPOSAL_DANGER_"),
            call: proposal.call,
            would_record: proposal.would_record,
            affected_subscriptions: proposal.affected_subscriptions,
            proposed_by: proposal.proposed_by,
            propose_time: time(proposal.propose_time),
            expire_time: time(proposal.expire_time),
            ended_by: proposal.ended_by,
            end_time: time(proposal.end_time),
            end_reason: proposal.end_reason,
            acknowledged_by: proposal.acknowledged_by,
            acknowledge_time: time(proposal.acknowledge_time),
            etag: proposal.etag,
        }
    }
}

impl ProposalView {
    /// Its fields, for people.
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        vec![
            ("proposal", self.proposal_id.clone()),
            ("state", self.state.clone()),
            ("danger", self.danger.clone()),
            ("call", self.call.clone()),
            ("would record", self.would_record.join("\n")),
            ("live subscriptions", self.affected_subscriptions.to_string()),
            ("proposed by", self.proposed_by.clone()),
            ("proposed", or_empty(&self.propose_time)),
            ("waits until", or_empty(&self.expire_time)),
            ("ended by", self.ended_by.clone()),
            ("ended", or_empty(&self.end_time)),
            ("why", self.end_reason.clone()),
            ("acknowledged by", self.acknowledged_by.clone()),
            ("acknowledged", or_empty(&self.acknowledge_time)),
            ("etag", self.etag.clone()),
        ]
    }
}

impl Row for ProposalView {
    const HEADER: &'static [&'static str] =
        &["PROPOSAL", "STATE", "DANGER", "WOULD RECORD", "PROPOSED BY", "WAITS UNTIL"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.proposal_id.clone(),
            self.state.clone(),
            self.danger.clone(),
            self.would_record.join("\n"),
            self.proposed_by.clone(),
            or_empty(&self.expire_time),
        ]
    }
}
