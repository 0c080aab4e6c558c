//! A hub that was restored from a backup: whatever was revoked since the backup is back, so it decides nothing and takes
//! nothing but what takes something away, until that is confirmed.

use super::app_version::Step;
use super::approve::{Block, SetBlocked};
use super::command::Command;
use super::fact::{Fact, FactKind, Subject};
use super::outcome::{Judgement, Outcome};
use super::record::{Record, RecordKey, Records};
use super::refusal::Refusal;
use super::schedule;
use super::setting::Setting;

/// That a restored hub serves again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreConfirmation {
    /// The history that began with the restore.
    pub epoch: String,
    /// Who, and when.
    pub confirmed: Step,
    /// Why.
    pub reason: String,
    /// How many facts a trail has past the backup, if one was at hand.
    pub later_facts: Option<u64>,
}

/// Command: let a restored hub decide and take changes again. Operators only.
#[derive(Debug, Clone)]
pub struct ConfirmRestore {
    /// The history that waits for it; `None` when none does.
    pub epoch: Option<String>,
    /// Why.
    pub reason: String,
    /// How many facts a trail has past the backup, if one was at hand.
    pub later_facts: Option<u64>,
}

impl ConfirmRestore {
    pub(super) fn reads(&self) -> Vec<RecordKey> {
        vec![RecordKey::RestoreConfirmation]
    }

    pub(super) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        setting.operator("confirm a restore")?;
        let waits = self.epoch.as_ref().filter(|epoch| waits(records, epoch));
        let Some(epoch) = waits else {
            return Err(Refusal::NothingToDo("this hub waits for no confirmation; it serves"));
        };
        let later_facts = self.later_facts;
        let told = later_facts.map_or_else(|| "not known".to_owned(), |facts| facts.to_string());
        let fact = Fact::new(FactKind::RestoreConfirmed, Subject::default())
            .change("epoch", "", epoch)
            .change("later_facts", "", told)
            .because(&self.reason);
        let confirmation = RestoreConfirmation {
            epoch: epoch.clone(),
            confirmed: Step { by: setting.actor.to_string(), at: setting.now },
            reason: self.reason.clone(),
            later_facts,
        };
        Ok(Outcome::write(RecordKey::RestoreConfirmation, Record::RestoreConfirmation(confirmation), fact))
    }
}

/// Whether the history `epoch`, which began with a restore, has not been confirmed.
pub fn waits(records: &Records, epoch: &str) -> bool {
    records.restore_confirmation().is_none_or(|known| known.epoch != epoch)
}

/// Refuses what a restored hub does not take before it is confirmed: all but what takes something away, and what leads to
/// the confirmation.
pub fn gate(command: &Command) -> Result<(), Refusal> {
    let takes_away = |change: &schedule::LifecycleChange| {
        matches!(change.step, schedule::Step::Deprecate { .. } | schedule::Step::Retire { .. })
    };
    #[expect(clippy::wildcard_enum_match_arm, reason = "whatever is new waits, like all else")]
    match command {
        Command::ConfirmRestore(_)
        | Command::Propose(_)
        | Command::EndProposal(_)
        | Command::AcknowledgeBreakGlass(_)
        | Command::RevokeClientSecret(_)
        | Command::RevokeWaiver(_)
        | Command::DeleteApplication(_)
        | Command::SetBlocked(SetBlocked { block: Block::Set, .. })
        | Command::Unsubscribe(_)
        | Command::RemoveCollaborator(_)
        | Command::RemoveServiceAccount(_)
        | Command::ShortenExtension(_)
        | Command::Uninstall(_)
        | Command::RemoveListing(_) => Ok(()),
        Command::ChangeLifecycle(command) if command.changes.iter().all(takes_away) => Ok(()),
        _ => Err(Refusal::RestoreUnconfirmed),
    }
}
