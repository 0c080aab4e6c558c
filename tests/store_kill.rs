//! The process is killed at any moment: everything acknowledged is found, nothing is found by halves.
//!
//! The test runs its own binary as the writer: in the child, the test `child` commits and prints each acknowledgement.
//! What a kill cannot show is the loss of what the kernel has not written; that is what the order of sync and answer
//! in `store_faults` is for.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

#[path = "support/store.rs"]
mod support;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use bytes::Bytes;
use devhub::store::{Batch, Revision, Store, Write};
use support::{Numbers, at, block_on, content, fold, key};

const CHILD: &str = "DEVHUB_KILL_CHILD";
const ROUNDS: u64 = 60;
const WRITERS: u64 = 16;
/// Keys that one commit writes, all with the same value.
const KEYS: u64 = 4;

#[test]
fn child() {
    let Some(directory) = std::env::var_os(CHILD) else {
        return;
    };
    say("opening");
    let store = support::open(Path::new(&directory));
    let round = store.head().revision;
    say("open");
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let store = &store;
            scope.spawn(move || {
                for count in 0.. {
                    let text = format!("{round}.{writer}.{count}");
                    let revision = support::committed(store, batch(writer, &text));
                    say(&format!("ack {writer} {revision} {text}"));
                }
            });
        }
    });
}

fn batch(writer: u64, text: &str) -> Batch {
    let value = Bytes::copy_from_slice(text.as_bytes());
    let write = |number| Write { key: key(&format!("{writer}/{number}")), value: Some(value.clone()) };
    Batch {
        instant: at(1000),
        expectations: Vec::new(),
        after_all: false,
        writes: (0..KEYS).map(write).collect(),
        facts: vec![value.clone()],
    }
}

/// One line, in one write: a killed process leaves whole lines, and at most one half.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("{line}\n").as_bytes()).and_then(|()| out.flush()).unwrap();
}

/// What the child acknowledged: the revision of each text.
type Acks = BTreeMap<String, Revision>;

/// Runs the writer and kills it after `lines` lines, of which the first two say how far opening is.
fn run_and_kill(directory: &Path, lines: u64, acks: &mut Acks) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env(CHILD, directory)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut seen = 0;
    let mut note = |line: &str| {
        let mut words = line.split_whitespace();
        let known = match words.next() {
            Some("ack") => {
                let (_, revision, text) = (words.next(), words.next().unwrap(), words.next().unwrap());
                acks.insert(text.to_owned(), revision.parse().unwrap());
                true
            }
            Some("opening" | "open") => true,
            Some(_) | None => false,
        };
        u64::from(known)
    };
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while seen < lines && out.read_line(&mut line).unwrap() > 0 {
        seen += note(&line);
        line.clear();
    }
    assert_eq!(seen, lines, "the child ended by itself");
    child.kill().unwrap();
    child.wait().unwrap();
    // What it still said before it died counts too; only a line without an end does not.
    while out.read_line(&mut line).unwrap() > 0 {
        if line.ends_with('\n') {
            note(&line);
        }
        line.clear();
    }
}

#[test]
fn kill_9_loses_nothing_acknowledged_and_leaves_nothing_half_done() {
    let directory = tempfile::tempdir().unwrap();
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let mut acks = Acks::new();
    for round in 0..ROUNDS {
        // Every tenth round is killed while it opens, every tenth just after.
        let lines = match round % 10 {
            8 => 1,
            9 => 2,
            _ => 3 + numbers.below(600),
        };
        run_and_kill(directory.path(), lines, &mut acks);
        verify(directory.path(), &acks);
    }
    assert!(acks.len() > 5_000, "too few acknowledgements to mean anything: {}", acks.len());
    println!("{} acknowledgements in {ROUNDS} rounds", acks.len());
}

fn verify(directory: &Path, acks: &Acks) {
    let store = support::open(directory);
    let found: BTreeMap<Bytes, Revision> = store
        .changes(0, usize::MAX)
        .unwrap()
        .into_iter()
        .map(|mut commit| (commit.facts.remove(0), commit.revision))
        .collect();
    for (text, revision) in acks {
        assert_eq!(found.get(text.as_bytes()), Some(revision), "acknowledged, but not found: {text}");
    }
    let records = content(&store);
    assert_eq!(records, fold(&store));
    for keys in records.chunks(KEYS as usize) {
        assert!(keys.iter().all(|(_, revision, value)| (revision, value) == (&keys[0].1, &keys[0].2)), "{keys:?}");
    }
    let next = block_on(store.commit(batch(0, &format!("parent {}", store.head().revision)))).unwrap();
    assert_eq!(next, devhub::store::Verdict::Committed(store.head().revision));
}
