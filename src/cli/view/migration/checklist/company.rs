//! What the administrators of a company have to do.

use devhub_proto::v1;
use serde::Serialize;

use super::{Line, StepView, until};
use crate::cli::output::{Row, field_lines, table};
use crate::cli::view::migration::MigrationView;
use crate::cli::view::{or_empty, time};
use crate::cli::words::wire_name;

/// What the administrators of a company have to do.
#[derive(Debug, Clone, Serialize)]
pub struct CompanyView {
    company_id: String,
    company_name: String,
    next_step: String,
    steps: Vec<StepView>,
    accounts: Vec<AccountView>,
    installations: Vec<InstallationView>,
    updates: Vec<UpdateView>,
    projects: Vec<ProjectsView>,
    risks: Vec<MigrationView>,
    extension_until_time: Option<String>,
    extension_sentence: String,
    sunset_time: Option<String>,
    days_left: Option<i64>,
    calls_known_since_time: Option<String>,
    installations_truncated: bool,
}

/// A live account.
#[derive(Debug, Clone, Serialize)]
struct AccountView {
    account_id: String,
    name: String,
    application_id: String,
    undefined: bool,
    create_time: Option<String>,
    end_time: Option<String>,
    days_left: Option<i64>,
    last_use_time: Option<String>,
    called: Vec<CalledView>,
    replacement_first_use_time: Option<String>,
    replacement_last_use_time: Option<String>,
    removal: String,
    removal_sentence: String,
    suggestion: Option<SuggestionView>,
}

#[derive(Debug, Clone, Serialize)]
struct CalledView {
    context: String,
    version: String,
    recent_calls: u64,
    last_use_time: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
struct SuggestionView {
    application_id: String,
    application_name: String,
    owner: String,
    sureness: String,
    sentence: String,
    developer_contacts: Vec<String>,
}

#[derive(Debug, Clone, Serialize)]
struct InstallationView {
    application_id: String,
    application_name: String,
    version: String,
    sentence: String,
    developer_contacts: Vec<String>,
}

#[derive(Debug, Clone, Serialize)]
struct UpdateView {
    application_id: String,
    application_name: String,
    running_version: String,
    available_version: String,
    widens: Vec<String>,
    sentence: String,
}

#[derive(Debug, Clone, Serialize)]
struct ProjectsView {
    application_id: String,
    application_name: String,
    permitted: u64,
    known: u64,
    sentence: String,
}

impl Row for AccountView {
    const HEADER: &'static [&'static str] = &["ACCOUNT", "NAME", "FOR", "LAST USED", "CALLS", "REMOVE", "WHAT TO DO"];

    fn cells(&self) -> Vec<String> {
        let called = self.called.iter().map(|called| format!("{} {}", called.context, called.version));
        let suggested = self.suggestion.as_ref().map(|suggestion| format!("\n{}", suggestion.sentence));
        vec![
            self.account_id.clone(),
            self.name.clone(),
            if self.undefined { "nobody has said".to_owned() } else { self.application_id.clone() },
            or_empty(&self.last_use_time),
            called.collect::<Vec<_>>().join("\n"),
            self.removal.clone(),
            self.removal_sentence.clone() + &suggested.unwrap_or_default(),
        ]
    }
}

impl Row for InstallationView {
    const HEADER: &'static [&'static str] = &["INSTALL", "VERSION", "WHAT TO DO", "DEVELOPER"];

    fn cells(&self) -> Vec<String> {
        let developer = self.developer_contacts.join("\n");
        let what = if self.application_id.is_empty() { &self.application_name } else { &self.application_id };
        vec![what.clone(), self.version.clone(), self.sentence.clone(), developer]
    }
}

impl Row for UpdateView {
    const HEADER: &'static [&'static str] = &["UPDATE", "RUNS", "AVAILABLE", "MAY DO MORE", "WHAT TO DO"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.application_id.clone(),
            self.running_version.clone(),
            self.available_version.clone(),
            self.widens.join("\n"),
            self.sentence.clone(),
        ]
    }
}

impl Row for ProjectsView {
    const HEADER: &'static [&'static str] = &["PROJECTS OF", "PERMITTED", "KNOWN", "WHAT TO DO"];

    fn cells(&self) -> Vec<String> {
        vec![self.application_id.clone(), self.permitted.to_string(), self.known.to_string(), self.sentence.clone()]
    }
}

