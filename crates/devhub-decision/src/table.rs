//! The decision table: the committed facts, folded into what a decision needs and nothing more.
//!
//! One writer at a time folds changes; any number of readers ask. A reader takes the lock of one shard, which holds the
//! applications with such client ids and a handle on the catalogue of versions: so one lock makes one consistent
//! answer. A writer locks every shard that it touches before it changes the first, in the order of their index; for a
//! change of the catalogue these are all shards, which is rare and takes microseconds. The gate keeps writers apart,
//! and away from a batch. A lock is held while the caller's closure runs: it must not call back into the table and
//! should only render its answer.

use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hashbrown::DefaultHashBuilder;
use parking_lot::{RwLock, RwLockWriteGuard};

use crate::catalogue::{Catalogue, Regrouping};
use crate::entry::Change;
use crate::facts::{Facts, Question};
use crate::namespace::NamespaceEntry;
use crate::prepared::{Bond, Prepared};
use crate::shard::Shard;

/// Number of shards: enough that a writer seldom meets a reader, few enough to lock all for a change of a version.
const SHARDS: usize = 256;

/// A shard on a cache line of its own: readers of neighbours would otherwise slow each other down.
#[repr(align(64))]
struct Locked(RwLock<Shard>);

/// How much the table holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Versions, counted once per environment.
    pub versions: usize,
    /// Applications, whatever their standing.
    pub applications: usize,
    /// Live subscriptions.
    pub subscriptions: usize,
}

/// The decision table.
pub struct Table {
    hasher: DefaultHashBuilder,
    gate: RwLock<()>,
    shards: Box<[Locked]>,
    revision: AtomicU64,
}

impl Default for Table {
    fn default() -> Self {
        Self::new()
    }
}

impl Table {
    /// An empty table at revision 0: it knows no version, so it denies everything.
    pub fn new() -> Self {
        let catalogue = Arc::default();
        Self {
            hasher: DefaultHashBuilder::default(),
            gate: RwLock::default(),
            shards: (0..SHARDS).map(|_| Locked(RwLock::new(Shard::new(Arc::clone(&catalogue))))).collect(),
            revision: AtomicU64::new(0),
        }
    }

    /// Folds one change and leaves the revision alone: for loading a state at start-up, followed by one
    /// [`Table::advance`].
    pub fn load(&self, change: Change) {
        let _gate = self.gate.write();
        self.fold(self.prepared(vec![change]), || {});
    }

    /// Folds the changes of one commit. Every reader sees all of them or none, each single answer as well as each
    /// batch, and whoever sees them sees `revision`.
    pub fn apply(&self, revision: u64, changes: Vec<Change>) {
        let _gate = self.gate.write();
        self.fold(self.prepared(changes), || self.revision.store(revision, Ordering::Release));
    }

    /// Sets the revision that the loaded state stands for.
    pub fn advance(&self, revision: u64) {
        let _gate = self.gate.write();
        self.revision.store(revision, Ordering::Release);
    }

    /// The newest revision that the next answer will take into account.
    pub fn revision(&self) -> u64 {
        self.revision.load(Ordering::Acquire)
    }

