//! The threat model keeps its word: every threat has its row, and every test that a row names is there.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

use std::collections::BTreeSet;
use std::path::Path;

const DOCUMENT: &str = include_str!("../docs/threats.md");

/// Threats that there are.
const THREATS: usize = 26;

/// A row of the table.
#[derive(Debug, PartialEq, Eq)]
struct Row<'a> {
    number: usize,
    tests: Vec<&'a str>,
    open: Option<&'a str>,
}

/// The rows of the table of threats.
fn rows(document: &str) -> Result<Vec<Row<'_>>, String> {
    let mut rows = Vec::new();
    for line in document.lines() {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let Some(number) = cells.first().and_then(|cell| cell.parse().ok()) else { continue };
        let [_, who, how, defence, shown] = cells[..] else {
            return Err(format!("row {number} has {} cells", cells.len()));
        };
        if [who, how, defence].iter().any(|cell| cell.is_empty()) {
            return Err(format!("row {number} leaves something out"));
        }
        let (named, open) = match shown.split_once("open:") {
            Some((named, why)) => (named, Some(why.trim())),
            None => (shown, None),
        };
        let tests: Vec<&str> = named.split('`').skip(1).step_by(2).collect();
        if open.is_some_and(str::is_empty) || (tests.is_empty() && open.is_none()) {
            return Err(format!("row {number} names no test and does not say what is open"));
        }
        rows.push(Row { number, tests, open });
    }
    Ok(rows)
}

/// Names of functions that are tests: those that an attribute above them says are.
fn tests_below(directory: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            tests_below(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.extend(tests_in(&std::fs::read_to_string(path).unwrap()));
        }
    }
}

fn tests_in(text: &str) -> Vec<String> {
    let (mut tests, mut marked) = (Vec::new(), false);
    for line in text.lines().map(str::trim) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            marked = true;
        } else if let Some((_, name)) = line.split_once("fn ").filter(|_| marked) {
            tests.extend(name.split(['(', '<']).next().map(str::to_owned));
            marked = false;
        } else if !line.starts_with("#[") && !line.starts_with("//") {
            marked = false;
        }
    }
    tests
}

#[test]
fn every_threat_is_shown_by_tests_that_exist_or_said_to_be_open() {
    let rows = rows(DOCUMENT).unwrap();
    let numbers: Vec<usize> = rows.iter().map(|row| row.number).collect();
    assert_eq!(numbers, (1..=THREATS).collect::<Vec<_>>());
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut there = BTreeSet::new();
    for directory in ["src", "tests", "crates"] {
        tests_below(&root.join(directory), &mut there);
    }
    let gone: Vec<(usize, &str)> = rows
        .iter()
        .flat_map(|row| row.tests.iter().map(|test| (row.number, *test)))
        .filter(|(_, test)| !there.contains(*test))
        .collect();
    assert!(gone.is_empty(), "rows name tests that do not exist: {gone:?}");
}

#[test]
fn a_row_that_shows_nothing_is_noticed() {
    let row = |shown: &str| format!("| 7 | who | how | what | {shown} |");
    let told = row("`one`, `two`; open: the third");
    let expected = Row { number: 7, tests: vec!["one", "two"], open: Some("the third") };
    assert_eq!(rows(&told).unwrap(), [expected]);
    for (shown, refused) in [("`one`", false), ("open: why", false), ("", true), ("trust us", true), ("open:", true)] {
        assert_eq!(rows(&row(shown)).is_err(), refused, "{shown:?}");
    }
    assert!(rows("| 7 | who | | what | `one` |").is_err() && rows("| 7 | who | how | `one` |").is_err());
    let source = "#[test]\nfn one() {}\nfn two() {}\n#[tokio::test(flavor = \"x\")]\nasync fn three() {";
    assert_eq!(tests_in(source), ["one", "three"]);
}
