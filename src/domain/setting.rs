//! What a judgement depends on besides records: who asks, when, and under which rules.

use chrono::{DateTime, Utc};

use super::actor::Actor;
use super::disuse::Limits;
use super::policy::Policies;
use super::quota::Quotas;
use super::refusal::Refusal;

/// The rules of a hub that its owner chooses.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Lifecycle policies.
    pub policies: Policies,
    /// How many days a deleted application can be restored (rule B57).
    pub restore_window_days: u32,
    /// Whether subscriptions of approved production applications are changed by operators only (rule B11).
    pub production_subscriptions: ProductionSubscriptions,
    /// Whether collaborators may delete approved production applications (rule B56).
    pub production_deletion: ProductionDeletion,
    /// How long applications may go unused before they are deleted; `None` for ever (rule B58).
    pub disuse: Option<Limits>,
    /// Whether what is dangerous takes two persons.
    pub two_persons: TwoPersons,
    /// How many of something one owner may have.
    pub quotas: Quotas,
}

/// Whether what is dangerous takes two persons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TwoPersons {
    /// It does; what one asks for is kept as a proposal.
    Needed,
    /// One does it, as far as one may.
    NotNeeded,
}

/// On how many persons' word a command is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// That of the actor alone.
    Alone,
    /// That of two, or of one who broke the glass: it may go further.
    Shared,
}

/// Who changes subscriptions of approved production applications.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProductionSubscriptions {
    /// Collaborators, like those of any other application.
    Open,
    /// Operators only.
    Locked,
}

/// Who deletes approved production applications.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProductionDeletion {
    /// Administrators, like any other application.
    Open,
    /// Operators only.
    Restricted,
}

/// Who asks, when, and under which rules.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    /// Who asks.
    pub actor: &'a Actor,
    /// The one clock reading of the request.
    pub now: DateTime<Utc>,
    /// The rules.
    pub rules: &'a Rules,
    /// On how many persons' word.
    pub consent: Consent,
}

impl Setting<'_> {
    /// Refuses anybody but staff.
    pub(super) fn operator(&self, verb: &'static str) -> Result<(), Refusal> {
        self.actor.operator(verb)
    }

    /// Refuses anybody but staff and those who publish APIs. Whose API it is, is another question; see
    /// [`super::foreign`].
    pub(super) fn publisher(&self, verb: &'static str) -> Result<(), Refusal> {
        match self.actor {
            Actor::Operator(_) | Actor::Process(_) | Actor::Publisher { .. } => Ok(()),
            Actor::Collaborator(_) | Actor::CompanyAdministrator { .. } => Err(Refusal::OperatorRequired(verb)),
        }
    }

    /// Refuses anybody but staff what takes less time than the policy demands.
    pub(super) fn may_override(&self, reason: &str) -> Result<(), Refusal> {
        if reason.is_empty() { Ok(()) } else { self.operator("take less time than the policy demands") }
    }
}
