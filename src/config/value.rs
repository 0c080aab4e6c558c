//! Judging the text of settings. Each wrong value becomes one sentence: setting, value, origin, limit, remedy.

use std::fmt::Display;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;

use tracing_subscriber::EnvFilter;

use super::layer::Shown;
use super::{Config, ConfigError, LogFormat, TwoPersonRule};
use crate::domain::disuse::{DAYS_MAX, Limits, NOTICES_MAX, Notices, Term};

/// Settings under judgement, and the sentences so far.
pub(super) struct Values<'a> {
    shown: &'a [Shown],
    wrong: Vec<String>,
}

impl<'a> Values<'a> {
    pub(super) fn new(shown: &'a [Shown]) -> Values<'a> {
        Values { shown, wrong: Vec::new() }
    }

    pub(super) fn config(mut self) -> Result<Config, ConfigError> {
        let config = self.read();
        if let Some(config) = &config {
            let taken = |address: SocketAddr, others: &[SocketAddr]| address.port() != 0 && others.contains(&address);
            let remedy = "choose another port for one of them";
            if taken(config.admin_listen, &[config.listen]) {
                self.wrong("admin_listen", "it is the address of listen as well", remedy);
            }
            if config.gateway.listen.is_some_and(|address| taken(address, &[config.listen, config.admin_listen])) {
                self.wrong("gateway_listen", "it is the address of listen or admin_listen as well", remedy);
            }
        }
        if let Some(config) = &config {
            let addresses = [("listen", Some(config.listen)), ("gateway_listen", config.gateway.listen)];
            for (name, address) in addresses {
                if address.is_some_and(|address| !config.access.permits(address)) {
                    self.wrong(
                        name,
                        "others can connect there, and without TLS and credentials whoever connects may do everything",
                        "set access_tls_cert and access_tls_key with access_issuers or access_client_ca, choose a \
                         loopback address, or accept that with --insecure-listen-without-authentication",
                    );
                }
            }
        }
        self.judged(config)
    }

    /// Reads every setting before giving up, so that all wrong values are told at once.
    fn read(&mut self) -> Option<Config> {
        let listen = self.address("listen");
        let admin_listen = self.address("admin_listen");
        let data_dir = self.data_dir();
        let policies = self.shown("policies").value.as_ref().map(PathBuf::from);
        let pepper_file = self.pepper_file();
        let cors_origins = self.origins("cors_origins");
        let reflection = self.switch("reflection");
        let log_format = self.log_format();
        let log_filter = self.log_filter();
        let decision_ttl_seconds = self.number("decision_ttl_seconds", 1..=300);
        let restore_window_days = self.number("restore_window_days", 1..=365);
        let lock_production_subscriptions = self.switch("lock_production_subscriptions");
        let production_deletion = self.switch("production_deletion");
        let two_person_rule = self.two_person_rule();
        let break_glass_file = self.break_glass_file();
        let drain_seconds = self.number("drain_seconds", 0..=300);
        let max_streams_per_connection = self.number("max_streams_per_connection", 1..=65_536);
        let max_request_bytes = self.number("max_request_bytes", 1024..=4_194_304);
        let request_timeout_seconds = self.number("request_timeout_seconds", 1..=300);
        let write_queue = self.number("write_queue", 1..=65_536);
        let low_water_bytes = self.number("low_water_bytes", 0..=1_099_511_627_776);
        let usage_flush_seconds = self.number("usage_flush_seconds", 1..=3600);
        let usage_entries_max = self.number("usage_entries_max", 1..=100_000_000);
        let disuse = self.disuse();
        let gateway = self.gateway();
        let audit = self.audit();
        let sync = self.sync();
        let access = self.access();
        let limits = self.limits();
        let bounds = self.bounds();
        Some(Config {
            listen: listen?,
            admin_listen: admin_listen?,
            data_dir: data_dir?,
            policies,
            pepper_file: pepper_file?,
            cors_origins: cors_origins?,
            reflection: reflection?,
            log_format: log_format?,
            log_filter: log_filter?,
            decision_ttl_seconds: decision_ttl_seconds?,
            restore_window_days: restore_window_days?,
            lock_production_subscriptions: lock_production_subscriptions?,
            production_deletion: production_deletion?,
            two_person_rule: two_person_rule?,
            break_glass_file: break_glass_file?,
            drain_seconds: drain_seconds?,
            max_streams_per_connection: max_streams_per_connection?,
            max_request_bytes: max_request_bytes?,
            request_timeout_seconds: request_timeout_seconds?,
            write_queue: write_queue?,
            low_water_bytes: low_water_bytes?,
            usage_flush_seconds: usage_flush_seconds?,
            usage_entries_max: usage_entries_max?,
            disuse: disuse?,
            gateway: gateway?,
            audit: audit?,
            sync: sync?,
            access: access?,
            limits: limits?,
            bounds: bounds?,
        })
    }

    /// What was read, unless something was wrong.
    pub(super) fn judged<T>(self, read: Option<T>) -> Result<T, ConfigError> {
        match read {
            Some(read) if self.wrong.is_empty() => Ok(read),
            Some(_) | None => Err(ConfigError(self.wrong)),
        }
    }

    /// Tells what is wrong in a sentence of its own.
    pub(super) fn tell(&mut self, sentence: String) {
        self.wrong.push(sentence);
    }

    pub(super) fn shown(&self, name: &'static str) -> &'a Shown {
        self.shown.iter().find(|shown| shown.name == name).expect("every setting is resolved before it is judged")
    }

    pub(super) fn text(&self, name: &'static str) -> &'a str {
        self.shown(name).value.as_deref().unwrap_or_default()
    }

    pub(super) fn wrong(&mut self, name: &'static str, limit: &str, remedy: &str) {
        let shown = self.shown(name);
        self.wrong.push(format!("{shown}: {limit}; {remedy}"));
    }

    pub(super) fn address<T: FromStr>(&mut self, name: &'static str) -> Option<T> {
        let address = self.text(name).parse().ok();
        if address.is_none() {
            self.wrong(name, "it must be an IP address and a port", "write it like 127.0.0.1:50051 or [::]:50051");
        }
        address
    }

    fn data_dir(&mut self) -> Option<PathBuf> {
        let shown = self.shown("data_dir");
        match shown.value.as_deref() {
            Some("") => {
                self.wrong("data_dir", "it must name a directory", "give the path of the directory to keep data in");
                None
            }
            Some(path) => Some(PathBuf::from(path)),
            None => {
                self.wrong.push(
                    "data_dir is not set: a hub needs a directory to keep its data in; name one with --data-dir, \
                     DEVHUB_DATA_DIR or data_dir in the configuration file"
                        .to_owned(),
                );
                None
            }
        }
    }

    /// Whether the file is there and sound is found out when it is read, once.
    fn pepper_file(&mut self) -> Option<Option<PathBuf>> {
        match self.shown("pepper_file").value.as_deref() {
            Some("") => {
                self.wrong("pepper_file", "it must name a file", "make one with `devhub pepper new`, or leave it out");
                None
            }
            Some(path) => Some(Some(PathBuf::from(path))),
            None => Some(None),
        }
    }

    fn break_glass_file(&mut self) -> Option<Option<PathBuf>> {
        match self.shown("break_glass_file").value.as_deref() {
            Some("") => {
                let remedy = "make one with `devhub break-glass new`, or leave it out";
                self.wrong("break_glass_file", "it must name a file", remedy);
                None
            }
            Some(path) => Some(Some(PathBuf::from(path))),
            None => Some(None),
        }
    }

    fn two_person_rule(&mut self) -> Option<TwoPersonRule> {
        match self.text("two_person_rule") {
            "auto" => Some(TwoPersonRule::WhereProven),
            "on" => Some(TwoPersonRule::On),
            "off" => Some(TwoPersonRule::Off),
            _ => {
                self.wrong("two_person_rule", "it must be auto, on or off", "write one of the three");
                None
            }
        }
    }

    pub(super) fn switch(&mut self, name: &'static str) -> Option<bool> {
        let switch = self.text(name).parse().ok();
        if switch.is_none() {
            self.wrong(name, "it must be true or false", "write one of the two");
        }
        switch
    }

    pub(super) fn number<T>(&mut self, name: &'static str, range: RangeInclusive<T>) -> Option<T>
    where
        T: FromStr + PartialOrd + Display + Copy,
    {
        let number = self.text(name).parse().ok().filter(|number| range.contains(number));
        if number.is_none() {
            let limit = format!("it must be a whole number from {} to {}", range.start(), range.end());
            self.wrong(name, &limit, "choose one within the limits");
        }
        number
    }

    /// What is said of unused applications. Judged whether it is switched on or not, so that switching on is no surprise.
    fn disuse(&mut self) -> Option<Option<Limits>> {
        let delete = self.switch("delete_unused");
        let unused = self.notices("unused_notice_days");
        let sandbox = self.term("unused_sandbox_days", unused.as_ref());
        let production = self.term("unused_production_days", unused.as_ref());
        let never_used = self.notices("never_used_notice_days");
        let never_used_sandbox = self.term("never_used_sandbox_days", never_used.as_ref());
        let limits = Limits { sandbox: sandbox?, production: production?, never_used_sandbox: never_used_sandbox? };
        Some(delete?.then_some(limits))
    }

    fn notices(&mut self, name: &'static str) -> Option<Notices> {
        let days: Option<Vec<u32>> = self.text(name).split(',').map(|text| text.trim().parse().ok()).collect();
        let notices = days.and_then(Notices::new);
        if notices.is_none() {
            let limit = format!("it must be 1 to {NOTICES_MAX} different numbers of days, each at least 1");
            self.wrong(name, &limit, "write them like 30,7,1");
        }
        notices
    }

    fn term(&mut self, name: &'static str, notices: Option<&Notices>) -> Option<Term> {
        let days = self.number(name, 2..=DAYS_MAX);
        let notices = notices?.clone();
        let longest = notices.longest();
        let term = Term::new(days?, notices);
        if term.is_none() {
            let limit = format!("it must be more than the longest notice, {longest} days");
            self.wrong(name, &limit, "choose more days, or shorter notices");
        }
        term
    }

    pub(super) fn log_format(&mut self) -> Option<LogFormat> {
        match self.text("log_format") {
            "pretty" => Some(LogFormat::Pretty),
            "json" => Some(LogFormat::Json),
            _ => {
                self.wrong("log_format", "it must be pretty or json", "write one of the two");
                None
            }
        }
    }

    pub(super) fn log_filter(&mut self) -> Option<String> {
        let text = self.text("log_filter");
        if EnvFilter::builder().parse(text).is_err() {
            self.wrong(
                "log_filter",
                "it must be a level, or targets with levels",
                "write it like info or devhub=debug,info",
            );
            return None;
        }
        Some(text.to_owned())
    }

    fn origins(&mut self, name: &'static str) -> Option<Vec<String>> {
        let texts = self.text(name).split(',').map(str::trim).filter(|text| !text.is_empty());
        let origins: Vec<String> = texts.map(str::to_owned).collect();
        let Some(wrong) = origins.iter().find(|origin| !is_origin(origin)) else { return Some(origins) };
        let limit = format!("{wrong:?} is no exact origin, and `*` would let every page on the web in");
        self.wrong(
            name,
            &limit,
            "write scheme, host and port as browsers send them, for example https://portal.example",
        );
        None
    }
}

/// Whether `text` is an origin as browsers send it: scheme, host, port unless it is the scheme's own, nothing more.
pub(super) fn is_origin(text: &str) -> bool {
    let Some(authority) = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) else { return false };
    let plain = authority.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-:[]".contains(&b));
    plain && authority.parse::<axum::http::uri::Authority>().is_ok_and(|authority| !authority.host().is_empty())
}
