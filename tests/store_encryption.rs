//! Encrypted backups: who can read one, what is refused, and that a refusal leaves nothing behind.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

#[path = "support/store.rs"]
mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use age::secrecy::ExposeSecret as _;
use age::x25519;
use devhub::store::backup::{self, BackupFile, Identities, Recipients};
use devhub::store::{Store, StoreError};
use support::{committed, content, put};

/// What stands in the store, so that it can be looked for in files.
const KNOWN: &str = "a value that is known";

/// A store of some parts of what age encrypts at a time, the files of two identities, and room beside them.
struct Room {
    directory: tempfile::TempDir,
    recipients: [String; 2],
}

impl Room {
    fn new(commits: usize) -> Room {
        let directory = tempfile::tempdir().unwrap();
        let identities = [x25519::Identity::generate(), x25519::Identity::generate()];
        for (name, identity) in ["ours", "theirs"].iter().zip(&identities) {
            let text = format!("# made for a test\n{}\n", identity.to_string().expose_secret());
            std::fs::write(directory.path().join(name), text).unwrap();
            let mode = std::fs::Permissions::from_mode(0o600);
            std::fs::set_permissions(directory.path().join(name), mode).unwrap();
        }
        let recipients = identities.map(|identity| identity.to_public().to_string());
        let room = Room { directory, recipients };
        let store = support::open(&room.path("data"));
        for number in 0..commits {
            committed(&store, put(&format!("key {}", number % 20), &format!("{KNOWN} {number} {}", "x".repeat(2000))));
        }
        room
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A backup for the first of the two, and for the second if `both`.
    fn backup(&self, name: &str, both: bool) -> PathBuf {
        let named = &self.recipients[..if both { 2 } else { 1 }];
        let recipients = Recipients::read(named, &[]).unwrap().unwrap();
        backup::create_encrypted(&self.path("data"), &self.path(name), &recipients).unwrap();
        self.path(name)
    }

    fn identities(&self, name: &str) -> Identities {
        Identities::read(&[self.path(name)]).unwrap().unwrap()
    }

    /// Runs the command line.
    fn devhub(&self, args: &[&str]) -> (bool, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_devhub"));
        let ran = command.env_clear().args(args).current_dir(self.directory.path()).output().unwrap();
        let text = [ran.stdout, ran.stderr].concat();
        (ran.status.success(), String::from_utf8(text).unwrap())
    }
}

fn holds(path: &Path, text: &str) -> bool {
    std::fs::read(path).unwrap().windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn an_encrypted_backup_restores_for_each_of_its_recipients_and_tells_others_nothing() {
    let room = Room::new(300);
    let plain = room.path("plain");
    let known = backup::create(&room.path("data"), &plain).unwrap();
    let encrypted = room.backup("encrypted", true);
    assert!(known.bytes > 5 * 65_536, "it has several of age's parts: {}", known.bytes);
    assert!(holds(&plain, KNOWN) && !holds(&encrypted, KNOWN) && !holds(&encrypted, "DHUBBACK"));
    let store = support::open(&room.path("data"));
    for name in ["ours", "theirs"] {
        let identities = room.identities(name);
        let file = BackupFile { path: &encrypted, identities: Some(&identities) };
        let summary = backup::verify(file).unwrap();
        assert_eq!((summary.revision, summary.digest, summary.store_id), (300, known.digest, known.store_id));
        assert_eq!(summary.bytes, std::fs::metadata(&encrypted).unwrap().len());
        let restored = room.path(&format!("restored for {name}"));
        let (again, epoch) = backup::restore(file, &restored).unwrap();
        assert_eq!((again, epoch == summary.epoch), (summary, false));
        let copy = support::open(&restored);
        assert_eq!((copy.head(), content(&copy)), (store.head(), content(&store)));
        assert_eq!(copy.changes(0, 1000).unwrap(), store.changes(0, 1000).unwrap());
    }
    let left: Vec<_> = std::fs::read_dir(room.directory.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 7, "no draft is left: {left:?}");
}

#[test]
fn what_an_identity_does_not_fit_is_refused_in_a_sentence_and_leaves_nothing() {
    let room = Room::new(3);
    let plain = room.path("plain");
    backup::create(&room.path("data"), &plain).unwrap();
    let encrypted = room.backup("encrypted", false);
    let (ours, theirs) = (room.identities("ours"), room.identities("theirs"));
    let target = room.path("restored");
    for (path, identities, expected) in [
        (&encrypted, Some(&theirs), "made for other recipients"),
        (&encrypted, None, "it is encrypted; name the file of an --identity"),
        (&plain, Some(&ours), "leave the identity out"),
    ] {
        let error = backup::restore(BackupFile { path, identities }, &target).unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains(path.to_str().unwrap()), "{error}");
        assert!(backup::verify(BackupFile { path, identities }).is_err());
        assert!(!target.exists());
    }
    backup::restore(BackupFile { path: &encrypted, identities: Some(&ours) }, &target).unwrap();
}

#[test]
fn an_encrypted_backup_that_was_cut_or_changed_anywhere_is_refused_and_nothing_is_laid_out() {
    let room = Room::new(60);
    let file = room.backup("encrypted", false);
    let identities = room.identities("ours");
    let whole = std::fs::read(&file).unwrap();
    assert!(whole.len() > 65_536 + 16, "it has more than one part");
    let target = room.path("restored");
    let refused = |bytes: &[u8], what: &str| {
        std::fs::write(&file, bytes).unwrap();
        let error = backup::restore(BackupFile { path: &file, identities: Some(&identities) }, &target).unwrap_err();
        assert!(matches!(error, StoreError::Damaged(_) | StoreError::Io(_)), "{what}: {error:?}");
        assert!(error.to_string().contains(file.to_str().unwrap()), "{what}: {error}");
        assert!(!target.exists(), "{what}");
    };
    // Every byte of what stands before the parts, and some of each part.
    let head = whole.windows(4).position(|window| window == b"\n---").unwrap() + 4 + 45 + 16;
    for place in (0..head).chain((head..whole.len()).step_by(3989)).chain(whole.len() - 4..whole.len()) {
        let mut bytes = whole.clone();
        bytes[place] ^= 1;
        refused(&bytes, &format!("byte {place}"));
    }
    let parts = [head, head + 65_536 + 16];
    for length in (0..whole.len()).step_by(4001).chain(parts).chain([whole.len() - 16, whole.len() - 1]) {
        refused(&whole[..length], &format!("cut to {length}"));
    }
    refused(&[&whole[..], b"more"].concat(), "lengthened");
    refused(&[&whole[..], &whole[head..]].concat(), "doubled");
    std::fs::write(&file, &whole).unwrap();
    backup::restore(BackupFile { path: &file, identities: Some(&identities) }, &target).unwrap();
}

#[test]
fn keys_that_are_none_are_refused_and_an_identity_is_never_repeated() {
    let room = Room::new(1);
    let secret = std::fs::read_to_string(room.path("ours")).unwrap().lines().nth(1).unwrap().to_owned();
    for text in ["", "age1", "ssh-ed25519 AAAA", &secret, &secret.to_lowercase(), &format!("{}x", room.recipients[0])] {
        let error = Recipients::read(&[text.to_owned()], &[]).err().expect(text).to_string();
        assert!(error.contains("age-keygen") && !error.contains(&secret[20..]), "{error}");
    }
    assert!(Recipients::read(&[], &[]).unwrap().is_none() && Identities::read(&[]).unwrap().is_none());
    let write = |name: &str, text: &str| {
        std::fs::write(room.path(name), text).unwrap();
        std::fs::set_permissions(room.path(name), std::fs::Permissions::from_mode(0o600)).unwrap();
        [room.path(name)]
    };
    for (text, expected) in [
        ("# nothing\n\n".to_owned(), "holds no key"),
        (format!("{}\n{}x", secret, secret), "line 2"),
        (room.recipients[0].clone(), "line 1"),
        ("x".repeat(65 * 1024), "at most 65536"),
    ] {
        let error = Identities::read(&write("odd", &text)).err().expect(expected).to_string();
        assert!(error.contains(expected) && !error.contains(&secret[20..]), "{error}");
    }
    let error = Recipients::read(&[], &write("odd", &secret)).err().unwrap().to_string();
    assert!(error.contains("line 1") && !error.contains(&secret[20..]), "{error}");
    let both = write("both", &format!("# the two of us\n{}\n{}\n", room.recipients[0], room.recipients[1]));
    assert!(Recipients::read(&[], &both).unwrap().is_some());
    std::fs::set_permissions(room.path("ours"), std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(Identities::read(&[room.path("ours")]).err().unwrap().to_string().contains("chmod 600"));
    assert!(Identities::read(&[room.path("none")]).is_err());
}

#[test]
fn the_command_line_encrypts_verifies_and_restores() {
    let room = Room::new(5);
    let [ours, theirs] = [0, 1].map(|place| room.recipients[place].as_str());
    std::fs::write(room.path("people"), format!("{theirs}\n")).unwrap();
    let backup = ["backup", "--data-dir", "data", "b", "--recipient", ours, "--recipients-file", "people"];
    let (done, text) = room.devhub(&backup);
    assert!(done, "{text}");
    for identity in ["ours", "theirs"] {
        let (done, text) = room.devhub(&["backup", "--verify", "b", "--identity", identity]);
        assert!(done && text.contains("revision"), "{text}");
        let target = format!("for {identity}");
        let (done, text) = room.devhub(&["restore", "--data-dir", &target, "b", "--identity", identity]);
        assert!(done && room.path(&target).join("journal").is_dir(), "{text}");
    }
    let (done, text) = room.devhub(&["restore", "--data-dir", "nowhere", "b"]);
    assert!(!done && text.contains("--identity") && !room.path("nowhere").exists(), "{text}");
    let (done, text) = room.devhub(&["backup", "--data-dir", "data", "c", "--recipient", "age1nobody"]);
    assert!(!done && text.contains("--recipient is wrong") && !room.path("c").exists(), "{text}");
}
