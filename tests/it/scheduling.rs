//! The schedule ledger: planned, revised, withdrawn, reinstated, batched; and what was public when.

use chrono::{DateTime, Utc};
use devhub::wire::timestamp;
use devhub_proto::v1;
use devhub_proto::v1::lifecycle_change::Step;

use crate::world::{
    ADA, CONTEXT, OPERATOR, World, at, days, instant, ms, refused, start, step, target, to_be_announced, violations,
};

fn deprecate(deprecated_at: Option<DateTime<Utc>>, retires_at: Option<DateTime<Utc>>) -> Step {
    Step::Deprecate(v1::DeprecateStep {
        deprecate_time: deprecated_at.map(timestamp),
        sunset_begin_time: None,
        retire_time: retires_at.map(timestamp),
    })
}

fn retire_later(retire: Option<v1::NewInstant>) -> Step {
    Step::Revise(v1::ReviseStep { retire, ..Default::default() })
}

fn because(change: v1::LifecycleChange, reason: &str) -> v1::LifecycleChange {
    v1::LifecycleChange { reason: reason.into(), ..change }
}

/// The end as `as_of` knew it: `-` for nothing announced, `?` for a retirement to be announced.
async fn end(world: &World, as_of: DateTime<Utc>) -> String {
    let Ok(schedule) = world.schedule(target("1.0"), Some(as_of)).await else { return "-".to_owned() };
    let after = schedule.revision.unwrap().after.unwrap();
    let date = |t: prost_types::Timestamp| devhub::wire::instant(&t).unwrap().format("%F").to_string();
    match (after.retire_time, after.retirement_to_be_announced) {
        (Some(retires), _) => date(retires),
        (None, true) => "?".to_owned(),
        (None, false) => "-".to_owned(),
    }
}

/// The five published revisions of a real end: it moved later, became unknown, came back, moved again, and at last came
/// six days sooner with 48 days' notice (rules B28, B71, B72, B74, defect X11).
#[tokio::test]
async fn b71_five_revisions_of_a_date_are_answered_for_any_instant() {
    let published = ["2021-12-09", "2022-12-01", "2024-01-29", "2024-12-03", "2025-01-29"]
        .map(|d| instant(&format!("{d}T12:00:00Z")));
    let ends = ["2023-01-31", "?", "2024-12-31", "2025-03-24", "2025-03-18"];
    let world = World::new().await;
    world.clock.set(published[0] - days(30));
    world.api_with(CONTEXT, "procore-rest").await;
    world.version("1.0", v1::Maturity::Stable).await;
    assert_eq!(end(&world, published[0] - days(30)).await, "-");
    for (revision, (announced, date)) in published.into_iter().zip(ends).enumerate() {
        world.clock.set(announced);
        let date = (date != "?").then(|| instant(&format!("{date}T00:00:00Z")));
        let change = match (revision, date) {
            (0, date) => deprecate(None, date),
            (_, Some(date)) => retire_later(at(date)),
            (_, None) => retire_later(to_be_announced()),
        };
        let change = because(step(target("1.0"), change), "the migration takes longer");
        world.change(v1::LifecycleChange { zone: "America/Los_Angeles".into(), ..change }).await.unwrap();
    }
    for (revision, (announced, date)) in published.into_iter().zip(ends).enumerate() {
        let before = if revision == 0 { "-" } else { ends[revision - 1] };
        assert_eq!(end(&world, announced - ms(1)).await, before, "just before revision {revision}");
        assert_eq!(end(&world, announced).await, date, "at revision {revision}");
        assert_eq!(end(&world, announced + days(20)).await, date, "after revision {revision}");
    }
    let request = v1::ListScheduleRevisionsRequest { target: Some(target("1.0")), page_size: 4, ..Default::default() };
    let first = world.schedules(OPERATOR).list_schedule_revisions(request.clone()).await.unwrap().into_inner();
    let rest = v1::ListScheduleRevisionsRequest { page_token: first.next_page_token, ..request };
    let rest = world.schedules(OPERATOR).list_schedule_revisions(rest).await.unwrap().into_inner();
    let all: Vec<_> = first.revisions.into_iter().chain(rest.revisions).collect();
    assert_eq!(all.iter().map(|r| r.number).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    assert_eq!(all[0].kind(), v1::RevisionKind::Published);
    let last = &all[5];
    assert_eq!((last.actor.as_str(), last.reason.as_str()), (OPERATOR, "the migration takes longer"));
    // Rule B26: the instant, and what it is called where it was announced.
    assert_eq!(last.after.clone().unwrap().retire_local, "2025-03-17 17:00:00 PDT America/Los_Angeles");
    assert_eq!(last.before.clone().unwrap().retire_time, Some(timestamp(instant("2025-03-24T00:00:00Z"))));
}

/// A revision to an earlier date needs thirty days' notice, to the instant, or a recorded override.
#[tokio::test]
async fn b72_earlier_needs_notice() {
    let world = World::new().await;
    world.api_with(CONTEXT, "procore-rest").await;
    world.version("1.0", v1::Maturity::Stable).await;
    world.change(step(target("1.0"), deprecate(None, Some(start() + days(400))))).await.unwrap();
    let announced = start() + days(366);
    world.clock.set(announced + days(1));
    let notice = announced + days(30);
    let sooner = |date| {
        let change = step(target("1.0"), retire_later(at(date)));
        v1::LifecycleChange { announce_time: Some(timestamp(announced)), ..change }
    };
    let status = world.change(sooner(notice - ms(1))).await.unwrap_err();
    assert!(status.message().contains(&notice.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)), "{status}");
    assert_eq!(crate::world::reason(&status), "NOTICE_TOO_SHORT");
    world.change(sooner(notice)).await.unwrap();
    let forced = v1::LifecycleChange { override_reason: "a leak".into(), ..sooner(notice - days(20)) };
    world.change(forced).await.unwrap();
    assert_eq!(refused(world.change(sooner(notice - days(20))).await), "NOTHING_TO_DO");
    assert_eq!(refused(world.change(sooner(start())).await), "INSTANT_IN_PAST");
}

