//! Announcements and notices at the command line.

use super::hub::{SMALL, TestHub, example};

/// Every entry of a real page of announcements: id, instant of effect, its end, and how many revisions.
const PAGE: [(&str, Option<&str>, Option<&str>, u64); 13] = [
    ("service-accounts-sunset", Some("2025-03-24T07:00:00Z"), None, 1),
    ("oauth-expiry-5400", None, None, 1),
    ("company-id-header-2023", None, None, 1),
    ("oauth-expiry-and-revocation", Some("2023-11-18T02:00:00Z"), None, 1),
    ("file-link-urls", Some("2024-06-30T07:00:00Z"), None, 1),
    ("monthly-sandbox-july-2023", Some("2023-07-11T07:00:00Z"), Some("2023-07-12T07:00:00Z"), 1),
    ("development-sandbox-may-2023", Some("2023-05-19T00:00:00Z"), Some("2023-05-19T02:00:00Z"), 1),
    ("monthly-sandbox-schedule", None, None, 1),
    ("development-sandbox-november-2022", Some("2022-11-14T17:00:00Z"), Some("2022-11-19T01:00:00Z"), 2),
    ("company-id-header-2022", None, None, 1),
    ("bearer-token-for-files", Some("2023-06-01T07:00:00Z"), None, 1),
    ("work-breakdown-structure", Some("2022-03-31T07:00:00Z"), None, 1),
    ("service-accounts-deprecation", Some("2021-12-09T08:00:00Z"), Some("2025-03-24T07:00:00Z"), 1),
];

#[test]
fn b26_x11_a_page_of_announcements_is_loaded_with_its_dates_and_corrections() {
    let hub = TestHub::new();
    hub.apply(&example("procore-rest/catalogue.yaml"));
    let file = example("procore-rest/announcements.yaml");
    let loaded = hub.devhub(&["announce", "load", &file, "-o", "json"]).exits(0).json();
    let loaded = loaded.as_array().expect("rows");
    assert_eq!(loaded.len(), PAGE.len());
    assert!(loaded.iter().all(|row| row["warnings"].as_array().is_some_and(Vec::is_empty)), "{loaded:?}");
    for (row, (id, from, until, revisions)) in loaded.iter().zip(PAGE) {
        assert_eq!((row["announcement_id"].as_str(), row["added"].as_u64()), (Some(id), Some(revisions)));
        let shown = hub.devhub(&["announce", "show", id, "-o", "json"]).exits(0).json();
        assert_eq!((shown["effective_from"].as_str(), shown["effective_until"].as_str()), (from, until), "{id}");
        assert_eq!(shown["revisions"].as_u64(), Some(revisions), "{id}");
        assert!(from.is_none() || shown["zone"] == "America/Los_Angeles", "{id}");
    }
    // Loading again changes nothing.
    let before = hub.revision();
    let again = hub.devhub(&["announce", "load", &file, "-o", "json"]).exits(0).json();
    assert!(again.as_array().expect("rows").iter().all(|row| row["added"] == 0));
    assert_eq!(hub.revision(), before);
    let list = hub.devhub(&["announce", "list", "-o", "json"]).exits(0).json();
    let newest = list.as_array().expect("rows");
    assert_eq!((newest.len(), newest[2]["announcement_id"].as_str()), (13, Some("oauth-expiry-5400")));
    let about = ["announce", "list", "--context", "rest/v1.0/cost-codes", "-o", "json"];
    assert_eq!(hub.devhub(&about).exits(0).json()[0]["announcement_id"], "work-breakdown-structure");
    // What was public then, corrections and misprints.
    let id = "development-sandbox-november-2022";
    let then = ["announce", "show", id, "--as-of", "2022-11-15T00:00:00Z", "-o", "json"];
    assert!(hub.devhub(&then).exits(0).json()["effective_until"].is_null());
    let revisions = hub.devhub(&["announce", "show", id, "--revisions"]).exits(0).out;
    assert!(revisions.contains("update of 11/16/2022"), "{revisions}");
    let may = hub.devhub(&["announce", "show", "development-sandbox-may-2023"]).exits(0).out;
    assert!(may.contains("2023-05-18 17:00 PDT") && may.contains("5:00 PM PST"), "{may}");
    let misprint = hub.devhub(&["announce", "show", "service-accounts-sunset"]).exits(0).out;
    assert!(misprint.contains("2024-12-03T08:00:00Z") && misprint.contains("evidently 2024"), "{misprint}");
}

#[test]
fn x11_a_file_that_says_something_else_than_the_hub_is_refused() {
    let hub = TestHub::new();
    let file = |title: &str| {
        format!(
            "announcements:\n  - id: hello\n    revisions:\n      - published: 2026-01-01T00:00:00Z\n        \
             category: OTHER\n        title: {title}\n"
        )
    };
    hub.devhub(&["announce", "load", &hub.file("a.yaml", &file("Hello"))]).exits(0);
    let ran = hub.devhub(&["announce", "load", &hub.file("b.yaml", &file("Goodbye"))]).exits(1);
    assert!(ran.err.contains("revisions are never changed"), "{}", ran.err);
    let unzoned = file("Hello").replace("2026-01-01T00:00:00Z", "2026-01-01");
    let ran = hub.devhub(&["announce", "load", &hub.file("c.yaml", &unzoned)]).exits(1);
    assert!(ran.err.contains("does not say which instant it means"), "{}", ran.err);
}

