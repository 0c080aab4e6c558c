//! A migration as messages show it: with the names of both sides, whom to ask, and how much its accounts are used.

use chrono::{DateTime, Utc};
use devhub_proto::v1;

use crate::domain::application::{Application, Role};
use crate::domain::migration::AccountTimes;
use crate::domain::name::AccountId;
use crate::domain::record::{Record, RecordKey};
use crate::domain::service_account::{AccountType, ServiceAccount};
use crate::domain::usage::{RECENT_DAYS, Usage};
use crate::hub::{Failure, Hub, Migration, Party};
use crate::wire::{Word, timestamp};

/// How much accounts are used, as far as is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Calls {
    /// The beginning of the hour of the last call.
    pub(super) last: Option<DateTime<Utc>>,
    /// Calls of the recent days.
    pub(super) recent: u64,
}

impl Calls {
    /// How much an account is used. That it is not known keeps nobody from seeing the rest.
    fn of(hub: &Hub, account: &ServiceAccount, now: DateTime<Utc>) -> Calls {
        let called = hub.usage().called_by(&account.client_id, account.environment, now).unwrap_or_else(|error| {
            tracing::warn!(%error, "notes of usage cannot be read; the use of an account is left out");
            Vec::new()
        });
        let recent = called.iter().map(|(_, usage)| usage.calls_in(RECENT_DAYS, now));
        Calls {
            last: called.iter().filter_map(|(_, usage)| Usage::last_call(usage)).max(),
            recent: recent.fold(0, u64::saturating_add),
        }
    }

    /// How much all of these are used together.
    pub(super) fn together(all: &[Calls]) -> Calls {
        Calls {
            last: all.iter().filter_map(|calls| calls.last).max(),
            recent: all.iter().map(|calls| calls.recent).fold(0, u64::saturating_add),
        }
    }
}

/// How much each account of a migration is used.
pub(super) fn calls(hub: &Hub, migration: &Migration) -> Result<Vec<Calls>, Failure> {
    let now = hub.now();
    let keys: Vec<RecordKey> = migration.accounts.iter().map(|(id, _)| RecordKey::ServiceAccount(id.clone())).collect();
    let calls = hub.get(&keys)?.into_iter().map(|stored| match stored.map(|stored| stored.record) {
        Some(Record::ServiceAccount(account)) => Calls::of(hub, &account, now),
        Some(_) | None => Calls::default(),
    });
    Ok(calls.collect())
}

/// E-mail addresses of the administrators of an application.
pub(super) fn administrators(application: &Application) -> Vec<String> {
    let administrators = application.collaborators.iter().filter(|(_, role)| **role == Role::Administrator);
    administrators.map(|(email, _)| email.to_string()).collect()
}

/// Whole days from `now` until an instant, if it lies ahead.
pub(super) fn days_left(until: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Option<i64> {
    until.filter(|until| *until > now).map(|until| (until - now).num_days())
}

/// Both sides of a migration: who decides for the company, and who can be asked for something to install.
#[derive(Default)]
struct Sides {
    company_name: String,
    company_administrators: Vec<String>,
    application_name: String,
    owner: String,
    owner_title: String,
    developer_contacts: Vec<String>,
}

impl Sides {
    fn of(hub: &Hub, migration: &Migration) -> Result<Sides, Failure> {
        let mut sides = Sides::default();
        if let Some(company) = hub.company(&migration.company)? {
            sides.company_name = company.name;
            sides.company_administrators = company.administrators.iter().map(ToString::to_string).collect();
        }
        match &migration.party {
            Party::Application(id) => {
                let Some(application) = hub.application(id)? else { return Ok(sides) };
                sides.owner_title = hub.owner_of(&application)?.map(|owner| owner.title).unwrap_or_default();
                sides.developer_contacts = administrators(&application);
                (sides.application_name, sides.owner) = (application.name, application.owner);
            }
            Party::Account(id) => {
                let found = hub.get_one(RecordKey::ServiceAccount(id.clone()))?.map(|stored| stored.record);
                let Some(Record::ServiceAccount(account)) = found else { return Ok(sides) };
                match account.account_type {
                    AccountType::Custom { developer_name, developer_email, .. } => {
                        sides.application_name = developer_name;
                        sides.developer_contacts.push(developer_email.to_string());
                    }
                    AccountType::Undefined | AccountType::Marketplace(_) => {}
                }
            }
        }
        Ok(sides)
    }
}

/// A migration at `at`.
pub(super) fn render(hub: &Hub, migration: &Migration, at: DateTime<Utc>) -> Result<v1::Migration, Failure> {
    let sides = Sides::of(hub, migration)?;
    let application = match &migration.party {
        Party::Application(id) => id.to_string(),
        Party::Account(_) => String::new(),
    };
    let calls = calls(hub, migration)?;
    let together = Calls::together(&calls);
    let account = |((id, times), calls): (&(AccountId, AccountTimes), &Calls)| v1::MigratingAccount {
        account_id: id.to_string(),
        create_time: Some(timestamp(times.created_at)),
        remove_time: times.removed_at.map(timestamp),
        last_use_time: calls.last.map(timestamp),
    };
    Ok(v1::Migration {
        company_id: migration.company.to_string(),
        application_id: application,
        phase: migration.phase.number(),
        next_step: migration.phase.next_step().unwrap_or_default().to_owned(),
        accounts: migration.accounts.iter().zip(&calls).map(account).collect(),
        ready_time: migration.ready_at.map(timestamp),
        install_time: migration.installed_at.map(timestamp),
        first_use_time: migration.first_used_at.map(timestamp),
        at_risk: migration.phase.is_at_risk(),
        end_time: migration.ends_at.map(timestamp),
        days_left: days_left(migration.ends_at, at),
        company_administrators: sides.company_administrators,
        developer_contacts: sides.developer_contacts,
        company_name: sides.company_name,
        application_name: sides.application_name,
        owner: sides.owner,
        owner_title: sides.owner_title,
        last_use_time: together.last.map(timestamp),
        recent_calls: together.recent,
    })
}
