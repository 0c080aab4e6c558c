//! What is linked in stays acceptable: `deny.toml` refuses what it should refuse, seen on the real graph of dependencies
//! with one thing in it made wrong. `.ci/run` installs cargo-deny and asks it about the graph as it is.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

#[path = "peers/process.rs"]
mod process;
#[path = "peers/provision.rs"]
#[expect(dead_code, reason = "those who install their peers themselves use the rest")]
mod provision;

use std::path::{Path, PathBuf};
use std::process::Command;

use provision::{Missing, VERSION_LIMIT, have, or_skip};
use serde_json::{Value, json};

/// The release of cargo-deny that `.ci/run` installs.
fn pinned() -> String {
    let script = std::fs::read_to_string(root().join(".ci/run")).unwrap();
    let (_, rest) = script.split_once("cargo-deny --locked --version ").unwrap();
    rest.split_whitespace().next().unwrap().to_owned()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// cargo-deny, beside the build or on the path.
fn deny() -> Result<PathBuf, Missing> {
    let build = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let beside = build.join("peers/cargo-deny/bin/cargo-deny");
    let program = if beside.exists() { beside } else { PathBuf::from("cargo-deny") };
    let version = have(Command::new(&program).arg("--version"), VERSION_LIMIT)
        .map_err(|Missing(why)| Missing(format!("{why}; .ci/run says how it is installed")))?;
    let wanted = pinned();
    if version.trim().ends_with(&wanted) {
        return Ok(program);
    }
    Err(Missing(format!("{} is {}, not {wanted}", program.display(), version.trim())))
}

/// The graph of dependencies as Cargo tells it.
fn graph() -> Value {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let args = ["metadata", "--locked", "--offline", "--all-features", "--format-version", "1"];
    let told = Command::new(cargo).args(args).current_dir(root()).output().unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    serde_json::from_slice(&told.stdout).unwrap()
}

/// What cargo-deny says of a graph, and whether it is content.
fn judged(program: &Path, graph: &Value, checks: &[&str]) -> (bool, String) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("metadata.json");
    std::fs::write(&file, graph.to_string()).unwrap();
    let mut command = Command::new(program);
    command.arg("--config").arg(root().join("deny.toml")).arg("--metadata-path").arg(&file);
    let said = command.arg("check").args(checks).current_dir(root()).output().unwrap();
    (said.status.success(), [said.stdout, said.stderr].concat().iter().map(|byte| char::from(*byte)).collect())
}

const CHECKS: [&str; 3] = ["bans", "licenses", "sources"];

fn package<'a>(graph: &'a mut Value, name: &str) -> &'a mut Value {
    let packages = graph["packages"].as_array_mut().unwrap();
    packages.iter_mut().find(|package| package["name"] == name).unwrap()
}

#[test]
fn a_dependency_that_is_not_acceptable_fails_the_check() {
    const TEST: &str = "a_dependency_that_is_not_acceptable_fails_the_check";
    let Some(program) = or_skip(TEST, deny()) else { return };
    let graph = graph();
    let (content, said) = judged(&program, &graph, &CHECKS);
    assert!(content, "{said}");

    let mut copyleft = graph.clone();
    package(&mut copyleft, "semver")["license"] = json!("GPL-3.0-only");
    let mut unsaid = graph.clone();
    let silent = package(&mut unsaid, "semver");
    (silent["license"], silent["manifest_path"]) = (Value::Null, json!("/nowhere/Cargo.toml"));
    // As the graph names them everywhere: a release that was replaced, a crate under the name of one that is banned.
    let renamed =
        |from: &str, to: &str| -> Value { serde_json::from_str(&graph.to_string().replace(from, to)).unwrap() };
    let present = format!("h2@{}", package(&mut graph.clone(), "h2")["version"].as_str().unwrap());
    let mut old = renamed(&present, "h2@0.4.15");
    package(&mut old, "h2")["version"] = json!("0.4.15");
    let banned = renamed("semver", "bincode");
    let index = "registry+https://github.com/rust-lang/crates.io-index";
    let elsewhere = |source: &str| {
        let id = package(&mut graph.clone(), "semver")["id"].as_str().unwrap().to_owned();
        let mut moved = renamed(&id, &id.replace(index, source));
        package(&mut moved, "semver")["source"] = json!(source);
        moved
    };
    let registry = elsewhere("registry+https://crates.example/index");
    let git = elsewhere("git+https://git.example/semver?rev=0123456#0123456789012345678901234567890123456789");
    for (what, graph, failed) in [
        ("a licence that is not allowed", copyleft, "licenses FAILED"),
        ("no licence", unsaid, "licenses FAILED"),
        ("a release with a known defect", old, "bans FAILED"),
        ("a crate that is banned", banned, "bans FAILED"),
        ("a registry that is not known", registry, "sources FAILED"),
        ("a repository that is not known", git, "sources FAILED"),
    ] {
        let (content, said) = judged(&program, &graph, &CHECKS);
        assert!(!content && said.contains(failed), "{what}: {said}");
    }
}

#[test]
fn an_advisory_about_a_dependency_fails_the_check_and_a_local_copy_of_them_is_enough() {
    const TEST: &str = "an_advisory_about_a_dependency_fails_the_check_and_a_local_copy_of_them_is_enough";
    let Some(program) = or_skip(TEST, deny()) else { return };
    let directory = tempfile::tempdir().unwrap();
    let copy = directory.path().join("advisory-db");
    let advise = |number: &str, package: &str, patched: &str| {
        let place = copy.join("crates").join(package);
        std::fs::create_dir_all(&place).unwrap();
        let text = format!(
            "```toml\n[advisory]\nid = \"RUSTSEC-2026-{number}\"\npackage = \"{package}\"\ndate = \"2026-01-01\"\n\n\
             [versions]\npatched = [\"{patched}\"]\n```\n\n# A defect\n\nFor a test.\n"
        );
        std::fs::write(place.join(format!("RUSTSEC-2026-{number}.md")), text).unwrap();
    };
    let git = |args: &[&str]| {
        let who = ["-c", "user.name=A test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"];
        let mut git = Command::new("git");
        git.args(who).args(args).current_dir(&copy).env_remove("GIT_DIR").env_remove("GIT_INDEX_FILE");
        assert!(git.status().unwrap().success(), "{args:?}");
    };
    let commit = || {
        git(&["add", "--all"]);
        git(&["commit", "--quiet", "--message", "Advisories"]);
    };
    let check = || {
        let mut script = Command::new(root().join(".ci/advisories"));
        script.env("DEVHUB_ADVISORY_DB", &copy).env("CARGO_DENY", &program);
        let said = script.current_dir(root()).output().unwrap();
        (said.status.success(), String::from_utf8_lossy(&[said.stdout, said.stderr].concat()).into_owned())
    };
    advise("9001", "semver", ">= 0.1.0");
    git(&["init", "--quiet", "--initial-branch", "main"]);
    commit();
    let (content, said) = check();
    assert!(content, "{said}");
    advise("9002", "semver", ">= 999.0.0");
    commit();
    let (content, said) = check();
    assert!(!content && said.contains("RUSTSEC-2026-9002"), "{said}");
}
