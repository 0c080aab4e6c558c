//! One call that a plan makes. Serialized, an action is canonical: fingerprints and request ids are made of it.

use std::fmt;

use serde::Serialize;

use super::entry::{ApiEntry, DeploymentEntry, EndpointEntry, FieldEntry, VersionEntry, VersionRef};
use crate::cli::date::Moment;
use crate::cli::words::{Access, Environment, Maturity};

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
    /// Deprecate a version.
    DeprecateApiVersion {
        /// The version.
        name: VersionRef,
        /// Where.
        environment: Environment,
        /// From when.
        deprecated_at: Moment,
        /// First instant of RETIRED; `None` while it is to be announced.
        retires_at: Option<Moment>,
        /// The version to move to.
        successor: Option<VersionRef>,
        /// Why.
        reason: String,
        /// Why a shorter period is acceptable.
        override_reason: String,
    },
    /// Retire a version, or give its retirement another date.
    RetireApiVersion {
        /// The version.
        name: VersionRef,
        /// Where.
        environment: Environment,
        /// From when.
        retires_at: Moment,
        /// The version to move to; `None` keeps the one that is named.
        successor: Option<VersionRef>,
        /// Why.
        reason: String,
        /// Why a shorter period is acceptable.
        override_reason: String,
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
            | Action::PromoteApiVersion { name, .. }
            | Action::DeprecateApiVersion { name, .. }
            | Action::RetireApiVersion { name, .. } => Some(name.clone()),
        }
    }

    /// The API concerned.
    pub fn context(&self) -> &str {
        match self {
            Action::CreateApi { api } => &api.context,
            Action::UpdateApi { context, .. } | Action::CreateApiVersion { context, .. } => context,
            Action::UpdateApiVersion { name, .. }
            | Action::DeployApiVersion { name, .. }
            | Action::PromoteApiVersion { name, .. }
            | Action::DeprecateApiVersion { name, .. }
            | Action::RetireApiVersion { name, .. } => &name.context,
        }
    }

    /// Whether the action brings something that was not there.
    pub const fn creates(&self) -> bool {
        match self {
            Action::CreateApi { .. } | Action::CreateApiVersion { .. } | Action::DeployApiVersion { .. } => true,
            Action::UpdateApi { .. }
            | Action::UpdateApiVersion { .. }
            | Action::PromoteApiVersion { .. }
            | Action::DeprecateApiVersion { .. }
            | Action::RetireApiVersion { .. } => false,
        }
    }

    /// The successor that the action names, if it names one.
    pub fn successors(&self) -> Vec<&VersionRef> {
        match self {
            Action::CreateApiVersion { entry, .. } => {
                entry.deployments.iter().filter_map(|deployment| deployment.successor.as_ref()).collect()
            }
            Action::DeployApiVersion { deployment, .. } => deployment.successor.iter().collect(),
            Action::DeprecateApiVersion { successor, .. } | Action::RetireApiVersion { successor, .. } => {
                successor.iter().collect()
            }
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
            Action::DeprecateApiVersion { name, environment, .. } => {
                write!(f, "version {name} in {environment}: deprecate")
            }
            Action::RetireApiVersion { name, environment, .. } => write!(f, "version {name} in {environment}: retire"),
        }
    }
}
