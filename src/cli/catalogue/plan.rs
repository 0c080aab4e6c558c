//! A plan: what would be done, in which order, and what stands in the way.

use serde::Serialize;

use super::action::Action;
use super::entry::VersionRef;
use crate::cli::words::Environment;

/// One value that changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Name of the field.
    pub field: String,
    /// Value on the hub; empty if there is none.
    pub before: String,
    /// Value in the file; empty if there is none.
    pub after: String,
}

impl Change {
    /// A change of `field`, unless the two are equal.
    pub fn between(field: &str, before: impl ToString, after: impl ToString) -> Option<Change> {
        let change = Change { field: field.to_owned(), before: before.to_string(), after: after.to_string() };
        (change.before != change.after).then_some(change)
    }
}

/// Who feels a change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Affected {
    /// Live subscriptions.
    pub subscriptions: i64,
    /// Their applications; only the first few.
    pub applications: Vec<String>,
}

/// One call of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The call.
    #[serde(flatten)]
    pub action: Action,
    /// What it changes, value by value.
    pub changes: Vec<Change>,
    /// Who feels it.
    pub affected: Affected,
    /// What the hub thinks an operator should know.
    pub warnings: Vec<String>,
}

impl Step {
    /// A step that nobody has judged yet.
    pub fn new(action: Action, changes: Vec<Change>) -> Step {
        Step { action, changes, affected: Affected::default(), warnings: Vec::new() }
    }
}

/// Something that the file says and that cannot be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Blocked {
    /// What it concerns, for people.
    pub subject: String,
    /// The version concerned, if one is.
    pub version: Option<VersionRef>,
    /// The environment concerned, if one is.
    pub environment: Option<Environment>,
    /// The reason: one of [`BlockReason`], or an error reason of the hub.
    pub reason: String,
    /// The same in a sentence with its remedy.
    pub message: String,
    /// Who is affected by the version as it is.
    pub affected: Affected,
}

/// Reasons that are known without asking the hub: there is no call that could do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockReason {
    /// A published version is missing from the file.
    VersionOmitted,
    /// A deployment is missing from the file.
    DeploymentOmitted,
    /// The policy differs.
    PolicyChanged,
    /// The endpoints switch differs without a promotion.
    EndpointsSwitched,
    /// The successor is missing from the file.
    SuccessorOmitted,
}

impl BlockReason {
    /// The name that machine-readable output carries.
    pub const fn name(self) -> &'static str {
        match self {
            BlockReason::VersionOmitted => "VERSION_OMITTED",
            BlockReason::DeploymentOmitted => "DEPLOYMENT_OMITTED",
            BlockReason::PolicyChanged => "POLICY_CHANGED",
            BlockReason::EndpointsSwitched => "ENDPOINTS_SWITCHED",
            BlockReason::SuccessorOmitted => "SUCCESSOR_OMITTED",
        }
    }
}

/// What would be done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The calls, in the order in which they are made.
    pub steps: Vec<Step>,
    /// What cannot be done; while anything is listed here, nothing is applied.
    pub blocked: Vec<Blocked>,
}

impl Plan {
    /// Whether hub and file agree.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.blocked.is_empty()
    }
}
