//! `devhub service-account`: machine identities that companies made by themselves.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{ArgGroup, Args, Subcommand};
use devhub_proto::v1;
use devhub_proto::v1::account_type::Type;
use serde::Serialize;

use super::catalogue::read::PAGE;
use super::company::print_company;
use super::connection::{Connection, Hub, new_request_id};
use super::date::Moment;
use super::failure::explained;
use super::output::{Format, print_one, print_rows};
use super::pages::all_pages;
use super::view::service_account::ServiceAccountView;
use super::words::ToolLevel;
use crate::wire::timestamp;

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum ServiceAccount {
    /// Create one, as long as new ones are taken
    Create(Create),
    /// Say whose application an account is for
    Classify(Classify),
    /// Change what an account may do
    Permissions(Permissions),
    /// Make another secret for an account and print it, once; the one before stops at once
    Rotate(Rotate),
    /// Remove an account for good: its calls are denied at once
    Remove(Remove),
    /// Show one
    Get {
        /// Its id
        account: String,
    },
    /// List them
    List(Listing),
    /// Let the accounts of a company work past the sunset for a while; operators only, once per company
    Extend(Extend),
    /// Let an extension end sooner, at once or at an instant ahead; operators only
    Shorten(Shorten),
}

/// Which account.
#[derive(Debug, Clone, Args)]
pub struct Named {
    /// Id of the company
    company: String,
    /// Id of the account
    account: String,
    /// The etag last read; refuse if somebody has changed it since
    #[arg(long, value_name = "ETAG", default_value = "", hide_default_value = true)]
    etag: String,
}

/// Whose application an account is for.
#[derive(Debug, Clone, Args)]
pub struct Whose {
    /// It is for this application of the marketplace
    #[arg(long, value_name = "APPLICATION", conflicts_with = "custom")]
    marketplace: Option<String>,
    /// It is for something that was built for the company: what it does
    #[arg(long, value_name = "TEXT", requires_all = ["developer_name", "developer_email"])]
    custom: Option<String>,
    /// Who built that
    #[arg(long, value_name = "NAME", requires = "custom", default_value = "", hide_default_value = true)]
    developer_name: String,
    /// How to reach them
    #[arg(long, value_name = "E-MAIL", requires = "custom", default_value = "", hide_default_value = true)]
    developer_email: String,
    /// The application that is to replace it, once it is registered
    #[arg(long, value_name = "APPLICATION", requires = "custom", default_value = "", hide_default_value = true)]
    replaced_by: String,
}

/// What an account may do.
#[derive(Debug, Clone, Args)]
pub struct Tools {
    /// A tool of the company and how much of it is open, for example directory=read-only; may be repeated
    #[arg(long = "company-tool", value_name = "TOOL=LEVEL", value_parser = tool)]
    company_tools: Vec<(String, ToolLevel)>,
    /// The same for a tool of its projects
    #[arg(long = "project-tool", value_name = "TOOL=LEVEL", value_parser = tool)]
    project_tools: Vec<(String, ToolLevel)>,
}

/// Arguments of `devhub service-account create`.
#[derive(Debug, Clone, Args)]
pub struct Create {
    /// Id of the company
    company: String,
    /// Name shown to people
    #[arg(long, value_name = "TEXT")]
    name: String,
    /// Its id [default: one that the hub makes]
    #[arg(long, value_name = "ID", default_value = "", hide_default_value = true)]
    id: String,
    /// What it presents to gateways; operators only [default: one that the hub makes]
    #[arg(long, value_name = "ID", default_value = "", hide_default_value = true)]
    client_id: String,
    /// It exists in another system since then: RFC 3339, or a date such as "2019-07-31 start-of-day Europe/London";
    /// operators only
    #[arg(long, value_name = "INSTANT")]
    created: Option<Moment>,
    #[command(flatten)]
    whose: Whose,
    #[command(flatten)]
    tools: Tools,
}

/// Arguments of `devhub service-account classify`.
#[derive(Debug, Clone, Args)]
#[command(group = ArgGroup::new("type").required(true).args(["marketplace", "custom", "undefined"]))]
pub struct Classify {
    #[command(flatten)]
    named: Named,
    #[command(flatten)]
    whose: Whose,
    /// Nobody knows any more
    #[arg(long)]
    undefined: bool,
}

/// Arguments of `devhub service-account permissions`.
#[derive(Debug, Clone, Args)]
#[command(group = ArgGroup::new("all").required(true).multiple(true).args(["company_tools", "project_tools", "none"]))]
pub struct Permissions {
    #[command(flatten)]
    named: Named,
    #[command(flatten)]
    tools: Tools,
    /// It may do nothing
    #[arg(long, conflicts_with_all = ["company_tools", "project_tools"])]
    none: bool,
}

/// Arguments of `devhub service-account rotate`.
#[derive(Debug, Clone, Args)]
pub struct Rotate {
    #[command(flatten)]
    named: Named,
    /// Why
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    reason: String,
}

