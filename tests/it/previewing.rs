//! The preview: what it shows is what then happens, and its token binds the change to what was shown.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use devhub::clock::ManualClock;
use devhub::domain::Actor;
use devhub::domain::api::CreateApi;
use devhub::domain::ledger::Target;
use devhub::domain::notice::{Holder, Milestone};
use devhub::domain::schedule::{ChangeLifecycle, LifecycleChange, NewDate, Step};
use devhub::hub::{Acknowledged, Affected, Hub, Request};
use devhub::store::Store;
use devhub::store::memory::Memory;
use devhub::wire::timestamp;
use devhub_decision::{Brownout, Environment, Limits, Question, decide};
use devhub_proto::v1;
use proptest::prelude::*;

use crate::racing::{rules, scenario};
use crate::world::{ADA, CONTEXT, OPERATOR, World, days, ms, reason, refused, start, step, target, violations};

fn deprecate(retires_at: DateTime<Utc>) -> v1::LifecycleChange {
    let dates = v1::DeprecateStep { retire_time: Some(timestamp(retires_at)), ..Default::default() };
    step(target("1.0"), v1::lifecycle_change::Step::Deprecate(dates))
}

async fn preview(world: &World, changes: Vec<v1::LifecycleChange>) -> v1::PreviewLifecycleChangeResponse {
    let request = v1::PreviewLifecycleChangeRequest { changes, page_size: 2, ..Default::default() };
    let mut whole = world.schedules(OPERATOR).preview_lifecycle_change(request.clone()).await.unwrap().into_inner();
    while !whole.next_page_token.is_empty() {
        let request = v1::PreviewLifecycleChangeRequest { page_token: whole.next_page_token, ..request.clone() };
        let page = world.schedules(OPERATOR).preview_lifecycle_change(request).await.unwrap().into_inner();
        whole.affected.extend(page.affected);
        whole.next_page_token = page.next_page_token;
    }
    whole
}

async fn apply(world: &World, changes: Vec<v1::LifecycleChange>, plan_token: &str) -> Result<u64, tonic::Status> {
    let request = v1::ChangeLifecycleRequest { changes, plan_token: plan_token.into(), ..Default::default() };
    Ok(world.schedules(OPERATOR).change_lifecycle(request).await?.into_inner().revision)
}

#[tokio::test]
async fn a_preview_names_who_is_affected_and_what_breaks_when() {
    let world = World::usual().await;
    for id in ["one", "two", "three", "four"] {
        world.application(id).await;
        world.subscribe(ADA, id, "1.0").await.unwrap();
    }
    world.unsubscribe(ADA, "two", "1.0", false).await.unwrap();
    world.authorize("one", "1.0").await;
    world.clock.advance(days(1));
    let retired = start() + days(300);
    let preview = preview(&world, vec![deprecate(retired)]).await;
    let change = &preview.changes[0];
    assert!(change.accepted && change.warnings[0].contains("no successor"), "{change:?}");
    assert_eq!(change.affected_subscriptions, 3);
    let ids: Vec<_> = preview.affected.iter().map(|affected| affected.application_id.as_str()).collect();
    assert_eq!(ids, ["four", "one", "three"], "paged by two");
    let one = &preview.affected[1];
    assert_eq!((one.administrators.join(","), one.since), ("ada@example.com".to_owned(), one.since));
    assert_eq!((one.last_call_time, one.usage_class()), (Some(timestamp(start())), v1::UsageClass::Monthly));
    let answers: Vec<_> =
        one.answers.iter().map(|a| (a.time.map(|t| t.seconds), a.allowed, a.reason.as_str(), a.stage())).collect();
    let now = preview.time.map(|time| time.seconds);
    assert_eq!(
        answers,
        [
            (now, true, "SUBSCRIBED", v1::Stage::Deprecated),
            (Some(retired.timestamp()), false, "VERSION_RETIRED", v1::Stage::Retired)
        ]
    );
    let notices: Vec<_> = preview.notices.iter().map(|n| (n.milestone.as_str(), n.applications)).collect();
    assert_eq!(notices, [("ANNOUNCED", 3), ("T-90", 3), ("T-30", 3), ("T-7", 3), ("T-1", 3), ("RETIRED", 3)]);
    // A preview is no change.
    assert_eq!(world.authorize("one", "1.0").await.stage(), v1::Stage::Stable);
}

