//! Who still calls what: counted from answers and from reports, told by day and class, never in the way.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use devhub::domain::usage::{Class, class};
use devhub::store::fault::Fault;
use devhub::wire::timestamp;
use devhub_proto::v1;
use devhub_proto::v1::application_service_client::ApplicationServiceClient;
use devhub_proto::v1::usage_service_client::UsageServiceClient;
use tonic::Code;

use crate::enduring::{admin, failing};
use crate::killing::{self, Process};
use crate::world::*;

/// A usual world in which `app` is subscribed.
pub(crate) async fn subscribed() -> World {
    let world = World::usual().await;
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    world
}

fn of_version() -> v1::ListUsageRequest {
    v1::ListUsageRequest {
        context: CONTEXT.into(),
        version: "1.0".into(),
        show_daily_calls: true,
        ..Default::default()
    }
}

async fn list(world: &World, request: v1::ListUsageRequest) -> v1::ListUsageResponse {
    world.usage().list_usage(request).await.unwrap().into_inner()
}

/// The usage of version 1.0 by `app`.
pub(crate) async fn usage(world: &World) -> v1::SubscriptionUsage {
    let usages = list(world, of_version()).await.usages;
    usages.into_iter().find(|usage| usage.application_id == "app").unwrap()
}

/// Calls by day.
pub(crate) fn daily(usage: &v1::SubscriptionUsage) -> Vec<(String, u64)> {
    let day = |daily: &v1::DailyCalls| {
        let first = devhub::wire::instant(daily.day.as_ref().unwrap()).unwrap();
        (first.to_rfc3339_opts(chrono::SecondsFormat::Secs, true), daily.calls)
    };
    usage.daily_calls.iter().map(day).collect()
}

pub(crate) fn days_of(pairs: &[(&str, u64)]) -> Vec<(String, u64)> {
    pairs.iter().map(|(day, calls)| (format!("{day}T00:00:00Z"), *calls)).collect()
}

pub(crate) fn item(id: &str, calls: u64, last_call: DateTime<Utc>) -> v1::UsageReport {
    v1::UsageReport {
        client_id: client(id),
        context: CONTEXT.into(),
        version: "1.0".into(),
        environment: v1::Environment::Sandbox.into(),
        calls,
        last_call_time: Some(timestamp(last_call)),
        company_id: String::new(),
    }
}

pub(crate) async fn report(world: &World, id: &str, items: Vec<v1::UsageReport>) -> v1::ReportUsageResponse {
    let request = v1::ReportUsageRequest { items, request_id: id.into() };
    world.usage().report_usage(request).await.unwrap().into_inner()
}

/// Writes what was counted, as the server does from time to time.
fn flush(world: &World) {
    world.hub().usage().flush(world.hub().now()).unwrap();
}

#[tokio::test]
async fn calls_are_counted_on_their_day_to_the_millisecond() {
    let world = subscribed().await;
    let midnight = instant("2026-01-05T00:00:00Z");
    for at in [midnight - ms(1), midnight, midnight + ms(1)] {
        world.clock.set(at);
        assert_eq!(world.decision("app", "1.0").await, "ALLOW SUBSCRIBED");
    }
    let usage = usage(&world).await;
    assert_eq!(daily(&usage), days_of(&[("2026-01-04", 1), ("2026-01-05", 2)]));
    assert_eq!(usage.last_call_time, Some(timestamp(midnight)));
    assert_eq!((usage.recent_calls, usage.usage_class()), (3, v1::UsageClass::Monthly));
    // The twenty-eighth day counts, and the one before it does not.
    for (at, expected) in [
        (midnight + days(27) - ms(1), 3),
        (midnight + days(27), 2),
        (midnight + days(28) - ms(1), 2),
        (midnight + days(28), 0),
    ] {
        world.clock.set(at);
        assert_eq!(self::usage(&world).await.recent_calls, expected, "{at}");
    }
}

