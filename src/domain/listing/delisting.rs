//! Which listings leave the marketplace with the sunset of traditional service accounts, and what keeps them (rule B86).

use super::{Listing, Recorded};
use crate::domain::app_version::{AppVersionNumber, AppVersionState, Releases};

/// Whether a listing leaves with the sunset, or has left with it: it is listed, and no approved version has a supported
/// way to data.
pub fn leaves_with_sunset(listing: &Listing, releases: Option<&Releases>) -> bool {
    match listing.recorded() {
        Recorded::Listed => releases.and_then(Releases::supported_since).is_none(),
        Recorded::Submitted | Recorded::Removed => false,
    }
}

/// What keeps such a listing, or brings it back, given the version with a supported way to data that has come farthest.
pub fn remedy(supported: Option<&(AppVersionState, AppVersionNumber)>) -> String {
    match supported {
        None => {
            "An administrator of the application makes a version with a service account, promotes it and submits it \
                 for review; an operator approves it."
                .to_owned()
        }
        Some((AppVersionState::ReadyForTesting, number)) => format!(
            "An administrator of the application promotes version {number} and submits it for review; an operator \
             approves it."
        ),
        Some((AppVersionState::Promoted, number)) => {
            format!("An administrator of the application submits version {number} for review; an operator approves it.")
        }
        Some((AppVersionState::Submitted, number)) => format!("An operator reviews and approves version {number}."),
        Some((AppVersionState::Approved, number)) => format!("Version {number} is approved: nothing is left to do."),
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};

    use super::*;
    use crate::domain::app_version::{Release, Step};
    use crate::domain::listing::{Removal, Submission};

    #[test]
    fn b86_what_leaves_is_listed_and_has_no_approved_way_to_data() {
        let at: DateTime<Utc> = "2025-01-01T00:00:00Z".parse().expect("an instant");
        let step = Step { by: "operator:olga".into(), at };
        let listed = Listing {
            application: "app".parse().expect("valid"),
            submission: Submission { version: "1.0.0".parse().expect("valid"), step: step.clone() },
            approved: Some(step.clone()),
            removal: None,
            first_listed_at: Some(at),
        };
        let releases = |supported: bool, approved: bool| Releases {
            application: "app".parse().expect("valid"),
            versions: vec![Release {
                number: "1.0.0".parse().expect("valid"),
                supported,
                created_at: at,
                promoted_at: Some(at),
                approved_at: approved.then_some(at),
            }],
        };
        for (supported, approved, leaves) in
            [(false, true, true), (true, false, true), (true, true, false), (false, false, true)]
        {
            let told = leaves_with_sunset(&listed, Some(&releases(supported, approved)));
            assert_eq!(told, leaves, "supported {supported}, approved {approved}");
        }
        let removed = Listing { removal: Some(Removal { step, reason: "abuse".into() }), ..listed.clone() };
        let submitted = Listing { approved: None, ..listed };
        for other in [removed, submitted] {
            assert!(!leaves_with_sunset(&other, None), "{other:?}");
        }
    }

    #[test]
    fn b86_the_remedy_begins_where_the_version_stands() {
        use AppVersionState::{Approved, Promoted, ReadyForTesting, Submitted};
        for (state, part) in [
            (ReadyForTesting, "promotes version 2.0.0"),
            (Promoted, "submits version 2.0.0"),
            (Submitted, "approves version 2.0.0"),
            (Approved, "nothing is left"),
        ] {
            let said = remedy(Some(&(state, "2.0.0".parse().expect("valid"))));
            assert!(said.contains(part), "{said}");
        }
        assert!(remedy(None).contains("makes a version with a service account"));
    }
}
