//! What a company may install or update to, and what it has to approve first.

use chrono::{DateTime, Utc};

use crate::domain::app_version::{
    AppVersion, AppVersionNumber, Release, Releases, Widening, available_version, check_usable, widens,
};
use crate::domain::application::Application;
use crate::domain::company::{Company, Tenancy};
use crate::domain::listing::{Listing, ListingState};
use crate::domain::name::{ApplicationId, CompanyId};
use crate::domain::organisation::check_verified;
use crate::domain::record::Records;
use crate::domain::refusal::Refusal;
use crate::domain::setting::Setting;

/// Whether a company approves of wider permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Approval {
    /// It was not asked.
    NotGiven,
    /// It does.
    Given,
}

/// The version that a company of a tenancy can update to from `running`, if there is one: where data is real the newest
/// available one (rule B79), elsewhere the newest of all, tested or not.
pub fn update_for<'r>(
    releases: &'r Releases,
    listing: Option<&Listing>,
    tenancy: Tenancy,
    running: Option<&AppVersionNumber>,
    now: DateTime<Utc>,
) -> Option<&'r Release> {
    let offered = match tenancy {
        Tenancy::Production => available_version(&releases.versions, listing, now),
        Tenancy::MonthlySandbox | Tenancy::DevelopmentSandbox => releases.newest(),
    };
    offered.filter(|offered| running.is_none_or(|running| *running < offered.number))
}

/// The version that a command means: the one it names, else the newest that is available to the company.
pub(super) fn target(
    named: Option<&AppVersionNumber>,
    application: &ApplicationId,
    company: &CompanyId,
    records: &Records,
) -> Option<AppVersionNumber> {
    if let Some(named) = named {
        return Some(named.clone());
    }
    let tenancy = records.company(company)?.tenancy;
    // Every step on record has been taken: whatever the instant of the judgement, it is later.
    let taken = DateTime::<Utc>::MAX_UTC;
    let offered = update_for(records.releases(application)?, records.listing(application), tenancy, None, taken);
    offered.map(|release| release.number.clone())
}

/// The version that a company would get if it installed an application at `now`; none if no version has come far enough.
/// `records` has the application, the company, their owner's organisation, the listing, the releases and the class.
///
/// # Errors
/// When the installation would be refused whatever the version.
pub fn installable(
    application: &Application,
    company: &Company,
    records: &Records,
    now: DateTime<Utc>,
) -> Result<Option<AppVersionNumber>, Refusal> {
    application.not_deleted()?;
    application.not_blocked()?;
    check_credentials(application, company)?;
    check_new(application, company, records, now)?;
    Ok(target(None, &application.id, &company.id, records))
}

/// Refuses an application whose credentials do not open the company (rule B90).
pub(super) fn check_credentials(application: &Application, company: &Company) -> Result<(), Refusal> {
    let needed = company.tenancy.credentials();
    if application.environment == needed {
        return Ok(());
    }
    Err(Refusal::CredentialsMismatch {
        application: application.id.clone(),
        has: application.environment,
        company: company.id.clone(),
        tenancy: company.tenancy,
        needed,
    })
}

/// Refuses a version that has not come far enough for real data: promoted, and approved if the application has been
/// listed. Elsewhere every version runs.
pub(super) fn check_version(
    version: &AppVersion,
    company: &Company,
    records: &Records,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    match company.tenancy {
        Tenancy::MonthlySandbox | Tenancy::DevelopmentSandbox => return Ok(()),
        Tenancy::Production => {}
    }
    let is_reviewed = records.listing(&version.application).is_some_and(|listing| listing.was_listed(now));
    let (open, needed) = if is_reviewed { (&version.approved, "APPROVED") } else { (&version.promoted, "PROMOTED") };
    if open.is_some() {
        return Ok(());
    }
    Err(Refusal::AppVersionNotAvailable {
        number: version.number.clone(),
        company: company.id.clone(),
        needed,
        actual: version.state(),
    })
}

/// Refuses what only a new installation in production is refused: an application that is not approved or whose owner is
/// not verified (rule B80), and one whose listing is gone (rules B86, B87).
pub(super) fn check_new(
    application: &Application,
    company: &Company,
    records: &Records,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    match company.tenancy {
        Tenancy::MonthlySandbox | Tenancy::DevelopmentSandbox => return Ok(()),
        Tenancy::Production => {}
    }
    check_usable(application)?;
    check_verified(application, records)?;
    let Some(listing) = records.listing(&application.id).filter(|listing| listing.was_listed(now)) else {
        return Ok(());
    };
    let sunset = records.credential_class().and_then(|class| class.schedule.sunset_at);
    let supported_since = records.releases(&application.id).and_then(Releases::supported_since);
    match listing.state(now, sunset, supported_since) {
        ListingState::Listed => Ok(()),
        state @ (ListingState::Submitted | ListingState::Removed | ListingState::Delisted) => {
            Err(Refusal::ListingClosed { application: application.id.clone(), state })
        }
    }
}

/// Refuses a version that may do more than the one before it, unless the company approves. Nobody approves for a company
/// but its own administrators (rule B78).
pub(super) fn check_approved(
    before: &AppVersion,
    version: &AppVersion,
    company: &Company,
    approval: Approval,
    setting: &Setting<'_>,
) -> Result<Vec<Widening>, Refusal> {
    let widenings = widens(before, version);
    if widenings.is_empty() {
        return Ok(widenings);
    }
    match (approval, setting.actor.email()) {
        (Approval::NotGiven, _) => Err(Refusal::WiderPermissions { number: version.number.clone(), widenings }),
        (Approval::Given, Some(email)) if company.administrators.contains(email) => Ok(widenings),
        (Approval::Given, Some(_) | None) => {
            Err(Refusal::CompanyApprovalRequired { company: company.id.clone(), widenings })
        }
    }
}
