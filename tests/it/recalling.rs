//! What was announced before a hub kept it: loaded as the first entry of a ledger, and no way round any notice.

use chrono::{DateTime, Utc};
use devhub::wire::timestamp;
use devhub_proto::v1;
use devhub_proto::v1::lifecycle_change::Step;
use devhub_proto::v1::schedule_target::Target;

use crate::world::{
    ADA, CONTEXT, OPERATOR, World, days, deployment, instant, ms, reason, refused, start, step, target, version,
    violations,
};

/// An API under the policy of a test, with one STABLE version that lists one operation.
async fn world_of(policy: &str) -> World {
    let world = World::new().await;
    world.api_with(CONTEXT, policy).await;
    let endpoint =
        v1::Endpoint { method: "GET".into(), path: "/items".into(), auth_type: v1::AuthType::Application.into() };
    let published = version("1.0", vec![deployment(v1::Environment::Sandbox, v1::Maturity::Stable)]);
    world.publish(v1::ApiVersion { endpoints: vec![endpoint], ..published }).await.unwrap();
    world
}

fn operation() -> v1::ScheduleTarget {
    let version = v1::VersionName { context: CONTEXT.into(), version: "1.0".into() };
    let name = v1::OperationName { version: Some(version), method: "GET".into(), path: "/items".into() };
    v1::ScheduleTarget { environment: v1::Environment::Sandbox.into(), target: Some(Target::Operation(name)) }
}

fn namespace() -> v1::ScheduleTarget {
    let name = Target::Namespace("individuals".into());
    v1::ScheduleTarget { environment: v1::Environment::Sandbox.into(), target: Some(name) }
}

fn deprecate(deprecated: DateTime<Utc>, retires: Option<DateTime<Utc>>) -> Step {
    Step::Deprecate(v1::DeprecateStep {
        deprecate_time: Some(timestamp(deprecated)),
        sunset_begin_time: None,
        retire_time: retires.map(timestamp),
    })
}

fn announced(at: DateTime<Utc>, change: v1::LifecycleChange) -> v1::LifecycleChange {
    v1::LifecycleChange { announce_time: Some(timestamp(at)), ..change }
}

fn overridden(change: v1::LifecycleChange) -> v1::LifecycleChange {
    v1::LifecycleChange { override_reason: "it ended before this hub kept its dates".into(), ..change }
}

/// Dates in the past are the first entry of a ledger, and say when they were announced; nothing else brings them.
#[tokio::test]
async fn b71_what_was_announced_before_is_the_first_entry_of_a_ledger() {
    for target in [operation(), namespace()] {
        let world = world_of("procore-rest").await;
        let (public, deprecated) = (start() - days(400), start() - days(300));
        let past = || step(target.clone(), deprecate(deprecated, None));
        assert_eq!(refused(world.change(past()).await), "INSTANT_IN_PAST", "nobody says when it was announced");
        let later = announced(start() + days(1), past());
        assert_eq!(refused(world.change(later).await), "ANNOUNCEMENT_OUT_OF_ORDER");
        world.change(announced(public, past())).await.unwrap();
        assert_eq!(
            refused(world.schedule(target.clone(), Some(public - ms(1))).await),
            "SCHEDULE_NOT_FOUND",
            "nothing was public yet"
        );
        for (at, stage) in [
            (public, v1::Stage::Stable),
            (deprecated - ms(1), v1::Stage::Stable),
            (deprecated, v1::Stage::Deprecated),
            (start(), v1::Stage::Deprecated),
        ] {
            let schedule = world.schedule(target.clone(), Some(at)).await.unwrap();
            assert_eq!(schedule.stage(), stage, "{at}");
        }
        let revision = world.schedule(target.clone(), None).await.unwrap().revision.unwrap();
        assert_eq!(revision.announce_time, Some(timestamp(public)));
        assert!(revision.record_time.unwrap().seconds >= start().timestamp(), "and the ledger says when it was kept");
        // The second entry is no history.
        let withdrawn = step(target.clone(), Step::Withdraw(v1::WithdrawStep {}));
        world.change(withdrawn).await.unwrap();
        let again = world.change(announced(world.hub().now(), past())).await;
        assert_eq!(refused(again), "INSTANT_IN_PAST");
    }
}

