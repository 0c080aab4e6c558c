//! Configuration of a hub: one validated struct. A setting comes from a flag, else from the environment, else from the
//! configuration file, else from its default; every wrong value stops the start with a sentence that names it.

mod access;
pub mod agent;
mod audit;
mod bounds;
mod file;
mod gateway;
mod layer;
mod limits;
mod value;

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::access::Access;
use crate::domain::disuse::Limits;
use crate::domain::quota::Quotas;
use crate::domain::setting::TwoPersons;
use crate::gateway::Sampling;
use crate::gateway::answer::BodyFormat;
use crate::gateway::request::Reading;

pub use layer::{Layer, Origin, Resolved, SETTINGS, Setting, Shown, Sources};

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Pretty,
    /// One JSON object per line.
    Json,
}

/// Where what is dangerous takes two persons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TwoPersonRule {
    /// Where callers prove who they are.
    WhereProven,
    /// Everywhere: where nobody is proven, the names that callers state tell them apart.
    On,
    /// Nowhere.
    Off,
}

/// Configuration of a hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where portals and gateways connect. Default 127.0.0.1:50051.
    pub listen: SocketAddr,
    /// Where metrics and health are served. Default 127.0.0.1:50052.
    pub admin_listen: SocketAddr,
    /// Where everything is kept. No default.
    pub data_dir: PathBuf,
    /// A file of further lifecycle policies.
    pub policies: Option<PathBuf>,
    /// The peppers that secrets are hashed with. Without them no secret is made or verified.
    pub pepper_file: Option<PathBuf>,
    /// Origins of portals whose pages may call the hub; exact, never `*`. Default none.
    pub cors_origins: Vec<String>,
    /// Serve gRPC reflection. Default true.
    pub reflection: bool,
    /// How log lines are written. Default pretty.
    pub log_format: LogFormat,
    /// Which log lines are written. Default `info`.
    pub log_filter: String,
    /// How long an answer to a gateway may be cached at most, in seconds. Default 30, 1 to 300.
    pub decision_ttl_seconds: u32,
    /// How long a deleted application can be restored, in days (rule B57). Default 30, 1 to 365.
    pub restore_window_days: u32,
    /// Only operators change subscriptions of live production applications (rule B11). Default false.
    pub lock_production_subscriptions: bool,
    /// Collaborators may delete live production applications (rule B56). Default false.
    pub production_deletion: bool,
    /// Whether what is dangerous takes two persons. Default where callers prove who they are: elsewhere one person is as many
    /// as they say.
    pub two_person_rule: TwoPersonRule,
    /// The codes with which one person may do what takes two. By default there are none, so nobody may.
    pub break_glass_file: Option<PathBuf>,
    /// How long a stop waits for calls under way, in seconds. Default 10, 0 to 300.
    pub drain_seconds: u32,
    /// Calls at a time on one connection. Default 256.
    pub max_streams_per_connection: u32,
    /// Largest request, in bytes. Default 262144.
    pub max_request_bytes: usize,
    /// Longest time that a unary call may take, in seconds. Default 10.
    pub request_timeout_seconds: u32,
    /// Writes that may wait at a time. Default 1024.
    pub write_queue: usize,
    /// Free space below which writes are refused, in bytes. Default 33554432.
    pub low_water_bytes: u64,
    /// How often counted calls are written, in seconds; a crash loses at most that much. Default 60, 1 to 3600.
    pub usage_flush_seconds: u32,
    /// Subscriptions whose calls may be counted between two writes; calls of more are not. Default 1000000.
    pub usage_entries_max: usize,
    /// How long applications may go unused before they are deleted (rule B58); `None`, the default, for ever. Of
    /// `delete_unused` (false), `unused_sandbox_days` (365), `unused_production_days` (730), `unused_notice_days` (30,7,1),
    /// `never_used_sandbox_days` (30) and `never_used_notice_days` (7,1).
    pub disuse: Option<Limits>,
    /// How gateways ask that hand over requests. Of `[gateway]` in the file; flags and variables begin with `gateway`.
    pub gateway: Gateway,
    /// What gateways may ask for that follow the decision table. Of `gateway_sync_...`.
    pub sync: SyncLimits,
    /// How callers prove who they are. Of `[access]` in the file; flags and variables begin with `access`. By default they
    /// do not, and addresses are loopback ones, unless `insecure_listen_without_authentication` says otherwise.
    pub access: Access,
    /// How many connections and calls there may be, and how long they may take. Of `[limits]` in the file; flags and variables
    /// begin with `limits`.
    pub limits: TrafficLimits,
    /// What is signed of the audit trail, and what is sampled of decisions. Default nothing.
    pub audit: Audit,
    /// How much of something callers may have, and how fast.
    pub bounds: Bounds,
}

