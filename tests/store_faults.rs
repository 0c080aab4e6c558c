//! A disk that fails while the store runs: nothing is acknowledged that may be lost, reads go on, and writes go on
//! without a restart whenever they can.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

#[path = "support/store.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc;

use devhub::store::embedded::{Embedded, Options};
use devhub::store::fault::{Fault, Faults};
use devhub::store::memory::Memory;
use devhub::store::{Expectation, Store, StoreError, Verdict};
use support::{block_on, commit, committed, content, fold, options_with, put, put_if, segments, value};

/// A new embedded store whose disk a test can break.
struct Bench {
    directory: tempfile::TempDir,
    faults: Arc<Faults>,
}

impl Bench {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), faults: Faults::new() }
    }

    fn open(&self) -> Embedded {
        Embedded::open(self.directory.path(), options_with(&self.faults)).unwrap()
    }

    fn journal_bytes(&self) -> u64 {
        segments(self.directory.path()).iter().map(|file| file.metadata().unwrap().len()).sum()
    }
}

/// Runs `case` on an embedded and on a memory store with the same switches.
fn on_every_engine(case: impl Fn(&dyn Store, &Faults)) {
    let bench = Bench::new();
    case(&bench.open(), &bench.faults);
    let faults = Faults::new();
    case(&Memory::with_faults(faults.clone()).unwrap(), &faults);
}

#[test]
fn a_full_disk_refuses_writes_without_a_trace_until_there_is_space() {
    on_every_engine(|store, faults| {
        committed(store, put("a", "1"));
        let head = store.head();
        for fault in [Fault::DiskFull, Fault::LowSpace] {
            faults.start(fault);
            assert!(matches!(commit(store, put("a", "2")).unwrap_err(), StoreError::Full(_)));
            assert!(matches!(commit(store, put("b", "2")).unwrap_err(), StoreError::Full(_)));
            assert_eq!(value(store, "a").as_deref(), Some("1"), "reads go on");
            assert_eq!((store.head(), store.write_trouble()), (head, None));
            faults.stop(fault);
        }
        assert_eq!(committed(store, put("b", "1")), head.revision + 1);
        assert_eq!(content(store), fold(store));
    });
}

#[test]
fn a_failing_sync_is_never_acknowledged_and_stops_writes() {
    on_every_engine(|store, faults| {
        committed(store, put("a", "1"));
        faults.start(Fault::SyncFails);
        assert!(matches!(commit(store, put("a", "2")).unwrap_err(), StoreError::Unknown(_)));
        faults.stop(Fault::SyncFails);
        assert!(matches!(commit(store, put("a", "3")).unwrap_err(), StoreError::Stopped(_)), "a sync is not retried");
        assert_eq!(value(store, "a").as_deref(), Some("1"), "what is not durable is not visible");
        assert_eq!(store.changes(0, 10).unwrap().len(), 1);
        assert!(store.write_trouble().is_some());
    });
}

#[test]
fn nothing_is_visible_before_the_sync() {
    on_every_engine(|store, faults| {
        let (reached, at_sync) = mpsc::channel();
        let (go_on, released) = mpsc::channel::<()>();
        let released = parking_lot::Mutex::new(released);
        faults.before_sync(Some(Arc::new(move || {
            reached.send(()).unwrap();
            released.lock().recv().unwrap();
        })));
        let answer = store.commit(put("a", "1"));
        at_sync.recv().unwrap();
        assert_eq!(value(store, "a"), None);
        assert_eq!(store.head().revision, 0);
        assert!(store.changes(0, 10).unwrap().is_empty());
        faults.before_sync(None);
        go_on.send(()).unwrap();
        assert_eq!(block_on(answer).unwrap(), Verdict::Committed(1));
        assert_eq!(value(store, "a").as_deref(), Some("1"));
    });
}

#[test]
fn a_full_queue_is_answered_at_once_and_later_groups_share_a_sync() {
    let bench = Bench::new();
    let options = Options { queue_batches_max: 8, ..options_with(&bench.faults) };
    let store = Embedded::open(bench.directory.path(), options).unwrap();
    let (reached, at_sync) = mpsc::channel();
    let (go_on, released) = mpsc::channel::<()>();
    let released = parking_lot::Mutex::new(released);
    bench.faults.before_sync(Some(Arc::new(move || {
        reached.send(()).unwrap();
        released.lock().recv().unwrap();
    })));
    let first = store.commit(put("a", "first"));
    at_sync.recv().unwrap();
    let waiting: Vec<_> = (0..8).map(|i| store.commit(put("a", &i.to_string()))).collect();
    assert!(matches!(block_on(store.commit(put("a", "too many"))).unwrap_err(), StoreError::Overloaded));
    go_on.send(()).unwrap();
    at_sync.recv().unwrap();
    go_on.send(()).unwrap();
    assert_eq!(block_on(first).unwrap(), Verdict::Committed(1));
    for (answer, revision) in waiting.into_iter().zip(2..) {
        assert_eq!(block_on(answer).unwrap(), Verdict::Committed(revision));
    }
    assert!(at_sync.try_recv().is_err(), "eight commits took one sync");
    assert_eq!(value(&store, "a").as_deref(), Some("7"));
    bench.faults.before_sync(None);
}