#[tokio::test]
async fn a_refused_change_is_shown_with_the_way_out_and_has_no_token() {
    let world = World::usual().await;
    let preview = preview(&world, vec![deprecate(start() + days(20)), deprecate(start() + days(300))]).await;
    assert_eq!(preview.plan_token, "");
    assert_eq!(preview.changes[0].refusal(), v1::ErrorReason::PeriodTooShort);
    assert!(preview.changes[0].refusal_sentence.contains("2026-07-01"), "{}", preview.changes[0].refusal_sentence);
    assert!(preview.changes[1].accepted, "judged as if the first had not been asked for");
    // Rule B29: a suggestion, not a default.
    let open = v1::lifecycle_change::Step::Deprecate(v1::DeprecateStep::default());
    let preview = self::preview(&world, vec![step(target("1.0"), open)]).await;
    let suggested = devhub::wire::instant(&preview.changes[0].suggested_retire_time.unwrap()).unwrap();
    assert_eq!(suggested.format("%F").to_string(), "2026-07-01");
    assert!(preview.changes[0].after.clone().unwrap().retirement_to_be_announced);
}

#[tokio::test]
async fn a_preview_of_a_reinstatement_names_who_comes_back() {
    let world = World::usual().await;
    world.version("2.0", v1::Maturity::Stable).await;
    for id in ["stays", "left"] {
        world.application(id).await;
        world.subscribe(ADA, id, "1.0").await.unwrap();
    }
    world.unsubscribe(ADA, "left", "1.0", false).await.unwrap();
    world.retire_with("1.0", |r| r.override_reason = "a mistake".into()).await.unwrap();
    assert_eq!(world.decision("stays", "1.0").await, "DENY VERSION_RETIRED");
    let back = v1::lifecycle_change::Step::Reinstate(v1::ReinstateStep::default());
    let change = v1::LifecycleChange { reason: "undone".into(), ..step(target("1.0"), back) };
    let shown = preview(&world, vec![change.clone()]).await;
    let affected: Vec<_> = shown.affected.iter().map(|affected| affected.application_id.as_str()).collect();
    assert_eq!(affected, ["stays"]);
    assert_eq!(shown.notices[0].applications, 1);
    apply(&world, vec![change], &shown.plan_token).await.unwrap();
    assert_eq!(world.decision("stays", "1.0").await, "ALLOW SUBSCRIBED");
}

#[tokio::test]
async fn the_token_binds_the_change_to_what_was_shown() {
    let world = World::usual().await;
    world.version("2.0", v1::Maturity::Stable).await;
    let changes = || vec![deprecate(start() + days(300))];
    let token = preview(&world, changes()).await.plan_token;
    let other = vec![deprecate(start() + days(301))];
    assert_eq!(refused(apply(&world, other, &token).await), "PLAN_STALE", "other changes");
    let malformed = apply(&world, changes(), "f00").await.unwrap_err();
    assert_eq!(violations(&malformed), ["plan_token"]);

    // What has nothing to do with it leaves it good.
    world.application("elsewhere").await;
    world.subscribe(ADA, "elsewhere", "2.0").await.unwrap();
    // A new subscriber does not.
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    let status = apply(&world, changes(), &token).await.unwrap_err();
    assert_eq!(reason(&status), "PLAN_STALE");
    assert!(status.message().contains("subscriptions"), "{status}");
    let token = preview(&world, changes()).await.plan_token;
    // Nor does a change of a subscriber itself.
    let block = v1::BlockApplicationRequest { application_id: "app".into(), reason: "x".into(), ..Default::default() };
    world.applications(OPERATOR).block_application(block).await.unwrap();
    assert_eq!(refused(apply(&world, changes(), &token).await), "PLAN_STALE");
    let token = preview(&world, changes()).await.plan_token;
    // Nor a change of the version.
    let update = v1::UpdateApiVersionRequest {
        context: CONTEXT.into(),
        version: "1.0".into(),
        description: Some("changed".into()),
        ..Default::default()
    };
    world.apis(OPERATOR).update_api_version(update).await.unwrap();
    assert_eq!(refused(apply(&world, changes(), &token).await), "PLAN_STALE");
    let token = preview(&world, changes()).await.plan_token;
    // A week is the end of it, to the instant.
    let expires = preview(&world, changes()).await.plan_expire_time.unwrap();
    let expires = devhub::wire::instant(&expires).unwrap();
    let again = preview(&world, changes()).await.plan_token;
    world.clock.set(expires + ms(1));
    assert_eq!(refused(apply(&world, changes(), &token).await), "PLAN_STALE");
    assert_eq!(refused(apply(&world, changes(), &again).await), "PLAN_STALE");
    let token = preview(&world, changes()).await.plan_token;
    assert!(apply(&world, changes(), &token).await.unwrap() > 0);
    assert_eq!(refused(apply(&world, changes(), &token).await), "PLAN_STALE", "once");
}

