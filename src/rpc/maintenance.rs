//! MaintenanceService: times at which collaborators change nothing.

use chrono::{DateTime, Utc};
use devhub_proto::v1;
use devhub_proto::v1::maintenance_service_server::MaintenanceService;
use tonic::{Request, Response, Status};

use super::parse::{self, Fields, Query, REASON_CHARS_MAX};
use super::schedule::parse::zone;
use super::{execute, read, record, revision};
use crate::domain::company::Tenancy;
use crate::domain::maintenance::{
    CancelMaintenance, Maintenance, MaintenanceState, ReviseMaintenance, ScheduleMaintenance,
};
use crate::domain::notice::zoned;
use crate::domain::record::Record;
use crate::hub::{Answer, Failure, Hub, Mode};
use crate::store::codec::Kind;
use crate::wire::{Word, timestamp};

/// Serves MaintenanceService.
pub struct MaintenanceRpc {
    hub: Hub,
}

impl MaintenanceRpc {
    /// Serves the maintenance windows of `hub`.
    pub fn new(hub: Hub) -> MaintenanceRpc {
        MaintenanceRpc { hub }
    }
}

/// A window, as of `now`.
fn render(window: &Maintenance, revision: u64, now: DateTime<Utc>) -> v1::Maintenance {
    let (revised, cancelled) = (window.revised.as_ref(), window.cancelled.as_ref());
    v1::Maintenance {
        maintenance_id: window.id.to_string(),
        tenancy: window.tenancy.number(),
        start_time: Some(timestamp(window.from)),
        end_time: Some(timestamp(window.until)),
        refuses: window.refuses.number(),
        reason: window.reason.clone(),
        zone: window.zone.to_string(),
        start_local: zoned(window.from, Some(&window.zone)),
        end_local: zoned(window.until, Some(&window.zone)),
        state: window.state(now).number(),
        planned_by: window.planned.by.clone(),
        plan_time: Some(timestamp(window.planned.at)),
        revised_by: revised.map(|step| step.by.clone()).unwrap_or_default(),
        revise_time: revised.map(|step| timestamp(step.at)),
        cancelled_by: cancelled.map(|cancelled| cancelled.step.by.clone()).unwrap_or_default(),
        cancel_time: cancelled.map(|cancelled| timestamp(cancelled.step.at)),
        cancel_reason: cancelled.map(|cancelled| cancelled.reason.clone()).unwrap_or_default(),
        etag: revision.to_string(),
    }
}

/// The window and the revision of a reply.
fn written(answer: Answer) -> Result<(Option<v1::Maintenance>, u64), Status> {
    let revision = revision(&answer);
    let window = record!(answer.subject, Maintenance)?;
    Ok((Some(render(&window, answer.revision, answer.at)), revision))
}

#[tonic::async_trait]
impl MaintenanceService for MaintenanceRpc {
    async fn schedule_maintenance(
        &self,
        request: Request<v1::ScheduleMaintenanceRequest>,
    ) -> Result<Response<v1::ScheduleMaintenanceResponse>, Status> {
        let actor = parse::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let request = fields.request("ScheduleMaintenance", &actor, &message, &message.request_id, Mode::Commit);
        let given = message.maintenance.unwrap_or_default();
        let id = fields.name("maintenance.maintenance_id", &given.maintenance_id);
        let tenancy = fields.word("maintenance.tenancy", given.tenancy);
        for (field, time) in [("start_time", &given.start_time), ("end_time", &given.end_time)] {
            if time.is_none() {
                fields.violate(format!("maintenance.{field}"), "must be given: a window has a beginning and an end");
            }
        }
        let from = fields.instant("maintenance.start_time", given.start_time.as_ref());
        let until = fields.instant("maintenance.end_time", given.end_time.as_ref());
        let refuses = fields.word("maintenance.refuses", given.refuses);
        let reason = fields.needed_text("maintenance.reason", &given.reason, REASON_CHARS_MAX);
        if given.zone.is_empty() {
            fields.violate("maintenance.zone", "must be given: the IANA name of the zone in which it was announced");
        }
        let zone = zone(&mut fields, "maintenance.zone", &given.zone);
        let (Some(id), Some(tenancy), Some(from), Some(until), Some(refuses), Some(zone), true) =
            (id, tenancy, from, until, refuses, zone, fields.is_clean())
        else {
            return Err(fields.refuse());
        };
        let command = ScheduleMaintenance { id, tenancy, from, until, refuses, reason, zone };
        let (maintenance, revision) = written(execute(&self.hub, actor, command, request).await?)?;
        Ok(Response::new(v1::ScheduleMaintenanceResponse { maintenance, revision }))
    }

