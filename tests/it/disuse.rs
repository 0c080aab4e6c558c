//! Applications that nobody uses: told before, deleted on the day, kept by any use, and by whatever is not known of it.

use chrono::{DateTime, TimeDelta, Utc};
use devhub::domain::disuse::{Limits, Notices, Term};
use devhub::hub::Round;
use devhub::wire::{instant as instant_of, timestamp};
use devhub_proto::v1;

use crate::world::*;

pub(crate) fn limits() -> Limits {
    let term = |days, notices: &[u32]| Term::new(days, Notices::new(notices.iter().copied()).unwrap()).unwrap();
    Limits {
        sandbox: term(365, &[30, 7, 1]),
        production: term(730, &[30, 7, 1]),
        never_used_sandbox: term(30, &[7, 1]),
    }
}

/// A world that deletes what nobody uses: an API with a STABLE version 1.0 in both environments.
async fn world() -> World {
    let world = World::with(|config| config.disuse = Some(limits())).await;
    world.api().await;
    world.version("1.0", v1::Maturity::Stable).await;
    world
}

/// Registers an application of Ada's that is subscribed.
async fn subscribed(world: &World, id: &str, environment: v1::Environment) {
    let change = |application: &mut v1::Application| {
        application.environment = environment.into();
        if environment == v1::Environment::Production {
            // Live at once, without the steps to production.
            application.kind = v1::ApplicationKind::Privileged.into();
        }
    };
    world.application_with(id, change).await.unwrap();
    world.subscribe(OPERATOR, id, "1.0").await.unwrap();
}

async fn application(world: &World, id: &str) -> v1::Application {
    let request = v1::GetApplicationRequest { application_id: id.into() };
    world.applications(ADA).get_application(request).await.unwrap().into_inner().application.unwrap()
}

async fn is_deleted(world: &World, id: &str) -> bool {
    application(world, id).await.state() == v1::ApplicationState::Deleted
}

fn at(timestamp: Option<prost_types::Timestamp>) -> DateTime<Utc> {
    instant_of(&timestamp.unwrap()).unwrap()
}

/// When an application is deleted, if that is announced.
async fn deletes_at(world: &World, id: &str) -> Option<DateTime<Utc>> {
    application(world, id).await.disuse.map(|disuse| at(disuse.delete_time))
}

async fn notices(world: &World, id: &str) -> Vec<v1::Notice> {
    let request = v1::ListNoticesRequest { application_id: id.into(), page_size: 200, ..Default::default() };
    let mut found = world.notices("").list_notices(request).await.unwrap().into_inner().notices;
    found.sort_by_key(|notice| at(notice.give_time));
    found
}

/// What the administrators of an application were told, oldest first: announcement and milestone.
async fn told(world: &World, id: &str) -> Vec<String> {
    let word = |notice: &v1::Notice| match notice.countdown_days {
        0 => notice.milestone().as_str_name().trim_start_matches("NOTICE_MILESTONE_").to_owned(),
        days => format!("T-{days}"),
    };
    let line = |notice: &v1::Notice| format!("{} {}", notice.revision_number, word(notice));
    notices(world, id).await.iter().map(line).collect()
}

async fn ask(world: &World, id: &str, environment: v1::Environment) -> String {
    let question = v1::AuthorizeRequest { environment: environment.into(), ..question(id, "1.0") };
    words(&world.gateway().authorize(question).await.unwrap().into_inner())
}

async fn restrict(world: &World, id: &str, restriction: &str) {
    let request = v1::RestrictApplicationDeletionRequest {
        application_id: id.into(),
        restriction: restriction.into(),
        ..Default::default()
    };
    world.applications(OPERATOR).restrict_application_deletion(request).await.unwrap();
}

impl World {
    /// Has the caretaker do what is due.
    pub(crate) async fn go_round(&self) -> Round {
        self.hub().go_round().await.unwrap()
    }

    /// Moves the clock and has the caretaker go round.
    async fn round_at(&self, instant: DateTime<Utc>) -> Round {
        self.clock.set(instant);
        self.go_round().await
    }
}

