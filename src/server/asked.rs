//! The listener for gateways that ask over HTTP, if the configuration names one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::access::{Door, Spoken};
use crate::config::Config;
use crate::gateway::Judge;
use crate::gateway::http::Endpoint;
use crate::listener::{Listener, Manners, listen};
use crate::telemetry::Metrics;

/// What gateways ask. It listens from the beginning, so that they learn that nothing is judged yet, and not that nobody is
/// there.
pub(super) struct Asked {
    /// Where it listens.
    pub(super) address: SocketAddr,
    endpoint: Arc<Endpoint>,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Asked {
    /// Listens until told to stop.
    pub(super) async fn start(
        config: &Config,
        door: &Arc<Door>,
        metrics: &Metrics,
        stopping: &watch::Receiver<bool>,
    ) -> anyhow::Result<Option<Asked>> {
        let Some(address) = config.gateway.listen else { return Ok(None) };
        let listener =
            TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address} (gateway_listen)"))?;
        let address = listener.local_addr()?;
        let within = Duration::from_secs(u64::from(config.request_timeout_seconds));
        let endpoint =
            Arc::new(Endpoint::new(config.gateway.clone(), Some(Arc::clone(door)), config.max_request_bytes, within));
        let manners = Manners {
            bounds: config.limits.questions(config),
            spoken: Spoken::Questions,
            door: Some(Arc::clone(door)),
            metrics: metrics.clone(),
        };
        let listening = listen(Listener::Tcp(listener), manners, endpoint.answers(), stopping.clone());
        Ok(Some(Asked { address, endpoint, task: tokio::spawn(listening) }))
    }

    /// Judges calls from now on. What is returned ends after the stop.
    pub(super) fn open(self, judge: Judge) -> JoinHandle<anyhow::Result<()>> {
        self.endpoint.serve(judge);
        self.task
    }
}
