//! Walking the whole journal: every frame, every link of the chain, every revision.
//!
//! The walk stops at the first thing that is wrong and says what and where. What to do about it is for the caller: a
//! starting store refuses or cuts a torn tail, a doctor reports.

use std::path::{Path, PathBuf};

use super::frame::Frame;
use super::segment::{self, Flaw, Frames, Segment};
use crate::store::{Commit, Head, StoreError, record};

/// A walk in progress.
pub(crate) struct Walk {
    journal: PathBuf,
    segments: Vec<Segment>,
    /// The segment being read.
    at: usize,
    frames: Option<Frames>,
    /// The head after the frames so far.
    head: Head,
}

/// A frame that fits, with its place and content.
pub(crate) struct Step {
    /// Number of its segment.
    pub(crate) segment: usize,
    /// Its first byte there.
    pub(crate) offset: u64,
    pub(crate) frame: Frame,
    pub(crate) commits: Vec<Commit>,
    /// The head after it.
    pub(crate) head: Head,
}

/// What ended a walk early.
#[derive(Debug, Clone)]
pub(crate) struct Broken {
    pub(crate) path: PathBuf,
    pub(crate) offset: u64,
    pub(crate) flaw: Flaw,
    /// The flaw may be what a crash in the middle of an append leaves: it is at the very end, with nothing behind it.
    pub(crate) torn: bool,
}

impl Broken {
    /// The refusal that names the place.
    pub(crate) fn refusal(&self) -> StoreError {
        self.flaw.at(&self.path, self.offset)
    }
}

impl Walk {
    /// Begins at the first frame of the directory `journal`.
    pub(crate) fn begin(journal: &Path) -> Result<Self, StoreError> {
        let segments = segment::list(journal)?;
        Ok(Self { journal: journal.to_owned(), segments, at: 0, frames: None, head: Head::EMPTY })
    }

    pub(crate) fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The head after the frames so far.
    pub(crate) fn head(&self) -> Head {
        self.head
    }

    /// The next frame, or `None` at the end of the journal.
    pub(crate) fn next(&mut self) -> Result<Option<Step>, Broken> {
        loop {
            if self.frames.is_none() && !self.open_segment()? {
                return Ok(None);
            }
            let frames = self.frames.as_mut().expect("a segment was opened above");
            let offset = frames.offset();
            match frames.next() {
                Ok(Some(frame)) => return self.fit(offset, frame).map(Some),
                Ok(None) => {
                    self.frames = None;
                    self.at += 1;
                }
                Err(flaw) => return Err(self.judge(offset, flaw)),
            }
        }
    }

    fn open_segment(&mut self) -> Result<bool, Broken> {
        let next = self.head.revision + 1;
        let broken = |path: &Path, flaw| Broken { path: path.to_owned(), offset: 0, flaw, torn: false };
        let Some(segment) = self.segments.get(self.at) else {
            if self.at > 0 {
                return Ok(false);
            }
            let why = "the first file of the journal is missing".to_owned();
            return Err(broken(&segment::path(&self.journal, 1), Flaw::Misplaced(why)));
        };
        if segment.first != next {
            let why = format!("the file is missing, or {} does not belong there", segment.path.display());
            return Err(broken(&segment::path(&self.journal, next), Flaw::Misplaced(why)));
        }
        let opened = Frames::open(&segment.path, 0, segment.length);
        self.frames = Some(opened.map_err(|error| broken(&segment.path, Flaw::Unread(error.to_string())))?);
        Ok(true)
    }

    fn fit(&mut self, offset: u64, frame: Frame) -> Result<Step, Broken> {
        let followed = follow(&self.head, &frame);
        let (head, commits) = followed.map_err(|why| self.broken(offset, Flaw::Misplaced(why), false))?;
        self.head = head;
        Ok(Step { segment: self.at, offset, frame, commits, head })
    }

    fn judge(&mut self, offset: u64, flaw: Flaw) -> Broken {
        let crash_like = match flaw {
            Flaw::Cut | Flaw::Bad(_) => self.at + 1 == self.segments.len(),
            Flaw::Misplaced(_) | Flaw::Newer(_) | Flaw::Unread(_) => false,
        };
        let goes_on = |frames: &Frames| frames.goes_on(self.head.revision).unwrap_or(true);
        let torn = crash_like && !self.frames.as_ref().is_none_or(goes_on);
        self.broken(offset, flaw, torn)
    }

    fn broken(&self, offset: u64, flaw: Flaw, torn: bool) -> Broken {
        Broken { path: self.segments[self.at].path.clone(), offset, flaw, torn }
    }
}

/// The head after `frame` and its commits, if it is the one that follows `head`.
pub(crate) fn follow(head: &Head, frame: &Frame) -> Result<(Head, Vec<Commit>), String> {
    let expected = head.revision + 1;
    if frame.previous != head.digest {
        return Err(format!("the frame of revision {} does not continue the chain", frame.first));
    }
    if frame.first != expected {
        return Err(format!("the frame begins with revision {}, not {expected}", frame.first));
    }
    let commits = contents(frame)?;
    let instant = commits.iter().map(|commit| commit.instant).fold(head.instant, Ord::max);
    Ok((Head { revision: frame.last, instant, digest: frame.digest() }, commits))
}

/// The commits of `frame`, if they are the ones that its header names.
pub(crate) fn contents(frame: &Frame) -> Result<Vec<Commit>, String> {
    let commits = record::decode(&frame.payload)?;
    let revisions = commits.iter().map(|commit| commit.revision);
    if frame.first > frame.last || !revisions.eq(frame.first..=frame.last) {
        return Err(format!("the frame does not hold the revisions {} to {}", frame.first, frame.last));
    }
    Ok(commits)
}
