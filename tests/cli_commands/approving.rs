//! What takes two persons, by the command line; and a restore that takes away again what a trail says was taken away.

use super::hub::{TestHub, devhub};
use super::retiring::{STABLE, losses};

const OTTO: [&str; 2] = ["--actor", "operator:otto"];

/// A hub with [`STABLE`] and one subscriber, and these settings.
fn hub(settings: &[(&'static str, &str)]) -> TestHub {
    let hub = TestHub::with(settings);
    hub.apply(&hub.file("stable.yaml", STABLE));
    hub.application("ledgerly");
    hub.subscribe("ledgerly", "individuals/losses", "1.0");
    hub
}

/// The one proposal that waits.
fn waiting(hub: &TestHub) -> String {
    let listed = hub.devhub(&["proposal", "list", "-o", "json"]).exits(0).json();
    assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");
    listed[0]["proposal_id"].as_str().expect("an id").to_owned()
}

const EMERGENCY: [&str; 2] = ["--override-reason", "it leaks"];

#[test]
fn one_proposes_and_another_approves_rejects_or_is_not_there() {
    let apart = tempfile::tempdir().expect("a directory");
    let codes = apart.path().join("codes").display().to_string();
    let made = devhub(&["break-glass", "new", &codes, "-o", "json"]).exits(0).json();
    let hub = hub(&[("two_person_rule", "on"), ("break_glass_file", &codes)]);
    let retire = losses(&["retire"], &EMERGENCY);
    let refused = hub.devhub(&retire).exits(1);
    let id = waiting(&hub);
    assert!(refused.err.contains(&id) && refused.err.contains("devhub proposal approve"), "{}", refused.err);
    let shown = hub.devhub(&["proposal", "show", &id]).exits(0).out;
    assert!(shown.contains("RETIRES_AT_ONCE") && shown.contains("VersionRetired individuals/losses 1.0"), "{shown}");
    let own = hub.devhub(&["proposal", "approve", &id]).exits(1);
    assert!(own.err.contains("ask another operator"), "{}", own.err);
    hub.devhub(&[&["proposal", "reject", &id, "--reason", "not today"], &OTTO[..]].concat()).exits(0);
    hub.devhub(&retire).exits(1);
    hub.devhub(&["proposal", "withdraw", &waiting(&hub)]).exits(0);
    hub.devhub(&retire).exits(1);
    let approved = hub.devhub(&[&["proposal", "approve", &waiting(&hub)], &OTTO[..]].concat()).exits(0).out;
    assert!(approved.contains("APPROVED") && approved.contains("operator:otto"), "{approved}");
    let all = hub.devhub(&["proposal", "list", "--all"]).exits(0).out;
    assert!(["REJECTED", "WITHDRAWN", "APPROVED"].iter().all(|state| all.contains(state)), "{all}");

    // Nobody else is there.
    hub.subscribe("ledgerly", "individuals/losses", "2.0");
    hub.devhub(&[&["retire", "individuals/losses", "2.0", "--environment", "production"], &EMERGENCY[..]].concat())
        .exits(1);
    let (id, code) = (waiting(&hub), hub.file("code", made["code"].as_str().expect("a code")));
    let why = "at three in the morning nobody else answers";
    let broken = hub.devhub(&["break-glass", "use", &id, "--reason", why, "--code-file", &code]).exits(0).out;
    assert!(broken.contains("BROKE_GLASS"), "{broken}");
    assert!(hub.devhub(&["list", "facts", "--kind", "BROKE_GLASS"]).exits(0).out.contains(why));
    hub.devhub(&[&["break-glass", "acknowledge", &id], &OTTO[..]].concat()).exits(0);
    assert_eq!(hub.devhub(&["proposal", "list"]).exits(0).out, "none found\n");
}

#[test]
fn a_restore_takes_away_again_what_was_taken_away_since_the_backup() {
    let apart = tempfile::tempdir().expect("a directory");
    let path = |name: &str| apart.path().join(name).display().to_string();
    let (backup, trail, key, data) = (path("hub.backup"), path("trail"), path("key"), path("data"));
    let first = hub(&[]);
    let of = first.path("data").display().to_string();
    let written = devhub(&["backup", "--data-dir", &of, &backup, "-o", "json"]).exits(0).json();
    let revision = written["revision"].to_string();
    first.devhub(&["unsubscribe", "ledgerly", "individuals/losses", "1.0", "--reason", "it leaks"]).exits(0);
    devhub(&["audit", "key", &key]).exits(0);
    devhub(&["audit", "export", &trail, "--data-dir", &of, "--audit-key-file", &key]).exits(0);
    drop(first);
    let restored = devhub(&["restore", "--data-dir", &data, "--later", &trail, &backup, "-o", "json"]).exits(0).json();
    assert_eq!(restored["taken_away_later"][0]["kind"], "UNSUBSCRIBED", "{restored}");

    let second = TestHub::with(&[("data_dir", &data), ("two_person_rule", "on")]);
    let asked = ["check", "--client", "client-of-ledgerly", "individuals/losses", "1.0"];
    second.devhub(&asked).exits(1);
    let confirm = ["confirm-restore", "--reason", "the disk died", "--later", &trail, "--after", &revision, "--repeat"];
    let told = second.devhub(&confirm).exits(1);
    assert!(told.out.contains("UNSUBSCRIBED") && told.out.contains("repeated"), "{} {}", told.out, told.err);
    second.devhub(&[&["proposal", "approve", &waiting(&second)], &OTTO[..]].concat()).exits(0);
    second.devhub(&asked).exits(3);
}
