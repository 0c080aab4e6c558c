//! The decision table: the committed facts, folded into what a decision needs and nothing more.
//!
//! One writer at a time folds changes; any number of readers ask. A reader takes the lock of one shard, which holds the
//! applications and service accounts with such client ids and a handle on the catalogue of versions: so one lock makes
//! one consistent answer. A writer locks every shard that it touches before it changes the first, in the order of their index; for a
//! change of the catalogue these are all shards, which is rare and takes microseconds. The gate keeps writers apart,
//! and away from a batch. A lock is held while the caller's closure runs: it must not call back into the table and
//! should only render its answer.

use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hashbrown::DefaultHashBuilder;
use parking_lot::{Mutex, RwLock, RwLockWriteGuard};

use crate::account::Account;
use crate::catalogue::{Catalogue, Told, Update, VersionNumber};
use crate::client::ClientChange;
use crate::digest::{ContextDigests, Digests, Sums};
use crate::entry::Change;
use crate::facts::{Facts, Question, VersionFacts};
use crate::installation::ClientInstallations;
use crate::shard::Shard;
use crate::stage::Environment;
use crate::supposition::Supposition;
use crate::terms::Terms;

/// Number of shards: enough that a writer seldom meets a reader, few enough to lock all for a change of a version.
pub(crate) const SHARDS: usize = 256;

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
    /// Subscriptions that nobody ended.
    pub subscriptions: usize,
    /// Traditional service accounts that nobody removed.
    pub service_accounts: usize,
    /// Installations of applications in companies.
    pub installations: usize,
}