/// A preview shows answers of versions under the dates of every namespace that they lie in: a token stands on all of them.
#[tokio::test]
async fn the_token_stands_on_the_namespaces_and_versions_around_the_target() {
    let world = World::new().await;
    world.api_with("vapid/projects", "procore-rest").await;
    world.application("app").await;
    for label in ["1.0", "2.0"] {
        let stable = vec![crate::world::deployment(v1::Environment::Sandbox, v1::Maturity::Stable)];
        let version = v1::ApiVersion { context: "vapid/projects".into(), ..crate::world::version(label, stable) };
        world.publish(version).await.unwrap();
    }
    let of = |target| v1::ScheduleTarget { environment: v1::Environment::Sandbox.into(), target: Some(target) };
    let version = |label: &str| {
        let name = v1::VersionName { context: "vapid/projects".into(), version: label.into() };
        of(v1::schedule_target::Target::Version(name))
    };
    let namespace = of(v1::schedule_target::Target::Namespace("vapid".into()));
    let end = |target, after| {
        let dates = v1::DeprecateStep { retire_time: Some(timestamp(start() + days(after))), ..Default::default() };
        step(target, v1::lifecycle_change::Step::Deprecate(dates))
    };
    // A version that is about to end by itself, in a namespace that comes to end sooner.
    let changes = || vec![end(version("1.0"), 500)];
    let token = preview(&world, changes()).await.plan_token;
    world.change(end(namespace.clone(), 400)).await.unwrap();
    assert_eq!(refused(apply(&world, changes(), &token).await), "PLAN_STALE");
    // A namespace, of which a version comes to end sooner by itself.
    let revise = v1::ReviseStep { retire: crate::world::at(start() + days(450)), ..Default::default() };
    let changes = || vec![step(namespace.clone(), v1::lifecycle_change::Step::Revise(revise))];
    let token = preview(&world, changes()).await.plan_token;
    world.change(end(version("2.0"), 380)).await.unwrap();
    assert_eq!(refused(apply(&world, changes(), &token).await), "PLAN_STALE");
    let token = preview(&world, changes()).await.plan_token;
    apply(&world, changes(), &token).await.unwrap();
}

#[tokio::test]
async fn a_page_of_another_story_is_refused() {
    let world = World::usual().await;
    for id in ["one", "two", "three"] {
        world.application(id).await;
        world.subscribe(ADA, id, "1.0").await.unwrap();
    }
    let changes = vec![deprecate(start() + days(300))];
    let request = v1::PreviewLifecycleChangeRequest { changes, page_size: 2, ..Default::default() };
    let first = world.schedules(OPERATOR).preview_lifecycle_change(request.clone()).await.unwrap().into_inner();
    world.unsubscribe(ADA, "three", "1.0", false).await.unwrap();
    let second = v1::PreviewLifecycleChangeRequest { page_token: first.next_page_token, ..request };
    assert_eq!(refused(world.schedules(OPERATOR).preview_lifecycle_change(second).await), "PLAN_STALE");
}

