//! FactService: the audit trail, listed and followed.

use devhub_proto::v1;
use devhub_proto::v1::fact_service_server::FactService;
use tokio::sync::watch;
use tonic::{Request, Response, Status};

use super::follow::{Followers, Following, Step};
use super::parse::{Fields, Query};
use super::{read, status};
use crate::domain::Actor;
use crate::domain::fact::FactKind;
use crate::domain::name::{AccountId, ApplicationId, CompanyId, Context, Label};
use crate::hub::{FactFilter, Hub};

/// Facts gathered into one message of a stream, about.
const STREAM_STEP: usize = 200;

/// Most kinds of one filter.
const KINDS_MAX: usize = 50;

/// Longest name of a command, in bytes.
const COMMAND_BYTES_MAX: usize = 64;

/// Serves FactService.
pub struct FactRpc {
    hub: Hub,
    followers: Followers,
}

impl FactRpc {
    /// Serves the facts of `hub` until `stopping` becomes true.
    pub fn new(hub: Hub, stopping: watch::Receiver<bool>) -> FactRpc {
        FactRpc { followers: Followers::new(hub.clone(), stopping), hub }
    }
}

fn filter(fields: &mut Fields, filter: Option<&v1::FactFilter>) -> FactFilter {
    let Some(filter) = filter else { return FactFilter::default() };
    fields.name_or_none::<ApplicationId>("filter.application_id", &filter.application_id);
    fields.name_or_none::<Context>("filter.context", &filter.context);
    fields.name_or_none::<Label>("filter.version", &filter.version);
    fields.name_or_none::<Actor>("filter.actor", &filter.actor);
    fields.name_or_none::<CompanyId>("filter.company_id", &filter.company_id);
    fields.name_or_none::<AccountId>("filter.account_id", &filter.account_id);
    let named = format!("ERROR_REASON_{}", filter.refusal);
    if !filter.refusal.is_empty() && v1::ErrorReason::from_str_name(&named).is_none() {
        fields.violate("filter.refusal", "must be the name of an ErrorReason, for example VERSION_DEPRECATED");
    }
    let letters = filter.refused_command.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if filter.refused_command.len() > COMMAND_BYTES_MAX || !letters {
        fields.violate(
            "filter.refused_command",
            "must be the name of a command, for example Subscribe; at most 64 letters",
        );
    }
    if !filter.version.is_empty() && filter.context.is_empty() {
        fields.violate("filter.context", "is needed when version is given");
    }
    if filter.kinds.len() > KINDS_MAX {
        fields.violate("filter.kinds", "at most 50 kinds are accepted; leave the filter out to match all");
    }
    for kind in &filter.kinds {
        fields.word::<FactKind>("filter.kinds", *kind);
    }
    FactFilter {
        application: filter.application_id.clone(),
        context: filter.context.clone(),
        label: filter.version.clone(),
        actor: filter.actor.clone(),
        kinds: filter.kinds.clone(),
        company: filter.company_id.clone(),
        account: filter.account_id.clone(),
        refusal: filter.refusal.clone(),
        refused_command: filter.refused_command.clone(),
        via: filter.via.clone(),
        from: fields.instant("filter.start_time", filter.start_time.as_ref()),
        until: fields.instant("filter.end_time", filter.end_time.as_ref()),
    }
}

#[tonic::async_trait]
impl FactService for FactRpc {
    async fn list_facts(
        &self,
        request: Request<v1::ListFactsRequest>,
    ) -> Result<Response<v1::ListFactsResponse>, Status> {
        let message = request.into_inner();
        let mut fields = Fields::default();
        let filter = filter(&mut fields, message.filter.as_ref());
        let size = fields.page_size(message.page_size);
        fields.check()?;
        let query = Query::new(self.hub.page_seals(), "ListFacts", &[&format!("{filter:?}")]);
        let after = match query.cursor(&message.page_token)? {
            None => 0,
            Some(cursor) => u64::from_be_bytes(cursor[..].try_into().map_err(|_| status::page_token())?),
        };
        let page = read(&self.hub, move |hub| hub.facts(&filter, after, size)).await?;
        let next = (!page.complete).then(|| page.revision.to_be_bytes().to_vec().into());
        Ok(Response::new(v1::ListFactsResponse { facts: page.facts, next_page_token: query.token(next) }))
    }

    type FollowFactsStream = Following<v1::FollowFactsResponse>;

    async fn follow_facts(
        &self,
        request: Request<v1::FollowFactsRequest>,
    ) -> Result<Response<Self::FollowFactsStream>, Status> {
        let message = request.into_inner();
        let mut fields = Fields::default();
        let filter = filter(&mut fields, message.filter.as_ref());
        fields.check()?;
        let look = move |hub: &Hub, after, told: Option<u64>| {
            let page = hub.facts(&filter, after, STREAM_STEP)?;
            // The first message comes at once, even without facts.
            let due = told.is_none() || page.revision > after;
            let message = v1::FollowFactsResponse { facts: page.facts, revision: page.revision, epoch: hub.epoch() };
            let messages = due.then_some(message).into_iter().collect();
            Ok(Step { messages, after: page.revision, complete: page.complete })
        };
        Ok(Response::new(self.followers.begin(&message.epoch, message.after_revision, look)?))
    }
}
