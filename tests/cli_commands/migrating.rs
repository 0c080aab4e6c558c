//! Reports on the way from traditional service accounts: the funnel, the list, the burn-down, the forecast, and what was
//! created while creation was open again.

use super::golden::compare;
use super::hub::{SMALL, TestHub, example};

/// A company whose administrator's address would be computed by a spreadsheet, and three accounts in two companies.
fn two_companies() -> TestHub {
    let hub = TestHub::new();
    for (company, administrator) in [("42", "+carol@builders.example"), ("7", "dave@other.example")] {
        hub.devhub(&["company", "create", company, "--name", "Builders", "--administrator", administrator]).exits(0);
    }
    hub.application("buildsync");
    account(&hub, "42", "sa-1", &["--marketplace", "buildsync"]);
    account(&hub, "42", "sa-2", &[]);
    let custom = ["--custom", "copies", "--developer-name", "Bob", "--developer-email", "bob@example.com"];
    account(&hub, "7", "sa-3", &custom);
    hub
}

fn account(hub: &TestHub, company: &str, id: &str, more: &[&str]) {
    let create = ["service-account", "create", company, "--name", "Nightly copy", "--id", id];
    hub.devhub(&[&create[..], more].concat()).exits(0);
}

fn announce(hub: &TestHub, dates: &[&str]) {
    hub.devhub(&[&["credential-class", "revise", "--reason", "replaced"], dates].concat()).exits(0);
}

/// The dates are announced, moved, and come; one company removes its account in between.
fn a_history() -> TestHub {
    let hub = two_companies();
    hub.advance_to("2026-11-25T12:00:00Z");
    announce(
        &hub,
        &[
            "--deprecate",
            "2026-12-01 start-of-day Europe/London",
            "--cutoff",
            "2027-02-28 end-of-day Europe/London",
            "--sunset",
            "2027-06-30 end-of-day Europe/London",
        ],
    );
    hub.advance_to("2027-01-11T09:00:00Z");
    hub.devhub(&["service-account", "remove", "7", "sa-3", "--reason", "not used"]).exits(0);
    announce(&hub, &["--sunset", "2027-07-14 end-of-day Europe/London"]);
    hub.advance_to("2027-07-20T12:00:00Z");
    hub
}

fn json(hub: &TestHub, args: &[&str]) -> serde_json::Value {
    hub.devhub(&[&["migration"], args, &["-o", "json"]].concat()).exits(0).json()
}

fn count(funnel: &serde_json::Value, phase: &str) -> u64 {
    let phases = funnel["phases"].as_array().expect("phases");
    phases.iter().find(|counted| counted["phase"] == phase).expect(phase)["count"].as_u64().expect("a count")
}

#[test]
fn b81_the_funnel_is_asked_of_any_instant_and_any_sunset() {
    let hub = a_history();
    let now = json(&hub, &["funnel"]);
    assert_eq!((&now["total"], &now["at_risk"], &now["finished"]), (&3.into(), &2.into(), &1.into()));
    assert_eq!((count(&now, "EXPIRED"), count(&now, "DISCONTINUED")), (2, 1));
    assert_eq!(now["phases"][8]["percent"], 66.7);
    // The sunset takes effect at its first instant, by the dates that were public then.
    for (at, expired) in [("2027-07-14T22:59:59.999Z", 0), ("2027-07-14T23:00:00Z", 2), ("2027-07-14T23:00:00.001Z", 2)]
    {
        assert_eq!(count(&json(&hub, &["funnel", "--at", at]), "EXPIRED"), expired, "{at}");
    }
    let before = json(&hub, &["funnel", "--at", "2026-11-25T11:59:59.999Z"]);
    assert_eq!(before["public_dates"]["sunset_time"], serde_json::Value::Null);
    let supposed =
        ["funnel", "--at", "2026-11-30 start-of-day Europe/London", "--supposed-sunset", "2026-11-29T00:00:00Z"];
    let supposed = json(&hub, &supposed);
    assert_eq!((count(&supposed, "EXPIRED"), &supposed["supposed_sunset_time"]), (3, &"2026-11-29T00:00:00Z".into()));
    let company = json(&hub, &["funnel", "--company", "42", "--application", "buildsync"]);
    assert_eq!(company["total"], 1);
    let table = hub.devhub(&["migration", "funnel"]).exits(0).out;
    for text in
        ["BLOCKED_UNKNOWN_OWNER", "66.7%", "at risk           2 (66.7%)", "sunset            2027-07-14T23:00:00Z"]
    {
        assert!(table.contains(text), "{text}:\n{table}");
    }
    let none = hub.devhub(&["migration", "funnel", "--company", "43"]).exits(0).out;
    assert!(none.contains("at risk           0 (0.0%)"), "{none}");
    let refused = hub.devhub(&["migration", "funnel", "--company", "no company"]).exits(1);
    assert!(refused.err.contains("filter.company_id"), "{}", refused.err);
}

