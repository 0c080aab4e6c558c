//! Waivers, exemptions and overlaps: what holds between one application and one version for a while.

use chrono::{DateTime, Utc};
use devhub_decision::{
    Brownout, Change, Environment, Maturity, Question, Reason, RemedyAction, Schedule, SubscriptionEntry, Table, Terms,
    VersionEntry, decide, explain,
};

use crate::given::{self, MS, r};

fn reason(table: &Table, now: DateTime<Utc>) -> Reason {
    table.ask(&given::question(), |facts| decide(facts, now, given::limits()).reason)
}

fn terms(table: &Table, question: &Question<'_>) -> Terms {
    table.ask(question, |facts| facts.terms)
}

#[test]
fn b18_a_waiver_ends_on_the_instant_and_is_for_one_application_and_version() {
    let w = given::date("W");
    let table = given::subscribed_to(given::scheduled(given::deprecation()));
    assert_eq!(reason(&table, r()), Reason::VersionRetired);
    table.apply(2, vec![given::waiver(Some(w))]);
    for (now, expected) in [
        (r() - MS, Reason::Subscribed),
        (r(), Reason::Waived),
        (w - MS, Reason::Waived),
        (w, Reason::VersionRetired),
        (w + MS, Reason::VersionRetired),
    ] {
        assert_eq!(reason(&table, now), expected, "{now}");
    }
    for other in [
        Question { client_id: "client-8", ..given::question() },
        Question { label: "2.0", ..given::question() },
        Question { environment: Environment::Sandbox, ..given::question() },
    ] {
        assert_eq!(terms(&table, &other), Terms::default(), "{other:?}");
    }
    table.apply(3, vec![given::waiver(None)]);
    assert_eq!(reason(&table, r()), Reason::VersionRetired);
}

#[test]
fn b18_a_waiver_does_not_open_an_alpha_that_was_retired() {
    let mut version = given::scheduled(Schedule::Retirement { retires_at: r() });
    version.lifecycle.maturity = Maturity::Alpha;
    let table = given::subscribed_to(version);
    table.apply(2, vec![given::waiver(Some(given::date("W")))]);
    for (now, expected) in
        [(r() - MS, Reason::VersionNotCallable), (r(), Reason::VersionRetired), (r() + MS, Reason::VersionRetired)]
    {
        assert_eq!(reason(&table, now), expected, "{now}");
    }
}

#[test]
fn b61_an_overlap_ends_on_the_instant() {
    let (ends_at, table) = (given::date("E"), given::subscribed_to(given::version()));
    let overlap = SubscriptionEntry { ends_at: Some(ends_at), ..given::subscription() };
    table.apply(2, vec![Change::Subscription(overlap)]);
    for (now, expected) in
        [(ends_at - MS, Reason::Subscribed), (ends_at, Reason::NotSubscribed), (ends_at + MS, Reason::NotSubscribed)]
    {
        assert_eq!(reason(&table, now), expected, "{now}");
    }
    // Subscribed anew, for good.
    table.apply(3, vec![Change::Subscription(given::subscription())]);
    assert_eq!(reason(&table, ends_at), Reason::Subscribed);
}

#[test]
fn each_change_sets_its_own_part_in_any_order_and_before_anything_else_is_known() {
    let (e, w) = (given::date("E"), given::date("W"));
    let overlap = Change::Subscription(SubscriptionEntry { ends_at: Some(e), ..given::subscription() });
    let known = [Change::Version(given::version()), Change::Application(given::application())];
    let mut changes = [overlap, given::waiver(Some(w)), given::exemption(true)];
    let whole = Terms { ends_at: Some(e), waived_until: Some(w), exempt: true };
    for _ in 0..changes.len() {
        changes.rotate_left(1);
        let (one_by_one, at_once) = (Table::new(), Table::new());
        changes.iter().cloned().chain(known.clone()).for_each(|change| one_by_one.load(change));
        at_once.apply(1, changes.iter().cloned().chain(known.clone()).collect());
        assert_eq!(terms(&one_by_one, &given::question()), whole);
        assert_eq!(one_by_one.dump(), at_once.dump());
        at_once.apply(2, vec![given::waiver(None)]);
        assert_eq!(terms(&at_once, &given::question()), Terms { waived_until: None, ..whole });
        let ended = SubscriptionEntry { live: false, ends_at: Some(e), ..given::subscription() };
        at_once.apply(3, vec![Change::Subscription(ended)]);
        assert_eq!(terms(&at_once, &given::question()), Terms { exempt: true, ..Terms::default() });
        at_once.apply(4, vec![given::exemption(false)]);
        assert_eq!(at_once.dump(), given::table(known.clone()).dump());
    }
}

