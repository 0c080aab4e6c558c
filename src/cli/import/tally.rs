//! What became of an import as a whole.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use devhub_proto::v1;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::cli::output::{Format, print_one};
use crate::cli::words::wire_name;

/// Some rows were refused.
const EXIT_REFUSED: u8 = 4;

/// How many rows had which outcome.
#[derive(Debug, Default, Serialize)]
pub(super) struct Tally {
    dry_run: bool,
    rows: u64,
    skipped: u64,
    imported: u64,
    unchanged: u64,
    refused: u64,
    reasons: BTreeMap<String, u64>,
    verdicts: String,
}

/// The word of an outcome. What a dry run says must not pass for done when an import is resumed.
pub(super) fn outcome(number: i32, apply: bool) -> String {
    match v1::ImportOutcome::try_from(number) {
        Ok(v1::ImportOutcome::Imported) if !apply => "WOULD_IMPORT".to_owned(),
        Ok(_) | Err(_) => wire_name(number, v1::ImportOutcome::as_str_name, "IMPORT_OUTCOME_"),
    }
}

/// A bar on a terminal; nothing where nobody watches.
pub(super) fn progress(rows: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} rows, {eta} left");
    ProgressBar::new(rows).with_style(style.expect("the template is valid"))
}

impl Tally {
    /// Nothing yet.
    pub(super) fn new(apply: bool, skipped: u64, verdicts: &Path) -> Tally {
        Tally { dry_run: !apply, skipped, verdicts: verdicts.display().to_string(), ..Tally::default() }
    }

    /// Counts one row.
    pub(super) fn count(&mut self, outcome: &str, reason: &str) {
        self.rows += 1;
        match outcome {
            "IMPORTED" | "WOULD_IMPORT" => self.imported += 1,
            "UNCHANGED" => self.unchanged += 1,
            _ => {
                self.refused += 1;
                *self.reasons.entry(reason.to_owned()).or_default() += 1;
            }
        }
    }

    /// Prints it, and says how the import ends.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub(super) fn finish(&self, output: Format) -> Result<ExitCode> {
        print_one(output, self, &self.fields())?;
        Ok(if self.refused == 0 { ExitCode::SUCCESS } else { ExitCode::from(EXIT_REFUSED) })
    }

    fn fields(&self) -> Vec<(&'static str, String)> {
        let reasons = self.reasons.iter().map(|(reason, count)| format!("{count} {reason}"));
        let imported = if self.dry_run { "would import" } else { "imported" };
        let skipped = if self.skipped > 0 { self.skipped.to_string() } else { String::new() };
        let mut fields = vec![
            ("rows", self.rows.to_string()),
            ("skipped", skipped),
            (imported, self.imported.to_string()),
            ("unchanged", self.unchanged.to_string()),
            ("refused", self.refused.to_string()),
            ("reasons", reasons.collect::<Vec<_>>().join(", ")),
            ("verdicts", self.verdicts.clone()),
        ];
        if self.dry_run {
            fields.push(("next", "this was a dry run: nothing was changed; bring the rows with --apply".to_owned()));
        }
        fields
    }
}
