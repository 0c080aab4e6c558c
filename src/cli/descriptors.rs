//! `devhub descriptors`: the compiled contract, for what turns JSON into calls.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::Args;
use devhub_proto::v1;

/// Arguments of `devhub descriptors`.
#[derive(Debug, Clone, Args)]
pub struct Descriptors;

impl Descriptors {
    /// Writes the descriptor set to standard output.
    ///
    /// # Errors
    /// When that is a terminal or cannot be written.
    pub fn run(&self) -> Result<ExitCode> {
        let mut output = std::io::stdout().lock();
        ensure!(!output.is_terminal(), "a descriptor set is not for the eye; write it to a file: > devhub.pb");
        output.write_all(v1::DESCRIPTORS)?;
        output.flush()?;
        Ok(ExitCode::SUCCESS)
    }
}
