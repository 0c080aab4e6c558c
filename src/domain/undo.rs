//! The way back from a move or an unsubscription: within a window, the original subscription with its original date
//! (rules B44, B47).

use chrono::{DateTime, Utc};
use devhub_decision::Stage;

use super::application::Application;
use super::fact::{Fact, FactKind};
use super::name::{ApplicationId, VersionName};
use super::outcome::{Judgement, Outcome};
use super::record::{Record, RecordKey, Records, namespace_keys};
use super::refusal::Refusal;
use super::relocate::Scope;
use super::setting::Setting;
use super::subscribe::{may_change, retired, stage_at};
use super::subscription::{End, EndReason, Subscription};
use super::version::Version;

/// Command: undo a move.
#[derive(Debug, Clone)]
pub struct UndoMove {
    /// The application.
    pub application: ApplicationId,
    /// The version that the move left.
    pub from: VersionName,
    /// The version that it went to.
    pub to: VersionName,
    /// Whether it is one of many.
    pub scope: Scope,
    /// Why.
    pub reason: String,
    /// The revision of the old subscription last read, if the change depends on it.
    pub etag: Option<u64>,
}

/// Command: undo an unsubscription.
#[derive(Debug, Clone)]
pub struct UndoUnsubscribe {
    /// The application.
    pub application: ApplicationId,
    /// The version.
    pub version: VersionName,
    /// Why.
    pub reason: String,
    /// The revision last read, if the change depends on it.
    pub etag: Option<u64>,
}

/// The application, once it is clear that the actor may give it something back.
fn begin<'r>(id: &ApplicationId, records: &'r Records, setting: &Setting<'_>) -> Result<&'r Application, Refusal> {
    let application = records.application(id).ok_or_else(|| Refusal::ApplicationNotFound(id.clone()))?;
    application.not_deleted()?;
    may_change(application, setting)?;
    application.not_blocked()?;
    Ok(application)
}

/// Refuses when the time to undo is over, or there is nothing to come back to.
fn check(
    until: DateTime<Utc>,
    application: &Application,
    version: &Version,
    setting: &Setting<'_>,
) -> Result<(), Refusal> {
    let deployment = version.deployment(application.environment)?;
    if stage_at(deployment, setting.now) == Stage::Retired {
        return Err(retired(version, deployment));
    }
    if setting.now >= until {
        return Err(Refusal::UndoWindowPassed { until });
    }
    Ok(())
}

/// The subscription `old` to `version` as it was before it was moved to `to`, if that can still be undone.
pub(super) fn before_move(
    old: &Subscription,
    to: &VersionName,
    application: &Application,
    version: &Version,
    setting: &Setting<'_>,
) -> Result<Subscription, Refusal> {
    application.not_blocked()?;
    if old.moved.is_none() && old.ended.as_ref().is_some_and(|end| end.reason == EndReason::MoveUndone) {
        return Err(Refusal::NothingToUndo(
            "the move that made its latest subscription to the old version, or brought it back, was undone, and that ended \
             it for good: what that move had left stands; subscribe anew if the old version takes new subscriptions, or \
             ask an operator for a waiver",
        ));
    }
    if old.moved.as_ref().is_none_or(|moved| moved.to != *to) {
        return Err(Refusal::NothingToUndo(
            "its latest subscription to the old version was not moved to the other one",
        ));
    }
    let window = version.policy(setting.rules)?.guards.undo_window();
    let until = old.move_undoable_until(window).ok_or(Refusal::NothingToUndo(
        "the old subscription was ended in another way since; undo that unsubscription instead",
    ))?;
    check(until, application, version, setting)?;
    Ok(Subscription { ended: None, moved: None, ..old.clone() })
}

fn reads(application: &ApplicationId, versions: &[&VersionName]) -> Vec<RecordKey> {
    let mut keys = vec![RecordKey::Application(application.clone())];
    for version in versions {
        keys.push(RecordKey::Version((*version).clone()));
        keys.push(RecordKey::Subscription(application.clone(), (*version).clone()));
        keys.extend(namespace_keys(&version.context));
    }
    keys
}

