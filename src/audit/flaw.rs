//! Why a trail is not to be trusted, or could not be written.

use super::reference::Digest;
use crate::store::StoreError;
use crate::store::codec::Undecodable;

/// Why a trail is not to be trusted, or could not be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrailError {
    /// A file could not be read or written.
    #[error("{0}")]
    Io(String),
    /// The file is something else.
    #[error("the file is no audit trail of devhub: {0}; export one with `devhub audit export`")]
    NotATrail(&'static str),
    /// It was written by a later release.
    #[error("the trail has format {0}, and this release reads format 1; use the release that wrote it, or a later one")]
    Newer(u16),
    /// An entry is not the one that was chained.
    #[error("sequence {sequence} was changed: {problem}; do not rely on this trail from there on, export another one")]
    Changed {
        /// The sequence.
        sequence: u64,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The file is cut, or something stands in it that belongs nowhere.
    #[error(
        "the trail is damaged after sequence {after}: {problem}; do not rely on it from there on, export another one"
    )]
    Broken {
        /// The last sequence that is sound; 0 for none.
        after: u64,
        /// What is wrong behind it.
        problem: &'static str,
    },
    /// A head does not attest this trail.
    #[error(
        "the head of sequence {sequence} does not attest this trail: {problem}; the trail or the head was exchanged, find \
         out which before relying on either"
    )]
    Unattested {
        /// What the head says that it is of.
        sequence: u64,
        /// What does not fit.
        problem: &'static str,
    },
    /// A line of a file of heads is none.
    #[error("line {line} of the heads is no signed head; use the file that the hub writes to audit_heads_file")]
    NoHead {
        /// The line.
        line: usize,
    },
    /// The store could not be read.
    #[error("{0}")]
    Store(String),
    /// A record or fact of the journal makes no sense.
    #[error(transparent)]
    Undecodable(#[from] Undecodable),
}

impl TrailError {
    /// The sequence that it names: the changed one, or the last one before what is damaged.
    pub fn sequence(&self) -> Option<u64> {
        match self {
            TrailError::Changed { sequence, .. } | TrailError::Unattested { sequence, .. } => Some(*sequence),
            TrailError::Broken { after, .. } => Some(*after),
            TrailError::Io(_)
            | TrailError::NotATrail(_)
            | TrailError::Newer(_)
            | TrailError::NoHead { .. }
            | TrailError::Store(_)
            | TrailError::Undecodable(_) => None,
        }
    }
}

impl From<StoreError> for TrailError {
    fn from(error: StoreError) -> TrailError {
        TrailError::Store(error.to_string())
    }
}

/// A file operation that failed.
pub(super) fn io(action: &str, path: &std::path::Path, error: impl std::fmt::Display) -> TrailError {
    TrailError::Io(format!("could not {action} {}: {error}", path.display()))
}

/// A digest out of bytes that are long enough.
pub(super) fn digest(bytes: &[u8]) -> Digest {
    bytes.try_into().expect("the caller took 32 bytes")
}
