//! Catalogue entries to messages and back.

use anyhow::{Context, Result, anyhow, bail};
use devhub_proto::v1;
use devhub_proto::v1::lifecycle_change;
use devhub_proto::v1::new_instant::Value;
use devhub_proto::v1::schedule_target::Target;
use devhub_proto::v1::successor::Successor;

use super::action::{EndSuccessor, EndTarget};
use super::end::{EndStep, NewDate};
use super::entry::{
    ApiEntry, DeploymentEntry, EndpointEntry, FieldEntry, NamespaceDeploymentEntry, NamespaceEntry, OperationEntry,
    OperationRef, VersionEntry, VersionRef,
};
use crate::cli::date::Moment;
use crate::cli::words::{Access, Auth, Environment, Maturity};
use crate::wire::{instant, timestamp};

/// An API without its versions.
pub fn api_entry(api: v1::Api) -> ApiEntry {
    ApiEntry {
        context: api.context,
        title: api.title,
        description: api.description,
        policy: api.policy,
        categories: api.categories,
        versions: Vec::new(),
    }
}

/// An API as a message; its versions are no part of it.
pub fn api_message(entry: &ApiEntry) -> v1::Api {
    v1::Api {
        context: entry.context.clone(),
        title: entry.title.clone(),
        description: entry.description.clone(),
        policy: entry.policy.clone(),
        categories: entry.categories.clone(),
        ..Default::default()
    }
}

/// A version.
///
/// # Errors
/// When it holds words that this release does not know.
pub fn version_entry(version: v1::ApiVersion) -> Result<VersionEntry> {
    let name = format!("{} {}", version.context, version.version);
    let entry = || -> Result<VersionEntry> {
        Ok(VersionEntry {
            version: version.version,
            description: version.description,
            access: Access::from_wire(version.access_type).ok_or_else(|| unknown("access type"))?,
            documentation_uri: version.documentation_uri,
            endpoints: version.endpoints.into_iter().map(endpoint_entry).collect::<Result<_>>()?,
            fields: version.fields.into_iter().map(field_entry).collect(),
            deployments: version.deployments.into_iter().map(deployment_entry).collect::<Result<_>>()?,
        })
    };
    entry().with_context(|| format!("version {name} cannot be read"))
}

fn unknown(what: &str) -> anyhow::Error {
    anyhow!("the hub sent a word for {what} that this release does not know; use the release of the hub")
}

fn endpoint_entry(endpoint: v1::Endpoint) -> Result<EndpointEntry> {
    let auth = Auth::from_wire(endpoint.auth_type).ok_or_else(|| unknown("authentication type"))?;
    Ok(EndpointEntry { method: endpoint.method, path: endpoint.path, auth })
}

fn field_entry(field: v1::FieldDefinition) -> FieldEntry {
    FieldEntry {
        name: field.name,
        description: field.description,
        default: field.default_value,
        required: field.required,
        pattern: field.pattern,
    }
}

fn deployment_entry(deployment: v1::Deployment) -> Result<DeploymentEntry> {
    Ok(DeploymentEntry {
        environment: Environment::from_wire(deployment.environment).ok_or_else(|| unknown("environment"))?,
        maturity: Maturity::from_wire(deployment.maturity).ok_or_else(|| unknown("maturity"))?,
        endpoints_enabled: deployment.endpoints_enabled,
        deprecated_at: deployment.deprecate_time.map(moment).transpose()?,
        sunset_begins_at: deployment.sunset_begin_time.map(moment).transpose()?,
        retires_at: deployment.retire_time.map(moment).transpose()?,
        successor: deployment.successor.map(|name| VersionRef { context: name.context, version: name.version }),
        reason: String::new(),
        override_reason: String::new(),
        operations: Vec::new(),
    })
}

