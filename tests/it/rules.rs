//! Every rule that this release promises is proven by a test that names it.

use std::collections::BTreeSet;
use std::path::Path;

/// The rules and defects of the domain that devhub promises to keep, and to be without.
const PROMISED: &[&str] = &[
    "b01", "b02", "b03", "b04", "b05", "b06", "b07", "b08", "b09", "b10", "b11", "b12", "b13", "b14", "b16", "b19",
    "b20", "b21", "b22", "b23", "b24", "b25", "b28", "b30", "b31", "b32", "b34", "b38", "b39", "b40", "b41", "b42",
    "b43", "b49", "b50", "b51", "b56", "b57", "b59", "b60", "b61", "b62", "b63", "b92", "x1", "x4", "x5", "x6", "x7",
    "x9", "x10", "b26", "b29", "x8", "b15", "b17", "b18", "b44", "b45", "b46", "b47", "b48", "x2", "x3", "b33", "b91",
    "x11", "b27", "b35", "b36", "b37", "b71", "b72", "b65", "b66", "b69", "b70", "b90", "b52", "b53", "b54", "b55",
    "b67", "b68", "b83", "b84", "b73", "b74", "b75", "b81", "b82", "b85", "b88", "b89", "b58", "b76", "b77", "b78",
    "b79", "b80", "b86", "b87", "x13", "b93", "x12", "b64",
];

fn names(directory: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            names(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(path).unwrap();
            let functions = text.lines().filter_map(|line| line.trim().split_once("fn ")).map(|(_, rest)| rest);
            for function in functions {
                let name = function.split(['(', '<']).next().unwrap();
                found.extend(name.split('_').map(str::to_owned));
            }
        }
    }
}

#[test]
fn every_promised_rule_is_named_by_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = BTreeSet::new();
    for directory in ["src", "tests", "crates"] {
        names(&root.join(directory), &mut found);
    }
    let missing: Vec<&str> = PROMISED.iter().copied().filter(|rule| !found.contains(*rule)).collect();
    assert!(missing.is_empty(), "no test names {missing:?}");
}
