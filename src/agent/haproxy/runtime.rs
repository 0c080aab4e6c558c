//! A running HAProxy, through its runtime socket.

use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use super::delta::{self, Step};

/// What HAProxy says when it waits for a command.
const PROMPT: &[u8] = b"\n> ";

/// The longest reply that is read, in bytes.
const REPLY_BYTES_MAX: usize = 64 * 1024;

/// Rows of one command, in bytes; HAProxy takes 16 KiB unless it is told otherwise, and one row may have half of it.
const ROWS_BYTES: usize = 6 * 1024;

/// Why a running HAProxy cannot be kept current.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// The socket.
    #[error("its socket: {0}")]
    Socket(#[from] io::Error),
    /// It takes too long.
    #[error("it does not answer in time")]
    TooLate,
    /// It says no.
    #[error("it answers {said:?} to {command:?}")]
    Refused {
        /// The beginning of the command.
        command: String,
        /// What it said.
        said: String,
    },
}

/// A connection. It is short: the next one may lead to another process, which [`Runtime::holder`] tells.
pub(super) struct Runtime {
    stream: UnixStream,
    /// How long one command may take.
    limit: Duration,
}

impl Runtime {
    pub(super) async fn connect(socket: &Path, limit: Duration) -> Result<Runtime, Trouble> {
        let connecting = tokio::time::timeout(limit, UnixStream::connect(socket));
        let mut runtime = Runtime { stream: connecting.await.map_err(|_| Trouble::TooLate)??, limit };
        runtime.quiet("prompt").await?;
        Ok(runtime)
    }

    /// Says a command, and what comes back.
    async fn say(&mut self, command: &str) -> Result<String, Trouble> {
        let talk = async {
            self.stream.write_all(command.as_bytes()).await?;
            self.stream.write_all(b"\n").await?;
            let (mut reply, mut part) = (Vec::new(), [0; 4096]);
            while !reply.ends_with(PROMPT) {
                let read = self.stream.read(&mut part).await?;
                if read == 0 || reply.len() > REPLY_BYTES_MAX {
                    return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
                }
                reply.extend_from_slice(&part[..read]);
            }
            reply.truncate(reply.len() - PROMPT.len());
            Ok(String::from_utf8_lossy(&reply).trim().to_owned())
        };
        Ok(tokio::time::timeout(self.limit, talk).await.map_err(|_| Trouble::TooLate)??)
    }

    /// Says a command that is answered with nothing if it succeeds.
    async fn quiet(&mut self, command: &str) -> Result<(), Trouble> {
        let said = self.say(command).await?;
        // While it takes rows, it says so by a plus for each.
        if said.bytes().all(|byte| matches!(byte, b'+' | b' ' | b'\n')) { Ok(()) } else { Err(refused(command, said)) }
    }

    /// The number that the process was told by whoever keeps it current; zero if it has only read its files.
    pub(super) async fn holder(&mut self, lease: &str) -> Result<u64, Trouble> {
        let command = format!("get map {lease} holder");
        let said = self.say(&command).await?;
        let value = said.split_once("value=\"").and_then(|(_, rest)| rest.split_once('"'));
        value.and_then(|(value, _)| value.parse().ok()).ok_or_else(|| refused(&command, said))
    }

    /// Sets a number of the lease.
    pub(super) async fn set(&mut self, lease: &str, key: &str, value: &str) -> Result<(), Trouble> {
        self.quiet(&format!("set map {lease} {key} {value}")).await
    }

    /// Makes steps, one by one.
    pub(super) async fn make(&mut self, decisions: &str, steps: &[Step]) -> Result<(), Trouble> {
        for step in steps {
            let command = match step {
                Step::Set { key, value } => format!("set map {decisions} {} {}", escaped(key), escaped(value)),
                Step::Add { key, value } => format!("add map {decisions} {} {}", escaped(key), escaped(value)),
                Step::Delete { key } => format!("del map {decisions} {}", escaped(key)),
            };
            self.quiet(&command).await?;
        }
        Ok(())
    }

    /// Puts rows in place of all that there are, in one step that no call sees half of.
    pub(super) async fn replace<'t>(
        &mut self,
        decisions: &str,
        texts: impl Iterator<Item = &'t str>,
    ) -> Result<(), Trouble> {
        let command = format!("prepare map {decisions}");
        let said = self.say(&command).await?;
        let version = said.strip_prefix("New version created: ").and_then(|version| version.parse::<u32>().ok());
        let Some(version) = version else { return Err(refused(&command, said)) };
        let begin = format!("add map @{version} {decisions} <<\n");
        let mut rows = String::new();
        for (key, value) in texts.flat_map(delta::rows) {
            if !rows.is_empty() && rows.len() + key.len() + value.len() + 2 > ROWS_BYTES {
                self.quiet(&format!("{begin}{rows}")).await?;
                rows.clear();
            }
            rows.extend([key, " ", value, "\n"]);
        }
        if !rows.is_empty() {
            self.quiet(&format!("{begin}{rows}")).await?;
        }
        self.quiet(&format!("commit map @{version} {decisions}")).await
    }
}

fn refused(command: &str, said: String) -> Trouble {
    Trouble::Refused { command: command.chars().take(80).collect(), said: said.chars().take(200).collect() }
}

/// A word of a command: whatever could end it stands behind a backslash.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        if !(letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.' | '|' | ':' | '/' | '@')) {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_a_command_is_one_whatever_it_says() {
        assert_eq!(escaped("g|hello/a|1.0|client-1"), "g|hello/a|1.0|client-1");
        assert_eq!(escaped("a;b\\c d#e<<\""), "a\\;b\\\\c\\ d\\#e\\<\\<\\\"");
    }
}
