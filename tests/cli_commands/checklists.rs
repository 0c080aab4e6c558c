//! What a developer, a company and an operator have to do next about the migration, as they read it at a terminal and in
//! a spreadsheet.

use super::hub::TestHub;

/// Two companies with an account each for an application, one of them with another that nobody knows.
fn two_companies() -> TestHub {
    let hub = TestHub::new();
    for (company, administrator) in [("42", "+carol@builders.example"), ("7", "dave@other.example")] {
        hub.devhub(&["company", "create", company, "--name", "Builders", "--administrator", administrator]).exits(0);
    }
    hub.application("buildsync");
    hub.devhub(&["organisation", "set", "Example Ltd", "verified-partner", "--reason", "papers were checked"]).exits(0);
    for (company, id, more) in [
        ("42", "sa-1", &["--marketplace", "buildsync"][..]),
        ("42", "sa-2", &[]),
        ("7", "sa-3", &["--marketplace", "buildsync"]),
    ] {
        let create = ["service-account", "create", company, "--name", "Application buildsync", "--id", id];
        hub.devhub(&[&create[..], more].concat()).exits(0);
    }
    hub
}

fn release(hub: &TestHub, version: &str, component: &str) {
    hub.devhub(&["app-version", "create", "buildsync", version, "--component", component]).exits(0);
    hub.devhub(&["app-version", "promote", "buildsync", version]).exits(0);
}

fn announce(hub: &TestHub) {
    let sunset =
        ["--deprecate", "2026-12-01 start-of-day Europe/London", "--sunset", "2027-06-30 end-of-day Europe/London"];
    hub.devhub(&[&["credential-class", "revise", "--reason", "replaced"], &sunset[..]].concat()).exits(0);
}

fn json(hub: &TestHub, args: &[&str]) -> serde_json::Value {
    hub.devhub(&[&["migration"], args, &["-o", "json"]].concat()).exits(0).json()
}

fn rows(csv: &str) -> Vec<csv::StringRecord> {
    csv::Reader::from_reader(csv.as_bytes()).records().map(|row| row.expect("a row")).collect()
}

#[test]
fn b81_a_developer_reads_what_comes_next() {
    let hub = two_companies();
    announce(&hub);
    let table = hub.devhub(&["migration", "checklist", "--application", "buildsync"]).exits(0).out;
    for text in [
        "next                Make a version with a service account",
        "sunset              2027-06-30T23:00:00Z, 221 days left",
        "2, 2 at risk",
        "2 NOT_STARTED",
        "DECLARE",
        "WHAT TO DO",
    ] {
        assert!(table.contains(text), "{text}:\n{table}");
    }
    hub.devhub(&["app-version", "create", "buildsync", "1.0.0", "--component", "service-account"]).exits(0);
    let mine = json(&hub, &["checklist", "--collaborator", "Ada@example.com"]);
    assert_eq!((mine.as_array().map(Vec::len), &mine[0]["next_step"]), (Some(1), &"Promote version 1.0.0.".into()));
    assert_eq!(mine[0]["waiting_versions"][0]["state"], "READY_FOR_TESTING");
    let csv = hub.devhub(&["migration", "checklist", "--application", "buildsync", "--csv", "-"]).exits(0).out;
    assert!(csv.starts_with("of,topic,subject,state,left,sentence\n"), "{csv}");
    assert!(csv.contains("buildsync,PROMOTE,,OPEN,,Promote version 1.0.0.\n"), "{csv}");
    assert!(csv.contains("buildsync,WAITING_VERSION,1.0.0,READY_FOR_TESTING,,"), "{csv}");
    let nobody = hub.devhub(&["migration", "checklist", "--collaborator", "eve@example.com"]).exits(0).out;
    assert!(nobody.starts_with("no application of theirs"), "{nobody}");
    let unknown = hub.devhub(&["migration", "checklist", "--application", "nothing"]).exits(1);
    assert!(unknown.err.contains("[APPLICATION_NOT_FOUND]"), "{}", unknown.err);
    hub.devhub(&["migration", "checklist"]).exits(64);
    hub.devhub(&["migration", "checklist", "--application", "buildsync", "--company", "7"]).exits(64);
}

