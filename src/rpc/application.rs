//! ApplicationService: applications, their people, their way to production.

use std::collections::BTreeMap;

use devhub_decision::Environment;
use devhub_proto::v1;
use devhub_proto::v1::application_service_server::ApplicationService;
use tonic::{Request, Response, Status};

use super::parse::{self, Fields, Query, REASON_CHARS_MAX};
use super::{execute, read, record, render, revision, seen, status};
use crate::domain::application::{COLLABORATORS_MAX, Kind, Persona, Role, check_name};
use crate::domain::approve::{AdvanceApplication, Block, RestrictDeletion, SetBlocked};
use crate::domain::collaborate::{AddCollaborator, ChangeCollaboratorRole, RemoveCollaborator};
use crate::domain::name::{ApplicationId, ClientId, Email};
use crate::domain::record::{Record, RecordKey};
use crate::domain::refusal::Refusal;
use crate::domain::register::{
    ClientIdOrigin, CreateApplication, DeleteApplication, RestoreApplication, UpdateApplication,
};
use crate::domain::{Actor, Command};
use crate::hub::{self, Failure, Hub, Mode, Stored};
use crate::ids;
use crate::store::codec;

pub(super) const DESCRIPTION_CHARS_MAX: usize = 2000;
const OWNER_CHARS_MAX: usize = 100;

/// Serves ApplicationService.
pub struct ApplicationRpc {
    hub: Hub,
}

/// What every write to an existing application brings.
struct Write {
    actor: Actor,
    request: hub::Request,
    id: ApplicationId,
    etag: Option<u64>,
    fields: Fields,
}

/// Begins a write to an existing application. Without an id there is nothing to go on with: it is refused at once.
fn begin<M: prost::Message>(
    called: &Request<M>,
    method: &str,
    message: &M,
    (id, etag, request_id): (&str, &str, &str),
) -> Result<Write, Status> {
    let actor = parse::actor(called)?;
    let mut fields = Fields::default();
    let request = fields.request(method, &actor, message, request_id, Mode::Commit);
    let id = fields.name::<ApplicationId>("application_id", id);
    let etag = fields.etag(etag);
    match id {
        Some(id) => Ok(Write { actor: actor.into(), request, id, etag, fields }),
        None => Err(fields.refuse()),
    }
}

fn email(fields: &mut Fields, field: &str, text: &str) -> Option<Email> {
    Email::lenient(text).map_err(|error| fields.violate(field, error.to_string())).ok()
}

pub(super) fn name(fields: &mut Fields, field: &str, name: &str) -> String {
    if let Err(rule) = check_name(name) {
        fields.violate(field, rule);
    }
    name.to_owned()
}

fn collaborators(fields: &mut Fields, given: &[v1::Collaborator]) -> BTreeMap<Email, Role> {
    if given.len() > COLLABORATORS_MAX {
        fields.violate("application.collaborators", "at most 50 collaborators are accepted; leave some out");
    }
    let mut parsed = BTreeMap::new();
    for (position, person) in given.iter().enumerate().take(COLLABORATORS_MAX) {
        let field = format!("application.collaborators[{position}]");
        let email = email(fields, &format!("{field}.email"), &person.email);
        let role = fields.word(&format!("{field}.role"), person.role);
        if let (Some(email), Some(role)) = (email, role)
            && parsed.insert(email, role).is_some()
        {
            fields.violate(format!("{field}.email"), "is given twice; keep one");
        }
    }
    parsed
}

impl ApplicationRpc {
    /// Serves the applications of `hub`.
    pub fn new(hub: Hub) -> ApplicationRpc {
        ApplicationRpc { hub }
    }

    /// The hub.
    pub(super) fn hub(&self) -> &Hub {
        &self.hub
    }

    fn render(&self, stored: &Stored) -> Result<v1::Application, Failure> {
        let Record::Application(application) = &stored.record else { return Err(Failure::Defect) };
        Ok(render::application(&self.hub, application, stored.revision))
    }

    /// Finishes a write: refuses what was malformed, executes, renders.
    async fn finish(
        &self,
        write: (Actor, hub::Request, Fields),
        command: impl Into<Command>,
    ) -> Result<(Option<v1::Application>, u64), Status> {
        let (actor, request, fields) = write;
        fields.check()?;
        let answer = execute(&self.hub, actor, command, request).await?;
        let revision = revision(&answer);
        let application = record!(answer.subject, Application)?;
        Ok((Some(render::application(&self.hub, &application, answer.revision)), revision))
    }
}

