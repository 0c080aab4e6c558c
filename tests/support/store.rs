//! What the tests of the store share: batches, a runtime, damage.

#![expect(dead_code, reason = "each test binary uses its part")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use devhub::store::embedded::{Embedded, Options};
use devhub::store::fault::Faults;
use devhub::store::{Batch, Expectation, Key, Revision, Store, StoreError, Verdict, Write};

/// An instant that many seconds after the epoch of Unix.
pub(crate) fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

pub(crate) fn key(text: &str) -> Key {
    Key::copy_from_slice(text.as_bytes())
}

/// A batch that writes `value` under `name`, whatever was there.
pub(crate) fn put(name: &str, value: &str) -> Batch {
    let write = Write { key: key(name), value: Some(Bytes::copy_from_slice(value.as_bytes())) };
    let fact = Bytes::copy_from_slice(format!("{name} = {value}").as_bytes());
    Batch {
        instant: at(1000),
        expectations: Vec::new(),
        after_all: false,
        guard: None,
        writes: vec![write],
        facts: vec![fact],
    }
}

/// As [`put`], on one condition.
pub(crate) fn put_if(name: &str, value: &str, expectation: Expectation) -> Batch {
    Batch { expectations: vec![(key(name), expectation)], ..put(name, value) }
}

/// Commits and waits.
pub(crate) fn commit(store: &dyn Store, batch: Batch) -> Result<Verdict, StoreError> {
    block_on(store.commit(batch))
}

/// Commits what must succeed.
pub(crate) fn committed(store: &dyn Store, batch: Batch) -> Revision {
    match commit(store, batch) {
        Ok(Verdict::Committed(revision)) => revision,
        other => panic!("not committed: {other:?}"),
    }
}

pub(crate) fn value(store: &dyn Store, name: &str) -> Option<String> {
    let found = store.get(&[key(name)]).unwrap().remove(0);
    found.map(|versioned| String::from_utf8(versioned.value.to_vec()).unwrap())
}

/// Waits for a future of a store, which needs no reactor.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// Options for a test: small segments, the lowest low-water gate.
pub(crate) fn options() -> Options {
    Options { segment_bytes: 4 << 10, free_bytes_min: 1, cache_bytes: 8 << 20, ..Options::default() }
}

pub(crate) fn options_with(faults: &Arc<Faults>) -> Options {
    Options { faults: Some(Arc::clone(faults)), ..options() }
}

pub(crate) fn open(directory: &Path) -> Embedded {
    Embedded::open(directory, options()).unwrap()
}

/// Why the directory is not opened.
pub(crate) fn refusal(directory: &Path) -> StoreError {
    match Embedded::open(directory, options()) {
        Ok(store) => panic!("opened at {:?}", store.head()),
        Err(error) => error,
    }
}

/// The segments of the journal, oldest first.
pub(crate) fn segments(directory: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = std::fs::read_dir(directory.join("journal")).unwrap().map(|e| e.unwrap().path()).collect();
    paths.sort();
    paths
}

/// Copies a data directory.
pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target)
        } else {
            std::fs::copy(entry.path(), target).map(drop).unwrap()
        }
    }
}

/// Everything a store holds, as (key, revision, value).
pub(crate) fn content(store: &dyn Store) -> Vec<(Key, Revision, Bytes)> {
    let records = store.scan(b"", None, usize::MAX).unwrap();
    records.into_iter().map(|(key, versioned)| (key, versioned.revision, versioned.value)).collect()
}

/// What the commits of a store add up to.
pub(crate) fn fold(store: &dyn Store) -> Vec<(Key, Revision, Bytes)> {
    let mut state = std::collections::BTreeMap::new();
    for commit in store.changes(0, usize::MAX).unwrap() {
        for write in commit.writes {
            match write.value {
                Some(value) => drop(state.insert(write.key, (commit.revision, value))),
                None => drop(state.remove(&write.key)),
            }
        }
    }
    state.into_iter().map(|(key, (revision, value))| (key, revision, value)).collect()
}

/// A generator of numbers that a test can repeat (xorshift).
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}