#[test]
fn b82_b84_b88_a_company_reads_whose_accounts_are_what_is_at_risk_and_whom_to_ask() {
    let hub = two_companies();
    announce(&hub);
    release(&hub, "1.0.0", "service-account");
    let list = json(&hub, &["checklist", "--company", "42"]);
    assert_eq!((&list["company_name"], &list["days_left"]), (&"Builders".into(), &221.into()));
    assert_eq!(list["steps"][0]["step"], "CLASSIFY");
    let suggestion = &list["accounts"][1]["suggestion"];
    assert_eq!((&suggestion["application_id"], &suggestion["sureness"]), (&"buildsync".into(), &"POSSIBLE".into()));
    assert_eq!(list["installations"][0]["version"], "1.0.0");
    assert_eq!(list["risks"].as_array().map(Vec::len), Some(2));
    let table = hub.devhub(&["migration", "checklist", "--company", "42"]).exits(0).out;
    for text in [
        "Say whose 1 account is",
        "one extension that a company can have, until 2027-09-28T23:00:00Z",
        "buildsync, DEVELOPER_READY, 221 days left: An administrator of the company installs the application. Developer: \
         ada@example.com.",
        "sa-2, BLOCKED_UNKNOWN_OWNER, 221 days left: The company says",
        "Possibly Application buildsync (buildsync): the account is called \"Application buildsync\".",
        "nobody has said",
        "Install Application buildsync 1.0.0, and choose the projects that it may reach.",
    ] {
        assert!(table.contains(text), "{text}:\n{table}");
    }
    let csv = hub.devhub(&["migration", "checklist", "--company", "42", "--csv", "-"]).exits(0).out;
    let topics: Vec<String> = rows(&csv).iter().map(|row| row[1].to_owned()).collect();
    let steps = ["CLASSIFY", "INSTALL", "UPDATE", "PERMIT_PROJECTS", "REMOVE"];
    assert_eq!(topics[..5], steps);
    assert_eq!(topics[5..], ["ACCOUNT", "SUGGESTION", "ACCOUNT", "INSTALLATION", "RISK", "RISK"]);
    let both = hub.devhub(&["migration", "checklist", "--company", "42", "--csv", "-", "-o", "json"]).exits(1);
    assert!(both.err.contains("two forms of one report"), "{}", both.err);
    let supposed = json(&hub, &["checklist", "--company", "42", "--supposed-sunset", "2026-11-22T13:00:00Z"]);
    assert_eq!(supposed["days_left"], 1);
}

#[test]
fn b81_stragglers_are_read_with_their_owners() {
    let hub = two_companies();
    let table = hub.devhub(&["migration", "stragglers"]).exits(0).out;
    for text in ["CALLS, 28 DAYS", "Application buildsync", "Example Ltd", "+carol@builders.example"] {
        assert!(table.contains(text), "{text}:\n{table}");
    }
    let csv = hub.devhub(&["migration", "stragglers", "--by", "last-use", "--csv", "-"]).exits(0).out;
    let rows = rows(&csv);
    assert_eq!((rows.len(), &rows[0][0], &rows[0][5]), (3, "42", "Example Ltd"));
    assert!(rows[0].iter().any(|cell| cell == "'+carol@builders.example"), "nothing is computed: {csv}");
    let used = ["stragglers", "--used-since", "2026-11-01T00:00:00Z", "--at-risk"];
    assert_eq!(json(&hub, &used).as_array().map(Vec::len), Some(0));
    assert_eq!(json(&hub, &["stragglers", "--company", "7"])[0]["company_name"], "Builders");
    hub.devhub(&["service-account", "remove", "7", "sa-3", "--reason", "not used"]).exits(0);
    assert_eq!(json(&hub, &["stragglers"]).as_array().map(Vec::len), Some(2), "what is finished is no straggler");
}

#[test]
fn b86_b87_what_leaves_the_marketplace_is_read_with_what_keeps_it() {
    let hub = two_companies();
    let none = hub.devhub(&["migration", "delisting"]).exits(0).out;
    assert!(none.starts_with("no listing leaves with the sunset"), "{none}");
    release(&hub, "1.0.0", "user-level");
    hub.devhub(&["listing", "submit", "buildsync", "1.0.0"]).exits(0);
    hub.devhub(&["listing", "approve", "buildsync"]).exits(0);
    hub.devhub(&["install", "buildsync", "7", "--all-projects"]).exits(0);
    let table = hub.devhub(&["migration", "delisting"]).exits(0).out;
    for text in ["to be announced", "STAYS INSTALLED IN", "makes a version with a service account"] {
        assert!(table.contains(text), "{text}:\n{table}");
    }
    let supposed = json(&hub, &["delisting", "--supposed-sunset", "2026-12-21T13:00:00Z"]);
    assert_eq!((&supposed[0]["days_left"], &supposed[0]["state"]), (&30.into(), &"LISTED".into()));
    assert_eq!((&supposed[0]["installations"], &supposed[0]["owner_title"]), (&1.into(), &"Example Ltd".into()));
    let csv = hub.devhub(&["migration", "delisting", "--csv", "-"]).exits(0).out;
    let rows = rows(&csv);
    assert_eq!((rows.len(), &rows[0][0], &rows[0][6], &rows[0][8]), (1, "buildsync", "", "1"));
    let list = hub.devhub(&["migration", "checklist", "--application", "buildsync"]).exits(0).out;
    assert!(list.contains("the sunset takes the application out of the marketplace"), "{list}");
}

#[test]
fn b81_the_forecast_names_those_with_nothing_to_install_first() {
    let hub = two_companies();
    release(&hub, "1.0.0", "service-account");
    let named = json(&hub, &["forecast", "--list"]);
    let order: Vec<(&str, bool)> = named["at_risk"]
        .as_array()
        .expect("names")
        .iter()
        .map(|risk| (risk["phase"].as_str().expect("a phase"), risk["ready_time"].is_null()))
        .collect();
    // By application and company the two that are ready would stand first; whoever has nothing has the longest way.
    let ready = ("DEVELOPER_READY", false);
    assert_eq!(order, [("BLOCKED_UNKNOWN_OWNER", true), ready, ready]);
}
