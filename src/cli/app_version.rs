//! `devhub app-version`: versions of applications.

use std::process::ExitCode;
use std::str::FromStr;

use anyhow::{Context, Result};
use clap::{Args, Subcommand, ValueEnum};
use devhub_proto::v1;

use super::catalogue::read::PAGE;
use super::connection::{Connection, Hub, new_request_id};
use super::failure::explained;
use super::output::{Format, print_one, print_rows};
use super::view::EMPTY_ANSWER;
use super::view::app::AppVersionView;

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum AppVersion {
    /// Make one; what it contains never changes
    Create(Create),
    /// Promote one to production
    Promote(Promote),
    /// Submit a further version of a listed application for review
    Submit(Named),
    /// Approve a submitted one
    Approve(Named),
    /// Show one
    Show {
        /// Id of the application
        application: String,
        /// Its number
        version: String,
    },
    /// Those of an application, newest first
    List {
        /// Id of the application
        application: String,
    },
}

/// What a version is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Component {
    /// A data connection in the name of each user
    UserLevel,
    /// A data connection with a service account of its own
    ServiceAccount,
    /// A page inside the product
    Embedded,
    /// A panel beside the pages of the product
    SidePanel,
}

impl Component {
    fn number(self) -> i32 {
        let component = match self {
            Component::UserLevel => v1::AppComponent::UserLevelConnection,
            Component::ServiceAccount => v1::AppComponent::ServiceAccountConnection,
            Component::Embedded => v1::AppComponent::Embedded,
            Component::SidePanel => v1::AppComponent::SidePanel,
        };
        component.into()
    }
}

/// A tool and how much of it is open, written `Directory=READ_ONLY`.
#[derive(Debug, Clone)]
pub struct Tool(v1::ToolPermission);

impl FromStr for Tool {
    type Err = String;

    fn from_str(text: &str) -> Result<Tool, String> {
        let rule = || format!("{text:?} is no permission; write TOOL=LEVEL with NONE, READ_ONLY, STANDARD or ADMIN");
        let (tool, level) = text.rsplit_once('=').ok_or_else(rule)?;
        let level = level.to_ascii_uppercase().replace('-', "_");
        let level = v1::ToolPermissionLevel::from_str_name(&format!("TOOL_PERMISSION_LEVEL_{level}"))
            .filter(|level| *level != v1::ToolPermissionLevel::Unspecified)
            .ok_or_else(rule)?;
        Ok(Tool(v1::ToolPermission { tool: tool.to_owned(), level: level.into() }))
    }
}

/// Arguments of `devhub app-version create`.
#[derive(Debug, Clone, Args)]
pub struct Create {
    /// Id of the application
    application: String,
    /// Its number, higher than that of every other version
    version: String,
    /// What it is made of; may be repeated
    #[arg(long = "component", value_enum, value_name = "COMPONENT", required = true)]
    components: Vec<Component>,
    /// What its service account may do with a tool of the company; may be repeated
    #[arg(long = "company-tool", value_name = "TOOL=LEVEL")]
    company: Vec<Tool>,
    /// What its service account may do with a tool of the permitted projects; may be repeated
    #[arg(long = "project-tool", value_name = "TOOL=LEVEL")]
    project: Vec<Tool>,
    /// What is new in it
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    release_notes: String,
    /// What to do after it was installed
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    post_install_notes: String,
    /// Where that is documented
    #[arg(long, value_name = "URL", default_value = "", hide_default_value = true)]
    post_install_uri: String,
}

/// Which version.
#[derive(Debug, Clone, Args)]
pub struct Named {
    /// Id of the application
    application: String,
    /// Its number
    version: String,
    /// The etag last read; refuse if somebody has changed it since
    #[arg(long, value_name = "ETAG", default_value = "", hide_default_value = true)]
    etag: String,
}

/// Arguments of `devhub app-version promote`.
#[derive(Debug, Clone, Args)]
pub struct Promote {
    #[command(flatten)]
    named: Named,
    /// Judge only, change nothing
    #[arg(long)]
    validate_only: bool,
}

