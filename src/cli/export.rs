//! `devhub export`: the hub's APIs as a catalogue that plans to nothing.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::Args;

use super::catalogue::file;
use super::catalogue::read::Actual;
use super::connection::Connection;
use super::output::print_text;

/// Arguments of `devhub export`.
#[derive(Debug, Clone, Args)]
pub struct Export {
    /// Only this API; may be repeated
    #[arg(long = "context", value_name = "CONTEXT")]
    contexts: Vec<String>,
    /// Write to this file instead of standard output; it must not exist
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
}

impl Export {
    /// Reads the hub and writes the catalogue.
    ///
    /// # Errors
    /// When the hub does not answer, has no such API, or the file cannot be written.
    pub async fn run(&self, connection: &Connection) -> Result<ExitCode> {
        let hub = connection.hub().await?;
        let wanted = |context: &str| self.contexts.is_empty() || self.contexts.iter().any(|name| name == context);
        // An export of single APIs speaks of nothing else.
        let actual = Actual::read(&hub, wanted, |_| self.contexts.is_empty()).await?;
        for context in &self.contexts {
            ensure!(
                actual.apis.contains_key(context),
                "no API has the context {context:?}; `devhub list apis` shows those that are there"
            );
        }
        let text = format!(
            "# Catalogue of the hub at {}; `devhub plan -f` finds nothing to do in it.\n{}",
            connection.server,
            file::write(&actual.into_catalogue())?
        );
        match &self.to {
            Some(path) => write_new(path, &text)?,
            None => print_text(&text)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Writes a file that must not exist, so that no reviewed catalogue is lost to a slip.
fn write_new(path: &PathBuf, text: &str) -> Result<()> {
    use std::io::Write;

    let name = path.display();
    let mut file = std::fs::File::create_new(path).with_context(|| format!("{name} cannot be created"))?;
    file.write_all(text.as_bytes()).with_context(|| format!("{name} cannot be written"))
}
