//! What few clients have, beside the records: terms, service accounts, installations. It lies behind the lock of its
//! shard, which most questions never take.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable, hash_table::Entry};

use crate::account::{Account, AccountFacts, ServiceAccountEntry};
use crate::catalogue::VersionNumber;
use crate::company::CompanyAccess;
use crate::facts::Question;
use crate::installation::{ClientInstallations, CompanyStanding, InstallationEntry};
use crate::terms::{ClientTerms, Terms};

/// What few clients of a shard have.
#[derive(Default)]
pub(crate) struct Rare {
    terms: HashTable<ClientTerms>,
    accounts: HashTable<Account>,
    installed: HashTable<ClientInstallations>,
    installations: usize,
}

impl Rare {
    /// The terms between a client id and a version.
    pub(crate) fn terms_of(&self, hash: u64, client_id: &str, number: VersionNumber) -> Terms {
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

    /// How the caller of a question about a company-scoped version stands to the company and the project that it names.
    #[inline(never)]
    pub(crate) fn standing(
        &self,
        hash: u64,
        question: &Question<'_>,
        account: Option<&AccountFacts<'_>>,
    ) -> CompanyStanding {
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

    /// Changes one part of the terms between a client id and a version; says whether the client id has any then.
    pub(crate) fn change_terms(
        &mut self,
        hash: u64,
        client_id: &str,
        number: VersionNumber,
        hasher: &DefaultHashBuilder,
        change: impl FnOnce(&mut Terms),
    ) -> bool {
        let mut terms = self.terms_of(hash, client_id, number);
        change(&mut terms);
        let same = |terms: &ClientTerms| terms.client_id() == client_id;
        match self.terms.entry(hash, same, |terms| hasher.hash_one(terms.client_id())) {
            Entry::Occupied(mut found) => {
                found.get_mut().set(number, terms);
                let some = !found.get().terms().is_empty();
                if !some {
                    found.remove();
                }
                some
            }
            Entry::Vacant(_) if terms == Terms::default() => false,
            Entry::Vacant(vacant) => {
                vacant.insert(ClientTerms::new(client_id, number, terms));
                true
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
}
