//! Lifecycle changes, from messages to the words of the domain.

use chrono_tz::Tz;
use devhub_decision::{Brownout, Environment};
use devhub_proto::v1;
use devhub_proto::v1::lifecycle_change::Step as WireStep;
use devhub_proto::v1::new_instant::Value;
use devhub_proto::v1::schedule_target::Target as WireTarget;
use devhub_proto::v1::successor::Successor as WireSuccessor;

use crate::domain::ledger::{OperationName, Target};
use crate::domain::name::{Context, Zone};
use crate::domain::schedule::{CHANGES_MAX, ChangeLifecycle, LifecycleChange, NewDate, Step, Successor};
use crate::hub::Hub;
use crate::rpc::parse::{Fields, REASON_CHARS_MAX};
use crate::rpc::version::{method, path, uri};

/// What has a schedule.
pub(in crate::rpc) fn target(fields: &mut Fields, field: &str, given: Option<&v1::ScheduleTarget>) -> Option<Target> {
    let at = |part: &str| format!("{field}.{part}");
    let Some(given) = given else {
        fields.violate(field, "must be given: a version, an operation or a namespace, and an environment");
        return None;
    };
    let environment = fields.word::<Environment>(&at("environment"), given.environment);
    let target = match &given.target {
        None => {
            fields.violate(field, "must name a version, an operation or a namespace");
            return None;
        }
        Some(WireTarget::Version(name)) => {
            let name = fields.version_or_none(&at("version"), Some(name));
            Target::Version(name?, environment?)
        }
        Some(WireTarget::Operation(name)) => {
            let name = operation(fields, &at("operation"), name);
            Target::Operation(name?, environment?)
        }
        Some(WireTarget::Namespace(name)) => {
            let name = fields.name::<Context>(&at("namespace"), name);
            Target::Namespace(name?, environment?)
        }
    };
    Some(target)
}

fn operation(fields: &mut Fields, field: &str, name: &v1::OperationName) -> Option<OperationName> {
    let at = |part: &str| format!("{field}.{part}");
    let version = name.version.clone().unwrap_or_default();
    let version = fields.version_or_none(&at("version"), Some(&version));
    method(fields, &at("method"), &name.method);
    path(fields, &at("path"), &name.path);
    Some(OperationName { version: version?, method: name.method.clone(), path: name.path.clone() })
}

fn successor(fields: &mut Fields, field: &str, given: Option<&v1::Successor>) -> Option<Successor> {
    let given = given?;
    let at = |part: &str| format!("{field}.{part}");
    let uri = uri(fields, &at("uri"), &given.uri);
    match &given.successor {
        None => {
            fields.violate(field, "must name a version, an operation or a namespace; or leave the whole successor out");
            None
        }
        Some(WireSuccessor::Version(name)) => {
            if !uri.is_empty() {
                fields.violate(at("uri"), "is for operations and namespaces; a version has its own documentation_uri");
            }
            fields.version_or_none(&at("version"), Some(name)).map(Successor::Version)
        }
        Some(WireSuccessor::Operation(name)) => {
            operation(fields, &at("operation"), name).map(|name| Successor::Operation(name, uri))
        }
        Some(WireSuccessor::Namespace(name)) => {
            fields.name(&at("namespace"), name).map(|name| Successor::Namespace(name, uri))
        }
    }
}

fn new_date(fields: &mut Fields, field: &str, given: Option<&v1::NewInstant>) -> NewDate {
    match given.and_then(|given| given.value.as_ref()) {
        None | Some(Value::ToBeAnnounced(false)) => NewDate::Keep,
        Some(Value::ToBeAnnounced(true)) => NewDate::ToBeAnnounced,
        Some(Value::Time(time)) => {
            fields.instant(&format!("{field}.time"), Some(time)).map_or(NewDate::Keep, NewDate::At)
        }
    }
}