/// The decision table.
pub struct Table {
    hasher: DefaultHashBuilder,
    gate: RwLock<()>,
    shards: Box<[Locked]>,
    revision: AtomicU64,
    /// Written under the gate only.
    sums: Mutex<Sums>,
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
            sums: Mutex::default(),
        }
    }

    /// Folds one change and leaves the revision alone: for loading a state at start-up, followed by one
    /// [`Table::advance`].
    pub fn load(&self, change: Change) {
        self.load_all(vec![change]);
    }

    /// Folds changes as [`Table::load`] does, many at a time.
    pub fn load_all(&self, changes: Vec<Change>) {
        let _gate = self.gate.write();
        self.fold(self.prepared(changes), || {});
    }

    /// Folds the changes of one commit. Every reader sees all of them or none, each single answer as well as each
    /// batch, and whoever sees them sees `revision`.
    pub fn apply(&self, revision: u64, changes: Vec<Change>) {
        let _gate = self.gate.write();
        self.fold(self.prepared(changes), || self.revision.store(revision, Ordering::Release));
    }

    /// The same, and tells what it adds to the digests of each context that it is about.
    pub fn apply_and_tell(&self, revision: u64, changes: Vec<Change>) -> ContextDigests {
        let _gate = self.gate.write();
        self.sums.lock().added = Some(ContextDigests::default());
        self.fold(self.prepared(changes), || self.revision.store(revision, Ordering::Release));
        self.sums.lock().added.take().unwrap_or_default()
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

    /// The revision, and the digests of what the table holds at it.
    pub fn stand(&self) -> (u64, Digests) {
        let _gate = self.gate.read();
        (self.revision(), self.sums.lock().whole)
    }

    /// The digests of each context. Copies all of them.
    pub fn context_digests(&self) -> ContextDigests {
        let _gate = self.gate.read();
        self.sums.lock().contexts.clone()
    }

    /// Lends the facts of one question to `answer`.
    pub fn ask<R>(&self, question: &Question<'_>, answer: impl FnOnce(&Facts<'_>) -> R) -> R {
        self.lend(question.client_id, |shard, hash, revision| answer(&shard.facts(hash, revision, question)))
    }

    /// Whether an API lies at this context in an environment: one of its versions is, or once was, deployed there.
    pub fn has_api(&self, context: &str, environment: Environment) -> bool {
        self.lend_shard(0, |shard| shard.catalogue().has_context(context, environment))
    }

    /// Lends the shard of a client id, with the hash of that and the revision.
    pub(crate) fn lend<R>(&self, client_id: &str, answer: impl FnOnce(&Shard, u64, u64) -> R) -> R {
        let hash = self.hash_of(client_id);
        let shard = self.shards[shard_index(hash)].0.read();
        // Read under the lock. A commit that moves the revision on meanwhile touches no part of this shard, so these
        // facts hold at its revision too.
        let revision = self.revision();
        answer(&shard, hash, revision)
    }

    /// Lends one shard.
    pub(crate) fn lend_shard<R>(&self, index: usize, answer: impl FnOnce(&Shard) -> R) -> R {
        answer(&self.shards[index].0.read())
    }

    /// The hash of a client id.
    pub(crate) fn hash_of(&self, client_id: &str) -> u64 {
        self.hasher.hash_one(client_id)
    }

    /// This table if these versions, namespaces and the credential class changed: what a change of their dates would do,
    /// before anybody makes it. Changes of anything else are left out. Copies all versions; asking costs what it costs here.
    pub fn supposing(&self, changes: Vec<Change>) -> Supposition<'_> {
        let (told, _) = sorted(changes);
        let mut catalogue = self.shards[0].0.read().catalogue().clone();
        let update = catalogue.prepared(told);
        catalogue.set(update, &mut Sums::default());
        Supposition::new(self, catalogue)
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
        let mut counts = Counts { versions, applications: 0, subscriptions: 0, service_accounts: 0, installations: 0 };
        for shard in &self.shards {
            let shard = shard.0.read();
            counts.applications += shard.applications();
            counts.subscriptions += shard.subscriptions();
            counts.service_accounts += shard.accounts().len();
            counts.installations += shard.installations();
        }
        counts
    }

    /// All that the table holds, as sorted lines: two tables that know the same print the same. For tests and for
    /// comparing replicas; it walks everything.
    pub fn dump(&self) -> Vec<String> {
        let _gate = self.gate.read();
        let catalogued = |shard: &Shard| {
            let version = |version: &VersionFacts| format!("version {version:?}");
            let namespaces = shard.catalogue().namespaces().map(|entry| format!("namespace {entry:?}"));
            // Until a sunset is told, there is nothing to know about the class.
            let sunset_at = shard.catalogue().credential_class().sunset_at;
            let class = sunset_at.map(|sunset_at| format!("credential class {sunset_at:?}"));
            shard.catalogue().entries().map(version).chain(namespaces).chain(class).collect()
        };
        let mut lines: Vec<String> = catalogued(&self.shards[0].0.read());
        for shard in &self.shards {
            let shard = shard.0.read();
            let named = |number: VersionNumber| {
                let (name, environment) = shard.catalogue().key_of(number);
                format!("{environment} {:?} {:?}", name.context, name.label)
            };
            for client in shard.terms() {
                let terms = |(number, terms): &(VersionNumber, Terms)| {
                    format!("terms {:?} {} {terms:?}", client.client_id(), named(*number))
                };
                lines.extend(client.terms().iter().map(terms));
            }
            for app in shard.apps() {
                let client_id = app.client_id();
                lines.extend(app.facts().map(|facts| format!("application {client_id:?} {facts:?}")));
                let subscription = |number: &VersionNumber| format!("subscription {client_id:?} {}", named(*number));
                lines.extend(app.subscriptions().iter().map(subscription));
            }
            let account = |account: &Account| format!("account {:?} {:?}", account.client_id(), account.facts(None));
            lines.extend(shard.accounts().iter().map(account));
            lines.extend(shard.installed().flat_map(ClientInstallations::lines));
        }
        lines.sort_unstable();
        lines
    }

    /// Does what can be done before readers have to wait: hashes, numbers, what namespaces make of versions, headers.
    fn prepared(&self, changes: Vec<Change>) -> Prepared {
        let (told, others) = sorted(changes);
        let shard = self.shards[0].0.read();
        let update = shard.catalogue().prepared(told);
        let hashed = |change: ClientChange| {
            let hash = self.hasher.hash_one(change.client_id());
            let number = change.version().and_then(|key| shard.catalogue().number(key));
            Hashed { hash, number, change }
        };
        Prepared { update, clients: others.into_iter().map(hashed).collect() }
    }

    /// Folds under all the locks that the changes need, and calls `publish` before it lets go of them.
    fn fold(&self, prepared: Prepared, publish: impl FnOnce()) {
        let Prepared { update, clients } = prepared;
        let whole = !update.is_empty() || clients.iter().any(Hashed::needs_number);
        let touched: Vec<usize> =
            if whole { (0..SHARDS).collect() } else { distinct(clients.iter().map(|change| shard_index(change.hash))) };
        let mut shards: Vec<RwLockWriteGuard<'_, Shard>> =
            touched.iter().map(|index| self.shards[*index].0.write()).collect();
        let mut sums = self.sums.lock();
        let mut catalogue = whole.then(|| taken(&mut shards));
        if let Some(catalogue) = &mut catalogue {
            catalogue.set(update, &mut sums);
        }
        for Hashed { hash, number, change } in clients {
            // Looked up again, because this commit may have numbered the name.
            let number = number.or_else(|| {
                let (key, catalogue) = (change.version()?, catalogue.as_mut()?);
                if change.adds() { Some(catalogue.intern(key)) } else { catalogue.number(key) }
            });
            let position = touched.binary_search(&shard_index(hash)).expect("each touched shard is locked");
            change.fold(&mut shards[position], hash, number, &self.hasher, &mut sums);
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

/// The changes of a commit: those of the catalogue, and each other with its hash and number. The two sorts have no key
/// in common, so their order among each other does not matter.
struct Prepared {
    update: Update,
    clients: Vec<Hashed>,
}

struct Hashed {
    hash: u64,
    number: Option<VersionNumber>,
    change: ClientChange,
}

impl Hashed {
    /// It names a version that has no number yet.
    fn needs_number(&self) -> bool {
        self.number.is_none() && self.change.version().is_some() && self.change.adds()
    }
}

/// What concerns the catalogue, and what belongs to a client id.
fn sorted(changes: Vec<Change>) -> (Told, Vec<ClientChange>) {
    let (mut told, mut others) = (Told::default(), Vec::new());
    for change in changes {
        match change {
            Change::Version(entry) => told.versions.push(entry),
            Change::Namespace(entry) => told.namespaces.push(entry),
            Change::Application(entry) => others.push(ClientChange::Application(entry)),
            Change::Subscription(entry) => others.push(ClientChange::Subscription(entry)),
            Change::Waiver(entry) => others.push(ClientChange::Waiver(entry)),
            Change::Exemption(entry) => others.push(ClientChange::Exemption(entry)),
            Change::CredentialClass(entry) => told.credential_class = Some(entry),
            Change::ServiceAccount(entry) => others.push(ClientChange::Account(entry)),
            Change::Installation(entry) => others.push(ClientChange::Installation(entry)),
        }
    }
    (told, others)
}
