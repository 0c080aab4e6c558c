//! Catalogue entries to messages and back.

use anyhow::{Context, Result, anyhow};
use devhub_proto::v1;

use super::entry::{ApiEntry, DeploymentEntry, EndpointEntry, FieldEntry, VersionEntry, VersionRef};
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
            company_scoped: version.company_scoped,
            documentation_uri: version.documentation_uri,
            endpoints: version.endpoints.into_iter().map(endpoint_entry).collect::<Result<_>>()?,
            fields: version.fields.into_iter().map(field_entry).collect(),
            deployments: version.deployments.into_iter().map(deployment_entry).collect::<Result<_>>()?,
        })
    };
    entry().with_context(|| format!("version {name} cannot be read"))
}

/// A word that only a newer hub knows.
pub(super) fn unknown(what: &str) -> anyhow::Error {
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
    let dated = deployment.deprecate_time.is_some() || deployment.retire_time.is_some();
    Ok(DeploymentEntry {
        environment: Environment::from_wire(deployment.environment).ok_or_else(|| unknown("environment"))?,
        maturity: Maturity::from_wire(deployment.maturity).ok_or_else(|| unknown("maturity"))?,
        endpoints_enabled: deployment.endpoints_enabled,
        deprecated_at: deployment.deprecate_time.map(moment).transpose()?,
        sunset_begins_at: deployment.sunset_begin_time.map(moment).transpose()?,
        retires_at: deployment.retire_time.map(moment).transpose()?,
        announced_at: deployment.announce_time.filter(|_| dated).map(moment).transpose()?,
        zone: if dated { deployment.zone } else { String::new() },
        successor: deployment.successor.map(|name| VersionRef { context: name.context, version: name.version }),
        reason: String::new(),
        override_reason: String::new(),
        operations: Vec::new(),
    })
}

/// An instant of the hub.
pub(super) fn moment(timestamp: prost_types::Timestamp) -> Result<Moment> {
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
        announce_time: entry.announced_at.as_ref().map(|moment| timestamp(moment.instant)),
        zone: entry.announcement_zone(),
        ..Default::default()
    }
}

/// The name of a version as a message.
pub fn version_name(name: &VersionRef) -> v1::VersionName {
    v1::VersionName { context: name.context.clone(), version: name.version.clone() }
}

/// A version as a message.
pub fn version_message(context: &str, entry: &VersionEntry) -> v1::ApiVersion {
    v1::ApiVersion {
        context: context.to_owned(),
        version: entry.version.clone(),
        description: entry.description.clone(),
        access_type: entry.access.wire().into(),
        company_scoped: entry.company_scoped,
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
                    \x20   deprecated_at: 2024-06-28T00:00:00.5Z\n    announced_at: 2024-06-01T00:00:00Z\n    zone: Europe/London\n    sunset_begins_at: 2024-12-06T00:00:00Z\n    retires_at: 2025-01-06T00:00:00Z\n\
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
