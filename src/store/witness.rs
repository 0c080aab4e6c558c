//! `HEAD`: a witness outside journal and state of how far the journal must reach.
//!
//! A log that lost its tail looks like a log that never had one; only somebody else can tell. The file has 64 bytes and
//! is overwritten in place after every sync of the journal, before anybody is answered. It is itself synced by a thread
//! of its own, at most once a second: after a power cut it may be a little behind the journal, never ahead.

use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::{Epoch, Head, Revision, StoreError, disk, trouble};

/// Name of the file in the data directory.
pub(crate) const FILE: &str = "HEAD";
const LENGTH: usize = 64;
const MAGIC: [u8; 8] = *b"DHUBHEAD";
const FORMAT: u16 = 1;
const SYNC_EVERY: Duration = Duration::from_secs(1);

/// What the file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Witness {
    pub(crate) epoch: Epoch,
    pub(crate) revision: Revision,
    /// The first bytes of the chain value at `revision`.
    pub(crate) digest: [u8; 24],
}

impl Witness {
    pub(crate) fn of(epoch: Epoch, head: &Head) -> Self {
        let mut digest = [0; 24];
        digest.copy_from_slice(&head.digest[..24]);
        Self { epoch, revision: head.revision, digest }
    }

    pub(crate) fn matches(&self, digest: &[u8; 32]) -> bool {
        self.digest == digest[..24]
    }

    fn encode(&self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..10].copy_from_slice(&FORMAT.to_be_bytes());
        bytes[12..28].copy_from_slice(&self.epoch.0);
        bytes[28..36].copy_from_slice(&self.revision.to_be_bytes());
        bytes[36..60].copy_from_slice(&self.digest);
        let crc = crc32c::crc32c(&bytes[..60]);
        bytes[60..].copy_from_slice(&crc.to_be_bytes());
        bytes
    }

    fn decode(path: &Path, bytes: &[u8]) -> Result<Self, StoreError> {
        let bytes: &[u8; LENGTH] =
            bytes.try_into().map_err(|_| trouble::damaged(path, format!("has {} bytes, not 64", bytes.len())))?;
        if bytes[..8] != MAGIC || crc32c::crc32c(&bytes[..60]).to_be_bytes() != bytes[60..] {
            return Err(trouble::damaged(path, "its checksum is wrong"));
        }
        let format = u16::from_be_bytes([bytes[8], bytes[9]]);
        if format > FORMAT {
            return Err(trouble::newer(path, u64::from(format), u64::from(FORMAT)));
        }
        let mut witness = Self { epoch: Epoch([0; 16]), revision: 0, digest: [0; 24] };
        witness.epoch.0.copy_from_slice(&bytes[12..28]);
        witness.revision = Revision::from_be_bytes(bytes[28..36].try_into().expect("the range has eight bytes"));
        witness.digest.copy_from_slice(&bytes[36..60]);
        Ok(witness)
    }

    /// What the file in `dir` says, or `None` if there is none.
    pub(crate) fn load(dir: &Path) -> Result<Option<Self>, StoreError> {
        let path = dir.join(FILE);
        match std::fs::read(&path) {
            Ok(bytes) => Self::decode(&path, &bytes).map(Some),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(trouble::io("read", &path, error)),
        }
    }

    /// Lays the file down anew, durably.
    pub(crate) fn save(&self, dir: &Path) -> Result<(), StoreError> {
        disk::replace(&dir.join(FILE), &self.encode())
    }
}

/// The file of a running store.
pub(crate) struct WitnessFile {
    file: Arc<File>,
    unsynced: Arc<AtomicBool>,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl WitnessFile {
    /// Opens the file in `dir`, which exists, and starts the thread that syncs it.
    pub(crate) fn open(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join(FILE);
        let file = OpenOptions::new().write(true).open(&path).map_err(|error| trouble::io("open", &path, error))?;
        let file = Arc::new(file);
        let unsynced = Arc::new(AtomicBool::new(false));
        let (stop, stopped) = channel();
        let (its_file, its_unsynced) = (Arc::clone(&file), Arc::clone(&unsynced));
        let thread = std::thread::Builder::new()
            .name("devhub-witness".to_owned())
            .spawn(move || {
                while matches!(stopped.recv_timeout(SYNC_EVERY), Err(RecvTimeoutError::Timeout)) {
                    sync(&its_file, &its_unsynced);
                }
                sync(&its_file, &its_unsynced);
            })
            .map_err(|error| StoreError::Io(format!("could not start the witness thread: {error}")))?;
        Ok(Self { file, unsynced, stop: Some(stop), thread: Some(thread) })
    }

    /// Notes that the journal is durable up to what `witness` says.
    pub(crate) fn note(&self, witness: &Witness) -> Result<(), std::io::Error> {
        self.file.write_all_at(&witness.encode(), 0)?;
        self.unsynced.store(true, Ordering::Release);
        Ok(())
    }
}

impl Drop for WitnessFile {
    fn drop(&mut self) {
        drop(self.stop.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the witness thread panicked");
        }
    }
}

fn sync(file: &File, unsynced: &AtomicBool) {
    if unsynced.swap(false, Ordering::AcqRel)
        && let Err(error) = file.sync_data()
    {
        tracing::error!(%error, "could not sync HEAD; after a power cut, lost commits might go unnoticed");
    }
}
