//! ServiceAccountService: traditional service accounts.

mod fresh;
mod import;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use devhub_proto::v1;
use devhub_proto::v1::service_account_service_server::ServiceAccountService;
use prost::Message;
use tokio::sync::watch;
use tonic::metadata::MetadataMap;
use tonic::{Extensions, Request, Response, Status, Streaming};

use self::fresh::Fresh;
use super::import::{Answers, Imports};
use super::parse::{self, Fields, Query, REASON_CHARS_MAX};
use super::{company, execute, read, record, revision, seen, status};
use crate::domain::credential_class::ClassSchedule;
use crate::domain::name::{AccountId, ApplicationId, ClientId, CompanyId, Email};
use crate::domain::record::{Record, RecordKey};
use crate::domain::refusal::Refusal;
use crate::domain::register::ClientIdOrigin;
use crate::domain::service_account::{
    AccountType, ChangeAccountPermissions, ClassifyServiceAccount, CreateServiceAccount, Created,
    ExtendServiceAccounts, RecentUse, RemoveServiceAccount, RotateServiceAccountSecret, ServiceAccount,
    ShortenExtension, TEXT_CHARS_MAX,
};
use crate::domain::tool::{TOOL_CHARS_MAX, TOOLS_MAX, ToolPermission, ToolPermissions};
use crate::domain::waiver::APPROVER_CHARS_MAX;
use crate::domain::{Actor, Command};
use crate::hub::{self, Failure, Hub, Mode, Page, Stored};
use crate::ids;
use crate::secret::Peppers;
use crate::store::codec::Kind;
use crate::wire::{self, Word, timestamp};

/// Serves ServiceAccountService.
pub struct ServiceAccountRpc {
    hub: Hub,
    /// What secrets are hashed with.
    peppers: Option<Arc<Peppers>>,
    imports: Imports,
}

/// What every write to an existing account brings.
struct Write {
    actor: Actor,
    request: hub::Request,
    company: CompanyId,
    id: AccountId,
    etag: Option<u64>,
    fields: Fields,
}

/// Begins a write to an existing account.
fn begin<M: Message>(
    (metadata, extensions): (&MetadataMap, &Extensions),
    method: &str,
    message: &M,
    (company, id, etag, request_id): (&str, &str, &str, &str),
) -> Result<Write, Status> {
    let actor = parse::actor_of(metadata, extensions)?;
    let mut fields = Fields::default();
    let request = fields.request(method, &actor, message, request_id, Mode::Commit);
    let company = fields.name("company_id", company);
    let id = fields.name("account_id", id);
    let etag = fields.etag(etag);
    match (company, id) {
        (Some(company), Some(id)) => Ok(Write { actor: actor.into(), request, company, id, etag, fields }),
        _ => Err(fields.refuse()),
    }
}

/// An account, given the dates of the class.
fn render(
    account: &ServiceAccount,
    revision: u64,
    class: &ClassSchedule,
    used: Option<DateTime<Utc>>,
) -> v1::ServiceAccount {
    let (removal, secret) = (account.removal.as_ref(), account.secret.as_ref());
    v1::ServiceAccount {
        account_id: account.id.to_string(),
        company_id: account.company.to_string(),
        client_id: account.client_id.to_string(),
        environment: account.environment.number(),
        name: account.name.clone(),
        account_type: Some(wire::account_type(&account.account_type)),
        permissions: Some(wire::tool_permissions(&account.permissions)),
        create_time: Some(timestamp(account.created_at)),
        created_by: account.created_by.clone(),
        classify_time: account.classified_at.map(timestamp),
        end_time: account.ends_at(class).map(timestamp),
        remove_time: removal.map(|removal| timestamp(removal.at)),
        removed_by: removal.map(|removal| removal.by.clone()).unwrap_or_default(),
        remove_reason: removal.map(|removal| removal.reason.clone()).unwrap_or_default(),
        last_use_time: used.map(timestamp),
        etag: revision.to_string(),
        secret_create_time: secret.map(|secret| timestamp(secret.created_at)),
        secret_last_four: secret.map(|secret| secret.last_shown.clone()).unwrap_or_default(),
        secret_pepper_id: secret.map(|secret| secret.hash.pepper.to_string()).unwrap_or_default(),
    }
}

