//! Whether a credential proves what it says. Pure: keys and the instant are arguments, and nothing is fetched or remembered.

mod algorithm;
mod assertion;
pub mod certificate;
mod check;
mod claims;
mod credentials;
mod key_set;
mod members;
mod public_key;
mod signed;
mod token;
mod validity;

pub use algorithm::Algorithm;
pub use assertion::{ASSERTION_LIFETIME, Assertion, Expected, Proof};
pub use check::Check;
pub use credentials::{Credentials, Portals, establish};
pub use key_set::{KEY_SET_BYTES_MAX, KEYS_MAX, KeySet};
pub use public_key::{KeyMark, PUBLIC_KEY_BYTES_MAX, PublicKey};
pub use signed::TOKEN_BYTES_MAX;
pub use token::{Issuer, Unverified};
pub use validity::ends;

use super::Principal;

/// What a credential speaks for. Kinds never mix: a credential has exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A person who works on applications.
    Developer,
    /// A person who administers a company.
    CompanyAdministrator,
    /// A person who publishes versions of some APIs.
    Publisher,
    /// Platform staff.
    Operator,
    /// A gateway of one environment.
    Gateway,
    /// A program that was given a list of calls.
    Machine,
    /// A reader of the audit trail.
    Auditor,
    /// A portal, which can do nothing without a person's token.
    Portal,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 8] = [
        Kind::Developer,
        Kind::CompanyAdministrator,
        Kind::Publisher,
        Kind::Operator,
        Kind::Gateway,
        Kind::Machine,
        Kind::Auditor,
        Kind::Portal,
    ];

    /// The name used in tokens and in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Developer => "developer",
            Kind::CompanyAdministrator => "company_administrator",
            Kind::Publisher => "publisher",
            Kind::Operator => "operator",
            Kind::Gateway => "gateway",
            Kind::Machine => "machine",
            Kind::Auditor => "auditor",
            Kind::Portal => "portal",
        }
    }

    /// The kind of that name.
    pub fn named(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether it is a person, whose tokens live shortly.
    pub const fn is_person(self) -> bool {
        match self {
            Kind::Developer | Kind::CompanyAdministrator | Kind::Publisher | Kind::Operator | Kind::Auditor => true,
            Kind::Gateway | Kind::Machine | Kind::Portal => false,
        }
    }
}

/// What one credential proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proven {
    /// A caller. Of a developer and a company's administrator it says nothing of the portal yet.
    Caller(Principal),
    /// A portal, by its name.
    Portal(Box<str>),
}

/// Whether `text` is what an account, a gateway or a portal can be called.
pub(super) fn is_account(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

#[cfg(test)]
mod bad_assertions;
#[cfg(test)]
mod bad_tokens;
#[cfg(test)]
mod signers;
