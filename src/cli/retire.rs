//! `devhub retire`: plans or begins a retirement.

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

/// Arguments of `devhub retire`.
#[derive(Debug, Clone, Args)]
pub struct Retire {
    #[command(flatten)]
    targets: Targets,
    /// First instant of RETIRED: RFC 3339, or a date such as "2027-07-31 end-of-day Europe/London" [default: now]
    #[arg(long, value_name = "INSTANT")]
    at: Option<Moment>,
    #[command(flatten)]
    successors: Successors,
    #[command(flatten)]
    options: ChangeOptions,
}

impl Retire {
    /// Previews or does it.
    ///
    /// # Errors
    /// When the hub refuses or does not answer.
    pub async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        let step = v1::RetireStep { retire_time: self.at.as_ref().map(|moment| timestamp(moment.instant)) };
        let intent = Intent {
            targets: &self.targets,
            step: Step::Retire(step),
            successors: Some(&self.successors),
            dates: self.at.iter().collect(),
            options: &self.options,
        };
        intent.run(connection, output).await
    }
}
