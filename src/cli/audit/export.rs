//! `devhub audit export` and `devhub audit head`: from a data directory.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Args;
use serde::Serialize;

use super::HeadView;
use crate::audit::{self, Counts, Salts, TrailError, Writer, append, export, hex, read_key, redact};
use crate::cli::output::{Format, print_one, print_text};
use crate::clock::{Clock as _, SystemClock};
use crate::store::history::History;

/// Arguments of `devhub audit export`.
#[derive(Debug, Clone, Args)]
pub struct Export {
    /// Data directory of the hub, which may be running
    #[arg(long, env = "DEVHUB_DATA_DIR", value_name = "DIRECTORY")]
    data_dir: PathBuf,
    /// Key of the trail
    #[arg(long, env = "DEVHUB_AUDIT_KEY_FILE", value_name = "FILE")]
    audit_key_file: PathBuf,
    /// The hub's file of further lifecycle policies: the trail carries it, so that it can be asked about the past
    #[arg(long, env = "DEVHUB_POLICIES", value_name = "FILE")]
    policies: Option<PathBuf>,
    /// Leave out every text that has this in it, for example an e-mail address; may be repeated
    #[arg(long, value_name = "TEXT")]
    without: Vec<String>,
    /// The exported file; it must not exist
    file: PathBuf,
}

/// What a trail holds.
#[derive(Debug, Serialize)]
pub(super) struct TrailView {
    pub(super) file: String,
    pub(super) epoch: String,
    pub(super) entries: u64,
    pub(super) texts: u64,
    pub(super) erased: u64,
    pub(super) sequence: u64,
    pub(super) link: String,
    pub(super) attested: Option<u64>,
}

impl TrailView {
    pub(super) fn of(file: &Path, epoch: &[u8], counts: &Counts) -> TrailView {
        TrailView {
            file: file.display().to_string(),
            epoch: hex(epoch),
            entries: counts.entries,
            texts: counts.texts,
            erased: counts.erased,
            sequence: counts.sequence,
            link: hex(&counts.link),
            attested: None,
        }
    }

    pub(super) fn fields(&self) -> Vec<(&'static str, String)> {
        vec![
            ("file", self.file.clone()),
            ("epoch", self.epoch.clone()),
            ("entries", self.entries.to_string()),
            ("texts", format!("{}, of which {} are erased", self.texts, self.erased)),
            ("last sequence", self.sequence.to_string()),
            ("link", self.link.clone()),
        ]
    }
}

impl Export {
    /// Exports and prints what was exported.
    ///
    /// # Errors
    /// When the data is damaged or a file cannot be read or written.
    pub fn run(&self, output: Format) -> Result<()> {
        let key = read_key(&self.audit_key_file)?;
        let policies = match &self.policies {
            Some(path) => std::fs::read_to_string(path)
                .with_context(|| format!("cannot read policies file {}", path.display()))?,
            None => String::new(),
        };
        let now = SystemClock.now();
        let exported = export(&self.data_dir, &self.file, key.salts(), &self.without, policies, now)?;
        let view = TrailView::of(&self.file, &exported.epoch, &exported.counts);
        print_one(output, &view, &view.fields())
    }
}

/// Arguments of `devhub audit head`.
#[derive(Debug, Clone, Args)]
pub struct Head {
    /// Data directory of the hub, which may be running
    #[arg(long, env = "DEVHUB_DATA_DIR", value_name = "DIRECTORY")]
    data_dir: PathBuf,
    /// Key of the trail
    #[arg(long, env = "DEVHUB_AUDIT_KEY_FILE", value_name = "FILE")]
    audit_key_file: PathBuf,
    /// Append the head to this file; otherwise it is printed as the line that would stand there
    #[arg(long, value_name = "FILE")]
    append_to: Option<PathBuf>,
}

impl Head {
    /// Signs a head, and appends or prints it.
    ///
    /// # Errors
    /// When the data is damaged or a file cannot be read or written.
    pub fn run(&self, output: Format) -> Result<()> {
        let key = read_key(&self.audit_key_file)?;
        let (epoch, counts) = chained(&self.data_dir, key.salts())?;
        let head = audit::Head { epoch, sequence: counts.sequence, link: counts.link, time: SystemClock.now() };
        let head = head.sign(&key);
        match (&self.append_to, output) {
            (Some(file), _) => append(file, &head)?,
            (None, Format::Table) => return print_text(&(head.line() + "\n")),
            (None, Format::Json | Format::Yaml) => {}
        }
        let view = HeadView::from(&head);
        print_one(output, &view, &view.fields())
    }
}

/// The chain of a data directory: a trail that is written nowhere.
fn chained(directory: &Path, salts: &Salts) -> Result<([u8; 16], Counts), TrailError> {
    let history = History::of(directory)?;
    let failed = |error: std::io::Error| TrailError::Io(error.to_string());
    let mut writer = Writer::begin(std::io::sink(), &Default::default()).map_err(failed)?;
    history.each(directory, |commit| {
        let entry = redact(commit, salts)?.entry;
        writer.entry(commit.revision, &prost::Message::encode_to_vec(&entry), []).map_err(failed)
    })?;
    Ok((history.epoch.0, writer.finish().map_err(failed)?.1))
}
