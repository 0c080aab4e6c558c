//! The roster: who has to migrate away from traditional service accounts, and what happened to each of them when. A fold
//! of the committed records, kept in memory like the index.

mod telling;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::RwLock;

use crate::domain::app_version::AppVersion;
use crate::domain::company::{Company, Extension};
use crate::domain::credential_class::{ClassRevision, ClassSchedule, as_of};
use crate::domain::installation::{Installation, Interval};
use crate::domain::migration::{AccountTimes, KnownExtension, MigrationFacts, Phase, instants, phase};
use crate::domain::name::{AccountId, ApplicationId, CompanyId, Email};
use crate::domain::record::Record;
use crate::domain::service_account::ServiceAccount;

/// Migrations in each phase, by [`Phase::index`].
pub type PhaseCounts = [u64; Phase::ALL.len()];

/// Whose accounts a company has to replace: those for one application, or one account that no known application
/// replaces yet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Party {
    /// An application.
    Application(ApplicationId),
    /// One account: nobody has said whose it is, or what replaces it is not registered.
    Account(AccountId),
}

/// One company's accounts for one party.
#[derive(Debug, Clone, Default, PartialEq)]
struct Pair {
    accounts: Vec<(AccountId, AccountTimes)>,
}

#[derive(Debug, Default, PartialEq)]
struct Inner {
    administrators: HashMap<CompanyId, BTreeSet<Email>>,
    by_administrator: HashMap<Email, BTreeSet<CompanyId>>,
    pairs: BTreeMap<Party, BTreeMap<CompanyId, Pair>>,
    of_company: BTreeMap<CompanyId, BTreeSet<Party>>,
    /// Where each account stands.
    places: HashMap<AccountId, Party>,
    ready: HashMap<ApplicationId, DateTime<Utc>>,
    installed: HashMap<(ApplicationId, CompanyId), Vec<Interval>>,
    extensions: HashMap<CompanyId, Vec<KnownExtension>>,
    class: ClassSchedule,
    revisions: Vec<ClassRevision>,
}

/// Which migrations. Absent parts match everything.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MigrationFilter {
    /// Away from the accounts for this application.
    pub application: Option<ApplicationId>,
    /// Of this company.
    pub company: Option<CompanyId>,
}

/// One migration at an instant.
#[derive(Debug, Clone, PartialEq)]
pub struct Migration {
    /// Whose accounts.
    pub party: Party,
    /// Of which company.
    pub company: CompanyId,
    /// How far it is.
    pub phase: Phase,
    /// The accounts concerned, removed ones included.
    pub accounts: Vec<(AccountId, AccountTimes)>,
    /// When the application has, or had, first something to install.
    pub ready_at: Option<DateTime<Utc>>,
    /// Since when something is installed.
    pub installed_at: Option<DateTime<Utc>>,
    /// When that first called.
    pub first_used_at: Option<DateTime<Utc>>,
    /// The first instant at which the old accounts are no longer accepted, when known.
    pub ends_at: Option<DateTime<Utc>>,
}

/// How fast migrations leave the risk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pace {
    /// At risk, and not expired.
    pub at_risk: u64,
    /// Left the risk in the time that was looked at.
    pub secured: u64,
    /// Expired.
    pub expired: u64,
}

/// Who has to migrate.
#[derive(Debug, Default)]
pub struct Roster(RwLock<Inner>);

impl Inner {
    fn learn_company(&mut self, company: &Company) {
        let old = self.administrators.insert(company.id.clone(), company.administrators.clone()).unwrap_or_default();
        for gone in old.difference(&company.administrators) {
            if let Some(companies) = self.by_administrator.get_mut(gone) {
                companies.remove(&company.id);
                if companies.is_empty() {
                    self.by_administrator.remove(gone);
                }
            }
        }
        for email in &company.administrators {
            self.by_administrator.entry(email.clone()).or_default().insert(company.id.clone());
        }
        if let Some(extension) = &company.extension {
            self.extensions.insert(company.id.clone(), known(extension));
        }
    }

