//! The API behind a gateway: it says back what reached it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// How long a gateway may take to say what it wants.
const REQUEST_LIMIT: Duration = Duration::from_secs(30);

/// An upstream that answers with the head of the request as it came. A path with `failing` is answered with 500, one with
/// `dated` with lifecycle headers of the upstream's own.
pub(crate) struct Upstream {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    served: Arc<AtomicUsize>,
}

impl Upstream {
    /// Starts it; it ends with the test process.
    pub(crate) fn start() -> Upstream {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let served = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&served);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, counter) = (stream.unwrap(), Arc::clone(&counter));
                thread::spawn(move || serve(stream, &counter));
            }
        });
        Upstream { address, served }
    }

    /// How many requests have reached it.
    pub(crate) fn served(&self) -> usize {
        self.served.load(Ordering::SeqCst)
    }
}

/// Answers one request. A gateway that goes away is none of its business.
fn serve(stream: TcpStream, counter: &AtomicUsize) -> Option<()> {
    stream.set_read_timeout(Some(REQUEST_LIMIT)).ok()?;
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().ok()?;
        }
        head.push_str(&line);
    }
    std::io::copy(&mut reader.by_ref().take(length), &mut std::io::sink()).ok()?;
    counter.fetch_add(1, Ordering::SeqCst);
    let target = head.lines().next()?;
    let status = if target.contains("failing") { "500 Internal Server Error" } else { "200 OK" };
    let dated = if target.contains("dated") {
        "Deprecation: @1\r\nSunset: Thu, 01 Jan 1970 00:00:01 GMT\r\nLink: <https://upstream.example/>; rel=\"help\"\r\n"
    } else {
        ""
    };
    let body = if target.starts_with("HEAD ") { "" } else { head.as_str() };
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nX-Upstream: reached\r\n{dated}\
         Connection: close\r\n\r\n{body}",
        head.len()
    );
    reader.get_mut().write_all(answer.as_bytes()).ok()
}
