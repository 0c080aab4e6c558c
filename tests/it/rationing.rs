//! How much callers may have and how fast: verifications that fail, changes in a minute, applications, subscriptions,
//! secrets; and places of lists, which nobody makes up.

use chrono::TimeDelta;
use devhub::secret;
use devhub_proto::v1;
use devhub_proto::v1::CredentialVerdict::{Invalid, Valid};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::vault::*;
use crate::world::*;

fn presented(client_id: &str, secret: &str, source: &str) -> v1::VerifyCredentialsRequest {
    v1::VerifyCredentialsRequest { client_id: client_id.into(), secret: secret.into(), source: source.into() }
}

async fn verdict(world: &World, request: v1::VerifyCredentialsRequest) -> Result<v1::CredentialVerdict, Status> {
    Ok(world.credentials("").verify_credentials(request).await?.into_inner().verdict())
}

#[tokio::test]
async fn after_too_many_failures_nothing_is_verified_be_the_client_known_or_not() {
    let vault = Vault::new().await;
    let made = vault.make(ADA, "Laptop").await.unwrap();
    let wrong = secret::Secret::generate();
    let begin = start() + TimeDelta::seconds(1);
    let end = begin + TimeDelta::seconds(60);
    for client_id in [client("app"), "client-nobody".to_owned(), "?".to_owned()] {
        vault.world.clock.set(begin);
        let ask = |secret: &str| verdict(&vault.world, presented(&client_id, secret, ""));
        for _ in 0..10 {
            assert_eq!(ask(wrong.reveal()).await.unwrap(), Invalid);
        }
        for at in [begin, end - ms(1)] {
            vault.world.clock.set(at);
            let refusals = [ask(wrong.reveal()).await.unwrap_err(), ask(&made.secret).await.unwrap_err()];
            for status in refusals {
                assert_eq!(
                    (status.code(), reason(&status).as_str()),
                    (Code::ResourceExhausted, "VERIFICATION_LIMITED")
                );
                assert!(!status.message().contains(&client_id) || client_id == "?");
                let retry = status.get_details_retry_info().unwrap().retry_delay.unwrap();
                assert_eq!(i64::try_from(retry.as_millis()).unwrap(), (end - at).num_milliseconds());
            }
        }
        vault.world.clock.set(end);
        assert_eq!(ask(wrong.reveal()).await.unwrap(), Invalid, "from the end of the window on");
    }
    assert_eq!(verdict(&vault.world, presented(&client("app"), &made.secret, "")).await.unwrap(), Valid);
}

#[tokio::test]
async fn who_fails_elsewhere_keeps_nobody_from_being_verified() {
    let vault = Vault::new().await;
    let made = vault.make(ADA, "Laptop").await.unwrap();
    for _ in 0..10 {
        assert_eq!(verdict(&vault.world, presented(&client("app"), "wrong", "192.0.2.1")).await.unwrap(), Invalid);
    }
    let here = verdict(&vault.world, presented(&client("app"), &made.secret, "192.0.2.1")).await;
    assert_eq!(refused(here), "VERIFICATION_LIMITED");
    for source in ["198.51.100.7", ""] {
        assert_eq!(verdict(&vault.world, presented(&client("app"), &made.secret, source)).await.unwrap(), Valid);
    }
    // What is right never counts.
    for _ in 0..50 {
        assert_eq!(verdict(&vault.world, presented(&client("app"), &made.secret, "")).await.unwrap(), Valid);
    }
    // Nor does one source try all clients.
    let mut tried = 0;
    while verdict(&vault.world, presented(&format!("client-{tried}"), "wrong", "192.0.2.1")).await.is_ok() {
        tried += 1;
    }
    assert_eq!(tried, 90, "a source has ten times what a client has");
}

fn application(id: &str, owner: &str) -> v1::CreateApplicationRequest {
    let application = v1::Application {
        application_id: id.into(),
        name: format!("Application {id}"),
        environment: v1::Environment::Sandbox.into(),
        owner: owner.into(),
        ..Default::default()
    };
    v1::CreateApplicationRequest { application: Some(application), request_id: String::new() }
}

async fn register(world: &World, actor: &'static str, id: &str, owner: &str) -> Result<(), Status> {
    world.applications(actor).create_application(application(id, owner)).await.map(drop)
}

