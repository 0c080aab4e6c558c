//! Rule B54, and what verification answers, costs and leaves behind: never a secret.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use devhub::secret;
use devhub::store::fault::Fault;
use devhub::wire::timestamp;
use devhub_proto::v1;
use devhub_proto::v1::CredentialVerdict::{Invalid, Valid};
use tonic::Code;

use crate::enduring::admin;
use crate::vault::*;
use crate::world::*;

fn hour(secret: &v1::ClientSecret) -> Option<DateTime<Utc>> {
    secret.last_use_hour.as_ref().and_then(devhub::wire::instant)
}

#[tokio::test]
async fn b54_an_unknown_client_is_answered_like_a_wrong_secret() {
    let vault = Vault::new().await;
    let made = vault.make(ADA, "Laptop").await.unwrap();
    let revoked = vault.make(ADA, "Phone").await.unwrap();
    vault.revoke(ADA, &id(&revoked)).await.unwrap();
    let until = v1::CreateClientSecretRequest { expire_time: Some(timestamp(start() + days(1))), ..asked("Trial") };
    let expired = create(&vault.world, ADA, until).await.unwrap();
    vault.world.clock.advance(days(1));
    vault.world.application("without").await;
    let changed = made.secret.replace("dhs_", "dhs-");
    let (app, long) = (client("app"), "x".repeat(256));
    let alike = [
        (app.as_str(), secret::Secret::generate().reveal().to_owned()),
        (&app, revoked.secret.clone()),
        (&app, expired.secret.clone()),
        (&app, changed),
        (&app, "password".to_owned()),
        (&app, long),
        ("client-nobody", made.secret.clone()),
        ("client-without", made.secret.clone()),
        ("?", made.secret.clone()),
        ("nobodys-client", made.secret.clone()),
    ];
    let invalid = v1::VerifyCredentialsResponse { verdict: Invalid.into(), ..Default::default() };
    for (client_id, secret) in alike {
        assert_eq!(vault.verify(client_id, &secret).await, invalid, "{client_id}");
    }
    assert_eq!(vault.verdict(&made.secret).await, Valid, "the guard is not vacuous");
    for (client_id, secret, fields) in
        [("", "x", ["client_id"]), ("x", "", ["secret"]), ("x", &"s".repeat(257), ["secret"])]
    {
        let status = verify(&vault.world, client_id, secret).await.unwrap_err();
        assert_eq!(violations(&status), fields);
        assert!(!status.message().contains("sss"), "what is presented is never repeated");
    }
    let metrics = admin(vault.world.server().admin_address, "/metrics").await;
    assert!(metrics.contains("devhub_credentials_verified_total{verdict=\"INVALID\"} 10"), "{metrics}");
    assert!(metrics.contains("devhub_credentials_verified_total{verdict=\"VALID\"} 1"));
}

#[tokio::test]
async fn b54_somebody_who_bears_the_name_of_nobody_gains_nothing() {
    let vault = Vault::new().await;
    let change = |application: &mut v1::Application| application.client_id = "nobodys-client".into();
    vault.world.application_with("nobody", change).await.unwrap();
    let request = v1::CreateClientSecretRequest { application_id: "nobody".into(), ..asked("Laptop") };
    let made = create(&vault.world, ADA, request).await.unwrap();
    for (client_id, verdict) in [("nobodys-client", Valid), ("client-unknown", Invalid), ("?", Invalid)] {
        assert_eq!(vault.verify(client_id, &made.secret).await.verdict(), verdict, "{client_id}");
    }
}

