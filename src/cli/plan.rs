//! `devhub plan`: what a catalogue would change, and what stands in its way. It changes nothing.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use super::catalogue::compare::compare;
use super::catalogue::entry::Catalogue;
use super::catalogue::fingerprint::fingerprint;
use super::catalogue::judge::judge;
use super::catalogue::plan::Plan;
use super::catalogue::read::Actual;
use super::catalogue::{file, report};
use super::connection::{Connection, Hub};
use super::output::{Format, print_machine, print_text};

/// A plan has changes.
const EXIT_CHANGES: u8 = 2;

/// Arguments of `devhub plan`. Exits 0 when there is nothing to do, 2 when there are changes, 1 when something blocks.
#[derive(Debug, Clone, Args)]
pub struct PlanArgs {
    /// Catalogue file (YAML); may be repeated; `-` reads standard input
    #[arg(short, long = "file", required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// A plan, what it rests on, and what it is known by.
#[derive(Debug)]
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// The hub as it was read.
    pub actual: Actual,
    /// Its fingerprint.
    pub fingerprint: String,
}

#[derive(Debug, Serialize)]
struct PlanView<'a> {
    fingerprint: &'a str,
    #[serde(flatten)]
    plan: &'a Plan,
}

impl Planned {
    /// Reads the hub, compares it with `wanted` and has it judge the result.
    ///
    /// # Errors
    /// When the hub does not answer.
    pub async fn make(hub: &Hub, wanted: &Catalogue) -> Result<Planned> {
        let api = |context: &str| wanted.apis.iter().any(|api| api.context == context);
        let namespace = |name: &str| wanted.namespaces.iter().any(|entry| entry.namespace == name);
        let actual = Actual::read(hub, api, namespace).await?;
        let plan = judge(hub, compare(wanted, &actual), &actual).await?;
        let fingerprint = fingerprint(&plan, &actual);
        Ok(Planned { plan, actual, fingerprint })
    }

    /// Prints the plan.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn print(&self, output: Format) -> Result<()> {
        match output {
            Format::Table => print_text(&report::plan_text(&self.plan, &self.fingerprint)),
            Format::Json | Format::Yaml => {
                print_machine(output, &PlanView { fingerprint: &self.fingerprint, plan: &self.plan })
            }
        }
    }
}

impl PlanArgs {
    /// Makes and prints the plan.
    ///
    /// # Errors
    /// When a file is malformed or the hub does not answer.
    pub async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        // A malformed file is told before a hub is looked for.
        let wanted = file::read(&self.files)?;
        let planned = Planned::make(&connection.hub().await?, &wanted).await?;
        planned.print(output)?;
        Ok(if !planned.plan.blocked.is_empty() {
            ExitCode::FAILURE
        } else if planned.plan.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(EXIT_CHANGES)
        })
    }
}
