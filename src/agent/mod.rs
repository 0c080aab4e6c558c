//! The agent: a replica of the decision table beside a gateway, asked as a hub is asked. It serves Envoy's ext_authz on a
//! socket or a port and `/authz` with AuthZEN over HTTP, from the one [`Judge`] that a hub uses too; it has no rule of its
//! own, no store, and nothing that could be lost but counts.
//!
//! What it decides is what its hub decides, or it decides nothing: whoever asks is told `UNAVAILABLE`, or 503.

pub mod haproxy;

mod admin;
mod health;
mod hub;
mod socket;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Extension;
use axum::body::Body;
use axum::http::Request;
use devhub_gateway::{Clock, Replica, Settings};
use devhub_proto::envoy::service::auth::v3::authorization_server::AuthorizationServer;
use hyper::body::Incoming;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tonic::codegen::Service as _;
use tonic::service::Routes;
use tonic::transport::Channel;
use tonic_health::pb::health_server::HealthServer;

use self::health::HealthRpc;
use self::socket::Held;
use crate::access::{Peer, Principal, Spoken};
use crate::config::agent::{AgentConfig, Place};
use crate::gateway::http::{self, Endpoint};
use crate::gateway::{EnvoyRpc, Judge};
use crate::listener::{Bounds, Listener, Manners, drained, listen, wait};
use crate::telemetry::Metrics;

/// Connections at a time that ask over gRPC: those of one gateway, whose workers have one each.
const CONNECTIONS_MAX: u32 = 1024;

/// A running agent.
pub struct Agent {
    /// Where ext_authz is served over TCP, if it is.
    pub address: Option<SocketAddr>,
    /// Where `/authz` and AuthZEN are served over TCP, if they are.
    pub gateway_address: Option<SocketAddr>,
    /// Where metrics and health are served.
    pub admin_address: SocketAddr,
    replica: Replica,
    channel: Channel,
    drain: Duration,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<anyhow::Result<()>>>,
    sockets: Vec<Held>,
}

/// What an agent listens on, before anybody is served: what is wrong with a setting stops the start, and nothing else has
/// happened by then.
struct Doors {
    admin: TcpListener,
    tcp: Option<TcpListener>,
    unix: Option<UnixListener>,
    http: Option<Listener>,
    sockets: Vec<Held>,
}

async fn bind(address: SocketAddr, setting: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address} ({setting})"))
}

impl Doors {
    async fn open(config: &AgentConfig) -> anyhow::Result<Doors> {
        let mut sockets = Vec::new();
        let mut on_socket = |path: &Path, setting: &str| {
            let (listener, held) = socket::bind(path, config.socket_mode)
                .with_context(|| format!("cannot listen on {} ({setting})", path.display()))?;
            sockets.push(held);
            anyhow::Ok(listener)
        };
        let admin = bind(config.admin_listen, "admin_listen").await?;
        let tcp = match config.listen {
            Some(address) => Some(bind(address, "listen").await?),
            None => None,
        };
        let unix = config.listen_uds.as_ref().map(|path| on_socket(path, "listen_uds")).transpose()?;
        let http = match &config.gateway_listen {
            Some(Place::Tcp(address)) => Some(Listener::Tcp(bind(*address, "gateway_listen").await?)),
            Some(Place::Unix(path)) => Some(Listener::Unix(on_socket(path, "gateway_listen")?)),
            None => None,
        };
        Ok(Doors { admin, tcp, unix, http, sockets })
    }
}

