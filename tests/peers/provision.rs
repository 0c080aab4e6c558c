//! What is fetched for tests that need other programs: kept beside the build, so that only the first run, and a run after
//! a change of what is pinned, fetches anything.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::process::{self, Finished};

/// How long it may take to fetch packages.
pub(crate) const PROVISION_LIMIT: Duration = Duration::from_secs(600);

/// How long a program may take to say its version.
pub(crate) const VERSION_LIMIT: Duration = Duration::from_secs(60);

/// Names what a finished provision was made of.
const STAMP: &str = "provisioned";

/// Why a peer cannot be had here.
#[derive(Debug)]
pub(crate) struct Missing(pub(crate) String);

/// The peer, or nothing where it is missing: the test is skipped then, and says so. On a build server nothing may be
/// missing.
pub(crate) fn or_skip<P>(test: &str, peer: Result<P, Missing>) -> Option<P> {
    match peer {
        Ok(peer) => Some(peer),
        Err(Missing(reason)) => {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "CI=true, but {reason}");
            // Not by a macro, whose output is shown for failed tests only.
            let _ = writeln!(io::stderr(), "{test} is skipped: {reason}");
            None
        }
    }
}

/// The directory of a peer below that of the build, and the file whose lock says who may use or change it.
pub(crate) fn place(name: &str) -> (PathBuf, File) {
    let build = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let peers = build.join("peers");
    fs::create_dir_all(&peers).unwrap();
    let lock = File::create(peers.join(format!("{name}.lock"))).unwrap();
    (peers.join(name), lock)
}

/// Names what a peer is made of.
pub(crate) fn stamp(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    digits(&hash.finalize())
}

/// A digest as text.
pub(crate) fn digits(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `directory` was made of what `stamp` names, to the end.
pub(crate) fn is_made(directory: &Path, stamp: &str) -> bool {
    fs::read_to_string(directory.join(STAMP)).is_ok_and(|made| made == stamp)
}

/// Makes `directory` by `install`, unless it was made of the same before. The caller holds the lock of the place.
pub(crate) fn make(
    directory: &Path,
    stamp: &str,
    install: impl FnOnce() -> Result<(), Missing>,
) -> Result<(), Missing> {
    if is_made(directory, stamp) {
        return Ok(());
    }
    remove(directory);
    fs::create_dir_all(directory).unwrap();
    install()?;
    // Last, so that a provision that was cut off is made again.
    fs::write(directory.join(STAMP), stamp).unwrap();
    Ok(())
}

/// What a program says that must be there and succeed for the peer to be had.
pub(crate) fn have(command: &mut Command, limit: Duration) -> Result<String, Missing> {
    let name = command.get_program().to_string_lossy().into_owned();
    match process::run(command, limit) {
        Ok(Finished { success: true, output, .. }) => Ok(output),
        Ok(failed) => Err(Missing(failed.to_string())),
        Err(error) => Err(Missing(format!("{name} cannot be run: {error}"))),
    }
}

/// Removes a directory that may not be there.
pub(crate) fn remove(directory: &Path) {
    match fs::remove_dir_all(directory) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => panic!("{}: {error}", directory.display()),
    }
}
