//! Secrets, hashed, public keys, and call limits as messages.

use devhub_proto::store::v1 as disk;

use super::record::{needed, optional};
use crate::domain::call_limit::{Allowlist, CallLimits, Enforcement};
use crate::domain::client_secret::{ClientSecret, ClientSecrets};
use crate::domain::keyed_hash::KeyedHash;
use crate::domain::registered_key::{RegisteredKey, RegisteredKeys};
use crate::domain::usage::Day;
use crate::wire::{Word, timestamp};

pub(super) fn encode_secrets(secrets: &ClientSecrets) -> disk::ClientSecretsRecord {
    let secret = |secret: &ClientSecret| disk::ClientSecretRecord {
        id: secret.id.to_string(),
        name: secret.name.clone(),
        created_at: Some(timestamp(secret.created_at)),
        created_by: secret.created_by.clone(),
        expires_at: secret.expires_at.map(timestamp),
        last_shown: secret.last_shown.clone(),
        pepper: secret.hash.pepper.to_string(),
        hash: secret.hash.bytes.to_vec(),
    };
    disk::ClientSecretsRecord {
        application_id: secrets.application.to_string(),
        secrets: secrets.secrets.iter().map(secret).collect(),
        made_on: secrets.made_on.map(|(day, _)| day.number()),
        made: secrets.made_on.map(|(_, made)| made).unwrap_or_default(),
    }
}

pub(super) fn decode_secrets(secrets: disk::ClientSecretsRecord) -> Option<ClientSecrets> {
    let secret = |secret: disk::ClientSecretRecord| {
        Some(ClientSecret {
            id: secret.id.parse().ok()?,
            name: secret.name,
            created_at: needed(secret.created_at.as_ref())?,
            created_by: secret.created_by,
            expires_at: optional(secret.expires_at.as_ref())?,
            last_shown: secret.last_shown,
            hash: KeyedHash { pepper: secret.pepper.parse().ok()?, bytes: secret.hash.try_into().ok()? },
        })
    };
    Some(ClientSecrets {
        application: secrets.application_id.parse().ok()?,
        secrets: secrets.secrets.into_iter().map(secret).collect::<Option<_>>()?,
        made_on: secrets.made_on.map(|day| (Day::from_number(day), secrets.made)),
    })
}

pub(super) fn encode_keys(keys: &RegisteredKeys) -> disk::RegisteredKeysRecord {
    let key = |key: &RegisteredKey| disk::RegisteredKeyRecord {
        id: key.id.to_string(),
        name: key.name.clone(),
        created_at: Some(timestamp(key.created_at)),
        created_by: key.created_by.clone(),
        expires_at: key.expires_at.map(timestamp),
        jwk: key.jwk.clone(),
    };
    disk::RegisteredKeysRecord {
        application_id: keys.application.to_string(),
        keys: keys.keys.iter().map(key).collect(),
    }
}

pub(super) fn decode_keys(keys: disk::RegisteredKeysRecord) -> Option<RegisteredKeys> {
    let key = |key: disk::RegisteredKeyRecord| {
        Some(RegisteredKey {
            id: key.id.parse().ok()?,
            name: key.name,
            created_at: needed(key.created_at.as_ref())?,
            created_by: key.created_by,
            expires_at: optional(key.expires_at.as_ref())?,
            jwk: key.jwk,
        })
    };
    Some(RegisteredKeys {
        application: keys.application_id.parse().ok()?,
        keys: keys.keys.into_iter().map(key).collect::<Option<_>>()?,
    })
}

pub(super) fn encode_limits(limits: &CallLimits) -> disk::CallLimitsRecord {
    disk::CallLimitsRecord {
        application_id: limits.application.to_string(),
        client_id: limits.client_id.to_string(),
        environment: limits.environment.number(),
        allowlist_required: limits.allowlist.enforcement == Enforcement::Required,
        networks: limits.allowlist.networks.iter().map(ToString::to_string).collect(),
        tier: limits.tier.number(),
    }
}

pub(super) fn decode_limits(limits: disk::CallLimitsRecord) -> Option<CallLimits> {
    let networks = limits.networks.iter().map(|network| network.parse().ok()).collect::<Option<_>>()?;
    let enforcement = if limits.allowlist_required { Enforcement::Required } else { Enforcement::Informative };
    Some(CallLimits {
        application: limits.application_id.parse().ok()?,
        client_id: limits.client_id.parse().ok()?,
        environment: Word::from_number(limits.environment)?,
        allowlist: Allowlist { enforcement, networks },
        tier: Word::from_number(limits.tier)?,
    })
}
