//! The secret of a traditional service account: one at most, which ends when the next is made.

use chrono::{DateTime, Utc};

use super::ServiceAccount;
use super::command::{keys, load};
use crate::domain::client_secret::{Made, SecretRefusal};
use crate::domain::fact::{Fact, FactKind};
use crate::domain::keyed_hash::KeyedHash;
use crate::domain::name::{AccountId, CompanyId, PepperId};
use crate::domain::outcome::{Judgement, Outcome};
use crate::domain::record::{Record, RecordKey, Records};
use crate::domain::setting::Setting;

/// The secret of an account, as far as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountSecret {
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Its last characters.
    pub last_shown: String,
    /// Its hash.
    pub hash: KeyedHash,
}

impl AccountSecret {
    /// What is kept of a secret made at `created_at`.
    pub(super) fn new(made: Made, created_at: DateTime<Utc>) -> AccountSecret {
        AccountSecret { created_at, last_shown: made.last_shown, hash: made.hash }
    }
}

/// Command: give an account another secret, or its first; the one before stops at once. Administrators of its company
/// and operators, whether or not the class takes new accounts: rotation is not creation (rule B68).
#[derive(Debug, Clone)]
pub struct RotateServiceAccountSecret {
    /// The company.
    pub company: CompanyId,
    /// The account.
    pub id: AccountId,
    /// What is kept of the secret; none when the hub has no pepper to hash it with.
    pub made: Option<Made>,
    /// Why.
    pub reason: String,
    /// The revision last read, if the change depends on it.
    pub etag: Option<u64>,
}

/// Command: keep the secret of an account under the newest pepper (rule B54). No caller gives it: devhub does when a
/// secret verifies.
#[derive(Debug, Clone)]
pub struct RehashServiceAccountSecret {
    /// The company.
    pub company: CompanyId,
    /// The account.
    pub id: AccountId,
    /// What the secret was verified against.
    pub from: KeyedHash,
    /// What to keep instead.
    pub to: KeyedHash,
}

fn last_shown(account: &ServiceAccount) -> &str {
    account.secret.as_ref().map(|secret| secret.last_shown.as_str()).unwrap_or_default()
}

fn pepper(account: &ServiceAccount) -> Option<&PepperId> {
    account.secret.as_ref().map(|secret| &secret.hash.pepper)
}

impl RotateServiceAccountSecret {
    pub(in crate::domain) fn reads(&self) -> Vec<RecordKey> {
        keys(&self.company, &self.id).into()
    }

    pub(in crate::domain) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        let before = load(&self.company, &self.id, self.etag, records, setting)?;
        let made = self.made.clone().ok_or(SecretRefusal::PepperRequired)?;
        let after = ServiceAccount { secret: Some(AccountSecret::new(made, setting.now)), ..before.clone() };
        let fact = Fact::new(FactKind::ServiceAccountSecretRotated, after.subject())
            .change("secret_last_four", last_shown(before), last_shown(&after))
            .because(&self.reason);
        Ok(Outcome::write(after.key(), Record::ServiceAccount(after), fact))
    }
}

impl RehashServiceAccountSecret {
    pub(in crate::domain) fn reads(&self) -> Vec<RecordKey> {
        keys(&self.company, &self.id).into()
    }

    pub(in crate::domain) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        setting.operator("renew the hash of a secret")?;
        let before = records.needed_account(&self.id)?;
        // Whoever verified the same secret at the same time may have been first, or somebody has rotated it or removed
        // the account.
        let Some(secret) = before.secret.clone().filter(|secret| secret.hash == self.from) else {
            return Ok(Outcome::unchanged(before.key(), Record::ServiceAccount(before.clone())));
        };
        let after =
            ServiceAccount { secret: Some(AccountSecret { hash: self.to.clone(), ..secret }), ..before.clone() };
        let text = |account: &ServiceAccount| pepper(account).map(PepperId::to_string).unwrap_or_default();
        let fact =
            Fact::new(FactKind::ClientSecretRehashed, after.subject()).change("pepper_id", text(before), text(&after));
        Ok(Outcome::write(after.key(), Record::ServiceAccount(after), fact))
    }
}
