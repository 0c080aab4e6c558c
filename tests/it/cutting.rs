//! Rules B81, B83 and B89: the first call of an installed application confirms that a company can cut over. What counts as
//! one, what does not, and that nobody waits for its being recorded.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use devhub::clock::Clock as _;
use devhub::store::fault::Fault;
use devhub::wire::timestamp;
use devhub_decision::{Environment, Question};
use devhub_gateway::{Replica, Settings};
use devhub_proto::v1;
use devhub_proto::v1::AppComponent::UserLevelConnection;

use crate::accounts::{CAROL, marketplace};
use crate::enduring::failing;
use crate::migrating::{EARLY, NEVER, OVERLAP, SCOPED, before, furnish};
use crate::promoting::app_version;
use crate::replica::*;
use crate::world::*;

/// A call of the application with its own credentials, in a company.
fn call(company: &str) -> v1::AuthorizeRequest {
    v1::AuthorizeRequest {
        environment: v1::Environment::Production.into(),
        company_id: Some(company.into()),
        ..question("ledgerly", SCOPED)
    }
}

impl World {
    async fn is_told(&self, question: v1::AuthorizeRequest) -> String {
        words(&self.gateway().authorize(question).await.unwrap().into_inner())
    }

    async fn calls(&self, company: &str) {
        assert_eq!(self.is_told(call(company)).await, "ALLOW SUBSCRIBED");
    }

    /// When the application was first used in each time of being installed in a company.
    async fn uses(&self, company: &str) -> Vec<Option<prost_types::Timestamp>> {
        let request = v1::GetInstallationRequest { application_id: "ledgerly".into(), company_id: company.into() };
        let found = self.installations("").get_installation(request).await.unwrap().into_inner().installation.unwrap();
        found.intervals.iter().map(|interval| interval.first_use_time).collect()
    }

    /// The facts of first uses, with the company and the instant.
    async fn noted(&self) -> Vec<(String, Option<prost_types::Timestamp>)> {
        let kinds = vec![v1::FactKind::InstallationFirstUsed.into()];
        let facts = self.all_facts(v1::FactFilter { kinds, ..Default::default() }).await;
        facts.into_iter().map(|fact| (fact.company_id, fact.effective_time)).collect()
    }

    async fn moves_to(&self, company: &str, version: &str) {
        let request = v1::UpdateInstallationRequest {
            application_id: "ledgerly".into(),
            company_id: company.into(),
            version: version.into(),
            approve_wider_permissions: true,
            ..Default::default()
        };
        self.installations(CAROL).update_installation(request).await.unwrap();
    }

    /// What the application ships next.
    async fn ship(&self, number: &str, change: impl FnOnce(&mut v1::AppVersion)) {
        let mut version = app_version("ledgerly", number);
        change(&mut version);
        self.make(version).await.unwrap();
        self.promote_app("ledgerly", number).await.unwrap();
    }
}

/// Two companies have an account of their own beside the installation that is to take its place; the third has only the
/// account.
async fn overlapping(world: &World) {
    for company in [EARLY, OVERLAP, NEVER] {
        world.account(CAROL, company, &format!("sa-{company}"), marketplace("ledgerly")).await.unwrap();
    }
    world.ship("1.0.0", |_| {}).await;
    world.clock.advance(days(1));
    world.installs(EARLY).await;
    world.installs(OVERLAP).await;
    world.clock.advance(days(1));
}

async fn overlap() -> World {
    let world = before().await;
    overlapping(&world).await;
    world
}

