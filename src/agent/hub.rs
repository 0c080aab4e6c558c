//! The way to the hub.
//!
//! The files of certificates are read for each connection, not once: whoever renews them needs no restart, and a hub that
//! ends a connection because its certificate has expired is shown the next one.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::codegen::Service;
use tonic::transport::{Channel, Endpoint, Uri};

use crate::config::agent::{AgentConfig, HubTls};

/// How long it may take to connect.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// How often a connection that says nothing is asked whether it is still there, and how long it may take to answer: a
/// hub that vanished without a word is noticed long before the lease ends.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(3));

/// The port of https.
const HTTPS_PORT: u16 = 443;

/// A channel to the hub, which connects when it is needed and again whenever it has to. No other place makes one.
///
/// # Errors
/// When a file of certificates cannot be read or used.
pub(super) fn channel(config: &AgentConfig) -> anyhow::Result<Channel> {
    let (every, within) = KEEPALIVE;
    let settle = |endpoint: Endpoint| {
        endpoint
            .connect_timeout(CONNECT_LIMIT)
            .http2_keep_alive_interval(every)
            .keep_alive_timeout(within)
            .keep_alive_while_idle(true)
    };
    let Some(files) = &config.hub_tls else { return Ok(settle(Endpoint::from(config.hub.clone())).connect_lazy()) };
    // What is wrong with them is told at the start, not at the first connection.
    client(files)?;
    let host = config.hub.host().context("hub names no host")?;
    let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let port = config.hub.port_u16().unwrap_or(HTTPS_PORT);
    let way = Way { files: files.clone(), host: bare, port };
    // The way itself speaks TLS, so that it is read anew each time; the library would do it with what it was given once.
    let address: Uri = format!("http://{host}:{port}").parse().context("hub is no address")?;
    Ok(settle(Endpoint::from(address)).origin(config.hub.clone()).connect_with_connector_lazy(way))
}

/// Connects to the hub with what the files hold then.
#[derive(Clone)]
struct Way {
    files: HubTls,
    host: String,
    port: u16,
}

impl Way {
    async fn connect(self) -> anyhow::Result<TokioIo<TlsStream<TcpStream>>> {
        let config = client(&self.files)?;
        let name = ServerName::try_from(self.host.clone()).context("hub names no host")?;
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        stream.set_nodelay(true)?;
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
        Ok(TokioIo::new(stream))
    }
}

impl Service<Uri> for Way {
    type Response = TokioIo<TlsStream<TcpStream>>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, io::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), io::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let way = self.clone();
        Box::pin(async move { way.connect().await.map_err(|error| io::Error::other(format!("{error:#}"))) })
    }
}

/// Whom the agent takes for the hub, and what it proves to it.
fn client(files: &HubTls) -> anyhow::Result<ClientConfig> {
    let named = |name: &str, file: &Path| format!("{name} {} cannot be used", file.display());
    let read = |name: &str, file: &Path| {
        std::fs::read(file).with_context(|| format!("cannot read {} ({name})", file.display()))
    };
    let certificates = |name: &str, file: &Path| {
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(name, file)?).collect();
        let found = found.with_context(|| named(name, file))?;
        ensure!(!found.is_empty(), "{}: it holds no certificate in PEM", named(name, file));
        Ok(found)
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates("hub_tls_ca", &files.ca)? {
        roots.add(certificate).with_context(|| named("hub_tls_ca", &files.ca))?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let builder = builder.with_root_certificates(roots);
    let mut config = match &files.identity {
        Some((cert, key)) => {
            let chain = certificates("hub_tls_cert", cert)?;
            let secret = PrivateKeyDer::from_pem_slice(&read("hub_tls_key", key)?);
            let secret = secret.with_context(|| named("hub_tls_key", key))?;
            builder.with_client_auth_cert(chain, secret).with_context(|| named("hub_tls_cert", cert))?
        }
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}
