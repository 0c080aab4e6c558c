//! Configuration of an agent: the same layers and the same sentences as those of a hub. Its environment variables begin
//! with `DEVHUB_AGENT_`, so that both can run with one environment.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use devhub_decision::Environment;
use serde::Deserialize;
use tonic::transport::Uri;

use super::layer::{Layer, Setting, Shown, Sources, resolve, setting, without_default};
use super::value::Values;
use super::{ConfigError, Gateway, LogFormat, file};
use crate::agent::haproxy;

/// What the environment variables of an agent begin with.
const PROGRAM: &str = "DEVHUB_AGENT";

/// What an address begins with that is a path.
const UNIX: &str = "unix:";

/// Longest path of a socket, in bytes: the system takes 107, and one is made under a longer name first.
const SOCKET_PATH_BYTES_MAX: usize = 100;

/// All settings of an agent.
pub const AGENT_SETTINGS: [Setting; 33] = [
    without_default("hub"),
    without_default("hub_tls_ca"),
    without_default("hub_tls_cert"),
    without_default("hub_tls_key"),
    without_default("environment"),
    without_default("gateway_id"),
    without_default("listen"),
    without_default("listen_uds"),
    setting("socket_mode", "660"),
    without_default("gateway_listen"),
    setting("gateway_connections_max", "1024"),
    setting("admin_listen", "127.0.0.1:50054"),
    without_default("copy_file"),
    without_default("haproxy_maps"),
    without_default("haproxy_socket"),
    setting("serve_stale_seconds", "0"),
    setting("report_seconds", "60"),
    setting("drain_seconds", "10"),
    setting("max_streams_per_connection", "256"),
    setting("max_request_bytes", "262144"),
    setting("request_timeout_seconds", "10"),
    setting("log_format", "pretty"),
    setting("log_filter", "info"),
    setting("gateway_identity", "claim:jwt.client_id"),
    setting("gateway_path", "operation"),
    setting("gateway_path_bytes_max", "2048"),
    without_default("gateway_vendor"),
    without_default("gateway_default_version"),
    setting("gateway_company_header", "procore-company-id"),
    without_default("gateway_project_header"),
    setting("gateway_body", "neutral"),
    setting("clock_offset_seconds", "5"),
    setting("insecure_listen_without_authentication", "false"),
];

/// Where something listens on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A port.
    Tcp(SocketAddr),
    /// A socket in the file system.
    Unix(PathBuf),
}

/// Files for TLS on the way to the hub. They are read at the start and for each connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubTls {
    /// Who signs the hub's certificate (PEM).
    pub ca: PathBuf,
    /// The certificate of the gateway and its key (PEM), where the hub asks for one.
    pub identity: Option<(PathBuf, PathBuf)>,
}

/// Configuration of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentConfig {
    /// The hub that it follows. No default.
    pub hub: Uri,
    /// TLS on the way there, which addresses that begin with https:// need. Default none.
    pub hub_tls: Option<HubTls>,
    /// The environment of its gateway. No default.
    pub environment: Environment,
    /// What operators call its gateway. No default.
    pub gateway_id: String,
    /// Where ext_authz is served over TCP. Default nowhere.
    pub listen: Option<SocketAddr>,
    /// The socket on which ext_authz is served. Default none.
    pub listen_uds: Option<PathBuf>,
    /// Permissions of its sockets, in octal. Default 660.
    pub socket_mode: u32,
    /// Where `/authz` and AuthZEN are served. Default nowhere.
    pub gateway_listen: Option<Place>,
    /// Where metrics and health are served. Default 127.0.0.1:50054.
    pub admin_listen: SocketAddr,
    /// Where a copy of the decision table is kept, for a fast restart. Default nowhere.
    pub copy_file: Option<PathBuf>,
    /// Where HAProxy's map files are kept, and the socket of the HAProxy that is kept current with them. Default nowhere.
    pub haproxy: Option<haproxy::Settings>,
    /// How long it goes on after its lease has run out. Default 0, at most a day.
    pub serve_stale: Duration,
    /// How far its clock may be from the hub's before it stops to decide. Default 5 seconds, 1 to 60.
    pub clock_offset_max: Duration,
    /// How often calls of subscribers are reported to the hub. Default 60 seconds, 1 to 3600.
    pub report_every: Duration,
    /// How long a stop waits for calls under way. Default 10 seconds, 0 to 300.
    pub drain: Duration,
    /// Calls at a time on one connection. Default 256.
    pub max_streams_per_connection: u32,
    /// Largest request, in bytes. Default 262144.
    pub max_request_bytes: usize,
    /// Longest time that a request over HTTP may take to come. Default 10 seconds.
    pub request_timeout: Duration,
    /// How log lines are written. Default pretty.
    pub log_format: LogFormat,
    /// Which log lines are written. Default `info`.
    pub log_filter: String,
    /// Listen where others can connect, although whoever connects may ask about every application. Default false.
    pub insecure: bool,
    /// How calls are read and denials written, as at a hub. Its `listen` is none: here [`Self::gateway_listen`] says it.
    pub gateway: Gateway,
}

