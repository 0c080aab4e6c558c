//! Secrets of traditional service accounts and their last use: rules B54, B68, B69, B83 and B84.

use chrono::{DateTime, TimeDelta, Utc};
use devhub::secret;
use devhub::wire::timestamp;
use devhub_proto::v1;
use devhub_proto::v1::CredentialVerdict::{Invalid, Unusable, Valid};
use tonic::Status;

use crate::accounts::{CAROL, DAVE, company, revision, time, undefined};
use crate::companies::{about, decided};
use crate::vault::*;
use crate::world::*;

fn asked(id: &str) -> v1::CreateServiceAccountRequest {
    let account = v1::ServiceAccount {
        account_id: id.into(),
        company_id: "42".into(),
        name: format!("Account {id}"),
        account_type: Some(undefined()),
        ..Default::default()
    };
    v1::CreateServiceAccountRequest { account: Some(account), ..Default::default() }
}

fn rotation(id: &str) -> v1::RotateServiceAccountSecretRequest {
    v1::RotateServiceAccountSecretRequest { company_id: "42".into(), account_id: id.into(), ..Default::default() }
}

fn removal(id: &str) -> v1::RemoveServiceAccountRequest {
    v1::RemoveServiceAccountRequest { company_id: "42".into(), account_id: id.into(), ..Default::default() }
}

/// The company of Carol, whose credentials are of SANDBOX.
async fn companies(world: &World) {
    let company = v1::Company { tenancy: v1::Tenancy::DevelopmentSandbox.into(), ..company("42", CAROL) };
    let request = v1::CreateCompanyRequest { company: Some(company), ..Default::default() };
    world.companies(OPERATOR).create_company(request).await.unwrap();
    world.company("7", DAVE).await;
}

async fn made(world: &World, request: v1::CreateServiceAccountRequest) -> v1::CreateServiceAccountResponse {
    world.accounts(CAROL).create_service_account(request).await.unwrap().into_inner()
}

async fn rotate(
    world: &World,
    actor: &'static str,
    request: v1::RotateServiceAccountSecretRequest,
) -> Result<v1::RotateServiceAccountSecretResponse, Status> {
    Ok(world.accounts(actor).rotate_service_account_secret(request).await?.into_inner())
}

async fn remove(world: &World, request: v1::RemoveServiceAccountRequest) -> Result<(), Status> {
    world.accounts(CAROL).remove_service_account(request).await.map(drop)
}

async fn shown(world: &World, id: &str) -> v1::ServiceAccount {
    let request = v1::GetServiceAccountRequest { account_id: id.into() };
    world.accounts("").get_service_account(request).await.unwrap().into_inner().account.unwrap()
}

fn last_use(account: &v1::ServiceAccount) -> Option<DateTime<Utc>> {
    account.last_use_time.as_ref().and_then(devhub::wire::instant)
}

async fn vault() -> Vault {
    let vault = Vault::new().await;
    companies(&vault.world).await;
    vault
}

#[tokio::test]
async fn b68_a_secret_is_told_once_and_rotated_after_the_cut_off() {
    let vault = vault().await;
    let world = &vault.world;
    let first = made(world, asked("sa-1")).await;
    let account = first.account.unwrap();
    assert!(secret::Secret::parse(&first.secret).is_ok() && !first.replayed && first.warnings.is_empty());
    assert_eq!(account.secret_last_four, first.secret[first.secret.len() - 4..]);
    assert_eq!(account.secret_create_time, account.create_time);
    let verified = vault.verify(&account.client_id, &first.secret).await;
    let expected = v1::VerifyCredentialsResponse {
        verdict: Valid.into(),
        environment: v1::Environment::Sandbox.into(),
        account_id: "sa-1".into(),
        company_id: "42".into(),
        ..Default::default()
    };
    assert_eq!(verified, expected);
    let (cutoff, sunset) = (start() + days(50), start() + days(100));
    let dates = v1::ReviseCredentialClassRequest { deprecate: time(start()), ..revision(time(cutoff), time(sunset)) };
    world.revise(dates).await.unwrap();
    let mut secret = first.secret;
    for at in [cutoff - ms(1), cutoff, cutoff + ms(1), cutoff + days(1)] {
        world.clock.set(at);
        let rotated = rotate(world, CAROL, rotation("sa-1")).await.unwrap();
        assert_eq!(
            vault.verify(&account.client_id, &secret).await.verdict(),
            Invalid,
            "the old one stops at once, {at}"
        );
        let verified = vault.verify(&account.client_id, &rotated.secret).await;
        assert_eq!((verified.verdict(), verified.expire_time), (Valid, Some(timestamp(sunset))), "{at}");
        assert_eq!(rotated.account.unwrap().secret_create_time.unwrap().seconds, at.timestamp());
        secret = rotated.secret;
    }
    assert_eq!(refused(world.account(CAROL, "42", "sa-2", undefined()).await), "CREATION_CLOSED");
    let facts = vault.facts(v1::FactKind::ServiceAccountSecretRotated).await;
    assert_eq!((facts.len(), facts[0].account_id.as_str(), facts[0].actor.as_str()), (4, "sa-1", CAROL));
}