/// Whose application an account is for.
pub(super) fn account_type(fields: &mut Fields, field: &str, given: Option<&v1::AccountType>) -> AccountType {
    use v1::account_type::Type;
    match given.and_then(|given| given.r#type.as_ref()) {
        None => AccountType::Undefined,
        Some(Type::Marketplace(account)) => {
            let application = fields.name(&format!("{field}.marketplace.application_id"), &account.application_id);
            application.map_or(AccountType::Undefined, AccountType::Marketplace)
        }
        Some(Type::Custom(account)) => {
            let at = |part: &str| format!("{field}.custom.{part}");
            let description = fields.needed_text(&at("description"), &account.description, TEXT_CHARS_MAX);
            let developer_name = fields.needed_text(&at("developer_name"), &account.developer_name, TEXT_CHARS_MAX);
            let developer_email = Email::lenient(&account.developer_email);
            let application = fields.name_or_none(&at("application_id"), &account.application_id);
            match developer_email {
                Ok(developer_email) => {
                    AccountType::Custom { description, developer_name, developer_email, application }
                }
                Err(error) => {
                    fields.violate(at("developer_email"), error.to_string());
                    AccountType::Undefined
                }
            }
        }
    }
}

fn level(fields: &mut Fields, field: &str, given: &[v1::ToolPermission]) -> BTreeMap<String, ToolPermission> {
    if given.len() > TOOLS_MAX {
        fields.violate(field, format!("at most {TOOLS_MAX} tools are accepted; leave out those with NONE"));
    }
    let mut tools = BTreeMap::new();
    for (position, tool) in given.iter().enumerate().take(TOOLS_MAX) {
        let name = fields.needed_text(&format!("{field}[{position}].tool"), &tool.tool, TOOL_CHARS_MAX);
        let level = fields.word(&format!("{field}[{position}].level"), tool.level);
        if level.is_some_and(|level| tools.insert(name, level).is_some()) {
            fields.violate(format!("{field}[{position}].tool"), "is given twice; keep one");
        }
    }
    tools
}

/// What a machine identity may do.
pub(super) fn permissions(fields: &mut Fields, field: &str, given: Option<&v1::ToolPermissions>) -> ToolPermissions {
    let Some(given) = given else { return ToolPermissions::default() };
    ToolPermissions {
        company: level(fields, &format!("{field}.company"), &given.company),
        project: level(fields, &format!("{field}.project"), &given.project),
    }
}

impl ServiceAccountRpc {
    /// Serves the service accounts of `hub`, whose secrets are hashed with `peppers` if there are any, until `stopping`
    /// becomes true.
    pub fn new(hub: Hub, peppers: Option<Arc<Peppers>>, stopping: watch::Receiver<bool>) -> ServiceAccountRpc {
        ServiceAccountRpc { imports: Imports::new(hub.clone(), stopping), hub, peppers }
    }

    /// When an account was last used; none for one that is not there, which its removal will say.
    fn last_use_of(&self, id: &AccountId) -> Result<Option<DateTime<Utc>>, Status> {
        let found = self.hub.get_one(RecordKey::ServiceAccount(id.clone())).map_err(status::failed)?;
        let Some(Record::ServiceAccount(account)) = found.map(|stored| stored.record) else { return Ok(None) };
        let last_use = self.hub.usage().last_use_of(&account.client_id, account.environment);
        last_use.map_err(|error| status::failed(error.into()))
    }

    /// Finishes a write: refuses what was malformed, executes, renders.
    async fn finish(
        &self,
        (actor, request, fields): (Actor, hub::Request, Fields),
        command: impl Into<Command>,
    ) -> Result<(Option<v1::ServiceAccount>, u64, Vec<String>), Status> {
        let (account, revision, warnings) = self.commit((actor, request, fields), command).await?;
        Ok((Some(shown(&self.hub, &account.0, account.1)), revision, warnings))
    }

    /// Refuses what was malformed, and executes.
    async fn commit(
        &self,
        (actor, request, fields): (Actor, hub::Request, Fields),
        command: impl Into<Command>,
    ) -> Result<((ServiceAccount, u64), u64, Vec<String>), Status> {
        fields.check()?;
        let answer = execute(&self.hub, actor, command, request).await?;
        let (revision, warnings) = (revision(&answer), answer.warnings);
        let account = record!(answer.subject, ServiceAccount)?;
        Ok(((account, answer.revision), revision, warnings))
    }
}

/// An account as it is now.
fn shown(hub: &Hub, account: &ServiceAccount, revision: u64) -> v1::ServiceAccount {
    render(account, revision, &hub.roster().class(), last_use(hub, account))
}

