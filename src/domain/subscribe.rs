//! The one gate to a subscription, and the way out. Portal, operator and import all come through here.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use devhub_decision::Stage;

use super::access::{AccessRequest, AccessState};
use super::actor::Actor;
use super::application::{Application, Kind};
use super::fact::{Fact, FactKind};
use super::field;
use super::name::{ApplicationId, SubscriptionId, VersionName};
use super::outcome::{Judgement, Outcome};
use super::policy::DeprecatedTakes;
use super::record::{Record, RecordKey, Records, namespace_keys};
use super::refusal::Refusal;
use super::setting::{ProductionSubscriptions, Setting};
use super::subscription::{End, EndReason, Subscription};
use super::version::{AccessType, Deployment, Version};
use super::waiver::{Waiver, WaiverKind};

/// From when a new subscription counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// From the instant of the commit.
    Now,
    /// From an instant in another system, which it is brought from.
    Elsewhere(DateTime<Utc>),
}

impl Since {
    /// Refuses whom this is not for.
    ///
    /// # Errors
    /// When it is for staff only.
    pub fn admits(self, actor: &Actor) -> Result<(), Refusal> {
        match self {
            Since::Now => Ok(()),
            Since::Elsewhere(_) => actor.operator("bring subscriptions from another system"),
        }
    }
}

/// Command: subscribe an application to a version.
#[derive(Debug, Clone)]
pub struct Subscribe {
    /// Id of the new subscription.
    pub id: SubscriptionId,
    /// The application.
    pub application: ApplicationId,
    /// The version.
    pub version: VersionName,
    /// From when it counts.
    pub since: Since,
    /// Values of subscription fields; those left out take their default.
    pub field_values: BTreeMap<String, String>,
}

/// Whether the actor knows that there is no way back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OneWay {
    /// Yes.
    Acknowledged,
    /// Not asked yet.
    NotAcknowledged,
}

/// Command: end a subscription.
#[derive(Debug, Clone)]
pub struct Unsubscribe {
    /// The application.
    pub application: ApplicationId,
    /// The version.
    pub version: VersionName,
    /// Needed for a deprecated version (rule B43).
    pub one_way: OneWay,
    /// Why.
    pub reason: String,
    /// The revision last read, if the change depends on it.
    pub etag: Option<u64>,
}

/// Whether the actor may change subscriptions of this application (rules B10, B11).
pub(super) fn may_change(application: &Application, setting: &Setting<'_>) -> Result<(), Refusal> {
    application.collaborator(setting)?;
    if setting.actor.is_staff() {
        return Ok(());
    }
    if application.kind != Kind::Standard {
        return Err(Refusal::ApplicationNotStandard);
    }
    if application.is_approved_production() && setting.rules.production_subscriptions == ProductionSubscriptions::Locked
    {
        return Err(Refusal::SubscriptionsLocked);
    }
    Ok(())
}

/// The stage at which a deployment stands for those who hold or want a subscription.
pub(super) fn stage_at(deployment: &Deployment, instant: DateTime<Utc>) -> Stage {
    deployment.lifecycle.stage(instant)
}

/// The refusal of whatever a retired version no longer gives (rule B04).
pub(super) fn retired(version: &Version, deployment: &Deployment) -> Refusal {
    Refusal::VersionRetired {
        version: version.name.clone(),
        since: deployment.lifecycle.schedule.retires_at().expect("a retired version has a retirement date"),
        successor: deployment.successor.clone(),
    }
}

