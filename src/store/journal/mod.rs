//! The journal: the truth of the embedded engine.
//!
//! Append-only segments of frames, each frame one group of commits, each group linked to the one before by SHA-256.
//! This module appends and recovers; [`reader`] finds commits by revision; [`walk`] verifies everything.

pub(crate) mod frame;
mod open;
pub(crate) mod reader;
pub(crate) mod segment;
pub(crate) mod walk;

use std::fs::{File, OpenOptions};
use std::path::PathBuf;
use std::sync::Arc;

use reader::{Place, Reader};

use super::disk::{self, Disk};
use super::{Commit, Head, StoreError, record, trouble};

/// The end of the journal, where frames are appended.
pub(crate) struct Journal {
    directory: PathBuf,
    disk: Disk,
    segment_bytes: u64,
    reader: Arc<Reader>,
    head: Head,
    file: File,
    path: PathBuf,
    /// Number of the segment.
    segment: usize,
    /// Bytes of the segment that hold frames.
    length: u64,
}

/// A frame that is durable and not yet published.
pub(crate) struct Appended {
    place: Place,
    length: u64,
    /// The head after it.
    pub(crate) head: Head,
}

/// Why a frame was not appended.
pub(crate) enum AppendError {
    /// No space. It left no trace, and the next one may succeed.
    Full(String),
    /// It left no trace, but the journal takes no more.
    Refused(String),
    /// It may or may not be found after a restart; the journal takes no more.
    Unknown(String),
}

impl Journal {
    pub(crate) fn head(&self) -> Head {
        self.head
    }

    pub(crate) fn reader(&self) -> Arc<Reader> {
        Arc::clone(&self.reader)
    }

    /// Appends `commits` as one frame and brings it to the disk. `latest` is the latest instant up to and including
    /// them. The commits are at least one, and continue the revisions.
    pub(crate) fn append(
        &mut self,
        commits: &[Commit],
        latest: chrono::DateTime<chrono::Utc>,
    ) -> Result<Appended, AppendError> {
        let payload = record::encode(commits);
        debug_assert_eq!(record::decode(&payload).as_deref(), Ok(commits), "what is written can be read");
        let first = self.head.revision + 1;
        let last = self.head.revision + commits.len() as u64;
        let frame = frame::encode(&self.head.digest, first, last, &payload);
        if self.length > 0 && self.length + frame.len() as u64 > self.segment_bytes {
            self.rotate()?;
        }
        if let Err(error) = self.disk.write_at(&self.file, &frame, self.length) {
            return Err(self.take_back(&error));
        }
        if let Err(error) = self.disk.sync(&self.file) {
            return Err(AppendError::Unknown(format!("could not sync {}: {error}", self.path.display())));
        }
        let place = Place { first, segment: self.segment, offset: self.length };
        self.length += frame.len() as u64;
        self.head = Head { revision: last, instant: latest, digest: record::chain(&self.head.digest, &payload) };
        Ok(Appended { place, length: frame.len() as u64, head: self.head })
    }

    /// Lets readers reach `appended`.
    pub(crate) fn publish(&self, appended: &Appended) {
        self.reader.publish(appended.place, appended.length, appended.head.revision);
    }

    fn take_back(&self, error: &std::io::Error) -> AppendError {
        let what = format!("could not append to {}: {error}", self.path.display());
        match self.disk.truncate(&self.file, self.length) {
            Ok(()) if disk::is_full(error) => AppendError::Full(what),
            Ok(()) => AppendError::Refused(what),
            Err(second) => {
                AppendError::Unknown(format!("{what}; nor could the half-written frame be removed: {second}"))
            }
        }
    }

    /// Begins the next segment. Until a frame is in it, an empty file is all that a crash leaves.
    fn rotate(&mut self) -> Result<(), AppendError> {
        let path = segment::path(&self.directory, self.head.revision + 1);
        let file = match open_for_append(&path) {
            Ok(file) => file,
            Err(error) if disk::is_full(&error) => {
                return Err(AppendError::Full(format!("could not create {}: {error}", path.display())));
            }
            Err(error) => {
                return Err(AppendError::Refused(format!("could not create {}: {error}", path.display())));
            }
        };
        disk::sync_dir(&self.directory).map_err(|error| AppendError::Refused(error.to_string()))?;
        self.reader.add_segment(path.clone());
        (self.file, self.path) = (file, path);
        (self.segment, self.length) = (self.segment + 1, 0);
        Ok(())
    }
}

fn open_for_append(path: &std::path::Path) -> Result<File, std::io::Error> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

/// Creates an empty journal in `directory`, durably.
pub(crate) fn create(directory: &std::path::Path) -> Result<(), StoreError> {
    std::fs::create_dir_all(directory).map_err(|error| trouble::io("create", directory, error))?;
    let first = segment::path(directory, 1);
    open_for_append(&first).map_err(|error| trouble::io("create", &first, error))?;
    disk::sync_dir(directory)
}
