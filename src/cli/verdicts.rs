//! The verdict file of an import: what became of each row, written as the import goes on, so that it can be resumed.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// What a verdict file has a line of.
pub trait Line: Serialize {
    /// Titles of its columns.
    const HEADER: &'static [&'static str];
}

/// What became of one row of subscriptions, as the file has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Its number: 1 is the first row after the header.
    pub row: u64,
    /// `IMPORTED`, `UNCHANGED`, `REFUSED`, or `WOULD_IMPORT` in a dry run.
    pub outcome: String,
    /// The name of the error reason, when refused.
    pub reason: String,
    /// A sentence, when refused.
    pub message: String,
    /// The application, as the row names it.
    pub application_id: String,
    /// The API.
    pub context: String,
    /// The version.
    pub version: String,
}

impl Line for Verdict {
    const HEADER: &'static [&'static str] =
        &["row", "outcome", "reason", "message", "application_id", "context", "version"];
}

impl Verdict {
    /// Whether the subscription is in the hub, so that the row need not be sent again.
    pub fn is_settled(&self) -> bool {
        matches!(self.outcome.as_str(), "IMPORTED" | "UNCHANGED")
    }
}

/// A verdict file that is being written.
#[derive(Debug)]
pub struct VerdictFile<V> {
    writer: csv::Writer<File>,
    path: PathBuf,
    line: PhantomData<V>,
}

impl<V: Line> VerdictFile<V> {
    /// Begins the file anew with the verdicts that are kept from before. It appears whole or not at all, so that a
    /// crash at this moment loses no verdict.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn begin(path: &Path, kept: &[V]) -> Result<VerdictFile<V>> {
        let name = path.display();
        let new = path.with_extension("new");
        let mut writer =
            csv::Writer::from_path(&new).with_context(|| format!("{} cannot be written", new.display()))?;
        if kept.is_empty() {
            // With no row to derive it from, the header is written by hand.
            writer.write_record(V::HEADER)?;
        }
        kept.iter().try_for_each(|verdict| writer.serialize(verdict))?;
        writer.into_inner().context("the verdicts cannot be written")?.sync_all()?;
        std::fs::rename(&new, path).with_context(|| format!("{name} cannot be written"))?;
        let file = OpenOptions::new().append(true).open(path).with_context(|| format!("{name} cannot be written"))?;
        let writer = csv::WriterBuilder::new().has_headers(false).from_writer(file);
        Ok(VerdictFile { writer, path: path.to_owned(), line: PhantomData })
    }

    /// Adds verdicts and hands them to the operating system.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn add(&mut self, verdicts: &[V]) -> Result<()> {
        verdicts
            .iter()
            .try_for_each(|verdict| self.writer.serialize(verdict))
            .and_then(|()| self.writer.flush().map_err(csv::Error::from))
            .with_context(|| format!("{} cannot be written", self.path.display()))
    }
}

/// The last verdict on each row in the file at `path`; none if there is no file. A last line that a crash cut short is
/// left out.
///
/// # Errors
/// When the file cannot be read.
pub fn read(path: &Path) -> Result<BTreeMap<u64, Verdict>> {
    if !path.exists() {
        return Ok(BTreeMap::new());
    }
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_path(path)
        .with_context(|| format!("{} cannot be read", path.display()))?;
    let verdicts = reader.deserialize().filter_map(Result::ok).map(|verdict: Verdict| (verdict.row, verdict));
    Ok(verdicts.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(row: u64, outcome: &str) -> Verdict {
        Verdict {
            row,
            outcome: outcome.to_owned(),
            reason: String::new(),
            message: "a sentence, with \"quotes\"".to_owned(),
            application_id: "ledgerly".to_owned(),
            context: "individuals/losses".to_owned(),
            version: "1.10".to_owned(),
        }
    }

    #[test]
    fn the_last_verdict_on_a_row_counts_and_a_torn_line_does_not() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("verdicts.csv");
        assert!(read(&path).expect("no file").is_empty());
        let mut file = VerdictFile::begin(&path, &[verdict(1, "IMPORTED")]).expect("a file");
        file.add(&[verdict(2, "REFUSED"), verdict(3, "REFUSED")]).expect("written");
        file.add(&[verdict(2, "IMPORTED")]).expect("written");
        drop(file);
        let text = std::fs::read_to_string(&path).expect("text");
        assert!(text.starts_with("row,outcome,reason,message,application_id,context,version\n1,IMPORTED,"), "{text}");
        std::fs::write(&path, text + "4,IMPO").expect("torn");
        let verdicts = read(&path).expect("verdicts");
        assert_eq!(
            verdicts.values().map(|v| v.outcome.as_str()).collect::<Vec<_>>(),
            ["IMPORTED", "IMPORTED", "REFUSED"]
        );
        assert_eq!(verdicts[&1], verdict(1, "IMPORTED"));
    }

    #[test]
    fn an_empty_file_has_a_header() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("verdicts.csv");
        drop(VerdictFile::<Verdict>::begin(&path, &[]).expect("a file"));
        assert!(std::fs::read_to_string(&path).expect("text").starts_with("row,outcome,reason,message,"));
    }
}
