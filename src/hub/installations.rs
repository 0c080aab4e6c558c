//! What is read of installations together with what they run: which update each of them has.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::{Failure, Hub};
use crate::domain::app_version::{AppVersion, AppVersionNumber, Releases, Widening, widens};
use crate::domain::company::Tenancy;
use crate::domain::installation::{Installation, update_for};
use crate::domain::listing::Listing;
use crate::domain::name::{ApplicationId, CompanyId};
use crate::domain::record::{Record, RecordKey};

/// An update that an installation can make.
#[derive(Debug, Clone, PartialEq)]
pub struct AvailableUpdate {
    /// To this version.
    pub version: AppVersionNumber,
    /// What it may do and the running version may not.
    pub widenings: Vec<Widening>,
}

/// All versions of an application in brief, and its listing.
type Offer = (Option<Releases>, Option<Listing>);

/// Finds the updates of many installations, and reads what they have in common once.
pub struct Updates<'h> {
    hub: &'h Hub,
    now: DateTime<Utc>,
    offers: HashMap<ApplicationId, Offer>,
    tenancies: HashMap<CompanyId, Option<Tenancy>>,
    widenings: HashMap<(ApplicationId, AppVersionNumber, AppVersionNumber), Vec<Widening>>,
}

impl Hub {
    /// The updates that there are at `now`.
    pub fn updates(&self, now: DateTime<Utc>) -> Updates<'_> {
        Updates { hub: self, now, offers: HashMap::new(), tenancies: HashMap::new(), widenings: HashMap::new() }
    }
}

impl Updates<'_> {
    fn version(&self, application: &ApplicationId, number: &AppVersionNumber) -> Result<AppVersion, Failure> {
        let key = RecordKey::AppVersion(application.clone(), number.clone());
        match self.hub.get_one(key)?.map(|stored| stored.record) {
            Some(Record::AppVersion(version)) => Ok(version),
            Some(_) | None => Err(Failure::Defect),
        }
    }

    fn tenancy(&mut self, company: &CompanyId) -> Result<Option<Tenancy>, Failure> {
        if let Some(known) = self.tenancies.get(company) {
            return Ok(*known);
        }
        let tenancy = match self.hub.get_one(RecordKey::Company(company.clone()))?.map(|stored| stored.record) {
            Some(Record::Company(company)) => Some(company.tenancy),
            Some(_) => return Err(Failure::Defect),
            None => None,
        };
        self.tenancies.insert(company.clone(), tenancy);
        Ok(tenancy)
    }

    /// The version that a company would be given of an application, if it is higher than the one that runs.
    fn offered(
        &mut self,
        application: &ApplicationId,
        company: &CompanyId,
        running: &AppVersionNumber,
    ) -> Result<Option<AppVersionNumber>, Failure> {
        let Some(tenancy) = self.tenancy(company)? else { return Ok(None) };
        if !self.offers.contains_key(application) {
            let offer = (self.hub.releases(application)?, self.hub.listing(application)?);
            self.offers.insert(application.clone(), offer);
        }
        let (Some(releases), listing) = &self.offers[application] else { return Ok(None) };
        let offered = update_for(releases, listing.as_ref(), tenancy, Some(running), self.now);
        Ok(offered.map(|release| release.number.clone()))
    }

    /// The update of an installation, if it is installed and there is one.
    ///
    /// # Errors
    /// As [`Hub::get`].
    pub fn of(&mut self, installation: &Installation) -> Result<Option<AvailableUpdate>, Failure> {
        let Installation { application, company, version, .. } = installation;
        if !installation.is_installed() {
            return Ok(None);
        }
        let Some(offered) = self.offered(application, company, version)? else { return Ok(None) };
        let place = (application.clone(), version.clone(), offered.clone());
        let widenings = match self.widenings.get(&place) {
            Some(known) => known.clone(),
            None => {
                let found = widens(&self.version(application, version)?, &self.version(application, &offered)?);
                self.widenings.insert(place, found.clone());
                found
            }
        };
        Ok(Some(AvailableUpdate { version: offered, widenings }))
    }
}
