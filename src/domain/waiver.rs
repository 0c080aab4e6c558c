//! Waivers: dated exceptions that staff grant one application for one version, on record and visible to its people
//! (rules B17, B18).
//!
//! A waiver is live from its grant until an instant; nothing has to end it. Granting again replaces it, and the facts keep
//! what was there before.

use chrono::{DateTime, Utc};
use devhub_decision::{Environment, Stage};

use super::application::Application;
use super::fact::{Fact, FactKind, Subject, instant_text};
use super::name::{ApplicationId, ClientId, VersionName, WaiverId};
use super::outcome::{Judgement, Outcome};
use super::record::{Record, RecordKey, Records, namespace_keys};
use super::refusal::Refusal;
use super::setting::{Consent, Setting};
use super::subscribe::{retired, stage_at};
use super::version::Version;

/// Longest name of an approver, in characters.
pub const APPROVER_CHARS_MAX: usize = 100;

/// What a waiver permits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WaiverKind {
    /// A new subscription to an ALPHA or DEPRECATED version; never to a RETIRED one (rule B04).
    NewSubscription,
    /// Calls of a subscription that retirement ended.
    CallsPastRetirement,
}

impl WaiverKind {
    /// All kinds.
    pub const ALL: [WaiverKind; 2] = [WaiverKind::NewSubscription, WaiverKind::CallsPastRetirement];

    /// The name used in facts and keys.
    pub const fn name(self) -> &'static str {
        match self {
            WaiverKind::NewSubscription => "NEW_SUBSCRIPTION",
            WaiverKind::CallsPastRetirement => "CALLS_PAST_RETIREMENT",
        }
    }
}

/// Whether a waiver counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaiverState {
    /// It counts.
    Live,
    /// Its time is over.
    Expired,
    /// Staff took it back before that.
    Revoked,
}

/// When, by whom and why a waiver was taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// When.
    pub at: DateTime<Utc>,
    /// By whom.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// A dated exception of one kind for one application and version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiver {
    /// Its id; every grant has its own.
    pub id: WaiverId,
    /// The application.
    pub application: ApplicationId,
    /// The application's client id, which never changes: the decision table is keyed by it.
    pub client_id: ClientId,
    /// The application's environment, which never changes.
    pub environment: Environment,
    /// The version.
    pub version: VersionName,
    /// What it permits.
    pub kind: WaiverKind,
    /// When it was granted, and from when it counts.
    pub from: DateTime<Utc>,
    /// First instant at which it no longer counts.
    pub until: DateTime<Utc>,
    /// Why it was granted.
    pub reason: String,
    /// Who approved it.
    pub approver: String,
    /// Who recorded it.
    pub granted_by: String,
    /// Set once it was taken back.
    pub revoked: Option<Revocation>,
}

impl Waiver {
    /// Where it stands at `now`, from its grant on.
    pub fn state(&self, now: DateTime<Utc>) -> WaiverState {
        match &self.revoked {
            Some(revoked) if revoked.at <= now => WaiverState::Revoked,
            Some(_) | None if now < self.until => WaiverState::Live,
            Some(_) | None => WaiverState::Expired,
        }
    }

    /// Whether it counts at `now`.
    pub fn is_live(&self, now: DateTime<Utc>) -> bool {
        self.from <= now && self.state(now) == WaiverState::Live
    }

    /// Where it is kept.
    pub fn key(&self) -> RecordKey {
        RecordKey::Waiver(self.application.clone(), self.version.clone(), self.kind)
    }

    fn subject(&self) -> Subject {
        Subject {
            application: Some(self.application.clone()),
            context: Some(self.version.context.clone()),
            label: Some(self.version.label.clone()),
            environment: Some(self.environment),
            ..Subject::default()
        }
    }
}

/// Command: grant a waiver, or replace the one of its kind.
#[derive(Debug, Clone)]
pub struct GrantWaiver {
    /// Id of the waiver.
    pub id: WaiverId,
    /// The application.
    pub application: ApplicationId,
    /// The version.
    pub version: VersionName,
    /// What it permits.
    pub kind: WaiverKind,
    /// First instant at which it no longer counts.
    pub until: DateTime<Utc>,
    /// Why.
    pub reason: String,
    /// Who approved it.
    pub approver: String,
    /// The revision last read, if the grant depends on it.
    pub etag: Option<u64>,
}

/// Command: take a waiver back at once.
#[derive(Debug, Clone)]
pub struct RevokeWaiver {
    /// The application.
    pub application: ApplicationId,
    /// The version.
    pub version: VersionName,
    /// What it permits.
    pub kind: WaiverKind,
    /// Why.
    pub reason: String,
    /// The revision last read, if the change depends on it.
    pub etag: Option<u64>,
}

impl GrantWaiver {
    fn key(&self) -> RecordKey {
        RecordKey::Waiver(self.application.clone(), self.version.clone(), self.kind)
    }

    pub(super) fn reads(&self) -> Vec<RecordKey> {
        [
            RecordKey::Application(self.application.clone()),
            RecordKey::Version(self.version.clone()),
            RecordKey::Subscription(self.application.clone(), self.version.clone()),
            self.key(),
        ]
        .into_iter()
        .chain(namespace_keys(&self.version.context))
        .collect()
    }

