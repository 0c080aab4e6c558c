//! What the tours need: an interpreter and packages, kept beside the build so that only the first run, and a run after
//! a change of the pinned versions, fetches anything.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::process::{self, Finished};
use crate::source;

/// How long it may take to fetch packages.
const PROVISION_LIMIT: Duration = Duration::from_secs(600);

/// How long a program may take to say its version.
const VERSION_LIMIT: Duration = Duration::from_secs(60);

/// Names what a finished provision was made of.
const STAMP: &str = "provisioned";

/// Why a peer cannot be had here.
#[derive(Debug)]
pub(crate) struct Missing(String);

/// Python with the packages of its tour.
pub(crate) struct Python {
    /// The interpreter that finds them.
    pub(crate) interpreter: PathBuf,
    _kept: File,
}

/// The TypeScript tour beside its packages.
pub(crate) struct TypeScript {
    directory: PathBuf,
    _kept: File,
}

impl TypeScript {
    /// Runs a script of `package.json`; arguments are handed on to it.
    pub(crate) fn npm(&self, script: &str) -> Command {
        let mut npm = npm();
        npm.current_dir(&self.directory).args(["run", "--silent", script, "--"]);
        npm
    }
}

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

/// Python in a virtual environment with `requirements.txt` installed.
pub(crate) fn python() -> Result<Python, Missing> {
    let version = have(Command::new("python3").arg("--version"), VERSION_LIMIT)?;
    let requirements = source("examples/python/requirements.txt");
    let (directory, kept) = place("python");
    let interpreter = directory.join("bin/python");
    provision(&directory, &version, &[&requirements], || {
        have(Command::new("python3").args(["-m", "venv"]).arg(&directory), PROVISION_LIMIT)?;
        let mut pip = Command::new(&interpreter);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
        have(pip.arg(&requirements), PROVISION_LIMIT).map(drop)
    })?;
    Ok(Python { interpreter, _kept: kept })
}

/// A fresh copy of the sources of the TypeScript tour, beside the packages that its lock file names.
pub(crate) fn typescript() -> Result<TypeScript, Missing> {
    let version = have(Command::new("node").arg("--version"), VERSION_LIMIT)?;
    have(npm().arg("--version"), VERSION_LIMIT)?;
    let sources = source("examples/typescript");
    let (package, lock) = (sources.join("package.json"), sources.join("package-lock.json"));
    let (directory, kept) = place("typescript");
    provision(&directory, &version, &[&package, &lock], || {
        for file in [&package, &lock] {
            fs::copy(file, directory.join(file.file_name().unwrap())).unwrap();
        }
        let mut ci = npm();
        ci.current_dir(&directory).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
        have(&mut ci, PROVISION_LIMIT).map(drop)
    })?;
    // What an earlier run made must not stand in for what this one fails to make.
    for made in ["gen", "dist", "src", "proto"] {
        remove(&directory.join(made));
    }
    for file in ["package.json", "buf.gen.yaml", "tsconfig.json"] {
        fs::copy(sources.join(file), directory.join(file)).unwrap();
    }
    for tree in ["src", "proto"] {
        copy(&sources.join(tree), &directory.join(tree));
    }
    Ok(TypeScript { directory, _kept: kept })
}

/// npm, without what this machine's user has set for it to say.
fn npm() -> Command {
    let mut npm = Command::new("npm");
    npm.env("npm_config_loglevel", "error").env("npm_config_update_notifier", "false");
    npm
}

/// A directory below that of the build, which is this process's own as long as the file lives.
fn place(name: &str) -> (PathBuf, File) {
    let build = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let peers = build.join("peers");
    fs::create_dir_all(&peers).unwrap();
    let lock = File::create(peers.join(format!("{name}.lock"))).unwrap();
    lock.lock().unwrap();
    (peers.join(name), lock)
}

/// Makes `directory` by `install`, unless it was made of the same program and files before.
fn provision(
    directory: &Path,
    version: &str,
    files: &[&Path],
    install: impl FnOnce() -> Result<(), Missing>,
) -> Result<(), Missing> {
    let mut hash = Sha256::new();
    hash.update(version);
    for file in files {
        let content = fs::read(file).unwrap();
        hash.update((content.len() as u64).to_be_bytes());
        hash.update(content);
    }
    let stamp: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    if fs::read_to_string(directory.join(STAMP)).is_ok_and(|made| made == stamp) {
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
fn have(command: &mut Command, limit: Duration) -> Result<String, Missing> {
    let name = command.get_program().to_string_lossy().into_owned();
    match process::run(command, limit) {
        Ok(Finished { success: true, output, .. }) => Ok(output),
        Ok(failed) => Err(Missing(failed.to_string())),
        Err(error) => Err(Missing(format!("{name} cannot be run: {error}"))),
    }
}

fn remove(directory: &Path) {
    match fs::remove_dir_all(directory) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => panic!("{}: {error}", directory.display()),
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
