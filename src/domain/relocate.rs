//! The move of a subscription from one version to another, whole or not at all (rules B45 to B48).
//!
//! The new subscription comes through the gate that every other one comes through: the judgement of [`Subscribe`] is
//! asked, not repeated. With an overlap the old one is kept until an instant, at which it ends by itself.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use devhub_decision::Environment;

use super::actor::Actor;
use super::application::Application;
use super::fact::{Fact, FactKind};
use super::field::carried;
use super::name::{ApplicationId, SubscriptionId, VersionName};
use super::outcome::{Judgement, Outcome};
use super::record::{Record, RecordKey, Records, namespace_keys};
use super::refusal::{Refusal, Violation};
use super::setting::Setting;
use super::subscribe::{Since, Subscribe, may_change};
use super::subscription::{End, EndReason, Moved, Subscription};
use super::undo::before_move;
use super::version::Version;

/// How many days an overlap lasts at most.
pub const OVERLAP_DAYS_MAX: i64 = 90;

/// Whether one application is concerned, or many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// One, by whoever may change its subscriptions.
    One,
    /// One of many in an environment, by staff.
    Many(Environment),
}

impl Scope {
    /// Refuses whom this is not for, and an application that is not among those meant.
    pub(super) fn check(self, application: &Application, setting: &Setting<'_>) -> Result<(), Refusal> {
        self.admits(setting.actor)?;
        match self {
            Scope::One => Ok(()),
            Scope::Many(environment) => application.lives_in(environment),
        }
    }

    /// Refuses whom this is not for, whichever application is meant.
    ///
    /// # Errors
    /// When it is for staff only.
    pub fn admits(self, actor: &Actor) -> Result<(), Refusal> {
        match self {
            Scope::One => Ok(()),
            Scope::Many(_) => actor.operator("move the subscriptions of many applications"),
        }
    }
}

/// Command: move a subscription.
#[derive(Debug, Clone)]
pub struct MoveSubscription {
    /// Id of the new subscription, if one is made.
    pub id: SubscriptionId,
    /// The application.
    pub application: ApplicationId,
    /// The version that it leaves.
    pub from: VersionName,
    /// The version that it moves to.
    pub to: VersionName,
    /// First instant at which the old subscription no longer holds; `None` ends it with the move.
    pub overlap_until: Option<DateTime<Utc>>,
    /// Values of subscription fields; those left out are taken from the old subscription where they are valid.
    pub field_values: BTreeMap<String, String>,
    /// Whether it is one of many.
    pub scope: Scope,
    /// Why.
    pub reason: String,
    /// The revision of the old subscription last read, if the change depends on it.
    pub etag: Option<u64>,
}

/// What the two versions' subscriptions are to a move.
struct Between<'r> {
    application: &'r Application,
    target: &'r Version,
    old: &'r Subscription,
    /// The latest subscription to the target, and whether it is live.
    there: Option<(&'r Subscription, Live)>,
}

/// Whether a subscription is live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Live {
    Yes,
    No,
}

/// How the application comes to the target.
struct Arrival {
    /// What is written for it; `None` when it is there already.
    outcome: Option<Outcome>,
    /// The subscription that the move makes or brings back: what undoing it ends.
    made: Option<SubscriptionId>,
}

impl MoveSubscription {
    pub(super) fn reads(&self) -> Vec<RecordKey> {
        let mut keys = self.subscribe(BTreeMap::new()).reads();
        keys.push(RecordKey::Version(self.from.clone()));
        keys.push(RecordKey::Subscription(self.application.clone(), self.from.clone()));
        keys.extend(namespace_keys(&self.from.context));
        keys
    }

    fn subscribe(&self, field_values: BTreeMap<String, String>) -> Subscribe {
        Subscribe {
            id: self.id.clone(),
            application: self.application.clone(),
            version: self.to.clone(),
            since: Since::Now,
            field_values,
        }
    }

    fn check_overlap(&self, now: DateTime<Utc>) -> Result<(), Refusal> {
        let Some(given) = self.overlap_until else { return Ok(()) };
        let latest = now.checked_add_signed(TimeDelta::days(OVERLAP_DAYS_MAX)).unwrap_or(DateTime::<Utc>::MAX_UTC);
        if given <= now || given > latest {
            return Err(Refusal::OverlapOutOfRange { given, latest });
        }
        Ok(())
    }

