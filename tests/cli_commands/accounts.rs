//! Companies, projects, service accounts and the dates of their class.

use super::hub::{TestHub, devhub, example};

const CAROL: &str = "collaborator:carol@builders.example";

fn company(hub: &TestHub, id: &str) {
    let create = ["company", "create", id, "--name", "Builders", "--administrator", "carol@builders.example"];
    hub.devhub(&create).exits(0);
}

/// Announces dates that begin a year after the test's today, and returns nothing: they are in the hub.
fn announce(hub: &TestHub) {
    let revise = [
        "credential-class",
        "revise",
        "--deprecate",
        "2026-12-01 start-of-day Europe/London",
        "--cutoff",
        "2027-02-28 end-of-day Europe/London",
        "--sunset",
        "2027-06-30 end-of-day Europe/London",
        "--reason",
        "replaced",
    ];
    hub.devhub(&revise).exits(0);
}

#[test]
fn companies_and_projects_are_registered_changed_shown_and_listed() {
    let hub = TestHub::new();
    let create = ["company", "create", "42", "--name", "Builders", "--tenancy", "monthly-sandbox", "-o", "json"];
    hub.devhub(&create).exits(64);
    let create = [&create[..], &["--administrator", "Carol@builders.example", "--zone", "Europe/London"]].concat();
    let made = hub.devhub(&create).exits(0).json();
    assert_eq!(
        (&made["tenancy"], &made["administrators"][0], &made["zone"]),
        (&"MONTHLY_SANDBOX".into(), &"carol@builders.example".into(), &"Europe/London".into())
    );
    let again = hub.devhub(&create).exits(1);
    assert!(again.err.contains("[ALREADY_EXISTS]"), "{}", again.err);
    hub.devhub(&["company", "update", "42"]).exits(64);
    let update = ["company", "update", "42", "--name", "Builders Ltd", "--region", "eu", "-o", "json"];
    let updated = hub.devhub(&[&update[..], &["--actor", CAROL]].concat()).exits(0).json();
    assert_eq!((&updated["name"], &updated["zone"]), (&"Builders Ltd".into(), &"Europe/London".into()));
    let stranger = ["company", "update", "42", "--name", "Mine", "--actor", "collaborator:eve@example.com"];
    let refused = hub.devhub(&stranger).exits(1);
    // To whom it does not belong it is not there.
    assert!(refused.err.contains("[COMPANY_NOT_FOUND]"), "{}", refused.err);
    assert!(hub.devhub(&["company", "get", "42"]).exits(0).out.contains("Builders Ltd"));
    let missing = hub.devhub(&["company", "get", "43"]).exits(1);
    assert!(missing.err.contains("`devhub company list`"), "{}", missing.err);
    company(&hub, "7");
    let listed = hub.devhub(&["company", "list", "-o", "json"]).exits(0).json();
    assert_eq!(listed.as_array().map(Vec::len), Some(2));
    let nobody = hub.devhub(&["company", "list", "--administrator", "dave@other.example"]).exits(0);
    assert_eq!(nobody.out, "none found\n");

    for (id, name) in [("tower", "Tower"), ("bridge", "Bridge"), ("tower", "New tower")] {
        hub.devhub(&["project", "put", "42", id, "--name", name, "--actor", CAROL]).exits(0);
    }
    let projects = hub.devhub(&["project", "list", "42", "-o", "json"]).exits(0).json();
    assert_eq!((&projects[0]["name"], &projects[1]["name"]), (&"Bridge".into(), &"New tower".into()));
}

