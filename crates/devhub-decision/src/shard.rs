//! One part of the applications: those whose client ids share some bits of their hash.
//!
//! A record is kept small, because there are millions: both ids in one allocation, and the subscriptions as a sorted
//! run of version numbers without spare room. Terms and installations are rare among applications, so they stand beside
//! the records and not in them; service accounts are no applications and stand alone.

use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashTable, hash_table::Entry};

use crate::account::{Account, AccountFacts, ServiceAccountEntry};
use crate::catalogue::{Catalogue, Key, VersionNumber};
use crate::company::CompanyAccess;
use crate::entry::{ApplicationEntry, Standing};
use crate::facts::{ApplicationFacts, Facts, Question, VersionFacts};
use crate::installation::{ClientInstallations, CompanyStanding, InstallationEntry};
use crate::stage::Environment;
use crate::terms::{ClientTerms, Terms};

/// Client id and application id, one after the other.
struct Ids {
    text: Box<str>,
    client_id_bytes: u32,
}

impl Ids {
    fn new(client_id: &str, application_id: &str) -> Self {
        let client_id_bytes = u32::try_from(client_id.len()).expect("the edge bounds client ids far below 4 GiB");
        let mut text = String::with_capacity(client_id.len() + application_id.len());
        text.push_str(client_id);
        text.push_str(application_id);
        Self { text: text.into_boxed_str(), client_id_bytes }
    }

    fn client_id(&self) -> &str {
        &self.text[..self.client_id_bytes as usize]
    }

    fn application_id(&self) -> &str {
        &self.text[self.client_id_bytes as usize..]
    }
}

#[derive(Clone, Copy)]
struct Known {
    environment: Environment,
    standing: Standing,
}

/// What is known under one client id.
pub(crate) struct App {
    ids: Ids,
    /// Absent while only subscriptions have mentioned the client id.
    known: Option<Known>,
    /// Sorted, so that a search by halves finds one among many.
    subscriptions: Box<[VersionNumber]>,
}

impl App {
    fn unknown(client_id: &str) -> Self {
        Self { ids: Ids::new(client_id, ""), known: None, subscriptions: Box::default() }
    }

    /// The client id.
    pub(crate) fn client_id(&self) -> &str {
        self.ids.client_id()
    }

    /// The application, if the table was told of it.
    pub(crate) fn facts(&self) -> Option<ApplicationFacts<'_>> {
        let Known { environment, standing } = self.known?;
        Some(ApplicationFacts { application_id: self.ids.application_id(), environment, standing })
    }

    /// It holds a live subscription to this version.
    pub(crate) fn subscribes(&self, number: VersionNumber) -> bool {
        self.subscriptions.binary_search(&number).is_ok()
    }

    /// The versions that it is subscribed to.
    pub(crate) fn subscriptions(&self) -> &[VersionNumber] {
        &self.subscriptions
    }

    /// Adds a subscription; says whether it is new.
    fn add(&mut self, number: VersionNumber) -> bool {
        let Err(position) = self.subscriptions.binary_search(&number) else {
            return false;
        };
        // Exactly one more: the allocator rounds up anyway, so most additions stay in place and none leaves slack.
        let mut numbers = std::mem::take(&mut self.subscriptions).into_vec();
        numbers.reserve_exact(1);
        numbers.insert(position, number);
        self.subscriptions = numbers.into_boxed_slice();
        true
    }

    /// Removes a subscription; says whether it was there.
    fn remove(&mut self, number: VersionNumber) -> bool {
        let Ok(position) = self.subscriptions.binary_search(&number) else {
            return false;
        };
        let mut numbers = std::mem::take(&mut self.subscriptions).into_vec();
        numbers.remove(position);
        self.subscriptions = numbers.into_boxed_slice();
        true
    }
}

/// A part of the applications, how much is in it, and a handle on all versions.
pub(crate) struct Shard {
    catalogue: Arc<Catalogue>,
    apps: HashTable<App>,
    terms: HashTable<ClientTerms>,
    accounts: HashTable<Account>,
    installed: HashTable<ClientInstallations>,
    applications: usize,
    subscriptions: usize,
    installations: usize,
}

impl Shard {
    /// No application.
    pub(crate) fn new(catalogue: Arc<Catalogue>) -> Self {
        Self {
            catalogue,
            apps: HashTable::new(),
            terms: HashTable::new(),
            accounts: HashTable::new(),
            installed: HashTable::new(),
            applications: 0,
            subscriptions: 0,
            installations: 0,
        }
    }

    /// All versions.
    pub(crate) fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// Exchanges the handle on all versions.
    pub(crate) fn set_catalogue(&mut self, catalogue: Arc<Catalogue>) -> Arc<Catalogue> {
        std::mem::replace(&mut self.catalogue, catalogue)
    }