#[tokio::test]
async fn b68_who_may_rotate_and_what_is_refused() {
    let vault = vault().await;
    let world = &vault.world;
    made(world, asked("sa-1")).await;
    let elsewhere = v1::RotateServiceAccountSecretRequest { company_id: "7".into(), ..rotation("sa-1") };
    let stale = v1::RotateServiceAccountSecretRequest { etag: "1".into(), ..rotation("sa-1") };
    for (actor, request, expected) in [
        (DAVE, rotation("sa-1"), "COMPANY_NOT_FOUND"),
        (DAVE, elsewhere, "SERVICE_ACCOUNT_NOT_FOUND"),
        ("", rotation("sa-1"), "ACTOR_REQUIRED"),
        (CAROL, rotation("sa-9"), "SERVICE_ACCOUNT_NOT_FOUND"),
        (CAROL, stale, "ETAG_MISMATCH"),
    ] {
        assert_eq!(refused(rotate(world, actor, request).await), expected);
    }
    let rotated = rotate(world, OPERATOR, rotation("sa-1")).await.unwrap();
    let client_id = rotated.account.unwrap().client_id;
    assert_eq!(vault.verify(&client_id, &rotated.secret).await.verdict(), Valid);
    assert_eq!(vault.verify("client-unknown", &rotated.secret).await.verdict(), Invalid);
    assert_eq!(vault.verify(&client("app"), &rotated.secret).await.verdict(), Invalid, "a secret has one bearer");
    let of_application = vault.make(ADA, "Laptop").await.unwrap().secret;
    assert_eq!(vault.verify(&client_id, &of_application).await.verdict(), Invalid);
    remove(world, removal("sa-1")).await.unwrap();
    let unknown = v1::VerifyCredentialsResponse { verdict: Invalid.into(), ..Default::default() };
    assert_eq!(vault.verify(&client_id, &rotated.secret).await, unknown, "as for a client that never was");
    assert_eq!(refused(rotate(world, CAROL, rotation("sa-1")).await), "SERVICE_ACCOUNT_REMOVED");
}

#[tokio::test]
async fn b68_an_account_that_is_brought_gets_its_first_secret_by_rotation() {
    let vault = vault().await;
    let request = asked("sa-old");
    let brought = v1::ServiceAccount {
        client_id: "brought-client".into(),
        create_time: Some(timestamp(start() - days(900))),
        ..request.account.clone().unwrap()
    };
    let request = v1::CreateServiceAccountRequest { account: Some(brought), ..request };
    let bring = || async {
        let answer = vault.world.accounts(OPERATOR).create_service_account(request.clone()).await;
        answer.unwrap().into_inner()
    };
    let answer = bring().await;
    assert_eq!((answer.secret.as_str(), answer.replayed), ("", false));
    assert_eq!(answer.account.unwrap().secret_create_time, None);
    assert_eq!(vault.verify("brought-client", secret::Secret::generate().reveal()).await.verdict(), Invalid);
    let rotated = rotate(&vault.world, CAROL, rotation("sa-old")).await.unwrap();
    assert_eq!(vault.verify("brought-client", &rotated.secret).await.verdict(), Valid);
    let again = bring().await;
    assert_eq!((again.secret.as_str(), again.replayed, again.revision), ("", false, 0));
    assert_eq!(vault.verify("brought-client", &rotated.secret).await.verdict(), Valid, "it keeps its secret");
}

