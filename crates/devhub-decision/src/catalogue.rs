//! The versions that the table knows, each under a small number, and what holds for all clients alike: namespaces and
//! the credential class.
//!
//! Subscriptions hold these numbers and nothing else, so deprecating a version touches one slot here and no
//! subscription. A name keeps its number for ever: versions are retired, never removed (rule B34).
//!
//! What namespaces add to a version is worked out when one of the two changes, and never for a question. So a version is
//! held twice: as it was told, and as it stands.
//!
//! Readers hold a catalogue that nobody changes any more; a writer makes the next one of it. So all is shared that a
//! change leaves alone: a catalogue is copied in microseconds, however many versions it has.

use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashSet, HashTable};

use crate::account::CredentialClassEntry;
use crate::digest::{self, NO_CONTEXT, Sums};
use crate::entry::{VersionEntry, VersionName};
use crate::facts::VersionFacts;
use crate::namespace::{self, NamespaceEntry, Namespaces};
use crate::stage::Environment;

/// Number of a (context, label, environment).
pub(crate) type VersionNumber = u32;

#[derive(Clone)]
struct Slot {
    name: VersionName,
    environment: Environment,
    /// Absent while only a subscription, a waiver or an exemption has mentioned the name.
    version: Option<Version>,
}

/// A version as it was told, and as it stands in its namespaces.
#[derive(Clone)]
pub(crate) struct Version {
    told: VersionEntry,
    facts: VersionFacts,
}

/// What the catalogue is told by the changes of one commit.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) versions: Vec<VersionEntry>,
    pub(crate) namespaces: Vec<NamespaceEntry>,
    pub(crate) credential_class: Option<CredentialClassEntry>,
}

/// What becomes of the catalogue, worked out before readers have to wait.
#[derive(Default)]
pub(crate) struct Update {
    /// All namespaces, if any of them changes.
    namespaces: Option<Namespaces>,
    versions: Vec<Version>,
    credential_class: Option<CredentialClassEntry>,
}

impl Update {
    /// Nothing becomes of it.
    pub(crate) fn is_empty(&self) -> bool {
        self.namespaces.is_none() && self.versions.is_empty() && self.credential_class.is_none()
    }
}

impl Slot {
    fn key(&self) -> Key<'_> {
        (&self.name.context, &self.name.label, self.environment)
    }
}

/// Context, label and environment.
pub(crate) type Key<'a> = (&'a str, &'a str, Environment);

/// Slots that are copied together when one of them changes.
const CHUNK: usize = 64;

/// All slots, by number.
#[derive(Clone, Default)]
struct Slots {
    chunks: Vec<Arc<[Option<Arc<Slot>>; CHUNK]>>,
    count: usize,
}

impl Slots {
    fn get(&self, number: VersionNumber) -> &Slot {
        let number = number as usize;
        self.chunks[number / CHUNK][number % CHUNK].as_deref().expect("a number is given out together with its slot")
    }

    fn push(&mut self, slot: Slot) {
        if self.count.is_multiple_of(CHUNK) {
            self.chunks.push(Arc::new(std::array::from_fn(|_| None)));
        }
        let number = self.count;
        self.count += 1;
        Arc::make_mut(&mut self.chunks[number / CHUNK])[number % CHUNK] = Some(Arc::new(slot));
    }

    /// Sets a version; returns the one that it replaces.
    fn set(&mut self, number: VersionNumber, version: Version) -> Option<Version> {
        let number = number as usize;
        let slot = Arc::make_mut(&mut self.chunks[number / CHUNK])[number % CHUNK].as_mut()?;
        Arc::make_mut(slot).version.replace(version)
    }

    fn iter(&self) -> impl Iterator<Item = &Slot> {
        self.chunks.iter().flat_map(|chunk| chunk.iter()).filter_map(Option::as_deref)
    }
}

/// All versions, by key and by number, all namespaces, and the credential class.
#[derive(Clone, Default)]
pub(crate) struct Catalogue {
    hasher: DefaultHashBuilder,
    numbers: Arc<HashTable<VersionNumber>>,
    slots: Slots,
    /// The contexts of versions, in the order of [`Environment::ALL`].
    contexts: Arc<[HashSet<Box<str>>; Environment::ALL.len()]>,
    versions: usize,
    namespaces: Arc<Namespaces>,
    credential_class: CredentialClassEntry,
}

impl Catalogue {
    /// The number of a key that has one.
    pub(crate) fn number(&self, key: Key<'_>) -> Option<VersionNumber> {
        let same = |number: &VersionNumber| self.slots.get(*number).key() == key;
        self.numbers.find(self.hasher.hash_one(key), same).copied()
    }

