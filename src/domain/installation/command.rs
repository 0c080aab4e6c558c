//! Commands about installations, for administrators of the company and operators.

use chrono::{DateTime, Utc};

use super::brought::Installed;
use super::offer::{Approval, check_approved, check_credentials, check_new, check_version, target};
use super::{INTERVALS_MAX, Installation, Interval, PROJECTS_MAX, PermittedProjects};
use crate::domain::app_version::{AppVersion, AppVersionNumber, Step, Widening};
use crate::domain::application::Application;
use crate::domain::company::Company;
use crate::domain::fact::{Fact, FactKind, Subject};
use crate::domain::name::{ApplicationId, CompanyId, ServiceUserId};
use crate::domain::organisation::owner_key;
use crate::domain::outcome::{Judgement, Outcome};
use crate::domain::record::{Record, RecordKey, Records};
use crate::domain::refusal::{Refusal, Violation};
use crate::domain::setting::Setting;

/// Command: install an application in a company, again or for the first time.
#[derive(Debug, Clone)]
pub struct Install {
    /// The application.
    pub application: ApplicationId,
    /// The company.
    pub company: CompanyId,
    /// The version; `None` for the newest that is available to the company.
    pub version: Option<AppVersionNumber>,
    /// The projects that it may reach; `None` keeps those of the installation before.
    pub projects: Option<PermittedProjects>,
    /// Id of the user that acts for the application, if one is to be made.
    pub service_user: ServiceUserId,
    /// Whether the company approves of more than the version before could do.
    pub approval: Approval,
    /// Since when it is installed.
    pub installed: Installed,
    /// The revision last read, if the change depends on it.
    pub etag: Option<u64>,
}

/// Command: let an installation run another version.
#[derive(Debug, Clone)]
pub struct UpdateInstallation {
    /// The application.
    pub application: ApplicationId,
    /// The company.
    pub company: CompanyId,
    /// The version; `None` for the newest that is available to the company.
    pub version: Option<AppVersionNumber>,
    /// Id of the user that acts for the application, if one is to be made.
    pub service_user: ServiceUserId,
    /// Whether the company approves of more than the version before can do.
    pub approval: Approval,
    /// The revision last read, if the change depends on it.
    pub etag: Option<u64>,
}

/// Command: uninstall an application from a company.
#[derive(Debug, Clone)]
pub struct Uninstall {
    /// The application.
    pub application: ApplicationId,
    /// The company.
    pub company: CompanyId,
    /// Why.
    pub reason: String,
    /// The revision last read, if the change depends on it.
    pub etag: Option<u64>,
}

/// Command: set the projects that an installation may reach.
#[derive(Debug, Clone)]
pub struct SetPermittedProjects {
    /// The application.
    pub application: ApplicationId,
    /// The company.
    pub company: CompanyId,
    /// The projects.
    pub projects: PermittedProjects,
    /// The revision last read, if the change depends on it.
    pub etag: Option<u64>,
}

fn reads(application: &ApplicationId, company: &CompanyId) -> Vec<RecordKey> {
    // The installation first: it is what commands race for.
    vec![
        RecordKey::Installation(application.clone(), company.clone()),
        RecordKey::Application(application.clone()),
        RecordKey::Company(company.clone()),
    ]
}

/// What a choice of a version depends on.
fn version_reads(application: &ApplicationId) -> [RecordKey; 2] {
    [RecordKey::Releases(application.clone()), RecordKey::Listing(application.clone())]
}

/// Where the versions are kept that a command is about: the one it means, and the one that runs, or ran last.
fn version_follows(
    application: &ApplicationId,
    company: &CompanyId,
    named: Option<&AppVersionNumber>,
    records: &Records,
) -> Vec<RecordKey> {
    let running = records.installation(application, company).map(|known| known.version.clone());
    let numbers = target(named, application, company, records).into_iter().chain(running);
    numbers.map(|number| RecordKey::AppVersion(application.clone(), number)).collect()
}

/// The version that a command is about.
fn version<'r>(
    application: &ApplicationId,
    company: &CompanyId,
    named: Option<&AppVersionNumber>,
    records: &'r Records,
) -> Result<&'r AppVersion, Refusal> {
    let number = target(named, application, company, records)
        .ok_or_else(|| Refusal::NoVersionAvailable { application: application.clone(), company: company.clone() })?;
    records.needed_app_version(application, &number)
}

fn project_reads(company: &CompanyId, projects: Option<&PermittedProjects>) -> Vec<RecordKey> {
    match projects {
        Some(PermittedProjects::Only(projects)) => projects
            .iter()
            .take(PROJECTS_MAX)
            .map(|project| RecordKey::Project(company.clone(), project.clone()))
            .collect(),
        Some(PermittedProjects::All) | None => Vec::new(),
    }
}