/// The file's shape: as that of a hub, with the settings of an agent.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    hub: Option<String>,
    hub_tls_ca: Option<String>,
    hub_tls_cert: Option<String>,
    hub_tls_key: Option<String>,
    environment: Option<String>,
    gateway_id: Option<String>,
    listen: Option<String>,
    listen_uds: Option<String>,
    socket_mode: Option<String>,
    admin_listen: Option<String>,
    copy_file: Option<String>,
    haproxy_maps: Option<String>,
    haproxy_socket: Option<String>,
    serve_stale_seconds: Option<i64>,
    clock_offset_seconds: Option<i64>,
    report_seconds: Option<i64>,
    drain_seconds: Option<i64>,
    max_streams_per_connection: Option<i64>,
    max_request_bytes: Option<i64>,
    request_timeout_seconds: Option<i64>,
    log_format: Option<String>,
    log_filter: Option<String>,
    insecure_listen_without_authentication: Option<bool>,
    #[serde(default)]
    gateway: Table,
}

/// The table `[gateway]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    listen: Option<String>,
    connections_max: Option<i64>,
    identity: Option<Vec<String>>,
    path: Option<String>,
    path_bytes_max: Option<i64>,
    vendor: Option<String>,
    default_version: Option<String>,
    company_header: Option<String>,
    project_header: Option<String>,
    body: Option<String>,
}

fn layer(file: File) -> Layer {
    let texts = [
        ("hub", file.hub),
        ("hub_tls_ca", file.hub_tls_ca),
        ("hub_tls_cert", file.hub_tls_cert),
        ("hub_tls_key", file.hub_tls_key),
        ("environment", file.environment),
        ("gateway_id", file.gateway_id),
        ("listen", file.listen),
        ("listen_uds", file.listen_uds),
        ("socket_mode", file.socket_mode),
        ("admin_listen", file.admin_listen),
        ("copy_file", file.copy_file),
        ("haproxy_maps", file.haproxy_maps),
        ("haproxy_socket", file.haproxy_socket),
        ("log_format", file.log_format),
        ("log_filter", file.log_filter),
        ("gateway_listen", file.gateway.listen),
        ("gateway_identity", file.gateway.identity.map(|sources| sources.join(","))),
        ("gateway_path", file.gateway.path),
        ("gateway_vendor", file.gateway.vendor),
        ("gateway_default_version", file.gateway.default_version),
        ("gateway_company_header", file.gateway.company_header),
        ("gateway_project_header", file.gateway.project_header),
        ("gateway_body", file.gateway.body),
    ];
    let numbers = [
        ("serve_stale_seconds", file.serve_stale_seconds),
        ("clock_offset_seconds", file.clock_offset_seconds),
        ("report_seconds", file.report_seconds),
        ("drain_seconds", file.drain_seconds),
        ("max_streams_per_connection", file.max_streams_per_connection),
        ("max_request_bytes", file.max_request_bytes),
        ("request_timeout_seconds", file.request_timeout_seconds),
        ("gateway_connections_max", file.gateway.connections_max),
        ("gateway_path_bytes_max", file.gateway.path_bytes_max),
    ];
    let numbers = numbers.map(|(name, value)| (name, value.map(|value| value.to_string())));
    let insecure = file.insecure_listen_without_authentication.map(|value| value.to_string());
    let numbers = numbers.into_iter().chain([("insecure_listen_without_authentication", insecure)]);
    texts.into_iter().chain(numbers).filter_map(|(name, value)| Some((name, value?))).collect()
}

