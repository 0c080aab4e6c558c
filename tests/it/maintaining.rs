//! Maintenance windows: what they refuse, whom, where, and until when; to the instant, in one place for every command.

use chrono::{DateTime, Utc};
use devhub::wire::timestamp;
use devhub_proto::v1;
use devhub_proto::v1::MaintenanceRefuses::{ManifestCreation, Writes};
use devhub_proto::v1::Tenancy::{DevelopmentSandbox, MonthlySandbox, Production};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::promoting::app_version;
use crate::world::*;

fn window(id: &str, from: DateTime<Utc>, until: DateTime<Utc>) -> v1::Maintenance {
    v1::Maintenance {
        maintenance_id: id.into(),
        tenancy: DevelopmentSandbox.into(),
        start_time: Some(timestamp(from)),
        end_time: Some(timestamp(until)),
        refuses: Writes.into(),
        reason: "reliability".into(),
        zone: "America/Los_Angeles".into(),
        ..Default::default()
    }
}

impl World {
    async fn plan(&self, window: v1::Maintenance) -> Result<v1::Maintenance, Status> {
        let request = v1::ScheduleMaintenanceRequest { maintenance: Some(window), ..Default::default() };
        let response = self.maintenance(OPERATOR).schedule_maintenance(request).await?.into_inner();
        Ok(response.maintenance.unwrap())
    }

    async fn rename(&self, actor: &'static str, id: &str, name: &str) -> Result<(), Status> {
        let request =
            v1::UpdateApplicationRequest { application_id: id.into(), name: Some(name.into()), ..Default::default() };
        self.applications(actor).update_application(request).await.map(|_| ())
    }

    async fn windows(&self, ahead_only: bool) -> Vec<v1::Maintenance> {
        let request = v1::ListMaintenanceRequest { ahead_only, ..Default::default() };
        self.maintenance("").list_maintenance(request).await.unwrap().into_inner().maintenance
    }
}

#[tokio::test]
async fn a_window_refuses_collaborators_from_its_first_instant_until_its_last() {
    let mut world = World::usual().await;
    let (from, until) = (start() + days(10), start() + days(11));
    let planned = world.plan(window("sandbox", from, until)).await.unwrap();
    assert_eq!(planned.start_local, "2026-01-10 16:00 PST America/Los_Angeles (2026-01-11T00:00:00Z)");
    world.restart().await;
    let mut number = 0;
    for (at, refuses) in [
        (from - ms(1), false),
        (from, true),
        (from + ms(1), true),
        (until - ms(1), true),
        (until, false),
        (until + ms(1), false),
    ] {
        world.clock.set(at);
        number += 1;
        let changed = world.rename(ADA, "app", &format!("Name {number}")).await;
        assert_eq!(changed.is_err(), refuses, "{at}");
        // Operators work through it, and gateways are answered.
        world.rename(OPERATOR, "app", &format!("Name {number}o")).await.unwrap();
        assert_eq!(world.decision("app", "1.0").await, "DENY NOT_SUBSCRIBED");
        if let Err(status) = changed {
            assert_eq!((reason(&status).as_str(), status.code()), ("MAINTENANCE", Code::Unavailable));
            assert!(status.message().contains("2026-01-11 16:00 PST America/Los_Angeles (2026-01-12T00:00:00Z)"));
            let retry = status.get_details_retry_info().unwrap().retry_delay.unwrap();
            // Commands take strictly increasing instants, so the judgement may stand a little after the clock.
            assert!((until - at).to_std().unwrap().abs_diff(retry).as_millis() <= 1, "{retry:?}");
        }
    }
    assert_eq!(world.windows(true).await, []);
    assert_eq!(world.windows(false).await[0].state(), v1::MaintenanceState::Over);
}

