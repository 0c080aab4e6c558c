//! `devhub migration checklist`.

use anyhow::Result;
use clap::Args;
use devhub_proto::v1;
use serde::Serialize;

use super::{one_form, stamp};
use crate::cli::catalogue::read::PAGE;
use crate::cli::connection::Hub;
use crate::cli::date::Moment;
use crate::cli::failure::explained;
use crate::cli::output::{Format, print_machine, print_text};
use crate::cli::pages::all_pages;
use crate::cli::sheet::{Destination, Sheet};
use crate::cli::view::migration::{COLUMNS, CompanyView, DeveloperView, Line};

/// Arguments of `devhub migration checklist`.
#[derive(Debug, Clone, Args)]
pub struct Checklist {
    #[command(flatten)]
    whose: Whose,
    /// As if this were the sunset: RFC 3339, or a date such as "2027-06-30 end-of-day Europe/London"
    #[arg(long, value_name = "INSTANT")]
    supposed_sunset: Option<Moment>,
    /// Write CSV to this file, or to standard output with -, instead of tables
    #[arg(long, value_name = "FILE")]
    csv: Option<Destination>,
}

/// Whose checklist.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = false)]
struct Whose {
    /// Of the developer of this application
    #[arg(long = "application", value_name = "ID")]
    application_id: Option<String>,
    /// Of this developer: every application that they work on and that replaces somebody's old accounts
    #[arg(long, value_name = "E-MAIL")]
    collaborator: Option<String>,
    /// Of the administrators of this company
    #[arg(long = "company", value_name = "ID")]
    company_id: Option<String>,
}

impl Checklist {
    pub(super) async fn run(&self, hub: &Hub, output: Format) -> Result<()> {
        one_form(self.csv.is_some(), output)?;
        let supposed_sunset_time = stamp(&self.supposed_sunset);
        if let Some(company_id) = self.whose.company_id.clone() {
            let request = v1::GetCompanyChecklistRequest { company_id, supposed_sunset_time };
            let answer = hub.migrations().get_company_checklist(request).await.map_err(explained)?.into_inner();
            let view = CompanyView::from(answer);
            return self.print(output, &view, view.lines(), || view.text());
        }
        let request = v1::ListDeveloperChecklistsRequest {
            application_id: self.whose.application_id.clone().unwrap_or_default(),
            collaborator: self.whose.collaborator.clone().unwrap_or_default(),
            supposed_sunset_time,
            page_size: PAGE,
            page_token: String::new(),
        };
        let all = all_pages!(hub.migrations(), list_developer_checklists, checklists, request);
        let views: Vec<DeveloperView> = all.into_iter().map(DeveloperView::from).collect();
        let lines = views.iter().flat_map(DeveloperView::lines).collect();
        self.print(output, &views, lines, || {
            if views.is_empty() {
                return "no application of theirs replaces an old account or leaves the marketplace\n".to_owned();
            }
            views.iter().map(DeveloperView::text).collect::<Vec<_>>().join("\n")
        })
    }

    fn print(
        &self,
        output: Format,
        view: &impl Serialize,
        lines: Vec<Line>,
        text: impl FnOnce() -> String,
    ) -> Result<()> {
        match (&self.csv, output) {
            (Some(destination), _) => {
                let mut sheet = Sheet::begin(destination, &COLUMNS)?;
                lines.iter().try_for_each(|line| sheet.row(line))?;
                sheet.finish()
            }
            (None, Format::Table) => print_text(&text()),
            (None, Format::Json | Format::Yaml) => print_machine(output, view),
        }
    }
}
