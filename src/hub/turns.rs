//! Turns: commands that lost a race for a record go on one after the other.
//!
//! Expectations alone keep every commit right, but of many commands on one record only one wins each time, and the others
//! would judge again and again. Nothing depends on turns but how soon a command is done.

use std::hash::{BuildHasher, RandomState};

use tokio::sync::{Mutex, MutexGuard};

use crate::domain::Command;

/// Queues of losers. Records share them: a queue too many costs nothing, a shared one little.
const QUEUES: usize = 64;

/// The queues, by the first record that a command depends on: its application, or its version.
pub(super) struct Turns {
    queues: [Mutex<()>; QUEUES],
    hasher: RandomState,
}

impl Default for Turns {
    fn default() -> Turns {
        Turns { queues: std::array::from_fn(|_| Mutex::new(())), hasher: RandomState::new() }
    }
}

impl Turns {
    /// Waits for the turn of a command; it lasts until the guard is dropped.
    pub(super) async fn take(&self, command: &Command) -> MutexGuard<'_, ()> {
        let hash = self.hasher.hash_one(command.reads().first());
        let queue = usize::try_from(hash % QUEUES as u64).expect("a number below 64");
        self.queues[queue].lock().await
    }
}
