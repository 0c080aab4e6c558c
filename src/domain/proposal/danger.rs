//! Which commands one person alone must not do.

use chrono::{DateTime, TimeDelta, Utc};

use super::Danger;
use crate::domain::command::Command;
use crate::domain::credential_class::ReviseCredentialClass;
use crate::domain::record::Records;
use crate::domain::refusal::Refusal;
use crate::domain::schedule::{ChangeLifecycle, LifecycleChange, NewDate, Step};
use crate::domain::setting::{Consent, Setting};

/// An end that comes sooner than this comes at once: nobody can act on the notice of it.
pub const IMMEDIATE: TimeDelta = TimeDelta::hours(24);

impl Command {
    /// Why one person alone must not do this, if so. `live` is how many live subscriptions what it names has. The command
    /// is one that is accepted on the word of two.
    pub fn danger(&self, records: &Records, setting: &Setting<'_>, live: u64) -> Option<Danger> {
        #[expect(clippy::wildcard_enum_match_arm, reason = "all else is done by one person, as ever")]
        match self {
            Command::ChangeLifecycle(command) => of_change(command, records, setting, live),
            Command::ReviseCredentialClass(command) => of_class(command, records, setting),
            Command::GrantWaiver(command) => {
                let alone = Setting { consent: Consent::Alone, ..*setting };
                let refused = command.judge(records, &alone).err();
                matches!(refused, Some(Refusal::WaiverTooLong { .. })).then_some(Danger::WaiverPastCap)
            }
            Command::ConfirmRestore(_) => Some(Danger::RestoredData),
            _ => None,
        }
    }

    /// Whether it can be dangerous at all.
    pub fn may_be_dangerous(&self) -> bool {
        matches!(
            self,
            Command::ChangeLifecycle(_)
                | Command::ReviseCredentialClass(_)
                | Command::GrantWaiver(_)
                | Command::ConfirmRestore(_)
        )
    }

    /// Whether it ends something so soon after `now` that it matters how many subscriptions there are.
    pub fn ends_at_once(&self, now: DateTime<Utc>) -> bool {
        // Nothing else ends what is subscribed to. A version that is only published takes nothing from anybody.
        matches!(self, Command::ChangeLifecycle(command)
            if command.changes.iter().any(|change| ends_soon(&change.step, now)))
    }
}

/// Whether a step ends something before [`IMMEDIATE`] is over.
fn ends_soon(step: &Step, now: DateTime<Utc>) -> bool {
    let soon = |at: DateTime<Utc>| at.checked_sub_signed(IMMEDIATE).is_none_or(|latest| latest < now);
    let given = |at: &Option<DateTime<Utc>>| at.is_some_and(soon);
    let new = |date: &NewDate| match date {
        NewDate::At(at) => soon(*at),
        NewDate::Keep | NewDate::ToBeAnnounced => false,
    };
    match step {
        Step::Retire { retires_at } => retires_at.is_none_or(soon),
        Step::Deprecate { sunset_begins_at, retires_at, .. } => given(sunset_begins_at) || given(retires_at),
        Step::Revise { sunset_begins, retires, .. } => new(sunset_begins) || new(retires),
        // It was retired: whoever calls it gains the time until then.
        Step::Reinstate { .. } => false,
        Step::Promote { .. } | Step::Withdraw | Step::ScheduleBrownout(_) | Step::CancelBrownout { .. } => false,
    }
}

fn of_change(command: &ChangeLifecycle, records: &Records, setting: &Setting<'_>, live: u64) -> Option<Danger> {
    if live > 0 && command.changes.iter().any(|change| ends_soon(&change.step, setting.now)) {
        return Some(Danger::RetiresAtOnce);
    }
    // An override that overrides nothing takes no time from anybody. All changes before it are as they are asked for.
    let counts =
        (0..command.changes.len()).filter(|place| !command.changes[*place].override_reason.is_empty()).any(|place| {
            let mut changes = command.changes[..=place].to_vec();
            changes[place] = LifecycleChange { override_reason: String::new(), ..changes[place].clone() };
            ChangeLifecycle { changes }.rehearse(records, setting).pop().is_some_and(|judged| judged.is_err())
        });
    counts.then_some(Danger::WithoutNotice)
}

fn of_class(command: &ReviseCredentialClass, records: &Records, setting: &Setting<'_>) -> Option<Danger> {
    let plain = ReviseCredentialClass { override_reason: String::new(), ..command.clone() };
    let counts = !command.override_reason.is_empty() && plain.judge(records, setting).is_err();
    counts.then_some(Danger::WithoutNotice)
}