    fn learn_account(&mut self, account: &ServiceAccount) {
        let party = match account.account_type.application() {
            Some(application) => Party::Application(application.clone()),
            None => Party::Account(account.id.clone()),
        };
        let times = AccountTimes {
            created_at: account.created_at,
            classified_at: account.classified_at,
            removed_at: account.removal.as_ref().map(|removal| removal.at),
        };
        if let Some(old) = self.places.insert(account.id.clone(), party.clone()) {
            self.forget_account(&old, account);
        }
        let pair = self.pairs.entry(party.clone()).or_default().entry(account.company.clone()).or_default();
        // In the order of ids, so that the roster does not depend on the order of what it learned.
        let place = pair.accounts.partition_point(|(id, _)| *id < account.id);
        pair.accounts.insert(place, (account.id.clone(), times));
        self.of_company.entry(account.company.clone()).or_default().insert(party);
    }

    fn forget_account(&mut self, party: &Party, account: &ServiceAccount) {
        let Some(companies) = self.pairs.get_mut(party) else { return };
        let Some(pair) = companies.get_mut(&account.company) else { return };
        pair.accounts.retain(|(id, _)| *id != account.id);
        if pair.accounts.is_empty() {
            companies.remove(&account.company);
            if let Some(parties) = self.of_company.get_mut(&account.company) {
                parties.remove(party);
                if parties.is_empty() {
                    self.of_company.remove(&account.company);
                }
            }
        }
        if companies.is_empty() {
            self.pairs.remove(party);
        }
    }

    fn learn_revision(&mut self, revision: &ClassRevision) {
        let place = self.revisions.partition_point(|known| known.number < revision.number);
        if self.revisions.get(place).is_none_or(|known| known.number != revision.number) {
            self.revisions.insert(place, revision.clone());
        }
    }

    /// A developer is ready from the first promotion of a version that has a service account (rule B81).
    fn learn_version(&mut self, version: &AppVersion) {
        let Some(promoted) = version.promoted.as_ref().filter(|_| version.has_service_account()) else { return };
        let ready_at = self.ready.entry(version.application.clone()).or_insert(promoted.at);
        *ready_at = (*ready_at).min(promoted.at);
    }

    /// Only what has a service account can take the place of one.
    fn learn_installation(&mut self, installation: &Installation) {
        let intervals = installation.intervals.iter().filter(|interval| interval.service_account);
        let intervals: Vec<Interval> = intervals.copied().collect();
        let place = (installation.application.clone(), installation.company.clone());
        if intervals.is_empty() {
            self.installed.remove(&place);
        } else {
            self.installed.insert(place, intervals);
        }
    }

    /// The sunset that was public at `at`.
    fn sunset(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        as_of(&self.revisions, at).sunset_at
    }

