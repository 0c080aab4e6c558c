//! Who does something. Every command names its actor; who it is, is data, never ambient.

use std::fmt;
use std::str::FromStr;

use super::name::{CompanyId, Context, Email};
use super::refusal::Refusal;

/// Who does something.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Actor {
    /// A person who works on applications: `collaborator:ada@example.com`.
    Collaborator(Email),
    /// The same, who was admitted as an administrator of one company and acts for no other.
    CompanyAdministrator {
        /// The person.
        email: Email,
        /// The company.
        company: CompanyId,
    },
    /// A person who publishes versions of some APIs: `publisher:losses`. Credentials say of which, so nobody becomes one by
    /// saying so.
    Publisher {
        /// The name of the account.
        name: Box<str>,
        /// The APIs.
        apis: Box<[Context]>,
    },
    /// Platform staff: `operator:jane`.
    Operator(Box<str>),
    /// A program that acts for the platform: `process:importer`.
    Process(Box<str>),
}

impl Actor {
    /// Whether the actor acts for the platform rather than for an application.
    pub fn is_staff(&self) -> bool {
        match self {
            Actor::Collaborator(_) | Actor::CompanyAdministrator { .. } | Actor::Publisher { .. } => false,
            Actor::Operator(_) | Actor::Process(_) => true,
        }
    }

    /// The person, if it is one who works on applications or for a company.
    pub const fn email(&self) -> Option<&Email> {
        match self {
            Actor::Collaborator(email) | Actor::CompanyAdministrator { email, .. } => Some(email),
            Actor::Publisher { .. } | Actor::Operator(_) | Actor::Process(_) => None,
        }
    }

    /// Refuses anybody but staff.
    ///
    /// # Errors
    /// With what only they may.
    pub fn operator(&self, verb: &'static str) -> Result<(), Refusal> {
        if self.is_staff() { Ok(()) } else { Err(Refusal::OperatorRequired(verb)) }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // The same person, in whichever role.
            Actor::Collaborator(email) | Actor::CompanyAdministrator { email, .. } => write!(f, "collaborator:{email}"),
            Actor::Publisher { name, .. } => write!(f, "publisher:{name}"),
            Actor::Operator(name) => write!(f, "operator:{name}"),
            Actor::Process(name) => write!(f, "process:{name}"),
        }
    }
}

/// The text names no actor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "an actor is written collaborator:<e-mail address>, operator:<name> or process:<name>; a name has 1 to 64 letters, digits, '-', '_' and '.'"
)]
pub struct InvalidActor;

impl FromStr for Actor {
    type Err = InvalidActor;

    fn from_str(text: &str) -> Result<Self, InvalidActor> {
        let (kind, name) = text.split_once(':').ok_or(InvalidActor)?;
        let plain = (1..=64).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
        match kind {
            "collaborator" => Ok(Actor::Collaborator(Email::lenient(name).map_err(|_| InvalidActor)?)),
            "operator" if plain => Ok(Actor::Operator(name.into())),
            "process" if plain => Ok(Actor::Process(name.into())),
            _ => Err(InvalidActor),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actors_round_trip() {
        for text in ["collaborator:ada@example.com", "operator:jane", "process:importer.2"] {
            assert_eq!(text.parse::<Actor>().expect(text).to_string(), text);
        }
        for text in
            ["", "jane", "operator:", "operator:a b", "admin:x", "publisher:x", "collaborator:nobody", "operator:x\n"]
        {
            assert_eq!(text.parse::<Actor>(), Err(InvalidActor), "{text:?}");
        }
    }
}
