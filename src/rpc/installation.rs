//! InstallationService: which company runs what.

mod import;

use std::collections::BTreeSet;

use devhub_proto::v1;
use devhub_proto::v1::installation_service_server::InstallationService;
use tokio::sync::watch;
use tonic::{Request, Response, Status, Streaming};

use super::import::{Answers, Imports};
use super::parse::{self, Fields, Query, REASON_CHARS_MAX};
use super::{execute, read, record, revision, seen, status};
use crate::domain::installation::{
    Approval, Install, Installation, Installed, Interval, PROJECTS_MAX, PermittedProjects, SetPermittedProjects,
    Uninstall, UpdateInstallation,
};
use crate::domain::name::{ApplicationId, CompanyId, ProjectId};
use crate::domain::record::{Record, RecordKey};
use crate::domain::refusal::Refusal;
use crate::hub::{Answer, AvailableUpdate, Failure, Hub, Mode, Page, Stored, Updates};
use crate::ids;
use crate::store::codec::Kind;
use crate::wire::timestamp;

/// Serves InstallationService.
pub struct InstallationRpc {
    hub: Hub,
    imports: Imports,
}

/// An installation with its update.
fn render(installation: &Installation, revision: u64, update: Option<AvailableUpdate>) -> v1::Installation {
    let (all, project_ids) = match &installation.projects {
        PermittedProjects::All => (true, Vec::new()),
        PermittedProjects::Only(projects) => (false, projects.iter().map(ToString::to_string).collect()),
    };
    let interval = |interval: &Interval| v1::InstallationInterval {
        start_time: Some(timestamp(interval.from)),
        end_time: interval.until.map(timestamp),
        first_use_time: interval.first_used_at.map(timestamp),
    };
    let state =
        if installation.is_installed() { v1::InstallationState::Installed } else { v1::InstallationState::Uninstalled };
    let (available, widenings) =
        update.map(|update| (update.version.to_string(), update.widenings)).unwrap_or_default();
    v1::Installation {
        application_id: installation.application.to_string(),
        company_id: installation.company.to_string(),
        state: state.into(),
        version: installation.version.to_string(),
        permitted_projects: Some(v1::PermittedProjects { all, project_ids }),
        service_user_id: installation.service_user.as_ref().map(ToString::to_string).unwrap_or_default(),
        intervals: installation.intervals.iter().map(interval).collect(),
        changed_by: installation.changed.by.clone(),
        change_time: Some(timestamp(installation.changed.at)),
        update_available: available,
        update_needs_approval: !widenings.is_empty(),
        update_widens: widenings.iter().map(ToString::to_string).collect(),
        etag: revision.to_string(),
    }
}

fn render_stored(stored: &Stored, updates: &mut Updates<'_>) -> Result<v1::Installation, Failure> {
    let Record::Installation(installation) = &stored.record else { return Err(Failure::Defect) };
    Ok(render(installation, stored.revision, updates.of(installation)?))
}

/// Application and company, which every request names.
fn names(fields: &mut Fields, application: &str, company: &str) -> Option<(ApplicationId, CompanyId)> {
    let application = fields.name("application_id", application);
    let company = fields.name("company_id", company);
    Some((application?, company?))
}

fn projects(fields: &mut Fields, given: Option<&v1::PermittedProjects>) -> Option<PermittedProjects> {
    let given = given?;
    if given.all {
        if !given.project_ids.is_empty() {
            fields.violate("permitted_projects.project_ids", "must be empty when all projects are permitted");
        }
        return Some(PermittedProjects::All);
    }
    if given.project_ids.len() > PROJECTS_MAX {
        let sentence = format!("at most {PROJECTS_MAX} are accepted; permit all projects, or fewer");
        fields.violate("permitted_projects.project_ids", sentence);
        return None;
    }
    let parse = |(position, text): (usize, &String)| {
        fields.name::<ProjectId>(&format!("permitted_projects.project_ids[{position}]"), text)
    };
    let parsed: BTreeSet<ProjectId> = given.project_ids.iter().enumerate().filter_map(parse).collect();
    Some(PermittedProjects::Only(parsed))
}

