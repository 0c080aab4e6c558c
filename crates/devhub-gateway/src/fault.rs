//! What a replica does not take from a hub, and how much of it may wait.

/// How large the changes between a begin and its commit may get: they wait in memory until all of them are there. A hub
/// sends far fewer at a time, unless one commit alone is larger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeltaBounds {
    /// Rows. Default 4,000,000.
    pub rows_max: usize,
    /// Bytes, as they are sent. Default 256 MiB.
    pub bytes_max: usize,
}

impl Default for DeltaBounds {
    fn default() -> Self {
        Self { rows_max: 4_000_000, bytes_max: 256 << 20 }
    }
}

/// Why a stream cannot go on. The follower connects anew.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A message that does not fit the grammar.
    #[error("the hub sent {0} out of turn")]
    OutOfTurn(&'static str),
    /// A message without a part that it must have, or with one that makes no sense.
    #[error("the hub sent {0} that makes no sense")]
    Senseless(&'static str),
    /// Rows that cannot be read.
    #[error("the hub sent rows that cannot be read: {0}")]
    Malformed(#[from] devhub_sync::Malformed),
    /// The revision went back within one history, or an answer is ahead of the rows: something was lost or came twice.
    #[error("the hub is at revision {hub}, the replica at {replica}, and nothing lies between")]
    Gap {
        /// Revision of the hub.
        hub: u64,
        /// Revision of the replica.
        replica: u64,
    },
    /// The rows are not the hub's.
    #[error("at revision {revision} the digest is {held:016x}, and the hub's is {told:016x}")]
    Diverged {
        /// The revision.
        revision: u64,
        /// Digest of what is held.
        held: u64,
        /// Digest that the hub told.
        told: u64,
    },
    /// More changes at once than may wait. What is held stays, and a snapshot is asked for: it does not wait.
    #[error(
        "a delta has more than {rows_max} rows or {bytes_max} bytes, which is all that may wait for its commit; it is \
         given up, and a snapshot is asked for",
        rows_max = .0.rows_max, bytes_max = .0.bytes_max
    )]
    DeltaTooLarge(DeltaBounds),
}