/// Steps over the notices and the deletion of an application that is idle since `idle_since`.
async fn follow(world: &World, id: &str, idle_since: DateTime<Utc>, term: &Term) {
    let deletes_at = idle_since + days(i64::from(term.days()));
    let mut expected: Vec<String> = Vec::new();
    for notice in term.notice_days().iter().copied().chain([0]) {
        let due_at = deletes_at - days(i64::from(notice));
        let name = if notice == 0 { "1 DELETED".to_owned() } else { format!("1 T-{notice}") };
        world.round_at(due_at - ms(1)).await;
        assert_eq!(told(world, id).await, expected, "{id} before {name}");
        assert!(!is_deleted(world, id).await);
        expected.push(name.clone());
        world.round_at(due_at).await;
        assert_eq!(told(world, id).await, expected, "{id}");
        assert_eq!(is_deleted(world, id).await, notice == 0);
        assert_eq!(self::deletes_at(world, id).await, (notice > 0).then_some(deletes_at), "{id} {name}");
        assert_eq!(world.round_at(due_at + ms(1)).await, Round::default(), "{id} after {name}");
        assert_eq!(told(world, id).await, expected);
    }
}

#[tokio::test]
async fn b58_a_sandbox_application_that_was_never_used_is_told_twice_and_deleted() {
    let world = world().await;
    subscribed(&world, "app", v1::Environment::Sandbox).await;
    let created_at = at(application(&world, "app").await.create_time);
    follow(&world, "app", created_at, &limits().never_used_sandbox).await;
    assert_eq!(ask(&world, "app", v1::Environment::Sandbox).await, "DENY APPLICATION_DELETED");
    let given = notices(&world, "app").await;
    assert_eq!(given.iter().map(|notice| notice.days_left).collect::<Vec<_>>(), [Some(7), Some(1), None]);
    assert!(given.iter().all(|notice| notice.recipients == ["ada@example.com"]));
    assert_eq!(
        given[0].sentences,
        [
            "Application app (app) in SANDBOX is deleted in 7 days, because nobody uses it.",
            "It has not been used since 2026-01-01T00:00:00Z.",
            "It is deleted on 2026-01-31T00:00:00Z.",
            "Any call that it may make as a subscriber keeps it; or ask an operator to restrict its deletion.",
        ]
    );
    let facts = world.all_facts(v1::FactFilter { application_id: "app".into(), ..Default::default() }).await;
    let kinds: Vec<_> = facts.iter().filter(|fact| fact.actor == "process:caretaker").map(v1::Fact::kind).collect();
    use v1::FactKind::{ApplicationDeleted, DisuseAnnounced, NoticeGiven};
    assert_eq!(kinds, [DisuseAnnounced, NoticeGiven, NoticeGiven, ApplicationDeleted, NoticeGiven]);
    assert_eq!(application(&world, "app").await.delete_time, Some(timestamp(created_at + days(30))));
}

#[tokio::test]
async fn b58_used_applications_have_a_year_in_the_sandbox_and_two_in_production() {
    for (environment, term) in
        [(v1::Environment::Sandbox, limits().sandbox), (v1::Environment::Production, limits().production)]
    {
        let world = world().await;
        subscribed(&world, "app", environment).await;
        world.clock.set(start() + days(5) + TimeDelta::minutes(59));
        assert_eq!(ask(&world, "app", environment).await, "ALLOW SUBSCRIBED");
        // Last use is known to the hour, and taken to be at its end.
        follow(&world, "app", start() + days(5) + TimeDelta::hours(1), &term).await;
    }
    let world = world().await;
    subscribed(&world, "app", v1::Environment::Production).await;
    let created_at = at(application(&world, "app").await.create_time);
    follow(&world, "app", created_at, &limits().production).await;
}

#[tokio::test]
async fn b58_nobody_is_deleted_unless_the_hub_is_told_to() {
    let world = World::usual().await;
    world.clock.set(start() + days(3650));
    assert_eq!(world.go_round().await, Round::default());
    assert!(!is_deleted(&world, "app").await && told(&world, "app").await.is_empty());
}

