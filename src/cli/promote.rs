//! `devhub promote`: raises the maturity of versions.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use devhub_proto::v1;
use devhub_proto::v1::lifecycle_change::Step;

use super::connection::Connection;
use super::lifecycle::change::{ChangeOptions, Intent};
use super::lifecycle::target::Targets;
use super::output::Format;

use super::words::Maturity;

/// Arguments of `devhub promote`.
#[derive(Debug, Clone, Args)]
pub struct Promote {
    #[command(flatten)]
    targets: Targets,
    /// The new maturity
    #[arg(long, value_enum)]
    to: Maturity,
    /// Show the endpoints as enabled from now on
    #[arg(long)]
    endpoints_enabled: bool,
    #[command(flatten)]
    options: ChangeOptions,
}

impl Promote {
    /// Previews or does it.
    ///
    /// # Errors
    /// When the hub refuses or does not answer.
    pub async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        let step = v1::PromoteStep { maturity: self.to.wire().into(), endpoints_enabled: self.endpoints_enabled };
        let intent = Intent {
            targets: &self.targets,
            step: Step::Promote(step),
            successors: None,
            dates: Vec::new(),
            options: &self.options,
        };
        intent.run(connection, output).await
    }
}
