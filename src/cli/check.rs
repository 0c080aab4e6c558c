//! `devhub check`: may a call pass? The exit code is the answer.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use devhub_proto::v1;

use super::connection::Connection;
use super::failure::explained;
use super::output::{Format, print_one};
use super::question::Question;
use super::view::decision::DecisionView;

/// The call is denied.
const EXIT_DENIED: u8 = 3;

/// Arguments of `devhub check`. Exits 0 when the call is allowed, 3 when it is denied, 1 when nobody could judge.
#[derive(Debug, Clone, Args)]
pub struct Check {
    #[command(flatten)]
    question: Question,
}

impl Check {
    /// Asks and prints the answer.
    ///
    /// # Errors
    /// When the hub could not judge.
    pub async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        let hub = connection.hub().await?;
        let answer = hub.authorization().authorize(self.question.message()).await.map_err(explained)?.into_inner();
        let allowed = answer.verdict() == v1::Verdict::Allow;
        let view = DecisionView::from(answer);
        print_one(output, &view, &view.fields())?;
        // Anything but an explicit allow is a denial, a verdict of a newer hub included.
        Ok(if allowed { ExitCode::SUCCESS } else { ExitCode::from(EXIT_DENIED) })
    }
}
