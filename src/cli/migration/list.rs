//! `devhub migration list`.

use anyhow::Result;
use chrono::{DateTime, Utc};
use clap::Args;
use devhub_proto::v1;

use super::{When, Which, asked_at, one_form, stamp};
use crate::cli::catalogue::read::PAGE;
use crate::cli::connection::Hub;
use crate::cli::failure::explained;
use crate::cli::output::{Format, print_rows};
use crate::cli::sheet::{Destination, Sheet};
use crate::cli::view::migration::MigrationView;
use crate::cli::words::Phase;
use crate::wire::timestamp;

/// Arguments of `devhub migration list`.
#[derive(Debug, Clone, Default, Args)]
pub struct Listing {
    #[command(flatten)]
    pub(super) which: Which,
    #[command(flatten)]
    pub(super) when: When,
    /// Only those in this phase; may be repeated
    #[arg(long = "phase", value_enum, value_name = "PHASE")]
    pub(super) phases: Vec<Phase>,
    /// Only those that the sunset would stop, or has stopped
    #[arg(long)]
    pub(super) at_risk: bool,
    /// Write CSV to this file, or to standard output with -, instead of a table; a cell that a spreadsheet would compute
    /// (it begins with =, +, - or @) gets an apostrophe in front
    #[arg(long, value_name = "FILE")]
    csv: Option<Destination>,
}

impl Listing {
    /// Those that the sunset would stop, or has stopped.
    pub(super) fn at_risk(which: Which, when: When) -> Listing {
        Listing { which, when, at_risk: true, ..Listing::default() }
    }

    pub(super) async fn run(&self, hub: &Hub, output: Format) -> Result<()> {
        one_form(self.csv.is_some(), output)?;
        let at = asked_at(hub, &self.which, &self.when).await?;
        match &self.csv {
            None => print_rows(output, &self.all(hub, at).await?),
            Some(destination) => self.write(hub, at, destination).await,
        }
    }

    /// All of them, by application and company.
    pub(super) async fn all(&self, hub: &Hub, at: DateTime<Utc>) -> Result<Vec<MigrationView>> {
        let mut all = Vec::new();
        let mut pages = self.request(at);
        loop {
            let (page, next) = page(hub, &pages).await?;
            all.extend(page);
            let Some(next) = next else { break Ok(all) };
            pages.page_token = next;
        }
    }

    /// Writes them page by page.
    async fn write(&self, hub: &Hub, at: DateTime<Utc>, destination: &Destination) -> Result<()> {
        let mut sheet = Sheet::begin(destination, &MigrationView::COLUMNS)?;
        let mut pages = self.request(at);
        loop {
            let (page, next) = page(hub, &pages).await?;
            page.iter().try_for_each(|migration| sheet.row(&migration.columns()))?;
            sheet.flush()?;
            let Some(next) = next else { break sheet.finish() };
            pages.page_token = next;
        }
    }

    fn request(&self, at: DateTime<Utc>) -> v1::ListMigrationsRequest {
        v1::ListMigrationsRequest {
            filter: Some(self.which.message()),
            phases: self.phases.iter().map(|phase| phase.wire().into()).collect(),
            at_risk_only: self.at_risk,
            at: Some(timestamp(at)),
            supposed_sunset_time: stamp(&self.when.supposed_sunset),
            page_size: PAGE,
            page_token: String::new(),
            ..Default::default()
        }
    }
}

/// One page, and the token of the next.
async fn page(hub: &Hub, request: &v1::ListMigrationsRequest) -> Result<(Vec<MigrationView>, Option<String>)> {
    let answer = hub.migrations().list_migrations(request.clone()).await.map_err(explained)?.into_inner();
    let next = Some(answer.next_page_token).filter(|token| !token.is_empty());
    Ok((answer.migrations.into_iter().map(MigrationView::from).collect(), next))
}
