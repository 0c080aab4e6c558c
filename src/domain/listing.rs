//! Listings: whether an application stands in the marketplace, where every company finds it.
//!
//! A removal never touches what companies have installed: they go on, and new installations are denied (rule B87). When
//! traditional service accounts end, a listing without a supported way to data leaves by the clock and comes back with an
//! approved version that has one: nothing has to write that down (rule B86).

mod command;
mod delisting;

use chrono::{DateTime, Utc};

use super::app_version::{AppVersionNumber, Step};
use super::name::ApplicationId;
use super::record::RecordKey;

pub use command::{ApproveListing, RemoveListing, SubmitListing};
pub use delisting::{leaves_with_sunset, remedy};

/// What was last decided about a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// It waits for an operator.
    Submitted,
    /// It was approved.
    Listed,
    /// It was removed, or refused.
    Removed,
}

impl Recorded {
    /// The name used in facts and refusals.
    pub const fn name(self) -> &'static str {
        match self {
            Recorded::Submitted => "SUBMITTED",
            Recorded::Listed => "LISTED",
            Recorded::Removed => "REMOVED",
        }
    }
}

/// Where a listing stands at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListingState {
    /// It waits for an operator.
    Submitted,
    /// Every company finds it.
    Listed,
    /// It was removed, or refused.
    Removed,
    /// It is not shown, because it has no supported way to data: until a version that has one is approved.
    Delisted,
}

impl ListingState {
    /// The name used in refusals and on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            ListingState::Submitted => "SUBMITTED",
            ListingState::Listed => "LISTED",
            ListingState::Removed => "REMOVED",
            ListingState::Delisted => "DELISTED",
        }
    }
}

impl std::fmt::Display for ListingState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// Which version was submitted, by whom, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// The version.
    pub version: AppVersionNumber,
    /// By whom, and when.
    pub step: Step,
}

/// Why a listing was removed, by whom, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// By whom, and when.
    pub step: Step,
    /// Why.
    pub reason: String,
}

/// The listing of an application, from its first submission on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The application.
    pub application: ApplicationId,
    /// The latest submission.
    pub submission: Submission,
    /// Set once that was approved.
    pub approved: Option<Step>,
    /// Set once it was removed, or refused.
    pub removal: Option<Removal>,
    /// When the application was listed for the first time, if it ever was.
    pub first_listed_at: Option<DateTime<Utc>>,
}

impl Listing {
    /// Where it is kept.
    pub fn key(&self) -> RecordKey {
        RecordKey::Listing(self.application.clone())
    }

    /// What was last decided.
    pub fn recorded(&self) -> Recorded {
        if self.removal.is_some() {
            Recorded::Removed
        } else if self.approved.is_some() {
            Recorded::Listed
        } else {
            Recorded::Submitted
        }
    }

    /// Where it stands at `now`. `class_sunset` is when traditional service accounts end, if that is known;
    /// `supported_since` is since when the application has had an approved version with supported access.
    pub fn state(
        &self,
        now: DateTime<Utc>,
        class_sunset: Option<DateTime<Utc>>,
        supported_since: Option<DateTime<Utc>>,
    ) -> ListingState {
        let has_ended = class_sunset.is_some_and(|sunset| sunset <= now);
        let is_supported = supported_since.is_some_and(|since| since <= now);
        match self.recorded() {
            Recorded::Submitted => ListingState::Submitted,
            Recorded::Removed => ListingState::Removed,
            Recorded::Listed if has_ended && !is_supported => ListingState::Delisted,
            Recorded::Listed => ListingState::Listed,
        }
    }

    /// Whether the application has been listed by `now`. From then on its versions are reviewed, and it can be installed
    /// while it is listed only; before, it is an application for the companies that are told of it.
    pub fn was_listed(&self, now: DateTime<Utc>) -> bool {
        self.first_listed_at.is_some_and(|at| at <= now)
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("an instant")
    }

    fn listed() -> Listing {
        let step = |text: &str| Step { by: "operator:olga".into(), at: at(text) };
        Listing {
            application: "app".parse().expect("valid"),
            submission: Submission { version: "1.0.0".parse().expect("valid"), step: step("2024-01-01T00:00:00Z") },
            approved: Some(step("2024-02-01T00:00:00Z")),
            removal: None,
            first_listed_at: Some(at("2024-02-01T00:00:00Z")),
        }
    }

    #[test]
    fn b86_a_listing_without_supported_access_leaves_by_the_clock_and_returns() {
        let (sunset, ms) = (at("2025-03-18T07:00:00Z"), TimeDelta::milliseconds(1));
        let returns = sunset + TimeDelta::days(10);
        use ListingState::{Delisted, Listed};
        for (class_sunset, supported_since, now, expected) in [
            (None, None, returns, Listed),
            (Some(sunset), None, sunset - ms, Listed),
            (Some(sunset), None, sunset, Delisted),
            (Some(sunset), None, sunset + ms, Delisted),
            (Some(sunset), Some(sunset - ms), sunset, Listed),
            (Some(sunset), Some(returns), returns - ms, Delisted),
            (Some(sunset), Some(returns), returns, Listed),
            (Some(sunset), Some(returns), returns + ms, Listed),
        ] {
            assert_eq!(listed().state(now, class_sunset, supported_since), expected, "{class_sunset:?} {now}");
        }
        // The clock changes nothing of what was decided.
        let removal = Some(Removal { step: listed().submission.step, reason: "abuse".into() });
        let removed = Listing { removal, ..listed() };
        assert_eq!(removed.state(sunset + ms, Some(sunset), None), ListingState::Removed);
        let submitted = Listing { approved: None, ..listed() };
        assert_eq!(submitted.state(sunset + ms, Some(sunset), None), ListingState::Submitted);
    }
}
