//! `devhub serve`: the configuration from flags, environment and file, and the hub that runs with it.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use clap::Args;
use rustix::process::{Resource, Rlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::clock::SystemClock;
use crate::config::{Config, Layer, LogFormat, Resolved, Sources};
use crate::server::Server;

/// Settings of a hub as flags. Each can also stand in the environment (`DEVHUB_LISTEN`) and in the file (`listen`).
#[derive(Debug, Clone, Args)]
pub struct Settings {
    /// Configuration file (TOML)
    #[arg(long, env = "DEVHUB_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where portals and gateways connect [default: 127.0.0.1:50051]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Where metrics and health are served [default: 127.0.0.1:50052]
    #[arg(long, value_name = "ADDRESS")]
    admin_listen: Option<String>,
    /// Where everything is kept
    #[arg(long, value_name = "DIRECTORY")]
    data_dir: Option<String>,
    /// File of further lifecycle policies (TOML)
    #[arg(long, value_name = "FILE")]
    policies: Option<String>,
    /// File of the peppers that secrets are hashed with; make one with `devhub pepper new`
    #[arg(long, value_name = "FILE")]
    pepper_file: Option<String>,
    /// Exact origin of a portal whose pages may call the hub; may be repeated
    #[arg(long, value_name = "ORIGIN")]
    cors_origins: Vec<String>,
    /// Serve gRPC reflection [default: true]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    reflection: Option<String>,
    /// How log lines are written: pretty or json [default: pretty]
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
    /// Which log lines are written, for example info or devhub=debug [default: info]
    #[arg(long, value_name = "FILTER")]
    log_filter: Option<String>,
    /// How long a gateway may cache an answer at most [default: 30]
    #[arg(long, value_name = "SECONDS")]
    decision_ttl_seconds: Option<String>,
    /// How long a deleted application can be restored [default: 30]
    #[arg(long, value_name = "DAYS")]
    restore_window_days: Option<String>,
    /// Let only operators change subscriptions of live production applications [default: false]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    lock_production_subscriptions: Option<String>,
    /// Let collaborators delete live production applications [default: false]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    production_deletion: Option<String>,
    /// Whether what is dangerous takes two persons: auto (where callers prove who they are), on or off [default: auto]
    #[arg(long, value_name = "WHERE")]
    two_person_rule: Option<String>,
    /// File of codes with which one person may do what takes two; make one with `devhub break-glass new`
    #[arg(long, value_name = "FILE")]
    break_glass_file: Option<String>,
    /// How long a stop waits for calls under way [default: 10]
    #[arg(long, value_name = "SECONDS")]
    drain_seconds: Option<String>,
    /// Calls at a time on one connection [default: 256]
    #[arg(long, value_name = "COUNT")]
    max_streams_per_connection: Option<String>,
    /// Largest request [default: 262144]
    #[arg(long, value_name = "BYTES")]
    max_request_bytes: Option<String>,
    /// Longest time a call may take [default: 10]
    #[arg(long, value_name = "SECONDS")]
    request_timeout_seconds: Option<String>,
    /// Writes that may wait at a time [default: 1024]
    #[arg(long, value_name = "COUNT")]
    write_queue: Option<String>,
    /// Free space below which writes are refused [default: 33554432]
    #[arg(long, value_name = "BYTES")]
    low_water_bytes: Option<String>,
    /// How often counted calls are written [default: 60]
    #[arg(long, value_name = "SECONDS")]
    usage_flush_seconds: Option<String>,
    /// Subscriptions whose calls may be counted between two writes [default: 1000000]
    #[arg(long, value_name = "COUNT")]
    usage_entries_max: Option<String>,
    /// Verifications of credentials that may fail for one client before none is made for a while [default: 10]
    #[arg(long, value_name = "COUNT")]
    verification_failures_max: Option<String>,
    /// How long failed verifications are counted together [default: 60]
    #[arg(long, value_name = "SECONDS")]
    verification_failures_seconds: Option<String>,
    /// Changes that one caller makes in a minute; operators are not bound [default: 1200]
    #[arg(long, value_name = "COUNT")]
    changes_per_minute: Option<String>,
    /// Applications that one organisation may have; operators may register more [default: 1000]
    #[arg(long, value_name = "COUNT")]
    quota_applications_per_organisation: Option<String>,
    /// Applications of one person, who may then make no further one [default: 1000]
    #[arg(long, value_name = "COUNT")]
    quota_applications_per_person: Option<String>,
    /// Subscriptions that one application may have [default: 1000]
    #[arg(long, value_name = "COUNT")]
    quota_subscriptions_per_application: Option<String>,
    /// Secrets that may be made for one application in a day [default: 100]
    #[arg(long, value_name = "COUNT")]
    quota_secrets_per_day: Option<String>,
    /// Delete applications that nobody uses; every gateway must ask this hub or report to it [default: false]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    delete_unused: Option<String>,
    /// How long a sandbox application may go unused [default: 365]
    #[arg(long, value_name = "DAYS")]
    unused_sandbox_days: Option<String>,
    /// How long a production application may go unused [default: 730]
    #[arg(long, value_name = "DAYS")]
    unused_production_days: Option<String>,
    /// How many days before that administrators are told [default: 30,7,1]
    #[arg(long, value_name = "DAYS,...")]
    unused_notice_days: Option<String>,
    /// How long a sandbox application that was never used is kept [default: 30]
    #[arg(long, value_name = "DAYS")]
    never_used_sandbox_days: Option<String>,
    /// How many days before that administrators are told [default: 7,1]
    #[arg(long, value_name = "DAYS,...")]
    never_used_notice_days: Option<String>,
    /// Where gateways ask by HTTP: /authz and AuthZEN
    #[arg(long, value_name = "ADDRESS")]
    gateway_listen: Option<String>,
    /// Connections of gateways that ask by HTTP at a time [default: 1024]
    #[arg(long, value_name = "COUNT")]
    gateway_connections_max: Option<String>,
    /// Gateways that follow the decision table at a time [default: 1000]
    #[arg(long, value_name = "COUNT")]
    gateway_sync_streams_max: Option<String>,
    /// Of them, those that are sent all of it at a time [default: 4]
    #[arg(long, value_name = "COUNT")]
    gateway_sync_snapshots_max: Option<String>,
    /// How long that may take [default: 300]
    #[arg(long, value_name = "SECONDS")]
    gateway_sync_snapshot_seconds_max: Option<String>,
    /// Where gateways that hand over requests find who calls; may be repeated: claim:PAYLOAD.CLAIM, principal,
    /// principal:PREFIX, header:NAME [default: claim:jwt.client_id]
    #[arg(long, value_name = "SOURCE")]
    gateway_identity: Vec<String>,
    /// Environment of calls whose route names none: sandbox or production
    #[arg(long, value_name = "ENVIRONMENT")]
    gateway_environment: Option<String>,
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
    /// Key that heads of the audit trail are signed with; make one with `devhub audit key`
    #[arg(long, value_name = "FILE")]
    audit_key_file: Option<String>,
    /// Where signed heads of the audit trail are appended to
    #[arg(long, value_name = "FILE")]
    audit_heads_file: Option<String>,
    /// Sign a head after so many commits [default: 1000]
    #[arg(long, value_name = "COUNT")]
    audit_head_commits: Option<String>,
    /// Sign a head after so many seconds, if anything was committed [default: 60]
    #[arg(long, value_name = "SECONDS")]
    audit_head_seconds: Option<String>,
    /// Where samples of decisions are written, as JSON lines
    #[arg(long, value_name = "FILE")]
    decision_log_file: Option<String>,
    /// Sample one allowed call among so many [default: 1000]
    #[arg(long, value_name = "COUNT")]
    decision_log_every: Option<String>,
    /// Sample at most so many denials in a second [default: 100]
    #[arg(long, value_name = "COUNT")]
    decision_log_denials_per_second: Option<String>,
    /// Put the file of samples aside when it is this large [default: 67108864]
    #[arg(long, value_name = "BYTES")]
    decision_log_file_bytes_max: Option<String>,
    /// Origin under which clients of AuthZEN know this hub, for its metadata: https://HOST
    #[arg(long, value_name = "ORIGIN")]
    gateway_public_origin: Option<String>,
    /// Who issues callers' tokens, as JSON; easier written as tables [[access.issuers]] in the file
    #[arg(long, value_name = "JSON")]
    access_issuers: Option<String>,
    /// What machines with certificates may call, as JSON; easier written as table [access.machines] in the file
    #[arg(long, value_name = "JSON")]
    access_machines: Option<String>,
    /// Certificate of the hub, with its chain (PEM): callers and gateways then connect by TLS 1.3
    #[arg(long, value_name = "FILE")]
    access_tls_cert: Option<String>,
    /// Its key (PEM)
    #[arg(long, value_name = "FILE")]
    access_tls_key: Option<String>,
    /// Who signs the certificates of gateways, portals, operators, machines and auditors (PEM)
    #[arg(long, value_name = "FILE")]
    access_client_ca: Option<String>,
    /// Whether nobody connects without such a certificate: required or optional [default: required]
    #[arg(long, value_name = "WHETHER")]
    access_client_certificates: Option<String>,
    /// Accept developers and companies' administrators through portals only [default: where there can be portals]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    access_require_portal: Option<String>,
    /// Connections at a time [default: 12000]
    #[arg(long, value_name = "COUNT")]
    access_connections_max: Option<String>,
    /// Listen where others can connect although whoever connects may do everything, or be overheard [default: false]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    insecure_listen_without_authentication: Option<String>,
    /// Connections from one address at a time [default: 256]
    #[arg(long, value_name = "COUNT")]
    limits_connections_per_peer: Option<String>,
    /// How long a TLS handshake may take [default: 5]
    #[arg(long, value_name = "SECONDS")]
    limits_handshake_seconds: Option<String>,
    /// How long a connection may be there before its first call [default: 10]
    #[arg(long, value_name = "SECONDS")]
    limits_first_request_seconds: Option<String>,
    /// How long a connection may be there without a call [default: 300]
    #[arg(long, value_name = "SECONDS")]
    limits_idle_seconds: Option<String>,
    /// After how long, a fifth more or less, a connection is asked to go; 0 for never [default: 1800]
    #[arg(long, value_name = "SECONDS")]
    limits_age_seconds: Option<String>,
    /// How long a connection that was asked to go has for its calls [default: 30]
    #[arg(long, value_name = "SECONDS")]
    limits_grace_seconds: Option<String>,
    /// Largest head of a call [default: 16384]
    #[arg(long, value_name = "BYTES")]
    limits_head_bytes_max: Option<String>,
    /// Questions of gateways under way at a time, and how many more wait [default: 512+256]
    #[arg(long, value_name = "COUNT+COUNT")]
    limits_decisions: Option<String>,
    /// The same for calls of people [default: 64+64]
    #[arg(long, value_name = "COUNT+COUNT")]
    limits_portal: Option<String>,
    /// The same for calls of operators and programs [default: 16+16]
    #[arg(long, value_name = "COUNT+COUNT")]
    limits_operators: Option<String>,
    /// The same for calls that read much [default: 8+16]
    #[arg(long, value_name = "COUNT+COUNT")]
    limits_lists: Option<String>,
    /// Refuse calls, other than streams, whose caller does not say how long it waits [default: true]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    limits_deadline_required: Option<String>,
    /// Longest question of a gateway [default: 200]
    #[arg(long, value_name = "MILLISECONDS")]
    limits_decision_milliseconds_max: Option<String>,
    /// Longest call that reads much [default: 30]
    #[arg(long, value_name = "SECONDS")]
    limits_list_seconds_max: Option<String>,
    /// Largest question of a gateway [default: 65536]
    #[arg(long, value_name = "BYTES")]
    limits_decision_bytes_max: Option<String>,
}

impl Settings {
    /// The settings with their values and where those come from.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn resolve(&self) -> Result<Resolved> {
        let environment = |name: &str| std::env::var(name).ok();
        let sources = Sources { flags: self.flags(), environment: &environment, file: self.config.as_deref() };
        Ok(Resolved::of(&sources)?)
    }

    fn flags(&self) -> Layer {
        let origins = (!self.cors_origins.is_empty()).then(|| self.cors_origins.join(","));
        let sources = (!self.gateway_identity.is_empty()).then(|| self.gateway_identity.join(","));
        let flags = [
            ("listen", &self.listen),
            ("admin_listen", &self.admin_listen),
            ("data_dir", &self.data_dir),
            ("policies", &self.policies),
            ("pepper_file", &self.pepper_file),
            ("cors_origins", &origins),
            ("reflection", &self.reflection),
            ("log_format", &self.log_format),
            ("log_filter", &self.log_filter),
            ("decision_ttl_seconds", &self.decision_ttl_seconds),
            ("restore_window_days", &self.restore_window_days),
            ("lock_production_subscriptions", &self.lock_production_subscriptions),
            ("production_deletion", &self.production_deletion),
            ("two_person_rule", &self.two_person_rule),
            ("break_glass_file", &self.break_glass_file),
            ("drain_seconds", &self.drain_seconds),
            ("max_streams_per_connection", &self.max_streams_per_connection),
            ("max_request_bytes", &self.max_request_bytes),
            ("request_timeout_seconds", &self.request_timeout_seconds),
            ("write_queue", &self.write_queue),
            ("low_water_bytes", &self.low_water_bytes),
            ("usage_flush_seconds", &self.usage_flush_seconds),
            ("usage_entries_max", &self.usage_entries_max),
            ("verification_failures_max", &self.verification_failures_max),
            ("verification_failures_seconds", &self.verification_failures_seconds),
            ("changes_per_minute", &self.changes_per_minute),
            ("quota_applications_per_organisation", &self.quota_applications_per_organisation),
            ("quota_applications_per_person", &self.quota_applications_per_person),
            ("quota_subscriptions_per_application", &self.quota_subscriptions_per_application),
            ("quota_secrets_per_day", &self.quota_secrets_per_day),
            ("delete_unused", &self.delete_unused),
            ("unused_sandbox_days", &self.unused_sandbox_days),
            ("unused_production_days", &self.unused_production_days),
            ("unused_notice_days", &self.unused_notice_days),
            ("never_used_sandbox_days", &self.never_used_sandbox_days),
            ("never_used_notice_days", &self.never_used_notice_days),
            ("gateway_listen", &self.gateway_listen),
            ("gateway_connections_max", &self.gateway_connections_max),
            ("gateway_sync_streams_max", &self.gateway_sync_streams_max),
            ("gateway_sync_snapshots_max", &self.gateway_sync_snapshots_max),
            ("gateway_sync_snapshot_seconds_max", &self.gateway_sync_snapshot_seconds_max),
            ("gateway_identity", &sources),
            ("gateway_environment", &self.gateway_environment),
            ("gateway_path", &self.gateway_path),
            ("gateway_path_bytes_max", &self.gateway_path_bytes_max),
            ("gateway_vendor", &self.gateway_vendor),
            ("gateway_default_version", &self.gateway_default_version),
            ("gateway_company_header", &self.gateway_company_header),
            ("gateway_project_header", &self.gateway_project_header),
            ("gateway_body", &self.gateway_body),
            ("audit_key_file", &self.audit_key_file),
            ("audit_heads_file", &self.audit_heads_file),
            ("audit_head_commits", &self.audit_head_commits),
            ("audit_head_seconds", &self.audit_head_seconds),
            ("decision_log_file", &self.decision_log_file),
            ("decision_log_every", &self.decision_log_every),
            ("decision_log_denials_per_second", &self.decision_log_denials_per_second),
            ("decision_log_file_bytes_max", &self.decision_log_file_bytes_max),
            ("gateway_public_origin", &self.gateway_public_origin),
            ("access_issuers", &self.access_issuers),
            ("access_machines", &self.access_machines),
            ("access_tls_cert", &self.access_tls_cert),
            ("access_tls_key", &self.access_tls_key),
            ("access_client_ca", &self.access_client_ca),
            ("access_client_certificates", &self.access_client_certificates),
            ("access_require_portal", &self.access_require_portal),
            ("access_connections_max", &self.access_connections_max),
            ("insecure_listen_without_authentication", &self.insecure_listen_without_authentication),
            ("limits_connections_per_peer", &self.limits_connections_per_peer),
            ("limits_handshake_seconds", &self.limits_handshake_seconds),
            ("limits_first_request_seconds", &self.limits_first_request_seconds),
            ("limits_idle_seconds", &self.limits_idle_seconds),
            ("limits_age_seconds", &self.limits_age_seconds),
            ("limits_grace_seconds", &self.limits_grace_seconds),
            ("limits_head_bytes_max", &self.limits_head_bytes_max),
            ("limits_decisions", &self.limits_decisions),
            ("limits_portal", &self.limits_portal),
            ("limits_operators", &self.limits_operators),
            ("limits_lists", &self.limits_lists),
            ("limits_deadline_required", &self.limits_deadline_required),
            ("limits_decision_milliseconds_max", &self.limits_decision_milliseconds_max),
            ("limits_list_seconds_max", &self.limits_list_seconds_max),
            ("limits_decision_bytes_max", &self.limits_decision_bytes_max),
        ];
        flags.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))).collect()
    }
}