    /// The way to the target: what is there stays, an undone move brings back what was there, else a new subscription.
    fn arrive(&self, between: &Between<'_>, records: &Records, setting: &Setting<'_>) -> Result<Arrival, Refusal> {
        let Between { application, target, old, there } = between;
        // The way back, with the original date (rule B47).
        let restored = || -> Result<Arrival, Refusal> {
            let none = Refusal::NothingToUndo("the application never held a subscription there");
            let (there, _) = there.ok_or(none)?;
            let back = before_move(there, &self.from, application, target, setting)?;
            let fact = Fact::new(FactKind::MoveUndone, back.subject())
                .change("moved_to", &self.from, "")
                .because(&self.reason);
            let made = Some(back.id.clone());
            let key = RecordKey::Subscription(self.application.clone(), self.to.clone());
            Ok(Arrival { outcome: Some(Outcome::write(key, Record::Subscription(back), fact)), made })
        };
        if let Some((there, Live::Yes)) = there {
            let Some(ends_at) = there.ends_at() else {
                let made = old.moved.as_ref().filter(|moved| moved.to == self.to).and_then(|moved| moved.made.clone());
                return Ok(Arrival { outcome: None, made });
            };
            let ending = Refusal::SubscriptionEnding { version: self.to.clone(), ends_at };
            return restored().map_err(|_| ending);
        }
        let (mut values, left) = carried(&target.fields, &old.field_values);
        values.extend(self.field_values.clone());
        match self.subscribe(values).judge(records, setting) {
            Ok(outcome) => {
                let left = left.into_iter().filter(|name| !self.field_values.contains_key(name));
                let warnings = left
                    .map(|name| format!("field_values[{name:?}] was not carried: {} does not accept it", self.to))
                    .collect();
                Ok(Arrival { outcome: Some(outcome.warn(warnings)), made: Some(self.id.clone()) })
            }
            Err(refusal @ (Refusal::VersionDeprecated { .. } | Refusal::VersionAlpha(_)))
                if self.overlap_until.is_none() =>
            {
                restored().map_err(|_| refusal)
            }
            Err(refusal) => Err(refusal),
        }
    }

    /// The overlap that an application chose for itself, while it runs: moving many does not take it away.
    fn chosen<'o>(&self, old: &'o Subscription, now: DateTime<Utc>) -> Option<&'o Moved> {
        let of_many = match self.scope {
            Scope::One => false,
            Scope::Many(_) => true,
        };
        let moved = old.moved.as_ref().filter(|moved| of_many && moved.to == self.to && old.ends_at() > Some(now))?;
        let by_itself = moved.by.parse::<Actor>().is_ok_and(|actor| !actor.is_staff());
        by_itself.then_some(moved)
    }

    /// The old subscription as the move leaves it.
    fn leave(&self, old: &Subscription, made: Option<SubscriptionId>, setting: &Setting<'_>) -> Subscription {
        if let Some(chosen) = self.chosen(old, setting.now) {
            return Subscription { moved: Some(Moved { made, ..chosen.clone() }), ..old.clone() };
        }
        let by = setting.actor.to_string();
        // A move that is only given another overlap was made when it was made.
        let at = old.moved.as_ref().filter(|moved| moved.to == self.to).map_or(setting.now, |moved| moved.at);
        let moved = Moved { to: self.to.clone(), at, by: by.clone(), made, overlap_until: self.overlap_until };
        let ended = match self.overlap_until {
            Some(_) => None,
            None => Some(End { at: setting.now, reason: EndReason::Moved, by }),
        };
        Subscription { ended, moved: Some(moved), ..old.clone() }
    }

    pub(super) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        let application = records
            .application(&self.application)
            .ok_or_else(|| Refusal::ApplicationNotFound(self.application.clone()))?;
        application.not_deleted()?;
        self.scope.check(application, setting)?;
        may_change(application, setting)?;
        if self.from == self.to {
            let sentence = "is the version to leave; name another one to move to".to_owned();
            return Err(Refusal::InvalidFields(vec![Violation { field: "to".to_owned(), sentence }]));
        }
        let source = &*records.effective_version(&self.from)?;
        let target = &*records.effective_version(&self.to)?;
        let not_found =
            || Refusal::SubscriptionNotFound { application: self.application.clone(), version: self.from.clone() };
        let old = records.subscription(&self.application, &self.from).ok_or_else(not_found)?;
        let key = RecordKey::Subscription(self.application.clone(), self.from.clone());
        records.check_etag(&key, self.etag)?;
        let live = |subscription: &Subscription, version| {
            subscription.end(Some(application), Some(version), setting.now).is_none()
        };
        let there = records.subscription(&self.application, &self.to);
        let there = there.map(|there| (there, if live(there, target) { Live::Yes } else { Live::No }));
        let holds = live(old, source);
        let done = old.moved.as_ref().is_some_and(|moved| {
            let by_move = old.ended.as_ref().is_none_or(|end| end.reason == EndReason::Moved);
            let as_asked = moved.overlap_until == self.overlap_until || self.chosen(old, setting.now).is_some();
            moved.to == self.to && by_move && (!holds || as_asked)
        });
        if done && matches!(there, Some((_, Live::Yes))) {
            return Ok(Outcome::unchanged(key, Record::Subscription(old.clone())));
        }
        if !holds {
            return Err(not_found());
        }
        self.check_overlap(setting.now)?;
        let arrival = self.arrive(&Between { application, target, old, there }, records, setting)?;
        let new = self.leave(old, arrival.made, setting);
        let fact = Fact::new(FactKind::SubscriptionMoved, new.subject())
            .change("moved_to", "", &self.to)
            .change("state", "ACTIVE", if new.ended.is_some() { "ENDED" } else { "ACTIVE" })
            .effective(new.ends_at())
            .because(&self.reason);
        let outcome = Outcome::write(key, Record::Subscription(new), fact);
        Ok(match arrival.outcome {
            Some(there) => outcome.and(there),
            None => outcome,
        })
    }
}
