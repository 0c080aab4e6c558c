//! Plan, apply and export.

use super::hub::{Ran, SMALL, TestHub, devhub, example};

const EXAMPLES: [&str; 2] = ["hmrc-mtd/catalogue.yaml", "procore-rest/catalogue.yaml"];

fn fingerprint(plan: &Ran) -> String {
    let line = plan.out.lines().find(|line| line.starts_with("Fingerprint: ")).expect(&plan.out);
    line.trim_start_matches("Fingerprint: ").to_owned()
}

#[test]
fn the_examples_are_planned_applied_and_exported() {
    for name in EXAMPLES {
        let hub = TestHub::new();
        let file = example(name);
        let plan = hub.devhub(&["plan", "-f", &file]).exits(2);
        assert!(plan.out.contains(" 0 blocked.") && !plan.out.contains("warning:"), "{}", plan.out);
        assert_eq!(hub.revision(), 0, "a plan changes nothing");
        hub.devhub(&["apply", "-f", &file, "--fingerprint", &fingerprint(&plan)]).exits(0);

        let applied = hub.revision();
        let plan = hub.devhub(&["plan", "-f", &file]).exits(0);
        assert_eq!(plan.out, "Nothing to do: hub and file agree.\n");
        hub.devhub(&["apply", "-f", &file]).exits(0);
        assert_eq!(hub.revision(), applied, "applying twice changes nothing");

        let export = hub.devhub(&["export"]).exits(0);
        let exported = hub.file("export.yaml", &export.out);
        hub.devhub(&["plan", "-f", &exported]).exits(0);

        let other = TestHub::new();
        // What the one hub has announced is history to the other.
        other.advance_to("2026-11-21T12:00:01Z");
        other.apply(&exported);
        let again = other.devhub(&["export"]).exits(0);
        let body = |text: &str| text.split_once('\n').map(|(_, body)| body.to_owned()).expect("a first line");
        assert_eq!(body(&again.out), body(&export.out), "an export makes the same hub");
        other.devhub(&["plan", "-f", &file]).exits(0);
    }
}

#[test]
fn both_examples_stand_on_one_hub() {
    let hub = TestHub::new();
    let files = EXAMPLES.map(example);
    let args = ["-f", &files[0], "-f", &files[1]];
    hub.devhub(&[&["apply"], &args[..]].concat()).exits(0);
    hub.devhub(&[&["plan"], &args[..]].concat()).exits(0);
    // Each file speaks for its own APIs only.
    hub.devhub(&["plan", "-f", &files[1]]).exits(0);
    let twice = devhub(&["plan", "-f", &files[1], "-f", &files[1]]).exits(1);
    assert!(twice.err.contains("the API vapid is listed twice"), "{}", twice.err);
}

#[test]
fn a_plan_that_is_no_longer_the_reviewed_one_is_refused() {
    let hub = TestHub::new();
    hub.apply(&hub.file("small.yaml", SMALL));
    let file = hub.file("titled.yaml", &SMALL.replace("Individual Losses", "Losses"));
    let reviewed = fingerprint(&hub.devhub(&["plan", "-f", &file]).exits(2));
    assert_eq!(fingerprint(&hub.devhub(&["plan", "-f", &file]).exits(2)), reviewed, "the same plan, the same name");

    // Somebody else changes the same API, to what does not even stand in the file's way.
    hub.apply(&hub.file("described.yaml", &SMALL.replace("    policy", "    description: Theirs\n    policy")));
    let before = hub.revision();
    let refused = hub.devhub(&["apply", "-f", &file, "--fingerprint", &reviewed]).exits(1);
    assert!(refused.err.contains("the world moved") && refused.err.contains(&reviewed), "{}", refused.err);
    assert_eq!(hub.revision(), before, "nothing was applied");

    // Another file under the same fingerprint is refused as well.
    let now = fingerprint(&hub.devhub(&["plan", "-f", &file]).exits(2));
    let edited = hub.file("edited.yaml", &SMALL.replace("Individual Losses", "Gains"));
    hub.devhub(&["apply", "-f", &edited, "--fingerprint", &now]).exits(1);
    hub.devhub(&["apply", "-f", &file, "--fingerprint", &now]).exits(0);
}

#[test]
fn a_label_stays_text_on_the_whole_way() {
    let hub = TestHub::new();
    hub.apply(&hub.file("small.yaml", SMALL));
    let version = hub.devhub(&["get", "version", "individuals/losses", "1.10", "-o", "json"]).exits(0).json();
    assert_eq!(version["version"], "1.10");
    let export = hub.devhub(&["export", "--context", "individuals/losses"]).exits(0);
    assert!(export.out.contains("version: \"1.10\""), "{}", export.out);
    let missing = hub.devhub(&["get", "version", "individuals/losses", "1.1"]).exits(1);
    assert!(missing.err.contains("[VERSION_NOT_FOUND]"), "{}", missing.err);
}

