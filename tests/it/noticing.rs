//! Notices: planned by each revision, given exactly once, followed, acknowledged.

use chrono::{DateTime, TimeDelta, Utc};
use devhub::wire::{instant as instant_of, timestamp};
use devhub_proto::v1;
use devhub_proto::v1::lifecycle_change::Step;
use devhub_proto::v1::notice_subject::Subject;
use devhub_proto::v1::schedule_target::Target;

use crate::world::{
    ADA, CONTEXT, OPERATOR, World, at, days, instant, ms, refused, start, step, target, to_be_announced, version,
};

/// All notices of an application, oldest first.
pub(crate) async fn notices(world: &World, application: &str) -> Vec<v1::Notice> {
    let (mut found, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = v1::ListNoticesRequest {
            application_id: application.into(),
            page_size: 3,
            page_token,
            ..Default::default()
        };
        let page = world.notices("").list_notices(request).await.unwrap().into_inner();
        found.extend(page.notices);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            found.reverse();
            return found;
        }
    }
}

fn milestone(notice: &v1::Notice) -> String {
    let word = notice.milestone().as_str_name().trim_start_matches("NOTICE_MILESTONE_").to_owned();
    match notice.countdown_days {
        0 => format!("{} {word}", notice.revision_number),
        days => format!("{} T-{days}", notice.revision_number),
    }
}

/// Revision and milestone of each notice of an application, oldest first.
pub(crate) async fn told(world: &World, application: &str) -> Vec<String> {
    notices(world, application).await.iter().map(milestone).collect()
}

pub(crate) fn schedule(target: v1::ScheduleTarget) -> Option<v1::NoticeSubject> {
    Some(v1::NoticeSubject { subject: Some(Subject::Schedule(target)) })
}

async fn progress(world: &World, target: v1::ScheduleTarget, revision: u32) -> Vec<String> {
    let request = v1::GetNoticeProgressRequest { subject: schedule(target), revision_number: revision };
    let progress = world.notices("").get_notice_progress(request).await.unwrap().into_inner();
    let state = |m: &v1::NoticeProgress| {
        let word = m.milestone().as_str_name().trim_start_matches("NOTICE_MILESTONE_").to_owned();
        let name = if m.countdown_days == 0 { word } else { format!("T-{}", m.countdown_days) };
        format!("{name} {}", m.state().as_str_name().trim_start_matches("NOTICE_PROGRESS_STATE_"))
    };
    progress.milestones.iter().map(state).collect()
}

pub(crate) fn deprecate(deprecated_at: Option<DateTime<Utc>>, retires_at: Option<DateTime<Utc>>) -> Step {
    Step::Deprecate(v1::DeprecateStep {
        deprecate_time: deprecated_at.map(timestamp),
        sunset_begin_time: None,
        retire_time: retires_at.map(timestamp),
    })
}

pub(crate) fn retire_at(retire: Option<v1::NewInstant>) -> Step {
    Step::Revise(v1::ReviseStep { retire, ..Default::default() })
}

/// Ada administers `app`, and Bob develops it.
pub(crate) async fn with_bob() -> World {
    let world = World::usual().await;
    let request = v1::AddCollaboratorRequest {
        application_id: "app".into(),
        collaborator: Some(v1::Collaborator { email: "bob@example.com".into(), role: v1::Role::Developer.into() }),
        ..Default::default()
    };
    world.applications(ADA).add_collaborator(request).await.unwrap();
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    world
}

#[tokio::test]
async fn b91_every_milestone_is_told_on_its_instant_and_once() {
    let world = with_bob().await;
    world.application("idle").await;
    let (deprecated_at, retires_at) = (start() + days(10), start() + days(400));
    world.deprecate("1.0", Some(deprecated_at), Some(retires_at)).await.unwrap();
    let due = [
        (start(), "2 ANNOUNCED"),
        (deprecated_at, "2 DEPRECATED"),
        (retires_at - days(90), "2 T-90"),
        (retires_at - days(30), "2 T-30"),
        (retires_at - days(7), "2 T-7"),
        (retires_at - days(1), "2 T-1"),
        (retires_at, "2 RETIRED"),
    ];
    let mut expected: Vec<&str> = Vec::new();
    for (due_at, name) in due {
        if due_at > start() {
            world.clock.set(due_at - ms(1));
            world.cry().await;
            assert_eq!(told(&world, "app").await, expected, "before {name}");
        }
        world.clock.set(due_at);
        expected.push(name);
        world.cry().await;
        assert_eq!(told(&world, "app").await, expected);
        world.clock.set(due_at + ms(1));
        world.cry().await;
        assert_eq!(told(&world, "app").await, expected, "after {name}");
    }
    assert_eq!(told(&world, "idle").await, Vec::<String>::new(), "who is not subscribed is not told");
    let given = notices(&world, "app").await;
    assert!(given.iter().all(|notice| notice.recipients == ["ada@example.com"]), "administrators only");
    let left: Vec<_> = given.iter().map(|notice| notice.days_left).collect();
    assert_eq!(left, [Some(400), Some(390), Some(90), Some(30), Some(7), Some(1), None]);
    assert_eq!(given[3].sentences[0], "individuals/losses 1.0 in SANDBOX is retired in 30 days.");
    assert_eq!(given[6].sentences[0], "individuals/losses 1.0 in SANDBOX is retired now: calls are refused.");
    assert_eq!(given[6].versions[0].version, "1.0");
    let facts = world
        .all_facts(v1::FactFilter { kinds: vec![v1::FactKind::NoticesCompleted.into()], ..Default::default() })
        .await;
    assert_eq!(facts.len(), 7);
    assert_eq!(facts[0].actor, "process:crier");
}

