//! `devhub proposal`: what one person alone must not do, and waits for another.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use devhub_proto::v1;

use super::catalogue::read::PAGE;
use super::connection::{Connection, Hub, new_request_id};
use super::failure::explained;
use super::output::{Format, print_one, print_rows};
use super::view::EMPTY_ANSWER;
use super::view::proposal::ProposalView;

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Proposal {
    /// Those that wait: for an approval, or for somebody to acknowledge that the glass was broken
    List(Listing),
    /// Show one, with what it would record
    Show {
        /// Its id
        id: String,
    },
    /// Approve what somebody else has proposed: it is judged anew, and done
    Approve(End),
    /// Reject what somebody else has proposed
    Reject(Reject),
    /// Take back what you have proposed
    Withdraw(End),
}

/// Arguments of `devhub proposal list`.
#[derive(Debug, Clone, Args)]
pub struct Listing {
    /// Those that are over too
    #[arg(long)]
    all: bool,
}

/// Arguments of `devhub proposal approve` and `withdraw`.
#[derive(Debug, Clone, Args)]
pub struct End {
    /// Its id
    id: String,
    /// Why
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    reason: String,
    /// The etag last read; refuse if somebody has changed it since
    #[arg(long, value_name = "ETAG", default_value = "", hide_default_value = true)]
    etag: String,
}

/// Arguments of `devhub proposal reject`.
#[derive(Debug, Clone, Args)]
pub struct Reject {
    /// Its id
    id: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// The etag last read; refuse if somebody has changed it since
    #[arg(long, value_name = "ETAG", default_value = "", hide_default_value = true)]
    etag: String,
}

/// Prints a proposal.
///
/// # Errors
/// When the answer has none, or the output cannot be written.
pub fn print(output: Format, proposal: Option<v1::Proposal>, warnings: &[String]) -> Result<()> {
    let view = ProposalView::from(proposal.context(EMPTY_ANSWER)?);
    let mut fields = view.fields();
    fields.push(("warning", warnings.join("\n")));
    print_one(output, &view, &fields)
}

impl Proposal {
    /// Lists, shows, approves, rejects or withdraws.
    ///
    /// # Errors
    /// When the hub refuses or does not answer.
    pub async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        let hub = connection.hub().await?;
        let mut client = hub.approvals();
        match self {
            Proposal::List(listing) => print_rows(output, &listing.all(&hub).await?)?,
            Proposal::Show { id } => {
                let request = v1::GetProposalRequest { proposal_id: id.clone() };
                let answer = client.get_proposal(request).await.map_err(explained)?.into_inner();
                print(output, answer.proposal, &[])?;
            }
            Proposal::Approve(End { id, reason, etag }) => {
                let request = v1::ApproveProposalRequest {
                    proposal_id: id.clone(),
                    reason: reason.clone(),
                    etag: etag.clone(),
                    request_id: new_request_id(),
                };
                let answer = client.approve_proposal(request).await.map_err(explained)?.into_inner();
                print(output, answer.proposal, &answer.warnings)?;
            }
            Proposal::Reject(Reject { id, reason, etag }) => {
                let request = v1::RejectProposalRequest {
                    proposal_id: id.clone(),
                    reason: reason.clone(),
                    etag: etag.clone(),
                    request_id: new_request_id(),
                };
                let answer = client.reject_proposal(request).await.map_err(explained)?.into_inner();
                print(output, answer.proposal, &[])?;
            }
            Proposal::Withdraw(End { id, reason, etag }) => {
                let request = v1::WithdrawProposalRequest {
                    proposal_id: id.clone(),
                    reason: reason.clone(),
                    etag: etag.clone(),
                    request_id: new_request_id(),
                };
                let answer = client.withdraw_proposal(request).await.map_err(explained)?.into_inner();
                print(output, answer.proposal, &[])?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Listing {
    async fn all(&self, hub: &Hub) -> Result<Vec<ProposalView>> {
        let mut request =
            v1::ListProposalsRequest { include_ended: self.all, page_size: PAGE, page_token: String::new() };
        let mut rows = Vec::new();
        loop {
            let page = hub.approvals().list_proposals(request.clone()).await.map_err(explained)?.into_inner();
            rows.extend(page.proposals.into_iter().map(ProposalView::from));
            request.page_token = page.next_page_token;
            if request.page_token.is_empty() {
                return Ok(rows);
            }
        }
    }
}
