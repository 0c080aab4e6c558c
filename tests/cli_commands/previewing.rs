//! A change is shown before it is made, and made as it was shown or not at all.

use super::hub::{Ran, TestHub, devhub};
use super::retiring::{hub, losses};

const DATES: [&str; 4] =
    ["--at", "2027-01-31 start-of-day Europe/London", "--retire", "2027-08-31 end-of-day Europe/London"];

fn preview(hub: &TestHub, rest: &[&str]) -> Ran {
    hub.devhub(&losses(&["deprecate"], &[&DATES[..], &["--preview"], rest].concat()))
}

#[test]
fn a_preview_says_who_is_affected_and_how() {
    let hub = hub();
    hub.application("taxfolio");
    hub.subscribe("taxfolio", "individuals/losses", "1.0");
    hub.devhub(&["check", "--client", "client-of-taxfolio", "individuals/losses", "1.0"]).exits(0);
    let before = hub.revision();
    let shown = preview(&hub, &[]).exits(0).out;
    for words in [
        "nothing is changed",
        "individuals/losses 1.0 in PRODUCTION: accepted",
        "deprecated at: (none) -> 2027-01-31T00:00:00Z (2027-01-31 00:00:00 GMT Europe/London)",
        "retired at: (none) -> 2027-08-31T23:00:00Z (2027-09-01 00:00:00 BST Europe/London)",
        "warning: no successor is named in PRODUCTION",
        "live subscriptions: 2 (1 MONTHLY, 1 NEVER)",
        "ledgerly",
        "ada@example.com",
        "2027-08-31T23:00:00Z denied: VERSION_RETIRED (RETIRED)",
        "Notices that would go out:",
        "T-30",
        "Apply exactly this",
        "devhub deprecate individuals/losses 1.0",
    ] {
        assert!(shown.contains(words), "{words}\n{shown}");
    }
    assert_eq!(hub.revision(), before);
    let bounded = preview(&hub, &["--limit", "1"]).exits(0).out;
    assert!(bounded.contains("and more; raise --limit") && bounded.contains("ledgerly"), "{bounded}");
    assert!(!bounded.contains("│ taxfolio"), "{bounded}");
    let json = preview(&hub, &["-o", "json"]).exits(0).json();
    assert_eq!((json["affected"].as_array().map(Vec::len), &json["truncated"]), (Some(2), &false.into()));
    assert_eq!(json["affected"][1]["application_id"], "taxfolio");
    assert_eq!(json["changes"][0]["after"]["retire_time"], "2027-08-31T23:00:00Z");
    assert!(json["plan_expire_time"].is_string());
    // What is refused cannot be applied, so nothing expires.
    let short = ["--at", "2027-01-31T00:00:00Z", "--retire", "2027-02-01T00:00:00Z", "--preview", "-o", "json"];
    let refused = hub.devhub(&losses(&["deprecate"], &short)).exits(1).json();
    assert!(refused.get("plan_expire_time").is_none() && refused["plan_token"] == "", "{refused}");
    // People read no nanoseconds.
    let table = hub.devhub(&["list", "subscriptions", "--application", "ledgerly"]).exits(0).out;
    assert!(table.contains("2026-11-21T12:00:00Z") && !table.contains(".0000"), "{table}");
}

#[test]
fn the_token_applies_what_was_shown() {
    let hub = hub();
    let json = preview(&hub, &["--reason", "it's over", "-o", "json"]).exits(0).json();
    let words: Vec<String> =
        json["apply"].as_array().expect("words").iter().filter_map(|word| word.as_str()).map(str::to_owned).collect();
    assert_eq!(words[0], "devhub");
    let words: Vec<&str> = words[1..].iter().map(String::as_str).collect();
    assert!(words.contains(&"--plan") && !words.contains(&"--preview"), "{words:?}");
    let done = hub.devhub(&words).exits(0).json();
    assert_eq!(done["schedules"][0]["retire_time"], json["changes"][0]["after"]["retire_time"]);
    assert_eq!(done["affected_subscriptions"], json["changes"][0]["affected_subscriptions"]);
    // It was applied, so the same words rest on what is no longer so.
    let again = hub.devhub(&words).exits(1);
    assert!(again.err.contains("[PLAN_STALE]") && again.err.contains("preview the change again"), "{}", again.err);
}

#[test]
fn a_token_is_stale_when_somebody_subscribed_since_or_the_words_differ() {
    let hub = hub();
    let token = |hub: &TestHub| preview(hub, &["-o", "json"]).exits(0).json()["plan_token"].as_str().map(str::to_owned);
    let stale = token(&hub).expect("a token");
    hub.application("taxfolio");
    hub.subscribe("taxfolio", "individuals/losses", "1.0");
    let with = |token: &str, rest: &[&str]| {
        hub.devhub(&losses(&["deprecate"], &[&DATES[..], &["--plan", token], rest].concat()))
    };
    let before = hub.revision();
    let refused = with(&stale, &[]).exits(1);
    assert!(refused.err.contains("[PLAN_STALE]"), "{}", refused.err);
    let fresh = token(&hub).expect("a token");
    let other = with(&fresh, &["--reason", "another change"]).exits(1);
    assert!(other.err.contains("[PLAN_STALE]") || other.err.contains("[INVALID_FIELD]"), "{}", other.err);
    let shown = hub.devhub(&["schedule", "individuals/losses", "1.0", "-o", "json"]).exits(0).json();
    assert_eq!(shown["schedule"]["stage"], "STABLE", "nothing was done since revision {before}");
    with(&fresh, &[]).exits(0);
}

#[test]
fn b27_a_preview_with_a_refusal_exits_1_and_names_the_earliest_instant() {
    let hub = hub();
    let args =
        ["--also", "individuals/gains", "1.0", "--at", "2027-01-31T00:00:00Z", "--retire", "2027-03-01T00:00:00Z"];
    let shown = hub.devhub(&losses(&["deprecate"], &[&args[..], &["--preview"]].concat())).exits(1).out;
    for words in [
        "individuals/losses 1.0 in PRODUCTION: refused [PERIOD_TOO_SHORT]",
        "individuals/gains 1.0 in PRODUCTION: refused [PERIOD_TOO_SHORT]",
        "2027-07-31T00:00:00Z",
        "what to do: choose the instant that is named",
        "Nothing can be applied",
    ] {
        assert!(shown.contains(words), "{words}\n{shown}");
    }
    assert!(!shown.contains("--plan"), "{shown}");
    let usual = "the policy's usual retirement";
    assert!(hub.devhub(&losses(&["deprecate"], &["--preview"])).exits(0).out.contains(usual));
    let part = ["--operation", "GET /nothing", "--preview"];
    let refused = hub.devhub(&losses(&["deprecate"], &part)).exits(1).out;
    assert!(refused.contains("refused [") && !refused.contains(usual), "{refused}");
    devhub(&["retire", "a/b", "1.0", "--environment", "sandbox", "--preview", "--plan", "x"]).exits(64);
    devhub(&["retire", "a/b", "1.0", "--environment", "sandbox", "--limit", "3"]).exits(64);
}
