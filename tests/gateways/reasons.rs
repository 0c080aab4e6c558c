//! Rule B63 to the end: each reason that a decision can have, brought about over the hub's wire and seen by a client of
//! Envoy, with the status that it comes to.

use chrono::{DateTime, Utc};
use devhub_decision::Reason;
use serde_json::Value;

use crate::cast::{self, brownout, end, operation_end, sunset};
use crate::envoy::{call, patient, said};
use crate::heard::{reached, text};
use crate::hub::{Asked, Hub, begin};
use crate::program::{self, ENVOYS};
use crate::provision::or_skip;
use crate::token::bearer;
use crate::upstream::Upstream;

/// A call, when it is made, and the status that it comes to.
struct Made {
    at: DateTime<Utc>,
    path: &'static str,
    version: &'static str,
    /// The application whose token it carries, or `account`; nobody's if it carries none.
    caller: Option<&'static str>,
    company: Option<&'static str>,
    project: Option<&'static str>,
    status: u16,
}

/// A call of version 1.0 at the beginning, by `one`.
fn at(path: &'static str, status: u16) -> Made {
    Made { at: begin(), path, version: "1.0", caller: Some("one"), company: None, project: None, status }
}

fn of(caller: &'static str, path: &'static str, status: u16) -> Made {
    Made { caller: Some(caller), ..at(path, status) }
}

/// What brings a reason about. A reason that is added does not compile until somebody has said it here; there is none yet
/// that cannot be brought about over the wire.
fn made_by(reason: Reason) -> Made {
    match reason {
        Reason::Subscribed => at("/hello", 200),
        Reason::OpenAccess => Made { caller: None, ..at("/open", 200) },
        Reason::Waived => Made { at: end(), ..of("late", "/ending", 200) },
        Reason::ServiceAccount => Made { company: Some("acme"), ..of("account", "/scoped", 200) },
        Reason::UnknownVersion => Made { version: "9.0", ..at("/hello", 404) },
        Reason::VersionRetired => Made { at: end(), ..at("/ending", 410) },
        Reason::OperationRetired => Made { at: operation_end(), ..at("/rest/7", 410) },
        Reason::VersionNotCallable => Made { version: "3.0", ..at("/hello", 403) },
        Reason::Brownout => Made { at: brownout(), ..at("/ending", 503) },
        Reason::UnknownClient => of("nobody", "/hello", 401),
        // The route of `live` is pinned to production.
        Reason::EnvironmentMismatch => at("/live", 403),
        Reason::ApplicationNotApproved => of("pending", "/live", 403),
        Reason::ApplicationBlocked => of("blocked", "/hello", 403),
        Reason::ApplicationDeleted => of("deleted", "/hello", 403),
        Reason::ServiceAccountSunset => Made { at: sunset(), ..of("account", "/scoped", 403) },
        Reason::CompanyRequired => at("/scoped", 400),
        Reason::CompanyMismatch => Made { company: Some("other"), ..of("account", "/scoped", 403) },
        Reason::NotInstalled => Made { company: Some("other"), ..at("/scoped", 403) },
        Reason::ProjectNotPermitted => Made { company: Some("acme"), project: Some("south"), ..at("/scoped", 403) },
        Reason::NotSubscribed => of("two", "/hello", 403),
    }
}

#[test]
fn b63_every_reason_reaches_the_client_of_envoy_with_its_status() {
    let newest = ENVOYS[ENVOYS.len() - 1];
    let name = format!("b63_every_reason_reaches_the_client_of_envoy_with_its_status ({newest})");
    let Some(envoy) = or_skip(&name, program::envoy(newest)) else { return };
    let hub = Hub::with(Asked::Grpc, &[("gateway_project_header", "procore-project-id")]);
    let account = hub.play(cast::enter);
    let api = Upstream::start();
    let changes = [
        // One route leads to production.
        ("path_separated_prefix: /hello", "path_separated_prefix: /live"),
        ("{api-context: hello, environment: sandbox}", "{api-context: live, environment: production}"),
        ("{exact: procore-company-id}", "{exact: procore-company-id}, {exact: procore-project-id}"),
    ];
    let gateway = patient(&envoy, hub.address, api.address, &changes);
    // Time does not go back here.
    let mut all: Vec<(Reason, Made)> = Reason::ALL.into_iter().map(|reason| (reason, made_by(reason))).collect();
    all.sort_by_key(|(_, made)| made.at);
    for (reason, Made { at, path, version, caller, company, project, status }) in all {
        hub.clock.set(at);
        let token = caller.map(|caller| match caller {
            "account" => bearer(&account),
            application => bearer(&format!("client-{application}")),
        });
        let accept = format!("application/vnd.hmrc.{version}+json");
        let headers: Vec<(&str, &str)> = [
            Some(("accept", &*accept)),
            token.as_deref().map(|token| ("authorization", token)),
            company.map(|company| ("procore-company-id", company)),
            project.map(|project| ("procore-project-id", project)),
        ]
        .into_iter()
        .flatten()
        .collect();
        let served = api.served();
        let answer = call(&gateway, "GET", path, &headers);
        assert_eq!((answer.status, status), (status, reason.http_status()), "{reason}: {answer:?}\n{}", gateway.log());
        if reason.allows() {
            assert_eq!(reached(&answer, "x-devhub-reason"), [reason.name()], "{}", text(&answer));
            assert_eq!(api.served(), served + 1, "{reason}");
            continue;
        }
        assert_eq!(said(&answer), format!("{status} {reason}"), "{answer:?}");
        assert_eq!(api.served(), served, "{reason} does not reach the API");
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        let sentence = body["remedy"]["sentence"].as_str();
        assert!(sentence.is_some_and(|sentence| !sentence.is_empty()), "{reason} says what to do: {body}");
        if reason == Reason::CompanyRequired {
            assert!(sentence.is_some_and(|sentence| sentence.contains("Procore-Company-Id")), "{body}");
        }
        assert_eq!(answer.header("www-authenticate").is_some(), status == 401, "{answer:?}");
        assert_eq!(answer.header("retry-after").is_some(), reason == Reason::Brownout, "{answer:?}");
    }
}