/// A plan against subscribers who come all the time: it is refused, or it holds everybody.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_subscriber_slips_in_between_a_preview_and_its_change() {
    let hub = Hub::open(Arc::new(Memory::open().unwrap()), rules(), Arc::new(devhub::clock::SystemClock)).unwrap();
    let operator: Actor = OPERATOR.parse().unwrap();
    prepare(&hub, 40).await;
    let (mut applied, mut stale) = (0, 0);
    for round in 0..40 {
        let name = name(&format!("{round}.0"));
        hub.execute(operator.clone(), scenario::version(&name), Request::once()).await.unwrap();
        let joining = tokio::spawn({
            let (hub, operator, name) = (hub.clone(), operator.clone(), name.clone());
            async move {
                for app in 0..round % 7 {
                    let subscribe = scenario::subscribe(&format!("app-{app}"), &name, 100 * round + app);
                    let _ = hub.execute(operator.clone(), subscribe, Request::once()).await;
                }
            }
        });
        let change = LifecycleChange::new(
            Target::Version(name.clone(), Environment::Sandbox),
            Step::Deprecate { deprecated_at: None, sunset_begins_at: None, retires_at: None },
        );
        let command = ChangeLifecycle::from(change);
        let preview = hub.preview(&operator, &command, [7; 32], limits(), None, 1000).unwrap();
        let plan = Some(hub.planned(preview.token.clone(), [7; 32], &command));
        match hub.execute(operator.clone(), command.into(), Request { plan, ..Request::once() }).await {
            Ok(_) => {
                joining.await.unwrap();
                let held = hub.index().live_subscriptions(&name, hub.now())[&Environment::Sandbox];
                assert_eq!(held, preview.affected.len() as u64, "round {round}");
                applied += 1;
            }
            Err(_) => {
                joining.await.unwrap();
                stale += 1;
            }
        }
    }
    assert!(applied > 0, "{applied} applied, {stale} stale");
}

fn limits() -> Limits {
    Limits::new(TimeDelta::seconds(30), TimeDelta::seconds(30)).unwrap()
}

fn name(label: &str) -> devhub::domain::name::VersionName {
    devhub::domain::name::VersionName { context: CONTEXT.parse().unwrap(), label: label.parse().unwrap() }
}

async fn prepare(hub: &Hub, applications: usize) {
    let operator: Actor = OPERATOR.parse().unwrap();
    let api = CreateApi {
        context: CONTEXT.parse().unwrap(),
        title: "Losses".into(),
        description: String::new(),
        policy: "hmrc-mtd".parse().unwrap(),
        categories: Vec::new(),
    };
    hub.execute(operator.clone(), api.into(), Request::once()).await.unwrap();
    for app in 0..applications {
        let application = scenario::application(&format!("app-{app}"));
        hub.execute(operator.clone(), application, Request::once()).await.unwrap();
    }
}

fn some_step() -> impl Strategy<Value = Step> {
    let date = || (0i64..400).prop_map(|hours| start() + days(10) + TimeDelta::hours(hours));
    let maybe = || proptest::option::of(date());
    let new = || prop_oneof![Just(NewDate::Keep), Just(NewDate::ToBeAnnounced), date().prop_map(NewDate::At)];
    prop_oneof![
        4 => (maybe(), maybe(), maybe()).prop_map(|(deprecated_at, sunset_begins_at, retires_at)| Step::Deprecate {
            deprecated_at, sunset_begins_at, retires_at
        }),
        2 => (new(), new(), new())
            .prop_map(|(deprecated, sunset_begins, retires)| Step::Revise { deprecated, sunset_begins, retires }),
        2 => maybe().prop_map(|retires_at| Step::Retire { retires_at }),
        1 => Just(Step::Withdraw),
        1 => new().prop_map(|retires| Step::Reinstate { retires }),
        2 => (date(), 1i64..30)
            .prop_map(|(from, hours)| Step::ScheduleBrownout(Brownout { from, until: from + TimeDelta::hours(hours) })),
    ]
}

/// What a preview says of a subscription at an instant.
fn foretold(affected: &Affected, at: DateTime<Utc>) -> devhub_decision::Reason {
    affected.answers.iter().take_while(|answer| answer.at <= at).last().expect("the first answer is for now").reason
}

/// How many applications were told of each milestone; an announcement has no instant that a preview could know.
type Told = BTreeMap<(Milestone, Option<DateTime<Utc>>), u64>;

