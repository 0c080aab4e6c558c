//! Backup, restore and the doctor.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

#[path = "support/store.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use devhub::store::doctor::{self, Cure, Loss, Report};
use devhub::store::embedded::Embedded;
use devhub::store::{Store, StoreError, backup};
use support::{Numbers, committed, content, fold, put, refusal, segments};

fn filled(directory: &Path, commits: u64) -> Embedded {
    let store = support::open(directory);
    for i in 0..commits {
        committed(&store, put(&format!("key {}", i % 20), &format!("value {i} {}", "x".repeat(i as usize % 200))));
    }
    store
}

#[test]
fn a_backup_of_a_running_store_restores_under_a_new_epoch() {
    let room = tempfile::tempdir().unwrap();
    let (file, restored) = (room.path().join("backup"), room.path().join("restored"));
    let store = filled(&room.path().join("data"), 100);
    let summary = backup::create(store.directory(), &file).unwrap();
    assert_eq!((summary.revision, summary.digest, summary.epoch), (100, store.head().digest, store.epoch()));
    assert_eq!(backup::verify(&file).unwrap(), summary);
    let (again, epoch) = backup::restore(&file, &restored).unwrap();
    assert_eq!(again, summary);
    let copy = support::open(&restored);
    assert_eq!(copy.epoch(), epoch);
    assert_ne!(copy.epoch(), store.epoch());
    assert_eq!((copy.head(), content(&copy)), (store.head(), content(&store)));
    assert_eq!(copy.changes(0, 1000).unwrap(), store.changes(0, 1000).unwrap());
    assert_eq!(committed(&copy, put("a", "goes on")), 101);
    drop(copy);
    assert!(doctor::verify(&restored).unwrap().is_healthy());
}

/// Ends the writers also when the test fails, which would otherwise wait for them for ever.
struct StopWhenDropped<'a>(&'a AtomicBool);

impl Drop for StopWhenDropped<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn backups_taken_while_writing_are_prefixes() {
    let room = tempfile::tempdir().unwrap();
    let store = filled(&room.path().join("data"), 10);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let (store, done) = (&store, &done);
            scope.spawn(move || {
                let mut i = 0;
                while !done.load(Ordering::SeqCst) {
                    i += 1;
                    committed(store, put(&format!("{writer} {}", i % 9), &format!("value {i}")));
                }
            });
        }
        let _stop = StopWhenDropped(&done);
        let mut last = 0;
        for number in 0..12 {
            let (file, restored) = (room.path().join(format!("b{number}")), room.path().join(format!("r{number}")));
            let before = store.head().revision;
            let summary = backup::create(store.directory(), &file).unwrap();
            assert!(summary.revision >= before, "every acknowledged commit is in it");
            assert!(summary.revision >= last);
            last = summary.revision;
            backup::restore(&file, &restored).unwrap();
            let copy = support::open(&restored);
            assert_eq!(copy.head().revision, summary.revision);
            assert_eq!(content(&copy), fold(&copy));
            let history = store.changes(0, summary.revision as usize).unwrap();
            assert_eq!(copy.changes(0, usize::MAX).unwrap(), history);
        }
        assert!(last > 20, "the writers wrote: {last}");
    });
}

#[test]
fn an_empty_store_can_be_backed_up() {
    let room = tempfile::tempdir().unwrap();
    let (file, restored) = (room.path().join("backup"), room.path().join("restored"));
    let store = filled(&room.path().join("data"), 0);
    assert_eq!(backup::create(store.directory(), &file).unwrap().revision, 0);
    backup::restore(&file, &restored).unwrap();
    assert_eq!(committed(&support::open(&restored), put("a", "1")), 1);
}

#[test]
fn a_damaged_backup_is_refused_and_nothing_is_laid_out() {
    let room = tempfile::tempdir().unwrap();
    let file = room.path().join("backup");
    let store = filled(&room.path().join("data"), 30);
    backup::create(store.directory(), &file).unwrap();
    let whole = std::fs::read(&file).unwrap();
    let target = room.path().join("restored");
    let mut numbers = Numbers(5);
    let try_bytes = |bytes: &[u8]| {
        std::fs::write(&file, bytes).unwrap();
        let error = backup::restore(&file, &target).unwrap_err();
        assert!(matches!(error, StoreError::Damaged(_) | StoreError::Newer(_)), "{error:?}");
        assert!(error.to_string().contains(file.to_str().unwrap()), "{error}");
        assert!(!target.exists());
    };
    for _ in 0..200 {
        let mut bytes = whole.clone();
        bytes[numbers.below(whole.len() as u64) as usize] ^= 1 << numbers.below(8);
        try_bytes(&bytes);
    }
    for length in (0..whole.len()).step_by(101) {
        try_bytes(&whole[..length]);
    }
    try_bytes(&[&whole[..], b"more"].concat());
    std::fs::write(&file, &whole).unwrap();
    backup::restore(&file, &target).unwrap();
}

