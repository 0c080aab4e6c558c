//! WaiverService: dated exceptions.

use chrono::{DateTime, Utc};
use devhub_proto::v1;
use devhub_proto::v1::waiver_service_server::WaiverService;
use tonic::{Request, Response, Status};

use super::parse::{self, Fields, Query, REASON_CHARS_MAX};
use super::{execute, read, record, revision, seen, status};
use crate::domain::name::{ApplicationId, Context, Label};
use crate::domain::record::{Record, RecordKey};
use crate::domain::refusal::Refusal;
use crate::domain::waiver::{APPROVER_CHARS_MAX, GrantWaiver, RevokeWaiver, Waiver, WaiverKind};
use crate::hub::{Failure, Hub, Mode};
use crate::ids;
use crate::store::codec::Kind;
use crate::wire::{Word, timestamp};

/// Serves WaiverService.
pub struct WaiverRpc {
    hub: Hub,
}

impl WaiverRpc {
    /// Serves the waivers of `hub`.
    pub fn new(hub: Hub) -> WaiverRpc {
        WaiverRpc { hub }
    }
}

/// A waiver, as of `now`.
fn render(waiver: &Waiver, revision: u64, now: DateTime<Utc>) -> v1::Waiver {
    let revoked = waiver.revoked.as_ref();
    v1::Waiver {
        waiver_id: waiver.id.to_string(),
        application_id: waiver.application.to_string(),
        context: waiver.version.context.to_string(),
        version: waiver.version.label.to_string(),
        environment: waiver.environment.number(),
        kind: waiver.kind.number(),
        state: waiver.state(now).number(),
        from_time: Some(timestamp(waiver.from)),
        until_time: Some(timestamp(waiver.until)),
        reason: waiver.reason.clone(),
        approver: waiver.approver.clone(),
        granted_by: waiver.granted_by.clone(),
        revoke_time: revoked.map(|revoked| timestamp(revoked.at)),
        revoked_by: revoked.map(|revoked| revoked.by.clone()).unwrap_or_default(),
        revoke_reason: revoked.map(|revoked| revoked.reason.clone()).unwrap_or_default(),
        etag: revision.to_string(),
    }
}

/// The grant that a message asks for.
pub(super) fn grant(fields: &mut Fields, hub: &Hub, message: &v1::GrantWaiverRequest) -> Option<GrantWaiver> {
    let application = fields.name("application_id", &message.application_id);
    let version = fields.version(&message.context, &message.version);
    let kind = fields.word("kind", message.kind);
    if message.until_time.is_none() {
        fields.violate("until_time", "must be given: a waiver has an end");
    }
    let until = fields.instant("until_time", message.until_time.as_ref());
    let reason = fields.needed_text("reason", &message.reason, REASON_CHARS_MAX);
    let approver = fields.needed_text("approver", &message.approver, APPROVER_CHARS_MAX);
    let etag = fields.etag(&message.etag);
    let (application, version, kind, until) = (application?, version?, kind?, until?);
    let id = ids::waiver(hub.now());
    Some(GrantWaiver { id, application, version, kind, until, reason, approver, etag })
}

#[tonic::async_trait]
impl WaiverService for WaiverRpc {
    async fn grant_waiver(
        &self,
        request: Request<v1::GrantWaiverRequest>,
    ) -> Result<Response<v1::GrantWaiverResponse>, Status> {
        let actor = parse::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let request = fields.request("GrantWaiver", &actor, &message, &message.request_id, Mode::Commit);
        let Some(command) = grant(&mut fields, &self.hub, &message).filter(|_| fields.is_clean()) else {
            return Err(fields.refuse());
        };
        let answer = execute(&self.hub, actor, command, request).await?;
        let (revision, warnings) = (revision(&answer), answer.warnings);
        let waiver = record!(answer.subject, Waiver)?;
        let waiver = Some(render(&waiver, answer.revision, answer.at));
        Ok(Response::new(v1::GrantWaiverResponse { waiver, revision, warnings }))
    }

