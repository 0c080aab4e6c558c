//! Gateways that were revoked, as messages.

use devhub_proto::store::v1 as disk;

use super::record::needed;
use crate::domain::gateway::{Gateway, Trust};
use crate::wire::{Word, timestamp};

pub(super) fn encode(gateway: &Gateway) -> disk::GatewayRecord {
    let trust = match gateway.trust {
        Trust::Restored => disk::GatewayTrust::Restored,
        Trust::Revoked => disk::GatewayTrust::Revoked,
    };
    disk::GatewayRecord {
        gateway_id: gateway.id.to_string(),
        environment: gateway.environment.number(),
        trust: trust.into(),
        set: Some(disk::StepRecord { by: gateway.by.clone(), at: Some(timestamp(gateway.since)) }),
        reason: gateway.reason.clone(),
    }
}

pub(super) fn decode(gateway: disk::GatewayRecord) -> Option<Gateway> {
    let trust = match disk::GatewayTrust::try_from(gateway.trust).ok()? {
        disk::GatewayTrust::Unspecified => return None,
        disk::GatewayTrust::Restored => Trust::Restored,
        disk::GatewayTrust::Revoked => Trust::Revoked,
    };
    let set = gateway.set?;
    Some(Gateway {
        environment: Word::from_number(gateway.environment)?,
        id: gateway.gateway_id.parse().ok()?,
        trust,
        since: needed(set.at.as_ref())?,
        by: set.by,
        reason: gateway.reason,
    })
}
