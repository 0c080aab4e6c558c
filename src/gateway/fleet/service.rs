//! GatewayFleetService: operators look at the gateways that follow.

use bytes::Bytes;
use devhub_decision::Environment;
use devhub_proto::v1;
use devhub_proto::v1::gateway_fleet_service_server::GatewayFleetService;
use tonic::{Request, Response, Status};

use super::{Fleet, FleetFilter, Place, Seen};
use crate::domain::gateway::{ChangeGatewayTrust, Gateway, Trust};
use crate::gateway::sync::check_gateway_id;
use crate::hub::{Hub, Mode};
use crate::rpc::parse::{self, Fields, Query, REASON_CHARS_MAX};
use crate::rpc::{self, record, status};
use crate::wire::{Word, timestamp};

/// Bytes of a cursor before the id of the gateway.
const CURSOR_BYTES: usize = 1 + 8;

/// Serves GatewayFleetService.
pub struct GatewayFleetRpc {
    hub: Hub,
    fleet: Fleet,
}

impl GatewayFleetRpc {
    /// Serves the gateways that follow `hub`.
    pub fn new(hub: Hub, fleet: Fleet) -> GatewayFleetRpc {
        GatewayFleetRpc { hub, fleet }
    }
}

fn cursor(place: &Place) -> Bytes {
    let environment = u8::try_from(place.environment.number()).unwrap_or_default();
    let number = place.number.to_be_bytes();
    [&[environment], &number[..], place.gateway_id.as_bytes()].concat().into()
}

/// The place that a cursor names. Its token was made here, so only a changed one has none.
fn place(cursor: &[u8]) -> Result<Place, Status> {
    let place = cursor.split_at_checked(CURSOR_BYTES).and_then(|(head, id)| {
        let environment = Environment::from_number(i32::from(head[0]))?;
        let number = u64::from_be_bytes(head[1..].try_into().ok()?);
        Some(Place { gateway_id: std::str::from_utf8(id).ok()?.into(), environment, number })
    });
    place.ok_or_else(status::page_token)
}

fn render(seen: Seen, revision: u64) -> v1::Gateway {
    let Seen { place, connected_at, gone_at, progress } = seen;
    let state = if gone_at.is_none() { v1::GatewayState::Connected } else { v1::GatewayState::Disconnected };
    v1::Gateway {
        gateway_id: place.gateway_id.into(),
        environment: place.environment.number(),
        state: state.into(),
        connect_time: Some(timestamp(connected_at)),
        disconnect_time: gone_at.map(timestamp),
        applied_revision: progress.applied,
        applied_digest: progress.digest,
        sent_revision: progress.sent,
        lag: revision.saturating_sub(progress.applied),
        last_ping_time: progress.pinged_at.map(timestamp),
        error: progress.error.into(),
    }
}

fn render_revoked(gateway: &Gateway, revision: u64) -> v1::RevokedGateway {
    v1::RevokedGateway {
        gateway_id: gateway.id.to_string(),
        environment: gateway.environment.number(),
        revoke_time: Some(timestamp(gateway.since)),
        revoked_by: gateway.by.clone(),
        reason: gateway.reason.clone(),
        etag: revision.to_string(),
    }
}

/// The command that a request states: id, environment, reason and etag.
fn change(mut fields: Fields, trust: Trust, stated: (&str, i32, &str, &str)) -> Result<ChangeGatewayTrust, Status> {
    let (id, environment, reason, etag) = stated;
    let id = fields.name("gateway_id", id);
    let environment = fields.word("environment", environment);
    let reason = fields.needed_text("reason", reason, REASON_CHARS_MAX);
    let etag = fields.etag(etag);
    let (Some(id), Some(environment)) = (id, environment) else { return Err(fields.refuse()) };
    fields.check()?;
    Ok(ChangeGatewayTrust { environment, id, trust, reason, etag })
}

/// Whether those that are asked for have a stream; `None` when both are.
fn connected(fields: &mut Fields, number: i32) -> Option<bool> {
    match v1::GatewayState::try_from(number) {
        Ok(v1::GatewayState::Unspecified) => None,
        Ok(v1::GatewayState::Connected) => Some(true),
        Ok(v1::GatewayState::Disconnected) => Some(false),
        Err(_) => {
            fields.violate("state", format!("{number} is not a known value"));
            None
        }
    }
}