fn print(output: Format, version: Option<v1::AppVersion>) -> Result<()> {
    let view = AppVersionView::from(version.context(EMPTY_ANSWER)?);
    print_one(output, &view, &view.fields())
}

impl Create {
    fn message(&self) -> v1::AppVersion {
        let tools = |tools: &[Tool]| tools.iter().map(|tool| tool.0.clone()).collect();
        v1::AppVersion {
            application_id: self.application.clone(),
            version: self.version.clone(),
            components: self.components.iter().map(|component| component.number()).collect(),
            permissions: Some(v1::ToolPermissions { company: tools(&self.company), project: tools(&self.project) }),
            release_notes: self.release_notes.clone(),
            post_install_notes: self.post_install_notes.clone(),
            post_install_uri: self.post_install_uri.clone(),
            ..Default::default()
        }
    }
}

impl AppVersion {
    /// Makes one, takes a step, shows or lists.
    ///
    /// # Errors
    /// When the hub refuses or does not answer.
    pub async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        let hub = connection.hub().await?;
        let mut client = hub.app_versions();
        match self {
            AppVersion::Create(create) => {
                let (app_version, request_id) = (Some(create.message()), new_request_id());
                let request = v1::CreateAppVersionRequest { app_version, request_id };
                let answer = client.create_app_version(request).await.map_err(explained)?.into_inner();
                print(output, answer.app_version)?;
            }
            AppVersion::Promote(Promote { named, validate_only }) => {
                let request = v1::PromoteAppVersionRequest {
                    application_id: named.application.clone(),
                    version: named.version.clone(),
                    etag: named.etag.clone(),
                    request_id: new_request_id(),
                    validate_only: *validate_only,
                };
                let answer = client.promote_app_version(request).await.map_err(explained)?.into_inner();
                print(output, answer.app_version)?;
            }
            AppVersion::Submit(named) => {
                let request = v1::SubmitAppVersionRequest {
                    application_id: named.application.clone(),
                    version: named.version.clone(),
                    etag: named.etag.clone(),
                    request_id: new_request_id(),
                };
                let answer = client.submit_app_version(request).await.map_err(explained)?.into_inner();
                print(output, answer.app_version)?;
            }
            AppVersion::Approve(named) => {
                let request = v1::ApproveAppVersionRequest {
                    application_id: named.application.clone(),
                    version: named.version.clone(),
                    etag: named.etag.clone(),
                    request_id: new_request_id(),
                };
                let answer = client.approve_app_version(request).await.map_err(explained)?.into_inner();
                print(output, answer.app_version)?;
            }
            AppVersion::Show { application, version } => {
                let (application_id, version) = (application.clone(), version.clone());
                let request = v1::GetAppVersionRequest { application_id, version };
                let answer = client.get_app_version(request).await.map_err(explained)?.into_inner();
                print(output, answer.app_version)?;
            }
            AppVersion::List { application } => print_rows(output, &all(&hub, application).await?)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn all(hub: &Hub, application: &str) -> Result<Vec<AppVersionView>> {
    let mut request =
        v1::ListAppVersionsRequest { application_id: application.to_owned(), page_size: PAGE, ..Default::default() };
    let mut rows = Vec::new();
    loop {
        let page = hub.app_versions().list_app_versions(request.clone()).await.map_err(explained)?.into_inner();
        rows.extend(page.app_versions.into_iter().map(AppVersionView::from));
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            return Ok(rows);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permission_names_tool_and_level() {
        let tool = |text: &str| text.parse::<Tool>().map(|tool| (tool.0.tool, tool.0.level));
        assert_eq!(tool("Directory=READ_ONLY").expect("valid"), ("Directory".to_owned(), 2));
        assert_eq!(tool("A=B=admin").expect("valid"), ("A=B".to_owned(), 4));
        for text in ["Directory", "Directory=", "Directory=WRITE", "Directory=unspecified"] {
            assert!(tool(text).expect_err(text).contains("TOOL=LEVEL"));
        }
    }
}
