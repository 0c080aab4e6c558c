//! Opening a data directory, or laying out a new one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;

use super::super::disk::Disk;
use super::super::identity::Identity;
use super::super::journal::{self, Journal, segment};
use super::super::lock::Lock;
use super::super::queue::Queue;
use super::super::witness::{self, Witness, WitnessFile};
use super::super::{Head, StoreError, identity, sled_state, trouble};
use super::{Committer, Embedded, Options, Shared, Visible, mixed, notes, state};

/// A data directory that this process has locked.
pub(crate) struct HeldDirectory {
    pub(crate) path: PathBuf,
    pub(crate) lock: Lock,
}

impl HeldDirectory {
    /// Creates the directory if there is none, and locks it.
    pub(crate) fn take(path: &Path) -> Result<Self, StoreError> {
        std::fs::create_dir_all(path).map_err(|error| trouble::io("create", path, error))?;
        Ok(Self { path: path.to_owned(), lock: Lock::take(path)? })
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.path.join(segment::DIR)
    }
}

pub(super) fn open(directory: &Path, options: Options) -> Result<Embedded, StoreError> {
    let held = HeldDirectory::take(directory)?;
    let identity = match Identity::load(directory)? {
        Some(identity) => identity,
        None if is_unused(&held)? => initialise(&held, Identity::fresh()?)?,
        None => {
            let file = directory.join(identity::FILE);
            return Err(trouble::damaged(&file, "the file is missing, but the directory holds data"));
        }
    };
    let Some(witness) = Witness::load(directory)? else {
        let file = directory.join(witness::FILE);
        return Err(trouble::damaged(&file, "the file is missing, so lost commits would go unnoticed"));
    };
    if witness.epoch != identity.epoch {
        return Err(mixed(directory));
    }
    let disk = Disk::new(options.faults.clone());
    if !held.journal().is_dir() {
        return Err(trouble::damaged(&held.journal(), "the journal is missing"));
    }
    let journal = Journal::open(&held.journal(), &witness, options.segment_bytes, disk.clone())?;
    let head = journal.head();
    let state = state::open(directory, identity.epoch, &journal, options.cache_bytes)?;
    let notes = notes::open(directory)?;
    // From here on everything that is served is promised.
    Witness::of(identity.epoch, &head).save(directory)?;
    let shared = Arc::new(Shared {
        directory: directory.to_owned(),
        epoch: identity.epoch,
        began_anew: !identity.previous.is_empty(),
        disk,
        state,
        notes,
        reader: journal.reader(),
        visible: RwLock::new(Visible { head, overlay: super::Changed::new() }),
        committer: Mutex::new(Committer { journal, witness: Some(WitnessFile::open(directory)?), sink: None }),
        newest: watch::Sender::new(head.revision),
        trouble: Mutex::new(None),
        options,
    });
    let (worker, last) = (Arc::clone(&shared), Arc::clone(&shared));
    let queue =
        Queue::start(shared.options.queue_batches_max, move |group| worker.commit(group), move || last.finish())?;
    Ok(Embedded { queue, shared, _lock: held.lock })
}

/// Whether nothing was ever stored in the directory: at most a first start was interrupted.
fn is_unused(held: &HeldDirectory) -> Result<bool, StoreError> {
    let promised = Witness::load(&held.path)?.is_some_and(|witness| witness.revision > 0);
    let state = held.path.join(sled_state::DIR).exists();
    let frames = held.journal().exists() && segment::list(&held.journal())?.iter().any(|segment| segment.length > 0);
    Ok(!promised && !state && !frames)
}

/// Lays out an empty store. The identity comes last: without it the next start begins again.
fn initialise(held: &HeldDirectory, identity: Identity) -> Result<Identity, StoreError> {
    journal::create(&held.journal())?;
    Witness::of(identity.epoch, &Head::EMPTY).save(&held.path)?;
    identity.save(&held.path)?;
    if let Some(parent) = held.path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        super::super::disk::sync_dir(parent)?;
    }
    tracing::info!(directory = %held.path.display(), epoch = %identity.epoch, "laid out a new store");
    Ok(identity)
}
