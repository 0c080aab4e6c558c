//! Exemptions: an application's opt-out of the brownouts of a version.

use chrono::{DateTime, Utc};
use devhub_decision::{Environment, Stage};

use super::fact::{Fact, FactKind, Subject};
use super::name::{ApplicationId, ClientId, VersionName};
use super::outcome::{Judgement, Outcome};
use super::record::{Record, RecordKey, Records, namespace_keys};
use super::refusal::Refusal;
use super::setting::Setting;
use super::subscribe::{retired, stage_at};

/// Whether an application takes part in the brownouts of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// It is denied during them, like anybody.
    Taken,
    /// Its calls pass.
    Exempt,
}

/// The last word on an application's part in the brownouts of a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exemption {
    /// The application.
    pub application: ApplicationId,
    /// The application's client id, which never changes: the decision table is keyed by it.
    pub client_id: ClientId,
    /// The application's environment, which never changes.
    pub environment: Environment,
    /// The version.
    pub version: VersionName,
    /// What holds.
    pub part: Part,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Who said so.
    pub by: String,
    /// Why.
    pub reason: String,
}

impl Exemption {
    /// Where it is kept.
    pub fn key(&self) -> RecordKey {
        RecordKey::Exemption(self.application.clone(), self.version.clone())
    }

    /// Whether calls pass during brownouts at `now`.
    pub fn is_exempt(&self, now: DateTime<Utc>) -> bool {
        self.part == Part::Exempt && self.since <= now
    }
}

/// Command: exempt an application from the brownouts of a version, or end that.
#[derive(Debug, Clone)]
pub struct ChangeExemption {
    /// The application.
    pub application: ApplicationId,
    /// The version.
    pub version: VersionName,
    /// What shall hold.
    pub part: Part,
    /// Why.
    pub reason: String,
    /// The revision last read, if the change depends on it.
    pub etag: Option<u64>,
}

impl ChangeExemption {
    fn key(&self) -> RecordKey {
        RecordKey::Exemption(self.application.clone(), self.version.clone())
    }

    pub(super) fn reads(&self) -> Vec<RecordKey> {
        let keys =
            [RecordKey::Application(self.application.clone()), RecordKey::Version(self.version.clone()), self.key()];
        keys.into_iter().chain(namespace_keys(&self.version.context)).collect()
    }

    pub(super) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        let application = records
            .application(&self.application)
            .ok_or_else(|| Refusal::ApplicationNotFound(self.application.clone()))?;
        application.administrator(setting, "decide on its part in brownouts")?;
        application.not_deleted()?;
        let version = &*records.effective_version(&self.version)?;
        let deployment = version.deployment(application.environment)?;
        records.check_etag(&self.key(), self.etag)?;
        let before = records.exemption(&self.application, &self.version).map_or(Part::Taken, |known| known.part);
        let kind = match (before, self.part) {
            (Part::Taken, Part::Exempt) => {
                application.not_blocked()?;
                if stage_at(deployment, setting.now) == Stage::Retired {
                    return Err(retired(version, deployment));
                }
                FactKind::ExemptedFromBrownouts
            }
            (Part::Exempt, Part::Taken) => FactKind::BrownoutExemptionRemoved,
            (Part::Exempt, Part::Exempt) => {
                return Err(Refusal::NothingToDo(
                    "the application is exempt from the brownouts of this version already",
                ));
            }
            (Part::Taken, Part::Taken) => {
                return Err(Refusal::NothingToDo("the application is not exempt from the brownouts of this version"));
            }
        };
        let exemption = Exemption {
            application: self.application.clone(),
            client_id: application.client_id.clone(),
            environment: application.environment,
            version: self.version.clone(),
            part: self.part,
            since: setting.now,
            by: setting.actor.to_string(),
            reason: self.reason.clone(),
        };
        let subject = Subject {
            context: Some(self.version.context.clone()),
            label: Some(self.version.label.clone()),
            ..application.subject()
        };
        let fact = Fact::new(kind, subject)
            .change("brownout_exempt", before == Part::Exempt, self.part == Part::Exempt)
            .because(&self.reason);
        Ok(Outcome::write(self.key(), Record::Exemption(exemption), fact))
    }
}
