//! The files of the journal and the frames in them.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::frame::{self, Frame, NoFrame};
use crate::store::{Revision, StoreError, trouble};

/// Name of the directory of segments in the data directory.
pub(crate) const DIR: &str = "journal";
/// Bytes that are read at once.
const WINDOW: u64 = 256 << 10;

/// A segment file, named after the first revision that it holds or will hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) first: Revision,
    pub(crate) path: PathBuf,
    pub(crate) length: u64,
}

/// Path of the segment of `journal` that begins with revision `first`.
pub(crate) fn path(journal: &Path, first: Revision) -> PathBuf {
    journal.join(format!("{first:020}.log"))
}

/// The segments in the directory `journal`, oldest first.
pub(crate) fn list(journal: &Path) -> Result<Vec<Segment>, StoreError> {
    let mut segments = Vec::new();
    let failed = |error| trouble::io("list", journal, error);
    for entry in std::fs::read_dir(journal).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        let digits = name.to_str().and_then(|name| name.strip_suffix(".log")).filter(|digits| digits.len() == 20);
        // Whatever else lies there is not ours; a segment under a wrong name is missed by the walk.
        let Some(first) = digits.and_then(|digits| digits.parse().ok()) else {
            continue;
        };
        segments.push(Segment { first, path: entry.path(), length: entry.metadata().map_err(failed)?.len() });
    }
    segments.sort_unstable_by_key(|segment| segment.first);
    Ok(segments)
}

/// Why the frames of a segment end before the segment does.
#[derive(Debug, Clone)]
pub(crate) enum Flaw {
    /// The last frame is incomplete.
    Cut,
    /// The bytes are no frame.
    Bad(String),
    /// A whole frame, or a whole file, that does not follow what stands before it.
    Misplaced(String),
    /// A frame of a later format.
    Newer(u16),
    /// The file could not be read.
    Unread(String),
}

impl Flaw {
    /// The refusal that names the place.
    pub(crate) fn at(&self, path: &Path, offset: u64) -> StoreError {
        match self {
            Self::Cut => trouble::damaged(path, format!("the frame at byte {offset} is cut short")),
            Self::Bad(why) | Self::Misplaced(why) => trouble::damaged(path, format!("at byte {offset}: {why}")),
            Self::Newer(format) => trouble::newer(path, u64::from(*format), u64::from(crate::store::record::FORMAT)),
            Self::Unread(why) => trouble::io("read", path, why),
        }
    }
}

/// Bytes that can be read from anywhere.
pub(crate) trait ReadAt {
    /// Fills `bytes` with what stands at `offset`.
    fn read_exact_at(&mut self, bytes: &mut [u8], offset: u64) -> Result<(), std::io::Error>;
}

impl ReadAt for File {
    fn read_exact_at(&mut self, bytes: &mut [u8], offset: u64) -> Result<(), std::io::Error> {
        FileExt::read_exact_at(self, bytes, offset)
    }
}

/// Reads frames one after the other.
pub(crate) struct Frames<F = File> {
    file: F,
    offset: u64,
    end: u64,
    /// Bytes of the file from `offset` on, as far as they were read.
    window: Bytes,
}

impl Frames {
    /// The frames of the file at `path` between the two byte offsets.
    pub(crate) fn open(path: &Path, offset: u64, end: u64) -> Result<Self, StoreError> {
        let file = File::open(path).map_err(|error| trouble::io("open", path, error))?;
        Ok(Self::of(file, offset, end))
    }

    /// Whether a whole frame with a revision above `after` begins anywhere behind the current offset. A torn append has
    /// nothing behind it; damage in the middle has.
    pub(crate) fn goes_on(&self, after: Revision) -> Result<bool, Flaw> {
        let mut bytes = vec![0; (self.end - self.offset) as usize];
        let read = FileExt::read_exact_at(&self.file, &mut bytes, self.offset);
        read.map_err(|error| Flaw::Unread(error.to_string()))?;
        let bytes = Bytes::from(bytes);
        let starts = (1..bytes.len().saturating_sub(frame::PREAMBLE)).filter(|at| bytes[*at..*at + 4] == frame::MAGIC);
        Ok(starts.into_iter().any(|at| match frame::decode(&bytes.slice(at..)) {
            Ok(frame) => frame.first > after,
            Err(NoFrame::Newer(_)) => true,
            Err(NoFrame::Short(_) | NoFrame::Bad(_)) => false,
        }))
    }
}

impl<F: ReadAt> Frames<F> {
    /// The frames between two offsets of what `file` gives.
    pub(crate) fn of(file: F, offset: u64, end: u64) -> Self {
        Self { file, offset, end, window: Bytes::new() }
    }

    /// Where the next frame begins.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// The next frame, or `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Frame>, Flaw> {
        if self.offset == self.end {
            return Ok(None);
        }
        loop {
            match frame::decode(&self.window) {
                Ok(frame) => {
                    self.offset += frame.length();
                    self.window = self.window.slice(frame.length() as usize..);
                    return Ok(Some(frame));
                }
                Err(NoFrame::Short(needed)) => self.read(needed as u64)?,
                Err(NoFrame::Bad(why)) => return Err(Flaw::Bad(why.to_owned())),
                Err(NoFrame::Newer(format)) => return Err(Flaw::Newer(format)),
            }
        }
    }

    fn read(&mut self, needed: u64) -> Result<(), Flaw> {
        let left = self.end - self.offset;
        if needed > left {
            return Err(Flaw::Cut);
        }
        let mut bytes = vec![0; needed.max(WINDOW).min(left) as usize];
        self.file.read_exact_at(&mut bytes, self.offset).map_err(|error| Flaw::Unread(error.to_string()))?;
        self.window = bytes.into();
        Ok(())
    }
}
