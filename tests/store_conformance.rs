//! The contract of the store, run on every engine.
//!
//! Each case is a function of an open store. An engine is a constructor.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

#[path = "support/store.rs"]
mod support;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use devhub::store::embedded::Embedded;
use devhub::store::memory::Memory;
use devhub::store::{
    BATCH_BYTES_MAX, Batch, Commit, Expectation, Guard, Head, Key, Revision, Sink, Store, StoreError, Verdict,
    Versioned, Write,
};
use parking_lot::Mutex;
use support::{at, block_on, commit, committed, content, key, put, put_if, value};

/// Runs `case` on a new, empty store of every engine.
fn on_every_engine(case: impl Fn(&dyn Store)) {
    case(&Memory::open().unwrap());
    let directory = tempfile::tempdir().unwrap();
    case(&Embedded::open(directory.path(), support::options()).unwrap());
}

fn write(name: &str, value: Option<&str>) -> Write {
    Write { key: key(name), value: value.map(|value| Bytes::copy_from_slice(value.as_bytes())) }
}

#[test]
fn an_empty_store_has_nothing() {
    on_every_engine(|store| {
        assert_eq!(store.head(), Head::EMPTY);
        assert_eq!(store.get(&[key("a")]).unwrap(), [None]);
        assert!(store.scan(b"", None, 10).unwrap().is_empty());
        assert!(store.changes(0, 10).unwrap().is_empty());
        assert_eq!(*store.watch().borrow(), 0);
        assert_eq!(store.write_trouble(), None);
    });
}

#[test]
fn a_batch_takes_effect_whole_under_one_revision() {
    on_every_engine(|store| {
        committed(store, put("c", "old"));
        let writes = vec![write("a", Some("1")), write("b", Some("2")), write("c", None)];
        let revision = committed(store, Batch { writes, ..put("", "") });
        let found = store.get(&[key("a"), key("b"), key("c")]).unwrap();
        let versioned = |text: &'static str| Some(Versioned { revision, value: Bytes::from_static(text.as_bytes()) });
        assert_eq!(found, [versioned("1"), versioned("2"), None]);
    });
}

#[test]
fn one_failed_expectation_prevents_everything() {
    on_every_engine(|store| {
        let first = committed(store, put("a", "1"));
        let head = store.head();
        let batch = Batch {
            expectations: vec![(key("a"), Expectation::At(first)), (key("b"), Expectation::At(first))],
            writes: vec![write("a", Some("2")), write("b", Some("2"))],
            ..put("", "")
        };
        assert_eq!(commit(store, batch).unwrap(), Verdict::Conflict);
        assert_eq!(value(store, "a").as_deref(), Some("1"));
        assert_eq!(value(store, "b"), None);
        assert_eq!(store.head(), head);
    });
}

#[test]
fn a_stale_expectation_never_overwrites() {
    on_every_engine(|store| {
        let first = committed(store, put("a", "1"));
        let second = committed(store, put_if("a", "2", Expectation::At(first)));
        assert_eq!(commit(store, put_if("a", "lost", Expectation::At(first))).unwrap(), Verdict::Conflict);
        assert_eq!(commit(store, put_if("a", "lost", Expectation::Absent)).unwrap(), Verdict::Conflict);
        assert_eq!(value(store, "a").as_deref(), Some("2"));
        committed(store, Batch { writes: vec![write("a", None)], ..put("", "") });
        assert_eq!(commit(store, put_if("a", "lost", Expectation::At(second))).unwrap(), Verdict::Conflict);
        committed(store, put_if("a", "new", Expectation::Absent));
    });
}

#[test]
fn expectations_bind_keys_that_are_only_read() {
    on_every_engine(|store| {
        let version = committed(store, put("version", "stable"));
        let subscribe =
            || Batch { expectations: vec![(key("version"), Expectation::At(version))], ..put("subscription", "live") };
        committed(store, put("version", "deprecated"));
        assert_eq!(commit(store, subscribe()).unwrap(), Verdict::Conflict);
    });
}

