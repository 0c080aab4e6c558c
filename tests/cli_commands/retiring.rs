//! Deprecate, revise, withdraw, retire, reinstate, promote and brownout; schedule, changelog and calendar.

use super::hub::{SMALL, TestHub};

/// Two versions of one API and one of another, STABLE in both environments.
pub(crate) const STABLE: &str = "\
apis:
  - context: individuals/losses
    title: Individual Losses
    policy: hmrc-mtd
    versions:
      - version: '1.0'
        endpoints: [{method: GET, path: /x, auth: USER}]
        deployments:
          - {environment: SANDBOX, maturity: STABLE, endpoints_enabled: true}
          - {environment: PRODUCTION, maturity: STABLE, endpoints_enabled: true}
      - version: '2.0'
        documentation_uri: https://example.com/losses/2.0
        endpoints: [{method: GET, path: /x, auth: USER}]
        deployments:
          - {environment: SANDBOX, maturity: STABLE, endpoints_enabled: true}
          - {environment: PRODUCTION, maturity: STABLE, endpoints_enabled: true}
  - context: individuals/gains
    title: Individual Gains
    policy: hmrc-mtd
    versions:
      - version: '1.0'
        endpoints: [{method: GET, path: /x, auth: USER}]
        deployments:
          - {environment: SANDBOX, maturity: STABLE, endpoints_enabled: true}
          - {environment: PRODUCTION, maturity: STABLE, endpoints_enabled: true}
  - context: rest/v1.0
    title: Rest v1.0
    policy: procore-rest
    versions:
      - version: '1.0'
        endpoints:
          - {method: GET, path: /cost_codes, auth: USER}
          - {method: GET, path: /segments, auth: USER}
        deployments:
          - {environment: PRODUCTION, maturity: STABLE, endpoints_enabled: true}
";

/// A hub with [`STABLE`] and one subscriber of `individuals/losses` 1.0.
pub(crate) fn hub() -> TestHub {
    let hub = TestHub::new();
    hub.apply(&hub.file("stable.yaml", STABLE));
    hub.application("ledgerly");
    hub.subscribe("ledgerly", "individuals/losses", "1.0");
    hub
}

