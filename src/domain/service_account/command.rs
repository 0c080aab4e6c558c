//! What is done with traditional service accounts.

use chrono::{DateTime, Utc};

use super::{AccountSecret, AccountType, Removal, ServiceAccount, is_recent_use};
use crate::domain::client_secret::Made;
use crate::domain::company::ACCOUNTS_MAX;
use crate::domain::fact::{Fact, FactKind, instant_text};
use crate::domain::name::{AccountId, ApplicationId, ClientId, CompanyId};
use crate::domain::outcome::{Judgement, Outcome};
use crate::domain::record::{Bearer, Record, RecordKey, Records};
use crate::domain::refusal::{Refusal, Taken};
use crate::domain::register::ClientIdOrigin;
use crate::domain::setting::Setting;
use crate::domain::tool::ToolPermissions;

/// Where an account comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Created {
    /// It is made now, with this kept of its secret; it gets none when the hub has no pepper to hash one with.
    Now(Option<Made>),
    /// It exists in another system since then: operators only. That system has decided whether it could be made, and
    /// has its secret.
    Elsewhere(DateTime<Utc>),
}

/// Command: create a traditional service account. Administrators of its company and operators.
#[derive(Debug, Clone)]
pub struct CreateServiceAccount {
    /// Its id.
    pub id: AccountId,
    /// What it will present to gateways.
    pub client_id: ClientId,
    /// Where the client id is from.
    pub client_id_origin: ClientIdOrigin,
    /// Whose it is.
    pub company: CompanyId,
    /// Name shown to people.
    pub name: String,
    /// Whose application it is for.
    pub account_type: AccountType,
    /// What it may do.
    pub permissions: ToolPermissions,
    /// Where it comes from.
    pub created: Created,
}

/// What is said of an account that was made without a secret.
const WITHOUT_SECRET: &str = "the account has no secret, since this hub has no pepper to hash secrets with; its operator \
makes one with `devhub pepper new FILE` and names it with the setting pepper_file (--pepper-file), then rotate the \
account's secret to give it its first";

/// The application that an account type names must be there.
fn application_key(account_type: &AccountType) -> Option<RecordKey> {
    account_type.application().cloned().map(RecordKey::Application)
}

fn check_application(account_type: &AccountType, records: &Records) -> Result<(), Refusal> {
    let named = account_type.application();
    let unknown = named.filter(|id| records.application(id).is_none_or(|application| application.deletion.is_some()));
    unknown.map_or(Ok(()), |id| Err(Refusal::ApplicationNotFound(ApplicationId::clone(id))))
}

impl CreateServiceAccount {
    pub(in crate::domain) fn reads(&self) -> Vec<RecordKey> {
        let keys = [
            RecordKey::Company(self.company.clone()),
            RecordKey::ServiceAccount(self.id.clone()),
            RecordKey::ClientId(self.client_id.clone()),
            RecordKey::CredentialClass,
        ];
        keys.into_iter().chain(application_key(&self.account_type)).collect()
    }

