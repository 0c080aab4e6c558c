//! Who is affected by what notices are about.

use chrono::{DateTime, Utc};
use devhub_decision::Environment;

use super::Told;
use crate::domain::announcement::{Audience, Scope};
use crate::domain::ledger::Target;
use crate::domain::name::{ApplicationId, VersionName};
use crate::domain::notice::Holder;
use crate::hub::Hub;

/// Applications counted at once.
const COUNTED_AT_ONCE: usize = 256;

/// Who is affected.
#[derive(Clone)]
pub(super) enum Affected {
    /// Of versions: applications.
    Subscribers(Subscribers),
    /// Whoever depends on service accounts that are not removed at this instant: first the applications that replace
    /// them, then the companies that have them.
    Dependants(DateTime<Utc>),
}

/// The applications that hold a subscription to one of these versions, or a waiver for one.
#[derive(Clone)]
pub(super) struct Subscribers {
    /// Where.
    pub(super) environment: Environment,
    /// The versions.
    pub(super) versions: Vec<VersionName>,
    /// Versions that are retired for another reason: only who holds a live waiver still calls them.
    pub(super) over: Vec<VersionName>,
    /// When they hold it.
    pub(super) at: DateTime<Utc>,
}

impl Hub {
    /// Who is to be told at `now`: the subscribers that are live, or would be if what they are told of had not retired
    /// what they call; and who holds a live waiver.
    pub(super) fn affected(&self, told: &Told, now: DateTime<Utc>) -> Affected {
        let (environment, target) = match told {
            Told::Class(_) => return Affected::Dependants(now),
            Told::Schedule(revision) => (revision.target.environment(), Some(&revision.target)),
            Told::Announcement(revision) => match &revision.content.audience {
                Audience::Subscribers(environment, _) => (*environment, None),
                // They have no subscribers, wherever one looks.
                Audience::Everybody | Audience::Operators => (Environment::Production, None),
            },
        };
        Affected::Subscribers(self.affected_of(self.versions_told(told), environment, target, now))
    }

    fn affected_of(
        &self,
        versions: Vec<VersionName>,
        environment: Environment,
        target: Option<&Target>,
        now: DateTime<Utc>,
    ) -> Subscribers {
        let is_over = |name: &VersionName| self.index().is_over_but_for(name, environment, target, now);
        let (over, versions) = versions.into_iter().partition(is_over);
        Subscribers { environment, versions, over, at: now }
    }

    /// How many applications are told of an end of `target` at `now`: what a preview says and the crier does.
    pub(in crate::hub) fn applications_told(&self, target: &Target, now: DateTime<Utc>) -> u64 {
        let affected = self.affected_of(self.index().versions_of(target), target.environment(), Some(target), now);
        let (mut count, mut last) = (0, None::<ApplicationId>);
        loop {
            let found = self.subscribers_after(&affected, last.as_ref().map(ApplicationId::as_str), COUNTED_AT_ONCE);
            count += found.len() as u64;
            if found.len() < COUNTED_AT_ONCE {
                return count;
            }
            last = found.into_iter().next_back().map(|(id, _)| id);
        }
    }

    /// The versions whose subscribers are told, those that are over too.
    pub(super) fn versions_told(&self, told: &Told) -> Vec<VersionName> {
        match told {
            Told::Schedule(revision) => self.index().versions_of(&revision.target),
            Told::Announcement(revision) => match &revision.content.audience {
                Audience::Subscribers(_, scopes) => {
                    let mut versions: Vec<_> = scopes.iter().flat_map(|scope| self.versions_in(scope)).collect();
                    versions.sort_unstable();
                    versions.dedup();
                    versions
                }
                Audience::Everybody | Audience::Operators => Vec::new(),
            },
            Told::Class(_) => Vec::new(),
        }
    }

    fn versions_in(&self, scope: &Scope) -> Vec<VersionName> {
        match scope {
            Scope::Version(name) => vec![name.clone()],
            Scope::Api(context) => self.index().versions(context).into_iter().map(|version| version.name).collect(),
        }
    }

    /// Up to `limit` of those affected after `after`, in order, each with the affected versions that it has.
    pub(super) fn affected_after(
        &self,
        affected: &Affected,
        after: Option<&Holder>,
        limit: usize,
    ) -> Vec<(Holder, Vec<VersionName>)> {
        let (application, company) = match after {
            None => (None, None),
            Some(Holder::Application(id)) => (Some(id), None),
            Some(Holder::Company(id)) => (None, Some(id)),
        };
        match affected {
            Affected::Subscribers(subscribers) => {
                let found = self.subscribers_after(subscribers, application.map(ApplicationId::as_str), limit);
                found.into_iter().map(|(id, versions)| (Holder::Application(id), versions)).collect()
            }
            Affected::Dependants(at) => {
                let mut found = Vec::new();
                // Whoever has come to a company has all applications behind them.
                if company.is_none() {
                    let awaited = self.roster().applications_awaited(*at, application, limit);
                    found.extend(awaited.into_iter().map(Holder::Application));
                }
                let companies = self.roster().companies_holding(*at, company, limit - found.len());
                found.extend(companies.into_iter().map(Holder::Company));
                found.into_iter().map(|holder| (holder, Vec::new())).collect()
            }
        }
    }

    fn subscribers_after(
        &self,
        subscribers: &Subscribers,
        after: Option<&str>,
        limit: usize,
    ) -> Vec<(ApplicationId, Vec<VersionName>)> {
        let Subscribers { environment, versions, over, at } = subscribers;
        self.index().holders((versions, over), *environment, *at, after, limit)
    }
}
