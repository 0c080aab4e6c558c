//! The calls of SubscriptionService about an application's part in brownouts.

use devhub_proto::v1;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status};

use super::SubscriptionRpc;
use crate::domain::exemption::{ChangeExemption, Exemption, Part};
use crate::hub::Mode;
use crate::rpc::parse::{self, Fields, REASON_CHARS_MAX};
use crate::rpc::{execute, record, revision};
use crate::wire::timestamp;

/// What both calls give.
struct Given<'m> {
    application_id: &'m str,
    context: &'m str,
    version: &'m str,
    reason: &'m str,
    etag: &'m str,
    request_id: &'m str,
}

fn render(exemption: &Exemption, revision: u64) -> v1::BrownoutExemption {
    v1::BrownoutExemption {
        application_id: exemption.application.to_string(),
        context: exemption.version.context.to_string(),
        version: exemption.version.label.to_string(),
        exempt: exemption.part == Part::Exempt,
        since_time: Some(timestamp(exemption.since)),
        decided_by: exemption.by.clone(),
        reason: exemption.reason.clone(),
        etag: revision.to_string(),
    }
}

impl SubscriptionRpc {
    async fn change_exemption<M: prost::Message>(
        &self,
        metadata: &MetadataMap,
        (method, message): (&str, &M),
        given: Given<'_>,
        part: Part,
    ) -> Result<(Option<v1::BrownoutExemption>, u64), Status> {
        let actor = parse::actor(metadata)?;
        let mut fields = Fields::default();
        let request = fields.request(method, &actor, message, given.request_id, Mode::Commit);
        let application = fields.name("application_id", given.application_id);
        let version = fields.version(given.context, given.version);
        let reason = fields.needed_text("reason", given.reason, REASON_CHARS_MAX);
        let etag = fields.etag(given.etag);
        let (Some(application), Some(version)) = (application, version) else { return Err(fields.refuse()) };
        fields.check()?;
        let command = ChangeExemption { application, version, part, reason, etag };
        let answer = execute(self.hub(), actor, command, request).await?;
        let revision = revision(&answer);
        let exemption = record!(answer.subject, Exemption)?;
        Ok((Some(render(&exemption, answer.revision)), revision))
    }

    pub(super) async fn exempt(
        &self,
        request: Request<v1::ExemptFromBrownoutsRequest>,
    ) -> Result<Response<v1::ExemptFromBrownoutsResponse>, Status> {
        let message = request.get_ref();
        let given = Given {
            application_id: &message.application_id,
            context: &message.context,
            version: &message.version,
            reason: &message.reason,
            etag: &message.etag,
            request_id: &message.request_id,
        };
        let call = ("ExemptFromBrownouts", message);
        let (exemption, revision) = self.change_exemption(request.metadata(), call, given, Part::Exempt).await?;
        Ok(Response::new(v1::ExemptFromBrownoutsResponse { exemption, revision }))
    }

    pub(super) async fn remove_exemption(
        &self,
        request: Request<v1::RemoveBrownoutExemptionRequest>,
    ) -> Result<Response<v1::RemoveBrownoutExemptionResponse>, Status> {
        let message = request.get_ref();
        let given = Given {
            application_id: &message.application_id,
            context: &message.context,
            version: &message.version,
            reason: &message.reason,
            etag: &message.etag,
            request_id: &message.request_id,
        };
        let call = ("RemoveBrownoutExemption", message);
        let (exemption, revision) = self.change_exemption(request.metadata(), call, given, Part::Taken).await?;
        Ok(Response::new(v1::RemoveBrownoutExemptionResponse { exemption, revision }))
    }
}