    /// The end of the waiver lies ahead, and no further than the policy allows: from now, or, for calls past retirement,
    /// from the retirement, so that it can be granted in time.
    fn check_until(&self, version: &Version, environment: Environment, setting: &Setting<'_>) -> Result<(), Refusal> {
        if self.until <= setting.now {
            return Err(Refusal::InstantInPast { field: "until_time", given: self.until });
        }
        let policy = version.policy(setting.rules)?;
        let retires_at = match self.kind {
            WaiverKind::NewSubscription => None,
            WaiverKind::CallsPastRetirement => {
                version.deployments.get(&environment).and_then(|deployment| deployment.lifecycle.schedule.retires_at())
            }
        };
        let counts_from = retires_at.map_or(setting.now, |retires_at| retires_at.max(setting.now));
        match counts_from.checked_add_signed(policy.guards.waiver_max()) {
            Some(latest) if self.until > latest && setting.consent == Consent::Alone => {
                Err(Refusal::WaiverTooLong { policy: policy.name.clone(), given: self.until, latest })
            }
            // Two persons may go past the cap, and past the end of the calendar there is no limit left to pass.
            Some(_) | None => Ok(()),
        }
    }

    /// What the operator should know: a waiver that permits nothing beyond what is permitted anyway.
    fn warnings(
        &self,
        environment: Environment,
        stage: Stage,
        holds: bool,
        retires_at: Option<DateTime<Utc>>,
    ) -> Vec<String> {
        let mut warnings = Vec::new();
        match self.kind {
            WaiverKind::NewSubscription => match stage {
                Stage::Beta | Stage::Stable => {
                    warnings.push(format!(
                        "{} is {stage} in {environment}: it takes new subscriptions there without a waiver",
                        self.version
                    ));
                }
                Stage::Alpha | Stage::Deprecated | Stage::Retired => {}
            },
            WaiverKind::CallsPastRetirement => {
                if !holds {
                    warnings.push(format!(
                        "application {} has no subscription to {} that nobody ended: no call passes by this waiver",
                        self.application, self.version
                    ));
                }
                if retires_at.is_none_or(|retires_at| self.until <= retires_at) {
                    warnings.push(format!("{} is not retired before this waiver expires", self.version));
                }
            }
        }
        warnings
    }

    pub(super) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        setting.operator("grant a waiver")?;
        let application = found(&self.application, records)?;
        application.not_deleted()?;
        application.not_blocked()?;
        let version = &*records.effective_version(&self.version)?;
        let deployment = version.deployment(application.environment)?;
        records.check_etag(&self.key(), self.etag)?;
        let stage = stage_at(deployment, setting.now);
        if stage == Stage::Retired && self.kind == WaiverKind::NewSubscription {
            return Err(retired(version, deployment));
        }
        self.check_until(version, application.environment, setting)?;
        let holds = records.subscription(&self.application, &self.version).is_some_and(|s| s.ended.is_none());
        let warnings = self.warnings(application.environment, stage, holds, deployment.lifecycle.schedule.retires_at());
        let waiver = Waiver {
            id: self.id.clone(),
            application: self.application.clone(),
            client_id: application.client_id.clone(),
            environment: application.environment,
            version: self.version.clone(),
            kind: self.kind,
            from: setting.now,
            until: self.until,
            reason: self.reason.clone(),
            approver: self.approver.clone(),
            granted_by: setting.actor.to_string(),
            revoked: None,
        };
        let before = records.waiver(&self.application, &self.version, &self.kind);
        let text = |of: fn(&Waiver) -> String| before.map(of).unwrap_or_default();
        let fact = Fact::new(FactKind::WaiverGranted, waiver.subject())
            .change("waiver", text(|w| w.id.to_string()), &waiver.id)
            .change("kind", "", waiver.kind.name())
            .change("until", text(|w| instant_text(Some(w.until))), instant_text(Some(waiver.until)))
            .change("approver", text(|w| w.approver.clone()), &waiver.approver)
            .because(&self.reason);
        Ok(Outcome::write(self.key(), Record::Waiver(waiver), fact).warn(warnings))
    }
}

fn found<'r>(id: &ApplicationId, records: &'r Records) -> Result<&'r Application, Refusal> {
    records.application(id).ok_or_else(|| Refusal::ApplicationNotFound(id.clone()))
}

impl RevokeWaiver {
    fn key(&self) -> RecordKey {
        RecordKey::Waiver(self.application.clone(), self.version.clone(), self.kind)
    }

    pub(super) fn reads(&self) -> Vec<RecordKey> {
        vec![self.key()]
    }

    pub(super) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        setting.operator("revoke a waiver")?;
        let old = records.waiver(&self.application, &self.version, &self.kind).ok_or_else(|| {
            let (application, version) = (self.application.clone(), self.version.clone());
            Refusal::WaiverNotFound { application, version, kind: self.kind }
        })?;
        records.check_etag(&self.key(), self.etag)?;
        match old.state(setting.now) {
            WaiverState::Live => {}
            WaiverState::Expired => return Err(Refusal::NothingToDo("the waiver has expired already")),
            WaiverState::Revoked => return Err(Refusal::NothingToDo("the waiver is revoked already")),
        }
        let revocation = Revocation { at: setting.now, by: setting.actor.to_string(), reason: self.reason.clone() };
        let new = Waiver { revoked: Some(revocation), ..old.clone() };
        let fact = Fact::new(FactKind::WaiverRevoked, new.subject())
            .change("waiver", &old.id, "")
            .change("kind", old.kind.name(), "")
            .change("until", instant_text(Some(old.until)), instant_text(Some(setting.now)))
            .because(&self.reason);
        Ok(Outcome::write(self.key(), Record::Waiver(new), fact))
    }
}
