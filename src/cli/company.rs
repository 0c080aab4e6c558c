//! `devhub company`: the customers whose data is called for.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{ArgGroup, Args, Subcommand};
use devhub_proto::v1;

use super::catalogue::read::PAGE;
use super::connection::{Connection, new_request_id};
use super::failure::explained;
use super::output::{Format, print_one, print_rows};
use super::pages::all_pages;
use super::view::company::CompanyView;
use super::words::Tenancy;

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Company {
    /// Register one; operators only
    Create(Create),
    /// Change what is known about one; what is left out stays
    Update(Update),
    /// Show one
    Get {
        /// Its id
        company: String,
    },
    /// List them
    List {
        /// Only those that this person decides for
        #[arg(long, value_name = "E-MAIL")]
        administrator: Option<String>,
    },
}

/// Arguments of `devhub company create`.
#[derive(Debug, Clone, Args)]
pub struct Create {
    /// Its id: what gateways read in the header that names the company of a call
    company: String,
    /// Name shown to people
    #[arg(long, value_name = "TEXT")]
    name: String,
    /// What its data is; never changes
    #[arg(long, value_enum, value_name = "TENANCY", default_value_t = Tenancy::Production)]
    tenancy: Tenancy,
    /// Where its data lies
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    region: String,
    /// Zone in which its people read dates, for example America/Los_Angeles
    #[arg(long, value_name = "ZONE", default_value = "", hide_default_value = true)]
    zone: String,
    /// Somebody who decides for it; may be repeated
    #[arg(long = "administrator", value_name = "E-MAIL", required = true)]
    administrators: Vec<String>,
}

/// Arguments of `devhub company update`.
#[derive(Debug, Clone, Args)]
#[command(group = ArgGroup::new("new").required(true).multiple(true).args(["name", "region", "zone", "administrators"]))]
pub struct Update {
    /// Its id
    company: String,
    /// New name
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// New region
    #[arg(long, value_name = "TEXT")]
    region: Option<String>,
    /// New zone
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    /// Who decides for it from now on, all of them; may be repeated
    #[arg(long = "administrator", value_name = "E-MAIL")]
    administrators: Vec<String>,
    /// The etag last read; refuse if somebody has changed it since
    #[arg(long, value_name = "ETAG", default_value = "", hide_default_value = true)]
    etag: String,
}

/// Prints a company.
///
/// # Errors
/// When the hub sent none, or the output cannot be written.
pub fn print_company(output: Format, company: Option<v1::Company>) -> Result<()> {
    let view = CompanyView::from(company.context("the hub sent an empty answer; is it a devhub of this release?")?);
    print_one(output, &view, &view.fields())
}

impl Company {
    /// Registers, changes, shows or lists.
    ///
    /// # Errors
    /// When the hub refuses or does not answer.
    pub async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        let hub = connection.hub().await?;
        match self {
            Company::Create(create) => {
                let company = v1::Company {
                    company_id: create.company.clone(),
                    name: create.name.clone(),
                    tenancy: create.tenancy.wire().into(),
                    region: create.region.clone(),
                    zone: create.zone.clone(),
                    administrators: create.administrators.clone(),
                    ..Default::default()
                };
                let request = v1::CreateCompanyRequest { company: Some(company), request_id: new_request_id() };
                let answer = hub.companies().create_company(request).await.map_err(explained)?.into_inner();
                print_company(output, answer.company)?;
            }
            Company::Update(update) => {
                let request = v1::UpdateCompanyRequest {
                    company_id: update.company.clone(),
                    name: update.name.clone(),
                    region: update.region.clone(),
                    zone: update.zone.clone(),
                    administrators: update.administrators.clone(),
                    etag: update.etag.clone(),
                    request_id: new_request_id(),
                };
                let answer = hub.companies().update_company(request).await.map_err(explained)?.into_inner();
                print_company(output, answer.company)?;
            }
            Company::Get { company } => {
                let request = v1::GetCompanyRequest { company_id: company.clone() };
                let answer = hub.companies().get_company(request).await.map_err(explained)?.into_inner();
                print_company(output, answer.company)?;
            }
            Company::List { administrator } => {
                let request = v1::ListCompaniesRequest {
                    administrator: administrator.clone().unwrap_or_default(),
                    page_size: PAGE,
                    page_token: String::new(),
                };
                let all = all_pages!(hub.companies(), list_companies, companies, request);
                print_rows(output, &all.into_iter().map(CompanyView::from).collect::<Vec<_>>())?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
