//! `devhub project`: the projects of a company, by which access to its data is permitted.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Subcommand;
use devhub_proto::v1;

use super::catalogue::read::PAGE;
use super::connection::{Connection, new_request_id};
use super::failure::explained;
use super::output::{Format, print_one, print_rows};
use super::pages::all_pages;
use super::view::company::ProjectView;

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Project {
    /// Register one, or rename it
    Put {
        /// Id of the company
        company: String,
        /// Its id among those of the company
        project: String,
        /// Name shown to people
        #[arg(long, value_name = "TEXT")]
        name: String,
    },
    /// List those of a company
    List {
        /// Id of the company
        company: String,
    },
}

impl Project {
    /// Registers or lists.
    ///
    /// # Errors
    /// When the hub refuses or does not answer.
    pub async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        let hub = connection.hub().await?;
        match self {
            Project::Put { company, project, name } => {
                let project = v1::Project {
                    company_id: company.clone(),
                    project_id: project.clone(),
                    name: name.clone(),
                    create_time: None,
                };
                let request = v1::PutProjectRequest { project: Some(project), request_id: new_request_id() };
                let answer = hub.companies().put_project(request).await.map_err(explained)?.into_inner();
                let project =
                    answer.project.context("the hub sent an empty answer; is it a devhub of this release?")?;
                let view = ProjectView::from(project);
                print_one(output, &view, &view.fields())?;
            }
            Project::List { company } => {
                let request =
                    v1::ListProjectsRequest { company_id: company.clone(), page_size: PAGE, page_token: String::new() };
                let all = all_pages!(hub.companies(), list_projects, projects, request);
                print_rows(output, &all.into_iter().map(ProjectView::from).collect::<Vec<_>>())?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
