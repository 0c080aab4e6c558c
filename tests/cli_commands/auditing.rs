//! The audit trail for people outside: a key, an export, a verification that names what is wrong, the past (B92, B93).

use super::hub::{SMALL, TestHub, devhub};

#[test]
fn b93_a_trail_is_exported_verified_shown_and_asked_about_the_past() {
    let keys = tempfile::tempdir().expect("a directory");
    let (key, heads) = (keys.path().join("key"), keys.path().join("heads"));
    let (key, heads) = (key.display().to_string(), heads.display().to_string());
    let made = devhub(&["audit", "key", &key, "-o", "json"]).exits(0).json();
    let public = made["public_file"].as_str().expect("a path").to_owned();
    assert!(devhub(&["audit", "key", &key]).exits(1).err.contains("exists already"));

    let hub = TestHub::with(&[("audit_key_file", &key), ("audit_heads_file", &heads)]);
    hub.apply(&hub.file("small.yaml", SMALL));
    let client = hub.application("ledger");
    hub.subscribe("ledger", "individuals/losses", "1.10");
    hub.advance_to("2026-12-01T00:00:00Z");
    let ended = ["unsubscribe", "ledger", "individuals/losses", "1.10", "--reason", "Jane Doe asked for it"];
    hub.devhub(&ended).exits(0);
    let found = hub.devhub(&["audit", "search", "--kind", "UNSUBSCRIBED", "-o", "json"]).exits(0).json();
    assert_eq!(found.as_array().map(Vec::len), Some(1));
    hub.devhub(&ended).exits(1);
    let refused = hub.devhub(&["audit", "search", "--refused-command", "Unsubscribe", "-o", "json"]).exits(0).json();
    assert_eq!(refused.as_array().map(Vec::len), Some(1), "{refused}");

    let (data, trail) = (hub.path("data").display().to_string(), hub.path("trail").display().to_string());
    let from = ["--data-dir", &data, "--audit-key-file", &key];
    let written = devhub(&[&["audit", "export", &trail, "-o", "json"][..], &from].concat()).exits(0).json();
    assert!(devhub(&[&["audit", "export", &trail][..], &from].concat()).exits(1).err.contains("the file exists"));
    devhub(&[&["audit", "head", "--append-to", &heads][..], &from].concat()).exits(0);
    let with = ["--head", &heads, "--public-key", &public];
    let verified = devhub(&[&["audit", "verify", &trail, "-o", "json"][..], &with].concat()).exits(0).json();
    assert_eq!((&verified["attested"], &verified["link"]), (&written["sequence"], &written["link"]));
    assert!(devhub(&["audit", "verify", &trail]).exits(0).out.contains("attested by nobody"));

    let question = ["--client", &client, "individuals/losses", "1.10"];
    let ask = |at: &str| {
        let asked = [&["audit", "explain", &trail, "--at", at, "-o", "json"][..], &question].concat();
        devhub(&asked).exits(0).json()["decision"]["reason"].as_str().expect("a reason").to_owned()
    };
    assert_eq!(ask("2026-11-21T11:59:59.999Z"), "UNKNOWN_VERSION");
    assert_eq!(ask("2026-11-30T00:00:00Z"), "SUBSCRIBED");
    assert_eq!(ask("2026-12-02T00:00:00Z"), "NOT_SUBSCRIBED");

    let asked = ["audit", "explain", &trail, "--at", "2026-11-30T00:00:00Z"];
    devhub(&[&asked[..], &with, &question].concat()).exits(0);

    let copy = hub.path("copy").display().to_string();
    devhub(&["audit", "erase", &trail, &copy, "--without", "jane"]).exits(0);
    devhub(&[&["audit", "verify", &copy][..], &with].concat()).exits(0);
    let shown = devhub(&["audit", "show", &copy, "--kind", "UNSUBSCRIBED", "-o", "json"]).exits(0);
    assert!(!shown.out.to_lowercase().contains("jane") && shown.out.contains("erased:"), "{}", shown.out);
    assert!(devhub(&["audit", "show", &trail]).exits(0).out.contains("Jane Doe"));

    let mut bytes = std::fs::read(&trail).expect("readable");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&trail, bytes).expect("written");
    let refused = devhub(&["audit", "verify", &trail]).exits(1);
    assert!(refused.err.contains("sequence "), "{}", refused.err);
    devhub(&["audit", "explain", &trail, "--at", "2026-11-30T00:00:00Z", "--client", &client, "a/b", "1"]).exits(1);

    // The first head is signed when the journal was read, which the hub does in the background.
    let latest = hub.devhub(&["audit", "latest"]);
    assert!(latest.code == 0 || latest.err.contains("ask again"), "{latest:?}");
}