/// The words of a command about `individuals/losses` 1.0 in PRODUCTION.
pub(crate) fn losses<'a>(command: &[&'a str], rest: &[&'a str]) -> Vec<&'a str> {
    [command, &["individuals/losses", "1.0", "--environment", "production"], rest].concat()
}

const AT: &str = "2027-01-31 start-of-day Europe/London";
const RETIRE: &str = "2027-08-31 end-of-day Europe/London";

#[test]
fn b24_a_deprecation_shows_instant_and_stated_date() {
    let hub = hub();
    let args = ["--at", AT, "--retire", RETIRE, "--successor", "individuals/losses", "2.0", "--reason", "2.0 is here"];
    let done = hub.devhub(&losses(&["deprecate"], &args)).exits(0).out;
    for words in [
        "2027-01-31T00:00:00Z (2027-01-31 00:00:00 GMT Europe/London)",
        "2027-08-31T23:00:00Z (2027-09-01 00:00:00 BST Europe/London)",
        "individuals/losses 2.0",
        "live subscriptions affected: 1.",
    ] {
        assert!(done.contains(words), "{words}\n{done}");
    }
    let bare = hub.devhub(&losses(&["retire"], &["--at", "2027-08-31"])).exits(64);
    assert!(bare.err.contains("does not say which instant it means"), "{}", bare.err);
}

#[test]
fn b71_the_schedule_is_shown_with_every_revision_and_as_it_was_known() {
    let hub = hub();
    let successor = ["--successor", "individuals/losses", "2.0"];
    hub.devhub(&losses(&["deprecate"], &[&["--at", AT, "--retire", RETIRE], &successor[..]].concat())).exits(0);
    hub.advance_to("2026-12-01T12:00:00Z");
    let later = ["--retire", "2027-12-31 end-of-day Europe/London", "--reason", "more time was asked for"];
    hub.devhub(&losses(&["revise"], &later)).exits(0);
    hub.advance_to("2026-12-02T12:00:00Z");
    hub.devhub(&losses(&["revise"], &["--retire-unknown"])).exits(0);
    let shown = hub.devhub(&["schedule", "individuals/losses", "1.0"]).exits(0).out;
    let named = shown.matches("successor: (none) -> individuals/losses 2.0").count();
    assert_eq!((named, shown.matches("successor: ").count()), (1, 1), "only where it changed\n{shown}");
    for words in [
        "stage          STABLE",
        "retired at     to be announced",
        "revision       4 of 4, announced 2026-12-02T12:00:00Z",
        "PUBLISHED",
        "DEPRECATED",
        "REVISED",
        "2028-01-01T00:00:00Z (2028-01-01 00:00:00 GMT Europe/London)",
        "-> to be announced",
        "more time was asked for",
        "operator:jane",
    ] {
        assert!(shown.contains(words), "{words}\n{shown}");
    }
    let args = ["schedule", "individuals/losses", "1.0", "--as-of", "2026-12-01T11:59:59.999Z", "-o", "json"];
    let known = hub.devhub(&args).exits(0).json();
    assert_eq!(known["schedule"]["retire_time"], "2027-08-31T23:00:00Z");
    assert_eq!(known["schedule"]["retire_local"], "2027-09-01 00:00:00 BST Europe/London");
    assert_eq!(known["revisions"].as_array().map(Vec::len), Some(2), "what was not announced is not shown");
    let missing = hub.devhub(&["schedule", "individuals/losses", "9.9"]).exits(1);
    assert!(missing.err.contains("[VERSION_NOT_FOUND]"), "{}", missing.err);
    hub.devhub(&["schedule", "individuals/losses"]).exits(64);
    hub.devhub(&["schedule"]).exits(64);
}

#[test]
fn b35_each_step_has_its_way_back() {
    let hub = hub();
    let stage =
        || hub.devhub(&["schedule", "individuals/losses", "1.0", "-o", "json"]).exits(0).json()["schedule"].clone();
    hub.devhub(&losses(&["deprecate"], &["--at", AT, "--retire-unknown"])).exits(0);
    hub.devhub(&losses(&["withdraw"], &["--reason", "too early"])).exits(0);
    assert_eq!((&stage()["stage"], &stage()["deprecate_time"]), (&"STABLE".into(), &serde_json::Value::Null));

    hub.devhub(&losses(&["deprecate"], &["--at", AT, "--retire", RETIRE])).exits(0);
    hub.advance_to("2027-09-01T00:00:00Z");
    assert_eq!(stage()["stage"], "RETIRED");
    let silent = hub.devhub(&losses(&["reinstate"], &[])).exits(1);
    assert!(silent.err.contains("[INVALID_FIELD]") && silent.err.contains("say why"), "{}", silent.err);
    hub.devhub(&losses(&["reinstate"], &["--reason", "the successor lost data"])).exits(0);
    let back = stage();
    assert_eq!((&back["stage"], &back["retirement_to_be_announced"]), (&"DEPRECATED".into(), &true.into()));
    hub.devhub(&losses(&["retire"], &["--at", "2028-01-31T00:00:00Z"])).exits(0);
    assert_eq!(stage()["retire_time"], "2028-01-31T00:00:00Z");
}

#[test]
fn b27_a_refusal_names_the_earliest_instant_and_an_override_is_recorded() {
    let hub = hub();
    let short = ["--at", AT, "--retire", "2027-03-01T00:00:00Z"];
    let refused = hub.devhub(&losses(&["deprecate"], &short)).exits(1);
    assert!(refused.err.contains("[PERIOD_TOO_SHORT]") && refused.err.contains("2027-07-31T"), "{}", refused.err);
    let meant = [&short[..], &["--override-reason", "the upstream system is switched off"]].concat();
    hub.devhub(&losses(&["deprecate"], &meant)).exits(0);
    let shown = hub.devhub(&["schedule", "individuals/losses", "1.0"]).exits(0).out;
    assert!(shown.contains("override: the upstream system is switched off"), "{shown}");
}

#[test]
fn several_versions_are_one_commit_or_none() {
    let hub = hub();
    let both = ["--also", "individuals/gains", "1.0", "--at", AT, "--environment", "sandbox"];
    let done = hub.devhub(&losses(&["deprecate"], &[&both[..], &["-o", "json"]].concat())).exits(0).json();
    assert_eq!(done["schedules"].as_array().map(Vec::len), Some(4), "two versions in two environments");
    let before = hub.revision();
    // One of them is deprecated already, so none is.
    let list = hub.file("list.txt", "# ours\nindividuals/losses 2.0\nindividuals/gains 1.0\n");
    let args = ["deprecate", "--versions", &list, "--environment", "production", "--at", AT];
    let refused = hub.devhub(&args).exits(1);
    assert!(refused.err.contains("individuals/gains 1.0 in PRODUCTION"), "{}", refused.err);
    assert_eq!(hub.revision(), before + 1, "the refusal is recorded, nothing else");
    let list = hub.file("list.txt", "individuals/losses 1.0 individuals/losses 2.0\nindividuals/gains 1.0\n");
    hub.devhub(&["withdraw", "--versions", &list, "--environment", "production"]).exits(0);
    hub.devhub(&["deprecate", "--versions", &list, "--environment", "production", "--at", AT]).exits(0);
    let shown = |context| hub.devhub(&["schedule", context, "1.0", "-o", "json"]).exits(0).json();
    assert_eq!(shown("individuals/losses")["schedule"]["successor"], "individuals/losses 2.0");
    assert_eq!(shown("individuals/gains")["schedule"]["successor"], "");
    let wrong = hub.file("wrong.txt", "individuals/losses\n");
    let refused = hub.devhub(&["retire", "--versions", &wrong, "--environment", "production"]).exits(1);
    assert!(refused.err.contains("line 1"), "{}", refused.err);
}

#[test]
fn an_etag_belongs_to_one_target_and_is_checked() {
    let hub = hub();
    let stale = hub.devhub(&losses(&["deprecate"], &["--at", AT, "--etag", "1"])).exits(1);
    assert!(stale.err.contains("[ETAG_MISMATCH]"), "{}", stale.err);
    let two = hub.devhub(&losses(&["deprecate"], &["--at", AT, "--etag", "1", "--also", "a/b", "1.0"])).exits(1);
    assert!(two.err.contains("--etag belongs to one target"), "{}", two.err);
}

#[test]
fn operations_and_namespaces_end_with_their_replacements_where_the_policy_allows_it() {
    let hub = hub();
    let place = ["--environment", "production", "--at", AT];
    let operation =
        ["deprecate", "rest/v1.0", "1.0", "--operation", "GET /cost_codes", "--replacement", "GET /segments"];
    let done = hub.devhub(&[&operation[..], &place].concat()).exits(0).out;
    assert!(done.contains("GET /cost_codes of rest/v1.0 1.0"), "{done}");
    let shown = ["schedule", "rest/v1.0", "1.0", "--operation", "GET /cost_codes", "-o", "json"];
    let shown = hub.devhub(&shown).exits(0).json();
    assert_eq!(shown["schedule"]["successor"], "GET /segments of rest/v1.0 1.0");
    assert_eq!(shown["schedule"]["target"]["path"], "/cost_codes");

    let namespace = ["deprecate", "--namespace", "rest", "--replacement", "rest2", "--sunset-begins"];
    hub.devhub(&[&namespace[..], &["2028-02-01T00:00:00Z", "--retire", "2028-03-01T00:00:00Z"], &place].concat())
        .exits(0);
    let list = hub.devhub(&["list", "namespaces"]).exits(0).out;
    for words in ["rest", "sunset begins 2028-02-01T00:00:00Z", "replaced by rest2"] {
        assert!(list.contains(words), "{words}\n{list}");
    }
    let json = hub.devhub(&["list", "namespaces", "-o", "json"]).exits(0).json();
    assert_eq!(json[0]["deployments"][0]["retire_time"], "2028-03-01T00:00:00Z");
    for (context, words) in
        [("rest", "namespace rest"), ("rest/v1.0", "GET /cost_codes of rest/v1.0 1.0"), ("rest/v1.0", "PUBLISHED")]
    {
        let changelog = hub.devhub(&["changelog", context]).exits(0).out;
        assert!(changelog.contains(words), "{words}\n{changelog}");
    }

    let refused = hub.devhub(&losses(&["deprecate"], &["--operation", "GET /x", "--at", AT])).exits(1);
    assert!(refused.err.contains("[PARTS_NOT_IN_POLICY]"), "{}", refused.err);
    hub.devhub(&losses(&["deprecate"], &["--operation", "/x"])).exits(64);
    hub.devhub(&losses(&["deprecate"], &["--namespace", "rest"])).exits(64);
    hub.devhub(&["deprecate", "--environment", "production"]).exits(64);
    let none = hub.devhub(&["schedule", "--namespace", "individuals"]).exits(1).err;
    assert!(none.contains("nothing was announced about it [SCHEDULE_NOT_FOUND]"), "{none}");
    let none = hub.devhub(&["schedule", "--namespace", "individuals", "--as-of", "2026-01-01T00:00:00Z"]).exits(1).err;
    assert!(none.contains("nothing was announced about it by 2026-01-01T00:00:00Z"), "{none}");
}

#[test]
fn brownouts_are_planned_listed_and_cancelled() {
    let hub = hub();
    hub.devhub(&losses(&["deprecate"], &["--at", AT, "--retire", RETIRE])).exits(0);
    hub.advance_to("2027-02-01T00:00:00Z");
    let (from, until) = ("2027-08-10 10:00 Europe/London", "2027-08-10 11:00 Europe/London");
    let why = ["--from", from, "--until", until, "--reason", "a last warning"];
    hub.devhub(&losses(&["brownout", "schedule"], &why)).exits(0);
    let list = hub.devhub(&["brownout", "list", "individuals/losses", "1.0"]).exits(0).out;
    for words in ["2027-08-10T09:00:00Z", "2027-08-10T10:00:00Z", "PRODUCTION", "a last warning", "operator:jane"] {
        assert!(list.contains(words), "{words}\n{list}");
    }
    let calendar = hub.devhub(&["calendar", "--context", "individuals/losses"]).exits(0).out;
    let at = |words: &str| calendar.find(words).unwrap_or_else(|| panic!("{words}\n{calendar}"));
    assert!(calendar.contains("2027-08-10 10:00:00 BST Europe/London"), "as it was announced: {calendar}");
    assert!(at("BROWNOUT_BEGINS") < at("BROWNOUT_ENDS") && at("BROWNOUT_ENDS") < at("RETIRES"), "{calendar}");
    hub.devhub(&losses(&["brownout", "cancel"], &["--from", from])).exits(0);
    assert_eq!(hub.devhub(&["brownout", "list", "individuals/losses", "1.0"]).exits(0).out, "none found\n");
    let again = hub.devhub(&losses(&["brownout", "cancel"], &["--from", from])).exits(1);
    assert!(again.err.contains("[BROWNOUT_REFUSED]"), "{}", again.err);
    let span = ["calendar", "--from", "2027-08-31T23:00:00Z", "--until", "2027-09-01T00:00:00Z", "-o", "json"];
    let dates = hub.devhub(&span).exits(0).json();
    assert_eq!((dates.as_array().map(Vec::len), &dates[0]["kind"]), (Some(1), &"RETIRES".into()));
    assert_eq!(dates[0]["live_subscriptions"], 1);
}

#[test]
fn promote_raises_several_versions_at_once() {
    let hub = TestHub::new();
    hub.apply(&hub.file("small.yaml", SMALL));
    let args = ["promote", "individuals/losses", "1.10", "--environment", "sandbox", "--environment", "production"];
    hub.devhub(&[&args[..], &["--to", "stable"]].concat()).exits(0);
    let again = hub.devhub(&[&args[..], &["--to", "beta"]].concat()).exits(1);
    assert!(again.err.contains("[ILLEGAL_LIFECYCLE_MOVE]"), "{}", again.err);
    let version = hub.devhub(&["get", "version", "individuals/losses", "1.10"]).exits(0).out;
    assert!(version.contains("SANDBOX STABLE") && version.contains("PRODUCTION STABLE"), "{version}");
}
