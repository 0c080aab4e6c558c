//! `devhub deprecate`: plans or begins a deprecation.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use devhub_proto::v1;
use devhub_proto::v1::lifecycle_change::Step;

use super::connection::Connection;
use super::date::Moment;
use super::lifecycle::change::{ChangeOptions, Intent};
use super::lifecycle::successor::Successors;
use super::lifecycle::target::Targets;
use super::output::Format;
use crate::wire::timestamp;

/// Arguments of `devhub deprecate`.
#[derive(Debug, Clone, Args)]
pub struct Deprecate {
    #[command(flatten)]
    targets: Targets,
    /// First instant of DEPRECATED: RFC 3339, or a date such as "2027-01-31 start-of-day Europe/London" [default: now]
    #[arg(long, value_name = "INSTANT")]
    at: Option<Moment>,
    /// First instant of a gradual sunset, from which callers must expect brownouts
    #[arg(long, value_name = "INSTANT")]
    sunset_begins: Option<Moment>,
    /// First instant of RETIRED
    #[arg(long, value_name = "INSTANT", conflicts_with = "retire_unknown")]
    retire: Option<Moment>,
    /// The retirement is to be announced, as it is when --retire is left out
    #[arg(long)]
    retire_unknown: bool,
    #[command(flatten)]
    successors: Successors,
    #[command(flatten)]
    options: ChangeOptions,
}

impl Deprecate {
    /// Previews or does it.
    ///
    /// # Errors
    /// When the hub refuses or does not answer.
    pub async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        let wire = |moment: &Option<Moment>| moment.as_ref().map(|moment| timestamp(moment.instant));
        let step = v1::DeprecateStep {
            deprecate_time: wire(&self.at),
            sunset_begin_time: wire(&self.sunset_begins),
            retire_time: wire(&self.retire),
        };
        let intent = Intent {
            targets: &self.targets,
            step: Step::Deprecate(step),
            successors: Some(&self.successors),
            dates: [&self.at, &self.sunset_begins, &self.retire].into_iter().flatten().collect(),
            options: &self.options,
        };
        intent.run(connection, output).await
    }
}
