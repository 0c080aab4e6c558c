//! `devhub revise`: changes the dates of an end.

use std::process::ExitCode;

use anyhow::Result;
use clap::{ArgGroup, Args};
use devhub_proto::v1;
use devhub_proto::v1::lifecycle_change::Step;

use super::connection::Connection;
use super::date::Moment;
use super::lifecycle::change::{ChangeOptions, Intent, new_instant};
use super::lifecycle::successor::Successors;
use super::lifecycle::target::Targets;
use super::output::Format;

/// Arguments of `devhub revise`.
#[derive(Debug, Clone, Args)]
#[command(group = ArgGroup::new("new").required(true).multiple(true).args([
    "deprecate", "sunset_begins", "no_sunset", "retire", "retire_unknown", "successor", "replacement",
]))]
pub struct Revise {
    #[command(flatten)]
    targets: Targets,
    /// Another first instant of DEPRECATED, while it has not come
    #[arg(long, value_name = "INSTANT")]
    deprecate: Option<Moment>,
    /// Another first instant of a gradual sunset
    #[arg(long, value_name = "INSTANT", conflicts_with = "no_sunset")]
    sunset_begins: Option<Moment>,
    /// No gradual sunset any more
    #[arg(long)]
    no_sunset: bool,
    /// Another first instant of RETIRED
    #[arg(long, value_name = "INSTANT", conflicts_with = "retire_unknown")]
    retire: Option<Moment>,
    /// The retirement is to be announced
    #[arg(long)]
    retire_unknown: bool,
    #[command(flatten)]
    successors: Successors,
    #[command(flatten)]
    options: ChangeOptions,
}

impl Revise {
    /// Previews or does it.
    ///
    /// # Errors
    /// When the hub refuses or does not answer.
    pub async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        let step = v1::ReviseStep {
            deprecate: new_instant(self.deprecate.as_ref(), false),
            sunset_begin: new_instant(self.sunset_begins.as_ref(), self.no_sunset),
            retire: new_instant(self.retire.as_ref(), self.retire_unknown),
        };
        let intent = Intent {
            targets: &self.targets,
            step: Step::Revise(step),
            successors: Some(&self.successors),
            dates: [&self.deprecate, &self.sunset_begins, &self.retire].into_iter().flatten().collect(),
            options: &self.options,
        };
        intent.run(connection, output).await
    }
}