#[test]
fn nothing_is_overwritten() {
    let room = tempfile::tempdir().unwrap();
    let file = room.path().join("backup");
    let store = filled(&room.path().join("data"), 3);
    backup::create(store.directory(), &file).unwrap();
    assert!(backup::create(store.directory(), &file).is_err());
    assert!(backup::restore(&file, store.directory()).is_err());
    assert_eq!(store.head().revision, 3);
    assert!(backup::create(&room.path().join("nowhere"), &room.path().join("other")).is_err());
}

#[test]
fn a_damaged_journal_yields_no_backup() {
    let room = tempfile::tempdir().unwrap();
    let store = filled(&room.path().join("data"), 30);
    let file = &segments(store.directory())[0];
    let mut bytes = std::fs::read(file).unwrap();
    bytes[100] ^= 1;
    std::fs::write(file, bytes).unwrap();
    let backup = room.path().join("backup");
    assert!(matches!(backup::create(store.directory(), &backup).unwrap_err(), StoreError::Damaged(_)));
    assert!(!backup.exists());
    assert!(matches!(store.changes(0, 100).unwrap_err(), StoreError::Damaged(_)));
}

/// A closed store of 60 commits, and a report about it.
struct Patient {
    directory: tempfile::TempDir,
    before: Report,
}

impl Patient {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        drop(filled(directory.path(), 60));
        let before = doctor::verify(directory.path()).unwrap();
        assert!(before.is_healthy(), "{before:?}");
        assert_eq!((before.revision, before.records, before.segments > 2), (60, 20, true));
        Self { directory, before }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    fn cures(&self) -> Vec<Cure> {
        doctor::verify(self.path()).unwrap().findings.into_iter().map(|finding| finding.cure).collect()
    }

    /// Nothing of the journal was lost, and the store opens.
    fn assert_cured(&self, report: &Report) {
        assert!(report.is_healthy(), "{report:?}");
        assert_eq!((report.revision, report.digest, report.records), (60, self.before.digest, 20));
        let store = support::open(self.path());
        assert_eq!(store.head().revision, 60);
        assert_eq!(content(&store), fold(&store));
    }
}

#[test]
fn a_running_store_is_not_examined() {
    let patient = Patient::new();
    let store = support::open(patient.path());
    assert!(matches!(doctor::verify(patient.path()).unwrap_err(), StoreError::Locked(_)));
    assert!(matches!(doctor::repair(patient.path(), Loss::Accepted).unwrap_err(), StoreError::Locked(_)));
    drop(store);
    assert!(doctor::verify(&patient.file("nothing here")).is_err());
}

#[test]
fn repairing_a_healthy_store_changes_nothing() {
    let patient = Patient::new();
    let report = doctor::repair(patient.path(), Loss::Accepted).unwrap();
    assert_eq!(report, patient.before);
    patient.assert_cured(&report);
}

#[test]
fn a_damaged_state_is_found_and_rebuilt() {
    let patient = Patient::new();
    let db = sled::open(patient.file("state")).unwrap();
    db.remove(b"rkey 7").unwrap();
    drop(db);
    assert_eq!(patient.cures(), [Cure::NextStart]);
    patient.assert_cured(&doctor::repair(patient.path(), Loss::Refused).unwrap());
    std::fs::remove_dir_all(patient.file("state")).unwrap();
    assert_eq!(patient.cures(), [Cure::NextStart]);
    let report = doctor::repair(patient.path(), Loss::Refused).unwrap();
    assert_eq!(report.epoch, patient.before.epoch);
    patient.assert_cured(&report);
}