/// Whether a version takes a new subscription in `stage` (rules B02, B03, B04), whoever asks: ALPHA and DEPRECATED only
/// by a live waiver, which is then what the subscription stands on (rules B17, B18, defect X3).
fn takes_new<'w>(
    version: &Version,
    application: &Application,
    stage: Stage,
    waiver: Option<&'w Waiver>,
    setting: &Setting<'_>,
) -> Result<Option<&'w Waiver>, Refusal> {
    let deployment = version.deployment(application.environment)?;
    let policy = version.policy(setting.rules)?;
    let waived = || waiver.filter(|waiver| waiver.is_live(setting.now)).map(Some);
    match stage {
        Stage::Retired => Err(retired(version, deployment)),
        Stage::Deprecated => {
            let since =
                deployment.lifecycle.schedule.deprecated_at().expect("a deprecated version has a deprecation date");
            match policy.guards.deprecated_takes {
                DeprecatedTakes::EarlierApplications if application.created_at < since => Ok(None),
                DeprecatedTakes::EarlierApplications | DeprecatedTakes::Nobody => {
                    waived().ok_or_else(|| Refusal::VersionDeprecated {
                        version: version.name.clone(),
                        since,
                        successor: deployment.successor.clone(),
                    })
                }
            }
        }
        Stage::Alpha | Stage::Beta | Stage::Stable if policy.permissions().of(stage).new_subscriptions => Ok(None),
        Stage::Alpha => waived().ok_or_else(|| Refusal::VersionAlpha(version.name.clone())),
        Stage::Beta | Stage::Stable => Err(Refusal::StageTakesNoSubscriptions { policy: policy.name.clone(), stage }),
    }
}

/// Whether the version's access type lets this actor subscribe the application (rules B07, B08).
fn has_access(version: &Version, request: Option<&AccessRequest>, setting: &Setting<'_>) -> Result<(), Refusal> {
    if setting.actor.is_staff() {
        return Ok(());
    }
    match version.access_type {
        AccessType::Public => Ok(()),
        AccessType::Internal => Err(Refusal::VersionInternal(version.name.clone())),
        AccessType::Controlled => match request.map(|request| request.state) {
            Some(AccessState::Granted) => Ok(()),
            Some(AccessState::Pending | AccessState::Rejected | AccessState::Cancelled | AccessState::Revoked)
            | None => Err(Refusal::AccessNotGranted(version.name.clone())),
        },
    }
}

impl Subscribe {
    pub(super) fn reads(&self) -> Vec<RecordKey> {
        [
            RecordKey::Application(self.application.clone()),
            RecordKey::Version(self.version.clone()),
            RecordKey::Subscription(self.application.clone(), self.version.clone()),
            RecordKey::AccessRequest(self.application.clone(), self.version.clone()),
            RecordKey::Waiver(self.application.clone(), self.version.clone(), WaiverKind::NewSubscription),
        ]
        .into_iter()
        .chain(namespace_keys(&self.version.context))
        .collect()
    }

    pub(super) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        self.since.admits(setting.actor)?;
        let application = records
            .application(&self.application)
            .ok_or_else(|| Refusal::ApplicationNotFound(self.application.clone()))?;
        application.not_deleted()?;
        application.collaborator(setting)?;
        let version = &*records.effective_version(&self.version)?;
        let deployment = version.deployment(application.environment)?;
        let key = RecordKey::Subscription(self.application.clone(), self.version.clone());
        let before = records.subscription(&self.application, &self.version);

        // A duplicate is told before anything else about the version (rule B05).
        if let Some(live) = before.filter(|s| s.end(Some(application), Some(version), setting.now).is_none()) {
            return match self.since {
                Since::Now => Err(Refusal::DuplicateSubscription {
                    application: self.application.clone(),
                    version: self.version.clone(),
                    since: live.since,
                }),
                Since::Elsewhere(_) => Ok(Outcome::unchanged(key, Record::Subscription(live.clone()))),
            };
        }
        application.not_blocked()?;
        may_change(application, setting)?;
        let stage = stage_at(deployment, setting.now);
        if version.is_open_access() && version.policy(setting.rules)?.permissions().of(stage).calls {
            return Err(Refusal::SubscriptionNotNeeded(self.version.clone()));
        }
        let waiver = records.waiver(&self.application, &self.version, &WaiverKind::NewSubscription);
        let ground = takes_new(version, application, stage, waiver, setting).or_else(|refusal| {
            // What was subscribed elsewhere is judged at that instant, as long as the version still answers calls.
            match (self.since, &refusal) {
                (Since::Elsewhere(since), Refusal::VersionDeprecated { .. }) => {
                    takes_new(version, application, stage_at(deployment, since), None, setting)
                }
                (Since::Now | Since::Elsewhere(_), _) => Err(refusal),
            }
        })?;
        let request = records.access_request(&self.application, &self.version);
        has_access(version, request, setting)?;
        let since = self.checked_since(before, setting.now)?;
        let field_values = field::resolve(&version.fields, &self.field_values).map_err(Refusal::SubscriptionFields)?;

