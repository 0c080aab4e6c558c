//! The README keeps its word: the commands of its tour run against the demonstration and print what it says, and its
//! settings are those of the configuration.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use devhub::config::SETTINGS;

const README: &str = include_str!("../README.md");

/// The demonstration, stopped when the test ends, however it ends.
struct Demo(Child);

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Demo {
    fn start() -> (Demo, String) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_devhub"))
            .args(["demo", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let demo = Demo(child);
        let address = loop {
            let line = lines.next().expect("the demonstration ended before it was ready").unwrap();
            if let Some((_, rest)) = line.split_once("http://") {
                break rest.split_whitespace().next().unwrap().to_owned();
            }
        };
        std::thread::spawn(move || lines.for_each(drop));
        (demo, address)
    }
}

/// The commands of the tour, each with what it must print.
fn tour() -> Vec<(String, Vec<String>)> {
    let mut commands: Vec<(String, Vec<String>)> = Vec::new();
    let blocks = README.split("```sh tour\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    for line in blocks.flat_map(str::lines) {
        match line.strip_prefix("# prints: ") {
            Some(text) => commands.last_mut().unwrap().1.push(text.to_owned()),
            None => commands.push((line.to_owned(), Vec::new())),
        }
    }
    commands
}

#[test]
fn the_tour_runs_and_prints_what_the_readme_says() {
    let (_demo, address) = Demo::start();
    let directory = tempfile::tempdir().unwrap();
    let tour = tour();
    assert!(tour.len() >= 8, "the tour has {} commands", tour.len());
    for (command, prints) in tour {
        let script = format!("devhub() {{ \"$DEVHUB\" \"$@\"; }}\n{command}");
        let done = Command::new("sh")
            .args(["-c", &script])
            .env("DEVHUB", env!("CARGO_BIN_EXE_devhub"))
            .env("DEVHUB_SERVER", format!("http://{address}"))
            .current_dir(directory.path())
            .output()
            .unwrap();
        let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        assert!(done.status.success(), "{command}: {}\n{out}{err}", done.status);
        for text in prints {
            assert!(out.contains(&text), "{command} does not print {text:?}:\n{out}{err}");
        }
    }
}

#[test]
fn every_setting_is_in_the_readme() {
    for setting in SETTINGS {
        assert!(README.contains(&format!("`{}`", setting.name)), "{} is not documented", setting.name);
    }
}