/// Arguments of `devhub serve`.
#[derive(Debug, Clone, Args)]
pub struct Serve {
    #[command(flatten)]
    settings: Settings,
}

impl Serve {
    /// Runs the hub until it is told to stop.
    ///
    /// # Errors
    /// When the configuration is wrong or the hub cannot run.
    pub fn run(&self) -> Result<ExitCode> {
        run(self.settings.resolve()?.config()?).map(|()| ExitCode::SUCCESS)
    }
}

/// Runs a hub with `config` until it is told to stop.
///
/// # Errors
/// When it cannot run.
pub fn run(config: Config) -> Result<()> {
    log(config.log_format, &config.log_filter)?;
    without_core_dumps()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        // Before anything is opened: a stop that arrives while the store is verified must not be lost.
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hangup = signal(SignalKind::hangup())?;
        let server = Server::start(&config, Arc::new(SystemClock)).await?;
        let gateways = server.gateway_address.map(tracing::field::display);
        tracing::info!(listen = %server.address, admin = %server.admin_address, gateways, "serving");
        loop {
            tokio::select! {
                _ = interrupt.recv() => break,
                _ = terminate.recv() => break,
                _ = hangup.recv() => server.reload_access().await,
            }
        }
        tracing::info!("stopping: calls in flight may finish");
        server.stop().await
    })
}

