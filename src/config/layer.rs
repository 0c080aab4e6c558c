//! Where settings come from: flags, environment, file, defaults, in this order.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use super::{Config, ConfigError, file, value};

/// A setting as text, by name.
pub type Layer = BTreeMap<&'static str, String>;

/// A setting.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Its name in the file; flag and variable are made of it.
    pub name: &'static str,
    /// Its default; `None` if it has none.
    pub default: Option<&'static str>,
}

impl Setting {
    /// Its environment variable.
    pub fn variable(&self) -> String {
        self.variable_of("DEVHUB")
    }

    /// Its environment variable, for a program whose variables begin so.
    pub(super) fn variable_of(&self, program: &str) -> String {
        format!("{program}_{}", self.name.to_ascii_uppercase())
    }

    /// Its flag.
    pub fn flag(&self) -> String {
        format!("--{}", self.name.replace('_', "-"))
    }
}

pub(super) const fn setting(name: &'static str, default: &'static str) -> Setting {
    Setting { name, default: Some(default) }
}

pub(super) const fn without_default(name: &'static str) -> Setting {
    Setting { name, default: None }
}

/// All settings.
pub const SETTINGS: [Setting; 83] = [
    setting("listen", "127.0.0.1:50051"),
    setting("admin_listen", "127.0.0.1:50052"),
    without_default("data_dir"),
    without_default("policies"),
    without_default("pepper_file"),
    setting("cors_origins", ""),
    setting("reflection", "true"),
    setting("log_format", "pretty"),
    setting("log_filter", "info"),
    setting("decision_ttl_seconds", "30"),
    setting("restore_window_days", "30"),
    setting("lock_production_subscriptions", "false"),
    setting("production_deletion", "false"),
    setting("two_person_rule", "auto"),
    without_default("break_glass_file"),
    setting("drain_seconds", "10"),
    setting("max_streams_per_connection", "256"),
    setting("max_request_bytes", "262144"),
    setting("request_timeout_seconds", "10"),
    setting("write_queue", "1024"),
    setting("low_water_bytes", "33554432"),
    setting("usage_flush_seconds", "60"),
    setting("usage_entries_max", "1000000"),
    setting("verification_failures_max", "10"),
    setting("verification_failures_seconds", "60"),
    setting("changes_per_minute", "1200"),
    setting("quota_applications_per_organisation", "1000"),
    setting("quota_applications_per_person", "1000"),
    setting("quota_subscriptions_per_application", "1000"),
    setting("quota_secrets_per_day", "100"),
    setting("delete_unused", "false"),
    setting("unused_sandbox_days", "365"),
    setting("unused_production_days", "730"),
    setting("unused_notice_days", "30,7,1"),
    setting("never_used_sandbox_days", "30"),
    setting("never_used_notice_days", "7,1"),
    without_default("gateway_listen"),
    setting("gateway_connections_max", "1024"),
    setting("gateway_sync_streams_max", "1000"),
    setting("gateway_sync_snapshots_max", "4"),
    setting("gateway_sync_snapshot_seconds_max", "300"),
    setting("gateway_identity", "claim:jwt.client_id"),
    without_default("gateway_environment"),
    setting("gateway_path", "operation"),
    setting("gateway_path_bytes_max", "2048"),
    without_default("gateway_vendor"),
    without_default("gateway_default_version"),
    setting("gateway_company_header", "procore-company-id"),
    without_default("gateway_project_header"),
    setting("gateway_body", "neutral"),
    without_default("audit_key_file"),
    without_default("audit_heads_file"),
    setting("audit_head_commits", "1000"),
    setting("audit_head_seconds", "60"),
    without_default("decision_log_file"),
    setting("decision_log_every", "1000"),
    setting("decision_log_denials_per_second", "100"),
    setting("decision_log_file_bytes_max", "67108864"),
    without_default("gateway_public_origin"),
    setting("access_issuers", ""),
    setting("access_machines", ""),
    without_default("access_tls_cert"),
    without_default("access_tls_key"),
    without_default("access_client_ca"),
    setting("access_client_certificates", "required"),
    without_default("access_require_portal"),
    setting("access_connections_max", "12000"),
    setting("insecure_listen_without_authentication", "false"),
    setting("limits_connections_per_peer", "256"),
    setting("limits_handshake_seconds", "5"),
    setting("limits_first_request_seconds", "10"),
    setting("limits_idle_seconds", "300"),
    setting("limits_age_seconds", "1800"),
    setting("limits_grace_seconds", "30"),
    setting("limits_head_bytes_max", "16384"),
    setting("limits_decisions", "512+256"),
    setting("limits_portal", "64+64"),
    setting("limits_operators", "16+16"),
    setting("limits_lists", "8+16"),
    setting("limits_deadline_required", "true"),
    setting("limits_decision_milliseconds_max", "200"),
    setting("limits_list_seconds_max", "30"),
    setting("limits_decision_bytes_max", "65536"),
];

/// Where one value came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A command line flag.
    Flag,
    /// An environment variable.
    Environment,
    /// The configuration file.
    File,
    /// The default.
    Default,
    /// Nowhere: it is not set.
    Unset,
}

impl Origin {
    /// Its name in machine-readable output.
    pub const fn name(self) -> &'static str {
        match self {
            Origin::Flag => "flag",
            Origin::Environment => "environment",
            Origin::File => "file",
            Origin::Default => "default",
            Origin::Unset => "unset",
        }
    }
}

