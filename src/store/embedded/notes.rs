//! Opening the notes: sound, or set aside and begun anew.

use std::path::Path;

use super::super::sled_notes::{DIR, Notes};
use super::super::{StoreError, trouble};
use super::{Shared, state};

/// The notes of `directory`. Damaged ones are lost: nobody can derive them, and nothing that must be right needs them.
pub(super) fn open(directory: &Path) -> Result<Notes, StoreError> {
    let path = directory.join(DIR);
    match keep(&path) {
        Ok(notes) => return Ok(notes),
        Err(why) => {
            let path = path.display();
            tracing::error!(%path, why, "the notes are damaged and are set aside; what they said of usage is lost");
        }
    }
    if path.exists() {
        state::set_aside(&path)?;
    }
    Notes::open(&path).map_err(|why| trouble::io("begin new notes in", &path, why))
}

/// The notes at `path`, if every one of them can be read.
fn keep(path: &Path) -> Result<Notes, String> {
    let notes = Notes::open(path)?;
    match notes.verify() {
        Ok(()) => Ok(notes),
        Err(why) => {
            notes.discard();
            Err(why)
        }
    }
}

impl Shared {
    /// What a failing note becomes. No commit and no decision depends on it, so nothing stops.
    pub(super) fn notes_trouble(&self, action: &str, why: &str) -> StoreError {
        trouble::io(&format!("{action} the notes in"), &self.directory.join(DIR), why)
    }
}