#[tokio::test]
async fn b54_a_secret_under_an_older_pepper_verifies_and_moves_to_the_newest() {
    let mut vault = Vault::new().await;
    let used = vault.make(ADA, "Used").await.unwrap();
    let idle = vault.make(ADA, "Idle").await.unwrap();
    let pepper = |made: &v1::ClientSecret| made.pepper_id.clone();
    let old = pepper(used.client_secret.as_ref().unwrap());
    let new = secret::add(&vault.peppers).unwrap().to_string();
    vault.world.restart().await;
    let head = || vault.world.hub().store().head().revision;
    let before = head();
    assert_eq!(vault.verdict(secret::Secret::generate().reveal()).await, Invalid);
    assert_eq!(head(), before, "a wrong secret commits nothing");
    assert_eq!(vault.verdict(&used.secret).await, Valid);
    assert_eq!(vault.list().await.iter().map(pepper).collect::<Vec<_>>(), [new.clone(), old.clone()]);
    let facts = vault.facts(v1::FactKind::ClientSecretRehashed).await;
    assert_eq!((facts.len(), facts[0].actor.as_str()), (1, "process:pepper"));
    let after = head();
    assert_eq!(vault.verdict(&used.secret).await, Valid);
    assert_eq!(head(), after, "no verification but the first writes to the journal");
    let missing = |peppers: Option<&secret::Peppers>| {
        let missing = vault.world.hub().missing_peppers(peppers).unwrap();
        missing.into_iter().map(|(pepper, secrets)| (pepper.to_string(), secrets)).collect::<Vec<_>>()
    };
    assert_eq!(missing(secret::read(&vault.peppers).ok().as_ref()), []);
    let (another, one) = (secret::Peppers::new(Vec::new(), secret::Pepper::generate()), |id: &str| (id.to_owned(), 1));
    let mut both = vec![one(&old), one(&new)];
    both.sort();
    assert_eq!((missing(Some(&another)), missing(None)), (both.clone(), both));
    // The old pepper is removed: what was used since goes on, what was not is lost.
    let text = std::fs::read_to_string(&vault.peppers).unwrap();
    let newest: String = text.lines().filter(|line| !line.starts_with(&old)).map(|line| format!("{line}\n")).collect();
    std::fs::write(&vault.peppers, newest).unwrap();
    vault.world.restart().await;
    assert_eq!(vault.verdict(&used.secret).await, Valid);
    assert_eq!(vault.verdict(&idle.secret).await, Invalid);
    assert_eq!(vault.make(ADA, "Next").await.unwrap().client_secret.map(|made| pepper(&made)), Some(new));
}

#[tokio::test]
async fn b54_a_verification_stands_when_the_newer_hash_cannot_be_written() {
    let (world, faults) = crate::enduring::failing().await;
    // The world of faults has no peppers, so the hub is asked as its service would ask it.
    let pepper = secret::Pepper::generate();
    let old = secret::Peppers::new(Vec::new(), pepper.clone());
    let both = secret::Peppers::new(vec![pepper], secret::Pepper::generate());
    let text = secret::Secret::generate();
    let command = devhub::domain::client_secret::CreateClientSecret {
        application: "app".parse().unwrap(),
        id: "secret-1".parse().unwrap(),
        name: "Laptop".into(),
        expires_at: None,
        made: Some(devhub::domain::client_secret::Made { hash: old.hash(&text), last_shown: text.last_shown().into() }),
    };
    let ada = ADA.parse::<devhub::domain::Actor>().unwrap();
    world.hub().execute(ada, command.into(), devhub::hub::Request::once()).await.unwrap();
    faults.start(Fault::DiskFull);
    let client_id = client("app").parse().unwrap();
    let verify = || world.hub().verify_credentials(&both, Some(&client_id), text.reveal(), world.hub().now());
    let devhub::hub::Verified::Right(bearer) = verify().await.unwrap() else { panic!("it is right") };
    assert_eq!(bearer.secret.hash, old.hash(&text));
    faults.stop(Fault::DiskFull);
    verify().await.unwrap();
    let devhub::hub::Verified::Right(bearer) = verify().await.unwrap() else { panic!("it is right") };
    assert_eq!(bearer.secret.hash, both.hash(&text), "the next one tried again");
}

#[tokio::test]
async fn b54_of_many_verifications_at_a_time_one_renews_the_hash() {
    let mut vault = Vault::new().await;
    let made = vault.make(ADA, "Busy").await.unwrap();
    secret::add(&vault.peppers).unwrap();
    vault.world.restart().await;
    let verifications = (0..20).map(|_| vault.verdict(&made.secret));
    let verdicts = futures_util::future::join_all(verifications).await;
    assert!(verdicts.into_iter().all(|verdict| verdict == Valid));
    assert_eq!(vault.facts(v1::FactKind::ClientSecretRehashed).await.len(), 1);
}

