//! OrganisationService: developer organisations.

use devhub_proto::v1;
use devhub_proto::v1::organisation_service_server::OrganisationService;
use tonic::{Request, Response, Status};

use super::parse::{self, Fields, Query, REASON_CHARS_MAX};
use super::{execute, read, record, revision, status};
use crate::domain::name::OrganisationId;
use crate::domain::organisation::{Organisation, OrganisationStatus, SetOrganisation, TITLE_CHARS_MAX};
use crate::domain::record::{Record, RecordKey};
use crate::domain::refusal::Refusal;
use crate::hub::{Failure, Hub, Mode};
use crate::store::codec::Kind;
use crate::wire::{Word, timestamp};

/// Serves OrganisationService.
pub struct OrganisationRpc {
    hub: Hub,
}

impl OrganisationRpc {
    /// Serves the organisations of `hub`.
    pub fn new(hub: Hub) -> OrganisationRpc {
        OrganisationRpc { hub }
    }
}

fn render(organisation: &Organisation, revision: u64) -> v1::Organisation {
    v1::Organisation {
        organisation_id: organisation.id.to_string(),
        title: organisation.title.clone(),
        status: organisation.status.number(),
        status_time: Some(timestamp(organisation.status_since)),
        status_by: organisation.status_by.clone(),
        etag: revision.to_string(),
    }
}

#[tonic::async_trait]
impl OrganisationService for OrganisationRpc {
    async fn set_organisation(
        &self,
        request: Request<v1::SetOrganisationRequest>,
    ) -> Result<Response<v1::SetOrganisationResponse>, Status> {
        let actor = parse::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let request = fields.request("SetOrganisation", &actor, &message, &message.request_id, Mode::Commit);
        let id = fields.name("organisation_id", &message.organisation_id);
        let title = fields.text("title", &message.title, TITLE_CHARS_MAX);
        let status = fields.word::<OrganisationStatus>("status", message.status);
        let reason = fields.needed_text("reason", &message.reason, REASON_CHARS_MAX);
        let etag = fields.etag(&message.etag);
        let (Some(id), Some(status)) = (id, status) else { return Err(fields.refuse()) };
        fields.check()?;
        let title = Some(title).filter(|title| !title.trim().is_empty());
        let command = SetOrganisation { id, title, status, reason, etag };
        let answer = execute(&self.hub, actor, command, request).await?;
        let revision = revision(&answer);
        let organisation = record!(answer.subject, Organisation)?;
        let organisation = Some(render(&organisation, answer.revision));
        Ok(Response::new(v1::SetOrganisationResponse { organisation, revision }))
    }

    async fn get_organisation(
        &self,
        request: Request<v1::GetOrganisationRequest>,
    ) -> Result<Response<v1::GetOrganisationResponse>, Status> {
        let mut fields = Fields::default();
        let id = fields.name::<OrganisationId>("organisation_id", &request.get_ref().organisation_id);
        let Some(id) = id else { return Err(fields.refuse()) };
        let found = self.hub.get_one(RecordKey::Organisation(id.clone())).map_err(status::failed)?;
        let stored = found.ok_or_else(|| status::refused(&Refusal::OrganisationNotFound(id)))?;
        let organisation = record!(stored.record, Organisation)?;
        let organisation = Some(render(&organisation, stored.revision));
        Ok(Response::new(v1::GetOrganisationResponse { organisation }))
    }

    async fn list_organisations(
        &self,
        request: Request<v1::ListOrganisationsRequest>,
    ) -> Result<Response<v1::ListOrganisationsResponse>, Status> {
        let message = request.into_inner();
        let mut fields = Fields::default();
        let status = fields.word_or_none::<OrganisationStatus>("status", message.status);
        let size = fields.page_size(message.page_size);
        fields.check()?;
        let query = Query::new(self.hub.page_seals(), "ListOrganisations", &[&message.status.to_string()]);
        let cursor = query.cursor(&message.page_token)?;
        let page = read(&self.hub, move |hub| {
            hub.list(&Hub::prefix(Kind::Organisation, None), cursor, size, |stored| {
                let Record::Organisation(organisation) = &stored.record else { return Err(Failure::Defect) };
                let wanted = status.is_none_or(|status| status == organisation.status);
                Ok(wanted.then(|| render(organisation, stored.revision)))
            })
        })
        .await?;
        let next_page_token = query.token(page.next);
        Ok(Response::new(v1::ListOrganisationsResponse { organisations: page.items, next_page_token }))
    }
}
