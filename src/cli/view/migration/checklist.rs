//! Checklists: steps in order, and what they are about.

mod company;
mod developer;

pub use company::CompanyView;
pub use developer::DeveloperView;

use devhub_proto::v1;
use serde::Serialize;

use crate::cli::output::Row;
use crate::cli::words::wire_name;

/// Titles of the columns of a checklist in a spreadsheet; they are stable.
pub const COLUMNS: [&str; 6] = ["of", "topic", "subject", "state", "left", "sentence"];

/// One line of a checklist in a spreadsheet, a text for each of these columns.
pub type Line = [String; 6];

/// One step.
#[derive(Debug, Clone, Serialize)]
pub(super) struct StepView {
    step: String,
    state: String,
    left: u64,
    sentence: String,
}

fn state(number: i32) -> String {
    wire_name(number, v1::ChecklistStepState::as_str_name, "CHECKLIST_STEP_STATE_")
}

impl From<v1::ChecklistStep> for StepView {
    fn from(step: v1::ChecklistStep) -> StepView {
        StepView {
            step: wire_name(step.kind, v1::ChecklistStepKind::as_str_name, "CHECKLIST_STEP_KIND_"),
            state: state(step.state),
            left: step.left,
            sentence: step.sentence,
        }
    }
}

impl StepView {
    fn left(&self) -> String {
        if self.left == 0 { String::new() } else { self.left.to_string() }
    }

    /// The step as a line.
    fn line(&self, of: &str) -> Line {
        [of.to_owned(), self.step.clone(), String::new(), self.state.clone(), self.left(), self.sentence.clone()]
    }
}

impl Row for StepView {
    const HEADER: &'static [&'static str] = &["STEP", "STATE", "LEFT", "WHAT TO DO"];

    fn cells(&self) -> Vec<String> {
        vec![self.step.clone(), self.state.clone(), self.left(), self.sentence.clone()]
    }
}

/// Where in a sentence the days until a date stand.
fn until(time: &Option<String>, days_left: Option<i64>) -> String {
    match (time, days_left) {
        (None, _) => "to be announced".to_owned(),
        (Some(time), Some(days)) => format!("{}, {days} days left", crate::cli::view::brief(time)),
        (Some(time), None) => format!("{}, passed", crate::cli::view::brief(time)),
    }
}
