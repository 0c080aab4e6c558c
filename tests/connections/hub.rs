//! The real program, in a process of its own; with TLS where that is asked for.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use devhub_proto::v1;
use devhub_proto::v1::authorization_service_client::AuthorizationServiceClient;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::Channel;

use crate::pki::{Authority, Files, Pair};

/// A hub in a process of its own.
pub(crate) struct Hub {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) admin: SocketAddr,
    /// Where gateways ask by HTTP, if they can.
    pub(crate) gateways: Option<SocketAddr>,
    _directory: tempfile::TempDir,
}

impl Drop for Hub {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Hub {
    /// Starts it, with so many files at most, if there is a limit to that.
    pub(crate) fn start(files_max: Option<u32>, settings: &[&str]) -> Hub {
        let directory = tempfile::tempdir().unwrap();
        let limit = files_max.map(|files| format!("ulimit -n {files} && ")).unwrap_or_default();
        let mut child = Command::new("sh")
            .args(["-c", &format!("{limit}exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_devhub")])
            .args(["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--log-format", "json"])
            // A machine that is busy is no reason to send anybody away here.
            .args(["--limits-decision-milliseconds-max", "10000", "--limits-handshake-seconds", "60"])
            .args(["--limits-first-request-seconds", "3600", "--limits-idle-seconds", "3600", "--data-dir"])
            .arg(directory.path().join("data"))
            .args(settings)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let place = |line: &str, name: &str| -> Option<SocketAddr> {
            line.split_once(&format!("\"{name}\":\""))?.1.split('"').next()?.parse().ok()
        };
        let (address, admin, gateways) = loop {
            let line = lines.next().expect("the hub ended before it was ready").unwrap();
            if let (Some(address), Some(admin)) = (place(&line, "listen"), place(&line, "admin")) {
                break (address, admin, place(&line, "gateways"));
            }
        };
        std::thread::spawn(move || lines.for_each(drop));
        Hub { child, address, admin, gateways, _directory: directory }
    }

    /// The memory that it has, in bytes.
    pub(crate) fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() * 1024
    }

    /// A question, which somebody asks while all that goes on.
    pub(crate) async fn decides(&self, channel: Channel) {
        let question = v1::AuthorizeRequest {
            client_id: "nobody".into(),
            context: "hello".into(),
            version: "1.0".into(),
            environment: v1::Environment::Sandbox.into(),
            ..Default::default()
        };
        let mut request = tonic::Request::new(question);
        request.set_timeout(Duration::from_secs(10));
        let answer = AuthorizationServiceClient::new(channel).authorize(request).await.unwrap().into_inner();
        assert_eq!(answer.verdict(), v1::Verdict::Deny);
    }

    pub(crate) fn channel(&self) -> Channel {
        Channel::from_shared(format!("http://{}", self.address)).unwrap().connect_lazy()
    }
}

/// An authority, and the files of a hub that it signs.
pub(crate) struct House {
    pub(crate) files: Files,
    pub(crate) ca: Authority,
}

impl House {
    pub(crate) fn new() -> House {
        let (files, ca) = (Files::new(), Authority::new("ours"));
        files.write_server(&ca.server(), &ca.pem);
        House { files, ca }
    }

    /// Where a file lies.
    pub(crate) fn path(&self, name: &str) -> String {
        self.files.path(name).display().to_string()
    }

    /// A hub with these files and further settings; whoever connects has a certificate.
    pub(crate) fn hub(&self, settings: &[&str]) -> Hub {
        let (cert, key, roots) = (self.path("cert.pem"), self.path("key.pem"), self.path("ca.pem"));
        let tls = ["--access-tls-cert", &cert, "--access-tls-key", &key, "--access-client-ca", &roots];
        Hub::start(None, &[&tls, settings].concat())
    }
}

/// Speaks TLS as `caller`, with a hub that `trusted` signs, over a protocol.
pub(crate) fn connector(trusted: &str, caller: &Pair, protocol: &str) -> TlsConnector {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(trusted.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(
            vec![CertificateDer::from_pem_slice(caller.certificate.as_bytes()).unwrap()],
            PrivateKeyDer::from_pem_slice(caller.key.as_bytes()).unwrap(),
        )
        .unwrap();
    tls.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    TlsConnector::from(Arc::new(tls))
}

/// Shakes hands.
pub(crate) async fn shake(tls: &TlsConnector, stream: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
    tls.connect(ServerName::try_from("127.0.0.1").unwrap(), stream).await
}