fn quota(status: &Status) -> (String, String, String) {
    assert_eq!((status.code(), reason(status).as_str()), (Code::ResourceExhausted, "QUOTA_EXCEEDED"));
    let metadata = status.get_details_error_info().unwrap().metadata;
    let failure = status.get_details_quota_failure().unwrap();
    assert_eq!(failure.violations[0].subject, metadata["quota"]);
    assert!(status.message().contains("ask an operator"), "{}", status.message());
    (metadata["quota"].clone(), metadata["count"].clone(), metadata["limit"].clone())
}

fn told(quota: &str, count: u32, limit: u32) -> (String, String, String) {
    (quota.to_owned(), count.to_string(), limit.to_string())
}

#[tokio::test]
async fn applications_are_bounded_by_organisation_and_by_person() {
    let world = World::with(|config| {
        config.bounds.quotas.applications_per_organisation = 2;
        config.bounds.quotas.applications_per_person = 3;
    })
    .await;
    for id in ["app-1", "app-2"] {
        register(&world, ADA, id, "Ledgerly").await.unwrap();
    }
    let of_organisation = told("quota_applications_per_organisation", 2, 2);
    for actor in [ADA, BOB] {
        let status = register(&world, actor, "app-3", "Ledgerly").await.unwrap_err();
        assert_eq!(quota(&status), of_organisation, "{actor}");
    }
    register(&world, ADA, "app-3", "").await.unwrap();
    let status = register(&world, ADA, "app-4", "").await.unwrap_err();
    assert_eq!(quota(&status), told("quota_applications_per_person", 3, 3));
    assert_eq!(refused(register(&world, ADA, "app-1", "").await), "ALREADY_EXISTS", "other reasons come first");
    // Staff is not bound; what is deleted does not count.
    world.application_with("app-6", |application| application.owner = "Ledgerly".into()).await.unwrap();
    let delete = v1::DeleteApplicationRequest { application_id: "app-3".into(), ..Default::default() };
    world.applications(ADA).delete_application(delete).await.unwrap();
    let status = register(&world, ADA, "app-4", "").await.unwrap_err();
    assert_eq!(quota(&status), told("quota_applications_per_person", 3, 3), "app-6 has made it three again");
    let facts = v1::FactFilter { kinds: vec![v1::FactKind::CommandRefused.into()], ..Default::default() };
    assert!(world.all_facts(facts).await.iter().any(|fact| fact.refusal == "QUOTA_EXCEEDED"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_at_the_last_place_one_wins() {
    let world = World::with(|config| config.bounds.quotas.applications_per_organisation = 5).await;
    let ids: Vec<String> = (0..40).map(|number| format!("app-{number}")).collect();
    let actors = [ADA, BOB];
    let all = ids.iter().zip(actors.iter().cycle()).map(|(id, actor)| register(&world, actor, id, "Ledgerly"));
    let done = futures_util::future::join_all(all).await;
    let (won, lost): (Vec<_>, Vec<_>) = done.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 5);
    for status in lost {
        assert_eq!(quota(&status.unwrap_err()), told("quota_applications_per_organisation", 5, 5));
    }
}

#[tokio::test]
async fn subscriptions_and_secrets_are_bounded_by_application() {
    let vault = Vault::new().await;
    assert_eq!(vault.world.config.bounds.quotas.secrets_per_day, 100);
    let mut vault = vault;
    vault.world.config.bounds.quotas.subscriptions_per_application = 2;
    vault.world.config.bounds.quotas.secrets_per_day = 3;
    vault.world.restart().await;
    let world = &vault.world;
    world.api().await;
    for label in ["1.0", "2.0", "3.0"] {
        world.version(label, v1::Maturity::Stable).await;
    }
    for label in ["1.0", "2.0"] {
        world.subscribe(ADA, "app", label).await.unwrap();
    }
    let status = world.subscribe(ADA, "app", "3.0").await.unwrap_err();
    assert_eq!(quota(&status), told("quota_subscriptions_per_application", 2, 2));
    assert_eq!(refused(world.subscribe(ADA, "app", "2.0").await), "DUPLICATE_SUBSCRIPTION");
    world.unsubscribe(ADA, "app", "1.0", false).await.unwrap();
    world.subscribe(ADA, "app", "3.0").await.unwrap();
    world.subscribe(OPERATOR, "app", "1.0").await.unwrap();
    // Secrets count on the day that they are made, also those that are gone.
    let day = start() + days(1);
    for round in 0..2 {
        vault.world.clock.set(day + days(round));
        for _ in 0..3 {
            let made = vault.make(ADA, "Machine").await.unwrap();
            vault.revoke(ADA, &id(&made)).await.unwrap();
        }
        for at in [day + days(round), day + days(round + 1) - ms(1)] {
            vault.world.clock.set(at);
            let status = vault.make(ADA, "Machine").await.unwrap_err();
            assert_eq!(quota(&status), told("quota_secrets_per_day", 3, 3), "{at}");
        }
    }
    let made = vault.make(OPERATOR, "Machine").await.unwrap();
    assert_eq!(vault.verdict(&made.secret).await, Valid, "staff is not bound");
}

#[tokio::test]
async fn one_caller_changes_so_much_in_a_minute() {
    let world = World::with(|config| config.bounds.changes_per_minute = 6).await;
    let begin = start() + TimeDelta::seconds(1);
    world.clock.set(begin);
    for number in 0..6 {
        register(&world, ADA, &format!("app-{number}"), "").await.unwrap();
    }
    let journal = world.hub().store().head().revision;
    let status = register(&world, ADA, "app-6", "").await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::ResourceExhausted, "RATE_EXCEEDED"));
    let retry = status.get_details_retry_info().unwrap().retry_delay.unwrap();
    // Each command takes an instant of its own, a little later than the one before.
    assert!((9_999..=10_000).contains(&retry.as_millis()), "{retry:?}");
    assert_eq!(world.hub().store().head().revision, journal, "the journal does not grow with what is refused so");
    register(&world, BOB, "app-6", "").await.unwrap();
    world.application("app-7").await;
    for (later, expected) in [(9_999, false), (10_000, true), (10_001, false)] {
        world.clock.set(begin + ms(later));
        assert_eq!(register(&world, ADA, &format!("app-later-{later}"), "").await.is_ok(), expected, "{later}");
    }
}