        let subscription = Subscription {
            id: self.id.clone(),
            application: self.application.clone(),
            client_id: application.client_id.clone(),
            version: self.version.clone(),
            environment: application.environment,
            since,
            subscribed_by: setting.actor.to_string(),
            waiver: ground.map(|waiver| waiver.id.clone()),
            ended: None,
            moved: None,
            field_values,
        };
        let kind = match self.since {
            Since::Now => FactKind::Subscribed,
            Since::Elsewhere(_) => FactKind::SubscriptionImported,
        };
        let fact = Fact::new(kind, subscription.subject())
            .change("state", "", "ACTIVE")
            .change("waiver", "", ground.map(|waiver| waiver.id.to_string()).unwrap_or_default())
            .effective(match self.since {
                Since::Now => None,
                Since::Elsewhere(since) => Some(since),
            });
        let outcome = Outcome::write(key, Record::Subscription(subscription), fact);
        Ok(match before {
            // The ended one makes room and stays readable.
            Some(ended) => outcome.also(
                RecordKey::EndedSubscription(ended.application.clone(), ended.version.clone(), ended.id.clone()),
                Record::Subscription(ended.clone()),
            ),
            None => outcome,
        })
    }

    /// The beginning of the new subscription. One brought from elsewhere must not undo an end that happened here.
    fn checked_since(&self, before: Option<&Subscription>, now: DateTime<Utc>) -> Result<DateTime<Utc>, Refusal> {
        let Since::Elsewhere(since) = self.since else { return Ok(now) };
        let out_of_range = |why| Err(Refusal::SinceOutOfRange { since, why });
        if since > now {
            return out_of_range("it lies in the future");
        }
        match before.and_then(|before| before.ended.as_ref()) {
            Some(end) if since < end.at => {
                out_of_range("an earlier subscription to the same version was ended after it")
            }
            _ => Ok(since),
        }
    }
}

impl Unsubscribe {
    pub(super) fn reads(&self) -> Vec<RecordKey> {
        [
            RecordKey::Application(self.application.clone()),
            RecordKey::Version(self.version.clone()),
            RecordKey::Subscription(self.application.clone(), self.version.clone()),
        ]
        .into_iter()
        .chain(namespace_keys(&self.version.context))
        .collect()
    }

    pub(super) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        let application = records
            .application(&self.application)
            .ok_or_else(|| Refusal::ApplicationNotFound(self.application.clone()))?;
        application.not_deleted()?;
        may_change(application, setting)?;
        let not_found =
            || Refusal::SubscriptionNotFound { application: self.application.clone(), version: self.version.clone() };
        let version = &*records.effective_version(&self.version)?;
        let old = records.subscription(&self.application, &self.version).ok_or_else(not_found)?;
        let key = RecordKey::Subscription(self.application.clone(), self.version.clone());
        records.check_etag(&key, self.etag)?;
        let stage = stage_at(version.deployment(application.environment)?, setting.now);
        if let Some(_end) = old.end(Some(application), Some(version), setting.now) {
            return match stage {
                // Retirement has ended it: nothing to do, no harm done (rule B49).
                Stage::Retired => Ok(Outcome::unchanged(key, Record::Subscription(old.clone()))),
                Stage::Alpha | Stage::Beta | Stage::Stable | Stage::Deprecated => Err(not_found()),
            };
        }
        if stage == Stage::Deprecated && self.one_way == OneWay::NotAcknowledged {
            let undo_hours = version.policy(setting.rules)?.guards.undo_hours;
            return Err(Refusal::AcknowledgementRequired { version: self.version.clone(), undo_hours });
        }
        let reason = if setting.actor.is_staff() { EndReason::Revoked } else { EndReason::Unsubscribed };
        let end = End { at: setting.now, reason, by: setting.actor.to_string() };
        let new = Subscription { ended: Some(end), ..old.clone() };
        let fact =
            Fact::new(FactKind::Unsubscribed, new.subject()).change("state", "ACTIVE", "ENDED").because(&self.reason);
        Ok(Outcome::write(key, Record::Subscription(new), fact))
    }
}
