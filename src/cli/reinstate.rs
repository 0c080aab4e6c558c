//! `devhub reinstate`: brings back what is retired.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use devhub_proto::v1;
use devhub_proto::v1::lifecycle_change::Step;

use super::connection::Connection;
use super::date::Moment;
use super::lifecycle::change::{ChangeOptions, Intent, new_instant};
use super::lifecycle::target::Targets;
use super::output::Format;

/// Arguments of `devhub reinstate`.
#[derive(Debug, Clone, Args)]
pub struct Reinstate {
    #[command(flatten)]
    targets: Targets,
    /// First instant of the next retirement
    #[arg(long, value_name = "INSTANT", conflicts_with = "retire_unknown")]
    retire: Option<Moment>,
    /// The next retirement is to be announced, as it is when --retire is left out
    #[arg(long)]
    retire_unknown: bool,
    #[command(flatten)]
    options: ChangeOptions,
}

impl Reinstate {
    /// Previews or does it.
    ///
    /// # Errors
    /// When the hub refuses or does not answer.
    pub async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        let step = v1::ReinstateStep { retire: new_instant(self.retire.as_ref(), self.retire_unknown) };
        let intent = Intent {
            targets: &self.targets,
            step: Step::Reinstate(step),
            successors: None,
            dates: self.retire.iter().collect(),
            options: &self.options,
        };
        intent.run(connection, output).await
    }
}
