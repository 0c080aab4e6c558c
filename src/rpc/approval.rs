//! ApprovalService: what one person alone must not do, and the restore that waits to be confirmed.

mod asked;

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use devhub_proto::v1;
use devhub_proto::v1::approval_service_server::ApprovalService;
use tonic::{Request, Response, Status};

use super::parse::{self, Fields, Query, REASON_CHARS_MAX, Writer};
use super::{execute, read, record, revision, status};
use crate::domain::name::ProposalId;
use crate::domain::proposal::{
    AcknowledgeBreakGlass, Agreed, Agreement, BREAK_GLASS_REASON_CHARS_MIN, Dismissal, EndProposal, Proposal,
};
use crate::domain::record::{Record, RecordKey};
use crate::domain::refusal::Refusal;
use crate::hub::{Answer, Failure, Hub, Mode, Word};
use crate::secret::Codes;
use crate::store::codec::Kind;
use crate::wire::{Word as _, timestamp};

pub use asked::CALLS;

/// Serves ApprovalService.
pub struct ApprovalRpc {
    hub: Hub,
    codes: Option<PathBuf>,
}

impl ApprovalRpc {
    /// Serves the proposals of `hub`; the file `codes` has the codes with which one person may do what takes two.
    pub fn new(hub: Hub, codes: Option<PathBuf>) -> ApprovalRpc {
        ApprovalRpc { hub, codes }
    }

    fn proposal(&self, id: &ProposalId) -> Result<(Proposal, u64), Status> {
        let found = self.hub.get_one(RecordKey::Proposal(id.clone())).map_err(status::failed)?;
        let stored = found.ok_or_else(|| status::refused(&Refusal::ProposalNotFound(id.clone())))?;
        Ok((record!(stored.record, Proposal)?, stored.revision))
    }

    fn shown(&self, id: &ProposalId) -> Result<Option<v1::Proposal>, Status> {
        let (proposal, revision) = self.proposal(id)?;
        Ok(Some(render(&proposal, revision, self.hub.now())))
    }

    /// Does what a proposal proposes, on the word of whoever agrees.
    async fn done(&self, agreement: Agreement, by: Writer, request: crate::hub::Request) -> Result<Answer, Status> {
        let (proposal, _) = self.proposal(&agreement.proposal)?;
        let command = asked::command(&self.hub, &proposal)?;
        // The request of the agreement is none that could be proposed, and may hold a code.
        let request = crate::hub::Request { asked: None, word: Some(Word { agreement, by: by.into() }), ..request };
        execute(&self.hub, proposal.by, command, request).await
    }

    /// The name of a code, if it is one of those that there are.
    async fn code(&self, presented: String) -> Result<String, Status> {
        let refuse = |why| status::refused(&Refusal::BreakGlassRefused(why));
        let Some(file) = self.codes.clone() else {
            return Err(refuse("this hub has no break-glass codes: break_glass_file is not set"));
        };
        let found = read(&self.hub, move |_| Ok(Codes::read(&file).map(|codes| codes.find(&presented))));
        match found.await? {
            Ok(Some(name)) => Ok(name),
            Ok(None) => {
                tracing::warn!("a break-glass code was presented that is none");
                Err(refuse("this is no break-glass code of this hub"))
            }
            Err(error) => {
                tracing::error!(%error, "break_glass_file");
                Err(refuse("the file of break-glass codes cannot be used, the operators' log says why"))
            }
        }
    }

    async fn end(
        &self,
        actor: Writer,
        id: ProposalId,
        end: EndProposal,
        request: crate::hub::Request,
    ) -> Result<(Option<v1::Proposal>, u64), Status> {
        let answer = execute(&self.hub, actor, end, request).await?;
        Ok((self.shown(&id)?, revision(&answer)))
    }
}