    async fn revoke_waiver(
        &self,
        request: Request<v1::RevokeWaiverRequest>,
    ) -> Result<Response<v1::RevokeWaiverResponse>, Status> {
        let actor = parse::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let request = fields.request("RevokeWaiver", &actor, &message, &message.request_id, Mode::Commit);
        let application = fields.name("application_id", &message.application_id);
        let version = fields.version(&message.context, &message.version);
        let kind = fields.word("kind", message.kind);
        let reason = fields.needed_text("reason", &message.reason, REASON_CHARS_MAX);
        let etag = fields.etag(&message.etag);
        let (Some(application), Some(version), Some(kind)) = (application, version, kind) else {
            return Err(fields.refuse());
        };
        fields.check()?;
        let command = RevokeWaiver { application, version, kind, reason, etag };
        let answer = execute(&self.hub, actor, command, request).await?;
        let revision = revision(&answer);
        let waiver = record!(answer.subject, Waiver)?;
        let waiver = Some(render(&waiver, answer.revision, answer.at));
        Ok(Response::new(v1::RevokeWaiverResponse { waiver, revision }))
    }

    async fn get_waiver(
        &self,
        request: Request<v1::GetWaiverRequest>,
    ) -> Result<Response<v1::GetWaiverResponse>, Status> {
        let hub = seen(&self.hub, &request)?;
        let message = request.get_ref();
        let mut fields = Fields::default();
        let application = fields.name::<ApplicationId>("application_id", &message.application_id);
        let version = fields.version(&message.context, &message.version);
        let kind = fields.word("kind", message.kind);
        let (Some(application), Some(version), Some(kind)) = (application, version, kind) else {
            return Err(fields.refuse());
        };
        let key = RecordKey::Waiver(application.clone(), version.clone(), kind);
        let found = hub.get_one(key).map_err(status::failed)?;
        let stored = found.ok_or_else(|| status::refused(&Refusal::WaiverNotFound { application, version, kind }))?;
        let waiver = record!(stored.record, Waiver)?;
        let waiver = Some(render(&waiver, stored.revision, self.hub.now()));
        Ok(Response::new(v1::GetWaiverResponse { waiver }))
    }

    async fn list_waivers(
        &self,
        request: Request<v1::ListWaiversRequest>,
    ) -> Result<Response<v1::ListWaiversResponse>, Status> {
        let hub = seen(&self.hub, &request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let application = fields.name_or_none::<ApplicationId>("application_id", &message.application_id);
        let context = fields.name_or_none::<Context>("context", &message.context);
        let label = fields.name_or_none::<Label>("version", &message.version);
        let kind = fields.word_or_none::<WaiverKind>("kind", message.kind);
        if label.is_some() && message.context.is_empty() {
            fields.violate("context", "is needed when version is given");
        }
        let size = fields.page_size(message.page_size);
        fields.check()?;
        let (k, l) = (message.kind.to_string(), message.live_only.to_string());
        let query = Query::new(
            self.hub.page_seals(),
            "ListWaivers",
            &[&message.application_id, &message.context, &message.version, &k, &l],
        );
        let query = query.within(hub.scope());
        let cursor = query.cursor(&message.page_token)?;
        let page = read(&hub, move |hub| {
            let now = hub.now();
            hub.list_of(Kind::Waiver, application.as_ref(), cursor, size, |stored| {
                let Record::Waiver(waiver) = &stored.record else { return Err(Failure::Defect) };
                let wanted = context.as_ref().is_none_or(|context| *context == waiver.version.context)
                    && label.as_ref().is_none_or(|label| *label == waiver.version.label)
                    && kind.is_none_or(|kind| kind == waiver.kind)
                    && (!message.live_only || waiver.is_live(now));
                Ok(wanted.then(|| render(waiver, stored.revision, now)))
            })
        })
        .await?;
        let next_page_token = query.token(page.next);
        Ok(Response::new(v1::ListWaiversResponse { waivers: page.items, next_page_token }))
    }
}