#[tokio::test]
async fn b58_any_use_cancels_and_a_refused_call_is_none() {
    let world = world().await;
    for id in ["asks", "reports", "refused", "explains"] {
        subscribed(&world, id, v1::Environment::Sandbox).await;
    }
    world.version("2.0", v1::Maturity::Stable).await;
    let before = start() + days(29) + TimeDelta::hours(12);
    assert_eq!(world.round_at(before).await.announced, 4);
    assert_eq!(world.go_round().await, Round::default());
    let ids = |found: v1::ListApplicationsResponse| -> Vec<String> {
        found.applications.into_iter().map(|application| application.application_id).collect()
    };
    let unused = async |message| ids(world.applications(ADA).list_applications(message).await.unwrap().into_inner());
    let request = v1::ListApplicationsRequest { unused_only: true, ..Default::default() };
    assert_eq!(unused(request.clone()).await, ["asks", "explains", "refused", "reports"]);
    assert_eq!(unused(v1::ListApplicationsRequest { owner: "nobody".into(), ..request.clone() }).await, [""; 0]);

    assert_eq!(ask(&world, "asks", v1::Environment::Sandbox).await, "ALLOW SUBSCRIBED");
    assert_eq!(world.decision("refused", "2.0").await, "DENY NOT_SUBSCRIBED");
    let explain = v1::ExplainRequest { question: Some(question("explains", "1.0")), ..Default::default() };
    world.gateway().explain(explain).await.unwrap();
    let item = v1::UsageReport {
        client_id: client("reports"),
        context: CONTEXT.into(),
        version: "1.0".into(),
        environment: v1::Environment::Sandbox.into(),
        calls: 1,
        last_call_time: Some(timestamp(before)),
        company_id: String::new(),
    };
    let request_of = v1::ReportUsageRequest { items: vec![item], request_id: "r".into() };
    assert!(world.usage().report_usage(request_of).await.unwrap().into_inner().results[0].accepted);
    let round = world.go_round().await;
    assert_eq!((round.cancelled, round.deleted), (2, 0), "{round:?}");
    assert_eq!(unused(request).await, ["explains", "refused"]);
    for id in ["asks", "reports"] {
        assert_eq!(told(&world, id).await, ["1 T-7", "1 KEPT"], "{id}");
        assert_eq!(notices(&world, id).await[1].sentences.len(), 1);
    }
    assert_eq!(
        notices(&world, "asks").await[1].sentences[0],
        "Application asks (asks) in SANDBOX is not deleted for disuse any more: it was used."
    );
    // Announced late, so seven days from then; the two that were used have a year again.
    world.round_at(before + days(6) + ms(1)).await;
    world.round_at(before + days(7) + ms(2)).await;
    for (id, expected) in [("asks", false), ("reports", false), ("refused", true), ("explains", true)] {
        assert_eq!(is_deleted(&world, id).await, expected, "{id}");
    }
    // A later announcement has a number of its own.
    world.round_at(before + days(336)).await;
    assert_eq!(told(&world, "asks").await, ["1 T-7", "1 KEPT", "2 T-30"]);
    let cancelled = v1::FactFilter { kinds: vec![v1::FactKind::DisuseCancelled.into()], ..Default::default() };
    let facts = world.all_facts(cancelled).await;
    assert_eq!(facts.iter().map(|fact| fact.reason.as_str()).collect::<Vec<_>>(), ["USED", "USED"]);
}

#[tokio::test]
async fn b58_restricted_and_blocked_applications_are_left_alone() {
    let world = world().await;
    for id in ["kept", "later", "blocked"] {
        subscribed(&world, id, v1::Environment::Sandbox).await;
    }
    restrict(&world, "kept", "a reference implementation").await;
    let block = v1::BlockApplicationRequest { application_id: "blocked".into(), ..Default::default() };
    world.applications(OPERATOR).block_application(block).await.unwrap();
    assert_eq!(world.round_at(start() + days(24)).await, Round { announced: 1, ..Round::default() });
    restrict(&world, "later", "a customer asked for it").await;
    assert_eq!(world.go_round().await, Round { cancelled: 1, ..Round::default() });
    assert_eq!(told(&world, "later").await, ["1 T-7", "1 KEPT"]);
    assert_eq!(world.round_at(start() + days(4000)).await, Round::default());
    for id in ["kept", "blocked"] {
        assert!(told(&world, id).await.is_empty(), "{id}");
    }
    // Without the restriction, the whole notice period comes first.
    restrict(&world, "kept", "").await;
    world.go_round().await;
    assert_eq!(deletes_at(&world, "kept").await, Some(world.hub().now() + days(7)));
}

