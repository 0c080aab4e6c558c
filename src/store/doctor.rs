//! The doctor: says what is wrong with a data directory, and repairs what can be derived.
//!
//! The journal is the truth, and nobody can derive it; so its content is never repaired. What a crash left, what sled
//! lost and a HEAD that can be proved are. A loss can only be accepted, explicitly, and begins a new epoch.

mod examine;
mod repair;

use std::path::{Path, PathBuf};

use super::embedded::HeldDirectory;
use super::{Epoch, Revision, StoreError};

/// What helps against a [`Finding`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cure {
    /// The next start heals it by itself.
    NextStart,
    /// [`repair`] heals it without any loss.
    Repair,
    /// Acknowledged commits are lost: restore a backup, or [`repair`] while accepting the loss.
    Loss,
    /// Use the release that wrote it, or a later one.
    Release,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The file or directory.
    pub path: PathBuf,
    /// A sentence that says what is wrong.
    pub problem: String,
    /// What helps.
    pub cure: Cure,
}

/// What the doctor saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The history that the store is in, if `store.json` says so.
    pub epoch: Option<Epoch>,
    /// The last sound commit of the journal.
    pub revision: Revision,
    /// The chain value there.
    pub digest: [u8; 32],
    /// Files of the journal.
    pub segments: usize,
    /// Bytes of the journal.
    pub journal_bytes: u64,
    /// Records in the state that the journal yields.
    pub records: u64,
    /// What is wrong, in the order in which it was found.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.findings.is_empty()
    }
}

/// Whether [`repair`] may give up commits that cannot be found any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// No: refuse if any are lost.
    Refused,
    /// Yes: keep what is sound, set the rest aside, begin a new epoch.
    Accepted,
}

/// Examines the store in `directory`, which must not be running: every frame and link of the journal, HEAD, and every
/// record of the state against the fold of the journal. Nothing is changed.
///
/// # Errors
/// [`StoreError::Locked`] if the store is running, [`StoreError::Io`] if there is none or it cannot be read.
pub fn verify(directory: &Path) -> Result<Report, StoreError> {
    let held = hold(directory)?;
    Ok(examine::examine(&held).report)
}

/// Repairs the store in `directory`, which must not be running, and examines it again.
///
/// # Errors
/// [`StoreError::Locked`] if the store is running, [`StoreError::Newer`] if a later release wrote it,
/// [`StoreError::Damaged`] if commits are lost and `loss` is refused, [`StoreError::Io`] if files cannot be written.
pub fn repair(directory: &Path, loss: Loss) -> Result<Report, StoreError> {
    let held = hold(directory)?;
    repair::repair(&held, loss)?;
    Ok(examine::examine(&held).report)
}

fn hold(directory: &Path) -> Result<HeldDirectory, StoreError> {
    if !directory.is_dir() {
        return Err(super::trouble::io("examine", directory, "there is no such directory"));
    }
    HeldDirectory::take(directory)
}
