//! The admission: which callers get through to which calls. It stands before all services, and behind whatever finds out
//! who calls.

use std::fmt;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use tonic::Status;

use super::Principal;
use super::table::{self, Callers};
use crate::rpc::status;

/// Says who makes a call.
type Says = dyn Fn(&Request) -> Principal + Send + Sync;

/// Lets calls through to the services: those of callers who may make them.
#[derive(Clone)]
pub struct Admission(Who);

#[derive(Clone)]
enum Who {
    /// Whom the door found out; who did not come through it makes no call.
    Proven,
    /// Whoever this says.
    By(Arc<Says>),
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Who::Proven => "Admission::proven",
            Who::By(_) => "Admission::by",
        })
    }
}

impl Admission {
    /// For callers whom a [`super::Door`] found out. A call that came through none is refused.
    pub const fn proven() -> Admission {
        Admission(Who::Proven)
    }

    /// For a hub whose callers are verified by something else: `says` names the principal of every call.
    pub fn by(says: impl Fn(&Request) -> Principal + Send + Sync + 'static) -> Admission {
        Admission(Who::By(Arc::new(says)))
    }

    /// The caller of a call; none of one that came through no door.
    fn principal(&self, request: &Request) -> Option<Principal> {
        match &self.0 {
            Who::Proven => request.extensions().get::<Principal>().cloned(),
            Who::By(says) => Some(says(request)),
        }
    }

    /// Lets a call through, or answers it.
    pub async fn admit(self, mut request: Request, next: Next) -> Response {
        let path = request.uri().path();
        if table::callers(path) == Some(Callers::Everybody) {
            return next.run(request).await;
        }
        let Some(principal) = self.principal(&request) else {
            return status::principal_required().into_http::<Body>();
        };
        if let Err(status) = check(&principal, path) {
            return status.into_http::<Body>();
        }
        // What the services act on is the principal that was admitted.
        request.extensions_mut().insert(principal);
        next.run(request).await
    }
}

/// Refuses a call that callers of this kind do not make. What the table does not have is made by nobody who is anybody.
fn check(principal: &Principal, path: &str) -> Result<(), Status> {
    let Some(role) = principal.role() else { return Ok(()) };
    let call = path.trim_start_matches('/');
    if !table::callers(path).is_some_and(|callers| callers.include(role)) {
        return Err(status::role_not_permitted(role.name(), call));
    }
    match principal {
        Principal::Machine { scopes, .. } if !scopes.iter().any(|scope| grants(scope, call)) => {
            Err(status::scope_not_granted(call))
        }
        Principal::Machine { .. }
        | Principal::Developer { .. }
        | Principal::CompanyAdministrator { .. }
        | Principal::Publisher { .. }
        | Principal::Operator { .. }
        | Principal::Gateway { .. }
        | Principal::Auditor { .. }
        | Principal::Anyone => Ok(()),
    }
}

/// Whether a scope of a program names the call: itself, or all of its service.
fn grants(scope: &str, call: &str) -> bool {
    match scope.strip_suffix("/*") {
        Some(service) => call.split_once('/').is_some_and(|(of, _)| of == service),
        None => scope == call,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_names_a_call_or_a_service_and_no_part_of_either() {
        let call = "devhub.v1.ApiService/GetApi";
        for scope in ["devhub.v1.ApiService/GetApi", "devhub.v1.ApiService/*"] {
            assert!(grants(scope, call), "{scope}");
        }
        for scope in [
            "",
            "*",
            "/*",
            "devhub.v1.*",
            "devhub.v1.ApiService",
            "devhub.v1.ApiService/Get",
            "devhub.v1.Api/*",
            "*/GetApi",
            "devhub.v1.ApiService/GetApi/*",
            "/devhub.v1.ApiService/GetApi",
        ] {
            assert!(!grants(scope, call), "{scope:?}");
        }
    }

    #[test]
    fn what_the_table_does_not_have_is_refused_for_everybody_but_anyone() {
        let operator = Principal::Operator { name: "olga".into() };
        assert!(check(&operator, "/devhub.v1.ApiService/GetApi").is_ok());
        assert!(check(&operator, "/devhub.v1.ApiService/Unheard").is_err());
        assert!(check(&Principal::Anyone, "/devhub.v1.ApiService/Unheard").is_ok());
    }

    #[test]
    fn a_role_is_needed_and_for_a_program_a_scope_too() {
        let machine = |scope: &str| Principal::Machine { name: "deployer".into(), scopes: [scope.into()].into() };
        let get = "/devhub.v1.ApiService/GetApi";
        assert!(check(&machine("devhub.v1.ApiService/*"), get).is_ok());
        let status = check(&machine("devhub.v1.ApiService/ListApis"), get).expect_err("no scope");
        assert!(status.message().contains("ApiService/GetApi"), "{status:?}");
        // No scope gives a program what its role does not do.
        let status = check(&machine("devhub.v1.WaiverService/*"), "/devhub.v1.WaiverService/GrantWaiver");
        assert!(status.expect_err("no role").message().contains("MACHINE"));
    }
}
