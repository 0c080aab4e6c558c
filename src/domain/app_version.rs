//! Versions of applications: what one of them contains and may do, and how far it has come on its way to companies.
//!
//! What a version contains never changes. Its way is READY_FOR_TESTING, PROMOTED and, for what is listed, SUBMITTED and
//! APPROVED; each step says who took it and when, and none is taken back.

mod command;
mod number;
mod release;
mod widening;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::application::Application;
use super::name::{ApplicationId, InstallKey};
use super::projection::standing;
use super::record::{RecordKey, Records};
use super::refusal::Refusal;
use super::tool::ToolPermissions;

pub use command::{ApproveAppVersion, CreateAppVersion, PromoteAppVersion, SubmitAppVersion};
pub(in crate::domain) use command::{approved, store, submitted};
pub use number::AppVersionNumber;
pub use release::{Release, Releases, VERSIONS_MAX, available_version};
pub use widening::{Widening, widens};

/// Longest release notes and post-install notes, in characters.
pub const NOTES_CHARS_MAX: usize = 5000;

/// What a version is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Component {
    /// A data connection in the name of each user.
    UserLevelConnection,
    /// A data connection with a service account of its own: a Developer Managed Service Account.
    ServiceAccountConnection,
    /// A page inside the product.
    Embedded,
    /// A panel beside the pages of the product.
    SidePanel,
}

impl Component {
    /// All of them.
    pub const ALL: [Component; 4] = [
        Component::UserLevelConnection,
        Component::ServiceAccountConnection,
        Component::Embedded,
        Component::SidePanel,
    ];

    /// The name used in facts and on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Component::UserLevelConnection => "USER_LEVEL_CONNECTION",
            Component::ServiceAccountConnection => "SERVICE_ACCOUNT_CONNECTION",
            Component::Embedded => "EMBEDDED",
            Component::SidePanel => "SIDE_PANEL",
        }
    }
}

/// How far a version has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AppVersionState {
    /// It can be installed where nothing is real.
    ReadyForTesting,
    /// It can be installed in production.
    Promoted,
    /// It waits for the approval of its listing.
    Submitted,
    /// Companies that have installed the listed application can update to it.
    Approved,
}

impl AppVersionState {
    /// The name used in facts and on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            AppVersionState::ReadyForTesting => "READY_FOR_TESTING",
            AppVersionState::Promoted => "PROMOTED",
            AppVersionState::Submitted => "SUBMITTED",
            AppVersionState::Approved => "APPROVED",
        }
    }
}

impl std::fmt::Display for AppVersionState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// A step that somebody took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Who.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// A version of an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppVersion {
    /// The application.
    pub application: ApplicationId,
    /// Its number.
    pub number: AppVersionNumber,
    /// What it is made of; at least one.
    pub components: BTreeSet<Component>,
    /// What its service account may do.
    pub permissions: ToolPermissions,
    /// What is new in it.
    pub release_notes: String,
    /// What to do after it was installed.
    pub post_install_notes: String,
    /// Where that is documented; empty for none.
    pub post_install_uri: String,
    /// What a company is given to install it.
    pub install_key: InstallKey,
    /// Who made it, and when.
    pub created: Step,
    /// Set once it was promoted to production.
    pub promoted: Option<Step>,
    /// Set once it was submitted for review.
    pub submitted: Option<Step>,
    /// Set once it was approved.
    pub approved: Option<Step>,
}

impl AppVersion {
    /// Where it is kept.
    pub fn key(&self) -> RecordKey {
        RecordKey::AppVersion(self.application.clone(), self.number.clone())
    }

    /// How far it has come.
    pub fn state(&self) -> AppVersionState {
        if self.approved.is_some() {
            AppVersionState::Approved
        } else if self.submitted.is_some() {
            AppVersionState::Submitted
        } else if self.promoted.is_some() {
            AppVersionState::Promoted
        } else {
            AppVersionState::ReadyForTesting
        }
    }

    /// Whether an installation of it makes a service user.
    pub fn has_service_account(&self) -> bool {
        self.components.contains(&Component::ServiceAccountConnection)
    }

    /// Whether it reaches data in a way that stays supported when traditional service accounts have ended: by a service
    /// account of its own, or not at all (rule B86).
    pub fn has_supported_access(&self) -> bool {
        self.has_service_account() || !self.components.contains(&Component::UserLevelConnection)
    }
}

/// Refuses an application that is not approved for production (rule B80). Deletion and block have refusals of their own.
pub(super) fn check_usable(application: &Application) -> Result<(), Refusal> {
    application.not_deleted()?;
    application.not_blocked()?;
    match standing(application) {
        devhub_decision::Standing::Usable => Ok(()),
        devhub_decision::Standing::NotApproved
        | devhub_decision::Standing::Blocked
        | devhub_decision::Standing::Deleted => Err(Refusal::ApplicationNotApproved(application.id.clone())),
    }
}

impl Records {
    /// The version, if there is one.
    pub(super) fn needed_app_version(
        &self,
        application: &ApplicationId,
        number: &AppVersionNumber,
    ) -> Result<&AppVersion, Refusal> {
        self.app_version(application, number)
            .ok_or_else(|| Refusal::AppVersionNotFound { application: application.clone(), number: number.clone() })
    }

    /// The application, if there is one.
    pub(super) fn needed_application(&self, id: &ApplicationId) -> Result<&Application, Refusal> {
        self.application(id).ok_or_else(|| Refusal::ApplicationNotFound(id.clone()))
    }
}