/// When an account was last used, for people: that it is not known keeps nobody from seeing the rest.
fn last_use(hub: &Hub, account: &ServiceAccount) -> Option<DateTime<Utc>> {
    hub.usage().last_use_of(&account.client_id, account.environment).unwrap_or_else(|error| {
        tracing::warn!(%error, "notes of usage cannot be read; the last use of an account is left out");
        None
    })
}

/// A stored account as it is now.
pub(super) fn render_stored(hub: &Hub, stored: &Stored) -> Result<v1::ServiceAccount, Failure> {
    let Record::ServiceAccount(account) = &stored.record else { return Err(Failure::Defect) };
    Ok(shown(hub, account, stored.revision))
}

#[tonic::async_trait]
impl ServiceAccountService for ServiceAccountRpc {
    async fn create_service_account(
        &self,
        request: Request<v1::CreateServiceAccountRequest>,
    ) -> Result<Response<v1::CreateServiceAccountResponse>, Status> {
        let actor = parse::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let request = fields.request("CreateServiceAccount", &actor, &message, &message.request_id, Mode::Commit);
        let given = message.account.unwrap_or_default();
        let id = match fields.name_or_none("account.account_id", &given.account_id) {
            Some(id) => id,
            None => ids::account(self.hub.now()),
        };
        let brought = fields.name_or_none::<ClientId>("account.client_id", &given.client_id);
        let (client_id, client_id_origin) = match brought {
            Some(client_id) => (client_id, ClientIdOrigin::Brought),
            None => (ids::client(), ClientIdOrigin::Made),
        };
        let company = fields.name("account.company_id", &given.company_id);
        let name = fields.needed_text("account.name", &given.name, TEXT_CHARS_MAX);
        let account_type = account_type(&mut fields, "account.account_type", given.account_type.as_ref());
        let permissions = permissions(&mut fields, "account.permissions", given.permissions.as_ref());
        let created = fields.instant("account.create_time", given.create_time.as_ref());
        let (created, fresh) = match created {
            Some(at) => (Created::Elsewhere(at), None),
            None => {
                let fresh = self.peppers.as_deref().map(Fresh::make);
                (Created::Now(fresh.as_ref().map(Fresh::made)), fresh)
            }
        };
        let brings = matches!(created, Created::Elsewhere(_));
        let Some(company) = company else { return Err(fields.refuse()) };
        let command =
            CreateServiceAccount { id, client_id, client_id_origin, company, name, account_type, permissions, created };
        let (account, revision, warnings) = self.commit((actor.into(), request, fields), command).await?;
        // To bring an account is not to ask for its secret, though it may have got one here since.
        let (secret, replayed) = if brings { (String::new(), false) } else { Fresh::reveal(fresh, &account.0) };
        let account = Some(shown(&self.hub, &account.0, account.1));
        Ok(Response::new(v1::CreateServiceAccountResponse { account, revision, warnings, secret, replayed }))
    }

    type ImportServiceAccountsStream = Answers<v1::ImportServiceAccountsResponse>;

    async fn import_service_accounts(
        &self,
        request: Request<Streaming<v1::ImportServiceAccountsRequest>>,
    ) -> Result<Response<Self::ImportServiceAccountsStream>, Status> {
        self.imports.begin::<v1::ServiceAccount>(request)
    }

    async fn classify_service_account(
        &self,
        request: Request<v1::ClassifyServiceAccountRequest>,
    ) -> Result<Response<v1::ClassifyServiceAccountResponse>, Status> {
        let (metadata, extensions, message) = request.into_parts();
        let named = (&*message.company_id, &*message.account_id, &*message.etag, &*message.request_id);
        let write = begin((&metadata, &extensions), "ClassifyServiceAccount", &message, named)?;
        let Write { actor, request, company, id, etag, mut fields } = write;
        let account_type = account_type(&mut fields, "account_type", message.account_type.as_ref());
        let command = ClassifyServiceAccount { company, id, account_type, etag };
        let (account, revision, _) = self.finish((actor, request, fields), command).await?;
        Ok(Response::new(v1::ClassifyServiceAccountResponse { account, revision }))
    }