    /// The number of a key, given out now if it has none.
    pub(crate) fn intern(&mut self, key: Key<'_>) -> VersionNumber {
        if let Some(number) = self.number(key) {
            return number;
        }
        let number = VersionNumber::try_from(self.slots.count).expect("a hub has fewer than 2^32 versions");
        let (context, label, environment) = key;
        self.slots.push(Slot { name: VersionName::new(context, label), environment, version: None });
        let Self { hasher, numbers, slots, .. } = self;
        let rehash = |other: &VersionNumber| hasher.hash_one(slots.get(*other).key());
        Arc::make_mut(numbers).insert_unique(hasher.hash_one(key), number, rehash);
        number
    }

    /// The version of a number, if the table was told of it.
    pub(crate) fn version(&self, number: VersionNumber) -> Option<&VersionFacts> {
        self.slots.get(number).version.as_ref().map(|version| &version.facts)
    }

    /// What it makes of the catalogue to be told this; of two entries with the same key the later one counts.
    pub(crate) fn prepared(&self, told: Told) -> Update {
        let Told { versions, namespaces: changed, credential_class } = told;
        let covered = |slot: &&Slot| {
            changed.iter().any(|namespace| {
                namespace.environment == slot.environment && namespace::covers(&namespace.namespace, &slot.name.context)
            })
        };
        // Few commits are about namespaces, and no other has to look at all versions.
        let slots = (!changed.is_empty()).then(|| self.slots.iter().filter(covered));
        let known = slots.into_iter().flatten().filter_map(|slot| slot.version.as_ref());
        // A version that is told now counts, not as it was known before: so it comes later.
        let told: Vec<VersionEntry> = known.map(|version| version.told.clone()).chain(versions).collect();
        let namespaces = (!changed.is_empty()).then(|| {
            let mut namespaces = Namespaces::clone(&self.namespaces);
            changed.into_iter().for_each(|entry| namespaces.set(entry));
            namespaces
        });
        let present = namespaces.as_ref().unwrap_or(&*self.namespaces);
        let stands = |told: VersionEntry| {
            let enclosing: Vec<&NamespaceEntry> = present.enclosing(&told.name.context, told.environment).collect();
            Version { facts: VersionFacts::within(told.clone(), &enclosing), told }
        };
        Update { versions: told.into_iter().map(stands).collect(), namespaces, credential_class }
    }

    /// Makes an update that was prepared of this catalogue.
    pub(crate) fn set(&mut self, update: Update, sums: &mut Sums) {
        if let Some(namespaces) = update.namespaces {
            // Few hubs have any, and they change rarely: all of them are counted anew.
            for entry in self.namespaces.entries() {
                sums.exchange(NO_CONTEXT, Some(entry.environment), Some(digest::namespace(entry)), None);
            }
            for entry in namespaces.entries() {
                sums.exchange(NO_CONTEXT, Some(entry.environment), None, Some(digest::namespace(entry)));
            }
            self.namespaces = Arc::new(namespaces);
        }
        if let Some(class) = update.credential_class {
            let hash = |class: CredentialClassEntry| class.sunset_at.map(digest::credential_class);
            sums.exchange(NO_CONTEXT, None, hash(self.credential_class), hash(class));
            self.credential_class = class;
        }
        for version in update.versions {
            let VersionEntry { name, environment, .. } = &version.told;
            let (environment, after) = (*environment, digest::version(&version.told));
            let number = self.intern((&name.context, &name.label, environment));
            let replaced = self.slots.set(number, version);
            let before = replaced.as_ref().map(|replaced| digest::version(&replaced.told));
            let context = &*self.slots.get(number).name.context;
            sums.exchange(context, Some(environment), before, Some(after));
            if replaced.is_none() {
                self.versions += 1;
                if !self.contexts[environment as usize].contains(context) {
                    Arc::make_mut(&mut self.contexts)[environment as usize].insert(context.into());
                }
            }
        }
    }

    /// How many versions the table was told of.
    pub(crate) fn versions(&self) -> usize {
        self.versions
    }

    /// Whether the table was told of a version with this context.
    pub(crate) fn has_context(&self, context: &str, environment: Environment) -> bool {
        self.contexts[environment as usize].contains(context)
    }

    /// Each version that the table was told of, as it stands.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &VersionFacts> {
        self.slots.iter().filter_map(|slot| slot.version.as_ref()).map(|version| &version.facts)
    }

    /// Each version as it was told.
    pub(crate) fn told(&self) -> impl Iterator<Item = &VersionEntry> {
        self.slots.iter().filter_map(|slot| slot.version.as_ref()).map(|version| &version.told)
    }

    /// Each namespace that the table was told of.
    pub(crate) fn namespaces(&self) -> impl Iterator<Item = &NamespaceEntry> {
        self.namespaces.entries()
    }

    /// The class of traditional service accounts.
    pub(crate) fn credential_class(&self) -> CredentialClassEntry {
        self.credential_class
    }

    /// Name and environment of a number.
    pub(crate) fn key_of(&self, number: VersionNumber) -> (&VersionName, Environment) {
        let slot = self.slots.get(number);
        (&slot.name, slot.environment)
    }
}