#[tokio::test]
async fn a_place_of_a_list_is_sealed_unreadable_and_nobody_elses() {
    let mut vault = Vault::new().await;
    for number in 0..4 {
        vault.world.application(&format!("page-{number}")).await;
    }
    let list = |world: &World, page_token: String| {
        let request = v1::ListApplicationsRequest { page_size: 2, page_token, ..Default::default() };
        let mut client = world.applications("");
        async move { client.list_applications(request).await.map(tonic::Response::into_inner) }
    };
    let token = list(&vault.world, String::new()).await.unwrap().next_page_token;
    let hex: String = b"page".iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(!token.contains(&hex) && !token.is_empty(), "a token tells nothing of what it names");
    let again = list(&vault.world, token.clone()).await.unwrap();
    assert_eq!(again.applications.len(), 2, "the guard is not vacuous");
    for place in 0..token.len() {
        let mut changed = token.clone().into_bytes();
        changed[place] = if changed[place] == b'0' { b'1' } else { b'0' };
        let changed = String::from_utf8(changed).unwrap();
        assert_eq!(refused(list(&vault.world, changed).await), "PAGE_TOKEN", "{place}");
    }
    for length in 1..token.len() {
        assert_eq!(refused(list(&vault.world, token[..length].to_owned()).await), "PAGE_TOKEN", "{length}");
    }
    // One that was made as tokens once were: the place in plain text.
    let forged = format!("{}{hex}2d31", &token[..16]);
    assert_eq!(refused(list(&vault.world, forged).await), "PAGE_TOKEN");
    // Peppers outlast a restart, and so do the places that are sealed with them.
    vault.world.restart().await;
    assert_eq!(list(&vault.world, token.clone()).await.unwrap().applications, again.applications);
    vault.world.config.pepper_file = None;
    vault.world.restart().await;
    let status = list(&vault.world, token).await.unwrap_err();
    assert!(reason(&status) == "PAGE_TOKEN" && status.message().contains("repeat the query without it"));
}

#[tokio::test]
async fn that_an_id_is_taken_is_told_alike_whosever_it_is() {
    let world = World::new().await;
    register(&world, ADA, "app-taken", "Ledgerly").await.unwrap();
    let told = async |actor| {
        let status = register(&world, actor, "app-taken", "Other").await.unwrap_err();
        (status.code(), status.message().to_owned(), status.details().to_vec())
    };
    let (own, other) = (told(ADA).await, told(BOB).await);
    assert_eq!(own, other);
    assert_eq!(own.0, Code::AlreadyExists);
    assert!(!own.1.contains("Ledgerly") && !own.1.contains("ada@example.com"));
}
