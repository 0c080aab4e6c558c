//! `devhub audit`: the trail for people outside. Only `latest` and `search` ask a hub; `export` and `head` read a data
//! directory, and everything else needs the exported file alone.

mod export;
mod past;
mod show;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use devhub_proto::v1;
use serde::Serialize;

pub use past::ask;

use super::connection::Connection;
use super::failure::explained;
use super::list::{FactFilter, print_facts};
use super::output::{Format, print_one};
use super::view::time;
use crate::audit::{SignedHead, create, hex};

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Audit {
    /// Make a file with the key of the trail, and one with its public key beside it
    Key(Key),
    /// Export the trail of a data directory into one file; the hub may be running
    Export(export::Export),
    /// Sign what the trail of a data directory is now; the hub may be running
    Head(export::Head),
    /// Show the latest head that a hub has signed
    Latest,
    /// Verify an exported trail with nothing but the file, signed heads and a public key
    ///
    /// Exits 0 when nothing is wrong. Otherwise the sentence names the sequence.
    Verify(verify::Verify),
    /// Copy an exported trail without the texts that name somebody; it verifies as before
    Erase(verify::Erase),
    /// Ask an exported trail why a call might pass, or not, at an instant
    Explain(past::Past),
    /// List the facts of an exported trail
    Show(show::Show),
    /// List the facts of a hub
    Search(FactFilter),
}

/// The file of a key.
#[derive(Debug, Clone, Args)]
pub struct Key {
    /// The file; keep it apart from the data directory and its backups
    file: PathBuf,
}

#[derive(Debug, Serialize)]
struct KeyView {
    file: String,
    public_file: String,
    key_id: String,
}

/// A signed head.
#[derive(Debug, Serialize)]
struct HeadView {
    epoch: String,
    sequence: u64,
    link: String,
    time: String,
    key_id: String,
    signature: String,
}

impl From<&SignedHead> for HeadView {
    fn from(signed: &SignedHead) -> HeadView {
        HeadView {
            epoch: hex(&signed.head.epoch),
            sequence: signed.head.sequence,
            link: hex(&signed.head.link),
            time: signed.head.time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true),
            key_id: signed.key_id.clone(),
            signature: hex(&signed.signature),
        }
    }
}

impl From<v1::AuditHead> for HeadView {
    fn from(head: v1::AuditHead) -> HeadView {
        let v1::AuditHead { epoch, sequence, link, time: signed_at, key_id, signature } = head;
        HeadView { epoch, sequence, link, time: time(signed_at).unwrap_or_default(), key_id, signature }
    }
}

impl HeadView {
    fn fields(&self) -> Vec<(&'static str, String)> {
        vec![
            ("epoch", self.epoch.clone()),
            ("sequence", self.sequence.to_string()),
            ("link", self.link.clone()),
            ("signed at", self.time.clone()),
            ("key", self.key_id.clone()),
            ("signature", self.signature.clone()),
        ]
    }
}

impl Audit {
    /// Does it.
    ///
    /// # Errors
    /// When a trail is not sound, a file cannot be read or written, or the hub refuses.
    pub async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        match self {
            Audit::Key(Key { file }) => {
                let (key, public) = create(file)?;
                let view = KeyView {
                    file: file.display().to_string(),
                    public_file: public.display().to_string(),
                    key_id: key.public().id(),
                };
                let next = format!("start the hub with --audit-key-file {} and --audit-heads-file", view.file);
                let fields = [
                    ("file", view.file.clone()),
                    ("public key", view.public_file.clone()),
                    ("key", view.key_id.clone()),
                    ("next", next),
                ];
                print_one(output, &view, &fields)?;
            }
            Audit::Export(command) => command.run(output)?,
            Audit::Head(command) => command.run(output)?,
            Audit::Latest => latest(connection, output).await?,
            Audit::Verify(command) => command.run(output)?,
            Audit::Erase(command) => command.run(output)?,
            Audit::Explain(command) => command.run(output)?,
            Audit::Show(command) => command.run(output)?,
            Audit::Search(filter) => print_facts(filter, connection, output).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn latest(connection: &Connection, output: Format) -> Result<()> {
    let hub = connection.hub().await?;
    let answer = hub.audit().get_audit_head(v1::GetAuditHeadRequest {}).await.map_err(explained)?.into_inner();
    if !answer.signing {
        bail!("this hub signs no heads; start it with --audit-key-file and --audit-heads-file");
    }
    if !answer.trouble.is_empty() {
        bail!("this hub signs no further heads: {}", answer.trouble);
    }
    let Some(head) = answer.head else {
        bail!("this hub has signed no head yet: nothing was committed, or the journal is still being read; ask again");
    };
    let view = HeadView::from(head);
    print_one(output, &view, &view.fields())
}