#[test]
fn changes_are_shown_value_by_value_and_made() {
    let hub = TestHub::new();
    hub.apply(&hub.file("small.yaml", SMALL));
    let changed = SMALL
        .replace("title: Individual Losses", "title: Losses")
        .replace("- version: 1.10", "- version: 1.10\n        access: CONTROLLED\n        description: New words")
        .replace("{environment: SANDBOX, maturity: BETA", "{environment: SANDBOX, maturity: STABLE")
        .replace(
            "{environment: PRODUCTION, maturity: BETA, endpoints_enabled: true}",
            "{environment: PRODUCTION, maturity: BETA, endpoints_enabled: true, \
             deprecated_at: 2027-01-31 start-of-day Europe/London, retires_at: 2027-06-30 end-of-day Europe/London}",
        );
    let file = hub.file("changed.yaml", &changed);
    let plan = hub.devhub(&["plan", "-f", &file]).exits(2);
    for line in [
        "~ change  API individuals/losses",
        "title: \"Individual Losses\" -> \"Losses\"",
        "access: \"PUBLIC\" -> \"CONTROLLED\"",
        "description: (none) -> \"New words\"",
        "~ change  version individuals/losses 1.10 in SANDBOX: promote to STABLE",
        "maturity: \"BETA\" -> \"STABLE\"",
        "deprecated_at: (none) -> \"2027-01-31T00:00:00Z (2027-01-31 start-of-day Europe/London)\"",
        "retires_at: (none) -> \"2027-06-30T23:00:00Z (2027-06-30 end-of-day Europe/London)\"",
        "Plan: 0 to create, 4 to change, 0 blocked.",
    ] {
        assert!(plan.out.contains(line), "{line}\n{}", plan.out);
    }
    hub.devhub(&["apply", "-f", &file, "--fingerprint", &fingerprint(&plan)]).exits(0);
    hub.devhub(&["plan", "-f", &file]).exits(0);

    // A later retirement is one more call; the rest stays.
    let later = hub.file("later.yaml", &changed.replace("2027-06-30", "2027-09-30"));
    let plan = hub.devhub(&["plan", "-f", &later]).exits(2);
    assert!(plan.out.contains("in PRODUCTION: revise") && plan.out.contains(" 1 to change, 0 blocked"), "{}", plan.out);
    hub.apply(&later);
    hub.devhub(&["plan", "-f", &later]).exits(0);
}

#[test]
fn a_further_version_and_environment_are_brought() {
    let hub = TestHub::new();
    let sandbox_only =
        SMALL.replace("          - {environment: PRODUCTION, maturity: BETA, endpoints_enabled: true}\n", "");
    hub.apply(&hub.file("sandbox.yaml", &sandbox_only));
    let more = SMALL.to_owned() + "      - {version: '2.0', deployments: [{environment: SANDBOX, maturity: ALPHA}]}\n";
    let file = hub.file("more.yaml", &more);
    let plan = hub.devhub(&["plan", "-f", &file, "-o", "json"]).exits(2).json();
    let actions: Vec<&str> =
        plan["steps"].as_array().expect("steps").iter().filter_map(|s| s["action"].as_str()).collect();
    assert_eq!(actions, ["create_api_version", "deploy_api_version"]);
    assert_eq!(plan["fingerprint"].as_str().map(str::len), Some(64));
    let done = hub.devhub(&["apply", "-f", &file, "-o", "json"]).exits(0).json();
    assert_eq!(done["applied"][0]["action"], "create_api_version");
    assert!(done["applied"][1]["revision"].as_u64() > done["applied"][0]["revision"].as_u64());
    hub.devhub(&["plan", "-f", &file]).exits(0);
}

#[test]
fn a_malformed_file_is_shown_at_its_place_before_a_hub_is_looked_for() {
    let hub = TestHub::new();
    for (from, to, words) in [
        ("title:", "titel:", vec!["titel", "^", "broken.yaml"]),
        ("    policy: hmrc-mtd", "    policy: hmrc-mtd\n    policy: hmrc-mtd", vec!["duplicate", "policy", "^"]),
        ("maturity: BETA", "maturity: DONE", vec!["DONE", "ALPHA", "^"]),
        ("Individual Losses", "\"bell\\a\"", vec!["\\u{7}", "remove it"]),
        ("version: 1.10", "version: \"1\\u202e0\"", vec!["\\u{202e}", "remove it"]),
        ("maturity: BETA,", "maturity: BETA, deprecated_at: 2027-01-31,", vec!["does not say which instant", "^"]),
    ] {
        let file = hub.file("broken.yaml", &SMALL.replacen(from, to, 1));
        for command in ["plan", "apply"] {
            let ran = devhub(&[command, "-f", &file, "--server", "http://127.0.0.1:9"]).exits(1);
            assert!(words.iter().all(|word| ran.err.contains(word)), "{words:?}\n{}", ran.err);
            assert!(!ran.err.contains("no hub answers") && !ran.err.contains('\u{7}'), "{}", ran.err);
        }
    }
}

#[test]
fn an_export_does_not_overwrite() {
    let hub = TestHub::new();
    hub.apply(&hub.file("small.yaml", SMALL));
    let path = hub.path("new.yaml").display().to_string();
    hub.devhub(&["export", "--to", &path]).exits(0);
    hub.devhub(&["plan", "-f", &path]).exits(0);
    let again = hub.devhub(&["export", "--to", &path]).exits(1);
    assert!(again.err.contains("cannot be created"), "{}", again.err);
    let missing = hub.devhub(&["export", "--context", "no/such"]).exits(1);
    assert!(missing.err.contains("devhub list apis"), "{}", missing.err);
}
