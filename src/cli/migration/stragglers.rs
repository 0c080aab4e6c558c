//! `devhub migration stragglers`.

use anyhow::Result;
use clap::{Args, ValueEnum};
use devhub_proto::v1;

use super::{When, Which, asked_at, one_form, stamp};
use crate::cli::catalogue::read::PAGE;
use crate::cli::connection::Hub;
use crate::cli::date::Moment;
use crate::cli::output::{Format, print_rows};
use crate::cli::pages::all_pages;
use crate::cli::sheet::{Destination, Sheet};
use crate::cli::view::migration::StragglerView;
use crate::wire::timestamp;

/// What the order goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum By {
    /// Calls of the last 28 days, most first
    Calls,
    /// The last use, the latest first
    LastUse,
}

/// Arguments of `devhub migration stragglers`.
#[derive(Debug, Clone, Args)]
pub struct Stragglers {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    when: When,
    /// What the order goes by
    #[arg(long, value_enum, default_value_t = By::Calls)]
    by: By,
    /// Only those that the sunset would stop, or has stopped
    #[arg(long)]
    at_risk: bool,
    /// Only those of which an account was used at or after this instant
    #[arg(long, value_name = "INSTANT")]
    used_since: Option<Moment>,
    /// Write CSV to this file, or to standard output with -, instead of a table
    #[arg(long, value_name = "FILE")]
    csv: Option<Destination>,
}

impl Stragglers {
    pub(super) async fn run(&self, hub: &Hub, output: Format) -> Result<()> {
        one_form(self.csv.is_some(), output)?;
        let at = asked_at(hub, &self.which, &self.when).await?;
        let order = match self.by {
            By::Calls => v1::MigrationOrder::RecentCalls,
            By::LastUse => v1::MigrationOrder::LastUse,
        };
        let request = v1::ListMigrationsRequest {
            filter: Some(self.which.message()),
            phases: Vec::new(),
            at_risk_only: self.at_risk,
            at: Some(timestamp(at)),
            supposed_sunset_time: stamp(&self.when.supposed_sunset),
            page_size: PAGE,
            page_token: String::new(),
            order: order.into(),
            unfinished_only: true,
            used_since_time: stamp(&self.used_since),
        };
        let all = all_pages!(hub.migrations(), list_migrations, migrations, request);
        let views: Vec<StragglerView> = all.into_iter().map(StragglerView::from).collect();
        let Some(destination) = &self.csv else { return print_rows(output, &views) };
        let mut sheet = Sheet::begin(destination, &StragglerView::COLUMNS)?;
        views.iter().try_for_each(|view| sheet.row(&view.columns()))?;
        sheet.finish()
    }
}