#[tokio::test]
async fn b33_x5_nobody_is_told_of_a_change_that_was_refused() {
    let world = with_bob().await;
    let refused_change = world.deprecate("1.0", Some(start() + days(1)), Some(start() + days(2))).await;
    assert_eq!(refused(refused_change), "PERIOD_TOO_SHORT");
    world.cry().await;
    assert!(told(&world, "app").await.is_empty());
    // And of one that is only judged.
    world
        .deprecate_with("1.0", |request| {
            request.retire_time = Some(timestamp(start() + days(400)));
            request.validate_only = true;
        })
        .await
        .unwrap();
    world.cry().await;
    assert!(told(&world, "app").await.is_empty());
}

#[tokio::test]
async fn each_revision_is_announced_and_drops_what_the_one_before_had_still_to_say() {
    let world = with_bob().await;
    let retires_at = start() + days(400);
    world.change(step(target("1.0"), deprecate(None, Some(retires_at)))).await.unwrap();
    world.cry().await;
    world.clock.set(retires_at - days(60));
    world.cry().await;
    let later = retires_at + days(30);
    world.change(step(target("1.0"), retire_at(at(later)))).await.unwrap();
    world.cry().await;
    assert_eq!(told(&world, "app").await, ["2 ANNOUNCED", "2 T-90", "3 ANNOUNCED"]);
    assert_eq!(
        progress(&world, target("1.0"), 2).await,
        ["ANNOUNCED GIVEN", "T-90 GIVEN", "T-30 DROPPED", "T-7 DROPPED", "T-1 DROPPED", "RETIRED DROPPED"]
    );
    // T-90 of the new date is today: the revision itself says so.
    assert_eq!(progress(&world, target("1.0"), 0).await[1], "T-30 PENDING");
    world.clock.set(retires_at);
    world.cry().await;
    world.change(step(target("1.0"), retire_at(to_be_announced()))).await.unwrap();
    world.change(step(target("1.0"), Step::Withdraw(v1::WithdrawStep {}))).await.unwrap();
    world.clock.set(later + days(100));
    world.cry().await;
    assert_eq!(
        told(&world, "app").await[3..],
        ["3 T-30", "4 ANNOUNCED", "5 ANNOUNCED"],
        "what is withdrawn does not come"
    );
    let last = notices(&world, "app").await.pop().unwrap();
    assert_eq!(last.sentences, ["The end of individuals/losses 1.0 in SANDBOX is withdrawn: it goes on as before."]);
}

#[tokio::test]
async fn brownouts_retirement_and_reinstatement_are_told_too() {
    let world = with_bob().await;
    let retires_at = start() + days(400);
    world.change(step(target("1.0"), deprecate(None, Some(retires_at)))).await.unwrap();
    let window = v1::ScheduleBrownoutStep {
        start_time: Some(timestamp(start() + days(20))),
        end_time: Some(timestamp(start() + days(20) + TimeDelta::hours(2))),
    };
    world.change(step(target("1.0"), Step::ScheduleBrownout(window))).await.unwrap();
    world.cry().await;
    let brownout = notices(&world, "app").await.pop().unwrap();
    assert!(brownout.sentences[1].contains("2026-01-21T00:00:00Z until 2026-01-21T02:00:00Z"), "{brownout:?}");
    world.clock.set(retires_at);
    world.cry().await;
    let change = v1::LifecycleChange {
        reason: "too early".into(),
        ..step(target("1.0"), Step::Reinstate(v1::ReinstateStep { retire: to_be_announced() }))
    };
    world.change(change).await.unwrap();
    world.cry().await;
    let all = told(&world, "app").await;
    // After the start of a server on the last day, only what still helps is given.
    assert_eq!(all, ["2 ANNOUNCED", "3 ANNOUNCED", "3 RETIRED", "4 ANNOUNCED"]);
    assert_eq!(
        progress(&world, target("1.0"), 3).await,
        ["ANNOUNCED GIVEN", "T-90 SKIPPED", "T-30 SKIPPED", "T-7 SKIPPED", "T-1 SKIPPED", "RETIRED GIVEN"]
    );
}