#[tokio::test]
async fn a_window_concerns_its_own_part_of_the_platform_only() {
    let world = World::usual().await;
    world.production_app("live").await;
    for (tenancy, sandbox, production) in
        [(DevelopmentSandbox, true, false), (MonthlySandbox, false, false), (Production, false, true)]
    {
        let id = format!("w-{}", tenancy as i32);
        let (from, until) = (start(), start() + days(1));
        world.plan(v1::Maintenance { tenancy: tenancy.into(), ..window(&id, from, until) }).await.unwrap();
        assert_eq!(world.rename(ADA, "app", &format!("App {id}")).await.is_err(), sandbox, "{tenancy:?}");
        assert_eq!(world.rename(ADA, "live", &format!("Live {id}")).await.is_err(), production, "{tenancy:?}");
        // What is only just being made has no record that could say where it lives; what is uplifted goes to production.
        let made = v1::CreateApplicationRequest {
            application: Some(v1::Application {
                application_id: format!("new-{id}"),
                name: format!("New {id}"),
                environment: v1::Environment::Production.into(),
                ..Default::default()
            }),
            ..Default::default()
        };
        assert_eq!(world.applications(ADA).create_application(made).await.is_err(), production, "{tenancy:?}");
        let uplift = v1::UpliftApplicationRequest {
            application_id: "app".into(),
            production_application_id: format!("up-{id}"),
            name: format!("Up {id}"),
            ..Default::default()
        };
        let uplifted = world.applications(ADA).uplift_application(uplift).await;
        assert_eq!(uplifted.is_err(), sandbox || production, "{tenancy:?} {uplifted:?}");
        let cancel = v1::CancelMaintenanceRequest { maintenance_id: id, reason: "done".into(), ..Default::default() };
        world.maintenance(OPERATOR).cancel_maintenance(cancel).await.unwrap();
    }
}

#[tokio::test]
async fn manifest_creation_alone_can_be_refused() {
    let world = World::usual().await;
    let (from, until) = (start() + days(1), start() + days(2));
    let manifests = v1::Maintenance { refuses: ManifestCreation.into(), ..window("manifests", from, until) };
    world.plan(manifests).await.unwrap();
    for (at, number, refuses) in
        [(from - ms(1), "1.0.0", false), (from, "1.1.0", true), (until - ms(1), "1.1.0", true), (until, "1.1.0", false)]
    {
        world.clock.set(at);
        let made = world.make(app_version("app", number)).await;
        assert_eq!(made.is_err(), refuses, "{at}");
        if let Err(status) = made {
            assert!(status.message().contains("refuses new versions of applications"), "{status:?}");
        }
        world.rename(ADA, "app", &format!("Name {}", at.timestamp_millis())).await.unwrap();
    }
}

