//! CallLimitService: the networks that an application may call from, and how fast.

use std::collections::BTreeSet;

use devhub_decision::Environment;
use devhub_proto::v1;
use devhub_proto::v1::call_limit_service_server::CallLimitService;
use ipnet::IpNet;
use tonic::{Request, Response, Status};

use super::parse::{self, Fields, Query, REASON_CHARS_MAX};
use super::{execute, read, record, revision, seen, status};
use crate::domain::call_limit::{Allowlist, CallLimits, Enforcement, NETWORKS_MAX, SetIpAllowlist, SetRateLimitTier};
use crate::domain::name::ApplicationId;
use crate::domain::network::parse_network;
use crate::domain::record::{Record, RecordKey};
use crate::domain::refusal::Refusal;
use crate::hub::{Answer, Failure, Hub, Mode};
use crate::store::codec::Kind;
use crate::wire::Word;

/// Wrong networks that are told with their remedy each; the places of the others are told together, so that all are named
/// within what a status can carry.
const EXPLAINED_MAX: usize = 10;

/// Serves CallLimitService.
pub struct CallLimitRpc {
    hub: Hub,
}

impl CallLimitRpc {
    /// Serves the limits of `hub`.
    pub fn new(hub: Hub) -> CallLimitRpc {
        CallLimitRpc { hub }
    }
}

fn render(limits: &CallLimits, revision: u64) -> v1::CallLimits {
    v1::CallLimits {
        application_id: limits.application.to_string(),
        client_id: limits.client_id.to_string(),
        environment: limits.environment.number(),
        ip_allowlist: Some(v1::IpAllowlist {
            required: limits.allowlist.enforcement == Enforcement::Required,
            networks: limits.allowlist.networks.iter().map(ToString::to_string).collect(),
        }),
        rate_limit_tier: limits.tier.number(),
        etag: revision.to_string(),
    }
}

/// The answer to a write.
fn written(answer: Answer) -> Result<(Option<v1::CallLimits>, u64), Status> {
    let (etag, revision) = (answer.revision, revision(&answer));
    let limits = record!(answer.subject, CallLimits)?;
    Ok((Some(render(&limits, etag)), revision))
}

/// The networks of a request; every entry that is wrong is named (rule B55).
fn networks(fields: &mut Fields, given: &[String]) -> BTreeSet<IpNet> {
    let mut networks = BTreeSet::new();
    if given.len() > NETWORKS_MAX {
        let sentence = format!("{} networks are given and at most {NETWORKS_MAX} kept; join neighbours", given.len());
        fields.violate("ip_allowlist.networks", sentence);
        return networks;
    }
    let mut wrong = Vec::new();
    for (place, text) in given.iter().enumerate() {
        match parse_network(text) {
            Ok(network) if !networks.insert(network) => wrong.push((place, format!("{network} is given twice"))),
            Ok(_) => {}
            // A text of any length may stand here, and the sentence must fit.
            Err(error) => wrong.push((place, format!("{:?} {error}", text.chars().take(60).collect::<String>()))),
        }
    }
    let unexplained = wrong.split_off(wrong.len().min(EXPLAINED_MAX));
    for (place, sentence) in wrong {
        fields.violate(format!("ip_allowlist.networks[{place}]"), sentence);
    }
    if !unexplained.is_empty() {
        let places: Vec<String> = unexplained.iter().map(|(place, _)| place.to_string()).collect();
        fields.violate("ip_allowlist.networks", format!("so are those at {}", places.join(", ")));
    }
    networks
}