impl AgentConfig {
    /// The configuration that `sources` say.
    ///
    /// # Errors
    /// When the file cannot be read or a value is wrong; all wrong values are told.
    pub fn load(sources: &Sources<'_>) -> Result<AgentConfig, ConfigError> {
        let read = |path: &Path| file::parsed(path).map(layer);
        let shown: Vec<Shown> = resolve(sources, &AGENT_SETTINGS, PROGRAM, read)?;
        let mut values = Values::new(&shown);
        let read = values.agent();
        values.judged(read)
    }
}

impl Values<'_> {
    /// Reads every setting before giving up, so that all wrong values are told at once.
    fn agent(&mut self) -> Option<AgentConfig> {
        let hub = self.needed("hub", "the address of the hub that it follows", hub);
        if matches!(hub, Some(None)) {
            let limit = "it must be an address that begins with https:// or http://";
            self.wrong("hub", limit, "write it like https://hub.internal:50051");
        }
        let hub_tls = self.hub_tls(hub.as_ref().and_then(Option::as_ref));
        let environment = self.environment("environment");
        if matches!(environment, Some(None)) {
            self.missing("environment", "the environment of its gateway, sandbox or production");
        }
        let gateway_id = self.needed("gateway_id", "a name for its gateway", gateway_id);
        if matches!(gateway_id, Some(None)) {
            let limit = "it must have 1 to 64 letters, digits, '-', '_' and '.'";
            self.wrong("gateway_id", limit, "write it like edge-1");
        }
        let (limit, remedy) = ("it must be an IP address and a port", "write it like 127.0.0.1:50053, or leave it out");
        let listen = self.optional("listen", limit, remedy, |text| text.parse().ok());
        let limit = format!("it must be a path of 1 to {SOCKET_PATH_BYTES_MAX} bytes");
        let listen_uds = self.optional("listen_uds", &limit, "write it like /run/devhub/agent.sock", socket_path);
        let socket_mode = self.mode("socket_mode");
        let limit = format!(
            "it must be an IP address and a port, or unix: and a path of at most {SOCKET_PATH_BYTES_MAX} bytes"
        );
        let remedy = "write it like 127.0.0.1:50053 or unix:/run/devhub/authz.sock";
        let gateway_listen = self.optional("gateway_listen", &limit, remedy, place);
        let connections_max = self.number("gateway_connections_max", 1..=65_536);
        let admin_listen = self.address("admin_listen");
        let copy_file = self.optional("copy_file", "it must name a file", "give its path, or leave it out", |text| {
            (!text.is_empty()).then(|| PathBuf::from(text))
        });
        let haproxy = self.haproxy();
        let serve_stale = self.seconds("serve_stale_seconds", 0, 86_400);
        let clock_offset_max = self.seconds("clock_offset_seconds", 1, 60);
        let report_every = self.seconds("report_seconds", 1, 3600);
        let drain = self.seconds("drain_seconds", 0, 300);
        let max_streams_per_connection = self.number("max_streams_per_connection", 1..=65_536);
        let max_request_bytes = self.number("max_request_bytes", 1024..=4_194_304);
        let request_timeout = self.seconds("request_timeout_seconds", 1, 300);
        let (log_format, log_filter) = (self.log_format(), self.log_filter());
        let insecure = self.switch("insecure_listen_without_authentication");
        let over_http = match &gateway_listen {
            Some(Some(Place::Tcp(address))) => Some(*address),
            Some(Some(Place::Unix(_)) | None) | None => None,
        };
        for (name, address) in [("listen", listen.flatten()), ("gateway_listen", over_http)] {
            if insecure == Some(false) && address.is_some_and(|address| !address.ip().is_loopback()) {
                self.wrong(
                    name,
                    "others can connect there, and an agent has neither TLS nor credentials: whoever connects may ask about \
                     every application",
                    "choose a loopback address or a socket, or accept that with --insecure-listen-without-authentication",
                );
            }
        }
        let read = self.read_calls(environment.flatten());
        if let (Some(None), Some(None), Some(None), Some(None)) = (&listen, &listen_uds, &gateway_listen, &haproxy) {
            self.tell(
                "nothing is listened on: an agent needs listen_uds, listen or gateway_listen, or nobody can ask it; or \
                 haproxy_maps, and HAProxy need not"
                    .to_owned(),
            );
        }
        let (reading, body) = read?;
        Some(AgentConfig {
            hub: hub??,
            hub_tls: hub_tls?,
            environment: environment??,
            gateway_id: gateway_id??,
            listen: listen?,
            listen_uds: listen_uds?,
            socket_mode: socket_mode?,
            gateway_listen: gateway_listen?,
            admin_listen: admin_listen?,
            copy_file: copy_file?,
            haproxy: haproxy?,
            serve_stale: serve_stale?,
            clock_offset_max: clock_offset_max?,
            report_every: report_every?,
            drain: drain?,
            max_streams_per_connection: max_streams_per_connection?,
            max_request_bytes: max_request_bytes?,
            request_timeout: request_timeout?,
            log_format: log_format?,
            log_filter: log_filter?,
            insecure: insecure?,
            gateway: Gateway { reading, body, listen: None, connections_max: connections_max?, public_origin: None },
        })
    }

    /// How the hub is known, and what is proven to it.
    fn hub_tls(&mut self, hub: Option<&Uri>) -> Option<Option<HubTls>> {
        let path = |text: &str| (!text.is_empty()).then(|| PathBuf::from(text));
        let mut file = |name| self.optional(name, "it must name a file", "give its path, or leave it out", path);
        let (ca, cert, key) = (file("hub_tls_ca")?, file("hub_tls_cert")?, file("hub_tls_key")?);
        let by_tls = hub?.scheme_str() == Some("https");
        match (by_tls, ca, cert, key) {
            (false, None, None, None) => Some(None),
            (false, ..) => {
                self.wrong("hub", "hub_tls_... is for addresses that begin with https://", "write it with https://");
                None
            }
            (true, None, ..) => {
                self.missing("hub_tls_ca", "a file of who signs the certificate of a hub at an https:// address");
                None
            }
            (true, Some(ca), Some(cert), Some(key)) => Some(Some(HubTls { ca, identity: Some((cert, key)) })),
            (true, Some(ca), None, None) => Some(Some(HubTls { ca, identity: None })),
            (true, Some(_), ..) => {
                self.missing("hub_tls_cert", "hub_tls_cert and hub_tls_key together");
                None
            }
        }
    }

    /// What is kept for HAProxy.
    fn haproxy(&mut self) -> Option<Option<haproxy::Settings>> {
        let path = |text: &str| (!text.is_empty()).then(|| PathBuf::from(text));
        let limit = "it must name a directory";
        let maps = self.optional("haproxy_maps", limit, "write it like /etc/haproxy/maps, or leave it out", path);
        let limit = format!("it must be a path of 1 to {SOCKET_PATH_BYTES_MAX} bytes");
        let remedy = "write it like /run/haproxy/admin.sock, or leave it out";
        let socket = self.optional("haproxy_socket", &limit, remedy, socket_path);
        match (maps?, socket?) {
            (None, Some(_)) => {
                self.missing("haproxy_maps", "the directory of the map files, since haproxy_socket is given");
                None
            }
            (maps, socket) => Some(maps.map(|maps| haproxy::Settings { socket, ..haproxy::Settings::new(maps) })),
        }
    }

    /// What an agent cannot do without: nothing, once told, if it is not set; `Some(None)` if it cannot be read.
    fn needed<T>(
        &mut self,
        name: &'static str,
        what: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<Option<T>> {
        let value = self.shown(name).value.as_deref().map(parse);
        if value.is_none() {
            self.missing(name, what);
        }
        value
    }

    fn missing(&mut self, name: &'static str, what: &str) {
        let setting = Setting { name, default: None };
        let (flag, variable) = (setting.flag(), setting.variable_of(PROGRAM));
        self.tell(format!(
            "{name} is not set: an agent needs {what}; give it with {flag}, {variable} or {name} in the configuration file"
        ));
    }

    fn seconds(&mut self, name: &'static str, least: u64, most: u64) -> Option<Duration> {
        self.number(name, least..=most).map(Duration::from_secs)
    }

    fn mode(&mut self, name: &'static str) -> Option<u32> {
        let mode = u32::from_str_radix(self.text(name), 8).ok().filter(|mode| *mode <= 0o777 && mode & 0o600 == 0o600);
        if mode.is_none() {
            let limit = "it must be permissions in octal that let the agent itself read and write";
            self.wrong(name, limit, "write it like 660 or 600");
        }
        mode
    }
}