fn approval(given: bool) -> Approval {
    if given { Approval::Given } else { Approval::NotGiven }
}

impl InstallationRpc {
    /// Serves the installations of `hub`, until `stopping` becomes true.
    pub fn new(hub: Hub, stopping: watch::Receiver<bool>) -> InstallationRpc {
        InstallationRpc { imports: Imports::new(hub.clone(), stopping), hub }
    }

    /// The installation and the revision of a reply.
    fn written(&self, answer: Answer) -> Result<(Option<v1::Installation>, u64), Status> {
        let revision = revision(&answer);
        let installation = record!(answer.subject, Installation)?;
        let update = self.hub.updates(answer.at).of(&installation).map_err(status::failed)?;
        Ok((Some(render(&installation, answer.revision, update)), revision))
    }
}

#[tonic::async_trait]
impl InstallationService for InstallationRpc {
    async fn install(&self, request: Request<v1::InstallRequest>) -> Result<Response<v1::InstallResponse>, Status> {
        let actor = parse::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let request = fields.request("Install", &actor, &message, &message.request_id, Mode::Commit);
        let names = names(&mut fields, &message.application_id, &message.company_id);
        let version = fields.name_or_none("version", &message.version);
        let projects = projects(&mut fields, message.permitted_projects.as_ref());
        let etag = fields.etag(&message.etag);
        let Some((application, company)) = names.filter(|_| fields.is_clean()) else { return Err(fields.refuse()) };
        let service_user = ids::service_user(self.hub.now());
        let approval = approval(message.approve_wider_permissions);
        let installed = Installed::Now;
        let command = Install { application, company, version, projects, service_user, approval, installed, etag };
        let (installation, revision) = self.written(execute(&self.hub, actor, command, request).await?)?;
        Ok(Response::new(v1::InstallResponse { installation, revision }))
    }

    type ImportInstallationsStream = Answers<v1::ImportInstallationsResponse>;

    async fn import_installations(
        &self,
        request: Request<Streaming<v1::ImportInstallationsRequest>>,
    ) -> Result<Response<Self::ImportInstallationsStream>, Status> {
        self.imports.begin::<v1::InstallationElsewhere>(request)
    }

    async fn update_installation(
        &self,
        request: Request<v1::UpdateInstallationRequest>,
    ) -> Result<Response<v1::UpdateInstallationResponse>, Status> {
        let actor = parse::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let request = fields.request("UpdateInstallation", &actor, &message, &message.request_id, Mode::Commit);
        let names = names(&mut fields, &message.application_id, &message.company_id);
        let version = fields.name_or_none("version", &message.version);
        let etag = fields.etag(&message.etag);
        let Some((application, company)) = names.filter(|_| fields.is_clean()) else { return Err(fields.refuse()) };
        let service_user = ids::service_user(self.hub.now());
        let approval = approval(message.approve_wider_permissions);
        let command = UpdateInstallation { application, company, version, service_user, approval, etag };
        let (installation, revision) = self.written(execute(&self.hub, actor, command, request).await?)?;
        Ok(Response::new(v1::UpdateInstallationResponse { installation, revision }))
    }

    async fn uninstall(
        &self,
        request: Request<v1::UninstallRequest>,
    ) -> Result<Response<v1::UninstallResponse>, Status> {
        let actor = parse::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let request = fields.request("Uninstall", &actor, &message, &message.request_id, Mode::Commit);
        let names = names(&mut fields, &message.application_id, &message.company_id);
        let reason = fields.text("reason", &message.reason, REASON_CHARS_MAX);
        let etag = fields.etag(&message.etag);
        let Some((application, company)) = names.filter(|_| fields.is_clean()) else { return Err(fields.refuse()) };
        let command = Uninstall { application, company, reason, etag };
        let (installation, revision) = self.written(execute(&self.hub, actor, command, request).await?)?;
        Ok(Response::new(v1::UninstallResponse { installation, revision }))
    }

