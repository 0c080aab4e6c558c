//! The versions that the table knows, each under a small number.
//!
//! Subscriptions hold these numbers and nothing else, so deprecating a version touches one slot here and no
//! subscription. A name keeps its number for ever: versions are retired, never removed (rule B34).
//!
//! Namespaces are folded into the versions that they cover when either changes: a question looks at a version alone.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::entry::{VersionEntry, VersionName};
use crate::facts::VersionFacts;
use crate::namespace::{NamespaceEntry, Namespaces};
use crate::stage::Environment;

/// Number of a (context, label, environment).
pub(crate) type VersionNumber = u32;

#[derive(Clone)]
struct Slot {
    name: VersionName,
    environment: Environment,
    /// Absent while only a subscription has mentioned the name.
    version: Option<VersionFacts>,
}

impl Slot {
    fn key(&self) -> Key<'_> {
        (&self.name.context, &self.name.label, self.environment)
    }
}

/// Context, label and environment.
pub(crate) type Key<'a> = (&'a str, &'a str, Environment);

/// All versions, by key and by number, and the namespaces that cover them.
#[derive(Clone, Default)]
pub(crate) struct Catalogue {
    hasher: DefaultHashBuilder,
    numbers: HashTable<VersionNumber>,
    slots: Vec<Slot>,
    versions: usize,
    namespaces: Namespaces,
}

/// A change of namespaces, with what it makes of the versions that they cover.
pub(crate) struct Regrouping {
    namespaces: Namespaces,
    versions: Vec<VersionFacts>,
}

impl Regrouping {
    /// All namespaces, as they will be.
    pub(crate) fn namespaces(&self) -> &Namespaces {
        &self.namespaces
    }
}

impl Catalogue {
    /// The number of a key that has one.
    pub(crate) fn number(&self, key: Key<'_>) -> Option<VersionNumber> {
        let same = |number: &VersionNumber| self.slots[*number as usize].key() == key;
        self.numbers.find(self.hasher.hash_one(key), same).copied()
    }

    /// The number of a key, given out now if it has none.
    pub(crate) fn intern(&mut self, key: Key<'_>) -> VersionNumber {
        if let Some(number) = self.number(key) {
            return number;
        }
        let number = VersionNumber::try_from(self.slots.len()).expect("a hub has fewer than 2^32 versions");
        let (context, label, environment) = key;
        self.slots.push(Slot { name: VersionName::new(context, label), environment, version: None });
        let Self { hasher, numbers, slots, .. } = self;
        numbers.insert_unique(hasher.hash_one(key), number, |other| hasher.hash_one(slots[*other as usize].key()));
        number
    }

    /// The version of a number, if the table was told of it.
    pub(crate) fn version(&self, number: VersionNumber) -> Option<&VersionFacts> {
        self.slots[number as usize].version.as_ref()
    }

    /// Sets a version under its key.
    pub(crate) fn set(&mut self, version: VersionFacts) {
        let VersionEntry { name, environment, .. } = version.told();
        let number = self.intern((&name.context, &name.label, *environment));
        let replaced = self.slots[number as usize].version.replace(version);
        self.versions += usize::from(replaced.is_none());
    }

    /// All namespaces.
    pub(crate) fn namespaces(&self) -> &Namespaces {
        &self.namespaces
    }

    /// What these changes of namespaces will come to. The versions are judged as they are; whoever changes one of them
    /// too does so afterwards, under the namespaces of the regrouping.
    pub(crate) fn regrouped(&self, changed: &[NamespaceEntry]) -> Regrouping {
        let mut namespaces = self.namespaces.clone();
        changed.iter().for_each(|entry| namespaces.set(entry.clone()));
        let covered = self.entries().filter(|version| {
            changed.iter().any(|entry| entry.environment == version.environment && entry.covers(&version.name.context))
        });
        let versions = covered.map(|version| namespaces.over(version.clone())).collect();
        Regrouping { namespaces, versions }
    }

    /// Puts a regrouping into effect.
    pub(crate) fn regroup(&mut self, regrouping: Regrouping) {
        self.namespaces = regrouping.namespaces;
        regrouping.versions.into_iter().for_each(|version| self.set(version));
    }

    /// How many versions the table was told of.
    pub(crate) fn versions(&self) -> usize {
        self.versions
    }

    /// Each version that the table was told of.
    pub(crate) fn facts(&self) -> impl Iterator<Item = &VersionFacts> {
        self.slots.iter().filter_map(|slot| slot.version.as_ref())
    }

    /// Each version as the table was told of it.
    fn entries(&self) -> impl Iterator<Item = &VersionEntry> {
        self.facts().map(VersionFacts::told)
    }

    /// Name and environment of a number.
    pub(crate) fn key_of(&self, number: VersionNumber) -> (&VersionName, Environment) {
        let slot = &self.slots[number as usize];
        (&slot.name, slot.environment)
    }
}
