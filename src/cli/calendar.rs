//! `devhub calendar`: the dates that are to come.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use devhub_proto::v1;

use super::connection::Connection;
use super::date::Moment;
use super::lifecycle::read;
use super::output::{Format, print_rows};
use super::view::calendar::CalendarView;
use super::words::Environment;
use crate::wire::timestamp;

/// Arguments of `devhub calendar`.
#[derive(Debug, Clone, Args)]
pub struct Calendar {
    /// First instant: RFC 3339, or a date such as "2027-01-01 start-of-day Europe/London" [default: now]
    #[arg(long, value_name = "INSTANT")]
    from: Option<Moment>,
    /// First instant after the span [default: a year later]
    #[arg(long, value_name = "INSTANT")]
    until: Option<Moment>,
    /// Only dates of this environment
    #[arg(long, value_enum)]
    environment: Option<Environment>,
    /// Only dates of this API, or of the APIs of this namespace
    #[arg(long, value_name = "CONTEXT")]
    context: Option<String>,
}

impl Calendar {
    /// Asks and prints.
    ///
    /// # Errors
    /// When the hub does not answer.
    pub async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        let hub = connection.hub().await?;
        let query = v1::ListCalendarRequest {
            from_time: self.from.as_ref().map(|moment| timestamp(moment.instant)),
            until_time: self.until.as_ref().map(|moment| timestamp(moment.instant)),
            environment: self.environment.map(|environment| environment.wire().into()).unwrap_or_default(),
            context: self.context.clone().unwrap_or_default(),
            ..Default::default()
        };
        let entries = read::calendar(&hub, query).await?.into_iter();
        print_rows(output, &entries.map(CalendarView::from).collect::<Vec<_>>())?;
        Ok(ExitCode::SUCCESS)
    }
}
