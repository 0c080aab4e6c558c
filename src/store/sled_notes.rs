//! The notes in sled: a database of its own, beside the state, that nothing is rebuilt from.
//!
//! Beside `sled_state.rs`, the only file that calls sled. What holds there of trust holds here: each value carries its
//! own checksum, and a panic inside sled becomes an error. But these values are in no journal, so damage is a loss: a
//! damaged value is left out, and the next start sets the whole database aside.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;

use super::Key;
use super::sled_state::{guarded, open_db, remove_leftovers};

/// Name of the directory of the notes in the data directory.
pub(crate) const DIR: &str = "usage";
/// Format of the envelope.
const FORMAT: u8 = 1;
/// Bytes before a value: format, CRC32C.
const ENVELOPE: usize = 5;
/// Memory for the page cache, in bytes: notes are read for people, not for decisions.
const CACHE_BYTES: u64 = 16 << 20;

/// The open notes.
pub(crate) struct Notes {
    db: sled::Db,
    path: PathBuf,
    /// A damaged note was left out.
    lost: AtomicBool,
}

impl Notes {
    /// Opens or creates the notes in `path`.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        remove_leftovers(path)?;
        let db = guarded(|| open_db(path, CACHE_BYTES))?;
        Ok(Self { db, path: path.to_owned(), lost: AtomicBool::new(false) })
    }

    /// Keeps `notes`. They are handed to the operating system before this returns.
    pub(crate) fn put(&self, notes: Vec<(Key, Bytes)>) -> Result<(), String> {
        let mut batch = sled::Batch::default();
        for (key, value) in notes {
            batch.insert(key.to_vec(), envelope(&key, &value));
        }
        guarded(|| self.db.apply_batch(batch).map_err(|error| error.to_string()))?;
        self.flush()
    }

    /// The notes of `keys`, in their order.
    pub(crate) fn get(&self, keys: &[Key]) -> Result<Vec<Option<Bytes>>, String> {
        guarded(|| {
            keys.iter()
                .map(|key| {
                    let found = self.db.get(key).map_err(|error| error.to_string())?;
                    Ok(found.and_then(|bytes| self.sound(key, &bytes)))
                })
                .collect()
        })
    }

    /// Up to `limit` notes whose key starts with `prefix` and is greater than `after`, in order of key.
    pub(crate) fn scan(&self, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<Vec<(Key, Bytes)>, String> {
        use std::ops::Bound::{Excluded, Included, Unbounded};
        let from = match after {
            Some(after) if after >= prefix => Excluded(after),
            Some(_) | None => Included(prefix),
        };
        guarded(|| {
            let mut notes = Vec::new();
            for item in self.db.range::<&[u8], _>((from, Unbounded)) {
                if notes.len() == limit {
                    break;
                }
                let (key, bytes) = item.map_err(|error| error.to_string())?;
                if !key.starts_with(prefix) {
                    break;
                }
                if let Some(value) = self.sound(&key, &bytes) {
                    notes.push((Key::copy_from_slice(&key), value));
                }
            }
            Ok(notes)
        })
    }

    /// Reads everything, each checksum too.
    pub(crate) fn verify(&self) -> Result<(), String> {
        guarded(|| {
            for item in self.db.iter() {
                let (key, bytes) = item.map_err(|error| error.to_string())?;
                opened(&key, &bytes).ok_or("the checksum of a note is wrong")?;
            }
            Ok(())
        })
    }

    /// Hands what is cached to the operating system.
    pub(crate) fn flush(&self) -> Result<(), String> {
        guarded(|| self.db.flush().map(drop).map_err(|error| error.to_string()))
    }

    /// Brings everything to the disk. sled's own flush hands it to the operating system only.
    pub(crate) fn settle(&self) -> Result<(), String> {
        self.flush()?;
        let sync = |path: &Path| File::open(path).and_then(|file| file.sync_all());
        let files = std::fs::read_dir(&self.path).map_err(|error| error.to_string())?;
        for file in files {
            let path = file.map_err(|error| error.to_string())?.path();
            if path.is_file() {
                sync(&path).map_err(|error| error.to_string())?;
            }
        }
        sync(&self.path).map_err(|error| error.to_string())
    }

    /// Whether a damaged note was left out.
    pub(crate) fn has_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    /// The value in an envelope; a damaged one is told and left out.
    fn sound(&self, key: &[u8], bytes: &[u8]) -> Option<Bytes> {
        let value = opened(key, bytes);
        if value.is_none() {
            tracing::error!("a note is damaged and left out; the next start sets the notes aside");
            self.lost.store(true, Ordering::Relaxed);
        }
        value
    }

    /// Closes notes that are not wanted: sled may panic even then.
    pub(crate) fn discard(self) {
        if let Err(why) = guarded(|| {
            drop(self);
            Ok(())
        }) {
            tracing::warn!(why, "could not close the damaged notes");
        }
    }
}

fn envelope(key: &[u8], value: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(ENVELOPE + value.len());
    bytes.push(FORMAT);
    bytes.extend_from_slice(&checksum(key, value).to_be_bytes());
    bytes.extend_from_slice(value);
    bytes
}

/// The key is part of it, so that a value under another key is noticed too.
fn checksum(key: &[u8], value: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c_append(crc32c::crc32c(&[FORMAT]), key), value)
}

/// The value in an envelope.
fn opened(key: &[u8], bytes: &[u8]) -> Option<Bytes> {
    let (format, rest) = bytes.split_first()?;
    let (crc, value) = rest.split_at_checked(ENVELOPE - 1)?;
    (*format == FORMAT && checksum(key, value).to_be_bytes() == crc).then(|| Bytes::copy_from_slice(value))
}
