//! Looking at everything, changing nothing.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::super::embedded::{HeldDirectory, Options};
use super::super::identity::{self, Identity};
use super::super::journal::segment::Flaw;
use super::super::journal::walk::{Broken, Step, Walk};
use super::super::sled_state::{self, State};
use super::super::witness::{self, Witness};
use super::super::{Commit, Epoch, Head, Key, Revision, StoreError};
use super::{Cure, Finding, Report};

/// Records compared at once.
const SCAN_STEP: usize = 4096;

/// What was found, as far as a repair needs it.
pub(super) struct Examined {
    pub(super) report: Report,
    pub(super) identity: Option<Identity>,
    /// The head of the sound part of the journal.
    pub(super) head: Head,
    /// Where the sound part ends early.
    pub(super) broken: Option<Broken>,
}

/// Where a record was written, and the checksum of its value.
type Folded = BTreeMap<Key, (Revision, u32)>;

struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, path: PathBuf, problem: impl ToString, cure: Cure) {
        self.0.push(Finding { path, problem: problem.to_string(), cure });
    }

    fn add_error(&mut self, path: PathBuf, error: &StoreError, cure: Cure) {
        let cure = if matches!(error, StoreError::Newer(_)) { Cure::Release } else { cure };
        self.add(path, error, cure);
    }
}

pub(super) fn examine(held: &HeldDirectory) -> Examined {
    let mut findings = Findings(Vec::new());
    let identity = look_at_identity(held, &mut findings);
    let witness = look_at_witness(held, identity.as_ref(), &mut findings);
    let epoch = identity.as_ref().map_or(Epoch([0; 16]), |identity| identity.epoch);
    let mut state = look_at_state(held, epoch, &mut findings);
    let mut folded = Folded::new();
    let mut walked = Walked { head: Head::EMPTY, segments: 0, bytes: 0, broken: None, confirmed: false };
    let mut compared = state.as_ref().map(|_| Err("it reflects no point of the journal".to_owned()));
    let mut visit = |head: &Head, commits: Vec<Commit>| {
        commits.into_iter().for_each(|commit| fold(&mut folded, commit));
        if let Some(state) = state.as_ref().filter(|state| state.position().revision == head.revision) {
            compared = Some(compare(state, epoch, head, &folded));
        }
    };
    walk(held, witness.as_ref(), &mut walked, &mut visit);
    judge_journal(held, witness.as_ref(), &walked, &mut findings);
    let path = held.path.join(sled_state::DIR);
    let position = state.take().map(|state| state.position().revision);
    let state_current = matches!(compared, Some(Ok(()))) && position == Some(walked.head.revision);
    if witness.is_none() && !(state_current && walked.broken.is_none()) {
        let problem = "HEAD is unreadable, and the state does not prove that the journal is complete";
        findings.add(held.journal(), problem, Cure::Loss);
    }
    match (compared, position) {
        (Some(Err(why)), _) => findings.add(path, why, Cure::NextStart),
        (Some(Ok(())), Some(position)) if position < walked.head.revision => {
            findings.add(path, format!("it is behind the journal, at revision {position}"), Cure::NextStart);
        }
        (Some(Ok(())) | None, _) => {}
    }
    let report = Report {
        epoch: identity.as_ref().map(|identity| identity.epoch),
        revision: walked.head.revision,
        digest: walked.head.digest,
        segments: walked.segments,
        journal_bytes: walked.bytes,
        records: folded.len() as u64,
        findings: findings.0,
    };
    Examined { report, identity, head: walked.head, broken: walked.broken }
}

struct Walked {
    head: Head,
    segments: usize,
    bytes: u64,
    broken: Option<Broken>,
    /// The witness agrees with the chain.
    confirmed: bool,
}

fn look_at_identity(held: &HeldDirectory, findings: &mut Findings) -> Option<Identity> {
    let path = held.path.join(identity::FILE);
    match Identity::load(&held.path) {
        Ok(Some(identity)) => return Some(identity),
        Ok(None) => findings.add(path, "the file is missing; a repair begins a new epoch", Cure::Repair),
        Err(error) => findings.add_error(path, &error, Cure::Repair),
    }
    None
}

