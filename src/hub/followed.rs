//! What of the decision table is sent to one gateway: an environment, of all APIs or of some.

use std::collections::BTreeSet;
use std::sync::Arc;

use devhub_decision::{Change, Environment, NO_CONTEXT};

/// What of the table one gateway sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Followed {
    /// Its environment.
    pub environment: Environment,
    /// The contexts that it is about; `None` for all of them. What belongs to no context is there in any case.
    pub contexts: Option<Arc<BTreeSet<Box<str>>>>,
}

impl Followed {
    /// All of an environment.
    pub fn whole(environment: Environment) -> Followed {
        Followed { environment, contexts: None }
    }

    /// A row is in it.
    pub fn shows(&self, row: &Change) -> bool {
        row.concerns(self.environment) && row.context().is_none_or(|context| self.is_about(context))
    }

    /// Whether rows of a context are in it.
    pub(super) fn is_about(&self, context: &str) -> bool {
        context == NO_CONTEXT || self.contexts.as_ref().is_none_or(|contexts| contexts.contains(context))
    }

    /// The keys under which digests of its rows are kept, unless it is whole.
    pub(super) fn parts(&self) -> Option<impl Iterator<Item = &str>> {
        let contexts = self.contexts.as_ref()?;
        Some(contexts.iter().map(|context| &**context).chain([NO_CONTEXT]))
    }
}