/// Arguments of `devhub service-account remove`.
#[derive(Debug, Clone, Args)]
pub struct Remove {
    #[command(flatten)]
    named: Named,
    /// Why
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    reason: String,
    /// It is known that the account was used lately, and that whoever uses it will be denied
    #[arg(long)]
    acknowledge_recent_use: bool,
}

/// Arguments of `devhub service-account list`.
#[derive(Debug, Clone, Args)]
pub struct Listing {
    /// Only those of this company
    #[arg(long, value_name = "ID")]
    company: Option<String>,
    /// Only those for this application
    #[arg(long, value_name = "ID")]
    application: Option<String>,
    /// Only those of which nobody has said whose they are
    #[arg(long)]
    undefined: bool,
    /// Removed ones too
    #[arg(long)]
    removed: bool,
}

/// Arguments of `devhub service-account extend`.
#[derive(Debug, Clone, Args)]
pub struct Extend {
    /// Id of the company
    company: String,
    /// First instant at which they no longer work: RFC 3339, or a date such as "2027-07-31 end-of-day Europe/London"
    #[arg(long, value_name = "INSTANT")]
    until: Moment,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Who approved it
    #[arg(long, value_name = "NAME")]
    approver: String,
    /// The etag of the company last read; refuse if somebody has changed it since
    #[arg(long, value_name = "ETAG", default_value = "", hide_default_value = true)]
    etag: String,
}

/// Arguments of `devhub service-account shorten`.
#[derive(Debug, Clone, Args)]
pub struct Shorten {
    /// Id of the company
    company: String,
    /// First instant at which its accounts no longer work, as for `extend` [default: now]
    #[arg(long, value_name = "INSTANT")]
    until: Option<Moment>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// The etag of the company last read; refuse if somebody has changed it since
    #[arg(long, value_name = "ETAG", default_value = "", hide_default_value = true)]
    etag: String,
}

fn tool(text: &str) -> Result<(String, ToolLevel), String> {
    use clap::ValueEnum;

    match text.rsplit_once('=') {
        Some((tool, level)) if !tool.is_empty() => match ToolLevel::from_str(level, true) {
            Ok(level) => Ok((tool.to_owned(), level)),
            Err(_) => Err(format!("{level:?} is no level; write none, read-only, standard or admin")),
        },
        Some(_) | None => Err("write TOOL=LEVEL, for example directory=read-only".to_owned()),
    }
}

