//! The sealer: follows the journal, computes the chain, and signs a head when it is told to.
//!
//! It begins at the first commit with every start, and compares the chain with the heads that were signed before: a
//! journal that was cut, or changed and chained anew, is noticed by the hub itself. Then it signs no more: a head says
//! that the trail is the one that it always was. Decisions and writes go on.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use prost::Message;

use super::entry::redact;
use super::flaw::TrailError;
use super::head::{Head, SignedHead};
use super::key::AuditKey;
use super::reference::Digest;
use super::{chain, heads};
use crate::store::Store;

/// Commits read from the journal at a time.
const STEP: usize = 512;

/// How the signing of heads stands.
#[derive(Debug, Default)]
pub struct Standing {
    /// The latest head, and why no further one is signed.
    told: Mutex<(Option<SignedHead>, Option<String>)>,
    halted: AtomicBool,
}

impl Standing {
    /// The latest head.
    pub fn latest(&self) -> Option<SignedHead> {
        self.told.lock().0.clone()
    }

    /// Why no further head is signed.
    pub fn trouble(&self) -> Option<String> {
        self.told.lock().1.clone()
    }

    /// Has the sealer leave off where it is: it begins anew with the next start.
    pub fn halt(&self) {
        self.halted.store(true, Ordering::Relaxed);
    }
}

/// Signs heads.
pub struct Sealer {
    store: Arc<dyn Store>,
    key: AuditKey,
    path: PathBuf,
    sequence: u64,
    link: Digest,
    signed: u64,
    /// What was attested before, and has not been compared yet.
    earlier: BTreeMap<u64, SignedHead>,
    standing: Arc<Standing>,
}

impl Sealer {
    /// Signs heads of the trail of `store` and appends them to the file at `path`.
    ///
    /// # Errors
    /// When there is such a file and it cannot be understood.
    pub fn open(store: Arc<dyn Store>, key: AuditKey, path: PathBuf) -> Result<Sealer, TrailError> {
        let known = if path.exists() { heads::read(&path)? } else { Vec::new() };
        let public = key.public();
        // Heads of an earlier key, or of the time before a restore, are for whoever keeps their trails.
        let ours = |head: &SignedHead| head.head.epoch == store.epoch().0 && head.is_signed_by(&public);
        let earlier: BTreeMap<_, _> = known.into_iter().filter(ours).map(|head| (head.head.sequence, head)).collect();
        let latest = earlier.values().next_back().cloned();
        let signed = latest.as_ref().map_or(0, |head| head.head.sequence);
        let standing = Arc::new(Standing { told: Mutex::new((latest, None)), halted: AtomicBool::new(false) });
        Ok(Sealer { store, key, path, sequence: 0, link: chain::START, signed, earlier, standing })
    }

    /// How it stands, for whoever asks.
    pub fn standing(&self) -> Arc<Standing> {
        Arc::clone(&self.standing)
    }

    /// The last sequence that a head attests.
    pub fn signed(&self) -> u64 {
        self.signed
    }

    /// Follows the journal to its end and signs a head, if anything was committed since the last one. What goes wrong is
    /// remembered in the standing too.
    ///
    /// # Errors
    /// When the journal is not the one that was attested, cannot be read, or the head cannot be written.
    pub fn seal(&mut self, now: DateTime<Utc>) -> Result<Option<SignedHead>, TrailError> {
        let sealed = match self.follow() {
            Ok(true) => self.sign(now),
            Ok(false) => Ok(None),
            Err(error) => Err(error),
        };
        let mut standing = self.standing.told.lock();
        match &sealed {
            Ok(Some(head)) => *standing = (Some(head.clone()), None),
            Ok(None) => standing.1 = None,
            Err(error) => standing.1 = Some(error.to_string()),
        }
        drop(standing);
        sealed
    }

    /// Whether the end of the journal was reached.
    fn follow(&mut self) -> Result<bool, TrailError> {
        loop {
            if self.standing.halted.load(Ordering::Relaxed) {
                return Ok(false);
            }
            let commits = self.store.changes(self.sequence, STEP)?;
            if commits.is_empty() {
                break;
            }
            for commit in &commits {
                let link = chain::after(&self.link, &redact(commit, self.key.salts())?.entry.encode_to_vec());
                if self.earlier.get(&commit.revision).is_some_and(|head| head.head.link != link) {
                    let problem = "something at or before it was changed, and the chain computed anew";
                    return Err(TrailError::Unattested { sequence: commit.revision, problem });
                }
                self.earlier.remove(&commit.revision);
                (self.sequence, self.link) = (commit.revision, link);
            }
        }
        match self.earlier.keys().next() {
            Some(sequence) => {
                let problem = "the journal ends before it: commits were cut off";
                Err(TrailError::Unattested { sequence: *sequence, problem })
            }
            None => Ok(true),
        }
    }

    fn sign(&mut self, now: DateTime<Utc>) -> Result<Option<SignedHead>, TrailError> {
        if self.sequence <= self.signed {
            return Ok(None);
        }
        let head = Head { epoch: self.store.epoch().0, sequence: self.sequence, link: self.link, time: now };
        let head = head.sign(&self.key);
        heads::append(&self.path, &head)?;
        self.signed = self.sequence;
        Ok(Some(head))
    }
}
