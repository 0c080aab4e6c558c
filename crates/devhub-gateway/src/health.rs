//! Whether a replica decides, why not, and what it has done so far.

use std::sync::atomic::{AtomicU64, Ordering};

/// Why a replica does not decide. A gateway answers 503.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unready {
    /// It has no table yet.
    #[error("no snapshot of the decision table has come yet")]
    NoSnapshot,
    /// It holds other rows than the hub, and waits for a snapshot.
    #[error("the rows differ from the hub's; a snapshot is on its way")]
    Diverged,
    /// The clocks do not agree.
    #[error("this machine's clock differs from the hub's by more than is tolerated; set it")]
    ClockOff,
    /// The question is about the other environment.
    #[error("the question is about the other environment, whose rows are not here")]
    OtherEnvironment,
    /// The hub has said nothing for too long.
    #[error("the hub has said nothing for longer than the decision table may be trusted")]
    LeaseExpired,
}

/// Whether a replica decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It does, with what the hub said lately.
    Serving,
    /// It does, though the hub has said nothing for too long: its gateway chose so.
    Stale,
    /// It does not.
    Unready(Unready),
}

/// What a replica has done so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    /// Calls decided.
    pub decided: u64,
    /// Of them, those decided after the lease had run out.
    pub decided_stale: u64,
    /// Calls not decided.
    pub undecided: u64,
    /// Streams begun.
    pub connects: u64,
    /// Snapshots applied.
    pub snapshots: u64,
    /// Deltas applied.
    pub deltas: u64,
    /// Rows applied.
    pub rows: u64,
    /// Times at which the rows differed from the hub's.
    pub divergences: u64,
    /// Answers to pings.
    pub pongs: u64,
    /// Calls of subscribers that the hub was told of.
    pub calls_reported: u64,
    /// Calls of subscribers that the hub was never told of.
    pub calls_lost: u64,
}

macro_rules! counters {
    ($($name:ident),+) => {
        /// The same, counted.
        #[derive(Default)]
        pub(crate) struct Counters { $(pub(crate) $name: Counter),+ }

        impl Counters {
            pub(crate) fn figures(&self) -> Figures {
                Figures { $($name: self.$name.0.load(Ordering::Relaxed)),+ }
            }
        }
    };
}

counters!(
    decided,
    decided_stale,
    undecided,
    connects,
    snapshots,
    deltas,
    rows,
    divergences,
    pongs,
    calls_reported,
    calls_lost
);

/// One figure.
#[derive(Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }
}
