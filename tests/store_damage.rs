//! Damage on disk: every outcome is the right content or a refusal that says what to do, never a panic, never a store
//! that is silently short.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

#[path = "support/store.rs"]
mod support;

use std::panic::catch_unwind;
use std::path::Path;

use bytes::Bytes;
use devhub::store::embedded::Embedded;
use devhub::store::{Epoch, Head, Key, Revision, Store, StoreError};
use support::{Numbers, at, committed, content, fold, options, put, refusal, segments};

/// A closed store with some content, and what is in it.
struct Sample {
    directory: tempfile::TempDir,
    head: Head,
    epoch: Epoch,
    content: Vec<(Key, Revision, Bytes)>,
}

impl Sample {
    fn new(commits: u64) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = support::open(directory.path());
        for i in 0..commits {
            committed(&store, put(&format!("key {}", i % 40), &format!("value {i} {}", "x".repeat(i as usize % 90))));
        }
        let sample = Self { head: store.head(), epoch: store.epoch(), content: content(&store), directory };
        drop(store);
        sample
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    /// A copy that a test may damage.
    fn copy(&self) -> tempfile::TempDir {
        let copy = tempfile::tempdir().unwrap();
        support::copy(self.path(), copy.path());
        copy
    }

    /// Opens a damaged copy, which must hold everything.
    fn assert_whole(&self, directory: &Path) -> Embedded {
        let store = support::open(directory);
        self.assert_content(&store);
        store
    }

    fn assert_content(&self, store: &Embedded) {
        assert_eq!((store.head(), store.epoch()), (self.head, self.epoch));
        assert_eq!(content(store), self.content);
        assert_eq!(fold(store), self.content);
    }

    /// Opens a damaged copy: whole, or refused with a sentence.
    fn assert_whole_or_refused(&self, directory: &Path) -> Result<(), StoreError> {
        let opened = catch_unwind(|| Embedded::open(directory, options())).expect("damage never panics");
        let store = opened.inspect_err(assert_typed)?;
        self.assert_content(&store);
        Ok(())
    }
}

fn assert_typed(error: &StoreError) {
    assert!(matches!(error, StoreError::Damaged(_) | StoreError::Newer(_) | StoreError::Io(_)), "{error:?}");
}

fn assert_damaged(error: &StoreError, words: &[&str]) {
    let StoreError::Damaged(sentence) = error else { panic!("not damaged: {error:?}") };
    for word in words.iter().chain(&["devhub doctor", "backup"]) {
        assert!(sentence.contains(word), "{word:?} is not in {sentence:?}");
    }
}

fn flip(path: &Path, bit: u64) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[(bit / 8) as usize] ^= 1 << (bit % 8);
    std::fs::write(path, bytes).unwrap();
}

fn cut(path: &Path, length: u64) {
    std::fs::File::options().write(true).open(path).unwrap().set_len(length).unwrap();
}

fn length(path: &Path) -> u64 {
    path.metadata().unwrap().len()
}

fn set_aside(directory: &Path) -> usize {
    let names = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| name.to_string_lossy().starts_with("state.set-aside.")).count()
}

#[test]
fn every_flipped_bit_of_the_journal_is_refused() {
    let sample = Sample::new(60);
    let mut numbers = Numbers(7);
    let files = segments(sample.path());
    assert!(files.len() > 2, "the sample has closed segments");
    for file in &files {
        for _ in 0..80 {
            let bit = numbers.below(8 * length(file));
            flip(file, bit);
            let error = refusal(sample.path());
            assert_damaged(&error, &[file.to_str().unwrap()]);
            flip(file, bit);
        }
    }
    sample.assert_whole(sample.path());
}

#[test]
fn every_cut_of_the_journal_is_refused() {
    let sample = Sample::new(60);
    for file in segments(sample.path()) {
        let whole = std::fs::read(&file).unwrap();
        for length in (0..whole.len() as u64).step_by(37) {
            cut(&file, length);
            assert_damaged(&refusal(sample.path()), &[]);
            std::fs::write(&file, &whole).unwrap();
        }
    }
    sample.assert_whole(sample.path());
}

#[test]
fn zeroed_and_overwritten_sectors_are_refused() {
    let sample = Sample::new(60);
    for file in segments(sample.path()) {
        let whole = std::fs::read(&file).unwrap();
        for from in (0..whole.len()).step_by(512) {
            for byte in [0, 0xff] {
                let mut bytes = whole.clone();
                let to = bytes.len().min(from + 512);
                bytes[from..to].fill(byte);
                std::fs::write(&file, &bytes).unwrap();
                assert_damaged(&refusal(sample.path()), &[file.to_str().unwrap()]);
            }
        }
        std::fs::write(&file, &whole).unwrap();
    }
    sample.assert_whole(sample.path());
}

