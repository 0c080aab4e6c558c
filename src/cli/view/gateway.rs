//! Gateways that follow.

use devhub_proto::v1;
use serde::Serialize;

use super::{environment, or_empty, time};
use crate::cli::output::Row;
use crate::cli::words::wire_name;

/// A stream of a gateway.
#[derive(Debug, Clone, Serialize)]
pub struct GatewayView {
    gateway_id: String,
    environment: String,
    state: String,
    connect_time: Option<String>,
    disconnect_time: Option<String>,
    applied_revision: u64,
    applied_digest: String,
    sent_revision: u64,
    lag: u64,
    last_ping_time: Option<String>,
    error: String,
}

impl From<v1::Gateway> for GatewayView {
    fn from(gateway: v1::Gateway) -> GatewayView {
        GatewayView {
            gateway_id: gateway.gateway_id,
            environment: environment(gateway.environment),
            state: wire_name(gateway.state, v1::GatewayState::as_str_name, "GATEWAY_STATE_"),
            connect_time: time(gateway.connect_time),
            disconnect_time: time(gateway.disconnect_time),
            applied_revision: gateway.applied_revision,
            applied_digest: format!("{:016x}", gateway.applied_digest),
            sent_revision: gateway.sent_revision,
            lag: gateway.lag,
            last_ping_time: time(gateway.last_ping_time),
            error: gateway.error,
        }
    }
}

impl Row for GatewayView {
    const HEADER: &'static [&'static str] =
        &["GATEWAY", "ENVIRONMENT", "STATE", "SINCE", "REVISION", "LAG", "LAST PING", "ERROR"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.gateway_id.clone(),
            self.environment.clone(),
            self.state.clone(),
            or_empty(self.disconnect_time.as_ref().map_or(&self.connect_time, |_| &self.disconnect_time)),
            self.applied_revision.to_string(),
            self.lag.to_string(),
            or_empty(&self.last_ping_time),
            self.error.clone(),
        ]
    }
}

/// A gateway that is kept out.
#[derive(Debug, Clone, Serialize)]
pub struct RevokedGatewayView {
    /// What operators call it.
    pub gateway_id: String,
    environment: String,
    /// Since when.
    pub revoke_time: Option<String>,
    revoked_by: String,
    reason: String,
}

impl From<v1::RevokedGateway> for RevokedGatewayView {
    fn from(gateway: v1::RevokedGateway) -> RevokedGatewayView {
        RevokedGatewayView {
            gateway_id: gateway.gateway_id,
            environment: environment(gateway.environment),
            revoke_time: time(gateway.revoke_time),
            revoked_by: gateway.revoked_by,
            reason: gateway.reason,
        }
    }
}

impl Row for RevokedGatewayView {
    const HEADER: &'static [&'static str] = &["GATEWAY", "ENVIRONMENT", "REVOKED", "BY", "REASON"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.gateway_id.clone(),
            self.environment.clone(),
            or_empty(&self.revoke_time),
            self.revoked_by.clone(),
            self.reason.clone(),
        ]
    }
}
