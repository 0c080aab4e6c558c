//! The listener of `/authz`: HTTP/1.1 with limits to how many connect, how much they say, and how long they may be silent.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Request};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::Endpoint;
use crate::access::{Peer, Spoken};

/// Largest head of a request, in bytes: a gateway forwards what its clients send.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// Most headers of a request.
const HEADERS_MAX: usize = 128;

/// How long a connection may say nothing, or take to say what it wants. Longer than gateways keep a connection that they
/// do not use: it is they who close it, and no question is lost.
const SILENCE: Duration = Duration::from_secs(300);

/// How long to wait when the machine has no room for a connection.
const NO_ROOM: Duration = Duration::from_millis(100);

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

    async fn accept(&self) -> io::Result<Line> {
        match self {
            Listener::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                // Answers are small, and each is waited for. A socket that refuses serves them later.
                let _ = stream.set_nodelay(true);
                Ok(Line::Tcp(stream))
            }
            Listener::Unix(listener) => listener.accept().await.map(|(stream, _)| Line::Unix(stream)),
        }
    }
}

/// A connection.
enum Line {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// Serves `endpoint` to at most `connections_max` connections at a time, until told to stop. Who comes after that waits.
///
/// # Errors
/// Never before the stop.
pub async fn listen(
    listener: Listener,
    endpoint: Arc<Endpoint>,
    connections_max: u32,
    stopping: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let room = Arc::new(Semaphore::new(usize::try_from(connections_max)?));
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &room) => accepted?,
            () = told(stopping.clone()) => break,
        };
        let (endpoint, stopping) = (Arc::clone(&endpoint), stopping.clone());
        match accepted {
            Some((Line::Tcp(stream), permit)) => drop(tokio::spawn(serve(stream, endpoint, stopping, permit))),
            Some((Line::Unix(stream), permit)) => drop(tokio::spawn(async move {
                // What can connect to a socket in the file system, its permissions say; TLS would add nothing.
                converse(stream, Peer::default(), &endpoint, stopping).await;
                drop(permit);
            })),
            None => {}
        }
    }
    // All connections are done when all room is free again.
    let _all = room.acquire_many(connections_max).await.context("nobody closes the room")?;
    Ok(())
}

/// Ends when told to stop.
async fn told(mut stopping: watch::Receiver<bool>) {
    // The sender lives as long as the server; its end is a stop as well.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

/// The next connection, as soon as there is room for it; nothing if it is gone already.
async fn accept(listener: &Listener, room: &Arc<Semaphore>) -> anyhow::Result<Option<(Line, OwnedSemaphorePermit)>> {
    let permit = Arc::clone(room).acquire_owned().await.context("nobody closes the room")?;
    match listener.accept().await {
        Ok(line) => Ok(Some((line, permit))),
        Err(error) => {
            tracing::debug!(%error, "a connection of a gateway was not accepted");
            tokio::time::sleep(NO_ROOM).await;
            Ok(None)
        }
    }
}

async fn serve(
    stream: TcpStream,
    endpoint: Arc<Endpoint>,
    stopping: watch::Receiver<bool>,
    _permit: OwnedSemaphorePermit,
) {
    match endpoint.tls() {
        None => converse(stream, Peer::default(), &endpoint, stopping).await,
        Some(tls) => match tls.accept(stream, Spoken::Questions).await {
            Ok((stream, peer)) => converse(stream, peer, &endpoint, stopping).await,
            Err(error) => endpoint.handshake_failed(&error),
        },
    }
}

/// Answers what is asked on a connection, until it ends.
async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    peer: Peer,
    endpoint: &Arc<Endpoint>,
    stopping: watch::Receiver<bool>,
) {
    let service = service_fn(|request: Request<Incoming>| {
        let (endpoint, peer) = (Arc::clone(endpoint), peer.clone());
        async move {
            let mut response = endpoint.answer(&peer, request).await;
            // The next connection begins with what the gateway has to show by then.
            if peer.0.is_some_and(|shown| shown.is_over()) {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(response)
        }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(SILENCE).max_headers(HEADERS_MAX).max_buf_size(HEAD_BYTES_MAX);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = told(stopping) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection of a gateway ended early");
    }
}
