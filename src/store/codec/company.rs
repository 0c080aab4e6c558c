//! Companies, their service accounts, and the class of these, as messages.

use devhub_proto::store::v1 as disk;

use super::record::{needed, optional};
use super::schedule::{decode_ledger_end, encode_ledger_end};
use crate::domain::company::{Company, Project};
use crate::domain::credential_class::{ClassRevision, CredentialClass};
use crate::domain::keyed_hash::KeyedHash;
use crate::domain::name::Zone;
use crate::domain::record::Bearer;
use crate::domain::service_account::{AccountSecret, Removal, ServiceAccount};
use crate::wire::{self, Word, timestamp};

fn text(zone: Option<&Zone>) -> String {
    zone.map(Zone::to_string).unwrap_or_default()
}

fn zone(text: &str) -> Option<Option<Zone>> {
    if text.is_empty() { Some(None) } else { text.parse().ok().map(Some) }
}

pub(super) fn encode_bearer(bearer: &Bearer) -> disk::NameRecord {
    match bearer {
        Bearer::Application(id) => disk::NameRecord { application_id: id.to_string(), account_id: String::new() },
        Bearer::Account(id) => disk::NameRecord { application_id: String::new(), account_id: id.to_string() },
    }
}

pub(super) fn decode_bearer(name: &disk::NameRecord) -> Option<Bearer> {
    match (name.application_id.as_str(), name.account_id.as_str()) {
        (id, "") => id.parse().ok().map(Bearer::Application),
        ("", id) => id.parse().ok().map(Bearer::Account),
        _ => None,
    }
}

pub(super) fn encode_company(company: &Company) -> disk::CompanyRecord {
    disk::CompanyRecord {
        id: company.id.to_string(),
        name: company.name.clone(),
        tenancy: company.tenancy.number(),
        region: company.region.clone(),
        zone: text(company.zone.as_ref()),
        administrators: company.administrators.iter().map(ToString::to_string).collect(),
        accounts: Vec::new(),
        account_count: u32::try_from(company.account_count).unwrap_or(u32::MAX),
        extension: company.extension.as_ref().map(wire::account_extension),
        created_at: Some(timestamp(company.created_at)),
    }
}

pub(super) fn decode_company(company: disk::CompanyRecord) -> Option<Company> {
    Some(Company {
        id: company.id.parse().ok()?,
        name: company.name,
        tenancy: Word::from_number(company.tenancy)?,
        region: company.region,
        zone: zone(&company.zone)?,
        administrators: company.administrators.iter().map(|email| email.parse().ok()).collect::<Option<_>>()?,
        account_count: company.accounts.len().max(usize::try_from(company.account_count).ok()?),
        extension: match company.extension {
            Some(extension) => Some(wire::parse_account_extension(extension)?),
            None => None,
        },
        created_at: needed(company.created_at.as_ref())?,
    })
}

pub(super) fn encode_project(project: &Project) -> disk::ProjectRecord {
    disk::ProjectRecord {
        company_id: project.company.to_string(),
        id: project.id.to_string(),
        name: project.name.clone(),
        created_at: Some(timestamp(project.created_at)),
    }
}

pub(super) fn decode_project(project: disk::ProjectRecord) -> Option<Project> {
    Some(Project {
        company: project.company_id.parse().ok()?,
        id: project.id.parse().ok()?,
        name: project.name,
        created_at: needed(project.created_at.as_ref())?,
    })
}

