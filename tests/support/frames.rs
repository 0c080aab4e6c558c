//! HTTP/2 by hand: what a client puts on the wire, and nothing that a library would add, hide or refuse to do.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RESET: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW: u8 = 8;

/// The flag of a frame that is the last of its stream, or that answers a setting or a ping.
pub(crate) const END: u8 = 1;

/// The flag of a head that is whole.
const WHOLE: u8 = 4;

/// A frame.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

/// A connection.
pub(crate) struct Line<S = TcpStream> {
    stream: S,
    /// It does not answer pings.
    pub(crate) deaf: bool,
}

/// The bytes of a frame.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The head of a call, with further headers.
pub(crate) fn head(stream: u32, path: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let usual = [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "hub")];
    let grpc = [("content-type", "application/grpc"), ("te", "trailers")];
    let mut block = Vec::new();
    for (name, value) in usual.iter().chain(&grpc).chain(more) {
        // A literal that is not remembered; of more than 126 bytes, the length goes on in further ones.
        block.push(0);
        for text in [name, value] {
            let mut length = text.len();
            if length < 127 {
                block.push(length as u8);
            } else {
                block.push(127);
                length -= 127;
                while length >= 128 {
                    block.push((length % 128) as u8 | 128);
                    length /= 128;
                }
                block.push(length as u8);
            }
            block.extend_from_slice(text.as_bytes());
        }
    }
    assert!(block.len() <= 16_384, "one frame");
    frame(HEADERS, WHOLE, stream, &block)
}

/// A whole call with an empty message.
pub(crate) fn call(stream: u32, path: &str) -> Vec<u8> {
    [head(stream, path, &[]), frame(DATA, END, stream, &[0; 5])].concat()
}

pub(crate) const HEALTH: &str = "/grpc.health.v1.Health/Check";

impl Line {
    /// A connection to `address`.
    pub(crate) async fn to(address: SocketAddr) -> Line {
        Line::from(Ipv4Addr::LOCALHOST, address).await
    }

    /// A connection from another address of this machine.
    pub(crate) async fn from(source: Ipv4Addr, address: SocketAddr) -> Line {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from((source, 0))).unwrap();
        Line::on(socket.connect(address).await.unwrap()).await
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Line<S> {
    /// Begins to speak.
    pub(crate) async fn on(stream: S) -> Line<S> {
        let mut line = Line { stream, deaf: false };
        line.send(&[&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &frame(SETTINGS, 0, 0, &[])].concat()).await;
        line
    }

    /// Sends bytes; whether they arrive is seen by what comes back.
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
        // TLS may hold back the end of it.
        let _ = self.stream.flush().await;
    }

    /// The next frame; none at the end. What a connection lives by is answered.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        let mut start = [0; 9];
        self.stream.read_exact(&mut start).await.ok()?;
        let [a, b, c, kind, flags, stream @ ..] = start;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        self.stream.read_exact(&mut payload).await.ok()?;
        if matches!(kind, SETTINGS | PING) && flags & END == 0 && !self.deaf {
            let answer = if kind == PING { payload.clone() } else { Vec::new() };
            self.send(&frame(kind, END, 0, &answer)).await;
        }
        Some(Frame { kind, flags, stream: u32::from_be_bytes(stream), payload })
    }

    /// Calls, and waits for the end of the answer; whether there is one.
    pub(crate) async fn calls(&mut self, stream: u32, path: &str) -> bool {
        self.send(&call(stream, path)).await;
        self.until(|frame| frame.stream == stream && frame.flags & END != 0 && frame.kind == HEADERS).await.is_some()
    }

    /// Waits for a frame; none if the connection ends before it comes.
    pub(crate) async fn until(&mut self, wanted: impl Fn(&Frame) -> bool) -> Option<Frame> {
        loop {
            let frame = self.next().await?;
            if wanted(&frame) {
                return Some(frame);
            }
        }
    }

    /// Waits until the connection ends, and says whether it was asked to go before.
    pub(crate) async fn ends(&mut self) -> bool {
        let mut asked = false;
        while let Some(frame) = self.next().await {
            asked |= frame.kind == GOAWAY;
        }
        asked
    }
}
