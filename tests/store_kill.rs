//! The process is killed, or the power goes, at any moment: everything acknowledged is found, nothing by halves.
//!
//! The test runs its own binary as the writer: in the child, the test `child` commits and prints each acknowledgement.
//! A kill cannot show the loss of what the kernel has not written. A power cut can: a small ext4 in a file is shut down
//! without flushing its log, and mounted again. That needs root, and Python for the ioctl.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

#[path = "support/store.rs"]
mod support;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
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
        guard: None,
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

/// Runs the writer, and after `lines` lines, of which the first two say how far opening is, kills it.
fn run_and_kill(directory: &Path, lines: u64, acks: &mut Acks) {
    let late = run_and_end(directory, lines, acks, || ());
    acks.extend(late);
}

/// Runs the writer for `lines` lines, then does `cut` and kills it. Returns what it acknowledged after those lines.
fn run_and_end(directory: &Path, lines: u64, acks: &mut Acks, cut: impl FnOnce()) -> Acks {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env(CHILD, directory)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut seen = 0;
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while seen < lines && out.read_line(&mut line).unwrap() > 0 {
        seen += u64::from(note(acks, &line));
        line.clear();
    }
    assert_eq!(seen, lines, "the child ended by itself");
    cut();
    child.kill().unwrap();
    child.wait().unwrap();
    let mut late = Acks::new();
    while out.read_line(&mut line).unwrap() > 0 {
        // A line without an end was cut off with its writer.
        if line.ends_with('\n') {
            note(&mut late, &line);
        }
        line.clear();
    }
    late
}

/// Notes an acknowledgement in `acks`; says whether `line` is one of ours.
fn note(acks: &mut Acks, line: &str) -> bool {
    let mut words = line.split_whitespace();
    match words.next() {
        Some("ack") => {
            let (_, revision, text) = (words.next(), words.next().unwrap(), words.next().unwrap());
            acks.insert(text.to_owned(), revision.parse().unwrap());
            true
        }
        Some("opening" | "open") => true,
        Some(_) | None => false,
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

/// A file system whose power can be cut.
struct PowerDisk {
    room: tempfile::TempDir,
}

/// Shuts the ext4 at the given path down: neither data nor log is written from then on.
const CUT: &str = "import fcntl, os, struct, sys; \
    fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587D, struct.pack('I', 2))";

impl PowerDisk {
    /// `None` where this is not possible.
    fn new() -> Option<Self> {
        let disk = Self { room: tempfile::tempdir().unwrap() };
        let image = disk.room.path().join("image");
        std::fs::File::create(&image).unwrap().set_len(200 << 20).unwrap();
        std::fs::create_dir(disk.mount_point()).unwrap();
        let made = succeeds(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&image));
        let possible = made && succeeds(Command::new("python3").arg("--version")) && disk.mount();
        if possible {
            disk.unmount();
        } else {
            println!("SKIPPED store_kill with a power cut: it needs root, loop devices, mkfs.ext4 and python3");
        }
        possible.then_some(disk)
    }

    fn mount_point(&self) -> PathBuf {
        self.room.path().join("mount")
    }

    fn mount(&self) -> bool {
        let image = self.room.path().join("image");
        succeeds(Command::new("mount").args(["-o", "loop"]).arg(image).arg(self.mount_point()))
    }

    fn unmount(&self) {
        assert!(succeeds(Command::new("umount").arg(self.mount_point())), "nobody uses the file system any more");
    }

    fn cut(&self) {
        assert!(succeeds(Command::new("python3").args(["-c", CUT]).arg(self.mount_point())), "the power goes");
    }
}

impl Drop for PowerDisk {
    /// A test that failed has left it mounted, perhaps with the store open.
    fn drop(&mut self) {
        succeeds(Command::new("umount").arg("-l").arg(self.mount_point()));
    }
}

fn succeeds(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

#[test]
fn a_power_cut_loses_nothing_acknowledged() {
    let Some(disk) = PowerDisk::new() else { return };
    let directory = disk.mount_point().join("data");
    let mut numbers = Numbers(0x2545_f491_4f6c_dd1d);
    let mut acks = Acks::new();
    for _ in 0..8 {
        assert!(disk.mount(), "the file system recovers");
        // Only what was said before the cut counts. An fdatasync that is under way while ext4 is shut down may return
        // success without having written anything; without power, nobody would have heard of it.
        let lines = 3 + numbers.below(1000);
        drop(run_and_end(&directory, lines, &mut acks, || disk.cut()));
        disk.unmount();
        assert!(disk.mount(), "the file system recovers");
        verify(&directory, &acks);
        disk.unmount();
    }
    assert!(acks.len() > 500, "too few acknowledgements to mean anything: {}", acks.len());
    println!("{} acknowledgements in 8 power cuts", acks.len());
}
