//! Schedules, revisions and namespaces as messages.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use devhub_decision::{Lifecycle, Schedule};
use devhub_proto::v1;

use crate::domain::calendar::CalendarEntry;
use crate::domain::ledger::Revision;
use crate::domain::name::Zone;
use crate::domain::namespace::Namespace;
use crate::wire::{self, Word, timestamp};

/// An instant in the zone that it was announced in, for people: local date and time, the zone's short name at that
/// instant, and the zone (rule B26: both are shown, so that a wrong label is seen).
fn local(instant: Option<DateTime<Utc>>, zone: Option<&Zone>) -> String {
    let Some(instant) = instant else { return String::new() };
    match zone.and_then(|zone| zone.as_str().parse::<Tz>().ok()) {
        Some(tz) => format!("{} {tz}", instant.with_timezone(&tz).format("%Y-%m-%d %H:%M:%S %Z")),
        None => instant.format("%Y-%m-%d %H:%M:%S UTC").to_string(),
    }
}

/// The dates of a lifecycle.
pub(super) fn state(lifecycle: &Lifecycle, zone: Option<&Zone>) -> v1::ScheduleState {
    let schedule = &lifecycle.schedule;
    v1::ScheduleState {
        maturity: lifecycle.maturity.number(),
        deprecate_time: schedule.deprecated_at().map(timestamp),
        sunset_begin_time: schedule.sunset_begins_at().map(timestamp),
        retire_time: schedule.retires_at().map(timestamp),
        deprecate_local: local(schedule.deprecated_at(), zone),
        sunset_begin_local: local(schedule.sunset_begins_at(), zone),
        retire_local: local(schedule.retires_at(), zone),
        retirement_to_be_announced: matches!(schedule, Schedule::Deprecation { retires_at: None, .. }),
    }
}

/// A revision.
pub(super) fn revision(revision: &Revision) -> v1::ScheduleRevision {
    let zone = revision.zone.as_ref();
    v1::ScheduleRevision {
        target: Some(wire::target(&revision.target)),
        number: revision.number,
        kind: revision.kind.number(),
        before: revision.before.as_ref().map(|before| state(before, zone)),
        after: Some(state(&revision.after, zone)),
        brownout_start_time: revision.brownout.map(|window| timestamp(window.from)),
        brownout_end_time: revision.brownout.map(|window| timestamp(window.until)),
        successor: revision.successor.clone(),
        announce_time: Some(timestamp(revision.announced_at)),
        record_time: Some(timestamp(revision.recorded_at)),
        zone: zone.map(ToString::to_string).unwrap_or_default(),
        actor: revision.by.clone(),
        reason: revision.reason.clone(),
        override_reason: revision.override_reason.clone(),
    }
}

/// A namespace.
pub(super) fn namespace(namespace: &Namespace, etag: u64, now: DateTime<Utc>) -> v1::Namespace {
    let deployments = namespace.deployments.iter().map(|(environment, deployment)| v1::NamespaceDeployment {
        environment: environment.number(),
        schedule: Some(state(&deployment.lifecycle, None)),
        brownouts: deployment.brownouts.iter().filter(|window| window.until > now).map(wire::brownout).collect(),
        stage: deployment.lifecycle.stage(now).number(),
        successor: deployment.successor.as_ref().map(ToString::to_string).unwrap_or_default(),
        successor_uri: deployment.successor_uri.clone(),
    });
    v1::Namespace { namespace: namespace.name.to_string(), deployments: deployments.collect(), etag: etag.to_string() }
}

/// A date of the calendar.
pub(super) fn calendar_entry(entry: &CalendarEntry, live_subscriptions: u64) -> v1::CalendarEntry {
    v1::CalendarEntry {
        time: Some(timestamp(entry.at)),
        kind: entry.kind.number(),
        target: Some(wire::target(&entry.target)),
        successor: entry.successor.clone(),
        live_subscriptions: i64::try_from(live_subscriptions).unwrap_or(i64::MAX),
        local_time: local(Some(entry.at), entry.zone.as_ref()),
        zone: entry.zone.as_ref().map(ToString::to_string).unwrap_or_default(),
    }
}