/// Refuses too many projects, and those that the company does not have.
fn check_projects(company: &Company, projects: &PermittedProjects, records: &Records) -> Result<(), Refusal> {
    let PermittedProjects::Only(projects) = projects else { return Ok(()) };
    if projects.len() > PROJECTS_MAX {
        return Err(Refusal::LimitReached { what: "permitted projects of one installation", limit: PROJECTS_MAX });
    }
    let unknown: Vec<_> =
        projects.iter().filter(|project| records.project(&company.id, project).is_none()).cloned().collect();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(Refusal::ProjectsUnknown { company: company.id.clone(), projects: unknown })
}

/// The installation that is there, application and company, if the actor decides for the company.
fn load<'r>(
    application: &ApplicationId,
    company: &CompanyId,
    etag: Option<u64>,
    records: &'r Records,
    setting: &Setting<'_>,
) -> Result<(&'r Installation, &'r Application, &'r Company), Refusal> {
    let company = records.needed_company(company)?;
    company.administrator(setting)?;
    let not_found = || Refusal::InstallationNotFound { application: application.clone(), company: company.id.clone() };
    let known = records.installation(application, &company.id).ok_or_else(not_found)?;
    records.check_etag(&known.key(), etag)?;
    if !known.is_installed() {
        return Err(not_found());
    }
    Ok((known, records.needed_application(application)?, company))
}

pub(super) fn subject(application: &Application, company: &Company) -> Subject {
    Subject { company: Some(company.id.clone()), ..application.subject() }
}

/// The fact of a version that begins to run.
fn runs(
    kind: FactKind,
    subject: Subject,
    before: Option<(&Installation, &AppVersion)>,
    after: &Installation,
    version: &AppVersion,
    widenings: &[Widening],
) -> Fact {
    let text = |of: fn(&Installation) -> String| before.map(|(before, _)| of(before)).unwrap_or_default();
    let user = |installation: &Installation| {
        installation.service_user.as_ref().map(ServiceUserId::to_string).unwrap_or_default()
    };
    let widened: Vec<String> = widenings.iter().map(Widening::to_string).collect();
    Fact::new(kind, subject)
        .change("app_version", text(|before| before.version.to_string()), &version.number)
        .change("permitted_projects", text(|before| before.projects.text()), after.projects.text())
        .change("service_user", text(user), user(after))
        .change(
            "permissions",
            before.map(|(_, version)| version.permissions.text()).unwrap_or_default(),
            version.permissions.text(),
        )
        .change("approved_wider_permissions", "", widened.join(", "))
}

/// The user that acts for the application: kept once it was made, made when a version first needs it (rule B76).
fn service_user(before: Option<&Installation>, version: &AppVersion, fresh: &ServiceUserId) -> Option<ServiceUserId> {
    let known = before.and_then(|before| before.service_user.clone());
    known.or_else(|| version.has_service_account().then(|| fresh.clone()))
}

/// The times of an installation that runs `version` from an instant on.
fn extended(mut intervals: Vec<Interval>, version: &AppVersion, from: DateTime<Utc>) -> Result<Vec<Interval>, Refusal> {
    let service_account = version.has_service_account();
    if let Some(open) = intervals.last_mut().filter(|last| last.until.is_none()) {
        if open.service_account == service_account {
            return Ok(intervals);
        }
        open.until = Some(from);
    }
    if intervals.len() >= INTERVALS_MAX {
        return Err(Refusal::HistoryFull {
            what: "installations of this application in this company",
            limit: INTERVALS_MAX,
            remedy: "register the application anew and install that",
        });
    }
    intervals.push(Interval { from, until: None, service_account, first_used_at: None });
    Ok(intervals)
}

impl Install {
    pub(in crate::domain) fn reads(&self) -> Vec<RecordKey> {
        reads(&self.application, &self.company)
            .into_iter()
            .chain(version_reads(&self.application))
            .chain([RecordKey::CredentialClass])
            .chain(project_reads(&self.company, self.projects.as_ref()))
            .collect()
    }

    pub(in crate::domain) fn follows(&self, records: &Records) -> Vec<RecordKey> {
        let owner = owner_key(records.application(&self.application));
        let versions = version_follows(&self.application, &self.company, self.version.as_ref(), records);
        owner.into_iter().chain(versions).collect()
    }

    /// The permitted projects: those given, else those of the installation before.
    fn permitted(&self, before: Option<&Installation>) -> Result<PermittedProjects, Refusal> {
        match (&self.projects, before) {
            (Some(projects), _) => Ok(projects.clone()),
            (None, Some(before)) => Ok(before.projects.clone()),
            (None, None) => Err(Refusal::InvalidFields(vec![Violation {
                field: "permitted_projects".to_owned(),
                sentence: "must be given with the first installation: all projects, or a list of them".to_owned(),
            }])),
        }
    }

