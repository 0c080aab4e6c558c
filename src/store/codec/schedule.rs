//! Dates, their revisions and namespaces as messages.

use devhub_decision::{Brownout, Lifecycle, Maturity, Schedule};
use devhub_proto::store::v1 as disk;
use devhub_proto::v1;
use prost_types::Timestamp;

use super::record::{needed, optional};
use crate::domain::ledger::{LedgerEnd, Revision};
use crate::domain::name::Zone;
use crate::domain::namespace::{Namespace, NamespaceDeployment};
use crate::domain::operation::OperationSchedule;
use crate::wire::{self, Word, timestamp};

/// The dates as three instants, each of which may be missing.
pub(super) type Dates = (Option<Timestamp>, Option<Timestamp>, Option<Timestamp>);

/// The dates of a schedule: of deprecation, of a gradual sunset's beginning, of retirement.
pub(super) fn encode_dates(schedule: &Schedule) -> Dates {
    (
        schedule.deprecated_at().map(timestamp),
        schedule.sunset_begins_at().map(timestamp),
        schedule.retires_at().map(timestamp),
    )
}

/// The schedule of these dates.
pub(super) fn decode_dates((deprecated_at, sunset_begins_at, retires_at): Dates) -> Option<Schedule> {
    let deprecated_at = optional(deprecated_at.as_ref())?;
    let sunset_begins_at = optional(sunset_begins_at.as_ref())?;
    Some(match (deprecated_at, optional(retires_at.as_ref())?) {
        (Some(deprecated_at), retires_at) => Schedule::Deprecation { deprecated_at, sunset_begins_at, retires_at },
        (None, Some(retires_at)) => Schedule::Retirement { retires_at },
        (None, None) => Schedule::Open,
    })
}

/// How far a ledger has come.
pub(super) fn encode_ledger_end(end: &LedgerEnd) -> Option<disk::LedgerEndRecord> {
    Some(disk::LedgerEndRecord {
        revisions: end.revisions,
        announced_at: end.announced_at.map(timestamp),
        zone: end.zone.as_ref().map(ToString::to_string).unwrap_or_default(),
        recorded_at: end.recorded_at.map(timestamp),
    })
}

/// How far a ledger has come; a record from before there were ledgers has none.
pub(super) fn decode_ledger_end(stored: Option<disk::LedgerEndRecord>) -> Option<LedgerEnd> {
    let Some(stored) = stored else { return Some(LedgerEnd::default()) };
    Some(LedgerEnd {
        revisions: stored.revisions,
        announced_at: optional(stored.announced_at.as_ref())?,
        recorded_at: optional(stored.recorded_at.as_ref())?,
        zone: decode_zone(&stored.zone)?,
    })
}

fn decode_zone(zone: &str) -> Option<Option<Zone>> {
    if zone.is_empty() { Some(None) } else { zone.parse().ok().map(Some) }
}

pub(super) fn encode_brownouts(brownouts: &[Brownout]) -> Vec<v1::BrownoutWindow> {
    brownouts.iter().map(wire::brownout).collect()
}

pub(super) fn decode_brownouts(brownouts: &[v1::BrownoutWindow]) -> Option<Vec<Brownout>> {
    brownouts.iter().map(decode_brownout).collect()
}

fn decode_brownout(window: &v1::BrownoutWindow) -> Option<Brownout> {
    Some(Brownout { from: needed(window.start_time.as_ref())?, until: needed(window.end_time.as_ref())? })
}

pub(super) fn encode_operation(operation: &OperationSchedule) -> disk::OperationRecord {
    let (deprecated_at, sunset_begins_at, retires_at) = encode_dates(&operation.schedule);
    disk::OperationRecord {
        method: operation.method.clone(),
        path: operation.path.clone(),
        deprecated_at,
        sunset_begins_at,
        retires_at,
        replacement: operation.replacement.as_ref().map(wire::operation_name),
        replacement_uri: operation.replacement_uri.clone(),
        ledger: encode_ledger_end(&operation.ledger),
    }
}

pub(super) fn decode_operation(operation: disk::OperationRecord) -> Option<OperationSchedule> {
    let replacement = match &operation.replacement {
        Some(name) => Some(wire::parse_operation_name(name)?),
        None => None,
    };
    Some(OperationSchedule {
        method: operation.method,
        path: operation.path,
        schedule: decode_dates((operation.deprecated_at, operation.sunset_begins_at, operation.retires_at))?,
        replacement,
        replacement_uri: operation.replacement_uri,
        ledger: decode_ledger_end(operation.ledger)?,
    })
}

