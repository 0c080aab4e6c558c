//! Traditional service accounts: machine identities that a company made by itself for somebody's application. They are
//! a class on its way out; what replaces them is declared in the application and installed by the company.

mod command;
mod extension;
mod secret;

use chrono::{DateTime, TimeDelta, Utc};
use devhub_decision::Environment;

use super::credential_class::ClassSchedule;
use super::fact::Subject;
use super::name::{AccountId, ApplicationId, ClientId, CompanyId, Email};
use super::record::{RecordKey, Records};
use super::refusal::Refusal;
use super::tool::ToolPermissions;

pub use command::{
    ChangeAccountPermissions, ClassifyServiceAccount, CreateServiceAccount, Created, RecentUse, RemoveServiceAccount,
};
pub use extension::{ExtendServiceAccounts, ShortenExtension};
pub use secret::{AccountSecret, RehashServiceAccountSecret, RotateServiceAccountSecret};

/// How long after its last use the removal of an account needs an acknowledgement (rule B84).
pub const RECENT_USE: TimeDelta = TimeDelta::days(30);

/// Whether a use is so recent that the removal of the account needs an acknowledgement (rule B84).
pub fn is_recent_use(last_used: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    now - last_used < RECENT_USE
}

/// Longest extension past the sunset (rule B88).
pub const EXTENSION_DAYS_MAX: i64 = 90;

/// The latest instant until which accounts can be extended past a sunset (rule B88).
pub fn latest_extension(sunset_at: DateTime<Utc>) -> DateTime<Utc> {
    sunset_at + TimeDelta::days(EXTENSION_DAYS_MAX)
}

/// Longest name and description, in characters.
pub const TEXT_CHARS_MAX: usize = 200;

/// Whose application an account is for (rule B82).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountType {
    /// Nobody has said; its migration cannot begin.
    Undefined,
    /// An application of the marketplace.
    Marketplace(ApplicationId),
    /// Something made for this company.
    Custom {
        /// What it does.
        description: String,
        /// Who made it.
        developer_name: String,
        /// How to reach them.
        developer_email: Email,
        /// The application that replaces it, once it is registered.
        application: Option<ApplicationId>,
    },
}

impl AccountType {
    /// The name used in files, on the command line and on the wire.
    pub const fn name(&self) -> &'static str {
        match self {
            AccountType::Undefined => "UNDEFINED",
            AccountType::Marketplace(_) => "MARKETPLACE",
            AccountType::Custom { .. } => "CUSTOM",
        }
    }

    /// The application that is to replace the account, if it is known.
    pub const fn application(&self) -> Option<&ApplicationId> {
        match self {
            AccountType::Undefined => None,
            AccountType::Marketplace(application) => Some(application),
            AccountType::Custom { application, .. } => application.as_ref(),
        }
    }

    /// As facts write it.
    fn text(&self) -> String {
        match self {
            AccountType::Undefined => self.name().to_owned(),
            AccountType::Marketplace(application) => format!("{} {application}", self.name()),
            AccountType::Custom { description, developer_name, developer_email, application } => {
                let replaced = application.as_ref().map(|id| format!(", to be replaced by {id}")).unwrap_or_default();
                format!("{} {description}, by {developer_name} <{developer_email}>{replaced}", self.name())
            }
        }
    }
}

/// When, by whom and why an account was removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// When.
    pub at: DateTime<Utc>,
    /// By whom.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// A traditional service account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceAccount {
    /// Its id.
    pub id: AccountId,
    /// What it presents to gateways; never changes.
    pub client_id: ClientId,
    /// Whose it is; never changes.
    pub company: CompanyId,
    /// The environment that it works in: that of its company.
    pub environment: Environment,
    /// Name shown to people.
    pub name: String,
    /// Whose application it is for.
    pub account_type: AccountType,
    /// Since when that is so, if anybody has said.
    pub classified_at: Option<DateTime<Utc>>,
    /// What it may do.
    pub permissions: ToolPermissions,
    /// When it was created, here or in the system that it was brought from.
    pub created_at: DateTime<Utc>,
    /// By whom.
    pub created_by: String,
    /// It works past the sunset until then: the extension of its company.
    pub extended_until: Option<DateTime<Utc>>,
    /// Set once it is removed.
    pub removal: Option<Removal>,
    /// What is kept of its secret. None where the hub never made one, and once it is removed.
    pub secret: Option<AccountSecret>,
}

impl ServiceAccount {
    /// Where it is kept.
    pub fn key(&self) -> RecordKey {
        RecordKey::ServiceAccount(self.id.clone())
    }

    /// The first instant at which it is no longer accepted, when known (rules B69, B88).
    pub fn ends_at(&self, class: &ClassSchedule) -> Option<DateTime<Utc>> {
        let sunset_at = class.sunset_at?;
        Some(self.extended_until.map_or(sunset_at, |until| until.max(sunset_at)))
    }

    /// Whether it is no longer accepted (rules B69, B70).
    pub fn has_ended(&self, class: &ClassSchedule, now: DateTime<Utc>) -> bool {
        self.ends_at(class).is_some_and(|ends_at| ends_at <= now)
    }

    pub(super) fn subject(&self) -> Subject {
        Subject {
            application: self.account_type.application().cloned(),
            company: Some(self.company.clone()),
            account: Some(self.id.clone()),
            environment: Some(self.environment),
            ..Subject::default()
        }
    }

    /// Refuses a removed account.
    fn not_removed(&self) -> Result<(), Refusal> {
        match &self.removal {
            Some(removal) => Err(Refusal::ServiceAccountRemoved { id: self.id.clone(), since: removal.at }),
            None => Ok(()),
        }
    }
}

impl Records {
    /// The account, if there is one.
    pub(super) fn needed_account(&self, id: &AccountId) -> Result<&ServiceAccount, Refusal> {
        self.service_account(id).ok_or_else(|| Refusal::ServiceAccountNotFound(id.clone()))
    }
}
