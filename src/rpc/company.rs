//! CompanyService: companies and their projects.

use std::collections::BTreeSet;

use devhub_proto::v1;
use devhub_proto::v1::company_service_server::CompanyService;
use tonic::{Request, Response, Status};

use super::parse::{self, Fields, Query};
use super::schedule::parse::zone;
use super::{execute, read, record, revision, seen, status};
use crate::domain::company::{
    ADMINISTRATORS_MAX, Company, CreateCompany, NAME_CHARS_MAX, Project, PutProject, UpdateCompany,
};
use crate::domain::name::{CompanyId, Email};
use crate::domain::record::{Record, RecordKey};
use crate::domain::refusal::Refusal;
use crate::hub::{Failure, Hub, Mode, Page, Stored};
use crate::store::codec::{self, Kind};
use crate::wire::{self, Word, timestamp};

/// Serves CompanyService.
pub struct CompanyRpc {
    hub: Hub,
}

impl CompanyRpc {
    /// Serves the companies of `hub`.
    pub fn new(hub: Hub) -> CompanyRpc {
        CompanyRpc { hub }
    }
}

/// A company.
pub(super) fn render(company: &Company, revision: u64) -> v1::Company {
    v1::Company {
        company_id: company.id.to_string(),
        name: company.name.clone(),
        tenancy: company.tenancy.number(),
        region: company.region.clone(),
        zone: company.zone.as_ref().map(ToString::to_string).unwrap_or_default(),
        administrators: company.administrators.iter().map(ToString::to_string).collect(),
        account_count: u32::try_from(company.account_count).unwrap_or(u32::MAX),
        extension: company.extension.as_ref().map(wire::account_extension),
        create_time: Some(timestamp(company.created_at)),
        etag: revision.to_string(),
    }
}

fn render_stored(stored: &Stored) -> Result<v1::Company, Failure> {
    let Record::Company(company) = &stored.record else { return Err(Failure::Defect) };
    Ok(render(company, stored.revision))
}

fn administered(stored: &Stored, wanted: Option<&Email>) -> bool {
    let Record::Company(company) = &stored.record else { return false };
    wanted.is_none_or(|wanted| company.administrators.contains(wanted))
}

fn render_project(project: &Project) -> v1::Project {
    v1::Project {
        company_id: project.company.to_string(),
        project_id: project.id.to_string(),
        name: project.name.clone(),
        create_time: Some(timestamp(project.created_at)),
    }
}

fn administrators(fields: &mut Fields, field: &str, given: &[String]) -> BTreeSet<Email> {
    if given.len() > ADMINISTRATORS_MAX {
        fields.violate(field, format!("at most {ADMINISTRATORS_MAX} administrators are accepted; leave some out"));
    }
    let mut parsed = BTreeSet::new();
    for (position, text) in given.iter().enumerate().take(ADMINISTRATORS_MAX) {
        match Email::lenient(text) {
            Ok(email) => drop(parsed.insert(email)),
            Err(error) => fields.violate(format!("{field}[{position}]"), error.to_string()),
        }
    }
    parsed
}

#[tonic::async_trait]
impl CompanyService for CompanyRpc {
    async fn create_company(
        &self,
        request: Request<v1::CreateCompanyRequest>,
    ) -> Result<Response<v1::CreateCompanyResponse>, Status> {
        let actor = parse::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let request = fields.request("CreateCompany", &actor, &message, &message.request_id, Mode::Commit);
        let given = message.company.unwrap_or_default();
        let id = fields.name("company.company_id", &given.company_id);
        let tenancy = fields.word("company.tenancy", given.tenancy);
        let name = fields.needed_text("company.name", &given.name, NAME_CHARS_MAX);
        let region = fields.text("company.region", &given.region, NAME_CHARS_MAX);
        let zone = zone(&mut fields, "company.zone", &given.zone);
        let administrators = administrators(&mut fields, "company.administrators", &given.administrators);
        let (Some(id), Some(tenancy)) = (id, tenancy) else { return Err(fields.refuse()) };
        fields.check()?;
        let command = CreateCompany { id, name, tenancy, region, zone, administrators };
        let answer = execute(&self.hub, actor, command, request).await?;
        let revision = revision(&answer);
        let company = record!(answer.subject, Company)?;
        let company = Some(render(&company, answer.revision));
        Ok(Response::new(v1::CreateCompanyResponse { company, revision }))
    }

    async fn update_company(
        &self,
        request: Request<v1::UpdateCompanyRequest>,
    ) -> Result<Response<v1::UpdateCompanyResponse>, Status> {
        let actor = parse::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let request = fields.request("UpdateCompany", &actor, &message, &message.request_id, Mode::Commit);
        let id = fields.name("company_id", &message.company_id);
        let name = message.name.as_ref().map(|name| fields.needed_text("name", name, NAME_CHARS_MAX));
        let region = message.region.as_ref().map(|region| fields.text("region", region, NAME_CHARS_MAX));
        let zone = message.zone.as_ref().and_then(|given| zone(&mut fields, "zone", given));
        let administrators = (!message.administrators.is_empty())
            .then(|| administrators(&mut fields, "administrators", &message.administrators));
        let etag = fields.etag(&message.etag);
        let Some(id) = id else { return Err(fields.refuse()) };
        fields.check()?;
        let command = UpdateCompany { id, name, region, zone, administrators, etag };
        let answer = execute(&self.hub, actor, command, request).await?;
        let revision = revision(&answer);
        let company = record!(answer.subject, Company)?;
        let company = Some(render(&company, answer.revision));
        Ok(Response::new(v1::UpdateCompanyResponse { company, revision }))
    }

