//! `devhub brownout`: short denials before a retirement, so that who still calls notices.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};
use devhub_proto::v1;
use devhub_proto::v1::lifecycle_change::Step;

use super::connection::Connection;
use super::date::Moment;
use super::lifecycle::change::{ChangeOptions, Intent};
use super::lifecycle::read;
use super::lifecycle::target::{OneTarget, Targets};
use super::output::{Format, print_rows};
use super::view::brownout::PlannedBrownoutView;
use crate::wire::timestamp;

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Brownout {
    /// Plan one
    Schedule(Scheduled),
    /// Cancel one that has not ended
    Cancel(Cancelled),
    /// Those that have not ended
    List(OneTarget),
}

/// Arguments of `devhub brownout schedule`.
#[derive(Debug, Clone, Args)]
pub struct Scheduled {
    #[command(flatten)]
    targets: Targets,
    /// Its first instant
    #[arg(long, value_name = "INSTANT")]
    from: Moment,
    /// The first instant after it
    #[arg(long, value_name = "INSTANT")]
    until: Moment,
    #[command(flatten)]
    options: ChangeOptions,
}

/// Arguments of `devhub brownout cancel`.
#[derive(Debug, Clone, Args)]
pub struct Cancelled {
    #[command(flatten)]
    targets: Targets,
    /// Its first instant
    #[arg(long, value_name = "INSTANT")]
    from: Moment,
    #[command(flatten)]
    options: ChangeOptions,
}

impl Brownout {
    /// Previews, does or lists it.
    ///
    /// # Errors
    /// When the hub refuses or does not answer.
    pub async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        match self {
            Brownout::Schedule(Scheduled { targets, from, until, options }) => {
                let step = v1::ScheduleBrownoutStep {
                    start_time: Some(timestamp(from.instant)),
                    end_time: Some(timestamp(until.instant)),
                };
                let step = Step::ScheduleBrownout(step);
                Intent { targets, step, successors: None, dates: vec![from, until], options }
                    .run(connection, output)
                    .await
            }
            Brownout::Cancel(Cancelled { targets, from, options }) => {
                let step = Step::CancelBrownout(v1::CancelBrownoutStep { start_time: Some(timestamp(from.instant)) });
                Intent { targets, step, successors: None, dates: vec![from], options }.run(connection, output).await
            }
            Brownout::List(target) => {
                let hub = connection.hub().await?;
                let schedule = read::schedule(&hub, target.message(), None).await?;
                let revisions = read::revisions(&hub, target.message()).await?;
                print_rows(output, &PlannedBrownoutView::all(schedule, &revisions))?;
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}