#[tokio::test]
async fn a_window_is_planned_revised_and_cancelled_by_operators() {
    let world = World::usual().await;
    let (from, until) = (start() + days(1), start() + days(2));
    let request =
        v1::ScheduleMaintenanceRequest { maintenance: Some(window("w-1", from, until)), ..Default::default() };
    let refusal = world.maintenance(ADA).schedule_maintenance(request).await;
    assert_eq!(refused(refusal), "OPERATOR_REQUIRED");
    let made = world.plan(window("w-1", from, until)).await.unwrap();
    assert_eq!(refused(world.plan(window("w-1", from, until)).await), "ALREADY_EXISTS");
    let backwards = world.plan(window("w-2", until, until)).await.unwrap_err();
    assert_eq!(violations(&backwards), ["end_time"]);
    let zoneless = v1::Maintenance { zone: "PST".into(), ..window("w-2", from, until) };
    assert_eq!(violations(&world.plan(zoneless).await.unwrap_err()), ["maintenance.zone"]);

    let revise = |change: fn(&mut v1::ReviseMaintenanceRequest)| {
        let mut request = v1::ReviseMaintenanceRequest { maintenance_id: "w-1".into(), ..Default::default() };
        change(&mut request);
        request
    };
    let stale = revise(|request| request.etag = "1".into());
    assert_eq!(refused(world.maintenance(OPERATOR).revise_maintenance(stale).await), "ETAG_MISMATCH");
    assert_eq!(refused(world.maintenance(OPERATOR).revise_maintenance(revise(|_| {})).await), "NOTHING_TO_DO");
    // "We will extend the maintenance": while it runs, its end moves, its beginning does not.
    world.clock.set(from);
    let later = revise(|request| request.end_time = Some(timestamp(start() + days(3))));
    let revised = world.maintenance(OPERATOR).revise_maintenance(later).await.unwrap().into_inner();
    let revised = revised.maintenance.unwrap();
    assert_eq!((revised.state(), revised.start_time), (v1::MaintenanceState::Running, made.start_time));
    let begun = revise(|request| request.start_time = Some(timestamp(start() + days(2))));
    assert_eq!(refused(world.maintenance(OPERATOR).revise_maintenance(begun).await), "INSTANT_IN_PAST");
    world.clock.set(until);
    assert_eq!(refused(world.rename(ADA, "app", "Another").await), "MAINTENANCE");
    let cancel = |id: &str| v1::CancelMaintenanceRequest {
        maintenance_id: id.into(),
        reason: "done earlier".into(),
        ..Default::default()
    };
    assert_eq!(refused(world.maintenance(OPERATOR).cancel_maintenance(cancel("w-9")).await), "MAINTENANCE_NOT_FOUND");
    let cancelled = world.maintenance(OPERATOR).cancel_maintenance(cancel("w-1")).await.unwrap().into_inner();
    let cancelled = cancelled.maintenance.unwrap();
    assert_eq!(
        (cancelled.state(), cancelled.cancel_reason.as_str()),
        (v1::MaintenanceState::Cancelled, "done earlier")
    );
    world.rename(ADA, "app", "Another").await.unwrap();
    assert_eq!(refused(world.maintenance(OPERATOR).cancel_maintenance(cancel("w-1")).await), "NOTHING_TO_DO");

    // A window that is past is on record, and refuses nothing.
    world.plan(window("w-0", start() - days(9), start() - days(8))).await.unwrap();
    world.rename(ADA, "app", "A third").await.unwrap();
    assert_eq!((world.windows(true).await.len(), world.windows(false).await.len()), (0, 2));
    let kinds =
        [v1::FactKind::MaintenanceScheduled, v1::FactKind::MaintenanceRevised, v1::FactKind::MaintenanceCancelled];
    let kinds = kinds.into_iter().map(i32::from).collect();
    assert_eq!(world.all_facts(v1::FactFilter { kinds, ..Default::default() }).await.len(), 4);
}

/// A collaborator's command that was judged before a window was planned is judged again: the gate is in the commit.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_window_that_is_planned_during_a_race_has_a_before_and_an_after() {
    let world = std::sync::Arc::new(World::usual().await);
    for number in 0..32 {
        world.application(&format!("racer-{number}")).await;
    }
    let mut racers = Vec::new();
    for number in 0..32 {
        let racer = std::sync::Arc::clone(&world);
        racers
            .push(tokio::spawn(async move { racer.rename(ADA, &format!("racer-{number}"), "Renamed").await.is_ok() }));
        if number == 16 {
            let operator = std::sync::Arc::clone(&world);
            racers.push(tokio::spawn(
                async move { operator.plan(window("w-1", start(), start() + days(1))).await.is_ok() },
            ));
        }
    }
    for racer in racers {
        racer.await.unwrap();
    }
    let facts = world.all_facts(v1::FactFilter::default()).await;
    let planned = facts.iter().position(|fact| fact.kind() == v1::FactKind::MaintenanceScheduled).unwrap();
    let renamed = facts.iter().rposition(|fact| fact.kind() == v1::FactKind::ApplicationUpdated);
    assert!(renamed.is_none_or(|renamed| renamed < planned), "{renamed:?} after {planned}");
}
