//! The state in sled: what the fold of the journal yields, kept so that a start need not compute it.
//!
//! Every call of sled is in this file and in `sled_notes.rs`. sled is trusted with nothing: each value carries its own checksum, the position
//! record says which journal it reflects and what the sum over all records is, a panic inside sled becomes an error, and
//! whoever is in doubt throws the directory away and folds the journal again. sled's flush is no fsync on Linux, which
//! is why durability is the journal's business alone. No subscriber, no transaction, one tree, one batch per group.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use super::round::Changed;
use super::{Epoch, Head, Key, Revision, Versioned};

/// Name of the directory of sled in the data directory.
pub(crate) const DIR: &str = "state";
/// Format of values and of the position record.
const FORMAT: u8 = 1;
/// Bytes before a value: format, revision, CRC32C.
const ENVELOPE: usize = 13;
/// Records have this byte before their key, so that the position can never be one of them.
const RECORD: u8 = b'r';
const POSITION_KEY: &[u8] = b"position";
const POSITION_BYTES: usize = 1 + 16 + 8 + 32 + 8 + 16 + 4;
/// Attempts to open while an earlier handle of this process is still letting go of sled's own lock.
const OPEN_ATTEMPTS: usize = 250;
const OPEN_PAUSE: Duration = Duration::from_millis(20);

/// Which journal the state reflects, and what it must contain then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) epoch: Epoch,
    pub(crate) revision: Revision,
    pub(crate) digest: [u8; 32],
    /// Number of records.
    pub(crate) records: u64,
    /// Sum of the hashes of all records: sled can open with rows missing, and this is how we notice.
    pub(crate) sum: u128,
}

/// An open sled.
pub(crate) struct State {
    db: sled::Db,
    position: Mutex<Position>,
}

/// Runs `call`; sled panics on some damaged files.
pub(super) fn guarded<T>(call: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|_| Err("sled panicked".to_owned()))
}

impl State {
    /// Opens or creates the state in `path`. An empty one begins at revision 0 of `epoch`.
    pub(crate) fn open(path: &Path, cache_bytes: u64, epoch: Epoch) -> Result<Self, String> {
        remove_leftovers(path)?;
        let db = guarded(|| open_db(path, cache_bytes))?;
        let found = guarded(|| db.get(POSITION_KEY).map_err(|error| error.to_string()))?;
        let position = match found {
            Some(bytes) => decode_position(&bytes)?,
            None if guarded(|| Ok(!db.is_empty()))? => return Err("it has records but no position".to_owned()),
            None => Position { epoch, revision: 0, digest: [0; 32], records: 0, sum: 0 },
        };
        Ok(Self { db, position: Mutex::new(position) })
    }

    pub(crate) fn position(&self) -> Position {
        *self.position.lock()
    }

    /// The record under `key`.
    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Versioned>, String> {
        let found = guarded(|| self.db.get(stored_key(key)).map_err(|error| error.to_string()))?;
        found.map(|bytes| open_envelope(key, &bytes)).transpose()
    }

    /// Up to `limit` records whose key starts with `prefix` and is greater than `after`, in order of key.
    pub(crate) fn scan(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Key, Versioned)>, String> {
        use std::ops::Bound::{Excluded, Included, Unbounded};
        let from = match after {
            Some(after) if after >= prefix => Excluded(stored_key(after)),
            Some(_) | None => Included(stored_key(prefix)),
        };
        let prefix = stored_key(prefix);
        guarded(|| {
            let mut records = Vec::new();
            for item in self.db.range::<Vec<u8>, _>((from, Unbounded)).take(limit) {
                let (stored, bytes) = item.map_err(|error| error.to_string())?;
                if !stored.starts_with(&prefix) {
                    break;
                }
                let key = Key::copy_from_slice(&stored[1..]);
                let versioned = open_envelope(&key, &bytes)?;
                records.push((key, versioned));
            }
            Ok(records)
        })
    }

    /// Applies a group as one batch, together with the position after it.
    pub(crate) fn apply(&self, epoch: Epoch, changed: &Changed, head: &Head) -> Result<(), String> {
        let mut position = self.position();
        let mut batch = sled::Batch::default();
        for (key, after) in changed {
            let stored = stored_key(key);
            let before = guarded(|| self.db.get(&stored).map_err(|error| error.to_string()))?;
            if let Some(bytes) = before {
                position.records = position.records.wrapping_sub(1);
                position.sum = position.sum.wrapping_sub(record_hash(key, &bytes));
            }
            match after {
                Some(versioned) => {
                    let bytes = envelope(key, versioned);
                    position.records = position.records.wrapping_add(1);
                    position.sum = position.sum.wrapping_add(record_hash(key, &bytes));
                    batch.insert(stored, bytes);
                }
                None => batch.remove(stored),
            }
        }
        position = Position { epoch, revision: head.revision, digest: head.digest, ..position };
        batch.insert(POSITION_KEY, encode_position(&position));
        guarded(|| self.db.apply_batch(batch).map_err(|error| error.to_string()))?;
        *self.position.lock() = position;
        Ok(())
    }

    /// Reads everything: each checksum, and the number and the sum that the position promises.
    pub(crate) fn verify(&self) -> Result<(), String> {
        let (mut records, mut sum) = (0_u64, 0_u128);
        guarded(|| {
            for item in self.db.iter() {
                let (stored, bytes) = item.map_err(|error| error.to_string())?;
                match stored.split_first() {
                    Some((&RECORD, key)) => {
                        open_envelope(key, &bytes)?;
                        records += 1;
                        sum = sum.wrapping_add(record_hash(key, &bytes));
                    }
                    Some(_) | None if *stored == *POSITION_KEY => {}
                    Some(_) | None => return Err("it has a key that is not ours".to_owned()),
                }
            }
            Ok(())
        })?;
        let position = self.position();
        if (records, sum) == (position.records, position.sum) {
            Ok(())
        } else {
            Err(format!("it has {records} records where {} are due, or other ones", position.records))
        }
    }

