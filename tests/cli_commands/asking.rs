//! Questions, lists, and errors.

use super::hub::{SMALL, TestHub, devhub, example};

#[test]
fn check_answers_with_its_exit_code() {
    let hub = TestHub::new();
    hub.apply(&hub.file("small.yaml", SMALL));
    let client = hub.application("ledgerly");
    let check = |version: &str| hub.devhub(&["check", "--client", &client, "individuals/losses", version]);
    let denied = check("1.10").exits(3);
    assert!(denied.out.contains("DENY (NOT_SUBSCRIBED)") && denied.out.contains("HTTP 403"), "{}", denied.out);
    hub.subscribe("ledgerly", "individuals/losses", "1.10");
    let allowed = check("1.10").exits(0);
    assert!(allowed.out.contains("ALLOW (SUBSCRIBED)"), "{}", allowed.out);
    check("9.9").exits(3);
    // An error is no answer.
    let error = hub.devhub(&["check", "--client", "", "individuals/losses", "1.10"]).exits(1);
    assert!(error.err.contains("[INVALID_FIELD]"), "{}", error.err);
    let args = ["check", "--client", &client, "individuals/losses", "1.10", "--environment", "sandbox", "-o", "json"];
    let view = hub.devhub(&args).exits(3).json();
    assert_eq!((&view["verdict"], &view["reason"]), (&"DENY".into(), &"ENVIRONMENT_MISMATCH".into()));
}

#[test]
fn check_and_explain_ask_about_one_operation() {
    let hub = TestHub::new();
    hub.apply(&hub.file("small.yaml", SMALL));
    let client = hub.application("ledgerly");
    hub.subscribe("ledgerly", "individuals/losses", "1.10");
    let ask = |what: &str, operation: &[&str]| {
        hub.devhub(&[&[what, "--client", &client, "individuals/losses", "1.10"], operation].concat())
    };
    let whole = ["--method", "GET", "--path", "/AA123456A/losses?year=2025"];
    assert!(ask("check", &whole).exits(0).out.contains("ALLOW (SUBSCRIBED)"));
    assert!(ask("explain", &whole).exits(0).out.contains("=> SUBSCRIPTION"));
    // One without the other names no operation.
    ask("check", &whole[..2]).exits(64);
    ask("explain", &whole[2..]).exits(64);
    let malformed = ask("check", &["--method", "get", "--path", "/"]).exits(1);
    assert!(malformed.err.contains("[INVALID_FIELD]") && malformed.err.contains("method"), "{}", malformed.err);
}

#[test]
fn check_and_explain_ask_about_a_company_and_a_project() {
    let hub = TestHub::new();
    hub.apply(&hub.file("small.yaml", SMALL));
    let client = hub.application("ledgerly");
    hub.subscribe("ledgerly", "individuals/losses", "1.10");
    let ask = |what: &str, company: &[&str]| {
        hub.devhub(&[&[what, "--client", &client, "individuals/losses", "1.10"], company].concat())
    };
    let whole = ["--company", "acme", "--project", "site-1"];
    assert!(ask("check", &whole).exits(0).out.contains("ALLOW (SUBSCRIBED)"));
    assert!(ask("explain", &whole[..2]).exits(0).out.contains("ok COMPANY "));
    // A project is one of a company.
    ask("check", &whole[2..]).exits(64);
    let malformed = ask("check", &["--company", "acme ltd"]).exits(1);
    assert!(malformed.err.contains("[INVALID_FIELD]") && malformed.err.contains("company_id"), "{}", malformed.err);
}

#[test]
fn explain_tells_the_rules_at_any_instant() {
    let hub = TestHub::new();
    hub.apply(&example("hmrc-mtd/catalogue.yaml"));
    let client = hub.application("ledgerly");
    let explain = |at: &str| {
        hub.devhub(&["explain", "--client", &client, "individuals/business/property", "3.0", "--at", at]).exits(0).out
    };
    let after = explain("2025-01-06 start-of-day Europe/London");
    assert!(after.contains("judged at    2025-01-06T00:00:00Z") && after.contains("DENY (VERSION_RETIRED)"), "{after}");
    assert!(after.contains("individuals/business/property 4.0"), "the successor is named: {after}");
    let before = explain("2025-01-05T23:59:59.999Z");
    assert!(before.contains("DENY (NOT_SUBSCRIBED)") && before.contains("stage        DEPRECATED"), "{before}");
    assert!(
        before.contains("What time alone will change:\n  2025-01-06T00:00:00Z  ") && before.contains("=> "),
        "{before}"
    );
    let ran = hub.devhub(&["explain", "--client", &client, "a/b", "1.0", "--at", "2025-01-06"]).exits(64);
    assert!(ran.err.contains("does not say which instant it means"), "{}", ran.err);
}