impl Agent {
    /// Listens, and follows the hub. It serves from the beginning, and judges as soon as the hub has said what it needs.
    ///
    /// # Errors
    /// When it cannot listen.
    pub async fn start(config: &AgentConfig, clock: Arc<dyn Clock>) -> anyhow::Result<Agent> {
        let Doors { admin, tcp, unix, http, sockets } = Doors::open(config).await?;
        let (stop, stopping) = watch::channel(false);
        let channel = hub::channel(config)?;
        let replica = Replica::follow(channel.clone(), settings(config), clock);
        let metrics = Metrics::default();
        let judge = Judge::of_replica(replica.clone(), metrics.clone());

        let admin_address = admin.local_addr()?;
        let routes = admin::routes(replica.clone(), metrics.clone(), stopping.clone());
        let signal = wait(stopping.clone());
        let administering = tokio::spawn(async move {
            axum::serve(admin, routes).with_graceful_shutdown(signal).await.context("the admin listener failed")
        });
        let mut tasks = vec![administering];
        if let Some(maps) = &config.haproxy {
            let directory = maps.directory.display();
            haproxy::begin(&maps.directory)
                .with_context(|| format!("cannot write map files to {directory} (haproxy_maps)"))?;
            let keeping = haproxy::keep(replica.clone(), maps.clone(), stopping.clone());
            tasks.push(tokio::spawn(async move { keeping.await.context("haproxy_maps") }));
        }

        let authorization = EnvoyRpc::new(judge.clone(), config.gateway.clone());
        let authorization = AuthorizationServer::new(authorization).max_decoding_message_size(config.max_request_bytes);
        let health = HealthServer::new(HealthRpc::new(replica.clone(), stopping.clone()));
        let services = Routes::new(authorization).add_service(health);
        // Whoever can connect to the agent is its gateway: permissions of the socket, or the loopback address, say who can.
        let services = services.into_axum_router().layer(Extension(Principal::Anyone));
        let answers = move |_: Peer, request: Request<Incoming>| {
            let mut services = services.clone();
            async move {
                let Ok(response) = services.call(request.map(Body::new)).await;
                response
            }
        };
        let manners = |spoken, bounds| Manners { bounds, spoken, door: None, metrics: metrics.clone() };
        let calls = || manners(Spoken::Calls, Bounds::of(CONNECTIONS_MAX, config.max_streams_per_connection));
        let address = tcp.as_ref().map(TcpListener::local_addr).transpose()?;
        for listener in tcp.map(Listener::Tcp).into_iter().chain(unix.map(Listener::Unix)) {
            tasks.push(tokio::spawn(listen(listener, calls(), answers.clone(), stopping.clone())));
        }
        let gateway_address = http.as_ref().and_then(Listener::address);
        if let Some(listener) = http {
            let endpoint =
                Endpoint::new(config.gateway.clone(), None, config.max_request_bytes, config.request_timeout);
            endpoint.serve(judge);
            let bounds =
                Bounds { head_bytes_max: http::HEAD_BYTES_MAX, ..Bounds::of(config.gateway.connections_max, 1) };
            let answers = Arc::new(endpoint).answers();
            tasks.push(tokio::spawn(listen(listener, manners(Spoken::Questions, bounds), answers, stopping)));
        }
        let drain = config.drain;
        Ok(Agent { address, gateway_address, admin_address, replica, channel, drain, stop, tasks, sockets })
    }

    /// The replica that it decides with.
    pub fn replica(&self) -> &Replica {
        &self.replica
    }

    /// Stops: health says so first, calls under way may finish within the drain time, and what was counted is reported
    /// once more. The copy is written and the sockets are removed at the end.
    ///
    /// # Errors
    /// When a listener had failed.
    pub async fn stop(self) -> anyhow::Result<()> {
        let Agent { replica, channel, drain, stop, tasks, sockets, .. } = self;
        stop.send_replace(true);
        let drained = drained(tasks, drain, || {}).await;
        drop(sockets);
        if tokio::time::timeout(drain, replica.report(channel)).await.is_err() {
            tracing::warn!("the drain time was over before the hub was told of the last calls; they are not counted");
        }
        match tokio::task::spawn_blocking(move || replica.save()).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(%error, "copy_file was not written; the next start asks for a snapshot"),
            Err(error) => tracing::error!(%error, "copy_file was not written; the next start asks for a snapshot"),
        }
        drained
    }
}

fn settings(config: &AgentConfig) -> Settings {
    Settings {
        serve_stale: config.serve_stale,
        clock_offset_max: config.clock_offset_max,
        copy_file: config.copy_file.clone(),
        report_every: Some(config.report_every),
        ..Settings::new(config.environment, config.gateway_id.clone())
    }
}
