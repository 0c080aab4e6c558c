//! What the tours need: an interpreter and packages, kept beside the build so that only the first run, and a run after
//! a change of the pinned versions, fetches anything.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::provision::{self, Missing, PROVISION_LIMIT, VERSION_LIMIT, have, remove};
use crate::source;

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

/// A directory for a peer, which is this process's own as long as the file lives.
fn place(name: &str) -> (PathBuf, File) {
    let (directory, lock) = provision::place(name);
    lock.lock().unwrap();
    (directory, lock)
}

/// Makes `directory` by `install`, unless it was made of the same program and files before.
fn provision(
    directory: &Path,
    version: &str,
    files: &[&Path],
    install: impl FnOnce() -> Result<(), Missing>,
) -> Result<(), Missing> {
    let contents: Vec<_> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    let parts: Vec<&[u8]> = [version.as_bytes()].into_iter().chain(contents.iter().map(Vec::as_slice)).collect();
    provision::make(directory, &provision::stamp(&parts), install)
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
