//! One call that a plan makes. Serialized, an action is canonical: fingerprints and request ids are made of it.

use std::fmt;

use serde::Serialize;

use super::end::EndStep;
use super::entry::{ApiEntry, DeploymentEntry, EndpointEntry, FieldEntry, OperationRef, VersionEntry, VersionRef};
use crate::cli::date::Moment;
use crate::cli::words::{Access, Environment, Maturity};

/// What ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EndTarget {
    /// A version.
    Version(VersionRef),
    /// One operation of a version.
    Operation(OperationRef),
    /// A namespace.
    Namespace(String),
}

/// Where to move to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EndSuccessor {
    /// A version.
    Version(VersionRef),
    /// An operation, and where it is documented.
    Operation(OperationRef, String),
    /// A namespace, and where it is documented.
    Namespace(String, String),
}

impl fmt::Display for EndTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EndTarget::Version(name) => write!(f, "version {name}"),
            EndTarget::Operation(operation) => write!(f, "operation {operation}"),
            EndTarget::Namespace(name) => write!(f, "namespace {name}"),
        }
    }
}

/// One call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Action {
    /// Register an API; its versions are actions of their own.
    CreateApi {
        /// The API, without versions.
        api: ApiEntry,
    },
    /// Change what people read about an API.
    UpdateApi {
        /// Its context.
        context: String,
        /// New title, if it changes.
        title: Option<String>,
        /// New description, if it changes.
        description: Option<String>,
        /// New categories, if they change.
        categories: Option<Vec<String>>,
    },
    /// Publish a version with its deployments, past dates included.
    CreateApiVersion {
        /// Its API.
        context: String,
        /// The version.
        entry: Box<VersionEntry>,
    },
    /// Change what people read about a version, who may subscribe, and what subscribers give.
    UpdateApiVersion {
        /// The version.
        name: VersionRef,
        /// New description, if it changes.
        description: Option<String>,
        /// New access type, if it changes.
        access: Option<Access>,
        /// Whether its calls are about the data of one company, if that changes.
        company_scoped: Option<bool>,
        /// New endpoints, if they change.
        endpoints: Option<Vec<EndpointEntry>>,
        /// New fields, if they change.
        fields: Option<Vec<FieldEntry>>,
        /// New documentation URL, if it changes.
        documentation_uri: Option<String>,
    },
    /// Bring a version to a further environment.
    DeployApiVersion {
        /// The version.
        name: VersionRef,
        /// Where and how.
        deployment: Box<DeploymentEntry>,
    },
    /// Raise the maturity of a version.
    PromoteApiVersion {
        /// The version.
        name: VersionRef,
        /// Where.
        environment: Environment,
        /// The new maturity.
        maturity: Maturity,
        /// Show the endpoints as enabled from now on.
        endpoints_enabled: bool,
        /// Why.
        reason: String,
    },
    /// Begin, change or take back the end of a version, an operation or a namespace.
    ChangeLifecycle {
        /// Of what.
        target: EndTarget,
        /// Where.
        environment: Environment,
        /// How.
        change: Box<EndStep>,
        /// Where to move to; `None` keeps what is named.
        successor: Option<Box<EndSuccessor>>,
        /// Why.
        reason: String,
        /// Why less time than the policy demands is acceptable.
        override_reason: String,
        /// When it was made public, if before it comes to the hub.
        #[serde(skip_serializing_if = "Option::is_none")]
        announced_at: Option<Moment>,
        /// The zone of the announcement; empty for that of the dates.
        #[serde(skip_serializing_if = "String::is_empty")]
        zone: String,
    },
}

impl Action {
    /// The version concerned, unless the action concerns the API itself.
    pub fn version(&self) -> Option<VersionRef> {
        match self {
            Action::CreateApi { .. } | Action::UpdateApi { .. } => None,
            Action::CreateApiVersion { context, entry } => {
                Some(VersionRef { context: context.clone(), version: entry.version.clone() })
            }
            Action::UpdateApiVersion { name, .. }
            | Action::DeployApiVersion { name, .. }
            | Action::PromoteApiVersion { name, .. } => Some(name.clone()),
            Action::ChangeLifecycle { target, .. } => match target {
                EndTarget::Version(name) => Some(name.clone()),
                EndTarget::Operation(operation) => Some(operation.version_ref()),
                EndTarget::Namespace(_) => None,
            },
        }
    }

    /// The API or the namespace concerned.
    pub fn context(&self) -> &str {
        match self {
            Action::CreateApi { api } => &api.context,
            Action::UpdateApi { context, .. } | Action::CreateApiVersion { context, .. } => context,
            Action::UpdateApiVersion { name, .. }
            | Action::DeployApiVersion { name, .. }
            | Action::PromoteApiVersion { name, .. } => &name.context,
            Action::ChangeLifecycle { target, .. } => match target {
                EndTarget::Version(name) => &name.context,
                EndTarget::Operation(operation) => &operation.context,
                EndTarget::Namespace(name) => name,
            },
        }
    }

    /// Whether the action brings something that was not there.
    pub const fn creates(&self) -> bool {
        match self {
            Action::CreateApi { .. } | Action::CreateApiVersion { .. } | Action::DeployApiVersion { .. } => true,
            Action::UpdateApi { .. }
            | Action::UpdateApiVersion { .. }
            | Action::PromoteApiVersion { .. }
            | Action::ChangeLifecycle { .. } => false,
        }
    }

    /// The successor that the action names, if it names one.
    pub fn successors(&self) -> Vec<&VersionRef> {
        match self {
            Action::CreateApiVersion { entry, .. } => {
                entry.deployments.iter().filter_map(|deployment| deployment.successor.as_ref()).collect()
            }
            Action::DeployApiVersion { deployment, .. } => deployment.successor.iter().collect(),
            Action::ChangeLifecycle { successor, .. } => match successor.as_deref() {
                Some(EndSuccessor::Version(name)) => vec![name],
                Some(EndSuccessor::Operation(..) | EndSuccessor::Namespace(..)) | None => Vec::new(),
            },
            Action::CreateApi { .. }
            | Action::UpdateApi { .. }
            | Action::UpdateApiVersion { .. }
            | Action::PromoteApiVersion { .. } => Vec::new(),
        }
    }

    /// The action as bytes that are equal exactly when the actions are.
    pub fn canonical(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("an action holds only text, words and instants")
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::CreateApi { api } => write!(f, "API {} {:?} under policy {}", api.context, api.title, api.policy),
            Action::UpdateApi { context, .. } => write!(f, "API {context}"),
            Action::CreateApiVersion { context, entry } => write!(f, "version {context} {}", entry.version),
            Action::UpdateApiVersion { name, .. } => write!(f, "version {name}"),
            Action::DeployApiVersion { name, deployment } => write!(f, "version {name} in {}", deployment.environment),
            Action::PromoteApiVersion { name, environment, maturity, .. } => {
                write!(f, "version {name} in {environment}: promote to {maturity}")
            }
            Action::ChangeLifecycle { target, environment, change, .. } => {
                write!(f, "{target} in {environment}: {}", change.verb())
            }
        }
    }
}
