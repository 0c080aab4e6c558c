//! Opening the journal: verify everything, cut what a crash tore, refuse the rest.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::reader::{Place, Reader};
use super::walk::{Broken, Walk};
use super::{Journal, open_for_append};
use crate::store::disk::Disk;
use crate::store::witness::{self, Witness};
use crate::store::{StoreError, trouble};

impl Journal {
    /// Opens the journal in `directory`, which must reach at least as far as `witness` says.
    pub(crate) fn open(
        directory: &Path,
        witness: &Witness,
        segment_bytes: u64,
        disk: Disk,
    ) -> Result<Self, StoreError> {
        let reader = Arc::new(Reader::default());
        let mut walk = Walk::begin(directory)?;
        for segment in walk.segments() {
            reader.add_segment(segment.path.clone());
        }
        let mut confirmed = witness.revision == 0;
        let mut unconfirmed: Vec<(usize, u64, u64)> = Vec::new();
        let torn = loop {
            match walk.next() {
                Ok(Some(step)) => {
                    let place = Place { first: step.frame.first, segment: step.segment, offset: step.offset };
                    reader.publish(place, step.frame.length(), step.frame.last);
                    confirmed |= step.frame.last == witness.revision && witness.matches(&step.head.digest);
                    if step.frame.last > witness.revision {
                        unconfirmed.push((step.segment, step.offset, step.frame.length()));
                    }
                }
                Ok(None) => break None,
                Err(broken) if broken.torn && walk.head().revision >= witness.revision => break Some(broken),
                Err(broken) => return Err(broken.refusal()),
            }
        };
        if walk.head().revision < witness.revision {
            return Err(short(directory, walk.head().revision, witness.revision));
        }
        if !confirmed {
            let what = format!("another history at revision {} than {} has seen", witness.revision, witness::FILE);
            return Err(trouble::damaged(directory, what));
        }
        let last = walk.segments().last().expect("a walk without segments is broken");
        let length = torn.as_ref().map_or(last.length, |broken| broken.offset);
        let journal = Self {
            directory: directory.to_owned(),
            disk,
            segment_bytes,
            reader,
            head: walk.head(),
            file: open_for_append(&last.path).map_err(|error| trouble::io("open", &last.path, error))?,
            path: last.path.clone(),
            segment: walk.segments().len() - 1,
            length,
        };
        if let Some(broken) = torn {
            journal.cut(&broken, last.length)?;
        }
        let paths: Vec<PathBuf> = walk.segments().iter().map(|segment| segment.path.clone()).collect();
        journal.make_durable(&paths, &unconfirmed)?;
        Ok(journal)
    }

    fn cut(&self, torn: &Broken, length: u64) -> Result<(), StoreError> {
        tracing::warn!(
            file = %torn.path.display(),
            offset = torn.offset,
            bytes = length - torn.offset,
            "removing the torn end of the journal: a crash interrupted an append that nobody was told had succeeded"
        );
        self.disk.truncate(&self.file, torn.offset).map_err(|error| trouble::io("shorten", &torn.path, error))
    }

    /// Whatever is about to be served must survive a power cut. Frames that the witness has not seen may be in memory
    /// only, and after a failed sync the kernel takes them for clean; so they are written again before the sync.
    fn make_durable(&self, paths: &[PathBuf], unconfirmed: &[(usize, u64, u64)]) -> Result<(), StoreError> {
        let mut touched: Vec<usize> = unconfirmed.iter().map(|(segment, ..)| *segment).collect();
        touched.push(self.segment);
        touched.dedup();
        for segment in touched {
            let path = &paths[segment];
            let rewritten = OpenOptions::new().read(true).write(true).open(path).and_then(|file| {
                for (_, offset, length) in unconfirmed.iter().filter(|(of, ..)| *of == segment) {
                    let mut bytes = vec![0; *length as usize];
                    file.read_exact_at(&mut bytes, *offset)?;
                    file.write_all_at(&bytes, *offset)?;
                }
                self.disk.sync(&file)
            });
            rewritten.map_err(|error| trouble::io("sync", path, error))?;
        }
        crate::store::disk::sync_dir(&self.directory)
    }
}

fn short(directory: &Path, end: u64, witnessed: u64) -> StoreError {
    trouble::damaged(
        directory,
        format!(
            "the journal ends at revision {end}, but {} has seen revision {witnessed}: acknowledged commits {} to \
             {witnessed} are lost",
            witness::FILE,
            end + 1
        ),
    )
}