#[tokio::test]
async fn without_a_pepper_no_secret_is_made_or_verified_but_any_can_be_revoked() {
    let mut vault = Vault::new().await;
    let made = vault.make(ADA, "Laptop").await.unwrap();
    vault.world.config.pepper_file = None;
    vault.world.restart().await;
    for status in [
        vault.make(ADA, "Next").await.unwrap_err(),
        verify(&vault.world, &client("app"), &made.secret).await.unwrap_err(),
    ] {
        assert_eq!((status.code(), reason(&status).as_str()), (Code::FailedPrecondition, "PEPPER_REQUIRED"));
        assert!(status.message().contains("--pepper-file") && status.message().contains("pepper new"));
    }
    let refused = vault.facts(v1::FactKind::CommandRefused).await;
    assert_eq!(refused.last().unwrap().refusal, "PEPPER_REQUIRED");
    assert_eq!(vault.list().await.len(), 1);
    vault.revoke(ADA, &id(&made)).await.unwrap();
    assert!(vault.list().await.is_empty());
}

#[tokio::test]
async fn a_pepper_file_that_cannot_be_used_stops_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let inside = data.join("peppers");
    secret::create(&inside).unwrap();
    for (file, remedy) in [(directory.path().join("none"), "devhub pepper new"), (inside, "keep it elsewhere")] {
        let config = devhub::config::Config { pepper_file: Some(file), ..devhub::config::Config::for_testing(&data) };
        let clock = std::sync::Arc::new(devhub::clock::ManualClock::at(start()));
        let error = match devhub::server::Server::start(&config, clock).await {
            Ok(_) => panic!("a hub without the peppers that it should have"),
            Err(error) => format!("{error:#}"),
        };
        assert!(error.starts_with("pepper_file") && error.contains(remedy), "{error}");
    }
}

#[tokio::test]
async fn a_last_use_is_told_by_the_hour_kept_across_restarts_and_not_in_the_journal() {
    let mut vault = Vault::new().await;
    let made = vault.make(ADA, "Laptop").await.unwrap();
    let head = vault.world.hub().store().head().revision;
    assert_eq!(hour(&vault.list().await[0]), None);
    for (later, expected) in [(0, 0), (59, 0), (60, 1), (119, 1), (121, 2)] {
        vault.world.clock.set(start() + chrono::TimeDelta::minutes(later));
        assert_eq!(vault.verdict(&made.secret).await, Valid);
        assert_eq!(hour(&vault.list().await[0]), Some(start() + chrono::TimeDelta::hours(expected)), "{later}");
    }
    vault.verdict("something else").await;
    vault.world.restart().await;
    assert_eq!(hour(&vault.list().await[0]), Some(start() + chrono::TimeDelta::hours(2)));
    assert_eq!(vault.world.hub().store().head().revision, head, "not one verification is in the journal");
}

/// Every file below a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// A text as it is, and as hexadecimal digits and base64 would carry it, whatever stands before it.
fn disguises(text: &str) -> Vec<Vec<u8>> {
    const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits =
        |bytes: &[u8]| bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect::<Vec<u8>>();
    let base64 = (0..3).map(|skipped| {
        let bits = bits(&text.as_bytes()[skipped..]);
        let digit = |six: &[u8]| BASE64[usize::from(six.iter().fold(0, |number, bit| number << 1 | bit))];
        bits.chunks_exact(6).map(digit).collect::<Vec<u8>>()
    });
    let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    base64.chain([text.as_bytes().to_vec(), hex.to_uppercase().into_bytes(), hex.into_bytes()]).collect()
}

fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[tokio::test]
async fn no_secret_is_found_in_anything_that_is_kept_or_told() {
    let mut vault = Vault::new().await;
    let request = v1::CreateClientSecretRequest { request_id: "canary".into(), ..asked("Canary name") };
    let made = create(&vault.world, ADA, request.clone()).await.unwrap();
    let gone = vault.make(ADA, "Gone").await.unwrap();
    // So with the secrets of service accounts: that of a new one, and the one that it is replaced by.
    let company = v1::Company {
        tenancy: v1::Tenancy::DevelopmentSandbox.into(),
        ..crate::accounts::company("42", crate::accounts::CAROL)
    };
    let register = v1::CreateCompanyRequest { company: Some(company), ..Default::default() };
    vault.world.companies(OPERATOR).create_company(register).await.unwrap();
    let account = v1::ServiceAccount {
        account_id: "sa-canary".into(),
        company_id: "42".into(),
        name: "Canary account".into(),
        ..Default::default()
    };
    let make = v1::CreateServiceAccountRequest { account: Some(account), request_id: "canary-account".into() };
    let rotate = v1::RotateServiceAccountSecretRequest {
        company_id: "42".into(),
        account_id: "sa-canary".into(),
        request_id: "canary-rotation".into(),
        ..Default::default()
    };
    let mut accounts = vault.world.accounts(crate::accounts::CAROL);
    let first = accounts.create_service_account(make.clone()).await.unwrap().into_inner();
    let second = accounts.rotate_service_account_secret(rotate.clone()).await.unwrap().into_inner();
    let account_client = second.account.as_ref().unwrap().client_id.clone();
    let mut told = Vec::new();
    told.extend(format!("{:?}", accounts.create_service_account(make).await.unwrap()).into_bytes());
    told.extend(format!("{:?}", accounts.rotate_service_account_secret(rotate).await.unwrap()).into_bytes());
    told.extend(format!("{:?}", create(&vault.world, ADA, request).await.unwrap()).into_bytes());
    vault.verdict(&gone.secret).await;
    vault.revoke(ADA, &id(&gone)).await.unwrap();
    for (client_id, secret) in [
        (&client("app"), &made.secret),
        (&made.secret, &made.secret),
        (&client("app"), &gone.secret),
        (&account_client, &first.secret),
        (&account_client, &second.secret),
        (&second.secret, &second.secret),
    ] {
        told.extend(format!("{:?}", vault.verify(client_id, secret).await).into_bytes());
    }
    let status = verify(&vault.world, &client("app"), &made.secret.repeat(5)).await.unwrap_err();
    told.extend(format!("{status:?}").into_bytes());
    secret::add(&vault.peppers).unwrap();
    vault.world.restart().await;
    assert_eq!(vault.verdict(&made.secret).await, Valid);
    assert_eq!(vault.verify(&account_client, &second.secret).await.verdict(), Valid);
    let listed = vault.world.accounts("").list_service_accounts(v1::ListServiceAccountsRequest::default()).await;
    told.extend(format!("{:?}", listed.unwrap()).into_bytes());
    told.extend(format!("{:?}", vault.list().await).into_bytes());
    told.extend(format!("{:?}", vault.world.all_facts(v1::FactFilter::default()).await).into_bytes());
    told.extend(admin(vault.world.server().admin_address, "/metrics").await.into_bytes());
    vault.world.server.take().unwrap().stop().await.unwrap();
    let backup = vault.world.directory.path().join("hub.backup");
    devhub::store::backup::create(vault.world.directory.path(), &backup).unwrap();

    let mut kept: Vec<(String, Vec<u8>)> = files(vault.world.directory.path())
        .into_iter()
        .map(|path| (path.display().to_string(), std::fs::read(path).unwrap()))
        .collect();
    for part in ["journal", "usage", "hub.backup"] {
        assert!(kept.iter().any(|(name, _)| name.contains(part)), "{part} was searched");
    }
    for name in [&b"Canary name"[..], b"Canary account"] {
        let journals = kept.iter().filter(|(_, bytes)| holds(bytes, name)).count();
        assert!(journals >= 3, "what is kept of it is found in the journal, the state and the backup: {journals}");
    }
    kept.push(("what was told".to_owned(), told));
    for secret in [&made.secret, &gone.secret, &first.secret, &second.secret] {
        // The random part alone too: the prefix may stand anywhere.
        for needle in disguises(secret).into_iter().chain(disguises(&secret[4..47])) {
            for (name, bytes) in &kept {
                assert!(!holds(bytes, &needle), "{name} holds a secret");
            }
        }
    }
}
