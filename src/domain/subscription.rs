//! Subscriptions: the grant of an application to call a version. Never erased; whether one is live is computed.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use devhub_decision::{Environment, Stage};

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
    /// It was moved to another version.
    Moved,
    /// The move that made it was undone.
    MoveUndone,
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

/// Where, when and by whom a subscription was moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// To which version.
    pub to: VersionName,
    /// When the move was made.
    pub at: DateTime<Utc>,
    /// By whom.
    pub by: String,
    /// The subscription that the move made there, if it made one: undoing the move ends it.
    pub made: Option<SubscriptionId>,
    /// First instant at which the moved subscription no longer holds, if it was kept beside the new one for a while.
    pub overlap_until: Option<DateTime<Utc>>,
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
    /// Set when it was moved; it has ended then, or will by itself at the end of the overlap.
    pub moved: Option<Moved>,
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
        let moved = self.moved.as_ref().and_then(|moved| Some((moved, moved.overlap_until?)));
        let moved = moved.filter(|(_, until)| *until <= now).map(|(moved, until)| End {
            at: until,
            reason: EndReason::Moved,
            by: moved.by.clone(),
        });
        [self.ended.clone(), moved, retired, deleted].into_iter().flatten().min_by_key(|end| end.at)
    }

    /// The instant at which it ends by itself, if it was moved with an overlap and nobody ended it sooner.
    pub fn ends_at(&self) -> Option<DateTime<Utc>> {
        if self.ended.is_some() { None } else { self.moved.as_ref()?.overlap_until }
    }

    /// Until when its move can be undone: for the window, and as long as the overlap lasts (rule B47).
    pub fn move_undoable_until(&self, window: TimeDelta) -> Option<DateTime<Utc>> {
        let moved = self.moved.as_ref()?;
        // Where an overlap was cut short, that is what took the version away.
        let left_at = self.ended.as_ref().map_or(moved.at, |end| end.at);
        let until = later(left_at, window).max(moved.overlap_until.unwrap_or(moved.at));
        self.ended.as_ref().is_none_or(|end| end.reason == EndReason::Moved).then_some(until)
    }

    /// Until when its end by a person can be undone: for the window, but no longer than it would have lasted (rule B44).
    pub fn unsubscription_undoable_until(&self, window: TimeDelta) -> Option<DateTime<Utc>> {
        let end = self.ended.as_ref()?;
        let until = later(end.at, window);
        let lasted = self.moved.as_ref().and_then(|moved| moved.overlap_until);
        match end.reason {
            EndReason::Unsubscribed | EndReason::Revoked => Some(lasted.map_or(until, |lasted| until.min(lasted))),
            EndReason::VersionRetired | EndReason::ApplicationDeleted | EndReason::Moved | EndReason::MoveUndone => {
                None
            }
        }
    }

    /// Until when its move, or else its end by a person, can be undone; `None` when it cannot, at `now`.
    pub fn undoable_until(&self, window: TimeDelta, version: &Version, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let until = self.move_undoable_until(window).or_else(|| self.unsubscription_undoable_until(window))?;
        let retired = version.stage(self.environment, now) == Some(Stage::Retired);
        (now < until && !retired).then_some(until)
    }

    pub(super) fn subject(&self) -> Subject {
        Subject {
            application: Some(self.application.clone()),
            context: Some(self.version.context.clone()),
            label: Some(self.version.label.clone()),
            environment: Some(self.environment),
            subscription: Some(self.id.clone()),
            ..Subject::default()
        }
    }
}

/// The instant that lies `window` after `start`.
fn later(start: DateTime<Utc>, window: TimeDelta) -> DateTime<Utc> {
    start.checked_add_signed(window).unwrap_or(DateTime::<Utc>::MAX_UTC)
}