pub(super) fn encode_account(account: &ServiceAccount) -> disk::ServiceAccountRecord {
    let removal = account.removal.as_ref();
    disk::ServiceAccountRecord {
        id: account.id.to_string(),
        client_id: account.client_id.to_string(),
        company_id: account.company.to_string(),
        environment: account.environment.number(),
        name: account.name.clone(),
        account_type: Some(wire::account_type(&account.account_type)),
        classified_at: account.classified_at.map(timestamp),
        permissions: Some(wire::tool_permissions(&account.permissions)),
        created_at: Some(timestamp(account.created_at)),
        created_by: account.created_by.clone(),
        extended_until: account.extended_until.map(timestamp),
        removed_at: removal.map(|removal| timestamp(removal.at)),
        removed_by: removal.map(|removal| removal.by.clone()).unwrap_or_default(),
        remove_reason: removal.map(|removal| removal.reason.clone()).unwrap_or_default(),
        secret: account.secret.as_ref().map(encode_account_secret),
    }
}

fn encode_account_secret(secret: &AccountSecret) -> disk::AccountSecretRecord {
    disk::AccountSecretRecord {
        created_at: Some(timestamp(secret.created_at)),
        last_shown: secret.last_shown.clone(),
        pepper: secret.hash.pepper.to_string(),
        hash: secret.hash.bytes.to_vec(),
    }
}

fn decode_account_secret(secret: disk::AccountSecretRecord) -> Option<AccountSecret> {
    Some(AccountSecret {
        created_at: needed(secret.created_at.as_ref())?,
        last_shown: secret.last_shown,
        hash: KeyedHash { pepper: secret.pepper.parse().ok()?, bytes: secret.hash.try_into().ok()? },
    })
}

pub(super) fn decode_account(account: disk::ServiceAccountRecord) -> Option<ServiceAccount> {
    let (by, reason) = (account.removed_by, account.remove_reason);
    Some(ServiceAccount {
        id: account.id.parse().ok()?,
        client_id: account.client_id.parse().ok()?,
        company: account.company_id.parse().ok()?,
        environment: Word::from_number(account.environment)?,
        name: account.name,
        account_type: wire::parse_account_type(account.account_type?)?,
        classified_at: optional(account.classified_at.as_ref())?,
        permissions: wire::parse_tool_permissions(account.permissions.unwrap_or_default())?,
        created_at: needed(account.created_at.as_ref())?,
        created_by: account.created_by,
        extended_until: optional(account.extended_until.as_ref())?,
        removal: optional(account.removed_at.as_ref())?.map(|at| Removal { at, by, reason }),
        secret: match account.secret {
            Some(secret) => Some(decode_account_secret(secret)?),
            None => None,
        },
    })
}

pub(super) fn encode_class(class: &CredentialClass) -> disk::CredentialClassRecord {
    disk::CredentialClassRecord {
        schedule: Some(wire::class_schedule(&class.schedule)),
        ledger: encode_ledger_end(&class.ledger),
    }
}

pub(super) fn decode_class(class: disk::CredentialClassRecord) -> Option<CredentialClass> {
    Some(CredentialClass {
        schedule: wire::parse_class_schedule(class.schedule)?,
        ledger: decode_ledger_end(class.ledger)?,
    })
}

pub(super) fn encode_class_revision(revision: &ClassRevision) -> disk::ClassRevisionRecord {
    disk::ClassRevisionRecord {
        number: revision.number,
        before: Some(wire::class_schedule(&revision.before)),
        after: Some(wire::class_schedule(&revision.after)),
        announced_at: Some(timestamp(revision.announced_at)),
        recorded_at: Some(timestamp(revision.recorded_at)),
        zone: text(revision.zone.as_ref()),
        by: revision.by.clone(),
        reason: revision.reason.clone(),
        override_reason: revision.override_reason.clone(),
    }
}

pub(super) fn decode_class_revision(revision: disk::ClassRevisionRecord) -> Option<ClassRevision> {
    Some(ClassRevision {
        number: revision.number,
        before: wire::parse_class_schedule(revision.before)?,
        after: wire::parse_class_schedule(revision.after)?,
        announced_at: needed(revision.announced_at.as_ref())?,
        recorded_at: needed(revision.recorded_at.as_ref())?,
        zone: zone(&revision.zone)?,
        by: revision.by,
        reason: revision.reason,
        override_reason: revision.override_reason,
    })
}