/// HMRC's BETA: six weeks' notice before deprecation, and six weeks of deprecation; each boundary to the instant.
#[tokio::test]
async fn b27_beta_is_announced_six_weeks_ahead_and_lasts_six_weeks() {
    let world = World::new().await;
    world.api().await;
    world.version("1.0", v1::Maturity::Beta).await;
    // What was announced before it came in counts from the announcement.
    let public = start() + days(1);
    world.clock.set(start() + days(8));
    let (deprecated, retired) = (public + days(42), public + days(84));
    let change = |d, r| {
        let change = step(target("1.0"), deprecate(Some(d), Some(r)));
        v1::LifecycleChange { announce_time: Some(timestamp(public)), ..change }
    };
    assert_eq!(refused(world.change(change(deprecated - ms(1), retired)).await), "NOTICE_TOO_SHORT");
    assert_eq!(refused(world.change(change(deprecated, retired - ms(1))).await), "PERIOD_TOO_SHORT");
    // Without an announcement before, the notice runs from now; the refusal names an hour that can still be met.
    let status = world.change(step(target("1.0"), deprecate(Some(deprecated), Some(retired)))).await.unwrap_err();
    assert!(status.message().contains("2026-02-20T01:00:00Z"), "{status}");
    let announced =
        |instant| v1::LifecycleChange { announce_time: Some(timestamp(instant)), ..change(deprecated, retired) };
    assert_eq!(refused(world.change(announced(public + ms(1))).await), "NOTICE_TOO_SHORT");
    assert_eq!(refused(world.change(announced(start() + days(9))).await), "ANNOUNCEMENT_OUT_OF_ORDER", "not yet");
    assert_eq!(refused(world.change(announced(start() - ms(1))).await), "ANNOUNCEMENT_OUT_OF_ORDER", "published since");
    world.change(announced(public)).await.unwrap();
}