#[tokio::test]
async fn b58_lost_notes_delete_nobody() {
    let mut world = world().await;
    subscribed(&world, "app", v1::Environment::Sandbox).await;
    world.clock.set(start() + days(10));
    ask(&world, "app", v1::Environment::Sandbox).await;
    let end = start() + days(10) + TimeDelta::hours(1) + days(365);
    world.restart().await;
    world.round_at(end - days(30)).await;
    assert_eq!(told(&world, "app").await, ["1 T-30"]);
    world.server.take().unwrap().stop().await.unwrap();
    std::fs::remove_dir_all(world.directory.path().join("usage")).unwrap();
    world.clock.set(end - days(20));
    world.start_again().await;
    world.go_round().await;
    assert_eq!(told(&world, "app").await, ["1 T-30", "1 KEPT"]);
    assert_eq!(
        notices(&world, "app").await[1].sentences[0],
        "Application app (app) in SANDBOX is not deleted for disuse any more: calls were lost, and it may have made some \
         of them; the time without use begins anew."
    );
    world.round_at(end - days(20) + days(335) - ms(1)).await;
    assert_eq!(told(&world, "app").await.len(), 2);
    world.round_at(end - days(20) + days(335)).await;
    assert_eq!(told(&world, "app").await[2..], ["2 T-30"]);
    // A note that cannot be understood, while the hub runs: nothing is known, and nobody is due.
    let note = devhub::store::codec::UsageKey {
        client_id: &client("app"),
        context: CONTEXT,
        label: "1.0",
        environment: devhub_decision::Environment::Sandbox,
    };
    world.hub().store().note(vec![(note.encode(), bytes::Bytes::from_static(b"?"))]).unwrap();
    world.round_at(end + days(400)).await;
    assert_eq!(told(&world, "app").await[2..], ["2 T-30", "2 KEPT"]);
    assert_eq!(world.round_at(end + days(4000)).await, Round::default());
}

#[tokio::test]
async fn b58_a_hub_that_was_away_for_the_notice_period_gives_it_whole() {
    let mut world = world().await;
    subscribed(&world, "app", v1::Environment::Sandbox).await;
    world.clock.set(start() + days(1));
    ask(&world, "app", v1::Environment::Sandbox).await;
    let end = start() + days(366) + TimeDelta::hours(1);
    world.round_at(end - days(30)).await;
    world.server.take().unwrap().stop().await.unwrap();
    let back = end + days(100);
    world.clock.set(back);
    world.start_again().await;
    assert_eq!(world.go_round().await, Round { reminded: 1, ..Round::default() });
    assert_eq!(told(&world, "app").await, ["1 T-30", "1 T-7"]);
    let moved = deletes_at(&world, "app").await.unwrap();
    assert!(moved >= back + days(7), "{moved}");
    world.round_at(moved - days(1) - ms(1)).await;
    assert_eq!(told(&world, "app").await.len(), 2);
    world.round_at(moved - days(1)).await;
    assert!(world.round_at(moved - ms(1)).await == Round::default() && !is_deleted(&world, "app").await);
    world.round_at(moved).await;
    assert_eq!(told(&world, "app").await, ["1 T-30", "1 T-7", "1 T-1", "1 DELETED"]);
    let put_off = v1::FactFilter { kinds: vec![v1::FactKind::NoticeGiven.into()], ..Default::default() };
    let facts = world.all_facts(put_off).await;
    let changed: Vec<_> = facts.iter().filter(|f| f.changes.iter().any(|c| c.field == "deletes_at")).collect();
    assert_eq!(changed.len(), 1, "the fact of the late notice says that the deletion was put off");
}

#[tokio::test]
async fn b58_a_crash_between_notices_sends_none_twice_and_deletes_nobody() {
    let mut world = world().await;
    subscribed(&world, "app", v1::Environment::Sandbox).await;
    let created_at = at(application(&world, "app").await.create_time);
    let end = created_at + days(30);
    world.round_at(end - days(7)).await;
    // Stopped and started: nothing comes twice, and the rest comes.
    world.restart().await;
    assert_eq!(world.go_round().await, Round::default());
    // Killed: what lies on the disk, without an end. Calls of its last minute may be lost, so the time begins anew.
    let left = tempfile::tempdir().unwrap();
    copy(world.directory.path(), left.path());
    world.server.take().unwrap().stop().await.unwrap();
    world.config.data_dir = left.path().to_owned();
    world.clock.set(end - days(3));
    world.start_again().await;
    assert_eq!(world.go_round().await, Round { cancelled: 1, ..Round::default() });
    assert_eq!(world.go_round().await, Round::default());
    assert_eq!(told(&world, "app").await, ["1 T-7", "1 KEPT"]);
    assert_eq!(world.round_at(end + days(300)).await, Round::default(), "a year again, since nobody knows");
    assert!(!is_deleted(&world, "app").await);
}

