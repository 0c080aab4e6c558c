//! `devhub organisation`: who answers for applications, and how far the platform has verified them.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Subcommand, ValueEnum};
use devhub_proto::v1;

use super::catalogue::read::PAGE;
use super::connection::{Connection, new_request_id};
use super::failure::explained;
use super::output::{Format, print_one, print_rows};
use super::view::EMPTY_ANSWER;
use super::view::app::OrganisationView;

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Organisation {
    /// Set how far an organisation is verified; its applications name it as their owner
    Set(Set),
    /// Show one
    Show {
        /// Its id
        organisation: String,
    },
    /// Those that are known
    List {
        /// Only those of this status
        #[arg(long, value_enum)]
        status: Option<Status>,
    },
}

/// How far an organisation is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Status {
    /// Not at all: its applications stay in the sandbox
    Unverified,
    /// Its applications reach production, and are not listed
    VerifiedPrivate,
    /// Its applications may be listed
    VerifiedPartner,
}

impl Status {
    fn number(self) -> i32 {
        let status = match self {
            Status::Unverified => v1::OrganisationStatus::Unverified,
            Status::VerifiedPrivate => v1::OrganisationStatus::VerifiedPrivate,
            Status::VerifiedPartner => v1::OrganisationStatus::VerifiedPartner,
        };
        status.into()
    }
}

/// Arguments of `devhub organisation set`.
#[derive(Debug, Clone, Args)]
pub struct Set {
    /// Its id
    organisation: String,
    /// How far it is verified
    #[arg(value_enum)]
    status: Status,
    /// Name shown to people
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    title: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// The etag last read; refuse if somebody has changed it since
    #[arg(long, value_name = "ETAG", default_value = "", hide_default_value = true)]
    etag: String,
}

fn print(output: Format, organisation: Option<v1::Organisation>) -> Result<()> {
    let view = OrganisationView::from(organisation.context(EMPTY_ANSWER)?);
    print_one(output, &view, &view.fields())
}

impl Organisation {
    /// Sets, shows or lists.
    ///
    /// # Errors
    /// When the hub refuses or does not answer.
    pub async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        let hub = connection.hub().await?;
        let mut client = hub.organisations();
        match self {
            Organisation::Set(set) => {
                let request = v1::SetOrganisationRequest {
                    organisation_id: set.organisation.clone(),
                    title: set.title.clone(),
                    status: set.status.number(),
                    reason: set.reason.clone(),
                    etag: set.etag.clone(),
                    request_id: new_request_id(),
                };
                let answer = client.set_organisation(request).await.map_err(explained)?.into_inner();
                print(output, answer.organisation)?;
            }
            Organisation::Show { organisation } => {
                let request = v1::GetOrganisationRequest { organisation_id: organisation.clone() };
                let answer = client.get_organisation(request).await.map_err(explained)?.into_inner();
                print(output, answer.organisation)?;
            }
            Organisation::List { status } => {
                let mut request = v1::ListOrganisationsRequest {
                    status: status.map(Status::number).unwrap_or_default(),
                    page_size: PAGE,
                    page_token: String::new(),
                };
                let mut rows = Vec::new();
                loop {
                    let page = client.list_organisations(request.clone()).await.map_err(explained)?.into_inner();
                    rows.extend(page.organisations.into_iter().map(OrganisationView::from));
                    request.page_token = page.next_page_token;
                    if request.page_token.is_empty() {
                        break;
                    }
                }
                print_rows(output, &rows)?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
