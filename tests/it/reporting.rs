//! Calls that gateways report instead of asking: judged item by item, counted once.

use devhub_proto::v1;

use crate::usage::{daily, days_of, item, report, subscribed, usage};
use crate::world::*;

#[tokio::test]
async fn reports_are_judged_item_by_item() {
    let world = subscribed().await;
    world.application("other").await;
    world.clock.set(start() + days(70));
    let now = start() + days(70);
    let good = || item("app", 7, now);
    let items = vec![
        good(),
        item("stranger", 1, now),
        item("other", 1, now),
        v1::UsageReport { version: "9.9".into(), ..good() },
        v1::UsageReport { environment: v1::Environment::Production.into(), ..good() },
        item("app", 0, now),
        item("app", 1_000_000_001, now),
        item("app", 1, now + ms(1)),
        item("app", 1, start() + days(8) - ms(1)),
        item("app", 1, start() + days(8)),
        v1::UsageReport { client_id: String::new(), last_call_time: None, ..good() },
        v1::UsageReport { environment: 0, ..good() },
        item("app", 1_000_000_000, now - days(1)),
    ];
    let answer = report(&world, "", items).await;
    let told: Vec<&str> = answer.results.iter().map(|result| result.error.split(':').next().unwrap()).collect();
    let expected = [
        "",
        "client_id",
        "version",
        "version",
        "version",
        "calls",
        "calls",
        "last_call_time",
        "last_call_time",
        "",
        "client_id",
        "environment",
        "",
    ];
    assert_eq!(told, expected);
    assert!(answer.results.iter().all(|result| result.accepted == result.error.is_empty()));
    assert!(answer.results[10].error.contains("last_call_time: must be given"), "{}", answer.results[10].error);
    assert_eq!(
        daily(&usage(&world).await),
        days_of(&[("2026-01-09", 1), ("2026-03-11", 1_000_000_000), ("2026-03-12", 7)])
    );
    let request = v1::ReportUsageRequest { items: vec![good(); 501], request_id: String::new() };
    let status = world.usage().report_usage(request).await.unwrap_err();
    assert_eq!((reason(&status).as_str(), violations(&status)), ("INVALID_FIELD", vec!["items".to_owned()]));
    let full = report(&world, "", vec![good(); 500]).await;
    assert_eq!(full.results.iter().filter(|result| result.accepted).count(), 500);
    // Calls from before the end of a subscription are reported after it.
    world.unsubscribe(ADA, "app", "1.0", false).await.unwrap();
    assert!(report(&world, "", vec![good()]).await.results[0].accepted);
}

#[tokio::test]
async fn a_repeated_report_counts_once_and_gets_its_first_results() {
    let mut world = subscribed().await;
    world.application("late").await;
    let items = || vec![item("app", 5, start()), item("late", 3, start())];
    let first = report(&world, "r-1", items()).await;
    assert_eq!((first.repeated_report, first.results[0].accepted, first.results[1].accepted), (false, true, false));
    world.subscribe(ADA, "late", "1.0").await.unwrap();
    let second = report(&world, "r-1", items()).await;
    assert!(second.repeated_report);
    assert_eq!(second.results, first.results, "as it was judged first, although it would be accepted now");
    assert_eq!(usage(&world).await.recent_calls, 5);
    let request = v1::ReportUsageRequest { items: vec![item("app", 6, start())], request_id: "r-1".into() };
    assert_eq!(refused(world.usage().report_usage(request).await), "REQUEST_ID_REUSED");
    // Many at the same time: one of them counts.
    let racing = (0..16).map(|_| report(&world, "r-2", vec![item("app", 1, start())]));
    let answers = futures_util::future::join_all(racing).await;
    assert_eq!(answers.iter().filter(|answer| !answer.repeated_report).count(), 1);
    assert_eq!(usage(&world).await.recent_calls, 6);
    report(&world, "", vec![item("app", 1, start())]).await;
    report(&world, "", vec![item("app", 1, start())]).await;
    assert_eq!(usage(&world).await.recent_calls, 8, "without an id every report counts");
    // As documented: ids are remembered in memory.
    world.restart().await;
    assert!(!report(&world, "r-2", vec![item("app", 1, start())]).await.repeated_report);
}
