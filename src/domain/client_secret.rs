//! Secrets of applications: who makes and revokes them, how many there are, until when they verify (rules B52 to B54).

use chrono::{DateTime, Utc};

use super::fact::{Fact, FactKind, instant_text};
use super::keyed_hash::KeyedHash;
use super::name::{ApplicationId, ClientSecretId, PepperId};
use super::outcome::{Judgement, Outcome};
use super::quota;
use super::record::{Record, RecordKey, Records};
use super::register::load;
use super::setting::Setting;
use super::usage::Day;

/// Most live secrets of one application (rule B52).
pub const CLIENT_SECRETS_MAX: usize = 5;

/// Longest name of a secret, in characters.
pub const SECRET_NAME_CHARS_MAX: usize = 50;

/// A secret, as far as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientSecret {
    /// Its id.
    pub id: ClientSecretId,
    /// Name given by who made it.
    pub name: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Who made it.
    pub created_by: String,
    /// First instant at which it no longer verifies, if it has an end.
    pub expires_at: Option<DateTime<Utc>>,
    /// Its last characters.
    pub last_shown: String,
    /// Its hash.
    pub hash: KeyedHash,
}

impl ClientSecret {
    /// Whether it verifies at `now`.
    pub fn is_live(&self, now: DateTime<Utc>) -> bool {
        self.expires_at.is_none_or(|expires_at| now < expires_at)
    }
}

/// The secrets of an application, oldest first. Revoked ones are gone; expired ones stay until the next is made, so that
/// people see why something has stopped working.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientSecrets {
    /// Whose they are.
    pub application: ApplicationId,
    /// They themselves.
    pub secrets: Vec<ClientSecret>,
    /// The day on which the last one was made, and how many were made on it, also those that are gone.
    pub made_on: Option<(Day, u32)>,
}

impl ClientSecrets {
    /// Where they are kept.
    pub fn key(application: &ApplicationId) -> RecordKey {
        RecordKey::ClientSecrets(application.clone())
    }

    /// Those that verify at `now`.
    pub fn live(&self, now: DateTime<Utc>) -> impl Iterator<Item = &ClientSecret> {
        self.secrets.iter().filter(move |secret| secret.is_live(now))
    }

    /// The secret of an id.
    pub fn find(&self, id: &ClientSecretId) -> Option<&ClientSecret> {
        self.secrets.iter().find(|secret| secret.id == *id)
    }
}

/// Why a command about a secret was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretRefusal {
    /// The hub has no pepper.
    #[error(
        "this hub has no pepper to hash secrets with; its operator makes one with `devhub pepper new FILE` and names it with the setting pepper_file (--pepper-file)"
    )]
    PepperRequired,
    /// The application has as many live secrets as it may have (rule B52).
    #[error("an application has at most {CLIENT_SECRETS_MAX} live secrets; revoke one that is no longer used first: {}", listed(.live))]
    TooMany {
        /// Ids and names of those that it has, oldest first.
        live: Vec<(ClientSecretId, String)>,
    },
    /// The application has no such secret (rule B52).
    #[error("application {application} has no secret {id}; list its secrets to see which there are")]
    NotFound {
        /// The application.
        application: ApplicationId,
        /// The id.
        id: ClientSecretId,
    },
    /// The secret would never verify.
    #[error("expire_time {} must be later than now; leave it out for a secret without an end", instant_text(Some(*.given)))]
    ExpiryPassed {
        /// As given.
        given: DateTime<Utc>,
    },
}

fn listed(secrets: &[(ClientSecretId, String)]) -> String {
    secrets.iter().map(|(id, name)| format!("{id} {name:?}")).collect::<Vec<_>>().join(", ")
}

/// What is kept of a new secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// Its hash.
    pub hash: KeyedHash,
    /// Its last characters.
    pub last_shown: String,
}

/// Command: give an application a secret.
#[derive(Debug, Clone)]
pub struct CreateClientSecret {
    /// The application.
    pub application: ApplicationId,
    /// The id of the secret.
    pub id: ClientSecretId,
    /// Its name.
    pub name: String,
    /// First instant at which it no longer verifies, if it has an end.
    pub expires_at: Option<DateTime<Utc>>,
    /// What is kept of it; none when the hub has no pepper to hash it with.
    pub made: Option<Made>,
}

/// Command: end a secret at once.
#[derive(Debug, Clone)]
pub struct RevokeClientSecret {
    /// The application.
    pub application: ApplicationId,
    /// The secret.
    pub id: ClientSecretId,
    /// Why.
    pub reason: String,
}

