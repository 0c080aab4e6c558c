//! `devhub listing`: which applications stand in the marketplace.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Subcommand, ValueEnum};
use devhub_proto::v1;

use super::catalogue::read::PAGE;
use super::connection::{Connection, Hub, new_request_id};
use super::failure::explained;
use super::output::{Format, print_one, print_rows};
use super::view::EMPTY_ANSWER;
use super::view::app::ListingView;

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Listing {
    /// Submit an application with one of its promoted versions
    Submit(Submit),
    /// List a submitted application, and approve the version that was submitted with it
    Approve(Approve),
    /// Remove a listing, or refuse a submitted one; what companies have installed stays
    Remove(Remove),
    /// Show the listing of an application
    Show {
        /// Id of the application
        application: String,
    },
    /// Those that there are
    List {
        /// Only those in this state
        #[arg(long, value_enum)]
        state: Option<State>,
    },
}

/// Where a listing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum State {
    /// It waits for an operator
    Submitted,
    /// Every company finds it
    Listed,
    /// It was removed, or refused
    Removed,
    /// It has no supported way to data
    Delisted,
}

impl State {
    fn number(self) -> i32 {
        let state = match self {
            State::Submitted => v1::ListingState::Submitted,
            State::Listed => v1::ListingState::Listed,
            State::Removed => v1::ListingState::Removed,
            State::Delisted => v1::ListingState::Delisted,
        };
        state.into()
    }
}

/// Arguments of `devhub listing submit`.
#[derive(Debug, Clone, Args)]
pub struct Submit {
    #[command(flatten)]
    named: Approve,
    /// Number of the version to be reviewed
    version: String,
}

/// Arguments of `devhub listing approve`.
#[derive(Debug, Clone, Args)]
pub struct Approve {
    /// Id of the application
    application: String,
    /// The etag last read; refuse if somebody has changed it since
    #[arg(long, value_name = "ETAG", default_value = "", hide_default_value = true)]
    etag: String,
}

/// Arguments of `devhub listing remove`.
#[derive(Debug, Clone, Args)]
pub struct Remove {
    #[command(flatten)]
    named: Approve,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

fn print(output: Format, listing: Option<v1::Listing>) -> Result<()> {
    let view = ListingView::from(listing.context(EMPTY_ANSWER)?);
    print_one(output, &view, &view.fields())
}

impl Listing {
    /// Takes a step, shows or lists.
    ///
    /// # Errors
    /// When the hub refuses or does not answer.
    pub async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        let hub = connection.hub().await?;
        let mut client = hub.listings();
        match self {
            Listing::Submit(Submit { named, version }) => {
                let request = v1::SubmitListingRequest {
                    application_id: named.application.clone(),
                    version: version.clone(),
                    etag: named.etag.clone(),
                    request_id: new_request_id(),
                };
                print(output, client.submit_listing(request).await.map_err(explained)?.into_inner().listing)?;
            }
            Listing::Approve(named) => {
                let request = v1::ApproveListingRequest {
                    application_id: named.application.clone(),
                    etag: named.etag.clone(),
                    request_id: new_request_id(),
                };
                print(output, client.approve_listing(request).await.map_err(explained)?.into_inner().listing)?;
            }
            Listing::Remove(Remove { named, reason }) => {
                let request = v1::RemoveListingRequest {
                    application_id: named.application.clone(),
                    reason: reason.clone(),
                    etag: named.etag.clone(),
                    request_id: new_request_id(),
                };
                print(output, client.remove_listing(request).await.map_err(explained)?.into_inner().listing)?;
            }
            Listing::Show { application } => {
                let request = v1::GetListingRequest { application_id: application.clone() };
                print(output, client.get_listing(request).await.map_err(explained)?.into_inner().listing)?;
            }
            Listing::List { state } => print_rows(output, &all(&hub, *state).await?)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn all(hub: &Hub, state: Option<State>) -> Result<Vec<ListingView>> {
    let mut request = v1::ListListingsRequest {
        state: state.map(State::number).unwrap_or_default(),
        page_size: PAGE,
        page_token: String::new(),
    };
    let mut rows = Vec::new();
    loop {
        let page = hub.listings().list_listings(request.clone()).await.map_err(explained)?.into_inner();
        rows.extend(page.listings.into_iter().map(ListingView::from));
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            return Ok(rows);
        }
    }
}
