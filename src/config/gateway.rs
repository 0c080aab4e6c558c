//! Judging what is said of gateways that hand over requests.

use std::str::FromStr;

use devhub_decision::Environment;

use super::value::{Values, is_origin};
use super::{Gateway, SyncLimits};
use crate::domain::name::Label;
use crate::gateway::answer::BodyFormat;
use crate::gateway::request::{OWNED_PREFIX, PathUse, Reading, Source, Vendor, is_header_name};

/// Most sources of identities.
const SOURCES_MAX: usize = 8;

impl Values<'_> {
    /// How gateways ask that hand over requests.
    pub(super) fn gateway(&mut self) -> Option<Gateway> {
        let limit = "it must be an IP address and a port";
        let remedy = "write it like 127.0.0.1:50053, or leave it out";
        let listen = self.optional("gateway_listen", limit, remedy, |text| text.parse().ok());
        // The specification knows no other scheme, and a path would move the document to another place.
        let public_origin = self.optional(
            "gateway_public_origin",
            "it must be https, a host, and a port if it is not 443, and nothing more",
            "write it like https://pdp.example, or leave it out",
            |text| (text.starts_with("https://") && is_origin(text)).then(|| text.into()),
        );
        let environment = self.environment("gateway_environment");
        let read = self.read_calls(environment.flatten());
        let connections_max = self.number("gateway_connections_max", 1..=65_536);
        let (reading, body) = read?;
        environment?;
        let (listen, connections_max, public_origin) = (listen?, connections_max?, public_origin?);
        Some(Gateway { reading, body, listen, connections_max, public_origin })
    }

    /// What gateways may ask for that follow.
    pub(super) fn sync(&mut self) -> Option<SyncLimits> {
        let streams_max = self.number("gateway_sync_streams_max", 1..=100_000);
        let snapshots_max = self.number("gateway_sync_snapshots_max", 1..=64);
        let snapshot_seconds_max = self.number("gateway_sync_snapshot_seconds_max", 1..=3600);
        Some(SyncLimits {
            streams_max: streams_max?,
            snapshots_max: snapshots_max?,
            snapshot_seconds_max: snapshot_seconds_max?,
        })
    }

    /// How requests are read and denials written, for an endpoint of this environment, if of one.
    pub(super) fn read_calls(&mut self, environment: Option<Environment>) -> Option<(Reading, BodyFormat)> {
        let identity = self.sources("gateway_identity");
        let path = self
            .one_of("gateway_path", "it must be nothing, operation or context", |text| PathUse::from_str(text).ok());
        let path_bytes_max = self.number("gateway_path_bytes_max", 64..=8192);
        let vendor = self.optional("gateway_vendor", Vendor::RULE, "write it like hmrc", |text| text.parse().ok());
        let default_version =
            self.optional("gateway_default_version", Label::RULE, "write it like 1.0, or leave it out", |text| {
                text.parse::<Label>().ok().map(|label| label.as_str().into())
            });
        let company_header = self.header("gateway_company_header");
        let project_header = self.header("gateway_project_header");
        if matches!(company_header, Some(None)) {
            self.wrong("gateway_company_header", "it must name a header", "write it like procore-company-id");
        }
        let body = self.one_of("gateway_body", "it must be neutral or hmrc", |text| text.parse().ok());
        let reading = Reading {
            identity: identity?,
            environment,
            path: path?,
            path_bytes_max: path_bytes_max?,
            vendor: vendor?,
            default_version: default_version?,
            company_header: company_header??,
            project_header: project_header?,
        };
        Some((reading, body?))
    }

    fn sources(&mut self, name: &'static str) -> Option<Vec<Source>> {
        let sources: Result<Vec<Source>, &str> = self.text(name).split(',').map(|text| text.trim().parse()).collect();
        let limit = match sources {
            Err(rule) => rule.to_owned(),
            Ok(sources) if sources.len() > SOURCES_MAX => format!("it must name at most {SOURCES_MAX} sources"),
            Ok(sources) => {
                let repeated = sources.iter().enumerate().any(|(index, source)| sources[..index].contains(source));
                if !repeated {
                    return Some(sources);
                }
                "it must name each source once".to_owned()
            }
        };
        self.wrong(name, &limit, "write them like claim:jwt.client_id,header:x-client-id");
        None
    }

    pub(super) fn environment(&mut self, name: &'static str) -> Option<Option<Environment>> {
        let limit = "it must be sandbox or production";
        self.optional(name, limit, "write one of the two, or leave it out", |text| {
            Environment::ALL.into_iter().find(|known| known.name().eq_ignore_ascii_case(text))
        })
    }

    fn header(&mut self, name: &'static str) -> Option<Option<Box<str>>> {
        let limit = format!("it must be a lower-case name of a header that does not begin with {OWNED_PREFIX}");
        self.optional(name, &limit, "write it like procore-company-id", |text| {
            (is_header_name(text) && !text.starts_with(OWNED_PREFIX)).then(|| text.into())
        })
    }

    fn one_of<T>(&mut self, name: &'static str, limit: &str, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let value = parse(self.text(name));
        if value.is_none() {
            self.wrong(name, limit, "write one of them");
        }
        value
    }

    pub(super) fn optional<T>(
        &mut self,
        name: &'static str,
        limit: &str,
        remedy: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<Option<T>> {
        let Some(text) = self.shown(name).value.as_deref() else { return Some(None) };
        let value = parse(text);
        if value.is_none() {
            self.wrong(name, limit, remedy);
        }
        value.map(Some)
    }
}
