//! `devhub schedule`: the dates of a version, an operation or a namespace, and how they came about.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use super::connection::Connection;
use super::date::Moment;
use super::lifecycle::read;
use super::lifecycle::target::OneTarget;
use super::output::{Format, field_lines, print_machine, print_text, table};
use super::view::schedule::{RevisionView, ScheduleView};
use crate::wire::timestamp;

/// Arguments of `devhub schedule`.
#[derive(Debug, Clone, Args)]
pub struct Schedule {
    #[command(flatten)]
    target: OneTarget,
    /// As it was publicly known at this instant [default: now]
    #[arg(long, value_name = "INSTANT")]
    as_of: Option<Moment>,
}

#[derive(Debug, Serialize)]
struct HistoryView {
    schedule: ScheduleView,
    revisions: Vec<RevisionView>,
}

impl Schedule {
    /// Asks and prints.
    ///
    /// # Errors
    /// When there is no such target, it has no schedule, or the hub does not answer.
    pub async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        let hub = connection.hub().await?;
        let as_of = self.as_of.as_ref().map(|moment| timestamp(moment.instant));
        let schedule = read::schedule(&hub, self.target.message(), as_of).await?;
        let known = usize::try_from(schedule.revisions).unwrap_or_default();
        // Revisions are announced in the order of their numbers.
        let revisions = read::revisions(&hub, self.target.message()).await?.into_iter().take(known);
        let history = HistoryView { schedule: schedule.into(), revisions: RevisionView::all(revisions) };
        match output {
            Format::Table => {
                print_text(&format!("{}\n{}", field_lines(&history.schedule.fields()), table(&history.revisions)))?;
            }
            Format::Json | Format::Yaml => print_machine(output, &history)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}
