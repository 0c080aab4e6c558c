//! The file operations that promise something, and the faults that tests put in their way.

use std::fs::File;
use std::io::{Error, ErrorKind, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::fault::{Fault, Faults};
use super::{StoreError, trouble};

/// The disk as one store sees it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Disk {
    faults: Option<Arc<Faults>>,
}

impl Disk {
    pub(crate) fn new(faults: Option<Arc<Faults>>) -> Self {
        Self { faults }
    }

    /// Whether a test has switched `fault` on.
    pub(crate) fn fails(&self, fault: Fault) -> bool {
        self.faults.as_ref().is_some_and(|faults| faults.is_on(fault))
    }

    /// Writes all of `bytes` at `offset`. After an error any part of them may be in the file.
    pub(crate) fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> Result<(), Error> {
        let half = &bytes[..bytes.len() / 2];
        if self.fails(Fault::DiskFull) {
            file.write_all_at(half, offset)?;
            return Err(ErrorKind::StorageFull.into());
        }
        if self.fails(Fault::WriteFails) {
            file.write_all_at(half, offset)?;
            return Err(Error::other("a test made the write fail"));
        }
        file.write_all_at(bytes, offset)
    }

    /// Brings the content of `file` to the disk. After an error the content is in doubt, and a second call would lie:
    /// the kernel marks the pages clean.
    pub(crate) fn sync(&self, file: &File) -> Result<(), Error> {
        if let Some(faults) = &self.faults {
            faults.reach_sync();
        }
        if self.fails(Fault::SyncFails) {
            return Err(Error::other("a test made the sync fail"));
        }
        file.sync_data()
    }

    /// Cuts `file` down to `length` bytes.
    pub(crate) fn truncate(&self, file: &File, length: u64) -> Result<(), Error> {
        if self.fails(Fault::TruncateFails) {
            return Err(Error::other("a test made the truncation fail"));
        }
        file.set_len(length)
    }

    /// Bytes that this process may still write below `dir`.
    pub(crate) fn free_bytes(&self, dir: &Path) -> Result<u64, Error> {
        if self.fails(Fault::LowSpace) {
            return Ok(0);
        }
        let stat = rustix::fs::statvfs(dir)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
}

/// Whether `error` means that there is no space.
pub(crate) fn is_full(error: &Error) -> bool {
    error.kind() == ErrorKind::StorageFull || error.kind() == ErrorKind::QuotaExceeded
}

/// Makes the entries of `dir` durable: a synced file that no directory names is lost.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), StoreError> {
    let synced = File::open(dir).and_then(|handle| handle.sync_all());
    synced.map_err(|error| trouble::io("sync the directory", dir, error))
}

/// Where the content of `path` is written before it is complete.
pub(crate) fn draft_path(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".tmp");
    path.with_file_name(name)
}

/// Puts a file with `bytes` at `path`, whole or not at all, durably.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let parent = path.parent().unwrap_or(Path::new("."));
    let draft = draft_path(path);
    let written = File::create(&draft).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.map_err(|error| trouble::io("write", &draft, error))?;
    std::fs::rename(&draft, path).map_err(|error| trouble::io("put in place", path, error))?;
    sync_dir(parent)
}

/// A path beside `path` that does not exist yet: `<path>.set-aside.<n>`, with `n` above those there are.
pub(crate) fn set_aside_path(path: &Path) -> (PathBuf, Vec<PathBuf>) {
    let parent = path.parent().unwrap_or(Path::new("."));
    let stem = format!("{}.set-aside.", path.file_name().unwrap_or_default().to_string_lossy());
    let mut found: Vec<(u64, PathBuf)> = std::fs::read_dir(parent)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let number = entry.file_name().to_str()?.strip_prefix(&stem)?.parse().ok()?;
            Some((number, entry.path()))
        })
        .collect();
    found.sort_unstable();
    let next = found.last().map_or(1, |(number, _)| number + 1);
    (parent.join(format!("{stem}{next}")), found.into_iter().map(|(_, path)| path).collect())
}