/// HMRC's STABLE: six calendar months, named in the refusal (rule B29: 31 August plus six months is the last of February).
#[tokio::test]
async fn b29_six_calendar_months_are_named_in_the_refusal() {
    let world = World::new().await;
    world.clock.set(instant("2026-08-31T10:00:00Z"));
    world.api().await;
    world.version("1.0", v1::Maturity::Stable).await;
    let (deprecated, legal) = (instant("2026-08-31T12:00:00Z"), instant("2027-02-28T12:00:00Z"));
    let status = world.change(step(target("1.0"), deprecate(Some(deprecated), Some(legal - ms(1))))).await.unwrap_err();
    assert!(status.message().contains("2027-02-28T12:00:00Z"), "{status}");
    let response = world.change(step(target("1.0"), deprecate(Some(deprecated), Some(legal)))).await.unwrap();
    assert!(response.warnings[0].contains("no successor is named"), "{:?}", response.warnings);
}

/// An announcement made in error is taken back before it takes effect, and after (rules B35, B36).
#[tokio::test]
async fn b35_b36_a_deprecation_is_withdrawn_before_and_after_it_begins() {
    let world = World::usual().await;
    let withdraw = || because(step(target("1.0"), Step::Withdraw(v1::WithdrawStep {})), "announced in error");
    assert_eq!(refused(world.change(withdraw()).await), "ILLEGAL_LIFECYCLE_MOVE");
    world.change(step(target("1.0"), deprecate(Some(start() + days(10)), None))).await.unwrap();
    world.change(withdraw()).await.unwrap();
    world.change(step(target("1.0"), deprecate(None, None))).await.unwrap();
    assert_eq!(refused(world.subscribe(crate::world::ADA, "app", "1.0").await), "VERSION_DEPRECATED");
    world.change(withdraw()).await.unwrap();
    world.subscribe(crate::world::ADA, "app", "1.0").await.unwrap();
    // B36: the denial stays on record.
    let kinds = vec![v1::FactKind::CommandRefused.into()];
    let facts = world.all_facts(v1::FactFilter { kinds, ..Default::default() }).await;
    assert!(facts.iter().any(|fact| fact.refusal == "VERSION_DEPRECATED"));
}

/// What is retired comes back only with a reason, deprecated as it was, and its subscribers call again.
#[tokio::test]
async fn b35_after_retirement_only_a_reinstatement_with_a_reason_reopens() {
    let world = World::usual().await;
    world.subscribe(crate::world::ADA, "app", "1.0").await.unwrap();
    let retired = start() + days(200);
    world.change(step(target("1.0"), deprecate(None, Some(retired)))).await.unwrap();
    world.clock.set(retired);
    assert_eq!(world.decision("app", "1.0").await, "DENY VERSION_RETIRED");
    assert_eq!(
        refused(world.change(step(target("1.0"), Step::Withdraw(v1::WithdrawStep {}))).await),
        "ILLEGAL_LIFECYCLE_MOVE"
    );
    let reinstate = |retire| step(target("1.0"), Step::Reinstate(v1::ReinstateStep { retire }));
    let status = world.change(reinstate(None)).await.unwrap_err();
    assert_eq!(violations(&status), ["reason"]);
    assert_eq!(refused(world.change(because(reinstate(at(retired)), "too soon")).await), "INSTANT_IN_PAST");
    let done = world.change(because(reinstate(None), "retired a day early by mistake")).await.unwrap();
    assert_eq!(done.affected_subscriptions, 1, "who comes back");
    assert_eq!(world.decision("app", "1.0").await, "ALLOW SUBSCRIBED");
    assert_eq!(world.authorize("app", "1.0").await.stage(), v1::Stage::Deprecated);
    let schedule = world.schedule(target("1.0"), None).await.unwrap();
    assert!(schedule.revision.unwrap().after.unwrap().retirement_to_be_announced);
    let refusal = world.change(reinstate(None)).await;
    assert_eq!(refused(refusal), "ILLEGAL_LIFECYCLE_MOVE", "it is not retired any more");
}

