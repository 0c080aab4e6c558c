//! Who is told of the dates of the class: whoever still depends on accounts that are not removed.

use std::ops::Bound;

use chrono::{DateTime, Utc};

use super::{Inner, Migration, MigrationFilter, Pair, Party, Roster};
use crate::domain::migration::KnownExtension;
use crate::domain::name::{ApplicationId, CompanyId};

/// How much an application's users still depend on accounts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::hub) struct Dependants {
    /// Companies with accounts that are not removed.
    pub(in crate::hub) companies: u64,
    /// Those of them whose calls the sunset would stop, or has stopped.
    pub(in crate::hub) at_risk: u64,
    /// Since when the application has something to install.
    pub(in crate::hub) ready_at: Option<DateTime<Utc>>,
}

impl Pair {
    fn is_live(&self, at: DateTime<Utc>) -> bool {
        self.accounts.iter().any(|(_, times)| times.is_live(at))
    }
}

impl Inner {
    /// The applications of the roster after `after`, in order.
    fn applications<'i>(
        &'i self,
        after: Option<&ApplicationId>,
    ) -> impl Iterator<Item = (&'i Party, &'i ApplicationId)> {
        let after = after.map(|id| Party::Application(id.clone()));
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let parties = self.pairs.range((start, Bound::Unbounded)).map(|(party, _)| party);
        parties.map_while(|party| match party {
            Party::Application(id) => Some((party, id)),
            // They come after all applications.
            Party::Account(_) => None,
        })
    }
}

impl Roster {
    /// Up to `limit` applications after `after`, in order, that accounts which are not removed at `at` are replaced by.
    pub(in crate::hub) fn applications_awaited(
        &self,
        at: DateTime<Utc>,
        after: Option<&ApplicationId>,
        limit: usize,
    ) -> Vec<ApplicationId> {
        let inner = self.0.read();
        let awaited =
            inner.applications(after).filter(|(party, _)| inner.pairs[*party].values().any(|p| p.is_live(at)));
        awaited.map(|(_, id)| id.clone()).take(limit).collect()
    }

    /// Up to `limit` companies after `after`, in order, that have accounts which are not removed at `at`.
    pub(in crate::hub) fn companies_holding(
        &self,
        at: DateTime<Utc>,
        after: Option<&CompanyId>,
        limit: usize,
    ) -> Vec<CompanyId> {
        let inner = self.0.read();
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let holds = |company: &CompanyId, party: &Party| {
            inner.pairs.get(party).and_then(|companies| companies.get(company)).is_some_and(|pair| pair.is_live(at))
        };
        let companies = inner.of_company.range::<CompanyId, _>((start, Bound::Unbounded));
        let holding = companies.filter(|(company, parties)| parties.iter().any(|party| holds(company, party)));
        holding.map(|(company, _)| company.clone()).take(limit).collect()
    }

    /// Up to `limit` applications after `after`, in order, that accounts, removed ones included, are or were replaced by.
    pub(in crate::hub) fn applications_known(&self, after: Option<&ApplicationId>, limit: usize) -> Vec<ApplicationId> {
        self.0.read().applications(after).map(|(_, id)| id.clone()).take(limit).collect()
    }

    /// Up to `limit` companies after `after`, in order, that have or had accounts.
    pub(in crate::hub) fn companies_known(&self, after: Option<&CompanyId>, limit: usize) -> Vec<CompanyId> {
        let inner = self.0.read();
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let companies = inner.of_company.range::<CompanyId, _>((start, Bound::Unbounded));
        companies.map(|(company, _)| company.clone()).take(limit).collect()
    }

    /// How much the companies that use an application depend on accounts at `at`.
    pub(in crate::hub) fn dependants(&self, application: &ApplicationId, at: DateTime<Utc>) -> Dependants {
        let filter = MigrationFilter { application: Some(application.clone()), company: None };
        let mut found = Dependants::default();
        for migration in self.live_migrations(&filter, at) {
            found.companies += 1;
            found.at_risk += u64::from(migration.phase.is_at_risk());
            found.ready_at = migration.ready_at;
        }
        found
    }

    /// Until when a company's accounts are accepted past the sunset, as far as was known at `at`.
    pub(in crate::hub) fn extended_until(&self, company: &CompanyId, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.0.read().extensions.get(company).and_then(|known| KnownExtension::at(known, at))
    }

    /// The migrations with accounts that are not removed at `at`.
    pub(in crate::hub) fn live_migrations(&self, filter: &MigrationFilter, at: DateTime<Utc>) -> Vec<Migration> {
        let live = |migration: &Migration| migration.accounts.iter().any(|(_, times)| times.is_live(at));
        self.migrations(filter, (at, None), None, usize::MAX, live)
    }
}
