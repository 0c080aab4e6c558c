//! What gateways are told about companies, installations and traditional service accounts (rules B65, B66, B69, B70, B90).
//! The version is published; of the others the table is told here as a commit would tell it.

use chrono::{DateTime, Utc};
use devhub::wire::timestamp;
use devhub_decision::{Change, CredentialClassEntry, Environment, InstallationEntry, ServiceAccountEntry};
use devhub_proto::v1;

use crate::world::*;

/// A version that is company-scoped, beside the usual one that is not.
pub(crate) const SCOPED: &str = "7.0";

impl World {
    /// Publishes the version.
    pub(crate) async fn publish_scoped(&self) {
        let sandbox = deployment(v1::Environment::Sandbox, v1::Maturity::Stable);
        let scoped = v1::ApiVersion { company_scoped: true, ..version(SCOPED, vec![sandbox]) };
        self.publish(scoped).await.unwrap();
    }
}

fn account(environment: Environment, extended_until: Option<DateTime<Utc>>) -> Change {
    Change::ServiceAccount(ServiceAccountEntry {
        client_id: client("account").into(),
        account_id: "account".into(),
        company_id: "acme".into(),
        environment,
        live: true,
        extended_until,
    })
}

fn sunset(sunset_at: DateTime<Utc>) -> Change {
    Change::CredentialClass(CredentialClassEntry { sunset_at: Some(sunset_at) })
}

async fn told(changes: impl IntoIterator<Item = Change>) -> World {
    let world = World::usual().await;
    world.publish_scoped().await;
    for change in changes {
        world.hub().table().load(change);
    }
    world
}

pub(crate) fn about(id: &str, company: Option<&str>, project: Option<&str>) -> v1::AuthorizeRequest {
    let (company_id, project_id) = (company.map(str::to_owned), project.map(str::to_owned));
    v1::AuthorizeRequest { company_id, project_id, ..question(id, SCOPED) }
}

pub(crate) async fn decided(world: &World, question: v1::AuthorizeRequest) -> v1::AuthorizeResponse {
    world.gateway().authorize(question).await.unwrap().into_inner()
}

#[tokio::test]
async fn b65_b66_a_company_scoped_version_wants_a_company_that_the_application_is_installed_in() {
    let installation = Change::Installation(InstallationEntry {
        client_id: client("app").into(),
        company_id: "acme".into(),
        installed: true,
        projects: Some(["site-1".into()].into()),
        awaits_use: false,
    });
    let world = told([installation]).await;
    world.subscribe(ADA, "app", SCOPED).await.unwrap();
    for (company, project, expected, status, action) in [
        (None, None, "DENY COMPANY_REQUIRED", (400, 3), Some(v1::RemedyAction::NameCompany)),
        (Some("other"), None, "DENY NOT_INSTALLED", (403, 7), Some(v1::RemedyAction::InstallApplication)),
        (Some("acme"), Some("site-2"), "DENY PROJECT_NOT_PERMITTED", (403, 7), Some(v1::RemedyAction::PermitProject)),
        (Some("acme"), Some("site-1"), "ALLOW SUBSCRIBED", (200, 0), None),
        (Some("acme"), None, "ALLOW SUBSCRIBED", (200, 0), None),
    ] {
        let decision = decided(&world, about("app", company, project)).await;
        assert_eq!(words(&decision), expected, "{company:?} {project:?}");
        assert_eq!((decision.http_status, decision.grpc_code), status, "{company:?} {project:?}");
        assert_eq!(decision.remedy.as_ref().map(v1::Remedy::action), action, "{company:?} {project:?}");
        assert_eq!((decision.application_id.as_str(), decision.account_id.as_str()), ("app", ""));
        assert_eq!(decision.credential_end_time, None);
    }
    let remedy = decided(&world, about("app", None, None)).await.remedy.unwrap();
    assert!(remedy.sentence.contains("Procore-Company-Id"), "{}", remedy.sentence);
    // On the other version they do not matter.
    let elsewhere = v1::AuthorizeRequest { company_id: Some("other".into()), ..question("app", "1.0") };
    assert_eq!(words(&decided(&world, elsewhere).await), "DENY NOT_SUBSCRIBED");
}

