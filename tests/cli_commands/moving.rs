//! Moves, waivers, exemptions and uplifts.

use devhub_proto::v1;

use super::hub::{TestHub, devhub};
use super::retiring::{hub, losses};

const VERSIONS: [&str; 6] = ["--from", "individuals/losses", "1.0", "--to", "individuals/losses", "2.0"];

fn moved(hub: &TestHub, who: &[&str], rest: &[&str], code: i32) -> super::hub::Ran {
    hub.devhub(&[&["move"], who, &VERSIONS[..], rest].concat()).exits(code)
}

fn live(hub: &TestHub, application: &str) -> Vec<String> {
    let list = hub.devhub(&["list", "subscriptions", "--application", application, "-o", "json"]).exits(0).json();
    let versions = list.as_array().expect("rows").iter().filter_map(|row| row["version"].as_str());
    versions.map(str::to_owned).collect()
}

#[test]
fn one_application_is_moved_and_taken_back() {
    let hub = hub();
    let since = |hub: &TestHub| {
        let get = ["get", "subscription", "ledgerly", "individuals/losses", "1.0", "-o", "json"];
        hub.devhub(&get).exits(0).json()["start_time"].clone()
    };
    let began = since(&hub);
    let would = moved(&hub, &["ledgerly"], &["--dry-run"], 0).out;
    assert!(would.contains("Nothing was changed; it would be: 1 moved"), "{would}");
    assert_eq!(live(&hub, "ledgerly"), ["1.0"]);
    let done = moved(&hub, &["ledgerly"], &[], 0).out;
    assert!(done.contains("individuals/losses 2.0") && done.contains("ACTIVE"), "{done}");
    assert!(done.contains("individuals/losses 1.0: ENDED ") && done.contains("(MOVED)"), "{done}");
    assert_eq!(live(&hub, "ledgerly"), ["2.0"]);
    moved(&hub, &["ledgerly"], &["--undo"], 0);
    assert_eq!((live(&hub, "ledgerly"), since(&hub)), (vec!["1.0".to_owned()], began), "with its original date");
    let nobody = moved(&hub, &["nobody"], &[], 1);
    assert!(nobody.err.contains("[APPLICATION_NOT_FOUND]"), "{}", nobody.err);
}

#[test]
fn an_overlap_keeps_both_until_its_instant() {
    let hub = hub();
    let done = moved(&hub, &["ledgerly"], &["--overlap-until", "2026-12-31 end-of-day Europe/London"], 0).out;
    for words in ["moved from", "individuals/losses 1.0: ACTIVE until 2027-01-01T00:00:00Z", "undoable until"] {
        assert!(done.contains(words), "{words}\n{done}");
    }
    assert_eq!(live(&hub, "ledgerly"), ["1.0", "2.0"]);
    let list = hub.devhub(&["list", "subscriptions", "--application", "ledgerly"]).exits(0).out;
    assert!(list.contains("until 2027-01-01T00:00:00Z"), "{list}");
    hub.advance_to("2027-01-01T00:00:00Z");
    assert_eq!(live(&hub, "ledgerly"), ["2.0"]);
    devhub(&[&["move", "a", "--undo", "--overlap-until", "2027-01-01T00:00:00Z"], &VERSIONS[..]].concat()).exits(64);
}

#[test]
fn all_are_moved_with_a_result_for_each_and_taken_back() {
    let hub = hub();
    hub.application("taxfolio");
    hub.subscribe("taxfolio", "individuals/losses", "1.0");
    let done = moved(&hub, &["--all"], &["--reason", "2.0 is here"], 0).out;
    for words in ["ledgerly", "taxfolio", "MOVED", "2 moved, 0 moved before, 0 undone, 0 refused."] {
        assert!(done.contains(words), "{words}\n{done}");
    }
    let undone = moved(&hub, &["--all"], &["--undo", "-o", "json"], 0).json();
    assert_eq!((&undone["undone"], &undone["results"][0]["outcome"]), (&2.into(), &"UNDONE".into()));
    assert_eq!(live(&hub, "taxfolio"), ["1.0"]);
}

#[test]
fn some_of_many_that_are_refused_are_told_and_the_exit_code_says_so() {
    let hub = hub();
    hub.application("taxfolio");
    let list = hub.file("applications.txt", "# ours\nledgerly\ntaxfolio\n\n");
    let done = moved(&hub, &["--applications", &list], &[], 4).out;
    for words in ["[SUBSCRIPTION_NOT_FOUND]", "REFUSED", "1 moved, 0 moved before, 0 undone, 1 refused."] {
        assert!(done.contains(words), "{words}\n{done}");
    }
    assert_eq!(live(&hub, "ledgerly"), ["2.0"]);
    let empty = hub.file("empty.txt", "# nobody\n");
    let refused = moved(&hub, &["--applications", &empty], &[], 1);
    assert!(refused.err.contains("names no application"), "an empty list is not everybody: {}", refused.err);
    devhub(&[&["move"], &VERSIONS[..]].concat()).exits(64);
    devhub(&[&["move", "a", "--all"], &VERSIONS[..]].concat()).exits(64);
}