#[test]
fn lists_have_stable_names_for_programs_and_tables_for_people() {
    let hub = TestHub::new();
    hub.apply(&example("procore-rest/catalogue.yaml"));
    hub.application("buildsync");
    hub.subscribe("buildsync", "rest/v1.0", "1.0");
    let names = |args: &[&str]| {
        let json = hub.devhub(&[&["list"], args, &["-o", "json"]].concat()).exits(0).json();
        let first = json.as_array().and_then(|all| all.first()).and_then(|one| one.as_object()).expect("one").clone();
        first.keys().cloned().collect::<Vec<_>>()
    };
    assert!(names(&["apis"]).contains(&"default_versions".to_owned()));
    assert!(names(&["versions", "--context", "vapid"]).contains(&"live_subscriptions".to_owned()));
    assert!(names(&["applications"]).contains(&"application_id".to_owned()));
    assert!(names(&["subscriptions", "--application", "buildsync"]).contains(&"start_time".to_owned()));
    assert!(names(&["facts", "--kind", "SUBSCRIBED"]).contains(&"ordinal".to_owned()));
    assert!(names(&["policies"]).contains(&"stages".to_owned()));
    assert!(names(&["versions", "vapid"]).contains(&"open_access".to_owned()));
    let table = hub.devhub(&["list", "versions", "--stage", "retired"]).exits(0).out;
    assert!(
        table.contains("vapid") && table.contains("RETIRED (Sunset)") && !table.contains("segment-items"),
        "{table}"
    );
    let yaml = hub.devhub(&["get", "api", "vapid", "-o", "yaml"]).exits(0).out;
    assert!(yaml.starts_with("context: vapid\n"), "{yaml}");
    assert_eq!(hub.devhub(&["list", "access-requests", "--state", "pending"]).exits(0).out, "none found\n");
    assert!(hub.devhub(&["list", "policies"]).exits(0).out.contains("Sunset"));
    for what in [["get", "application", "buildsync"], ["list", "subscriptions", "-o=table"]] {
        assert!(hub.devhub(&what).exits(0).out.contains("buildsync"));
    }
    let unknown = hub.devhub(&["list", "facts", "--kind", "GOSSIP"]).exits(1);
    assert!(unknown.err.contains("COMMAND_REFUSED"), "{}", unknown.err);
}

#[test]
fn watch_follows_and_stops_when_enough_was_seen() {
    let hub = TestHub::new();
    hub.apply(&hub.file("small.yaml", SMALL));
    let lines = hub.devhub(&["watch", "--count", "3"]).exits(0).out;
    assert_eq!(lines.lines().count(), 3, "{lines}");
    assert!(lines.contains("API_CREATED") && lines.contains("operator:jane"), "{lines}");
    let json = hub.devhub(&["watch", "--count", "1", "--kind", "version-created", "-o", "json"]).exits(0).json();
    assert_eq!((&json["kind"], &json["version"]), (&"VERSION_CREATED".into(), &"1.10".into()));
}

#[test]
fn a_refusal_says_what_to_do() {
    let hub = TestHub::new();
    hub.apply(&hub.file("small.yaml", SMALL));
    for (args, reason, remedy) in [
        (vec!["get", "api", "no/such"], "API_NOT_FOUND", "devhub list apis"),
        (vec!["get", "version", "individuals/losses", "2.0"], "VERSION_NOT_FOUND", "devhub list versions"),
        (vec!["get", "application", "nobody"], "APPLICATION_NOT_FOUND", "devhub list applications"),
        (vec!["get", "api", "NO SUCH"], "INVALID_FIELD", "correct the fields"),
    ] {
        let ran = hub.devhub(&args).exits(1);
        assert!(ran.err.contains(&format!("[{reason}]")) && ran.err.contains(remedy), "{}", ran.err);
        assert!(ran.err.contains("\n  what to do: "), "{}", ran.err);
    }
    let file = hub.file("titled.yaml", &SMALL.replace("Individual Losses", "Losses"));
    let ran = hub.devhub(&["apply", "-f", &file, "--actor", "collaborator:ada@example.com"]).exits(1);
    assert!(ran.err.contains("[OPERATOR_REQUIRED]") && ran.err.contains("--actor operator:NAME"), "{}", ran.err);
}

