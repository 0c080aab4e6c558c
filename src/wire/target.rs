//! Names of what has a schedule, as messages carry them, and back.

use devhub_decision::{Brownout, Environment};
use devhub_proto::v1;
use devhub_proto::v1::schedule_target::Target as Wire;

use super::{Word, timestamp, version_name};
use crate::domain::ledger::{OperationName, Target};
use crate::domain::name::VersionName;

/// The name of an operation.
pub fn operation_name(name: &OperationName) -> v1::OperationName {
    v1::OperationName {
        version: Some(version_name(&name.version)),
        method: name.method.clone(),
        path: name.path.clone(),
    }
}

/// The version of a name that devhub itself has written.
pub fn parse_version_name(name: &v1::VersionName) -> Option<VersionName> {
    Some(VersionName { context: name.context.parse().ok()?, label: name.version.parse().ok()? })
}

/// The operation of a name that devhub itself has written.
pub fn parse_operation_name(name: &v1::OperationName) -> Option<OperationName> {
    Some(OperationName {
        version: parse_version_name(name.version.as_ref()?)?,
        method: name.method.clone(),
        path: name.path.clone(),
    })
}

/// What has a schedule.
pub fn target(target: &Target) -> v1::ScheduleTarget {
    let wire = match target {
        Target::Version(name, _) => Wire::Version(version_name(name)),
        Target::Operation(name, _) => Wire::Operation(operation_name(name)),
        Target::Namespace(name, _) => Wire::Namespace(name.to_string()),
    };
    v1::ScheduleTarget { environment: target.environment().number(), target: Some(wire) }
}

/// The target of a message that devhub itself has written.
pub fn parse_target(message: &v1::ScheduleTarget) -> Option<Target> {
    let environment = Environment::from_number(message.environment)?;
    Some(match message.target.as_ref()? {
        Wire::Version(name) => Target::Version(parse_version_name(name)?, environment),
        Wire::Operation(name) => Target::Operation(parse_operation_name(name)?, environment),
        Wire::Namespace(name) => Target::Namespace(name.parse().ok()?, environment),
    })
}

/// A brownout.
pub fn brownout(window: &Brownout) -> v1::BrownoutWindow {
    v1::BrownoutWindow { start_time: Some(timestamp(window.from)), end_time: Some(timestamp(window.until)) }
}