#[tokio::test]
async fn without_peppers_an_account_is_made_without_a_secret_and_says_why() {
    let world = World::new().await;
    companies(&world).await;
    let answer = made(&world, asked("sa-1")).await;
    assert_eq!((answer.secret.as_str(), answer.replayed), ("", false));
    assert!(answer.warnings.iter().any(|warning| warning.contains("pepper_file")), "{:?}", answer.warnings);
    assert_eq!(answer.account.unwrap().secret_create_time, None);
    assert_eq!(refused(rotate(&world, CAROL, rotation("sa-1")).await), "PEPPER_REQUIRED");
}

#[tokio::test]
async fn a_replay_tells_of_the_account_and_not_its_secret() {
    let mut vault = vault().await;
    let create = v1::CreateServiceAccountRequest { request_id: "make-1".into(), ..asked("sa-1") };
    let turn = v1::RotateServiceAccountSecretRequest { request_id: "turn-1".into(), ..rotation("sa-1") };
    let first = made(&vault.world, create.clone()).await;
    let client_id = first.account.as_ref().unwrap().client_id.clone();
    let turned = rotate(&vault.world, CAROL, turn.clone()).await.unwrap();
    assert!(!first.replayed && !turned.replayed && first.secret != turned.secret);
    for told in [format!("{first:?}"), format!("{turned:?}")] {
        assert!(!told.contains(&first.secret) && !told.contains(&turned.secret), "{told}");
    }
    for _ in 0..2 {
        let again = made(&vault.world, create.clone()).await;
        assert_eq!((again.secret.as_str(), again.replayed, again.revision), ("", true, first.revision));
        let again = rotate(&vault.world, CAROL, turn.clone()).await.unwrap();
        assert_eq!((again.secret.as_str(), again.replayed, again.revision), ("", true, turned.revision));
        assert_eq!(vault.verify(&client_id, &turned.secret).await.verdict(), Valid, "nothing was made again");
        vault.world.restart().await;
    }
}

#[tokio::test]
async fn b69_b88_credentials_are_unusable_from_the_end_of_the_account_to_the_millisecond() {
    let vault = vault().await;
    let world = &vault.world;
    let answer = made(world, asked("sa-1")).await;
    let client_id = answer.account.unwrap().client_id;
    let sunset = start() + days(100);
    let dates = v1::ReviseCredentialClassRequest { deprecate: time(start()), ..revision(None, time(sunset)) };
    world.revise(dates).await.unwrap();
    let extended = sunset + days(30);
    for (end, extend) in [(sunset, false), (extended, true)] {
        if extend {
            let request = v1::ExtendServiceAccountsRequest {
                company_id: "42".into(),
                until_time: Some(timestamp(extended)),
                reason: "payroll closes in April".into(),
                approver: "Head of APIs".into(),
                ..Default::default()
            };
            world.accounts(OPERATOR).extend_service_accounts(request).await.unwrap();
        }
        for (at, verdict, denial) in [
            (end - ms(1), Valid, v1::DecisionReason::Unspecified),
            (end, Unusable, v1::DecisionReason::ServiceAccountSunset),
            (end + ms(1), Unusable, v1::DecisionReason::ServiceAccountSunset),
        ] {
            world.clock.set(at);
            let verified = vault.verify(&client_id, &answer.secret).await;
            assert_eq!((verified.verdict(), verified.denial()), (verdict, denial), "{at}");
            assert_eq!((verified.account_id.as_str(), verified.expire_time), ("sa-1", Some(timestamp(end))), "{at}");
            let wrong = vault.verify(&client_id, secret::Secret::generate().reveal()).await;
            assert_eq!(wrong.verdict(), Invalid, "who does not bear it is told nothing, {at}");
        }
    }
}

