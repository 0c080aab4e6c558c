//! The embedded engine: a journal is the truth, sled holds the state.
//!
//! One thread commits. For each group that waits it checks the expectations, appends one frame, syncs once, tells the
//! witness, applies the group to the state, shows it to the sink and answers. A crash survives at every step: before
//! the sync nobody was answered; after it the journal has the group, and the next start brings the state up to it.
//!
//! Notes are beside all this, in a sled of their own: they wait for no commit, and no commit waits for them.

mod group;
mod notes;
mod open;
mod state;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;

use super::disk::Disk;
use super::fault::Faults;
use super::journal::Journal;
use super::journal::reader::Reader;
use super::lock::Lock;
use super::queue::{Attached, Queue, attached_already};
use super::round::Changed;
use super::sled_notes::Notes;
use super::sled_state::State;
use super::witness::WitnessFile;
use super::{Batch, Commit, Epoch, Head, Key, Promise, Revision, Sink, Store, StoreError, Verdict, Versioned, trouble};

pub(crate) use open::HeldDirectory;
pub(crate) use state::open as open_state;

/// Records read under one hold of the lock that the committer needs to apply a group.
const SCAN_STEP: usize = 1024;

/// What may be chosen about an embedded store.
#[derive(Debug, Clone)]
pub struct Options {
    /// A segment of the journal is closed when the next frame would make it longer than this many bytes.
    pub segment_bytes: u64,
    /// Batches that may wait for the committer; more are refused with [`StoreError::Overloaded`].
    pub queue_batches_max: usize,
    /// Commits are refused with [`StoreError::Full`] while the file system has fewer free bytes than this: sled and the
    /// rest of the machine must not meet a full disk.
    pub free_bytes_min: u64,
    /// Memory for sled's page cache, in bytes.
    pub cache_bytes: u64,
    /// Faults to inject, in tests.
    pub faults: Option<Arc<Faults>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            queue_batches_max: 4096,
            free_bytes_min: 32 << 20,
            cache_bytes: 64 << 20,
            faults: None,
        }
    }
}

/// A store in a directory of the local file system.
pub struct Embedded {
    // The order matters when the value is dropped: first the queue drains and its thread ends, then the state closes,
    // and only then may another process have the directory.
    queue: Queue,
    shared: Arc<Shared>,
    _lock: Lock,
}

/// What callers and the committer share.
struct Shared {
    directory: PathBuf,
    epoch: Epoch,
    began_anew: bool,
    options: Options,
    disk: Disk,
    state: State,
    notes: Notes,
    reader: Arc<Reader>,
    /// Held by the committer for a whole group, and by whoever attaches a sink.
    committer: Mutex<Committer>,
    /// Held to read the state, and by the committer while it applies a group, so that nobody reads half a commit.
    visible: RwLock<Visible>,
    newest: watch::Sender<Revision>,
    trouble: Mutex<Option<String>>,
}

struct Committer {
    journal: Journal,
    /// Gone after a clean stop.
    witness: Option<WitnessFile>,
    sink: Attached,
}

/// What readers see beside the state.
struct Visible {
    head: Head,
    /// Committed changes that the state did not take. Empty but for the time between such a failure and the restart.
    overlay: Changed,
}

impl Embedded {
    /// Opens the store in `directory`, or lays out a new one there if it is empty.
    ///
    /// The whole journal is verified, and the state compared with it; a state that is missing, behind, ahead or damaged
    /// is brought up to the journal or rebuilt from it.
    ///
    /// # Errors
    /// [`StoreError::Locked`] if another process uses the directory, [`StoreError::Newer`] if a later release wrote it,
    /// [`StoreError::Damaged`] if the journal is damaged or acknowledged commits are missing, [`StoreError::Io`] if
    /// files cannot be read or written.
    pub fn open(directory: impl AsRef<Path>, options: Options) -> Result<Self, StoreError> {
        open::open(directory.as_ref(), options)
    }

    /// Takes no more commits, answers those that wait, and brings everything to the disk. Dropping the store does the
    /// same; reads go on until then.
    pub fn close(&self) {
        self.queue.close();
    }

    /// The directory of the store.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.shared.directory
    }
}

impl Shared {
    /// What a failing read of the state becomes: an error for the caller, and a rebuild at the next start.
    fn distrust(&self, why: &str) -> StoreError {
        tracing::error!(why, "the state store is damaged; it will be rebuilt from the journal at the next start");
        if let Err(error) = state::mark_suspect(&self.directory) {
            tracing::error!(%error, "could not leave the mark that makes the next start rebuild the state");
        }
        StoreError::Damaged(format!(
            "{}: {why}; restart devhub, it rebuilds the state from the journal",
            self.directory.join(super::sled_state::DIR).display()
        ))
    }

    fn current(&self, visible: &Visible, key: &Key) -> Result<Option<Versioned>, StoreError> {
        match visible.overlay.get(key) {
            Some(changed) => Ok(changed.clone()),
            None => self.state.get(key).map_err(|why| self.distrust(&why)),
        }
    }