    async fn change_service_account_permissions(
        &self,
        request: Request<v1::ChangeServiceAccountPermissionsRequest>,
    ) -> Result<Response<v1::ChangeServiceAccountPermissionsResponse>, Status> {
        let (metadata, extensions, message) = request.into_parts();
        let named = (&*message.company_id, &*message.account_id, &*message.etag, &*message.request_id);
        let write = begin((&metadata, &extensions), "ChangeServiceAccountPermissions", &message, named)?;
        let Write { actor, request, company, id, etag, mut fields } = write;
        let permissions = permissions(&mut fields, "permissions", message.permissions.as_ref());
        let command = ChangeAccountPermissions { company, id, permissions, etag };
        let (account, revision, _) = self.finish((actor, request, fields), command).await?;
        Ok(Response::new(v1::ChangeServiceAccountPermissionsResponse { account, revision }))
    }

    async fn rotate_service_account_secret(
        &self,
        request: Request<v1::RotateServiceAccountSecretRequest>,
    ) -> Result<Response<v1::RotateServiceAccountSecretResponse>, Status> {
        let (metadata, extensions, message) = request.into_parts();
        let named = (&*message.company_id, &*message.account_id, &*message.etag, &*message.request_id);
        let write = begin((&metadata, &extensions), "RotateServiceAccountSecret", &message, named)?;
        let Write { actor, request, company, id, etag, mut fields } = write;
        let reason = fields.text("reason", &message.reason, REASON_CHARS_MAX);
        let fresh = self.peppers.as_deref().map(Fresh::make);
        let made = fresh.as_ref().map(Fresh::made);
        let command = RotateServiceAccountSecret { company, id, made, reason, etag };
        let ((account, etag), revision, _) = self.commit((actor, request, fields), command).await?;
        let (secret, replayed) = Fresh::reveal(fresh, &account);
        let account = Some(shown(&self.hub, &account, etag));
        Ok(Response::new(v1::RotateServiceAccountSecretResponse { account, secret, replayed, revision }))
    }

    async fn remove_service_account(
        &self,
        request: Request<v1::RemoveServiceAccountRequest>,
    ) -> Result<Response<v1::RemoveServiceAccountResponse>, Status> {
        let (metadata, extensions, message) = request.into_parts();
        let named = (&*message.company_id, &*message.account_id, &*message.etag, &*message.request_id);
        let write = begin((&metadata, &extensions), "RemoveServiceAccount", &message, named)?;
        let Write { actor, request, company, id, etag, mut fields } = write;
        let reason = fields.text("reason", &message.reason, REASON_CHARS_MAX);
        let recent_use = if message.acknowledge_recent_use {
            RecentUse::Acknowledged
        } else {
            RecentUse::Unacknowledged(self.last_use_of(&id)?)
        };
        let command = RemoveServiceAccount { company, id, recent_use, reason, etag };
        let (account, revision, _) = self.finish((actor, request, fields), command).await?;
        Ok(Response::new(v1::RemoveServiceAccountResponse { account, revision }))
    }

    async fn get_service_account(
        &self,
        request: Request<v1::GetServiceAccountRequest>,
    ) -> Result<Response<v1::GetServiceAccountResponse>, Status> {
        let hub = seen(&self.hub, &request)?;
        let mut fields = Fields::default();
        let id = fields.name::<AccountId>("account_id", &request.get_ref().account_id);
        let Some(id) = id else { return Err(fields.refuse()) };
        let found = hub.get_one(RecordKey::ServiceAccount(id.clone())).map_err(status::failed)?;
        let stored = found.ok_or_else(|| status::refused(&Refusal::ServiceAccountNotFound(id)))?;
        let account = Some(render_stored(&self.hub, &stored).map_err(status::failed)?);
        Ok(Response::new(v1::GetServiceAccountResponse { account }))
    }