    /// The migrations that the filter matches, in order of party and company, after `after`.
    fn matching<'i>(
        &'i self,
        filter: &'i MigrationFilter,
        after: Option<&'i (Party, CompanyId)>,
    ) -> Box<dyn Iterator<Item = (&'i Party, &'i CompanyId, &'i Pair)> + 'i> {
        let later = move |party: &Party, company: &CompanyId| {
            after.is_none_or(|(known, place)| (known, place) < (party, company))
        };
        let of_party = move |(party, companies): (&'i Party, &'i BTreeMap<CompanyId, Pair>)| {
            // Only the party that the last page ended in has companies to pass over.
            let start = after.filter(|(known, _)| known == party).map(|(_, place)| place);
            let start = start.map_or(Bound::Unbounded, Bound::Excluded);
            companies.range((start, Bound::Unbounded)).map(move |(company, pair)| (party, company, pair))
        };
        match (&filter.application, &filter.company) {
            (Some(application), company) => {
                let found = self.pairs.get_key_value(&Party::Application(application.clone()));
                let wanted = move |id: &CompanyId| company.as_ref().is_none_or(|company| company == id);
                let pairs = found.into_iter().flat_map(of_party);
                Box::new(pairs.filter(move |(party, id, _)| wanted(id) && later(party, id)))
            }
            (None, Some(company)) => {
                let parties = self.of_company.get(company).into_iter().flatten();
                let pairs = parties.filter_map(move |party| {
                    let (company, pair) = self.pairs.get(party)?.get_key_value(company)?;
                    Some((party, company, pair))
                });
                Box::new(pairs.filter(move |(party, id, _)| later(party, id)))
            }
            (None, None) => {
                let start = after.map_or(Bound::Unbounded, |(party, _)| Bound::Included(party));
                Box::new(self.pairs.range((start, Bound::Unbounded)).flat_map(of_party))
            }
        }
    }

    /// Calls `each` with the facts of every migration that the filter matches.
    fn each(&self, filter: &MigrationFilter, mut each: impl FnMut(&MigrationFacts<'_>)) {
        let mut times = Vec::new();
        for (party, company, pair) in self.matching(filter, None) {
            times.clear();
            times.extend(pair.accounts.iter().map(|(_, times)| *times));
            each(&self.facts(party, company, &times));
        }
    }

    fn facts<'f>(&'f self, party: &Party, company: &CompanyId, accounts: &'f [AccountTimes]) -> MigrationFacts<'f> {
        let extensions = self.extensions.get(company).map(Vec::as_slice).unwrap_or_default();
        let Party::Application(application) = party else {
            return MigrationFacts { accounts, extensions, ..MigrationFacts::default() };
        };
        let place = (application.clone(), company.clone());
        MigrationFacts {
            accounts,
            ready_at: self.ready.get(application).copied(),
            installed: self.installed.get(&place).map(Vec::as_slice).unwrap_or_default(),
            extensions,
        }
    }
}

/// An extension as it became known. Of several shortenings the record has the last one.
fn known(extension: &Extension) -> Vec<KnownExtension> {
    let Extension { until, granted_at, shortened, .. } = extension;
    let granted_until = shortened.as_ref().map_or(*until, |shortening| shortening.granted_until);
    let granted = KnownExtension { known_at: *granted_at, until: granted_until };
    let shortened = shortened.as_ref().map(|shortening| KnownExtension { known_at: shortening.at, until: *until });
    [granted].into_iter().chain(shortened).collect()
}

/// Whether both have learned the same, by whatever way.
impl PartialEq for Roster {
    fn eq(&self, other: &Roster) -> bool {
        // A thread that reads one lock twice may wait for itself.
        std::ptr::eq(self, other) || *self.0.read() == *other.0.read()
    }
}

impl Roster {
    /// Learns a record, whatever it is of.
    pub(super) fn learn(&self, record: &Record) {
        #[expect(clippy::wildcard_enum_match_arm, reason = "the roster is about a few kinds of records only")]
        match record {
            Record::Company(company) => self.0.write().learn_company(company),
            Record::ServiceAccount(account) => self.0.write().learn_account(account),
            Record::CredentialClass(class) => self.0.write().class = class.schedule,
            Record::ClassRevision(revision) => self.0.write().learn_revision(revision),
            Record::AppVersion(version) => self.0.write().learn_version(version),
            Record::Installation(installation) => self.0.write().learn_installation(installation),
            _ => {}
        }
    }

    /// Whether a person administers a company.
    pub fn administers(&self, email: &Email, company: &CompanyId) -> bool {
        self.0.read().by_administrator.get(email).is_some_and(|ids| ids.contains(company))
    }

    /// Up to `limit` companies that a person administers, after `after`.
    pub fn administered_by(&self, email: &Email, after: Option<&CompanyId>, limit: usize) -> Vec<CompanyId> {
        let inner = self.0.read();
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let companies = inner.by_administrator.get(email);
        companies
            .into_iter()
            .flat_map(|ids| ids.range::<CompanyId, _>((start, Bound::Unbounded)))
            .take(limit)
            .cloned()
            .collect()
    }

    /// Up to `limit` accounts for an application, after `after`, by id.
    pub fn accounts_for(&self, application: &ApplicationId, after: Option<&AccountId>, limit: usize) -> Vec<AccountId> {
        let inner = self.0.read();
        let companies = inner.pairs.get(&Party::Application(application.clone()));
        let ids = companies.into_iter().flatten().flat_map(|(_, pair)| pair.accounts.iter().map(|(id, _)| id));
        let mut first = BTreeSet::new();
        for id in ids.filter(|id| after.is_none_or(|after| *id > after)) {
            first.insert(id);
            if first.len() > limit {
                first.pop_last();
            }
        }
        first.into_iter().cloned().collect()
    }

    /// Up to `limit` accounts of a company, removed ones included, after `after`, by id.
    pub fn accounts_of(&self, company: &CompanyId, after: Option<&AccountId>, limit: usize) -> Vec<AccountId> {
        let inner = self.0.read();
        let parties = inner.of_company.get(company).into_iter().flatten();
        let pairs = parties.filter_map(|party| inner.pairs.get(party)?.get(company));
        let ids: BTreeSet<&AccountId> = pairs.flat_map(|pair| pair.accounts.iter().map(|(id, _)| id)).collect();
        ids.into_iter().filter(|id| after.is_none_or(|after| *id > after)).take(limit).cloned().collect()
    }

    /// Every revision of the dates of the class, oldest first; there are few.
    pub fn class_revisions(&self) -> Vec<ClassRevision> {
        self.0.read().revisions.clone()
    }

    /// The dates of the class that are true now.
    pub fn class(&self) -> ClassSchedule {
        self.0.read().class
    }

    /// How many migrations are in which phase at `at`, by what was public then; with `supposed`, as if that were the
    /// sunset.
    pub fn funnel(&self, filter: &MigrationFilter, at: DateTime<Utc>, supposed: Option<DateTime<Utc>>) -> PhaseCounts {
        let inner = self.0.read();
        let sunset = supposed.or_else(|| inner.sunset(at));
        let mut counts = PhaseCounts::default();
        inner.each(filter, |facts| {
            if let Some(phase) = phase(facts, sunset, at) {
                counts[phase.index()] += 1;
            }
        });
        counts
    }

    /// How many migrations were in which phase at the beginning of each of `days` days, the first of which begins at
    /// `from`; each by what was public then. One pass over the migrations, whatever the number of days.
    pub fn burn_down(&self, filter: &MigrationFilter, from: DateTime<Utc>, days: usize) -> Vec<PhaseCounts> {
        let inner = self.0.read();
        let Some(last) = days.checked_sub(1) else { return Vec::new() };
        let end = from + TimeDelta::days(i64::try_from(last).unwrap_or(i64::MAX / 86_400_000));
        // What happens to everybody: announcements of dates, and the sunsets that came.
        let announced = inner.revisions.iter().map(|revision| revision.announced_at);
        let sunsets = inner.revisions.iter().filter_map(|revision| revision.after.sunset_at);
        let shared: Vec<DateTime<Utc>> = announced.chain(sunsets).filter(|at| from < *at && *at <= end).collect();
        let mut changes = vec![[0_i64; Phase::ALL.len()]; days];
        let mut moments: Vec<DateTime<Utc>> = Vec::new();
        inner.each(filter, |facts| {
            moments.clear();
            moments.extend(instants(facts).filter(|at| from < *at && *at <= end));
            moments.extend(&shared);
            moments.sort_unstable();
            moments.dedup();
            let mut before = phase(facts, inner.sunset(from), from);
            if let Some(phase) = before {
                changes[0][phase.index()] += 1;
            }
            for at in &moments {
                let after = phase(facts, inner.sunset(*at), *at);
                if after != before {
                    let day = first_day_after(from, *at);
                    if let Some(phase) = before {
                        changes[day][phase.index()] -= 1;
                    }
                    if let Some(phase) = after {
                        changes[day][phase.index()] += 1;
                    }
                    before = after;
                }
            }
        });
        let mut standing = [0_i64; Phase::ALL.len()];
        let sum = |change: [i64; Phase::ALL.len()]| {
            for (place, change) in standing.iter_mut().zip(change) {
                *place += change;
            }
            standing.map(|count| u64::try_from(count).unwrap_or_default())
        };
        changes.into_iter().map(sum).collect()
    }

    /// How many migrations are at risk at `at`, and how many left the risk since `since` without expiring.
    pub fn pace(
        &self,
        filter: &MigrationFilter,
        (since, at): (DateTime<Utc>, DateTime<Utc>),
        supposed: Option<DateTime<Utc>>,
    ) -> Pace {
        let inner = self.0.read();
        let sunset = supposed.or_else(|| inner.sunset(at));
        let mut pace = Pace::default();
        inner.each(filter, |facts| {
            let Some(now) = phase(facts, sunset, at) else { return };
            if now == Phase::Expired {
                pace.expired += 1;
            } else if now.is_at_risk() {
                pace.at_risk += 1;
            } else if phase(facts, sunset, since).is_none_or(Phase::is_at_risk) {
                pace.secured += 1;
            }
        });
        pace
    }

    /// The accounts that were created in one of these times: how many in each, and up to `limit` after `after`, by id.
    pub fn created_in(
        &self,
        windows: &[(DateTime<Utc>, Option<DateTime<Utc>>)],
        after: Option<&AccountId>,
        limit: usize,
    ) -> (Vec<u64>, Vec<AccountId>) {
        let inner = self.0.read();
        let mut counts = vec![0; windows.len()];
        let mut first = BTreeSet::new();
        for (id, times) in inner.pairs.values().flat_map(BTreeMap::values).flat_map(|pair| &pair.accounts) {
            let created = times.created_at;
            let within = |(from, until): &(DateTime<Utc>, Option<DateTime<Utc>>)| {
                *from <= created && until.is_none_or(|until| created < until)
            };
            let Some(window) = windows.iter().position(within) else { continue };
            counts[window] += 1;
            if after.is_none_or(|after| id > after) {
                first.insert(id);
                if first.len() > limit {
                    first.pop_last();
                }
            }
        }
        (counts, first.into_iter().cloned().collect())
    }

    /// Up to `limit` migrations at `at` that satisfy `wanted`, in order of party and company, after `after`.
    pub fn migrations(
        &self,
        filter: &MigrationFilter,
        (at, supposed): (DateTime<Utc>, Option<DateTime<Utc>>),
        after: Option<&(Party, CompanyId)>,
        limit: usize,
        wanted: impl Fn(&Migration) -> bool,
    ) -> Vec<Migration> {
        let inner = self.0.read();
        let sunset = supposed.or_else(|| inner.sunset(at));
        let seen = |(party, company, pair): (&Party, &CompanyId, &Pair)| {
            let times: Vec<AccountTimes> = pair.accounts.iter().map(|(_, times)| *times).collect();
            let facts = inner.facts(party, company, &times);
            let installed = facts.installed_in(at);
            Some(Migration {
                phase: phase(&facts, sunset, at)?,
                party: party.clone(),
                company: company.clone(),
                accounts: pair.accounts.clone(),
                ready_at: facts.ready_at.filter(|ready_at| *ready_at <= at),
                installed_at: installed.map(|interval| interval.from),
                first_used_at: installed.and_then(|interval| interval.first_used_at).filter(|used_at| *used_at <= at),
                ends_at: facts.ends_at(sunset, at),
            })
        };
        inner.matching(filter, after).filter_map(seen).filter(wanted).take(limit).collect()
    }
}

/// The first of the days that begin at `from` and every 24 hours after it whose beginning is not before `at`.
fn first_day_after(from: DateTime<Utc>, at: DateTime<Utc>) -> usize {
    let whole = (at - from).num_days();
    let days = if from + TimeDelta::days(whole) < at { whole + 1 } else { whole };
    usize::try_from(days).unwrap_or_default()
}