#[tokio::test]
async fn b54_the_secret_of_an_account_moves_to_the_newest_pepper() {
    let mut vault = vault().await;
    let answer = made(&vault.world, asked("sa-1")).await;
    let account = answer.account.unwrap();
    let new = secret::add(&vault.peppers).unwrap().to_string();
    vault.world.restart().await;
    let missing = |world: &World| world.hub().missing_peppers(None).unwrap().into_keys().next().unwrap().to_string();
    assert_eq!(missing(&vault.world), account.secret_pepper_id, "the start would say that it is needed");
    for _ in 0..2 {
        assert_eq!(vault.verify(&account.client_id, &answer.secret).await.verdict(), Valid);
        let now = shown(&vault.world, "sa-1").await;
        assert_eq!((now.secret_pepper_id.as_str(), now.secret_create_time), (&*new, account.secret_create_time));
    }
    let facts = vault.facts(v1::FactKind::ClientSecretRehashed).await;
    assert_eq!((facts.len(), facts[0].account_id.as_str()), (1, "sa-1"));
    assert_eq!(missing(&vault.world), new);
}

/// A world in which `sa-1` calls a version of companies, as `client("account")`.
async fn calling() -> World {
    let world = World::usual().await;
    companies(&world).await;
    world.publish_scoped().await;
    let request = asked("sa-1");
    let account = v1::ServiceAccount { client_id: client("account"), ..request.account.clone().unwrap() };
    let request = v1::CreateServiceAccountRequest { account: Some(account), ..request };
    world.accounts(OPERATOR).create_service_account(request).await.unwrap();
    world
}

#[tokio::test]
async fn b83_the_last_use_of_the_old_account_is_shown_to_the_hour() {
    let mut world = calling().await;
    assert_eq!(last_use(&shown(&world, "sa-1").await), None);
    for (minutes, hours) in [(0, 0), (59, 0), (60, 1), (121, 2)] {
        world.clock.set(start() + TimeDelta::minutes(minutes));
        assert_eq!(words(&decided(&world, about("account", None, None)).await), "ALLOW SERVICE_ACCOUNT");
        let expected = Some(start() + TimeDelta::hours(hours));
        assert_eq!(last_use(&shown(&world, "sa-1").await), expected, "at once, {minutes}");
        world.hub().usage().flush(world.hub().now()).unwrap();
        assert_eq!(last_use(&shown(&world, "sa-1").await), expected, "noted, {minutes}");
    }
    world.clock.advance(days(1));
    let denied = decided(&world, about("account", Some("other"), None)).await;
    assert_eq!(words(&denied), "DENY COMPANY_MISMATCH");
    world.restart().await;
    let expected = Some(timestamp(start() + TimeDelta::hours(2)));
    assert_eq!(
        shown(&world, "sa-1").await.last_use_time,
        expected,
        "what is denied is no use; a restart forgets nothing"
    );
    let listed = world.accounts("").list_service_accounts(v1::ListServiceAccountsRequest::default()).await.unwrap();
    assert_eq!(listed.into_inner().accounts[0].last_use_time, expected);
    let migrations = world.migrations().list_migrations(v1::ListMigrationsRequest::default()).await.unwrap();
    assert_eq!(migrations.into_inner().migrations[0].accounts[0].last_use_time, expected);
}

#[tokio::test]
async fn b84_an_account_that_was_used_in_the_last_30_days_is_removed_only_if_that_is_acknowledged() {
    let used = start() + TimeDelta::minutes(30);
    // The hour of the last use is known, and it counts from its beginning.
    let free = start() + days(30);
    for (at, acknowledged, expected) in [
        (used, false, Some("RECENT_USE")),
        (used, true, None),
        (free - ms(1), false, Some("RECENT_USE")),
        (free, false, None),
        (free + ms(1), false, None),
    ] {
        let world = calling().await;
        world.clock.set(used);
        assert_eq!(words(&decided(&world, about("account", None, None)).await), "ALLOW SERVICE_ACCOUNT");
        world.clock.set(at);
        let request = v1::RemoveServiceAccountRequest { acknowledge_recent_use: acknowledged, ..removal("sa-1") };
        let outcome = remove(&world, request).await;
        assert_eq!(outcome.err().as_ref().map(reason).as_deref(), expected, "{at} {acknowledged}");
    }
    let world = calling().await;
    remove(&world, removal("sa-1")).await.unwrap();
}
