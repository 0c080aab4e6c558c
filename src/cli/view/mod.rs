//! What the command line shows of the hub's messages: plain structs whose field names are stable, because programs read
//! them. Instants are RFC 3339 in UTC; words are spelled as in the contract, without prefixes.

pub mod access;
pub mod announcement;
pub mod api;
pub mod app;
pub mod application;
pub mod brownout;
pub mod calendar;
pub mod call_limit;
pub mod company;
pub mod credential_class;
pub mod decision;
pub mod fact;
pub mod gateway;
pub mod installation;
pub mod key;
pub mod maintenance;
pub mod migration;
pub mod moved;
pub mod namespace;
pub mod notice;
pub mod policy;
pub mod preview;
pub mod proposal;
pub mod schedule;
pub mod secret;
pub mod service_account;
pub mod subscription;
pub mod target;
pub mod unused;
pub mod usage;
pub mod version;
pub mod waiver;

use chrono::{DateTime, SecondsFormat, Utc};
use devhub_proto::v1;
use serde::Serialize;

use super::date::instant_text;
use super::words::wire_name;

/// The hub answered without what was asked for, which the contract rules out.
pub(super) const EMPTY_ANSWER: &str = "the hub sent an empty answer; is it a devhub of this release?";

/// Names a version.
#[derive(Debug, Clone, Serialize)]
pub struct NameView {
    /// Context of the API.
    pub context: String,
    /// Label of the version.
    pub version: String,
}

impl From<v1::VersionName> for NameView {
    fn from(name: v1::VersionName) -> NameView {
        NameView { context: name.context, version: name.version }
    }
}

impl NameView {
    fn of(name: Option<v1::VersionName>) -> Option<NameView> {
        name.map(NameView::from)
    }

    fn text(name: &Option<NameView>) -> String {
        name.as_ref().map(|name| format!("{} {}", name.context, name.version)).unwrap_or_default()
    }
}

/// The instant of a message as text.
pub(super) fn time(timestamp: Option<prost_types::Timestamp>) -> Option<String> {
    timestamp.as_ref().and_then(crate::wire::instant).map(instant_text)
}

/// A text that may be missing, for a table.
fn or_empty(text: &Option<String>) -> String {
    text.as_deref().map(brief).unwrap_or_default()
}

/// An instant, for people: to the second, or to the millisecond where it has any.
pub fn brief_text(instant: DateTime<Utc>) -> String {
    brief(&instant_text(instant))
}

/// For people an instant has milliseconds, if any; other texts stay as they are. Programs read all its digits.
fn brief(text: &str) -> String {
    let Ok(instant) = DateTime::parse_from_rfc3339(text) else { return text.to_owned() };
    let digits = if instant.timestamp_subsec_millis() == 0 { SecondsFormat::Secs } else { SecondsFormat::Millis };
    instant.to_utc().to_rfc3339_opts(digits, true)
}

fn environment(number: i32) -> String {
    wire_name(number, v1::Environment::as_str_name, "ENVIRONMENT_")
}

fn stage(number: i32) -> String {
    wire_name(number, v1::Stage::as_str_name, "STAGE_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_read_instants_to_the_second_or_millisecond() {
        for (text, shown) in [
            ("2026-11-21T12:00:00Z", "2026-11-21T12:00:00Z"),
            ("2026-11-21T12:00:00.000000067Z", "2026-11-21T12:00:00Z"),
            ("2026-11-21T12:00:00.999999999Z", "2026-11-21T12:00:00.999Z"),
            ("2026-11-21T12:00:00.250Z", "2026-11-21T12:00:00.250Z"),
            ("PRODUCTION", "PRODUCTION"),
        ] {
            assert_eq!(or_empty(&Some(text.to_owned())), shown);
        }
        assert_eq!(or_empty(&None), "");
    }
}
