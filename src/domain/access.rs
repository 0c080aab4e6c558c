//! Access requests: an application's place on, or way to, the access list of a CONTROLLED version (rules B08, B09).

use chrono::{DateTime, Utc};
use devhub_decision::Stage;

use super::application::Application;
use super::fact::{Fact, FactKind, Subject};
use super::name::{ApplicationId, VersionName};
use super::outcome::{Judgement, Outcome};
use super::record::{Record, RecordKey, Records, namespace_keys};
use super::refusal::{Refusal, Violation};
use super::setting::Setting;
use super::subscribe::{retired, stage_at};
use super::version::AccessType;

/// Where an access request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessState {
    /// Waiting for an operator.
    Pending,
    /// The application is on the access list.
    Granted,
    /// Refused by an operator.
    Rejected,
    /// Withdrawn by the application.
    Cancelled,
    /// Granted once, taken back since.
    Revoked,
}

impl AccessState {
    /// The name used on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            AccessState::Pending => "PENDING",
            AccessState::Granted => "GRANTED",
            AccessState::Rejected => "REJECTED",
            AccessState::Cancelled => "CANCELLED",
            AccessState::Revoked => "REVOKED",
        }
    }
}

/// Who decided on an access request, when and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// Who.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Why.
    pub reason: String,
}

/// An application's place on, or way to, the access list of a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessRequest {
    /// The application.
    pub application: ApplicationId,
    /// The version.
    pub version: VersionName,
    /// Where it stands.
    pub state: AccessState,
    /// Who asked, or granted without being asked.
    pub requested_by: String,
    /// When.
    pub requested_at: DateTime<Utc>,
    /// Why access is wanted.
    pub purpose: String,
    /// The last decision.
    pub decided: Option<Decided>,
}

/// A decision on an access request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessDecision {
    /// Put the application on the access list, asked or not.
    Grant,
    /// Refuse a pending request.
    Reject,
    /// Take the application off the access list.
    Revoke,
    /// Withdraw a pending request.
    Cancel,
}

/// Command: ask for access.
#[derive(Debug, Clone)]
pub struct RequestAccess {
    /// The application.
    pub application: ApplicationId,
    /// The version.
    pub version: VersionName,
    /// Why access is wanted.
    pub purpose: String,
}

/// Command: decide on access.
#[derive(Debug, Clone)]
pub struct DecideAccess {
    /// The application.
    pub application: ApplicationId,
    /// The version.
    pub version: VersionName,
    /// The decision.
    pub decision: AccessDecision,
    /// Why.
    pub reason: String,
    /// The revision last read, if the decision depends on it.
    pub etag: Option<u64>,
}

fn reads(application: &ApplicationId, version: &VersionName) -> Vec<RecordKey> {
    [
        RecordKey::Application(application.clone()),
        RecordKey::Version(version.clone()),
        RecordKey::AccessRequest(application.clone(), version.clone()),
    ]
    .into_iter()
    .chain(namespace_keys(&version.context))
    .collect()
}

fn store(request: AccessRequest, kind: FactKind, application: &Application, before: &str, reason: &str) -> Outcome {
    let subject = Subject {
        application: Some(request.application.clone()),
        context: Some(request.version.context.clone()),
        label: Some(request.version.label.clone()),
        environment: Some(application.environment),
        ..Subject::default()
    };
    let fact = Fact::new(kind, subject).change("access", before, request.state.name()).because(reason);
    let key = RecordKey::AccessRequest(request.application.clone(), request.version.clone());
    Outcome::write(key, Record::AccessRequest(request), fact)
}

impl RequestAccess {
    pub(super) fn reads(&self) -> Vec<RecordKey> {
        reads(&self.application, &self.version)
    }

