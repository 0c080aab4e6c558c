//! Repairing what is derivable, and accepting a loss when told to.

use std::fs::File;
use std::path::Path;

use super::super::disk::{self, Disk};
use super::super::embedded::{HeldDirectory, Options, open_state};
use super::super::identity::Identity;
use super::super::journal::segment::{self, Segment};
use super::super::journal::walk::Broken;
use super::super::journal::{self, Journal};
use super::super::witness::Witness;
use super::super::{StoreError, trouble};
use super::examine::{Examined, examine};
use super::{Cure, Loss};

/// The journal that replaces a damaged one, while it is laid out.
const DRAFT_DIR: &str = "journal.draft";

pub(super) fn repair(held: &HeldDirectory, loss: Loss) -> Result<(), StoreError> {
    finish_interrupted(held)?;
    let examined = examine(held);
    let finding = |cure| examined.report.findings.iter().find(move |finding| finding.cure == cure);
    if let Some(newer) = finding(Cure::Release) {
        return Err(StoreError::Newer(newer.problem.clone()));
    }
    let witness = Witness::load(&held.path);
    let lost = finding(Cure::Loss).map(|finding| finding.problem.clone());
    if let (Some(problem), Loss::Refused) = (&lost, loss) {
        let end = examined.head.revision;
        return Err(StoreError::Damaged(format!(
            "{problem}; the sound part ends at revision {end}: restore a backup, or repair again and accept the loss"
        )));
    }
    let epochs_agree = matches!((&witness, &examined.identity), (Ok(Some(witness)), Some(identity))
        if witness.epoch == identity.epoch);
    let identity = match &examined.identity {
        Some(identity) if lost.is_none() && (epochs_agree || !matches!(witness, Ok(Some(_)))) => identity.clone(),
        Some(identity) => identity.clone().with_new_epoch()?,
        None => Identity::fresh()?,
    };
    if lost.is_some() {
        keep_sound_part(held, &examined)?;
    }
    if lost.is_some() || !epochs_agree {
        Witness::of(identity.epoch, &examined.head).save(&held.path)?;
        identity.save(&held.path)?;
    }
    heal(held, &identity)
}

/// What the next start would do: cut a torn tail, bring the state in line.
fn heal(held: &HeldDirectory, identity: &Identity) -> Result<(), StoreError> {
    let options = Options::default();
    let witness = Witness::load(&held.path)?.ok_or_else(|| trouble::io("read HEAD in", &held.path, "it is missing"))?;
    let journal = Journal::open(&held.journal(), &witness, options.segment_bytes, Disk::default())?;
    let state = open_state(&held.path, identity.epoch, &journal, options.cache_bytes)?;
    state.flush().map_err(|why| trouble::io("flush the state in", &held.path, why))?;
    Witness::of(identity.epoch, &journal.head()).save(&held.path)
}

/// A repair that was interrupted between its two renames has a complete draft and no journal.
fn finish_interrupted(held: &HeldDirectory) -> Result<(), StoreError> {
    let draft = held.path.join(DRAFT_DIR);
    if !draft.exists() {
        return Ok(());
    }
    if held.journal().exists() {
        return std::fs::remove_dir_all(&draft).map_err(|error| trouble::io("remove", &draft, error));
    }
    std::fs::rename(&draft, held.journal()).map_err(|error| trouble::io("put in place", &held.journal(), error))?;
    disk::sync_dir(&held.path)
}

/// Replaces the journal by its sound part; the damaged one is set aside, whole.
fn keep_sound_part(held: &HeldDirectory, examined: &Examined) -> Result<(), StoreError> {
    let draft = held.path.join(DRAFT_DIR);
    std::fs::create_dir_all(&draft).map_err(|error| trouble::io("create", &draft, error))?;
    let segments = if held.journal().exists() { segment::list(&held.journal())? } else { Vec::new() };
    let mut kept = 0;
    for segment in &segments {
        let Some(length) = sound_bytes(segment, examined) else {
            break;
        };
        copy(&segment.path, &segment::path(&draft, segment.first), length)?;
        kept += 1;
    }
    if kept == 0 {
        journal::create(&draft)?;
    }
    disk::sync_dir(&draft)?;
    if held.journal().exists() {
        let (aside, _) = disk::set_aside_path(&held.journal());
        std::fs::rename(held.journal(), &aside).map_err(|error| trouble::io("set aside", &held.journal(), error))?;
    }
    std::fs::rename(&draft, held.journal()).map_err(|error| trouble::io("put in place", &held.journal(), error))?;
    disk::sync_dir(&held.path)
}

/// Bytes of `segment` that belong to the sound part, or `None` behind its end.
fn sound_bytes(segment: &Segment, examined: &Examined) -> Option<u64> {
    match &examined.broken {
        Some(Broken { path, offset, .. }) if *path == segment.path => Some(*offset),
        Some(_) | None => (segment.first <= examined.head.revision).then_some(segment.length),
    }
}

fn copy(from: &Path, to: &Path, length: u64) -> Result<(), StoreError> {
    let copied = std::fs::copy(from, to).and_then(|_| File::options().write(true).open(to)).and_then(|file| {
        file.set_len(length)?;
        file.sync_all()
    });
    copied.map_err(|error| trouble::io("copy", from, error))
}