#[tokio::test]
async fn a_hub_that_slept_tells_the_latest_only_and_says_what_it_passed_over() {
    let mut world = with_bob().await;
    let retires_at = start() + days(400);
    world.deprecate("1.0", None, Some(retires_at)).await.unwrap();
    world.cry().await;
    world.clock.set(retires_at - days(3));
    world.restart().await;
    world.cry().await;
    assert_eq!(told(&world, "app").await, ["2 ANNOUNCED", "2 T-7"]);
    assert_eq!(notices(&world, "app").await[1].days_left, Some(3), "it says the days that are left");
    assert_eq!(
        progress(&world, target("1.0"), 2).await,
        ["ANNOUNCED GIVEN", "T-90 SKIPPED", "T-30 SKIPPED", "T-7 GIVEN", "T-1 PENDING", "RETIRED PENDING"]
    );
    world.restart().await;
    world.cry().await;
    assert_eq!(told(&world, "app").await.len(), 2, "a restart repeats nothing");
}

#[tokio::test]
async fn recipients_are_the_administrators_of_the_moment() {
    let world = with_bob().await;
    for id in ["left", "gone", "blocked"] {
        world.application(id).await;
        world.subscribe(ADA, id, "1.0").await.unwrap();
    }
    let retires_at = start() + days(400);
    world.deprecate("1.0", None, Some(retires_at)).await.unwrap();
    world.cry().await;
    world.unsubscribe(ADA, "left", "1.0", true).await.unwrap();
    let request = v1::DeleteApplicationRequest { application_id: "gone".into(), ..Default::default() };
    world.applications(ADA).delete_application(request).await.unwrap();
    let request = v1::BlockApplicationRequest { application_id: "blocked".into(), ..Default::default() };
    world.applications(OPERATOR).block_application(request).await.unwrap();
    let request = v1::ChangeCollaboratorRoleRequest {
        application_id: "app".into(),
        collaborator: Some(v1::Collaborator { email: "bob@example.com".into(), role: v1::Role::Administrator.into() }),
        ..Default::default()
    };
    world.applications(ADA).change_collaborator_role(request).await.unwrap();
    world.clock.set(retires_at);
    world.cry().await;
    assert_eq!(told(&world, "left").await, ["2 ANNOUNCED"]);
    assert_eq!(told(&world, "gone").await, ["2 ANNOUNCED"]);
    assert_eq!(told(&world, "blocked").await, ["2 ANNOUNCED", "2 RETIRED"], "a blocked application has people too");
    let given = notices(&world, "app").await;
    assert_eq!(given[0].recipients, ["ada@example.com"]);
    assert_eq!(given[1].recipients, ["ada@example.com", "bob@example.com"]);
}

/// Whoever moved away, and whose overlap is over, is not concerned any more; until then it is.
#[tokio::test]
async fn an_application_is_told_until_its_overlap_is_over() {
    let world = World::usual().await;
    world.version("2.0", v1::Maturity::Stable).await;
    for id in ["moved", "stays"] {
        world.application(id).await;
        world.subscribe(ADA, id, "1.0").await.unwrap();
    }
    let retired = start() + days(300);
    world.change(step(target("1.0"), deprecate(None, Some(retired)))).await.unwrap();
    world.cry().await;
    world.clock.set(retired - days(100));
    let over = retired - days(30);
    world.relocate(ADA, "moved", ("1.0", "2.0"), |r| r.overlap_until = Some(timestamp(over))).await.unwrap();
    for at in [retired - days(90), over, retired - days(7)] {
        world.clock.set(at);
        world.cry().await;
    }
    assert_eq!(told(&world, "moved").await, ["2 ANNOUNCED", "2 T-90"]);
    assert_eq!(told(&world, "stays").await, ["2 ANNOUNCED", "2 T-90", "2 T-30", "2 T-7"]);
    // And a preview counts those that would be told.
    let change = step(target("1.0"), retire_at(at(retired + days(1))));
    let request = v1::PreviewLifecycleChangeRequest { changes: vec![change], ..Default::default() };
    let shown = world.schedules(OPERATOR).preview_lifecycle_change(request).await.unwrap().into_inner();
    assert!(shown.notices.iter().all(|notice| notice.applications == 1), "{:?}", shown.notices);
}

