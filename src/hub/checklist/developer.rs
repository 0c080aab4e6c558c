//! What a developer's checklist is made of.

use chrono::{DateTime, Utc};

use super::INSTALLATIONS_MAX;
use crate::domain::app_version::{AppVersion, AppVersionNumber, AppVersionState, Releases, available_version};
use crate::domain::application::Application;
use crate::domain::listing::{Listing, leaves_with_sunset};
use crate::domain::migration::{DeveloperFacts, Step, developer_steps, waits_for};
use crate::domain::name::CompanyId;
use crate::domain::organisation::OrganisationStatus;
use crate::domain::record::Record;
use crate::hub::{Failure, Hub, MigrationFilter, PhaseCounts};
use crate::store::codec::Kind;

/// Most versions that a checklist names.
const WAITING_MAX: usize = 10;

/// Most companies that a checklist names.
const NAMED_MAX: usize = 20;

/// A version that companies cannot be given yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingRelease {
    /// Its number.
    pub number: AppVersionNumber,
    /// How far it has come.
    pub state: AppVersionState,
    /// It declares a service account.
    pub has_service_account: bool,
    /// What it waits for.
    pub sentence: &'static str,
}

/// What a developer's checklist says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeveloperReport {
    /// How many companies are in which phase.
    pub phases: PhaseCounts,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// Versions that companies cannot be given yet, newest first.
    pub waiting: Vec<WaitingRelease>,
    /// Companies that run an older version than the one that is available to them.
    pub outdated: u64,
    /// Some of them.
    pub outdated_companies: Vec<CompanyId>,
    /// Installations that were looked at.
    pub looked_at: usize,
    /// There are more.
    pub truncated: bool,
    /// It replaces somebody's accounts, or leaves the marketplace with the sunset.
    pub concerned: bool,
}

impl Hub {
    /// What the developer of an application has to do at `now`.
    ///
    /// # Errors
    /// As [`Hub::get`].
    pub fn developer_report(
        &self,
        application: &Application,
        now: DateTime<Utc>,
        supposed: Option<DateTime<Utc>>,
    ) -> Result<DeveloperReport, Failure> {
        let id = &application.id;
        let (releases, listing) = (self.releases(id)?, self.listing(id)?);
        let filter = MigrationFilter { application: Some(id.clone()), company: None };
        let phases = self.roster().funnel(&filter, now, supposed);
        let version = match &releases {
            Some(releases) => self.farthest(releases, AppVersion::has_service_account)?,
            None => None,
        };
        let supported_since = releases.as_ref().and_then(Releases::supported_since);
        let sunset = self.sunset_or(supposed);
        let outdated = self.outdated(application, now)?;
        let steps = developer_steps(&DeveloperFacts {
            application,
            owner: self.owner_of(application)?.map_or(OrganisationStatus::Unverified, |owner| owner.status),
            version,
            listing: listing.as_ref().map(|listing| listing.state(now, sunset, supported_since)),
            phases,
            outdated: outdated.count,
        });
        let leaves = listing.as_ref().is_some_and(|listing| leaves_with_sunset(listing, releases.as_ref()));
        Ok(DeveloperReport {
            phases,
            steps,
            waiting: self.waiting(releases.as_ref(), listing.as_ref(), now)?,
            outdated: outdated.count,
            outdated_companies: outdated.companies,
            looked_at: outdated.looked_at,
            truncated: outdated.truncated,
            concerned: leaves || phases.iter().any(|count| *count > 0),
        })
    }

    /// The versions above the one that companies are given.
    fn waiting(
        &self,
        releases: Option<&Releases>,
        listing: Option<&Listing>,
        now: DateTime<Utc>,
    ) -> Result<Vec<WaitingRelease>, Failure> {
        let Some(releases) = releases else { return Ok(Vec::new()) };
        let available = available_version(&releases.versions, listing, now).map(|release| &release.number);
        let above = releases.versions.iter().rev().map(|release| &release.number);
        let above = above.take_while(|number| available.is_none_or(|available| available < *number)).take(WAITING_MAX);
        let is_reviewed = listing.is_some_and(|listing| listing.was_listed(now));
        let versions = self.app_versions(&releases.application, above)?;
        let waiting = versions.into_iter().filter_map(|version| {
            Some(WaitingRelease {
                state: version.state(),
                has_service_account: version.has_service_account(),
                sentence: waits_for(version.state(), is_reviewed)?,
                number: version.number,
            })
        });
        Ok(waiting.collect())
    }

    fn outdated(&self, application: &Application, now: DateTime<Utc>) -> Result<Outdated, Failure> {
        let mut updates = self.updates(now);
        let mut outdated = Outdated::default();
        let prefix = Hub::prefix(Kind::Installation, Some(&application.id));
        let page = self.list(&prefix, None, INSTALLATIONS_MAX, |stored| {
            let Record::Installation(installation) = stored.record else { return Err(Failure::Defect) };
            outdated.looked_at += 1;
            if updates.of(&installation)?.is_some() {
                outdated.count += 1;
                if outdated.companies.len() < NAMED_MAX {
                    outdated.companies.push(installation.company);
                }
            }
            // Only counted: nothing of it has to fit on a page.
            Ok(None::<()>)
        })?;
        Ok(Outdated { truncated: page.next.is_some(), ..outdated })
    }
}

/// Companies that run an older version than the one that is available to them.
#[derive(Default)]
struct Outdated {
    count: u64,
    companies: Vec<CompanyId>,
    looked_at: usize,
    truncated: bool,
}