/// A namespace.
///
/// # Errors
/// When it holds words that this release does not know.
pub fn namespace_entry(namespace: v1::Namespace) -> Result<NamespaceEntry> {
    let mut deployments = Vec::new();
    for deployment in namespace.deployments {
        let state = deployment.schedule.unwrap_or_default();
        let entry = NamespaceDeploymentEntry {
            environment: Environment::from_wire(deployment.environment).ok_or_else(|| unknown("environment"))?,
            deprecated_at: state.deprecate_time.map(moment).transpose()?,
            sunset_begins_at: state.sunset_begin_time.map(moment).transpose()?,
            retires_at: state.retire_time.map(moment).transpose()?,
            replacement: Some(deployment.successor).filter(|name| !name.is_empty()),
            replacement_uri: deployment.successor_uri,
            reason: String::new(),
            override_reason: String::new(),
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

fn moment(timestamp: prost_types::Timestamp) -> Result<Moment> {
    instant(&timestamp).map(Moment::at).context("the hub sent an instant outside the calendar")
}

/// Endpoints as messages.
pub fn endpoint_messages(endpoints: &[EndpointEntry]) -> Vec<v1::Endpoint> {
    let message = |endpoint: &EndpointEntry| v1::Endpoint {
        method: endpoint.method.clone(),
        path: endpoint.path.clone(),
        auth_type: endpoint.auth.wire().into(),
    };
    endpoints.iter().map(message).collect()
}

/// Subscription fields as messages.
pub fn field_messages(fields: &[FieldEntry]) -> Vec<v1::FieldDefinition> {
    let message = |field: &FieldEntry| v1::FieldDefinition {
        name: field.name.clone(),
        description: field.description.clone(),
        default_value: field.default.clone(),
        required: field.required,
        pattern: field.pattern.clone(),
    };
    fields.iter().map(message).collect()
}

/// A deployment as a message.
pub fn deployment_message(entry: &DeploymentEntry) -> v1::Deployment {
    v1::Deployment {
        environment: entry.environment.wire().into(),
        maturity: entry.maturity.wire().into(),
        endpoints_enabled: entry.endpoints_enabled,
        deprecate_time: entry.deprecated_at.as_ref().map(|moment| timestamp(moment.instant)),
        sunset_begin_time: entry.sunset_begins_at.as_ref().map(|moment| timestamp(moment.instant)),
        retire_time: entry.retires_at.as_ref().map(|moment| timestamp(moment.instant)),
        successor: entry.successor.as_ref().map(version_name),
        ..Default::default()
    }
}

/// The name of a version as a message.
pub fn version_name(name: &VersionRef) -> v1::VersionName {
    v1::VersionName { context: name.context.clone(), version: name.version.clone() }
}

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

/// A version as a message.
pub fn version_message(context: &str, entry: &VersionEntry) -> v1::ApiVersion {
    v1::ApiVersion {
        context: context.to_owned(),
        version: entry.version.clone(),
        description: entry.description.clone(),
        access_type: entry.access.wire().into(),
        endpoints: endpoint_messages(&entry.endpoints),
        fields: field_messages(&entry.fields),
        deployments: entry.deployments.iter().map(deployment_message).collect(),
        documentation_uri: entry.documentation_uri.clone(),
        ..Default::default()
    }
}

/// Why the deployments of a new version may end sooner than its policy says: one call, so one reason.
pub fn override_reason(entry: &VersionEntry) -> String {
    let mut reasons: Vec<&str> = Vec::new();
    for reason in entry.deployments.iter().map(|d| d.override_reason.as_str()) {
        if !reason.is_empty() && !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    reasons.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_survives_the_wire() {
        let text = "version: '1.10'\naccess: CONTROLLED\nendpoints: [{method: GET, path: /x, auth: USER}]\n\
                    fields: [{name: callback, required: true, pattern: 'https://.*'}]\n\
                    deployments:\n  - environment: SANDBOX\n    maturity: BETA\n    endpoints_enabled: true\n\
                    \x20   deprecated_at: 2024-06-28T00:00:00.5Z\n    sunset_begins_at: 2024-12-06T00:00:00Z\n    retires_at: 2025-01-06T00:00:00Z\n\
                    \x20   successor: {context: a/b, version: '2.0'}\n";
        let entry: VersionEntry = serde_saphyr::from_str(text).expect("an entry");
        assert_eq!(version_entry(version_message("a/b", &entry)).expect("an entry"), entry);
    }

    #[test]
    fn words_of_a_newer_hub_are_refused() {
        let version =
            v1::ApiVersion { context: "a/b".into(), version: "1.0".into(), access_type: 9, ..Default::default() };
        let sentence = format!("{:#}", version_entry(version).expect_err("unknown"));
        assert!(sentence.contains("version a/b 1.0") && sentence.contains("use the release of the hub"), "{sentence}");
    }
}
