//! `store.json`: which store a directory holds, and which history its revisions count in.
//!
//! It is written last when a directory is laid out, so its presence means that the rest is complete.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Epoch, StoreError, disk, trouble};

/// Name of the file in the data directory.
pub(crate) const FILE: &str = "store.json";
/// Format of the data directory as a whole.
const FORMAT: u64 = 1;

/// What `store.json` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Stays the same for the life of the store, across restores.
    pub(crate) store_id: [u8; 16],
    pub(crate) epoch: Epoch,
    /// Earlier histories, oldest first.
    pub(crate) previous: Vec<Epoch>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: u64,
    store_id: String,
    epoch: String,
    previous_epochs: Vec<String>,
    /// Over the other fields: a changed digit must not pass for another epoch.
    crc32c: String,
}

impl Identity {
    /// A store that did not exist before.
    pub(crate) fn fresh() -> Result<Self, StoreError> {
        Ok(Self { store_id: random()?, epoch: Epoch(random()?), previous: Vec::new() })
    }

    /// The same store at the beginning of a new history.
    pub(crate) fn with_new_epoch(mut self) -> Result<Self, StoreError> {
        self.previous.push(self.epoch);
        self.epoch = Epoch(random()?);
        Ok(self)
    }

    /// What the file in `dir` says, or `None` if there is none.
    pub(crate) fn load(dir: &Path) -> Result<Option<Self>, StoreError> {
        let path = dir.join(FILE);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(trouble::io("read", &path, error)),
        };
        let value: serde_json::Value = serde_json::from_slice(&bytes)
            .map_err(|error| trouble::damaged(&path, format!("is not JSON ({error})")))?;
        // Before the rest: a newer format may have other fields.
        if let Some(format) = value.get("format").and_then(serde_json::Value::as_u64).filter(|format| *format > FORMAT)
        {
            return Err(trouble::newer(&path, format, FORMAT));
        }
        let file: File = serde_json::from_value(value)
            .map_err(|error| trouble::damaged(&path, format!("does not describe a store ({error})")))?;
        Self::parse(&file).map(Some).ok_or_else(|| trouble::damaged(&path, "its checksum or an identifier is wrong"))
    }

    fn parse(file: &File) -> Option<Self> {
        if file.format != FORMAT || file.crc32c != checksum(file) {
            return None;
        }
        let previous = file.previous_epochs.iter().map(|text| unhex(text).map(Epoch)).collect::<Option<_>>()?;
        Some(Self { store_id: unhex(&file.store_id)?, epoch: Epoch(unhex(&file.epoch)?), previous })
    }

    /// Writes the file in `dir`, durably.
    pub(crate) fn save(&self, dir: &Path) -> Result<(), StoreError> {
        let mut file = File {
            format: FORMAT,
            store_id: hex(&self.store_id),
            epoch: self.epoch.to_string(),
            previous_epochs: self.previous.iter().map(Epoch::to_string).collect(),
            crc32c: String::new(),
        };
        file.crc32c = checksum(&file);
        let mut text = serde_json::to_vec_pretty(&file).expect("strings and numbers always become JSON");
        text.push(b'\n');
        disk::replace(&dir.join(FILE), &text)
    }
}

fn checksum(file: &File) -> String {
    let text = format!("{} {} {} {}", file.format, file.store_id, file.epoch, file.previous_epochs.join(","));
    format!("{:08x}", crc32c::crc32c(text.as_bytes()))
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

/// Sixteen bytes from the operating system.
pub(crate) fn random() -> Result<[u8; 16], StoreError> {
    let mut bytes = [0; 16];
    let filled = getrandom::fill(&mut bytes);
    filled.map_err(|error| StoreError::Io(format!("the operating system gave no random bytes: {error}")))?;
    Ok(bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; 16]> {
    let canonical = text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    canonical.then(|| u128::from_str_radix(text, 16).ok()).flatten().map(u128::to_be_bytes)
}
