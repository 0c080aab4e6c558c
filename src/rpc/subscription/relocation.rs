//! The calls of SubscriptionService that move one subscription, and those that undo.

use devhub_proto::v1;
use tonic::{Request, Response, Status};

use super::shown::show;
use super::{SubscriptionRpc, check_field_values};
use crate::domain::name::ApplicationId;
use crate::domain::record::RecordKey;
use crate::domain::relocate::{MoveSubscription, Scope};
use crate::domain::undo::{UndoMove, UndoUnsubscribe};
use crate::hub::{Failure, Mode};
use crate::ids;
use crate::rpc::parse::{self, Fields, REASON_CHARS_MAX};
use crate::rpc::{execute, revision, status};

impl SubscriptionRpc {
    pub(super) async fn move_one(
        &self,
        request: Request<v1::MoveSubscriptionRequest>,
    ) -> Result<Response<v1::MoveSubscriptionResponse>, Status> {
        let actor = parse::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let request = fields.request("MoveSubscription", &actor, &message, &message.request_id, Mode::Commit);
        let application = fields.name::<ApplicationId>("application_id", &message.application_id);
        let from = fields.needed_version("from", message.from.as_ref());
        let to = fields.needed_version("to", message.to.as_ref());
        let overlap_until = fields.instant("overlap_until", message.overlap_until.as_ref());
        check_field_values(&mut fields, &message.field_values);
        let reason = fields.text("reason", &message.reason, REASON_CHARS_MAX);
        let etag = fields.etag(&message.etag);
        let (Some(application), Some(from), Some(to)) = (application, from, to) else { return Err(fields.refuse()) };
        fields.check()?;
        let there = RecordKey::Subscription(application.clone(), to.clone());
        let command = MoveSubscription {
            id: ids::subscription(self.hub().now()),
            application,
            from,
            to,
            overlap_until,
            field_values: message.field_values,
            scope: Scope::One,
            reason,
            etag,
        };
        let answer = execute(self.hub(), actor, command, request).await?;
        let (revision, warnings) = (revision(&answer), answer.warnings.clone());
        let moved = Some(self.render(answer)?);
        let now = self.hub().now();
        let there =
            self.hub().get_one(there).map_err(status::failed)?.ok_or(Failure::Defect).map_err(status::failed)?;
        let subscription = Some(show(self.hub(), &there, now).map_err(status::failed)?);
        Ok(Response::new(v1::MoveSubscriptionResponse { moved, subscription, revision, warnings }))
    }

    pub(super) async fn undo_one_move(
        &self,
        request: Request<v1::UndoMoveRequest>,
    ) -> Result<Response<v1::UndoMoveResponse>, Status> {
        let actor = parse::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let request = fields.request("UndoMove", &actor, &message, &message.request_id, Mode::Commit);
        let application = fields.name::<ApplicationId>("application_id", &message.application_id);
        let from = fields.needed_version("from", message.from.as_ref());
        let to = fields.needed_version("to", message.to.as_ref());
        let reason = fields.text("reason", &message.reason, REASON_CHARS_MAX);
        let etag = fields.etag(&message.etag);
        let (Some(application), Some(from), Some(to)) = (application, from, to) else { return Err(fields.refuse()) };
        fields.check()?;
        let command = UndoMove { application, from, to, scope: Scope::One, reason, etag };
        let answer = execute(self.hub(), actor, command, request).await?;
        let revision = revision(&answer);
        Ok(Response::new(v1::UndoMoveResponse { subscription: Some(self.render(answer)?), revision }))
    }

    pub(super) async fn undo_one_unsubscription(
        &self,
        request: Request<v1::UndoUnsubscribeRequest>,
    ) -> Result<Response<v1::UndoUnsubscribeResponse>, Status> {
        let actor = parse::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let request = fields.request("UndoUnsubscribe", &actor, &message, &message.request_id, Mode::Commit);
        let application = fields.name::<ApplicationId>("application_id", &message.application_id);
        let version = fields.version(&message.context, &message.version);
        let reason = fields.text("reason", &message.reason, REASON_CHARS_MAX);
        let etag = fields.etag(&message.etag);
        let (Some(application), Some(version)) = (application, version) else { return Err(fields.refuse()) };
        fields.check()?;
        let command = UndoUnsubscribe { application, version, reason, etag };
        let answer = execute(self.hub(), actor, command, request).await?;
        let revision = revision(&answer);
        Ok(Response::new(v1::UndoUnsubscribeResponse { subscription: Some(self.render(answer)?), revision }))
    }
}