#[tokio::test]
async fn only_allowed_calls_of_subscribers_are_counted() {
    let world = subscribed().await;
    world.version("2.0", v1::Maturity::Stable).await;
    let open = v1::Endpoint { method: "GET".into(), path: "/x".into(), auth_type: v1::AuthType::None.into() };
    let sandbox = deployment(v1::Environment::Sandbox, v1::Maturity::Stable);
    world.publish(v1::ApiVersion { endpoints: vec![open], ..version("3.0", vec![sandbox]) }).await.unwrap();
    assert_eq!(world.decision("app", "2.0").await, "DENY NOT_SUBSCRIBED");
    assert_eq!(world.decision("stranger", "1.0").await, "DENY UNKNOWN_CLIENT");
    assert_eq!(world.decision("app", "3.0").await, "ALLOW OPEN_ACCESS");
    let explain = v1::ExplainRequest { question: Some(question("app", "1.0")), ..Default::default() };
    world.gateway().explain(explain).await.unwrap();
    assert_eq!(world.hub().usage().figures().counted, 0);
    assert_eq!((usage(&world).await.usage_class(), usage(&world).await.last_call_time), (v1::UsageClass::Never, None));
    let malformed = v1::AuthorizeRequest { client_id: String::new(), ..question("app", "1.0") };
    let questions = vec![malformed, question("app", "2.0"), question("app", "1.0"), question("app", "1.0")];
    let batch = v1::BatchAuthorizeRequest { questions, min_revision: 0 };
    world.gateway().batch_authorize(batch).await.unwrap();
    assert_eq!(world.hub().usage().figures().counted, 2);
    assert_eq!(daily(&usage(&world).await), days_of(&[("2026-01-01", 2)]));
}

#[tokio::test]
async fn a_call_is_no_commit_and_no_fact() {
    let world = subscribed().await;
    let (head, facts) = (world.hub().store().head(), world.all_facts(v1::FactFilter::default()).await);
    for _ in 0..20 {
        world.decision("app", "1.0").await;
    }
    report(&world, "r-1", vec![item("app", 5, start())]).await;
    flush(&world);
    assert_eq!(usage(&world).await.recent_calls, 25);
    assert_eq!(world.hub().store().head(), head);
    assert_eq!(world.all_facts(v1::FactFilter::default()).await, facts);
}

#[tokio::test]
async fn a_clean_stop_keeps_every_call_and_what_is_new_adds_up_with_it() {
    let mut world = subscribed().await;
    world.decision("app", "1.0").await;
    flush(&world);
    world.decision("app", "1.0").await;
    assert_eq!(usage(&world).await.recent_calls, 2, "notes and memory add up");
    world.clock.set(start() + days(1));
    world.restart().await;
    assert_eq!(usage(&world).await.recent_calls, 2);
    world.decision("app", "1.0").await;
    world.restart().await;
    assert_eq!(daily(&usage(&world).await), days_of(&[("2026-01-01", 2), ("2026-01-02", 1)]));
    let since = list(&world, of_version()).await.counting_since;
    assert_eq!(since, Some(timestamp(start())), "counting goes on across restarts");
    // Without its notes the hub opens all the same, and says that counting began anew.
    world.server.take().unwrap().stop().await.unwrap();
    std::fs::remove_dir_all(world.directory.path().join("usage")).unwrap();
    let server = devhub::server::Server::start(&world.config, std::sync::Arc::new(world.clock.clone())).await.unwrap();
    world.channel =
        tonic::transport::Channel::from_shared(format!("http://{}", server.address)).unwrap().connect_lazy();
    world.server = Some(server);
    assert_eq!(usage(&world).await.usage_class(), v1::UsageClass::Never);
    assert_eq!(list(&world, of_version()).await.counting_since, Some(timestamp(start() + days(1))));
    assert_eq!(world.decision("app", "1.0").await, "ALLOW SUBSCRIBED");
}

#[tokio::test]
async fn the_job_of_the_first_of_the_month_is_never_idle() {
    let mut world = subscribed().await;
    world.decision("app", "1.0").await;
    let idle_at = start() + days(63);
    for (at, expected) in [
        (start() + days(62), v1::UsageClass::Monthly),
        (idle_at - ms(1), v1::UsageClass::Monthly),
        (idle_at, v1::UsageClass::Idle),
        (idle_at + ms(1), v1::UsageClass::Idle),
        (idle_at + days(400), v1::UsageClass::Idle),
    ] {
        world.clock.set(at);
        world.restart().await;
        let subscription = world.subscription("app", "1.0").await.unwrap();
        assert_eq!(subscription.usage_class(), expected, "{at}");
        assert_eq!(subscription.last_call_time, Some(timestamp(start())), "the last call is never forgotten");
    }
    // A call after a long time, over a note with old days only.
    world.decision("app", "1.0").await;
    flush(&world);
    assert_eq!(daily(&usage(&world).await).len(), 1);
    assert_eq!(usage(&world).await.usage_class(), v1::UsageClass::Monthly);
}