#[test]
fn a_conflict_is_not_answered_on_the_strength_of_a_failed_group() {
    let bench = Bench::new();
    let store = bench.open();
    let (reached, at_sync) = mpsc::channel();
    let (go_on, released) = mpsc::channel::<()>();
    let released = parking_lot::Mutex::new(released);
    bench.faults.before_sync(Some(Arc::new(move || {
        reached.send(()).unwrap();
        released.lock().recv().unwrap();
    })));
    let first = store.commit(put("other", "1"));
    at_sync.recv().unwrap();
    let winner = store.commit(put_if("a", "winner", Expectation::Absent));
    let loser = store.commit(put_if("a", "loser", Expectation::Absent));
    bench.faults.before_sync(None);
    bench.faults.start(Fault::DiskFull);
    go_on.send(()).unwrap();
    assert_eq!(block_on(first).unwrap(), Verdict::Committed(1));
    assert!(matches!(block_on(winner).unwrap_err(), StoreError::Full(_)));
    assert!(matches!(block_on(loser).unwrap_err(), StoreError::Full(_)));
    bench.faults.stop(Fault::DiskFull);
    committed(&store, put_if("a", "loser", Expectation::Absent));
}

#[test]
fn a_half_written_frame_is_taken_back() {
    let bench = Bench::new();
    let store = bench.open();
    committed(&store, put("a", "1"));
    let before = bench.journal_bytes();
    bench.faults.start(Fault::DiskFull);
    commit(&store, put("a", "2")).unwrap_err();
    assert_eq!(bench.journal_bytes(), before);
    bench.faults.stop(Fault::DiskFull);
    for i in 0..200 {
        if i % 3 == 0 {
            bench.faults.start(Fault::DiskFull);
            commit(&store, put("a", &i.to_string())).unwrap_err();
            bench.faults.stop(Fault::DiskFull);
        }
        committed(&store, put("a", &i.to_string()));
    }
    let head = store.head();
    drop(store);
    assert!(segments(bench.directory.path()).len() > 2);
    let store = bench.open();
    assert_eq!(store.head(), head);
    assert_eq!(content(&store), fold(&store));
}

#[test]
fn a_half_written_frame_that_cannot_be_taken_back_stops_writes_and_is_cut_at_the_next_start() {
    let bench = Bench::new();
    let store = bench.open();
    committed(&store, put("a", "1"));
    let head = store.head();
    bench.faults.start(Fault::DiskFull);
    bench.faults.start(Fault::TruncateFails);
    assert!(matches!(commit(&store, put("a", "2")).unwrap_err(), StoreError::Unknown(_)));
    bench.faults.stop(Fault::DiskFull);
    bench.faults.stop(Fault::TruncateFails);
    assert!(matches!(commit(&store, put("a", "3")).unwrap_err(), StoreError::Stopped(_)));
    drop(store);
    let store = bench.open();
    assert_eq!(store.head(), head);
    committed(&store, put("a", "4"));
}

#[test]
fn a_failing_write_stops_writes_without_a_trace() {
    let bench = Bench::new();
    let store = bench.open();
    committed(&store, put("a", "1"));
    bench.faults.start(Fault::WriteFails);
    assert!(matches!(commit(&store, put("a", "2")).unwrap_err(), StoreError::Stopped(_)));
    bench.faults.stop(Fault::WriteFails);
    assert!(matches!(commit(&store, put("a", "3")).unwrap_err(), StoreError::Stopped(_)));
    drop(store);
    let store = bench.open();
    assert_eq!((store.head().revision, value(&store, "a").as_deref()), (1, Some("1")));
}

#[test]
fn a_failed_sync_is_settled_by_the_restart() {
    let bench = Bench::new();
    let store = bench.open();
    committed(&store, put("a", "1"));
    bench.faults.start(Fault::SyncFails);
    commit(&store, put("a", "2")).unwrap_err();
    drop(store);
    let refused = Embedded::open(bench.directory.path(), options_with(&bench.faults));
    assert!(matches!(refused.map(drop).unwrap_err(), StoreError::Io(_)), "nothing is served that is not durable");
    bench.faults.stop(Fault::SyncFails);
    let store = bench.open();
    assert_eq!(value(&store, "a").as_deref(), Some("2"), "this time the bytes had been written");
    assert_eq!(content(&store), fold(&store));
}

