//! `devhub completions`: completions for a shell, from the same definitions as the arguments.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

use super::Cli;
use super::output::print_text;

/// Arguments of `devhub completions`.
#[derive(Debug, Clone, Args)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    /// Prints the completions.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn run(&self) -> Result<ExitCode> {
        let mut script = Vec::new();
        generate(self.shell, &mut Cli::command(), "devhub", &mut script);
        print_text(&String::from_utf8(script)?)?;
        Ok(ExitCode::SUCCESS)
    }
}
