//! The schedule of a single operation of a version, where the policy allows one.

use devhub_decision::Schedule;

use super::ledger::{LedgerEnd, OperationName};

/// The dates that end one operation before its version ends, and what to call instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationSchedule {
    /// HTTP method.
    pub method: String,
    /// Path below the context, as the version's endpoints state it.
    pub path: String,
    /// The dates.
    pub schedule: Schedule,
    /// The operation to call instead.
    pub replacement: Option<OperationName>,
    /// Where that one is documented; empty for none.
    pub replacement_uri: String,
    /// How far its ledger has come.
    pub ledger: LedgerEnd,
}