fn step(fields: &mut Fields, field: &str, given: Option<&WireStep>) -> Option<Step> {
    let at = |part: &str| format!("{field}.{part}");
    Some(match given {
        None => {
            fields.violate(field, "must say what to do: promote, deprecate, revise, retire, withdraw, reinstate, schedule_brownout or cancel_brownout");
            return None;
        }
        Some(WireStep::Promote(step)) => Step::Promote {
            maturity: fields.word(&at("promote.maturity"), step.maturity)?,
            endpoints_enabled: step.endpoints_enabled,
        },
        Some(WireStep::Deprecate(step)) => Step::Deprecate {
            deprecated_at: fields.instant(&at("deprecate.deprecate_time"), step.deprecate_time.as_ref()),
            sunset_begins_at: fields.instant(&at("deprecate.sunset_begin_time"), step.sunset_begin_time.as_ref()),
            retires_at: fields.instant(&at("deprecate.retire_time"), step.retire_time.as_ref()),
        },
        Some(WireStep::Revise(step)) => Step::Revise {
            deprecated: new_date(fields, &at("revise.deprecate"), step.deprecate.as_ref()),
            sunset_begins: new_date(fields, &at("revise.sunset_begin"), step.sunset_begin.as_ref()),
            retires: new_date(fields, &at("revise.retire"), step.retire.as_ref()),
        },
        Some(WireStep::Retire(step)) => {
            Step::Retire { retires_at: fields.instant(&at("retire.retire_time"), step.retire_time.as_ref()) }
        }
        Some(WireStep::Withdraw(_)) => Step::Withdraw,
        Some(WireStep::Reinstate(step)) => {
            Step::Reinstate { retires: new_date(fields, &at("reinstate.retire"), step.retire.as_ref()) }
        }
        Some(WireStep::ScheduleBrownout(step)) => Step::ScheduleBrownout(Brownout {
            from: needed(fields, &at("schedule_brownout.start_time"), step.start_time.as_ref())?,
            until: needed(fields, &at("schedule_brownout.end_time"), step.end_time.as_ref())?,
        }),
        Some(WireStep::CancelBrownout(step)) => {
            Step::CancelBrownout { from: needed(fields, &at("cancel_brownout.start_time"), step.start_time.as_ref())? }
        }
    })
}

fn needed(
    fields: &mut Fields,
    field: &str,
    given: Option<&prost_types::Timestamp>,
) -> Option<chrono::DateTime<chrono::Utc>> {
    if given.is_none() {
        fields.violate(field, "must be given");
    }
    fields.instant(field, given)
}

/// The zone of an announcement: one that the IANA database lists.
pub(in crate::rpc) fn zone(fields: &mut Fields, field: &str, given: &str) -> Option<Zone> {
    if given.is_empty() {
        return None;
    }
    if given.parse::<Tz>().is_err() {
        fields.violate(field, "must be the IANA name of a zone, for example Europe/London; leave it out for UTC");
    }
    given.parse().ok()
}

/// The changes of a command, with the APIs in each namespace that they name.
pub(in crate::rpc) fn changes(fields: &mut Fields, hub: &Hub, given: &[v1::LifecycleChange]) -> ChangeLifecycle {
    if given.is_empty() || given.len() > CHANGES_MAX {
        fields.violate("changes", format!("1 to {CHANGES_MAX} changes are accepted; send more in further calls"));
    }
    let mut changes = Vec::new();
    for (position, change) in given.iter().enumerate().take(CHANGES_MAX) {
        let field = format!("changes[{position}]");
        let at = |part: &str| format!("{field}.{part}");
        let target = target(fields, &at("target"), change.target.as_ref());
        let step = step(fields, &field, change.step.as_ref());
        let successor = successor(fields, &at("successor"), change.successor.as_ref());
        let reason = fields.text(&at("reason"), &change.reason, REASON_CHARS_MAX);
        let override_reason = fields.text(&at("override_reason"), &change.override_reason, REASON_CHARS_MAX);
        let announced_at = fields.instant(&at("announce_time"), change.announce_time.as_ref());
        let zone = zone(fields, &at("zone"), &change.zone);
        let etag = fields.etag(&change.etag);
        let (Some(target), Some(step)) = (target, step) else { continue };
        let members = match &target {
            Target::Namespace(namespace, _) => hub.index().members(namespace),
            Target::Version(..) | Target::Operation(..) => Vec::new(),
        };
        changes.push(LifecycleChange {
            target,
            members,
            step,
            successor,
            reason,
            override_reason,
            announced_at,
            zone,
            etag,
        });
    }
    ChangeLifecycle { changes }
}