#[test]
fn b82_b88_a_service_account_is_made_classified_permitted_extended_and_removed() {
    let hub = TestHub::new();
    company(&hub, "42");
    hub.application("buildsync");
    let make = ["service-account", "create", "42", "--name", "Nightly copy", "--id", "sa-1", "-o", "json"];
    let tools = ["--company-tool", "directory=read-only", "--project-tool", "rfi=standard", "--actor", CAROL];
    let made = hub.devhub(&[&make[..], &tools[..]].concat()).exits(0).json();
    assert_eq!((&made["account_type"], &made["company_tools"][0]["level"]), (&"UNDEFINED".into(), &"READ_ONLY".into()));
    let wrong = hub.devhub(&[&make[..], &["--company-tool", "directory"]].concat()).exits(64);
    assert!(wrong.err.contains("write TOOL=LEVEL"), "{}", wrong.err);
    let wrong = hub.devhub(&[&make[..], &["--company-tool", "directory=all"]].concat()).exits(64);
    assert!(wrong.err.contains("read-only, standard or admin"), "{}", wrong.err);
    let undefined = hub.devhub(&["service-account", "list", "--undefined", "-o", "json"]).exits(0).json();
    assert_eq!(undefined[0]["account_id"], "sa-1");

    let classify = ["service-account", "classify", "42", "sa-1", "-o", "json"];
    hub.devhub(&classify).exits(64);
    hub.devhub(&[&classify[..], &["--custom", "copies"]].concat()).exits(64);
    hub.devhub(&[&classify[..], &["--undefined", "--marketplace", "buildsync"]].concat()).exits(64);
    let custom = ["--custom", "copies", "--developer-name", "Bob", "--developer-email", "bob@example.com"];
    let classified = hub.devhub(&[&classify[..], &custom[..]].concat()).exits(0).json();
    assert_eq!((&classified["account_type"], &classified["developer_name"]), (&"CUSTOM".into(), &"Bob".into()));
    let classified = hub.devhub(&[&classify[..], &["--marketplace", "buildsync"]].concat()).exits(0).json();
    assert_eq!((&classified["application_id"], &classified["developer_name"]), (&"buildsync".into(), &"".into()));
    assert_eq!(hub.devhub(&["service-account", "list", "--undefined"]).exits(0).out, "none found\n");
    let of = hub.devhub(&["service-account", "list", "--application", "buildsync", "-o", "json"]).exits(0).json();
    assert_eq!(of.as_array().map(Vec::len), Some(1));

    hub.devhub(&["service-account", "permissions", "42", "sa-1"]).exits(64);
    let none = hub.devhub(&["service-account", "permissions", "42", "sa-1", "--none", "-o", "json"]).exits(0).json();
    assert_eq!(none["company_tools"].as_array().map(Vec::len), Some(0));

    let extend = ["service-account", "extend", "42", "--reason", "payroll", "--approver", "Head of APIs", "--until"];
    let early = hub.devhub(&[&extend[..], &["2027-07-31 end-of-day Europe/London"]].concat()).exits(1);
    assert!(early.err.contains("`devhub credential-class show` shows the sunset"), "{}", early.err);
    announce(&hub);
    let extended = [&extend[..], &["2027-07-31 end-of-day Europe/London", "-o", "json"]].concat();
    assert_eq!(hub.devhub(&extended).exits(0).json()["extension"]["until_time"], "2027-07-31T23:00:00Z");
    let account = hub.devhub(&["service-account", "get", "sa-1", "-o", "json"]).exits(0).json();
    assert_eq!(account["end_time"], "2027-07-31T23:00:00Z");
    let shorten = ["service-account", "shorten", "42", "--reason", "moved", "--until"];
    let longer = hub.devhub(&[&shorten[..], &["2027-08-31 end-of-day Europe/London"]].concat()).exits(1);
    assert!(longer.err.contains("[EXTENSION_REFUSED]"), "{}", longer.err);
    let shown = hub.devhub(&[&shorten[..], &["2027-07-15 end-of-day Europe/London"]].concat()).exits(0).out;
    for words in ["2027-07-15T23:00:00Z", "2027-07-31T23:00:00Z", "moved", "operator:jane"] {
        assert!(shown.contains(words), "{words}\n{shown}");
    }

    hub.devhub(&["service-account", "remove", "42", "sa-1", "--reason", "replaced"]).exits(0);
    assert_eq!(hub.devhub(&["service-account", "list"]).exits(0).out, "none found\n");
    assert!(hub.devhub(&["service-account", "list", "--removed"]).exits(0).out.contains("(removed)"));
    let unknown = hub.devhub(&["service-account", "get", "sa-2"]).exits(1);
    assert!(unknown.err.contains("`devhub service-account list`"), "{}", unknown.err);
}