#[tonic::async_trait]
impl ApplicationService for ApplicationRpc {
    async fn create_application(
        &self,
        request: Request<v1::CreateApplicationRequest>,
    ) -> Result<Response<v1::CreateApplicationResponse>, Status> {
        let actor = parse::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let request = fields.request("CreateApplication", &actor, &message, &message.request_id, Mode::Commit);
        let given = message.application.unwrap_or_default();
        let now = self.hub.now();
        let id = match fields.name_or_none("application.application_id", &given.application_id) {
            Some(id) => id,
            None => ids::application(now),
        };
        let (client_id, client_id_origin) =
            match fields.name_or_none::<ClientId>("application.client_id", &given.client_id) {
                Some(client_id) => (client_id, ClientIdOrigin::Brought),
                None => (ids::client(), ClientIdOrigin::Made),
            };
        let environment = fields.word::<Environment>("application.environment", given.environment);
        let kind = fields.word_or_none("application.kind", given.kind).unwrap_or(Kind::Standard);
        let persona = fields.word_or_none("application.persona", given.persona).unwrap_or(Persona::CustomIntegration);
        let command = CreateApplication {
            id,
            client_id,
            client_id_origin,
            name: name(&mut fields, "application.name", &given.name),
            description: fields.text("application.description", &given.description, DESCRIPTION_CHARS_MAX),
            environment: environment.unwrap_or(Environment::Sandbox),
            owner: fields.text("application.owner", &given.owner, OWNER_CHARS_MAX),
            kind,
            persona,
            collaborators: collaborators(&mut fields, &given.collaborators),
        };
        let (application, revision) = self.finish((actor.into(), request, fields), command).await?;
        Ok(Response::new(v1::CreateApplicationResponse { application, revision }))
    }

    async fn uplift_application(
        &self,
        request: Request<v1::UpliftApplicationRequest>,
    ) -> Result<Response<v1::UpliftApplicationResponse>, Status> {
        self.uplift(request).await
    }

    async fn get_application(
        &self,
        request: Request<v1::GetApplicationRequest>,
    ) -> Result<Response<v1::GetApplicationResponse>, Status> {
        let hub = seen(&self.hub, &request)?;
        let mut fields = Fields::default();
        let Some(id) = fields.name::<ApplicationId>("application_id", &request.get_ref().application_id) else {
            return Err(fields.refuse());
        };
        let found = hub.get_one(RecordKey::Application(id.clone())).map_err(status::failed)?;
        let stored = found.ok_or_else(|| status::refused(&Refusal::ApplicationNotFound(id)))?;
        let application = Some(self.render(&stored).map_err(status::failed)?);
        Ok(Response::new(v1::GetApplicationResponse { application }))
    }