#[test]
fn a_waiver_is_granted_shown_and_revoked() {
    let hub = hub();
    hub.devhub(&losses(&["deprecate"], &["--at", "2026-11-22T00:00:00Z"])).exits(0);
    hub.advance_to("2026-11-23T00:00:00Z");
    hub.application("taxfolio");
    let name = ["taxfolio", "individuals/losses", "1.0", "--for", "new-subscription"];
    let terms = ["--until", "2026-12-31 end-of-day Europe/London", "--reason", "in flight", "--approver", "Grace"];
    let granted = hub.devhub(&[&["waive", "grant"], &name[..], &terms].concat()).exits(0).out;
    for words in ["LIVE", "2027-01-01T00:00:00Z", "Grace", "in flight", "operator:jane"] {
        assert!(granted.contains(words), "{words}\n{granted}");
    }
    hub.subscribe("taxfolio", "individuals/losses", "1.0");
    let list = hub.devhub(&["waive", "list", "--application", "taxfolio"]).exits(0).out;
    assert!(list.contains("NEW_SUBSCRIPTION") && list.contains("LIVE"), "{list}");
    let revoked = [&["waive", "revoke"], &name[..], &["--reason", "a slip", "-o", "json"]].concat();
    assert_eq!(hub.devhub(&revoked).exits(0).json()["state"], "REVOKED");
    assert_eq!(hub.devhub(&["waive", "list"]).exits(0).out, "none found\n");
    let ended = hub.devhub(&["waive", "list", "--ended", "-o", "json"]).exits(0).json();
    assert_eq!((&ended[0]["state"], &ended[0]["revoke_reason"]), (&"REVOKED".into(), &"a slip".into()));
    let ended = hub.devhub(&["waive", "list", "--ended"]).exits(0).out;
    assert!(!ended.contains("2027-01-01T00:00:00Z"), "it did not last until then\n{ended}");
    let again = hub.devhub(&revoked).exits(1);
    assert!(again.err.contains("[NOTHING_TO_DO]"), "{}", again.err);
    let long = [&name[..], &["--until", "2036-01-01T00:00:00Z", "--reason", "x", "--approver", "Grace"]].concat();
    let refused = hub.devhub(&[&["waive", "grant"], &long[..]].concat()).exits(1);
    assert!(refused.err.contains("[WAIVER_TOO_LONG]"), "{}", refused.err);
}

#[test]
fn an_application_is_exempted_from_brownouts_and_no_longer() {
    let hub = hub();
    let name = ["exempt", "ledgerly", "individuals/losses", "1.0"];
    let exempted = hub.devhub(&[&name[..], &["--reason", "payroll runs that night"]].concat()).exits(0).out;
    assert!(exempted.contains("calls in brownouts  pass") && exempted.contains("payroll"), "{exempted}");
    let shown = ["get", "subscription", "ledgerly", "individuals/losses", "1.0", "-o", "json"];
    assert_eq!(hub.devhub(&shown).exits(0).json()["brownout_exempt"], true);
    let removed = hub.devhub(&[&name[..], &["--remove", "--reason", "it moved", "-o", "json"]].concat());
    assert_eq!(removed.exits(0).json()["exempt"], false);
    assert_eq!(hub.devhub(&shown).exits(0).json()["brownout_exempt"], false);
}

#[test]
fn x2_an_uplift_names_what_it_drops() {
    let hub = hub();
    hub.application_in("trial", v1::Environment::Sandbox);
    hub.subscribe("trial", "individuals/losses", "1.0");
    hub.subscribe("trial", "individuals/losses", "2.0");
    hub.devhub(&losses(&["deprecate"], &[])).exits(0);
    let made = hub.devhub(&["uplift", "trial", "--id", "live", "--name", "Live"]).exits(0).out;
    for words in ["carried", "individuals/losses 2.0", "dropped", "[VERSION_DEPRECATED]", "uplifted from", "PRODUCTION"]
    {
        assert!(made.contains(words), "{words}\n{made}");
    }
    assert_eq!(live(&hub, "live"), ["2.0"]);
    let only = ["uplift", "trial", "--only", "individuals/losses", "2.0", "--name", "Second", "-o", "json"];
    let made = hub.devhub(&only).exits(0).json();
    assert_eq!(
        (made["carried"].as_array().map(Vec::len), made["dropped"].as_array().map(Vec::len)),
        (Some(1), Some(0))
    );
    let wrong = hub.devhub(&["uplift", "ledgerly"]).exits(1);
    assert!(wrong.err.contains("[APPLICATION_NOT_IN_ENVIRONMENT]"), "{}", wrong.err);
}
