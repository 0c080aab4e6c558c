//! The durable room: what was committed, in which order, and what is current.
//!
//! A store knows keys, values, facts and revisions; it does not know applications or versions. Its contract, which
//! every engine keeps and `tests/store_conformance.rs` checks:
//!
//! 1. **Atomic.** A [`Batch`] takes effect whole, under one new [`Revision`], or not at all.
//! 2. **Conditional.** It takes effect only if every [`Expectation`] and its [`Guard`] hold at that instant; otherwise the answer is
//!    [`Verdict::Conflict`] and nothing has happened. There is no unconditional overwrite by accident.
//! 3. **Durable, then visible, then answered.** [`Verdict::Committed`] is given only after the batch survives a power
//!    cut and after the [`Sink`] has seen it. Nobody reads a write that a crash can take back.
//! 4. **Ordered.** Revisions are one total order; gaps are legal; the sink sees each commit once, in order.
//! 5. **Honest.** An error other than [`StoreError::Unknown`] means that the batch left no trace. Damage is reported,
//!    never served.
//!
//! Beside what was committed, a store keeps **notes** ([`Store::note`]): values that help people and decide nothing.
//! They have their own keys, no revision, no fact, no place in the journal, and the sink does not see them:
//!
//! 1. **Each note whole.** A note reads as one of the values that were written under its key, or as absent. Notes of one
//!    call are not a transaction.
//! 2. **Read by the next call.** What a call of [`Store::note`] took is read by every later call, and survives the end
//!    of the process, however it ends. It may not survive the end of the machine.
//! 3. **May be lost.** Damaged notes are left out and logged, and may be lost all together: an engine may begin anew
//!    without any. So nothing that must be right is computed from them. Backups do not carry them.
//! 4. **Never in the way.** Notes that cannot be written stop no commit, and notes that cannot be read no decision.
//! 5. **A loss can be known.** [`Store::settle_notes`] brings what was taken to the disk, so that a note can say that all
//!    before it is there; [`Store::has_lost_notes`] says whether any was left out since the store was opened.
//!
//! The store does not read the clock: the batch brings its instant.

pub mod codec;

pub mod memory;

pub mod embedded;

pub mod backup;
pub mod doctor;
pub mod history;

pub mod fault;
#[cfg(any(test, fuzzing))]
pub(crate) mod hostile;

mod disk;
mod identity;
mod journal;
mod lock;
mod queue;
mod record;
mod round;
mod sled_notes;
mod sled_state;
mod trouble;
mod witness;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};

/// Position of a commit in the total order of one store. Starts at 1; 0 means "before the first commit".
pub type Revision = u64;

/// Key of a record: bytes, compared as bytes.
pub type Key = Bytes;

/// A stored value and the revision of the commit that wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned {
    /// Revision of the commit that wrote the value; the record's etag.
    pub revision: Revision,
    /// The value, as given to [`Write::value`].
    pub value: Bytes,
}

/// What must be true of one key for a batch to take effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expectation {
    /// The key has no value.
    Absent,
    /// The key's value was written by the commit of this revision.
    At(Revision),
}

/// One key's new value; `None` removes the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// The key.
    pub key: Key,
    /// The new value, or `None` to remove it.
    pub value: Option<Bytes>,
}

/// A condition on what the [`Sink`] has seen. Must be quick and must not call the store: every writer waits for it. An
/// engine that cannot evaluate it beside the commit may evaluate it and then demand that nothing was committed since.
#[derive(Clone)]
pub struct Guard(pub Arc<dyn Fn() -> bool + Send + Sync>);

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Guard")
    }
}

/// A request to commit: what must hold, what to write, what to record.
#[derive(Debug, Clone)]
pub struct Batch {
    /// The instant at which the command was judged.
    pub instant: DateTime<Utc>,
    /// The keys that the judgement depended on.
    pub expectations: Vec<(Key, Expectation)>,
    /// When set, the batch also conflicts unless `instant` is later than that of every earlier commit. A command whose
    /// effect begins "now" needs it: otherwise a commit judged later but stored earlier would stand on the wrong side.
    pub after_all: bool,
    /// When given, the batch also conflicts unless this holds at the moment of the commit, after the sink has seen every
    /// earlier commit: a condition on more records than could be listed.
    pub guard: Option<Guard>,
    /// New values. At most one per key.
    pub writes: Vec<Write>,
    /// What happened, encoded; at least one, since a commit that records nothing cannot be audited.
    pub facts: Vec<Bytes>,
}

/// One committed batch, as the journal keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its place in the total order.
    pub revision: Revision,
    /// The instant at which its command was judged.
    pub instant: DateTime<Utc>,
    /// What it wrote.
    pub writes: Vec<Write>,
    /// What it recorded.
    pub facts: Vec<Bytes>,
}

/// The answer to [`Store::commit`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Durable and visible.
    Committed(Revision),
    /// An expectation did not hold (or `after_all` or the guard did not); nothing was written. Load and judge again.
    Conflict,
}

/// The newest commit of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Its revision; 0 for an empty store.
    pub revision: Revision,
    /// The latest instant among all commits.
    pub instant: DateTime<Utc>,
    /// SHA-256 chain value over every commit up to `revision`.
    pub digest: [u8; 32],
}

