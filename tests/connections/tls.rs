//! TLS of the real program: what it refuses, how certificates are replaced, and who speaks it.

use std::io::{Read as _, Write as _};
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::frames::{HEALTH, Line};
use crate::hub::{House, connector, shake};
use crate::pki::Authority;

/// The first words of a client that speaks TLS 1.2 and nothing later.
fn hello_of_tls_1_2() -> Vec<u8> {
    let suites = [0xc0, 0x2b, 0xc0, 0x2f, 0xc0, 0x2c, 0xc0, 0x30];
    // Curves, points and signatures: all that an older client says besides.
    let extensions =
        [&[0, 10, 0, 6, 0, 4, 0, 29, 0, 23][..], &[0, 11, 0, 2, 1, 0], &[0, 13, 0, 8, 0, 6, 4, 3, 8, 4, 4, 1]].concat();
    let two = |bytes: &[u8]| [&u16::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat();
    let body = [&[3, 3][..], &[7; 32], &[0], &two(&suites), &[1, 0], &two(&extensions)].concat();
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    let message = [&[1], &length[1..], &body].concat();
    [&[22, 3, 1][..], &two(&message)].concat()
}

#[test]
fn tls_1_2_is_refused_on_both_listeners() {
    let house = House::new();
    let hub = house.hub(&["--gateway-listen", "127.0.0.1:0"]);
    for address in [hub.address, hub.gateways.unwrap()] {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        stream.write_all(&hello_of_tls_1_2()).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        // An alert, fatal: protocol_version.
        assert_eq!((answer.first(), answer.get(5..7)), (Some(&21), Some(&[2, 70][..])), "{answer:?}");
    }
}

#[tokio::test]
async fn gateways_that_ask_over_http_speak_tls_and_have_certificates() {
    let house = House::new();
    let hub = house.hub(&["--gateway-listen", "127.0.0.1:0"]);
    let address = hub.gateways.unwrap();
    let ask = async |uri: &str| {
        let tls = connector(&house.ca.pem, &house.ca.caller(uri), "http/1.1");
        let mut stream = shake(&tls, TcpStream::connect(address).await.unwrap()).await.unwrap();
        let request = "GET /elsewhere HTTP/1.1\r\nhost: hub\r\nconnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer).await;
        answer.split(' ').nth(1).map(str::to_owned).unwrap_or_default()
    };
    assert_eq!(ask("devhub://operator/olga").await, "401", "she is no gateway");
    assert_eq!(ask("devhub://gateway/sandbox/edge").await, "404", "let in, and there is nothing there");
    // In plain text nothing is answered but an alert.
    let mut plain = TcpStream::connect(address).await.unwrap();
    plain.write_all(b"GET /authz/envoy/hello HTTP/1.1\r\nhost: hub\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
}

#[tokio::test]
async fn a_hangup_replaces_the_certificate_and_ends_no_connection() {
    let house = House::new();
    let hub = house.hub(&[]);
    let caller = house.ca.caller("devhub://gateway/sandbox/edge");
    let connect = async |trusted: &str| {
        let stream = TcpStream::connect(hub.address).await.unwrap();
        shake(&connector(trusted, &caller, "h2"), stream).await
    };
    let mut old = Line::on(connect(&house.ca.pem).await.unwrap()).await;
    assert!(old.calls(1, HEALTH).await);
    let next = Authority::new("the next");
    assert!(connect(&next.pem).await.is_err(), "not yet");
    // Callers are still signed by the one before.
    house.files.write_server(&next.server(), &house.ca.pem);
    // Whoever does not listen to it is ended by it.
    kill_process(Pid::from_child(&hub.child), Signal::HUP).unwrap();
    let stream = loop {
        if let Ok(stream) = connect(&next.pem).await {
            break stream;
        }
    };
    assert!(Line::on(stream).await.calls(1, HEALTH).await);
    assert!(connect(&house.ca.pem).await.is_err(), "the one before is gone");
    assert!(old.calls(3, HEALTH).await, "who was there stays");
}

#[test]
fn the_command_line_speaks_tls_with_a_hub_that_it_knows() {
    let house = House::new();
    let hub = house.hub(&[]);
    let operator = house.ca.caller("devhub://operator/olga");
    house.files.write("olga.pem", &operator.certificate);
    house.files.write("olga.key", &operator.key);
    house.files.write("others.pem", &Authority::new("others").pem);
    let server = format!("https://{}", hub.address);
    let ran = |ca: &str, with_certificate: bool| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_devhub"));
        command.env_clear().args(["list", "policies", "--server", &server, "--tls-ca", &house.path(ca)]);
        if with_certificate {
            command.args(["--tls-cert", &house.path("olga.pem"), "--tls-key", &house.path("olga.key")]);
        }
        command.output().unwrap()
    };
    let listed = ran("ca.pem", true);
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    assert!(String::from_utf8_lossy(&listed.stdout).contains("hmrc-mtd"));
    for (ca, with_certificate) in [("ca.pem", false), ("others.pem", true)] {
        let refused = ran(ca, with_certificate);
        assert_eq!(refused.status.code(), Some(1), "{refused:?}");
        assert!(String::from_utf8_lossy(&refused.stderr).starts_with("error: "), "{refused:?}");
    }
}
