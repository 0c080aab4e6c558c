//! `devhub migration delisting`.

use anyhow::Result;
use clap::Args;
use devhub_proto::v1;

use super::{one_form, stamp};
use crate::cli::catalogue::read::PAGE;
use crate::cli::connection::Hub;
use crate::cli::date::Moment;
use crate::cli::output::{Format, print_machine, print_text, table};
use crate::cli::pages::all_pages;
use crate::cli::sheet::{Destination, Sheet};
use crate::cli::view::migration::DelistingView;

/// Arguments of `devhub migration delisting`.
#[derive(Debug, Clone, Args)]
pub struct Delisting {
    /// As if this were the sunset: RFC 3339, or a date such as "2027-06-30 end-of-day Europe/London"
    #[arg(long, value_name = "INSTANT")]
    supposed_sunset: Option<Moment>,
    /// Write CSV to this file, or to standard output with -, instead of a table
    #[arg(long, value_name = "FILE")]
    csv: Option<Destination>,
}

impl Delisting {
    pub(super) async fn run(&self, hub: &Hub, output: Format) -> Result<()> {
        one_form(self.csv.is_some(), output)?;
        let request = v1::ListDelistingsRequest {
            supposed_sunset_time: stamp(&self.supposed_sunset),
            page_size: PAGE,
            page_token: String::new(),
        };
        let all = all_pages!(hub.migrations(), list_delistings, delistings, request);
        let views: Vec<DelistingView> = all.into_iter().map(DelistingView::from).collect();
        match (&self.csv, output) {
            (Some(destination), _) => {
                let mut sheet = Sheet::begin(destination, &DelistingView::COLUMNS)?;
                views.iter().try_for_each(|view| sheet.row(&view.columns()))?;
                sheet.finish()
            }
            (None, Format::Table) if views.is_empty() => print_text(
                "no listing leaves with the sunset: each has an approved version with a supported way to data\n",
            ),
            (None, Format::Table) => print_text(&table(&views)),
            (None, Format::Json | Format::Yaml) => print_machine(output, &views),
        }
    }
}