    async fn get_company(
        &self,
        request: Request<v1::GetCompanyRequest>,
    ) -> Result<Response<v1::GetCompanyResponse>, Status> {
        let hub = seen(&self.hub, &request)?;
        let mut fields = Fields::default();
        let id = fields.name::<CompanyId>("company_id", &request.get_ref().company_id);
        let Some(id) = id else { return Err(fields.refuse()) };
        let found = hub.get_one(RecordKey::Company(id.clone())).map_err(status::failed)?;
        let stored = found.ok_or_else(|| status::refused(&Refusal::CompanyNotFound(id)))?;
        let company = Some(render_stored(&stored).map_err(status::failed)?);
        Ok(Response::new(v1::GetCompanyResponse { company }))
    }

    async fn list_companies(
        &self,
        request: Request<v1::ListCompaniesRequest>,
    ) -> Result<Response<v1::ListCompaniesResponse>, Status> {
        let hub = seen(&self.hub, &request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let administrator = fields.name_or_none::<Email>("administrator", &message.administrator);
        let size = fields.page_size(message.page_size);
        fields.check()?;
        let query = Query::new(self.hub.page_seals(), "ListCompanies", &[&message.administrator]).within(hub.scope());
        let cursor = query.cursor(&message.page_token)?;
        let page = read(&hub, move |hub| match administrator {
            // Those of whoever sees one company are looked for there, and nowhere else.
            wanted if hub.scope().company().is_some() => {
                let key = hub.scope().company().cloned().map(RecordKey::Company);
                let found = hub.get(&key.into_iter().collect::<Vec<_>>())?;
                let companies = found.iter().flatten().filter(|stored| administered(stored, wanted.as_ref()));
                Ok(Page { items: companies.map(render_stored).collect::<Result<_, _>>()?, next: None })
            }
            None => {
                hub.list(&Hub::prefix(Kind::Company, None), cursor, size, |stored| render_stored(&stored).map(Some))
            }
            Some(email) => {
                let after = cursor.as_deref().and_then(|cursor| std::str::from_utf8(cursor).ok()?.parse().ok());
                let ids = hub.roster().administered_by(&email, after.as_ref(), size);
                let last = ids.last().filter(|_| ids.len() == size);
                let next = last.map(|id| bytes::Bytes::copy_from_slice(id.as_str().as_bytes()));
                let keys: Vec<RecordKey> = ids.iter().cloned().map(RecordKey::Company).collect();
                let found = hub.get(&keys)?;
                let items = found.iter().flatten().map(render_stored).collect::<Result<_, _>>()?;
                Ok(Page { items, next })
            }
        })
        .await?;
        let next_page_token = query.token(page.next);
        Ok(Response::new(v1::ListCompaniesResponse { companies: page.items, next_page_token }))
    }

    async fn put_project(
        &self,
        request: Request<v1::PutProjectRequest>,
    ) -> Result<Response<v1::PutProjectResponse>, Status> {
        let actor = parse::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let request = fields.request("PutProject", &actor, &message, &message.request_id, Mode::Commit);
        let given = message.project.unwrap_or_default();
        let company = fields.name("project.company_id", &given.company_id);
        let id = fields.name("project.project_id", &given.project_id);
        let name = fields.needed_text("project.name", &given.name, NAME_CHARS_MAX);
        let (Some(company), Some(id)) = (company, id) else { return Err(fields.refuse()) };
        fields.check()?;
        let answer = execute(&self.hub, actor, PutProject { company, id, name }, request).await?;
        let revision = revision(&answer);
        let project = record!(answer.subject, Project)?;
        Ok(Response::new(v1::PutProjectResponse { project: Some(render_project(&project)), revision }))
    }

    async fn list_projects(
        &self,
        request: Request<v1::ListProjectsRequest>,
    ) -> Result<Response<v1::ListProjectsResponse>, Status> {
        let hub = seen(&self.hub, &request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let company = fields.name::<CompanyId>("company_id", &message.company_id);
        let size = fields.page_size(message.page_size);
        let Some(company) = company else { return Err(fields.refuse()) };
        fields.check()?;
        let query = Query::new(self.hub.page_seals(), "ListProjects", &[&message.company_id]).within(hub.scope());
        let cursor = query.cursor(&message.page_token)?;
        let page = read(&hub, move |hub| {
            hub.list(&codec::projects_of(&company), cursor, size, |stored| {
                let Record::Project(project) = &stored.record else { return Err(Failure::Defect) };
                Ok(Some(render_project(project)))
            })
        })
        .await?;
        let next_page_token = query.token(page.next);
        Ok(Response::new(v1::ListProjectsResponse { projects: page.items, next_page_token }))
    }
}
