//! Installations from another system: the rules of an installation made by hand, since the instants that are stated.

use chrono::{DateTime, Utc};
use devhub::wire::timestamp;
use devhub_proto::v1;

use crate::accounts::marketplace;
use crate::bringing::word;
use crate::installing::{CAROL, all, install, only};
use crate::promoting::app_version;
use crate::world::*;

fn row(company: &str, version: &str, since: DateTime<Utc>) -> v1::InstallationElsewhere {
    v1::InstallationElsewhere {
        application_id: "app".into(),
        company_id: company.into(),
        version: version.into(),
        permitted_projects: only(&["north"]),
        install_time: Some(timestamp(since)),
        installed_by: "dan@example.com".into(),
    }
}

fn message(installations: Vec<v1::InstallationElsewhere>, validate_only: bool) -> v1::ImportInstallationsRequest {
    v1::ImportInstallationsRequest { installations, validate_only }
}

impl World {
    /// What the hub answers to these messages, a word for each installation.
    async fn settle_all(
        &self,
        actor: &'static str,
        messages: Vec<v1::ImportInstallationsRequest>,
    ) -> Result<Vec<String>, tonic::Status> {
        let request = tokio_stream::iter(messages);
        let mut answers = self.installations(actor).import_installations(request).await?.into_inner();
        let mut told = Vec::new();
        while let Some(answer) = answers.message().await? {
            told.extend(answer.verdicts.iter().map(word));
        }
        Ok(told)
    }

    async fn settle(&self, rows: Vec<v1::InstallationElsewhere>, validate_only: bool) -> Vec<String> {
        self.settle_all(OPERATOR, vec![message(rows, validate_only)]).await.unwrap()
    }
}

/// Long before this hub.
fn then() -> DateTime<Utc> {
    instant("2024-05-01T10:00:00Z")
}

