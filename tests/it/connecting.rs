//! No listener says a word to whoever does not prove itself in the handshake.

use std::net::SocketAddr;
use std::sync::Arc;

use devhub::access::ClientCertificates;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::pki::{Authority, Pair};
use crate::principals::Guarded;

/// What comes back until the end, however it ends.
async fn heard(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> Vec<u8> {
    let mut heard = Vec::new();
    if stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.is_ok() {
        let _ = stream.read_to_end(&mut heard).await;
    }
    heard
}

/// The same over TLS of one version.
async fn told(
    address: SocketAddr,
    ca: &str,
    pair: Option<&Pair>,
    version: &'static SupportedProtocolVersion,
) -> Vec<u8> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(provider).with_protocol_versions(&[version]).unwrap();
    let config = config.with_root_certificates(roots);
    let config = match pair {
        None => config.with_no_client_auth(),
        Some(pair) => {
            let chain = vec![CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap()];
            let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
            config.with_client_auth_cert(chain, key).unwrap()
        }
    };
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    match TlsConnector::from(Arc::new(config)).connect(name, stream).await {
        Ok(stream) => heard(stream).await,
        Err(_) => Vec::new(),
    }
}

#[tokio::test]
async fn no_listener_answers_whoever_does_not_prove_itself() {
    let hub = Guarded::with(|config| {
        if let Some(tls) = &mut config.access.tls {
            tls.client_certificates = ClientCertificates::Required;
        }
    })
    .await;
    let (edge, stranger) = ("devhub://gateway/sandbox/edge", Authority::new("ours"));
    let server = hub.world.server();
    for address in [server.address, server.gateway_address.unwrap()] {
        let good = hub.ca.caller(edge);
        let answer = told(address, &hub.ca.pem, Some(&good), &TLS13).await;
        assert!(answer.starts_with(b"HTTP/1.1"), "{}", String::from_utf8_lossy(&answer));
        for (what, ca, pair, version) in [
            ("TLS 1.2", &hub.ca, Some(good.clone()), &TLS12),
            ("no certificate", &hub.ca, None, &TLS13),
            ("one of a stranger", &hub.ca, Some(stranger.caller(edge)), &TLS13),
            ("one that has expired", &hub.ca, Some(hub.ca.caller_of(edge, (2020, 2025))), &TLS13),
            ("one that is not valid yet", &hub.ca, Some(hub.ca.caller_of(edge, (2027, 2040))), &TLS13),
            ("one that names nobody", &hub.ca, Some(hub.ca.caller("https://edge.example/")), &TLS13),
            ("one of a server", &hub.ca, Some(hub.ca.server()), &TLS13),
            ("a hub that is a stranger's", &stranger, Some(good), &TLS13),
        ] {
            let answer = told(address, &ca.pem, pair.as_ref(), version).await;
            assert!(answer.is_empty(), "{what}: {}", String::from_utf8_lossy(&answer));
        }
        let answer = heard(TcpStream::connect(address).await.unwrap()).await;
        assert!(!answer.starts_with(b"HTTP"), "plain text: {}", String::from_utf8_lossy(&answer));
    }
}
