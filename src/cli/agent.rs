//! `devhub agent`: the configuration from flags, environment and file, and the agent that runs with it.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use clap::Args;
use devhub_gateway::SystemClock;
use tokio::signal::unix::{SignalKind, signal};

use super::serve;
use crate::agent;
use crate::config::agent::AgentConfig;
use crate::config::{Layer, Sources};

/// Settings of an agent as flags. Each can also stand in the environment (`DEVHUB_AGENT_HUB`) and in the file (`hub`).
#[derive(Debug, Clone, Args)]
pub struct Agent {
    /// Configuration file (TOML)
    #[arg(long, env = "DEVHUB_AGENT_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// The hub to follow: an https:// or http:// address
    #[arg(long, value_name = "URL")]
    hub: Option<String>,
    /// Who signs the certificate of a hub at an https:// address (PEM)
    #[arg(long, value_name = "FILE")]
    hub_tls_ca: Option<String>,
    /// Certificate of the gateway, by which the hub knows it (PEM)
    #[arg(long, value_name = "FILE")]
    hub_tls_cert: Option<String>,
    /// Its key (PEM)
    #[arg(long, value_name = "FILE")]
    hub_tls_key: Option<String>,
    /// The environment of the gateway: sandbox or production
    #[arg(long, value_name = "ENVIRONMENT")]
    environment: Option<String>,
    /// What operators call the gateway
    #[arg(long, value_name = "ID")]
    gateway_id: Option<String>,
    /// Socket on which Envoy's ext_authz and health are served
    #[arg(long, value_name = "PATH")]
    listen_uds: Option<String>,
    /// Where the same are served over TCP
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Permissions of sockets, in octal [default: 660]
    #[arg(long, value_name = "MODE")]
    socket_mode: Option<String>,
    /// Where gateways ask by HTTP, /authz and AuthZEN: an address, or unix:PATH
    #[arg(long, value_name = "PLACE")]
    gateway_listen: Option<String>,
    /// Connections of gateways that ask by HTTP at a time [default: 1024]
    #[arg(long, value_name = "COUNT")]
    gateway_connections_max: Option<String>,
    /// Where metrics and health are served [default: 127.0.0.1:50054]
    #[arg(long, value_name = "ADDRESS")]
    admin_listen: Option<String>,
    /// Where a copy of the decision table is kept, for a fast restart
    #[arg(long, value_name = "FILE")]
    copy_file: Option<String>,
    /// Directory in which HAProxy's map files are kept current: HAProxy decides from them and asks nobody
    #[arg(long, value_name = "DIR")]
    haproxy_maps: Option<String>,
    /// Runtime socket, of level admin, of the HAProxy that is kept current with the files
    #[arg(long, value_name = "PATH")]
    haproxy_socket: Option<String>,
    /// How long calls are judged after the hub has said nothing for decision_ttl_seconds [default: 0]
    #[arg(long, value_name = "SECONDS")]
    serve_stale_seconds: Option<String>,
    /// How far this clock may be from the hub's before no call is judged [default: 5]
    #[arg(long, value_name = "SECONDS")]
    clock_offset_seconds: Option<String>,
    /// How often the hub is told of counted calls [default: 60]
    #[arg(long, value_name = "SECONDS")]
    report_seconds: Option<String>,
    /// How long a stop waits for calls under way [default: 10]
    #[arg(long, value_name = "SECONDS")]
    drain_seconds: Option<String>,
    /// Calls at a time on one connection [default: 256]
    #[arg(long, value_name = "COUNT")]
    max_streams_per_connection: Option<String>,
    /// Largest request [default: 262144]
    #[arg(long, value_name = "BYTES")]
    max_request_bytes: Option<String>,
    /// Longest time that a request over HTTP may take to come [default: 10]
    #[arg(long, value_name = "SECONDS")]
    request_timeout_seconds: Option<String>,
    /// How log lines are written: pretty or json [default: pretty]
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
    /// Which log lines are written, for example info or devhub=debug [default: info]
    #[arg(long, value_name = "FILTER")]
    log_filter: Option<String>,
    /// Where the gateway says who calls; may be repeated: claim:PAYLOAD.CLAIM, principal, principal:PREFIX, header:NAME
    /// [default: claim:jwt.client_id]
    #[arg(long, value_name = "SOURCE")]
    gateway_identity: Vec<String>,
    /// What the path of a call is read for: nothing, operation or context [default: operation]
    #[arg(long, value_name = "USE")]
    gateway_path: Option<String>,
    /// Longest path that is read [default: 2048]
    #[arg(long, value_name = "BYTES")]
    gateway_path_bytes_max: Option<String>,
    /// Vendor in media types that name a version: application/vnd.VENDOR.1.0+json
    #[arg(long, value_name = "VENDOR")]
    gateway_vendor: Option<String>,
    /// Version of calls that name none
    #[arg(long, value_name = "VERSION")]
    gateway_default_version: Option<String>,
    /// Header that names a company [default: procore-company-id]
    #[arg(long, value_name = "HEADER")]
    gateway_company_header: Option<String>,
    /// Header that names a project of the company
    #[arg(long, value_name = "HEADER")]
    gateway_project_header: Option<String>,
    /// How denials are written: neutral or hmrc [default: neutral]
    #[arg(long, value_name = "FORMAT")]
    gateway_body: Option<String>,
    /// Listen where others can connect although whoever connects may ask about every application [default: false]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    insecure_listen_without_authentication: Option<String>,
}