fn look_at_witness(held: &HeldDirectory, identity: Option<&Identity>, findings: &mut Findings) -> Option<Witness> {
    let path = held.path.join(witness::FILE);
    match Witness::load(&held.path) {
        Ok(Some(witness)) => {
            if identity.is_some_and(|identity| identity.epoch != witness.epoch) {
                findings.add(path, "it is from another history than store.json", Cure::Repair);
            }
            return Some(witness);
        }
        Ok(None) => findings.add(path, "the file is missing", Cure::Repair),
        Err(error) => findings.add_error(path, &error, Cure::Repair),
    }
    None
}

fn look_at_state(held: &HeldDirectory, epoch: Epoch, findings: &mut Findings) -> Option<State> {
    let path = held.path.join(sled_state::DIR);
    if !path.exists() {
        findings.add(path, "the state is missing; it is rebuilt from the journal", Cure::NextStart);
        return None;
    }
    match State::open(&path, Options::default().cache_bytes, epoch) {
        Ok(state) => Some(state),
        Err(why) => {
            findings.add(path, why, Cure::NextStart);
            None
        }
    }
}

fn walk(
    held: &HeldDirectory,
    witness: Option<&Witness>,
    walked: &mut Walked,
    visit: &mut dyn FnMut(&Head, Vec<Commit>),
) {
    walked.confirmed = witness.is_none_or(|witness| witness.revision == 0);
    let broken = |error: StoreError| Broken {
        path: held.journal(),
        offset: 0,
        flaw: Flaw::Unread(error.to_string()),
        torn: false,
    };
    visit(&Head::EMPTY, Vec::new());
    let mut walk = match Walk::begin(&held.journal()) {
        Ok(walk) => walk,
        Err(error) => {
            walked.broken = Some(broken(error));
            return;
        }
    };
    walked.segments = walk.segments().len();
    walked.bytes = walk.segments().iter().map(|segment| segment.length).sum();
    loop {
        match walk.next() {
            Ok(Some(Step { commits, head, .. })) => {
                walked.confirmed |=
                    witness.is_some_and(|witness| witness.revision == head.revision && witness.matches(&head.digest));
                walked.head = head;
                visit(&head, commits);
            }
            Ok(None) => return,
            Err(broken) => {
                walked.broken = Some(broken);
                return;
            }
        }
    }
}

fn judge_journal(held: &HeldDirectory, witness: Option<&Witness>, walked: &Walked, findings: &mut Findings) {
    let end = walked.head.revision;
    let short = witness.filter(|witness| witness.revision > end);
    if let Some(broken) = &walked.broken {
        let cure = if broken.torn && short.is_none() { Cure::NextStart } else { Cure::Loss };
        findings.add_error(broken.path.clone(), &broken.refusal(), cure);
    }
    if let Some(witness) = short {
        let (from, to) = (end + 1, witness.revision);
        let problem = format!("the journal ends at revision {end}; acknowledged commits {from} to {to} are lost");
        findings.add(held.journal(), problem, Cure::Loss);
    } else if !walked.confirmed {
        findings.add(held.journal(), "the journal holds another history than HEAD has seen", Cure::Loss);
    }
}

fn fold(folded: &mut Folded, commit: Commit) {
    for write in commit.writes {
        match write.value {
            Some(value) => drop(folded.insert(write.key, (commit.revision, crc32c::crc32c(&value)))),
            None => drop(folded.remove(&write.key)),
        }
    }
}

/// Compares every record of `state` with the fold of the journal up to `head`.
fn compare(state: &State, epoch: Epoch, head: &Head, folded: &Folded) -> Result<(), String> {
    let position = state.position();
    if position.epoch != epoch || position.digest != head.digest {
        return Err("it reflects another journal".to_owned());
    }
    state.verify()?;
    let mut expected = folded.iter();
    let mut after: Option<Key> = None;
    loop {
        let records = state.scan(&[], after.as_deref(), SCAN_STEP)?;
        let Some((last, _)) = records.last() else { break };
        after = Some(last.clone());
        for (key, versioned) in &records {
            let found = (versioned.revision, crc32c::crc32c(&versioned.value));
            if expected.next() != Some((key, &found)) {
                return Err("its records are not those that the journal yields".to_owned());
            }
        }
    }
    match expected.next() {
        None => Ok(()),
        Some(_) => Err("records are missing that the journal yields".to_owned()),
    }
}
