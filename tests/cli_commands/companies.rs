//! Applications in companies, from the first version to an uninstallation, and maintenance, at the command line.

use crate::hub::{TestHub, example};

const ADA: &str = "collaborator:ada@example.com";

#[test]
fn b26_the_maintenance_of_the_announcements_loads_with_its_instants() {
    let hub = TestHub::new();
    let file = example("procore-rest/maintenance.yaml");
    hub.devhub(&["maintenance", "load", &file]).exits(0);
    let before = hub.revision();
    let again = hub.devhub(&["maintenance", "load", &file, "-o", "json"]).exits(0).json();
    assert!(again.as_array().is_some_and(|rows| rows.iter().all(|row| row["outcome"] == "there already")));
    assert_eq!(hub.revision(), before);
    let windows = hub.devhub(&["maintenance", "list", "-o", "json"]).exits(0).json();
    let dates: Vec<String> = windows
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| {
            format!(
                "{} {} {} {}",
                row["maintenance_id"].as_str().expect("text"),
                row["refuses"].as_str().expect("text"),
                row["start_time"].as_str().expect("text"),
                row["end_time"].as_str().expect("text")
            )
        })
        .collect();
    assert_eq!(
        dates,
        [
            "development-sandbox-2022 WRITES 2022-11-14T17:00:00Z 2022-11-19T01:00:00Z",
            "development-sandbox-2022-manifests MANIFEST_CREATION 2022-11-11T08:00:00Z 2022-11-19T01:00:00Z",
            // "PST" in May: the clocks of Los Angeles show daylight time.
            "development-sandbox-2023 WRITES 2023-05-19T00:00:00Z 2023-05-19T02:00:00Z",
        ]
    );
    let shown = hub.devhub(&["maintenance", "list"]).exits(0).out;
    assert!(shown.contains("2023-05-18 17:00 PDT America/Los_Angeles"), "{shown}");
    let other = hub.file(
        "other.yaml",
        "maintenance:\n  - id: development-sandbox-2022\n    concerns: PRODUCTION\n    refuses: WRITES\n    \
         from: 2022-11-14T17:00:00Z\n    until: 2022-11-19T01:00:00Z\n    zone: UTC\n    reason: another\n",
    );
    let ran = hub.devhub(&["maintenance", "load", &other]).exits(1);
    assert!(ran.err.contains("the hub has another maintenance"), "{}", ran.err);
}

#[test]
fn an_operator_plans_extends_and_cancels_maintenance() {
    let hub = TestHub::new();
    hub.application("ledgerly");
    let plan = [
        "maintenance",
        "schedule",
        "today",
        "--concerns",
        "production",
        "--from",
        "2026-11-21 03:00 America/Los_Angeles",
        "--until",
        "2026-11-21 05:00 America/Los_Angeles",
        "--reason",
        "an upgrade",
    ];
    let out = hub.devhub(&plan).exits(0).out;
    assert!(out.contains("RUNNING") && out.contains("05:00 PST America/Los_Angeles (2026-11-21T13:00:00Z)"), "{out}");
    let create = ["app-version", "create", "ledgerly", "1.0.0", "--component", "embedded", "--actor", ADA];
    let ran = hub.devhub(&create).exits(1);
    assert!(ran.err.contains("[MAINTENANCE]") && ran.err.contains("2026-11-21T13:00:00Z"), "{}", ran.err);
    hub.devhub(&["maintenance", "revise", "today", "--until", "2026-11-21T14:00:00Z"]).exits(0);
    hub.devhub(&["maintenance", "cancel", "today", "--reason", "it is done"]).exits(0);
    hub.devhub(&create).exits(0);
    assert!(hub.devhub(&["maintenance", "list", "--ahead"]).exits(0).out.contains("none found"));
}

#[test]
fn a_version_goes_from_its_developer_to_a_company() {
    let hub = TestHub::new();
    hub.application("ledgerly");
    let create = |version: &str, level: &str| {
        let tool = format!("Directory={level}");
        let line =
            ["app-version", "create", "ledgerly", version, "--component", "service-account", "--company-tool", &tool];
        hub.devhub(&line).exits(0)
    };
    create("1.0.0", "READ_ONLY");
    create("1.1.0", "ADMIN");
    let listed = hub.devhub(&["app-version", "list", "ledgerly", "-o", "json"]).exits(0).json();
    assert_eq!((&listed[0]["version"], &listed[0]["state"]), (&"1.1.0".into(), &"READY_FOR_TESTING".into()));
    assert_eq!(listed[0]["company_tools"]["Directory"], "ADMIN");
    let show = hub.devhub(&["app-version", "show", "ledgerly", "1.0.0"]).exits(0).out;
    assert!(show.contains("install key"), "{show}");
    let ran = hub.devhub(&["install", "ledgerly", "nobody", "--all-projects"]).exits(1);
    assert!(ran.err.contains("[COMPANY_NOT_FOUND]"), "{}", ran.err);
    let organisation = ["organisation", "set", "Ledgerly Ltd", "verified-partner", "--reason", "papers were checked"];
    let out = hub.devhub(&organisation).exits(0).out;
    assert!(out.contains("VERIFIED_PARTNER"), "{out}");
    assert!(hub.devhub(&["organisation", "list"]).exits(0).out.contains("Ledgerly Ltd"));
    assert!(hub.devhub(&["listing", "list"]).exits(0).out.contains("none found"));
    let ran = hub.devhub(&["listing", "show", "ledgerly"]).exits(1);
    assert!(ran.err.contains("[LISTING_NOT_FOUND]"), "{}", ran.err);
    assert!(hub.devhub(&["list", "installations"]).exits(0).out.contains("none found"));
    hub.devhub(&["install", "ledgerly", "acme", "--all-projects", "--project", "north"]).exits(64);
}
