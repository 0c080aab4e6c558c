//! Listings that leave the marketplace with the sunset.

use devhub_proto::v1;
use serde::Serialize;

use crate::cli::output::Row;
use crate::cli::view::{or_empty, time};
use crate::cli::words::wire_name;

/// A listing that leaves with the sunset, or has left with it.
#[derive(Debug, Clone, Serialize)]
pub struct DelistingView {
    application_id: String,
    application_name: String,
    owner: String,
    owner_title: String,
    version: String,
    state: String,
    delist_time: Option<String>,
    days_left: Option<i64>,
    installations: u64,
    remedy: String,
    developer_contacts: Vec<String>,
}

impl From<v1::Delisting> for DelistingView {
    fn from(delisting: v1::Delisting) -> DelistingView {
        DelistingView {
            state: wire_name(delisting.state, v1::ListingState::as_str_name, "LISTING_STATE_"),
            application_id: delisting.application_id,
            application_name: delisting.application_name,
            owner: delisting.owner,
            owner_title: delisting.owner_title,
            version: delisting.version,
            delist_time: time(delisting.delist_time),
            days_left: delisting.days_left,
            installations: delisting.installations,
            remedy: delisting.remedy,
            developer_contacts: delisting.developer_contacts,
        }
    }
}

impl DelistingView {
    /// Titles of the columns of a report; they are stable.
    pub const COLUMNS: [&'static str; 11] = [
        "application_id",
        "application_name",
        "owner",
        "owner_title",
        "version",
        "state",
        "delist_time",
        "days_left",
        "installations",
        "remedy",
        "developer_contacts",
    ];

    /// One text for each of these columns. Several addresses have spaces between them.
    pub fn columns(&self) -> [String; 11] {
        [
            self.application_id.clone(),
            self.application_name.clone(),
            self.owner.clone(),
            self.owner_title.clone(),
            self.version.clone(),
            self.state.clone(),
            self.delist_time.clone().unwrap_or_default(),
            self.days_left.map(|days| days.to_string()).unwrap_or_default(),
            self.installations.to_string(),
            self.remedy.clone(),
            self.developer_contacts.join(" "),
        ]
    }
}

impl Row for DelistingView {
    const HEADER: &'static [&'static str] = &[
        "APPLICATION",
        "OWNER",
        "LISTED",
        "STATE",
        "LEAVES BY",
        "DAYS LEFT",
        "STAYS INSTALLED IN",
        "WHAT KEEPS IT",
        "DEVELOPER",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            format!("{}\n{}", self.application_id, self.application_name),
            if self.owner_title.is_empty() { self.owner.clone() } else { self.owner_title.clone() },
            self.version.clone(),
            self.state.clone(),
            if self.delist_time.is_some() { or_empty(&self.delist_time) } else { "to be announced".to_owned() },
            self.days_left.map(|days| days.to_string()).unwrap_or_default(),
            self.installations.to_string(),
            self.remedy.clone(),
            self.developer_contacts.join("\n"),
        ]
    }
}
