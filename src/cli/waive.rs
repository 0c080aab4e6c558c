//! `devhub waive`: dated exceptions for one application and one version.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Subcommand, ValueEnum};
use devhub_proto::v1;
use serde::Serialize;

use super::catalogue::read::PAGE;
use super::connection::{Connection, Hub, new_request_id};
use super::date::Moment;
use super::failure::explained;
use super::output::{Format, print_one, print_rows};
use super::view::waiver::WaiverView;
use crate::wire::timestamp;

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Waive {
    /// Grant one from now on; one of the same kind is replaced, and so extended or shortened
    Grant(Grant),
    /// End one at once; a subscription that was made under it stays
    Revoke(Revoke),
    /// Those that there are
    List(Listing),
}

/// What a waiver permits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Permitted {
    /// A new subscription to an ALPHA or DEPRECATED version
    NewSubscription,
    /// Calls of a subscription that retirement ended
    CallsPastRetirement,
}

impl Permitted {
    fn number(self) -> i32 {
        let kind = match self {
            Permitted::NewSubscription => v1::WaiverKind::NewSubscription,
            Permitted::CallsPastRetirement => v1::WaiverKind::CallsPastRetirement,
        };
        kind.into()
    }
}

/// Which waiver.
#[derive(Debug, Clone, Args)]
pub struct Named {
    /// Id of the application
    application: String,
    /// Context of the API
    context: String,
    /// Label of the version
    version: String,
    /// What it permits
    #[arg(long = "for", value_enum, value_name = "WHAT")]
    permitted: Permitted,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// The etag last read; refuse if somebody has changed it since
    #[arg(long, value_name = "ETAG", default_value = "", hide_default_value = true)]
    etag: String,
}

/// Arguments of `devhub waive grant`.
#[derive(Debug, Clone, Args)]
pub struct Grant {
    #[command(flatten)]
    named: Named,
    /// First instant at which it no longer counts: RFC 3339, or a date such as "2027-07-31 end-of-day Europe/London"
    #[arg(long, value_name = "INSTANT")]
    until: Moment,
    /// Who approved it
    #[arg(long, value_name = "NAME")]
    approver: String,
}

/// Arguments of `devhub waive revoke`.
#[derive(Debug, Clone, Args)]
pub struct Revoke {
    #[command(flatten)]
    named: Named,
}

/// Arguments of `devhub waive list`.
#[derive(Debug, Clone, Args)]
pub struct Listing {
    /// Only those of this application
    #[arg(long, value_name = "ID")]
    application: Option<String>,
    /// Only those for versions of this API
    #[arg(long, value_name = "CONTEXT")]
    context: Option<String>,
    /// Only those for this version
    #[arg(long, value_name = "VERSION", requires = "context")]
    version: Option<String>,
    /// Only those that permit this
    #[arg(long = "for", value_enum, value_name = "WHAT")]
    permitted: Option<Permitted>,
    /// Those that no longer count too
    #[arg(long)]
    ended: bool,
}

impl Waive {
    /// Grants, revokes or lists.
    ///
    /// # Errors
    /// When the hub refuses or does not answer.
    pub async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        let hub = connection.hub().await?;
        match self {
            Waive::Grant(Grant { named, until, approver }) => {
                let request = v1::GrantWaiverRequest {
                    application_id: named.application.clone(),
                    context: named.context.clone(),
                    version: named.version.clone(),
                    kind: named.permitted.number(),
                    until_time: Some(timestamp(until.instant)),
                    reason: named.reason.clone(),
                    approver: approver.clone(),
                    etag: named.etag.clone(),
                    request_id: new_request_id(),
                };
                let answer = hub.waivers().grant_waiver(request).await.map_err(explained)?.into_inner();
                print_waiver(output, answer.waiver, answer.warnings)?;
            }
            Waive::Revoke(Revoke { named }) => {
                let request = v1::RevokeWaiverRequest {
                    application_id: named.application.clone(),
                    context: named.context.clone(),
                    version: named.version.clone(),
                    kind: named.permitted.number(),
                    reason: named.reason.clone(),
                    etag: named.etag.clone(),
                    request_id: new_request_id(),
                };
                let answer = hub.waivers().revoke_waiver(request).await.map_err(explained)?.into_inner();
                print_waiver(output, answer.waiver, Vec::new())?;
            }
            Waive::List(listing) => print_rows(output, &listing.all(&hub).await?)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

#[derive(Debug, Serialize)]
struct WaiverAnswer {
    #[serde(flatten)]
    waiver: WaiverView,
    warnings: Vec<String>,
}

fn print_waiver(output: Format, waiver: Option<v1::Waiver>, warnings: Vec<String>) -> Result<()> {
    let waiver = WaiverView::from(waiver.context("the hub sent an empty answer; is it a devhub of this release?")?);
    let mut fields = waiver.fields();
    fields.push(("warning", warnings.join("\n")));
    print_one(output, &WaiverAnswer { waiver, warnings }, &fields)
}

impl Listing {
    async fn all(&self, hub: &Hub) -> Result<Vec<WaiverView>> {
        let mut request = v1::ListWaiversRequest {
            application_id: self.application.clone().unwrap_or_default(),
            context: self.context.clone().unwrap_or_default(),
            version: self.version.clone().unwrap_or_default(),
            kind: self.permitted.map(Permitted::number).unwrap_or_default(),
            live_only: !self.ended,
            page_size: PAGE,
            page_token: String::new(),
        };
        let mut rows = Vec::new();
        loop {
            let page = hub.waivers().list_waivers(request.clone()).await.map_err(explained)?.into_inner();
            rows.extend(page.waivers.into_iter().map(WaiverView::from));
            request.page_token = page.next_page_token;
            if request.page_token.is_empty() {
                return Ok(rows);
            }
        }
    }
}