    async fn set_permitted_projects(
        &self,
        request: Request<v1::SetPermittedProjectsRequest>,
    ) -> Result<Response<v1::SetPermittedProjectsResponse>, Status> {
        let actor = parse::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let request = fields.request("SetPermittedProjects", &actor, &message, &message.request_id, Mode::Commit);
        let names = names(&mut fields, &message.application_id, &message.company_id);
        if message.permitted_projects.is_none() {
            fields.violate("permitted_projects", "must be given: all projects, or a list of them");
        }
        let projects = projects(&mut fields, message.permitted_projects.as_ref());
        let etag = fields.etag(&message.etag);
        let (Some((application, company)), Some(projects), true) = (names, projects, fields.is_clean()) else {
            return Err(fields.refuse());
        };
        let command = SetPermittedProjects { application, company, projects, etag };
        let (installation, revision) = self.written(execute(&self.hub, actor, command, request).await?)?;
        Ok(Response::new(v1::SetPermittedProjectsResponse { installation, revision }))
    }

    async fn get_installation(
        &self,
        request: Request<v1::GetInstallationRequest>,
    ) -> Result<Response<v1::GetInstallationResponse>, Status> {
        let hub = seen(&self.hub, &request)?;
        let message = request.get_ref();
        let mut fields = Fields::default();
        let names = names(&mut fields, &message.application_id, &message.company_id);
        let Some((application, company)) = names else { return Err(fields.refuse()) };
        let key = RecordKey::Installation(application.clone(), company.clone());
        let found = hub.get_one(key).map_err(status::failed)?;
        let stored = found.ok_or_else(|| status::refused(&Refusal::InstallationNotFound { application, company }))?;
        let mut updates = self.hub.updates(self.hub.now());
        let installation = Some(render_stored(&stored, &mut updates).map_err(status::failed)?);
        Ok(Response::new(v1::GetInstallationResponse { installation }))
    }

    async fn list_installations(
        &self,
        request: Request<v1::ListInstallationsRequest>,
    ) -> Result<Response<v1::ListInstallationsResponse>, Status> {
        let hub = seen(&self.hub, &request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let application = fields.name_or_none::<ApplicationId>("application_id", &message.application_id);
        let company = fields.name_or_none::<CompanyId>("company_id", &message.company_id);
        let company = company.or_else(|| hub.scope().company().cloned());
        let size = fields.page_size(message.page_size);
        fields.check()?;
        let shown = message.show_uninstalled.to_string();
        let query = Query::new(
            self.hub.page_seals(),
            "ListInstallations",
            &[&message.application_id, &message.company_id, &shown],
        );
        let query = query.within(hub.scope());
        let cursor = query.cursor(&message.page_token)?;
        let page = read(&hub, move |hub| {
            if company.as_ref().is_some_and(|company| !hub.administers(company)) {
                return Ok(Page { items: Vec::new(), next: None });
            }
            let mut updates = hub.updates(hub.now());
            let mut shown = |stored: Stored| {
                let Record::Installation(installation) = &stored.record else { return Err(Failure::Defect) };
                let wanted = (message.show_uninstalled || installation.is_installed())
                    && company.as_ref().is_none_or(|company| *company == installation.company);
                wanted.then(|| render_stored(&stored, &mut updates)).transpose()
            };
            match (&application, &company) {
                (Some(application), Some(company)) => {
                    let found = hub.get_one(RecordKey::Installation(application.clone(), company.clone()))?;
                    let items = found.map(&mut shown).transpose()?.flatten().into_iter().collect();
                    Ok(Page { items, next: None })
                }
                (None, Some(company)) => hub.list_by_application(
                    cursor,
                    size,
                    |after, limit| hub.index().installed_in(company, after, limit),
                    |application| RecordKey::Installation(application, company.clone()),
                    &mut shown,
                ),
                (Some(_), None) | (None, None) => {
                    hub.list(&Hub::prefix(Kind::Installation, application.as_ref()), cursor, size, &mut shown)
                }
            }
        })
        .await?;
        let next_page_token = query.token(page.next);
        Ok(Response::new(v1::ListInstallationsResponse { installations: page.items, next_page_token }))
    }
}
