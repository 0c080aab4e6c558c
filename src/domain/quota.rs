//! Quotas: how many of something one organisation, person or application may have. Staff is not bound by them, so that
//! whoever needs more has somebody to ask.

use super::actor::Actor;
use super::command::Command;
use super::name::{ApplicationId, Email};
use super::record::Records;
use super::refusal::Refusal;

/// How many there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quotas {
    /// Applications that one organisation owns and nobody has deleted.
    pub applications_per_organisation: u32,
    /// Applications that one person works on, and makes a further one of.
    pub applications_per_person: u32,
    /// Subscriptions of one application that nobody has ended.
    pub subscriptions_per_application: u32,
    /// Secrets made for one application on one day, as UTC counts days.
    pub secrets_per_day: u32,
}

impl Default for Quotas {
    fn default() -> Quotas {
        Quotas {
            applications_per_organisation: 1000,
            applications_per_person: 1000,
            subscriptions_per_application: 1000,
            secrets_per_day: 100,
        }
    }
}

/// What a command adds one to, and who counts it: the hub, of what is committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Counted {
    /// The applications of an organisation.
    ApplicationsOfOrganisation(String),
    /// The applications that a person works on.
    ApplicationsOfPerson(Email),
    /// The subscriptions of an application.
    SubscriptionsOf(ApplicationId),
}

impl Counted {
    /// Refuses one more, where there are `count` already.
    ///
    /// # Errors
    /// When there are as many as there may be.
    pub fn one_more(&self, count: u32, quotas: &Quotas) -> Result<(), Refusal> {
        let (quota, limit, remedy) = match self {
            Counted::ApplicationsOfOrganisation(_) => (
                "quota_applications_per_organisation",
                quotas.applications_per_organisation,
                "delete applications of the organisation that are not needed",
            ),
            Counted::ApplicationsOfPerson(_) => (
                "quota_applications_per_person",
                quotas.applications_per_person,
                "delete applications that are not needed, or leave those that others look after",
            ),
            Counted::SubscriptionsOf(_) => (
                "quota_subscriptions_per_application",
                quotas.subscriptions_per_application,
                "end subscriptions that are not needed",
            ),
        };
        within(quota, count, limit, remedy)
    }
}

/// Refuses one more than `limit`.
pub(super) fn within(quota: &'static str, count: u32, limit: u32, remedy: &'static str) -> Result<(), Refusal> {
    if count < limit { Ok(()) } else { Err(Refusal::QuotaExceeded { quota, count, limit, remedy }) }
}

impl Command {
    /// What the command adds one to, if its actor is bound by quotas.
    pub fn counted(&self, actor: &Actor, records: &Records) -> Vec<Counted> {
        if actor.is_staff() {
            return Vec::new();
        }
        #[expect(clippy::wildcard_enum_match_arm, reason = "no other command adds to what is counted")]
        match self {
            Command::CreateApplication(command) => applications(&command.owner, actor),
            Command::UpliftApplication(command) => {
                let owner = records.application(&command.source).map(|source| source.owner.as_str());
                applications(owner.unwrap_or_default(), actor)
            }
            Command::Subscribe(command) => vec![Counted::SubscriptionsOf(command.application.clone())],
            _ => Vec::new(),
        }
    }
}

/// What a further application of an owner counts for: who owns nothing is counted by who makes it.
fn applications(owner: &str, actor: &Actor) -> Vec<Counted> {
    let of_owner = (!owner.is_empty()).then(|| Counted::ApplicationsOfOrganisation(owner.to_owned()));
    let of_person = match actor {
        Actor::Collaborator(email) => Some(Counted::ApplicationsOfPerson(email.clone())),
        Actor::Operator(_) | Actor::Process(_) | Actor::CompanyAdministrator { .. } | Actor::Publisher { .. } => None,
    };
    of_owner.into_iter().chain(of_person).collect()
}
