//! What the credentials of one call prove together.

use super::{Check, Proven};
use crate::access::Principal;

/// Whether developers and administrators of companies come through portals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Portals {
    /// Nobody calls for himself.
    Needed,
    /// They may also call for themselves.
    NotNeeded,
}

/// What the credentials of a call prove, each by itself.
#[derive(Debug, Default)]
pub struct Credentials {
    /// The certificate of the connection.
    pub connection: Option<Proven>,
    /// The token of the caller.
    pub bearer: Option<Proven>,
    /// The token of a person, which a portal hands on.
    pub user: Option<Proven>,
}

/// Who calls. There is one connection, one caller and one kind: credentials that speak for two callers are refused.
///
/// # Errors
/// With the check that fails.
pub fn establish(credentials: Credentials, portals: Portals) -> Result<Principal, Check> {
    let Credentials { connection, bearer, user } = credentials;
    let own = match (connection, bearer) {
        (None, None) if user.is_some() => return Err(Check::UserWithoutPortal),
        (None, None) => return Err(Check::NoCredentials),
        (Some(own), None) | (None, Some(own)) => own,
        (Some(_), Some(_)) => return Err(Check::TwoCallers),
    };
    match (own, user) {
        (Proven::Portal(_), None) => Err(Check::PortalAlone),
        (Proven::Portal(portal), Some(user)) => through(portal, user),
        (Proven::Caller(_), Some(_)) => Err(Check::UserWithoutPortal),
        (Proven::Caller(caller), None) => match (&caller, portals) {
            (Principal::Developer { .. } | Principal::CompanyAdministrator { .. }, Portals::Needed) => {
                Err(Check::PortalNeeded)
            }
            (Principal::Developer { .. } | Principal::CompanyAdministrator { .. }, Portals::NotNeeded)
            | (
                Principal::Publisher { .. }
                | Principal::Operator { .. }
                | Principal::Gateway { .. }
                | Principal::Machine { .. }
                | Principal::Auditor { .. }
                | Principal::Anyone,
                _,
            ) => Ok(caller),
        },
    }
}

/// Who calls through a portal: persons who work there, and neither staff nor programs.
fn through(portal: Box<str>, user: Proven) -> Result<Principal, Check> {
    match user {
        Proven::Caller(Principal::Developer { email, .. }) => Ok(Principal::Developer { email, via: portal }),
        Proven::Caller(Principal::CompanyAdministrator { email, company, .. }) => {
            Ok(Principal::CompanyAdministrator { email, company, via: portal })
        }
        Proven::Caller(Principal::Publisher { name, apis, .. }) => Ok(Principal::Publisher { name, apis, via: portal }),
        Proven::Portal(_)
        | Proven::Caller(
            Principal::Operator { .. }
            | Principal::Gateway { .. }
            | Principal::Machine { .. }
            | Principal::Auditor { .. }
            | Principal::Anyone,
        ) => Err(Check::UserKind),
    }
}

#[cfg(test)]
mod tests {
    use devhub_decision::Environment;

    use super::*;

    fn caller(principal: Principal) -> Option<Proven> {
        Some(Proven::Caller(principal))
    }

    fn portal() -> Option<Proven> {
        Some(Proven::Portal("main".into()))
    }

    fn developer(via: &str) -> Principal {
        Principal::Developer { email: "ada@example.com".parse().expect("an address"), via: via.into() }
    }

    fn operator() -> Principal {
        Principal::Operator { name: "olga".into() }
    }

    fn judged(connection: Option<Proven>, bearer: Option<Proven>, user: Option<Proven>) -> Result<Principal, Check> {
        establish(Credentials { connection, bearer, user }, Portals::Needed)
    }

    #[test]
    fn one_credential_is_one_caller() {
        assert_eq!(judged(caller(operator()), None, None), Ok(operator()));
        assert_eq!(judged(None, caller(operator()), None), Ok(operator()));
        assert_eq!(judged(None, None, None), Err(Check::NoCredentials));
        assert_eq!(judged(caller(operator()), caller(operator()), None), Err(Check::TwoCallers));
        assert_eq!(judged(caller(operator()), caller(developer("")), None), Err(Check::TwoCallers));
        assert_eq!(judged(portal(), portal(), caller(developer(""))), Err(Check::TwoCallers));
    }

    #[test]
    fn a_portal_and_its_user_can_do_nothing_without_each_other() {
        for (connection, bearer) in [(portal(), None), (None, portal())] {
            let both = judged(connection.clone(), bearer.clone(), caller(developer("")));
            assert_eq!(both, Ok(developer("main")));
            assert_eq!(judged(connection, bearer, None), Err(Check::PortalAlone));
        }
        assert_eq!(judged(None, None, caller(developer(""))), Err(Check::UserWithoutPortal));
        assert_eq!(judged(None, caller(developer("")), None), Err(Check::PortalNeeded));
        assert_eq!(judged(caller(operator()), None, caller(developer(""))), Err(Check::UserWithoutPortal));
        let bearer = caller(developer(""));
        let alone = establish(Credentials { bearer, ..Credentials::default() }, Portals::NotNeeded);
        assert_eq!(alone, Ok(developer("")));
    }

    #[test]
    fn a_portal_hands_on_persons_only() {
        for user in [
            operator(),
            Principal::Gateway { environment: Environment::Production, id: "edge".into() },
            Principal::Machine { name: "release".into(), scopes: Box::new([]) },
            Principal::Auditor { name: "ann".into() },
            Principal::Anyone,
        ] {
            assert_eq!(judged(portal(), None, caller(user)), Err(Check::UserKind));
        }
        assert_eq!(judged(portal(), None, portal()), Err(Check::UserKind));
    }
}