/// HMRC deprecated twenty versions at once: one commit, or none of it.
#[tokio::test]
async fn many_versions_are_deprecated_as_one_commit_or_none() {
    let world = World::new().await;
    world.api().await;
    for number in 1..=20 {
        world.version(&format!("{number}.0"), v1::Maturity::Stable).await;
    }
    let all = |retired| {
        let one = |number| {
            ["SANDBOX", "PRODUCTION"].map(|environment| {
                let environment = v1::Environment::from_str_name(&format!("ENVIRONMENT_{environment}")).unwrap();
                let target = v1::ScheduleTarget { environment: environment.into(), ..target(&format!("{number}.0")) };
                step(target, deprecate(None, Some(retired)))
            })
        };
        (1..=20).flat_map(one).collect::<Vec<_>>()
    };
    let mut with_a_slip = all(start() + days(200));
    with_a_slip[33] = step(target("99.0"), deprecate(None, None));
    let status = world.change_all(with_a_slip).await.unwrap_err();
    assert_eq!(crate::world::reason(&status), "VERSION_NOT_FOUND");
    assert!(status.message().contains("change 33"), "{status}");
    assert_eq!(end(&world, world.hub().now()).await, "-", "none of it");
    let done = world.change_all(all(start() + days(200))).await.unwrap();
    let kinds = vec![v1::FactKind::VersionDeprecated.into()];
    let facts = world.all_facts(v1::FactFilter { kinds, ..Default::default() }).await;
    assert_eq!(facts.len(), 40);
    assert!(facts.iter().all(|fact| fact.revision == done.revision), "one commit");
    world.clock.set(start() + days(1));
    let request = v1::ListCalendarRequest { context: CONTEXT.into(), page_size: 30, ..Default::default() };
    let first = world.schedules(OPERATOR).list_calendar(request.clone()).await.unwrap().into_inner();
    let rest = v1::ListCalendarRequest { page_token: first.next_page_token.clone(), ..request };
    let rest = world.schedules(OPERATOR).list_calendar(rest).await.unwrap().into_inner();
    assert_eq!((first.entries.len(), rest.entries.len(), rest.next_page_token.as_str()), (30, 10, ""));
    assert!(first.entries.iter().chain(&rest.entries).all(|entry| entry.kind() == v1::CalendarKind::Retires));
}

/// A batch judges each change as if those before it had happened: the same version twice is fine if it makes sense.
#[tokio::test]
async fn a_batch_is_judged_in_its_order() {
    let world = World::usual().await;
    let withdraw = step(target("1.0"), Step::Withdraw(v1::WithdrawStep {}));
    world.change_all(vec![step(target("1.0"), deprecate(None, None)), withdraw.clone()]).await.unwrap();
    assert_eq!(world.schedule(target("1.0"), None).await.unwrap().revisions, 3);
    let status = world.change_all(vec![withdraw, step(target("1.0"), deprecate(None, None))]).await.unwrap_err();
    assert!(status.message().contains("change 0"), "{status}");
    let none = world.change_all(Vec::new()).await.unwrap_err();
    assert_eq!(violations(&none), ["changes"]);
}

/// A brownout lies in the deprecation, is short, and overlaps with no other.
#[tokio::test]
async fn a_brownout_is_planned_within_the_deprecation_and_cancelled() {
    let world = World::usual().await;
    let hours = chrono::TimeDelta::hours;
    let brownout = |from: DateTime<Utc>, until: DateTime<Utc>| {
        let (start_time, end_time) = (Some(timestamp(from)), Some(timestamp(until)));
        step(target("1.0"), Step::ScheduleBrownout(v1::ScheduleBrownoutStep { start_time, end_time }))
    };
    let from = start() + days(100);
    assert_eq!(refused(world.change(brownout(from, from + hours(1))).await), "BROWNOUT_REFUSED", "not deprecated");
    let (deprecated, retired) = (start() + days(10), start() + days(200));
    world.change(step(target("1.0"), deprecate(Some(deprecated), Some(retired)))).await.unwrap();
    for (from, until) in [
        (deprecated - ms(1), deprecated + hours(1)),
        (retired - hours(1), retired + ms(1)),
        (from, from),
        (from, from + hours(24) + ms(1)),
    ] {
        assert_eq!(refused(world.change(brownout(from, until)).await), "BROWNOUT_REFUSED", "{from} {until}");
    }
    world.change(brownout(from, from + hours(24))).await.unwrap();
    world.change(brownout(from + hours(24), from + hours(25))).await.unwrap();
    assert_eq!(
        refused(world.change(brownout(from + hours(23), from + hours(26))).await),
        "BROWNOUT_REFUSED",
        "overlap"
    );
    assert_eq!(world.schedule(target("1.0"), None).await.unwrap().brownouts.len(), 2);
    let cancel =
        |from| step(target("1.0"), Step::CancelBrownout(v1::CancelBrownoutStep { start_time: Some(timestamp(from)) }));
    world.change(cancel(from)).await.unwrap();
    assert_eq!(refused(world.change(cancel(from)).await), "BROWNOUT_REFUSED");
    assert_eq!(world.schedule(target("1.0"), None).await.unwrap().brownouts.len(), 1);
}

