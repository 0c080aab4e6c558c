//! Servers under test, as child processes: started, asked for their CPU time and memory, stopped.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use devhub::agent::Agent;
use devhub::clock::SystemClock;
use devhub::config::agent::AgentConfig;
use devhub::config::{Config, Sources};
use devhub::gateway::request::PathUse;
use devhub::server::Server;
use devhub_decision::Environment;
use devhub_gateway::Replica;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};
use tonic::transport::Channel;

/// What Linux counts CPU time of whole processes by.
const TICK: Duration = Duration::from_millis(10);

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

/// Where gateways ask a hub under test.
pub(crate) struct Asked {
    /// By gRPC.
    pub(crate) grpc: SocketAddr,
    /// By HTTP.
    pub(crate) http: SocketAddr,
}

impl Asked {
    /// From what [`serve_asked_hub`] says.
    pub(crate) fn parsed(line: &str) -> Option<Asked> {
        let (grpc, http) = line.split_once(' ')?;
        Some(Asked { grpc: grpc.parse().ok()?, http: http.parse().ok()? })
    }
}

/// Serves the hub in `directory` to gateways that hand over requests, until the parent goes away.
pub(crate) async fn serve_asked_hub(directory: &str) -> Result<()> {
    let mut config = Config::for_testing(directory);
    config.gateway.listen = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
    config.gateway.reading.environment = Some(Environment::Sandbox);
    config.gateway.reading.identity = vec!["header:x-client-id".parse().map_err(anyhow::Error::msg)?];
    config.gateway.reading.vendor = Some("hmrc".parse().map_err(anyhow::Error::msg)?);
    config.gateway.reading.path = PathUse::Context;
    let server = Server::start(&config, Arc::new(SystemClock)).await?;
    println!("{} {}", server.address, server.gateway_address.context("it was asked for")?);
    parent_gone().await;
    server.stop().await
}

/// Serves what the hub at `hub` says on a socket, until the parent goes away; says so when it judges.
pub(crate) async fn serve_agent(hub: &str, socket: &str) -> Result<()> {
    let flags = [
        ("hub", format!("http://{hub}")),
        ("environment", "sandbox".to_owned()),
        ("gateway_id", "bench".to_owned()),
        ("listen_uds", socket.to_owned()),
        ("admin_listen", "127.0.0.1:0".to_owned()),
        ("gateway_identity", "header:x-client-id".to_owned()),
        ("gateway_vendor", "hmrc".to_owned()),
        ("gateway_path", "context".to_owned()),
    ];
    let config = AgentConfig::load(&Sources { flags: flags.into(), environment: &|_| None, file: None })?;
    let agent = Agent::start(&config, Arc::new(devhub_gateway::SystemClock::start())).await?;
    agent.replica().wait_for(|replica| replica.health() == devhub_gateway::Health::Serving).await;
    println!("{socket}");
    parent_gone().await;
    agent.stop().await
}

/// Follows the hub at `address` until it is at `revision`; then says how much memory was resident before it began, and
/// stays until the parent goes away.
pub(crate) async fn follow(address: &str, revision: &str) -> Result<()> {
    let before = memory(std::process::id(), "VmRSS:")?;
    let channel = Channel::from_shared(format!("http://{address}"))?.connect_lazy();
    let clock = Arc::new(devhub_gateway::SystemClock::start());
    let replica = Replica::follow(channel, crate::sync::settings(), clock);
    replica.reach(revision.parse()?).await;
    println!("{before}");
    parent_gone().await;
    Ok(())
}

/// A line of the status of a process, in bytes.
fn memory(id: u32, line: &str) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
    let found = status.lines().find(|have| have.starts_with(line)).context("a line of the status")?;
    Ok(found.split_whitespace().nth(1).context("a number")?.parse::<u64>()? * 1024)
}

impl Served {
    /// Starts another program, which writes what it has to say to `log`.
    pub(crate) fn program(program: &Path, arguments: &[&str], log: &Path) -> Result<Served> {
        let begin = Instant::now();
        let log = std::fs::File::create(log)?;
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).kill_on_drop(true);
        Ok(Served { child: command.spawn()?, address: String::new(), ready_after: begin.elapsed() })
    }

    /// It is no longer there.
    pub(crate) fn has_ended(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

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

    /// The same with the threads that have ended meanwhile, in steps of [`TICK`]: of a program whose threads come and go.
    pub(crate) fn cpu_of_all(&self) -> Result<Duration> {
        let id = self.child.id().context("the server has ended")?;
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat"))?;
        // The name of the program comes before, in brackets, and may have anything in it; then the fields from the third on.
        let (_, fields) = stat.rsplit_once(')').context("a name in brackets")?;
        let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u32>);
        Ok(TICK * ticks.sum::<Result<u32, _>>()?)
    }

    /// Resident memory, in bytes.
    pub(crate) fn resident(&self) -> Result<u64> {
        memory(self.child.id().context("the server has ended")?, "VmRSS:")
    }

    /// The most that was ever resident, in bytes.
    pub(crate) fn resident_most(&self) -> Result<u64> {
        memory(self.child.id().context("the server has ended")?, "VmHWM:")
    }

    /// Ends it at once.
    pub(crate) async fn kill(mut self) -> Result<()> {
        self.child.kill().await?;
        Ok(())
    }

    /// Stops it and waits for its end.
    pub(crate) async fn stop(mut self) -> Result<()> {
        drop(self.child.stdin.take());
        self.child.wait().await?;
        Ok(())
    }
}