/// How much of something callers may have, and how fast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// How many verifications of credentials may fail for a client in the time below. Default 10, 1 to 100000.
    pub verification_failures_max: u32,
    /// How long failures are counted together, in seconds. Default 60, 1 to 3600.
    pub verification_failures_seconds: u32,
    /// How many changes one caller makes in a minute, staff aside. Default 1200, 1 to 1000000.
    pub changes_per_minute: u32,
    /// Of `quota_...`: 1000 applications of an organisation, of a person, subscriptions of an application; 100 secrets of an
    /// application in a day.
    pub quotas: Quotas,
}

/// What is signed of the audit trail, and what is sampled of decisions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// How heads of the audit trail are signed. Of `audit_key_file`, `audit_heads_file`, `audit_head_commits` (1000) and
    /// `audit_head_seconds` (60).
    pub signing: Option<Signing>,
    /// How decisions are sampled. Of `decision_log_file`, `decision_log_every` (1000), `decision_log_denials_per_second`
    /// (100) and `decision_log_file_bytes_max` (67108864).
    pub sampling: Option<Sampling>,
}

/// How heads of the audit trail are signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signing {
    /// The key, apart from the data.
    pub key_file: PathBuf,
    /// Where heads are appended to, apart from the data.
    pub heads_file: PathBuf,
    /// One is signed after so many commits. Default 1000.
    pub commits: u64,
    /// And after so many seconds, if there was any commit. Default 60.
    pub seconds: u32,
}

/// How gateways ask that hand over requests instead of questions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gateway {
    /// How requests are read. By default identities come from the claim `client_id` of verified tokens, paths name
    /// operations and nothing else, and every route of a gateway names context, version and environment.
    pub reading: Reading,
    /// How the bodies of denials are written. Default neutral.
    pub body: BodyFormat,
    /// Where gateways ask by HTTP. Default nowhere.
    pub listen: Option<SocketAddr>,
    /// Connections of theirs at a time; more have to wait. Default 1024, 1 to 65536.
    pub connections_max: u32,
    /// The origin under which clients of AuthZEN know this hub, for its metadata. Default none: then there are none.
    pub public_origin: Option<Box<str>>,
}

/// What gateways may ask for that follow the decision table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SyncLimits {
    /// Gateways at a time; more are refused. Default 1000, 1 to 100000.
    pub streams_max: u32,
    /// Snapshots at a time; more wait. Default 4, 1 to 64.
    pub snapshots_max: u32,
    /// How long a snapshot may take, in seconds; a gateway that takes longer is cut off. Default 300, 1 to 3600.
    pub snapshot_seconds_max: u32,
}

/// How many calls of a class there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crowding {
    /// Under way at a time.
    pub running: u32,
    /// That wait for one of these to end; more are refused.
    pub waiting: u32,
}

/// How many connections and calls there may be, and how long they may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrafficLimits {
    /// Connections from one address at a time. Default 256.
    pub connections_per_peer: u32,
    /// How long a TLS handshake may take, in seconds. Default 5.
    pub handshake_seconds: u32,
    /// How long a connection may be there before its first call, in seconds. Default 10.
    pub first_request_seconds: u32,
    /// How long a connection may be there without a call, in seconds. Default 300.
    pub idle_seconds: u32,
    /// After how long, a fifth more or less, a connection is asked to go, in seconds. Default 1800. 0 is never.
    pub age_seconds: u32,
    /// How long a connection that was asked to go has for its calls, in seconds. Default 30.
    pub grace_seconds: u32,
    /// Largest head of a call, in bytes. Default 16384.
    pub head_bytes_max: u32,
    /// Questions of gateways under way at a time, and how many more wait. Default 512+256.
    pub decisions: Crowding,
    /// The same for calls of people. Default 64+64.
    pub portal: Crowding,
    /// The same for calls of operators and programs. Default 16+16.
    pub operators: Crowding,
    /// The same for calls that read much. Default 8+16.
    pub lists: Crowding,
    /// Calls, other than streams, say how long their callers wait. Default true.
    pub deadline_required: bool,
    /// Longest question of a gateway, in milliseconds. Default 200.
    pub decision_milliseconds_max: u32,
    /// Longest call that reads much, in seconds. Default 30.
    pub list_seconds_max: u32,
    /// Largest question of a gateway, in bytes. Default 65536.
    pub decision_bytes_max: usize,
}

