//! The crier in trouble, and what can be seen of it: failing subjects, cut runs, long lists, figures.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use devhub::clock::ManualClock;
use devhub::domain::Actor;
use devhub::domain::ledger::Target;
use devhub::domain::name::VersionName;
use devhub::domain::notice::{Milestone, NoticeSubject};
use devhub::domain::record::RecordKey;
use devhub::domain::schedule::{ChangeLifecycle, LifecycleChange, NewDate, Step};
use devhub::hub::{Hub, NoticeFilter, Progress, Request};
use devhub::store::codec::encode_key;
use devhub::store::fault::{Fault, Faults};
use devhub::store::memory::Memory;
use devhub::store::{Batch, Verdict, Write};
use devhub::wire::timestamp;
use devhub_decision::Environment;
use devhub_proto::v1;
use devhub_proto::v1::lifecycle_change::Step as WireStep;

use crate::enduring::admin;
use crate::racing::{rules, scenario};
use crate::world::*;

async fn told(world: &World, application: &str) -> Vec<String> {
    let request = v1::ListNoticesRequest { application_id: application.into(), page_size: 200, ..Default::default() };
    let mut found = world.notices("").list_notices(request).await.unwrap().into_inner().notices;
    found.reverse();
    let word = |notice: &v1::Notice| match notice.countdown_days {
        0 => notice.milestone().as_str_name().trim_start_matches("NOTICE_MILESTONE_").to_owned(),
        days => format!("T-{days}"),
    };
    found.iter().map(word).collect()
}

fn deprecate(sunset_begins: Option<i64>, retires: i64) -> WireStep {
    WireStep::Deprecate(v1::DeprecateStep {
        deprecate_time: None,
        sunset_begin_time: sunset_begins.map(|after| timestamp(start() + days(after))),
        retire_time: Some(timestamp(start() + days(retires))),
    })
}

fn version_name(label: &str) -> VersionName {
    VersionName { context: CONTEXT.parse().unwrap(), label: label.parse().unwrap() }
}

/// Puts bytes that are no record where a revision of a version is kept.
async fn damage(hub: &Hub, label: &str, number: u32) {
    let key = encode_key(&RecordKey::Revision(Target::Version(version_name(label), Environment::Sandbox), number));
    let batch = Batch {
        instant: hub.now(),
        expectations: Vec::new(),
        after_all: false,
        guard: None,
        writes: vec![Write { key, value: Some(Bytes::from_static(b"?")) }],
        facts: vec![Bytes::new()],
    };
    assert!(matches!(hub.store().commit(batch).await.unwrap(), Verdict::Committed(_)));
}

#[tokio::test]
async fn a_subject_whose_notices_fail_stands_in_nobodys_way() {
    let world = World::usual().await;
    world.version("2.0", v1::Maturity::Stable).await;
    world.application("other").await;
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    world.subscribe(ADA, "other", "2.0").await.unwrap();
    for label in ["1.0", "2.0"] {
        world.change(step(target(label), deprecate(None, 400))).await.unwrap();
    }
    damage(world.hub(), "1.0", 2).await;
    world.clock.set(start() + days(310));
    for _ in 0..3 {
        world.hub().cry(world.hub().now()).await.expect_err("1.0 cannot be told");
    }
    assert_eq!(told(&world, "other").await, ["ANNOUNCED", "T-90"]);
    world.clock.set(start() + days(370));
    world.hub().cry(world.hub().now()).await.expect_err("1.0 still cannot be told");
    assert_eq!(told(&world, "other").await, ["ANNOUNCED", "T-90", "T-30"]);
    assert_eq!(told(&world, "app").await, ["ANNOUNCED"]);
    let text = admin(world.server().admin_address, "/metrics").await;
    assert!(text.lines().any(|line| line == "devhub_notices_due 1"), "{text}");
}

