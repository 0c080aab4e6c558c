//! `devhub withdraw`: takes back a planned or begun deprecation, or a planned retirement.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use devhub_proto::v1;
use devhub_proto::v1::lifecycle_change::Step;

use super::connection::Connection;
use super::lifecycle::change::{ChangeOptions, Intent};
use super::lifecycle::target::Targets;
use super::output::Format;

/// Arguments of `devhub withdraw`.
#[derive(Debug, Clone, Args)]
pub struct Withdraw {
    #[command(flatten)]
    targets: Targets,
    #[command(flatten)]
    options: ChangeOptions,
}

impl Withdraw {
    /// Previews or does it.
    ///
    /// # Errors
    /// When the hub refuses or does not answer.
    pub async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        let intent = Intent {
            targets: &self.targets,
            step: Step::Withdraw(v1::WithdrawStep {}),
            successors: None,
            dates: Vec::new(),
            options: &self.options,
        };
        intent.run(connection, output).await
    }
}
