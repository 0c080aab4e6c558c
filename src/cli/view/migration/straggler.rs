//! Migrations that are not finished, with whom to call and how much depends on them.

use devhub_proto::v1;
use serde::Serialize;

use super::phase;
use crate::cli::output::Row;
use crate::cli::view::{or_empty, time};

/// A migration that is not finished.
#[derive(Debug, Clone, Serialize)]
pub struct StragglerView {
    company_id: String,
    company_name: String,
    application_id: String,
    application_name: String,
    owner: String,
    owner_title: String,
    phase: String,
    at_risk: bool,
    last_use_time: Option<String>,
    recent_calls: u64,
    days_left: Option<i64>,
    next_step: String,
    account_ids: Vec<String>,
    company_administrators: Vec<String>,
    developer_contacts: Vec<String>,
}

impl From<v1::Migration> for StragglerView {
    fn from(migration: v1::Migration) -> StragglerView {
        let live = migration.accounts.into_iter().filter(|account| account.remove_time.is_none());
        StragglerView {
            company_id: migration.company_id,
            company_name: migration.company_name,
            application_id: migration.application_id,
            application_name: migration.application_name,
            owner: migration.owner,
            owner_title: migration.owner_title,
            phase: phase(migration.phase),
            at_risk: migration.at_risk,
            last_use_time: time(migration.last_use_time),
            recent_calls: migration.recent_calls,
            days_left: migration.days_left,
            next_step: migration.next_step,
            account_ids: live.map(|account| account.account_id).collect(),
            company_administrators: migration.company_administrators,
            developer_contacts: migration.developer_contacts,
        }
    }
}

impl StragglerView {
    /// Titles of the columns of a report; they are stable.
    pub const COLUMNS: [&'static str; 15] = [
        "company_id",
        "company_name",
        "application_id",
        "application_name",
        "owner",
        "owner_title",
        "phase",
        "at_risk",
        "last_use_time",
        "recent_calls",
        "days_left",
        "next_step",
        "accounts",
        "company_administrators",
        "developer_contacts",
    ];

    /// One text for each of these columns. Several accounts or addresses have spaces between them.
    pub fn columns(&self) -> [String; 15] {
        [
            self.company_id.clone(),
            self.company_name.clone(),
            self.application_id.clone(),
            self.application_name.clone(),
            self.owner.clone(),
            self.owner_title.clone(),
            self.phase.clone(),
            self.at_risk.to_string(),
            self.last_use_time.clone().unwrap_or_default(),
            self.recent_calls.to_string(),
            self.days_left.map(|days| days.to_string()).unwrap_or_default(),
            self.next_step.clone(),
            self.account_ids.join(" "),
            self.company_administrators.join(" "),
            self.developer_contacts.join(" "),
        ]
    }
}

/// A name over its id; the id alone if there is no name.
fn named(name: &str, id: &str) -> String {
    match (name.is_empty(), id.is_empty()) {
        (true, _) => id.to_owned(),
        (false, true) => name.to_owned(),
        (false, false) => format!("{name}\n{id}"),
    }
}

impl Row for StragglerView {
    const HEADER: &'static [&'static str] = &[
        "COMPANY",
        "APPLICATION",
        "OWNER",
        "PHASE",
        "LAST USED",
        "CALLS, 28 DAYS",
        "DAYS LEFT",
        "NEXT STEP",
        "ADMINISTRATORS",
        "DEVELOPER",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            named(&self.company_name, &self.company_id),
            named(&self.application_name, &self.application_id),
            if self.owner_title.is_empty() { self.owner.clone() } else { self.owner_title.clone() },
            self.phase.clone(),
            or_empty(&self.last_use_time),
            self.recent_calls.to_string(),
            self.days_left.map(|days| days.to_string()).unwrap_or_default(),
            self.next_step.clone(),
            self.company_administrators.join("\n"),
            self.developer_contacts.join("\n"),
        ]
    }
}
