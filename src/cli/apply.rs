//! `devhub apply`: makes the hub say what a catalogue says. The plan is made anew; with the fingerprint of a reviewed
//! one it is carried out only if it is still the same.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args;
use serde::Serialize;

use super::catalogue::apply::{Done, apply};
use super::catalogue::{file, report};
use super::connection::Connection;
use super::output::{Format, print_machine, print_text};
use super::plan::Planned;

/// Arguments of `devhub apply`.
#[derive(Debug, Clone, Args)]
pub struct Apply {
    /// Catalogue file (YAML); may be repeated; `-` reads standard input
    #[arg(short, long = "file", required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Fingerprint of the reviewed plan; refuse when hub or file have changed since
    #[arg(long, value_name = "FINGERPRINT")]
    fingerprint: Option<String>,
}

#[derive(Debug, Serialize)]
struct AppliedView {
    fingerprint: String,
    applied: Vec<Done>,
}

impl Apply {
    /// Makes the plan and carries it out.
    ///
    /// # Errors
    /// When the plan is blocked or not the reviewed one, when the hub refuses an action or does not answer.
    pub async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        let wanted = file::read(&self.files)?;
        let hub = connection.hub().await?;
        let planned = Planned::make(&hub, &wanted).await?;
        if let Some(reviewed) = &self.fingerprint
            && *reviewed != planned.fingerprint
        {
            bail!(
                "the world moved: the plan now has the fingerprint {}, not {reviewed}; nothing was applied. Run \
                 `devhub plan` again, review what it shows, and apply that",
                planned.fingerprint
            );
        }
        if !planned.plan.blocked.is_empty() {
            planned.print(output)?;
            bail!("nothing was applied: the plan is blocked");
        }
        let done = apply(&hub, &planned.plan, &planned.actual, |done| tell(output, done)).await?;
        match output {
            Format::Table if done.is_empty() => print_text("Nothing to do: hub and file agree.\n")?,
            Format::Table => print_text(&format!("\nApplied {} actions.\n", done.len()))?,
            Format::Json | Format::Yaml => {
                print_machine(output, &AppliedView { fingerprint: planned.fingerprint, applied: done })?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Tells people of each action as it is done.
fn tell(output: Format, done: &Done) -> Result<()> {
    match output {
        Format::Table => {
            let mut text = String::new();
            report::step_lines(&mut text, &done.step);
            print_text(&text)
        }
        Format::Json | Format::Yaml => Ok(()),
    }
}
