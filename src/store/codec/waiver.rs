//! Waivers and exemptions as messages.

use devhub_proto::store::v1 as disk;

use super::record::{decode_name, needed, optional};
use crate::domain::exemption::{Exemption, Part};
use crate::domain::waiver::{Revocation, Waiver};
use crate::wire::{Word, timestamp};

pub(super) fn encode_waiver(waiver: &Waiver) -> disk::WaiverRecord {
    let revoked = waiver.revoked.as_ref();
    disk::WaiverRecord {
        id: waiver.id.to_string(),
        application_id: waiver.application.to_string(),
        client_id: waiver.client_id.to_string(),
        environment: waiver.environment.number(),
        context: waiver.version.context.to_string(),
        label: waiver.version.label.to_string(),
        kind: waiver.kind.number(),
        granted_at: Some(timestamp(waiver.from)),
        until: Some(timestamp(waiver.until)),
        reason: waiver.reason.clone(),
        approver: waiver.approver.clone(),
        granted_by: waiver.granted_by.clone(),
        revoked_at: revoked.map(|revoked| timestamp(revoked.at)),
        revoked_by: revoked.map(|revoked| revoked.by.clone()).unwrap_or_default(),
        revocation_reason: revoked.map(|revoked| revoked.reason.clone()).unwrap_or_default(),
    }
}

pub(super) fn decode_waiver(waiver: disk::WaiverRecord) -> Option<Waiver> {
    let (by, reason) = (waiver.revoked_by, waiver.revocation_reason);
    Some(Waiver {
        id: waiver.id.parse().ok()?,
        application: waiver.application_id.parse().ok()?,
        client_id: waiver.client_id.parse().ok()?,
        environment: Word::from_number(waiver.environment)?,
        version: decode_name(&waiver.context, &waiver.label)?,
        kind: Word::from_number(waiver.kind)?,
        from: needed(waiver.granted_at.as_ref())?,
        until: needed(waiver.until.as_ref())?,
        reason: waiver.reason,
        approver: waiver.approver,
        granted_by: waiver.granted_by,
        revoked: optional(waiver.revoked_at.as_ref())?.map(|at| Revocation { at, by, reason }),
    })
}

pub(super) fn encode_exemption(exemption: &Exemption) -> disk::ExemptionRecord {
    disk::ExemptionRecord {
        application_id: exemption.application.to_string(),
        client_id: exemption.client_id.to_string(),
        environment: exemption.environment.number(),
        context: exemption.version.context.to_string(),
        label: exemption.version.label.to_string(),
        exempt: exemption.part == Part::Exempt,
        since: Some(timestamp(exemption.since)),
        by: exemption.by.clone(),
        reason: exemption.reason.clone(),
    }
}

pub(super) fn decode_exemption(exemption: disk::ExemptionRecord) -> Option<Exemption> {
    Some(Exemption {
        application: exemption.application_id.parse().ok()?,
        client_id: exemption.client_id.parse().ok()?,
        environment: Word::from_number(exemption.environment)?,
        version: decode_name(&exemption.context, &exemption.label)?,
        part: if exemption.exempt { Part::Exempt } else { Part::Taken },
        since: needed(exemption.since.as_ref())?,
        by: exemption.by,
        reason: exemption.reason,
    })
}
