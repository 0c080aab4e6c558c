//! `devhub install`, `uninstall`, `update-installation` and `permit`: which company runs what, and where.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use devhub_proto::v1;

use super::connection::{Connection, new_request_id};
use super::failure::explained;
use super::output::{Format, print_one};
use super::view::EMPTY_ANSWER;
use super::view::installation::InstallationView;

/// Which installation.
#[derive(Debug, Clone, Args)]
pub struct Named {
    /// Id of the application
    application: String,
    /// Id of the company
    company: String,
    /// The etag last read; refuse if somebody has changed it since
    #[arg(long, value_name = "ETAG", default_value = "", hide_default_value = true)]
    etag: String,
}

/// Which projects.
#[derive(Debug, Clone, Args)]
#[group(multiple = false)]
pub struct Projects {
    /// Permit all projects, those to come included
    #[arg(long)]
    all_projects: bool,
    /// Permit no project
    #[arg(long)]
    no_project: bool,
    /// Permit this project; may be repeated
    #[arg(long = "project", value_name = "ID")]
    projects: Vec<String>,
}

impl Projects {
    /// What was said of projects, if anything was.
    fn message(&self) -> Option<v1::PermittedProjects> {
        let given = self.all_projects || self.no_project || !self.projects.is_empty();
        given.then(|| v1::PermittedProjects { all: self.all_projects, project_ids: self.projects.clone() })
    }
}

/// Which version, and with whose approval.
#[derive(Debug, Clone, Args)]
pub struct Chosen {
    /// Number of the version [default: the newest that is available to the company]
    #[arg(long, value_name = "VERSION", default_value = "", hide_default_value = true)]
    version: String,
    /// The company approves of what the version may do beyond the one before; its administrators only
    #[arg(long)]
    approve_wider_permissions: bool,
}

/// Arguments of `devhub install`.
#[derive(Debug, Clone, Args)]
pub struct Install {
    #[command(flatten)]
    named: Named,
    #[command(flatten)]
    chosen: Chosen,
    #[command(flatten)]
    projects: Projects,
}

/// Arguments of `devhub update-installation`.
#[derive(Debug, Clone, Args)]
pub struct Update {
    #[command(flatten)]
    named: Named,
    #[command(flatten)]
    chosen: Chosen,
}

/// Arguments of `devhub uninstall`.
#[derive(Debug, Clone, Args)]
pub struct Uninstall {
    #[command(flatten)]
    named: Named,
    /// Why
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    reason: String,
}

/// Arguments of `devhub permit`.
#[derive(Debug, Clone, Args)]
pub struct Permit {
    #[command(flatten)]
    named: Named,
    #[command(flatten)]
    projects: Projects,
}

fn print(output: Format, installation: Option<v1::Installation>) -> Result<ExitCode> {
    let view = InstallationView::from(installation.context(EMPTY_ANSWER)?);
    print_one(output, &view, &view.fields())?;
    Ok(ExitCode::SUCCESS)
}

impl Install {
    /// Installs and prints.
    ///
    /// # Errors
    /// When the hub refuses or does not answer.
    pub async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        let request = v1::InstallRequest {
            application_id: self.named.application.clone(),
            company_id: self.named.company.clone(),
            version: self.chosen.version.clone(),
            permitted_projects: self.projects.message(),
            approve_wider_permissions: self.chosen.approve_wider_permissions,
            etag: self.named.etag.clone(),
            request_id: new_request_id(),
        };
        let hub = connection.hub().await?;
        print(output, hub.installations().install(request).await.map_err(explained)?.into_inner().installation)
    }
}

impl Update {
    /// Updates and prints.
    ///
    /// # Errors
    /// When the hub refuses or does not answer.
    pub async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        let request = v1::UpdateInstallationRequest {
            application_id: self.named.application.clone(),
            company_id: self.named.company.clone(),
            version: self.chosen.version.clone(),
            approve_wider_permissions: self.chosen.approve_wider_permissions,
            etag: self.named.etag.clone(),
            request_id: new_request_id(),
        };
        let hub = connection.hub().await?;
        let answer = hub.installations().update_installation(request).await.map_err(explained)?.into_inner();
        print(output, answer.installation)
    }
}

impl Uninstall {
    /// Uninstalls and prints.
    ///
    /// # Errors
    /// When the hub refuses or does not answer.
    pub async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        let request = v1::UninstallRequest {
            application_id: self.named.application.clone(),
            company_id: self.named.company.clone(),
            reason: self.reason.clone(),
            etag: self.named.etag.clone(),
            request_id: new_request_id(),
        };
        let hub = connection.hub().await?;
        print(output, hub.installations().uninstall(request).await.map_err(explained)?.into_inner().installation)
    }
}

impl Permit {
    /// Sets the permitted projects and prints.
    ///
    /// # Errors
    /// When the hub refuses or does not answer.
    pub async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        let request = v1::SetPermittedProjectsRequest {
            application_id: self.named.application.clone(),
            company_id: self.named.company.clone(),
            permitted_projects: self.projects.message(),
            etag: self.named.etag.clone(),
            request_id: new_request_id(),
        };
        let hub = connection.hub().await?;
        let answer = hub.installations().set_permitted_projects(request).await.map_err(explained)?.into_inner();
        print(output, answer.installation)
    }
}
