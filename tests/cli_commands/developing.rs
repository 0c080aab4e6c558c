//! What developers do for their applications: register, subscribe, unsubscribe, and the way back.

use super::hub::{Ran, TestHub, devhub};
use super::retiring::STABLE;

const ADA: [&str; 2] = ["--actor", "collaborator:ada@example.com"];
const LOSSES: [&str; 3] = ["ledger", "individuals/losses", "1.0"];

fn ada(hub: &TestHub, command: &[&str], rest: &[&str]) -> Ran {
    hub.devhub(&[command, rest, &ADA[..]].concat())
}

fn with_application() -> TestHub {
    let hub = TestHub::new();
    hub.apply(&hub.file("stable.yaml", STABLE));
    let people = ["--developer", "bob@example.com", "--owner", "Example Ltd", "--partner"];
    let made = ada(&hub, &["register", "Ledger", "--id", "ledger"], &people).exits(0).out;
    for words in ["ledger", "Ledger", "SANDBOX", "ada@example.com (ADMINISTRATOR)", "bob@example.com (DEVELOPER)"] {
        assert!(made.contains(words), "{words}\n{made}");
    }
    assert!(made.contains("TECHNOLOGY_PARTNER") && made.contains("2026-11-21T12:00:00Z\n"), "to the second: {made}");
    hub
}

#[test]
fn a_developer_registers_an_application() {
    let hub = with_application();
    let twice = ada(&hub, &["create-application", "Ledger", "--id", "ledger"], &[]).exits(1);
    assert!(twice.err.contains("[ALREADY_EXISTS]"), "{}", twice.err);
    let named = ada(&hub, &["register", "Ledger Two"], &["-o", "json"]).exits(0).json();
    assert!(named["application_id"].as_str().is_some_and(|id| id.len() > 3) && named["state"] == "PRODUCTION");
    let live = ada(&hub, &["register", "Ledger", "--environment", "production"], &["-o", "json"]).exits(0).json();
    assert_eq!((&live["environment"], &live["state"]), (&"PRODUCTION".into(), &"TESTING".into()));
    let brought = ada(&hub, &["register", "Other", "--client-id", "chosen-by-us"], &[]).exits(1);
    assert!(brought.err.contains("[OPERATOR_REQUIRED]"), "{}", brought.err);
    let nobody = hub.devhub(&["register", "Nobody"]).exits(1);
    assert!(nobody.err.contains("ADMINISTRATOR"), "an operator is no administrator: {}", nobody.err);
    hub.devhub(&["register", "Somebody", "--administrator", "ada@example.com"]).exits(0);
}

#[test]
fn b43_b44_a_developer_subscribes_leaves_and_comes_back() {
    let hub = with_application();
    let made = ada(&hub, &["subscribe"], &LOSSES).exits(0).out;
    for words in ["individuals/losses 1.0", "ACTIVE", "collaborator:ada@example.com"] {
        assert!(made.contains(words), "{words}\n{made}");
    }
    let twice = ada(&hub, &["subscribe"], &LOSSES).exits(1);
    assert!(twice.err.contains("[DUPLICATE_SUBSCRIPTION]"), "{}", twice.err);
    let deprecate = ["deprecate", "individuals/losses", "1.0", "--environment", "sandbox"];
    hub.devhub(&deprecate).exits(0);
    let warned = ada(&hub, &["unsubscribe"], &LOSSES).exits(1);
    assert!(
        warned.err.contains("[ACKNOWLEDGEMENT_REQUIRED]") && warned.err.contains("--acknowledge-one-way"),
        "{}",
        warned.err
    );
    let acknowledged = [&LOSSES[..], &["--acknowledge-one-way", "--reason", "not needed"]].concat();
    let ended = ada(&hub, &["unsubscribe"], &acknowledged).exits(0).out;
    assert!(ended.contains("ENDED") && ended.contains("undoable until"), "{ended}");
    let anew = ada(&hub, &["subscribe"], &LOSSES).exits(1);
    assert!(anew.err.contains("[VERSION_DEPRECATED]"), "{}", anew.err);
    let back = ada(&hub, &["unsubscribe", "--undo"], &LOSSES).exits(0).out;
    assert!(back.contains("ACTIVE") && !back.contains("ENDED"), "{back}");
    let again = ada(&hub, &["unsubscribe", "--undo"], &LOSSES).exits(1);
    assert!(again.err.contains("[NOTHING_TO_UNDO]"), "{}", again.err);
    devhub(&[&["unsubscribe", "--undo", "--acknowledge-one-way"], &LOSSES[..]].concat()).exits(64);
}

#[test]
fn fields_are_given_by_name() {
    let hub = with_application();
    let asking = STABLE.replacen(
        "      - version: '2.0'\n",
        "      - version: '2.0'\n        fields: [{name: callback, required: true}]\n",
        1,
    );
    hub.apply(&hub.file("asking.yaml", &asking));
    let version = ["ledger", "individuals/losses", "2.0"];
    let missing = ada(&hub, &["subscribe"], &version).exits(1);
    assert!(missing.err.contains("[SUBSCRIPTION_FIELDS]") && missing.err.contains("callback"), "{}", missing.err);
    let given = [&version[..], &["--field", "callback=https://example.com/?a=b"]].concat();
    let made = ada(&hub, &["subscribe"], &given).exits(0).out;
    assert!(made.contains("callback = https://example.com/?a=b"), "{made}");
    devhub(&[&["subscribe", "--field", "callback"], &version[..]].concat()).exits(64);
}
