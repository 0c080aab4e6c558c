//! The ends that a catalogue says: planned, moved, taken back, undone; of versions, operations and namespaces.

use super::hub::{Ran, TestHub, example};
use super::retiring::STABLE;

/// [`STABLE`] with `dates` for `individuals/losses` 1.0 in PRODUCTION.
fn with(dates: &str) -> String {
    let place =
        "          - {environment: PRODUCTION, maturity: STABLE, endpoints_enabled: true}\n      - version: '2.0'";
    assert!(STABLE.contains(place));
    let dated = format!(
        "          - {{environment: PRODUCTION, maturity: STABLE, endpoints_enabled: true{dates}}}\n      - version: '2.0'"
    );
    STABLE.replacen(place, &dated, 1)
}

/// [`STABLE`] with `text` after the deployment of `rest/v1.0` 1.0.
fn with_rest(text: &str) -> String {
    let place = "          - {environment: PRODUCTION, maturity: STABLE, endpoints_enabled: true}\n";
    let (before, _) = STABLE.rsplit_once(place).expect("the last deployment");
    format!(
        "{before}          - environment: PRODUCTION\n            maturity: STABLE\n            endpoints_enabled: true\n{text}"
    )
}

/// Plans and applies; the plan afterwards is empty, and the hub says it again as a file.
fn applied(hub: &TestHub, text: &str) -> Ran {
    let file = hub.file("wanted.yaml", text);
    let plan = hub.devhub(&["plan", "-f", &file]).exits(2);
    hub.apply(&file);
    hub.devhub(&["plan", "-f", &file]).exits(0);
    let exported = hub.devhub(&["export"]).exits(0).out;
    hub.devhub(&["plan", "-f", &hub.file("exported.yaml", &exported)]).exits(0);
    plan
}

const DATES: &str = ", deprecated_at: 2027-02-01 start-of-day Europe/London, retires_at: 2027-09-01T00:00:00Z, \
                     successor: {context: individuals/losses, version: '2.0'}";

#[test]
fn b35_an_end_is_planned_moved_renamed_and_taken_back_by_the_file() {
    let hub = TestHub::new();
    hub.apply(&hub.file("stable.yaml", STABLE));
    let verb = |plan: &Ran, verb: &str| {
        let line = format!("~ change  version individuals/losses 1.0 in PRODUCTION: {verb}\n");
        assert!(plan.out.contains(&line), "{line}{}", plan.out);
    };
    verb(&applied(&hub, &with(DATES)), "deprecate");
    let later = DATES.replace("2027-09-01", "2027-12-01");
    let plan = applied(&hub, &with(&later));
    verb(&plan, "revise");
    assert!(plan.out.contains("retires_at: \"2027-09-01T00:00:00Z\" -> \"2027-12-01T00:00:00Z\""), "{}", plan.out);
    let unknown = later.replace(" retires_at: 2027-12-01T00:00:00Z,", "");
    verb(&applied(&hub, &with(&unknown)), "revise");
    let sunset = later.replace("retires_at", "sunset_begins: 2027-11-01T00:00:00Z, retires_at");
    verb(&applied(&hub, &with(&sunset)), "revise");
    // Another successor is a change by itself.
    let gains =
        sunset.replace("context: individuals/losses, version: '2.0'", "context: individuals/gains, version: '1.0'");
    verb(&applied(&hub, &with(&gains)), "revise");
    let nameless = gains.replace(", successor: {context: individuals/gains, version: '1.0'}", "");
    let plan = hub.devhub(&["plan", "-f", &hub.file("nameless.yaml", &with(&nameless))]).exits(1);
    assert!(plan.out.contains("(SUCCESSOR_OMITTED)"), "{}", plan.out);
    verb(&applied(&hub, STABLE), "withdraw");

    // The zone of the stated dates is that of the announcement.
    let history = hub.devhub(&["schedule", "individuals/losses", "1.0", "-o", "json"]).exits(0).json();
    let kinds: Vec<&str> =
        history["revisions"].as_array().expect("revisions").iter().filter_map(|r| r["kind"].as_str()).collect();
    assert_eq!(kinds, ["PUBLISHED", "DEPRECATED", "REVISED", "REVISED", "REVISED", "REVISED", "WITHDRAWN"]);
}

