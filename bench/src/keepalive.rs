//! HTTP/1.1 with as little around it as goes, on connections that stay: an API that says yes, and a client that waits for
//! each answer.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What the API answers to everything.
const YES: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nok";

/// Longest head that is read.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// What was read of a connection, up to what nobody has asked for yet.
struct Heads {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Heads {
    fn new(stream: TcpStream) -> Result<Heads> {
        stream.set_nodelay(true)?;
        Ok(Heads { stream, read: Vec::new() })
    }

    async fn more(&mut self) -> Result<bool> {
        Ok(self.stream.read_buf(&mut self.read).await? > 0)
    }

    /// The next head with its empty line; nothing when the other side is done.
    async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        loop {
            if let Some(end) = self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                let rest = self.read.split_off(end + 4);
                return Ok(Some(std::mem::replace(&mut self.read, rest)));
            }
            ensure!(self.read.len() <= HEAD_BYTES_MAX, "the head does not end");
            if !self.more().await? {
                return Ok(None);
            }
        }
    }
}

/// Serves the API until the program ends. Its requests have no bodies.
pub(crate) async fn upstream() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut heads = Heads::new(stream)?;
                while heads.next().await?.is_some() {
                    heads.stream.write_all(YES).await?;
                }
                anyhow::Ok(())
            });
        }
    });
    Ok(address)
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The status code.
    pub(crate) status: u16,
    head: String,
}

impl Answer {
    fn value(&self, name: &str) -> Option<&str> {
        let fields = self.head.lines().filter_map(|line| line.split_once(':'));
        fields.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    /// It has this header.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }
}

/// A client with one connection.
pub(crate) struct Caller(Heads);

impl Caller {
    pub(crate) async fn connect(address: SocketAddr) -> Result<Caller> {
        Ok(Caller(Heads::new(TcpStream::connect(address).await?)?))
    }

    /// Sends a request and waits for the whole answer, whose length must be told.
    pub(crate) async fn ask(&mut self, request: &str) -> Result<Answer> {
        let Caller(heads) = self;
        heads.stream.write_all(request.as_bytes()).await?;
        let head = heads.next().await?.context("the gateway closed the connection")?;
        let head = String::from_utf8(head)?;
        let status = head.split(' ').nth(1).context("a status")?.parse()?;
        let answer = Answer { status, head };
        let length: usize = answer.value("content-length").context("a length")?.parse()?;
        while heads.read.len() < length {
            ensure!(heads.more().await?, "the answer was cut off");
        }
        heads.read.drain(..length);
        Ok(answer)
    }
}
