//! `devhub migration`: reports on the way from traditional service accounts to what applications declare.

mod burn_down;
mod checklist;
mod delisting;
mod forecast;
mod funnel;
mod list;
mod reopened;
mod stragglers;

use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use devhub_proto::v1;

use super::connection::{Connection, Hub};
use super::date::Moment;
use super::failure::explained;
use super::output::Format;
use super::view::EMPTY_ANSWER;
use crate::wire::{instant, timestamp};

/// What to report.
#[derive(Debug, Clone, Subcommand)]
pub enum Migration {
    /// How many migrations are in which phase
    Funnel(funnel::Funnel),
    /// Migrations one by one: whose turn it is, what they have, when their accounts end
    List(list::Listing),
    /// How many were in which phase day by day, as a table, as CSV, and as a chart
    BurnDown(burn_down::BurnDown),
    /// When the last will have something to go on with at the present pace, and how many will miss the sunset
    Forecast(forecast::Forecast),
    /// Accounts that were created while creation was open again after it had been closed
    Reopened,
    /// What a developer, or a company, has to do next, in order
    Checklist(checklist::Checklist),
    /// Unfinished migrations by how much depends on them, with owners and whom to call
    Stragglers(stragglers::Stragglers),
    /// Listings that leave the marketplace with the sunset, and what keeps each of them
    Delisting(delisting::Delisting),
}

/// Which migrations.
#[derive(Debug, Clone, Default, Args)]
struct Which {
    /// Only those away from the accounts for this application
    #[arg(long = "application", value_name = "ID")]
    application_id: Option<String>,
    /// Only those of this company
    #[arg(long = "company", value_name = "ID")]
    company_id: Option<String>,
}

impl Which {
    fn message(&self) -> v1::MigrationFilter {
        v1::MigrationFilter {
            application_id: self.application_id.clone().unwrap_or_default(),
            company_id: self.company_id.clone().unwrap_or_default(),
        }
    }

    /// Which they are, behind a title.
    fn words(&self) -> String {
        let application = self.application_id.as_ref().map(|id| format!(" for {id}"));
        let company = self.company_id.as_ref().map(|id| format!(" of company {id}"));
        application.unwrap_or_default() + &company.unwrap_or_default()
    }
}

/// When, and by which dates.
#[derive(Debug, Clone, Default, Args)]
struct When {
    /// At this instant, by the dates that were public then: RFC 3339, or a date such as
    /// "2027-01-01 start-of-day Europe/London" [default: now]
    #[arg(long, value_name = "INSTANT")]
    at: Option<Moment>,
    /// As if this were the sunset
    #[arg(long, value_name = "INSTANT")]
    supposed_sunset: Option<Moment>,
}

/// A moment on the wire.
fn stamp(moment: &Option<Moment>) -> Option<prost_types::Timestamp> {
    moment.as_ref().map(|moment| timestamp(moment.instant))
}

impl Migration {
    /// Asks and prints.
    ///
    /// # Errors
    /// When the hub refuses or does not answer, or a report cannot be written.
    pub async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        let hub = connection.hub().await?;
        match self {
            Migration::Funnel(funnel) => funnel.run(&hub, output).await?,
            Migration::List(listing) => listing.run(&hub, output).await?,
            Migration::BurnDown(burn_down) => burn_down.run(&hub, output).await?,
            Migration::Forecast(forecast) => forecast.run(&hub, output).await?,
            Migration::Reopened => reopened::run(&hub, output).await?,
            Migration::Checklist(checklist) => checklist.run(&hub, output).await?,
            Migration::Stragglers(stragglers) => stragglers.run(&hub, output).await?,
            Migration::Delisting(delisting) => delisting.run(&hub, output).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// How many migrations are in which phase.
async fn funnel_of(hub: &Hub, which: &Which, when: &When) -> Result<v1::GetMigrationFunnelResponse> {
    let request = v1::GetMigrationFunnelRequest {
        filter: Some(which.message()),
        at: stamp(&when.at),
        supposed_sunset_time: stamp(&when.supposed_sunset),
    };
    Ok(hub.migrations().get_migration_funnel(request).await.map_err(explained)?.into_inner())
}

/// The instant that is asked about; now by the clock of the hub, when none is given. Pages that are read one after the
/// other are about one instant only if they name it.
async fn asked_at(hub: &Hub, which: &Which, when: &When) -> Result<DateTime<Utc>> {
    if let Some(at) = &when.at {
        return Ok(at.instant);
    }
    funnel_of(hub, which, when).await?.at.as_ref().and_then(instant).context(EMPTY_ANSWER)
}

/// A report is printed in one form.
fn one_form(csv: bool, output: Format) -> Result<()> {
    ensure!(
        !csv || output == Format::Table,
        "--csv and -o json or yaml are two forms of one report: leave one of them out"
    );
    Ok(())
}
