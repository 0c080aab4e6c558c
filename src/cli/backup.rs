//! `devhub backup`: a verified copy of a data directory in one file; the hub may be running.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use super::output::{Format, print_one};
use crate::store::backup::{Summary, create, verify};

/// Arguments of `devhub backup`.
#[derive(Debug, Clone, Args)]
pub struct Backup {
    /// Data directory of the hub, which may be running
    #[arg(long, env = "DEVHUB_DATA_DIR", value_name = "DIRECTORY", required_unless_present = "verify")]
    data_dir: Option<PathBuf>,
    /// Only check the file: every frame, the chain and the end
    #[arg(long)]
    verify: bool,
    /// The backup file; it must not exist, unless it is only checked
    file: PathBuf,
}

/// What a backup holds.
#[derive(Debug, Serialize)]
pub struct SummaryView {
    file: String,
    store_id: String,
    epoch: String,
    revision: u64,
    digest: String,
    bytes: u64,
}

impl SummaryView {
    /// The summary of the backup in `file`.
    pub fn of(file: &std::path::Path, summary: &Summary) -> SummaryView {
        SummaryView {
            file: file.display().to_string(),
            store_id: hex(&summary.store_id),
            epoch: hex(&summary.epoch.0),
            revision: summary.revision,
            digest: hex(&summary.digest),
            bytes: summary.bytes,
        }
    }

    /// Its fields, for people.
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        vec![
            ("file", self.file.clone()),
            ("store", self.store_id.clone()),
            ("epoch", self.epoch.clone()),
            ("revision", self.revision.to_string()),
            ("digest", self.digest.clone()),
            ("bytes", self.bytes.to_string()),
        ]
    }
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Backup {
    /// Writes the backup and prints what it holds.
    ///
    /// # Errors
    /// When the directory is damaged or the file cannot be written.
    pub fn run(&self, output: Format) -> Result<ExitCode> {
        let summary = match (&self.data_dir, self.verify) {
            (_, true) | (None, false) => verify(&self.file)?,
            (Some(data_dir), false) => create(data_dir, &self.file)?,
        };
        let view = SummaryView::of(&self.file, &summary);
        print_one(output, &view, &view.fields())?;
        Ok(ExitCode::SUCCESS)
    }
}