/// An end that has passed, or comes sooner than that of a deprecation announced now, ends it for those who call it now:
/// that takes a recorded reason, whatever is said to have been announced.
#[tokio::test]
async fn b27_history_ends_nothing_without_notice_or_a_recorded_reason() {
    for target in [operation(), namespace()] {
        let world = world_of("procore-rest").await;
        let (public, deprecated) = (start() - days(800), start() - days(700));
        let ended = |retires| announced(public, step(target.clone(), deprecate(deprecated, Some(retires))));
        for retires in [start() - days(300), start() + days(1), start() + days(364)] {
            let status = world.change(ended(retires)).await.unwrap_err();
            assert_eq!(reason(&status), "PERIOD_TOO_SHORT");
            assert!(status.message().contains("2027-01-01T01:00:00Z"), "it counts from now: {status}");
        }
        // The hour that the refusal names can still be met.
        let legal = instant("2027-01-01T01:00:00Z");
        let request =
            v1::ChangeLifecycleRequest { changes: vec![ended(legal)], validate_only: true, ..Default::default() };
        world.schedules(OPERATOR).change_lifecycle(request).await.unwrap();
        world.change(overridden(ended(start() - days(300)))).await.unwrap();
        let schedule = world.schedule(target.clone(), None).await.unwrap();
        assert_eq!(schedule.stage(), v1::Stage::Retired);
        assert_eq!(schedule.revision.unwrap().override_reason, "it ended before this hub kept its dates");
    }
}

/// Notice counts from an announcement that somebody here could have heard of: after the entry before it was kept.
#[tokio::test]
async fn b72_nobody_claims_notice_that_nobody_got() {
    let world = world_of("procore-rest").await;
    // First entries: the policy's notice of a deprecation is none here, so the date of the end is what counts.
    let public = start() - days(700);
    let change = announced(public, step(operation(), deprecate(start() - days(600), None)));
    world.change(change).await.unwrap();
    world.clock.set(start() + days(10));
    let retire = |at| Step::Revise(v1::ReviseStep { retire: crate::world::at(at), ..Default::default() });
    let claimed = |at| announced(public, step(operation(), retire(at)));
    // "Announced" with the first entry, 700 days ago; the first entry was kept ten days ago.
    let status = world.change(claimed(start() + days(29))).await.unwrap_err();
    assert_eq!(reason(&status), "NOTICE_TOO_SHORT");
    world.change(claimed(start() + days(31))).await.unwrap();
}

/// A version that comes to the hub brings its own history: past dates as they were announced, in their zone; a date ahead
/// needs the policy's notice from now (B27: six weeks for a BETA version).
#[tokio::test]
async fn b27_a_publication_brings_history_and_owes_notice_of_what_is_ahead() {
    let world = World::new().await;
    world.api().await;
    let beta = |label: &str, deprecated: DateTime<Utc>, public: Option<DateTime<Utc>>| {
        let there = v1::Deployment {
            deprecate_time: Some(timestamp(deprecated)),
            announce_time: public.map(timestamp),
            zone: "Europe/London".into(),
            ..deployment(v1::Environment::Sandbox, v1::Maturity::Beta)
        };
        version(label, vec![there])
    };
    let public = start() - days(90);
    let ahead = start() + days(42);
    assert_eq!(refused(world.publish(beta("1.0", ahead - ms(1), None)).await), "NOTICE_TOO_SHORT");
    let claimed = world.publish(beta("1.0", ahead - ms(1), Some(public))).await;
    assert_eq!(refused(claimed), "NOTICE_TOO_SHORT", "nobody here has heard of it before");
    let early = world.publish(beta("1.0", ahead, Some(start() + days(1)))).await;
    assert_eq!(refused(early), "ANNOUNCEMENT_OUT_OF_ORDER");
    world.publish(beta("1.0", start() + days(43), None)).await.unwrap();
    let request = v1::CreateApiVersionRequest {
        version: Some(beta("1.1", start() + days(1), None)),
        override_reason: "announced on the page of the old hub".into(),
        ..Default::default()
    };
    world.apis(OPERATOR).create_api_version(request).await.unwrap();
    // What has passed needs none: nobody here could have called it before.
    world.publish(beta("2.0", start() - days(30), Some(public))).await.unwrap();
    let schedule = world.schedule(target("2.0"), Some(public)).await.unwrap();
    let (stage, revision) = (schedule.stage(), schedule.revision.unwrap());
    assert_eq!((stage, revision.zone.as_str()), (v1::Stage::Beta, "Europe/London"));
    assert_eq!(refused(world.schedule(target("2.0"), Some(public - ms(1))).await), "SCHEDULE_NOT_FOUND");
    // The same rule for a further environment.
    let deploy = |label: &str, deprecated: DateTime<Utc>| v1::DeployApiVersionRequest {
        context: CONTEXT.into(),
        version: label.into(),
        deployment: Some(v1::Deployment {
            deprecate_time: Some(timestamp(deprecated)),
            ..deployment(v1::Environment::Production, v1::Maturity::Beta)
        }),
        ..Default::default()
    };
    let short = world.apis(OPERATOR).deploy_api_version(deploy("1.0", start() + days(41))).await;
    assert_eq!(refused(short), "NOTICE_TOO_SHORT");
    world.apis(OPERATOR).deploy_api_version(deploy("1.0", start() + days(43))).await.unwrap();
}