#[test]
fn what_is_retired_is_reinstated_by_the_file_with_a_reason() {
    let hub = TestHub::new();
    hub.apply(&hub.file("dated.yaml", &with(DATES)));
    hub.advance_to("2027-10-01T00:00:00Z");
    let open = DATES.replace(" retires_at: 2027-09-01T00:00:00Z,", "");
    let silent = hub.devhub(&["plan", "-f", &hub.file("silent.yaml", &with(&open))]).exits(1);
    assert!(silent.out.contains("reinstate (INVALID_FIELD)") && silent.out.contains("say why"), "{}", silent.out);
    let plan = applied(&hub, &with(&format!("{open}, reason: the successor lost data")));
    assert!(plan.out.contains("in PRODUCTION: reinstate"), "{}", plan.out);
}

#[test]
fn all_the_ends_of_one_apply_are_one_commit() {
    let hub = TestHub::new();
    hub.apply(&hub.file("stable.yaml", STABLE));
    let dates = ", deprecated_at: 2027-02-01T00:00:00Z}";
    let all = STABLE.replace("endpoints_enabled: true}", &format!("endpoints_enabled: true{dates}"));
    let file = hub.file("all.yaml", &all);
    let done = hub.devhub(&["apply", "-f", &file, "-o", "json"]).exits(0).json();
    let revisions: std::collections::BTreeSet<u64> =
        done["applied"].as_array().expect("steps").iter().filter_map(|step| step["revision"].as_u64()).collect();
    assert_eq!((done["applied"].as_array().map(Vec::len), revisions.len()), (Some(7), 1), "{done}");
    hub.devhub(&["plan", "-f", &file]).exits(0);
}

#[test]
fn operations_and_namespaces_have_dates_in_the_file() {
    let hub = TestHub::new();
    let operations = "            operations:\n              - method: GET\n                path: /cost_codes\n\
                      \x20               deprecated_at: 2027-02-01T00:00:00Z\n\
                      \x20               replacement: {context: rest/v1.0, version: '1.0', method: GET, path: /segments}\n";
    let namespaces = "namespaces:\n  - namespace: rest\n    deployments:\n      - environment: PRODUCTION\n\
                      \x20       deprecated_at: 2027-03-01T00:00:00Z\n        sunset_begins_at: 2028-03-01T00:00:00Z\n\
                      \x20       retires_at: 2028-04-01T00:00:00Z\n        replacement: rest2\n";
    // On a hub that knows nothing of it, and in one go.
    let plan = applied(&hub, &(with_rest(operations) + namespaces));
    for words in [
        "operation GET /cost_codes of rest/v1.0 1.0 in PRODUCTION: deprecate",
        "namespace rest in PRODUCTION: deprecate",
    ] {
        assert!(plan.out.contains(words), "{words}\n{}", plan.out);
    }
    let exported = hub.devhub(&["export"]).exits(0).out;
    for words in ["operations:", "namespaces:", "sunset_begins_at:", "replacement: rest2", "path: /segments"] {
        assert!(exported.contains(words), "{words}\n{exported}");
    }
    // What the file leaves out is taken back, but a namespace that it does not name stays.
    let plan = applied(&hub, &with_rest(""));
    assert!(plan.out.contains("operation GET /cost_codes of rest/v1.0 1.0 in PRODUCTION: withdraw"), "{}", plan.out);
    assert!(!plan.out.contains("namespace rest"), "{}", plan.out);
    let plan = applied(&hub, &(with_rest("") + "namespaces: [{namespace: rest}]\n"));
    assert!(plan.out.contains("namespace rest in PRODUCTION: withdraw"), "{}", plan.out);

    // The policy's rule is the hub's to say.
    let forbidden = STABLE.replacen(
        "endpoints_enabled: true}",
        "endpoints_enabled: true, operations: [{method: GET, path: /x, deprecated_at: 2027-02-01T00:00:00Z}]}",
        1,
    );
    let plan = hub.devhub(&["plan", "-f", &hub.file("forbidden.yaml", &forbidden)]).exits(1);
    assert!(plan.out.contains("(PARTS_NOT_IN_POLICY)"), "{}", plan.out);
    let undated = with_rest("            operations: [{method: GET, path: /cost_codes}]\n");
    let plan = hub.devhub(&["plan", "-f", &hub.file("undated.yaml", &undated)]).exits(1);
    assert!(plan.err.contains("has no dates"), "{}", plan.err);
}

