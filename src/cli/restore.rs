//! `devhub restore`: a data directory from a backup. It begins a new epoch, so that nobody resumes across it.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use super::backup::{Decryption, SummaryView, hex};
use super::output::{Format, print_one};

/// Arguments of `devhub restore`.
#[derive(Debug, Clone, Args)]
pub struct Restore {
    /// Directory to make; it must be empty or not exist
    #[arg(long, env = "DEVHUB_DATA_DIR", value_name = "DIRECTORY")]
    data_dir: PathBuf,
    /// The backup file
    file: PathBuf,
    #[command(flatten)]
    decryption: Decryption,
}

#[derive(Debug, Serialize)]
struct RestoredView {
    #[serde(flatten)]
    summary: SummaryView,
    data_dir: String,
    new_epoch: String,
}

impl Restore {
    /// Restores and prints what was restored.
    ///
    /// # Errors
    /// When the backup is damaged or the directory is in use.
    pub fn run(&self, output: Format) -> Result<ExitCode> {
        let restored = self.decryption.with(&self.file, |backup| crate::store::backup::restore(backup, &self.data_dir));
        let (summary, epoch) = restored?;
        let view = RestoredView {
            summary: SummaryView::of(&self.file, &summary),
            data_dir: self.data_dir.display().to_string(),
            new_epoch: hex(&epoch.0),
        };
        let mut fields = view.summary.fields();
        fields.push(("restored to", view.data_dir.clone()));
        fields.push(("new epoch", view.new_epoch.clone()));
        print_one(output, &view, &fields)?;
        Ok(ExitCode::SUCCESS)
    }
}