#[tonic::async_trait]
impl CallLimitService for CallLimitRpc {
    async fn set_ip_allowlist(
        &self,
        request: Request<v1::SetIpAllowlistRequest>,
    ) -> Result<Response<v1::SetIpAllowlistResponse>, Status> {
        let actor = parse::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let request = fields.request("SetIpAllowlist", &actor, &message, &message.request_id, Mode::Commit);
        let application = fields.name("application_id", &message.application_id);
        let given = message.ip_allowlist.unwrap_or_else(|| {
            fields.violate("ip_allowlist", "must be given; an empty one lets calls from everywhere pass");
            v1::IpAllowlist::default()
        });
        let networks = networks(&mut fields, &given.networks);
        let etag = fields.etag(&message.etag);
        let Some(application) = application.filter(|_| fields.is_clean()) else { return Err(fields.refuse()) };
        let enforcement = if given.required { Enforcement::Required } else { Enforcement::Informative };
        let command = SetIpAllowlist { application, allowlist: Allowlist { enforcement, networks }, etag };
        let (call_limits, revision) = written(execute(&self.hub, actor, command, request).await?)?;
        Ok(Response::new(v1::SetIpAllowlistResponse { call_limits, revision }))
    }

    async fn set_rate_limit_tier(
        &self,
        request: Request<v1::SetRateLimitTierRequest>,
    ) -> Result<Response<v1::SetRateLimitTierResponse>, Status> {
        let actor = parse::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let request = fields.request("SetRateLimitTier", &actor, &message, &message.request_id, Mode::Commit);
        let application = fields.name("application_id", &message.application_id);
        let tier = fields.word("rate_limit_tier", message.rate_limit_tier);
        let reason = fields.text("reason", &message.reason, REASON_CHARS_MAX);
        let etag = fields.etag(&message.etag);
        let (Some(application), Some(tier)) = (application, tier) else { return Err(fields.refuse()) };
        fields.check()?;
        let command = SetRateLimitTier { application, tier, reason, etag };
        let (call_limits, revision) = written(execute(&self.hub, actor, command, request).await?)?;
        Ok(Response::new(v1::SetRateLimitTierResponse { call_limits, revision }))
    }

    async fn get_call_limits(
        &self,
        request: Request<v1::GetCallLimitsRequest>,
    ) -> Result<Response<v1::GetCallLimitsResponse>, Status> {
        let hub = seen(&self.hub, &request)?;
        let mut fields = Fields::default();
        let Some(id) = fields.name::<ApplicationId>("application_id", &request.get_ref().application_id) else {
            return Err(fields.refuse());
        };
        let keys = [RecordKey::Application(id.clone()), CallLimits::key(&id)];
        let mut found = hub.get(&keys).map_err(status::failed)?.into_iter();
        let application = found.next().flatten().ok_or_else(|| status::refused(&Refusal::ApplicationNotFound(id)))?;
        let limits = match found.next().flatten() {
            Some(stored) => render(&record!(stored.record, CallLimits)?, stored.revision),
            None => render(&CallLimits::usual(&record!(application.record, Application)?), 0),
        };
        Ok(Response::new(v1::GetCallLimitsResponse { call_limits: Some(limits) }))
    }

    async fn list_call_limits(
        &self,
        request: Request<v1::ListCallLimitsRequest>,
    ) -> Result<Response<v1::ListCallLimitsResponse>, Status> {
        let hub = seen(&self.hub, &request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let environment = fields.word_or_none::<Environment>("environment", message.environment);
        let size = fields.page_size(message.page_size);
        fields.check()?;
        let query = Query::new(self.hub.page_seals(), "ListCallLimits", &[&message.environment.to_string()])
            .within(hub.scope());
        let cursor = query.cursor(&message.page_token)?;
        let page = read(&hub, move |hub| {
            hub.list_of(Kind::CallLimits, None, cursor, size, |stored| {
                let Record::CallLimits(limits) = &stored.record else { return Err(Failure::Defect) };
                let wanted = environment.is_none_or(|environment| environment == limits.environment);
                Ok(wanted.then(|| render(limits, stored.revision)))
            })
        })
        .await?;
        let next_page_token = query.token(page.next);
        Ok(Response::new(v1::ListCallLimitsResponse { call_limits: page.items, next_page_token }))
    }
}