#[tokio::test]
async fn b76_b81_installations_are_judged_brought_and_unchanged_the_second_time() {
    let world = World::market().await;
    for id in ["beta", "sand"] {
        let tenancy = if id == "sand" { v1::Tenancy::DevelopmentSandbox } else { v1::Tenancy::Production };
        world.company_of(id, tenancy, &["north"]).await;
    }
    world.make(app_version("app", "2.0.0")).await.unwrap();
    let rows = || {
        vec![
            row("acme", "1.0.0", then()),
            row("nobody", "1.0.0", then()),
            v1::InstallationElsewhere { application_id: "nothing".into(), ..row("acme", "1.0.0", then()) },
            row("acme", "9.0.0", then()),
            row("beta", "2.0.0", then()),
            v1::InstallationElsewhere { permitted_projects: only(&["west"]), ..row("beta", "1.0.0", then()) },
            row("sand", "1.0.0", then()),
            row("beta", "1.0.0", start() + days(1)),
            row("beta", "", then()),
            v1::InstallationElsewhere { permitted_projects: None, ..row("beta", "1.0.0", then()) },
            v1::InstallationElsewhere { install_time: None, ..row("beta", "1.0.0", then()) },
            v1::InstallationElsewhere { installed_by: "nobody".into(), ..row("beta", "1.0.0", then()) },
            row("beta", "1.0.0", start()),
        ]
    };
    let expected = [
        "imported",
        "COMPANY_NOT_FOUND",
        "APPLICATION_NOT_FOUND",
        // A hub that has brought the first row compares; one that only judges does not know the version.
        "APP_VERSION_NOT_FOUND",
        "APP_VERSION_NOT_AVAILABLE",
        "PROJECTS_UNKNOWN",
        "CREDENTIALS_MISMATCH",
        "INVALID_FIELD",
        "INVALID_FIELD",
        "INVALID_FIELD",
        "INVALID_FIELD",
        "INVALID_FIELD",
        "imported",
    ];
    let head = world.hub().store().head().revision;
    assert_eq!(world.settle(rows(), true).await, expected);
    assert_eq!(world.hub().store().head().revision, head, "judged only");
    let with = |outcome: &'static str| {
        expected.map(|word| match word {
            "imported" => outcome,
            "APP_VERSION_NOT_FOUND" => "INSTALLATION_DIFFERS",
            other => other,
        })
    };
    let later = |told: Vec<String>| {
        // Of company beta, what is malformed is refused first; what is well-formed is compared with what is there.
        let compared = ["APP_VERSION_NOT_AVAILABLE", "PROJECTS_UNKNOWN"];
        told.iter()
            .map(|word| if compared.contains(&word.as_str()) { "INSTALLATION_DIFFERS" } else { word }.to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(world.settle(rows(), false).await, with("imported"));
    for validate_only in [true, false] {
        let again = later(with("unchanged").map(str::to_owned).into());
        assert_eq!(world.settle(rows(), validate_only).await, again);
    }
    let made = world.installation("app", "acme").await;
    assert_eq!((made.intervals.len(), made.intervals[0].start_time), (1, Some(timestamp(then()))));
    assert_eq!((made.changed_by.as_str(), made.change_time), ("collaborator:dan@example.com", Some(timestamp(then()))));
    assert!(!made.service_user_id.is_empty(), "it has a user like any other");
    let kinds = vec![v1::FactKind::InstallationImported.into()];
    let facts = world.all_facts(v1::FactFilter { kinds, ..Default::default() }).await;
    assert_eq!((facts.len(), facts[0].actor.as_str()), (2, OPERATOR), "the fact says who brought it");
    assert_eq!(facts[0].effective_time, Some(timestamp(then())));
    let mut told = facts[0].changes.iter().map(|change| (change.field.as_str(), change.after.as_str()));
    assert!(told.any(|change| change == ("installed_by", "collaborator:dan@example.com")));
}

#[tokio::test]
async fn b89_what_was_uninstalled_here_does_not_come_back_by_what_happened_before() {
    let world = World::market().await;
    assert_eq!(world.settle(vec![row("acme", "1.0.0", then())], false).await, ["imported"]);
    // What the company did here since is compared, and not undone.
    world.release("app", "1.1.0").await;
    let update =
        v1::UpdateInstallationRequest { application_id: "app".into(), company_id: "acme".into(), ..Default::default() };
    world.installations(CAROL).update_installation(update).await.unwrap();
    assert_eq!(world.settle(vec![row("acme", "1.0.0", then())], false).await, ["INSTALLATION_DIFFERS"]);
    assert_eq!(world.settle(vec![row("acme", "1.1.0", then())], false).await, ["unchanged"]);
    world.clock.advance(days(10));
    world.uninstall("app", "acme").await.unwrap();
    let ended = start() + days(10);
    world.clock.advance(days(10));
    for (since, expected) in [
        (then(), "SINCE_OUT_OF_RANGE"),
        (ended - ms(1), "SINCE_OUT_OF_RANGE"),
        (ended + ms(1), "imported"),
        (ended + ms(1), "unchanged"),
    ] {
        assert_eq!(world.settle(vec![row("acme", "1.1.0", since)], false).await, [expected], "{since}");
    }
    assert_eq!(world.installation("app", "acme").await.intervals.len(), 2);
}

/// What only a new installation is refused, an old one that is put on record is not (rule B87).
#[tokio::test]
async fn b80_b87_what_is_installed_elsewhere_is_not_new() {
    let world = World::market().await;
    world.company_of("beta", v1::Tenancy::Production, &["north"]).await;
    world.organisation(crate::promoting::OWNER, v1::OrganisationStatus::Unverified).await;
    let by_hand = v1::InstallRequest { permitted_projects: all(), ..install("app", "beta", "1.0.0") };
    assert_eq!(refused(world.install(by_hand).await), "ORGANISATION_NOT_VERIFIED");
    assert_eq!(world.settle(vec![row("beta", "1.0.0", then())], false).await, ["imported"]);
}

/// The instants that are stated count in the migration: the past is as it was.
#[tokio::test]
async fn b81_a_migration_is_as_far_as_it_was_elsewhere() {
    let world = World::market().await;
    let account = v1::ServiceAccount {
        company_id: "acme".into(),
        client_id: "client-old".into(),
        name: "Old".into(),
        account_type: Some(marketplace("app")),
        create_time: Some(timestamp(then() - days(100))),
        ..Default::default()
    };
    let request = v1::CreateServiceAccountRequest { account: Some(account), ..Default::default() };
    world.accounts(OPERATOR).create_service_account(request).await.unwrap();
    assert_eq!(world.settle(vec![row("acme", "1.0.0", then())], false).await, ["imported"]);
    for (at, expected) in [
        (then() - ms(1), v1::MigrationPhase::NotStarted),
        (then(), v1::MigrationPhase::Installed),
        (then() + ms(1), v1::MigrationPhase::Installed),
    ] {
        let request = v1::ListMigrationsRequest { at: Some(timestamp(at)), ..Default::default() };
        let found = world.migrations().list_migrations(request).await.unwrap().into_inner().migrations;
        assert_eq!(found.iter().map(v1::Migration::phase).collect::<Vec<_>>(), [expected], "{at}");
    }
}

#[tokio::test]
async fn an_import_of_installations_is_for_operators_and_bounded() {
    let world = World::market().await;
    let status = world.settle_all(OPERATOR, vec![message(vec![row("acme", "1.0.0", then()); 501], true)]).await;
    assert_eq!(violations(&status.unwrap_err()), ["installations"]);
    // Whoever decides for the company installs; only operators say since when.
    let refusal = world.settle_all(CAROL, vec![message(vec![row("acme", "1.0.0", then())], false)]).await;
    assert_eq!(refused(refusal), "OPERATOR_REQUIRED");
    let kinds = vec![v1::FactKind::CommandRefused.into()];
    let facts = world.all_facts(v1::FactFilter { kinds, ..Default::default() }).await;
    assert_eq!(facts.last().unwrap().refused_command, "ImportInstallations");
    assert!(world.settle_all(OPERATOR, Vec::new()).await.unwrap().is_empty());
    // The same one many times in several messages: one is brought, in whatever order they are worked on.
    let messages = (0..8).map(|_| message(vec![row("acme", "1.0.0", then()); 20], false)).collect();
    let told = world.settle_all(OPERATOR, messages).await.unwrap();
    assert_eq!((told[0].as_str(), told.len()), ("imported", 160));
    assert!(told[1..].iter().all(|word| word == "unchanged"));
}
