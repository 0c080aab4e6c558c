//! Who is affected by what notices are about.

use chrono::{DateTime, Utc};
use devhub_decision::Environment;

use super::Told;
use crate::domain::announcement::{Audience, Scope};
use crate::domain::name::{ApplicationId, VersionName};
use crate::hub::Hub;

/// The applications that are affected: those that hold a subscription to one of these versions.
#[derive(Clone)]
pub(super) struct Affected {
    /// Where.
    pub(super) environment: Environment,
    /// The versions.
    pub(super) versions: Vec<VersionName>,
    /// When: who has left by then is not affected.
    pub(super) at: DateTime<Utc>,
}

impl Hub {
    /// Who is to be told at `due_at`: the subscribers that are live, or would be if what they are told of had not
    /// retired what they call.
    pub(super) fn affected(&self, told: &Told, due_at: DateTime<Utc>) -> Affected {
        let (environment, target) = match told {
            Told::Schedule(revision) => (revision.target.environment(), Some(&revision.target)),
            Told::Announcement(revision) => match &revision.content.audience {
                Audience::Subscribers(environment, _) => (*environment, None),
                // They have no subscribers, wherever one looks.
                Audience::Everybody | Audience::Operators => (Environment::Production, None),
            },
        };
        let mut versions = self.versions_told(told);
        versions.retain(|name| !self.index().is_over_but_for(name, environment, target, due_at));
        Affected { environment, versions, at: due_at }
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
        }
    }

    fn versions_in(&self, scope: &Scope) -> Vec<VersionName> {
        match scope {
            Scope::Version(name) => vec![name.clone()],
            Scope::Api(context) => self.index().versions(context).into_iter().map(|version| version.name).collect(),
        }
    }

    /// Up to `limit` affected applications after `after`, in order, each with the affected versions that it has.
    pub(super) fn affected_after(
        &self,
        affected: &Affected,
        after: Option<&str>,
        limit: usize,
    ) -> Vec<(ApplicationId, Vec<VersionName>)> {
        // Holders of live waivers belong to this list too, once waivers are records that the index knows.
        self.index().holders(&affected.versions, affected.environment, affected.at, after, limit)
    }
}