    /// At most `limit` records, as one moment has them.
    fn scan_step(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Key, Versioned)>, StoreError> {
        let visible = self.visible.read();
        let spare = visible.overlay.len();
        let found = self.state.scan(prefix, after, limit + spare).map_err(|why| self.distrust(&why))?;
        if spare == 0 {
            return Ok(found);
        }
        let mut merged: std::collections::BTreeMap<Key, Versioned> = found.into_iter().collect();
        let in_range = |key: &&Key| key.starts_with(prefix) && after.is_none_or(|after| key[..] > *after);
        for key in visible.overlay.keys().filter(in_range) {
            match visible.overlay.get(key).cloned().flatten() {
                Some(versioned) => drop(merged.insert(key.clone(), versioned)),
                None => drop(merged.remove(key)),
            }
        }
        Ok(merged.into_iter().take(limit).collect())
    }
}

impl std::fmt::Debug for Embedded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Embedded").field("directory", &self.shared.directory).finish_non_exhaustive()
    }
}

impl Store for Embedded {
    fn get(&self, keys: &[Key]) -> Result<Vec<Option<Versioned>>, StoreError> {
        let visible = self.shared.visible.read();
        keys.iter().map(|key| self.shared.current(&visible, key)).collect()
    }

    fn scan(&self, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<Vec<(Key, Versioned)>, StoreError> {
        let mut records: Vec<(Key, Versioned)> = Vec::new();
        while records.len() < limit {
            let step = SCAN_STEP.min(limit - records.len());
            let from = records.last().map(|(key, _)| key.clone());
            let found = self.shared.scan_step(prefix, from.as_deref().or(after), step)?;
            let ended = found.len() < step;
            records.extend(found);
            if ended {
                break;
            }
        }
        Ok(records)
    }

    fn commit(&self, batch: Batch) -> Promise<Result<Verdict, StoreError>> {
        self.queue.submit(batch)
    }

    fn changes(&self, after: Revision, limit: usize) -> Result<Vec<Commit>, StoreError> {
        self.shared.reader.commits(after, limit)
    }

    fn head(&self) -> Head {
        self.shared.visible.read().head
    }

    fn watch(&self) -> watch::Receiver<Revision> {
        self.shared.newest.subscribe()
    }

    fn attach(&self, sink: Arc<dyn Sink>) -> Result<(), StoreError> {
        let mut committer = self.shared.committer.lock();
        if committer.sink.is_some() {
            return Err(attached_already());
        }
        let mut after: Option<Key> = None;
        loop {
            let records = self.shared.scan_step(&[], after.as_deref(), SCAN_STEP)?;
            records.iter().for_each(|(key, versioned)| sink.load(key, versioned));
            match records.into_iter().last() {
                Some((key, _)) => after = Some(key),
                None => break,
            }
        }
        sink.loaded(self.head());
        committer.sink = Some(sink);
        Ok(())
    }

    fn epoch(&self) -> Epoch {
        self.shared.epoch
    }

    fn began_anew(&self) -> bool {
        self.shared.began_anew
    }

    fn note(&self, notes: Vec<(Key, Bytes)>) -> Result<(), StoreError> {
        self.shared.check_space()?;
        self.shared.notes.put(notes).map_err(|why| self.shared.notes_trouble("write", &why))
    }

    fn noted(&self, keys: &[Key]) -> Result<Vec<Option<Bytes>>, StoreError> {
        self.shared.notes.get(keys).map_err(|why| self.shared.notes_trouble("read", &why))
    }

    fn scan_noted(&self, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<Vec<(Key, Bytes)>, StoreError> {
        self.shared.notes.scan(prefix, after, limit).map_err(|why| self.shared.notes_trouble("read", &why))
    }

    fn settle_notes(&self) -> Result<(), StoreError> {
        self.shared.notes.settle().map_err(|why| self.shared.notes_trouble("bring to the disk", &why))
    }

    fn has_lost_notes(&self) -> bool {
        self.shared.notes.has_lost()
    }

    fn write_trouble(&self) -> Option<String> {
        self.shared.trouble.lock().clone()
    }
}

/// The refusal of a directory whose parts do not belong together.
fn mixed(directory: &Path) -> StoreError {
    trouble::damaged(directory, "HEAD and store.json are from different histories")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Write;

    #[test]
    fn damage_met_while_running_is_reported_and_heals_at_the_next_start() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let open = || Embedded::open(directory.path(), Options::default()).expect("the store opens");
        let key = Key::from_static(b"key");
        let batch = Batch {
            instant: chrono::DateTime::UNIX_EPOCH,
            expectations: vec![(key.clone(), crate::store::Expectation::Absent)],
            after_all: false,
            guard: None,
            writes: vec![Write { key: key.clone(), value: Some(Bytes::from_static(b"value")) }],
            facts: vec![Bytes::from_static(b"fact")],
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let commit = |store: &Embedded| runtime.block_on(store.commit(batch.clone()));
        let store = open();
        assert_eq!(commit(&store).expect("the disk is sound"), Verdict::Committed(1));
        store.shared.state.damage(&key);
        assert!(matches!(store.get(std::slice::from_ref(&key)), Err(StoreError::Damaged(_))));
        assert!(matches!(store.scan(b"", None, 10), Err(StoreError::Damaged(_))));
        assert!(matches!(commit(&store), Err(StoreError::Damaged(_))), "nothing is judged on damaged data");
        drop(store);
        let store = open();
        let found = store.get(std::slice::from_ref(&key)).expect("the state was rebuilt");
        assert_eq!(found, [Some(Versioned { revision: 1, value: Bytes::from_static(b"value") })]);
        assert_eq!(commit(&store).expect("the disk is sound"), Verdict::Conflict);
    }
}