    async fn list_service_accounts(
        &self,
        request: Request<v1::ListServiceAccountsRequest>,
    ) -> Result<Response<v1::ListServiceAccountsResponse>, Status> {
        let hub = seen(&self.hub, &request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let company = fields.name_or_none::<CompanyId>("company_id", &message.company_id);
        let company = company.or_else(|| hub.scope().company().cloned());
        let application = fields.name_or_none::<ApplicationId>("application_id", &message.application_id);
        let size = fields.page_size(message.page_size);
        fields.check()?;
        let (undefined, removed) = (message.undefined_only.to_string(), message.show_removed.to_string());
        let parameters: [&str; 4] = [&message.company_id, &message.application_id, &undefined, &removed];
        let query = Query::new(self.hub.page_seals(), "ListServiceAccounts", &parameters).within(hub.scope());
        let cursor = query.cursor(&message.page_token)?;
        let page = read(&hub, move |hub| {
            if company.as_ref().is_some_and(|company| !hub.administers(company)) {
                return Ok(Page { items: Vec::new(), next: None });
            }
            let wanted = |account: &ServiceAccount| {
                company.as_ref().is_none_or(|company| *company == account.company)
                    && application.as_ref().is_none_or(|wanted| account.account_type.application() == Some(wanted))
                    && (!message.undefined_only || account.account_type == AccountType::Undefined)
                    && (message.show_removed || account.removal.is_none())
            };
            let render = |stored: &Stored| {
                let Record::ServiceAccount(account) = &stored.record else { return Err(Failure::Defect) };
                Ok(wanted(account).then(|| shown(hub, account, stored.revision)))
            };
            let after =
                cursor.as_deref().and_then(|cursor| std::str::from_utf8(cursor).ok()?.parse::<AccountId>().ok());
            let ids = match (&company, &application) {
                (None, None) => {
                    return hub.list(&Hub::prefix(Kind::ServiceAccount, None), cursor, size, |stored| render(&stored));
                }
                (Some(company), _) => hub.roster().accounts_of(company, after.as_ref(), size),
                (None, Some(application)) => hub.roster().accounts_for(application, after.as_ref(), size),
            };
            let last = ids.last().filter(|_| ids.len() == size);
            let next = last.map(|id| bytes::Bytes::copy_from_slice(id.as_str().as_bytes()));
            let keys: Vec<RecordKey> = ids.iter().cloned().map(RecordKey::ServiceAccount).collect();
            let found = hub.get(&keys)?;
            let items =
                found.iter().flatten().filter_map(|stored| render(stored).transpose()).collect::<Result<_, _>>()?;
            Ok(Page { items, next })
        })
        .await?;
        let next_page_token = query.token(page.next);
        Ok(Response::new(v1::ListServiceAccountsResponse { accounts: page.items, next_page_token }))
    }

    async fn extend_service_accounts(
        &self,
        request: Request<v1::ExtendServiceAccountsRequest>,
    ) -> Result<Response<v1::ExtendServiceAccountsResponse>, Status> {
        let actor = parse::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let request = fields.request("ExtendServiceAccounts", &actor, &message, &message.request_id, Mode::Commit);
        let company = fields.name::<CompanyId>("company_id", &message.company_id);
        if message.until_time.is_none() {
            fields.violate("until_time", "must be given: an extension has an end");
        }
        let until = fields.instant("until_time", message.until_time.as_ref());
        let reason = fields.needed_text("reason", &message.reason, REASON_CHARS_MAX);
        let approver = fields.needed_text("approver", &message.approver, APPROVER_CHARS_MAX);
        let etag = fields.etag(&message.etag);
        let (Some(company), Some(until)) = (company, until) else { return Err(fields.refuse()) };
        fields.check()?;
        let accounts = self.hub.roster().accounts_of(&company, None, usize::MAX).into_iter().collect();
        let command = ExtendServiceAccounts { company, accounts, until, reason, approver, etag };
        let answer = execute(&self.hub, actor, command, request).await?;
        let revision = revision(&answer);
        let extended = record!(answer.subject, Company)?;
        let company = Some(company::render(&extended, answer.revision));
        Ok(Response::new(v1::ExtendServiceAccountsResponse { company, revision }))
    }

    async fn shorten_service_account_extension(
        &self,
        request: Request<v1::ShortenServiceAccountExtensionRequest>,
    ) -> Result<Response<v1::ShortenServiceAccountExtensionResponse>, Status> {
        let actor = parse::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let method = "ShortenServiceAccountExtension";
        let request = fields.request(method, &actor, &message, &message.request_id, Mode::Commit);
        let company = fields.name::<CompanyId>("company_id", &message.company_id);
        let until = fields.instant("until_time", message.until_time.as_ref());
        let reason = fields.needed_text("reason", &message.reason, REASON_CHARS_MAX);
        let etag = fields.etag(&message.etag);
        let Some(company) = company else { return Err(fields.refuse()) };
        fields.check()?;
        let accounts = self.hub.roster().accounts_of(&company, None, usize::MAX).into_iter().collect();
        let command = ShortenExtension { company, accounts, until, reason, etag };
        let answer = execute(&self.hub, actor, command, request).await?;
        let revision = revision(&answer);
        let shortened = record!(answer.subject, Company)?;
        let company = Some(company::render(&shortened, answer.revision));
        Ok(Response::new(v1::ShortenServiceAccountExtensionResponse { company, revision }))
    }
}
