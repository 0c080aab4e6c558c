//! Fetching a key set: one request, over TLS unless it does not leave the machine, with limits to time and size.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use axum::body::Body;
use axum::http::header::{ACCEPT, HOST};
use axum::http::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::proof::KEY_SET_BYTES_MAX;
use super::tls::{certificates, read_file};

/// How long all of it may take.
const TIME_MAX: Duration = Duration::from_secs(5);

/// Why an address is none that keys are fetched from; a sentence.
pub fn refuse_address(uri: &Uri) -> Option<&'static str> {
    let Some(host) = uri.host().filter(|host| !host.is_empty()) else { return Some("it names no host") };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let here = bare == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    match uri.scheme_str() {
        Some("https") => None,
        Some("http") if here => None,
        Some("http") => Some("keys that come unprotected are whose the network likes; http is for loopback addresses"),
        Some(_) | None => Some("it must begin with https://"),
    }
}

/// What stands at `uri`. The server's authority is one of `ca`, or one that the operating system trusts.
pub(super) async fn get(uri: &Uri, ca: Option<&Path>) -> anyhow::Result<Vec<u8>> {
    if let Some(sentence) = refuse_address(uri) {
        bail!("{uri}: {sentence}");
    }
    let fetched = tokio::time::timeout(TIME_MAX, fetch(uri, ca)).await;
    fetched
        .with_context(|| format!("{uri} took more than {} seconds", TIME_MAX.as_secs()))?
        .with_context(|| uri.to_string())
}

async fn fetch(uri: &Uri, ca: Option<&Path>) -> anyhow::Result<Vec<u8>> {
    let host = uri.host().context("it names no host")?;
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let secure = uri.scheme_str() == Some("https");
    let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
    let stream = TcpStream::connect((bare, port)).await?;
    if !secure {
        return ask(stream, uri).await;
    }
    let name = ServerName::try_from(bare.to_owned())?;
    let connector = TlsConnector::from(Arc::new(client(ca)?));
    ask(connector.connect(name, stream).await?, uri).await
}

fn client(ca: Option<&Path>) -> anyhow::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    match ca {
        Some(path) => {
            let trusted = read_file(path).and_then(|pem| certificates(&pem));
            for certificate in trusted.with_context(|| path.display().to_string())? {
                roots.add(certificate)?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            ensure!(!roots.is_empty(), "the operating system trusts no authority; name one in jwks_ca");
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

async fn ask(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, uri: &Uri) -> anyhow::Result<Vec<u8>> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let authority = uri.authority().context("it names no host")?;
    let request = Request::get(path)
        .header(HOST, authority.as_str())
        .header(ACCEPT, "application/jwk-set+json, application/json")
        .body(Body::empty())?;
    let answered = async move {
        let response = sender.send_request(request).await?;
        ensure!(response.status() == StatusCode::OK, "it answers {}", response.status());
        let body = axum::body::to_bytes(Body::new(response.into_body()), KEY_SET_BYTES_MAX).await;
        Ok(body.with_context(|| format!("the answer ends early, or has more than {KEY_SET_BYTES_MAX} bytes"))?.to_vec())
    };
    // The connection is driven only as long as the answer is awaited: nothing is left behind when time is over.
    tokio::pin!(answered);
    tokio::select! {
        answer = &mut answered => answer,
        ended = connection => {
            ended?;
            answered.await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_over_tls_or_from_here() {
        for address in ["https://id.example/keys", "http://127.0.0.1:1/keys", "http://[::1]:1/", "http://localhost/x"] {
            assert_eq!(refuse_address(&address.parse().expect(address)), None, "{address}");
        }
        for address in
            ["http://id.example/keys", "http://127.0.0.1.example/", "http://10.0.0.1/", "ftp://127.0.0.1/", "/keys"]
        {
            assert!(refuse_address(&address.parse().expect(address)).is_some(), "{address}");
        }
    }
}
