//! Judging what is said of the audit trail and of the log of decisions.

use std::path::PathBuf;

use super::value::Values;
use super::{Audit, Signing};
use crate::gateway::Sampling;

impl Values<'_> {
    /// What is signed of the audit trail, and what is sampled of decisions.
    pub(super) fn audit(&mut self) -> Option<Audit> {
        let key_file = self.file("audit_key_file", "make one with `devhub audit key`, or leave it out");
        let heads_file = self.file("audit_heads_file", "name one outside of data_dir, or leave it out");
        let commits = self.number("audit_head_commits", 1..=1_000_000);
        let seconds = self.number("audit_head_seconds", 1..=86_400);
        let file = self.file("decision_log_file", "name one, or leave it out");
        let every = self.number("decision_log_every", 1..=1_000_000_000);
        let denials_per_second = self.number("decision_log_denials_per_second", 0..=1_000_000);
        let file_bytes_max = self.number("decision_log_file_bytes_max", 65_536..=1_099_511_627_776);
        let signing = match (key_file?, heads_file?) {
            (Some(key_file), Some(heads_file)) => {
                Some(Signing { key_file, heads_file, commits: commits?, seconds: seconds? })
            }
            (None, None) => None,
            (Some(_), None) => {
                let limit = "audit_heads_file is not set, so no head is kept";
                self.wrong("audit_key_file", limit, "name the file that heads are appended to, or leave out both");
                return None;
            }
            (None, Some(_)) => {
                let limit = "audit_key_file is not set, so no head is signed";
                self.wrong("audit_heads_file", limit, "make a key with `devhub audit key`, or leave out both");
                return None;
            }
        };
        let (every, denials_per_second, file_bytes_max) = (every?, denials_per_second?, file_bytes_max?);
        let sampling = file?.map(|file| Sampling { file, every, denials_per_second, file_bytes_max });
        Some(Audit { signing, sampling })
    }

    fn file(&mut self, name: &'static str, remedy: &str) -> Option<Option<PathBuf>> {
        self.optional(name, "it must name a file", remedy, |text| (!text.is_empty()).then(|| PathBuf::from(text)))
    }
}