impl Whose {
    fn message(&self) -> v1::AccountType {
        let marketplace = self.marketplace.as_ref().map(|application_id| {
            let application_id = application_id.clone();
            Type::Marketplace(v1::MarketplaceAccount { application_id })
        });
        let custom = self.custom.as_ref().map(|description| {
            Type::Custom(v1::CustomAccount {
                description: description.clone(),
                developer_name: self.developer_name.clone(),
                developer_email: self.developer_email.clone(),
                application_id: self.replaced_by.clone(),
            })
        });
        v1::AccountType { r#type: marketplace.or(custom) }
    }
}

impl Tools {
    fn message(&self) -> v1::ToolPermissions {
        let level = |tools: &[(String, ToolLevel)]| {
            let tools = tools.iter();
            tools.map(|(tool, level)| v1::ToolPermission { tool: tool.clone(), level: level.wire().into() }).collect()
        };
        v1::ToolPermissions { company: level(&self.company_tools), project: level(&self.project_tools) }
    }
}

impl ServiceAccount {
    /// Creates, changes, removes, shows, lists or extends.
    ///
    /// # Errors
    /// When the hub refuses or does not answer.
    pub async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        let hub = connection.hub().await?;
        let mut client = hub.service_accounts();
        match self {
            ServiceAccount::Create(create) => {
                let request = create.request();
                let answer = client.create_service_account(request).await.map_err(explained)?.into_inner();
                print_with_secret(output, answer.account, answer.secret, answer.warnings)?;
            }
            ServiceAccount::Classify(Classify { named, whose, undefined: _ }) => {
                let request = v1::ClassifyServiceAccountRequest {
                    company_id: named.company.clone(),
                    account_id: named.account.clone(),
                    account_type: Some(whose.message()),
                    etag: named.etag.clone(),
                    request_id: new_request_id(),
                };
                let answer = client.classify_service_account(request).await.map_err(explained)?.into_inner();
                print_account(output, answer.account, Vec::new())?;
            }
            ServiceAccount::Permissions(Permissions { named, tools, none: _ }) => {
                let request = v1::ChangeServiceAccountPermissionsRequest {
                    company_id: named.company.clone(),
                    account_id: named.account.clone(),
                    permissions: Some(tools.message()),
                    etag: named.etag.clone(),
                    request_id: new_request_id(),
                };
                let answer = client.change_service_account_permissions(request).await.map_err(explained)?.into_inner();
                print_account(output, answer.account, Vec::new())?;
            }
            ServiceAccount::Rotate(Rotate { named, reason }) => {
                let request = v1::RotateServiceAccountSecretRequest {
                    company_id: named.company.clone(),
                    account_id: named.account.clone(),
                    reason: reason.clone(),
                    etag: named.etag.clone(),
                    request_id: new_request_id(),
                };
                let answer = client.rotate_service_account_secret(request).await.map_err(explained)?.into_inner();
                print_with_secret(output, answer.account, answer.secret, Vec::new())?;
            }
            ServiceAccount::Remove(Remove { named, reason, acknowledge_recent_use }) => {
                let request = v1::RemoveServiceAccountRequest {
                    company_id: named.company.clone(),
                    account_id: named.account.clone(),
                    acknowledge_recent_use: *acknowledge_recent_use,
                    reason: reason.clone(),
                    etag: named.etag.clone(),
                    request_id: new_request_id(),
                };
                let answer = client.remove_service_account(request).await.map_err(explained)?.into_inner();
                print_account(output, answer.account, Vec::new())?;
            }
            ServiceAccount::Get { account } => {
                let request = v1::GetServiceAccountRequest { account_id: account.clone() };
                let answer = client.get_service_account(request).await.map_err(explained)?.into_inner();
                print_account(output, answer.account, Vec::new())?;
            }
            ServiceAccount::List(listing) => print_rows(output, &listing.all(&hub).await?)?,
            ServiceAccount::Extend(Extend { company, until, reason, approver, etag }) => {
                let request = v1::ExtendServiceAccountsRequest {
                    company_id: company.clone(),
                    until_time: Some(timestamp(until.instant)),
                    reason: reason.clone(),
                    approver: approver.clone(),
                    etag: etag.clone(),
                    request_id: new_request_id(),
                };
                let answer = client.extend_service_accounts(request).await.map_err(explained)?.into_inner();
                print_company(output, answer.company)?;
            }
            ServiceAccount::Shorten(Shorten { company, until, reason, etag }) => {
                let request = v1::ShortenServiceAccountExtensionRequest {
                    company_id: company.clone(),
                    until_time: until.as_ref().map(|until| timestamp(until.instant)),
                    reason: reason.clone(),
                    etag: etag.clone(),
                    request_id: new_request_id(),
                };
                let answer = client.shorten_service_account_extension(request).await.map_err(explained)?.into_inner();
                print_company(output, answer.company)?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Create {
    fn request(&self) -> v1::CreateServiceAccountRequest {
        let account = v1::ServiceAccount {
            account_id: self.id.clone(),
            company_id: self.company.clone(),
            client_id: self.client_id.clone(),
            name: self.name.clone(),
            account_type: Some(self.whose.message()),
            permissions: Some(self.tools.message()),
            create_time: self.created.as_ref().map(|moment| timestamp(moment.instant)),
            ..Default::default()
        };
        v1::CreateServiceAccountRequest { account: Some(account), request_id: new_request_id() }
    }
}

#[derive(Debug, Serialize)]
struct AccountAnswer {
    #[serde(flatten)]
    account: ServiceAccountView,
    warnings: Vec<String>,
}

fn print_account(output: Format, account: Option<v1::ServiceAccount>, warnings: Vec<String>) -> Result<()> {
    let account = account.context("the hub sent an empty answer; is it a devhub of this release?")?;
    let account = ServiceAccountView::from(account);
    let mut fields = account.fields();
    fields.push(("warning", warnings.join("\n")));
    print_one(output, &AccountAnswer { account, warnings }, &fields)
}

#[derive(Serialize)]
struct SecretAnswer {
    secret: String,
    #[serde(flatten)]
    account: ServiceAccountView,
    warnings: Vec<String>,
}

/// Prints an account with the secret that was made for it, if one was.
fn print_with_secret(
    output: Format,
    account: Option<v1::ServiceAccount>,
    secret: String,
    warnings: Vec<String>,
) -> Result<()> {
    if secret.is_empty() {
        return print_account(output, account, warnings);
    }
    let account = account.context("the hub sent an empty answer; is it a devhub of this release?")?;
    let account = ServiceAccountView::from(account);
    let mut fields = vec![("secret", secret.clone()), ("", "keep it now: it is never shown again".to_owned())];
    fields.extend(account.fields());
    fields.push(("warning", warnings.join("\n")));
    print_one(output, &SecretAnswer { secret, account, warnings }, &fields)
}

impl Listing {
    async fn all(&self, hub: &Hub) -> Result<Vec<ServiceAccountView>> {
        let request = v1::ListServiceAccountsRequest {
            company_id: self.company.clone().unwrap_or_default(),
            application_id: self.application.clone().unwrap_or_default(),
            undefined_only: self.undefined,
            show_removed: self.removed,
            page_size: PAGE,
            page_token: String::new(),
        };
        let all = all_pages!(hub.service_accounts(), list_service_accounts, accounts, request);
        Ok(all.into_iter().map(ServiceAccountView::from).collect())
    }
}
