//! Commands about listings.

use super::{Listing, Recorded, Removal, Submission};
use crate::domain::app_version::{AppVersion, AppVersionNumber, Step, approved, check_usable, store, submitted};
use crate::domain::fact::{Fact, FactKind};
use crate::domain::name::ApplicationId;
use crate::domain::organisation::{check_partner, owner_key};
use crate::domain::outcome::{Effect, Judgement, Outcome};
use crate::domain::record::{Record, RecordKey, Records};
use crate::domain::refusal::Refusal;
use crate::domain::setting::Setting;

/// Command: submit an application for the marketplace, with one of its promoted versions.
#[derive(Debug, Clone)]
pub struct SubmitListing {
    /// The application.
    pub application: ApplicationId,
    /// The version to be reviewed.
    pub version: AppVersionNumber,
    /// The revision last read, if the change depends on it.
    pub etag: Option<u64>,
}

/// Command: list an application, and approve the version that was submitted with it. Operators only.
#[derive(Debug, Clone)]
pub struct ApproveListing {
    /// The application.
    pub application: ApplicationId,
    /// The revision last read, if the change depends on it.
    pub etag: Option<u64>,
}

/// Command: remove a listing, or refuse one that was submitted.
#[derive(Debug, Clone)]
pub struct RemoveListing {
    /// The application.
    pub application: ApplicationId,
    /// Why.
    pub reason: String,
    /// The revision last read, if the change depends on it.
    pub etag: Option<u64>,
}

fn reads(application: &ApplicationId) -> Vec<RecordKey> {
    vec![
        RecordKey::Application(application.clone()),
        RecordKey::Listing(application.clone()),
        RecordKey::Releases(application.clone()),
    ]
}

/// The listing, if the caller read its current revision.
fn load<'r>(application: &ApplicationId, etag: Option<u64>, records: &'r Records) -> Result<&'r Listing, Refusal> {
    let listing = records.listing(application).ok_or_else(|| Refusal::ListingNotFound(application.clone()))?;
    records.check_etag(&listing.key(), etag)?;
    Ok(listing)
}

/// The outcome of giving a listing a new record.
fn write(kind: FactKind, before: Option<&Listing>, after: Listing, records: &Records, reason: &str) -> Outcome {
    let subject = records.application(&after.application).map(|application| application.subject());
    let state = before.map_or("NONE", |before| before.recorded().name());
    let fact = Fact::new(kind, subject.unwrap_or_default())
        .change("listing", state, after.recorded().name())
        .change("app_version", "", &after.submission.version)
        .because(reason);
    Outcome::write(after.key(), Record::Listing(after), fact)
}

/// Adds the step of the version that a step of its listing takes with it, if it changes anything.
fn with_version(outcome: Outcome, old: &AppVersion, new: AppVersion, kind: FactKind, records: &Records) -> Outcome {
    if new == *old {
        return outcome;
    }
    let subject = records.application(&new.application).map(|application| application.subject());
    let fact = Fact::new(kind, subject.unwrap_or_default()).change("app_version", "", &new.number).change(
        "state",
        old.state(),
        new.state(),
    );
    outcome.and(store(new, records, fact))
}

impl SubmitListing {
    pub(in crate::domain) fn reads(&self) -> Vec<RecordKey> {
        let version = RecordKey::AppVersion(self.application.clone(), self.version.clone());
        reads(&self.application).into_iter().chain([version]).collect()
    }

    pub(in crate::domain) fn follows(&self, records: &Records) -> Vec<RecordKey> {
        owner_key(records.application(&self.application)).into_iter().collect()
    }

    pub(in crate::domain) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        let application = records.needed_application(&self.application)?;
        application.administrator(setting, "submit a listing")?;
        check_usable(application)?;
        records.check_etag(&RecordKey::Listing(self.application.clone()), self.etag)?;
        check_partner(application, records)?;
        let before = records.listing(&self.application);
        match before.map(|before| (before.recorded(), before.submission.version == self.version)) {
            Some((Recorded::Listed, _)) => {
                return Err(Refusal::NothingToDo("the application is listed already; submit the version alone"));
            }
            Some((Recorded::Submitted, true)) => {
                return Err(Refusal::NothingToDo("the listing is submitted with this version already"));
            }
            Some((Recorded::Submitted, false) | (Recorded::Removed, _)) | None => {}
        }
        let old = records.needed_app_version(&self.application, &self.version)?;
        let new = submitted(old, setting)?;
        let step = Step { by: setting.actor.to_string(), at: setting.now };
        let listing = Listing {
            application: self.application.clone(),
            submission: Submission { version: self.version.clone(), step },
            approved: None,
            removal: None,
            first_listed_at: before.and_then(|before| before.first_listed_at),
        };
        let outcome = write(FactKind::ListingSubmitted, before, listing, records, "");
        Ok(with_version(outcome, old, new, FactKind::AppVersionSubmitted, records))
    }
}

impl ApproveListing {
    pub(in crate::domain) fn reads(&self) -> Vec<RecordKey> {
        reads(&self.application)
    }

    pub(in crate::domain) fn follows(&self, records: &Records) -> Vec<RecordKey> {
        let submitted = records
            .listing(&self.application)
            .map(|listing| RecordKey::AppVersion(self.application.clone(), listing.submission.version.clone()));
        submitted.into_iter().chain(owner_key(records.application(&self.application))).collect()
    }

    pub(in crate::domain) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        setting.operator("approve a listing")?;
        let application = records.needed_application(&self.application)?;
        let before = load(&self.application, self.etag, records)?;
        check_usable(application)?;
        check_partner(application, records)?;
        match before.recorded() {
            Recorded::Submitted => {}
            Recorded::Listed => return Err(Refusal::NothingToDo("the listing is approved already")),
            Recorded::Removed => {
                return Err(Refusal::IllegalListingState {
                    verb: "approve",
                    expected: Recorded::Submitted.name(),
                    actual: Recorded::Removed.name(),
                });
            }
        }
        let old = records.needed_app_version(&self.application, &before.submission.version)?;
        let new = approved(old, setting)?;
        let listing = Listing {
            approved: Some(Step { by: setting.actor.to_string(), at: setting.now }),
            first_listed_at: before.first_listed_at.or(Some(setting.now)),
            ..before.clone()
        };
        let outcome = write(FactKind::ListingApproved, Some(before), listing, records, "");
        Ok(with_version(outcome, old, new, FactKind::AppVersionApproved, records))
    }
}

impl RemoveListing {
    pub(in crate::domain) fn reads(&self) -> Vec<RecordKey> {
        reads(&self.application)
    }

    pub(in crate::domain) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        let application = records.needed_application(&self.application)?;
        application.administrator(setting, "remove a listing")?;
        let before = load(&self.application, self.etag, records)?;
        match before.recorded() {
            Recorded::Submitted | Recorded::Listed => {}
            Recorded::Removed => return Err(Refusal::NothingToDo("the listing is removed already")),
        }
        let step = Step { by: setting.actor.to_string(), at: setting.now };
        let listing = Listing { removal: Some(Removal { step, reason: self.reason.clone() }), ..before.clone() };
        // Whoever installed before it, by the clock, is untouched by it; whoever comes after is denied.
        Ok(write(FactKind::ListingRemoved, Some(before), listing, records, &self.reason).with_effect(Effect::BeginsNow))
    }
}
