//! Trails as files: exported from a data directory, and copied without what is to be forgotten.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use chrono::{DateTime, Utc};
use devhub_proto::audit::v1 as trail;
use prost::Message;

use super::entry::redact;
use super::flaw::{TrailError, io};
use super::reader::Reader;
use super::reference::Salts;
use super::writer::{Beside, Counts, Writer};
use crate::store::history::History;
use crate::wire::timestamp;

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exported {
    /// The history that sequences count in.
    pub epoch: [u8; 16],
    /// What the trail holds.
    pub counts: Counts,
}

/// The people whose texts are left out: every text that has one of these words in it, in whatever case.
fn is_of(persons: &[String], text: &str) -> bool {
    let text = text.to_lowercase();
    persons.iter().any(|person| text.contains(&person.to_lowercase()))
}

fn without(persons: &[String], beside: Beside) -> Beside {
    let known = beside.known.filter(|(_, text)| !is_of(persons, text));
    Beside { known, ..beside }
}

/// Writes what `write` does to a file that must not exist, and puts it in place when it is whole and durable.
fn put_in_place<T>(
    path: &Path,
    write: impl FnOnce(BufWriter<File>) -> Result<(BufWriter<File>, T), TrailError>,
) -> Result<T, TrailError> {
    if path.exists() {
        return Err(io("write", path, "the file exists; name another one"));
    }
    let mut draft = path.file_name().unwrap_or_default().to_owned();
    draft.push(".tmp");
    let draft = path.with_file_name(draft);
    let failed = |error| io("write", &draft, error);
    let (mut out, made) = write(BufWriter::with_capacity(1 << 18, File::create(&draft).map_err(failed)?))?;
    out.flush().map_err(failed)?;
    out.get_ref().sync_all().map_err(failed)?;
    std::fs::rename(&draft, path).map_err(|error| io("put in place", path, error))?;
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(|error| io("sync", directory, error))?;
    Ok(made)
}

/// Exports the trail of the store in `directory`, which may be running, to `path`, without the texts of `persons`.
///
/// # Errors
/// When the store is damaged or cannot be read, or the file exists or cannot be written.
pub fn export(
    directory: &Path,
    path: &Path,
    salts: &Salts,
    persons: &[String],
    policies: String,
    now: DateTime<Utc>,
) -> Result<Exported, TrailError> {
    let history = History::of(directory)?;
    let header = trail::Header {
        epoch: history.epoch.0.to_vec(),
        store_id: history.store_id.to_vec(),
        exported_at: Some(timestamp(now)),
        policies,
    };
    let counts = put_in_place(path, |out| {
        let failed = |error| io("write", path, error);
        let mut writer = Writer::begin(out, &header).map_err(failed)?;
        history.each(directory, |commit| {
            let redacted = redact(commit, salts)?;
            let texts = redacted.texts.into_iter().map(|text| {
                without(persons, Beside { reference: text.reference, known: Some((text.salt, text.text)) })
            });
            writer.entry(commit.revision, &redacted.entry.encode_to_vec(), texts).map_err(failed)
        })?;
        writer.finish().map_err(failed)
    })?;
    Ok(Exported { epoch: history.epoch.0, counts })
}

/// Copies the trail in `from` to `to` without the texts of `persons`. Its chain, and what attests it, stay the same.
///
/// # Errors
/// When the trail is not sound, or the file exists or cannot be written.
pub fn erase(from: &Path, to: &Path, persons: &[String]) -> Result<Counts, TrailError> {
    let mut reader = Reader::open(from)?;
    put_in_place(to, |out| {
        let failed = |error| io("write", to, error);
        let mut writer = Writer::begin(out, reader.header()).map_err(failed)?;
        while let Some(step) = reader.next_entry()? {
            let texts = step.texts.into_iter().map(|text| without(persons, text));
            writer.entry(step.entry.sequence, &step.payload, texts).map_err(failed)?;
        }
        writer.finish().map_err(failed)
    })
}
