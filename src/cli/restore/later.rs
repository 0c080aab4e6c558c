//! What an exported trail has past a backup: a restore brings back what was taken away since.

use std::path::Path;

use anyhow::{Result, ensure};
use devhub_proto::v1::{Fact, FactKind};

use crate::audit::{Reader, hex, shown};

/// The facts of a trail after `revision`, once all of it was found sound. `epoch` is the history that it must be of, in
/// hexadecimal digits.
///
/// # Errors
/// When the trail is not sound, or of another history.
pub(super) fn later(file: &Path, revision: u64, epoch: Option<&str>) -> Result<Vec<Fact>> {
    let mut reader = Reader::open(file)?;
    if let Some(epoch) = epoch {
        let of = hex(&reader.header().epoch);
        ensure!(of == epoch, "the trail {} is of the history {of}, the backup of {epoch}", file.display());
    }
    let mut facts = Vec::new();
    while let Some(step) = reader.next_entry()? {
        if step.entry.sequence > revision {
            facts.extend(shown(&step.entry, |reference| reader.text(reference)));
        }
    }
    Ok(facts)
}

/// Whether a fact took something away from somebody.
pub(super) fn takes_away(fact: &Fact) -> bool {
    matches!(
        fact.kind(),
        FactKind::ClientSecretRevoked
            | FactKind::ApplicationDeleted
            | FactKind::ApplicationBlocked
            | FactKind::Unsubscribed
            | FactKind::SubscriptionMoved
            | FactKind::AccessRevoked
            | FactKind::WaiverRevoked
            | FactKind::VersionDeprecated
            | FactKind::VersionRetired
            | FactKind::ScheduleRevised
            | FactKind::CollaboratorRemoved
            | FactKind::CollaboratorRoleChanged
            | FactKind::ServiceAccountRemoved
            | FactKind::ServiceAccountSecretRotated
            | FactKind::ServiceAccountPermissionsChanged
            | FactKind::ServiceAccountsExtensionShortened
            | FactKind::CredentialClassRevised
            | FactKind::AppUninstalled
            | FactKind::PermittedProjectsChanged
            | FactKind::ListingRemoved
            | FactKind::IpAllowlistChanged
    )
}