    pub(in crate::domain) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        let company = records.needed_company(&self.company)?;
        company.administrator(setting)?;
        let since = self.installed.step(setting)?;
        let application = records.needed_application(&self.application)?;
        let key = RecordKey::Installation(self.application.clone(), self.company.clone());
        let before = records.installation(&self.application, &self.company);
        if let Some(known) = before
            && let Some(unchanged) = self.again(known)?
        {
            return Ok(unchanged);
        }
        application.not_deleted()?;
        application.not_blocked()?;
        records.check_etag(&key, self.etag)?;
        if let Some(installed) = before.filter(|before| before.is_installed()) {
            return Err(Refusal::AlreadyInstalled {
                application: self.application.clone(),
                company: self.company.clone(),
                number: installed.version.clone(),
            });
        }
        check_credentials(application, company)?;
        let version = version(&self.application, &self.company, self.version.as_ref(), records)?;
        if self.installed == Installed::Now {
            check_new(application, company, records, setting.now)?;
        }
        check_version(version, company, records, setting.now)?;
        let projects = self.permitted(before)?;
        if let Some(given) = &self.projects {
            check_projects(company, given, records)?;
        }
        let ran = match before {
            Some(before) => Some((before, records.needed_app_version(&self.application, &before.version)?)),
            None => None,
        };
        let widenings = match ran {
            Some((_, ran)) => check_approved(ran, version, company, self.approval, setting)?,
            // Who installs for the first time sees all that the version may do.
            None => Vec::new(),
        };
        let ended = before.map(|before| before.intervals.clone()).unwrap_or_default();
        let intervals = extended(ended, version, since.at)?;
        let installation = Installation {
            application: self.application.clone(),
            client_id: application.client_id.clone(),
            company: self.company.clone(),
            version: version.number.clone(),
            projects,
            service_user: service_user(before, version, &self.service_user),
            intervals,
            changed: since,
        };
        let kind = self.installed.fact_kind();
        let fact = runs(kind, subject(application, company), ran, &installation, version, &widenings);
        let fact = self.installed.tell(fact, &installation.changed);
        Ok(Outcome::write(key, Record::Installation(installation), fact))
    }
}

impl UpdateInstallation {
    pub(in crate::domain) fn reads(&self) -> Vec<RecordKey> {
        let versions = version_reads(&self.application);
        reads(&self.application, &self.company).into_iter().chain(versions).collect()
    }

    pub(in crate::domain) fn follows(&self, records: &Records) -> Vec<RecordKey> {
        version_follows(&self.application, &self.company, self.version.as_ref(), records)
    }

    pub(in crate::domain) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        let (before, application, company) = load(&self.application, &self.company, self.etag, records, setting)?;
        application.not_deleted()?;
        application.not_blocked()?;
        let version = version(&self.application, &self.company, self.version.as_ref(), records)?;
        if before.version == version.number {
            return Err(Refusal::NothingToDo("the installation runs this version already"));
        }
        check_version(version, company, records, setting.now)?;
        let running = records.needed_app_version(&self.application, &before.version)?;
        let widenings = check_approved(running, version, company, self.approval, setting)?;
        let after = Installation {
            version: version.number.clone(),
            service_user: service_user(Some(before), version, &self.service_user),
            intervals: extended(before.intervals.clone(), version, setting.now)?,
            changed: Step { by: setting.actor.to_string(), at: setting.now },
            ..before.clone()
        };
        let subject = subject(application, company);
        let before = Some((before, running));
        let fact = runs(FactKind::InstallationUpdated, subject, before, &after, version, &widenings);
        Ok(Outcome::write(after.key(), Record::Installation(after), fact))
    }
}

impl Uninstall {
    pub(in crate::domain) fn reads(&self) -> Vec<RecordKey> {
        reads(&self.application, &self.company)
    }

    pub(in crate::domain) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        let (before, application, company) = load(&self.application, &self.company, self.etag, records, setting)?;
        let mut after = before.clone();
        if let Some(last) = after.intervals.last_mut() {
            last.until = Some(setting.now);
        }
        after.changed = Step { by: setting.actor.to_string(), at: setting.now };
        let fact = Fact::new(FactKind::AppUninstalled, subject(application, company))
            .change("app_version", &before.version, "")
            .because(&self.reason);
        Ok(Outcome::write(after.key(), Record::Installation(after), fact))
    }
}

impl SetPermittedProjects {
    pub(in crate::domain) fn reads(&self) -> Vec<RecordKey> {
        let projects = project_reads(&self.company, Some(&self.projects));
        reads(&self.application, &self.company).into_iter().chain(projects).collect()
    }

    pub(in crate::domain) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        let (before, application, company) = load(&self.application, &self.company, self.etag, records, setting)?;
        check_projects(company, &self.projects, records)?;
        if before.projects == self.projects {
            return Ok(Outcome::unchanged(before.key(), Record::Installation(before.clone())));
        }
        let after = Installation {
            projects: self.projects.clone(),
            changed: Step { by: setting.actor.to_string(), at: setting.now },
            ..before.clone()
        };
        let fact = Fact::new(FactKind::PermittedProjectsChanged, subject(application, company)).change(
            "permitted_projects",
            before.projects.text(),
            after.projects.text(),
        );
        Ok(Outcome::write(after.key(), Record::Installation(after), fact))
    }
}