#[test]
fn vapids_gradual_sunset_stands_in_the_example() {
    let hub = TestHub::new();
    hub.apply(&example("procore-rest/catalogue.yaml"));
    let vapid = ["schedule", "--namespace", "vapid", "--environment", "production", "-o", "json"];
    let shown = hub.devhub(&vapid).exits(0).json();
    let schedule = &shown["schedule"];
    assert_eq!((&schedule["deprecate_time"], &schedule["stage"]), (&"2021-02-01T08:00:00Z".into(), &"RETIRED".into()));
    assert_eq!(schedule["sunset_begin_time"], "2022-02-01T08:00:00Z");
    assert_eq!(schedule["retire_time"], "2022-03-01T08:00:00Z");
    assert_eq!(schedule["retire_local"], "2022-03-01 00:00:00 PST America/Los_Angeles");
    assert_eq!(
        (&schedule["successor"], &schedule["announce_time"]),
        (&"rest/v1.0".into(), &"2022-02-01T08:00:00Z".into())
    );
    let silent = hub.devhub(&[&vapid[..], &["--as-of", "2022-02-01T07:59:59Z"]].concat()).exits(1);
    assert!(silent.err.contains("SCHEDULE_NOT_FOUND"), "{}", silent.err);
    let refused = hub.devhub(&["check", "--client", "nobody", "vapid", "1.0"]).exits(3).out;
    assert!(refused.contains("VERSION_RETIRED") && refused.contains("rest/v1.0 1.0"), "{refused}");
}

/// The line item operations end by themselves, not with their versions, and nobody has said when.
#[test]
fn b28_line_item_operations_stand_in_the_example_as_they_were_announced() {
    let hub = TestHub::new();
    hub.apply(&example("procore-rest/catalogue.yaml"));
    let client = hub.application("budgets");
    hub.subscribe("budgets", "rest/v1.0/cost-codes", "1.0");
    let check = ["check", "--client", &client, "rest/v1.0/cost-codes", "1.0"];
    let called = |call: &[&str]| hub.devhub(&[&check[..], call].concat()).exits(0).out;
    for call in [
        ["--method", "GET", "--path", "/standard_cost_code_lists"],
        ["--method", "DELETE", "--path", "/standard_cost_codes/7"],
    ] {
        let out = called(&call);
        assert!(out.contains("Deprecation: @1648710000") && !out.contains("Sunset:"), "{out}");
        assert!(out.contains("segment_item"), "what to call instead: {out}");
    }
    assert!(!called(&["--method", "GET", "--path", "/cost_codes"]).contains("Deprecation:"));
    assert!(!called(&[]).contains("Deprecation:"), "the version itself is as it was");
    let shown = ["schedule", "rest/v1.0/sub-jobs", "1.0", "--operation", "DELETE /sub_jobs/{id}", "-o", "json"];
    let schedule = &hub.devhub(&shown).exits(0).json()["schedule"];
    assert_eq!(
        (&schedule["retirement_to_be_announced"], &schedule["deprecate_local"]),
        (&true.into(), &"2022-03-31 00:00:00 PDT America/Los_Angeles".into())
    );
    assert_eq!(schedule["announce_time"], "2022-03-31T07:00:00Z");
}

/// What a file says was announced is said once: later changes are announced when they are made.
#[test]
fn an_announcement_of_the_past_is_sent_with_the_first_dates_only() {
    let hub = TestHub::new();
    hub.apply(&hub.file("stable.yaml", STABLE));
    let operation = |dates: &str| {
        with_rest(&format!(
            "            operations: [{{method: GET, path: /cost_codes, announced_at: 2026-10-01T00:00:00Z, zone: Europe/London, {dates}}}]\n"
        ))
    };
    let silent = operation("deprecated_at: 2026-10-02T00:00:00Z").replace("announced_at: 2026-10-01T00:00:00Z, ", "");
    let plan = hub.devhub(&["plan", "-f", &hub.file("silent.yaml", &silent)]).exits(1);
    assert!(plan.out.contains("(INSTANT_IN_PAST)"), "{}", plan.out);
    let plan = applied(&hub, &operation("deprecated_at: 2026-10-02T00:00:00Z"));
    assert!(plan.out.contains("announced_at: (none) -> \"2026-10-01T00:00:00Z\""), "{}", plan.out);
    applied(&hub, &operation("deprecated_at: 2026-10-02T00:00:00Z, retires_at: 2027-12-01T00:00:00Z"));
    let shown = ["schedule", "rest/v1.0", "1.0", "--operation", "GET /cost_codes", "-o", "json"];
    let shown = hub.devhub(&shown).exits(0).json();
    let announced: Vec<&str> =
        shown["revisions"].as_array().expect("revisions").iter().filter_map(|r| r["announce_time"].as_str()).collect();
    assert_eq!(announced[0], "2026-10-01T00:00:00Z");
    assert!(announced[1].starts_with("2026-11-21T12:00:00"), "{announced:?}");
    assert_eq!(shown["schedule"]["zone"], "Europe/London");
}
