//! `devhub migration forecast`.

use anyhow::Result;
use clap::Args;
use devhub_proto::v1;

use super::list::Listing;
use super::{When, Which, asked_at, stamp};
use crate::cli::connection::Hub;
use crate::cli::date::Moment;
use crate::cli::failure::explained;
use crate::cli::output::{Format, field_lines, print_machine, print_text, table};
use crate::cli::view::migration::ForecastView;

/// Arguments of `devhub migration forecast`.
#[derive(Debug, Clone, Args)]
pub struct Forecast {
    #[command(flatten)]
    which: Which,
    /// As if this were the sunset: RFC 3339, or a date such as "2027-06-30 end-of-day Europe/London"
    #[arg(long, value_name = "INSTANT")]
    supposed_sunset: Option<Moment>,
    /// Name those at risk and whom to ask, those with nothing to install first
    #[arg(long)]
    list: bool,
}

impl Forecast {
    pub(super) async fn run(&self, hub: &Hub, output: Format) -> Result<()> {
        let request = v1::GetMigrationForecastRequest {
            filter: Some(self.which.message()),
            supposed_sunset_time: stamp(&self.supposed_sunset),
        };
        let answer = hub.migrations().get_migration_forecast(request).await.map_err(explained)?.into_inner();
        let mut view = ForecastView::new(answer, self.supposed_sunset.is_some());
        if self.list {
            let when = When { at: None, supposed_sunset: self.supposed_sunset.clone() };
            let at = asked_at(hub, &self.which, &when).await?;
            view.name(Listing::at_risk(self.which.clone(), when).all(hub, at).await?);
        }
        match output {
            Format::Table => {
                let names = view.at_risk().filter(|names| !names.is_empty()).map(table).unwrap_or_default();
                print_text(&(view.sentences() + "\n" + &field_lines(&view.fields()) + &names))
            }
            Format::Json | Format::Yaml => print_machine(output, &view),
        }
    }
}
