//! The accept loop: it survives whatever happens to single connections, and a machine that has no room for more.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::Request;
use axum::response::Response;
use hyper::body::Incoming;
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::watch;

use super::conversation::converse;
use super::crowd::{Crowd, Place};
use super::proven::Proven;
use super::{Bounds, Listener, wait};
use crate::access::{Door, Peer, Spoken};
use crate::telemetry::Metrics;

/// How long to wait when the machine has no room for a connection.
const NO_ROOM: Duration = Duration::from_millis(100);

/// How a listener treats its connections.
#[derive(Clone)]
pub struct Manners {
    /// What they may cost.
    pub bounds: Bounds,
    /// What is spoken.
    pub spoken: Spoken,
    /// The door that shakes hands, where there is one.
    pub door: Option<Arc<Door>>,
    /// Where those are counted that find no place.
    pub metrics: Metrics,
}

/// A connection.
enum Line {
    Tcp(TcpStream, IpAddr),
    Unix(UnixStream),
}

impl Listener {
    async fn accept(&self) -> io::Result<Line> {
        match self {
            Listener::Tcp(listener) => {
                let (stream, from) = listener.accept().await?;
                // Answers are small, and each is waited for. A socket that refuses serves them later.
                let _ = stream.set_nodelay(true);
                Ok(Line::Tcp(stream, from.ip()))
            }
            Listener::Unix(listener) => listener.accept().await.map(|(stream, _)| Line::Unix(stream)),
        }
    }
}

/// Answers calls on the connections that come to `listener`, until told to stop; then waits until they have gone.
///
/// # Errors
/// Never before the stop.
pub async fn listen<F>(
    listener: Listener,
    manners: Manners,
    answer: impl Fn(Peer, Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    stopping: watch::Receiver<bool>,
) -> anyhow::Result<()>
where
    F: Future<Output = Response> + Send + 'static,
{
    let crowd = Crowd::new(manners.bounds.connections_max, manners.bounds.per_peer_max);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = wait(stopping.clone()) => break,
        };
        let line = match accepted {
            Ok(line) => line,
            Err(error) => {
                manners.metrics.not_accepted();
                tracing::debug!(%error, "a connection was not accepted");
                tokio::time::sleep(NO_ROOM).await;
                continue;
            }
        };
        let from = match &line {
            Line::Tcp(_, from) => Some(*from),
            Line::Unix(_) => None,
        };
        match crowd.enter(from) {
            Ok(place) => {
                drop(tokio::spawn(welcome(line, place, manners.clone(), answer.clone(), stopping.clone())));
            }
            // Closed at once: who knows that there is no place can go elsewhere.
            Err(full) => manners.metrics.turned_away(full),
        }
    }
    // Nobody who comes now is kept waiting.
    drop(listener);
    crowd.left().await;
    Ok(())
}

/// Shakes hands, where that is done, and converses. One that is slow keeps none of the others waiting.
async fn welcome<F>(
    line: Line,
    _place: Place,
    manners: Manners,
    answer: impl Fn(Peer, Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    stopping: watch::Receiver<bool>,
) where
    F: Future<Output = Response> + Send + 'static,
{
    let Manners { bounds, spoken, door, .. } = manners;
    let known = |peer: Peer| move |request| answer(peer.clone(), request);
    // Boxed, each way by itself: a connection costs what its own way takes, and not what the largest one would.
    match line {
        // What can connect to a socket in the file system, its permissions say; TLS would add nothing.
        Line::Unix(stream) => Box::pin(converse(stream, spoken, &bounds, known(Peer::default()), stopping)).await,
        Line::Tcp(stream, _) => match door.as_ref().and_then(|door| Some((door, door.tls()?))) {
            None => Box::pin(converse(stream, spoken, &bounds, known(Peer::default()), stopping)).await,
            Some((door, tls)) => match Box::pin(tls.accept(stream, spoken, bounds.handshake)).await {
                Ok((stream, peer)) => {
                    let stream = Proven { stream: Box::new(stream), peer: peer.clone() };
                    Box::pin(converse(stream, spoken, &bounds, known(peer), stopping)).await;
                }
                Err(error) => door.handshake_failed(&error),
            },
        },
    }
}
