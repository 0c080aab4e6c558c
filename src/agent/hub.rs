//! The way to the hub.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

use crate::config::agent::{AgentConfig, HubTls};

/// How long it may take to connect.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// How often a connection that says nothing is asked whether it is still there, and how long it may take to answer: a
/// hub that vanished without a word is noticed long before the lease ends.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(3));

/// A channel to the hub, which connects when it is needed and again whenever it has to. No other place makes one.
///
/// # Errors
/// When a file of certificates cannot be read or used.
pub(super) fn channel(config: &AgentConfig) -> anyhow::Result<Channel> {
    let (every, within) = KEEPALIVE;
    let mut endpoint = Endpoint::from(config.hub.clone())
        .connect_timeout(CONNECT_LIMIT)
        .http2_keep_alive_interval(every)
        .keep_alive_timeout(within)
        .keep_alive_while_idle(true);
    if let Some(files) = &config.hub_tls {
        endpoint =
            endpoint.tls_config(tls(files)?).context("hub_tls_ca, hub_tls_cert and hub_tls_key cannot be used")?;
    }
    Ok(endpoint.connect_lazy())
}

/// Whom the agent takes for the hub, and what it proves to it.
fn tls(files: &HubTls) -> anyhow::Result<ClientTlsConfig> {
    let read = |name: &str, file: &Path| {
        std::fs::read(file).with_context(|| format!("cannot read {} ({name})", file.display()))
    };
    let trusted = Certificate::from_pem(read("hub_tls_ca", &files.ca)?);
    let tls = ClientTlsConfig::new().ca_certificate(trusted);
    Ok(match &files.identity {
        Some((cert, key)) => tls.identity(Identity::from_pem(read("hub_tls_cert", cert)?, read("hub_tls_key", key)?)),
        None => tls,
    })
}