#[tokio::test]
async fn callers_are_told_apart_by_how_regularly_they_call() {
    let world = World::usual().await;
    let every = |id: &str| match id {
        "daily" => 1,
        "weekly" => 7,
        _ => 30,
    };
    for id in ["daily", "weekly", "monthly", "never", "gone", "left"] {
        world.application(id).await;
        world.subscribe(ADA, id, "1.0").await.unwrap();
    }
    for day in 0..62 {
        world.clock.set(start() + days(day));
        for id in ["daily", "weekly", "monthly"] {
            if day % every(id) == 0 {
                world.decision(id, "1.0").await;
            }
        }
        if day % 10 == 0 {
            flush(&world);
        }
    }
    // Whoever left, or was deleted, is no subscriber any more.
    world.unsubscribe(ADA, "left", "1.0", false).await.unwrap();
    let request = v1::DeleteApplicationRequest { application_id: "gone".into(), ..Default::default() };
    world.applications(ADA).delete_application(request).await.unwrap();

    let classes = |usages: Vec<v1::SubscriptionUsage>| -> BTreeMap<String, v1::UsageClass> {
        usages.into_iter().map(|usage| (usage.application_id.clone(), usage.usage_class())).collect()
    };
    let expected = BTreeMap::from([
        ("daily".to_owned(), v1::UsageClass::Daily),
        ("weekly".to_owned(), v1::UsageClass::Weekly),
        ("monthly".to_owned(), v1::UsageClass::Monthly),
        ("never".to_owned(), v1::UsageClass::Never),
    ]);
    assert_eq!(classes(list(&world, of_version()).await.usages), expected);
    // Page by page, and by class.
    let mut paged = Vec::new();
    let mut request = v1::ListUsageRequest { page_size: 1, ..of_version() };
    loop {
        let page = list(&world, request.clone()).await;
        assert!(page.usages.len() <= 1);
        paged.extend(page.usages);
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    assert_eq!(classes(paged), expected);
    let weekly = v1::ListUsageRequest { usage_class: v1::UsageClass::Weekly.into(), ..of_version() };
    assert_eq!(classes(list(&world, weekly).await.usages).into_keys().collect::<Vec<_>>(), ["weekly"]);
    let production = v1::ListUsageRequest { environment: v1::Environment::Production.into(), ..of_version() };
    assert!(list(&world, production).await.usages.is_empty());

    let request = v1::GetUsageSummaryRequest { context: CONTEXT.into(), version: "1.0".into(), ..Default::default() };
    let summary = world.usage().get_usage_summary(request.clone()).await.unwrap().into_inner();
    let counts: Vec<u64> = summary.counts.iter().map(|count| count.subscriptions).collect();
    assert_eq!((counts, summary.truncated), (vec![1, 1, 1, 0, 1], false));
    let production = v1::GetUsageSummaryRequest { environment: v1::Environment::Production.into(), ..request };
    let summary = world.usage().get_usage_summary(production).await.unwrap().into_inner();
    assert!(summary.counts.iter().all(|count| count.subscriptions == 0) && summary.counts.len() == 5);

    // The same for whoever previews a retirement.
    let (hub, now) = (world.hub(), world.hub().now());
    let of = |id: &str| {
        let version =
            devhub::domain::name::VersionName { context: CONTEXT.parse().unwrap(), label: "1.0".parse().unwrap() };
        hub.usage().of(&id.parse().unwrap(), &version, now).unwrap()
    };
    assert_eq!((class(&of("daily"), now), class(&of("nobody"), now)), (Class::Daily, Class::Never));
    assert_eq!(of("weekly").calls_in(63, now), 9);
}

#[tokio::test]
async fn an_application_sees_what_it_still_calls() {
    let world = subscribed().await;
    world.version("2.0", v1::Maturity::Stable).await;
    world.subscribe(ADA, "app", "2.0").await.unwrap();
    world.decision("app", "2.0").await;
    let by = |id: &str| v1::ListUsageRequest { application_id: id.into(), page_size: 1, ..Default::default() };
    let first = list(&world, by("app")).await;
    let second = list(&world, v1::ListUsageRequest { page_token: first.next_page_token, ..by("app") }).await;
    let shown = |usage: &v1::SubscriptionUsage| (usage.version.clone(), usage.recent_calls, usage.daily_calls.len());
    assert_eq!(first.usages.iter().map(shown).collect::<Vec<_>>(), [("1.0".into(), 0, 0)]);
    assert_eq!(second.usages.iter().map(shown).collect::<Vec<_>>(), [("2.0".into(), 1, 0)], "days only when asked for");
    // A retired version has no subscribers; until then they are shown.
    world.deprecate("2.0", None, None).await.unwrap();
    world.retire_with("2.0", |request| request.override_reason = "a test".into()).await.unwrap();
    let all = list(&world, v1::ListUsageRequest { page_size: 0, ..by("app") }).await;
    assert_eq!(all.usages.iter().map(shown).collect::<Vec<_>>(), [("1.0".into(), 0, 0)]);
}

#[tokio::test]
async fn questions_about_nothing_are_refused() {
    let world = subscribed().await;
    let refuse = async |request: v1::ListUsageRequest| world.usage().list_usage(request).await.unwrap_err();
    let nothing = refuse(v1::ListUsageRequest::default()).await;
    assert_eq!((nothing.code(), violations(&nothing)), (Code::InvalidArgument, vec!["application_id".to_owned()]));
    let both = refuse(v1::ListUsageRequest { application_id: "app".into(), ..of_version() }).await;
    assert_eq!(violations(&both), ["application_id"]);
    let no_label = refuse(v1::ListUsageRequest { version: String::new(), ..of_version() }).await;
    assert_eq!(reason(&no_label), "INVALID_FIELD");
    let malformed = v1::ListUsageRequest { usage_class: 99, environment: 99, page_size: -1, ..of_version() };
    assert_eq!(violations(&refuse(malformed).await), ["environment", "usage_class", "page_size"]);
    let unknown = refuse(v1::ListUsageRequest { version: "9.9".into(), ..of_version() }).await;
    assert_eq!((unknown.code(), reason(&unknown).as_str()), (Code::NotFound, "VERSION_NOT_FOUND"));
    let nobody = refuse(v1::ListUsageRequest { application_id: "nobody".into(), ..Default::default() }).await;
    assert_eq!(reason(&nobody), "APPLICATION_NOT_FOUND");
    let token = refuse(v1::ListUsageRequest { page_token: "00".into(), ..of_version() }).await;
    assert_eq!(reason(&token), "PAGE_TOKEN");
    let summary = v1::GetUsageSummaryRequest { context: CONTEXT.into(), version: "9.9".into(), environment: 0 };
    assert_eq!(refused(world.usage().get_usage_summary(summary).await), "VERSION_NOT_FOUND");
}

#[tokio::test]
async fn what_is_held_is_bounded_and_what_is_not_counted_is_told() {
    let world = World::with(|config| config.usage_entries_max = 1).await;
    world.api().await;
    world.version("1.0", v1::Maturity::Stable).await;
    for id in ["app", "other"] {
        world.application(id).await;
        world.subscribe(ADA, id, "1.0").await.unwrap();
    }
    for id in ["app", "other", "app"] {
        assert_eq!(world.decision(id, "1.0").await, "ALLOW SUBSCRIBED", "counting is never in the way");
    }
    let answer = report(&world, "", vec![item("other", 1, start()), item("app", 1, start())]).await;
    assert!(answer.results[0].error.contains("usage_entries_max") && answer.results[1].accepted);
    let metrics = admin(world.server().admin_address, "/metrics").await;
    for line in [
        "devhub_usage_calls_total 3",
        "devhub_usage_calls_not_counted_total 2",
        "devhub_usage_entries 1",
        "devhub_usage_flushes_failed_total 0",
    ] {
        assert!(metrics.lines().any(|known| known == line), "{line} is missing in\n{metrics}");
    }
    // A flush makes room.
    flush(&world);
    world.decision("other", "1.0").await;
    assert_eq!(world.hub().usage().figures().counted, 4);
}

#[tokio::test]
async fn a_flush_that_fails_loses_nothing_and_is_told() {
    let (world, faults) = failing().await;
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    world.decision("app", "1.0").await;
    flush(&world);
    world.decision("app", "1.0").await;
    faults.start(Fault::LowSpace);
    let meter = world.hub().usage();
    meter.flush(world.hub().now()).unwrap_err();
    assert_eq!(world.decision("app", "1.0").await, "ALLOW SUBSCRIBED");
    meter.flush(world.hub().now()).unwrap_err();
    assert_eq!((meter.figures().flushes_failed, meter.figures().held), (2, 1));
    assert_eq!(usage(&world).await.recent_calls, 3);
    faults.stop(Fault::LowSpace);
    flush(&world);
    assert_eq!((usage(&world).await.recent_calls, meter.figures().held), (3, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_is_lost_or_counted_twice_while_flushes_run() {
    const CALLERS: usize = 4;
    const CALLS: usize = 150;
    let world = subscribed().await;
    let hub = world.hub().clone();
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let stopped = std::sync::Arc::clone(&stop);
    let flushing = tokio::task::spawn_blocking(move || {
        while !stopped.load(std::sync::atomic::Ordering::Acquire) {
            hub.usage().flush(hub.now()).unwrap();
        }
    });
    let callers = (0..CALLERS).map(async |_| {
        for _ in 0..CALLS {
            world.decision("app", "1.0").await;
        }
    });
    futures_util::future::join_all(callers).await;
    stop.store(true, std::sync::atomic::Ordering::Release);
    flushing.await.unwrap();
    assert_eq!(usage(&world).await.recent_calls, (CALLERS * CALLS) as u64);
}

#[tokio::test]
async fn a_subscription_says_when_it_was_last_used() {
    let world = subscribed().await;
    world.clock.set(instant("2026-01-03T17:59:59.999Z"));
    world.decision("app", "1.0").await;
    let expected = Some(timestamp(instant("2026-01-03T17:00:00Z")));
    let shown = world.subscription("app", "1.0").await.unwrap();
    assert_eq!((shown.last_call_time, shown.usage_class()), (expected, v1::UsageClass::Monthly));
    let request = v1::ListSubscriptionsRequest { application_id: "app".into(), ..Default::default() };
    let listed = world.subscriptions(ADA).list_subscriptions(request).await.unwrap().into_inner().subscriptions;
    assert_eq!((listed[0].last_call_time, listed[0].usage_class()), (expected, v1::UsageClass::Monthly));
    // An ended one too: whoever ended it by mistake should know.
    let ended = world.unsubscribe(ADA, "app", "1.0", false).await.unwrap();
    assert_eq!(ended.usage_class(), v1::UsageClass::Unspecified, "a reply that may be replayed does not say it");
    assert_eq!(world.subscription("app", "1.0").await.unwrap().last_call_time, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_loses_what_was_not_flushed_and_nothing_more() {
    const NEVER_IN_THIS_TEST: [&str; 2] = ["--usage-flush-seconds", "3600"];
    let directory = tempfile::tempdir().unwrap();
    let start = || Process::start_with(directory.path(), &NEVER_IN_THIS_TEST);
    let process = start().await;
    killing::prepare(&process.channel).await;
    killing::write(&process.channel, "app").await.unwrap();
    for _ in 0..5 {
        assert_eq!(killing::decision(&process.channel, "app").await, "ALLOW SUBSCRIBED");
    }
    process.terminate();
    let process = start().await;
    for _ in 0..3 {
        killing::decision(&process.channel, "app").await;
    }
    let calls = async |process: &Process| {
        let request = v1::ListUsageRequest { application_id: "app".into(), ..Default::default() };
        let answer = UsageServiceClient::new(process.channel.clone()).list_usage(request).await.unwrap();
        answer.into_inner().usages[0].recent_calls
    };
    assert_eq!(calls(&process).await, 8);
    // Dropping it kills it.
    drop(process);
    let process = start().await;
    assert_eq!(calls(&process).await, 5);
    let request = v1::GetApplicationRequest { application_id: "app".into() };
    ApplicationServiceClient::new(process.channel.clone()).get_application(request).await.unwrap();
}
