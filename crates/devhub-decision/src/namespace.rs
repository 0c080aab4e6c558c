//! Namespaces: all that lies under one prefix of contexts, with dates of its own.

use hashbrown::HashMap;

use crate::brownout::Brownout;
use crate::entry::Links;
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

/// All namespaces, by environment and name.
#[derive(Clone, Default)]
pub(crate) struct Namespaces([HashMap<Box<str>, NamespaceEntry>; Environment::ALL.len()]);

impl Namespaces {
    /// Sets one under its name.
    pub(crate) fn set(&mut self, entry: NamespaceEntry) {
        self.0[entry.environment as usize].insert(entry.namespace.clone(), entry);
    }

    /// Those that a context lies in, innermost first: one look-up for each segment of the context.
    pub(crate) fn enclosing<'n>(
        &'n self,
        context: &str,
        environment: Environment,
    ) -> impl Iterator<Item = &'n NamespaceEntry> {
        let named = &self.0[environment as usize];
        // Most hubs have no namespace with dates.
        let context = if named.is_empty() { None } else { Some(context) };
        let ends = context.into_iter().flat_map(|context| {
            let slashes = context.rmatch_indices('/').map(|(position, _)| position);
            std::iter::once(context.len()).chain(slashes).map(|end| &context[..end])
        });
        ends.filter_map(|name| named.get(name))
    }

    /// Each of them.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &NamespaceEntry> {
        self.0.iter().flat_map(HashMap::values)
    }
}
