//! What became of applications in a move.

use devhub_proto::v1;
use serde::Serialize;

use crate::cli::output::Row;
use crate::cli::words::wire_name;

/// The result for one application.
#[derive(Debug, Clone, Serialize)]
pub struct MoveView {
    application_id: String,
    outcome: String,
    reason: String,
    message: String,
    revision: u64,
}

impl From<v1::MoveResult> for MoveView {
    fn from(result: v1::MoveResult) -> MoveView {
        MoveView {
            application_id: result.application_id,
            outcome: wire_name(result.outcome, v1::MoveOutcome::as_str_name, "MOVE_OUTCOME_"),
            reason: result.reason,
            message: result.message,
            revision: result.revision,
        }
    }
}

impl MoveView {
    fn why(&self) -> String {
        if self.reason.is_empty() { String::new() } else { format!("{} [{}]", self.message, self.reason) }
    }
}

impl Row for MoveView {
    const HEADER: &'static [&'static str] = &["APPLICATION", "OUTCOME", "WHY"];

    fn cells(&self) -> Vec<String> {
        vec![self.application_id.clone(), self.outcome.clone(), self.why()]
    }
}

/// The counts.
#[derive(Debug, Clone, Default, Serialize)]
pub struct MoveCounts {
    moved: i64,
    already_moved: i64,
    undone: i64,
    /// Applications that were refused.
    pub refused: i64,
}

impl MoveCounts {
    /// Adds the counts of one call.
    pub fn add(&mut self, summary: &v1::MoveSummary) {
        self.moved += summary.moved;
        self.already_moved += summary.already_moved;
        self.undone += summary.undone;
        self.refused += summary.refused;
    }

    /// For people.
    pub fn text(&self, dry_run: bool) -> String {
        let MoveCounts { moved, already_moved, undone, refused } = self;
        let prefix = if dry_run { "Nothing was changed; it would be: " } else { "" };
        format!("{prefix}{moved} moved, {already_moved} moved before, {undone} undone, {refused} refused.\n")
    }
}
