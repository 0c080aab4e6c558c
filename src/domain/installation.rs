//! Installations: which company runs which version of an application, and in which of its projects.
//!
//! A company's administrator installs; the installation makes one user with exactly the permissions that the version
//! declares, and that user reaches the permitted projects only (rule B76). Whatever follows, update or reinstallation,
//! keeps the permitted projects (rule B77, defect X13), and nothing runs with wider permissions before the company has
//! approved them (rule B78).

mod brought;
mod command;
mod first_use;
mod offer;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::app_version::{AppVersionNumber, Step};
use super::name::{ApplicationId, ClientId, CompanyId, ProjectId, ServiceUserId};
use super::record::RecordKey;

pub use brought::Installed;
pub use command::{Install, SetPermittedProjects, Uninstall, UpdateInstallation};
pub use first_use::NoteFirstUse;
pub use offer::{Approval, installable, update_for};

/// Most projects that an installation names; more are permitted by permitting all.
pub const PROJECTS_MAX: usize = 500;

/// Most times that an application is installed in one company.
pub const INTERVALS_MAX: usize = 200;

/// The projects of its company that an installation may reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PermittedProjects {
    /// All, those to come included.
    All,
    /// These; at most [`PROJECTS_MAX`].
    Only(BTreeSet<ProjectId>),
}

impl PermittedProjects {
    /// Whether a project is permitted.
    pub fn permits(&self, project: &ProjectId) -> bool {
        match self {
            PermittedProjects::All => true,
            PermittedProjects::Only(projects) => projects.contains(project),
        }
    }

    /// The projects as facts write them.
    fn text(&self) -> String {
        match self {
            PermittedProjects::All => "ALL".to_owned(),
            PermittedProjects::Only(projects) if projects.is_empty() => "NONE".to_owned(),
            PermittedProjects::Only(projects) => projects.iter().map(ProjectId::as_str).collect::<Vec<_>>().join(" "),
        }
    }
}

/// A time during which an application was installed, and all that ran had a service account, or nothing had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval {
    /// Its first instant.
    pub from: DateTime<Utc>,
    /// The first instant after it; none while it lasts.
    pub until: Option<DateTime<Utc>>,
    /// What ran had a service account: it can take the place of a traditional one.
    pub service_account: bool,
    /// When that first called in the company, as far as is known; none without a service account. It belongs to the time:
    /// whoever installs again begins anew, and an update that keeps the service account goes on.
    pub first_used_at: Option<DateTime<Utc>>,
}

impl Interval {
    /// Whether an instant lies in it.
    pub fn contains(&self, at: DateTime<Utc>) -> bool {
        self.from <= at && self.until.is_none_or(|until| at < until)
    }

    /// Whether it has a service account of which no use is known.
    pub fn awaits_use(&self) -> bool {
        self.service_account && self.first_used_at.is_none()
    }
}

/// An application in a company, from its first installation on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    /// The application.
    pub application: ApplicationId,
    /// The application's client id, which never changes: the decision table is keyed by it.
    pub client_id: ClientId,
    /// The company.
    pub company: CompanyId,
    /// The version that runs, or ran last.
    pub version: AppVersionNumber,
    /// The projects that it may reach.
    pub projects: PermittedProjects,
    /// The user that acts for the application in the company; made with the first version that has a service account.
    pub service_user: Option<ServiceUserId>,
    /// When it was installed, oldest first; the last one has no end while it is installed.
    pub intervals: Vec<Interval>,
    /// Who changed it last, and when.
    pub changed: Step,
}

impl Installation {
    /// Where it is kept.
    pub fn key(&self) -> RecordKey {
        RecordKey::Installation(self.application.clone(), self.company.clone())
    }

    /// Whether it is installed.
    pub fn is_installed(&self) -> bool {
        self.intervals.last().is_some_and(|last| last.until.is_none())
    }

    /// Whether it is installed with a service account of which no use is known.
    pub fn awaits_use(&self) -> bool {
        self.intervals.last().is_some_and(|last| last.until.is_none() && last.awaits_use())
    }

    /// Whether it was installed at an instant.
    pub fn was_installed(&self, at: DateTime<Utc>) -> bool {
        self.intervals.iter().any(|interval| interval.contains(at))
    }
}
