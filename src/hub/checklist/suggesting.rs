//! Finds the applications that an account may be for: what is installed in its company, what is subscribed to all that it
//! called, and what bears its name.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use devhub_decision::Environment;

use crate::domain::migration::{Candidate, Subscribers, Suggestion, suggest};
use crate::domain::name::{ApplicationId, VersionName};
use crate::domain::record::{Bearer, Record, RecordKey};
use crate::domain::service_account::ServiceAccount;
use crate::hub::{Failure, Hub, UsageOf};

/// A version with more subscribers than this tells nothing about whose an account is.
const SUBSCRIBERS_MAX: usize = 100;

/// Most subscriptions of a candidate that are looked at; of one that has more nobody can say what it calls.
const SUBSCRIPTIONS_MAX: usize = 500;

/// Most candidates that are looked at for all accounts of a company.
const CANDIDATES_MAX: usize = 300;

/// Suggests whose the accounts of one company are, and reads what they have in common once.
pub(super) struct Suggesting<'h> {
    hub: &'h Hub,
    now: DateTime<Utc>,
    environment: Environment,
    installed: BTreeSet<ApplicationId>,
    known: HashMap<ApplicationId, Option<Candidate>>,
    /// A candidate has more subscriptions than are looked at.
    blind: bool,
}

impl<'h> Suggesting<'h> {
    /// For a company whose accounts work in `environment` and that has `installed` these applications.
    pub(super) fn new(
        hub: &'h Hub,
        now: DateTime<Utc>,
        environment: Environment,
        installed: BTreeSet<ApplicationId>,
    ) -> Suggesting<'h> {
        Suggesting { hub, now, environment, installed, known: HashMap::new(), blind: false }
    }

    /// Whose an account probably is, given what it called lately.
    pub(super) fn suggest(
        &mut self,
        account: &ServiceAccount,
        called: &BTreeSet<VersionName>,
    ) -> Result<Option<Suggestion>, Failure> {
        let mut ids = self.installed.clone();
        ids.extend(self.bearer(&account.name)?);
        let mut subscribers = Subscribers::All;
        if let Some(found) = self.subscribers(called) {
            ids.extend(found);
        } else {
            subscribers = Subscribers::TooMany;
        }
        let mut candidates = Vec::new();
        for id in ids {
            if !self.known.contains_key(&id) {
                if self.known.len() == CANDIDATES_MAX {
                    // What was not looked at might be the one.
                    return Ok(None);
                }
                let candidate = self.candidate(&id)?;
                self.known.insert(id.clone(), candidate);
            }
            candidates.extend(self.known[&id].clone());
        }
        if self.blind {
            return Ok(None);
        }
        Ok(suggest(&account.name, called, &candidates, subscribers))
    }

    /// The application that bears a name.
    fn bearer(&self, name: &str) -> Result<Option<ApplicationId>, Failure> {
        let key = RecordKey::ApplicationName(name.to_lowercase());
        match self.hub.get_one(key)?.map(|stored| stored.record) {
            Some(Record::Name(Bearer::Application(id))) => Ok(Some(id)),
            Some(Record::Name(Bearer::Account(_))) | None => Ok(None),
            Some(_) => Err(Failure::Defect),
        }
    }

    /// The applications that are subscribed to the one of the versions that has fewest subscribers; none if those are too
    /// many.
    fn subscribers(&self, called: &BTreeSet<VersionName>) -> Option<Vec<ApplicationId>> {
        let of = |version| self.hub.index().subscribers(version, None, SUBSCRIBERS_MAX + 1);
        let fewest = called.iter().map(of).min_by_key(Vec::len).unwrap_or_default();
        (fewest.len() <= SUBSCRIBERS_MAX).then_some(fewest)
    }

    /// What is known of an application that could replace accounts here.
    fn candidate(&mut self, id: &ApplicationId) -> Result<Option<Candidate>, Failure> {
        let found = self.hub.application(id)?;
        let found = found.filter(|found| found.deletion.is_none() && found.environment == self.environment);
        let Some(application) = found else { return Ok(None) };
        let of = UsageOf::Application(id.clone());
        let page = self.hub.list_usage(&of, Some(self.environment), None, None, SUBSCRIPTIONS_MAX, self.now)?;
        self.blind |= page.next.is_some();
        Ok(Some(Candidate {
            subscribed: page.items.into_iter().map(|row| row.subscription.version).collect(),
            installed: self.installed.contains(id),
            name: application.name,
            id: application.id,
        }))
    }
}
