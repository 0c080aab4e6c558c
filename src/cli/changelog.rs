//! `devhub changelog`: what happened to an API or a namespace, announcement by announcement.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use super::connection::Connection;
use super::lifecycle::read;
use super::output::{Format, print_rows};
use super::view::schedule::RevisionView;

/// Arguments of `devhub changelog`.
#[derive(Debug, Clone, Args)]
pub struct Changelog {
    /// Context of the API, or a namespace
    context: String,
}

impl Changelog {
    /// Asks and prints.
    ///
    /// # Errors
    /// When the hub does not answer.
    pub async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        let hub = connection.hub().await?;
        let revisions = RevisionView::all(read::changelog(&hub, &self.context).await?);
        let rows: Vec<_> = revisions.into_iter().map(RevisionView::with_target).collect();
        print_rows(output, &rows)?;
        Ok(ExitCode::SUCCESS)
    }
}