pub(super) fn encode_namespace(namespace: &Namespace) -> disk::NamespaceRecord {
    let deployment = |(environment, deployment): (&devhub_decision::Environment, &NamespaceDeployment)| {
        let (deprecated_at, sunset_begins_at, retires_at) = encode_dates(&deployment.lifecycle.schedule);
        disk::NamespaceDeploymentRecord {
            environment: environment.number(),
            deprecated_at,
            sunset_begins_at,
            retires_at,
            brownouts: encode_brownouts(&deployment.brownouts),
            successor: deployment.successor.as_ref().map(ToString::to_string).unwrap_or_default(),
            successor_uri: deployment.successor_uri.clone(),
            ledger: encode_ledger_end(&deployment.ledger),
        }
    };
    disk::NamespaceRecord {
        name: namespace.name.to_string(),
        deployments: namespace.deployments.iter().map(deployment).collect(),
    }
}

pub(super) fn decode_namespace(namespace: disk::NamespaceRecord) -> Option<Namespace> {
    let deployment = |stored: disk::NamespaceDeploymentRecord| {
        let schedule = decode_dates((stored.deprecated_at, stored.sunset_begins_at, stored.retires_at))?;
        let deployment = NamespaceDeployment {
            lifecycle: Lifecycle { maturity: Maturity::Stable, schedule },
            brownouts: decode_brownouts(&stored.brownouts)?,
            successor: match stored.successor.as_str() {
                "" => None,
                successor => Some(successor.parse().ok()?),
            },
            successor_uri: stored.successor_uri,
            ledger: decode_ledger_end(stored.ledger)?,
        };
        Some((Word::from_number(stored.environment)?, deployment))
    };
    Some(Namespace {
        name: namespace.name.parse().ok()?,
        deployments: namespace.deployments.into_iter().map(deployment).collect::<Option<_>>()?,
    })
}

fn encode_lifecycle(lifecycle: &Lifecycle) -> disk::LifecycleRecord {
    let (deprecated_at, sunset_begins_at, retires_at) = encode_dates(&lifecycle.schedule);
    disk::LifecycleRecord { maturity: lifecycle.maturity.number(), deprecated_at, sunset_begins_at, retires_at }
}

fn decode_lifecycle(stored: disk::LifecycleRecord) -> Option<Lifecycle> {
    Some(Lifecycle {
        maturity: Word::from_number(stored.maturity)?,
        schedule: decode_dates((stored.deprecated_at, stored.sunset_begins_at, stored.retires_at))?,
    })
}

pub(super) fn encode_revision(revision: &Revision) -> disk::RevisionRecord {
    disk::RevisionRecord {
        target: Some(wire::target(&revision.target)),
        number: revision.number,
        kind: revision.kind.number(),
        before: revision.before.as_ref().map(encode_lifecycle),
        after: Some(encode_lifecycle(&revision.after)),
        brownout: revision.brownout.as_ref().map(wire::brownout),
        successor: revision.successor.clone(),
        announced_at: Some(timestamp(revision.announced_at)),
        recorded_at: Some(timestamp(revision.recorded_at)),
        zone: revision.zone.as_ref().map(ToString::to_string).unwrap_or_default(),
        by: revision.by.clone(),
        reason: revision.reason.clone(),
        override_reason: revision.override_reason.clone(),
    }
}

pub(super) fn decode_revision(stored: disk::RevisionRecord) -> Option<Revision> {
    Some(Revision {
        target: wire::parse_target(&stored.target?)?,
        number: stored.number,
        kind: Word::from_number(stored.kind)?,
        before: match stored.before {
            Some(before) => Some(decode_lifecycle(before)?),
            None => None,
        },
        after: decode_lifecycle(stored.after?)?,
        brownout: match &stored.brownout {
            Some(window) => Some(decode_brownout(window)?),
            None => None,
        },
        successor: stored.successor,
        announced_at: needed(stored.announced_at.as_ref())?,
        recorded_at: needed(stored.recorded_at.as_ref())?,
        zone: decode_zone(&stored.zone)?,
        by: stored.by,
        reason: stored.reason,
        override_reason: stored.override_reason,
    })
}