#[tokio::test]
async fn b81_b83_only_an_allowed_call_with_the_new_identity_confirms() {
    let world = overlap().await;
    let stable = deployment(v1::Environment::Production, v1::Maturity::Stable);
    world.publish(version("3.0", vec![stable])).await.unwrap();
    world.subscribe(ADA, "ledgerly", "3.0").await.unwrap();
    let request = v1::GetServiceAccountRequest { account_id: format!("sa-{EARLY}") };
    let account = world.accounts("").get_service_account(request).await.unwrap().into_inner().account.unwrap();
    let old = v1::AuthorizeRequest { client_id: account.client_id, ..call(EARLY) };
    let table = [
        ("the old account", old, "ALLOW SERVICE_ACCOUNT"),
        ("another company", call(NEVER), "DENY NOT_INSTALLED"),
        ("no company", v1::AuthorizeRequest { company_id: None, ..call(EARLY) }, "DENY COMPANY_REQUIRED"),
        ("not company-scoped", v1::AuthorizeRequest { version: "3.0".into(), ..call(EARLY) }, "ALLOW SUBSCRIBED"),
        ("unknown", v1::AuthorizeRequest { version: "9.9".into(), ..call(EARLY) }, "DENY UNKNOWN_VERSION"),
    ];
    for (what, question, expected) in table {
        assert_eq!(world.is_told(question).await, expected, "{what}");
        assert_eq!(world.hub().first_uses().held(), 0, "{what}");
    }
    let projects = v1::SetPermittedProjectsRequest {
        application_id: "ledgerly".into(),
        company_id: EARLY.into(),
        permitted_projects: Some(v1::PermittedProjects::default()),
        ..Default::default()
    };
    world.installations(CAROL).set_permitted_projects(projects).await.unwrap();
    let elsewhere = v1::AuthorizeRequest { project_id: Some("north".into()), ..call(EARLY) };
    assert_eq!(world.is_told(elsewhere).await, "DENY PROJECT_NOT_PERMITTED");
    let explain = v1::ExplainRequest { question: Some(call(EARLY)), ..Default::default() };
    world.gateway().explain(explain).await.unwrap();
    assert_eq!(world.hub().first_uses().held(), 0);
    world.note().await;
    assert_eq!((world.phase(EARLY).await, world.noted().await), ("INSTALLED".to_owned(), vec![]));

    // One of the two calls alone, the other among a batch; each again later.
    let called = world.hub().now();
    world.calls(EARLY).await;
    let questions = vec![call(NEVER), call(OVERLAP), call(OVERLAP)];
    world.gateway().batch_authorize(v1::BatchAuthorizeRequest { questions, min_revision: 0 }).await.unwrap();
    world.clock.advance(TimeDelta::minutes(5));
    world.calls(EARLY).await;
    world.note().await;
    let at = Some(timestamp(called));
    for company in [EARLY, OVERLAP] {
        assert_eq!(world.phase(company).await, "CUTOVER_CONFIRMED");
        assert_eq!((world.uses(company).await, world.migration(company).await.first_use_time), (vec![at], at));
    }
    let mut noted = world.noted().await;
    noted.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(noted, [(EARLY.to_owned(), at), (OVERLAP.to_owned(), at)]);
    let facts = world.all_facts(v1::FactFilter::default()).await;
    let fact = facts.iter().find(|fact| fact.kind() == v1::FactKind::InstallationFirstUsed).unwrap();
    assert_eq!((fact.actor.as_str(), fact.application_id.as_str()), ("process:first-use", "ledgerly"));
    assert_eq!((fact.changes[0].field.as_str(), fact.changes[0].before.as_str()), ("first_used_at", ""));
}

#[tokio::test]
async fn b81_what_is_recorded_costs_calls_nothing_and_changes_nothing_again() {
    let mut world = overlap().await;
    world.calls(EARLY).await;
    world.note().await;
    let head = world.hub().store().head();
    for _ in 0..3 {
        world.clock.advance(days(1));
        world.calls(EARLY).await;
        assert_eq!(world.hub().first_uses().held(), 0, "the table knows");
        world.note().await;
    }
    assert_eq!(world.hub().store().head(), head);
    // So does the table of a hub that reads everything anew, and that which folds the journal.
    let told = world.uses(EARLY).await;
    let dump = world.hub().table().dump();
    world.restart().await;
    assert_eq!((world.uses(EARLY).await, world.phase(EARLY).await), (told, "CUTOVER_CONFIRMED".to_owned()));
    let hub = world.hub();
    assert_eq!(dump, hub.table().dump());
    assert_eq!(dump, hub.table_at(hub.store().head().revision).unwrap().dump());
    assert_eq!(dump, hub.table_from_records().unwrap().dump());
    world.calls(EARLY).await;
    assert_eq!(world.hub().first_uses().held(), 0);
}

