//! Connections: who gets one, what it may cost, and when it ends. The same for every listener of a hub and of an agent.
//!
//! A listener accepts as many connections as there are places, in total and for one address ([`Crowd`]); who finds none is
//! closed at once. Each connection has a limited time for its handshake, for its first call, to be silent, and altogether
//! (`Presence`); what follows a stream is left alone. What a connection costs in memory is bounded by the windows, heads
//! and calls at a time that are told to the other side ([`Bounds`]).

mod accept;
mod conversation;
mod crowd;
mod presence;
mod proven;

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use accept::{Manners, listen};
pub use crowd::{Crowd, Full, Place};

/// How often a connection that says nothing is asked whether it is still there, and how long it may take to answer.
const KEEPALIVE: Duration = Duration::from_secs(20);

/// What may be on its way to the hub on one connection, in bytes, and of that in one call.
const WINDOWS: (u32, u32) = (1 << 20, 256 * 1024);

/// Calls that this side gave up on account of errors before the connection is.
const LOCAL_RESETS_MAX: usize = 128;

/// Most headers of a request over HTTP/1.
const HEADERS_MAX: usize = 128;

/// Where connections come from.
#[derive(Debug)]
pub enum Listener {
    /// A port.
    Tcp(TcpListener),
    /// A socket in the file system.
    Unix(UnixListener),
}

impl Listener {
    /// The address of a port.
    pub fn address(&self) -> Option<SocketAddr> {
        match self {
            Listener::Tcp(listener) => listener.local_addr().ok(),
            Listener::Unix(_) => None,
        }
    }
}

/// What connections may cost, and how long they may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Connections at a time.
    pub connections_max: u32,
    /// Of them, those from one address.
    pub per_peer_max: u32,
    /// Calls at a time on one connection.
    pub streams_max: u32,
    /// Largest head of a call, in bytes.
    pub head_bytes_max: u32,
    /// How long a handshake may take.
    pub handshake: Duration,
    /// How long a connection may be there before its first call.
    pub first_request: Duration,
    /// How long it may be there without a call.
    pub idle: Duration,
    /// How long it may be there altogether, if there is an end to that, a fifth more or less; what follows a stream is not asked to go before it ends.
    pub age: Option<Duration>,
    /// How long it has to finish its calls when it has been asked to go.
    pub grace: Duration,
}

impl Bounds {
    /// What is good for most listeners, for so many connections with so many calls each.
    pub const fn of(connections_max: u32, streams_max: u32) -> Bounds {
        Bounds {
            connections_max,
            per_peer_max: connections_max,
            streams_max,
            head_bytes_max: 16 * 1024,
            handshake: Duration::from_secs(5),
            first_request: Duration::from_secs(10),
            idle: Duration::from_secs(300),
            age: None,
            grace: Duration::from_secs(30),
        }
    }
}

/// Ends when told to stop.
pub async fn wait(mut stopping: watch::Receiver<bool>) {
    // The sender lives as long as the program; its end is a stop as well.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

/// Waits for tasks that were told to stop; those that take longer are cut off, each of which `cut` is told.
///
/// # Errors
/// When one of them had failed.
pub async fn drained(
    tasks: Vec<JoinHandle<anyhow::Result<()>>>,
    within: Duration,
    cut: impl Fn(),
) -> anyhow::Result<()> {
    for mut task in tasks {
        match tokio::time::timeout(within, &mut task).await {
            Ok(done) => done??,
            Err(_) => {
                tracing::warn!("calls were still in flight when the drain time was over; they are cut off");
                task.abort();
                cut();
            }
        }
    }
    Ok(())
}
