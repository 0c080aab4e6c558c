//! What may come from outside, one function for each kind: bytes in, and whatever they are, no panic.
//!
//! Fuzzers drive these functions (`fuzz/`), and the test below replays the inputs that they found worth keeping. Where
//! more than survival is promised, the function asserts it.

mod call;
mod copy;
pub(crate) mod empty;
mod request;
#[cfg(test)]
mod seeds;
mod text;

use crate::access::hostile as access;
use crate::audit::hostile as audit;
use crate::gateway::hostile as gateway;
use crate::store::hostile as store;

/// A function that survives every input.
pub type Target = fn(&[u8]);

/// All of them, by the name of their corpus.
pub const TARGETS: [(&str, Target); 18] = [
    ("authzen", gateway::authzen),
    ("backup", store::backup),
    ("call", call::call),
    ("catalogue", text::catalogue),
    ("certificate", access::certificate),
    ("configuration", text::configuration),
    ("copy", copy::copy),
    ("frame", store::frame),
    ("key_set", access::key_set),
    ("name", text::name),
    ("page_token", text::page_token),
    ("plan_token", text::plan_token),
    ("policies", text::policies),
    ("record", store::record),
    ("request", request::request),
    ("resume_token", gateway::resume_token),
    ("token", access::token),
    ("trail", audit::trail),
];

/// Runs the function of this name.
///
/// # Panics
/// When there is none, or when it does not survive.
pub fn run(name: &str, bytes: &[u8]) {
    let (_, target) = TARGETS.iter().find(|(known, _)| *known == name).expect("every program names its function");
    target(bytes);
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_input_that_was_worth_keeping_is_survived() {
        let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
        for (name, target) in TARGETS {
            let inputs = fs::read_dir(corpora.join(name)).expect(name).map(|entry| entry.expect(name).path());
            let mut seen = 0;
            for input in inputs {
                target(&fs::read(&input).expect(name));
                seen += 1;
            }
            assert!(seen > 0, "the corpus of {name} is empty");
        }
    }

    #[test]
    fn every_corpus_and_every_program_has_its_function() {
        let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
        let names = |directory: &str| {
            let entries = fs::read_dir(fuzz.join(directory)).expect(directory);
            let stem = |entry: fs::DirEntry| entry.path().file_stem().map(|stem| stem.to_string_lossy().into_owned());
            let mut names: Vec<String> = entries.filter_map(|entry| stem(entry.expect(directory))).collect();
            names.sort();
            names
        };
        let known: Vec<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(names("corpus"), known);
        assert_eq!(names("fuzz_targets"), known);
    }
}
