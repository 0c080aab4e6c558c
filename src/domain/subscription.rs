//! Subscriptions: the grant of an application to call a version. Never erased; whether one is live is computed.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use devhub_decision::Environment;

use super::application::Application;
use super::fact::Subject;
use super::name::{ApplicationId, ClientId, SubscriptionId, VersionName, WaiverId};
use super::version::Version;

/// Why a subscription ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// A collaborator ended it.
    Unsubscribed,
    /// Staff ended it.
    Revoked,
    /// The version was retired.
    VersionRetired,
    /// The application was deleted.
    ApplicationDeleted,
}

/// When, why and by whom a subscription ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// When.
    pub at: DateTime<Utc>,
    /// Why.
    pub reason: EndReason,
    /// By whom; empty when time ended it.
    pub by: String,
}

/// The grant of an application to call a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Its id.
    pub id: SubscriptionId,
    /// The application.
    pub application: ApplicationId,
    /// The application's client id, which never changes: the decision table is keyed by it.
    pub client_id: ClientId,
    /// The version.
    pub version: VersionName,
    /// The application's environment, which never changes.
    pub environment: Environment,
    /// When it began (defect X10: "was it made before deprecation?" is answered by the record).
    pub since: DateTime<Utc>,
    /// Who made it.
    pub subscribed_by: String,
    /// The waiver that it stands on, if the version took new ones by a waiver only; it stays when the waiver expires
    /// (rule B18).
    pub waiver: Option<WaiverId>,
    /// Set when somebody ended it.
    pub ended: Option<End>,
    /// Values of the version's subscription fields.
    pub field_values: BTreeMap<String, String>,
}

impl Subscription {
    /// How and when it ended, as of `now`; `None` while it is live.
    ///
    /// Retirement and deletion end a subscription by themselves, on the instant: nothing has to sweep (rules B31, B57).
    /// The first cause counts.
    pub fn end(&self, application: Option<&Application>, version: Option<&Version>, now: DateTime<Utc>) -> Option<End> {
        let retired = version
            .and_then(|version| version.deployments.get(&self.environment))
            .and_then(|deployment| deployment.lifecycle.schedule.retires_at())
            .filter(|retires_at| *retires_at <= now)
            .map(|at| End { at: at.max(self.since), reason: EndReason::VersionRetired, by: String::new() });
        let deletion = application.and_then(|application| application.deletion.as_ref());
        let deleted = deletion.filter(|deletion| deletion.at <= now).map(|deletion| End {
            at: deletion.at,
            reason: EndReason::ApplicationDeleted,
            by: deletion.by.clone(),
        });
        [self.ended.clone(), retired, deleted].into_iter().flatten().min_by_key(|end| end.at)
    }

    pub(super) fn subject(&self) -> Subject {
        Subject {
            application: Some(self.application.clone()),
            context: Some(self.version.context.clone()),
            label: Some(self.version.label.clone()),
            environment: Some(self.environment),
            subscription: Some(self.id.clone()),
        }
    }
}