/// Where settings come from.
pub struct Sources<'a> {
    /// Values of flags.
    pub flags: Layer,
    /// Looks up an environment variable.
    pub environment: &'a dyn Fn(&str) -> Option<String>,
    /// The configuration file, if one is named.
    pub file: Option<&'a Path>,
}

/// One setting with its value and where that came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Its name.
    pub name: &'static str,
    /// Its value as text; `None` if it is not set.
    pub value: Option<String>,
    /// Where the value came from.
    pub origin: Origin,
    /// The same for people, for example `environment variable DEVHUB_LISTEN`.
    pub place: String,
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.value.as_deref().unwrap_or("not set");
        write!(f, "{} is {value:?} ({})", self.name, self.place)
    }
}

/// All settings with their values as text, not yet judged.
#[derive(Debug, Clone)]
pub struct Resolved(Vec<Shown>);

impl Resolved {
    /// The settings that `sources` say.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn of(sources: &Sources<'_>) -> Result<Resolved, ConfigError> {
        Ok(Resolved(resolve(sources, &SETTINGS, "DEVHUB", file::read)?))
    }

    /// The settings.
    pub fn shown(&self) -> &[Shown] {
        &self.0
    }

    /// The same, judged.
    ///
    /// # Errors
    /// When a value is wrong; all wrong values are told.
    pub fn config(&self) -> Result<Config, ConfigError> {
        value::Values::new(&self.0).config()
    }
}

/// The values of `settings`, for a program whose environment variables begin with `program` and whose file `read` reads.
pub(super) fn resolve(
    sources: &Sources<'_>,
    settings: &[Setting],
    program: &str,
    read: impl FnOnce(&Path) -> Result<Layer, String>,
) -> Result<Vec<Shown>, ConfigError> {
    let file = sources.file.map(read).transpose().map_err(|sentence| ConfigError(vec![sentence]))?;
    let place = sources.file.map(|path| format!("file {}", path.display())).unwrap_or_default();
    let shown = settings.iter().map(|setting| {
        let variable = setting.variable_of(program);
        let found = [
            (sources.flags.get(setting.name).cloned(), Origin::Flag, format!("flag {}", setting.flag())),
            ((sources.environment)(&variable), Origin::Environment, format!("environment variable {variable}")),
            (file.as_ref().and_then(|file| file.get(setting.name).cloned()), Origin::File, place.clone()),
            (setting.default.map(str::to_owned), Origin::Default, "default".to_owned()),
        ];
        let found = found.into_iter().find(|(value, ..)| value.is_some());
        let (value, origin, place) = found.unwrap_or((None, Origin::Unset, "not set".to_owned()));
        Shown { name: setting.name, value, origin, place }
    });
    Ok(shown.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(flags: Layer, variables: &[(&str, &str)], file: &str) -> Result<Resolved, String> {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("devhub.toml");
        std::fs::write(&path, file).expect("a file");
        let environment = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
        Resolved::of(&Sources { flags, environment: &environment, file: Some(&path) })
            .map_err(|error| error.to_string())
    }

    fn origin(resolved: &Resolved, name: &str) -> (Option<String>, Origin) {
        let shown = resolved.shown().iter().find(|shown| shown.name == name).expect(name);
        (shown.value.clone(), shown.origin)
    }

    #[test]
    fn the_nearest_source_wins() {
        let file = "data_dir = '/f'\ndrain_seconds = 1\nwrite_queue = 1\nreflection = false\n";
        let variables = [("DEVHUB_DRAIN_SECONDS", "2"), ("DEVHUB_WRITE_QUEUE", "2")];
        let resolved = resolve(Layer::from([("write_queue", "3".to_owned())]), &variables, file).expect("settings");
        assert_eq!(origin(&resolved, "write_queue"), (Some("3".to_owned()), Origin::Flag));
        assert_eq!(origin(&resolved, "drain_seconds"), (Some("2".to_owned()), Origin::Environment));
        assert_eq!(origin(&resolved, "reflection"), (Some("false".to_owned()), Origin::File));
        assert_eq!(origin(&resolved, "listen").1, Origin::Default);
        assert_eq!(origin(&resolved, "policies"), (None, Origin::Unset));
        let config = resolved.config().expect("a configuration");
        assert_eq!((config.write_queue, config.drain_seconds, config.reflection), (3, 2, false));
    }

    #[test]
    fn a_wrong_value_names_its_origin() {
        let resolved = resolve(Layer::new(), &[("DEVHUB_WRITE_QUEUE", "many")], "data_dir = '/f'").expect("settings");
        let sentence = resolved.config().expect_err("wrong").to_string();
        assert!(sentence.contains("environment variable DEVHUB_WRITE_QUEUE"), "{sentence}");
    }

    #[test]
    fn unknown_settings_and_wrong_types_stop_the_start() {
        let sentence = resolve(Layer::new(), &[], "lisen = '127.0.0.1:1'").expect_err("unknown");
        assert!(sentence.contains("lisen") && sentence.contains("devhub.toml"), "{sentence}");
        let sentence = resolve(Layer::new(), &[], "drain_seconds = 'ten'").expect_err("type");
        assert!(sentence.contains("drain_seconds"), "{sentence}");
        let sentence = resolve(Layer::new(), &[], "drain_seconds = -1").expect("read").config().expect_err("range");
        assert!(sentence.to_string().contains("drain_seconds is \"-1\""), "{sentence}");
    }

    #[test]
    fn a_missing_data_directory_is_told() {
        let sentence = resolve(Layer::new(), &[], "").expect("read").config().expect_err("no directory").to_string();
        assert!(sentence.starts_with("data_dir is not set") && sentence.contains("--data-dir"), "{sentence}");
    }
}
