//! The listings that leave the marketplace with the sunset (rule B86).

use bytes::Bytes;
use chrono::{DateTime, Utc};

use crate::domain::app_version::AppVersion;
use crate::domain::application::Application;
use crate::domain::listing::{Listing, ListingState, leaves_with_sunset, remedy};
use crate::domain::organisation::Organisation;
use crate::domain::record::Record;
use crate::hub::{Failure, Hub, Page};
use crate::store::codec::Kind;

/// A listing that leaves with the sunset, or has left with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Delisting {
    /// The listing.
    pub listing: Listing,
    /// Where it stands.
    pub state: ListingState,
    /// Its application.
    pub application: Application,
    /// The organisation that owns that.
    pub owner: Option<Organisation>,
    /// How many companies have it installed; what they have goes on (rule B87).
    pub installations: u64,
    /// What keeps it, or brings it back.
    pub remedy: String,
}

impl Hub {
    /// A page of the listings that leave with the sunset, or with a supposed one, as of `now`.
    ///
    /// # Errors
    /// As [`Hub::get`].
    pub fn delistings(
        &self,
        now: DateTime<Utc>,
        supposed: Option<DateTime<Utc>>,
        after: Option<Bytes>,
        size: usize,
    ) -> Result<Page<Delisting>, Failure> {
        let sunset = self.sunset_or(supposed);
        self.list(&Hub::prefix(Kind::Listing, None), after, size, |stored| {
            let Record::Listing(listing) = stored.record else { return Err(Failure::Defect) };
            let releases = self.releases(&listing.application)?;
            if !leaves_with_sunset(&listing, releases.as_ref()) {
                return Ok(None);
            }
            let supported = match &releases {
                Some(releases) => self.farthest(releases, AppVersion::has_supported_access)?,
                None => None,
            };
            let application = self.application(&listing.application)?.filter(|found| found.deletion.is_none());
            let Some(application) = application else { return Ok(None) };
            let owner = self.owner_of(&application)?;
            Ok(Some(Delisting {
                state: listing.state(now, sunset, None),
                remedy: remedy(supported.as_ref()),
                application,
                owner,
                installations: self.index().installed_count(&listing.application),
                listing,
            }))
        })
    }
}