impl UndoMove {
    pub(super) fn reads(&self) -> Vec<RecordKey> {
        reads(&self.application, &[&self.from, &self.to])
    }

    /// What the move made, if it is still there: it ends with the move's undoing.
    fn made<'r>(
        &self,
        old: &Subscription,
        application: &Application,
        records: &'r Records,
        setting: &Setting<'_>,
    ) -> Option<&'r Subscription> {
        let made = old.moved.as_ref()?.made.as_ref()?;
        let version = records.effective_version(&self.to).ok();
        let there = records.subscription(&self.application, &self.to)?;
        let live = there.end(Some(application), version.as_deref(), setting.now).is_none();
        (there.id == *made && live).then_some(there)
    }

    pub(super) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        let application = begin(&self.application, records, setting)?;
        self.scope.check(application, setting)?;
        let version = &*records.effective_version(&self.from)?;
        let none = Refusal::NothingToUndo("the application never held a subscription to the old version");
        let old = records.subscription(&self.application, &self.from).ok_or(none)?;
        let key = RecordKey::Subscription(self.application.clone(), self.from.clone());
        records.check_etag(&key, self.etag)?;
        let back = before_move(old, &self.to, application, version, setting)?;
        let fact = Fact::new(FactKind::MoveUndone, back.subject())
            .change("moved_to", &self.to, "")
            .change("state", if old.ended.is_some() { "ENDED" } else { "ACTIVE" }, "ACTIVE")
            .because(&self.reason);
        let outcome = Outcome::write(key, Record::Subscription(back), fact);
        let Some(made) = self.made(old, application, records, setting) else { return Ok(outcome) };
        let end = End { at: setting.now, reason: EndReason::MoveUndone, by: setting.actor.to_string() };
        let ended = Subscription { ended: Some(end), ..made.clone() };
        let fact = Fact::new(FactKind::Unsubscribed, ended.subject())
            .change("state", "ACTIVE", "ENDED")
            .because("the move that made it was undone");
        let there = RecordKey::Subscription(self.application.clone(), self.to.clone());
        Ok(outcome.and(Outcome::write(there, Record::Subscription(ended), fact)))
    }
}

impl UndoUnsubscribe {
    pub(super) fn reads(&self) -> Vec<RecordKey> {
        reads(&self.application, &[&self.version])
    }

    pub(super) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        let application = begin(&self.application, records, setting)?;
        let version = &*records.effective_version(&self.version)?;
        let none = Refusal::NothingToUndo("nobody ended a subscription of the application to this version");
        let old = records.subscription(&self.application, &self.version).ok_or(none.clone())?;
        let key = RecordKey::Subscription(self.application.clone(), self.version.clone());
        records.check_etag(&key, self.etag)?;
        match old.ended.as_ref().ok_or(none.clone())?.reason {
            EndReason::Unsubscribed => {}
            EndReason::Revoked => setting.operator("give back what an operator ended")?,
            EndReason::Moved => return Err(Refusal::NothingToUndo("it was moved; undo the move instead")),
            EndReason::MoveUndone => {
                return Err(Refusal::NothingToUndo("it ended with the move that made it; move again instead"));
            }
            EndReason::VersionRetired | EndReason::ApplicationDeleted => return Err(none),
        }
        let window = version.policy(setting.rules)?.guards.undo_window();
        let until = old.unsubscription_undoable_until(window).ok_or(none)?;
        check(until, application, version, setting)?;
        let back = Subscription { ended: None, ..old.clone() };
        let fact = Fact::new(FactKind::UnsubscriptionUndone, back.subject())
            .change("state", "ENDED", "ACTIVE")
            .because(&self.reason);
        Ok(Outcome::write(key, Record::Subscription(back), fact))
    }
}