/// Leaves nothing of the memory on a disk when the process dies: there are keys in it, and secrets that somebody presented.
pub(super) fn without_core_dumps() -> Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })
        .context("core dumps cannot be switched off")
}

/// Writes log lines to standard error, as the configuration says.
pub(super) fn log(format: LogFormat, filter: &str) -> Result<()> {
    let filter = EnvFilter::builder().parse(filter)?;
    // Whoever reads the log may go away. That is no reason to stop serving, and nothing that could be told anywhere:
    // reporting it on standard error would panic.
    let lines =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).log_internal_errors(false);
    match format {
        LogFormat::Pretty => lines.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => lines.json().try_init(),
    }
    .map_err(|error| anyhow::anyhow!("log lines cannot be written: {error}"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::config::SETTINGS;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        settings: Settings,
    }

    #[test]
    fn every_setting_has_its_flag() {
        for setting in SETTINGS {
            let flag = format!("{}=x", setting.flag());
            let line = Line::try_parse_from(["devhub", &flag]).expect(&flag);
            assert_eq!(line.settings.flags().get(setting.name).map(String::as_str), Some("x"), "{flag}");
        }
        let line = Line::try_parse_from(["devhub", "--production-deletion"]).expect("a switch");
        assert_eq!(line.settings.flags().get("production_deletion").map(String::as_str), Some("true"));
    }
}