#[test]
fn b81_migrations_are_listed_for_people_and_for_spreadsheets() {
    let hub = a_history();
    let at = ["--at", "2027-03-01T00:00:00Z"];
    let all = json(&hub, &[&["list"], &at[..]].concat());
    assert_eq!(all.as_array().map(Vec::len), Some(3));
    let row = &all[0];
    assert_eq!((&row["company_id"], &row["application_id"]), (&"42".into(), &"buildsync".into()));
    assert_eq!((&row["phase"], &row["days_left"]), (&"NOT_STARTED".into(), &135.into()));
    assert_eq!(
        (&row["company_administrators"][0], &row["developer_contacts"][0]),
        (&"+carol@builders.example".into(), &"ada@example.com".into())
    );
    let table = hub.devhub(&[&["migration", "list"], &at[..]].concat()).exits(0).out;
    for text in ["NEXT STEP", "The company says which application the account is for.", "sa-3 (removed)"] {
        assert!(table.contains(text), "{text}:\n{table}");
    }
    let unknown = json(&hub, &["list", "--phase", "blocked-unknown-owner", "--at", at[1]]);
    assert_eq!((unknown.as_array().map(Vec::len), &unknown[0]["company_id"]), (Some(1), &"42".into()));
    let risk = json(&hub, &["list", "--at-risk", "--at", at[1]]);
    assert_eq!(risk.as_array().map(Vec::len), Some(2));
    let expired =
        json(&hub, &["list", "--phase", "expired", "--supposed-sunset", "2027-02-01T00:00:00Z", "--at", at[1]]);
    assert_eq!(expired.as_array().map(Vec::len), Some(2));

    let printed = hub.devhub(&["migration", "list", "--at", at[1], "--csv", "-"]).exits(0).out;
    compare("tests/cli_commands/golden/migrations.csv", &printed);
    assert!(printed.contains(",'+carol@builders.example,"), "nothing is computed: {printed}");
    let path = hub.path("report.csv").display().to_string();
    let written = hub.devhub(&["migration", "list", "--at", at[1], "--csv", &path]).exits(0);
    assert_eq!((written.out.as_str(), std::fs::read_to_string(&path).expect("a report")), ("", printed));
    let both = hub.devhub(&["migration", "list", "--csv", "-", "-o", "yaml"]).exits(1);
    assert!(both.err.contains("two forms of one report"), "{}", both.err);
    let nowhere = hub.devhub(&["migration", "list", "--csv", &format!("{path}/report.csv")]).exits(1);
    assert!(nowhere.err.contains("cannot be written"), "{}", nowhere.err);
    hub.devhub(&["migration", "list", "--phase", "done"]).exits(64);
}

