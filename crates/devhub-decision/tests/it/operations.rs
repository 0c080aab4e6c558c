//! Which operation a call is one of, and what that means for the answer.

use devhub_decision::{
    Change, Links, Maturity, Operation, OperationEntry, Question, Reason, RemedyAction, Schedule, Table, VersionEntry,
    VersionFacts, decide, explain,
};

use crate::given::{self, MS, d};

fn version(operations: impl IntoIterator<Item = OperationEntry>) -> VersionEntry {
    VersionEntry { operations: operations.into_iter().collect(), ..given::version() }
}

fn of(method: &str, path: &str) -> OperationEntry {
    let schedule = Schedule::Retirement { retires_at: d() };
    OperationEntry { method: method.into(), path: path.into(), ..given::operation(schedule) }
}

/// The template of the operation that a call is one of.
fn found(operations: &[OperationEntry], method: &str, path: &str) -> Option<String> {
    let facts = VersionFacts::new(version(operations.iter().cloned()));
    let operation = facts.operation(&Operation { method, path });
    operation.map(|operation| format!("{} {}", operation.entry().method, operation.entry().path))
}

#[test]
fn a_template_matches_segment_by_segment() {
    let templates = [of("GET", "/{id}/losses"), of("GET", "/"), of("POST", "/losses"), of("GET", "/a/{x}/c/{y}")];
    for (method, path, expected) in [
        ("GET", "/7/losses", Some("GET /{id}/losses")),
        ("GET", "/7/losses?year=2025&path=/x", Some("GET /{id}/losses")),
        ("GET", "/7/losses?", Some("GET /{id}/losses")),
        ("GET", "/%2F/losses", Some("GET /{id}/losses")),
        ("GET", "//losses", None),
        ("GET", "/7/losses/", None),
        ("GET", "/7/Losses", None),
        ("GET", "/7/losses/8", None),
        ("GET", "/losses", None),
        ("GET", "/", Some("GET /")),
        ("GET", "/?a=b", Some("GET /")),
        ("GET", "//", None),
        ("POST", "/losses", Some("POST /losses")),
        ("post", "/losses", None),
        ("PUT", "/losses", None),
        ("GET", "/a/b/c/d", Some("GET /a/{x}/c/{y}")),
        ("GET", "/a/b/c/", None),
        ("GET", "/a/b/d/d", None),
    ] {
        assert_eq!(found(&templates, method, path).as_deref(), expected, "{method} {path}");
    }
}

#[test]
fn a_literal_goes_before_a_parameter_whatever_the_order() {
    let mut templates = vec![of("GET", "/{a}/{b}"), of("GET", "/{a}/all"), of("GET", "/me/{b}"), of("GET", "/me/all")];
    for _ in 0..templates.len() {
        templates.rotate_left(1);
        for (path, expected) in [
            ("/7/8", "GET /{a}/{b}"),
            ("/7/all", "GET /{a}/all"),
            // The first segment in which two templates differ decides.
            ("/me/8", "GET /me/{b}"),
            ("/me/all", "GET /me/all"),
        ] {
            assert_eq!(found(&templates, "GET", path).as_deref(), Some(expected), "{path}");
        }
    }
}

fn called() -> Question<'static> {
    Question { operation: Some(Operation { method: "GET", path: "/7/losses" }), ..given::question() }
}

#[test]
fn b23_an_operation_retires_on_the_instant_and_names_what_replaces_it() {
    let schedule = Schedule::Deprecation { deprecated_at: d() - MS, sunset_begins_at: None, retires_at: Some(d()) };
    let table = given::subscribed_to(version([given::operation(schedule)]));
    for (now, expected) in
        [(d() - MS, Reason::Subscribed), (d(), Reason::OperationRetired), (d() + MS, Reason::OperationRetired)]
    {
        table.ask(&called(), |facts| {
            let decision = decide(facts, now, given::limits());
            assert_eq!(decision.reason, expected, "{now}");
            assert_eq!(decision.replacement.unwrap().path.as_ref(), "/losses");
            let remedy = decision.remedy.map(|remedy| (remedy.action, remedy.sentence()));
            let sentence = "Use POST /losses of hello/world 2.0 instead.".to_owned();
            let replaced = Some((RemedyAction::UseReplacement, sentence));
            assert_eq!(remedy, replaced.filter(|_| expected == Reason::OperationRetired));
        });
        table.ask(&given::question(), |facts| {
            assert_eq!(decide(facts, now, given::limits()).reason, Reason::Subscribed, "{now}");
        });
    }
}

#[test]
fn b62_an_operation_has_headers_of_its_own_and_else_those_of_its_version() {
    let url = |path: &str| Some(format!("https://hub.example/{path}").into());
    let schedule =
        Schedule::Deprecation { deprecated_at: d() - MS, sunset_begins_at: None, retires_at: Some(given::r()) };
    let links = Links::new(url("losses"), None, None).unwrap();
    let table = given::subscribed_to(version([OperationEntry { links, ..given::operation(schedule) }]));
    table.ask(&called(), |facts| {
        let headers = decide(facts, d(), given::limits()).headers;
        assert_eq!((headers.deprecation, headers.sunset), (Some("@1736899199"), Some("Tue, 15 Jul 2025 00:00:00 GMT")));
        assert_eq!(
            headers.link,
            Some(
                "<https://hub.example/losses>; rel=\"deprecation\", \
                 <https://hub.example/hello/sunset>; rel=\"sunset\", \
                 <https://hub.example/hello/2.0>; rel=\"successor-version\""
            )
        );
    });
    table.ask(&given::question(), |facts| assert!(decide(facts, d(), given::limits()).headers.is_empty()));
}

#[test]
fn b21_the_deprecation_of_an_operation_closes_its_version_to_nobody() {
    let schedule = Schedule::Deprecation { deprecated_at: d(), sunset_begins_at: None, retires_at: None };
    let table = given::not_subscribed_to(version([given::operation(schedule)]));
    table.ask(&called(), |facts| {
        let remedy = decide(facts, d(), given::limits()).remedy.unwrap();
        assert_eq!(remedy.action, RemedyAction::Subscribe);
    });
}

#[test]
fn b63_the_deprecation_of_an_operation_opens_no_alpha() {
    let mut alpha = version([given::operation(given::deprecation())]);
    alpha.lifecycle.maturity = Maturity::Alpha;
    given::subscribed_to(alpha).ask(&called(), |facts| {
        assert_eq!(decide(facts, d(), given::limits()).reason, Reason::VersionNotCallable);
    });
}

#[test]
fn b93_a_trail_speaks_of_the_operation() {
    let table = given::subscribed_to(version([given::operation(given::deprecation())]));
    table.ask(&called(), |facts| {
        let trail = explain(facts, &called(), d(), given::limits());
        assert_eq!(
            trail.steps[1].sentence,
            "The operation GET /{id}/losses is DEPRECATED since 2025-01-15T00:00:00Z; it retires at 2025-07-15T00:00:00Z."
        );
        let upcoming: Vec<&str> = trail.upcoming.iter().map(|change| &*change.sentence).collect();
        assert_eq!(
            upcoming,
            ["From 2025-07-15T00:00:00Z the operation GET /{id}/losses is RETIRED: DENY OPERATION_RETIRED."]
        );
    });
}

#[test]
fn an_operation_of_an_unknown_version_is_unknown() {
    Table::new().ask(&called(), |facts| assert!(facts.operation.is_none()));
    let table = given::table([Change::Version(given::version())]);
    table.ask(&called(), |facts| assert!(facts.operation.is_none()));
}
