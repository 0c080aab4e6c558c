//! `devhub backup`: a verified copy of a data directory in one file; the hub may be running.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use super::output::{Format, print_one};
use crate::store::StoreError;
use crate::store::backup::{BackupFile, Identities, Recipients, Summary, create, create_encrypted, verify};

/// Arguments of `devhub backup`.
#[derive(Debug, Clone, Args)]
pub struct Backup {
    /// Data directory of the hub, which may be running
    #[arg(long, env = "DEVHUB_DATA_DIR", value_name = "DIRECTORY", required_unless_present = "verify")]
    data_dir: Option<PathBuf>,
    /// Only check the file: every frame, the chain and the end
    #[arg(long)]
    verify: bool,
    /// Encrypt it for this age recipient, age1…; repeat it for others
    #[arg(long, value_name = "RECIPIENT", conflicts_with = "verify")]
    recipient: Vec<String>,
    /// Encrypt it for the age recipients in this file, one on a line
    #[arg(long, value_name = "FILE", conflicts_with = "verify")]
    recipients_file: Vec<PathBuf>,
    #[command(flatten)]
    decryption: Decryption,
    /// The backup file; it must not exist, unless it is only checked
    file: PathBuf,
}

/// With what an encrypted backup is read.
#[derive(Debug, Clone, Args)]
pub struct Decryption {
    /// File with an age identity, as age-keygen makes it, that decrypts the backup; repeat it for others
    #[arg(long, value_name = "FILE")]
    identity: Vec<PathBuf>,
}

impl Decryption {
    /// Does something with the backup in `file`.
    ///
    /// # Errors
    /// When an identity cannot be read, and those of `action`.
    pub fn with<T>(&self, file: &Path, action: impl FnOnce(BackupFile<'_>) -> Result<T, StoreError>) -> Result<T> {
        let identities = Identities::read(&self.identity)?;
        Ok(action(BackupFile { path: file, identities: identities.as_ref() })?)
    }
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
    pub fn of(file: &Path, summary: &Summary) -> SummaryView {
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
        let recipients = Recipients::read(&self.recipient, &self.recipients_file)?;
        let summary = match (&self.data_dir, self.verify, recipients) {
            (_, true, _) | (None, false, _) => self.decryption.with(&self.file, |backup| verify(backup))?,
            (Some(data_dir), false, None) => create(data_dir, &self.file)?,
            (Some(data_dir), false, Some(recipients)) => create_encrypted(data_dir, &self.file, &recipients)?,
        };
        let view = SummaryView::of(&self.file, &summary);
        print_one(output, &view, &view.fields())?;
        Ok(ExitCode::SUCCESS)
    }
}
