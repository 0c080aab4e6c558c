//! Maintenance windows as messages.

use devhub_proto::store::v1 as disk;

use super::app::{decode_step, decode_taken, encode_step};
use super::record::needed;
use crate::domain::maintenance::{Cancellation, Maintenance, MaintenanceAhead};
use crate::wire::{Word, timestamp};

pub(super) fn encode_window(window: &Maintenance) -> disk::MaintenanceRecord {
    let cancelled = window.cancelled.as_ref();
    disk::MaintenanceRecord {
        id: window.id.to_string(),
        tenancy: window.tenancy.number(),
        from: Some(timestamp(window.from)),
        until: Some(timestamp(window.until)),
        refuses: window.refuses.number(),
        reason: window.reason.clone(),
        zone: window.zone.to_string(),
        planned: Some(encode_step(&window.planned)),
        revised: window.revised.as_ref().map(encode_step),
        cancelled: cancelled.map(|cancelled| encode_step(&cancelled.step)),
        cancellation_reason: cancelled.map(|cancelled| cancelled.reason.clone()).unwrap_or_default(),
    }
}

pub(super) fn decode_window(window: disk::MaintenanceRecord) -> Option<Maintenance> {
    let reason = window.cancellation_reason;
    Some(Maintenance {
        id: window.id.parse().ok()?,
        tenancy: Word::from_number(window.tenancy)?,
        from: needed(window.from.as_ref())?,
        until: needed(window.until.as_ref())?,
        refuses: Word::from_number(window.refuses)?,
        reason: window.reason,
        zone: window.zone.parse().ok()?,
        planned: decode_step(window.planned)?,
        revised: decode_taken(window.revised)?,
        cancelled: decode_taken(window.cancelled)?.map(|step| Cancellation { step, reason }),
    })
}

pub(super) fn encode_ahead(ahead: &MaintenanceAhead) -> disk::MaintenanceAheadRecord {
    disk::MaintenanceAheadRecord { windows: ahead.windows.iter().map(encode_window).collect() }
}

pub(super) fn decode_ahead(ahead: disk::MaintenanceAheadRecord) -> Option<MaintenanceAhead> {
    Some(MaintenanceAhead { windows: ahead.windows.into_iter().map(decode_window).collect::<Option<_>>()? })
}