    /// Closes a state that is not wanted: sled may panic even then.
    pub(crate) fn discard(self) {
        if let Err(why) = guarded(|| {
            drop(self);
            Ok(())
        }) {
            tracing::warn!(why, "could not close the damaged state");
        }
    }

    /// Changes the stored value of `key` without its checksum.
    #[cfg(test)]
    pub(super) fn damage(&self, key: &[u8]) {
        let mut bytes = self.db.get(stored_key(key)).expect("sled reads").expect("the key exists").to_vec();
        *bytes.last_mut().expect("an envelope is not empty") ^= 1;
        self.db.insert(stored_key(key), bytes).expect("sled writes");
    }

    /// Hands what is cached to the operating system.
    pub(crate) fn flush(&self) -> Result<(), String> {
        guarded(|| self.db.flush().map(drop).map_err(|error| error.to_string()))
    }
}

/// Opens or creates a sled.
pub(super) fn open_db(path: &Path, cache_bytes: u64) -> Result<sled::Db, String> {
    let config = sled::Config::new().path(path).cache_capacity(cache_bytes).flush_every_ms(Some(500));
    let mut attempt = 1;
    loop {
        match config.open() {
            Ok(db) => return Ok(db),
            // Our own lock is held, so nobody else has it: it is an earlier handle of this process, on its way out.
            Err(error) if error.to_string().contains("could not acquire lock") && attempt < OPEN_ATTEMPTS => {
                attempt += 1;
                std::thread::sleep(OPEN_PAUSE);
            }
            Err(error) => return Err(error.to_string()),
        }
    }
}

/// A crash while sled writes a snapshot leaves a file that the next open would take for the snapshot, and refuse.
pub(super) fn remove_leftovers(path: &Path) -> Result<(), String> {
    let Ok(entries) = std::fs::read_dir(path) else {
        return Ok(());
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| name.starts_with("snap.") && name.ends_with(".generating")) else {
            continue;
        };
        tracing::info!(file = name, "renaming a snapshot that sled did not finish");
        std::fs::rename(entry.path(), path.join(format!("leftover.{name}"))).map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn stored_key(key: &[u8]) -> Vec<u8> {
    let mut stored = Vec::with_capacity(key.len() + 1);
    stored.push(RECORD);
    stored.extend_from_slice(key);
    stored
}

fn envelope(key: &[u8], versioned: &Versioned) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(ENVELOPE + versioned.value.len());
    bytes.push(FORMAT);
    bytes.extend_from_slice(&versioned.revision.to_be_bytes());
    bytes.extend_from_slice(&envelope_crc(&bytes, key, &versioned.value).to_be_bytes());
    bytes.extend_from_slice(&versioned.value);
    bytes
}

/// The key is part of it, so that a value under another key is noticed too.
fn envelope_crc(start: &[u8], key: &[u8], value: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c_append(crc32c::crc32c(start), key), value)
}

fn open_envelope(key: &[u8], bytes: &[u8]) -> Result<Versioned, String> {
    let wrong = || "the checksum of a value is wrong".to_owned();
    let (start, rest) = bytes.split_at_checked(9).ok_or_else(wrong)?;
    let (crc, value) = rest.split_at_checked(4).ok_or_else(wrong)?;
    if start[0] != FORMAT || envelope_crc(start, key, value).to_be_bytes() != crc {
        return Err(wrong());
    }
    let revision = Revision::from_be_bytes(start[1..].try_into().expect("the rest has eight bytes"));
    Ok(Versioned { revision, value: Bytes::copy_from_slice(value) })
}

fn record_hash(key: &[u8], bytes: &[u8]) -> u128 {
    let hash = Sha256::new().chain_update((key.len() as u64).to_be_bytes()).chain_update(key).chain_update(bytes);
    u128::from_be_bytes(hash.finalize()[..16].try_into().expect("half of a SHA-256 has 16 bytes"))
}

fn encode_position(position: &Position) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(POSITION_BYTES);
    bytes.push(FORMAT);
    bytes.extend_from_slice(&position.epoch.0);
    bytes.extend_from_slice(&position.revision.to_be_bytes());
    bytes.extend_from_slice(&position.digest);
    bytes.extend_from_slice(&position.records.to_be_bytes());
    bytes.extend_from_slice(&position.sum.to_be_bytes());
    bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_be_bytes());
    bytes
}

fn decode_position(bytes: &[u8]) -> Result<Position, String> {
    let bytes: &[u8; POSITION_BYTES] = bytes.try_into().map_err(|_| "its position has a wrong length".to_owned())?;
    let (content, crc) = bytes.split_at(POSITION_BYTES - 4);
    if content[0] != FORMAT || crc32c::crc32c(content).to_be_bytes() != crc {
        return Err("the checksum of its position is wrong".to_owned());
    }
    let mut epoch = Epoch([0; 16]);
    epoch.0.copy_from_slice(&content[1..17]);
    let mut digest = [0; 32];
    digest.copy_from_slice(&content[25..57]);
    let number = |from: usize| u64::from_be_bytes(content[from..from + 8].try_into().expect("eight bytes"));
    let sum = u128::from_be_bytes(content[65..81].try_into().expect("sixteen bytes"));
    Ok(Position { epoch, revision: number(17), digest, records: number(57), sum })
}
