//! Versions with their deployments.

use devhub_proto::v1;
use serde::Serialize;

use super::{NameView, brief, environment, or_empty, stage, time};
use crate::cli::output::Row;
use crate::cli::words::wire_name;

/// A version.
#[derive(Debug, Clone, Serialize)]
pub struct VersionView {
    context: String,
    version: String,
    description: String,
    access_type: String,
    open_access: bool,
    documentation_uri: String,
    endpoints: Vec<EndpointView>,
    fields: Vec<FieldView>,
    deployments: Vec<DeploymentView>,
    live_subscriptions: i64,
    create_time: Option<String>,
    etag: String,
}

#[derive(Debug, Clone, Serialize)]
struct EndpointView {
    method: String,
    path: String,
    auth_type: String,
}

#[derive(Debug, Clone, Serialize)]
struct FieldView {
    name: String,
    description: String,
    default_value: String,
    required: bool,
    pattern: String,
}

#[derive(Debug, Clone, Serialize)]
struct DeploymentView {
    environment: String,
    maturity: String,
    stage: String,
    stage_title: String,
    endpoints_enabled: bool,
    documentation_visible: bool,
    takes_subscriptions: bool,
    calls_pass: bool,
    deprecate_time: Option<String>,
    retire_time: Option<String>,
    successor: Option<NameView>,
}

impl From<v1::ApiVersion> for VersionView {
    fn from(version: v1::ApiVersion) -> VersionView {
        VersionView {
            context: version.context,
            version: version.version,
            description: version.description,
            access_type: wire_name(version.access_type, v1::AccessType::as_str_name, "ACCESS_TYPE_"),
            open_access: version.open_access,
            documentation_uri: version.documentation_uri,
            endpoints: version.endpoints.into_iter().map(EndpointView::from).collect(),
            fields: version.fields.into_iter().map(FieldView::from).collect(),
            deployments: version.deployments.into_iter().map(DeploymentView::from).collect(),
            live_subscriptions: version.live_subscriptions,
            create_time: time(version.create_time),
            etag: version.etag,
        }
    }
}

impl From<v1::Endpoint> for EndpointView {
    fn from(endpoint: v1::Endpoint) -> EndpointView {
        let auth_type = wire_name(endpoint.auth_type, v1::AuthType::as_str_name, "AUTH_TYPE_");
        EndpointView { method: endpoint.method, path: endpoint.path, auth_type }
    }
}

impl From<v1::FieldDefinition> for FieldView {
    fn from(field: v1::FieldDefinition) -> FieldView {
        FieldView {
            name: field.name,
            description: field.description,
            default_value: field.default_value,
            required: field.required,
            pattern: field.pattern,
        }
    }
}

impl From<v1::Deployment> for DeploymentView {
    fn from(deployment: v1::Deployment) -> DeploymentView {
        DeploymentView {
            environment: environment(deployment.environment),
            maturity: wire_name(deployment.maturity, v1::Maturity::as_str_name, "MATURITY_"),
            stage: stage(deployment.stage),
            stage_title: deployment.stage_title,
            endpoints_enabled: deployment.endpoints_enabled,
            documentation_visible: deployment.documentation_visible,
            takes_subscriptions: deployment.takes_subscriptions,
            calls_pass: deployment.calls_pass,
            deprecate_time: time(deployment.deprecate_time),
            retire_time: time(deployment.retire_time),
            successor: NameView::of(deployment.successor),
        }
    }
}

impl DeploymentView {
    fn title(&self) -> String {
        if self.stage_title.is_empty() || self.stage_title == self.stage {
            self.stage.clone()
        } else {
            format!("{} ({})", self.stage, self.stage_title)
        }
    }

    fn text(&self) -> String {
        let mut parts = vec![format!("{} {}", self.environment, self.title())];
        parts.extend(self.deprecate_time.as_ref().map(|time| format!("deprecated at {}", brief(time))));
        parts.extend(self.retire_time.as_ref().map(|time| format!("retired at {}", brief(time))));
        parts.extend((self.successor.is_some()).then(|| format!("successor {}", NameView::text(&self.successor))));
        parts.join(", ")
    }
}

impl VersionView {
    fn in_environment(&self, environment: &str, text: impl Fn(&DeploymentView) -> String) -> String {
        self.deployments.iter().find(|d| d.environment == environment).map(text).unwrap_or_default()
    }

    /// Its fields, for people.
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        let lines = |lines: Vec<String>| lines.join("\n");
        let required = |field: &FieldView| if field.required { " (required)" } else { "" };
        vec![
            ("version", format!("{} {}", self.context, self.version)),
            ("description", self.description.clone()),
            ("access", if self.open_access { "PUBLIC, open access".to_owned() } else { self.access_type.clone() }),
            ("deployments", lines(self.deployments.iter().map(DeploymentView::text).collect())),
            (
                "endpoints",
                lines(self.endpoints.iter().map(|e| format!("{} {} ({})", e.method, e.path, e.auth_type)).collect()),
            ),
            (
                "fields",
                lines(self.fields.iter().map(|f| format!("{}{}: {}", f.name, required(f), f.description)).collect()),
            ),
            ("documentation", self.documentation_uri.clone()),
            ("subscriptions", self.live_subscriptions.to_string()),
            ("published", or_empty(&self.create_time)),
            ("etag", self.etag.clone()),
        ]
    }
}

impl Row for VersionView {
    const HEADER: &'static [&'static str] =
        &["CONTEXT", "VERSION", "ACCESS", "SANDBOX", "PRODUCTION", "RETIRED AT", "SUBSCRIPTIONS"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.context.clone(),
            self.version.clone(),
            self.access_type.clone(),
            self.in_environment("SANDBOX", DeploymentView::title),
            self.in_environment("PRODUCTION", DeploymentView::title),
            self.in_environment("PRODUCTION", |deployment| or_empty(&deployment.retire_time)),
            self.live_subscriptions.to_string(),
        ]
    }
}
