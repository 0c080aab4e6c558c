//! Ends, and what has them, to messages and back.

use anyhow::{Result, bail};
use devhub_proto::v1;
use devhub_proto::v1::lifecycle_change;
use devhub_proto::v1::new_instant::Value;
use devhub_proto::v1::schedule_target::Target;
use devhub_proto::v1::successor::Successor;

use super::action::{EndSuccessor, EndTarget};
use super::end::{EndStep, NewDate};
use super::entry::{NamespaceDeploymentEntry, NamespaceEntry, OperationEntry, OperationRef};
use super::wire::{moment, unknown, version_name};
use crate::cli::date::Moment;
use crate::cli::words::Environment;
use crate::wire::timestamp;

fn operation_name(operation: &OperationRef) -> v1::OperationName {
    v1::OperationName {
        version: Some(version_name(&operation.version_ref())),
        method: operation.method.clone(),
        path: operation.path.clone(),
    }
}

/// What ends, as a message.
pub fn schedule_target(target: &EndTarget, environment: Environment) -> v1::ScheduleTarget {
    let target = match target {
        EndTarget::Version(name) => Target::Version(version_name(name)),
        EndTarget::Operation(operation) => Target::Operation(operation_name(operation)),
        EndTarget::Namespace(name) => Target::Namespace(name.clone()),
    };
    v1::ScheduleTarget { environment: environment.wire().into(), target: Some(target) }
}

/// Where to move to, as a message.
pub fn successor(successor: &EndSuccessor) -> v1::Successor {
    let (successor, uri) = match successor {
        EndSuccessor::Version(name) => (Successor::Version(version_name(name)), String::new()),
        EndSuccessor::Operation(operation, uri) => (Successor::Operation(operation_name(operation)), uri.clone()),
        EndSuccessor::Namespace(name, uri) => (Successor::Namespace(name.clone()), uri.clone()),
    };
    v1::Successor { successor: Some(successor), uri }
}

/// A verb of the lifecycle as a message.
pub fn lifecycle_step(step: &EndStep) -> lifecycle_change::Step {
    let time = |moment: &Moment| timestamp(moment.instant);
    let new = |date: &NewDate| match date {
        NewDate::Keep => None,
        NewDate::ToBeAnnounced => Some(v1::NewInstant { value: Some(Value::ToBeAnnounced(true)) }),
        NewDate::At(moment) => Some(v1::NewInstant { value: Some(Value::Time(time(moment))) }),
    };
    match step {
        EndStep::Deprecate { deprecated_at, sunset_begins_at, retires_at } => {
            lifecycle_change::Step::Deprecate(v1::DeprecateStep {
                deprecate_time: Some(time(deprecated_at)),
                sunset_begin_time: sunset_begins_at.as_ref().map(time),
                retire_time: retires_at.as_ref().map(time),
            })
        }
        EndStep::Revise { deprecated_at, sunset_begins_at, retires_at } => {
            lifecycle_change::Step::Revise(v1::ReviseStep {
                deprecate: deprecated_at.clone().and_then(|moment| new(&NewDate::At(moment))),
                sunset_begin: new(sunset_begins_at),
                retire: new(retires_at),
            })
        }
        EndStep::Retire { retires_at } => {
            lifecycle_change::Step::Retire(v1::RetireStep { retire_time: Some(time(retires_at)) })
        }
        EndStep::Withdraw => lifecycle_change::Step::Withdraw(v1::WithdrawStep {}),
        EndStep::Reinstate { retires_at } => lifecycle_change::Step::Reinstate(v1::ReinstateStep {
            retire: new(&retires_at.clone().map_or(NewDate::ToBeAnnounced, NewDate::At)),
        }),
    }
}

/// A namespace.
///
/// # Errors
/// When it holds words that this release does not know.
pub fn namespace_entry(namespace: v1::Namespace) -> Result<NamespaceEntry> {
    let mut deployments = Vec::new();
    for deployment in namespace.deployments {
        let state = deployment.schedule.unwrap_or_default();
        let environment = Environment::from_wire(deployment.environment).ok_or_else(|| unknown("environment"))?;
        let entry = NamespaceDeploymentEntry {
            deprecated_at: state.deprecate_time.map(moment).transpose()?,
            sunset_begins_at: state.sunset_begin_time.map(moment).transpose()?,
            retires_at: state.retire_time.map(moment).transpose()?,
            replacement: Some(deployment.successor).filter(|name| !name.is_empty()),
            replacement_uri: deployment.successor_uri,
            ..NamespaceDeploymentEntry::open(environment)
        };
        if !entry.dates().is_open() {
            deployments.push(entry);
        }
    }
    Ok(NamespaceEntry { namespace: namespace.namespace, deployments })
}

/// An operation with its dates as its latest revision says them.
///
/// # Errors
/// When it holds words that this release does not know.
pub fn operation_entry(revision: v1::ScheduleRevision) -> Result<(OperationRef, Environment, OperationEntry)> {
    let target = revision.target.unwrap_or_default();
    let environment = Environment::from_wire(target.environment).ok_or_else(|| unknown("environment"))?;
    let Some(Target::Operation(operation)) = target.target else {
        bail!("the hub sent the schedule of something else than the operation that was asked for");
    };
    let version = operation.version.unwrap_or_default();
    let state = revision.after.unwrap_or_default();
    let entry = OperationEntry {
        method: operation.method.clone(),
        path: operation.path.clone(),
        deprecated_at: state.deprecate_time.map(moment).transpose()?,
        sunset_begins_at: state.sunset_begin_time.map(moment).transpose()?,
        retires_at: state.retire_time.map(moment).transpose()?,
        replacement: replacement(&revision.successor)?,
        announced_at: revision.announce_time.map(moment).transpose()?,
        zone: revision.zone,
        reason: revision.reason,
        override_reason: revision.override_reason,
        ..OperationEntry::default()
    };
    let operation = OperationRef {
        context: version.context,
        version: version.version,
        method: operation.method,
        path: operation.path,
    };
    Ok((operation, environment, entry))
}

/// The operation that a revision names: `METHOD PATH of CONTEXT VERSION`.
fn replacement(text: &str) -> Result<Option<OperationRef>> {
    if text.is_empty() {
        return Ok(None);
    }
    let parts = || {
        let (method, rest) = text.split_once(' ')?;
        let (path, version) = rest.rsplit_once(" of ")?;
        let (context, version) = version.split_once(' ')?;
        let [method, path, context, version] = [method, path, context, version].map(str::to_owned);
        Some(OperationRef { context, version, method, path })
    };
    parts().map(Some).ok_or_else(|| unknown("replacement"))
}
