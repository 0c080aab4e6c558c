//! Versions of applications and their steps as messages carry them.

use std::collections::BTreeMap;

use devhub_proto::v1;

use super::{Word, timestamp};
use crate::domain::app_version::Step;
use crate::domain::tool::{ToolPermission, ToolPermissions};

/// Tool permissions.
pub fn tool_permissions(permissions: &ToolPermissions) -> v1::ToolPermissions {
    let level = |tools: &BTreeMap<String, ToolPermission>| {
        tools.iter().map(|(tool, permission)| (tool.clone(), permission.number())).collect()
    };
    v1::ToolPermissions { company: level(&permissions.company), project: level(&permissions.project) }
}

/// A step of a version or of a listing.
pub fn step(step: &Step) -> v1::AppVersionStep {
    v1::AppVersionStep { actor: step.by.clone(), time: Some(timestamp(step.at)) }
}
