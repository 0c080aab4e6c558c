//! `devhub doctor`: is a data directory sound, and what helps if it is not? The hub must not be running.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use super::backup::hex;
use super::output::{Format, print_one};
use crate::store::doctor::{Cure, Finding, Loss, Report, repair, verify};

/// Arguments of `devhub doctor`. Exits 0 when nothing is wrong that the next start does not heal, 1 otherwise.
#[derive(Debug, Clone, Args)]
pub struct Doctor {
    /// Data directory of a hub that is not running
    #[arg(long, env = "DEVHUB_DATA_DIR", value_name = "DIRECTORY")]
    data_dir: PathBuf,
    /// Heal what can be healed without loss
    #[arg(long)]
    repair: bool,
    /// Give up acknowledged commits that cannot be found any more; restore a backup instead if there is one
    #[arg(long, requires = "repair")]
    accept_loss: bool,
}

#[derive(Debug, Serialize)]
struct ReportView {
    healthy: bool,
    needs_care: bool,
    epoch: Option<String>,
    revision: u64,
    digest: String,
    segments: usize,
    journal_bytes: u64,
    records: u64,
    findings: Vec<FindingView>,
}

#[derive(Debug, Serialize)]
struct FindingView {
    path: String,
    problem: String,
    cure: &'static str,
}

impl From<&Finding> for FindingView {
    fn from(finding: &Finding) -> FindingView {
        let cure = match finding.cure {
            Cure::NextStart => "the next start heals it by itself",
            Cure::Repair => "`devhub doctor --repair` heals it without loss",
            Cure::Loss => "restore a backup, or give up what is lost with `devhub doctor --repair --accept-loss`",
            Cure::Release => "use the release of devhub that wrote it, or a later one",
        };
        FindingView { path: finding.path.display().to_string(), problem: finding.problem.clone(), cure }
    }
}

impl From<&Report> for ReportView {
    fn from(report: &Report) -> ReportView {
        ReportView {
            healthy: report.is_healthy(),
            // After a crash the state is behind the journal; that is what the journal is for.
            needs_care: report.findings.iter().any(|finding| finding.cure != Cure::NextStart),
            epoch: report.epoch.map(|epoch| hex(&epoch.0)),
            revision: report.revision,
            digest: hex(&report.digest),
            segments: report.segments,
            journal_bytes: report.journal_bytes,
            records: report.records,
            findings: report.findings.iter().map(FindingView::from).collect(),
        }
    }
}

impl ReportView {
    fn fields(&self) -> Vec<(&'static str, String)> {
        let findings = self.findings.iter().map(|f| format!("{}: {}\n  what to do: {}", f.path, f.problem, f.cure));
        let result = match (self.healthy, self.needs_care) {
            (true, _) => "nothing is wrong",
            (false, false) => "nothing is wrong that the next start does not heal",
            (false, true) => "something is wrong",
        };
        vec![
            ("result", result.to_owned()),
            ("epoch", self.epoch.clone().unwrap_or_default()),
            ("revision", self.revision.to_string()),
            ("digest", self.digest.clone()),
            ("journal", format!("{} files, {} bytes", self.segments, self.journal_bytes)),
            ("records", self.records.to_string()),
            ("findings", findings.collect::<Vec<_>>().join("\n")),
        ]
    }
}

impl Doctor {
    /// Examines, repairs if told to, and prints what was found.
    ///
    /// # Errors
    /// When the directory is in use, cannot be read, or cannot be repaired without loss.
    pub fn run(&self, output: Format) -> Result<ExitCode> {
        let loss = if self.accept_loss { Loss::Accepted } else { Loss::Refused };
        let report = if self.repair { repair(&self.data_dir, loss)? } else { verify(&self.data_dir)? };
        let view = ReportView::from(&report);
        print_one(output, &view, &view.fields())?;
        Ok(if view.needs_care { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}