/// HMRC's policy has no ends of single operations: a breaking change is a new major version.
#[tokio::test]
async fn hmrcs_policy_deprecates_whole_versions_only() {
    let world = World::usual().await;
    let environment = v1::Environment::Sandbox.into();
    let namespace = v1::schedule_target::Target::Namespace("individuals".into());
    let whole = v1::ScheduleTarget { environment, target: Some(namespace) };
    let status = world.change(step(whole, deprecate(None, None))).await.unwrap_err();
    assert_eq!(crate::world::reason(&status), "PARTS_NOT_IN_POLICY");
    assert!(status.message().contains("new major version"), "{status}");
    let nowhere = v1::schedule_target::Target::Namespace("vapid".into());
    let nowhere = v1::ScheduleTarget { environment, target: Some(nowhere) };
    assert_eq!(refused(world.change(step(nowhere, deprecate(None, None))).await), "NAMESPACE_EMPTY");
}

/// The ledger is the changelog of an API.
#[tokio::test]
async fn the_changelog_of_an_api_is_its_ledger() {
    let world = World::usual().await;
    world.version("2.0", v1::Maturity::Beta).await;
    let promote = Step::Promote(v1::PromoteStep { maturity: v1::Maturity::Stable.into(), endpoints_enabled: true });
    world.change(step(target("2.0"), promote)).await.unwrap();
    let successor =
        v1::successor::Successor::Version(v1::VersionName { context: CONTEXT.into(), version: "2.0".into() });
    let successor = Some(v1::Successor { successor: Some(successor), uri: String::new() });
    let change = step(target("1.0"), deprecate(None, None));
    let response = world.change(v1::LifecycleChange { successor, ..change }).await.unwrap();
    assert_eq!(response.warnings, Vec::<String>::new(), "a successor that is there and STABLE needs no warning");
    let request = v1::ListChangelogRequest { context: CONTEXT.into(), ..Default::default() };
    let log = world.schedules(OPERATOR).list_changelog(request).await.unwrap().into_inner();
    let kinds: Vec<_> =
        log.revisions.iter().map(|r| r.kind().as_str_name()["REVISION_KIND_".len()..].to_owned()).collect();
    assert_eq!(kinds, ["PUBLISHED", "PUBLISHED", "DEPRECATED", "PUBLISHED", "PUBLISHED", "PROMOTED"]);
    assert_eq!(log.revisions[2].successor, format!("{CONTEXT} 2.0"));
}

/// Another successor is a revision by itself; the same one is nothing to do (rule B41).
#[tokio::test]
async fn b41_a_successor_is_named_anew_without_another_date() {
    let world = World::usual().await;
    let successor = |label: &str| {
        let version = v1::VersionName { context: CONTEXT.into(), version: label.into() };
        Some(v1::Successor { successor: Some(v1::successor::Successor::Version(version)), uri: String::new() })
    };
    let revise = |label: &str| {
        let change = step(target("1.0"), Step::Revise(v1::ReviseStep::default()));
        v1::LifecycleChange { successor: successor(label), ..change }
    };
    world.change(step(target("1.0"), deprecate(None, None))).await.unwrap();
    world.change(revise("9.0")).await.unwrap();
    let known = world.schedule(target("1.0"), None).await.unwrap().revision.unwrap();
    assert_eq!((known.kind(), known.successor.as_str()), (v1::RevisionKind::Revised, "individuals/losses 9.0"));
    assert_eq!(known.before.unwrap().deprecate_time, known.after.unwrap().deprecate_time);
    assert_eq!(refused(world.change(revise("9.0")).await), "NOTHING_TO_DO");
}

