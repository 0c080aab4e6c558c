//! Damage on disk: every outcome is the right content or a refusal that says what to do, never a panic, never a store
//! that is silently short.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

#[path = "support/store.rs"]
mod support;

#[path = "support/sample.rs"]
mod sample;

use std::path::Path;

use devhub::store::{Head, Store, StoreError};
use sample::{Sample, assert_damaged, cut, flip, length};
use support::{Numbers, at, committed, content, fold, put, refusal, segments};

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

/// Gives the frame at the beginning of `bytes` a right checksum.
fn sign(bytes: &mut [u8]) {
    let end = 16 + u32::from_be_bytes(bytes[8..12].try_into().unwrap()) as usize;
    let crc = crc32c::crc32c_append(crc32c::crc32c(&bytes[..12]), &bytes[16..end]);
    bytes[12..16].copy_from_slice(&crc.to_be_bytes());
}

#[test]
fn a_rewritten_frame_with_a_right_checksum_breaks_the_chain() {
    let sample = Sample::new(60);
    for file in segments(sample.path()) {
        let whole = std::fs::read(&file).unwrap();
        let mut bytes = whole.clone();
        let text = bytes.windows(5).position(|text| text == b"value").unwrap();
        bytes[text..text + 5].copy_from_slice(b"other");
        sign(&mut bytes);
        std::fs::write(&file, &bytes).unwrap();
        assert_damaged(&refusal(sample.path()), &["chain"]);
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
    sign(&mut bytes);
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