/// Command: keep a secret under the newest pepper (rule B54). No caller gives it: devhub does when a secret verifies.
#[derive(Debug, Clone)]
pub struct RehashClientSecret {
    /// The application.
    pub application: ApplicationId,
    /// The secret.
    pub id: ClientSecretId,
    /// The pepper that it was verified under.
    pub from: PepperId,
    /// What to keep instead.
    pub to: KeyedHash,
}

fn keys(id: &ApplicationId) -> Vec<RecordKey> {
    vec![RecordKey::Application(id.clone()), ClientSecrets::key(id)]
}

/// The secrets of an application; none if it never had any.
fn secrets(id: &ApplicationId, records: &Records) -> ClientSecrets {
    let none = || ClientSecrets { application: id.clone(), secrets: Vec::new(), made_on: None };
    records.client_secrets(id).cloned().unwrap_or_else(none)
}

fn store(secrets: ClientSecrets, fact: Fact) -> Outcome {
    Outcome::write(ClientSecrets::key(&secrets.application), Record::ClientSecrets(secrets), fact)
}

impl CreateClientSecret {
    pub(super) fn reads(&self) -> Vec<RecordKey> {
        keys(&self.application)
    }

    pub(super) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        let application = load(&self.application, None, records)?;
        application.administrator_in_production(setting, "change the secrets of a production application")?;
        application.not_deleted()?;
        application.not_blocked()?;
        let Made { hash, last_shown } = self.made.clone().ok_or(SecretRefusal::PepperRequired)?;
        if let Some(given) = self.expires_at.filter(|expires_at| *expires_at <= setting.now) {
            return Err(SecretRefusal::ExpiryPassed { given }.into());
        }
        let mut new = secrets(&self.application, records);
        let today = Day::of(setting.now);
        let made = new.made_on.filter(|(day, _)| *day == today).map_or(0, |(_, made)| made);
        if !setting.actor.is_staff() {
            let remedy = "keep those that there are until tomorrow";
            quota::within("quota_secrets_per_day", made, setting.rules.quotas.secrets_per_day, remedy)?;
        }
        new.made_on = Some((today, made.saturating_add(1)));
        new.secrets.retain(|secret| secret.is_live(setting.now));
        if new.secrets.len() >= CLIENT_SECRETS_MAX {
            let live = new.secrets.into_iter().map(|secret| (secret.id, secret.name)).collect();
            return Err(SecretRefusal::TooMany { live }.into());
        }
        let fact = Fact::new(FactKind::ClientSecretCreated, application.subject())
            .change("client_secret_id", "", &self.id)
            .change("name", "", &self.name)
            .change("expire_time", "", instant_text(self.expires_at));
        new.secrets.push(ClientSecret {
            id: self.id.clone(),
            name: self.name.clone(),
            created_at: setting.now,
            created_by: setting.actor.to_string(),
            expires_at: self.expires_at,
            last_shown,
            hash,
        });
        Ok(store(new, fact))
    }
}

impl RevokeClientSecret {
    pub(super) fn reads(&self) -> Vec<RecordKey> {
        keys(&self.application)
    }

    pub(super) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        let application = load(&self.application, None, records)?;
        application.administrator_in_production(setting, "change the secrets of a production application")?;
        application.not_deleted()?;
        let mut new = secrets(&self.application, records);
        let Some(place) = new.secrets.iter().position(|secret| secret.id == self.id) else {
            return Err(SecretRefusal::NotFound { application: self.application.clone(), id: self.id.clone() }.into());
        };
        let gone = new.secrets.remove(place);
        let fact = Fact::new(FactKind::ClientSecretRevoked, application.subject())
            .change("client_secret_id", &gone.id, "")
            .change("name", &gone.name, "")
            .because(&self.reason);
        Ok(store(new, fact))
    }
}

impl RehashClientSecret {
    pub(super) fn reads(&self) -> Vec<RecordKey> {
        keys(&self.application)
    }

    pub(super) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        setting.operator("renew the hash of a secret")?;
        let application = load(&self.application, None, records)?;
        let mut new = secrets(&self.application, records);
        // Whoever verified the same secret at the same time may have been first, or somebody has revoked it.
        let found = new.secrets.iter_mut().find(|secret| secret.id == self.id && secret.hash.pepper == self.from);
        let Some(secret) = found else {
            return Ok(Outcome::unchanged(ClientSecrets::key(&self.application), Record::ClientSecrets(new)));
        };
        secret.hash = self.to.clone();
        let fact = Fact::new(FactKind::ClientSecretRehashed, application.subject())
            .change("client_secret_id", "", &self.id)
            .change("pepper_id", &self.from, &self.to.pepper);
        Ok(store(new, fact))
    }
}