fn hub(text: &str) -> Option<Uri> {
    let uri: Uri = text.parse().ok()?;
    (matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty()))
        .then_some(uri)
}

/// As the hub takes it.
fn gateway_id(text: &str) -> Option<String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    ((1..=64).contains(&text.len()) && text.bytes().all(fits)).then(|| text.to_owned())
}

fn socket_path(text: &str) -> Option<PathBuf> {
    (1..=SOCKET_PATH_BYTES_MAX).contains(&text.len()).then(|| PathBuf::from(text))
}

fn place(text: &str) -> Option<Place> {
    match text.strip_prefix(UNIX) {
        Some(path) => socket_path(path).map(Place::Unix),
        None => text.parse().ok().map(Place::Tcp),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEEDED: [(&str, &str); 4] = [
        ("hub", "http://127.0.0.1:50051"),
        ("environment", "sandbox"),
        ("gateway_id", "edge-1"),
        ("listen_uds", "/run/devhub/agent.sock"),
    ];

    fn load(flags: &[(&'static str, &str)]) -> Result<AgentConfig, String> {
        let flags = flags.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        AgentConfig::load(&Sources { flags, environment: &|_| None, file: None }).map_err(|error| error.to_string())
    }

    fn with(name: &'static str, value: &'static str) -> Result<AgentConfig, String> {
        load(&[&NEEDED[..], &[(name, value)]].concat())
    }

    #[test]
    fn defaults_are_those_of_the_documentation() {
        let config = load(&NEEDED).expect("what is needed");
        assert_eq!((config.environment, config.gateway_id.as_str()), (Environment::Sandbox, "edge-1"));
        assert_eq!(config.gateway.reading.environment, Some(Environment::Sandbox), "calls are of its environment");
        assert_eq!(config.listen_uds.as_deref(), Some(Path::new("/run/devhub/agent.sock")));
        assert_eq!((config.listen, config.gateway_listen, config.socket_mode), (None, None, 0o660));
        assert_eq!((config.serve_stale, config.clock_offset_max), (Duration::ZERO, Duration::from_secs(5)));
        assert_eq!((config.report_every, config.drain), (Duration::from_secs(60), Duration::from_secs(10)));
        assert_eq!(config.admin_listen.to_string(), "127.0.0.1:50054");
        let config = with("gateway_listen", "unix:/run/a.sock").expect("a path");
        assert_eq!(config.gateway_listen, Some(Place::Unix("/run/a.sock".into())));
    }

    #[test]
    fn every_wrong_value_is_a_sentence_that_names_it() {
        let long = "/".repeat(101);
        for (name, value) in [
            ("hub", "127.0.0.1:50051"),
            ("hub", "ftp://hub.example"),
            ("hub_tls_ca", ""),
            ("hub_tls_cert", ""),
            ("environment", "test"),
            ("gateway_id", ""),
            ("gateway_id", "edge 1"),
            ("listen", "localhost:1"),
            ("listen_uds", ""),
            ("listen_uds", &*long),
            ("socket_mode", "888"),
            ("socket_mode", "1777"),
            ("socket_mode", "060"),
            ("gateway_listen", "unix:"),
            ("gateway_listen", "/run/a.sock"),
            ("gateway_connections_max", "0"),
            ("admin_listen", "1"),
            ("copy_file", ""),
            ("serve_stale_seconds", "86401"),
            ("clock_offset_seconds", "0"),
            ("report_seconds", "0"),
            ("drain_seconds", "301"),
            ("insecure_listen_without_authentication", "1"),
            ("gateway_identity", "cookie:id"),
            ("gateway_body", "xml"),
        ] {
            let sentence = load(&[&NEEDED[..], &[(name, value)]].concat()).expect_err(name);
            assert!(sentence.starts_with(&format!("{name} ")), "{sentence}");
            assert!(sentence.lines().count() == 1 && sentence.contains("; "), "one sentence with a remedy: {sentence}");
        }
    }

    #[test]
    fn nobody_from_elsewhere_connects_without_a_word() {
        for setting in ["listen", "gateway_listen"] {
            for address in ["0.0.0.0:7000", "[::]:7000", "192.0.2.1:7000"] {
                let sentence = with(setting, address).expect_err(address);
                assert!(sentence.starts_with(&format!("{setting} ")) && sentence.lines().count() == 1, "{sentence}");
                assert!(sentence.contains("--insecure-listen-without-authentication"), "{sentence}");
                let told = [(setting, address), ("insecure_listen_without_authentication", "true")];
                assert!(load(&[&NEEDED[..], &told].concat()).is_ok_and(|config| config.insecure));
            }
            for address in ["127.0.0.1:7000", "127.8.8.8:7000", "[::1]:7000"] {
                assert!(with(setting, address).is_ok_and(|config| !config.insecure), "{address}");
            }
        }
        assert!(with("gateway_listen", "unix:/run/a.sock").is_ok(), "its permissions say who may connect");
    }

    #[test]
    fn tls_is_spoken_with_a_hub_that_can_be_known_and_with_no_other() {
        let tls = |more: &[(&'static str, &'static str)]| load(&[&NEEDED[..], more].concat());
        let (https, ca) = (("hub", "https://hub.example"), ("hub_tls_ca", "/ca.pem"));
        let (cert, key) = (("hub_tls_cert", "/edge.pem"), ("hub_tls_key", "/edge.key"));
        for (more, name) in [
            (&[https][..], "hub_tls_ca"),
            (&[https, cert, key], "hub_tls_ca"),
            (&[https, ca, cert], "hub_tls_cert"),
            (&[https, ca, key], "hub_tls_cert"),
            (&[ca], "hub"),
        ] {
            let sentence = tls(more).expect_err(name);
            assert!(sentence.starts_with(&format!("{name} ")), "{sentence}");
        }
        let identity = |more: &[_]| tls(more).expect("settings").hub_tls.map(|tls| tls.identity.is_some());
        assert_eq!([&[][..], &[https, ca], &[https, ca, cert, key]].map(identity), [None, Some(false), Some(true)]);
    }

    #[test]
    fn what_is_missing_is_told_all_at_once() {
        let sentences = load(&[]).expect_err("nothing is set");
        for name in ["hub is not set", "environment is not set", "gateway_id is not set", "nothing is listened on"] {
            assert!(sentences.contains(name), "{sentences}");
        }
        assert!(sentences.contains("DEVHUB_AGENT_GATEWAY_ID"), "{sentences}");
        assert_eq!(sentences.lines().count(), 4, "{sentences}");
    }

    #[test]
    fn every_setting_can_stand_in_the_file_and_in_the_environment() {
        for setting in AGENT_SETTINGS {
            let place = match setting.name.strip_prefix("gateway_") {
                Some(name) if name != "id" => format!("[gateway]\n{name}"),
                Some(_) | None => setting.name.to_owned(),
            };
            let lines = ["'text'", "1", "true", "['text']"].map(|value| format!("{place} = {value}"));
            let taken = lines.iter().filter_map(|line| toml::from_str(line).ok()).map(layer);
            assert!(taken.flatten().any(|(name, _)| name == setting.name), "{}", setting.name);
        }
        let variable = |name: &str| (name == "DEVHUB_AGENT_SERVE_STALE_SECONDS").then(|| "7".to_owned());
        let flags = NEEDED.map(|(name, value)| (name, value.to_owned())).into();
        let config = AgentConfig::load(&Sources { flags, environment: &variable, file: None }).expect("settings");
        assert_eq!(config.serve_stale, Duration::from_secs(7));
    }
}