/// A proposal, as of `now`.
fn render(proposal: &Proposal, revision: u64, now: DateTime<Utc>) -> v1::Proposal {
    let ending = proposal.ending.as_ref();
    let acknowledged = proposal.acknowledged.as_ref();
    v1::Proposal {
        proposal_id: proposal.id.to_string(),
        state: proposal.state(now).number(),
        danger: proposal.danger.number(),
        call: proposal.call.clone(),
        would_record: proposal.would_record.clone(),
        affected_subscriptions: i64::try_from(proposal.shown.affected).unwrap_or(i64::MAX),
        proposed_by: proposal.by.to_string(),
        propose_time: Some(timestamp(proposal.at)),
        expire_time: Some(timestamp(proposal.expires_at)),
        ended_by: ending.map(|ending| ending.step.by.clone()).unwrap_or_default(),
        end_time: ending.map(|ending| timestamp(ending.step.at)),
        end_reason: ending.map(|ending| ending.reason.clone()).unwrap_or_default(),
        acknowledged_by: acknowledged.map(|step| step.by.clone()).unwrap_or_default(),
        acknowledge_time: acknowledged.map(|step| timestamp(step.at)),
        etag: revision.to_string(),
    }
}

#[tonic::async_trait]
impl ApprovalService for ApprovalRpc {
    async fn list_proposals(
        &self,
        request: Request<v1::ListProposalsRequest>,
    ) -> Result<Response<v1::ListProposalsResponse>, Status> {
        let message = request.into_inner();
        let mut fields = Fields::default();
        let size = fields.page_size(message.page_size);
        fields.check()?;
        let query = Query::new(self.hub.page_seals(), "ListProposals", &[&message.include_ended.to_string()]);
        let cursor = query.cursor(&message.page_token)?;
        let page = read(&self.hub, move |hub| {
            let now = hub.now();
            hub.list(&Hub::prefix(Kind::Proposal, None), cursor, size, |stored| {
                // All that wait stand under the same prefix, in brief.
                if let Record::ProposalBook(_) = &stored.record {
                    return Ok(None);
                }
                let Record::Proposal(proposal) = &stored.record else { return Err(Failure::Defect) };
                let wanted = message.include_ended || proposal.waits(now);
                Ok(wanted.then(|| render(proposal, stored.revision, now)))
            })
        })
        .await?;
        let next_page_token = query.token(page.next);
        Ok(Response::new(v1::ListProposalsResponse { proposals: page.items, next_page_token }))
    }

    async fn get_proposal(
        &self,
        request: Request<v1::GetProposalRequest>,
    ) -> Result<Response<v1::GetProposalResponse>, Status> {
        let mut fields = Fields::default();
        let Some(id) = fields.name("proposal_id", &request.get_ref().proposal_id) else { return Err(fields.refuse()) };
        Ok(Response::new(v1::GetProposalResponse { proposal: self.shown(&id)? }))
    }

    async fn approve_proposal(
        &self,
        request: Request<v1::ApproveProposalRequest>,
    ) -> Result<Response<v1::ApproveProposalResponse>, Status> {
        let actor = parse::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let request = fields.request("ApproveProposal", &actor, &message, &message.request_id, Mode::Commit);
        let id = fields.name::<ProposalId>("proposal_id", &message.proposal_id);
        let reason = fields.text("reason", &message.reason, REASON_CHARS_MAX);
        let etag = fields.etag(&message.etag);
        let Some(id) = id.filter(|_| fields.is_clean()) else { return Err(fields.refuse()) };
        let agreement = Agreement { proposal: id.clone(), agreed: Agreed::Approves, reason, etag };
        let answer = self.done(agreement, actor, request).await?;
        let revision = revision(&answer);
        let proposal = self.shown(&id)?;
        Ok(Response::new(v1::ApproveProposalResponse { proposal, revision, warnings: answer.warnings }))
    }

    async fn reject_proposal(
        &self,
        request: Request<v1::RejectProposalRequest>,
    ) -> Result<Response<v1::RejectProposalResponse>, Status> {
        let actor = parse::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let request = fields.request("RejectProposal", &actor, &message, &message.request_id, Mode::Commit);
        let id = fields.name::<ProposalId>("proposal_id", &message.proposal_id);
        let reason = fields.needed_text("reason", &message.reason, REASON_CHARS_MAX);
        let etag = fields.etag(&message.etag);
        let Some(id) = id.filter(|_| fields.is_clean()) else { return Err(fields.refuse()) };
        let end = EndProposal { id: id.clone(), verdict: Dismissal::Reject, reason, etag };
        let (proposal, revision) = self.end(actor, id, end, request).await?;
        Ok(Response::new(v1::RejectProposalResponse { proposal, revision }))
    }

