//! Public keys that applications register: who registers and revokes them, how many there are, until when they verify. What
//! a key is made of is not judged here.

use chrono::{DateTime, Utc};

use super::fact::{Fact, FactKind, instant_text};
use super::name::{ApplicationId, KeyId};
use super::outcome::{Judgement, Outcome};
use super::record::{Record, RecordKey, Records};
use super::register::load;
use super::setting::Setting;

/// Most live keys of one application, besides its secrets.
pub const KEYS_MAX: usize = 5;

/// Longest name of a key, in characters.
pub const KEY_NAME_CHARS_MAX: usize = 50;

/// What is refused to whoever only works on a production application, as with its secrets (rule B53).
const CHANGE: &str = "change the keys of a production application";

/// A public key, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredKey {
    /// Its id.
    pub id: KeyId,
    /// Name given by who registered it.
    pub name: String,
    /// When it was registered.
    pub created_at: DateTime<Utc>,
    /// Who registered it.
    pub created_by: String,
    /// First instant at which it no longer verifies, if it has an end.
    pub expires_at: Option<DateTime<Utc>>,
    /// The key itself, as the text that its id is the thumbprint of.
    pub jwk: String,
}

impl RegisteredKey {
    /// Whether it verifies at `now`.
    pub fn is_live(&self, now: DateTime<Utc>) -> bool {
        self.expires_at.is_none_or(|expires_at| now < expires_at)
    }
}

/// The keys of an application, oldest first. Revoked ones are gone; expired ones stay until the next is registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredKeys {
    /// Whose they are.
    pub application: ApplicationId,
    /// They themselves.
    pub keys: Vec<RegisteredKey>,
}

impl RegisteredKeys {
    /// Where they are kept.
    pub fn key(application: &ApplicationId) -> RecordKey {
        RecordKey::RegisteredKeys(application.clone())
    }

    /// The key of an id.
    pub fn find(&self, id: &KeyId) -> Option<&RegisteredKey> {
        self.keys.iter().find(|key| key.id == *id)
    }
}

/// Why a command about a key was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyRefusal {
    /// The application has as many live keys as it may have.
    #[error("an application has at most {KEYS_MAX} live keys; revoke one that is no longer used first: {}", listed(.live))]
    TooMany {
        /// Ids and names of those that it has, oldest first.
        live: Vec<(KeyId, String)>,
    },
    /// The application has the key already.
    #[error("application {application} has the key {id} already; make a new pair of keys and register its public one")]
    Exists {
        /// The application.
        application: ApplicationId,
        /// The id.
        id: KeyId,
    },
    /// The application has no such key.
    #[error("application {application} has no key {id}; list its keys to see which there are")]
    NotFound {
        /// The application.
        application: ApplicationId,
        /// The id.
        id: KeyId,
    },
    /// The key would never verify.
    #[error("expire_time {} must be later than now; leave it out for a key without an end", instant_text(Some(*.given)))]
    ExpiryPassed {
        /// As given.
        given: DateTime<Utc>,
    },
}

fn listed(keys: &[(KeyId, String)]) -> String {
    keys.iter().map(|(id, name)| format!("{id} {name:?}")).collect::<Vec<_>>().join(", ")
}

/// Command: register a public key for an application.
#[derive(Debug, Clone)]
pub struct AddKey {
    /// The application.
    pub application: ApplicationId,
    /// The id of the key.
    pub id: KeyId,
    /// The key, as the text that its id is the thumbprint of.
    pub jwk: String,
    /// Its name.
    pub name: String,
    /// First instant at which it no longer verifies, if it has an end.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Command: end a key at once.
#[derive(Debug, Clone)]
pub struct RevokeKey {
    /// The application.
    pub application: ApplicationId,
    /// The key.
    pub id: KeyId,
    /// Why.
    pub reason: String,
}

fn keys(id: &ApplicationId) -> Vec<RecordKey> {
    vec![RecordKey::Application(id.clone()), RegisteredKeys::key(id)]
}

/// The keys of an application; none if it never had any.
fn registered(id: &ApplicationId, records: &Records) -> RegisteredKeys {
    let none = || RegisteredKeys { application: id.clone(), keys: Vec::new() };
    records.registered_keys(id).cloned().unwrap_or_else(none)
}

fn store(keys: RegisteredKeys, fact: Fact) -> Outcome {
    Outcome::write(RegisteredKeys::key(&keys.application), Record::RegisteredKeys(keys), fact)
}

impl AddKey {
    pub(super) fn reads(&self) -> Vec<RecordKey> {
        keys(&self.application)
    }

    pub(super) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        let application = load(&self.application, None, records)?;
        application.administrator_in_production(setting, CHANGE)?;
        application.not_deleted()?;
        application.not_blocked()?;
        if let Some(given) = self.expires_at.filter(|expires_at| *expires_at <= setting.now) {
            return Err(KeyRefusal::ExpiryPassed { given }.into());
        }
        let mut new = registered(&self.application, records);
        new.keys.retain(|key| key.is_live(setting.now));
        if new.find(&self.id).is_some() {
            return Err(KeyRefusal::Exists { application: self.application.clone(), id: self.id.clone() }.into());
        }
        if new.keys.len() >= KEYS_MAX {
            let live = new.keys.into_iter().map(|key| (key.id, key.name)).collect();
            return Err(KeyRefusal::TooMany { live }.into());
        }
        let fact = Fact::new(FactKind::KeyAdded, application.subject())
            .change("key_id", "", &self.id)
            .change("name", "", &self.name)
            .change("expire_time", "", instant_text(self.expires_at));
        new.keys.push(RegisteredKey {
            id: self.id.clone(),
            name: self.name.clone(),
            created_at: setting.now,
            created_by: setting.actor.to_string(),
            expires_at: self.expires_at,
            jwk: self.jwk.clone(),
        });
        Ok(store(new, fact))
    }
}

impl RevokeKey {
    pub(super) fn reads(&self) -> Vec<RecordKey> {
        keys(&self.application)
    }

    pub(super) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        let application = load(&self.application, None, records)?;
        application.administrator_in_production(setting, CHANGE)?;
        application.not_deleted()?;
        let mut new = registered(&self.application, records);
        let Some(place) = new.keys.iter().position(|key| key.id == self.id) else {
            return Err(KeyRefusal::NotFound { application: self.application.clone(), id: self.id.clone() }.into());
        };
        let gone = new.keys.remove(place);
        let fact = Fact::new(FactKind::KeyRevoked, application.subject())
            .change("key_id", &gone.id, "")
            .change("name", &gone.name, "")
            .because(&self.reason);
        Ok(store(new, fact))
    }
}
