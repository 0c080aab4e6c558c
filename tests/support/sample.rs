//! A closed store, copies of it to damage, and what a damaged copy may still do.

#![expect(dead_code, reason = "each test binary uses its part")]

use std::panic::catch_unwind;
use std::path::Path;

use bytes::Bytes;
use devhub::store::embedded::Embedded;
use devhub::store::{Epoch, Head, Key, Revision, Store, StoreError};

use crate::support::{committed, content, fold, options, put};

/// A closed store with some content, and what is in it.
pub(crate) struct Sample {
    pub(crate) directory: tempfile::TempDir,
    pub(crate) head: Head,
    pub(crate) epoch: Epoch,
    pub(crate) content: Vec<(Key, Revision, Bytes)>,
}

impl Sample {
    pub(crate) fn new(commits: u64) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = crate::support::open(directory.path());
        for i in 0..commits {
            committed(&store, put(&format!("key {}", i % 40), &format!("value {i} {}", "x".repeat(i as usize % 90))));
        }
        let sample = Self { head: store.head(), epoch: store.epoch(), content: content(&store), directory };
        drop(store);
        sample
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// A copy that a test may damage.
    pub(crate) fn copy(&self) -> tempfile::TempDir {
        let copy = tempfile::tempdir().unwrap();
        crate::support::copy(self.path(), copy.path());
        copy
    }

    /// Opens a damaged copy, which must hold everything.
    pub(crate) fn assert_whole(&self, directory: &Path) -> Embedded {
        let store = crate::support::open(directory);
        self.assert_content(&store);
        store
    }

    pub(crate) fn assert_content(&self, store: &Embedded) {
        assert_eq!((store.head(), store.epoch()), (self.head, self.epoch));
        assert_eq!(content(store), self.content);
        assert_eq!(fold(store), self.content);
    }

    /// Opens a damaged copy: whole, or refused with a sentence.
    pub(crate) fn assert_whole_or_refused(&self, directory: &Path) -> Result<(), StoreError> {
        let opened = catch_unwind(|| Embedded::open(directory, options())).expect("damage never panics");
        let store = opened.inspect_err(assert_typed)?;
        self.assert_content(&store);
        Ok(())
    }
}

pub(crate) fn assert_typed(error: &StoreError) {
    assert!(matches!(error, StoreError::Damaged(_) | StoreError::Newer(_) | StoreError::Io(_)), "{error:?}");
}

pub(crate) fn assert_damaged(error: &StoreError, words: &[&str]) {
    let StoreError::Damaged(sentence) = error else { panic!("not damaged: {error:?}") };
    for word in words.iter().chain(&["devhub doctor", "backup"]) {
        assert!(sentence.contains(word), "{word:?} is not in {sentence:?}");
    }
}

pub(crate) fn flip(path: &Path, bit: u64) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[(bit / 8) as usize] ^= 1 << (bit % 8);
    std::fs::write(path, bytes).unwrap();
}

pub(crate) fn cut(path: &Path, length: u64) {
    std::fs::File::options().write(true).open(path).unwrap().set_len(length).unwrap();
}

pub(crate) fn length(path: &Path) -> u64 {
    path.metadata().unwrap().len()
}

pub(crate) fn set_aside(directory: &Path) -> usize {
    let names = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| name.to_string_lossy().starts_with("state.set-aside.")).count()
}
