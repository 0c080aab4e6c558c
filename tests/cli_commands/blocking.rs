//! What a catalogue cannot do.

use super::hub::{SMALL, TestHub};

/// A catalogue whose version is STABLE in PRODUCTION, deprecated from 1 February 2027.
const ENDING: &str = "\
apis:
  - context: individuals/losses
    title: Individual Losses
    policy: hmrc-mtd
    versions:
      - version: 1.0
        endpoints:
          - {method: GET, path: /x, auth: USER}
        deployments:
          - environment: PRODUCTION
            maturity: STABLE
            endpoints_enabled: true
            deprecated_at: 2027-02-01T00:00:00Z
            retires_at: 2027-09-01T00:00:00Z
";

#[test]
fn b34_a_published_version_that_the_file_leaves_out_blocks_the_plan() {
    let hub = TestHub::new();
    hub.apply(&hub.file("small.yaml", SMALL));
    for application in ["ledgerly", "taxfolio"] {
        hub.application(application);
        hub.subscribe(application, "individuals/losses", "1.10");
    }
    let before = hub.revision();
    let file =
        hub.file("without.yaml", &SMALL.replace("version: 1.10", "version: 2.0").replace("title: I", "title: i"));
    let plan = hub.devhub(&["plan", "-f", &file]).exits(1);
    for line in [
        "! blocked version individuals/losses 1.10 (VERSION_OMITTED)",
        "a published version never disappears",
        "in use by 2 live subscriptions: ledgerly, taxfolio",
        "Nothing can be applied until what is blocked is resolved.",
    ] {
        assert!(plan.out.contains(line), "{line}\n{}", plan.out);
    }
    assert!(!plan.out.contains("Fingerprint"), "{}", plan.out);
    let apply = hub.devhub(&["apply", "-f", &file]).exits(1);
    assert!(apply.err.contains("nothing was applied"), "{}", apply.err);
    assert_eq!(hub.revision(), before, "not even the parts that are not blocked");
}

#[test]
fn what_has_no_call_is_blocked_with_its_reason() {
    let hub = TestHub::new();
    hub.apply(&hub.file("ending.yaml", ENDING));
    for (from, to, reason) in [
        ("policy: hmrc-mtd", "policy: procore-rest", "POLICY_CHANGED"),
        ("maturity: STABLE", "maturity: BETA", "ILLEGAL_LIFECYCLE_MOVE"),
        ("endpoints_enabled: true", "endpoints_enabled: false", "ENDPOINTS_SWITCHED"),
        ("deprecated_at: 2027-02-01", "deprecated_at: 2026-12-01", "NOTICE_TOO_SHORT"),
        ("deprecated_at: 2027-02-01", "deprecated_at: 2027-04-01", "PERIOD_TOO_SHORT"),
        ("environment: PRODUCTION", "environment: SANDBOX", "DEPLOYMENT_OMITTED"),
    ] {
        assert!(ENDING.contains(from), "{from}");
        let file = hub.file("changed.yaml", &ENDING.replace(from, to));
        let plan = hub.devhub(&["plan", "-f", &file, "-o", "json"]).exits(1).json();
        let reasons: Vec<&str> =
            plan["blocked"].as_array().expect("blocked").iter().filter_map(|b| b["reason"].as_str()).collect();
        assert_eq!(reasons, [reason]);
        let message = plan["blocked"][0]["message"].as_str().expect("a sentence");
        assert!(message.contains(": ") || message.contains("; "), "a remedy: {message}");
    }
}

#[test]
fn b27_a_period_that_the_policy_forbids_is_blocked_by_the_judgement_of_the_hub() {
    let hub = TestHub::new();
    hub.apply(&hub.file("ending.yaml", ENDING));
    hub.application("ledgerly");
    hub.subscribe("ledgerly", "individuals/losses", "1.0");
    let soon = ENDING.replace("retires_at: 2027-09-01", "retires_at: 2027-03-01");
    let plan = hub.devhub(&["plan", "-f", &hub.file("soon.yaml", &soon)]).exits(1);
    for words in ["(PERIOD_TOO_SHORT)", "what to do: choose the instant that is named", "1 live subscription: ledgerly"]
    {
        assert!(plan.out.contains(words), "{words}\n{}", plan.out);
    }
    // With a recorded reason it is the operator's decision, and the plan says whom it affects.
    let line = "retires_at: 2027-03-01T00:00:00Z\n";
    let meant =
        soon.replace(line, &format!("{line}            override_reason: the upstream system is switched off\n"));
    let file = hub.file("meant.yaml", &meant);
    let plan = hub.devhub(&["plan", "-f", &file]).exits(2);
    assert!(plan.out.contains("affects 1 live subscription: ledgerly"), "{}", plan.out);
    hub.apply(&file);
    hub.devhub(&["plan", "-f", &file]).exits(0);
}

#[test]
fn each_environment_is_judged_for_itself() {
    let hub = TestHub::new();
    hub.apply(&hub.file("small.yaml", SMALL));
    hub.application("ledgerly");
    hub.subscribe("ledgerly", "individuals/losses", "1.10");
    let dates = "deprecated_at: 2027-01-31T00:00:00Z, retires_at: 2027-06-30T00:00:00Z}";
    let both = SMALL.replace("endpoints_enabled: true}", &format!("endpoints_enabled: true, {dates}"));
    let plan = hub.devhub(&["plan", "-f", &hub.file("both.yaml", &both), "-o", "json"]).exits(2).json();
    let affected: Vec<i64> =
        [0, 1].map(|step| plan["steps"][step]["affected"]["subscriptions"].as_i64().expect("a count")).into();
    assert_eq!(affected, [0, 1], "ledgerly lives in PRODUCTION: {plan}");
    let late = both.replacen("2027-06-30", "2027-02-02", 2).replacen("2027-02-02", "2027-06-30", 1);
    let plan = hub.devhub(&["plan", "-f", &hub.file("late.yaml", &late)]).exits(1);
    assert!(
        plan.out.contains("! blocked version individuals/losses 1.10 in PRODUCTION: deprecate (PERIOD_TOO_SHORT)"),
        "{}",
        plan.out
    );
    assert!(plan.out.contains("Plan: 0 to create, 1 to change, 1 blocked."), "{}", plan.out);
}

#[test]
fn a_date_in_the_past_is_blocked_for_a_version_that_is_there() {
    let hub = TestHub::new();
    hub.apply(&hub.file("small.yaml", SMALL));
    let past = SMALL.replacen(
        "{environment: PRODUCTION, maturity: BETA, endpoints_enabled: true}",
        "{environment: PRODUCTION, maturity: BETA, endpoints_enabled: true, deprecated_at: 2026-01-01T00:00:00Z}",
        1,
    );
    let plan = hub.devhub(&["plan", "-f", &hub.file("past.yaml", &past)]).exits(1);
    assert!(plan.out.contains("(INSTANT_IN_PAST)"), "{}", plan.out);
}

#[test]
fn an_action_that_is_refused_stops_the_rest_and_says_where_it_stopped() {
    let hub = TestHub::new();
    // The hub cannot judge versions of an API that it does not know yet, so this comes to light on the way.
    let file = hub.file("alpha.yaml", &SMALL.replace("maturity: BETA", "maturity: ALPHA"));
    let ran = hub.devhub(&["apply", "-f", &file]).exits(1);
    assert!(
        ran.err.contains("1 of 2 actions are done") && ran.err.contains("[ALPHA_ENDPOINTS_ENABLED]"),
        "{}",
        ran.err
    );
    // What was done stays done, and the corrected file goes on from there.
    hub.apply(&hub.file("small.yaml", SMALL));
}
