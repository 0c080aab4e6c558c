//! Subscriptions from another system.

use super::hub::{Ran, SMALL, TestHub, devhub, example};

fn verdicts(hub: &TestHub, name: &str) -> Vec<(String, String)> {
    let mut reader = csv::Reader::from_path(hub.path(name)).expect("a verdict file");
    assert_eq!(
        reader.headers().expect("a header").iter().take(4).collect::<Vec<_>>(),
        ["row", "outcome", "reason", "message"]
    );
    let rows = reader.records().map(|row| row.expect("a row"));
    rows.map(|row| (row[1].to_owned(), row[2].to_owned())).collect()
}

fn import(hub: &TestHub, file: &str, more: &[&str]) -> Ran {
    hub.devhub(&[&["import", "-f", file, "-o", "json"], more].concat())
}

#[test]
fn a_dry_run_changes_nothing_and_applying_twice_is_harmless() {
    let hub = TestHub::new();
    hub.apply(&hub.file("small.yaml", SMALL));
    hub.application("ledgerly");
    let before = hub.revision();
    let file = hub.file(
        "subs.csv",
        "application_id,context,version,start_time\n\
         ledgerly,individuals/losses,1.10,2026-03-01T10:00:00Z\n\
         nobody,individuals/losses,1.10,\n\
         ledgerly,individuals/losses,1.10,31 July\n\
         NO ID,individuals/losses,1.10,\n",
    );
    let tally = import(&hub, &file, &[]).exits(4).json();
    assert_eq!((&tally["dry_run"], &tally["imported"], &tally["refused"]), (&true.into(), &1.into(), &3.into()));
    assert_eq!(hub.revision(), before, "a dry run changes nothing");
    let would = ("WOULD_IMPORT".to_owned(), String::new());
    let refused = |reason: &str| ("REFUSED".to_owned(), reason.to_owned());
    let expected = vec![would, refused("APPLICATION_NOT_FOUND"), refused("INVALID_FIELD"), refused("INVALID_FIELD")];
    assert_eq!(verdicts(&hub, "subs.verdicts.csv"), expected);

    let tally = import(&hub, &file, &["--apply"]).exits(4).json();
    assert_eq!((&tally["imported"], &tally["unchanged"]), (&1.into(), &0.into()));
    let subscription = hub.devhub(&["get", "subscription", "ledgerly", "individuals/losses", "1.10", "-o", "json"]);
    assert_eq!(subscription.exits(0).json()["start_time"], "2026-03-01T10:00:00Z");

    let tally = import(&hub, &file, &["--apply"]).exits(4).json();
    assert_eq!((&tally["imported"], &tally["unchanged"]), (&0.into(), &1.into()), "the hub has it already");
}

#[test]
fn a_resumed_import_sends_only_what_is_not_settled() {
    let hub = TestHub::new();
    hub.apply(&hub.file("small.yaml", SMALL));
    hub.application("ledgerly");
    let text = "application_id,context,version\n\
                ledgerly,individuals/losses,1.10\n\
                latecomer,individuals/losses,1.10\n";
    let file = hub.file("subs.csv", text);
    // A dry run is no progress to resume from.
    import(&hub, &file, &[]).exits(4);
    let tally = import(&hub, &file, &["--apply", "--resume"]).exits(4).json();
    assert_eq!((&tally["skipped"], &tally["rows"]), (&0.into(), &2.into()));

    hub.application("latecomer");
    let tally = import(&hub, &file, &["--apply", "--resume"]).exits(0).json();
    assert_eq!((&tally["skipped"], &tally["imported"], &tally["refused"]), (&1.into(), &1.into(), &0.into()));
    let outcomes: Vec<String> = verdicts(&hub, "subs.verdicts.csv").into_iter().map(|(outcome, _)| outcome).collect();
    assert_eq!(outcomes, ["IMPORTED", "IMPORTED"], "the file has the verdict on every row");

    // A row that was edited since is another row.
    hub.file("subs.csv", &text.replace("latecomer,individuals/losses,1.10", "latecomer,individuals/losses,1.9"));
    let tally = import(&hub, &file, &["--apply", "--resume"]).exits(4).json();
    assert_eq!((&tally["skipped"], &tally["reasons"]["VERSION_NOT_FOUND"]), (&1.into(), &1.into()));
}

#[test]
fn many_rows_go_in_batches_and_each_gets_its_verdict() {
    let hub = TestHub::new();
    hub.apply(&hub.file("small.yaml", SMALL));
    let mut text = "application_id,context,version\n".to_owned();
    for number in 0..1001 {
        text += &format!("nobody-{number},individuals/losses,1.10\n");
    }
    let tally = import(&hub, &hub.file("many.csv", &text), &[]).exits(4).json();
    assert_eq!((&tally["rows"], &tally["reasons"]["APPLICATION_NOT_FOUND"]), (&1001.into(), &1001.into()));
    assert_eq!(verdicts(&hub, "many.verdicts.csv").len(), 1001);
}

#[test]
fn columns_are_found_by_title_and_a_missing_one_is_told() {
    let hub = TestHub::new();
    hub.apply(&hub.file("small.yaml", SMALL));
    hub.application("ledgerly");
    let file = hub.file("theirs.csv", "\u{feff}Version,AppId,Notes,API\n1.10,ledgerly,x,individuals/losses\n");
    let ran = devhub(&["import", "-f", &file]).exits(1);
    assert!(
        ran.err.contains("no column \"application_id\"") && ran.err.contains("Version, AppId, Notes, API"),
        "{}",
        ran.err
    );
    let columns = ["--column", "application_id=AppId", "--column", "context=API", "--column", "version=Version"];
    import(&hub, &file, &columns).exits(0);
    let ran = devhub(&["import", "-f", &file, "--column", "app=AppId"]).exits(64);
    assert!(ran.err.contains("write COLUMN=TITLE"), "{}", ran.err);
    devhub(&["import", "-f", &file, "--resume"]).exits(64);
}

#[test]
fn the_examples_do_what_their_readme_says() {
    let hub = TestHub::new();
    hub.apply(&example("hmrc-mtd/catalogue.yaml"));
    hub.apply(&example("procore-rest/catalogue.yaml"));
    for application in ["ledgerly", "taxfolio", "buildsync"] {
        hub.application(application);
    }
    for (name, refusals) in [
        ("hmrc-mtd", &[("VERSION_RETIRED", 1), ("VERSION_DEPRECATED", 1)][..]),
        ("procore-rest", &[("VERSION_RETIRED", 1)]),
    ] {
        let file = example(&format!("{name}/subscriptions.csv"));
        let verdicts = hub.path("verdicts.csv").display().to_string();
        for more in [&[][..], &["--apply"]] {
            let tally = import(&hub, &file, &[&["--verdicts", &verdicts], more].concat()).exits(4).json();
            assert_eq!(tally["refused"], refusals.len(), "{tally}");
            for (reason, count) in refusals {
                assert_eq!(tally["reasons"][*reason], *count, "{tally}");
            }
        }
    }
    // A subscription that is older than the deprecation still lets calls pass.
    let allowed = hub.devhub(&["check", "--client", "client-of-ledgerly", "individuals/reliefs", "2.0"]).exits(0);
    assert!(allowed.out.contains("Deprecation: @1776294000"), "16 April 2026, 00:00 in London: {}", allowed.out);
    assert!(!allowed.out.contains("Sunset:"), "no retirement is announced: {}", allowed.out);
    hub.devhub(&["check", "--client", "client-of-buildsync", "vapid", "1.0"]).exits(3);
}