    async fn revise_maintenance(
        &self,
        request: Request<v1::ReviseMaintenanceRequest>,
    ) -> Result<Response<v1::ReviseMaintenanceResponse>, Status> {
        let actor = parse::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let request = fields.request("ReviseMaintenance", &actor, &message, &message.request_id, Mode::Commit);
        let id = fields.name("maintenance_id", &message.maintenance_id);
        let from = fields.instant("start_time", message.start_time.as_ref());
        let until = fields.instant("end_time", message.end_time.as_ref());
        let refuses = fields.word_or_none("refuses", message.refuses);
        let reason = fields.text("reason", &message.reason, REASON_CHARS_MAX);
        let etag = fields.etag(&message.etag);
        let Some(id) = id.filter(|_| fields.is_clean()) else { return Err(fields.refuse()) };
        let reason = Some(reason).filter(|reason| !reason.trim().is_empty());
        let command = ReviseMaintenance { id, from, until, refuses, reason, etag };
        let (maintenance, revision) = written(execute(&self.hub, actor, command, request).await?)?;
        Ok(Response::new(v1::ReviseMaintenanceResponse { maintenance, revision }))
    }

    async fn cancel_maintenance(
        &self,
        request: Request<v1::CancelMaintenanceRequest>,
    ) -> Result<Response<v1::CancelMaintenanceResponse>, Status> {
        let actor = parse::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let request = fields.request("CancelMaintenance", &actor, &message, &message.request_id, Mode::Commit);
        let id = fields.name("maintenance_id", &message.maintenance_id);
        let reason = fields.needed_text("reason", &message.reason, REASON_CHARS_MAX);
        let etag = fields.etag(&message.etag);
        let Some(id) = id.filter(|_| fields.is_clean()) else { return Err(fields.refuse()) };
        let command = CancelMaintenance { id, reason, etag };
        let (maintenance, revision) = written(execute(&self.hub, actor, command, request).await?)?;
        Ok(Response::new(v1::CancelMaintenanceResponse { maintenance, revision }))
    }

    async fn list_maintenance(
        &self,
        request: Request<v1::ListMaintenanceRequest>,
    ) -> Result<Response<v1::ListMaintenanceResponse>, Status> {
        let message = request.into_inner();
        let mut fields = Fields::default();
        let tenancy = fields.word_or_none::<Tenancy>("tenancy", message.tenancy);
        let size = fields.page_size(message.page_size);
        fields.check()?;
        let parameters = [message.tenancy.to_string(), message.ahead_only.to_string()];
        let query = Query::new(self.hub.page_seals(), "ListMaintenance", &parameters.each_ref().map(String::as_str));
        let cursor = query.cursor(&message.page_token)?;
        let page = read(&self.hub, move |hub| {
            let now = hub.now();
            hub.list(&Hub::prefix(Kind::Maintenance, None), cursor, size, |stored| {
                // All that lie ahead stand under the same prefix, as one record for the gate.
                if let Record::MaintenanceAhead(_) = &stored.record {
                    return Ok(None);
                }
                let Record::Maintenance(window) = &stored.record else { return Err(Failure::Defect) };
                let is_ahead = match window.state(now) {
                    MaintenanceState::Planned | MaintenanceState::Running => true,
                    MaintenanceState::Over | MaintenanceState::Cancelled => false,
                };
                let wanted =
                    tenancy.is_none_or(|tenancy| tenancy == window.tenancy) && (is_ahead || !message.ahead_only);
                Ok(wanted.then(|| render(window, stored.revision, now)))
            })
        })
        .await?;
        let next_page_token = query.token(page.next);
        Ok(Response::new(v1::ListMaintenanceResponse { maintenance: page.items, next_page_token }))
    }
}
