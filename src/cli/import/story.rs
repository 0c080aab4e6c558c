//! Imports as parts of the demonstration: texts that are built in, and verdicts that are told in a sentence.

use anyhow::Result;
use devhub_proto::v1;

use super::accounts::Account;
use super::companies;
use super::installations::Installation;
use super::stream;
use crate::cli::connection::Hub;

/// Companies, accounts and installations, as files have them.
pub struct Inventory {
    /// Companies.
    pub companies: &'static str,
    /// Traditional service accounts.
    pub accounts: &'static str,
    /// Which company runs what.
    pub installations: &'static str,
}

/// What became of it.
#[derive(Debug, Default)]
pub struct Brought {
    /// Rows that were not in the hub before.
    pub imported: usize,
    /// Why the others are not.
    pub refused: Vec<String>,
}

impl Brought {
    fn hear(&mut self, verdicts: Vec<v1::ImportVerdict>) {
        for verdict in verdicts {
            match verdict.outcome() {
                v1::ImportOutcome::Imported => self.imported += 1,
                v1::ImportOutcome::Unchanged => {}
                v1::ImportOutcome::Refused | v1::ImportOutcome::Unspecified => self.refused.push(verdict.message),
            }
        }
    }
}

impl Inventory {
    /// Registers the companies and their projects.
    ///
    /// # Errors
    /// When one of them is refused.
    pub async fn companies(&self, hub: &Hub) -> Result<usize> {
        let companies = companies::companies(self.companies, "companies")?;
        let count = companies.len();
        for company in companies {
            let request = v1::CreateCompanyRequest { company: Some(company), request_id: String::new() };
            hub.companies().create_company(request).await?;
        }
        let installations = stream::items::<Installation, 6>(self.installations, "installations")?;
        for installation in installations {
            // A project that an installation may reach is one that its company has.
            for project_id in installation.permitted_projects.unwrap_or_default().project_ids {
                let name = project_id.replace('-', " ");
                let company_id = installation.company_id.clone();
                let project = Some(v1::Project { company_id, project_id, name, create_time: None });
                let request = v1::PutProjectRequest { project, request_id: String::new() };
                hub.companies().put_project(request).await?;
            }
        }
        Ok(count)
    }

    /// Brings the accounts.
    ///
    /// # Errors
    /// When the hub does not answer.
    pub async fn accounts(&self, hub: &Hub) -> Result<Brought> {
        let accounts = stream::items::<Account, 10>(self.accounts, "accounts")?;
        let message = v1::ImportServiceAccountsRequest { accounts, validate_only: false };
        let request = tokio_stream::iter([message]);
        let mut answers = hub.service_accounts().import_service_accounts(request).await?.into_inner();
        let mut brought = Brought::default();
        while let Some(answer) = answers.message().await? {
            brought.hear(answer.verdicts);
        }
        Ok(brought)
    }

    /// Brings the installations.
    ///
    /// # Errors
    /// When the hub does not answer.
    pub async fn installations(&self, hub: &Hub) -> Result<Brought> {
        let installations = stream::items::<Installation, 6>(self.installations, "installations")?;
        let message = v1::ImportInstallationsRequest { installations, validate_only: false };
        let request = tokio_stream::iter([message]);
        let mut answers = hub.installations().import_installations(request).await?.into_inner();
        let mut brought = Brought::default();
        while let Some(answer) = answers.message().await? {
            brought.hear(answer.verdicts);
        }
        Ok(brought)
    }
}