#[test]
fn a_state_that_fails_after_the_sync_is_served_from_memory_and_caught_up() {
    let bench = Bench::new();
    let store = bench.open();
    for name in ["a", "b", "c", "e"] {
        committed(&store, put(name, "old"));
    }
    bench.faults.start(Fault::StateFails);
    let mut batch = put("b", "new");
    batch.writes.extend(put("d", "new").writes);
    batch.writes.push(devhub::store::Write { key: support::key("c"), value: None });
    assert_eq!(commit(&store, batch).unwrap(), Verdict::Committed(5), "it is durable, so it is acknowledged");
    assert_eq!(value(&store, "b").as_deref(), Some("new"));
    assert_eq!(value(&store, "c"), None);
    assert_eq!(content(&store), fold(&store));
    for limit in 1..5 {
        let mut names: Vec<devhub::store::Key> = Vec::new();
        while let Some((last, _)) = store.scan(b"", names.last().map(|name| &name[..]), limit).unwrap().pop() {
            names.extend(
                store.scan(b"", names.last().map(|name| &name[..]), limit).unwrap().into_iter().map(|(key, _)| key),
            );
            assert_eq!(names.last(), Some(&last));
        }
        assert_eq!(names, ["a", "b", "d", "e"].map(support::key), "limit {limit}");
    }
    assert!(matches!(commit(&store, put("a", "x")).unwrap_err(), StoreError::Stopped(_)));
    let (head, records) = (store.head(), content(&store));
    drop(store);
    bench.faults.stop(Fault::StateFails);
    let store = bench.open();
    assert_eq!((store.head(), content(&store)), (head, records));
    committed(&store, put("a", "x"));
}

#[test]
fn closing_answers_everybody_who_waits() {
    let bench = Bench::new();
    let store = bench.open();
    let answers: Vec<_> = (0..500).map(|i| store.commit(put("a", &i.to_string()))).collect();
    store.close();
    for answer in answers {
        assert!(matches!(block_on(answer), Ok(Verdict::Committed(_))));
    }
    assert!(matches!(commit(&store, put("a", "late")).unwrap_err(), StoreError::Stopped(_)));
    assert_eq!(value(&store, "a").as_deref(), Some("499"), "reads go on");
    drop(store);
    assert_eq!(bench.open().head().revision, 500);
}

/// A small file system of our own, unmounted in the end.
struct SmallDisk {
    mount: tempfile::TempDir,
}

impl SmallDisk {
    /// `None` where mounting is not allowed.
    fn mount(size: &str) -> Option<Self> {
        let mount = tempfile::tempdir().unwrap();
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", &format!("size={size}"), "devhub-test"]).arg(mount.path());
        match command.output() {
            Ok(output) if output.status.success() => Some(Self { mount }),
            Ok(_) | Err(_) => {
                println!("SKIPPED store_faults on a real small disk: this user may not mount a tmpfs");
                None
            }
        }
    }

    fn ballast(&self) -> PathBuf {
        self.mount.path().join("ballast")
    }

    fn data(&self) -> PathBuf {
        self.mount.path().join("data")
    }

    /// Leaves about `spare` bytes.
    fn fill_up_to(&self, spare: u64) {
        let stat = rustix::fs::statvfs(self.mount.path()).unwrap();
        let bytes = (stat.f_bavail * stat.f_frsize).saturating_sub(spare);
        std::fs::write(self.ballast(), vec![1; bytes as usize]).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(self.mount.path()).status();
        assert!(unmounted.is_ok_and(|status| status.success()), "the test closes the store first");
    }
}

/// Commits until the store refuses; returns the number of commits and the refusal.
fn fill(store: &Embedded) -> (u64, StoreError) {
    let large = "x".repeat(20_000);
    for count in 0..10_000 {
        if let Err(error) = commit(store, put(&format!("{}", count % 10), &large)) {
            return (count, error);
        }
    }
    panic!("the disk never became full");
}

#[test]
fn a_real_disk_that_fills_up_meets_the_gate_first() {
    let Some(disk) = SmallDisk::mount("32m") else { return };
    let options = Options { free_bytes_min: 8 << 20, ..support::options() };
    let store = Embedded::open(disk.data(), options).unwrap();
    disk.fill_up_to(12 << 20);
    let (count, error) = fill(&store);
    assert!(matches!(error, StoreError::Full(_)), "{error:?}");
    assert!(count > 10, "{count}");
    assert_eq!(content(&store), fold(&store));
    std::fs::remove_file(disk.ballast()).unwrap();
    committed(&store, put("after", "space"));
    drop(store);
    assert_eq!(support::open(&disk.data()).head().revision, count + 1);
}

#[test]
fn a_real_disk_that_fills_up_under_the_journal_loses_nothing() {
    let Some(disk) = SmallDisk::mount("16m") else { return };
    for spare in [30_000, 100_000, 1_000_000] {
        let directory = disk.data();
        let store = support::open(&directory);
        let before = store.head().revision;
        disk.fill_up_to(spare);
        let (count, error) = fill(&store);
        assert!(matches!(error, StoreError::Full(_) | StoreError::Stopped(_)), "{error:?}");
        assert_eq!(store.head().revision, before + count);
        drop(store);
        std::fs::remove_file(disk.ballast()).unwrap();
        assert_eq!(reopened(&directory), before + count);
    }
}

fn reopened(directory: &Path) -> u64 {
    let store = support::open(directory);
    assert_eq!(content(&store), fold(&store));
    store.head().revision
}
