//! Versions: what people read about one, who may subscribe, and where it is deployed at which stage.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use devhub_decision::{Brownout, Environment, Lifecycle, Stage};

use super::fact::Subject;
use super::field::FieldDefinition;
use super::ledger::LedgerEnd;
use super::name::{PolicyName, VersionName};
use super::operation::OperationSchedule;
use super::policy::Policy;
use super::refusal::Refusal;
use super::setting::Rules;

/// Who may subscribe to a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessType {
    /// Any application.
    Public,
    /// Applications with granted access, and those that an operator subscribes.
    Controlled,
    /// Applications that an operator subscribes.
    Internal,
}

impl AccessType {
    /// The name used in files, on the command line and on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            AccessType::Public => "PUBLIC",
            AccessType::Controlled => "CONTROLLED",
            AccessType::Internal => "INTERNAL",
        }
    }
}

/// What a caller of an endpoint must present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthType {
    /// Nothing.
    None,
    /// The application's credentials.
    Application,
    /// A user's grant to the application.
    User,
}

/// One operation of a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// HTTP method.
    pub method: String,
    /// Path below the context.
    pub path: String,
    /// What its caller must present.
    pub auth_type: AuthType,
}

/// A version in one environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// Maturity and dates.
    pub lifecycle: Lifecycle,
    /// Whether documentation shows the endpoints as enabled; does not affect calls.
    pub endpoints_enabled: bool,
    /// The version to move to.
    pub successor: Option<VersionName>,
    /// Where the successor's documentation was when it was named; empty for none. For the Link header.
    pub successor_uri: String,
    /// Short denials that have not ended.
    pub brownouts: Vec<Brownout>,
    /// Operations with dates of their own.
    pub operations: Vec<OperationSchedule>,
    /// How far the ledger of its dates has come; of one that is to be published, when and in which zone its dates were
    /// announced, if before.
    pub ledger: LedgerEnd,
}

impl Deployment {
    /// A deployment with nothing but its lifecycle.
    pub fn new(lifecycle: Lifecycle) -> Deployment {
        Deployment {
            lifecycle,
            endpoints_enabled: false,
            successor: None,
            successor_uri: String::new(),
            brownouts: Vec::new(),
            operations: Vec::new(),
            ledger: LedgerEnd::default(),
        }
    }
}

/// A version of an API. Versions are never deleted, only retired (rule B34).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Its name.
    pub name: VersionName,
    /// What is new in it.
    pub description: String,
    /// Who may subscribe.
    pub access_type: AccessType,
    /// Its calls are about the data of one company (rules B65, B66).
    pub company_scoped: bool,
    /// Its operations.
    pub endpoints: Vec<Endpoint>,
    /// Values that subscribers give.
    pub fields: Vec<FieldDefinition>,
    /// Where it is deployed; at least one environment.
    pub deployments: BTreeMap<Environment, Deployment>,
    /// Where its documentation is.
    pub documentation_uri: String,
    /// When it was published.
    pub created_at: DateTime<Utc>,
    /// The lifecycle policy: the API's, which never changes.
    pub policy: PolicyName,
}

impl Version {
    /// Whether calls pass without a subscription: PUBLIC, and no endpoint needs anything (rule B12).
    pub fn is_open_access(&self) -> bool {
        self.access_type == AccessType::Public
            && !self.endpoints.is_empty()
            && self.endpoints.iter().all(|endpoint| endpoint.auth_type == AuthType::None)
    }

    /// The stage in an environment at `now`, if it is deployed there.
    pub fn stage(&self, environment: Environment, now: DateTime<Utc>) -> Option<Stage> {
        self.deployments.get(&environment).map(|deployment| deployment.lifecycle.stage(now))
    }

    /// The deployment in an environment.
    ///
    /// # Errors
    /// When it is not deployed there (rule B13).
    pub fn deployment(&self, environment: Environment) -> Result<&Deployment, Refusal> {
        self.deployments
            .get(&environment)
            .ok_or_else(|| Refusal::VersionNotInEnvironment { version: self.name.clone(), environment })
    }

    pub(super) fn subject(&self, environment: Option<Environment>) -> Subject {
        Subject {
            context: Some(self.name.context.clone()),
            label: Some(self.name.label.clone()),
            environment,
            ..Subject::default()
        }
    }

    /// The version's policy.
    ///
    /// # Errors
    /// When the hub no longer knows it: its owner took it out of the policies file.
    pub fn policy<'r>(&self, rules: &'r Rules) -> Result<&'r Policy, Refusal> {
        rules.policies.get(&self.policy).ok_or_else(|| Refusal::PolicyNotFound(self.policy.clone()))
    }
}

/// Whether an API stands in public lists: not when every version is on its way out or gone (rule B37). A direct link, and
/// the list of whoever is subscribed, still show it.
pub fn is_listed<'v>(versions: impl IntoIterator<Item = &'v Version>, now: DateTime<Utc>) -> bool {
    let mut stages = versions
        .into_iter()
        .flat_map(|version| version.deployments.values())
        .map(|deployment| deployment.lifecycle.stage(now))
        .peekable();
    // An API that has no version yet is not on its way out.
    stages.peek().is_none()
        || stages.any(|stage| match stage {
            Stage::Alpha | Stage::Beta | Stage::Stable => true,
            Stage::Deprecated | Stage::Retired => false,
        })
}

/// The version shown to readers by default: STABLE before BETA, ALPHA and DEPRECATED, then the highest; RETIRED never
/// (rule B38).
pub fn default_version<'v>(
    versions: impl IntoIterator<Item = &'v Version>,
    environment: Environment,
    now: DateTime<Utc>,
) -> Option<&'v Version> {
    let preference = |stage| match stage {
        Stage::Stable => Some(4),
        Stage::Beta => Some(3),
        Stage::Alpha => Some(2),
        Stage::Deprecated => Some(1),
        Stage::Retired => None,
    };
    versions
        .into_iter()
        .filter_map(|version| {
            let rank = preference(version.stage(environment, now)?)?;
            Some((rank, &version.name.label, version))
        })
        .max_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)))
        .map(|(_, _, version)| version)
}
