//! What a catalogue says: the shape of the file, and of what the hub has, so that the two are compared field by field.

use serde::{Deserialize, Serialize};

use super::end::Dates;
use crate::cli::date::{Moment, stated_zone};
use crate::cli::words::{Access, Auth, Environment, Maturity};

/// A catalogue file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    /// Its APIs.
    pub apis: Vec<ApiEntry>,
    /// Namespaces with dates of their own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<NamespaceEntry>,
}

/// All APIs whose context is a name or begins with it and a `/`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamespaceEntry {
    /// The name.
    pub namespace: String,
    /// Where it ends; an environment that is left out has no end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deployments: Vec<NamespaceDeploymentEntry>,
}

/// The end of a namespace in one environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamespaceDeploymentEntry {
    /// Where.
    pub environment: Environment,
    /// First instant of DEPRECATED.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deprecated_at: Option<Moment>,
    /// First instant of a gradual sunset.
    #[serde(default, alias = "sunset_begins", skip_serializing_if = "Option::is_none")]
    pub sunset_begins_at: Option<Moment>,
    /// First instant of RETIRED; left out while it is to be announced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retires_at: Option<Moment>,
    /// When the dates were made public, if before they came to the hub; sent where the hub knows no dates yet, never
    /// compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announced_at: Option<Moment>,
    /// The zone that the dates were announced in, where the dates themselves do not say it; sent with a change, never
    /// compared.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub zone: String,
    /// The namespace that replaces it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replacement: Option<String>,
    /// Where that one is documented; sent with a change, never compared.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub replacement_uri: String,
    /// Why, for the record; sent with a change, never compared.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Why less time than the policy demands is acceptable; sent with a change, never compared.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub override_reason: String,
}

/// An API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiEntry {
    /// The path prefix that identifies it.
    pub context: String,
    /// Name shown to people.
    pub title: String,
    /// What it does.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Its lifecycle policy.
    pub policy: String,
    /// Categories.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
    /// Its versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<VersionEntry>,
}

/// A version of an API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VersionEntry {
    /// Its label: text, so that 1.10 stays 1.10.
    pub version: String,
    /// What is new in it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Who may subscribe.
    #[serde(default = "public", skip_serializing_if = "is_public")]
    pub access: Access,
    /// Its calls are about the data of one company.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub company_scoped: bool,
    /// Where its documentation is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub documentation_uri: String,
    /// Its operations.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub endpoints: Vec<EndpointEntry>,
    /// Values that subscribers give.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldEntry>,
    /// Where it is deployed.
    pub deployments: Vec<DeploymentEntry>,
}

/// An operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndpointEntry {
    /// HTTP method.
    pub method: String,
    /// Path below the context.
    pub path: String,
    /// What its caller must present.
    pub auth: Auth,
}

/// A value that a subscriber must or may give.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldEntry {
    /// Its name.
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Value used when the subscriber gives none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub default: String,
    /// Refuse the subscription when the value is empty.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// What a non-empty value must match.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub pattern: String,
}

/// A version in one environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeploymentEntry {
    /// Where.
    pub environment: Environment,
    /// Maturity while no date has ended the version.
    pub maturity: Maturity,
    /// Whether documentation shows the endpoints as enabled.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub endpoints_enabled: bool,
    /// First instant of DEPRECATED.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deprecated_at: Option<Moment>,
    /// First instant of a gradual sunset, from which callers must expect brownouts.
    #[serde(default, alias = "sunset_begins", skip_serializing_if = "Option::is_none")]
    pub sunset_begins_at: Option<Moment>,
    /// First instant of RETIRED; left out while it is to be announced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retires_at: Option<Moment>,
    /// When the dates were made public, if before they came to the hub; sent where the hub knows no dates yet, never
    /// compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announced_at: Option<Moment>,
    /// The zone that the dates were announced in, where the dates themselves do not say it; sent with a change, never
    /// compared.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub zone: String,
    /// The version to move to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub successor: Option<VersionRef>,
    /// Why, for the record and for subscribers; sent with a change, never compared.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Why a shorter period than the policy's is acceptable; sent with a change, never compared.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub override_reason: String,
    /// Operations that end sooner than the version.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operations: Vec<OperationEntry>,
}

/// The end of one operation of a version in one environment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperationEntry {
    /// HTTP method.
    pub method: String,
    /// Path, as the version's endpoints state it.
    pub path: String,
    /// First instant of DEPRECATED.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deprecated_at: Option<Moment>,
    /// First instant of a gradual sunset.
    #[serde(default, alias = "sunset_begins", skip_serializing_if = "Option::is_none")]
    pub sunset_begins_at: Option<Moment>,
    /// First instant of RETIRED; left out while it is to be announced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retires_at: Option<Moment>,
    /// When the dates were made public, if before they came to the hub; sent where the hub knows no dates yet, never
    /// compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announced_at: Option<Moment>,
    /// The zone that the dates were announced in, where the dates themselves do not say it; sent with a change, never
    /// compared.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub zone: String,
    /// What to call instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replacement: Option<OperationRef>,
    /// Where that one is documented; sent with a change, never compared.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub replacement_uri: String,
    /// Why, for the record; sent with a change, never compared.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Why less time than the policy demands is acceptable; sent with a change, never compared.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub override_reason: String,
}

/// Names an operation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperationRef {
    /// Context of the API.
    pub context: String,
    /// Label of the version.
    pub version: String,
    /// HTTP method.
    pub method: String,
    /// Path below the context.
    pub path: String,
}

impl OperationRef {
    /// Its version.
    pub fn version_ref(&self) -> VersionRef {
        VersionRef { context: self.context.clone(), version: self.version.clone() }
    }
}

impl std::fmt::Display for OperationRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} of {} {}", self.method, self.path, self.context, self.version)
    }
}

macro_rules! dated {
    ($($entry:ident),+) => {
        $(
            impl $entry {
                /// Its dates.
                pub fn dates(&self) -> Dates<'_> {
                    Dates {
                        deprecated_at: self.deprecated_at.as_ref(),
                        sunset_begins_at: self.sunset_begins_at.as_ref(),
                        retires_at: self.retires_at.as_ref(),
                    }
                }

                /// The zone that the dates were announced in: the stated one, else the one that all dates are given in.
                pub fn announcement_zone(&self) -> String {
                    if !self.zone.is_empty() {
                        return self.zone.clone();
                    }
                    let dates = [&self.deprecated_at, &self.sunset_begins_at, &self.retires_at];
                    stated_zone(dates.into_iter().flatten()).unwrap_or_default()
                }
            }
        )+
    };
}

dated!(DeploymentEntry, OperationEntry, NamespaceDeploymentEntry);

impl NamespaceDeploymentEntry {
    /// No end.
    pub fn open(environment: Environment) -> NamespaceDeploymentEntry {
        NamespaceDeploymentEntry {
            environment,
            deprecated_at: None,
            sunset_begins_at: None,
            retires_at: None,
            announced_at: None,
            zone: String::new(),
            replacement: None,
            replacement_uri: String::new(),
            reason: String::new(),
            override_reason: String::new(),
        }
    }
}

/// Names a version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VersionRef {
    /// Context of the API.
    pub context: String,
    /// Label of the version.
    pub version: String,
}

impl std::fmt::Display for VersionRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.context, self.version)
    }
}

fn public() -> Access {
    Access::Public
}

fn is_public(access: &Access) -> bool {
    *access == Access::Public
}
