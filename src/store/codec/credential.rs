//! Secrets, hashed, and call limits as messages.

use devhub_proto::store::v1 as disk;

use super::record::{needed, optional};
use crate::domain::call_limit::{Allowlist, CallLimits, Enforcement};
use crate::domain::client_secret::{ClientSecret, ClientSecrets};
use crate::domain::keyed_hash::KeyedHash;
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