#[test]
fn b81_every_report_shows_that_the_new_identity_has_called() {
    let hub = TestHub::with(&[("usage_flush_seconds", "3600")]);
    let scoped = SMALL.replace("        endpoints:", "        company_scoped: true\n        endpoints:");
    hub.apply(&hub.file("scoped.yaml", &scoped));
    hub.devhub(&["company", "create", "9", "--name", "Builders", "--administrator", "dave@other.example"]).exits(0);
    let client = hub.application("buildsync");
    hub.subscribe("buildsync", "individuals/losses", "1.10");
    account(&hub, "9", "sa-9", &["--marketplace", "buildsync"]);
    hub.devhub(&["organisation", "set", "Example Ltd", "verified-partner", "--reason", "papers"]).exits(0);
    hub.devhub(&["app-version", "create", "buildsync", "1.0.0", "--component", "service-account"]).exits(0);
    hub.advance_to("2026-11-21T13:00:00Z");
    hub.devhub(&["app-version", "promote", "buildsync", "1.0.0"]).exits(0);
    hub.advance_to("2026-11-22T12:00:00Z");
    hub.devhub(&["install", "buildsync", "9", "--all-projects"]).exits(0);
    assert_eq!(json(&hub, &["list"])[0]["phase"], "INSTALLED");
    hub.advance_to("2026-11-23T12:00:00Z");
    hub.devhub(&["check", "--client", &client, "individuals/losses", "1.10", "--company", "9"]).exits(0);
    hub.note_first_uses();
    hub.advance_to("2026-11-24T12:00:00Z");
    let row = &json(&hub, &["list", "--phase", "cutover-confirmed"])[0];
    assert_eq!((&row["company_id"], &row["first_use_time"]), (&"9".into(), &"2026-11-23T12:00:00Z".into()));
    assert!(row["next_step"].as_str().is_some_and(|step| step.contains("30 days back")), "{row}");
    for (at, confirmed) in [("2026-11-23T11:59:59.999Z", 0), ("2026-11-23T12:00:00Z", 1)] {
        assert_eq!(count(&json(&hub, &["funnel", "--at", at]), "CUTOVER_CONFIRMED"), confirmed, "{at}");
    }
    let printed = hub.devhub(&["migration", "list", "--csv", "-"]).exits(0).out;
    compare("tests/cli_commands/golden/cutover.csv", &printed);
    let burn = ["migration", "burn-down", "--from", "2026-11-22T00:00:00Z", "--days", "3", "--csv", "-"];
    let burnt = hub.devhub(&burn).exits(0).out;
    let mut reader = csv::Reader::from_reader(burnt.as_bytes());
    let days: Vec<String> = reader.records().map(|row| row.expect("a row").iter().skip(3).take(3).collect()).collect();
    assert_eq!(days, ["100", "010", "001"], "ready, installed, confirmed:\n{burnt}");
    let shown = hub.devhub(&["uninstall", "buildsync", "9"]).exits(0).out;
    assert!(shown.contains("2026-11-22T12:00:00Z to 2026-11-24T12:00:00Z, first used 2026-11-23T12:00:00Z"), "{shown}");
}

#[test]
fn b81_more_migrations_than_a_page_has_are_all_written_about_one_instant() {
    let hub = two_companies();
    let mut rows = "company_id,client_id,name,created,application_type\n".to_owned();
    for company in ["701", "702", "703"] {
        hub.devhub(&["company", "create", company, "--name", "Builders", "--administrator", "eve@example.com"])
            .exits(0);
    }
    for number in 0..450 {
        let company = 701 + number % 3;
        rows.push_str(&format!("{company},old-account-{number},Copy {number},2020-01-01T00:00:00Z,undefined\n"));
    }
    let file = hub.file("accounts.csv", &rows);
    hub.devhub(&["import", "accounts", &file, "--apply"]).exits(0);
    let csv = hub.devhub(&["migration", "list", "--csv", "-"]).exits(0).out;
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let accounts: std::collections::BTreeSet<String> =
        reader.records().map(|row| row.expect("a row")[5].to_owned()).collect();
    assert_eq!((csv.lines().count(), accounts.len()), (454, 453));
    assert_eq!(json(&hub, &["list"]).as_array().map(Vec::len), Some(453));
    assert_eq!(json(&hub, &["forecast", "--list"])["at_risk"].as_array().map(Vec::len), Some(453));
}

