//! Who calls.

use devhub_decision::Environment;

use crate::domain::name::{CompanyId, Context, Email};
use crate::domain::{Actor, Scope};

/// What kind of caller may call an RPC. Kinds never mix: a principal has exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// A person who works on applications, through a portal.
    Developer,
    /// A person who administers a company, through a portal.
    CompanyAdministrator,
    /// A person who publishes versions of some APIs.
    Publisher,
    /// Platform staff.
    Operator,
    /// A gateway of one environment.
    Gateway,
    /// A program that was given a list of calls.
    Machine,
    /// Reads the audit trail and the catalogue.
    Auditor,
}

/// Who calls, as the listener and the credentials say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// A person who works on applications, through a portal.
    Developer {
        /// Who, as the portal's identity provider verified it.
        email: Email,
        /// The portal; empty where none is needed, and for itself.
        via: Box<str>,
    },
    /// A person who administers a company, through a portal.
    CompanyAdministrator {
        /// Who.
        email: Email,
        /// The company; administrators of several have a token for each.
        company: CompanyId,
        /// The portal.
        via: Box<str>,
    },
    /// A person who publishes versions of some APIs.
    Publisher {
        /// The name of the account.
        name: Box<str>,
        /// The APIs.
        apis: Box<[Context]>,
        /// The portal; empty for one who calls for himself.
        via: Box<str>,
    },
    /// Platform staff.
    Operator {
        /// The name of the account.
        name: Box<str>,
    },
    /// A gateway.
    Gateway {
        /// The one environment that it asks about.
        environment: Environment,
        /// What operators call it.
        id: Box<str>,
    },
    /// A program.
    Machine {
        /// The name of the account.
        name: Box<str>,
        /// The calls that it may make: `devhub.v1.ApiService/DeployApiVersion`, or `devhub.v1.ApiService/*`.
        scopes: Box<[Box<str>]>,
    },
    /// Reads the audit trail.
    Auditor {
        /// The name of the account.
        name: Box<str>,
    },
    /// Whoever reaches a hub that verifies nobody, on a loopback address: says itself who acts.
    Anyone,
}

impl Principal {
    /// The kind of caller; none for [`Principal::Anyone`], who may take every role.
    pub const fn role(&self) -> Option<Role> {
        match self {
            Principal::Developer { .. } => Some(Role::Developer),
            Principal::CompanyAdministrator { .. } => Some(Role::CompanyAdministrator),
            Principal::Publisher { .. } => Some(Role::Publisher),
            Principal::Operator { .. } => Some(Role::Operator),
            Principal::Gateway { .. } => Some(Role::Gateway),
            Principal::Machine { .. } => Some(Role::Machine),
            Principal::Auditor { .. } => Some(Role::Auditor),
            Principal::Anyone => None,
        }
    }

    /// Who a command of this caller names as its actor; none where the caller says it itself, or commands nothing.
    pub fn actor(&self) -> Option<Actor> {
        match self {
            Principal::Developer { email, .. } => Some(Actor::Collaborator(email.clone())),
            Principal::CompanyAdministrator { email, company, .. } => {
                Some(Actor::CompanyAdministrator { email: email.clone(), company: company.clone() })
            }
            Principal::Publisher { name, apis, .. } => {
                Some(Actor::Publisher { name: name.clone(), apis: apis.clone() })
            }
            Principal::Operator { name } => Some(Actor::Operator(name.clone())),
            Principal::Machine { name, .. } => Some(Actor::Process(name.clone())),
            Principal::Gateway { .. } | Principal::Auditor { .. } | Principal::Anyone => None,
        }
    }

    /// The portal through which a person came, by the name that it has proven.
    pub fn via(&self) -> Option<&str> {
        match self {
            Principal::Developer { via, .. }
            | Principal::CompanyAdministrator { via, .. }
            | Principal::Publisher { via, .. } => Some(&**via).filter(|via| !via.is_empty()),
            Principal::Operator { .. }
            | Principal::Gateway { .. }
            | Principal::Machine { .. }
            | Principal::Auditor { .. }
            | Principal::Anyone => None,
        }
    }

    /// Which gateway it is, if it is one.
    pub fn gateway(&self) -> Option<(Environment, &str)> {
        match self {
            Principal::Gateway { environment, id } => Some((*environment, id)),
            Principal::Developer { .. }
            | Principal::CompanyAdministrator { .. }
            | Principal::Publisher { .. }
            | Principal::Operator { .. }
            | Principal::Machine { .. }
            | Principal::Auditor { .. }
            | Principal::Anyone => None,
        }
    }

    /// Whether the caller may ask about an environment. Gateways belong to one; of the others, nothing is said here.
    pub fn may_ask_about(&self, environment: Environment) -> bool {
        self.gateway().is_none_or(|(own, _)| own == environment)
    }

    /// Which records the caller gets to see.
    pub fn scope(&self) -> Scope {
        match self {
            Principal::Developer { email, .. } => Scope::Person(email.clone()),
            Principal::CompanyAdministrator { email, company, .. } => {
                Scope::Company { id: company.clone(), email: email.clone() }
            }
            Principal::Publisher { apis, .. } => Scope::Apis(apis.clone()),
            // What an auditor may call reads the catalogue and the trail, and the trail is of everything.
            Principal::Gateway { .. } | Principal::Auditor { .. } => Scope::Public,
            Principal::Operator { .. } | Principal::Machine { .. } | Principal::Anyone => Scope::Everything,
        }
    }
}
