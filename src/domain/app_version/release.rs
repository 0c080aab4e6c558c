//! All versions of an application in brief: what is newest, and what companies can update to (rules B79, B86).

use chrono::{DateTime, Utc};

use super::{AppVersion, AppVersionNumber};
use crate::domain::listing::Listing;
use crate::domain::name::ApplicationId;
use crate::domain::record::RecordKey;

/// Most versions of one application.
pub const VERSIONS_MAX: usize = 500;

/// A version in brief.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Its number.
    pub number: AppVersionNumber,
    /// Whether its access stays supported; see [`AppVersion::has_supported_access`].
    pub supported: bool,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was promoted, if it was.
    pub promoted_at: Option<DateTime<Utc>>,
    /// When it was approved, if it was.
    pub approved_at: Option<DateTime<Utc>>,
}

impl Release {
    /// A version in brief.
    pub fn of(version: &AppVersion) -> Release {
        Release {
            number: version.number.clone(),
            supported: version.has_supported_access(),
            created_at: version.created.at,
            promoted_at: version.promoted.as_ref().map(|step| step.at),
            approved_at: version.approved.as_ref().map(|step| step.at),
        }
    }
}

/// The versions of an application, oldest first: each has a higher number than the one before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Releases {
    /// The application.
    pub application: ApplicationId,
    /// Its versions.
    pub versions: Vec<Release>,
}

impl Releases {
    /// Where they are kept.
    pub fn key(&self) -> RecordKey {
        RecordKey::Releases(self.application.clone())
    }

    /// The one with the highest number.
    pub fn newest(&self) -> Option<&Release> {
        self.versions.last()
    }

    /// The version of a number.
    pub fn find(&self, number: &AppVersionNumber) -> Option<&Release> {
        self.versions.iter().find(|release| release.number == *number)
    }

    /// The same with a version as it stands now, a new one at the end.
    #[must_use]
    pub(in crate::domain) fn with(mut self, version: &AppVersion) -> Releases {
        let release = Release::of(version);
        match self.versions.iter_mut().find(|known| known.number == release.number) {
            Some(known) => *known = release,
            None => self.versions.push(release),
        }
        self
    }

    /// Since when an approved version has reached data in a supported way; none if none does (rule B86).
    pub fn supported_since(&self) -> Option<DateTime<Utc>> {
        self.versions.iter().filter(|release| release.supported).filter_map(|release| release.approved_at).min()
    }
}

/// The version that companies in production install or update to at `now`: of a listed application the newest that is
/// approved, of any other the newest that is promoted (rule B79).
pub fn available_version<'r>(
    versions: &'r [Release],
    listing: Option<&Listing>,
    now: DateTime<Utc>,
) -> Option<&'r Release> {
    let reviewed = listing.is_some_and(|listing| listing.was_listed(now));
    let open_since = |release: &Release| if reviewed { release.approved_at } else { release.promoted_at };
    versions.iter().rev().find(|release| open_since(release).is_some_and(|since| since <= now))
}