    /// Lends the facts of one question to `answer`.
    pub fn ask<R>(&self, question: &Question<'_>, answer: impl FnOnce(&Facts<'_>) -> R) -> R {
        let hash = self.hasher.hash_one(question.client_id);
        let shard = self.shards[shard_index(hash)].0.read();
        // Read under the lock. A commit that moves the revision on meanwhile touches no part of this shard, so these
        // facts hold at its revision too.
        let revision = self.revision();
        answer(&shard.facts(shard.catalogue(), hash, revision, question))
    }

    /// Lends the facts of each question to `answer`, with its index, all at one revision. A commit waits meanwhile.
    pub fn ask_all<R>(&self, questions: &[Question<'_>], mut answer: impl FnMut(usize, &Facts<'_>) -> R) -> Vec<R> {
        let _gate = self.gate.read();
        let numbered = questions.iter().enumerate();
        numbered.map(|(index, question)| self.ask(question, |facts| answer(index, facts))).collect()
    }

    /// How much the table holds, at one revision.
    pub fn counts(&self) -> Counts {
        let _gate = self.gate.read();
        let versions = self.shards[0].0.read().catalogue().versions();
        let mut counts = Counts { versions, applications: 0, subscriptions: 0 };
        for shard in &self.shards {
            let shard = shard.0.read();
            counts.applications += shard.applications();
            counts.subscriptions += shard.subscriptions();
        }
        counts
    }

    /// All that the table holds, as sorted lines: two tables that know the same print the same. For tests and for
    /// comparing replicas; it walks everything.
    pub fn dump(&self) -> Vec<String> {
        let _gate = self.gate.read();
        let mut lines: Vec<String> = catalogue_lines(self.shards[0].0.read().catalogue());
        for shard in &self.shards {
            let shard = shard.0.read();
            for app in shard.apps() {
                let client_id = app.client_id();
                lines.extend(app.facts().map(|facts| format!("application {client_id:?} {facts:?}")));
                lines.extend(app.subscriptions().iter().map(|number| {
                    let (name, environment) = shard.catalogue().key_of(*number);
                    format!("subscription {client_id:?} {environment} {:?} {:?}", name.context, name.label)
                }));
            }
            lines.extend(shard.terms().map(|(client_id, number, terms)| {
                let (name, environment) = shard.catalogue().key_of(number);
                format!("terms {client_id:?} {environment} {:?} {:?} {terms:?}", name.context, name.label)
            }));
        }
        lines.sort_unstable();
        lines
    }

    /// Does what can be done before readers have to wait.
    fn prepared(&self, changes: Vec<Change>) -> Vec<Prepared> {
        let shard = self.shards[0].0.read();
        let catalogue = shard.catalogue();
        let regrouping = regrouping(catalogue, &changes);
        let namespaces = regrouping.as_ref().map_or(catalogue.namespaces(), Regrouping::namespaces);
        let tied = |bond: Bond| Prepared::Bond {
            hash: self.hasher.hash_one(bond.client_id()),
            number: catalogue.number(bond.key()),
            bond,
        };
        let each: Vec<Prepared> = changes
            .into_iter()
            .filter_map(|change| match change {
                Change::Version(entry) => Some(Prepared::Version(Box::new(namespaces.over(entry)))),
                Change::Application(entry) => {
                    Some(Prepared::Application { hash: self.hasher.hash_one(&*entry.client_id), entry })
                }
                Change::Subscription(entry) => Some(tied(Bond::Subscription(entry))),
                Change::Waiver(entry) => Some(tied(Bond::Waiver(entry))),
                Change::Exemption(entry) => Some(tied(Bond::Exemption(entry))),
                // In the regrouping already.
                Change::Namespace(_) => None,
            })
            .collect();
        // First, so that a version of this commit comes out on top of what the namespaces made of the old one.
        regrouping.map(Prepared::Regrouping).into_iter().chain(each).collect()
    }

    /// Folds under all the locks that the changes need, and calls `publish` before it lets go of them.
    fn fold(&self, changes: Vec<Prepared>, publish: impl FnOnce()) {
        let whole = changes.iter().any(Prepared::changes_catalogue);
        let touched: Vec<usize> = if whole {
            (0..SHARDS).collect()
        } else {
            distinct(changes.iter().filter_map(Prepared::hash).map(shard_index))
        };
        let mut shards: Vec<RwLockWriteGuard<'_, Shard>> =
            touched.iter().map(|index| self.shards[*index].0.write()).collect();
        let mut catalogue = whole.then(|| taken(&mut shards));
        let position = |hash| touched.binary_search(&shard_index(hash)).expect("each touched shard is locked");
        for change in changes {
            match change {
                Prepared::Regrouping(regrouping) => {
                    catalogue.as_mut().expect("a namespace takes the catalogue").regroup(regrouping);
                }
                Prepared::Version(version) => {
                    catalogue.as_mut().expect("a version takes the catalogue").set(*version);
                }
                Prepared::Application { hash, entry } => {
                    shards[position(hash)].set_application(hash, &entry, &self.hasher);
                }
                Prepared::Bond { hash, number, bond } => {
                    let number = number.or_else(|| {
                        let catalogue = catalogue.as_mut()?;
                        // What loosens looks the number up again, because this commit may have given it out; without
                        // one there is nothing tied.
                        if bond.ties() { Some(catalogue.intern(bond.key())) } else { catalogue.number(bond.key()) }
                    });
                    if let Some(number) = number {
                        shards[position(hash)].tie(hash, number, &bond, &self.hasher);
                    }
                }
            }
        }
        if let Some(catalogue) = catalogue.map(Arc::new) {
            for shard in &mut shards {
                shard.set_catalogue(Arc::clone(&catalogue));
            }
        }
        publish();
    }
}

/// The shard of a client id with this hash, by bits that hashbrown uses neither for the bucket nor for its tag.
fn shard_index(hash: u64) -> usize {
    (hash >> 40) as usize % SHARDS
}

/// What the namespaces of a commit come to, if it changes any.
fn regrouping(catalogue: &Catalogue, changes: &[Change]) -> Option<Regrouping> {
    let changed: Vec<NamespaceEntry> = changes
        .iter()
        .filter_map(|change| match change {
            Change::Namespace(entry) => Some(entry.clone()),
            Change::Version(_)
            | Change::Application(_)
            | Change::Subscription(_)
            | Change::Waiver(_)
            | Change::Exemption(_) => None,
        })
        .collect();
    (!changed.is_empty()).then(|| catalogue.regrouped(&changed))
}

/// Versions, both as told and as their namespaces leave them, and the namespaces.
fn catalogue_lines(catalogue: &Catalogue) -> Vec<String> {
    let versions = catalogue.facts().flat_map(|facts| {
        let told = facts.told();
        let (name, environment) = (&told.name, told.environment);
        let (schedule, brownouts) = (facts.lifecycle().schedule, facts.brownouts().windows());
        let effective = format!("{schedule:?} {brownouts:?} {:?}", facts.successor_namespace());
        [
            format!("version {told:?}"),
            format!("effective {environment} {:?} {:?} {effective}", name.context, name.label),
        ]
    });
    let namespaces = catalogue.namespaces().iter().map(|entry| format!("namespace {entry:?}"));
    versions.chain(namespaces).collect()
}

fn distinct(indexes: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut indexes: Vec<usize> = indexes.collect();
    indexes.sort_unstable();
    indexes.dedup();
    indexes
}

/// The catalogue, out of the hands of all shards: with all of them locked nobody else holds it, so it is changed in
/// place and never copied.
fn taken(shards: &mut [RwLockWriteGuard<'_, Shard>]) -> Catalogue {
    let nothing = Arc::default();
    let mut handles = shards.iter_mut().map(|shard| shard.set_catalogue(Arc::clone(&nothing)));
    handles.find_map(Arc::into_inner).expect("the last shard held the last handle")
}