#[test]
fn an_unreadable_head_is_repaired_only_if_the_state_proves_the_journal() {
    let patient = Patient::new();
    std::fs::write(patient.file("HEAD"), b"garbage").unwrap();
    assert_eq!(patient.cures(), [Cure::Repair]);
    let report = doctor::repair(patient.path(), Loss::Refused).unwrap();
    assert_eq!(report.epoch, patient.before.epoch);
    patient.assert_cured(&report);

    std::fs::remove_file(patient.file("HEAD")).unwrap();
    std::fs::remove_dir_all(patient.file("state")).unwrap();
    assert!(patient.cures().contains(&Cure::Loss));
    assert!(matches!(doctor::repair(patient.path(), Loss::Refused).unwrap_err(), StoreError::Damaged(_)));
    let report = doctor::repair(patient.path(), Loss::Accepted).unwrap();
    assert_ne!(report.epoch, patient.before.epoch);
    patient.assert_cured(&report);
}

#[test]
fn a_missing_identity_begins_a_new_epoch() {
    for damage in ["missing", "garbage"] {
        let patient = Patient::new();
        match damage {
            "missing" => std::fs::remove_file(patient.file("store.json")).unwrap(),
            _ => std::fs::write(patient.file("store.json"), b"{").unwrap(),
        }
        assert!(patient.cures().contains(&Cure::Repair));
        assert!(matches!(refusal(patient.path()), StoreError::Damaged(_)));
        let report = doctor::repair(patient.path(), Loss::Refused).unwrap();
        assert_ne!(report.epoch, patient.before.epoch);
        patient.assert_cured(&report);
    }
}

#[test]
fn a_torn_end_heals_without_a_loss() {
    let patient = Patient::new();
    let last = segments(patient.path()).pop().unwrap();
    let mut bytes = std::fs::read(&last).unwrap();
    bytes.extend_from_slice(b"DHJF half a frame");
    std::fs::write(&last, bytes).unwrap();
    assert_eq!(patient.cures(), [Cure::NextStart]);
    patient.assert_cured(&doctor::repair(patient.path(), Loss::Refused).unwrap());
}

#[test]
fn a_loss_is_accepted_only_explicitly_and_keeps_the_sound_part() {
    for damage in ["flip", "cut", "missing segment", "no journal"] {
        let patient = Patient::new();
        let middle = &segments(patient.path())[1];
        let first: u64 = middle.file_stem().unwrap().to_str().unwrap().parse().unwrap();
        let bytes = std::fs::read(middle).unwrap();
        match damage {
            "flip" => std::fs::write(middle, [&bytes[..200], &[bytes[200] ^ 1], &bytes[201..]].concat()).unwrap(),
            "cut" => std::fs::write(middle, &bytes[..bytes.len() - 1]).unwrap(),
            "missing segment" => std::fs::remove_file(middle).unwrap(),
            _ => std::fs::remove_dir_all(patient.file("journal")).unwrap(),
        }
        assert!(patient.cures().contains(&Cure::Loss), "{damage}");
        let before = support::refusal(patient.path()).to_string();
        assert!(matches!(doctor::repair(patient.path(), Loss::Refused).unwrap_err(), StoreError::Damaged(_)));
        assert_eq!(support::refusal(patient.path()).to_string(), before, "a refused repair changes nothing");
        let report = doctor::repair(patient.path(), Loss::Accepted).unwrap();
        assert!(report.is_healthy(), "{damage}: {report:?}");
        assert_ne!(report.epoch, patient.before.epoch);
        let sound = if damage == "no journal" { 0..=0 } else { first - 1..=59 };
        assert!(sound.contains(&report.revision), "{damage}: {}", report.revision);
        assert_eq!(patient.file("journal.set-aside.1").exists(), damage != "no journal");
        let store = support::open(patient.path());
        assert_eq!(content(&store), fold(&store));
        assert_eq!(committed(&store, put("a", "goes on")), report.revision + 1);
    }
}

#[test]
fn an_interrupted_acceptance_can_be_repeated() {
    let patient = Patient::new();
    std::fs::rename(patient.file("journal"), patient.file("journal.draft")).unwrap();
    patient.assert_cured(&doctor::repair(patient.path(), Loss::Refused).unwrap());
    std::fs::create_dir(patient.file("journal.draft")).unwrap();
    patient.assert_cured(&doctor::repair(patient.path(), Loss::Refused).unwrap());
}

#[test]
fn a_newer_store_is_left_alone() {
    let patient = Patient::new();
    std::fs::write(patient.file("store.json"), br#"{"format": 2}"#).unwrap();
    assert_eq!(patient.cures().first(), Some(&Cure::Release));
    assert!(matches!(doctor::repair(patient.path(), Loss::Accepted).unwrap_err(), StoreError::Newer(_)));
}
