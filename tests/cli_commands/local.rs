//! Commands that need no hub, and the hub as a process.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use super::hub::{binary, devhub};

/// A hub as a process; ended when the test ends, whatever happens.
struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn config_shows_where_each_value_comes_from() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("devhub.toml");
    std::fs::write(&file, "data_dir = '/srv/devhub'\ndrain_seconds = 5\n").expect("written");
    let file = file.display().to_string();
    let run = |args: &[&str]| {
        let all = [&["config", "--config", &file, "-o", "json"], args].concat();
        super::hub::Ran::from(binary(&all).env("DEVHUB_WRITE_QUEUE", "7").output().expect("it runs"))
    };
    let json = run(&["--drain-seconds", "6"]).exits(0).json();
    let setting = |name: &str| {
        let all = json.as_array().expect("a list");
        let one = all.iter().find(|setting| setting["name"] == name).expect(name).clone();
        (one["value"].as_str().unwrap_or_default().to_owned(), one["origin"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(setting("drain_seconds"), ("6".into(), "flag".into()));
    assert_eq!(setting("write_queue"), ("7".into(), "environment".into()));
    assert_eq!(setting("data_dir"), ("/srv/devhub".into(), "file".into()));
    assert_eq!(setting("reflection"), ("true".into(), "default".into()));
    let wrong = run(&["--drain-seconds", "301", "--cors-origins", "*"]).exits(1);
    assert!(wrong.err.contains("drain_seconds is \"301\" (flag --drain-seconds)"), "{}", wrong.err);
    assert!(
        wrong.err.contains("cors_origins is \"*\"") && wrong.err.contains("every page on the web"),
        "{}",
        wrong.err
    );
}

#[test]
fn serve_refuses_a_wrong_configuration() {
    let ran = devhub(&["serve"]).exits(1);
    assert!(ran.err.contains("data_dir is not set") && ran.err.contains("--data-dir"), "{}", ran.err);
}

#[test]
fn a_hub_serves_and_its_data_can_be_backed_up_examined_and_restored() {
    let directory = tempfile::tempdir().expect("a directory");
    let data = directory.path().join("data").display().to_string();
    let args = ["serve", "--data-dir", &data, "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
    let mut command = binary(&[&args[..], &["--log-format", "json"]].concat());
    let mut served = Served(command.stderr(Stdio::piped()).spawn().expect("it runs"));
    let lines = BufReader::new(served.0.stderr.take().expect("a pipe")).lines();
    let address = lines
        .map(|line| line.expect("a line"))
        .find_map(|line| {
            let line: serde_json::Value = serde_json::from_str(&line).expect("log lines are JSON");
            line["fields"]["listen"].as_str().map(str::to_owned)
        })
        .expect("the address is logged");
    let url = format!("http://{address}");
    assert!(devhub(&["list", "policies", "--server", &url]).exits(0).out.contains("hmrc-mtd"));
    let catalogue = super::hub::example("procore-rest/catalogue.yaml");
    devhub(&["apply", "-f", &catalogue, "--server", &url]).exits(0);

    let locked = devhub(&["doctor", "--data-dir", &data]).exits(1);
    assert!(locked.err.starts_with("error: "), "{}", locked.err);
    let backup = directory.path().join("hub.backup").display().to_string();
    let written = devhub(&["backup", "--data-dir", &data, &backup, "-o", "json"]).exits(0).json();
    let verified = devhub(&["backup", "--verify", &backup, "-o", "json"]).exits(0).json();
    assert_eq!(written, verified);
    devhub(&["backup", "--data-dir", &data, &backup]).exits(1);
    let pid = rustix::process::Pid::from_child(&served.0);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it runs");
    assert!(served.0.wait().expect("it stops").success(), "told to stop, it stops cleanly");

    assert!(devhub(&["doctor", "--data-dir", &data]).exits(0).out.contains("nothing is wrong"));
    let restored = directory.path().join("restored").display().to_string();
    let ran = devhub(&["restore", "--data-dir", &restored, &backup, "-o", "json"]).exits(0).json();
    assert_eq!(ran["revision"], written["revision"]);
    assert_ne!(ran["new_epoch"], written["epoch"]);
    devhub(&["restore", "--data-dir", &restored, &backup]).exits(1);
}

#[test]
fn completions_know_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        assert!(devhub(&["completions", shell]).exits(0).out.contains("explain"), "{shell}");
    }
}
