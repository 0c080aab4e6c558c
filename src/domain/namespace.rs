//! Namespaces: all APIs whose context begins with a name. They share an end, as Procore's Vapid did.

use std::borrow::Cow;
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use devhub_decision::namespace::covers;
use devhub_decision::{Brownout, Environment, Lifecycle, Schedule};

use super::ledger::LedgerEnd;
use super::name::Context;
use super::version::Version;

/// What a namespace has in one environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamespaceDeployment {
    /// The dates that end every version in it. Its maturity is that of what it is made for: STABLE.
    pub lifecycle: Lifecycle,
    /// Short denials that concern every version in it.
    pub brownouts: Vec<Brownout>,
    /// The namespace that replaces it.
    pub successor: Option<Context>,
    /// Where that one is documented; empty for none.
    pub successor_uri: String,
    /// How far its ledger has come.
    pub ledger: LedgerEnd,
}

/// A namespace that has a schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace {
    /// Its name.
    pub name: Context,
    /// Where it has a schedule.
    pub deployments: BTreeMap<Environment, NamespaceDeployment>,
}

impl Namespace {
    /// The dates in one environment.
    pub fn schedule(&self, environment: Environment) -> Schedule {
        self.deployments.get(&environment).map_or(Schedule::Open, |deployment| deployment.lifecycle.schedule)
    }
}

/// The namespaces that a context lies in, outermost first; its own name is one of them.
pub fn enclosing(context: &Context) -> Vec<Context> {
    let text = context.as_str();
    let ends = text.match_indices('/').map(|(position, _)| position).chain([text.len()]);
    // A first segment of one character is no valid context, so it can have no schedule.
    ends.filter_map(|end| text[..end].parse().ok()).collect()
}

/// Whether a context lies in a namespace.
pub fn contains(namespace: &Context, context: &Context) -> bool {
    covers(namespace.as_str(), context.as_str())
}

/// The version with the dates that count: its own, under those of every namespace that it lies in. `find` knows the
/// namespaces.
pub fn effective<'v, 'n>(version: &'v Version, find: impl Fn(&Context) -> Option<&'n Namespace>) -> Cow<'v, Version> {
    let namespaces: Vec<&Namespace> = enclosing(&version.name.context).iter().filter_map(find).collect();
    if namespaces.is_empty() {
        return Cow::Borrowed(version);
    }
    let mut version = version.clone();
    for (environment, deployment) in &mut version.deployments {
        let schedule = &mut deployment.lifecycle.schedule;
        *schedule = namespaces.iter().fold(*schedule, |own, outer| own.under(outer.schedule(*environment)));
    }
    Cow::Owned(version)
}

/// Removes what has ended, so that a record does not grow without end.
pub(super) fn pending(brownouts: &[Brownout], now: DateTime<Utc>) -> Vec<Brownout> {
    brownouts.iter().filter(|window| window.until > now).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_lies_in_every_namespace_that_begins_it_at_a_slash() {
        let context: Context = "rest/v1.0/companies".parse().expect("valid");
        let names: Vec<_> = enclosing(&context).iter().map(ToString::to_string).collect();
        assert_eq!(names, ["rest", "rest/v1.0", "rest/v1.0/companies"]);
        assert!(enclosing(&context).iter().all(|namespace| contains(namespace, &context)));
        assert!(!contains(&"re".parse().expect("valid"), &context));
        assert!(!contains(&"rest/v1".parse().expect("valid"), &context));
    }
}