/// A brownout warns of a retirement, so it lies in the deprecation that it was planned in, wherever the dates go.
#[tokio::test]
async fn a_brownout_that_the_revised_dates_leave_out_is_none() {
    let world = World::usual().await;
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    let (deprecated, retired) = (start() + days(10), start() + days(200));
    world.change(step(target("1.0"), deprecate(Some(deprecated), Some(retired)))).await.unwrap();
    let brownout = |from: DateTime<Utc>| {
        let (start_time, end_time) = (Some(timestamp(from)), Some(timestamp(from + chrono::TimeDelta::hours(1))));
        step(target("1.0"), Step::ScheduleBrownout(v1::ScheduleBrownoutStep { start_time, end_time }))
    };
    let (early, late) = (deprecated + days(2), retired - days(5));
    world.change(brownout(early)).await.unwrap();
    world.change(brownout(late)).await.unwrap();
    let planned = async || world.schedule(target("1.0"), None).await.unwrap().brownouts.len();
    assert_eq!(planned().await, 2);
    let later = v1::ReviseStep { deprecate: at(early + days(1)), retire: at(retired + days(40)), ..Default::default() };
    let reply = world.change(step(target("1.0"), Step::Revise(later))).await.unwrap();
    assert!(reply.warnings.iter().any(|warning| warning.contains("brownout")), "{:?}", reply.warnings);
    assert_eq!(planned().await, 1);
    world.clock.set(early);
    assert_eq!(world.decision("app", "1.0").await, "ALLOW SUBSCRIBED", "it is not even deprecated");
    // An emergency retirement before it leaves nothing that a reinstatement could wake.
    world.clock.set(late - days(1));
    let retire = step(target("1.0"), Step::Retire(v1::RetireStep::default()));
    world.change(v1::LifecycleChange { override_reason: "leaked".into(), ..retire }).await.unwrap();
    world.change(because(step(target("1.0"), Step::Reinstate(v1::ReinstateStep::default())), "fixed")).await.unwrap();
    world.clock.set(late);
    assert_eq!(world.decision("app", "1.0").await, "ALLOW SUBSCRIBED");
}

/// Later is free, also where the dates were too close together by an override: whoever is given more time is not harmed.
#[tokio::test]
async fn more_time_needs_no_override_where_an_override_gave_too_little() {
    let world = World::usual().await;
    let soon = start() + days(60);
    let change = step(target("1.0"), deprecate(None, Some(soon)));
    assert_eq!(refused(world.change(change.clone()).await), "PERIOD_TOO_SHORT");
    world.change(v1::LifecycleChange { override_reason: "a leak".into(), ..change }).await.unwrap();
    world.change(step(target("1.0"), retire_later(at(soon + days(1))))).await.unwrap();
    let retire = v1::RetireStep { retire_time: Some(timestamp(soon + days(2))) };
    world.change(step(target("1.0"), Step::Retire(retire))).await.unwrap();
    // A successor that is named is no date at all.
    world.version("2.0", v1::Maturity::Stable).await;
    let name = v1::VersionName { context: CONTEXT.into(), version: "2.0".into() };
    let named = v1::LifecycleChange {
        successor: Some(v1::Successor {
            successor: Some(v1::successor::Successor::Version(name)),
            ..Default::default()
        }),
        ..step(target("1.0"), Step::Revise(v1::ReviseStep::default()))
    };
    world.change(named).await.unwrap();
    // Back to be announced, and the policy's minimum holds again.
    world.change(step(target("1.0"), retire_later(to_be_announced()))).await.unwrap();
    let again = step(target("1.0"), retire_later(at(soon + days(3))));
    assert_eq!(refused(world.change(again).await), "PERIOD_TOO_SHORT");
}