#[tokio::test]
async fn b17_who_holds_a_live_waiver_is_told_with_the_subscribers() {
    let world = with_bob().await;
    let retires_at = start() + days(400);
    world.deprecate("1.0", None, Some(retires_at)).await.unwrap();
    for (id, until) in
        [("lasting", start() + days(80)), ("expired", start() + days(20)), ("revoked", start() + days(80))]
    {
        world.application(id).await;
        world.waive(id, "1.0", v1::WaiverKind::NewSubscription, until).await;
    }
    let revoke = v1::RevokeWaiverRequest {
        application_id: "revoked".into(),
        context: CONTEXT.into(),
        version: "1.0".into(),
        kind: v1::WaiverKind::NewSubscription.into(),
        reason: "a mistake".into(),
        ..Default::default()
    };
    world.waivers(OPERATOR).revoke_waiver(revoke).await.unwrap();
    world.clock.set(start() + days(20));
    world.change(step(target("1.0"), retire_at(at(retires_at + days(1))))).await.unwrap();
    assert_eq!(told(&world, "app").await, ["2 ANNOUNCED", "3 ANNOUNCED"]);
    assert_eq!(told(&world, "lasting").await, ["3 ANNOUNCED"], "nobody else held one when the first was announced");
    assert!(told(&world, "expired").await.is_empty());
    assert!(told(&world, "revoked").await.is_empty());
    let notice = notices(&world, "lasting").await.remove(0);
    let request = v1::AcknowledgeNoticeRequest {
        application_id: "lasting".into(),
        notice_id: notice.notice_id,
        ..Default::default()
    };
    world.notices(ADA).acknowledge_notice(request).await.unwrap();
    let request = v1::GetNoticeProgressRequest { subject: schedule(target("1.0")), revision_number: 0 };
    let progress = world.notices("").get_notice_progress(request).await.unwrap().into_inner();
    assert_eq!((progress.milestones[0].applications, progress.milestones[0].acknowledged), (2, 1));
}

#[tokio::test]
async fn a_namespace_and_an_operation_tell_each_application_once() {
    let world = World::new().await;
    world.api_with("vapid/projects", "procore-rest").await;
    world.api_with("vapid/companies", "procore-rest").await;
    let sandbox = || vec![crate::world::deployment(v1::Environment::Sandbox, v1::Maturity::Stable)];
    for (context, label) in [("vapid/projects", "1.0"), ("vapid/companies", "1.0"), ("vapid/companies", "2.0")] {
        let endpoints = vec![v1::Endpoint {
            method: "GET".into(),
            path: "/items".into(),
            auth_type: v1::AuthType::Application.into(),
        }];
        let version = v1::ApiVersion { context: context.into(), endpoints, ..version(label, sandbox()) };
        world.publish(version).await.unwrap();
    }
    let subscribe = async |id: &str, context: &str, label: &str| {
        let request = v1::SubscribeRequest {
            application_id: id.into(),
            context: context.into(),
            version: label.into(),
            ..Default::default()
        };
        world.subscriptions(ADA).subscribe(request).await.unwrap();
    };
    for id in ["both", "one"] {
        world.application(id).await;
        subscribe(id, "vapid/companies", "1.0").await;
    }
    subscribe("both", "vapid/projects", "1.0").await;
    subscribe("both", "vapid/companies", "2.0").await;
    let of = |target| v1::ScheduleTarget { environment: v1::Environment::Sandbox.into(), target: Some(target) };
    // One version of the namespace ends long before it.
    let alone = of(Target::Version(v1::VersionName { context: "vapid/companies".into(), version: "2.0".into() }));
    world.change(step(alone, deprecate(None, Some(start() + days(366))))).await.unwrap();
    let vapid = of(Target::Namespace("vapid".into()));
    world.change(step(vapid.clone(), deprecate(None, Some(start() + days(500))))).await.unwrap();
    let operation = of(Target::Operation(v1::OperationName {
        version: Some(v1::VersionName { context: "vapid/projects".into(), version: "1.0".into() }),
        method: "GET".into(),
        path: "/items".into(),
    }));
    world.change(step(operation.clone(), deprecate(None, None))).await.unwrap();
    world.cry().await;
    assert_eq!(told(&world, "one").await, ["1 ANNOUNCED"]);
    assert_eq!(told(&world, "both").await.len(), 3, "the namespace, the version, the operation");
    world.clock.set(start() + days(500));
    world.cry().await;
    assert_eq!(told(&world, "one").await, ["1 ANNOUNCED", "1 RETIRED"]);
    let last = notices(&world, "both").await.pop().unwrap();
    assert_eq!(last.subject, schedule(vapid));
    let versions: Vec<_> = last.versions.iter().map(|v| format!("{} {}", v.context, v.version)).collect();
    assert_eq!(versions, ["vapid/companies 1.0", "vapid/projects 1.0"], "what had ended before is not told again");
    assert_eq!(
        (last.version_count, last.sentences[0].as_str()),
        (2, "namespace vapid in SANDBOX is retired now: calls are refused.")
    );
    assert_eq!(progress(&world, operation, 0).await, ["ANNOUNCED GIVEN"]);
}

