//! The listener of calls: it accepts as many connections as there is room for, shakes hands with each where TLS is spoken,
//! and says of each whom its certificate names.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio_rustls::server::TlsStream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::Connected;

use super::wait;
use crate::access::{Door, Peer, Spoken};

/// How long to wait when the machine has no room for a connection.
const NO_ROOM: Duration = Duration::from_millis(100);

/// Connections that wait to be served.
const WAITING: usize = 16;

/// A connection of a caller. Its place is free again when it ends.
pub(super) struct Connection {
    stream: Stream,
    peer: Peer,
    _place: OwnedSemaphorePermit,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        // What is read of nobody is the end.
        if self.peer.0.as_ref().is_some_and(|shown| shown.is_closed(cx.waker())) {
            return Poll::Ready(Ok(()));
        }
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Stream::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Stream::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Stream::Plain(stream) => stream.is_write_vectored(),
            Stream::Tls(stream) => stream.is_write_vectored(),
        }
    }
}

/// The connections that come to `listener`, at most `connections_max` at a time, until told to stop.
pub(super) fn incoming(
    listener: TcpListener,
    door: Arc<Door>,
    connections_max: u32,
    stopping: watch::Receiver<bool>,
) -> ReceiverStream<io::Result<Connection>> {
    let (sender, receiver) = mpsc::channel(WAITING);
    tokio::spawn(async move {
        tokio::select! {
            () = accept(listener, door, connections_max, sender) => {}
            () = wait(stopping) => {}
        }
    });
    ReceiverStream::new(receiver)
}

async fn accept(
    listener: TcpListener,
    door: Arc<Door>,
    connections_max: u32,
    sender: mpsc::Sender<io::Result<Connection>>,
) {
    let room = Arc::new(Semaphore::new(connections_max as usize));
    // Nobody closes the room; whoever did would want nothing to be accepted any more.
    while let Ok(place) = Arc::clone(&room).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(welcome(stream, Arc::clone(&door), place, sender.clone()));
            }
            Err(error) => {
                tracing::debug!(%error, "a connection was not accepted");
                tokio::time::sleep(NO_ROOM).await;
            }
        }
    }
}

/// Hands a connection over to be served. One that shakes hands slowly keeps none of the others waiting.
async fn welcome(
    stream: TcpStream,
    door: Arc<Door>,
    place: OwnedSemaphorePermit,
    sender: mpsc::Sender<io::Result<Connection>>,
) {
    // Answers are small, and each is waited for. A socket that refuses serves them later.
    let _ = stream.set_nodelay(true);
    let (stream, peer) = match door.tls() {
        None => (Stream::Plain(stream), Peer::default()),
        Some(tls) => match tls.accept(stream, Spoken::Calls).await {
            Ok((stream, peer)) => (Stream::Tls(Box::new(stream)), peer),
            Err(error) => return door.handshake_failed(&error),
        },
    };
    // Nobody takes it any more once the hub is stopping.
    let _ = sender.send(Ok(Connection { stream, peer, _place: place })).await;
}
