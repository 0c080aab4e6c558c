//! Child processes with a limit to their time.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

/// How long a killed process may take to be gone.
const KILLED_LIMIT: Duration = Duration::from_secs(10);

/// What a process left.
pub(crate) struct Finished {
    /// The command line.
    pub(crate) command: String,
    /// It ended by itself, with exit status 0.
    pub(crate) success: bool,
    /// How it ended.
    pub(crate) end: String,
    /// What it wrote to standard output.
    pub(crate) output: String,
    /// What it wrote to standard error.
    pub(crate) complaints: String,
}

impl fmt::Display for Finished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Finished { command, end, output, complaints, success: _ } = self;
        write!(f, "{command}: {end}\n--- standard output\n{output}\n--- standard error\n{complaints}")
    }
}

/// Runs a process to its end, or kills it and all that it started when `limit` is over.
///
/// # Errors
/// When it cannot be started.
pub(crate) fn run(command: &mut Command, limit: Duration) -> io::Result<Finished> {
    let line: Vec<_> =
        [command.get_program()].into_iter().chain(command.get_args()).map(OsStr::to_string_lossy).collect();
    let line = line.join(" ");
    // In a group of its own, so that what it starts can be killed with it.
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).spawn()?;
    let group = Pid::from_child(&child);
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        // Nobody listens any more when even the killed process did not end.
        let _ = sender.send(child.wait_with_output());
    });
    let (waited, killed) = match receiver.recv_timeout(limit) {
        Ok(waited) => (waited, false),
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
            // It may have ended just now; its output is there then.
            let _ = kill_process_group(group, Signal::KILL);
            let waited = receiver.recv_timeout(KILLED_LIMIT);
            (waited.unwrap_or_else(|_| panic!("{line} does not end, even though it was killed")), true)
        }
    };
    let output = waited?;
    Ok(Finished {
        command: line,
        success: output.status.success() && !killed,
        end: if killed { format!("killed after {limit:?}") } else { output.status.to_string() },
        output: String::from_utf8_lossy(&output.stdout).into_owned(),
        complaints: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}
