//! `devhub pepper`: the file of the keys under which a hub hashes secrets.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::output::{Format, print_one};
use crate::secret;

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Pepper {
    /// Make a file with one pepper that only its owner can read
    New(File),
    /// Add a newer pepper to a file: it signs from the next start on, the older ones still verify
    ///
    /// Each secret moves to the newest pepper when it is next verified. `devhub secret list` shows which pepper a secret
    /// needs; a line that none needs can be removed from the file.
    Add(File),
}

/// The file.
#[derive(Debug, Clone, Args)]
pub struct File {
    /// The file; keep it apart from the data directory and its backups
    file: PathBuf,
}

#[derive(Debug, Serialize)]
struct PepperView {
    file: String,
    pepper_id: String,
}

impl Pepper {
    /// Makes a file or adds to it.
    ///
    /// # Errors
    /// When the file cannot be made or changed.
    pub fn run(&self, output: Format) -> Result<ExitCode> {
        let (file, id) = match self {
            Pepper::New(File { file }) => (file, secret::create(file)?),
            Pepper::Add(File { file }) => (file, secret::add(file)?),
        };
        let view = PepperView { file: file.display().to_string(), pepper_id: id.to_string() };
        let next = format!("start the hub with --pepper-file {}", view.file);
        let fields = [("file", view.file.clone()), ("newest pepper", view.pepper_id.clone()), ("next", next)];
        print_one(output, &view, &fields)?;
        Ok(ExitCode::SUCCESS)
    }
}
