//! Dates, brownouts, links and successors that versions have from the namespaces around them.

use chrono::TimeDelta;
use devhub_decision::{
    Brownout, Change, Environment, Links, Maturity, NamespaceEntry, Question, Reason, Schedule, Stage, Table,
    VersionEntry, VersionName, decide, explain, namespace,
};

use crate::given::{self, MS, d, r};

fn at(context: &str) -> VersionEntry {
    VersionEntry { name: VersionName::new(context, given::LABEL), ..given::version() }
}

fn named(name: &str, schedule: Schedule) -> Change {
    Change::Namespace(NamespaceEntry { namespace: name.into(), ..given::namespace(schedule) })
}

fn stage(table: &Table, context: &str, now: chrono::DateTime<chrono::Utc>) -> Option<Stage> {
    let question = Question { context, ..given::question() };
    table.ask(&question, |facts| decide(facts, now, given::limits()).stage)
}

#[test]
fn b23_a_namespace_holds_what_begins_with_it_at_a_slash() {
    let contexts = ["vapid", "vapid/companies", "vapid/companies/x", "vapidity", "vapi", "rest/vapid"];
    let mut changes: Vec<Change> = contexts.iter().map(|context| Change::Version(at(context))).collect();
    changes.push(named("vapid", given::deprecation()));
    let table = given::table(changes);
    for context in contexts {
        let inside = namespace::covers("vapid", context);
        assert_eq!(inside, ["vapid", "vapid/companies", "vapid/companies/x"].contains(&context), "{context}");
        for (now, expected) in [(r() - MS, Stage::Deprecated), (r(), Stage::Retired), (r() + MS, Stage::Retired)] {
            let expected = if inside { expected } else { Stage::Stable };
            assert_eq!(stage(&table, context, now), Some(expected), "{context}");
        }
    }
}

#[test]
fn b40_a_namespace_holds_in_its_environment() {
    let sandbox = NamespaceEntry { environment: Environment::Sandbox, ..given::namespace(given::deprecation()) };
    let table = given::table([Change::Version(given::version()), Change::Namespace(sandbox)]);
    assert_eq!(stage(&table, given::CONTEXT, r()), Some(Stage::Stable));
}

#[test]
fn nested_namespaces_all_apply_and_the_innermost_gives_links_and_successor() {
    let url = |path: &str| Some(format!("https://hub.example/{path}").into());
    let outer = NamespaceEntry {
        links: Links::new(url("outer"), url("outer-sunset"), url("outer-next")).unwrap(),
        successor: Some("outer-next".into()),
        ..given::namespace(Schedule::Retirement { retires_at: r() })
    };
    let deprecated = Schedule::Deprecation { deprecated_at: d(), sunset_begins_at: None, retires_at: None };
    let inner = NamespaceEntry {
        namespace: "hello/world".into(),
        links: Links::new(url("inner"), None, None).unwrap(),
        successor: Some("inner-next".into()),
        ..given::namespace(deprecated)
    };
    let version = VersionEntry { links: Links::default(), successor: None, ..given::version() };
    let of_version = VersionEntry { successor: Some(given::name("2.0")), ..version.clone() };
    let table = given::subscribed_to(version);
    table.apply(2, vec![Change::Namespace(outer), Change::Namespace(inner)]);
    table.ask(&given::question(), |facts| {
        let decision = decide(facts, d(), given::limits());
        assert_eq!((decision.reason, decision.stage), (Reason::Subscribed, Some(Stage::Deprecated)));
        assert_eq!((decision.successor, decision.successor_namespace), (None, Some("inner-next")));
        assert_eq!(
            decision.headers.link,
            Some(
                "<https://hub.example/inner>; rel=\"deprecation\", \
                 <https://hub.example/outer-sunset>; rel=\"sunset\", \
                 <https://hub.example/outer-next>; rel=\"successor-version\""
            )
        );
        assert_eq!(decision.headers.sunset, Some("Tue, 15 Jul 2025 00:00:00 GMT"));
        let gone = decide(facts, r(), given::limits());
        assert_eq!(gone.remedy.unwrap().sentence(), "Move the application to the namespace inner-next.");
    });
    // A successor of its own is the better advice, and no page of another one contradicts it.
    table.apply(3, vec![Change::Version(of_version)]);
    table.ask(&given::question(), |facts| {
        let decision = decide(facts, d(), given::limits());
        assert_eq!((decision.successor, decision.successor_namespace), (Some(&given::name("2.0")), None));
        assert!(!decision.headers.link.unwrap().contains("successor-version"));
    });
}

#[test]
fn b63_the_deprecation_of_a_namespace_opens_no_alpha_in_it() {
    // Open access too: otherwise an end of everything around it would let strangers in.
    for open_access in [false, true] {
        let mut version = VersionEntry { open_access, ..given::version() };
        version.lifecycle.maturity = Maturity::Alpha;
        let table = given::subscribed_to(version);
        table.apply(2, vec![named("hello", given::deprecation())]);
        for now in [d() - MS, d(), d() + MS, r() - MS] {
            table.ask(&given::question(), |facts| {
                let trail = explain(facts, &given::question(), now, given::limits());
                assert_eq!(trail.decision.reason, Reason::VersionNotCallable, "{now}");
                assert_eq!(trail.steps[2].sentence, "No call passes in the stage ALPHA.", "{now}");
            });
        }
        table.ask(&given::question(), |facts| {
            assert_eq!(decide(facts, r(), given::limits()).reason, Reason::VersionRetired);
        });
    }
}

#[test]
fn brownouts_of_version_and_namespaces_count_as_one_where_they_meet() {
    let hour = TimeDelta::hours(1);
    let window = |from: i32, until: i32| Brownout { from: d() + hour * from, until: d() + hour * until };
    let version = VersionEntry {
        brownouts: [window(6, 7), window(1, 2), window(2, 3)].into(),
        ..given::scheduled(given::deprecation())
    };
    let table = given::subscribed_to(version);
    let brownouts = [window(4, 4), window(3, 5)].into();
    table.apply(2, vec![Change::Namespace(NamespaceEntry { brownouts, ..given::namespace(Schedule::Open) })]);
    table.ask(&given::question(), |facts| {
        assert_eq!(*facts.version.unwrap().entry().brownouts, [window(1, 5), window(6, 7)]);
        let decision = decide(facts, d() + hour, given::limits());
        assert_eq!(decision.remedy.unwrap().earliest, Some(d() + hour * 5));
    });
}

#[test]
fn a_namespace_that_changes_changes_its_versions_and_one_that_opens_frees_them() {
    let table = given::subscribed_to(given::version());
    for (revision, schedule, expected) in [
        (2, given::deprecation(), Stage::Deprecated),
        (3, Schedule::Retirement { retires_at: d() }, Stage::Retired),
        (4, Schedule::Open, Stage::Stable),
    ] {
        table.apply(revision, vec![named("hello", schedule)]);
        assert_eq!(stage(&table, given::CONTEXT, d()), Some(expected));
        // A version that is told again stays in its namespace.
        table.apply(revision, vec![Change::Version(given::version())]);
        assert_eq!(stage(&table, given::CONTEXT, d()), Some(expected));
    }
}
