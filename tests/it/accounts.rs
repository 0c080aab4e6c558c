//! Traditional service accounts and the dates of their class: rules B25, B67, B68, B71 to B75, B82, B84 and B88.

use chrono::{DateTime, Utc};
use devhub::wire::timestamp;
use devhub_proto::v1;

use crate::world::*;

pub(crate) const CAROL: &str = "collaborator:carol@builders.example";
pub(crate) const DAVE: &str = "collaborator:dave@other.example";

pub(crate) fn company(id: &str, administrator: &str) -> v1::Company {
    v1::Company {
        company_id: id.into(),
        name: format!("Company {id}"),
        tenancy: v1::Tenancy::Production.into(),
        administrators: vec![administrator.trim_start_matches("collaborator:").into()],
        ..Default::default()
    }
}

pub(crate) fn time(instant: DateTime<Utc>) -> Option<v1::ClassDate> {
    Some(v1::ClassDate { value: Some(v1::class_date::Value::Time(timestamp(instant))) })
}

fn unknown() -> Option<v1::ClassDate> {
    Some(v1::ClassDate { value: Some(v1::class_date::Value::ToBeAnnounced(true)) })
}

/// A revision of the dates, as announced: cut-off and sunset.
pub(crate) fn revision(
    cutoff: Option<v1::ClassDate>,
    sunset: Option<v1::ClassDate>,
) -> v1::ReviseCredentialClassRequest {
    v1::ReviseCredentialClassRequest {
        creation_cutoff: cutoff,
        sunset,
        reason: "announced".into(),
        zone: "America/Los_Angeles".into(),
        ..Default::default()
    }
}

/// The five revisions as they were published, each with the instant of its publication (domain.md 2.3). The days are
/// days of the platform's zone. "Not after July 31" closes with the end of that day, "beginning January 21" with its
/// beginning (rule B25).
pub(crate) fn published() -> [(DateTime<Utc>, v1::ReviseCredentialClassRequest); 5] {
    let first = v1::ReviseCredentialClassRequest {
        deprecate: time(instant("2021-12-09T08:00:00Z")),
        ..revision(time(instant("2022-08-01T07:00:00Z")), time(instant("2023-01-31T08:00:00Z")))
    };
    let earlier = v1::ReviseCredentialClassRequest {
        accept_earlier: true,
        ..revision(None, time(instant("2025-03-18T07:00:00Z")))
    };
    [
        (instant("2021-12-09T08:00:00Z"), first),
        (instant("2022-12-01T08:00:00Z"), revision(unknown(), unknown())),
        (
            instant("2024-01-29T08:00:00Z"),
            revision(time(instant("2024-10-01T07:00:00Z")), time(instant("2024-12-31T08:00:00Z"))),
        ),
        (
            instant("2024-12-03T08:00:00Z"),
            revision(time(instant("2025-01-21T08:00:00Z")), time(instant("2025-03-24T07:00:00Z"))),
        ),
        (instant("2025-01-29T08:00:00Z"), earlier),
    ]
}

impl World {
    pub(crate) async fn company(&self, id: &str, administrator: &'static str) {
        let company = Some(company(id, administrator));
        let request = v1::CreateCompanyRequest { company, ..Default::default() };
        self.companies(OPERATOR).create_company(request).await.unwrap();
    }

    pub(crate) async fn account(
        &self,
        actor: &'static str,
        company: &str,
        id: &str,
        account_type: v1::AccountType,
    ) -> Result<v1::ServiceAccount, tonic::Status> {
        let account = v1::ServiceAccount {
            account_id: id.into(),
            company_id: company.into(),
            name: format!("Account {id}"),
            account_type: Some(account_type),
            ..Default::default()
        };
        let request = v1::CreateServiceAccountRequest { account: Some(account), ..Default::default() };
        Ok(self.accounts(actor).create_service_account(request).await?.into_inner().account.unwrap())
    }