impl Agent {
    fn flags(&self) -> Layer {
        let sources = (!self.gateway_identity.is_empty()).then(|| self.gateway_identity.join(","));
        let flags = [
            ("hub", &self.hub),
            ("hub_tls_ca", &self.hub_tls_ca),
            ("hub_tls_cert", &self.hub_tls_cert),
            ("hub_tls_key", &self.hub_tls_key),
            ("environment", &self.environment),
            ("gateway_id", &self.gateway_id),
            ("listen_uds", &self.listen_uds),
            ("listen", &self.listen),
            ("socket_mode", &self.socket_mode),
            ("gateway_listen", &self.gateway_listen),
            ("gateway_connections_max", &self.gateway_connections_max),
            ("admin_listen", &self.admin_listen),
            ("copy_file", &self.copy_file),
            ("haproxy_maps", &self.haproxy_maps),
            ("haproxy_socket", &self.haproxy_socket),
            ("serve_stale_seconds", &self.serve_stale_seconds),
            ("clock_offset_seconds", &self.clock_offset_seconds),
            ("report_seconds", &self.report_seconds),
            ("drain_seconds", &self.drain_seconds),
            ("max_streams_per_connection", &self.max_streams_per_connection),
            ("max_request_bytes", &self.max_request_bytes),
            ("request_timeout_seconds", &self.request_timeout_seconds),
            ("log_format", &self.log_format),
            ("log_filter", &self.log_filter),
            ("gateway_identity", &sources),
            ("gateway_path", &self.gateway_path),
            ("gateway_path_bytes_max", &self.gateway_path_bytes_max),
            ("gateway_vendor", &self.gateway_vendor),
            ("gateway_default_version", &self.gateway_default_version),
            ("gateway_company_header", &self.gateway_company_header),
            ("gateway_project_header", &self.gateway_project_header),
            ("gateway_body", &self.gateway_body),
            ("insecure_listen_without_authentication", &self.insecure_listen_without_authentication),
        ];
        flags.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))).collect()
    }

    /// Runs the agent until it is told to stop.
    ///
    /// # Errors
    /// When the configuration is wrong or the agent cannot run.
    pub fn run(&self) -> Result<ExitCode> {
        let environment = |name: &str| std::env::var(name).ok();
        let sources = Sources { flags: self.flags(), environment: &environment, file: self.config.as_deref() };
        let config = AgentConfig::load(&sources)?;
        serve::log(config.log_format, &config.log_filter)?;
        serve::without_core_dumps()?;
        tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
            let mut interrupt = signal(SignalKind::interrupt())?;
            let mut terminate = signal(SignalKind::terminate())?;
            let agent = agent::Agent::start(&config, Arc::new(SystemClock::start())).await?;
            let (listen, gateways) = (agent.address, agent.gateway_address);
            let [listen, gateways] = [listen, gateways].map(|address| address.map(tracing::field::display));
            tracing::info!(admin = %agent.admin_address, listen, gateways, hub = %config.hub, "following");
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            tracing::info!("stopping: calls in flight may finish");
            agent.stop().await
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::config::agent::AGENT_SETTINGS;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        agent: Agent,
    }

    #[test]
    fn every_setting_has_its_flag() {
        for setting in AGENT_SETTINGS {
            let flag = format!("{}=x", setting.flag());
            let line = Line::try_parse_from(["devhub", &flag]).expect(&flag);
            assert_eq!(line.agent.flags().get(setting.name).map(String::as_str), Some("x"), "{flag}");
        }
    }
}
