//! Faults that tests switch on: what a disk can do to a store, without a bad disk.
//!
//! Every engine takes an optional [`Faults`] and asks it before each file operation. Production passes none.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use parking_lot::Mutex;

/// One thing that goes wrong while it is switched on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Appending writes about half of the bytes and then reports that no space is left.
    DiskFull,
    /// The file system reports no free space, so that the low-water gate closes.
    LowSpace,
    /// Appending writes about half of the bytes and then reports an input/output error.
    WriteFails,
    /// Bringing data to the disk reports an input/output error.
    SyncFails,
    /// Taking back a half-written append reports an input/output error.
    TruncateFails,
    /// The state store refuses what the journal already holds.
    StateFails,
}

impl Fault {
    fn bit(self) -> u8 {
        match self {
            Self::DiskFull => 1,
            Self::LowSpace => 1 << 1,
            Self::WriteFails => 1 << 2,
            Self::SyncFails => 1 << 3,
            Self::TruncateFails => 1 << 4,
            Self::StateFails => 1 << 5,
        }
    }
}

/// Called on the engine's own thread before each sync; it may block, and so slow the disk down.
pub type Hook = Arc<dyn Fn() + Send + Sync>;

/// The switches. Shared between a test and the engine under test.
#[derive(Default)]
pub struct Faults {
    on: AtomicU8,
    before_sync: Mutex<Option<Hook>>,
}

impl std::fmt::Debug for Faults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Faults").field("on", &self.on).finish_non_exhaustive()
    }
}

impl Faults {
    /// All switches off.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// Switches `fault` on.
    pub fn start(&self, fault: Fault) {
        self.on.fetch_or(fault.bit(), Ordering::SeqCst);
    }

    /// Switches `fault` off.
    pub fn stop(&self, fault: Fault) {
        self.on.fetch_and(!fault.bit(), Ordering::SeqCst);
    }

    /// Whether `fault` is on.
    #[must_use]
    pub fn is_on(&self, fault: Fault) -> bool {
        self.on.load(Ordering::SeqCst) & fault.bit() != 0
    }

    /// Has `hook` called before each sync from now on; `None` ends that.
    pub fn before_sync(&self, hook: Option<Hook>) {
        *self.before_sync.lock() = hook;
    }

    /// Runs the hook. Not under the lock, so that the hook itself may be replaced while it blocks.
    pub(crate) fn reach_sync(&self) {
        let hook = self.before_sync.lock().clone();
        if let Some(hook) = hook {
            hook();
        }
    }
}