/// A period that runs from now names an hour that can still be met a moment later.
#[tokio::test]
async fn b27_a_period_from_now_names_an_hour_that_can_be_met() {
    let world = world_of("procore-rest").await;
    world.clock.set(start() + ms(1));
    let now = |retires: DateTime<Utc>| {
        step(
            target("1.0"),
            Step::Deprecate(v1::DeprecateStep { retire_time: Some(timestamp(retires)), ..Default::default() }),
        )
    };
    let status = world.change(now(start() + days(10))).await.unwrap_err();
    assert_eq!(reason(&status), "PERIOD_TOO_SHORT");
    assert!(status.message().contains("2027-01-01T01:00:00Z"), "{status}");
    world.clock.set(start() + ms(60_000));
    world.change(now(instant("2027-01-01T01:00:00Z"))).await.unwrap();
}

/// Rule B26: what a publication dates keeps its zone, in notices and in the calendar.
#[tokio::test]
async fn b26_dates_of_a_publication_are_named_in_their_zone() {
    let world = World::new().await;
    world.api().await;
    let deprecated = instant("2026-07-01T23:00:00Z");
    let there = v1::Deployment {
        deprecate_time: Some(timestamp(deprecated)),
        zone: "Europe/London".into(),
        ..deployment(v1::Environment::Sandbox, v1::Maturity::Stable)
    };
    world.publish(version("1.0", vec![there])).await.unwrap();
    world.application("app").await;
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    let entries =
        world.schedules("").list_calendar(v1::ListCalendarRequest::default()).await.unwrap().into_inner().entries;
    let shown: Vec<_> = entries.iter().map(|entry| (entry.local_time.as_str(), entry.zone.as_str())).collect();
    assert_eq!(shown, [("2026-07-02 00:00:00 BST Europe/London", "Europe/London")]);
    world.clock.set(deprecated);
    world.cry().await;
    let request = v1::ListNoticesRequest { application_id: "app".into(), ..Default::default() };
    let notice = world.notices(ADA).list_notices(request).await.unwrap().into_inner().notices.remove(0);
    assert_eq!(notice.zone, "Europe/London");
    assert!(notice.sentences.iter().any(|text| text.contains("2026-07-02 00:00 BST Europe/London")), "{notice:?}");
    let published =
        v1::Deployment { zone: "Mars/Olympus".into(), ..deployment(v1::Environment::Sandbox, v1::Maturity::Stable) };
    let status = world.publish(version("2.0", vec![published])).await.unwrap_err();
    assert_eq!(violations(&status), ["version.deployments[0].zone"]);
}

/// Who is given less time than the policy promises is told why.
#[tokio::test]
async fn b91_a_notice_says_why_the_minimum_does_not_hold() {
    let world = world_of("procore-rest").await;
    world.application("app").await;
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    let soon = step(target("1.0"), deprecate(start() + days(1), Some(start() + days(10))));
    world.change(v1::LifecycleChange { override_reason: "a leak in it".into(), ..soon }).await.unwrap();
    let request = v1::ListNoticesRequest { application_id: "app".into(), ..Default::default() };
    let notice = world.notices(ADA).list_notices(request).await.unwrap().into_inner().notices.remove(0);
    let told = notice.sentences.last().unwrap();
    assert_eq!(told, "Why the policy's minimum does not hold here: a leak in it");
}