#[test]
fn of_64_creators_one_wins() {
    on_every_engine(|store| {
        for round in 0..20 {
            let name = format!("key {round}");
            let races = (0..64).map(|i| store.commit(put_if(&name, &i.to_string(), Expectation::Absent)));
            let verdicts = block_on(futures_util::future::join_all(races));
            let won: Vec<_> = (0..64).filter(|i| matches!(verdicts[*i], Ok(Verdict::Committed(_)))).collect();
            assert_eq!(won.len(), 1, "{verdicts:?}");
            assert!(verdicts.iter().all(Result::is_ok), "{verdicts:?}");
            assert_eq!(value(store, &name), Some(won[0].to_string()));
        }
    });
}

#[test]
fn concurrent_counters_lose_no_update() {
    on_every_engine(|store| {
        committed(store, put("counter", "0"));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| (0..25).for_each(|_| increment(store)));
            }
        });
        assert_eq!(value(store, "counter").as_deref(), Some("200"));
    });
}

fn increment(store: &dyn Store) {
    loop {
        let found = store.get(&[key("counter")]).unwrap().remove(0).unwrap();
        let count: u32 = std::str::from_utf8(&found.value).unwrap().parse().unwrap();
        let batch = put_if("counter", &(count + 1).to_string(), Expectation::At(found.revision));
        if commit(store, batch).unwrap() != Verdict::Conflict {
            return;
        }
    }
}

#[test]
fn after_all_needs_a_later_instant_than_every_commit() {
    on_every_engine(|store| {
        let batch = |seconds, after_all| Batch { instant: at(seconds), after_all, ..put("a", "1") };
        committed(store, batch(100, true));
        committed(store, batch(50, false));
        assert_eq!(commit(store, batch(100, true)).unwrap(), Verdict::Conflict);
        assert_eq!(commit(store, batch(99, true)).unwrap(), Verdict::Conflict);
        assert_eq!(store.head().instant, at(100));
        committed(store, batch(101, true));
        assert_eq!(store.head().instant, at(101));
    });
}

/// A sink that only counts commits.
struct Counter(Arc<std::sync::atomic::AtomicU64>);

impl Sink for Counter {
    fn load(&self, _: &Key, _: &Versioned) {}
    fn loaded(&self, _: Head) {}
    fn apply(&self, _: &Commit) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    }
}

#[test]
fn a_guard_is_asked_after_the_sink_has_seen_every_commit_before() {
    use std::sync::atomic::Ordering::SeqCst;
    on_every_engine(|store| {
        let seen = Arc::new(std::sync::atomic::AtomicU64::new(0));
        store.attach(Arc::new(Counter(Arc::clone(&seen)))).unwrap();
        let guarded = |holds: Box<dyn Fn(u64) -> bool + Send + Sync>| {
            let seen = Arc::clone(&seen);
            Batch { guard: Some(Guard(Arc::new(move || holds(seen.load(SeqCst))))), ..put("guarded", "1") }
        };
        let mut waiting = Vec::new();
        for round in 0..200u64 {
            // Four plain ones, then one whose guard counts all before it, and one whose guard never holds.
            waiting.extend((0..4).map(|i| store.commit(put(&format!("key {i}"), "1"))));
            waiting.push(store.commit(guarded(Box::new(move |seen| seen == 5 * round + 4))));
            waiting.push(store.commit(guarded(Box::new(|_| false))));
        }
        let verdicts = block_on(futures_util::future::join_all(waiting));
        for (place, verdict) in verdicts.into_iter().enumerate() {
            let verdict = verdict.unwrap();
            assert_eq!(verdict == Verdict::Conflict, place % 6 == 5, "{place}: {verdict:?}");
        }
        assert_eq!(seen.load(SeqCst), 1000);
    });
}

#[test]
fn commits_are_read_back_in_order_from_anywhere() {
    on_every_engine(|store| {
        let races = (0..300).map(|i| store.commit(put(&format!("key {}", i % 7), &i.to_string())));
        let verdicts = block_on(futures_util::future::join_all(races));
        let revisions: Vec<Revision> = verdicts
            .into_iter()
            .map(|verdict| match verdict {
                Ok(Verdict::Committed(revision)) => revision,
                other => panic!("{other:?}"),
            })
            .collect();
        assert!(revisions.is_sorted(), "one caller's order is kept");
        let all = store.changes(0, usize::MAX).unwrap();
        assert_eq!(all.iter().map(|commit| commit.revision).collect::<Vec<_>>(), revisions);
        assert_eq!(all[41].facts, [Bytes::from_static(b"key 6 = 41")]);
        for limit in [1, 7, 300] {
            let mut resumed: Vec<Commit> = Vec::new();
            loop {
                let page = store.changes(resumed.last().map_or(0, |commit| commit.revision), limit).unwrap();
                assert!(page.len() <= limit);
                if page.is_empty() {
                    break;
                }
                resumed.extend(page);
            }
            assert_eq!(resumed, all);
        }
        assert!(store.changes(Revision::MAX, 10).unwrap().is_empty());
        assert!(store.changes(0, 0).unwrap().is_empty());
    });
}