fn place(milestone: Milestone, at: DateTime<Utc>) -> (Milestone, Option<DateTime<Utc>>) {
    (milestone, (milestone != Milestone::Announced).then_some(at))
}

/// Everything that was told so far.
fn told(hub: &Hub) -> Told {
    let mut told = Told::new();
    for app in 0..3 {
        let id = Holder::Application(format!("app-{app}").parse().unwrap());
        for notice in hub.notices_of(&id, None, Acknowledged::Shown, None, 1000).unwrap().items {
            *told.entry(place(notice.occasion.milestone, notice.due_at)).or_default() += 1;
        }
    }
    told
}

async fn rehearse_then_play(before: &[Step], changes: &[Step]) {
    let clock = ManualClock::at(start());
    let store: Arc<dyn Store> = Arc::new(Memory::open().unwrap());
    let hub = Hub::open(store, rules(), Arc::new(clock.clone())).unwrap();
    let operator: Actor = OPERATOR.parse().unwrap();
    prepare(&hub, 4).await;
    hub.execute(operator.clone(), scenario::version(&name("1.0")), Request::once()).await.unwrap();
    for app in 0..3 {
        let subscribe = scenario::subscribe(&format!("app-{app}"), &name("1.0"), app);
        hub.execute(operator.clone(), subscribe, Request::once()).await.unwrap();
    }
    let change = |step: &Step| LifecycleChange {
        reason: "a rehearsal".into(),
        override_reason: "a rehearsal".into(),
        ..LifecycleChange::new(Target::Version(name("1.0"), Environment::Sandbox), step.clone())
    };
    for step in before {
        clock.advance(days(1));
        let _ = hub.execute(operator.clone(), ChangeLifecycle::from(change(step)).into(), Request::once()).await;
    }
    hub.cry(hub.now()).await.unwrap();
    let told_before = told(&hub);
    let command = ChangeLifecycle { changes: changes.iter().map(change).collect() };
    let preview = hub.preview(&operator, &command, [0; 32], limits(), None, 1000).unwrap();
    let plan = Some(hub.planned(preview.token.clone(), [0; 32], &command));
    let accepted = preview.changes.iter().all(|change| change.judgement.is_ok());
    let outcome = hub.execute(operator.clone(), command.into(), Request { plan, ..Request::once() }).await;
    // The change is accepted exactly when the preview said so.
    assert_eq!(outcome.is_ok(), accepted, "{outcome:?}");
    if outcome.is_err() {
        return;
    }
    // Then every answer, at every instant at which the preview foretold a change, just before it, and long after.
    let mut instants: Vec<DateTime<Utc>> =
        preview.affected.iter().flat_map(|a| a.answers.iter().map(|a| a.at)).collect();
    instants.extend((0..40).map(|day| start() + days(day)));
    instants.extend(preview.notices.iter().map(|notice| notice.at));
    instants.extend(instants.clone().into_iter().map(|at| at - ms(1)));
    instants.retain(|at| *at > hub.now());
    instants.sort_unstable();
    for at in instants {
        clock.set(at);
        hub.cry(hub.now()).await.unwrap();
        for affected in &preview.affected {
            let client_id = affected.subscription.client_id.as_str();
            let environment = Environment::Sandbox;
            let question = Question {
                client_id,
                context: CONTEXT,
                label: "1.0",
                environment,
                operation: None,
                company: None,
                project: None,
            };
            let answer = hub.table().ask(&question, |facts| decide(facts, hub.now(), limits()).reason);
            assert_eq!(answer, foretold(affected, at), "{client_id} at {at}");
        }
    }
    // And everybody was told what the preview said, when it said so, and nothing else.
    let mut expected = told_before;
    for notice in &preview.notices {
        *expected.entry(place(notice.milestone, notice.at)).or_default() += notice.applications;
    }
    assert_eq!(told(&hub), expected);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    /// The preview shows what then happens: what is accepted, and every answer at every instant.
    #[test]
    fn what_a_preview_shows_is_what_then_happens(
        before in proptest::collection::vec(some_step(), 0..4),
        changes in proptest::collection::vec(some_step(), 1..4),
    ) {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(rehearse_then_play(&before, &changes));
    }
}
