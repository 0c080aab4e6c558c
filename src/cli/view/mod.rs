//! What the command line shows of the hub's messages: plain structs whose field names are stable, because programs read
//! them. Instants are RFC 3339 in UTC; words are spelled as in the contract, without prefixes.

pub mod access;
pub mod announcement;
pub mod api;
pub mod application;
pub mod calendar;
pub mod company;
pub mod credential_class;
pub mod decision;
pub mod fact;
pub mod moved;
pub mod namespace;
pub mod notice;
pub mod policy;
pub mod preview;
pub mod schedule;
pub mod service_account;
pub mod subscription;
pub mod target;
pub mod usage;
pub mod version;
pub mod waiver;

use devhub_proto::v1;
use serde::Serialize;

use super::date::instant_text;
use super::words::wire_name;

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
fn time(timestamp: Option<prost_types::Timestamp>) -> Option<String> {
    timestamp.as_ref().and_then(crate::wire::instant).map(instant_text)
}

/// A text that may be missing, for a table.
fn or_empty(text: &Option<String>) -> String {
    text.clone().unwrap_or_default()
}

fn environment(number: i32) -> String {
    wire_name(number, v1::Environment::as_str_name, "ENVIRONMENT_")
}

fn stage(number: i32) -> String {
    wire_name(number, v1::Stage::as_str_name, "STAGE_")
}
