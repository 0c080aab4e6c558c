//! What the developer of an application has to do.

use std::collections::BTreeMap;

use devhub_proto::v1;
use serde::Serialize;

use super::{Line, StepView, until};
use crate::cli::output::{Row, field_lines, table};
use crate::cli::view::migration::phase;
use crate::cli::view::time;
use crate::cli::words::wire_name;

/// What the developer of an application has to do.
#[derive(Debug, Clone, Serialize)]
pub struct DeveloperView {
    application_id: String,
    application_name: String,
    owner: String,
    next_step: String,
    steps: Vec<StepView>,
    phases: BTreeMap<String, u64>,
    companies: u64,
    at_risk: u64,
    waiting_versions: Vec<WaitingView>,
    outdated_installations: u64,
    outdated_company_ids: Vec<String>,
    installations_truncated: bool,
    sunset_time: Option<String>,
    days_left: Option<i64>,
}

/// A version that companies cannot be given yet.
#[derive(Debug, Clone, Serialize)]
struct WaitingView {
    version: String,
    state: String,
    has_service_account: bool,
    sentence: String,
}

impl Row for WaitingView {
    const HEADER: &'static [&'static str] = &["VERSION", "STATE", "SERVICE ACCOUNT", "WAITS FOR"];

    fn cells(&self) -> Vec<String> {
        let has = if self.has_service_account { "yes" } else { "no" };
        vec![self.version.clone(), self.state.clone(), has.to_owned(), self.sentence.clone()]
    }
}

impl From<v1::DeveloperChecklist> for DeveloperView {
    fn from(list: v1::DeveloperChecklist) -> DeveloperView {
        let waiting = |waiting: v1::WaitingVersion| WaitingView {
            state: wire_name(waiting.state, v1::AppVersionState::as_str_name, "APP_VERSION_STATE_"),
            version: waiting.version,
            has_service_account: waiting.has_service_account,
            sentence: waiting.sentence,
        };
        DeveloperView {
            application_id: list.application_id,
            application_name: list.application_name,
            owner: list.owner,
            next_step: list.next_step,
            steps: list.steps.into_iter().map(StepView::from).collect(),
            phases: list.phases.into_iter().map(|counted| (phase(counted.phase), counted.count)).collect(),
            companies: list.companies,
            at_risk: list.at_risk,
            waiting_versions: list.waiting_versions.into_iter().map(waiting).collect(),
            outdated_installations: list.outdated_installations,
            outdated_company_ids: list.outdated_company_ids,
            installations_truncated: list.installations_truncated,
            sunset_time: time(list.sunset_time),
            days_left: list.days_left,
        }
    }
}

impl DeveloperView {
    /// All of it, for people.
    pub fn text(&self) -> String {
        let phases =
            self.phases.iter().filter(|(_, count)| **count > 0).map(|(phase, count)| format!("{count} {phase}"));
        let next = if self.next_step.is_empty() { "nothing that the developer can do now" } else { &self.next_step };
        let more = if self.installations_truncated { " or more" } else { "" };
        let outdated = match self.outdated_installations {
            0 => String::new(),
            count => format!("{count}{more}: {}", self.outdated_company_ids.join(" ")),
        };
        let fields = [
            ("application", format!("{} ({})", self.application_name, self.application_id)),
            ("owner", self.owner.clone()),
            ("next", next.to_owned()),
            ("sunset", until(&self.sunset_time, self.days_left)),
            ("companies", format!("{}, {} at risk", self.companies, self.at_risk)),
            ("phases", phases.collect::<Vec<_>>().join("\n")),
            ("run an old version", outdated),
        ];
        let waiting = if self.waiting_versions.is_empty() { String::new() } else { table(&self.waiting_versions) };
        field_lines(&fields) + &table(&self.steps) + &waiting
    }

    /// Its steps, then its waiting versions.
    pub fn lines(&self) -> Vec<Line> {
        let of = &self.application_id;
        let waiting = self.waiting_versions.iter().map(|waiting| {
            let (subject, state) = (waiting.version.clone(), waiting.state.clone());
            [of.clone(), "WAITING_VERSION".to_owned(), subject, state, String::new(), waiting.sentence.clone()]
        });
        self.steps.iter().map(|step| step.line(of)).chain(waiting).collect()
    }
}
