//! Commands about versions of applications.

use std::collections::BTreeSet;

use devhub_decision::Environment;

use super::{AppVersion, AppVersionNumber, AppVersionState, Component, Releases, Step, VERSIONS_MAX, check_usable};
use crate::domain::fact::{Fact, FactKind};
use crate::domain::listing::Recorded;
use crate::domain::name::{ApplicationId, InstallKey};
use crate::domain::organisation::{check_partner, check_verified, owner_key};
use crate::domain::outcome::{Judgement, Outcome};
use crate::domain::record::{Record, RecordKey, Records};
use crate::domain::refusal::{Refusal, Taken, Violation};
use crate::domain::setting::Setting;
use crate::domain::tool::ToolPermissions;

/// Command: make a version.
#[derive(Debug, Clone)]
pub struct CreateAppVersion {
    /// The application.
    pub application: ApplicationId,
    /// Its number: higher than that of every other version.
    pub number: AppVersionNumber,
    /// What it is made of.
    pub components: BTreeSet<Component>,
    /// What its service account may do.
    pub permissions: ToolPermissions,
    /// What is new in it.
    pub release_notes: String,
    /// What to do after it was installed.
    pub post_install_notes: String,
    /// Where that is documented; empty for none.
    pub post_install_uri: String,
    /// What a company is given to install it.
    pub install_key: InstallKey,
}

/// Command: promote a version to production.
#[derive(Debug, Clone)]
pub struct PromoteAppVersion {
    /// The application.
    pub application: ApplicationId,
    /// Its number.
    pub number: AppVersionNumber,
    /// The revision last read, if the change depends on it.
    pub etag: Option<u64>,
}

/// Command: submit a further version of a listed application for review.
#[derive(Debug, Clone)]
pub struct SubmitAppVersion {
    /// The application.
    pub application: ApplicationId,
    /// Its number.
    pub number: AppVersionNumber,
    /// The revision last read, if the change depends on it.
    pub etag: Option<u64>,
}

/// Command: approve a submitted version. Operators only.
#[derive(Debug, Clone)]
pub struct ApproveAppVersion {
    /// The application.
    pub application: ApplicationId,
    /// Its number.
    pub number: AppVersionNumber,
    /// The revision last read, if the change depends on it.
    pub etag: Option<u64>,
}

fn reads(application: &ApplicationId, number: &AppVersionNumber) -> Vec<RecordKey> {
    vec![
        RecordKey::Application(application.clone()),
        RecordKey::Releases(application.clone()),
        RecordKey::AppVersion(application.clone(), number.clone()),
    ]
}

/// The outcome of giving a version a new record: the version, and its line among all.
pub(in crate::domain) fn store(version: AppVersion, records: &Records, fact: Fact) -> Outcome {
    let known = records.releases(&version.application).cloned();
    let application = version.application.clone();
    let releases = known.unwrap_or(Releases { application, versions: Vec::new() }).with(&version);
    Outcome::write(version.key(), Record::AppVersion(version), fact).also(releases.key(), Record::Releases(releases))
}

/// The version, if the caller read its current revision.
fn load<'r>(
    application: &ApplicationId,
    number: &AppVersionNumber,
    etag: Option<u64>,
    records: &'r Records,
) -> Result<&'r AppVersion, Refusal> {
    let version = records.needed_app_version(application, number)?;
    records.check_etag(&version.key(), etag)?;
    Ok(version)
}

/// The fact of a step of a version.
fn step(kind: FactKind, records: &Records, before: &AppVersion, after: &AppVersion) -> Fact {
    let subject = records.application(&after.application).map(|application| application.subject());
    Fact::new(kind, subject.unwrap_or_default()).change("app_version", "", &after.number).change(
        "state",
        before.state(),
        after.state(),
    )
}

impl CreateAppVersion {
    pub(in crate::domain) fn reads(&self) -> Vec<RecordKey> {
        reads(&self.application, &self.number)
    }

    pub(in crate::domain) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        let application = records.needed_application(&self.application)?;
        application.collaborator(setting)?;
        application.not_deleted()?;
        application.not_blocked()?;
        if self.components.is_empty() {
            return Err(Refusal::InvalidFields(vec![Violation {
                field: "app_version.components".to_owned(),
                sentence: "at least one component must be given; a version without any has nothing to install".into(),
            }]));
        }
        self.permissions.check()?;
        if records.app_version(&self.application, &self.number).is_some() {
            return Err(Refusal::AlreadyExists { what: Taken::AppVersion, name: self.number.to_string() });
        }
        let releases = records.releases(&self.application);
        if let Some(newest) = releases.and_then(Releases::newest)
            && newest.number >= self.number
        {
            let (newest, given) = (newest.number.clone(), self.number.clone());
            return Err(Refusal::AppVersionNotIncreasing { given, newest });
        }
        if releases.is_some_and(|releases| releases.versions.len() >= VERSIONS_MAX) {
            return Err(Refusal::HistoryFull {
                what: "versions of one application",
                limit: VERSIONS_MAX,
                remedy: "go on in a new application",
            });
        }
        let version = AppVersion {
            application: self.application.clone(),
            number: self.number.clone(),
            components: self.components.clone(),
            permissions: self.permissions.clone(),
            release_notes: self.release_notes.clone(),
            post_install_notes: self.post_install_notes.clone(),
            post_install_uri: self.post_install_uri.clone(),
            install_key: self.install_key.clone(),
            created: Step { by: setting.actor.to_string(), at: setting.now },
            promoted: None,
            submitted: None,
            approved: None,
        };
        let components: Vec<&str> = version.components.iter().map(|component| component.name()).collect();
        let fact = Fact::new(FactKind::AppVersionCreated, application.subject())
            .change("app_version", "", &version.number)
            .change("state", "", version.state())
            .change("components", "", components.join(" "))
            .change("permissions", "", version.permissions.text());
        Ok(store(version, records, fact))
    }
}