    async fn list_applications(
        &self,
        request: Request<v1::ListApplicationsRequest>,
    ) -> Result<Response<v1::ListApplicationsResponse>, Status> {
        let hub = seen(&self.hub, &request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let environment = fields.word_or_none::<Environment>("environment", message.environment);
        let size = fields.page_size(message.page_size);
        let person = if message.collaborator.is_empty() {
            None
        } else {
            email(&mut fields, "collaborator", &message.collaborator)
        };
        fields.check()?;
        let (e, d) = (message.environment.to_string(), message.show_deleted.to_string());
        let u = message.unused_only.to_string();
        let query =
            Query::new(self.hub.page_seals(), "ListApplications", &[&e, &message.owner, &message.collaborator, &d, &u]);
        let query = query.within(hub.scope());
        let cursor = query.cursor(&message.page_token)?;
        let page = read(&hub, move |hub| {
            let owner = message.owner;
            let render = |stored: Stored| {
                let Record::Application(application) = &stored.record else { return Err(Failure::Defect) };
                let wanted = environment.is_none_or(|wanted| wanted == application.environment)
                    && (owner.is_empty() || owner == application.owner)
                    && (message.show_deleted || application.deletion.is_none())
                    && person.as_ref().is_none_or(|person| application.collaborators.contains_key(person));
                let shown = wanted.then(|| render::application(hub, application, stored.revision));
                Ok(shown.filter(|shown| !message.unused_only || shown.disuse.is_some()))
            };
            if let Some(own) = hub.scope().email() {
                let ids = |after: Option<&str>, limit| hub.index().worked_on_by(own, after, limit);
                hub.list_by_application(cursor, size, ids, RecordKey::Application, render)
            } else if message.unused_only {
                let ids = |after: Option<&str>, limit| hub.index().unused(after, limit);
                hub.list_by_application(cursor, size, ids, RecordKey::Application, render)
            } else if let Some(person) = &person {
                let ids = |after: Option<&str>, limit| hub.index().worked_on_by(person, after, limit);
                hub.list_by_application(cursor, size, ids, RecordKey::Application, render)
            } else if !owner.is_empty() {
                let ids = |after: Option<&str>, limit| hub.index().owned_by(&owner, after, limit);
                hub.list_by_application(cursor, size, ids, RecordKey::Application, render)
            } else {
                hub.list(&Hub::prefix(codec::Kind::Application, None), cursor, size, render)
            }
        })
        .await?;
        let next_page_token = query.token(page.next);
        Ok(Response::new(v1::ListApplicationsResponse { applications: page.items, next_page_token }))
    }

    async fn update_application(
        &self,
        request: Request<v1::UpdateApplicationRequest>,
    ) -> Result<Response<v1::UpdateApplicationResponse>, Status> {
        let message = request.get_ref();
        let common = (&*message.application_id, &*message.etag, &*message.request_id);
        let Write { actor, request, id, etag, mut fields } = begin(&request, "UpdateApplication", message, common)?;
        let command = UpdateApplication {
            id,
            name: message.name.as_ref().map(|text| name(&mut fields, "name", text)),
            description: message
                .description
                .as_ref()
                .map(|text| fields.text("description", text, DESCRIPTION_CHARS_MAX)),
            etag,
        };
        let (application, revision) = self.finish((actor, request, fields), command).await?;
        Ok(Response::new(v1::UpdateApplicationResponse { application, revision }))
    }

    async fn delete_application(
        &self,
        request: Request<v1::DeleteApplicationRequest>,
    ) -> Result<Response<v1::DeleteApplicationResponse>, Status> {
        let message = request.get_ref();
        let common = (&*message.application_id, &*message.etag, &*message.request_id);
        let Write { actor, request, id, etag, mut fields } = begin(&request, "DeleteApplication", message, common)?;
        let command = DeleteApplication { id, reason: fields.text("reason", &message.reason, REASON_CHARS_MAX), etag };
        let (application, revision) = self.finish((actor, request, fields), command).await?;
        Ok(Response::new(v1::DeleteApplicationResponse { application, revision }))
    }

    async fn restore_application(
        &self,
        request: Request<v1::RestoreApplicationRequest>,
    ) -> Result<Response<v1::RestoreApplicationResponse>, Status> {
        let message = request.get_ref();
        let common = (&*message.application_id, &*message.etag, &*message.request_id);
        let Write { actor, request, id, etag, mut fields } = begin(&request, "RestoreApplication", message, common)?;
        let command = RestoreApplication { id, reason: fields.text("reason", &message.reason, REASON_CHARS_MAX), etag };
        let (application, revision) = self.finish((actor, request, fields), command).await?;
        Ok(Response::new(v1::RestoreApplicationResponse { application, revision }))
    }

    async fn add_collaborator(
        &self,
        request: Request<v1::AddCollaboratorRequest>,
    ) -> Result<Response<v1::AddCollaboratorResponse>, Status> {
        let message = request.get_ref();
        let common = (&*message.application_id, &*message.etag, &*message.request_id);
        let Write { actor, request, id, etag, mut fields } = begin(&request, "AddCollaborator", message, common)?;
        let person = message.collaborator.clone().unwrap_or_default();
        let email = email(&mut fields, "collaborator.email", &person.email);
        let role = fields.word("collaborator.role", person.role);
        let (Some(email), Some(role)) = (email, role) else { return Err(fields.refuse()) };
        let command = AddCollaborator { id, email, role, etag };
        let (application, revision) = self.finish((actor, request, fields), command).await?;
        Ok(Response::new(v1::AddCollaboratorResponse { application, revision }))
    }

    async fn remove_collaborator(
        &self,
        request: Request<v1::RemoveCollaboratorRequest>,
    ) -> Result<Response<v1::RemoveCollaboratorResponse>, Status> {
        let message = request.get_ref();
        let common = (&*message.application_id, &*message.etag, &*message.request_id);
        let Write { actor, request, id, etag, mut fields } = begin(&request, "RemoveCollaborator", message, common)?;
        let Some(email) = email(&mut fields, "email", &message.email) else { return Err(fields.refuse()) };
        let command = RemoveCollaborator { id, email, etag };
        let (application, revision) = self.finish((actor, request, fields), command).await?;
        Ok(Response::new(v1::RemoveCollaboratorResponse { application, revision }))
    }

    async fn change_collaborator_role(
        &self,
        request: Request<v1::ChangeCollaboratorRoleRequest>,
    ) -> Result<Response<v1::ChangeCollaboratorRoleResponse>, Status> {
        let message = request.get_ref();
        let common = (&*message.application_id, &*message.etag, &*message.request_id);
        let Write { actor, request, id, etag, mut fields } =
            begin(&request, "ChangeCollaboratorRole", message, common)?;
        let person = message.collaborator.clone().unwrap_or_default();
        let email = email(&mut fields, "collaborator.email", &person.email);
        let role = fields.word("collaborator.role", person.role);
        let (Some(email), Some(role)) = (email, role) else { return Err(fields.refuse()) };
        let command = ChangeCollaboratorRole { id, email, role, etag };
        let (application, revision) = self.finish((actor, request, fields), command).await?;
        Ok(Response::new(v1::ChangeCollaboratorRoleResponse { application, revision }))
    }

    async fn advance_application(
        &self,
        request: Request<v1::AdvanceApplicationRequest>,
    ) -> Result<Response<v1::AdvanceApplicationResponse>, Status> {
        let message = request.get_ref();
        let common = (&*message.application_id, &*message.etag, &*message.request_id);
        let Write { actor, request, id, etag, mut fields } = begin(&request, "AdvanceApplication", message, common)?;
        let Some(step) = fields.word("step", message.step) else { return Err(fields.refuse()) };
        let reason = fields.text("reason", &message.reason, REASON_CHARS_MAX);
        let command = AdvanceApplication { id, step, reason, etag };
        let (application, revision) = self.finish((actor, request, fields), command).await?;
        Ok(Response::new(v1::AdvanceApplicationResponse { application, revision }))
    }

    async fn block_application(
        &self,
        request: Request<v1::BlockApplicationRequest>,
    ) -> Result<Response<v1::BlockApplicationResponse>, Status> {
        let message = request.get_ref();
        let common = (&*message.application_id, &*message.etag, &*message.request_id);
        let Write { actor, request, id, etag, mut fields } = begin(&request, "BlockApplication", message, common)?;
        let reason = fields.text("reason", &message.reason, REASON_CHARS_MAX);
        let command = SetBlocked { id, block: Block::Set, reason, etag };
        let (application, revision) = self.finish((actor, request, fields), command).await?;
        Ok(Response::new(v1::BlockApplicationResponse { application, revision }))
    }

    async fn unblock_application(
        &self,
        request: Request<v1::UnblockApplicationRequest>,
    ) -> Result<Response<v1::UnblockApplicationResponse>, Status> {
        let message = request.get_ref();
        let common = (&*message.application_id, &*message.etag, &*message.request_id);
        let Write { actor, request, id, etag, mut fields } = begin(&request, "UnblockApplication", message, common)?;
        let reason = fields.text("reason", &message.reason, REASON_CHARS_MAX);
        let command = SetBlocked { id, block: Block::Lifted, reason, etag };
        let (application, revision) = self.finish((actor, request, fields), command).await?;
        Ok(Response::new(v1::UnblockApplicationResponse { application, revision }))
    }

    async fn restrict_application_deletion(
        &self,
        request: Request<v1::RestrictApplicationDeletionRequest>,
    ) -> Result<Response<v1::RestrictApplicationDeletionResponse>, Status> {
        let message = request.get_ref();
        let common = (&*message.application_id, &*message.etag, &*message.request_id);
        let Write { actor, request, id, etag, mut fields } =
            begin(&request, "RestrictApplicationDeletion", message, common)?;
        let restriction = fields.text("restriction", &message.restriction, REASON_CHARS_MAX);
        let command = RestrictDeletion { id, restriction, etag };
        let (application, revision) = self.finish((actor, request, fields), command).await?;
        Ok(Response::new(v1::RestrictApplicationDeletionResponse { application, revision }))
    }
}
