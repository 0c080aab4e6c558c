//! `devhub break-glass`: one person does what takes two, with a sealed code, on record.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use devhub_proto::v1;
use serde::Serialize;

use super::connection::{Connection, new_request_id};
use super::failure::explained;
use super::output::{Format, print_one};
use super::proposal::print;
use crate::secret::add_code;

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum BreakGlass {
    /// Make a code that opens once, print it once, and add its hash to a file
    New {
        /// The file that the hub reads as --break-glass-file
        file: PathBuf,
    },
    /// Do what a proposal proposes without a second person
    ///
    /// It leaves a record of its own, and stays listed until another operator has acknowledged it.
    Use(Use),
    /// Say that somebody else's breaking of the glass was looked at
    Acknowledge(Acknowledge),
}

/// Arguments of `devhub break-glass use`.
#[derive(Debug, Clone, Args)]
pub struct Use {
    /// The proposal that is done
    proposal: String,
    /// What happened, and why nobody else could be asked; at least 20 characters
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// File with the sealed code, so that no history of a shell has it
    #[arg(long, value_name = "FILE")]
    code_file: PathBuf,
    /// The etag last read; refuse if somebody has changed it since
    #[arg(long, value_name = "ETAG", default_value = "", hide_default_value = true)]
    etag: String,
}

/// Arguments of `devhub break-glass acknowledge`.
#[derive(Debug, Clone, Args)]
pub struct Acknowledge {
    /// The proposal that was done
    proposal: String,
    /// The etag last read; refuse if somebody has changed it since
    #[arg(long, value_name = "ETAG", default_value = "", hide_default_value = true)]
    etag: String,
}

#[derive(Serialize)]
struct CodeView {
    code: String,
    file: String,
}

fn new(file: &Path, output: Format) -> Result<()> {
    let code = add_code(file)?;
    let view = CodeView { code: code.reveal().to_owned(), file: file.display().to_string() };
    let fields = [
        ("code", view.code.clone()),
        ("", "seal it now: it is never shown again, and opens once".to_owned()),
        ("file", view.file.clone()),
        ("next", format!("start the hub with --break-glass-file {}", view.file)),
    ];
    print_one(output, &view, &fields)
}

impl BreakGlass {
    /// Makes a code, uses one, or acknowledges that one was used.
    ///
    /// # Errors
    /// When a file cannot be read or written, or the hub refuses.
    pub async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        match self {
            BreakGlass::New { file } => new(file, output)?,
            BreakGlass::Use(Use { proposal, reason, code_file, etag }) => {
                let code = std::fs::read_to_string(code_file)
                    .with_context(|| format!("the code cannot be read from {}", code_file.display()))?;
                let request = v1::BreakGlassRequest {
                    proposal_id: proposal.clone(),
                    reason: reason.clone(),
                    code: code.trim().to_owned(),
                    etag: etag.clone(),
                    request_id: new_request_id(),
                };
                let hub = connection.hub().await?;
                let answer = hub.approvals().break_glass(request).await.map_err(explained)?.into_inner();
                print(output, answer.proposal, &answer.warnings)?;
            }
            BreakGlass::Acknowledge(Acknowledge { proposal, etag }) => {
                let request = v1::AcknowledgeBreakGlassRequest {
                    proposal_id: proposal.clone(),
                    etag: etag.clone(),
                    request_id: new_request_id(),
                };
                let hub = connection.hub().await?;
                let answer = hub.approvals().acknowledge_break_glass(request).await.map_err(explained)?.into_inner();
                print(output, answer.proposal, &[])?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
