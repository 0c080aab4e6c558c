//! `devhub access`: the table of who may make which call.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::access::table;

/// Arguments of `devhub access`.
#[derive(Debug, Clone, Args)]
pub struct Access;

impl Access {
    /// Prints the table as Markdown.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub fn run(&self, out: &mut dyn std::io::Write) -> Result<ExitCode> {
        out.write_all(table::markdown().as_bytes())?;
        Ok(ExitCode::SUCCESS)
    }
}