#[test]
fn wrong_options_are_sentences() {
    for (args, words) in [
        (vec!["list", "apis", "--server", "http://127.0.0.1:9"], "no hub answers at http://127.0.0.1:9"),
        (vec!["list", "apis", "--server", "nowhere"], "write it like http://127.0.0.1:50051"),
        (vec!["list", "apis", "--tls-ca", "/ca.pem"], "are for https:// addresses"),
        (vec!["list", "apis", "--token-file", "/no/such/token"], "--token-file /no/such/token cannot be read"),
        (
            vec!["list", "apis", "--token-file", "/t", "--server", "http://hub.example"],
            "everybody could read the token",
        ),
        (vec!["list", "apis", "--actor", "jane"], "operator:jane"),
    ] {
        let ran = devhub(&args).exits(1);
        assert!(ran.err.starts_with("error: ") && ran.err.contains(words), "{}", ran.err);
    }
    devhub(&["frobnicate"]).exits(64);
    devhub(&["list", "subscriptions", "--version", "1.0"]).exits(64);
    assert!(devhub(&["--help"]).exits(0).out.contains("Exit codes: 0 done"));
    assert!(devhub(&["--version"]).exits(0).out.starts_with("devhub "));
}

#[test]
fn usage_tells_who_still_calls() {
    let hub = TestHub::new();
    hub.apply(&hub.file("small.yaml", SMALL));
    let client = hub.application("ledgerly");
    hub.application("sleeper");
    for id in ["ledgerly", "sleeper"] {
        hub.subscribe(id, "individuals/losses", "1.10");
    }
    hub.devhub(&["check", "--client", &client, "individuals/losses", "1.10"]).exits(0);
    let usage = |args: &[&str]| hub.devhub(&[&["usage"], args].concat());
    let table = usage(&["individuals/losses", "1.10"]).exits(0).out;
    for text in ["ledgerly", "MONTHLY", "2026-11-21T12:00:00Z", "sleeper", "NEVER", "counting since 2026-11-21"] {
        assert!(table.contains(text), "{text} is missing in\n{table}");
    }
    let json = usage(&["individuals/losses", "1.10", "--class", "monthly", "--daily", "-o", "json"]).exits(0).json();
    let rows = json.as_array().expect("rows");
    assert_eq!((rows.len(), &rows[0]["application_id"], &rows[0]["recent_calls"]), (1, &"ledgerly".into(), &1.into()));
    assert_eq!(rows[0]["daily_calls"][0]["day"], "2026-11-21T00:00:00Z");
    let json = usage(&["--application", "sleeper", "-o", "json"]).exits(0).json();
    assert_eq!((&json[0]["version"], &json[0]["usage_class"]), (&"1.10".into(), &"NEVER".into()));
    let summary = usage(&["individuals/losses", "1.10", "--summary", "--environment", "production"]).exits(0).out;
    assert!(summary.contains("MONTHLY") && summary.contains("counting since"), "{summary}");
    assert!(usage(&["individuals/losses", "1.10", "--environment", "sandbox"]).exits(0).out.contains("none found"));
    // Neither, or half of one, or both.
    for wrong in [&[][..], &["individuals/losses"], &["individuals/losses", "1.10", "--application", "sleeper"]] {
        usage(wrong).exits(64);
    }
    assert!(usage(&["individuals/losses", "9.9"]).exits(1).err.contains("[VERSION_NOT_FOUND]"));
    let shown = hub.devhub(&["get", "subscription", "ledgerly", "individuals/losses", "1.10"]).exits(0).out;
    assert!(shown.contains("last call (hour)") && shown.contains("MONTHLY"), "{shown}");
}