#[tokio::test]
async fn b89_whoever_installs_again_begins_anew_and_an_update_goes_on() {
    let world = overlap().await;
    let at = |world: &World| Some(timestamp(world.hub().now()));
    let first = at(&world);
    world.calls(EARLY).await;
    world.note().await;
    // An update that keeps the service account changes nothing of it; one that drops it ends the time.
    world.ship("1.1.0", |_| {}).await;
    world.moves_to(EARLY, "1.1.0").await;
    assert_eq!((world.uses(EARLY).await, world.phase(EARLY).await), (vec![first], "CUTOVER_CONFIRMED".to_owned()));
    world.clock.advance(days(1));
    world.ship("1.2.0", |version| version.components = vec![UserLevelConnection.into()]).await;
    world.moves_to(EARLY, "1.2.0").await;
    world.calls(EARLY).await;
    assert_eq!(world.hub().first_uses().held(), 0, "it has no identity of its own there");
    assert_eq!(world.phase(EARLY).await, "DEVELOPER_READY");
    world.clock.advance(days(1));
    world.ship("1.3.0", |_| {}).await;
    world.moves_to(EARLY, "1.3.0").await;
    assert_eq!(world.phase(EARLY).await, "INSTALLED");
    assert_eq!(world.migration(EARLY).await.first_use_time, None);
    world.clock.advance(days(1));
    let again = at(&world);
    world.calls(EARLY).await;
    world.note().await;
    assert_eq!(world.uses(EARLY).await, [first, None, again]);
    // Called, uninstalled and installed again before anybody looked: the call belongs to the time that it was made in.
    world.clock.advance(days(1));
    let before = at(&world);
    world.calls(OVERLAP).await;
    world.clock.advance(days(1));
    world.uninstalls(OVERLAP).await;
    world.clock.advance(days(1));
    world.installs(OVERLAP).await;
    world.note().await;
    assert_eq!((world.uses(OVERLAP).await, world.phase(OVERLAP).await), (vec![before, None], "INSTALLED".to_owned()));
    world.clock.advance(days(1));
    let last = at(&world);
    world.calls(OVERLAP).await;
    world.note().await;
    assert_eq!(world.uses(OVERLAP).await, [before, last]);
    assert_eq!(world.phase(OVERLAP).await, "CUTOVER_CONFIRMED");
}