/// What is wrong with a configuration: one sentence per setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct ConfigError(pub Vec<String>);

impl Config {
    /// The configuration that `sources` say.
    ///
    /// # Errors
    /// When the file cannot be read or a value is wrong.
    pub fn load(sources: &Sources<'_>) -> Result<Config, ConfigError> {
        Resolved::of(sources)?.config()
    }

    /// Whether what is dangerous takes two persons.
    pub fn two_persons(&self) -> TwoPersons {
        match self.two_person_rule {
            TwoPersonRule::WhereProven if !self.access.proves_callers() => TwoPersons::NotNeeded,
            TwoPersonRule::Off => TwoPersons::NotNeeded,
            TwoPersonRule::WhereProven | TwoPersonRule::On => TwoPersons::Needed,
        }
    }

    /// The configuration that the text of a file says, with nothing beside it.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn of_text(text: &str) -> Result<Config, ConfigError> {
        let flags = file::parse(text).map_err(|error| ConfigError(vec![error.to_string()]))?;
        Config::load(&Sources { flags, environment: &|_| None, file: None })
    }

    /// Defaults, on ports that the operating system chooses. Callers need no deadline, questions may take as long as other
    /// calls, and many calls of one class are made at once: a test waits for what it waits for, on a machine that may be busy.
    pub fn for_testing(data_dir: impl Into<PathBuf>) -> Config {
        let any = "127.0.0.1:0".to_owned();
        let flags = Layer::from([("listen", any.clone()), ("admin_listen", any), ("data_dir", ".".to_owned())]);
        let config = Config::load(&Sources { flags, environment: &|_| None, file: None })
            .expect("defaults and a directory are a valid configuration");
        let many = Crowding { running: 1024, waiting: 1024 };
        let limits = TrafficLimits {
            portal: many,
            operators: many,
            lists: many,
            deadline_required: false,
            decision_milliseconds_max: 10_000,
            ..config.limits
        };
        Config { data_dir: data_dir.into(), limits, ..config }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::disuse::Term;
    use crate::gateway::request::PathUse;

    /// The configuration that flags say, besides where the data lie.
    pub(super) fn load(flags: &[(&'static str, &str)]) -> Result<Config, String> {
        let mut layer = Layer::from([("data_dir", "/tmp/x".to_owned())]);
        layer.extend(flags.iter().map(|(name, value)| (*name, (*value).to_owned())));
        Config::load(&Sources { flags: layer, environment: &|_| None, file: None }).map_err(|error| error.to_string())
    }

    #[test]
    fn defaults_are_those_of_the_documentation() {
        let config = load(&[]).expect("defaults");
        assert_eq!(config.listen.to_string(), "127.0.0.1:50051");
        assert_eq!(config.admin_listen.to_string(), "127.0.0.1:50052");
        assert_eq!((config.decision_ttl_seconds, config.restore_window_days, config.drain_seconds), (30, 30, 10));
        assert_eq!((config.max_streams_per_connection, config.max_request_bytes), (256, 262_144));
        assert_eq!(
            (config.write_queue, config.low_water_bytes, config.request_timeout_seconds),
            (1024, 33_554_432, 10)
        );
        assert_eq!((config.usage_flush_seconds, config.usage_entries_max), (60, 1_000_000));
        assert!(config.reflection && !config.lock_production_subscriptions && !config.production_deletion);
        assert_eq!((config.log_format, config.log_filter.as_str()), (LogFormat::Pretty, "info"));
        assert!(config.cors_origins.is_empty() && config.policies.is_none() && config.pepper_file.is_none());
        assert_eq!((config.two_person_rule, config.two_persons()), (TwoPersonRule::WhereProven, TwoPersons::NotNeeded));
        assert_eq!(load(&[("two_person_rule", "on")]).expect("a word").two_persons(), TwoPersons::Needed);
        assert_eq!(config.break_glass_file, None);
        let Bounds { verification_failures_max, verification_failures_seconds, changes_per_minute, quotas } =
            config.bounds;
        assert_eq!((verification_failures_max, verification_failures_seconds, changes_per_minute), (10, 60, 1200));
        assert_eq!(quotas, Quotas::default());
        assert_eq!(config.disuse, None, "nobody is deleted unless somebody says so");
        let limits = load(&[("delete_unused", "true")]).expect("a switch").disuse.expect("limits");
        let term = |term: &Term| (term.days(), term.notice_days().to_vec());
        assert_eq!(term(&limits.sandbox), (365, vec![30, 7, 1]));
        assert_eq!(term(&limits.production), (730, vec![30, 7, 1]));
        assert_eq!(term(&limits.never_used_sandbox), (30, vec![7, 1]));
        let testing = Config::for_testing("/tmp/y");
        assert_eq!((testing.listen.port(), testing.admin_listen.port()), (0, 0));
    }

    #[test]
    fn every_wrong_value_is_a_sentence_that_names_it() {
        for (name, value) in [
            ("listen", "localhost"),
            ("admin_listen", "127.0.0.1:99999"),
            ("data_dir", ""),
            ("pepper_file", ""),
            ("reflection", "yes"),
            ("log_format", "xml"),
            ("log_filter", "devhub=loud"),
            ("decision_ttl_seconds", "0"),
            ("decision_ttl_seconds", "301"),
            ("restore_window_days", "366"),
            ("restore_window_days", "-1"),
            ("lock_production_subscriptions", "1"),
            ("production_deletion", ""),
            ("two_person_rule", "yes"),
            ("break_glass_file", ""),
            ("drain_seconds", "301"),
            ("drain_seconds", "1.5"),
            ("max_streams_per_connection", "0"),
            ("max_request_bytes", "99999999999"),
            ("request_timeout_seconds", "0"),
            ("write_queue", "0"),
            ("low_water_bytes", "lots"),
            ("usage_flush_seconds", "0"),
            ("usage_flush_seconds", "3601"),
            ("usage_entries_max", "0"),
            ("usage_entries_max", "100000001"),
            ("verification_failures_max", "0"),
            ("verification_failures_seconds", "3601"),
            ("changes_per_minute", "0"),
            ("quota_applications_per_organisation", "0"),
            ("quota_applications_per_person", "-1"),
            ("quota_subscriptions_per_application", "10000001"),
            ("quota_secrets_per_day", "many"),
            ("delete_unused", "yes"),
            ("unused_sandbox_days", "30"),
            ("unused_sandbox_days", "0"),
            ("unused_sandbox_days", "3651"),
            ("unused_production_days", "many"),
            ("never_used_sandbox_days", "7"),
            ("unused_notice_days", ""),
            ("unused_notice_days", "30,30"),
            ("unused_notice_days", "30,0"),
            ("unused_notice_days", "30 7"),
            ("never_used_notice_days", "6,5,4,3,2,1"),
            ("gateway_identity", ""),
            ("gateway_identity", "cookie:id"),
            ("gateway_identity", "header:x-devhub-application"),
            ("gateway_identity", "header:x-id,header:x-id"),
            ("gateway_environment", "test"),
            ("gateway_path", "all"),
            ("gateway_path_bytes_max", "63"),
            ("gateway_path_bytes_max", "8193"),
            ("gateway_vendor", "HMRC"),
            ("gateway_default_version", "1 0"),
            ("gateway_company_header", ""),
            ("gateway_company_header", "X-Company"),
            ("gateway_project_header", "x-devhub-api"),
            ("gateway_body", "xml"),
            ("gateway_listen", "localhost:1"),
            ("gateway_connections_max", "0"),
            ("audit_key_file", ""),
            ("audit_key_file", "/etc/devhub/audit.key"),
            ("audit_heads_file", "/mnt/heads"),
            ("audit_head_commits", "0"),
            ("audit_head_seconds", "86401"),
            ("decision_log_file", ""),
            ("decision_log_every", "0"),
            ("decision_log_denials_per_second", "-1"),
            ("decision_log_file_bytes_max", "1"),
            ("gateway_sync_streams_max", "0"),
            ("gateway_sync_streams_max", "100001"),
            ("gateway_sync_snapshots_max", "65"),
            ("gateway_sync_snapshot_seconds_max", "3601"),
            ("gateway_public_origin", "http://pdp.example"),
            ("gateway_public_origin", "https://pdp.example/"),
            ("gateway_public_origin", "https://pdp.example/hub"),
            ("gateway_public_origin", "https://pdp.example?a=b"),
            ("gateway_public_origin", "pdp.example"),
            ("cors_origins", "*"),
            ("cors_origins", "https://portal.example/"),
            ("cors_origins", "portal.example"),
            ("cors_origins", "https://a.example,https://*.example"),
        ] {
            let sentence = load(&[(name, value)]).expect_err(name);
            assert!(sentence.starts_with(&format!("{name} ")), "{sentence}");
            assert!(sentence.lines().count() == 1 && sentence.contains("; "), "one sentence with a remedy: {sentence}");
        }
        assert!(load(&[("drain_seconds", "0"), ("decision_ttl_seconds", "300")]).is_ok());
    }

    #[test]
    fn a_gateway_is_trusted_with_nothing_that_the_configuration_does_not_say() {
        let SyncLimits { streams_max, snapshots_max, snapshot_seconds_max } = load(&[]).expect("defaults").sync;
        assert_eq!((streams_max, snapshots_max, snapshot_seconds_max), (1000, 4, 300));
        let Gateway { reading, body, listen, connections_max, public_origin } = load(&[]).expect("defaults").gateway;
        assert_eq!((listen, connections_max, public_origin), (None, 1024, None));
        let identity: Vec<String> = reading.identity.iter().map(ToString::to_string).collect();
        assert_eq!(identity, ["claim:jwt.client_id"]);
        assert_eq!((reading.environment, reading.vendor, reading.default_version), (None, None, None));
        assert_eq!((reading.path, reading.path_bytes_max, body), (PathUse::Operation, 2048, BodyFormat::Neutral));
        assert_eq!((&*reading.company_header, reading.project_header), ("procore-company-id", None));
        let Gateway { reading, body, listen, connections_max, public_origin } = load(&[
            ("gateway_listen", "127.0.0.1:7003"),
            ("gateway_connections_max", "7"),
            ("gateway_identity", "header:x-client-id, principal:spiffe://example.org/"),
            ("gateway_environment", "production"),
            ("gateway_path", "context"),
            ("gateway_vendor", "hmrc"),
            ("gateway_default_version", "1.0"),
            ("gateway_body", "hmrc"),
            ("gateway_project_header", "procore-project-id"),
            ("gateway_public_origin", "https://pdp.example:8443"),
        ])
        .expect("settings")
        .gateway;
        let identity: Vec<String> = reading.identity.iter().map(ToString::to_string).collect();
        assert_eq!(identity, ["header:x-client-id", "principal:spiffe://example.org/"]);
        assert_eq!((listen.map(|address| address.port()), connections_max), (Some(7003), 7));
        assert_eq!(public_origin.as_deref(), Some("https://pdp.example:8443"));
        assert_eq!(reading.environment, Some(devhub_decision::Environment::Production));
        assert_eq!((reading.path, body), (PathUse::Context, BodyFormat::Hmrc));
        assert_eq!(reading.vendor.as_ref().map(|vendor| vendor.as_str()), Some("hmrc"));
        assert_eq!(reading.default_version.as_deref(), Some("1.0"));
        assert_eq!(reading.project_header.as_deref(), Some("procore-project-id"));
    }

    #[test]
    fn all_wrong_values_are_told_at_once() {
        let sentences = load(&[("drain_seconds", "x"), ("write_queue", "0")]).expect_err("two");
        assert_eq!(sentences.lines().count(), 2, "{sentences}");
    }

    #[test]
    fn one_address_cannot_serve_both() {
        let sentence = load(&[("listen", "127.0.0.1:7000"), ("admin_listen", "127.0.0.1:7000")]).expect_err("both");
        assert!(sentence.starts_with("admin_listen ") && sentence.contains("choose another port"), "{sentence}");
        let sentence = load(&[("gateway_listen", "127.0.0.1:50052")]).expect_err("admin_listen's");
        assert!(sentence.starts_with("gateway_listen ") && sentence.contains("choose another port"), "{sentence}");
    }

    #[test]
    fn origins_are_exact() {
        let config = load(&[("cors_origins", "https://portal.example, http://localhost:3000")]).expect("origins");
        assert_eq!(config.cors_origins, ["https://portal.example", "http://localhost:3000"]);
    }
}
