//! The decision table: the committed facts, folded into what a decision needs and nothing more.
//!
//! One writer at a time folds changes; any number of readers ask, and take no lock for most questions. What a reader reads is
//! the view, a catalogue that nobody changes any more and the records of each shard, which a writer changes where they
//! stand. A turnstile tells the reader whether a commit was folded meanwhile; then it reads again, and after a few tries
//! it waits at the gate, which keeps writers apart, and away from a batch. So every answer is from before a commit or
//! from after it.
//!
//! What few clients have lies behind a lock for each shard. A writer holds those of all shards that it touches, so that a
//! part can be copied without stopping commits elsewhere. Locks are held while the caller's closure runs: it must not call
//! back into the table and should only render its answer.

use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use hashbrown::DefaultHashBuilder;
use parking_lot::{RwLock, RwLockReadGuard};

use crate::account::Account;
use crate::arena::{Arena, Found, Text};
use crate::catalogue::{Catalogue, Key, Told, VersionNumber};
use crate::client::{ClientChange, Held};
use crate::company::CompanyAccess;
use crate::digest::{ContextDigests, Digests, Sums};
use crate::entry::Change;
use crate::facts::{Facts, Question, VersionFacts};
use crate::installation::{ClientInstallations, CompanyStanding};
use crate::rare::Rare;
use crate::records::Records;
use crate::stage::Environment;
use crate::supposition::Supposition;
use crate::terms::Terms;
use crate::turnstile::Turnstile;

/// Number of shards: enough that one is copied quickly when it needs more room, or for a gateway that begins to follow.
pub(crate) const SHARDS: usize = 256;

/// How often a reader tries again before it waits at the gate. A commit is folded in microseconds, so one more try is
/// nearly always enough; a bulk load takes longer.
const TRIES: usize = 8;

/// A lock on a cache line of its own: readers of neighbours would otherwise slow each other down.
#[repr(align(64))]
#[derive(Default)]
struct Locked(RwLock<Rare>);

/// What readers read.
pub(crate) struct View {
    pub(crate) catalogue: Arc<Catalogue>,
    arenas: Box<[Arc<Arena>]>,
}

