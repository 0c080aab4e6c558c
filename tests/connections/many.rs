//! Very many connections, and a system that has no room for more.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::StreamExt as _;
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::frames::{HEALTH, Line, call};
use crate::hub::{House, Hub, connector, shake};
use crate::pki::secure;

/// What 10,000 connections may cost the hub, in bytes.
const MEMORY_MAX: u64 = 400 << 20;

/// Connections from one address; the hub takes 256.
const FROM_ONE: usize = 250;

/// Connections that are made at once.
const AT_ONCE: usize = 64;

/// Files that either process has open besides connections.
const OTHER_FILES: u64 = 200;

/// How many connections there can be: so many, unless the system lets a process have fewer files.
fn room_for(connections: usize) -> usize {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
    let room = limit.maximum.map_or(connections, |files| usize::try_from(files.saturating_sub(OTHER_FILES)).unwrap());
    if room < connections {
        eprintln!("ONLY {room} of {connections} connections: a process may not have more files here (ulimit -Hn)");
    }
    room.min(connections)
}

/// The address from which a connection comes.
fn source(number: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 1, u8::try_from(number / FROM_ONE + 1).unwrap())
}

/// Holds a connection for as long as it lasts; counts it as gone when it does not.
fn hold<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(mut line: Line<S>, gone: &Arc<AtomicUsize>) {
    let gone = Arc::clone(gone);
    tokio::spawn(async move {
        line.ends().await;
        gone.fetch_add(1, Ordering::SeqCst);
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_idle_connections_cost_little_and_decisions_are_made_meanwhile() {
    let count = room_for(10_000);
    let hub = Hub::start(None, &[]);
    let (before, gone) = (hub.memory(), Arc::new(AtomicUsize::new(0)));
    let lines = futures_util::stream::iter(0..count).map(async |number| {
        let mut line = Line::from(source(number), hub.address).await;
        assert!(line.calls(1, HEALTH).await, "connection {number}");
        line
    });
    lines.buffer_unordered(AT_ONCE).for_each(async |line| hold(line, &gone)).await;
    hub.decides(hub.channel()).await;
    let after = hub.memory();
    eprintln!("{count} connections: {} MiB, {} MiB before", after >> 20, before >> 20);
    assert!(after < MEMORY_MAX, "{after} bytes");
    // However long it took, nobody was sent away.
    assert_eq!(gone.load(Ordering::SeqCst), 0);
}

/// The connections of callers with certificates.
async fn with_certificates(count: usize) {
    let house = House::new();
    let hub = house.hub(&[]);
    let caller = house.ca.caller("devhub://gateway/sandbox/edge");
    let tls = connector(&house.ca.pem, &caller, "h2");
    let (before, gone) = (hub.memory(), Arc::new(AtomicUsize::new(0)));
    let lines = futures_util::stream::iter(0..count).map(async |number| {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from((source(number), 0))).unwrap();
        let stream = socket.connect(hub.address).await.unwrap();
        let mut line = Line::on(shake(&tls, stream).await.unwrap()).await;
        assert!(line.calls(1, HEALTH).await, "connection {number}");
        line
    });
    lines.buffer_unordered(AT_ONCE).for_each(async |line| hold(line, &gone)).await;
    hub.decides(secure(hub.address, &house.ca.pem, Some(&caller))).await;
    let after = hub.memory();
    eprintln!("{count} connections with certificates: {} MiB, {} MiB before", after >> 20, before >> 20);
    assert!(after < MEMORY_MAX, "{after} bytes");
    assert_eq!(gone.load(Ordering::SeqCst), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_connections_with_certificates_cost_little() {
    // As many as somebody wants to see, if somebody does.
    let wanted = std::env::var("DEVHUB_CONNECTIONS").ok().and_then(|text| text.parse().ok());
    with_certificates(room_for(wanted.unwrap_or(1000))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_without_files_left_goes_on_when_there_are_some_again() {
    let hub = Hub::start(Some(200), &[]);
    let mut held = Vec::new();
    // Fewer than the system lets wait besides those that are served.
    for number in 0..260 {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from((source(number), 0))).unwrap();
        // The system takes it for the hub, which has no file for it.
        held.push(socket.connect(hub.address).await.unwrap());
    }
    let mut last = Line::on(held.pop().unwrap()).await;
    last.send(&call(1, HEALTH)).await;
    drop(held);
    // One that waited all the time is served in the end, or was let go; new ones are served.
    let _ = last.until(|frame| frame.stream == 1).await;
    while !Line::to(hub.address).await.calls(1, HEALTH).await {}
    hub.decides(hub.channel()).await;
    let mut stream = TcpStream::connect(hub.admin).await.unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut figures = String::new();
    stream.read_to_string(&mut figures).await.unwrap();
    let line = "devhub_connections_not_accepted_total{cause=\"SYSTEM\"} ";
    let count = figures.lines().find_map(|text| text.strip_prefix(line)).unwrap();
    assert_ne!(count, "0", "it never was without files");
}