    pub(super) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        let application = records
            .application(&self.application)
            .ok_or_else(|| Refusal::ApplicationNotFound(self.application.clone()))?;
        application.collaborator(setting)?;
        application.not_deleted()?;
        application.not_blocked()?;
        let version = &*records.effective_version(&self.version)?;
        let deployment = version.deployment(application.environment)?;
        if stage_at(deployment, setting.now) == Stage::Retired {
            return Err(retired(version, deployment));
        }
        match version.access_type {
            AccessType::Controlled => {}
            AccessType::Internal => return Err(Refusal::VersionInternal(self.version.clone())),
            AccessType::Public => {
                return Err(Refusal::IllegalAccessRequestState(
                    "the version is PUBLIC: subscribe without asking for access",
                ));
            }
        }
        let before = records.access_request(&self.application, &self.version);
        match before.map(|request| request.state) {
            Some(AccessState::Pending) => {
                return Err(Refusal::IllegalAccessRequestState("access was asked for already; wait for the decision"));
            }
            Some(AccessState::Granted) => {
                return Err(Refusal::IllegalAccessRequestState("access is granted already; subscribe"));
            }
            Some(AccessState::Rejected | AccessState::Cancelled | AccessState::Revoked) | None => {}
        }
        let request = AccessRequest {
            application: self.application.clone(),
            version: self.version.clone(),
            state: AccessState::Pending,
            requested_by: setting.actor.to_string(),
            requested_at: setting.now,
            purpose: self.purpose.clone(),
            decided: None,
        };
        let before = before.map_or("", |request| request.state.name());
        Ok(store(request, FactKind::AccessRequested, application, before, &self.purpose))
    }
}

impl DecideAccess {
    pub(super) fn reads(&self) -> Vec<RecordKey> {
        reads(&self.application, &self.version)
    }

    pub(super) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        let application = records
            .application(&self.application)
            .ok_or_else(|| Refusal::ApplicationNotFound(self.application.clone()))?;
        match self.decision {
            AccessDecision::Cancel => application.collaborator(setting)?,
            AccessDecision::Grant | AccessDecision::Reject | AccessDecision::Revoke => {
                setting.operator("decide on access")?;
            }
        }
        application.not_deleted()?;
        let version = &*records.effective_version(&self.version)?;
        let key = RecordKey::AccessRequest(self.application.clone(), self.version.clone());
        records.check_etag(&key, self.etag)?;
        let before = records.access_request(&self.application, &self.version);
        let (state, kind) = match (self.decision, before.map(|request| request.state)) {
            (AccessDecision::Grant, Some(AccessState::Granted)) => {
                return Err(Refusal::IllegalAccessRequestState("access is granted already"));
            }
            (AccessDecision::Grant, _) if version.access_type != AccessType::Controlled => {
                return Err(Refusal::InvalidFields(vec![Violation {
                    field: "decision".to_owned(),
                    sentence: format!(
                        "only a CONTROLLED version has an access list, and this one is {}; subscribe the application instead",
                        version.access_type.name()
                    ),
                }]));
            }
            (AccessDecision::Grant, _) => {
                application.not_blocked()?;
                (AccessState::Granted, FactKind::AccessGranted)
            }
            (_, None) => {
                return Err(Refusal::AccessRequestNotFound {
                    application: self.application.clone(),
                    version: self.version.clone(),
                });
            }
            (AccessDecision::Reject, Some(AccessState::Pending)) => (AccessState::Rejected, FactKind::AccessRejected),
            (AccessDecision::Cancel, Some(AccessState::Pending)) => (AccessState::Cancelled, FactKind::AccessCancelled),
            (AccessDecision::Revoke, Some(AccessState::Granted)) => (AccessState::Revoked, FactKind::AccessRevoked),
            (AccessDecision::Reject | AccessDecision::Cancel, Some(_)) => {
                return Err(Refusal::IllegalAccessRequestState("only a pending request can be rejected or cancelled"));
            }
            (AccessDecision::Revoke, Some(_)) => {
                return Err(Refusal::IllegalAccessRequestState("only granted access can be revoked"));
            }
        };
        let request = AccessRequest {
            application: self.application.clone(),
            version: self.version.clone(),
            state,
            requested_by: before.map_or_else(|| setting.actor.to_string(), |request| request.requested_by.clone()),
            requested_at: before.map_or(setting.now, |request| request.requested_at),
            purpose: before.map_or_else(String::new, |request| request.purpose.clone()),
            decided: Some(Decided { by: setting.actor.to_string(), at: setting.now, reason: self.reason.clone() }),
        };
        let before = before.map_or("", |request| request.state.name());
        Ok(store(request, kind, application, before, &self.reason))
    }
}
