//! Checklists: what the developer of an application, and what a company, has to do next.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use devhub_proto::v1;
use tonic::Status;

use super::shown::{administrators, days_left, render};
use crate::domain::application::Application;
use crate::domain::company::Company;
use crate::domain::credential_class::ClassSchedule;
use crate::domain::fact::instant_text;
use crate::domain::migration::{Phase, Step, next_step};
use crate::domain::name::{ApplicationId, CompanyId, Email};
use crate::domain::refusal::Refusal;
use crate::domain::service_account::{AccountType, latest_extension};
use crate::domain::usage::{RECENT_DAYS, Usage};
use crate::hub::{
    CompanyReport, DeveloperReport, Failure, Hub, INSTALLATIONS_MAX, LiveAccount, Page, Replacement, Replacing,
    ShortOfProjects, View, WaitingUpdate,
};
use crate::rpc::parse::{Fields, Query};
use crate::rpc::read;
use crate::wire::{self, Word, timestamp};

/// Applications of a person that are looked up together.
const STEP: usize = 64;

fn steps(steps: &[Step]) -> (Vec<v1::ChecklistStep>, String) {
    let step = |step: &Step| v1::ChecklistStep {
        kind: step.kind.number(),
        state: step.state.number(),
        sentence: step.sentence.clone(),
        left: step.left,
    };
    let next = next_step(steps).map(|step| step.sentence.clone()).unwrap_or_default();
    (steps.iter().map(step).collect(), next)
}