#[tonic::async_trait]
impl GatewayFleetService for GatewayFleetRpc {
    async fn list_gateways(
        &self,
        request: Request<v1::ListGatewaysRequest>,
    ) -> Result<Response<v1::ListGatewaysResponse>, Status> {
        let message = request.into_inner();
        let mut fields = Fields::default();
        let environment = fields.word_or_none::<Environment>("environment", message.environment);
        let connected = connected(&mut fields, message.state);
        let size = fields.page_size(message.page_size);
        fields.check()?;
        let query = Query::new(
            self.hub.page_seals(),
            "ListGateways",
            &[&message.environment.to_string(), &message.state.to_string()],
        );
        let after = query.cursor(&message.page_token)?.map(|cursor| place(&cursor)).transpose()?;
        let revision = self.hub.change_log().newest().revision;
        let filter = FleetFilter { environment, connected };
        let (page, next) = self.fleet.list(filter, after, size, self.hub.now());
        let next_page_token = query.token(next.as_ref().map(cursor));
        let gateways = page.into_iter().map(|seen| render(seen, revision)).collect();
        Ok(Response::new(v1::ListGatewaysResponse { gateways, next_page_token, revision }))
    }

    async fn disconnect_gateway(
        &self,
        request: Request<v1::DisconnectGatewayRequest>,
    ) -> Result<Response<v1::DisconnectGatewayResponse>, Status> {
        let actor = parse::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        // Nothing is committed, so there is no answer to keep; its form is checked as everywhere.
        let _ = fields.request("DisconnectGateway", &actor, &message, &message.request_id, Mode::Commit);
        check_gateway_id(&mut fields, "gateway_id", &message.gateway_id);
        let reason = fields.needed_text("reason", &message.reason, REASON_CHARS_MAX);
        fields.check()?;
        actor.operator("disconnect gateways").map_err(|refusal| status::refused(&refusal))?;
        let streams = self.fleet.disconnect(&message.gateway_id);
        tracing::info!(gateway_id = %message.gateway_id, %actor, reason, streams, "a gateway was disconnected");
        let streams = u32::try_from(streams).unwrap_or(u32::MAX);
        Ok(Response::new(v1::DisconnectGatewayResponse { streams }))
    }

    async fn revoke_gateway(
        &self,
        request: Request<v1::RevokeGatewayRequest>,
    ) -> Result<Response<v1::RevokeGatewayResponse>, Status> {
        let actor = parse::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let request = fields.request("RevokeGateway", &actor, &message, &message.request_id, Mode::Commit);
        let stated = (&*message.gateway_id, message.environment, &*message.reason, "");
        let command = change(fields, Trust::Revoked, stated)?;
        let answer = rpc::execute(&self.hub, actor, command, request).await?;
        let revision = rpc::revision(&answer);
        let gateway = Some(render_revoked(&record!(answer.subject, Gateway)?, answer.revision));
        Ok(Response::new(v1::RevokeGatewayResponse { gateway, revision }))
    }

    async fn restore_gateway(
        &self,
        request: Request<v1::RestoreGatewayRequest>,
    ) -> Result<Response<v1::RestoreGatewayResponse>, Status> {
        let actor = parse::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let request = fields.request("RestoreGateway", &actor, &message, &message.request_id, Mode::Commit);
        let (id, reason, etag) = (&*message.gateway_id, &*message.reason, &*message.etag);
        let stated = (id, message.environment, reason, etag);
        let command = change(fields, Trust::Restored, stated)?;
        let answer = rpc::execute(&self.hub, actor, command, request).await?;
        Ok(Response::new(v1::RestoreGatewayResponse { revision: rpc::revision(&answer) }))
    }

    async fn list_revoked_gateways(
        &self,
        request: Request<v1::ListRevokedGatewaysRequest>,
    ) -> Result<Response<v1::ListRevokedGatewaysResponse>, Status> {
        let message = request.into_inner();
        let mut fields = Fields::default();
        let size = fields.page_size(message.page_size);
        fields.check()?;
        let query = Query::new(self.hub.page_seals(), "ListRevokedGateways", &[]);
        let cursor = query.cursor(&message.page_token)?;
        let page = rpc::read(&self.hub, move |hub| hub.revoked_gateways(cursor, size)).await?;
        let gateways = page.items.iter().map(|(gateway, revision)| render_revoked(gateway, *revision)).collect();
        let next_page_token = query.token(page.next);
        Ok(Response::new(v1::ListRevokedGatewaysResponse { gateways, next_page_token }))
    }
}
