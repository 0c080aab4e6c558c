//! Reading durable commits by revision, while the journal grows.
//!
//! A sparse index in memory says where to begin; from there frames are read in order. Only what was published can be
//! reached, so nobody reads a frame that a crash can take back.

use std::path::PathBuf;

use parking_lot::RwLock;

use super::frame::Frame;
use super::segment::Frames;
use super::walk;
use crate::store::{Commit, Revision, StoreError, trouble};

/// Bytes of journal between two marks of the index.
const MARK_EVERY: u64 = 64 << 10;

/// Where a frame begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) first: Revision,
    pub(crate) segment: usize,
    pub(crate) offset: u64,
}

/// The published part of the journal.
#[derive(Default)]
pub(crate) struct Reader {
    index: RwLock<Index>,
}

#[derive(Default)]
struct Index {
    marks: Vec<Place>,
    /// Path and published bytes of each segment.
    segments: Vec<(PathBuf, u64)>,
    last: Revision,
}

impl Reader {
    /// Adds a segment behind those there are.
    pub(crate) fn add_segment(&self, path: PathBuf) {
        self.index.write().segments.push((path, 0));
    }

    /// Makes a frame reachable.
    pub(crate) fn publish(&self, place: Place, length: u64, last: Revision) {
        let mut index = self.index.write();
        let near = |mark: &&Place| mark.segment == place.segment && place.offset - mark.offset < MARK_EVERY;
        if index.marks.last().filter(near).is_none() {
            index.marks.push(place);
        }
        index.segments[place.segment].1 = place.offset + length;
        index.last = last;
    }

    /// Up to `limit` commits with a revision above `after`.
    pub(crate) fn commits(&self, after: Revision, limit: usize) -> Result<Vec<Commit>, StoreError> {
        let mut found = Vec::new();
        let mut cursor = self.after(after);
        while found.len() < limit {
            let Some((_, commits)) = cursor.next()? else { break };
            let wanted = commits.into_iter().filter(|commit| commit.revision > after);
            found.extend(wanted.take(limit - found.len()));
        }
        Ok(found)
    }

    /// The chain value at `revision`, if a frame ends there.
    pub(crate) fn digest_at(&self, revision: Revision) -> Result<Option<[u8; 32]>, StoreError> {
        if revision == 0 {
            return Ok(Some([0; 32]));
        }
        let found = self.after(revision - 1).next()?;
        Ok(found.filter(|(frame, _)| frame.last == revision).map(|(frame, _)| frame.digest()))
    }

    /// The frames that hold revisions above `after`, oldest first.
    pub(crate) fn after(&self, after: Revision) -> Cursor<'_> {
        let index = self.index.read();
        if after >= index.last {
            return Cursor { reader: self, after, next: None, frames: None, chain: None };
        }
        let mark = index.marks.partition_point(|mark| mark.first <= after + 1);
        let place = index.marks[mark.saturating_sub(1)];
        Cursor { reader: self, after, next: Some((place.segment, place.offset)), frames: None, chain: None }
    }
}

/// A position between published frames.
pub(crate) struct Cursor<'a> {
    reader: &'a Reader,
    after: Revision,
    /// The segment to open next, and where in it to begin.
    next: Option<(usize, u64)>,
    frames: Option<(PathBuf, Frames)>,
    /// The chain value after the frames so far.
    chain: Option<[u8; 32]>,
}

impl Cursor<'_> {
    /// The next frame and its commits. The frames were whole when the store was opened, so anything else is damage that
    /// came since.
    pub(crate) fn next(&mut self) -> Result<Option<(Frame, Vec<Commit>)>, StoreError> {
        loop {
            if self.frames.is_none() && !self.open_segment()? {
                return Ok(None);
            }
            let (path, frames) = self.frames.as_mut().expect("a segment was opened above");
            let offset = frames.offset();
            let Some(frame) = frames.next().map_err(|flaw| flaw.at(path, offset))? else {
                self.frames = None;
                continue;
            };
            if self.chain.replace(frame.digest()).is_some_and(|chain| chain != frame.previous) {
                return Err(trouble::damaged(path, format!("the frame at byte {offset} does not continue the chain")));
            }
            if frame.last > self.after {
                let commits = walk::contents(&frame).map_err(|why| trouble::damaged(path, why))?;
                return Ok(Some((frame, commits)));
            }
        }
    }

    fn open_segment(&mut self) -> Result<bool, StoreError> {
        let Some((segment, offset)) = self.next.take() else {
            return Ok(false);
        };
        let index = self.reader.index.read();
        let Some((path, end)) = index.segments.get(segment).cloned() else {
            return Ok(false);
        };
        drop(index);
        self.frames = Some((path.clone(), Frames::open(&path, offset, end)?));
        self.next = Some((segment + 1, 0));
        Ok(true)
    }
}