#[tokio::test]
async fn b81_maintenance_a_full_disk_and_a_full_set_stop_no_call_and_lose_no_first_use() {
    let (world, faults) = failing().await;
    furnish(&world).await;
    overlapping(&world).await;
    // The hub itself is no collaborator: a window that refuses their writes does not concern it.
    let now = world.hub().now();
    let window = v1::Maintenance {
        maintenance_id: "upgrade".into(),
        tenancy: v1::Tenancy::Production.into(),
        start_time: Some(timestamp(now)),
        end_time: Some(timestamp(now + days(1))),
        refuses: v1::MaintenanceRefuses::Writes.into(),
        reason: "upgrade".into(),
        zone: "America/Los_Angeles".into(),
        ..Default::default()
    };
    let request = v1::ScheduleMaintenanceRequest { maintenance: Some(window), ..Default::default() };
    world.maintenance(OPERATOR).schedule_maintenance(request).await.unwrap();
    let uninstall =
        v1::UninstallRequest { application_id: "ledgerly".into(), company_id: EARLY.into(), ..Default::default() };
    assert_eq!(refused(world.installations(CAROL).uninstall(uninstall).await), "MAINTENANCE");

    // Room for one, and a disk that takes nothing.
    let first_uses = world.hub().first_uses();
    first_uses.set_held_max(1);
    faults.start(Fault::DiskFull);
    let early = Some(timestamp(world.hub().now()));
    world.calls(EARLY).await;
    world.calls(OVERLAP).await;
    assert_eq!((first_uses.held(), first_uses.not_kept()), (1, 1));
    world.hub().note_first_uses().await.unwrap_err();
    assert_eq!((first_uses.held(), world.uses(EARLY).await), (1, vec![None]), "it waits");
    world.clock.advance(TimeDelta::hours(1));
    world.calls(EARLY).await;
    faults.stop(Fault::DiskFull);
    world.note().await;
    assert_eq!((first_uses.held(), world.uses(EARLY).await), (0, vec![early]));
    assert_eq!(world.uses(OVERLAP).await, [None], "lost, and brought back by the next call");
    world.clock.advance(TimeDelta::hours(1));
    let later = Some(timestamp(world.hub().now()));
    world.calls(OVERLAP).await;
    world.note().await;
    assert_eq!(world.uses(OVERLAP).await, [later]);
    assert_eq!((first_uses.recorded(), first_uses.not_kept()), (2, 1));
}

