//! The memory engine: the contract with nothing in the way.
//!
//! It is the reference that the conformance suite reads beside every other engine, and the store of tests that are not
//! about storage. It keeps nothing: "durable" lasts as long as the value.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::watch;

use super::fault::{Fault, Faults};
use super::queue::{Attached, Queue, Waiting, attached_already};
use super::round::{Round, refuse};
use super::{
    Batch, Commit, Epoch, Head, Key, Promise, Revision, Sink, Store, StoreError, Verdict, Versioned, identity, record,
};

/// Batches that may wait for the committer.
const QUEUE_BATCHES_MAX: usize = 4096;

/// A store that lives and dies with the process.
pub struct Memory {
    shared: Arc<Shared>,
    queue: Queue,
    epoch: Epoch,
}

struct Shared {
    content: Mutex<Content>,
    notes: Mutex<BTreeMap<Key, Bytes>>,
    newest: watch::Sender<Revision>,
    faults: Option<Arc<Faults>>,
}

struct Content {
    records: BTreeMap<Key, Versioned>,
    log: Vec<Commit>,
    head: Head,
    sink: Attached,
    stopped: Option<String>,
}

impl Memory {
    /// An empty store.
    ///
    /// # Errors
    /// [`StoreError::Io`] if the system gives no thread or no random bytes.
    pub fn open() -> Result<Self, StoreError> {
        Self::start(None)
    }

    /// An empty store whose disk fails as `faults` say.
    ///
    /// # Errors
    /// As for [`Memory::open`].
    pub fn with_faults(faults: Arc<Faults>) -> Result<Self, StoreError> {
        Self::start(Some(faults))
    }

    fn start(faults: Option<Arc<Faults>>) -> Result<Self, StoreError> {
        let content =
            Content { records: BTreeMap::new(), log: Vec::new(), head: Head::EMPTY, sink: None, stopped: None };
        let (content, notes) = (Mutex::new(content), Mutex::default());
        let shared = Arc::new(Shared { content, notes, newest: watch::Sender::new(0), faults });
        let worker = Arc::clone(&shared);
        let queue = Queue::start(QUEUE_BATCHES_MAX, move |group| worker.commit(group), || ())?;
        Ok(Self { shared, queue, epoch: Epoch(identity::random()?) })
    }
}

impl Shared {
    fn fails(&self, fault: Fault) -> bool {
        self.faults.as_ref().is_some_and(|faults| faults.is_on(fault))
    }

    fn check_space(&self) -> Result<(), StoreError> {
        if self.fails(Fault::DiskFull) || self.fails(Fault::LowSpace) {
            return Err(StoreError::Full("a test filled the disk".to_owned()));
        }
        Ok(())
    }

    fn commit(&self, group: Vec<Waiting>) {
        if let Some(faults) = &self.faults {
            faults.reach_sync();
        }
        let mut content = self.content.lock();
        if let Some(why) = &content.stopped {
            return refuse(group, &StoreError::Stopped(why.clone()));
        }
        if let Err(full) = self.check_space() {
            return refuse(group, &full);
        }
        let round = Round::judge(group, &content.head, &|key| Ok(content.records.get(key).cloned()));
        if round.commits.is_empty() {
            return round.answer();
        }
        if self.fails(Fault::SyncFails) || self.fails(Fault::WriteFails) {
            let why = "a test made the sync fail".to_owned();
            content.stopped = Some(why.clone());
            return round.fail(&StoreError::Unknown(why.clone()), &StoreError::Stopped(why));
        }
        content.take(&round);
        self.newest.send_replace(content.head.revision);
        drop(content);
        round.answer();
    }
}

impl Content {
    fn take(&mut self, round: &Round) {
        for (key, after) in &round.changed {
            match after {
                Some(versioned) => drop(self.records.insert(key.clone(), versioned.clone())),
                None => drop(self.records.remove(key)),
            }
        }
        if let Some(sink) = &self.sink {
            round.commits.iter().for_each(|commit| sink.apply(commit));
        }
        self.head = Head {
            revision: self.head.revision + round.commits.len() as u64,
            instant: round.latest,
            digest: record::chain(&self.head.digest, &record::encode(&round.commits)),
        };
        self.log.extend_from_slice(&round.commits);
    }
}

/// Up to `limit` values whose key starts with `prefix` and is greater than `after`.
fn page<T: Clone>(all: &BTreeMap<Key, T>, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Vec<(Key, T)> {
    let from = match after {
        Some(after) if after >= prefix => Bound::Excluded(after),
        Some(_) | None => Bound::Included(prefix),
    };
    let range = all.range::<[u8], _>((from, Bound::Unbounded));
    let found = range.take_while(|(key, _)| key.starts_with(prefix)).take(limit);
    found.map(|(key, value)| (key.clone(), value.clone())).collect()
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Memory").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

impl Store for Memory {
    fn get(&self, keys: &[Key]) -> Result<Vec<Option<Versioned>>, StoreError> {
        let content = self.shared.content.lock();
        Ok(keys.iter().map(|key| content.records.get(key).cloned()).collect())
    }

    fn scan(&self, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<Vec<(Key, Versioned)>, StoreError> {
        Ok(page(&self.shared.content.lock().records, prefix, after, limit))
    }

    fn commit(&self, batch: Batch) -> Promise<Result<Verdict, StoreError>> {
        self.queue.submit(batch)
    }

    fn changes(&self, after: Revision, limit: usize) -> Result<Vec<Commit>, StoreError> {
        let content = self.shared.content.lock();
        let from = content.log.partition_point(|commit| commit.revision <= after);
        Ok(content.log[from..].iter().take(limit).cloned().collect())
    }

    fn head(&self) -> Head {
        self.shared.content.lock().head
    }

    fn watch(&self) -> watch::Receiver<Revision> {
        self.shared.newest.subscribe()
    }

    fn attach(&self, sink: Arc<dyn Sink>) -> Result<(), StoreError> {
        let mut content = self.shared.content.lock();
        if content.sink.is_some() {
            return Err(attached_already());
        }
        content.records.iter().for_each(|(key, versioned)| sink.load(key, versioned));
        sink.loaded(content.head);
        content.sink = Some(sink);
        Ok(())
    }

    fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn began_anew(&self) -> bool {
        false
    }

    fn note(&self, notes: Vec<(Key, Bytes)>) -> Result<(), StoreError> {
        self.shared.check_space()?;
        self.shared.notes.lock().extend(notes);
        Ok(())
    }

    fn noted(&self, keys: &[Key]) -> Result<Vec<Option<Bytes>>, StoreError> {
        let notes = self.shared.notes.lock();
        Ok(keys.iter().map(|key| notes.get(key).cloned()).collect())
    }

    fn scan_noted(&self, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<Vec<(Key, Bytes)>, StoreError> {
        Ok(page(&self.shared.notes.lock(), prefix, after, limit))
    }

    fn settle_notes(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn has_lost_notes(&self) -> bool {
        false
    }

    fn write_trouble(&self) -> Option<String> {
        self.shared.content.lock().stopped.clone()
    }
}