/// What the writer writes.
struct Writer {
    /// The catalogue of the view; the next one is made of it.
    catalogue: Catalogue,
    shards: Box<[Records]>,
    sums: Sums,
}

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
    gate: RwLock<Writer>,
    turnstile: Turnstile,
    view: ArcSwap<View>,
    rare: Box<[Locked]>,
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
        let (catalogue, shards) = (Catalogue::default(), (0..SHARDS).map(|_| Records::new()).collect());
        let writer = Writer { catalogue, shards, sums: Sums::default() };
        Self {
            hasher: DefaultHashBuilder::default(),
            turnstile: Turnstile::default(),
            view: ArcSwap::from_pointee(writer.view()),
            gate: RwLock::new(writer),
            rare: (0..SHARDS).map(|_| Locked::default()).collect(),
            revision: AtomicU64::new(0),
        }
    }

    /// Folds one change and leaves the revision alone: for loading a state at start-up, followed by one
    /// [`Table::advance`].
    pub fn load(&self, change: Change) {
        self.load_all(vec![change]);
    }

    /// Folds changes as [`Table::load`] does, many at a time.
    pub fn load_all(&self, changes: Vec<Change>) {
        self.fold(&mut self.gate.write(), changes, None);
    }

    /// Folds the changes of one commit. Every reader sees all of them or none, each single answer as well as each
    /// batch, and whoever sees them sees `revision`.
    pub fn apply(&self, revision: u64, changes: Vec<Change>) {
        self.fold(&mut self.gate.write(), changes, Some(revision));
    }

    /// The same, and tells what it adds to the digests of each context that it is about.
    pub fn apply_and_tell(&self, revision: u64, changes: Vec<Change>) -> ContextDigests {
        let mut writer = self.gate.write();
        writer.sums.added = Some(ContextDigests::default());
        self.fold(&mut writer, changes, Some(revision));
        writer.sums.added.take().unwrap_or_default()
    }

    /// Sets the revision that the loaded state stands for.
    pub fn advance(&self, revision: u64) {
        self.fold(&mut self.gate.write(), Vec::new(), Some(revision));
    }

    /// The newest revision that the next answer will take into account.
    pub fn revision(&self) -> u64 {
        self.revision.load(Ordering::Acquire)
    }

    /// The revision, and the digests of what the table holds at it.
    pub fn stand(&self) -> (u64, Digests) {
        let writer = self.gate.read();
        (self.revision(), writer.sums.whole)
    }

    /// The digests of each context. Copies all of them.
    pub fn context_digests(&self) -> ContextDigests {
        self.gate.read().sums.contexts.clone()
    }

    /// Lends the facts of one question to `answer`.
    pub fn ask<R>(&self, question: &Question<'_>, answer: impl FnOnce(&Facts<'_>) -> R) -> R {
        self.ask_supposing(question, None, answer)
    }

    /// The same, if the catalogue were another one, for those who suppose it.
    pub(crate) fn ask_supposing<R>(
        &self,
        question: &Question<'_>,
        supposed: Option<&Catalogue>,
        answer: impl FnOnce(&Facts<'_>) -> R,
    ) -> R {
        let hash = self.hash_of(question.client_id);
        let mut answer = Some(answer);
        for _ in 0..TRIES {
            if let Some(entered) = self.turnstile.enter() {
                let still = || self.turnstile.is_still(entered);
                if let Some(answered) = self.lend_facts(hash, question, supposed, &still, &mut answer) {
                    return answered;
                }
            }
            std::hint::spin_loop();
        }
        let _gate = self.gate.read();
        let answered = self.lend_facts(hash, question, supposed, &|| true, &mut answer);
        answered.expect("records are whole while nobody writes")
    }

    /// Gathers the facts of a question and lends them to `answer`, unless somebody changed them meanwhile.
    #[inline]
    fn lend_facts<R>(
        &self,
        hash: u64,
        question: &Question<'_>,
        supposed: Option<&Catalogue>,
        still: &impl Fn() -> bool,
        answer: &mut Option<impl FnOnce(&Facts<'_>) -> R>,
    ) -> Option<R> {
        let view = self.view.load();
        let revision = self.revision.load(Ordering::Acquire);
        let (shard, key) = (shard_index(hash), key(question));
        let arena = &view.arenas[shard];
        let found = arena.find(hash, question.client_id);
        let number = view.catalogue.number(key);
        // A number means nothing in another catalogue.
        let (catalogue, there) = match supposed {
            None => (&*view.catalogue, number),
            Some(supposed) => (supposed, supposed.number(key)),
        };
        let version = there.and_then(|number| catalogue.version(number));
        let mut text = Text::default();
        let application = found.and_then(|found| arena.facts(found, &mut text));
        if application.is_none() && found.is_some_and(|found| found.flags.known.is_some()) {
            // Its id was half changed.
            return None;
        }
        let scoped = version.is_some_and(|version| version.entry().company_scoped);
        let has_terms = found.is_some_and(|found| found.flags.terms);
        // What most calls do not need is kept out of their way.
        let rare = (scoped || has_terms || application.is_none()).then(|| self.rare[shard].0.read());
        let account = match (&rare, application) {
            (Some(rare), None) => rare.account(hash, question.client_id),
            (Some(_) | None, _) => None,
        };
        let account = account.map(|account| account.facts(catalogue.credential_class().sunset_at));
        let standing = match &rare {
            Some(rare) if scoped => rare.standing(hash, question, account.as_ref()),
            Some(_) | None => CompanyStanding::from(CompanyAccess::NotScoped),
        };
        let terms = match (&rare, number) {
            (Some(rare), Some(number)) if has_terms => rare.terms_of(hash, question.client_id, number),
            (Some(_) | None, _) => Terms::default(),
        };
        let called = version.zip(question.operation.as_ref());
        let facts = Facts {
            revision,
            environment: question.environment,
            version,
            operation: called.and_then(|(version, operation)| version.operation(operation)),
            application,
            account,
            access: standing.access,
            awaits_use: standing.awaits_use,
            subscribed: found.zip(number).is_some_and(|(found, number)| arena.subscribes(found, number)),
            terms,
        };
        if !still() {
            return None;
        }
        answer.take().map(|answer| answer(&facts))
    }

    /// Whether an API lies at this context in an environment: one of its versions is, or once was, deployed there.
    pub fn has_api(&self, context: &str, environment: Environment) -> bool {
        self.view.load().catalogue.has_context(context, environment)
    }

    /// The hash of a client id.
    pub(crate) fn hash_of(&self, client_id: &str) -> u64 {
        self.hasher.hash_one(client_id)
    }

    /// The catalogue as it is now.
    pub(crate) fn catalogue(&self) -> Arc<Catalogue> {
        Arc::clone(&self.view.load().catalogue)
    }

    /// One shard, which stays as it is until it is let go of.
    pub(crate) fn shard(&self, index: usize) -> Shard<'_> {
        let rare = self.rare[index].0.read();
        // Loaded behind the lock, which a writer holds until its view is there.
        let view = self.view.load();
        Shard { rare, catalogue: Arc::clone(&view.catalogue), arena: Arc::clone(&view.arenas[index]) }
    }

    /// This table if these versions, namespaces and the credential class changed: what a change of their dates would do,
    /// before anybody makes it. Changes of anything else are left out.
    pub fn supposing(&self, changes: Vec<Change>) -> Supposition<'_> {
        let (told, _) = sorted(changes);
        let mut catalogue = Catalogue::clone(&self.catalogue());
        let update = catalogue.prepared(told);
        catalogue.set(update, &mut Sums::default());
        Supposition::new(self, catalogue)
    }

    /// Lends the facts of each question to `answer`, with its index, all at one revision. A commit waits meanwhile.
    pub fn ask_all<R>(&self, questions: &[Question<'_>], mut answer: impl FnMut(usize, &Facts<'_>) -> R) -> Vec<R> {
        let _gate = self.gate.read();
        let ask = |(index, question): (usize, &Question<'_>)| {
            let (hash, mut answer) = (self.hash_of(question.client_id), Some(|facts: &Facts<'_>| answer(index, facts)));
            let answered = self.lend_facts(hash, question, None, &|| true, &mut answer);
            answered.expect("records are whole while nobody writes")
        };
        questions.iter().enumerate().map(ask).collect()
    }

    /// How much the table holds, at one revision.
    pub fn counts(&self) -> Counts {
        let writer = self.gate.read();
        let versions = writer.catalogue.versions();
        let mut counts = Counts { versions, applications: 0, subscriptions: 0, service_accounts: 0, installations: 0 };
        for (records, rare) in writer.shards.iter().zip(&self.rare) {
            let rare = rare.0.read();
            counts.applications += records.applications();
            counts.subscriptions += records.subscriptions();
            counts.service_accounts += rare.accounts().len();
            counts.installations += rare.installations();
        }
        counts
    }

    /// All that the table holds, as sorted lines: two tables that know the same print the same. For tests and for
    /// comparing replicas; it walks everything.
    pub fn dump(&self) -> Vec<String> {
        let _gate = self.gate.read();
        let catalogue = self.catalogue();
        let versions = catalogue.entries().map(|version: &VersionFacts| format!("version {version:?}"));
        let namespaces = catalogue.namespaces().map(|entry| format!("namespace {entry:?}"));
        // Until a sunset is told, there is nothing to know about the class.
        let sunset_at = catalogue.credential_class().sunset_at;
        let class = sunset_at.map(|sunset_at| format!("credential class {sunset_at:?}"));
        let mut lines: Vec<String> = versions.chain(namespaces).chain(class).collect();
        let named = |number: VersionNumber| {
            let (name, environment) = catalogue.key_of(number);
            format!("{environment} {:?} {:?}", name.context, name.label)
        };
        for index in 0..SHARDS {
            let Shard { rare, arena, .. } = self.shard(index);
            for client in rare.terms() {
                let terms = |(number, terms): &(VersionNumber, Terms)| {
                    format!("terms {:?} {} {terms:?}", client.client_id(), named(*number))
                };
                lines.extend(client.terms().iter().map(terms));
            }
            for (_, found) in arena.records() {
                let (mut text, mut id) = (Text::default(), Text::default());
                let client_id = arena.client_id(found, &mut id).unwrap_or_default();
                let facts = arena.facts(found, &mut text);
                lines.extend(facts.map(|facts| format!("application {client_id:?} {facts:?}")));
                lines
                    .extend(arena.numbers(found).map(|number| format!("subscription {client_id:?} {}", named(number))));
            }
            let account = |account: &Account| format!("account {:?} {:?}", account.client_id(), account.facts(None));
            lines.extend(rare.accounts().iter().map(account));
            lines.extend(rare.installed().flat_map(ClientInstallations::lines));
        }
        lines.sort_unstable();
        lines
    }

    /// Folds changes, and sets the revision that they make.
    fn fold(&self, writer: &mut Writer, changes: Vec<Change>, revision: Option<u64>) {
        // What can be done before readers have to try again: hashes, numbers, what namespaces make of versions, headers.
        let (told, others) = sorted(changes);
        let update = writer.catalogue.prepared(told);
        let clients: Vec<Hashed> =
            others.into_iter().map(|change| self.hashed(&mut writer.catalogue, change)).collect();
        let touched = distinct(clients.iter().map(|change| shard_index(change.hash)));
        let mut locks: Vec<_> = touched.iter().map(|index| self.rare[*index].0.write()).collect();
        self.turnstile.write(|| {
            let changes_catalogue = !update.is_empty() || clients.iter().any(|change| change.numbered);
            if changes_catalogue {
                writer.catalogue.set(update, &mut writer.sums);
            }
            let mut outgrown = false;
            for Hashed { hash, number, change, numbered: _ } in clients {
                let index = shard_index(hash);
                let position = touched.binary_search(&index).expect("each touched shard is locked");
                let records = &mut writer.shards[index];
                let before = Arc::as_ptr(records.arena());
                let mut held = Held { records, rare: &mut locks[position] };
                change.fold(&mut held, hash, number, &self.hasher, &mut writer.sums);
                outgrown |= before != Arc::as_ptr(writer.shards[index].arena());
            }
            if changes_catalogue || outgrown {
                self.view.store(Arc::new(writer.view()));
            }
            if let Some(revision) = revision {
                self.revision.store(revision, Ordering::Release);
            }
        });
    }

    /// A change with the hash of its client id and the number of its version, given out now if it needs one.
    fn hashed(&self, catalogue: &mut Catalogue, change: ClientChange) -> Hashed {
        let hash = self.hash_of(change.client_id());
        let known = change.version().and_then(|key| catalogue.number(key));
        let new =
            if known.is_none() && change.adds() { change.version().map(|key| catalogue.intern(key)) } else { None };
        Hashed { hash, number: known.or(new), numbered: new.is_some(), change }
    }
}

impl Writer {
    fn view(&self) -> View {
        let arenas = self.shards.iter().map(|records| Arc::clone(records.arena())).collect();
        View { catalogue: Arc::new(self.catalogue.clone()), arenas }
    }
}

/// A shard that nobody changes meanwhile.
pub(crate) struct Shard<'t> {
    pub(crate) rare: RwLockReadGuard<'t, Rare>,
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) arena: Arc<Arena>,
}

impl Shard<'_> {
    /// The client id of a record.
    pub(crate) fn client_id(&self, found: Found) -> String {
        let mut text = Text::default();
        self.arena.client_id(found, &mut text).expect("records are whole while nobody writes").to_owned()
    }
}

fn key<'a>(question: &Question<'a>) -> Key<'a> {
    (question.context, question.label, question.environment)
}

/// The shard of a client id with this hash, by bits that find neither its slot nor its place in a map.
pub(crate) fn shard_index(hash: u64) -> usize {
    (hash >> 40) as usize % SHARDS
}

fn distinct(indexes: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut indexes: Vec<usize> = indexes.collect();
    indexes.sort_unstable();
    indexes.dedup();
    indexes
}

/// A change with all that it needs to be folded.
struct Hashed {
    hash: u64,
    number: Option<VersionNumber>,
    /// The number was given out for it.
    numbered: bool,
    change: ClientChange,
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
