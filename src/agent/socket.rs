//! Sockets in the file system: made with the permissions that they keep, in place of one that a dead agent left, and
//! removed at the end.

use std::fs::{self, File, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net as blocking;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use tokio::net::UnixListener;

/// A socket for as long as this lives; then it is removed, unless somebody has put another one in its place.
#[derive(Debug)]
pub(super) struct Held {
    path: PathBuf,
    made: (u64, u64),
    /// Two agents that start at once must not both find nobody there.
    _lock: File,
}

impl Drop for Held {
    fn drop(&mut self) {
        if identity(&self.path).ok() == Some(self.made) {
            // Whoever connects learns that nobody answers; so does whoever finds it at the next start.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|file| (file.dev(), file.ino()))
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Listens at `path`, with these permissions.
///
/// # Errors
/// When somebody answers there, when something else lies there, and when the file system refuses.
pub(super) fn bind(path: &Path, mode: u32) -> anyhow::Result<(UnixListener, Held)> {
    let guarded = beside(path, ".lock");
    let lock = File::create(&guarded).with_context(|| format!("cannot make {}", guarded.display()))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => bail!("another agent has this socket; stop it, or choose another path"),
        Err(TryLockError::Error(error)) => {
            return Err(error).with_context(|| format!("cannot lock {}", guarded.display()));
        }
    }
    match fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => {
            bail!("a file lies there that is no socket; remove it, or choose another path")
        }
        Ok(_) => match blocking::UnixStream::connect(path) {
            Ok(_) => bail!("somebody answers on this socket; stop that process, or choose another path"),
            // Left by a process that is dead.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
            Err(error) => return Err(error).context("it cannot be found out whether anybody answers on this socket"),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).context("the path cannot be looked at"),
    }
    // Under another name until it is as it should be; then it takes the place at once, so that nobody ever finds nothing
    // there, or something that he may not open.
    let made = beside(path, ".new");
    if let Err(error) = fs::remove_file(&made)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error).with_context(|| format!("cannot remove {}", made.display()));
    }
    let listener = blocking::UnixListener::bind(&made)?;
    fs::set_permissions(&made, Permissions::from_mode(mode))?;
    fs::rename(&made, path)?;
    listener.set_nonblocking(true)?;
    let held = Held { path: path.to_owned(), made: identity(path)?, _lock: lock };
    Ok((UnixListener::from_std(listener)?, held))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(path: &Path) -> String {
        format!("{:#}", bind(path, 0o660).expect_err("it must be refused"))
    }

    #[tokio::test]
    async fn a_socket_has_its_permissions_and_goes_at_the_end() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("agent.sock");
        for mode in [0o660, 0o600] {
            let (_listener, held) = bind(&path, mode).expect("a socket");
            let found = fs::symlink_metadata(&path).expect("it is there");
            assert!(found.file_type().is_socket());
            assert_eq!(found.permissions().mode() & 0o777, mode);
            drop(held);
            assert!(!path.exists());
        }
    }

    #[tokio::test]
    async fn one_that_a_dead_process_left_is_replaced_and_a_live_one_is_not() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("agent.sock");
        drop(blocking::UnixListener::bind(&path).expect("a socket that nobody listens on any more"));
        let (_listener, held) = bind(&path, 0o660).expect("the place of a dead one");
        blocking::UnixStream::connect(&path).expect("somebody answers");
        assert!(refused(&path).contains("another agent has this socket"));
        drop(held);

        let live = blocking::UnixListener::bind(&path).expect("a socket of somebody else");
        assert!(refused(&path).contains("somebody answers on this socket"));
        drop(live);
        bind(&path, 0o660).expect("now it is dead");
    }

    #[tokio::test]
    async fn what_is_no_socket_is_left_alone() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("agent.sock");
        fs::write(&path, "somebody's").expect("a file");
        assert!(refused(&path).contains("no socket"));
        assert_eq!(fs::read_to_string(&path).expect("it is there"), "somebody's");
        let nowhere = directory.path().join("missing").join("agent.sock");
        assert!(refused(&nowhere).contains("cannot make"), "{}", refused(&nowhere));
    }

    #[tokio::test]
    async fn a_socket_that_took_its_place_is_not_removed() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("agent.sock");
        let (_listener, held) = bind(&path, 0o660).expect("a socket");
        fs::remove_file(&path).expect("somebody removes it");
        let _other = blocking::UnixListener::bind(&path).expect("and makes another");
        drop(held);
        assert!(path.exists());
    }
}
