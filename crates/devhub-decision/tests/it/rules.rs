//! Rules that the rows of `decisions.txt` show, held here by value: exact headers, sentences, instants.

use chrono::TimeDelta;
use devhub_decision::{
    Change, Decision, Environment, Limits, Maturity, Question, Reason, RemedyAction, Schedule, Stage, StepOutcome,
    SubscriptionEntry, Table, Verdict, VersionEntry, decide, explain,
};

use crate::given::{self, MS, d, r};

/// Judges the usual question at `now`.
fn judged<R>(table: &Table, now: chrono::DateTime<chrono::Utc>, read: impl FnOnce(&Decision<'_>) -> R) -> R {
    table.ask(&given::question(), |facts| read(&decide(facts, now, given::limits())))
}

#[test]
fn an_empty_table_denies() {
    judged(&Table::new(), d(), |decision| {
        assert_eq!((decision.verdict(), decision.reason), (Verdict::Deny, Reason::UnknownVersion));
        assert_eq!(decision.valid_until, d() + given::DENY_TTL);
    });
}

#[test]
fn b21_subscribing_is_no_remedy_from_the_instant_of_deprecation_on() {
    let table = given::not_subscribed_to(given::scheduled(given::deprecation()));
    let remedy = |now| judged(&table, now, |decision| decision.remedy.unwrap().action);
    assert_eq!(remedy(d() - MS), RemedyAction::Subscribe);
    assert_eq!(remedy(d()), RemedyAction::MoveToSuccessor);
    assert_eq!(remedy(d() + MS), RemedyAction::MoveToSuccessor);
}

#[test]
fn b22_a_subscription_made_before_deprecation_works_until_retirement() {
    let table = given::subscribed_to(given::scheduled(given::deprecation()));
    for now in [d() - MS, d(), d() + MS, r() - MS] {
        judged(&table, now, |decision| assert_eq!(decision.reason, Reason::Subscribed, "{now}"));
    }
}

#[test]
fn b23_retirement_takes_effect_on_the_instant() {
    let table = given::subscribed_to(given::scheduled(given::deprecation()));
    judged(&table, r() - MS, |decision| {
        assert_eq!((decision.reason, decision.stage), (Reason::Subscribed, Some(Stage::Deprecated)));
        assert!(decision.headers.sunset.is_some());
    });
    for now in [r(), r() + MS] {
        judged(&table, now, |decision| {
            assert_eq!((decision.reason, decision.stage), (Reason::VersionRetired, Some(Stage::Retired)));
            assert_eq!(decision.successor, Some(&given::name("2.0")));
            assert_eq!((decision.reason.http_status(), decision.reason.grpc_code()), (410, 9));
        });
    }
}

#[test]
fn b28_no_sunset_without_a_date_of_retirement() {
    let schedule = Schedule::Deprecation { deprecated_at: d(), sunset_begins_at: None, retires_at: None };
    judged(&given::subscribed_to(given::scheduled(schedule)), r(), |decision| {
        assert_eq!(decision.headers.deprecation, Some("@1736899200"));
        assert_eq!((decision.headers.sunset, decision.days_left), (None, None));
    });
}

#[test]
fn b40_the_other_environment_does_not_count() {
    let sandbox = VersionEntry {
        environment: Environment::Sandbox,
        ..given::scheduled(Schedule::Retirement { retires_at: d() - MS })
    };
    let table = given::subscribed_to(given::version());
    table.load(Change::Version(sandbox));
    judged(&table, d(), |decision| assert_eq!(decision.reason, Reason::Subscribed));
    let question = Question { environment: Environment::Sandbox, ..given::question() };
    table.ask(&question, |facts| {
        assert_eq!(decide(facts, d(), given::limits()).reason, Reason::VersionRetired);
    });
}

#[test]
fn b61_an_answer_ends_with_its_time_to_live_or_with_the_stage() {
    let table = given::subscribed_to(given::scheduled(given::deprecation()));
    let until = |now| judged(&table, now, |decision| decision.valid_until);
    assert_eq!(until(d() - given::ALLOW_TTL - MS), d() - MS);
    assert_eq!(until(d() - given::ALLOW_TTL + MS), d());
    assert_eq!(until(d()), d() + given::ALLOW_TTL);
    assert_eq!(until(r() - MS), r());
    assert_eq!(until(r()), r() + given::DENY_TTL);
}

#[test]
fn b61_a_time_to_live_that_ends_at_once_is_refused() {
    assert!(Limits::new(TimeDelta::zero(), given::DENY_TTL).is_err());
    assert!(Limits::new(given::ALLOW_TTL, TimeDelta::seconds(-1)).is_err());
    assert!(Limits::new(MS, MS).is_ok());
}

#[test]
fn b62_an_allow_on_a_deprecated_version_carries_ready_made_headers() {
    judged(&given::subscribed_to(given::scheduled(given::deprecation())), r() - TimeDelta::days(3), |decision| {
        let headers: Vec<(&str, &str)> = decision.headers.iter().collect();
        assert_eq!(
            headers,
            [
                ("Deprecation", "@1736899200"),
                ("Sunset", "Tue, 15 Jul 2025 00:00:00 GMT"),
                (
                    "Link",
                    "<https://hub.example/hello/deprecation>; rel=\"deprecation\", \
                     <https://hub.example/hello/sunset>; rel=\"sunset\", \
                     <https://hub.example/hello/2.0>; rel=\"successor-version\""
                ),
            ]
        );
        assert_eq!((decision.successor, decision.days_left), (Some(&given::name("2.0")), Some(3)));
    });
}

#[test]
fn b63_names_and_numbers_of_reasons_are_fixed() {
    let rows: Vec<String> = Reason::ALL
        .iter()
        .map(|reason| format!("{} {reason} {} {}", reason.verdict(), reason.http_status(), reason.grpc_code()))
        .collect();
    let expected = [
        "ALLOW SUBSCRIBED 200 0",
        "ALLOW OPEN_ACCESS 200 0",
        "ALLOW WAIVED 200 0",
        "ALLOW SERVICE_ACCOUNT 200 0",
        "DENY UNKNOWN_VERSION 404 5",
        "DENY VERSION_RETIRED 410 9",
        "DENY OPERATION_RETIRED 410 9",
        "DENY VERSION_ALPHA 403 7",
        "DENY BROWNOUT 503 14",
        "DENY UNKNOWN_CLIENT 401 16",
        "DENY ENVIRONMENT_MISMATCH 403 7",
        "DENY APPLICATION_NOT_APPROVED 403 7",
        "DENY APPLICATION_BLOCKED 403 7",
        "DENY APPLICATION_DELETED 403 7",
        "DENY SERVICE_ACCOUNT_SUNSET 403 7",
        "DENY COMPANY_REQUIRED 400 3",
        "DENY COMPANY_MISMATCH 403 7",
        "DENY NOT_INSTALLED 403 7",
        "DENY PROJECT_NOT_PERMITTED 403 7",
        "DENY NOT_SUBSCRIBED 403 7",
    ];
    assert_eq!(rows, expected);
    // Counters are found by number, so the list must stand in the order of the numbers.
    assert!(Reason::ALL.iter().enumerate().all(|(index, reason)| *reason as usize == index));
    assert!(Reason::ALL.iter().all(|reason| reason.allows() == (reason.verdict() == Verdict::Allow)));
}

#[test]
fn x9_a_denial_says_what_to_do() {
    let table = given::not_subscribed_to(given::scheduled(given::deprecation()));
    judged(&table, d(), |decision| {
        let sentence = decision.remedy.unwrap().sentence();
        assert_eq!(sentence, "Move the application to the successor version hello/world 2.0.");
    });
}

#[test]
fn b93_a_trail_tells_each_rule_and_what_time_will_change() {
    let table = given::subscribed_to(given::scheduled(given::deprecation()));
    table.ask(&given::question(), |facts| {
        let trail = explain(facts, &given::question(), d() - MS, given::limits());
        let steps: Vec<&str> = trail.steps.iter().map(|step| &*step.sentence).collect();
        assert_eq!(
            steps,
            [
                "hello/world 1.0 is known in PRODUCTION.",
                "The version is STABLE; it retires at 2025-07-15T00:00:00Z.",
                "Calls pass in the stage STABLE.",
                "No brownout holds.",
                "The version is not open access, so the call needs a subscription.",
                "The client id \"client-7\" belongs to the application app-7.",
                "The application lives in PRODUCTION, as the gateway does.",
                "The application is approved, not blocked and not deleted.",
                "An application is no traditional service account.",
                "The version is not company-scoped, so it does not matter which company a call names.",
                "The version is not company-scoped, so it does not matter which project a call names.",
                "The application holds a live subscription to hello/world 1.0.",
            ]
        );
        let upcoming: Vec<&str> = trail.upcoming.iter().map(|change| &*change.sentence).collect();
        assert_eq!(
            upcoming,
            [
                "From 2025-01-15T00:00:00Z the version is DEPRECATED: ALLOW SUBSCRIBED.",
                "From 2025-07-15T00:00:00Z the version is RETIRED: DENY VERSION_RETIRED.",
            ]
        );
        let late = explain(facts, &given::question(), r(), given::limits());
        assert_eq!(late.steps[1].sentence, "The version is RETIRED since 2025-07-15T00:00:00Z.");
        assert_eq!(late.steps[1].outcome, StepOutcome::Decided);
        assert_eq!(late.steps[2].sentence, "Not reached: NOT_RETIRED decided.");
    });
}

#[test]
fn labels_are_text_and_client_ids_are_compared_whole() {
    let table = given::subscribed_to(VersionEntry { name: given::name("1.10"), ..given::version() });
    judged(&table, d(), |decision| assert_eq!(decision.reason, Reason::UnknownVersion));
    let table = given::subscribed_to(given::version());
    for client_id in ["client-", "client-77", "Client-7", "", "client-7app-7"] {
        let question = Question { client_id, ..given::question() };
        table.ask(&question, |facts| {
            assert_eq!(decide(facts, d(), given::limits()).reason, Reason::UnknownClient, "{client_id:?}");
        });
    }
}

#[test]
fn a_version_that_changes_changes_its_headers() {
    let table = given::subscribed_to(given::scheduled(given::deprecation()));
    let later = Schedule::Deprecation {
        deprecated_at: d(),
        sunset_begins_at: None,
        retires_at: Some(r() + TimeDelta::days(1)),
    };
    table.apply(2, vec![Change::Version(given::scheduled(later))]);
    judged(&table, r(), |decision| {
        assert_eq!(decision.headers.sunset, Some("Wed, 16 Jul 2025 00:00:00 GMT"));
        assert_eq!(decision.revision, 2);
    });
}

#[test]
fn a_subscription_begun_and_ended_in_one_commit_is_not_there() {
    let table = Table::new();
    let begun = SubscriptionEntry { version: given::name("never seen before"), ..given::subscription() };
    let ended = SubscriptionEntry { live: false, ..begun.clone() };
    table.apply(1, vec![Change::Subscription(begun), Change::Subscription(ended)]);
    assert_eq!((table.counts().subscriptions, table.dump()), (0, Vec::new()));
}

#[test]
fn a_lifecycle_skips_dates_that_change_nothing() {
    let schedule = Schedule::Deprecation { deprecated_at: r(), sunset_begins_at: None, retires_at: Some(d()) };
    let lifecycle = devhub_decision::Lifecycle { maturity: Maturity::Stable, schedule };
    assert_eq!(lifecycle.next_change(d() - MS), Some(d()));
    assert_eq!(lifecycle.next_change(d()), None);
}
