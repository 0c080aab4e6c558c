//! One process per data directory.
//!
//! The lock belongs to the open file, so the kernel releases it however the process ends. The number in the file is
//! only for the sentence.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;
use std::time::Duration;

use rustix::fs::FlockOperation;
use rustix::io::Errno;

use super::{StoreError, trouble};

/// Name of the lock file in the data directory.
pub(crate) const FILE: &str = "LOCK";

/// How often a held lock is tried again, and after which pause: half a second in all.
const PATIENCE: u32 = 25;
const PAUSE: Duration = Duration::from_millis(20);

/// Held for as long as the directory is in use.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of `dir`, or says who has it.
    pub(crate) fn take(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join(FILE);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|error| trouble::io("open", &path, error))?;
        let mut patience = PATIENCE;
        loop {
            match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => break,
                // A child of the last holder may have the file open for the moment between its fork and its exec.
                Err(Errno::WOULDBLOCK) if patience > 0 => {
                    patience -= 1;
                    std::thread::sleep(PAUSE);
                }
                Err(Errno::WOULDBLOCK) => return Err(StoreError::Locked(refusal(dir, &mut file))),
                Err(error) => return Err(trouble::io("lock", &path, error)),
            }
        }
        let noted =
            file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id()));
        if let Err(error) = noted {
            tracing::debug!(%error, "could not note the process id in the lock file");
        }
        Ok(Self { _file: file })
    }
}

fn refusal(dir: &Path, file: &mut File) -> String {
    let mut text = String::new();
    let holder = match file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse::<u32>().ok()) {
        Some(pid) => format!("process {pid}"),
        None => "another process".to_owned(),
    };
    format!("the data directory {} is in use by {holder}; stop it, or use another directory", dir.display())
}
