//! Namespaces: contexts that begin alike and are deprecated together, as one old host or prefix of a whole platform.

use std::collections::BTreeMap;

use crate::brownout::Brownout;
use crate::entry::{Links, VersionEntry};
use crate::facts::VersionFacts;
use crate::lifecycle::Schedule;
use crate::stage::Environment;

/// One namespace in one environment. It covers the context of its own name and all below it: `vapid` covers `vapid` and
/// `vapid/companies`, not `vapidity`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamespaceEntry {
    /// The contexts that it covers begin with this.
    pub namespace: Box<str>,
    /// In which environment.
    pub environment: Environment,
    /// The dates that end everything in it.
    pub schedule: Schedule,
    /// Windows in which everything in it is denied while it is deprecated.
    pub brownouts: Box<[Brownout]>,
    /// The namespace that replaces it, when one is named.
    pub successor: Option<Box<str>>,
    /// The pages that the headers of its versions point to, after those of the version itself.
    pub links: Links,
}

impl NamespaceEntry {
    /// It covers this context.
    pub fn covers(&self, context: &str) -> bool {
        let rest = context.strip_prefix(&*self.namespace);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// All namespaces that the table was told of.
#[derive(Debug, Clone, Default)]
pub(crate) struct Namespaces(BTreeMap<(Environment, Box<str>), NamespaceEntry>);

impl Namespaces {
    /// Sets a namespace under its name.
    pub(crate) fn set(&mut self, entry: NamespaceEntry) {
        self.0.insert((entry.environment, entry.namespace.clone()), entry);
    }

    /// Those that cover a context, innermost first.
    pub(crate) fn covering<'n>(
        &'n self,
        context: &'n str,
        environment: Environment,
    ) -> impl Iterator<Item = &'n NamespaceEntry> {
        let whole = std::iter::once(context.len());
        let boundaries = context.rmatch_indices('/').map(|(position, _)| position);
        let none = self.0.is_empty();
        whole.chain(boundaries).take_while(move |_| !none).filter_map(move |end| {
            // The key is borrowed in parts nowhere else, so the few look-ups of a change may each cost an allocation.
            self.0.get(&(environment, Box::from(&context[..end])))
        })
    }

    /// A version under those that cover it.
    pub(crate) fn over(&self, version: VersionEntry) -> VersionFacts {
        let covering: Vec<NamespaceEntry> =
            self.covering(&version.name.context, version.environment).cloned().collect();
        VersionFacts::within(version, &covering)
    }

    /// Each of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &NamespaceEntry> {
        self.0.values()
    }
}