#[test]
fn scans_page_through_a_prefix() {
    on_every_engine(|store| {
        for name in ["a", "b/", "b/1", "b/2", "b/3", "b0", "c"] {
            committed(store, put(name, name));
        }
        let names = |prefix: &str, after: Option<&str>, limit| -> Vec<String> {
            let found = store.scan(prefix.as_bytes(), after.map(str::as_bytes), limit).unwrap();
            found.into_iter().map(|(key, _)| String::from_utf8(key.to_vec()).unwrap()).collect()
        };
        assert_eq!(names("b/", None, 2), ["b/", "b/1"]);
        assert_eq!(names("b/", Some("b/1"), 2), ["b/2", "b/3"]);
        assert_eq!(names("b/", Some("b/3"), 2), [""; 0]);
        assert_eq!(names("b/", Some("a"), 1), ["b/"]);
        assert_eq!(names("b/", Some("c"), 1), [""; 0]);
        assert_eq!(names("", None, 100).len(), 7);
        assert_eq!(names("", None, 0).len(), 0);
    });
}

#[test]
fn long_scans_are_complete() {
    on_every_engine(|store| {
        let writes = (0..3000).map(|i| write(&format!("{i:06}"), Some("x"))).collect();
        committed(store, Batch { writes, ..put("", "") });
        assert_eq!(store.scan(b"", None, usize::MAX).unwrap().len(), 3000);
        assert_eq!(store.scan(b"00", Some(b"000999"), 1500).unwrap().len(), 1500);
    });
}

#[test]
fn odd_keys_and_values_are_kept() {
    on_every_engine(|store| {
        for name in ["", "\0", "position", "rposition", "\u{10ffff}"] {
            committed(store, put(name, ""));
            assert_eq!(value(store, name).as_deref(), Some(""));
        }
        assert_eq!(content(store).len(), 5);
        let large = "x".repeat(300_000);
        committed(store, put("large", &large));
        assert_eq!(value(store, "large"), Some(large));
    });
}

#[test]
fn a_batch_that_is_too_large_is_refused() {
    on_every_engine(|store| {
        let large = put("a", &"x".repeat(BATCH_BYTES_MAX));
        assert!(matches!(commit(store, large).unwrap_err(), StoreError::TooLarge { limit: BATCH_BYTES_MAX, .. }));
        committed(store, put("a", &"x".repeat(BATCH_BYTES_MAX / 2 - 10)));
        assert_eq!(store.head().revision, 1);
    });
}

#[test]
fn the_head_names_the_content() {
    on_every_engine(|store| {
        let mut watch = store.watch();
        committed(store, put("a", "1"));
        let first = store.head();
        assert!(watch.has_changed().unwrap());
        assert_eq!(*watch.borrow_and_update(), 1);
        assert_eq!((first.revision, first.instant), (1, at(1000)));
        committed(store, put("a", "1"));
        assert_ne!(store.head().digest, first.digest);
        assert_ne!(first.digest, [0; 32]);
    });
}

#[test]
fn a_commit_goes_on_when_its_caller_goes_away() {
    on_every_engine(|store| {
        drop(store.commit(put("a", "1")));
        committed(store, put("b", "1"));
        assert_eq!(value(store, "a").as_deref(), Some("1"));
    });
}

/// Keeps what it is shown.
#[derive(Default)]
struct Mirror {
    records: Mutex<BTreeMap<Key, Versioned>>,
    loaded: Mutex<Option<Head>>,
    applied: Mutex<Vec<Revision>>,
}

impl Sink for Mirror {
    fn load(&self, key: &Key, value: &Versioned) {
        assert_eq!(*self.loaded.lock(), None, "records come before the end of the state");
        assert!(self.records.lock().insert(key.clone(), value.clone()).is_none(), "each record comes once");
    }