impl PromoteAppVersion {
    pub(in crate::domain) fn reads(&self) -> Vec<RecordKey> {
        reads(&self.application, &self.number)
    }

    pub(in crate::domain) fn follows(&self, records: &Records) -> Vec<RecordKey> {
        owner_key(records.application(&self.application)).into_iter().collect()
    }

    pub(in crate::domain) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        let application = records.needed_application(&self.application)?;
        application.administrator(setting, "promote a version of an application")?;
        let old = load(&self.application, &self.number, self.etag, records)?;
        match application.environment {
            Environment::Sandbox => return Err(Refusal::AppVersionInSandbox(self.application.clone())),
            Environment::Production => check_usable(application)?,
        }
        check_verified(application, records)?;
        if old.state() != AppVersionState::ReadyForTesting {
            return Err(Refusal::NothingToDo("the version is promoted already"));
        }
        let promoted = Some(Step { by: setting.actor.to_string(), at: setting.now });
        let new = AppVersion { promoted, ..old.clone() };
        let fact = step(FactKind::AppVersionPromoted, records, old, &new);
        Ok(store(new, records, fact))
    }
}

/// A version that is submitted, as a change of a promoted one. What has come further stays as it is.
pub(in crate::domain) fn submitted(old: &AppVersion, setting: &Setting<'_>) -> Result<AppVersion, Refusal> {
    match old.state() {
        AppVersionState::ReadyForTesting => {
            Err(Refusal::IllegalAppVersionState { verb: "SUBMIT", expected: "PROMOTED", actual: old.state() })
        }
        AppVersionState::Promoted => {
            let submitted = Some(Step { by: setting.actor.to_string(), at: setting.now });
            Ok(AppVersion { submitted, ..old.clone() })
        }
        AppVersionState::Submitted | AppVersionState::Approved => Ok(old.clone()),
    }
}

/// A version that is approved, as a change of a submitted one.
pub(in crate::domain) fn approved(old: &AppVersion, setting: &Setting<'_>) -> Result<AppVersion, Refusal> {
    match old.state() {
        AppVersionState::ReadyForTesting | AppVersionState::Promoted => {
            Err(Refusal::IllegalAppVersionState { verb: "APPROVE", expected: "SUBMITTED", actual: old.state() })
        }
        AppVersionState::Submitted => {
            let approved = Some(Step { by: setting.actor.to_string(), at: setting.now });
            Ok(AppVersion { approved, ..old.clone() })
        }
        AppVersionState::Approved => Ok(old.clone()),
    }
}

/// Refuses an application that is not listed: its versions need no review.
fn check_listed(application: &ApplicationId, records: &Records) -> Result<(), Refusal> {
    match records.listing(application).map(|listing| listing.recorded()) {
        Some(Recorded::Listed) => Ok(()),
        found @ (Some(Recorded::Submitted | Recorded::Removed) | None) => Err(Refusal::IllegalListingState {
            verb: "review a further version of",
            expected: "LISTED",
            actual: found.map_or("NONE", Recorded::name),
        }),
    }
}

impl SubmitAppVersion {
    pub(in crate::domain) fn reads(&self) -> Vec<RecordKey> {
        let listing = RecordKey::Listing(self.application.clone());
        reads(&self.application, &self.number).into_iter().chain([listing]).collect()
    }

    pub(in crate::domain) fn follows(&self, records: &Records) -> Vec<RecordKey> {
        owner_key(records.application(&self.application)).into_iter().collect()
    }

    pub(in crate::domain) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        let application = records.needed_application(&self.application)?;
        application.administrator(setting, "submit a version of an application")?;
        let old = load(&self.application, &self.number, self.etag, records)?;
        check_usable(application)?;
        check_partner(application, records)?;
        check_listed(&self.application, records)?;
        let new = submitted(old, setting)?;
        if new == *old {
            return Err(Refusal::NothingToDo("the version is submitted already"));
        }
        let fact = step(FactKind::AppVersionSubmitted, records, old, &new);
        Ok(store(new, records, fact))
    }
}

impl ApproveAppVersion {
    pub(in crate::domain) fn reads(&self) -> Vec<RecordKey> {
        let listing = RecordKey::Listing(self.application.clone());
        reads(&self.application, &self.number).into_iter().chain([listing]).collect()
    }

    pub(in crate::domain) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        setting.operator("approve a version of an application")?;
        let application = records.needed_application(&self.application)?;
        let old = load(&self.application, &self.number, self.etag, records)?;
        check_usable(application)?;
        check_listed(&self.application, records)?;
        let new = approved(old, setting)?;
        if new == *old {
            return Err(Refusal::NothingToDo("the version is approved already"));
        }
        let fact = step(FactKind::AppVersionApproved, records, old, &new);
        Ok(store(new, records, fact))
    }
}
