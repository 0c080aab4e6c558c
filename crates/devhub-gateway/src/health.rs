//! Whether a replica decides, why not, and what it has done so far.

use std::sync::atomic::{AtomicU64, Ordering};

use devhub_decision::Reason;

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
    /// The question is about an API that this replica does not follow.
    #[error("the question is about an API whose rows are not here; add its context to those of the replica")]
    OtherContext,
    /// The hub has said nothing for too long.
    #[error("the hub has said nothing for longer than the decision table may be trusted")]
    LeaseExpired,
    /// The hub was restored from a backup, and nobody has confirmed that.
    #[error("the hub was restored from a backup and waits for its operators to confirm that")]
    Unconfirmed,
}

impl Unready {
    /// All of them.
    pub const ALL: [Unready; 7] = [
        Unready::NoSnapshot,
        Unready::Diverged,
        Unready::ClockOff,
        Unready::OtherEnvironment,
        Unready::OtherContext,
        Unready::LeaseExpired,
        Unready::Unconfirmed,
    ];

    /// The name used in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Unready::NoSnapshot => "NO_SNAPSHOT",
            Unready::Diverged => "DIVERGED",
            Unready::ClockOff => "CLOCK_OFF",
            Unready::OtherEnvironment => "OTHER_ENVIRONMENT",
            Unready::OtherContext => "OTHER_CONTEXT",
            Unready::LeaseExpired => "LEASE_EXPIRED",
            Unready::Unconfirmed => "UNCONFIRMED",
        }
    }
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
    /// The same by reason, in the order of [`Reason::ALL`].
    pub decided_by: [u64; Reason::ALL.len()],
    /// Of them, those decided after the lease had run out.
    pub decided_stale: u64,
    /// Calls not decided.
    pub undecided: u64,
    /// The same by what stood in the way, in the order of [`Unready::ALL`].
    pub undecided_by: [u64; Unready::ALL.len()],
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
        pub(crate) struct Counters {
            decided: [Counter; Reason::ALL.len()],
            undecided: [Counter; Unready::ALL.len()],
            $(pub(crate) $name: Counter),+
        }

        impl Counters {
            pub(crate) fn figures(&self) -> Figures {
                let decided_by = self.decided.each_ref().map(Counter::get);
                let undecided_by = self.undecided.each_ref().map(Counter::get);
                Figures {
                    decided: decided_by.iter().sum(),
                    decided_by,
                    undecided: undecided_by.iter().sum(),
                    undecided_by,
                    $($name: self.$name.get()),+
                }
            }
        }
    };
}

counters!(decided_stale, connects, snapshots, deltas, rows, divergences, pongs, calls_reported, calls_lost);

impl Counters {
    /// A call was decided.
    pub(crate) fn decide(&self, reason: Reason) {
        self.decided[reason as usize].add(1);
    }

    /// That many calls were not decided.
    pub(crate) fn stand_aside(&self, unready: Unready, calls: u64) {
        self.undecided[unready as usize].add(calls);
    }
}

/// One figure.
#[derive(Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