fn render_developer(
    application: &Application,
    report: DeveloperReport,
    sunset: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> v1::DeveloperChecklist {
    let count = |phase: Phase| v1::PhaseCount { phase: phase.number(), count: report.phases[phase.index()] };
    let sum = |wanted: fn(Phase) -> bool| super::sum(&report.phases, wanted);
    let (steps, next_step) = steps(&report.steps);
    let waiting = report.waiting.iter().map(|waiting| v1::WaitingVersion {
        version: waiting.number.to_string(),
        state: waiting.state.number(),
        has_service_account: waiting.has_service_account,
        sentence: waiting.sentence.to_owned(),
    });
    v1::DeveloperChecklist {
        application_id: application.id.to_string(),
        application_name: application.name.clone(),
        owner: application.owner.clone(),
        phases: Phase::ALL.into_iter().map(count).collect(),
        companies: sum(|_| true),
        at_risk: sum(Phase::is_at_risk),
        steps,
        next_step,
        waiting_versions: waiting.collect(),
        outdated_installations: report.outdated,
        outdated_company_ids: report.outdated_companies.iter().map(ToString::to_string).collect(),
        installations_truncated: report.truncated,
        sunset_time: sunset.map(timestamp),
        days_left: days_left(sunset, now),
    }
}

/// The checklist of one application, or of each that a person works on.
pub(super) async fn of_developer(
    hub: &View,
    message: v1::ListDeveloperChecklistsRequest,
) -> Result<v1::ListDeveloperChecklistsResponse, Status> {
    let mut fields = Fields::default();
    let application = fields.name_or_none::<ApplicationId>("application_id", &message.application_id);
    let person = (!message.collaborator.is_empty())
        .then(|| {
            Email::lenient(&message.collaborator).map_err(|error| fields.violate("collaborator", error.to_string()))
        })
        .and_then(Result::ok);
    if message.application_id.is_empty() == message.collaborator.is_empty() {
        fields.violate("application_id", "give either an application or a collaborator");
    }
    let supposed = fields.instant("supposed_sunset_time", message.supposed_sunset_time.as_ref());
    let size = fields.page_size(message.page_size);
    fields.check()?;
    let parameters = [&*message.application_id, &*message.collaborator, &*format!("{supposed:?}")];
    let query = Query::new(hub.page_seals(), "ListDeveloperChecklists", &parameters).within(hub.scope());
    let after = query.cursor(&message.page_token)?;
    let page = read(hub, move |hub| match (application, person) {
        (Some(id), _) if !hub.works_on(&id) => Err(Refusal::ApplicationNotFound(id).into()),
        (Some(id), _) => one(hub, id, supposed),
        // Nobody else works on anything, as far as the caller sees.
        (None, Some(person)) if !hub.scope().is_everything() && hub.scope().email() != Some(&person) => {
            Ok(Page { items: Vec::new(), next: None })
        }
        (None, Some(person)) => of_person(hub, &person, supposed, after, size),
        (None, None) => Err(Failure::Defect),
    })
    .await?;
    let next_page_token = query.token(page.next);
    Ok(v1::ListDeveloperChecklistsResponse { checklists: page.items, next_page_token })
}

fn one(hub: &Hub, id: ApplicationId, supposed: Option<DateTime<Utc>>) -> Result<Page<v1::DeveloperChecklist>, Failure> {
    let now = hub.now();
    let application = hub.application(&id)?.ok_or(Refusal::ApplicationNotFound(id))?;
    let report = hub.developer_report(&application, now, supposed)?;
    Ok(Page { items: vec![render_developer(&application, report, hub.sunset_or(supposed), now)], next: None })
}

fn of_person(
    hub: &Hub,
    person: &Email,
    supposed: Option<DateTime<Utc>>,
    after: Option<Bytes>,
    size: usize,
) -> Result<Page<v1::DeveloperChecklist>, Failure> {
    let (now, sunset) = (hub.now(), hub.sunset_or(supposed));
    let (mut items, mut cursor, mut looked_at) = (Vec::new(), after, 0);
    loop {
        let last = cursor.as_deref().and_then(|cursor| std::str::from_utf8(cursor).ok());
        let ids = hub.index().worked_on_by(person, last, STEP);
        let complete = ids.len() < STEP;
        for id in ids {
            if items.len() == size || looked_at >= INSTALLATIONS_MAX {
                return Ok(Page { items, next: cursor });
            }
            looked_at += 1;
            if let Some(application) = hub.application(&id)?.filter(|found| found.deletion.is_none()) {
                let report = hub.developer_report(&application, now, supposed)?;
                looked_at += report.looked_at;
                if report.concerned {
                    items.push(render_developer(&application, report, sunset, now));
                }
            }
            cursor = Some(Bytes::copy_from_slice(id.as_str().as_bytes()));
        }
        if complete {
            return Ok(Page { items, next: None });
        }
    }
}

/// The checklist of a company.
pub(super) async fn of_company(
    hub: &View,
    message: v1::GetCompanyChecklistRequest,
) -> Result<v1::GetCompanyChecklistResponse, Status> {
    let mut fields = Fields::default();
    let id = fields.name::<CompanyId>("company_id", &message.company_id);
    let supposed = fields.instant("supposed_sunset_time", message.supposed_sunset_time.as_ref());
    let Some(id) = id else { return Err(fields.refuse()) };
    fields.check()?;
    read(hub, move |hub| {
        let now = hub.now();
        let company = hub.company(&id)?.filter(|company| hub.administers(&company.id));
        let company = company.ok_or(Refusal::CompanyNotFound(id))?;
        let report = hub.company_report(&company, now, supposed)?;
        render_company(hub, &company, report, hub.sunset_or(supposed), now)
    })
    .await
}

fn render_company(
    hub: &Hub,
    company: &Company,
    report: CompanyReport,
    sunset: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<v1::GetCompanyChecklistResponse, Failure> {
    let (steps, next_step) = steps(&report.steps);
    let risks = report.risks.iter().map(|migration| render(hub, migration, now)).collect::<Result<_, _>>()?;
    Ok(v1::GetCompanyChecklistResponse {
        company_id: company.id.to_string(),
        company_name: company.name.clone(),
        steps,
        next_step,
        accounts: report.accounts.iter().map(|account| render_account(account, sunset, now)).collect(),
        installations: report.replacements.iter().map(render_replacement).collect(),
        updates: report.updates.iter().map(render_update).collect(),
        projects: report.projects.iter().map(render_projects).collect(),
        risks,
        extension: company.extension.as_ref().map(wire::account_extension),
        extension_sentence: extension(company, sunset, now),
        sunset_time: sunset.map(timestamp),
        days_left: days_left(sunset, now),
        calls_known_since_time: Some(timestamp(report.known_since)),
        installations_truncated: report.truncated,
    })
}

/// What an extension would be or is (rule B88).
fn extension(company: &Company, sunset: Option<DateTime<Utc>>, now: DateTime<Utc>) -> String {
    match (&company.extension, sunset) {
        (Some(extension), _) => format!(
            "An operator has extended the old accounts until {}; a company has one extension, so finish by then.",
            instant_text(Some(extension.until))
        ),
        (None, Some(sunset)) => {
            let latest = latest_extension(sunset);
            if latest <= now {
                return "No extension is possible any more: install what replaces the old accounts.".to_owned();
            }
            format!(
                "If you cannot finish, ask an operator for the one extension that a company can have, until {} at the \
                 latest.",
                instant_text(Some(latest))
            )
        }
        (None, None) => String::new(),
    }
}

fn render_account(live: &LiveAccount, sunset: Option<DateTime<Utc>>, now: DateTime<Utc>) -> v1::ChecklistAccount {
    let account = &live.account;
    let ends_at = account.ends_at(&ClassSchedule { sunset_at: sunset, ..ClassSchedule::default() });
    let suggestion = live.suggestion.as_ref().map(|(suggestion, application)| v1::AccountSuggestion {
        application_id: application.id.to_string(),
        application_name: application.name.clone(),
        owner: application.owner.clone(),
        sureness: suggestion.sureness.number(),
        sentence: suggestion.sentence.clone(),
        developer_contacts: administrators(application),
    });
    let called = live.called.iter().map(|(name, usage)| v1::CalledVersion {
        version: Some(wire::version_name(name)),
        recent_calls: usage.calls_in(RECENT_DAYS, now),
        last_use_time: Usage::last_call(usage).map(timestamp),
    });
    v1::ChecklistAccount {
        account_id: account.id.to_string(),
        name: account.name.clone(),
        application_id: account.account_type.application().map(ToString::to_string).unwrap_or_default(),
        undefined: account.account_type == AccountType::Undefined,
        create_time: Some(timestamp(account.created_at)),
        end_time: ends_at.map(timestamp),
        days_left: days_left(ends_at, now),
        last_use_time: live.last_used.map(timestamp),
        called: called.collect(),
        replacement_first_use_time: live.replacement_first_used.map(timestamp),
        replacement_last_use_time: live.replacement_last_used.map(timestamp),
        removal: live.removal.0.number(),
        removal_sentence: live.removal.1.clone(),
        suggestion,
    }
}

fn render_replacement(replacement: &Replacement) -> v1::ChecklistInstallation {
    let (application_id, application_name, developer_contacts) = match &replacement.by {
        Replacing::Application(application) => {
            (application.id.to_string(), application.name.clone(), administrators(application))
        }
        Replacing::Developer { name, email } => (String::new(), name.clone(), vec![email.to_string()]),
    };
    v1::ChecklistInstallation {
        application_id,
        application_name,
        version: replacement.version.as_ref().map(ToString::to_string).unwrap_or_default(),
        sentence: replacement.sentence.clone(),
        developer_contacts,
    }
}

fn render_update(update: &WaitingUpdate) -> v1::ChecklistUpdate {
    let (name, available) = (&update.application.name, &update.available);
    let sentence = if update.widenings.is_empty() {
        format!("Update {name} to {available}: it asks for no wider permissions.")
    } else {
        format!(
            "Look at what {name} {available} may do beyond {}, and approve of it with the update or not.",
            update.running
        )
    };
    v1::ChecklistUpdate {
        application_id: update.application.id.to_string(),
        application_name: name.clone(),
        running_version: update.running.to_string(),
        available_version: available.to_string(),
        widens: update.widenings.iter().map(ToString::to_string).collect(),
        sentence,
    }
}

fn render_projects(short: &ShortOfProjects) -> v1::ChecklistProjects {
    let name = &short.application.name;
    let sentence = match short.permitted {
        0 => format!("Permit the projects that {name} is to reach: it reaches none, and the old account every one."),
        permitted => format!(
            "Permit the rest of the projects that {name} is to reach, or leave them out on purpose: it reaches {permitted} \
             of {}, and the old account every one.",
            short.known
        ),
    };
    v1::ChecklistProjects {
        application_id: short.application.id.to_string(),
        application_name: name.clone(),
        permitted: short.permitted as u64,
        known: short.known as u64,
        sentence,
    }
}