    /// What is known about a question whose client id has this hash.
    pub(crate) fn facts(&self, hash: u64, revision: u64, question: &Question<'_>) -> Facts<'_> {
        let number = self.catalogue.number(key(question));
        let version = number.and_then(|number| self.catalogue.version(number));
        self.facts_with(hash, revision, question, number, version, &self.catalogue)
    }

    /// The same, if the catalogue were another one. A number means nothing there that it means here.
    pub(crate) fn facts_supposing<'t>(
        &'t self,
        hash: u64,
        revision: u64,
        question: &Question<'_>,
        supposed: &'t Catalogue,
    ) -> Facts<'t> {
        let version = supposed.number(key(question)).and_then(|number| supposed.version(number));
        self.facts_with(hash, revision, question, self.catalogue.number(key(question)), version, supposed)
    }

    fn facts_with<'t>(
        &'t self,
        hash: u64,
        revision: u64,
        question: &Question<'_>,
        number: Option<VersionNumber>,
        version: Option<&'t VersionFacts>,
        catalogue: &'t Catalogue,
    ) -> Facts<'t> {
        // The whole id is compared: a mere hash could let a stranger in.
        let app = self.app(hash, question.client_id);
        let application = app.and_then(App::facts);
        let scoped = version.is_some_and(|version| version.entry().company_scoped);
        // What most calls do not need is kept out of their way.
        let (account, standing) = if application.is_some() && !scoped {
            (None, CompanyAccess::NotScoped.into())
        } else {
            let sunset_at = catalogue.credential_class().sunset_at;
            let account = if application.is_none() { self.account(hash, question.client_id) } else { None };
            let account = account.map(|account| account.facts(sunset_at));
            (account, self.standing(hash, question, account.as_ref(), scoped))
        };
        let called = version.zip(question.operation.as_ref());
        Facts {
            revision,
            environment: question.environment,
            version,
            operation: called.and_then(|(version, operation)| version.operation(operation)),
            application,
            account,
            access: standing.access,
            awaits_use: standing.awaits_use,
            subscribed: app.zip(number).is_some_and(|(app, number)| app.subscribes(number)),
            terms: number.map_or_else(Terms::default, |number| self.terms_of(hash, question.client_id, number)),
        }
    }

    /// The terms between a client id and a version.
    pub(crate) fn terms_of(&self, hash: u64, client_id: &str, number: VersionNumber) -> Terms {
        // Most shards have none.
        if self.terms.is_empty() {
            return Terms::default();
        }
        self.client_terms(hash, client_id).and_then(|terms| terms.of(number)).unwrap_or_default()
    }

    /// All terms of a client id.
    pub(crate) fn client_terms(&self, hash: u64, client_id: &str) -> Option<&ClientTerms> {
        self.terms.find(hash, |terms| terms.client_id() == client_id)
    }

    /// The service account of a client id.
    #[inline(never)]
    pub(crate) fn account(&self, hash: u64, client_id: &str) -> Option<&Account> {
        self.accounts.find(hash, |account| account.client_id() == client_id)
    }

    /// How the caller of a question stands to the company and the project that it names.
    #[inline(never)]
    fn standing(
        &self,
        hash: u64,
        question: &Question<'_>,
        account: Option<&AccountFacts<'_>>,
        scoped: bool,
    ) -> CompanyStanding {
        if !scoped {
            return CompanyAccess::NotScoped.into();
        }
        match (account, question.company) {
            (Some(account), Some(company)) if company != account.company_id => CompanyAccess::OtherCompany.into(),
            (Some(_), _) => CompanyAccess::Permitted.into(),
            (None, None) => CompanyAccess::Unnamed.into(),
            (None, Some(company)) => {
                let found = self.installed_of(hash, question.client_id);
                let there = found.map(|installed| installed.standing(company, question.project));
                there.unwrap_or_else(|| CompanyAccess::NotInstalled.into())
            }
        }
    }

    /// What is known under a client id.
    pub(crate) fn app(&self, hash: u64, client_id: &str) -> Option<&App> {
        self.apps.find(hash, |app| app.client_id() == client_id)
    }

    /// The installations of a client id.
    pub(crate) fn installed_of(&self, hash: u64, client_id: &str) -> Option<&ClientInstallations> {
        self.installed.find(hash, |installed| installed.client_id() == client_id)
    }

    /// All service accounts.
    pub(crate) fn accounts(&self) -> &HashTable<Account> {
        &self.accounts
    }

    /// Installations of each client id that has some.
    pub(crate) fn installed(&self) -> impl Iterator<Item = &ClientInstallations> {
        self.installed.iter()
    }

    /// How many installations there are.
    pub(crate) fn installations(&self) -> usize {
        self.installations
    }

    /// Terms of each client id that has some.
    pub(crate) fn terms(&self) -> impl Iterator<Item = &ClientTerms> {
        self.terms.iter()
    }

    /// Each record.
    pub(crate) fn apps(&self) -> impl Iterator<Item = &App> {
        self.apps.iter()
    }

    /// How many applications the table was told of.
    pub(crate) fn applications(&self) -> usize {
        self.applications
    }

    /// How many subscriptions are live.
    pub(crate) fn subscriptions(&self) -> usize {
        self.subscriptions
    }

    /// Sets an application and leaves its subscriptions alone.
    pub(crate) fn set_application(&mut self, hash: u64, entry: &ApplicationEntry, hasher: &DefaultHashBuilder) {
        let app = self.app_or_unknown(hash, &entry.client_id, hasher);
        if app.ids.application_id() != &*entry.application_id {
            app.ids = Ids::new(&entry.client_id, &entry.application_id);
        }
        let replaced = app.known.replace(Known { environment: entry.environment, standing: entry.standing });
        self.applications += usize::from(replaced.is_none());
    }

    /// Adds a subscription.
    pub(crate) fn add_subscription(
        &mut self,
        hash: u64,
        client_id: &str,
        number: VersionNumber,
        hasher: &DefaultHashBuilder,
    ) {
        let added = self.app_or_unknown(hash, client_id, hasher).add(number);
        self.subscriptions += usize::from(added);
    }

    /// Removes a subscription.
    pub(crate) fn remove_subscription(&mut self, hash: u64, client_id: &str, number: VersionNumber) {
        let Ok(mut found) = self.apps.find_entry(hash, |app| app.client_id() == client_id) else {
            return;
        };
        let removed = found.get_mut().remove(number);
        self.subscriptions -= usize::from(removed);
        // Nothing is known under this client id any more: its record would only take room.
        if found.get().known.is_none() && found.get().subscriptions.is_empty() {
            found.remove();
        }
    }

    /// Changes one part of the terms between a client id and a version.
    pub(crate) fn change_terms(
        &mut self,
        hash: u64,
        client_id: &str,
        number: VersionNumber,
        hasher: &DefaultHashBuilder,
        change: impl FnOnce(&mut Terms),
    ) {
        let mut terms = self.terms_of(hash, client_id, number);
        change(&mut terms);
        let same = |terms: &ClientTerms| terms.client_id() == client_id;
        match self.terms.entry(hash, same, |terms| hasher.hash_one(terms.client_id())) {
            Entry::Occupied(mut found) => {
                found.get_mut().set(number, terms);
                if found.get().terms().is_empty() {
                    found.remove();
                }
            }
            Entry::Vacant(_) if terms == Terms::default() => {}
            Entry::Vacant(vacant) => {
                vacant.insert(ClientTerms::new(client_id, number, terms));
            }
        }
    }

    /// Sets or removes a service account.
    pub(crate) fn set_account(&mut self, hash: u64, entry: &ServiceAccountEntry, hasher: &DefaultHashBuilder) {
        let same = |account: &Account| account.client_id() == &*entry.client_id;
        match self.accounts.entry(hash, same, |account| hasher.hash_one(account.client_id())) {
            Entry::Occupied(mut found) if entry.live => *found.get_mut() = Account::new(entry),
            Entry::Occupied(found) => {
                found.remove();
            }
            Entry::Vacant(vacant) if entry.live => {
                vacant.insert(Account::new(entry));
            }
            Entry::Vacant(_) => {}
        }
    }

    /// Sets or removes an installation.
    pub(crate) fn set_installation(&mut self, hash: u64, entry: InstallationEntry, hasher: &DefaultHashBuilder) {
        let InstallationEntry { client_id, company_id, installed, projects, awaits_use } = entry;
        let same = |known: &ClientInstallations| known.client_id() == &*client_id;
        match self.installed.entry(hash, same, |known| hasher.hash_one(known.client_id())) {
            Entry::Occupied(mut found) if installed => {
                self.installations += usize::from(found.get_mut().set(&company_id, projects, awaits_use));
            }
            Entry::Occupied(mut found) => {
                self.installations -= usize::from(found.get_mut().remove(&company_id));
                if found.get().is_empty() {
                    found.remove();
                }
            }
            Entry::Vacant(vacant) if installed => {
                let mut found = vacant.insert(ClientInstallations::new(&client_id));
                self.installations += usize::from(found.get_mut().set(&company_id, projects, awaits_use));
            }
            Entry::Vacant(_) => {}
        }
    }

    fn app_or_unknown(&mut self, hash: u64, client_id: &str, hasher: &DefaultHashBuilder) -> &mut App {
        let same = |app: &App| app.client_id() == client_id;
        match self.apps.entry(hash, same, |app| hasher.hash_one(app.client_id())) {
            Entry::Occupied(found) => found.into_mut(),
            Entry::Vacant(vacant) => vacant.insert(App::unknown(client_id)).into_mut(),
        }
    }
}

fn key<'a>(question: &Question<'a>) -> Key<'a> {
    (question.context, question.label, question.environment)
}