#[tokio::test]
async fn a_run_that_was_cut_and_replaced_does_not_go_on_for_ever() {
    let clock = ManualClock::at(start());
    let faults = Faults::new();
    let store = Arc::new(Memory::with_faults(Arc::clone(&faults)).unwrap());
    let hub = Hub::open(store, rules(), Arc::new(clock.clone())).unwrap();
    let operator: Actor = OPERATOR.parse().unwrap();
    let execute = async |command| hub.execute(operator.clone(), command, Request::once()).await.unwrap();
    let name = version_name("1.0");
    execute(scenario::api()).await;
    execute(scenario::version(&name)).await;
    for number in 0..300 {
        let id = format!("app-{number:03}");
        execute(scenario::application(&id)).await;
        execute(scenario::subscribe(&id, &name, number)).await;
    }
    let version = Target::Version(name, Environment::Sandbox);
    let change = |step| {
        let change = LifecycleChange { reason: "a test".into(), ..LifecycleChange::new(version.clone(), step) };
        ChangeLifecycle::from(change).into()
    };
    let retires_at = Some(start() + days(400));
    execute(change(Step::Deprecate { deprecated_at: None, sunset_begins_at: None, retires_at })).await;
    hub.cry(hub.now()).await.unwrap();
    clock.set(start() + days(310));
    // The disk is full after the first of two commits.
    let (full, commits) = (Arc::clone(&faults), AtomicUsize::new(0));
    faults.before_sync(Some(Arc::new(move || {
        if commits.fetch_add(1, Ordering::SeqCst) == 1 {
            full.start(Fault::DiskFull);
        }
    })));
    hub.cry(hub.now()).await.expect_err("the disk is full");
    faults.before_sync(None);
    faults.stop(Fault::DiskFull);
    let subject = NoticeSubject::Schedule(version.clone());
    let of = |days| {
        let progress = hub.notice_progress(&subject, 2).unwrap().milestones;
        let found = progress.into_iter().find(|m| m.milestone == Milestone::Countdown(days)).unwrap();
        (found.progress, found.run.map(|run| run.applications))
    };
    assert_eq!(of(90), (Progress::Running, Some(256)));
    // Overtaken by a later milestone, it is passed over for the rest.
    clock.set(start() + days(370));
    assert_eq!(of(90), (Progress::Skipped, Some(256)));
    hub.cry(hub.now()).await.unwrap();
    assert_eq!((of(90), of(30)), ((Progress::Skipped, Some(256)), (Progress::Given, Some(300))));
    // Replaced by another revision, it does not come for the rest.
    let retires = NewDate::At(start() + days(500));
    execute(change(Step::Revise { deprecated: NewDate::Keep, sunset_begins: NewDate::Keep, retires })).await;
    hub.cry(hub.now()).await.unwrap();
    assert_eq!((of(90), of(30)), ((Progress::Dropped, Some(256)), (Progress::Given, Some(300))));
    assert_eq!(of(7), (Progress::Dropped, None));
}

#[tokio::test]
async fn a_notice_of_many_versions_is_found_by_every_one_of_their_apis() {
    let world = World::new().await;
    world.application("app").await;
    let contexts: Vec<String> = (0..60).map(|number| format!("vapid/part-{number:02}")).collect();
    for context in &contexts {
        world.api_with(context, "procore-rest").await;
        let sandbox = vec![deployment(v1::Environment::Sandbox, v1::Maturity::Stable)];
        world.publish(v1::ApiVersion { context: context.clone(), ..version("1.0", sandbox) }).await.unwrap();
        let request = v1::SubscribeRequest {
            application_id: "app".into(),
            context: context.clone(),
            version: "1.0".into(),
            ..Default::default()
        };
        world.subscriptions(ADA).subscribe(request).await.unwrap();
    }
    let vapid = v1::ScheduleTarget {
        environment: v1::Environment::Sandbox.into(),
        target: Some(v1::schedule_target::Target::Namespace("vapid".into())),
    };
    world.change(step(vapid, deprecate(None, 500))).await.unwrap();
    for context in &contexts {
        let filter = NoticeFilter { context: Some(context.parse().unwrap()), ..NoticeFilter::default() };
        let found = world.hub().notices_after(&filter, 0, 100).unwrap().notices;
        assert_eq!(found.len(), 1, "{context}");
        assert_eq!((found[0].0.versions.len(), found[0].0.versions_count), (50, 60));
    }
    let filter = NoticeFilter { context: Some("other/part".parse().unwrap()), ..NoticeFilter::default() };
    assert!(world.hub().notices_after(&filter, 0, 100).unwrap().notices.is_empty());
}

#[tokio::test]
async fn notices_given_and_to_come_can_be_measured() {
    let world = World::usual().await;
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    world.change(step(target("1.0"), deprecate(None, 400))).await.unwrap();
    let has = async |expected: &str| {
        let text = admin(world.server().admin_address, "/metrics").await;
        assert!(text.lines().any(|line| line == expected), "{expected} is missing in\n{text}");
    };
    has("devhub_notices_given_total 1").await;
    has("devhub_notices_due 0").await;
    has("devhub_notices_planned 1").await;
    has("devhub_unused_applications 0").await;
    has("devhub_unused_applications_deleted_total 0").await;
    world.clock.set(start() + days(310));
    world.cry().await;
    has("devhub_notices_given_total 2").await;
}

#[tokio::test]
async fn the_beginning_of_a_gradual_sunset_is_told() {
    let world = World::new().await;
    world.api_with(CONTEXT, "procore-rest").await;
    world.version("1.0", v1::Maturity::Stable).await;
    world.application("app").await;
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    world.change(step(target("1.0"), deprecate(Some(480), 500))).await.unwrap();
    world.clock.set(start() + days(470));
    world.cry().await;
    let before = told(&world, "app").await;
    world.clock.set(start() + days(480) - ms(1));
    world.cry().await;
    assert_eq!(told(&world, "app").await, before);
    world.clock.set(start() + days(480));
    world.cry().await;
    assert_eq!(told(&world, "app").await[before.len()..], ["SUNSET_BEGINS"]);
    let request = v1::ListNoticesRequest { application_id: "app".into(), ..Default::default() };
    let last = world.notices("").list_notices(request).await.unwrap().into_inner().notices.remove(0);
    assert_eq!(
        last.sentences[0],
        "The sunset of individuals/losses 1.0 in SANDBOX begins now: some calls are refused."
    );
    world.clock.set(start() + days(480) + ms(1));
    world.cry().await;
    assert_eq!(told(&world, "app").await[before.len()..], ["SUNSET_BEGINS"]);
}
