//! Namespaces: all that lies under one prefix of contexts, with dates of its own.

use crate::entry::{Brownout, Links};
use crate::lifecycle::Schedule;
use crate::stage::Environment;

/// One namespace in one environment: its dates hold for every version of every context in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamespaceEntry {
    /// The prefix: `vapid` holds the contexts `vapid` and `vapid/companies`, not `vapidity`.
    pub namespace: Box<str>,
    /// In which environment.
    pub environment: Environment,
    /// The dates that end it.
    pub schedule: Schedule,
    /// Planned short denials while deprecated.
    pub brownouts: Box<[Brownout]>,
    /// The namespace that replaces it, when one is named.
    pub successor: Option<Box<str>>,
    /// The pages that lifecycle headers point to, for versions that have none of their own.
    pub links: Links,
}

/// Whether a context lies in a namespace: they are the same, or the rest begins a new segment.
pub fn covers(namespace: &str, context: &str) -> bool {
    context.strip_prefix(namespace).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