#[test]
fn missing_exchanged_and_foreign_segments_are_refused() {
    let sample = Sample::new(60);
    let files = segments(sample.path());
    for (number, file) in files.iter().enumerate() {
        let away = sample.path().join("away");
        std::fs::rename(file, &away).unwrap();
        let words: &[&str] = if number + 1 < files.len() { &["missing"] } else { &["HEAD", "lost"] };
        assert_damaged(&refusal(sample.path()), words);
        std::fs::copy(&files[(number + 1) % files.len()], file).unwrap();
        assert_damaged(&refusal(sample.path()), &[]);
        std::fs::rename(&away, file).unwrap();
    }
    let stranger = Sample::new(60);
    for (ours, theirs) in files.iter().zip(segments(stranger.path())) {
        std::fs::copy(theirs, ours).unwrap();
    }
    // The same commits: frame for frame the same bytes, so nothing is wrong.
    sample.assert_whole(sample.path());
    let other = support::open(stranger.path());
    committed(&other, put("more", "more"));
    drop(other);
    let last = files.last().unwrap();
    std::fs::copy(stranger.path().join("HEAD"), sample.path().join("HEAD")).unwrap();
    assert_damaged(&refusal(sample.path()), &["histories"]);
    assert!(last.exists());
}

#[test]
fn a_journal_of_another_history_is_refused() {
    let sample = Sample::new(20);
    let copy = sample.copy();
    std::fs::remove_dir_all(copy.path().join("journal")).unwrap();
    let other = tempfile::tempdir().unwrap();
    let store = support::open(other.path());
    for i in 0..20 {
        committed(&store, put("other", &i.to_string()));
    }
    drop(store);
    support::copy(&other.path().join("journal"), &copy.path().join("journal"));
    assert_damaged(&refusal(copy.path()), &["another history"]);
}

#[test]
fn a_store_that_came_up_empty_is_refused() {
    let sample = Sample::new(20);
    for damage in ["no journal", "empty journal", "short journal", "no HEAD", "no store.json"] {
        let copy = sample.copy();
        let journal = copy.path().join("journal");
        match damage {
            "no journal" => std::fs::remove_dir_all(&journal).unwrap(),
            "empty journal" => segments(copy.path()).iter().for_each(|file| std::fs::remove_file(file).unwrap()),
            "short journal" => {
                segments(copy.path()).iter().skip(1).for_each(|file| std::fs::remove_file(file).unwrap());
                cut(&segments(copy.path())[0], 0);
            }
            "no HEAD" => std::fs::remove_file(copy.path().join("HEAD")).unwrap(),
            _ => std::fs::remove_file(copy.path().join("store.json")).unwrap(),
        }
        assert_damaged(
            &refusal(copy.path()),
            &["missing"].map(|word| if damage == "short journal" { "lost" } else { word }),
        );
        assert_damaged(&refusal(copy.path()), &[]);
    }
}

#[test]
fn every_flip_and_cut_of_head_and_identity_is_noticed() {
    let sample = Sample::new(10);
    let head = sample.path().join("HEAD");
    assert_eq!(length(&head), 64);
    for bit in 0..512 {
        flip(&head, bit);
        assert_damaged(&refusal(sample.path()), &["HEAD"]);
        flip(&head, bit);
    }
    let whole = std::fs::read(&head).unwrap();
    for length in 0..64 {
        cut(&head, length);
        assert_damaged(&refusal(sample.path()), &["HEAD"]);
        std::fs::write(&head, &whole).unwrap();
    }
    let identity = sample.path().join("store.json");
    let whole = std::fs::read(&identity).unwrap();
    let mut refused = 0;
    for bit in 0..8 * whole.len() as u64 {
        flip(&identity, bit);
        refused += usize::from(sample.assert_whole_or_refused(sample.path()).is_err());
        std::fs::write(&identity, &whole).unwrap();
    }
    assert!(refused > 1000, "only white space does not matter, {refused} refused");
}

/// The sample with its last commit on disk but not yet seen by HEAD, as a crash leaves it.
fn with_unseen_commit() -> (Sample, Head, u64) {
    let sample = Sample::new(9);
    let file = segments(sample.path()).pop().unwrap();
    let before = length(&file);
    let witness = std::fs::read(sample.path().join("HEAD")).unwrap();
    let store = support::open(sample.path());
    committed(&store, put("last", "commit"));
    let head = store.head();
    drop(store);
    std::fs::write(sample.path().join("HEAD"), witness).unwrap();
    std::fs::remove_dir_all(sample.path().join("state")).unwrap();
    assert_eq!(segments(sample.path()).pop().unwrap(), file);
    (sample, head, before)
}

#[test]
fn a_torn_end_is_cut_at_every_length() {
    let (sample, head, before) = with_unseen_commit();
    let whole = length(&segments(sample.path()).pop().unwrap());
    for length in before..=whole {
        let copy = sample.copy();
        cut(&segments(copy.path()).pop().unwrap(), length);
        let store = support::open(copy.path());
        assert_eq!(store.head(), if length == whole { head } else { sample.head });
        assert_eq!(content(&store), fold(&store));
        let next = committed(&store, put("next", "commit"));
        assert_eq!(next, store.head().revision);
        drop(store);
        assert_eq!(support::value(&support::open(copy.path()), "next").as_deref(), Some("commit"));
    }
}