/// The calendar of an API shows what ends it, the end of a namespace that it lies in included.
#[tokio::test]
async fn the_calendar_of_an_api_has_the_dates_of_its_namespaces() {
    let world = World::new().await;
    for context in ["vapid/projects", "vapid/companies"] {
        world.api_with(context, "procore-rest").await;
        let stable = vec![crate::world::deployment(v1::Environment::Sandbox, v1::Maturity::Stable)];
        let version = v1::ApiVersion { context: context.into(), ..crate::world::version("1.0", stable) };
        world.publish(version).await.unwrap();
    }
    let of = |name: &str| v1::ScheduleTarget {
        environment: v1::Environment::Sandbox.into(),
        target: Some(v1::schedule_target::Target::Namespace(name.into())),
    };
    world.change(step(of("vapid"), deprecate(Some(start() + days(1)), Some(start() + days(400))))).await.unwrap();
    for (context, dates) in [("vapid/projects", 1), ("vapid", 1), ("rest/projects", 0)] {
        let request = v1::ListCalendarRequest { context: context.into(), ..Default::default() };
        let entries = world.schedules("").list_calendar(request).await.unwrap().into_inner().entries;
        assert_eq!(entries.len(), dates, "{context}");
    }
}

/// Rule B41: a successor that ends with its namespace is no better than one that ends by itself.
#[tokio::test]
async fn b41_a_successor_in_a_namespace_that_ends_is_warned_of() {
    let world = World::new().await;
    for (context, label) in [("vapid/projects", "1.0"), ("vapid/projects", "2.0")] {
        if label == "1.0" {
            world.api_with(context, "procore-rest").await;
        }
        let stable = vec![crate::world::deployment(v1::Environment::Sandbox, v1::Maturity::Stable)];
        let version = v1::ApiVersion { context: context.into(), ..crate::world::version(label, stable) };
        world.publish(version).await.unwrap();
    }
    let of = |target| v1::ScheduleTarget { environment: v1::Environment::Sandbox.into(), target: Some(target) };
    let name = |label: &str| v1::VersionName { context: "vapid/projects".into(), version: label.into() };
    let namespace = of(v1::schedule_target::Target::Namespace("vapid".into()));
    world.change(step(namespace, deprecate(None, None))).await.unwrap();
    let successor =
        v1::Successor { successor: Some(v1::successor::Successor::Version(name("2.0"))), ..Default::default() };
    let change = step(of(v1::schedule_target::Target::Version(name("1.0"))), deprecate(None, None));
    let reply = world.change(v1::LifecycleChange { successor: Some(successor), ..change }).await.unwrap();
    assert_eq!(reply.warnings, ["successor vapid/projects 2.0 is deprecated itself"]);
}

/// The dates of an operation can be taken back after the version has stopped to list it: gateways still know them.
#[tokio::test]
async fn the_dates_of_an_operation_that_is_no_longer_listed_can_be_withdrawn() {
    let world = World::new().await;
    world.api_with(CONTEXT, "procore-rest").await;
    let endpoint = |path: &str| v1::Endpoint {
        method: "GET".into(),
        path: path.into(),
        auth_type: v1::AuthType::Application.into(),
    };
    let stable = vec![crate::world::deployment(v1::Environment::Sandbox, v1::Maturity::Stable)];
    let endpoints = vec![endpoint("/items"), endpoint("/others")];
    world.publish(v1::ApiVersion { endpoints, ..crate::world::version("1.0", stable) }).await.unwrap();
    let version = Some(v1::VersionName { context: CONTEXT.into(), version: "1.0".into() });
    let operation = v1::OperationName { version, method: "GET".into(), path: "/items".into() };
    let items = v1::ScheduleTarget {
        environment: v1::Environment::Sandbox.into(),
        target: Some(v1::schedule_target::Target::Operation(operation)),
    };
    world.change(step(items.clone(), deprecate(None, None))).await.unwrap();
    let update = v1::UpdateApiVersionRequest {
        context: CONTEXT.into(),
        version: "1.0".into(),
        endpoints: vec![endpoint("/others")],
        replace_endpoints: true,
        ..Default::default()
    };
    world.apis(OPERATOR).update_api_version(update).await.unwrap();
    world.change(step(items.clone(), Step::Withdraw(v1::WithdrawStep {}))).await.unwrap();
    assert_eq!(refused(world.change(step(items, Step::Withdraw(v1::WithdrawStep {}))).await), "ILLEGAL_LIFECYCLE_MOVE");
}