impl From<v1::ChecklistAccount> for AccountView {
    fn from(account: v1::ChecklistAccount) -> AccountView {
        let called = |called: v1::CalledVersion| {
            let name = called.version.unwrap_or_default();
            CalledView {
                context: name.context,
                version: name.version,
                recent_calls: called.recent_calls,
                last_use_time: time(called.last_use_time),
            }
        };
        let suggestion = |suggestion: v1::AccountSuggestion| SuggestionView {
            sureness: wire_name(suggestion.sureness, v1::Sureness::as_str_name, "SURENESS_"),
            application_id: suggestion.application_id,
            application_name: suggestion.application_name,
            owner: suggestion.owner,
            sentence: suggestion.sentence,
            developer_contacts: suggestion.developer_contacts,
        };
        AccountView {
            removal: wire_name(account.removal, v1::RemovalVerdict::as_str_name, "REMOVAL_VERDICT_"),
            account_id: account.account_id,
            name: account.name,
            application_id: account.application_id,
            undefined: account.undefined,
            create_time: time(account.create_time),
            end_time: time(account.end_time),
            days_left: account.days_left,
            last_use_time: time(account.last_use_time),
            called: account.called.into_iter().map(called).collect(),
            replacement_first_use_time: time(account.replacement_first_use_time),
            replacement_last_use_time: time(account.replacement_last_use_time),
            removal_sentence: account.removal_sentence,
            suggestion: account.suggestion.map(suggestion),
        }
    }
}

impl From<v1::GetCompanyChecklistResponse> for CompanyView {
    fn from(list: v1::GetCompanyChecklistResponse) -> CompanyView {
        let installation = |installation: v1::ChecklistInstallation| InstallationView {
            application_id: installation.application_id,
            application_name: installation.application_name,
            version: installation.version,
            sentence: installation.sentence,
            developer_contacts: installation.developer_contacts,
        };
        let update = |update: v1::ChecklistUpdate| UpdateView {
            application_id: update.application_id,
            application_name: update.application_name,
            running_version: update.running_version,
            available_version: update.available_version,
            widens: update.widens,
            sentence: update.sentence,
        };
        let projects = |projects: v1::ChecklistProjects| ProjectsView {
            application_id: projects.application_id,
            application_name: projects.application_name,
            permitted: projects.permitted,
            known: projects.known,
            sentence: projects.sentence,
        };
        CompanyView {
            company_id: list.company_id,
            company_name: list.company_name,
            next_step: list.next_step,
            steps: list.steps.into_iter().map(StepView::from).collect(),
            accounts: list.accounts.into_iter().map(AccountView::from).collect(),
            installations: list.installations.into_iter().map(installation).collect(),
            updates: list.updates.into_iter().map(update).collect(),
            projects: list.projects.into_iter().map(projects).collect(),
            risks: list.risks.into_iter().map(MigrationView::from).collect(),
            extension_until_time: time(list.extension.and_then(|extension| extension.until_time)),
            extension_sentence: list.extension_sentence,
            sunset_time: time(list.sunset_time),
            days_left: list.days_left,
            calls_known_since_time: time(list.calls_known_since_time),
            installations_truncated: list.installations_truncated,
        }
    }
}

/// A table, if there is anything in it.
fn table_of<T: Row>(rows: &[T]) -> String {
    if rows.is_empty() { String::new() } else { table(rows) }
}

impl CompanyView {
    /// All of it, for people.
    pub fn text(&self) -> String {
        let next = if self.next_step.is_empty() { "nothing that the company can do now" } else { &self.next_step };
        let risks: Vec<String> = self.risks.iter().map(MigrationView::risk_text).collect();
        let fields = [
            ("company", format!("{} ({})", self.company_name, self.company_id)),
            ("next", next.to_owned()),
            ("sunset", until(&self.sunset_time, self.days_left)),
            ("extension", self.extension_sentence.clone()),
            ("at risk", risks.join("\n")),
            ("calls known since", or_empty(&self.calls_known_since_time)),
        ];
        [
            field_lines(&fields),
            table(&self.steps),
            table_of(&self.accounts),
            table_of(&self.installations),
            table_of(&self.updates),
            table_of(&self.projects),
        ]
        .concat()
    }

    /// Its steps, then what they are about.
    pub fn lines(&self) -> Vec<Line> {
        let line = |topic: &str, subject: &str, state: &str, sentence: &str| {
            [self.company_id.as_str(), topic, subject, state, "", sentence].map(str::to_owned)
        };
        let mut lines: Vec<Line> = self.steps.iter().map(|step| step.line(&self.company_id)).collect();
        for account in &self.accounts {
            if let Some(suggestion) = &account.suggestion {
                lines.push(line("SUGGESTION", &account.account_id, &suggestion.sureness, &suggestion.sentence));
            }
            lines.push(line("ACCOUNT", &account.account_id, &account.removal, &account.removal_sentence));
        }
        let installations = self.installations.iter();
        lines.extend(
            installations.map(|item| line("INSTALLATION", &item.application_id, &item.version, &item.sentence)),
        );
        let updates = self.updates.iter();
        lines.extend(updates.map(|item| line("UPDATE", &item.application_id, &item.available_version, &item.sentence)));
        lines.extend(self.projects.iter().map(|item| line("PROJECTS", &item.application_id, "", &item.sentence)));
        let risks = self.risks.iter().map(|risk| line("RISK", risk.subject(), risk.phase(), &risk.risk_text()));
        lines.extend(risks);
        lines
    }
}
