//! The configuration file: TOML, one key per setting, nothing else. Settings whose names begin with `gateway_`, `access_`
//! or `limits_` stand in a table of that name, without it.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Layer;
use super::access::IssuerText;

/// Largest file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// The file's shape. Numbers are read wide, so that a number out of range is refused with the sentence of its setting.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    listen: Option<String>,
    admin_listen: Option<String>,
    data_dir: Option<String>,
    policies: Option<String>,
    pepper_file: Option<String>,
    cors_origins: Option<Vec<String>>,
    reflection: Option<bool>,
    log_format: Option<String>,
    log_filter: Option<String>,
    decision_ttl_seconds: Option<i64>,
    restore_window_days: Option<i64>,
    lock_production_subscriptions: Option<bool>,
    production_deletion: Option<bool>,
    two_person_rule: Option<String>,
    break_glass_file: Option<String>,
    drain_seconds: Option<i64>,
    max_streams_per_connection: Option<i64>,
    max_request_bytes: Option<i64>,
    request_timeout_seconds: Option<i64>,
    write_queue: Option<i64>,
    low_water_bytes: Option<i64>,
    usage_flush_seconds: Option<i64>,
    usage_entries_max: Option<i64>,
    verification_failures_max: Option<i64>,
    verification_failures_seconds: Option<i64>,
    changes_per_minute: Option<i64>,
    quota_applications_per_organisation: Option<i64>,
    quota_applications_per_person: Option<i64>,
    quota_subscriptions_per_application: Option<i64>,
    quota_secrets_per_day: Option<i64>,
    delete_unused: Option<bool>,
    unused_sandbox_days: Option<i64>,
    unused_production_days: Option<i64>,
    unused_notice_days: Option<Vec<i64>>,
    never_used_sandbox_days: Option<i64>,
    never_used_notice_days: Option<Vec<i64>>,
    audit_key_file: Option<String>,
    audit_heads_file: Option<String>,
    audit_head_commits: Option<i64>,
    audit_head_seconds: Option<i64>,
    decision_log_file: Option<String>,
    decision_log_every: Option<i64>,
    decision_log_denials_per_second: Option<i64>,
    decision_log_file_bytes_max: Option<i64>,
    #[serde(default)]
    gateway: GatewayTable,
    #[serde(default)]
    access: AccessTable,
    #[serde(default)]
    limits: LimitsTable,
    insecure_listen_without_authentication: Option<bool>,
}

/// The table `[access]`. Issuers are tables of their own, `[[access.issuers]]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct AccessTable {
    issuers: Option<Vec<IssuerText>>,
    machines: Option<BTreeMap<String, Vec<String>>>,
    tls_cert: Option<String>,
    tls_key: Option<String>,
    client_ca: Option<String>,
    client_certificates: Option<String>,
    require_portal: Option<bool>,
    connections_max: Option<i64>,
}

/// The table `[limits]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitsTable {
    connections_per_peer: Option<i64>,
    handshake_seconds: Option<i64>,
    first_request_seconds: Option<i64>,
    idle_seconds: Option<i64>,
    age_seconds: Option<i64>,
    grace_seconds: Option<i64>,
    head_bytes_max: Option<i64>,
    decisions: Option<String>,
    portal: Option<String>,
    operators: Option<String>,
    lists: Option<String>,
    deadline_required: Option<bool>,
    decision_milliseconds_max: Option<i64>,
    list_seconds_max: Option<i64>,
    decision_bytes_max: Option<i64>,
}

/// The table `[gateway]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct GatewayTable {
    listen: Option<String>,
    connections_max: Option<i64>,
    sync_streams_max: Option<i64>,
    sync_snapshots_max: Option<i64>,
    sync_snapshot_seconds_max: Option<i64>,
    identity: Option<Vec<String>>,
    environment: Option<String>,
    path: Option<String>,
    path_bytes_max: Option<i64>,
    vendor: Option<String>,
    default_version: Option<String>,
    company_header: Option<String>,
    project_header: Option<String>,
    body: Option<String>,
    public_origin: Option<String>,
}

/// Reads the file at `path`; the error is a sentence.
pub(super) fn read(path: &Path) -> Result<Layer, String> {
    parsed(path).map(layer)
}

/// A file of any program: its shape says what may stand there.
pub(super) fn parsed<F: for<'f> Deserialize<'f>>(path: &Path) -> Result<F, String> {
    let name = path.display();
    let size =
        std::fs::metadata(path).map_err(|error| format!("the configuration file {name} cannot be read: {error}"))?;
    if size.len() > FILE_BYTES_MAX {
        return Err(format!(
            "the configuration file {name} has {} bytes; at most {FILE_BYTES_MAX} are read",
            size.len()
        ));
    }
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("the configuration file {name} cannot be read: {error}"))?;
    toml::from_str(&text).map_err(|error| format!("the configuration file {name} is wrong: {error}"))
}

/// What the text of a file says.
#[cfg(any(test, fuzzing))]
pub(super) fn parse(text: &str) -> Result<Layer, toml::de::Error> {
    toml::from_str(text).map(layer)
}

