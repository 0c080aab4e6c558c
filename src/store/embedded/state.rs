//! Bringing the state in line with the journal: nothing to do, catch up, or set aside and rebuild.

use std::path::Path;

use super::super::journal::Journal;
use super::super::journal::reader::Reader;
use super::super::round::Changed;
use super::super::sled_state::{DIR, State};
use super::super::{Commit, Epoch, Head, Revision, StoreError, Versioned, disk, trouble};

/// Left by a running store that met damage in its state.
const SUSPECT_FILE: &str = "state.suspect";
/// Damaged ones kept, of each sled, for whoever wants to look at them.
const SET_ASIDE_MAX: usize = 2;
/// Changes applied to the state at once while it catches up.
const STEP_CHANGES: usize = 4096;

/// The state of `directory`, brought up to the end of `journal`.
pub(crate) fn open(directory: &Path, epoch: Epoch, journal: &Journal, cache_bytes: u64) -> Result<State, StoreError> {
    let path = directory.join(DIR);
    let reader = journal.reader();
    let suspect = directory.join(SUSPECT_FILE);
    let kept = if suspect.exists() {
        Err("it was found damaged while the store ran".to_owned())
    } else if path.exists() {
        keep(&path, epoch, &reader, journal.head(), cache_bytes)?
    } else {
        Err("it is missing".to_owned())
    };
    let state = match kept {
        Ok(state) => state,
        Err(why) => {
            if path.exists() {
                tracing::error!(why, "the state cannot be used; it is rebuilt from the journal");
            }
            rebuild(directory, epoch, &reader, journal.head(), cache_bytes)?
        }
    };
    match std::fs::remove_file(&suspect) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(trouble::io("remove", &suspect, error)),
        Ok(()) | Err(_) => Ok(state),
    }
}

/// The state at `path` if it is sound, after it caught up; the inner error says why it is not.
fn keep(
    path: &Path,
    epoch: Epoch,
    reader: &Reader,
    head: Head,
    cache_bytes: u64,
) -> Result<Result<State, String>, StoreError> {
    let state = match State::open(path, cache_bytes, epoch) {
        Ok(state) => state,
        Err(why) => return Ok(Err(why)),
    };
    if let Err(why) = compare(&state, epoch, reader, head.revision)? {
        state.discard();
        return Ok(Err(why));
    }
    let from = state.position().revision;
    if from < head.revision {
        tracing::info!(from, to = head.revision, "the state is behind the journal and catches up");
    }
    Ok(match catch_up(&state, epoch, reader, head.revision)? {
        Ok(()) => Ok(state),
        Err(why) => {
            state.discard();
            Err(why)
        }
    })
}

/// Compares `state` with the journal; the inner error says what is wrong with the state.
fn compare(state: &State, epoch: Epoch, reader: &Reader, last: Revision) -> Result<Result<(), String>, StoreError> {
    let position = state.position();
    if position.epoch != epoch {
        return Ok(Err(format!("it belongs to another history, {}", position.epoch)));
    }
    if position.revision > last {
        return Ok(Err(format!("it is at revision {}, ahead of the journal, which ends at {last}", position.revision)));
    }
    if reader.digest_at(position.revision)? != Some(position.digest) {
        return Ok(Err(format!("it reflects another journal than ours at revision {}", position.revision)));
    }
    Ok(state.verify())
}

/// Sets the present state aside and folds the whole journal into a new one.
fn rebuild(directory: &Path, epoch: Epoch, reader: &Reader, head: Head, cache_bytes: u64) -> Result<State, StoreError> {
    let path = directory.join(DIR);
    if path.exists() {
        set_aside(&path)?;
    }
    let failed = |why: String| trouble::io("rebuild the state in", &path, why);
    let state = State::open(&path, cache_bytes, epoch).map_err(failed)?;
    catch_up(&state, epoch, reader, head.revision)?.map_err(failed)?;
    Ok(state)
}

/// Moves a damaged sled out of the way, and forgets the oldest that was moved so.
pub(super) fn set_aside(path: &Path) -> Result<(), StoreError> {
    let (target, earlier) = disk::set_aside_path(path);
    for old in earlier.iter().rev().skip(SET_ASIDE_MAX - 1) {
        let removed = if old.is_dir() { std::fs::remove_dir_all(old) } else { std::fs::remove_file(old) };
        removed.map_err(|error| trouble::io("remove", old, error))?;
    }
    std::fs::rename(path, &target).map_err(|error| trouble::io("set aside", path, error))
}

/// Applies every frame behind the position of `state`; the inner error is the state's.
fn catch_up(state: &State, epoch: Epoch, reader: &Reader, last: Revision) -> Result<Result<(), String>, StoreError> {
    let first = state.position().revision;
    let mut cursor = reader.after(first);
    let mut changed = Changed::new();
    let mut reached = Head { revision: first, ..Head::EMPTY };
    let mut told = 0;
    while let Some((frame, commits)) = cursor.next()? {
        commits.into_iter().for_each(|commit| fold(&mut changed, commit));
        reached = Head { revision: frame.last, digest: frame.digest(), ..reached };
        if changed.len() >= STEP_CHANGES || frame.last == last {
            if let Err(why) = state.apply(epoch, &changed, &reached) {
                return Ok(Err(why));
            }
            changed.clear();
        }
        let tenths = 10 * (frame.last - first) / (last - first).max(1);
        if tenths > told && last - first > 10_000 {
            told = tenths;
            tracing::info!(
                revision = frame.last,
                of = last,
                percent = tenths * 10,
                "applying the journal to the state"
            );
        }
    }
    Ok(Ok(()))
}

/// Applies one commit to `changed`.
fn fold(changed: &mut Changed, commit: Commit) {
    let revision = commit.revision;
    for write in commit.writes {
        changed.insert(write.key, write.value.map(|value| Versioned { revision, value }));
    }
}

/// Makes the next start rebuild the state.
pub(super) fn mark_suspect(directory: &Path) -> Result<(), StoreError> {
    let path = directory.join(SUSPECT_FILE);
    if path.exists() { Ok(()) } else { disk::replace(&path, b"the state store was found damaged\n") }
}