impl Head {
    /// The head of a store without commits: before every revision and every instant.
    pub const EMPTY: Self = Self { revision: 0, instant: DateTime::<Utc>::MIN_UTC, digest: [0; 32] };
}

/// The most bytes that the keys, values and facts of one [`Batch`] may have together; more is
/// [`StoreError::TooLarge`].
pub const BATCH_BYTES_MAX: usize = 4 << 20;

/// Names one unbroken history. A restore starts a new one, so that nobody resumes across it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Epoch(pub [u8; 16]);

/// Why a store could not do what it was asked to.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// No space: nothing was written; reads go on; writes go on by themselves once there is space.
    #[error("the data directory has no space left for writes: {0}")]
    Full(String),
    /// Too many commits are waiting; nothing was written; retry later.
    #[error("too many writes are waiting; retry in a moment")]
    Overloaded,
    /// Writing failed in a way that only a restart can settle; reads go on.
    #[error("writes have stopped: {0}; restart devhub, it recovers by itself or says what to do")]
    Stopped(String),
    /// The outcome of this commit is unknown: it may or may not be found after a restart.
    #[error("the outcome of the write is unknown: {0}")]
    Unknown(String),
    /// Stored bytes are damaged.
    #[error("damaged data: {0}")]
    Damaged(String),
    /// Another process uses the directory.
    #[error("{0}")]
    Locked(String),
    /// Written by a newer release.
    #[error("{0}")]
    Newer(String),
    /// The batch is larger than the store accepts.
    #[error("the write has {size} bytes; at most {limit} are accepted; split it")]
    TooLarge {
        /// Bytes of the batch.
        size: usize,
        /// Bytes accepted.
        limit: usize,
    },
    /// Reading failed.
    #[error("reading failed: {0}")]
    Io(String),
}

/// Receives the content of a store: first every record, then every commit, in order, before it is answered.
pub trait Sink: Send + Sync {
    /// One record of the state at the moment of [`Store::attach`].
    fn load(&self, key: &Key, value: &Versioned);
    /// The state of that moment is complete up to `head`.
    fn loaded(&self, head: Head);
    /// One commit. Called in order of revision from the engine's own thread; must not block.
    fn apply(&self, commit: &Commit);
}

/// A future that a trait object can return.
pub type Promise<T> = Pin<Box<dyn Future<Output = T> + Send + 'static>>;

/// The contract at the top of this module.
pub trait Store: Send + Sync + 'static {
    /// Current values of `keys`, in their order.
    fn get(&self, keys: &[Key]) -> Result<Vec<Option<Versioned>>, StoreError>;

    /// Up to `limit` records whose key starts with `prefix` and is greater than `after`, in order of key. Under
    /// concurrent writes a scan is not a snapshot: each record is current at some moment of the call.
    fn scan(&self, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<Vec<(Key, Versioned)>, StoreError>;

    /// Commits `batch`. The work goes on when the returned future is dropped.
    ///
    /// # Panics
    /// If the batch has no fact, or two writes of one key: the caller's mistake, which no caller can handle.
    fn commit(&self, batch: Batch) -> Promise<Result<Verdict, StoreError>>;

    /// Up to `limit` commits with a revision greater than `after`, in order, none of which a crash can take back.
    fn changes(&self, after: Revision, limit: usize) -> Result<Vec<Commit>, StoreError>;

    /// The newest commit.
    fn head(&self) -> Head;

    /// Tells of each new head. Followers of [`Store::changes`] wait on it.
    fn watch(&self) -> tokio::sync::watch::Receiver<Revision>;

    /// Connects the sink: it receives the whole state, then every later commit, with none missed between. Writes wait
    /// while the state is read. One sink for the life of the store: a second one is refused with [`StoreError::Io`].
    fn attach(&self, sink: Arc<dyn Sink>) -> Result<(), StoreError>;

    /// The history that revisions count in.
    fn epoch(&self) -> Epoch;

    /// Whether that history began in the place of an earlier one, of which it lacks the end: after a restore, or a repair
    /// that accepted a loss.
    fn began_anew(&self) -> bool;

    /// Keeps `notes`, each in place of the note that its key had.
    ///
    /// # Errors
    /// [`StoreError::Full`] when there is no space, [`StoreError::Io`] when they could not be written. Any of them may
    /// be there then.
    fn note(&self, notes: Vec<(Key, Bytes)>) -> Result<(), StoreError>;

    /// Current notes of `keys`, in their order.
    ///
    /// # Errors
    /// [`StoreError::Io`] when they could not be read.
    fn noted(&self, keys: &[Key]) -> Result<Vec<Option<Bytes>>, StoreError>;

    /// Up to `limit` notes whose key starts with `prefix` and is greater than `after`, in order of key.
    ///
    /// # Errors
    /// As [`Store::noted`].
    fn scan_noted(&self, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<Vec<(Key, Bytes)>, StoreError>;

    /// Has every note that was taken before survive the end of the machine too.
    ///
    /// # Errors
    /// [`StoreError::Io`] when that cannot be made sure.
    fn settle_notes(&self) -> Result<(), StoreError>;

    /// Whether a damaged note was left out since the store was opened.
    fn has_lost_notes(&self) -> bool;

    /// `None` while commits are accepted, else the sentence that says why they are not.
    fn write_trouble(&self) -> Option<String>;
}