fn layer(file: File) -> Layer {
    let list = |days: Vec<i64>| days.iter().map(i64::to_string).collect::<Vec<_>>().join(",");
    let texts = [
        ("listen", file.listen),
        ("admin_listen", file.admin_listen),
        ("data_dir", file.data_dir),
        ("policies", file.policies),
        ("pepper_file", file.pepper_file),
        ("cors_origins", file.cors_origins.map(|origins| origins.join(","))),
        ("log_format", file.log_format),
        ("log_filter", file.log_filter),
        ("unused_notice_days", file.unused_notice_days.map(list)),
        ("never_used_notice_days", file.never_used_notice_days.map(list)),
        ("gateway_identity", file.gateway.identity.map(|sources| sources.join(","))),
        ("gateway_listen", file.gateway.listen),
        ("gateway_environment", file.gateway.environment),
        ("gateway_path", file.gateway.path),
        ("gateway_vendor", file.gateway.vendor),
        ("gateway_default_version", file.gateway.default_version),
        ("gateway_company_header", file.gateway.company_header),
        ("gateway_project_header", file.gateway.project_header),
        ("gateway_body", file.gateway.body),
        ("two_person_rule", file.two_person_rule),
        ("break_glass_file", file.break_glass_file),
        ("audit_key_file", file.audit_key_file),
        ("audit_heads_file", file.audit_heads_file),
        ("decision_log_file", file.decision_log_file),
        ("gateway_public_origin", file.gateway.public_origin),
        ("access_issuers", file.access.issuers.map(json)),
        ("access_machines", file.access.machines.map(json)),
        ("access_tls_cert", file.access.tls_cert),
        ("access_tls_key", file.access.tls_key),
        ("access_client_ca", file.access.client_ca),
        ("access_client_certificates", file.access.client_certificates),
        ("limits_decisions", file.limits.decisions),
        ("limits_portal", file.limits.portal),
        ("limits_operators", file.limits.operators),
        ("limits_lists", file.limits.lists),
    ];
    let switches = [
        ("reflection", file.reflection),
        ("lock_production_subscriptions", file.lock_production_subscriptions),
        ("production_deletion", file.production_deletion),
        ("delete_unused", file.delete_unused),
        ("access_require_portal", file.access.require_portal),
        ("limits_deadline_required", file.limits.deadline_required),
        ("insecure_listen_without_authentication", file.insecure_listen_without_authentication),
    ];
    let numbers = [
        ("decision_ttl_seconds", file.decision_ttl_seconds),
        ("restore_window_days", file.restore_window_days),
        ("drain_seconds", file.drain_seconds),
        ("max_streams_per_connection", file.max_streams_per_connection),
        ("max_request_bytes", file.max_request_bytes),
        ("request_timeout_seconds", file.request_timeout_seconds),
        ("write_queue", file.write_queue),
        ("low_water_bytes", file.low_water_bytes),
        ("usage_flush_seconds", file.usage_flush_seconds),
        ("usage_entries_max", file.usage_entries_max),
        ("verification_failures_max", file.verification_failures_max),
        ("verification_failures_seconds", file.verification_failures_seconds),
        ("changes_per_minute", file.changes_per_minute),
        ("quota_applications_per_organisation", file.quota_applications_per_organisation),
        ("quota_applications_per_person", file.quota_applications_per_person),
        ("quota_subscriptions_per_application", file.quota_subscriptions_per_application),
        ("quota_secrets_per_day", file.quota_secrets_per_day),
        ("unused_sandbox_days", file.unused_sandbox_days),
        ("unused_production_days", file.unused_production_days),
        ("never_used_sandbox_days", file.never_used_sandbox_days),
        ("gateway_connections_max", file.gateway.connections_max),
        ("gateway_sync_streams_max", file.gateway.sync_streams_max),
        ("gateway_sync_snapshots_max", file.gateway.sync_snapshots_max),
        ("gateway_sync_snapshot_seconds_max", file.gateway.sync_snapshot_seconds_max),
        ("access_connections_max", file.access.connections_max),
        ("limits_connections_per_peer", file.limits.connections_per_peer),
        ("limits_handshake_seconds", file.limits.handshake_seconds),
        ("limits_first_request_seconds", file.limits.first_request_seconds),
        ("limits_idle_seconds", file.limits.idle_seconds),
        ("limits_age_seconds", file.limits.age_seconds),
        ("limits_grace_seconds", file.limits.grace_seconds),
        ("limits_head_bytes_max", file.limits.head_bytes_max),
        ("limits_decision_milliseconds_max", file.limits.decision_milliseconds_max),
        ("limits_list_seconds_max", file.limits.list_seconds_max),
        ("limits_decision_bytes_max", file.limits.decision_bytes_max),
        ("gateway_path_bytes_max", file.gateway.path_bytes_max),
        ("audit_head_commits", file.audit_head_commits),
        ("audit_head_seconds", file.audit_head_seconds),
        ("decision_log_every", file.decision_log_every),
        ("decision_log_denials_per_second", file.decision_log_denials_per_second),
        ("decision_log_file_bytes_max", file.decision_log_file_bytes_max),
    ];
    texts
        .into_iter()
        .chain(switches.map(|(name, value)| (name, value.map(|value| value.to_string()))))
        .chain(numbers.map(|(name, value)| (name, value.map(|value| value.to_string()))))
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
}

/// Tables as a flag or a variable would say them.
fn json(tables: impl Serialize) -> String {
    serde_json::to_string(&tables).expect("text, numbers and lists of them are always JSON")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SETTINGS;

    #[test]
    fn every_setting_can_stand_in_the_file() {
        for setting in SETTINGS {
            let table = ["gateway", "access", "limits"].into_iter().find_map(|table| {
                let name = setting.name.strip_prefix(table)?.strip_prefix('_')?;
                Some(format!("[{table}]\n{name}"))
            });
            let place = table.unwrap_or_else(|| setting.name.to_owned());
            let issuer = "[{issuer='a', audience='b', jwks='c', roles=[]}]";
            let values = ["'text'", "1", "true", "['text']", "[1]", "{a=['b']}", issuer];
            let lines = values.map(|value| format!("{place} = {value}"));
            let taken = lines.iter().filter_map(|line| toml::from_str(line).ok()).map(layer);
            assert!(taken.flatten().any(|(name, _)| name == setting.name), "{}", setting.name);
        }
    }
}
