//! `devhub explain`: why a call may or may not pass, rule by rule, at any instant.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use devhub_proto::v1;

use super::connection::Connection;
use super::date::Moment;
use super::failure::explained;
use super::output::{Format, print_machine, print_text};
use super::question::Question;
use super::view::decision::ExplanationView;
use crate::wire::timestamp;

/// Arguments of `devhub explain`.
#[derive(Debug, Clone, Args)]
pub struct Explain {
    #[command(flatten)]
    question: Question,
    /// Judge at this instant: RFC 3339, or a date such as "2025-01-06 start-of-day Europe/London"
    #[arg(long, value_name = "INSTANT")]
    at: Option<Moment>,
    /// Judge by what was known at this revision
    #[arg(long, default_value_t = 0, value_name = "REVISION")]
    at_revision: u64,
}

impl Explain {
    /// Asks and prints the explanation.
    ///
    /// # Errors
    /// When the hub could not judge.
    pub async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        let request = v1::ExplainRequest {
            question: Some(self.question.message()),
            at: self.at.as_ref().map(|moment| timestamp(moment.instant)),
            at_revision: self.at_revision,
        };
        let hub = connection.hub().await?;
        let answer = hub.authorization().explain(request).await.map_err(explained)?.into_inner();
        let view = ExplanationView::from(answer);
        match output {
            Format::Table => print_text(&view.text())?,
            Format::Json | Format::Yaml => print_machine(output, &view)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}
