//! What the checklists of the migration are made of: gathered here, judged by the domain.

mod company;
mod delisting;
mod developer;
mod suggesting;

use chrono::{DateTime, Utc};

use super::{Failure, Hub};
use crate::domain::app_version::{AppVersion, AppVersionNumber, AppVersionState, Releases};
use crate::domain::application::Application;
use crate::domain::company::Company;
use crate::domain::migration::farthest;
use crate::domain::name::{ApplicationId, CompanyId};
use crate::domain::organisation::{Organisation, owner_key};
use crate::domain::record::{Record, RecordKey};

pub use company::{CompanyReport, LiveAccount, Replacement, Replacing, ShortOfProjects, WaitingUpdate};
pub use delisting::Delisting;
pub use developer::{DeveloperReport, WaitingRelease};

/// Most installations of applications that one call looks at: it must not hold a thread for long.
pub const INSTALLATIONS_MAX: usize = 20_000;

impl Hub {
    /// The sunset that is known, unless another is supposed.
    pub fn sunset_or(&self, supposed: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
        supposed.or(self.roster().class().sunset_at)
    }

    /// An application, if it is registered.
    ///
    /// # Errors
    /// As [`Hub::get`].
    pub fn application(&self, id: &ApplicationId) -> Result<Option<Application>, Failure> {
        match self.get_one(RecordKey::Application(id.clone()))?.map(|stored| stored.record) {
            Some(Record::Application(application)) => Ok(Some(application)),
            Some(_) => Err(Failure::Defect),
            None => Ok(None),
        }
    }

    /// A company, if it is registered.
    ///
    /// # Errors
    /// As [`Hub::get`].
    pub fn company(&self, id: &CompanyId) -> Result<Option<Company>, Failure> {
        match self.get_one(RecordKey::Company(id.clone()))?.map(|stored| stored.record) {
            Some(Record::Company(company)) => Ok(Some(company)),
            Some(_) => Err(Failure::Defect),
            None => Ok(None),
        }
    }

    /// The organisation that owns an application, if anybody has looked at it.
    ///
    /// # Errors
    /// As [`Hub::get`].
    pub fn owner_of(&self, application: &Application) -> Result<Option<Organisation>, Failure> {
        let Some(key) = owner_key(Some(application)) else { return Ok(None) };
        match self.get_one(key)?.map(|stored| stored.record) {
            Some(Record::Organisation(organisation)) => Ok(Some(organisation)),
            Some(_) => Err(Failure::Defect),
            None => Ok(None),
        }
    }

    /// Some versions of an application.
    fn app_versions<'n>(
        &self,
        application: &ApplicationId,
        numbers: impl Iterator<Item = &'n AppVersionNumber>,
    ) -> Result<Vec<AppVersion>, Failure> {
        let keys: Vec<RecordKey> =
            numbers.map(|number| RecordKey::AppVersion(application.clone(), number.clone())).collect();
        let versions = self.get(&keys)?.into_iter().flatten().map(|stored| {
            let Record::AppVersion(version) = stored.record else { return Err(Failure::Defect) };
            Ok(version)
        });
        versions.collect()
    }

    /// The newest version that satisfies `wanted` of those that have come farthest.
    fn farthest(
        &self,
        releases: &Releases,
        wanted: impl Fn(&AppVersion) -> bool,
    ) -> Result<Option<(AppVersionState, AppVersionNumber)>, Failure> {
        // A version with a service account has supported access, so the others need not be read.
        let supported = releases.versions.iter().rev().filter(|release| release.supported);
        let versions = self.app_versions(&releases.application, supported.map(|release| &release.number))?;
        Ok(farthest(versions.iter().filter(|version| wanted(version))))
    }
}
