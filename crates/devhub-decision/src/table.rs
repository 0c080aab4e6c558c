//! The decision table: the committed facts, folded into what a decision needs and nothing more.
//!
//! One writer at a time folds changes; any number of readers ask. Three kinds of locks, always taken in this order:
//! the gate (writers, and readers of a batch against them), the catalogue, then shards in the order of their index. A
//! reader holds them only while its closure runs, so the closure must not call back into the table and should only
//! render its answer.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};

use hashbrown::DefaultHashBuilder;
use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::catalogue::{Catalogue, Key, VersionNumber};
use crate::entry::{ApplicationEntry, Change, SubscriptionEntry};
use crate::facts::{Facts, Question, VersionFacts};
use crate::shard::{Presence, Shard};

/// Number of shards, a power of two: enough that a writer seldom meets a reader, and 64 KiB when empty.
const SHARDS: usize = 1024;

/// A shard on a cache line of its own: readers of neighbours would otherwise slow each other down.
#[derive(Default)]
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
    catalogue: RwLock<Catalogue>,
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
        Self {
            hasher: DefaultHashBuilder::default(),
            gate: RwLock::default(),
            catalogue: RwLock::default(),
            shards: (0..SHARDS).map(|_| Locked::default()).collect(),
            revision: AtomicU64::new(0),
        }
    }

    /// Folds one change and leaves the revision alone: for loading a state at start-up, followed by one
    /// [`Table::advance`].
    pub fn load(&self, change: Change) {
        let _gate = self.gate.write();
        self.fold(self.prepared(change).into_iter().collect(), || {});
    }

    /// Folds the changes of one commit. Every reader sees all of them or none, each single answer as well as each
    /// batch, and whoever sees them sees `revision`.
    pub fn apply(&self, revision: u64, changes: Vec<Change>) {
        let _gate = self.gate.write();
        let prepared = changes.into_iter().filter_map(|change| self.prepared(change)).collect();
        self.fold(prepared, || self.revision.store(revision, Ordering::Release));
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
        let catalogue = self.catalogue.read();
        let shard = self.shard(hash).read();
        answer(&self.facts(&catalogue, &shard, hash, question))
    }

    /// Lends the facts of each question to `answer`, with its index, all at one revision. A commit waits meanwhile.
    pub fn ask_all<R>(&self, questions: &[Question<'_>], mut answer: impl FnMut(usize, &Facts<'_>) -> R) -> Vec<R> {
        let _gate = self.gate.read();
        let catalogue = self.catalogue.read();
        let numbered = questions.iter().enumerate();
        numbered
            .map(|(index, question)| {
                let hash = self.hasher.hash_one(question.client_id);
                let shard = self.shard(hash).read();
                answer(index, &self.facts(&catalogue, &shard, hash, question))
            })
            .collect()
    }

    /// How much the table holds, at one revision.
    pub fn counts(&self) -> Counts {
        let _gate = self.gate.read();
        let mut counts = Counts { versions: self.catalogue.read().versions(), applications: 0, subscriptions: 0 };
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
        let catalogue = self.catalogue.read();
        let mut lines: Vec<String> = catalogue.entries().map(|entry| format!("version {entry:?}")).collect();
        for shard in &self.shards {
            for app in shard.0.read().apps() {
                let client_id = app.client_id();
                lines.extend(app.facts().map(|facts| format!("application {client_id:?} {facts:?}")));
                lines.extend(app.subscriptions().iter().map(|number| {
                    let (name, environment) = catalogue.key_of(*number);
                    format!("subscription {client_id:?} {environment} {:?} {:?}", name.context, name.label)
                }));
            }
        }
        lines.sort_unstable();
        lines
    }

    fn shard_index(hash: u64) -> usize {
        // Bits that hashbrown uses neither for the bucket nor for its tag.
        (hash >> 40) as usize % SHARDS
    }

    fn shard(&self, hash: u64) -> &RwLock<Shard> {
        &self.shards[Self::shard_index(hash)].0
    }

    /// The facts of a question. Both guards are held, so a commit that touches either has not begun or has ended, and
    /// the revision is that of these facts: a commit that moves it on meanwhile changes neither.
    fn facts<'t>(
        &self,
        catalogue: &'t RwLockReadGuard<'_, Catalogue>,
        shard: &'t RwLockReadGuard<'_, Shard>,
        hash: u64,
        question: &Question<'_>,
    ) -> Facts<'t> {
        let number = catalogue.number((question.context, question.label, question.environment));
        let app = shard.app(hash, question.client_id);
        Facts {
            revision: self.revision(),
            environment: question.environment,
            version: number.and_then(|number| catalogue.version(number)),
            application: app.and_then(|app| app.facts()),
            subscribed: app.zip(number).is_some_and(|(app, number)| app.subscribes(number)),
        }
    }

    /// Does what can be done before readers have to wait: gives out numbers, renders headers. None if the change
    /// changes nothing.
    fn prepared(&self, change: Change) -> Option<Prepared> {
        match change {
            Change::Version(entry) => {
                let number = self.interned((&entry.name.context, &entry.name.label, entry.environment));
                Some(Prepared::Version { number, version: Box::new(VersionFacts::new(entry)) })
            }
            Change::Application(entry) => {
                Some(Prepared::Application { hash: self.hasher.hash_one(&*entry.client_id), entry })
            }
            Change::Subscription(SubscriptionEntry { client_id, environment, version, live }) => {
                let key = (&*version.context, &*version.label, environment);
                let (number, presence) = if live {
                    (self.interned(key), Presence::Live)
                } else {
                    // Whatever bears no number has no subscription that could end.
                    (self.catalogue.read().number(key)?, Presence::Ended)
                };
                let hash = self.hasher.hash_one(&*client_id);
                Some(Prepared::Subscription { hash, client_id, number, presence })
            }
        }
    }

    /// The number of a key. Giving one out shows nowhere until a version or subscription bears it.
    fn interned(&self, key: Key<'_>) -> VersionNumber {
        let known = self.catalogue.read().number(key);
        known.unwrap_or_else(|| self.catalogue.write().intern(key))
    }

    /// Folds under all the locks that the changes need, and calls `publish` before it lets go of them.
    fn fold(&self, changes: Vec<Prepared>, publish: impl FnOnce()) {
        let mut touched: Vec<usize> = changes.iter().filter_map(Prepared::shard_index).collect();
        touched.sort_unstable();
        touched.dedup();
        let changes_catalogue = changes.iter().any(|change| change.shard_index().is_none());
        let mut catalogue = changes_catalogue.then(|| self.catalogue.write());
        let mut shards: Vec<RwLockWriteGuard<'_, Shard>> =
            touched.iter().map(|index| self.shards[*index].0.write()).collect();
        let position = |hash| touched.binary_search(&Self::shard_index(hash)).expect("each touched shard is locked");
        for change in changes {
            match change {
                Prepared::Version { number, version } => {
                    catalogue.as_mut().expect("a version locks the catalogue").set(number, *version);
                }
                Prepared::Application { hash, entry } => {
                    shards[position(hash)].set_application(hash, &entry, &self.hasher);
                }
                Prepared::Subscription { hash, client_id, number, presence } => {
                    shards[position(hash)].set_subscription(hash, &client_id, number, presence, &self.hasher);
                }
            }
        }
        publish();
    }
}

/// A change with its numbers and hashes.
enum Prepared {
    Version { number: VersionNumber, version: Box<VersionFacts> },
    Application { hash: u64, entry: ApplicationEntry },
    Subscription { hash: u64, client_id: Box<str>, number: VersionNumber, presence: Presence },
}

impl Prepared {
    /// The shard that it changes; none if it changes the catalogue.
    fn shard_index(&self) -> Option<usize> {
        match self {
            Prepared::Version { .. } => None,
            Prepared::Application { hash, .. } | Prepared::Subscription { hash, .. } => Some(Table::shard_index(*hash)),
        }
    }
}
