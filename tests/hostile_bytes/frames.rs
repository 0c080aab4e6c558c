//! HTTP/2 as an attacker writes it: frame by frame, in whatever order, promising whatever.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::mpsc;

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const PRIORITY: u8 = 2;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PUSH_PROMISE: u8 = 5;
pub(crate) const PING: u8 = 6;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;
const ACK: u8 = 1;

/// How every connection begins.
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A frame.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A length as header blocks have it, behind one bit.
fn text(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut length = text.len();
    if length < 127 {
        bytes.push(u8::try_from(length).unwrap());
    } else {
        bytes.push(127);
        length -= 127;
        while length >= 128 {
            bytes.push(u8::try_from(length % 128 + 128).unwrap());
            length /= 128;
        }
        bytes.push(u8::try_from(length).unwrap());
    }
    bytes.extend(text.as_bytes());
    bytes
}

/// A field of a header block: a literal that nobody has to remember.
pub(crate) fn field(name: &str, value: &str) -> Vec<u8> {
    [vec![0], text(name), text(value)].concat()
}

/// The header block of a call.
pub(crate) fn call(path: &str) -> Vec<u8> {
    let fields = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "hub"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        ("grpc-timeout", "10S"),
    ];
    fields.map(|(name, value)| field(name, value)).concat()
}

/// The header block of a call that every gateway makes.
pub(crate) fn authorize() -> Vec<u8> {
    call("/devhub.v1.AuthorizationService/Authorize")
}

/// A frame that came back.
struct Seen {
    kind: u8,
    flags: u8,
    payload: Vec<u8>,
}

/// A connection that keeps to no rule.
pub(crate) struct Attacker {
    write: OwnedWriteHalf,
    seen: mpsc::UnboundedReceiver<Seen>,
}

impl Attacker {
    /// Connects, and says these bytes first.
    pub(crate) async fn saying(address: SocketAddr, first: &[u8]) -> Attacker {
        let (mut read, write) = TcpStream::connect(address).await.unwrap().into_split();
        let (sender, seen) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let mut head = [0; 9];
            // What is no frame ends it too: there is nothing to be understood of it.
            while read.read_exact(&mut head).await.is_ok() {
                let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
                let mut payload = vec![0; usize::try_from(length).unwrap()];
                if read.read_exact(&mut payload).await.is_err() {
                    break;
                }
                let _ = sender.send(Seen { kind: head[3], flags: head[4], payload });
            }
        });
        let mut attacker = Attacker { write, seen };
        attacker.send(first).await;
        attacker
    }

    /// Connects as a client does.
    pub(crate) async fn at(address: SocketAddr) -> Attacker {
        Attacker::saying(address, &[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()).await
    }

    /// Sends bytes; says whether they were taken.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> bool {
        self.write.write_all(bytes).await.is_ok()
    }

    /// Sends what `of` makes of each number, some at a time, until all are sent or no more are taken.
    pub(crate) async fn flood(&mut self, numbers: std::ops::Range<u32>, of: impl Fn(u32) -> Vec<u8>) {
        let mut bytes = Vec::new();
        for number in numbers {
            bytes.extend(of(number));
            if bytes.len() >= 1 << 16 {
                if !self.send(&bytes).await {
                    return;
                }
                bytes.clear();
            }
        }
        self.send(&bytes).await;
    }

    /// Whether the other side still answers; otherwise it has closed the connection.
    pub(crate) async fn is_answered(&mut self) -> bool {
        self.send(&frame(PING, 0, 0, b"are you?")).await;
        while let Some(seen) = self.seen.recv().await {
            if seen.kind == PING && seen.flags == ACK && seen.payload == b"are you?" {
                return true;
            }
        }
        false
    }

    /// Waits until the other side has closed the connection.
    pub(crate) async fn closed(mut self) {
        while self.seen.recv().await.is_some() {}
    }
}
