//! Servers under test, as child processes: started, asked for their CPU time and memory, stopped.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use devhub::clock::SystemClock;
use devhub::config::Config;
use devhub::server::Server;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};

/// A server under test.
pub(crate) struct Served {
    child: Child,
    /// Where it listens.
    pub(crate) address: String,
    /// How long it took until it was ready.
    pub(crate) ready_after: Duration,
}

/// Ends when the parent closes our standard input.
pub(crate) async fn parent_gone() {
    let mut rest = Vec::new();
    let _ = tokio::io::stdin().read_to_end(&mut rest).await;
}

/// Serves the hub in `directory` until the parent goes away.
pub(crate) async fn serve_hub(directory: &str) -> Result<()> {
    let config = Config::for_testing(directory);
    let server = Server::start(&config, Arc::new(SystemClock)).await?;
    println!("{}", server.address);
    parent_gone().await;
    server.stop().await
}

impl Served {
    /// Starts this program again with `arguments` and waits for its address.
    pub(crate) async fn start(arguments: &[&str]) -> Result<Served> {
        let begin = Instant::now();
        let mut child = Command::new(std::env::current_exe()?)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut lines = BufReader::new(child.stdout.take().context("a pipe was asked for")?).lines();
        let address = lines.next_line().await?.context("the server ended before it was ready")?;
        Ok(Served { child, address, ready_after: begin.elapsed() })
    }

    /// Starts a hub on a store.
    pub(crate) async fn hub(directory: &Path) -> Result<Served> {
        Served::start(&["serve-hub", &directory.display().to_string()]).await
    }

    fn process(&self, file: &str) -> Result<String> {
        let id = self.child.id().context("the server has ended")?;
        Ok(std::fs::read_to_string(format!("/proc/{id}/{file}"))?)
    }

    /// CPU time that the server has used so far, all threads together.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        let id = self.child.id().context("the server has ended")?;
        let mut total = 0;
        for task in std::fs::read_dir(format!("/proc/{id}/task"))? {
            // A thread may end while we look.
            if let Ok(text) = std::fs::read_to_string(task?.path().join("schedstat")) {
                total += text.split_whitespace().next().unwrap_or("0").parse::<u64>()?;
            }
        }
        Ok(Duration::from_nanos(total))
    }

    /// Resident memory, in bytes.
    pub(crate) fn resident(&self) -> Result<u64> {
        let status = self.process("status")?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("VmRSS")?;
        Ok(line.split_whitespace().nth(1).context("VmRSS")?.parse::<u64>()? * 1024)
    }

    /// Stops it and waits for its end.
    pub(crate) async fn stop(mut self) -> Result<()> {
        drop(self.child.stdin.take());
        self.child.wait().await?;
        Ok(())
    }
}
