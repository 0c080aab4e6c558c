//! What the table is told: one entry per version, namespace, application, subscription, waiver, exemption, service
//! account or installation, and one for the credential class, as the committed facts left it.
//!
//! Each entry replaces what was known under the same key. Entries of different keys may arrive in any order: a
//! subscription may come before its application or its version.

use std::fmt;

use chrono::{DateTime, Utc};

use crate::account::{CredentialClassEntry, ServiceAccountEntry};
use crate::brownout::Brownout;
use crate::header::{self, UrlRefused};
use crate::installation::InstallationEntry;
use crate::lifecycle::Lifecycle;
use crate::namespace::NamespaceEntry;
use crate::operation::OperationEntry;
use crate::stage::{Environment, StagePermissions};
use crate::terms::{ExemptionEntry, WaiverEntry};

/// The name of an API version: the context of its API, and its label. `1.10` and `1.1` are two labels.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VersionName {
    /// Context of the API, as in its path.
    pub context: Box<str>,
    /// Label of the version.
    pub label: Box<str>,
}

impl VersionName {
    /// The name made of these two parts.
    pub fn new(context: impl Into<Box<str>>, label: impl Into<Box<str>>) -> Self {
        Self { context: context.into(), label: label.into() }
    }
}

impl fmt::Display for VersionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.context, self.label)
    }
}

/// The pages that lifecycle headers point to; absolute URLs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Links {
    /// Documentation about the deprecation.
    pub deprecation: Option<Box<str>>,
    /// Documentation about the retirement.
    pub sunset: Option<Box<str>>,
    /// The successor version.
    pub successor: Option<Box<str>>,
}

impl Links {
    /// The links, each refused unless it can stand in a header as it is (see [`header::check_url`]).
    pub fn new(
        deprecation: Option<Box<str>>,
        sunset: Option<Box<str>>,
        successor: Option<Box<str>>,
    ) -> Result<Self, UrlRefused> {
        for url in [&deprecation, &sunset, &successor].into_iter().flatten() {
            header::check_url(url)?;
        }
        Ok(Self { deprecation, sunset, successor })
    }

    /// These links, and where one is missing the other's.
    #[must_use]
    pub fn or(&self, other: &Links) -> Links {
        let either = |link: &Option<Box<str>>, other: &Option<Box<str>>| link.as_ref().or(other.as_ref()).cloned();
        Links {
            deprecation: either(&self.deprecation, &other.deprecation),
            sunset: either(&self.sunset, &other.sunset),
            successor: either(&self.successor, &other.successor),
        }
    }
}

/// One version in one environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionEntry {
    /// Which version.
    pub name: VersionName,
    /// In which environment.
    pub environment: Environment,
    /// Its maturity and the dates that end it.
    pub lifecycle: Lifecycle,
    /// What its policy permits in each stage.
    pub permissions: StagePermissions,
    /// Calls pass without a client or a subscription.
    pub open_access: bool,
    /// A call is about one company, which an application must name and be installed in.
    pub company_scoped: bool,
    /// The version to move to, when one is named.
    pub successor: Option<VersionName>,
    /// The pages that its lifecycle headers point to.
    pub links: Links,
    /// Planned short denials while deprecated.
    pub brownouts: Box<[Brownout]>,
    /// Its operations with dates of their own.
    pub operations: Box<[OperationEntry]>,
}

/// Whether an application may call at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// It may.
    Usable,
    /// Not yet: its approval is not complete.
    NotApproved,
    /// Not now: an operator blocked it.
    Blocked,
    /// No longer: it was deleted, and may be restored.
    Deleted,
}

impl Standing {
    /// All, from best to worst.
    pub const ALL: [Standing; 4] = [Standing::Usable, Standing::NotApproved, Standing::Blocked, Standing::Deleted];

    /// The name used in trails and listings.
    pub const fn name(self) -> &'static str {
        match self {
            Standing::Usable => "USABLE",
            Standing::NotApproved => "NOT_APPROVED",
            Standing::Blocked => "BLOCKED",
            Standing::Deleted => "DELETED",
        }
    }
}

/// One application, under the client id that its calls present.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationEntry {
    /// What its calls present; the key.
    pub client_id: Box<str>,
    /// Its id in the hub.
    pub application_id: Box<str>,
    /// The environment that it lives in.
    pub environment: Environment,
    /// Whether it may call at all.
    pub standing: Standing,
}

/// One subscription, by client id and version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionEntry {
    /// Whose it is.
    pub client_id: Box<str>,
    /// The environment of the version.
    pub environment: Environment,
    /// To which version.
    pub version: VersionName,
    /// It holds; `false` removes it.
    pub live: bool,
    /// The first instant at which it no longer holds, when it is kept only for a while: the overlap of a move.
    pub ends_at: Option<DateTime<Utc>>,
}

/// One thing that the table is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A version is now so.
    Version(VersionEntry),
    /// An application is now so.
    Application(ApplicationEntry),
    /// A subscription is now so.
    Subscription(SubscriptionEntry),
    /// A namespace is now so.
    Namespace(NamespaceEntry),
    /// A waiver is now so.
    Waiver(WaiverEntry),
    /// An exemption from brownouts is now so.
    Exemption(ExemptionEntry),
    /// The class of traditional service accounts is now so.
    CredentialClass(CredentialClassEntry),
    /// A traditional service account is now so.
    ServiceAccount(ServiceAccountEntry),
    /// An installation is now so.
    Installation(InstallationEntry),
}

impl Change {
    /// The environment whose gateways it concerns; none for those of both. An application or a service account that lives
    /// elsewhere is told apart from a stranger, so both are known to every gateway.
    pub const fn environment(&self) -> Option<Environment> {
        match self {
            Change::Version(entry) => Some(entry.environment),
            Change::Subscription(entry) => Some(entry.environment),
            Change::Namespace(entry) => Some(entry.environment),
            Change::Waiver(entry) => Some(entry.environment),
            Change::Exemption(entry) => Some(entry.environment),
            Change::Application(_)
            | Change::CredentialClass(_)
            | Change::ServiceAccount(_)
            | Change::Installation(_) => None,
        }
    }

    /// The context that it belongs to, if it does to one: rows of other contexts change no answer about this one.
    pub fn context(&self) -> Option<&str> {
        match self {
            Change::Version(entry) => Some(&entry.name.context),
            Change::Subscription(entry) => Some(&entry.version.context),
            Change::Waiver(entry) => Some(&entry.version.context),
            Change::Exemption(entry) => Some(&entry.version.context),
            Change::Namespace(_)
            | Change::Application(_)
            | Change::CredentialClass(_)
            | Change::ServiceAccount(_)
            | Change::Installation(_) => None,
        }
    }

    /// It concerns the gateways of an environment.
    pub fn concerns(&self, environment: Environment) -> bool {
        self.environment().is_none_or(|of| of == environment)
    }
}
