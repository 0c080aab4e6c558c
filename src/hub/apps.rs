//! What is read of versions and listings of applications together.

use chrono::{DateTime, Utc};

use super::{Failure, Hub};
use crate::domain::app_version::Releases;
use crate::domain::listing::{Listing, ListingState};
use crate::domain::name::ApplicationId;
use crate::domain::record::{Record, RecordKey};

impl Hub {
    /// All versions of an application in brief, if it has any.
    ///
    /// # Errors
    /// As [`Hub::get`].
    pub fn releases(&self, application: &ApplicationId) -> Result<Option<Releases>, Failure> {
        match self.get_one(RecordKey::Releases(application.clone()))?.map(|stored| stored.record) {
            Some(Record::Releases(releases)) => Ok(Some(releases)),
            Some(_) => Err(Failure::Defect),
            None => Ok(None),
        }
    }

    /// The listing of an application, if it was ever submitted.
    ///
    /// # Errors
    /// As [`Hub::get`].
    pub fn listing(&self, application: &ApplicationId) -> Result<Option<Listing>, Failure> {
        match self.get_one(RecordKey::Listing(application.clone()))?.map(|stored| stored.record) {
            Some(Record::Listing(listing)) => Ok(Some(listing)),
            Some(_) => Err(Failure::Defect),
            None => Ok(None),
        }
    }

    /// When traditional service accounts end, if that is known.
    ///
    /// # Errors
    /// As [`Hub::get`].
    pub fn class_sunset(&self) -> Result<Option<DateTime<Utc>>, Failure> {
        match self.get_one(RecordKey::CredentialClass)?.map(|stored| stored.record) {
            Some(Record::CredentialClass(class)) => Ok(class.schedule.sunset_at),
            Some(_) => Err(Failure::Defect),
            None => Ok(None),
        }
    }

    /// Where a listing stands at `now`, and from when on it is delisted for want of a supported way to data, if it is
    /// listed and that is how things stand (rule B86).
    ///
    /// # Errors
    /// As [`Hub::get`].
    pub fn listing_state(
        &self,
        listing: &Listing,
        now: DateTime<Utc>,
    ) -> Result<(ListingState, Option<DateTime<Utc>>), Failure> {
        let sunset = self.class_sunset()?;
        let supported_since = self.releases(&listing.application)?.and_then(|releases| releases.supported_since());
        let state = listing.state(now, sunset, supported_since);
        let delists_at = match state {
            ListingState::Listed | ListingState::Delisted => sunset.filter(|_| supported_since.is_none()),
            ListingState::Submitted | ListingState::Removed => None,
        };
        Ok((state, delists_at))
    }
}
