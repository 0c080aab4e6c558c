//! Whatever happens to the state in sled, the store serves what the journal says.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

#[path = "support/store.rs"]
mod support;

#[path = "support/sample.rs"]
mod sample;

use devhub::store::Store;
use sample::{Sample, flip, length, set_aside};
use support::{Numbers, committed, content, put};

#[test]
fn a_state_that_is_missing_or_behind_is_brought_up() {
    let sample = Sample::new(100);
    let older = Sample::new(30);
    let copy = sample.copy();
    std::fs::remove_dir_all(copy.path().join("state")).unwrap();
    sample.assert_whole(copy.path());

    let store = support::open(older.path());
    drop(store);
    let behind = older.copy();
    let store = support::open(older.path());
    for i in 0..50 {
        committed(&store, put(&format!("new {i}"), "value"));
    }
    let (head, records) = (store.head(), content(&store));
    drop(store);
    std::fs::remove_dir_all(older.path().join("state")).unwrap();
    support::copy(&behind.path().join("state"), &older.path().join("state"));
    let store = support::open(older.path());
    assert_eq!((store.head(), content(&store)), (head, records));
    assert_eq!(set_aside(older.path()), 0, "a state that is only behind is kept");
}

#[test]
fn a_state_that_is_ahead_or_of_another_history_is_rebuilt() {
    let sample = Sample::new(30);
    let ahead = sample.copy();
    let store = support::open(ahead.path());
    for i in 0..5 {
        committed(&store, put(&format!("new {i}"), "value"));
    }
    drop(store);
    let stranger = Sample::new(30);
    for source in [ahead.path(), stranger.path()] {
        let copy = sample.copy();
        std::fs::remove_dir_all(copy.path().join("state")).unwrap();
        support::copy(&source.join("state"), &copy.path().join("state"));
        sample.assert_whole(copy.path());
        assert_eq!(set_aside(copy.path()), 1);
    }
}

#[test]
fn garbage_in_the_state_is_set_aside_and_only_two_are_kept() {
    let sample = Sample::new(30);
    let mut numbers = Numbers(3);
    for round in 0..4 {
        for entry in std::fs::read_dir(sample.path().join("state")).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let garbage: Vec<u8> = (0..4000).map(|_| numbers.below(256) as u8).collect();
                std::fs::write(path, garbage).unwrap();
            }
        }
        sample.assert_whole(sample.path());
        assert!((1..=2).contains(&set_aside(sample.path())), "round {round}");
    }
}

#[test]
fn flips_in_the_state_never_change_what_is_served() {
    let sample = Sample::new(200);
    let mut numbers = Numbers(11);
    let mut rebuilt = 0;
    for _ in 0..150 {
        let copy = sample.copy();
        let state = copy.path().join("state");
        let mut files: Vec<_> = std::fs::read_dir(state).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.retain(|path| path.is_file() && length(path) > 0);
        files.sort();
        let file = &files[numbers.below(files.len() as u64) as usize];
        let used = std::fs::read(file).unwrap().iter().rposition(|byte| *byte != 0).unwrap_or(0) as u64;
        flip(file, numbers.below(8 * (used + 1)));
        sample.assert_whole(copy.path());
        rebuilt += set_aside(copy.path());
    }
    assert!(rebuilt > 10, "the flips hit something: {rebuilt}");
}

#[test]
fn rows_lost_or_changed_without_a_trace_are_noticed() {
    let sample = Sample::new(50);
    for damage in 0..3 {
        let copy = sample.copy();
        let db = sled::open(copy.path().join("state")).unwrap();
        let (first, second) = (b"rkey 1", b"rkey 2");
        match damage {
            0 => drop(db.remove(first).unwrap()),
            1 => drop(db.insert(first, db.get(second).unwrap().unwrap()).unwrap()),
            _ => drop(db.insert(b"rkey 999", db.get(first).unwrap().unwrap()).unwrap()),
        }
        drop(db);
        sample.assert_whole(copy.path());
        assert_eq!(set_aside(copy.path()), 1);
    }
}

#[test]
fn an_unfinished_snapshot_of_sled_is_moved_out_of_the_way() {
    let sample = Sample::new(50);
    let state = sample.path().join("state");
    std::fs::write(state.join("snap.FFFFFFFFFFFFFFF0.generating"), b"").unwrap();
    sample.assert_whole(sample.path());
    assert_eq!(set_aside(sample.path()), 0, "the state itself was sound");
    assert!(state.join("leftover.snap.FFFFFFFFFFFFFFF0.generating").exists());
}

#[test]
fn a_suspect_state_is_rebuilt_once() {
    let sample = Sample::new(10);
    std::fs::write(sample.path().join("state.suspect"), b"").unwrap();
    sample.assert_whole(sample.path());
    assert_eq!(set_aside(sample.path()), 1);
    sample.assert_whole(sample.path());
    assert_eq!(set_aside(sample.path()), 1);
}