#[test]
fn an_operator_announces_and_a_recipient_reads() {
    let hub = TestHub::new();
    hub.apply(&hub.file("small.yaml", SMALL));
    hub.application("ledgerly");
    hub.subscribe("ledgerly", "individuals/losses", "1.10");
    let publish = [
        "announce",
        "publish",
        "window",
        "--category",
        "maintenance",
        "--title",
        "An hour away",
        "--to",
        "individuals/losses@1.10",
        "--environment",
        "production",
        "--effective",
        "2026-12-01 18:00 Europe/London",
        "--stated",
        "6 PM",
    ];
    let out = hub.devhub(&publish).exits(0).out;
    assert!(out.contains("SUBSCRIBERS of individuals/losses 1.10 in PRODUCTION"), "{out}");
    assert!(out.contains("2026-12-01 18:00 GMT Europe/London (2026-12-01T18:00:00Z)"), "{out}");
    hub.devhub(&["announce", "revise", "window", "--title", "Two hours away", "--note", "longer"]).exits(0);
    let revised = hub.devhub(&["announce", "show", "window", "-o", "json"]).exits(0).json();
    assert_eq!((&revised["title"], &revised["stated"]), (&"Two hours away".into(), &"6 PM".into()));
    let follow = ["notices", "follow", "--count", "2", "--recipient", "ada@example.com"];
    let ran = hub.devhub(&follow).exits(0);
    let resume = ran.err.trim().strip_prefix("go on with --after-revision ").expect("where to go on").to_owned();
    let followed = ran.out;
    assert!(followed.contains("An hour away") && followed.contains("Updated: Two hours away"), "{followed}");
    let list = ["notices", "list", "--application", "ledgerly", "--unread", "-o", "json"];
    let unread = hub.devhub(&list).exits(0).json();
    assert_eq!(unread.as_array().map(Vec::len), Some(2));
    let notice = unread[0]["notice_id"].as_str().expect("an id");
    assert!(followed.contains(notice), "the feed says what can be acknowledged\n{followed}");
    let ran = hub.devhub(&["notices", "ack", "ledgerly", notice]).exits(1);
    assert!(ran.err.contains("[NOT_A_RECIPIENT]") && ran.err.contains("collaborator:EMAIL"), "{}", ran.err);
    hub.devhub(&["notices", "ack", "ledgerly", notice, "--actor", "collaborator:ada@example.com"]).exits(0);
    assert_eq!(hub.devhub(&list).exits(0).json().as_array().map(Vec::len), Some(1));
    let progress = ["notices", "progress", "--announcement", "window", "-o", "json"];
    let progress = hub.devhub(&progress).exits(0).json();
    assert_eq!((&progress[0]["state"], &progress[0]["acknowledged"]), (&"GIVEN".into(), &1.into()));
    let none = ["notices", "progress", "individuals/losses", "1.10"];
    assert!(hub.devhub(&none).exits(0).out.contains("none found"));
    hub.devhub(&["announce", "revise", "window", "--title", "Three hours away"]).exits(0);
    let rest = hub.devhub(&["notices", "follow", "--count", "1", "--after-revision", &resume]).exits(0).out;
    assert!(rest.contains("Three hours away"), "what was told is not told again\n{rest}");
    hub.devhub(&["announce", "withdraw", "window", "--note", "not needed"]).exits(0);
    assert!(hub.devhub(&["announce", "list"]).exits(0).out.contains("none found"));
    assert!(hub.devhub(&["announce", "list", "--withdrawn"]).exits(0).out.contains("withdrawn"));
    hub.devhub(&["notices", "list"]).exits(64);
}

#[test]
fn b91_the_dates_of_service_accounts_are_told_to_the_company() {
    let hub = TestHub::new();
    let company = ["company", "create", "42", "--name", "Builders", "--administrator", "carol@builders.example"];
    hub.devhub(&company).exits(0);
    hub.devhub(&["service-account", "create", "42", "--name", "Nightly copy", "--id", "sa-1"]).exits(0);
    let day = |day: &str| format!("{day} start-of-day Europe/London");
    let (deprecated, cutoff, sunset) = (day("2026-12-01"), day("2027-03-01"), day("2027-07-01"));
    let revise = ["credential-class", "revise", "--reason", "replaced"];
    let dates = ["--deprecate", &deprecated, "--cutoff", &cutoff, "--sunset", &sunset];
    hub.devhub(&[&revise[..], &dates[..]].concat()).exits(0);
    let followed = hub.devhub(&["notices", "follow", "--count", "1", "--company", "42"]).exits(0).out;
    assert!(followed.contains("  company 42  "), "{followed}");
    assert!(followed.contains("Traditional service accounts come to an end."), "{followed}");
    let list = ["notices", "list", "--company", "42", "--unread", "-o", "json"];
    let unread = hub.devhub(&list).exits(0).json();
    assert_eq!((&unread[0]["company_id"], &unread[0]["application_id"]), (&"42".into(), &"".into()));
    assert_eq!(unread[0]["subject"], "traditional service accounts");
    assert!(unread[0]["sentences"].to_string().contains("account Nightly copy (1 account, BLOCKED_UNKNOWN_OWNER)"));
    assert!(
        hub.devhub(&["notices", "list", "--recipient", "carol@builders.example"]).exits(0).out.contains("company 42")
    );
    let notice = unread[0]["notice_id"].as_str().expect("an id");
    let acknowledge = ["notices", "ack", "42", notice, "--company", "--actor", "collaborator:carol@builders.example"];
    hub.devhub(&acknowledge).exits(0);
    assert_eq!(hub.devhub(&list).exits(0).json().as_array().map(Vec::len), Some(0));
    let progress = hub.devhub(&["notices", "progress", "--credential-class", "-o", "json"]).exits(0).json();
    assert_eq!(
        (&progress[0]["state"], &progress[0]["companies"], &progress[0]["acknowledged"]),
        (&"GIVEN".into(), &1.into(), &1.into())
    );
    hub.devhub(&["notices", "list", "--company", "42", "--application", "ledgerly"]).exits(64);
}