    async fn withdraw_proposal(
        &self,
        request: Request<v1::WithdrawProposalRequest>,
    ) -> Result<Response<v1::WithdrawProposalResponse>, Status> {
        let actor = parse::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let request = fields.request("WithdrawProposal", &actor, &message, &message.request_id, Mode::Commit);
        let id = fields.name::<ProposalId>("proposal_id", &message.proposal_id);
        let reason = fields.text("reason", &message.reason, REASON_CHARS_MAX);
        let etag = fields.etag(&message.etag);
        let Some(id) = id.filter(|_| fields.is_clean()) else { return Err(fields.refuse()) };
        let end = EndProposal { id: id.clone(), verdict: Dismissal::Withdraw, reason, etag };
        let (proposal, revision) = self.end(actor, id, end, request).await?;
        Ok(Response::new(v1::WithdrawProposalResponse { proposal, revision }))
    }

    async fn break_glass(
        &self,
        request: Request<v1::BreakGlassRequest>,
    ) -> Result<Response<v1::BreakGlassResponse>, Status> {
        let actor = parse::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let request = fields.request("BreakGlass", &actor, &message, &message.request_id, Mode::Commit);
        let id = fields.name::<ProposalId>("proposal_id", &message.proposal_id);
        let reason = fields.needed_text("reason", &message.reason, REASON_CHARS_MAX);
        if reason.trim().chars().count() < BREAK_GLASS_REASON_CHARS_MIN {
            let sentence = format!(
                "must have at least {BREAK_GLASS_REASON_CHARS_MIN} characters: say what happened, \
                                    and why nobody else could be asked"
            );
            fields.violate("reason", sentence);
        }
        let etag = fields.etag(&message.etag);
        let Some(id) = id.filter(|_| fields.is_clean()) else { return Err(fields.refuse()) };
        let code = self.code(message.code).await?;
        let agreed = Agreed::BreaksGlass { code: code.clone() };
        let agreement = Agreement { proposal: id.clone(), agreed, reason: reason.clone(), etag };
        let answer = self.done(agreement, actor.clone(), request).await?;
        tracing::warn!(
            proposal = %id, by = %actor, code, reason,
            "the glass was broken: one person did what takes two; another operator has to acknowledge it"
        );
        let revision = revision(&answer);
        let proposal = self.shown(&id)?;
        Ok(Response::new(v1::BreakGlassResponse { proposal, revision, warnings: answer.warnings }))
    }

    async fn acknowledge_break_glass(
        &self,
        request: Request<v1::AcknowledgeBreakGlassRequest>,
    ) -> Result<Response<v1::AcknowledgeBreakGlassResponse>, Status> {
        let actor = parse::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let request = fields.request("AcknowledgeBreakGlass", &actor, &message, &message.request_id, Mode::Commit);
        let id = fields.name::<ProposalId>("proposal_id", &message.proposal_id);
        let etag = fields.etag(&message.etag);
        let Some(id) = id.filter(|_| fields.is_clean()) else { return Err(fields.refuse()) };
        let answer = execute(&self.hub, actor, AcknowledgeBreakGlass { id: id.clone(), etag }, request).await?;
        let proposal = self.shown(&id)?;
        Ok(Response::new(v1::AcknowledgeBreakGlassResponse { proposal, revision: revision(&answer) }))
    }

    async fn get_restore(
        &self,
        _request: Request<v1::GetRestoreRequest>,
    ) -> Result<Response<v1::GetRestoreResponse>, Status> {
        let epoch = self.hub.history().iter().map(|byte| format!("{byte:02x}")).collect();
        let revision = *self.hub.watch().borrow();
        Ok(Response::new(v1::GetRestoreResponse { waits: self.hub.is_held(), epoch, revision }))
    }

    async fn confirm_restore(
        &self,
        request: Request<v1::ConfirmRestoreRequest>,
    ) -> Result<Response<v1::ConfirmRestoreResponse>, Status> {
        let actor = parse::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let request = fields.request("ConfirmRestore", &actor, &message, &message.request_id, Mode::Commit);
        let command = asked::confirm_restore(&mut fields, &self.hub, &message);
        fields.check()?;
        let answer = execute(&self.hub, actor, command, request).await?;
        Ok(Response::new(v1::ConfirmRestoreResponse { revision: revision(&answer) }))
    }
}
