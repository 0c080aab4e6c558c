//! The calls of SubscriptionService about an application's part in brownouts.

use devhub_proto::v1;
use tonic::{Request, Status};

use super::SubscriptionRpc;
use crate::domain::exemption::{ChangeExemption, Exemption, Part};
use crate::hub::Mode;
use crate::rpc::parse::{self, Fields, REASON_CHARS_MAX};
use crate::rpc::{execute, record, revision};
use crate::wire::timestamp;

/// What both calls give.
pub(super) struct Given<'m> {
    application_id: &'m str,
    context: &'m str,
    version: &'m str,
    reason: &'m str,
    etag: &'m str,
    request_id: &'m str,
}

/// One of the two calls: its message, under its name, and what it makes of an application's part.
pub(super) trait Call: prost::Message {
    const METHOD: &'static str;
    const PART: Part;

    fn given(&self) -> Given<'_>;
}

macro_rules! calls {
    ($($message:ident: $method:literal, $part:ident;)*) => {$(
        impl Call for v1::$message {
            const METHOD: &'static str = $method;
            const PART: Part = Part::$part;

            fn given(&self) -> Given<'_> {
                Given {
                    application_id: &self.application_id,
                    context: &self.context,
                    version: &self.version,
                    reason: &self.reason,
                    etag: &self.etag,
                    request_id: &self.request_id,
                }
            }
        }
    )*};
}

calls! {
    ExemptFromBrownoutsRequest: "ExemptFromBrownouts", Exempt;
    RemoveBrownoutExemptionRequest: "RemoveBrownoutExemption", Taken;
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
    /// Carries out either call.
    pub(super) async fn change_part<C: Call>(
        &self,
        request: Request<C>,
    ) -> Result<(Option<v1::BrownoutExemption>, u64), Status> {
        let actor = parse::actor(&request)?;
        let message = request.get_ref();
        let given = message.given();
        let mut fields = Fields::default();
        let request = fields.request(C::METHOD, &actor, message, given.request_id, Mode::Commit);
        let application = fields.name("application_id", given.application_id);
        let version = fields.version(given.context, given.version);
        let reason = fields.needed_text("reason", given.reason, REASON_CHARS_MAX);
        let etag = fields.etag(given.etag);
        let (Some(application), Some(version)) = (application, version) else { return Err(fields.refuse()) };
        fields.check()?;
        let command = ChangeExemption { application, version, part: C::PART, reason, etag };
        let answer = execute(self.hub(), actor, command, request).await?;
        let revision = revision(&answer);
        let exemption = record!(answer.subject, Exemption)?;
        Ok((Some(render(&exemption, answer.revision)), revision))
    }
}