#[tokio::test]
async fn criers_at_the_same_time_tell_nobody_twice() {
    let world = with_bob().await;
    for number in 0..20 {
        let id = format!("app-{number}");
        world.application(&id).await;
        world.subscribe(ADA, &id, "1.0").await.unwrap();
    }
    world.deprecate("1.0", None, Some(start() + days(400))).await.unwrap();
    world.clock.set(start() + days(400));
    let cries = (0..8).map(|_| {
        let hub = world.hub().clone();
        tokio::spawn(async move { hub.cry(hub.now()).await.unwrap() })
    });
    for cry in cries.collect::<Vec<_>>() {
        cry.await.unwrap();
    }
    let given =
        world.all_facts(v1::FactFilter { kinds: vec![v1::FactKind::NoticeGiven.into()], ..Default::default() }).await;
    assert_eq!(given.len(), 21 * 2, "announced and retired");
}

#[tokio::test]
async fn x8_b26_a_notice_states_the_dates_in_the_zone_of_the_announcement() {
    let world = with_bob().await;
    let change = v1::LifecycleChange {
        zone: "Europe/London".into(),
        reason: "a better version".into(),
        ..step(target("1.0"), deprecate(None, Some(instant("2026-07-31T23:00:00Z"))))
    };
    world.change(change).await.unwrap();
    world.cry().await;
    let notice = notices(&world, "app").await.remove(0);
    assert_eq!(
        notice.sentences[1..],
        [
            "Deprecated from 2026-01-01 00:00 GMT Europe/London (2026-01-01T00:00:00Z) on: no new \
             subscriptions.",
            "Retired from 2026-08-01 00:00 BST Europe/London (2026-07-31T23:00:00Z) on, 211 days from this notice: \
             every call is refused.",
            "Reason: a better version",
        ]
    );
    assert_eq!(instant_of(&notice.end_time.unwrap()).unwrap(), instant("2026-07-31T23:00:00Z"));
}

/// Who was deleted when an end was announced is told so with the next notice, and why it ends; the others are not.
#[tokio::test]
async fn b91_a_restored_application_is_told_what_it_missed() {
    let world = World::usual().await;
    world.application("there").await;
    for id in ["app", "there"] {
        world.subscribe(ADA, id, "1.0").await.unwrap();
    }
    let delete = v1::DeleteApplicationRequest { application_id: "app".into(), ..Default::default() };
    world.applications(OPERATOR).delete_application(delete).await.unwrap();
    world.clock.advance(days(1));
    let deprecated = start() + days(10);
    let change = step(target("1.0"), deprecate(Some(deprecated), None));
    world.change(v1::LifecycleChange { reason: "2.0 replaces it".into(), ..change }).await.unwrap();
    world.clock.advance(days(1));
    let restore = v1::RestoreApplicationRequest { application_id: "app".into(), ..Default::default() };
    world.applications(OPERATOR).restore_application(restore).await.unwrap();
    world.clock.set(deprecated);
    world.cry().await;
    let missed = |notice: &v1::Notice| notice.sentences.iter().find(|text| text.contains("deleted")).cloned();
    let told = notices(&world, "app").await;
    assert_eq!(told.len(), 1, "the announcement itself went by");
    let expected =
        "This was announced on 2026-01-02T00:00:00Z, while the application was deleted. Reason: 2.0 replaces it";
    assert_eq!(missed(&told[0]).as_deref(), Some(expected));
    let others = notices(&world, "there").await;
    assert_eq!((others.len(), others.iter().find_map(missed)), (2, None));
    // What is announced after it came back it hears like anybody.
    world.change(step(target("1.0"), retire_at(at(start() + days(400))))).await.unwrap();
    world.clock.set(start() + days(310));
    world.cry().await;
    assert!(notices(&world, "app").await.iter().filter(|notice| missed(notice).is_some()).count() == 1);
}
