//! Unused applications at the command line.

use devhub_proto::v1::Environment;

use super::hub::{SMALL, TestHub};

#[test]
fn b58_who_is_deleted_for_disuse_is_listed_the_next_one_first() {
    let hub = TestHub::with(&[("delete_unused", "true")]);
    hub.apply(&hub.file("small.yaml", SMALL));
    assert!(hub.devhub(&["unused"]).exits(0).out.contains("none found"));
    hub.application_in("second", Environment::Sandbox);
    hub.advance_to("2026-11-21T13:00:00Z");
    hub.application_in("first", Environment::Sandbox);
    hub.application("live");
    hub.advance_to("2026-12-14T12:30:00Z");
    hub.go_round();
    hub.advance_to("2026-12-14T13:30:00Z");
    hub.go_round();
    let rows = hub.devhub(&["unused", "-o", "json"]).exits(0).json();
    let row = |position: usize, field: &str| rows[position][field].as_str().map(str::to_owned);
    assert_eq!(rows.as_array().map(Vec::len), Some(2));
    assert_eq!([row(0, "application_id"), row(1, "application_id")], [Some("second".into()), Some("first".into())]);
    assert!(row(0, "idle_since").is_some_and(|since| since.starts_with("2026-11-21T12:00:00")));
    let table = hub.devhub(&["unused", "--owner", "Example Ltd"]).exits(0).out;
    assert!(table.contains("DELETED ON") && table.find("second") < table.find("first"), "{table}");
    assert!(hub.devhub(&["unused", "--environment", "production"]).exits(0).out.contains("none found"));
    let shown = hub.devhub(&["get", "application", "second"]).exits(0).out;
    assert!(shown.contains("unless it is used before"), "{shown}");
    let usage = hub.devhub(&["usage", "--application", "second"]).exits(0).out;
    assert!(usage.contains("not used since 2026-11-21T12:00:00"), "{usage}");
    let told = hub.devhub(&["notices", "list", "--application", "second"]).exits(0).out;
    assert!(told.contains("T-7") && told.contains("because nobody uses it"), "{told}");
}
