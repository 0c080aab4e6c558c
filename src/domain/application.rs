//! Applications: registered clients, the people who work on them, and where they stand.

use std::collections::BTreeMap;

use chrono::{DateTime, Days, Utc};
use devhub_decision::Environment;

use super::actor::Actor;
use super::fact::Subject;
use super::name::{ApplicationId, ClientId, Email};
use super::refusal::Refusal;
use super::setting::Setting;

/// Most collaborators of one application.
pub const COLLABORATORS_MAX: usize = 50;

/// What a person may do with an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Everything a collaborator may do.
    Administrator,
    /// Everything but what concerns people, deletion and production approval.
    Developer,
}

impl Role {
    /// The name used in files, on the command line and on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Role::Administrator => "ADMINISTRATOR",
            Role::Developer => "DEVELOPER",
        }
    }
}

/// Who manages the application's subscriptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Its collaborators.
    Standard,
    /// Operators.
    Privileged,
    /// Operators; it authenticates users with their passwords.
    Ropc,
}

/// Who builds the application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Persona {
    /// A customer, for its own use.
    CustomIntegration,
    /// A technology partner, for many customers.
    TechnologyPartner,
}

/// Where an application stands on its way to production.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Being built.
    Testing,
    /// Waiting for the responsible individual.
    PendingResponsibleIndividualVerification,
    /// Waiting for an operator.
    PendingGatekeeperApproval,
    /// Approved; waiting for the requester to confirm.
    PendingRequesterVerification,
    /// Confirmed; not yet live.
    PreProduction,
    /// Live.
    Production,
}

impl State {
    /// The name used on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            State::Testing => "TESTING",
            State::PendingResponsibleIndividualVerification => "PENDING_RESPONSIBLE_INDIVIDUAL_VERIFICATION",
            State::PendingGatekeeperApproval => "PENDING_GATEKEEPER_APPROVAL",
            State::PendingRequesterVerification => "PENDING_REQUESTER_VERIFICATION",
            State::PreProduction => "PRE_PRODUCTION",
            State::Production => "PRODUCTION",
        }
    }
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// A time in which an application was deleted, and nobody was told of anything for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Absence {
    /// When it was deleted.
    pub from: DateTime<Utc>,
    /// When it was restored.
    pub until: DateTime<Utc>,
}

/// When and by whom an application was deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deletion {
    /// When.
    pub at: DateTime<Utc>,
    /// By whom.
    pub by: String,
}

/// A registered client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    /// Its id.
    pub id: ApplicationId,
    /// What it presents to gateways; never changes.
    pub client_id: ClientId,
    /// Name shown to people.
    pub name: String,
    /// What it does.
    pub description: String,
    /// The environment it lives in; never changes.
    pub environment: Environment,
    /// The organisation that owns it.
    pub owner: String,
    /// Who manages its subscriptions.
    pub kind: Kind,
    /// Who builds it.
    pub persona: Persona,
    /// Where it stands.
    pub state: State,
    /// The people who work on it.
    pub collaborators: BTreeMap<Email, Role>,
    /// All its calls are denied.
    pub blocked: bool,
    /// Why collaborators may not delete it; empty when they may.
    pub deletion_restriction: String,
    /// When it was registered.
    pub created_at: DateTime<Utc>,
    /// The sandbox application that it was made from, if it was uplifted.
    pub uplifted_from: Option<ApplicationId>,
    /// The last time that it was deleted and restored.
    pub absence: Option<Absence>,
    /// Set while it is deleted. Its subscriptions end with it, by this one fact (rule B57).
    pub deletion: Option<Deletion>,
}

/// Checks the name of an application.
///
/// # Errors
/// The sentence that says what a name looks like.
pub fn check_name(name: &str) -> Result<(), &'static str> {
    let plain = name.bytes().all(|b| (b.is_ascii_graphic() || b == b' ') && !b"<>/\\\"'`".contains(&b));
    if (2..=50).contains(&name.len()) && plain && name.trim() == name {
        Ok(())
    } else {
        Err("a name has 2 to 50 printable ASCII characters, none of < > / \\ \" ' `, and no space at either end")
    }
}

impl Application {
    /// Whether it was approved for live traffic in production, so that stricter rules apply (rules B11, B56).
    pub fn is_approved_production(&self) -> bool {
        self.environment == Environment::Production && self.state != State::Testing
    }

    /// Until when it can be restored, while it is deleted.
    pub fn restorable_until(&self, window_days: u32) -> Option<DateTime<Utc>> {
        let deletion = self.deletion.as_ref()?;
        deletion.at.checked_add_days(Days::new(u64::from(window_days)))
    }

    pub(super) fn subject(&self) -> Subject {
        Subject { application: Some(self.id.clone()), environment: Some(self.environment), ..Subject::default() }
    }

    /// Refuses a deleted application (rule B20).
    pub(super) fn not_deleted(&self) -> Result<(), Refusal> {
        match self.deletion {
            Some(_) => Err(Refusal::ApplicationDeleted(self.id.clone())),
            None => Ok(()),
        }
    }

    /// Refuses a blocked application whatever would widen its access (rule B19).
    pub(super) fn not_blocked(&self) -> Result<(), Refusal> {
        if self.blocked { Err(Refusal::ApplicationBlocked(self.id.clone())) } else { Ok(()) }
    }

    /// Refuses an application of another environment than the one meant.
    pub(super) fn lives_in(&self, environment: Environment) -> Result<(), Refusal> {
        if self.environment == environment {
            return Ok(());
        }
        Err(Refusal::ApplicationNotInEnvironment { application: self.id.clone(), environment })
    }

    /// Refuses an actor who is neither staff nor a collaborator.
    pub(super) fn collaborator(&self, setting: &Setting<'_>) -> Result<(), Refusal> {
        match setting.actor {
            Actor::Operator(_) | Actor::Process(_) => Ok(()),
            Actor::Collaborator(email) if self.collaborators.contains_key(email) => Ok(()),
            Actor::Collaborator(_) | Actor::CompanyAdministrator { .. } | Actor::Publisher { .. } => {
                Err(Refusal::NotACollaborator(self.id.clone()))
            }
        }
    }

    /// Refuses an actor who is neither staff nor an administrator.
    pub(super) fn administrator(&self, setting: &Setting<'_>, verb: &'static str) -> Result<(), Refusal> {
        self.collaborator(setting)?;
        match setting.actor {
            Actor::Operator(_) | Actor::Process(_) => Ok(()),
            Actor::Collaborator(email) => match self.collaborators.get(email) {
                Some(Role::Administrator) => Ok(()),
                Some(Role::Developer) | None => Err(Refusal::AdministratorRequired(verb)),
            },
            Actor::CompanyAdministrator { .. } | Actor::Publisher { .. } => Err(Refusal::AdministratorRequired(verb)),
        }
    }

    /// Refuses an actor who is neither staff nor a collaborator and, in production, an administrator (rules B53, B55).
    pub(super) fn administrator_in_production(&self, setting: &Setting<'_>, verb: &'static str) -> Result<(), Refusal> {
        match self.environment {
            Environment::Sandbox => self.collaborator(setting),
            Environment::Production => self.administrator(setting, verb),
        }
    }

    /// Whether at least one administrator works on it (rule B50).
    pub(super) fn has_administrator(&self) -> bool {
        self.collaborators.values().any(|role| *role == Role::Administrator)
    }
}
