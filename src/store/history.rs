//! The commits of a data directory in order, for whoever reads them from outside: up to its witness, so that the hub may
//! be running meanwhile and nobody is told of what a crash can take back.

use std::path::Path;

use super::backup::read_witness;
use super::identity::{self, Identity};
use super::journal::segment;
use super::journal::walk::Walk;
use super::{Commit, Epoch, Revision, StoreError, trouble};

/// Whose history it is, and how far it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct History {
    /// The store.
    pub store_id: [u8; 16],
    /// The history that revisions count in.
    pub epoch: Epoch,
    /// The last commit.
    pub revision: Revision,
}

impl History {
    /// The history of the store in `directory` as of now.
    ///
    /// # Errors
    /// [`StoreError::Io`] if there is no store or it cannot be read, [`StoreError::Damaged`] if its parts do not fit.
    pub fn of(directory: &Path) -> Result<History, StoreError> {
        let path = directory.join(identity::FILE);
        let identity = Identity::load(directory)?.ok_or_else(|| trouble::io("read", &path, "there is no store"))?;
        let witness = read_witness(directory)?;
        if witness.epoch != identity.epoch {
            return Err(trouble::damaged(directory, "HEAD and store.json are from different histories"));
        }
        Ok(History { store_id: identity.store_id, epoch: identity.epoch, revision: witness.revision })
    }

    /// Calls `each` with every commit of the store in `directory` up to the last one of this history, in order; every
    /// byte and link of the journal is checked on the way.
    ///
    /// # Errors
    /// As [`History::of`], or the first error of `each`.
    pub fn each<E: From<StoreError>>(
        &self,
        directory: &Path,
        mut each: impl FnMut(&Commit) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut walk = Walk::begin(&directory.join(segment::DIR))?;
        while walk.head().revision < self.revision {
            let Some(step) = walk.next().map_err(|broken| broken.refusal())? else {
                let what = format!("the journal does not have revision {} as HEAD has seen it", self.revision);
                return Err(trouble::damaged(directory, what).into());
            };
            for commit in step.commits.iter().filter(|commit| commit.revision <= self.revision) {
                each(commit)?;
            }
        }
        Ok(())
    }
}
