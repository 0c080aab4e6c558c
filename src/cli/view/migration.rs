//! The way from traditional service accounts to what applications declare.

mod burn_down;
mod checklist;
mod delisting;
mod forecast;
mod funnel;
mod reopened;
mod straggler;

pub use burn_down::{BurnDownView, DayView};
pub use checklist::{COLUMNS, CompanyView, DeveloperView, Line};
pub use delisting::DelistingView;
pub use forecast::ForecastView;
pub use funnel::FunnelView;
pub use reopened::ReopenedView;
pub use straggler::StragglerView;

use devhub_proto::v1;
use serde::Serialize;

use super::{or_empty, time};
use crate::cli::output::Row;
use crate::cli::words::wire_name;

/// The word of a phase.
fn phase(number: i32) -> String {
    wire_name(number, v1::MigrationPhase::as_str_name, "MIGRATION_PHASE_")
}

/// One company's way from its accounts for one application.
#[derive(Debug, Clone, Serialize)]
pub struct MigrationView {
    company_id: String,
    application_id: String,
    phase: String,
    next_step: String,
    at_risk: bool,
    accounts: Vec<AccountView>,
    ready_time: Option<String>,
    install_time: Option<String>,
    first_use_time: Option<String>,
    end_time: Option<String>,
    days_left: Option<i64>,
    company_administrators: Vec<String>,
    developer_contacts: Vec<String>,
}

#[derive(Debug, Clone, Serialize)]
struct AccountView {
    account_id: String,
    create_time: Option<String>,
    remove_time: Option<String>,
    last_use_time: Option<String>,
}

impl AccountView {
    fn text(&self) -> String {
        let removed = if self.remove_time.is_some() { " (removed)" } else { "" };
        format!("{}{removed}", self.account_id)
    }
}

impl From<v1::MigratingAccount> for AccountView {
    fn from(account: v1::MigratingAccount) -> AccountView {
        AccountView {
            account_id: account.account_id,
            create_time: time(account.create_time),
            remove_time: time(account.remove_time),
            last_use_time: time(account.last_use_time),
        }
    }
}

impl From<v1::Migration> for MigrationView {
    fn from(migration: v1::Migration) -> MigrationView {
        MigrationView {
            company_id: migration.company_id,
            application_id: migration.application_id,
            phase: phase(migration.phase),
            next_step: migration.next_step,
            at_risk: migration.at_risk,
            accounts: migration.accounts.into_iter().map(AccountView::from).collect(),
            ready_time: time(migration.ready_time),
            install_time: time(migration.install_time),
            first_use_time: time(migration.first_use_time),
            end_time: time(migration.end_time),
            days_left: migration.days_left,
            company_administrators: migration.company_administrators,
            developer_contacts: migration.developer_contacts,
        }
    }
}

impl MigrationView {
    /// Titles of the columns of a report; they are stable.
    pub const COLUMNS: [&'static str; 13] = [
        "company_id",
        "application_id",
        "phase",
        "next_step",
        "at_risk",
        "accounts",
        "ready_time",
        "install_time",
        "first_use_time",
        "end_time",
        "days_left",
        "company_administrators",
        "developer_contacts",
    ];

    /// One text for each of these columns. Several accounts or addresses have spaces between them.
    pub fn columns(&self) -> [String; 13] {
        let ids: Vec<&str> = self.accounts.iter().map(|account| account.account_id.as_str()).collect();
        let time = |time: &Option<String>| time.clone().unwrap_or_default();
        [
            self.company_id.clone(),
            self.application_id.clone(),
            self.phase.clone(),
            self.next_step.clone(),
            self.at_risk.to_string(),
            ids.join(" "),
            time(&self.ready_time),
            time(&self.install_time),
            time(&self.first_use_time),
            time(&self.end_time),
            self.days_left.map(|days| days.to_string()).unwrap_or_default(),
            self.company_administrators.join(" "),
            self.developer_contacts.join(" "),
        ]
    }

    /// What it is about: the application, or the account that nobody knows the application of.
    fn subject(&self) -> &str {
        match self.accounts.first() {
            Some(account) if self.application_id.is_empty() => &account.account_id,
            Some(_) | None => &self.application_id,
        }
    }

    fn phase(&self) -> &str {
        &self.phase
    }

    /// What to do against the risk, and whom to ask.
    fn risk_text(&self) -> String {
        let ask = match self.developer_contacts.join(", ") {
            nobody if nobody.is_empty() => String::new(),
            contacts => format!(" Developer: {contacts}."),
        };
        let left = self.days_left.map(|days| format!(", {days} days left")).unwrap_or_default();
        format!("{}, {}{left}: {}{ask}", self.subject(), self.phase, self.next_step)
    }

    /// Whether there is something to install.
    fn is_ready(&self) -> bool {
        self.ready_time.is_some()
    }
}

impl Row for MigrationView {
    const HEADER: &'static [&'static str] = &[
        "COMPANY",
        "APPLICATION",
        "PHASE",
        "NEXT STEP",
        "AT RISK",
        "ACCOUNTS",
        "READY",
        "INSTALLED",
        "FIRST USED",
        "END",
        "DAYS LEFT",
        "ADMINISTRATORS",
        "DEVELOPER",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            self.company_id.clone(),
            self.application_id.clone(),
            self.phase.clone(),
            self.next_step.clone(),
            if self.at_risk { "yes".to_owned() } else { String::new() },
            self.accounts.iter().map(AccountView::text).collect::<Vec<_>>().join("\n"),
            or_empty(&self.ready_time),
            or_empty(&self.install_time),
            or_empty(&self.first_use_time),
            or_empty(&self.end_time),
            self.days_left.map(|days| days.to_string()).unwrap_or_default(),
            self.company_administrators.join("\n"),
            self.developer_contacts.join("\n"),
        ]
    }
}
