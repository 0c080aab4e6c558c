//! `devhub unused`: which applications are deleted because nobody uses them, and when.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use devhub_proto::v1;

use super::catalogue::read::PAGE;
use super::connection::Connection;
use super::failure::explained;
use super::output::{Format, print_rows};
use super::view::unused::UnusedView;
use super::words::Environment;

/// Arguments of `devhub unused`.
#[derive(Debug, Clone, Args)]
pub struct Unused {
    /// Only applications of this environment
    #[arg(long, value_enum)]
    environment: Option<Environment>,
    /// Only applications of this owner
    #[arg(long, value_name = "OWNER")]
    owner: Option<String>,
    /// Only applications with this collaborator
    #[arg(long, value_name = "E-MAIL")]
    collaborator: Option<String>,
}

impl Unused {
    /// Asks and prints, the next deletion first.
    ///
    /// # Errors
    /// When the hub does not answer.
    pub async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        let hub = connection.hub().await?;
        let mut request = v1::ListApplicationsRequest {
            environment: self.environment.map(|environment| environment.wire().into()).unwrap_or_default(),
            owner: self.owner.clone().unwrap_or_default(),
            collaborator: self.collaborator.clone().unwrap_or_default(),
            show_deleted: false,
            page_size: PAGE,
            page_token: String::new(),
            unused_only: true,
        };
        let mut found = Vec::new();
        loop {
            let page = hub.applications().list_applications(request.clone()).await.map_err(explained)?.into_inner();
            found.extend(page.applications);
            request.page_token = page.next_page_token;
            if request.page_token.is_empty() {
                break;
            }
        }
        let deletes_at = |application: &v1::Application| {
            let at = application.disuse.as_ref().and_then(|disuse| disuse.delete_time);
            at.map(|at| (at.seconds, at.nanos))
        };
        found.sort_by_key(deletes_at);
        print_rows(output, &found.into_iter().map(UnusedView::from).collect::<Vec<_>>())?;
        Ok(ExitCode::SUCCESS)
    }
}