    fn loaded(&self, head: Head) {
        assert_eq!(self.loaded.lock().replace(head), None);
    }

    fn apply(&self, commit: &Commit) {
        assert_ne!(*self.loaded.lock(), None, "commits come after the state");
        self.applied.lock().push(commit.revision);
        let mut records = self.records.lock();
        for Write { key, value } in commit.writes.clone() {
            match value {
                Some(value) => drop(records.insert(key, Versioned { revision: commit.revision, value })),
                None => drop(records.remove(&key)),
            }
        }
    }
}

#[test]
fn a_sink_misses_nothing_and_sees_commits_before_their_callers() {
    on_every_engine(|store| {
        let mirror = Arc::new(Mirror::default());
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let mirror = &mirror;
                scope.spawn(move || {
                    for i in 0..100 {
                        let name = format!("{writer} {}", i % 10);
                        let revision = committed(store, put(&name, &i.to_string()));
                        let Some(head) = *mirror.loaded.lock() else { continue };
                        let seen = mirror.records.lock().get(&key(&name)).map(|versioned| versioned.revision);
                        assert!(head.revision < revision || seen == Some(revision), "answered before it was shown");
                        assert!(store.head().revision >= revision);
                    }
                });
            }
            store.attach(mirror.clone()).unwrap();
        });
        let head = mirror.loaded.lock().unwrap();
        let expected: Vec<Revision> = (head.revision + 1..=store.head().revision).collect();
        assert_eq!(*mirror.applied.lock(), expected);
        let mirrored: Vec<_> =
            mirror.records.lock().clone().into_iter().map(|(k, v)| (k, v.revision, v.value)).collect();
        assert_eq!(mirrored, content(store));
        assert!(store.attach(Arc::new(Mirror::default())).is_err());
    });
}

#[test]
fn epochs_differ() {
    let mut epochs = Vec::new();
    let seen = Mutex::new(&mut epochs);
    on_every_engine(|store| seen.lock().push(store.epoch()));
    assert_ne!(epochs[0], epochs[1]);
}

/// Notes as pairs of text.
fn noted(store: &dyn Store, prefix: &str, after: Option<&str>, limit: usize) -> Vec<(String, String)> {
    let found = store.scan_noted(prefix.as_bytes(), after.map(str::as_bytes), limit).unwrap();
    let text = |bytes: Bytes| String::from_utf8(bytes.to_vec()).unwrap();
    found.into_iter().map(|(key, value)| (text(key), text(value))).collect()
}

#[test]
fn notes_are_kept_beside_the_commits() {
    let note = |name: &str, value: &str| (key(name), Bytes::copy_from_slice(value.as_bytes()));
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    on_every_engine(|store| {
        let mirror = Arc::new(Mirror::default());
        store.attach(mirror.clone()).unwrap();
        committed(store, put("a", "committed"));
        let (head, log) = (store.head(), store.changes(0, 10).unwrap());
        assert_eq!(store.noted(&[key("a")]).unwrap(), [None], "a commit is no note");
        store.note(vec![note("a", "1"), note("b/1", ""), note("b/2", "2"), note("c", "3")]).unwrap();
        store.note(vec![note("b/2", "newer")]).unwrap();
        store.note(Vec::new()).unwrap();
        let found = store.noted(&[key("b/2"), key("none"), key("b/1")]).unwrap();
        assert_eq!(found, [Some(Bytes::from_static(b"newer")), None, Some(Bytes::new())]);
        assert_eq!(noted(store, "b/", None, 10), [pair("b/1", ""), pair("b/2", "newer")]);
        assert_eq!(noted(store, "b/", Some("b/1"), 10), [pair("b/2", "newer")]);
        assert_eq!(noted(store, "b/", Some("a"), 1), [pair("b/1", "")]);
        assert_eq!((noted(store, "", None, 10).len(), noted(store, "", None, 0).len()), (4, 0));
        assert_eq!(value(store, "a").as_deref(), Some("committed"), "a note is no record");
        assert_eq!((store.head(), store.changes(0, 10).unwrap()), (head, log), "a note is no commit");
        assert_eq!(*mirror.applied.lock(), [1], "the sink sees no notes");
        store.settle_notes().unwrap();
        assert!(!store.has_lost_notes());
        assert_eq!(noted(store, "", None, 10).len(), 4, "settling changes nothing");
    });
}