#[tokio::test]
async fn b58_a_restored_application_is_told_anew() {
    let world = world().await;
    subscribed(&world, "app", v1::Environment::Sandbox).await;
    let created_at = at(application(&world, "app").await.create_time);
    follow(&world, "app", created_at, &limits().never_used_sandbox).await;
    let acknowledge = v1::AcknowledgeNoticeRequest {
        application_id: "app".into(),
        notice_id: notices(&world, "app").await[2].notice_id.clone(),
        ..Default::default()
    };
    world.notices(ADA).acknowledge_notice(acknowledge).await.unwrap();
    world.clock.set(created_at + days(40));
    let request = v1::RestoreApplicationRequest { application_id: "app".into(), ..Default::default() };
    world.applications(OPERATOR).restore_application(request).await.unwrap();
    assert!(!is_deleted(&world, "app").await);
    world.go_round().await;
    assert_eq!(told(&world, "app").await, ["1 T-7", "1 T-1", "1 DELETED", "2 T-7"]);
    // As long as it is not deleted again it can be called, and then it is kept.
    assert_eq!(ask(&world, "app", v1::Environment::Sandbox).await, "ALLOW SUBSCRIBED");
    world.round_at(created_at + days(47)).await;
    assert_eq!(told(&world, "app").await[3..], ["2 T-7", "2 KEPT"]);
}

#[tokio::test]
async fn b58_who_is_deleted_otherwise_is_told_nothing_more() {
    let world = world().await;
    subscribed(&world, "app", v1::Environment::Sandbox).await;
    world.round_at(start() + days(24)).await;
    let request = v1::DeleteApplicationRequest { application_id: "app".into(), ..Default::default() };
    world.applications(ADA).delete_application(request).await.unwrap();
    assert_eq!(deletes_at(&world, "app").await, None);
    assert_eq!(world.go_round().await, Round { cancelled: 1, ..Round::default() });
    assert_eq!(world.round_at(start() + days(400)).await, Round::default());
    assert_eq!(told(&world, "app").await, ["1 T-7"]);
}

#[tokio::test]
async fn b58_switching_it_off_takes_back_what_was_announced() {
    let mut world = world().await;
    subscribed(&world, "app", v1::Environment::Sandbox).await;
    world.round_at(start() + days(24)).await;
    world.config.disuse = None;
    world.restart().await;
    assert_eq!(deletes_at(&world, "app").await, None, "what does not come is not shown");
    assert_eq!(world.go_round().await, Round { cancelled: 1, ..Round::default() });
    assert_eq!(told(&world, "app").await, ["1 T-7", "1 KEPT"]);
    world.config.disuse = Some(limits());
    world.clock.set(start() + days(100));
    world.restart().await;
    world.go_round().await;
    assert_eq!(told(&world, "app").await[2..], ["2 T-7"], "the whole notice again");
}

#[tokio::test]
async fn b58_many_applications_are_gone_through_page_by_page() {
    let world = world().await;
    for number in 0..600 {
        world.application(&format!("app-{number:03}")).await;
    }
    assert_eq!(world.round_at(start() + days(23) + ms(1)).await, Round { announced: 600, ..Round::default() });
    assert_eq!(world.round_at(start() + days(29) + ms(2)).await, Round { reminded: 600, ..Round::default() });
    assert_eq!(world.round_at(start() + days(30) + ms(3)).await, Round { deleted: 600, ..Round::default() });
    let mut request = v1::FollowNoticesRequest { recipient: "ada@example.com".into(), ..Default::default() };
    request.application_id = "app-599".into();
    let mut stream = world.notices("").follow_notices(request).await.unwrap().into_inner();
    let mut seen = Vec::new();
    while seen.len() < 3 {
        seen.extend(stream.message().await.unwrap().unwrap().notices);
    }
    assert_eq!(seen[2].milestone(), v1::NoticeMilestone::Deleted, "the feed has them");
}