#[tokio::test]
async fn b81_a_clean_stop_keeps_a_first_use_and_a_kill_leaves_it_to_the_next_call() {
    let mut world = overlap().await;
    let at = Some(timestamp(world.hub().now()));
    world.calls(EARLY).await;
    // What a kill leaves.
    let left = tempfile::tempdir().unwrap();
    copy(world.directory.path(), left.path());
    world.restart().await;
    assert_eq!((world.uses(EARLY).await, world.phase(EARLY).await), (vec![at], "CUTOVER_CONFIRMED".to_owned()));
    world.server.take().unwrap().stop().await.unwrap();
    world.config.data_dir = left.path().to_owned();
    world.start_again().await;
    world.note().await;
    assert_eq!((world.uses(EARLY).await, world.phase(EARLY).await), (vec![None], "INSTALLED".to_owned()));
    world.clock.advance(days(1));
    let later = Some(timestamp(world.hub().now()));
    world.calls(EARLY).await;
    world.note().await;
    assert_eq!(world.uses(EARLY).await, [later]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn b81_calls_and_turns_at_once_leave_one_fact() {
    let world = overlap().await;
    let calls = (0..16).map(async |number| {
        world.calls(if number % 2 == 0 { EARLY } else { OVERLAP }).await;
        world.note().await;
    });
    futures_util::future::join_all(calls).await;
    assert_eq!(world.noted().await.len(), 2);
    assert_eq!((world.hub().first_uses().held(), world.hub().first_uses().recorded()), (0, 2));
}

/// Calls that a gateway let pass by itself.
fn item(company: &str, last_call: DateTime<Utc>) -> v1::UsageReport {
    v1::UsageReport {
        environment: v1::Environment::Production.into(),
        version: SCOPED.into(),
        company_id: company.into(),
        ..crate::usage::item("ledgerly", 5, last_call)
    }
}

#[tokio::test]
async fn b81_a_report_may_tell_of_a_first_use_and_nonsense_is_refused_in_a_sentence() {
    let world = overlap().await;
    let stable = deployment(v1::Environment::Production, v1::Maturity::Stable);
    world.publish(version("3.0", vec![stable])).await.unwrap();
    world.subscribe(ADA, "ledgerly", "3.0").await.unwrap();
    let (installed, now) = (instant("2021-06-02T00:00:00Z"), instant("2021-06-03T00:00:00Z"));
    let hour = TimeDelta::hours(1);
    let table = [
        ("not company-scoped", v1::UsageReport { version: "3.0".into(), ..item(EARLY, now) }, "not company-scoped"),
        ("no such company", item("nobody", now), "not installed there"),
        ("not installed there", item(NEVER, now), "not installed there"),
        ("before it was", item(EARLY, installed - ms(1)), "not installed there"),
        ("no name", item("a company", now), "company_id"),
        ("without a company", item("", now), ""),
        ("in the hour before", item(EARLY, installed - hour), "not installed there"),
    ];
    let items = table.iter().map(|(_, item, _)| item.clone()).collect();
    let answer = crate::usage::report(&world, "", items).await;
    for ((what, _, expected), result) in table.iter().zip(answer.results) {
        assert_eq!(result.accepted, expected.is_empty(), "{what}: {result:?}");
        assert!(result.error.contains(expected), "{what}: {result:?}");
        assert!(result.accepted || result.error.starts_with("company_id: "), "{what}: {result:?}");
    }
    assert_eq!((world.hub().first_uses().held(), world.hub().usage().figures().counted), (0, 5));
    world.installs_later(NEVER, now + hour / 2).await;
    let now = world.hub().now();
    // The beginning of the hour is not yet a call in the company, so it is counted and confirms nothing.
    let items =
        vec![item(EARLY, installed), item(NEVER, now - hour / 2), item(OVERLAP, now), item(OVERLAP, now - hour)];
    let answer = crate::usage::report(&world, "r-1", items.clone()).await;
    assert!(answer.results.iter().all(|result| result.accepted), "{answer:?}");
    assert_eq!(world.hub().first_uses().held(), 2);
    assert!(crate::usage::report(&world, "r-1", items.clone()).await.repeated_report);
    world.note().await;
    assert_eq!(world.uses(EARLY).await, [Some(timestamp(installed))]);
    assert_eq!(world.uses(OVERLAP).await, [Some(timestamp(now - hour))], "the earliest that is told before a turn");
    assert_eq!(world.uses(NEVER).await, [None]);
    // Told again, and of an earlier call: what is recorded stays.
    crate::usage::report(&world, "r-2", items).await;
    assert_eq!(world.hub().first_uses().held(), 0);
    world.note().await;
    assert_eq!(world.noted().await.len(), 2);
}

#[tokio::test]
async fn b81_a_replica_tells_of_the_first_call_in_a_company_while_the_hub_waits_for_it() {
    let world = overlap().await;
    let (wire, clocks) = (Wire::to(world.server().address).await, Clocks::of(&world.clock));
    let settings = Settings { report_every: Some(Duration::from_secs(3600)), ..settings(Environment::Production) };
    let ahead = TimeDelta::from_std(settings.clock_offset_max).unwrap();
    let replica = Replica::follow(wire.channel(), settings, Arc::new(clocks));
    replica.reach(world.hub().table().revision()).await;
    let client_id = client("ledgerly");
    let question = Question { company: Some(EARLY), ..asked(&client_id, SCOPED, Environment::Production) };
    let calls = || assert!(replica.decide(&question, |decision| decision.reason.allows()).unwrap());
    let at = world.clock.now();
    let awaited = || {
        let told = replica.follower().decide(&question, at, Duration::ZERO, |facts, _| facts.awaits_use);
        told.unwrap()
    };
    assert!(awaited());
    calls();
    calls();
    assert_eq!(replica.report(world.channel.clone()).await, (2, 0));
    assert_eq!(world.hub().first_uses().held(), 1);
    world.note().await;
    assert_eq!(world.uses(EARLY).await, [Some(timestamp(at - ahead))], "not the beginning of its hour");
    meet(world.hub(), &replica).await;
    assert!(!awaited(), "the hub knows");
    calls();
    assert_eq!(replica.report(world.channel.clone()).await, (1, 0), "counted as any other");
    assert_eq!(world.hub().first_uses().held(), 0);
}

impl World {
    async fn installs_later(&self, company: &str, at: DateTime<Utc>) {
        self.clock.set(at);
        self.installs(company).await;
    }
}