#[test]
fn a_damaged_end_that_nobody_was_promised_is_cut() {
    let (sample, _, before) = with_unseen_commit();
    let whole = length(&segments(sample.path()).pop().unwrap());
    for bit in (8 * before..8 * whole).step_by(5) {
        let copy = sample.copy();
        flip(&segments(copy.path()).pop().unwrap(), bit);
        sample.assert_whole(copy.path());
    }
    for tail in [vec![0; 4096], vec![0xff; 100], b"DHJF".to_vec(), b"DHJFDHJFDHJFDHJFDHJFDHJF".to_vec()] {
        let copy = sample.copy();
        let file = segments(copy.path()).pop().unwrap();
        let mut bytes = std::fs::read(&file).unwrap();
        bytes.truncate(before as usize);
        bytes.extend_from_slice(&tail);
        std::fs::write(&file, bytes).unwrap();
        sample.assert_whole(copy.path());
    }
}

#[test]
fn a_damaged_frame_with_another_behind_it_is_refused_even_beyond_head() {
    let (sample, ..) = with_unseen_commit();
    let witness = std::fs::read(sample.path().join("HEAD")).unwrap();
    let file = segments(sample.path()).pop().unwrap();
    let first = length(&file);
    let store = support::open(sample.path());
    committed(&store, put("one", "more"));
    drop(store);
    std::fs::write(sample.path().join("HEAD"), witness).unwrap();
    flip(&file, 8 * first - 1);
    assert_damaged(&refusal(sample.path()), &[file.to_str().unwrap(), "at byte"]);
}

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

#[test]
fn a_second_opener_is_refused_by_name() {
    let sample = Sample::new(3);
    let store = support::open(sample.path());
    let StoreError::Locked(sentence) = refusal(sample.path()) else { panic!("not locked") };
    assert!(sentence.contains(sample.path().to_str().unwrap()), "{sentence}");
    assert!(sentence.contains(&std::process::id().to_string()), "{sentence}");
    drop(store);
    sample.assert_whole(sample.path());
}

#[test]
fn newer_formats_are_refused_with_a_sentence() {
    let sample = Sample::new(3);
    let newer = |directory: &Path| {
        let error = refusal(directory);
        let StoreError::Newer(sentence) = &error else { panic!("not newer: {error:?}") };
        assert!(sentence.contains("format 2") && sentence.contains("release"), "{sentence}");
    };
    let copy = sample.copy();
    let identity = copy.path().join("store.json");
    let text = std::fs::read_to_string(&identity).unwrap();
    std::fs::write(&identity, text.replace("\"format\": 1", "\"format\": 2, \"more\": []")).unwrap();
    newer(copy.path());

    let copy = sample.copy();
    let head = copy.path().join("HEAD");
    let mut bytes = std::fs::read(&head).unwrap();
    bytes[9] = 2;
    let crc = crc32c::crc32c(&bytes[..60]);
    bytes[60..].copy_from_slice(&crc.to_be_bytes());
    std::fs::write(&head, bytes).unwrap();
    newer(copy.path());

    let copy = sample.copy();
    let file = &segments(copy.path())[0];
    let mut bytes = std::fs::read(file).unwrap();
    bytes[5] = 2;
    let end = 16 + u32::from_be_bytes(bytes[8..12].try_into().unwrap()) as usize;
    let crc = crc32c::crc32c_append(crc32c::crc32c(&bytes[..12]), &bytes[16..end]);
    bytes[12..16].copy_from_slice(&crc.to_be_bytes());
    std::fs::write(file, bytes).unwrap();
    newer(copy.path());
}

/// The first frame of a journal, format 1: whoever changes these bytes breaks every journal there is.
const GOLDEN_FRAME: &str = "44484a46000100000000004e71eaa2f80000000000000000000000000000000000000000000000000000000000000000000000000000000100000000000000010a1c080110d00f22060a016112013122060a04676f6e652a0561203d2031";

#[test]
fn the_bytes_of_format_1_stay_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let store = support::open(directory.path());
    let mut batch = put("a", "1");
    batch.writes.push(devhub::store::Write { key: support::key("gone"), value: None });
    assert_eq!(batch.instant, at(1000));
    committed(&store, batch);
    let expected = content(&store);
    drop(store);
    let file = &segments(directory.path())[0];
    let hex: String = std::fs::read(file).unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, GOLDEN_FRAME);

    // And they are still understood.
    let bytes: Vec<u8> = (0..GOLDEN_FRAME.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&GOLDEN_FRAME[at..at + 2], 16).unwrap())
        .collect();
    std::fs::write(file, bytes).unwrap();
    let store = support::open(directory.path());
    assert_eq!(content(&store), expected);
    assert_eq!(fold(&store), expected);
}

#[test]
fn an_interrupted_first_start_begins_again() {
    let sample = Sample::new(0);
    std::fs::remove_dir_all(sample.path().join("state")).unwrap();
    std::fs::remove_file(sample.path().join("store.json")).unwrap();
    committed(&support::open(sample.path()), put("a", "1"));
}
