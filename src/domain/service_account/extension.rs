//! The one dated exception that a company gets: its accounts work past the sunset (rule B88), and it may end sooner than it
//! was granted for.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::{EXTENSION_DAYS_MAX, ServiceAccount, latest_extension};
use crate::domain::company::{Company, Extension, Shortening};
use crate::domain::fact::{Fact, FactKind, instant_text};
use crate::domain::name::{AccountId, CompanyId};
use crate::domain::outcome::{Judgement, Outcome};
use crate::domain::record::{Record, RecordKey, Records};
use crate::domain::refusal::Refusal;
use crate::domain::setting::Setting;

fn reads<'c>(company: &CompanyId, accounts: &'c BTreeSet<AccountId>) -> impl Iterator<Item = RecordKey> + use<'c> {
    let accounts = accounts.iter().cloned().map(RecordKey::ServiceAccount);
    [RecordKey::Company(company.clone())].into_iter().chain(accounts)
}

/// Refuses a list that is not that of all accounts: somebody made one meanwhile. The company's record counts them, and
/// the commit expects it where it was read.
fn check_all(company: &Company, accounts: &BTreeSet<AccountId>, records: &Records) -> Result<(), Refusal> {
    let its = |id: &AccountId| records.service_account(id).is_some_and(|account| account.company == company.id);
    if accounts.len() == company.account_count && accounts.iter().all(its) {
        return Ok(());
    }
    Err(Refusal::EtagMismatch { current: records.revision(&company.key()).unwrap_or_default() })
}

/// The outcome of another end for all accounts of a company.
fn store(
    company: &Company,
    extension: Extension,
    accounts: &BTreeSet<AccountId>,
    records: &Records,
    fact: Fact,
) -> Outcome {
    let extended_until = Some(extension.until);
    let after = Company { extension: Some(extension), ..company.clone() };
    let accounts = accounts.iter().filter_map(|id| records.service_account(id));
    let extended = accounts.map(|account| {
        let account = ServiceAccount { extended_until, ..account.clone() };
        (account.key(), Record::ServiceAccount(account))
    });
    let mut outcome = Outcome::write(after.key(), Record::Company(after), fact);
    outcome.writes.extend(extended);
    outcome
}

/// Command: let the accounts of a company work past the sunset for a while, once (rule B88). Operators only.
#[derive(Debug, Clone)]
pub struct ExtendServiceAccounts {
    /// The company.
    pub company: CompanyId,
    /// All its accounts, removed ones included.
    pub accounts: BTreeSet<AccountId>,
    /// The first instant at which they no longer work.
    pub until: DateTime<Utc>,
    /// Why.
    pub reason: String,
    /// Who approved it.
    pub approver: String,
    /// The revision of the company last read, if the change depends on it.
    pub etag: Option<u64>,
}

impl ExtendServiceAccounts {
    pub(in crate::domain) fn reads(&self) -> Vec<RecordKey> {
        reads(&self.company, &self.accounts).chain([RecordKey::CredentialClass]).collect()
    }

    pub(in crate::domain) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        setting.operator("extend service accounts past the sunset")?;
        let company = records.needed_company(&self.company)?;
        records.check_etag(&company.key(), self.etag)?;
        if let Some(extension) = &company.extension {
            return Err(Refusal::ExtensionGranted { company: company.id.clone(), until: extension.until });
        }
        check_all(company, &self.accounts, records)?;
        self.check_until(records.class().schedule.sunset_at, setting.now)?;
        let extension = Extension {
            until: self.until,
            reason: self.reason.clone(),
            approver: self.approver.clone(),
            granted_by: setting.actor.to_string(),
            granted_at: setting.now,
            shortened: None,
        };
        let fact = Fact::new(FactKind::ServiceAccountsExtended, company.subject())
            .change("extended_until", "", instant_text(Some(self.until)))
            .change("approver", "", &self.approver)
            .because(&self.reason);
        Ok(store(company, extension, &self.accounts, records, fact))
    }

    fn check_until(&self, sunset_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Result<(), Refusal> {
        let refused = |sentence: String| Err(Refusal::ExtensionRefused(sentence));
        let Some(sunset_at) = sunset_at else {
            return refused("no sunset is announced, so there is nothing to extend yet".to_owned());
        };
        let latest = latest_extension(sunset_at);
        if self.until <= sunset_at.max(now) || self.until > latest {
            return refused(format!(
                "until_time must lie ahead, after the sunset at {}, and not be later than {}, {EXTENSION_DAYS_MAX} days after it",
                instant_text(Some(sunset_at)),
                instant_text(Some(latest))
            ));
        }
        Ok(())
    }
}

/// Command: let the extension of a company end sooner, at once or at an instant ahead. Operators only. A company that had
/// its one extension has had it, however short.
#[derive(Debug, Clone)]
pub struct ShortenExtension {
    /// The company.
    pub company: CompanyId,
    /// All its accounts, removed ones included.
    pub accounts: BTreeSet<AccountId>,
    /// The first instant at which they no longer work; `None` for at once. Before the sunset nothing ends by it.
    pub until: Option<DateTime<Utc>>,
    /// Why.
    pub reason: String,
    /// The revision of the company last read, if the change depends on it.
    pub etag: Option<u64>,
}

impl ShortenExtension {
    pub(in crate::domain) fn reads(&self) -> Vec<RecordKey> {
        reads(&self.company, &self.accounts).collect()
    }

    pub(in crate::domain) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        setting.operator("shorten an extension of service accounts")?;
        let company = records.needed_company(&self.company)?;
        records.check_etag(&company.key(), self.etag)?;
        let not_found = || Refusal::ExtensionNotFound(company.id.clone());
        let before = company.extension.as_ref().ok_or_else(not_found)?;
        check_all(company, &self.accounts, records)?;
        if before.until <= setting.now {
            return Err(Refusal::NothingToDo("the extension has ended already"));
        }
        let until = self.until.unwrap_or(setting.now);
        if until < setting.now {
            return Err(Refusal::InstantInPast { field: "until_time", given: until });
        }
        if until >= before.until {
            return Err(Refusal::ExtensionRefused(format!(
                "until_time must come before {}, when it ends now: an extension is made shorter, never longer",
                instant_text(Some(before.until))
            )));
        }
        let granted_until = before.shortened.as_ref().map_or(before.until, |shortening| shortening.granted_until);
        let shortening =
            Shortening { granted_until, at: setting.now, by: setting.actor.to_string(), reason: self.reason.clone() };
        let fact = Fact::new(FactKind::ServiceAccountsExtensionShortened, company.subject())
            .change("extended_until", instant_text(Some(before.until)), instant_text(Some(until)))
            .because(&self.reason);
        let after = Extension { until, shortened: Some(shortening), ..before.clone() };
        Ok(store(company, after, &self.accounts, records, fact))
    }
}