#[test]
fn b67_b74_the_dates_of_the_class_say_what_they_mean() {
    let hub = TestHub::new();
    company(&hub, "42");
    let show = |more: &[&str]| {
        let shown = hub.devhub(&[&["credential-class", "show", "-o", "json"], more].concat()).exits(0).json();
        shown["summary"].as_str().expect("a summary").to_owned()
    };
    let nothing = "creation open, its end is to be announced; accepted, its end is to be announced; \
                   nothing announced yet";
    assert_eq!(show(&[]), nothing);
    hub.devhub(&["credential-class", "revise", "--reason", "none"]).exits(64);
    announce(&hub);
    let announced = "creation open until 2027-03-01T00:00:00Z; accepted until 2027-06-30T23:00:00Z; 1 revision";
    assert_eq!(show(&[]), announced);
    assert_eq!(show(&["--as-of", "2026-11-21T11:59:59Z"]), nothing, "before it was announced");
    let cutoff = ("2027-02-28T23:59:59.999Z", "2027-03-01T00:00:00Z");
    assert_eq!(show(&["--as-of", cutoff.0]), announced);
    assert!(show(&["--as-of", cutoff.1]).starts_with("creation closed since 2027-03-01T00:00:00Z; accepted until"));
    assert!(show(&["--as-of", "2027-06-30T23:00:00Z"]).contains("not accepted since 2027-06-30T23:00:00Z"));

    let sunset = ["credential-class", "revise", "--reason", "sooner", "--sunset"];
    let earlier = [&sunset[..], &["2027-06-24 end-of-day Europe/London"]].concat();
    let refused = hub.devhub(&earlier).exits(1);
    assert!(refused.err.contains("repeat with --accept-earlier"), "{}", refused.err);
    let judged = hub.devhub(&[&earlier[..], &["--accept-earlier", "--dry-run"]].concat()).exits(0);
    assert!(judged.out.contains("this was a dry run"), "{}", judged.out);
    assert_eq!(show(&[]), announced);
    hub.devhub(&[&earlier[..], &["--accept-earlier"]].concat()).exits(0);
    hub.devhub(&[&sunset[..], &["tba"]].concat()).exits(0);
    assert!(show(&[]).ends_with("accepted, its end is to be announced; 3 revisions"), "{}", show(&[]));
    let history = hub.devhub(&["credential-class", "history", "-o", "json"]).exits(0).json();
    let moved = &history[1]["moved"][0];
    assert_eq!((&moved["date"], &moved["way"], &moved["days"]), (&"sunset".into(), &"EARLIER".into(), &6.into()));
    assert_eq!(history[2]["moved"][0]["way"], "WITHDRAWN");

    hub.devhub(&["credential-class", "revise", "--reason", "leak", "--sunset-now"]).exits(64);
    let now = ["credential-class", "revise", "--reason", "leak", "--sunset-now", "--override-reason", "security"];
    hub.devhub(&now).exits(0);
    let create = hub.devhub(&["service-account", "create", "42", "--name", "Late"]).exits(1);
    assert!(create.err.contains("`devhub credential-class history`"), "{}", create.err);
    assert!(devhub(&["credential-class", "show", "--as-of", "2027-06-30"]).exits(64).err.contains("which instant"));
}

#[test]
fn b71_b73_a_history_is_loaded_once_and_tells_who_moved_what_and_how_far() {
    let hub = TestHub::new();
    let file = example("procore-rest/credential-class.yaml");
    let load = |file: &str| hub.devhub(&["credential-class", "load", file, "-o", "json"]);
    assert_eq!(load(&file).exits(0).json()["added"], 5);
    let before = hub.revision();
    assert_eq!(load(&file).exits(0).json()["added"], 0);
    assert_eq!(hub.revision(), before, "loading it again changes nothing");
    let shown = hub.devhub(&["credential-class", "show", "-o", "json"]).exits(0).json();
    assert_eq!(
        shown["summary"],
        "creation closed since 2025-01-21T08:00:00Z; not accepted since 2025-03-18T07:00:00Z; 5 revisions"
    );
    let history = hub.devhub(&["credential-class", "history"]).exits(0).out;
    for text in [
        "creation cut-off: 2022-08-01T07:00:00Z -> to be announced",
        "creation is open again",
        "creation cut-off: 2024-10-01T07:00:00Z -> 2025-01-21T08:00:00Z, 112 days later",
        "sunset: 2024-12-31T08:00:00Z -> 2025-03-24T07:00:00Z, 83 days later",
        "sunset: 2025-03-24T07:00:00Z -> 2025-03-18T07:00:00Z, 6 days earlier",
        "history, put on record as it was announced",
    ] {
        assert!(history.contains(text), "{text}:\n{history}");
    }
    let revisions = hub.devhub(&["credential-class", "history", "-o", "json"]).exits(0).json();
    assert!(revisions.as_array().expect("five").iter().all(|revision| revision["zone"] == "America/Los_Angeles"));

    // What is on record is never changed.
    let text = std::fs::read_to_string(&file).expect("the example");
    let other = hub.file("other.yaml", &text.replace("2024-10-01", "2024-10-02"));
    let refused = load(&other).exits(1);
    assert!(refused.err.contains("revision 3 is another in the hub"), "{}", refused.err);
    let shorter = hub.file("shorter.yaml", text.split("  # Six days").next().expect("text"));
    assert!(load(&shorter).exits(1).err.contains("the hub has 5 revisions, the file 4"));
    let bare = hub.file("bare.yaml", "revisions:\n  - {announced: 2024-07-31, sunset: tba, reason: x}\n");
    assert!(load(&bare).exits(1).err.contains("which instant"));
}