#[test]
fn b81_the_burn_down_is_a_table_a_sheet_and_a_chart() {
    let hub = a_history();
    let burn = ["migration", "burn-down", "--from", "2026-11-21 start-of-day Europe/London"];
    let svg = hub.path("chart.svg").display().to_string();
    let printed =
        hub.devhub(&[&burn[..], &["--days", "240", "--every", "7", "--csv", "-", "--svg", &svg]].concat()).exits(0);
    compare("tests/cli_commands/golden/burn-down.csv", &printed.out);
    let chart = std::fs::read_to_string(&svg).expect("a chart");
    compare("tests/cli_commands/golden/burn-down.svg", &chart);
    assert_eq!(chart.matches("stroke-dasharray").count(), 2, "both sunsets that were announced");
    for needed in [
        "<title id=\"title\">",
        "<desc id=\"desc\">",
        "role=\"img\"",
        "sunset 2027-07-14T23:00:00Z (announced 2027-01-11)",
    ] {
        assert!(chart.contains(needed), "{needed}");
    }
    assert!(!chart.contains("<script") && !chart.contains("url(") && !chart.contains("href"));

    let week = [&burn[..], &["--days", "2"]].concat();
    let table = hub.devhub(&week).exits(0).out;
    assert!(table.contains("2026-11-21T00:00:00Z") && table.contains("2026-11-22T00:00:00Z"), "{table}");
    assert!(table.contains("sunset  2027-07-14T23:00:00Z, announced 2027-01-11T09:00:00Z"), "{table}");
    let days = hub.devhub(&[&week[..], &["-o", "json"]].concat()).exits(0).json();
    assert_eq!((&days["days"][0]["unfinished"], &days["days"][1]["unfinished"]), (&0.into(), &3.into()));
    assert_eq!(days["days"][1]["counts"]["NOT_STARTED"], 2);
    for wrong in ["0", "2001", "-1"] {
        hub.devhub(&[&burn[..], &["--days", wrong]].concat()).exits(64);
    }
    hub.devhub(&["migration", "burn-down", "--days", "7"]).exits(64);
    assert!(
        hub.devhub(&["migration", "burn-down", "--from", "2026-11-21", "--days", "7"])
            .exits(64)
            .err
            .contains("which instant")
    );
}

#[test]
fn b81_the_forecast_says_who_will_miss_the_sunset_and_whom_to_ask() {
    let hub = two_companies();
    let without = hub.devhub(&["migration", "forecast"]).exits(0).out;
    assert!(without.contains("3 migrations are at risk and go on still.\nNo migration left the risk"), "{without}");
    assert!(without.contains("No sunset is announced, so nobody can say"), "{without}");
    announce(
        &hub,
        &["--deprecate", "2026-12-01 start-of-day Europe/London", "--sunset", "2027-06-30 end-of-day Europe/London"],
    );
    hub.devhub(&["service-account", "remove", "7", "sa-3", "--reason", "not used"]).exits(0);
    let told = hub.devhub(&["migration", "forecast", "--list"]).exits(0).out;
    for text in [
        "1 migration left the risk in the last 28 days.",
        "The sunset on 2027-06-30T23:00:00Z will stop",
        "bob",
        "+carol",
    ] {
        assert_eq!(told.contains(text), text != "bob", "{text}:\n{told}");
    }
    hub.advance_to("2026-11-21T13:00:00Z");
    let supposed = json(&hub, &["forecast", "--supposed-sunset", "2026-11-21T12:30:00Z", "--list"]);
    assert_eq!((&supposed["sunset_supposed"], &supposed["expired"]), (&true.into(), &2.into()));
    assert_eq!(supposed["at_risk"][1]["phase"], "EXPIRED");
    let one = json(&hub, &["forecast", "--application", "buildsync"]);
    assert_eq!((&one["remaining"], one.get("at_risk")), (&1.into(), None));
}

#[test]
fn b73_what_was_created_while_creation_was_open_again_is_reported() {
    let hub = two_companies();
    assert_eq!(hub.devhub(&["migration", "reopened"]).exits(0).out, "creation was never open again\n");
    hub.devhub(&["credential-class", "load", &example("procore-rest/credential-class.yaml")]).exits(0);
    let empty = hub.devhub(&["migration", "reopened"]).exits(0).out;
    assert!(empty.contains("no account was created in these times"), "{empty}");
    // From the announcement of 1 December 2022, 08:00 UTC, on.
    for (id, created) in
        [("sa-a", "2022-12-01T07:59:59.999Z"), ("sa-b", "2022-12-01T08:00:00Z"), ("sa-c", "2022-12-01T08:00:00.001Z")]
    {
        account(&hub, "7", id, &["--created", created]);
    }
    let told = json(&hub, &["reopened"]);
    let ids: Vec<&str> =
        told["accounts"].as_array().expect("accounts").iter().filter_map(|a| a["account_id"].as_str()).collect();
    assert_eq!((ids, &told["windows"][0]["accounts"]), (vec!["sa-b", "sa-c"], &2.into()));
    let table = hub.devhub(&["migration", "reopened"]).exits(0).out;
    assert!(table.contains("OPEN AGAIN SINCE") && table.contains("2022-12-01T08:00:00Z"), "{table}");
}
