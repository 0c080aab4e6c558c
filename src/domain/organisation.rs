//! Developer organisations: who answers for an application, and how far the platform has verified them.
//!
//! An application names its owner; the organisation of that name decides what may reach production (rule B80), whoever
//! the collaborators are. An owner that no operator has ever looked at is UNVERIFIED.

use chrono::{DateTime, Utc};

use super::application::Application;
use super::fact::{Fact, FactKind, Subject};
use super::name::OrganisationId;
use super::outcome::{Judgement, Outcome};
use super::record::{Record, RecordKey, Records};
use super::refusal::Refusal;
use super::setting::Setting;

/// Longest title, in characters.
pub const TITLE_CHARS_MAX: usize = 100;

/// How far an organisation is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum OrganisationStatus {
    /// Not at all: its applications stay in the sandbox.
    Unverified,
    /// Its applications reach production, and are not listed. The sources say besides that such a developer has one account
    /// of the platform. That is no limit of installations here: which company is the developer's own is not known to a hub,
    /// and that companies share an application is decided by each of them.
    VerifiedPrivate,
    /// Its applications may be listed.
    VerifiedPartner,
}

impl OrganisationStatus {
    /// The name used in facts and on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            OrganisationStatus::Unverified => "UNVERIFIED",
            OrganisationStatus::VerifiedPrivate => "VERIFIED_PRIVATE",
            OrganisationStatus::VerifiedPartner => "VERIFIED_PARTNER",
        }
    }
}

impl std::fmt::Display for OrganisationStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// A developer organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organisation {
    /// Its id: what the owner of an application names.
    pub id: OrganisationId,
    /// Name shown to people.
    pub title: String,
    /// How far it is verified.
    pub status: OrganisationStatus,
    /// Who set the status.
    pub status_by: String,
    /// Since when the status holds.
    pub status_since: DateTime<Utc>,
}

impl Organisation {
    /// Where it is kept.
    pub fn key(&self) -> RecordKey {
        RecordKey::Organisation(self.id.clone())
    }
}

/// Command: set what is known of an organisation, new ones included. Operators only.
#[derive(Debug, Clone)]
pub struct SetOrganisation {
    /// Its id.
    pub id: OrganisationId,
    /// Name shown to people; `None` keeps it, and is the id of a new one.
    pub title: Option<String>,
    /// How far it is verified.
    pub status: OrganisationStatus,
    /// Why.
    pub reason: String,
    /// The revision last read, if the change depends on it.
    pub etag: Option<u64>,
}

impl SetOrganisation {
    fn key(&self) -> RecordKey {
        RecordKey::Organisation(self.id.clone())
    }

    pub(super) fn reads(&self) -> Vec<RecordKey> {
        vec![self.key()]
    }

    pub(super) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        setting.operator("set the status of an organisation")?;
        records.check_etag(&self.key(), self.etag)?;
        let before = records.organisation(&self.id);
        let known = before.map_or_else(|| self.id.to_string(), |before| before.title.clone());
        let title = self.title.clone().unwrap_or(known);
        let standing = before.filter(|before| before.status == self.status);
        let after = Organisation {
            id: self.id.clone(),
            title,
            status: self.status,
            status_by: standing.map_or_else(|| setting.actor.to_string(), |before| before.status_by.clone()),
            status_since: standing.map_or(setting.now, |before| before.status_since),
        };
        if before == Some(&after) {
            return Ok(Outcome::unchanged(self.key(), Record::Organisation(after)));
        }
        let fact = Fact::new(FactKind::OrganisationSet, Subject::default())
            .change("organisation", "", &self.id)
            .change("title", before.map(|before| before.title.as_str()).unwrap_or_default(), &after.title)
            .change("status", before.map(|before| before.status.name()).unwrap_or_default(), after.status)
            .because(&self.reason);
        Ok(Outcome::write(self.key(), Record::Organisation(after), fact))
    }
}

/// Where the organisation that owns an application is kept; none when the application names no owner that could be one.
pub fn owner_key(application: Option<&Application>) -> Option<RecordKey> {
    application?.owner.parse().ok().map(RecordKey::Organisation)
}

/// What the owner's status is. The command must have announced [`owner_key`].
pub fn owner_status(application: &Application, records: &Records) -> OrganisationStatus {
    let owner = application.owner.parse().ok();
    let organisation = owner.and_then(|id| records.organisation(&id));
    organisation.map_or(OrganisationStatus::Unverified, |organisation| organisation.status)
}

/// Refuses an application whose owner is not verified (rule B80).
pub(super) fn check_verified(application: &Application, records: &Records) -> Result<(), Refusal> {
    match owner_status(application, records) {
        OrganisationStatus::VerifiedPrivate | OrganisationStatus::VerifiedPartner => Ok(()),
        OrganisationStatus::Unverified => Err(Refusal::OrganisationNotVerified(application.owner.clone())),
    }
}

/// Refuses an application whose owner is not a partner: only those are listed.
pub(super) fn check_partner(application: &Application, records: &Records) -> Result<(), Refusal> {
    match owner_status(application, records) {
        OrganisationStatus::VerifiedPartner => Ok(()),
        status @ (OrganisationStatus::Unverified | OrganisationStatus::VerifiedPrivate) => {
            Err(Refusal::OrganisationNotAPartner { owner: application.owner.clone(), status })
        }
    }
}
