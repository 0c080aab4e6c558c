//! The etags that a plan rests on, kept up to date while it is applied.

use std::collections::BTreeMap;

use super::action::{Action, EndTarget};
use super::read::Actual;

/// Etags by API and version; an API itself stands under an empty label, a namespace under a name that no API has.
#[derive(Debug, Clone)]
pub struct Etags(BTreeMap<(String, String), String>);

impl Etags {
    /// The etags as they were read.
    pub fn of(actual: &Actual) -> Etags {
        let mut etags = BTreeMap::new();
        for (context, api) in &actual.apis {
            etags.insert((context.clone(), String::new()), api.etag.clone());
            for version in &api.versions {
                etags.insert((context.clone(), version.entry.version.clone()), version.etag.clone());
            }
        }
        for (name, namespace) in &actual.namespaces {
            etags.insert((namespace_key(name), String::new()), namespace.etag.clone());
        }
        Etags(etags)
    }

    /// The etag of what `action` changes; empty for what it creates.
    pub fn get(&self, action: &Action) -> &str {
        self.0.get(&key(action)).map_or("", String::as_str)
    }

    /// Remembers the etag that `action` left behind: the next action on the same thing builds on it.
    pub fn put(&mut self, action: &Action, etag: String) {
        self.0.insert(key(action), etag);
    }
}

/// What shares an etag: the actions on it are made one after the other, or together.
pub fn key(action: &Action) -> (String, String) {
    if let Action::ChangeLifecycle { target: EndTarget::Namespace(name), .. } = action {
        return (namespace_key(name), String::new());
    }
    let label = action.version().map(|name| name.version).unwrap_or_default();
    (action.context().to_owned(), label)
}

fn namespace_key(name: &str) -> String {
    format!("namespace {name}")
}