#[test]
fn what_removes_terms_that_never_were_leaves_nothing() {
    let table = given::table([given::waiver(None), given::exemption(false)]);
    table.apply(2, vec![given::waiver(Some(r())), given::waiver(None)]);
    assert_eq!(table.dump(), Vec::<String>::new());
}

#[test]
fn b61_a_brownout_is_cured_by_waiting_unless_retirement_comes_first() {
    let brownouts = [Brownout { from: given::date("B"), until: r() + MS }].into();
    let version = VersionEntry { brownouts, ..given::scheduled(given::deprecation()) };
    let table = given::subscribed_to(version);
    let remedy = |table: &Table| {
        table.ask(&given::question(), |facts| {
            let remedy = decide(facts, given::date("B"), given::limits()).remedy.unwrap();
            (remedy.action, remedy.earliest, remedy.sentence())
        })
    };
    let move_on = "Move the application to the successor version hello/world 2.0.".to_owned();
    assert_eq!(remedy(&table), (RemedyAction::MoveToSuccessor, None, move_on));
    // With a waiver calls pass again: a retired version has no brownout.
    table.apply(2, vec![given::waiver(Some(given::date("W")))]);
    let wait =
        "Call again from 2025-07-15T00:00:00Z on; move the application to the successor version hello/world 2.0.";
    assert_eq!(remedy(&table), (RemedyAction::WaitForBrownoutEnd, Some(r()), wait.to_owned()));
}

#[test]
fn b93_a_trail_tells_terms_and_looks_ahead_to_their_ends() {
    let version = VersionEntry { brownouts: [given::brownout()].into(), ..given::scheduled(given::deprecation()) };
    let overlap = SubscriptionEntry { ends_at: Some(given::date("W") + MS), ..given::subscription() };
    let table = given::subscribed_to(version);
    table.apply(2, vec![Change::Subscription(overlap), given::waiver(Some(given::date("W")))]);
    let trail = |now: DateTime<Utc>, read: &dyn Fn(Vec<String>, Vec<String>)| {
        table.ask(&given::question(), |facts| {
            let trail = explain(facts, &given::question(), now, given::limits());
            read(
                trail.steps.into_iter().map(|step| step.sentence).collect(),
                trail.upcoming.into_iter().map(|change| change.sentence).collect(),
            );
        });
    };
    trail(given::d(), &|_, upcoming| {
        assert_eq!(
            upcoming,
            [
                "From 2025-06-01T09:00:00Z a brownout holds: DENY BROWNOUT.",
                "From 2025-06-01T10:00:00Z the brownout is over: ALLOW SUBSCRIBED.",
                "From 2025-07-15T00:00:00Z the version is RETIRED: ALLOW WAIVED.",
                "From 2025-08-15T00:00:00Z the waiver no longer holds: DENY VERSION_RETIRED.",
                "From 2025-08-15T00:00:00.001Z the subscription has ended: DENY VERSION_RETIRED.",
            ]
        );
    });
    trail(given::date("B"), &|steps, _| {
        assert_eq!(steps[3], "A brownout denies calls from 2025-06-01T09:00:00Z until 2025-06-01T10:00:00Z.");
        assert_eq!(steps[4], "Not reached: NO_BROWNOUT decided.");
    });
    trail(r(), &|steps, _| {
        assert_eq!(
            steps[1..4],
            [
                "The version is RETIRED since 2025-07-15T00:00:00Z. A waiver lets the application call until \
                 2025-08-15T00:00:00Z.",
                "The waiver lets calls pass.",
                "No brownout holds.",
            ]
        );
        assert_eq!(
            steps[11],
            "The application holds a live subscription to hello/world 1.0; it ends at 2025-08-15T00:00:00.001Z."
        );
    });
}

#[test]
fn b93_a_trail_looks_ahead_to_fifty_dates_at_most() {
    let window =
        |number: i32| Brownout { from: given::d() + MS * (10 * number), until: given::d() + MS * (10 * number + 5) };
    let brownouts = (1..100).map(window).collect();
    let table = given::subscribed_to(VersionEntry { brownouts, ..given::scheduled(given::deprecation()) });
    table.ask(&given::question(), |facts| {
        let upcoming = explain(facts, &given::question(), given::d(), given::limits()).upcoming;
        assert_eq!(upcoming.len(), devhub_decision::trail::UPCOMING_MAX);
        assert!(upcoming.is_sorted_by(|one, next| one.at < next.at));
    });
}