    pub(in crate::domain) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        let company = records.needed_company(&self.company)?;
        company.administrator(setting)?;
        let (created_at, made, kind) = match &self.created {
            Created::Now(made) => (setting.now, made.clone(), FactKind::ServiceAccountCreated),
            Created::Elsewhere(at) => {
                setting.operator("import a service account")?;
                if *at > setting.now {
                    return Err(Refusal::invalid("create_time", "must not lie ahead"));
                }
                (*at, None, FactKind::ServiceAccountImported)
            }
        };
        if self.client_id_origin == ClientIdOrigin::Brought {
            setting.operator("choose a client id")?;
        }
        if let Some(known) = records.service_account(&self.id) {
            return self.again(known);
        }
        if records.client_id(&self.client_id).is_some() {
            return Err(Refusal::AlreadyExists { what: Taken::ClientId, name: self.client_id.to_string() });
        }
        let schedule = records.class().schedule;
        if matches!(self.created, Created::Now(_))
            && let Some(since) = schedule.closes_at().filter(|closes_at| *closes_at <= setting.now)
        {
            return Err(Refusal::CreationClosed { since });
        }
        check_application(&self.account_type, records)?;
        self.permissions.check()?;
        if company.account_count >= ACCOUNTS_MAX {
            return Err(Refusal::LimitReached { what: "service accounts of one company", limit: ACCOUNTS_MAX });
        }
        let account = ServiceAccount {
            id: self.id.clone(),
            client_id: self.client_id.clone(),
            company: self.company.clone(),
            environment: company.tenancy.credentials(),
            name: self.name.clone(),
            classified_at: (self.account_type != AccountType::Undefined).then_some(created_at),
            account_type: self.account_type.clone(),
            permissions: self.permissions.clone(),
            created_at,
            created_by: setting.actor.to_string(),
            extended_until: company.extension.as_ref().map(|extension| extension.until),
            removal: None,
            secret: made.map(|made| AccountSecret::new(made, created_at)),
        };
        let fact = Fact::new(kind, account.subject())
            .change("name", "", &account.name)
            .change("client_id", "", &account.client_id)
            .change("account_type", "", account.account_type.text())
            .change("permissions", "", account.permissions.text())
            .effective((created_at != setting.now).then_some(created_at));
        let mut warnings = Vec::new();
        if schedule.is_deprecated(setting.now) {
            let sunset = schedule.sunset_at.map_or_else(
                || "on a date that is to be announced".to_owned(),
                |at| format!("at {}", instant_text(Some(at))),
            );
            warnings.push(format!("accounts of this kind are deprecated and stop working {sunset}"));
        }
        if self.created == Created::Now(None) {
            warnings.push(WITHOUT_SECRET.to_owned());
        }
        let mut company = company.clone();
        company.account_count += 1;
        let bearer = Record::Name(Bearer::Account(self.id.clone()));
        Ok(Outcome::write(account.key(), Record::ServiceAccount(account), fact)
            .also(company.key(), Record::Company(company))
            .also(RecordKey::ClientId(self.client_id.clone()), bearer)
            .warn(warnings))
    }

    /// The id is taken. An account that exists elsewhere may have been brought before: bringing it again changes
    /// nothing, as long as the two agree. What is left open now, and was said since, is no disagreement.
    fn again(&self, known: &ServiceAccount) -> Judgement {
        let same = known.company == self.company && known.client_id == self.client_id;
        let created_at = match &self.created {
            Created::Elsewhere(at) if same => at,
            Created::Elsewhere(_) | Created::Now(_) => {
                return Err(Refusal::AlreadyExists { what: Taken::ServiceAccount, name: self.id.to_string() });
            }
        };
        known.not_removed()?;
        let typed = self.account_type != AccountType::Undefined;
        let permitted = self.permissions != ToolPermissions::default();
        let compared = [
            ("create_time", known.created_at == *created_at),
            ("name", known.name == self.name),
            ("account_type", !typed || known.account_type == self.account_type),
            ("permissions", !permitted || known.permissions == self.permissions),
        ];
        match compared.into_iter().find(|(_, agree)| !agree) {
            Some((field, _)) => Err(Refusal::ServiceAccountDiffers { id: self.id.clone(), field }),
            None => Ok(Outcome::unchanged(known.key(), Record::ServiceAccount(known.clone()))),
        }
    }
}

/// The account, if the actor decides for its company and read its current revision.
pub(super) fn load<'r>(
    company: &CompanyId,
    id: &AccountId,
    etag: Option<u64>,
    records: &'r Records,
    setting: &Setting<'_>,
) -> Result<&'r ServiceAccount, Refusal> {
    records.needed_company(company)?.administrator(setting)?;
    let account = records.needed_account(id)?;
    // An account of another company is none of this one.
    if account.company != *company {
        return Err(Refusal::ServiceAccountNotFound(id.clone()));
    }
    records.check_etag(&account.key(), etag)?;
    account.not_removed()?;
    Ok(account)
}

/// The records that every change of an account depends on.
pub(super) fn keys(company: &CompanyId, id: &AccountId) -> [RecordKey; 2] {
    [RecordKey::Company(company.clone()), RecordKey::ServiceAccount(id.clone())]
}