#[tokio::test]
async fn b69_b70_b88_a_service_account_is_denied_from_the_instant_of_its_end() {
    let end = start() + days(30);
    for (class, extended_until) in [(end, None), (start() + days(1), Some(end))] {
        let world = told([account(Environment::Sandbox, extended_until), sunset(class)]).await;
        for (now, expected) in [
            (end - ms(1), "ALLOW SERVICE_ACCOUNT"),
            (end, "DENY SERVICE_ACCOUNT_SUNSET"),
            (end + ms(1), "DENY SERVICE_ACCOUNT_SUNSET"),
        ] {
            world.clock.set(now);
            let decision = decided(&world, about("account", None, None)).await;
            assert_eq!(words(&decision), expected, "{now}");
            assert_eq!((decision.application_id.as_str(), decision.account_id.as_str()), ("", "account"));
            assert_eq!(decision.credential_end_time, Some(timestamp(end)));
            if now < end {
                assert_eq!(decision.valid_until, Some(timestamp(end)));
            } else {
                assert_eq!((decision.http_status, decision.grpc_code), (403, 7));
                assert_eq!(decision.remedy.unwrap().action(), v1::RemedyAction::ReplaceServiceAccount);
            }
        }
    }
}

#[tokio::test]
async fn b90_a_service_account_calls_in_its_own_environment_for_its_own_company() {
    let world = told([account(Environment::Sandbox, None)]).await;
    for (company, expected) in [
        (None, "ALLOW SERVICE_ACCOUNT"),
        (Some("acme"), "ALLOW SERVICE_ACCOUNT"),
        (Some("other"), "DENY COMPANY_MISMATCH"),
    ] {
        assert_eq!(words(&decided(&world, about("account", company, None)).await), expected, "{company:?}");
    }
    let decision = decided(&world, question("account", "1.0")).await;
    assert_eq!(words(&decision), "DENY NOT_SUBSCRIBED");
    assert_eq!(decision.remedy.unwrap().action(), v1::RemedyAction::UseApplication);
    let world = told([account(Environment::Production, None)]).await;
    assert_eq!(words(&decided(&world, about("account", None, None)).await), "DENY ENVIRONMENT_MISMATCH");
}

#[tokio::test]
async fn b93_an_explanation_names_what_ends_a_service_account() {
    let (class, end) = (start() + days(1), start() + days(30));
    let world = told([account(Environment::Sandbox, Some(end)), sunset(class)]).await;
    let request = v1::ExplainRequest { question: Some(about("account", Some("acme"), None)), ..Default::default() };
    let explanation = world.gateway().explain(request).await.unwrap().into_inner();
    let rules: Vec<&str> = explanation.steps.iter().map(|step| step.rule.as_str()).collect();
    assert_eq!(
        rules[5..],
        ["CLIENT_KNOWN", "OWN_ENVIRONMENT", "STANDING", "CREDENTIAL_CLASS", "COMPANY", "PROJECT", "SUBSCRIPTION"]
    );
    assert_eq!(explanation.decision.unwrap().credential_end_time, Some(timestamp(end)));
    let times: Vec<_> = explanation.upcoming.iter().map(|change| change.time.unwrap()).collect();
    assert_eq!(times, [timestamp(class), timestamp(end)]);
    assert!(explanation.upcoming[1].sentence.ends_with("DENY SERVICE_ACCOUNT_SUNSET."));
}

#[tokio::test]
async fn a_malformed_company_or_project_is_refused_by_its_name() {
    let world = told([account(Environment::Sandbox, None)]).await;
    let longest = "a".repeat(64);
    for malformed in ["", "a b", "acme;", "firmä", &"a".repeat(65)] {
        for (field, question) in [
            ("company_id", about("account", Some(malformed), None)),
            ("project_id", about("account", None, Some(malformed))),
        ] {
            assert_eq!(violations(&world.gateway().authorize(question).await.unwrap_err()), [field], "{malformed:?}");
        }
    }
    for well_formed in ["7", "Acme_Ltd-9", &longest] {
        let decision = decided(&world, about("account", Some(well_formed), Some(well_formed))).await;
        assert_eq!(words(&decision), "DENY COMPANY_MISMATCH", "{well_formed}");
    }
}
