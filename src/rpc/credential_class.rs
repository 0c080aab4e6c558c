//! CredentialClassService: the dates of traditional service accounts.

use devhub_proto::v1;
use devhub_proto::v1::credential_class_service_server::CredentialClassService;
use tonic::{Request, Response, Status};

use super::parse::{self, Fields, Query, REASON_CHARS_MAX};
use super::schedule::parse::zone;
use super::{execute, record, revision, status};
use crate::domain::credential_class::{ClassRevision, ClassStep, Earlier, ReviseCredentialClass, as_of};
use crate::domain::record::RecordKey;
use crate::domain::schedule::NewDate;
use crate::hub::Hub;
use crate::wire::{self, timestamp};

/// Serves CredentialClassService.
pub struct CredentialClassRpc {
    hub: Hub,
}

impl CredentialClassRpc {
    /// Serves the dates that `hub` keeps.
    pub fn new(hub: Hub) -> CredentialClassRpc {
        CredentialClassRpc { hub }
    }
}

fn date(fields: &mut Fields, field: &str, given: Option<&v1::ClassDate>) -> NewDate {
    use v1::class_date::Value;
    let Some(given) = given else { return NewDate::Keep };
    match &given.value {
        Some(Value::Time(time)) => {
            fields.instant(&format!("{field}.time"), Some(time)).map_or(NewDate::Keep, NewDate::At)
        }
        Some(Value::ToBeAnnounced(true)) => NewDate::ToBeAnnounced,
        Some(Value::ToBeAnnounced(false)) | None => {
            fields.violate(field, "give a time, or set to_be_announced; leave the date out to keep it");
            NewDate::Keep
        }
    }
}

pub(super) fn render(revision: &ClassRevision) -> v1::ClassRevision {
    v1::ClassRevision {
        number: revision.number,
        before: Some(wire::class_schedule(&revision.before)),
        after: Some(wire::class_schedule(&revision.after)),
        announce_time: Some(timestamp(revision.announced_at)),
        record_time: Some(timestamp(revision.recorded_at)),
        zone: revision.zone.as_ref().map(ToString::to_string).unwrap_or_default(),
        actor: revision.by.clone(),
        reason: revision.reason.clone(),
        override_reason: revision.override_reason.clone(),
        reopens_creation: revision.reopens(),
    }
}

/// The revision that a message asks for.
pub(super) fn revise(fields: &mut Fields, message: &v1::ReviseCredentialClassRequest) -> ReviseCredentialClass {
    let deprecated = date(fields, "deprecate", message.deprecate.as_ref());
    let cutoff = date(fields, "creation_cutoff", message.creation_cutoff.as_ref());
    let sunset = date(fields, "sunset", message.sunset.as_ref());
    let given = [deprecated, cutoff, sunset].iter().any(|date| *date != NewDate::Keep);
    match (message.sunset_now, given) {
        (true, true) => fields.violate("sunset_now", "goes with no dates; leave them out"),
        (false, false) => fields.violate("sunset", "give at least one date, or set sunset_now"),
        (true, false) | (false, true) => {}
    }
    let step = if message.sunset_now { ClassStep::SunsetNow } else { ClassStep::Revise { deprecated, cutoff, sunset } };
    ReviseCredentialClass {
        step,
        earlier: if message.accept_earlier { Earlier::Accepted } else { Earlier::Refused },
        reason: fields.needed_text("reason", &message.reason, REASON_CHARS_MAX),
        override_reason: fields.text("override_reason", &message.override_reason, REASON_CHARS_MAX),
        announced_at: fields.instant("announce_time", message.announce_time.as_ref()),
        zone: zone(fields, "zone", &message.zone),
        etag: fields.etag(&message.etag),
    }
}

#[tonic::async_trait]
impl CredentialClassService for CredentialClassRpc {
    async fn revise_credential_class(
        &self,
        request: Request<v1::ReviseCredentialClassRequest>,
    ) -> Result<Response<v1::ReviseCredentialClassResponse>, Status> {
        let actor = parse::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let mode = parse::mode(message.validate_only);
        let request = fields.request("ReviseCredentialClass", &actor, &message, &message.request_id, mode);
        let command = revise(&mut fields, &message);
        fields.check()?;
        let answer = execute(&self.hub, actor, command, request).await?;
        let (revision, warnings) = (revision(&answer), answer.warnings);
        let class = record!(answer.subject, CredentialClass)?;
        Ok(Response::new(v1::ReviseCredentialClassResponse {
            schedule: Some(wire::class_schedule(&class.schedule)),
            revision_number: class.ledger.revisions,
            revision,
            warnings,
        }))
    }

    async fn get_credential_class(
        &self,
        request: Request<v1::GetCredentialClassRequest>,
    ) -> Result<Response<v1::GetCredentialClassResponse>, Status> {
        let mut fields = Fields::default();
        let asked = fields.instant("as_of", request.get_ref().as_of.as_ref());
        fields.check()?;
        let now = self.hub.now();
        let at = asked.unwrap_or(now);
        let revisions = self.hub.roster().class_revisions();
        let schedule = as_of(&revisions, at);
        let known = revisions.iter().rev().find(|revision| revision.announced_at <= at);
        let etag = match asked {
            Some(at) if at < now => String::new(),
            Some(_) | None => {
                let stored = self.hub.get_one(RecordKey::CredentialClass).map_err(status::failed)?;
                stored.map(|stored| stored.revision.to_string()).unwrap_or_default()
            }
        };
        Ok(Response::new(v1::GetCredentialClassResponse {
            schedule: Some(wire::class_schedule(&schedule)),
            revision_number: known.map(|revision| revision.number).unwrap_or_default(),
            deprecated: schedule.is_deprecated(at),
            creation_open: schedule.takes_new(at),
            accepted: schedule.accepts(at),
            as_of: Some(timestamp(at)),
            etag,
            creation_close_time: schedule.closes_at().map(timestamp),
        }))
    }

    async fn list_credential_class_revisions(
        &self,
        request: Request<v1::ListCredentialClassRevisionsRequest>,
    ) -> Result<Response<v1::ListCredentialClassRevisionsResponse>, Status> {
        let message = request.into_inner();
        let mut fields = Fields::default();
        let size = fields.page_size(message.page_size);
        fields.check()?;
        let query = Query::new(self.hub.page_seals(), "ListCredentialClassRevisions", &[]);
        let after = match query.cursor(&message.page_token)? {
            None => 0,
            Some(cursor) => u32::from_be_bytes(cursor[..].try_into().map_err(|_| status::page_token())?),
        };
        let revisions = self.hub.roster().class_revisions();
        let later: Vec<&ClassRevision> = revisions.iter().filter(|revision| revision.number > after).collect();
        let next = later.get(size).and(later.get(size - 1));
        let next = next.map(|last| bytes::Bytes::copy_from_slice(&last.number.to_be_bytes()));
        let revisions = later.into_iter().take(size).map(render).collect();
        let next_page_token = query.token(next);
        Ok(Response::new(v1::ListCredentialClassRevisionsResponse { revisions, next_page_token }))
    }
}