/// Command: say whose application an account is for (rule B82). Administrators of its company and operators.
#[derive(Debug, Clone)]
pub struct ClassifyServiceAccount {
    /// The company.
    pub company: CompanyId,
    /// The account.
    pub id: AccountId,
    /// Whose application it is for.
    pub account_type: AccountType,
    /// The revision last read, if the change depends on it.
    pub etag: Option<u64>,
}

impl ClassifyServiceAccount {
    pub(in crate::domain) fn reads(&self) -> Vec<RecordKey> {
        keys(&self.company, &self.id).into_iter().chain(application_key(&self.account_type)).collect()
    }

    pub(in crate::domain) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        let before = load(&self.company, &self.id, self.etag, records, setting)?;
        check_application(&self.account_type, records)?;
        if before.account_type == self.account_type {
            return Ok(Outcome::unchanged(before.key(), Record::ServiceAccount(before.clone())));
        }
        let after = ServiceAccount {
            account_type: self.account_type.clone(),
            classified_at: (self.account_type != AccountType::Undefined).then_some(setting.now),
            ..before.clone()
        };
        let fact = Fact::new(FactKind::ServiceAccountClassified, after.subject()).change(
            "account_type",
            before.account_type.text(),
            after.account_type.text(),
        );
        Ok(Outcome::write(after.key(), Record::ServiceAccount(after), fact))
    }
}

/// Command: change what an account may do. Administrators of its company and operators.
#[derive(Debug, Clone)]
pub struct ChangeAccountPermissions {
    /// The company.
    pub company: CompanyId,
    /// The account.
    pub id: AccountId,
    /// All that it may do from now on.
    pub permissions: ToolPermissions,
    /// The revision last read, if the change depends on it.
    pub etag: Option<u64>,
}

impl ChangeAccountPermissions {
    pub(in crate::domain) fn reads(&self) -> Vec<RecordKey> {
        keys(&self.company, &self.id).into()
    }

    pub(in crate::domain) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        let before = load(&self.company, &self.id, self.etag, records, setting)?;
        self.permissions.check()?;
        if before.permissions == self.permissions {
            return Ok(Outcome::unchanged(before.key(), Record::ServiceAccount(before.clone())));
        }
        let after = ServiceAccount { permissions: self.permissions.clone(), ..before.clone() };
        let fact = Fact::new(FactKind::ServiceAccountPermissionsChanged, after.subject()).change(
            "permissions",
            before.permissions.text(),
            after.permissions.text(),
        );
        Ok(Outcome::write(after.key(), Record::ServiceAccount(after), fact))
    }
}

/// Whether the actor knows that an account is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecentUse {
    /// Not said: the removal is refused if the account was used lately, at this instant, as far as is known.
    Unacknowledged(Option<DateTime<Utc>>),
    /// It may be in use.
    Acknowledged,
}

/// Command: remove an account for good. Administrators of its company and operators.
#[derive(Debug, Clone)]
pub struct RemoveServiceAccount {
    /// The company.
    pub company: CompanyId,
    /// The account.
    pub id: AccountId,
    /// Whether it is known to be in use.
    pub recent_use: RecentUse,
    /// Why.
    pub reason: String,
    /// The revision last read, if the change depends on it.
    pub etag: Option<u64>,
}

impl RemoveServiceAccount {
    pub(in crate::domain) fn reads(&self) -> Vec<RecordKey> {
        keys(&self.company, &self.id).into()
    }

    pub(in crate::domain) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        let before = load(&self.company, &self.id, self.etag, records, setting)?;
        match self.recent_use {
            RecentUse::Unacknowledged(Some(last_used)) if is_recent_use(last_used, setting.now) => {
                return Err(Refusal::RecentUse { id: self.id.clone(), last_used });
            }
            RecentUse::Unacknowledged(_) | RecentUse::Acknowledged => {}
        }
        let removal = Removal { at: setting.now, by: setting.actor.to_string(), reason: self.reason.clone() };
        // What it proved itself with goes with it: from here on its client is as good as unknown.
        let after = ServiceAccount { removal: Some(removal), secret: None, ..before.clone() };
        let fact = Fact::new(FactKind::ServiceAccountRemoved, after.subject()).because(&self.reason);
        Ok(Outcome::write(after.key(), Record::ServiceAccount(after), fact))
    }
}