    pub(crate) async fn revise(
        &self,
        request: v1::ReviseCredentialClassRequest,
    ) -> Result<v1::ReviseCredentialClassResponse, tonic::Status> {
        let response = self.classes(OPERATOR).revise_credential_class(request).await?.into_inner();
        self.cry().await;
        Ok(response)
    }

    async fn class_at(&self, at: Option<DateTime<Utc>>) -> v1::GetCredentialClassResponse {
        let request = v1::GetCredentialClassRequest { as_of: at.map(timestamp) };
        self.classes("").get_credential_class(request).await.unwrap().into_inner()
    }
}

pub(crate) fn undefined() -> v1::AccountType {
    v1::AccountType::default()
}

pub(crate) fn marketplace(application: &str) -> v1::AccountType {
    let account = v1::MarketplaceAccount { application_id: application.into() };
    v1::AccountType { r#type: Some(v1::account_type::Type::Marketplace(account)) }
}

pub(crate) fn custom(email: &str) -> v1::AccountType {
    let account = v1::CustomAccount {
        description: "nightly copy".into(),
        developer_name: "Bob".into(),
        developer_email: email.into(),
        application_id: String::new(),
    };
    v1::AccountType { r#type: Some(v1::account_type::Type::Custom(account)) }
}

/// What is public at an instant, as a person would say it.
fn said(class: &v1::GetCredentialClassResponse) -> String {
    let date = |date: Option<prost_types::Timestamp>| {
        date.map_or("to be announced".to_owned(), |date| {
            DateTime::from_timestamp(date.seconds, 0).unwrap().format("%Y-%m-%dT%H:%MZ").to_string()
        })
    };
    let schedule = class.schedule.unwrap();
    let door = if class.creation_open { "open" } else { "closed" };
    let works = if class.accepted { "accepted" } else { "not accepted" };
    format!(
        "creation {door} until {}, {works} until {}",
        date(schedule.creation_cutoff_time),
        date(schedule.sunset_time)
    )
}

#[tokio::test]
async fn b25_b67_b71_b73_b74_the_five_published_revisions_are_answered_for_any_instant() {
    let world = World::new().await;
    for (number, (announced, request)) in published().into_iter().enumerate() {
        world.clock.set(announced);
        let response = world.revise(request).await.unwrap();
        assert_eq!(response.revision_number as usize, number + 1);
        let reopened = response.warnings.iter().any(|warning| warning.contains("created again"));
        assert_eq!(reopened, [1, 3].contains(&number), "r{number}: B73");
    }
    world.clock.set(instant("2026-01-01T00:00:00Z"));
    let r0 = "until 2022-08-01T07:00Z, accepted until 2023-01-31T08:00Z";
    let r2 = "until 2024-10-01T07:00Z, accepted until 2024-12-31T08:00Z";
    let table = [
        ("2021-12-09T07:59:59.999Z", "creation open until to be announced, accepted until to be announced".to_owned()),
        ("2021-12-09T08:00:00Z", format!("creation open {r0}")),
        ("2022-08-01T06:59:59.999Z", format!("creation open {r0}")),
        ("2022-08-01T07:00:00Z", format!("creation closed {r0}")),
        ("2022-08-01T07:00:00.001Z", format!("creation closed {r0}")),
        ("2022-12-01T07:59:59.999Z", format!("creation closed {r0}")),
        ("2022-12-01T08:00:00Z", "creation open until to be announced, accepted until to be announced".to_owned()),
        ("2023-01-31T08:00:00Z", "creation open until to be announced, accepted until to be announced".to_owned()),
        ("2024-01-29T08:00:00Z", format!("creation open {r2}")),
        ("2024-10-01T06:59:59.999Z", format!("creation open {r2}")),
        ("2024-10-01T07:00:00Z", format!("creation closed {r2}")),
        ("2024-12-03T07:59:59.999Z", format!("creation closed {r2}")),
        ("2024-12-03T08:00:00Z", "creation open until 2025-01-21T08:00Z, accepted until 2025-03-24T07:00Z".to_owned()),
        (
            "2025-01-21T07:59:59.999Z",
            "creation open until 2025-01-21T08:00Z, accepted until 2025-03-24T07:00Z".to_owned(),
        ),
        (
            "2025-01-21T08:00:00Z",
            "creation closed until 2025-01-21T08:00Z, accepted until 2025-03-24T07:00Z".to_owned(),
        ),
        (
            "2025-01-29T07:59:59.999Z",
            "creation closed until 2025-01-21T08:00Z, accepted until 2025-03-24T07:00Z".to_owned(),
        ),
        (
            "2025-01-29T08:00:00Z",
            "creation closed until 2025-01-21T08:00Z, accepted until 2025-03-18T07:00Z".to_owned(),
        ),
        (
            "2025-03-18T06:59:59.999Z",
            "creation closed until 2025-01-21T08:00Z, accepted until 2025-03-18T07:00Z".to_owned(),
        ),
        (
            "2025-03-18T07:00:00Z",
            "creation closed until 2025-01-21T08:00Z, not accepted until 2025-03-18T07:00Z".to_owned(),
        ),
    ];
    for (at, expected) in table {
        assert_eq!(said(&world.class_at(Some(instant(at))).await), expected, "as of {at}");
    }
    assert_eq!(world.class_at(None).await.revision_number, 5);
    let request = v1::ListCredentialClassRevisionsRequest::default();
    let listed = world.classes("").list_credential_class_revisions(request).await.unwrap();
    let revisions = listed.into_inner().revisions;
    let reopening: Vec<u32> = revisions.iter().filter(|revision| revision.reopens_creation).map(|r| r.number).collect();
    assert_eq!(reopening, [2, 4], "r1 and r3 opened a door that was closed");
    assert!(revisions.iter().all(|revision| revision.actor == OPERATOR && revision.zone == "America/Los_Angeles"));
}

/// The same history, loaded years later, says the same about every instant.
#[tokio::test]
async fn b71_b75_a_history_is_loaded_with_its_dates_of_announcement_and_an_override_reason() {
    let world = World::new().await;
    for (announced, request) in published() {
        let announce_time = Some(timestamp(announced));
        let request = v1::ReviseCredentialClassRequest { announce_time, ..request };
        if request.sunset != unknown() {
            assert_eq!(refused(world.revise(request.clone()).await), "INSTANT_IN_PAST", "without a reason");
        }
        let override_reason = "as announced then".to_owned();
        world.revise(v1::ReviseCredentialClassRequest { override_reason, ..request }).await.unwrap();
    }
    for (at, expected) in [("2022-12-02T00:00:00Z", (true, true)), ("2025-03-20T00:00:00Z", (false, false))] {
        let class = world.class_at(Some(instant(at))).await;
        assert_eq!((class.creation_open, class.accepted), expected, "as of {at}");
    }
    let (announced, request) = published()[0].clone();
    let again = v1::ReviseCredentialClassRequest {
        announce_time: Some(timestamp(announced)),
        override_reason: "again".into(),
        ..request
    };
    assert_eq!(refused(world.revise(again).await), "ANNOUNCEMENT_OUT_OF_ORDER");
}

#[tokio::test]
async fn b67_b68_accounts_are_created_until_the_cut_off_to_the_millisecond() {
    let world = World::new().await;
    let (announced, request) = published()[0].clone();
    world.clock.set(announced);
    world.company("42", CAROL).await;
    world.revise(request).await.unwrap();
    let cutoff = instant("2022-08-01T07:00:00Z");
    for (at, expected) in
        [(cutoff - ms(1), "CREATED"), (cutoff, "CREATION_CLOSED"), (cutoff + ms(1), "CREATION_CLOSED")]
    {
        world.clock.set(at);
        for actor in [CAROL, OPERATOR] {
            let id = format!("sa-{}-{}", at.timestamp_millis(), actor.len());
            let created = world.account(actor, "42", &id, undefined()).await;
            let outcome = created.as_ref().map_or_else(reason, |_| "CREATED".to_owned());
            assert_eq!(outcome, expected, "{actor} at {at}");
        }
    }
    // It was made in time, so it lives on and can be changed; the door is shut to new ones only.
    let request = v1::ListServiceAccountsRequest { company_id: "42".into(), ..Default::default() };
    let accounts = world.accounts("").list_service_accounts(request).await.unwrap().into_inner().accounts;
    assert_eq!(accounts.len(), 2);
    assert_eq!(accounts[0].end_time, Some(timestamp(instant("2023-01-31T08:00:00Z"))));
    let classify = v1::ClassifyServiceAccountRequest {
        company_id: "42".into(),
        account_id: accounts[0].account_id.clone(),
        account_type: Some(custom("bob@example.com")),
        ..Default::default()
    };
    world.accounts(CAROL).classify_service_account(classify).await.unwrap();
    // What exists elsewhere since before the cut-off is still brought here, by operators.
    let imported = v1::ServiceAccount {
        account_id: "sa-old".into(),
        company_id: "42".into(),
        name: "Old".into(),
        create_time: Some(timestamp(instant("2020-01-01T00:00:00Z"))),
        ..Default::default()
    };
    let import = v1::CreateServiceAccountRequest { account: Some(imported), ..Default::default() };
    assert_eq!(refused(world.accounts(CAROL).create_service_account(import.clone()).await), "OPERATOR_REQUIRED");
    world.accounts(OPERATOR).create_service_account(import).await.unwrap();
}

#[tokio::test]
async fn b72_b75_a_date_comes_earlier_only_if_that_is_meant_and_with_notice() {
    let world = World::new().await;
    let announced = start();
    let dates = |cutoff: i64, sunset: i64| v1::ReviseCredentialClassRequest {
        deprecate: time(announced),
        ..revision(time(announced + days(cutoff)), time(announced + days(sunset)))
    };
    // A first date needs the notice too.
    assert_eq!(refused(world.revise(dates(29, 200)).await), "CLASS_NOTICE_TOO_SHORT");
    world.revise(dates(100, 200)).await.unwrap();
    let sunset = |at: DateTime<Utc>| revision(None, time(at));
    let accepting = |at| v1::ReviseCredentialClassRequest { accept_earlier: true, ..sunset(at) };
    assert_eq!(refused(world.revise(sunset(announced + days(190))).await), "EARLIER_NOT_ACCEPTED");
    world.clock.advance(days(140));
    let now = announced + days(140);
    let table =
        [(accepting(now + days(30) - ms(1)), "CLASS_NOTICE_TOO_SHORT"), (accepting(now - ms(1)), "INSTANT_IN_PAST")];
    for (request, expected) in table {
        assert_eq!(refused(world.revise(request).await), expected);
    }
    // A second later the same notice has to fit, so the dates leave room.
    world.revise(accepting(now + days(31))).await.unwrap();
    let overridden =
        v1::ReviseCredentialClassRequest { override_reason: "a leak of secrets".into(), ..sunset(now + days(2)) };
    world.revise(overridden).await.unwrap();
    assert_eq!(refused(world.revise(sunset(now + days(2))).await), "NOTHING_TO_DO");
    // At once is a step of its own.
    let at_once = v1::ReviseCredentialClassRequest {
        sunset_now: true,
        reason: "a leak of secrets".into(),
        override_reason: "approved by security".into(),
        ..Default::default()
    };
    let silent = v1::ReviseCredentialClassRequest { override_reason: String::new(), ..at_once.clone() };
    assert_eq!(violations(&world.revise(silent).await.unwrap_err()), ["override_reason"]);
    assert!(world.class_at(None).await.accepted);
    world.revise(at_once.clone()).await.unwrap();
    assert!(!world.class_at(None).await.accepted);
    assert_eq!(refused(world.revise(at_once).await), "NOTHING_TO_DO");
}

#[tokio::test]
async fn dates_out_of_order_are_refused_by_name() {
    let world = World::new().await;
    let day = |n: i64| time(start() + days(n));
    let table = [
        (v1::ReviseCredentialClassRequest { ..revision(day(50), day(60)) }, "deprecate_time"),
        (v1::ReviseCredentialClassRequest { deprecate: day(55), ..revision(day(50), day(60)) }, "creation_cutoff_time"),
        (v1::ReviseCredentialClassRequest { deprecate: day(1), ..revision(day(61), day(60)) }, "sunset_time"),
        (v1::ReviseCredentialClassRequest { sunset_now: true, ..revision(None, day(60)) }, "sunset_now"),
        (revision(None, None), "sunset"),
    ];
    for (request, field) in table {
        assert_eq!(violations(&world.revise(request).await.unwrap_err()), [field]);
    }
    let request = v1::ReviseCredentialClassRequest { deprecate: day(1), ..revision(day(50), day(60)) };
    assert_eq!(refused(world.classes(CAROL).revise_credential_class(request).await), "OPERATOR_REQUIRED");
}

#[tokio::test]
async fn accounts_belong_to_their_company_and_its_administrators() {
    let world = World::usual().await;
    world.company("42", CAROL).await;
    world.company("7", DAVE).await;
    world.application("replacement").await;
    world.account(CAROL, "42", "sa-1", undefined()).await.unwrap();
    assert_eq!(refused(world.account(DAVE, "42", "sa-2", undefined()).await), "COMPANY_NOT_FOUND");
    assert_eq!(refused(world.account(CAROL, "99", "sa-2", undefined()).await), "COMPANY_NOT_FOUND");
    assert_eq!(refused(world.account(CAROL, "42", "sa-1", undefined()).await), "ALREADY_EXISTS");
    assert_eq!(refused(world.account(CAROL, "42", "sa-2", marketplace("nobody")).await), "APPLICATION_NOT_FOUND");
    let classify = |company: &str| v1::ClassifyServiceAccountRequest {
        company_id: company.into(),
        account_id: "sa-1".into(),
        account_type: Some(marketplace("replacement")),
        ..Default::default()
    };
    // Of another company it is none, whoever asks.
    let foreign = world.accounts(DAVE).classify_service_account(classify("7")).await;
    assert_eq!(refused(foreign), "SERVICE_ACCOUNT_NOT_FOUND");
    let classified = world.accounts(CAROL).classify_service_account(classify("42")).await.unwrap().into_inner();
    assert_eq!(classified.account.unwrap().account_type, Some(marketplace("replacement")));
    let again = world.accounts(CAROL).classify_service_account(classify("42")).await.unwrap().into_inner();
    assert_eq!(again.revision, 0, "so already");
    let listed = |request: v1::ListServiceAccountsRequest| async {
        let response = world.accounts("").list_service_accounts(request).await.unwrap().into_inner();
        response.accounts.into_iter().map(|account| account.account_id).collect::<Vec<_>>()
    };
    let for_application = v1::ListServiceAccountsRequest { application_id: "replacement".into(), ..Default::default() };
    assert_eq!(listed(for_application.clone()).await, ["sa-1"]);
    let remove = v1::RemoveServiceAccountRequest {
        company_id: "42".into(),
        account_id: "sa-1".into(),
        reason: "replaced".into(),
        ..Default::default()
    };
    world.accounts(CAROL).remove_service_account(remove.clone()).await.unwrap();
    assert_eq!(refused(world.accounts(CAROL).remove_service_account(remove).await), "SERVICE_ACCOUNT_REMOVED");
    assert!(listed(for_application.clone()).await.is_empty());
    let all = v1::ListServiceAccountsRequest { show_removed: true, ..for_application };
    assert_eq!(listed(all).await, ["sa-1"]);
}

#[tokio::test]
async fn b88_one_dated_extension_per_company_for_all_its_accounts() {
    let world = World::new().await;
    world.company("42", CAROL).await;
    world.account(CAROL, "42", "sa-1", undefined()).await.unwrap();
    world.account(CAROL, "42", "sa-2", undefined()).await.unwrap();
    let extend = |until: DateTime<Utc>| v1::ExtendServiceAccountsRequest {
        company_id: "42".into(),
        until_time: Some(timestamp(until)),
        reason: "payroll closes in April".into(),
        approver: "Head of APIs".into(),
        ..Default::default()
    };
    let sunset = start() + days(100);
    assert_eq!(refused(world.accounts(OPERATOR).extend_service_accounts(extend(sunset)).await), "EXTENSION_REFUSED");
    let dates = v1::ReviseCredentialClassRequest { deprecate: time(start()), ..revision(None, time(sunset)) };
    world.revise(dates).await.unwrap();
    let table = [
        (OPERATOR, sunset, "EXTENSION_REFUSED"),
        (OPERATOR, sunset + days(90) + ms(1), "EXTENSION_REFUSED"),
        (CAROL, sunset + days(30), "OPERATOR_REQUIRED"),
    ];
    for (actor, until, expected) in table {
        assert_eq!(refused(world.accounts(actor).extend_service_accounts(extend(until)).await), expected);
    }
    let extended = world.accounts(OPERATOR).extend_service_accounts(extend(sunset + days(30))).await.unwrap();
    assert_eq!(extended.into_inner().company.unwrap().extension.unwrap().granted_by, OPERATOR);
    let again = world.accounts(OPERATOR).extend_service_accounts(extend(sunset + days(60))).await;
    assert_eq!(refused(again), "EXTENSION_GRANTED");
    for id in ["sa-1", "sa-2"] {
        let request = v1::GetServiceAccountRequest { account_id: id.into() };
        let account = world.accounts("").get_service_account(request).await.unwrap().into_inner().account.unwrap();
        assert_eq!(account.end_time, Some(timestamp(sunset + days(30))), "{id}");
    }
}

#[tokio::test]
async fn companies_have_administrators_and_projects() {
    let world = World::new().await;
    let nobody = v1::Company { administrators: Vec::new(), ..company("42", CAROL) };
    let request = v1::CreateCompanyRequest { company: Some(nobody), ..Default::default() };
    let refusal = world.companies(OPERATOR).create_company(request).await.unwrap_err();
    assert_eq!(violations(&refusal), ["administrators"]);
    world.company("42", CAROL).await;
    world.company("7", CAROL).await;
    let update = v1::UpdateCompanyRequest {
        company_id: "42".into(),
        administrators: vec!["Dave@Other.example".into()],
        ..Default::default()
    };
    assert_eq!(refused(world.companies(DAVE).update_company(update.clone()).await), "COMPANY_NOT_FOUND");
    world.companies(CAROL).update_company(update).await.unwrap();
    for (administrator, expected) in [("carol@builders.example", vec!["7"]), ("dave@other.example", vec!["42"])] {
        let request = v1::ListCompaniesRequest { administrator: administrator.into(), ..Default::default() };
        let listed = world.companies("").list_companies(request).await.unwrap().into_inner().companies;
        assert_eq!(listed.into_iter().map(|company| company.company_id).collect::<Vec<_>>(), expected);
    }
    for (id, name) in [("tower", "Tower"), ("bridge", "Bridge"), ("tower", "New tower")] {
        let project =
            v1::Project { company_id: "42".into(), project_id: id.into(), name: name.into(), ..Default::default() };
        let request = v1::PutProjectRequest { project: Some(project), ..Default::default() };
        assert_eq!(refused(world.companies(CAROL).put_project(request.clone()).await), "COMPANY_NOT_FOUND");
        world.companies(DAVE).put_project(request).await.unwrap();
    }
    let request = v1::ListProjectsRequest { company_id: "42".into(), ..Default::default() };
    let projects = world.companies("").list_projects(request).await.unwrap().into_inner().projects;
    assert_eq!(projects.into_iter().map(|project| project.name).collect::<Vec<_>>(), ["Bridge", "New tower"]);
}
