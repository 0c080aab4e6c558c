//! `devhub usage`: who still calls a version, or what an application still calls.

use std::process::ExitCode;

use anyhow::Result;
use clap::{ArgGroup, Args};
use devhub_proto::v1;

use super::catalogue::read::PAGE;
use super::connection::{Connection, Hub};
use super::failure::explained;
use super::output::{Format, print_rows, print_text};
use super::view::brief_text;
use super::view::unused::DisuseView;
use super::view::usage::{ClassCountView, UsageView};
use super::words::{Environment, UsageClass};
use crate::wire::instant;

/// Arguments of `devhub usage`.
#[derive(Debug, Clone, Args)]
#[command(group = ArgGroup::new("of").required(true).args(["context", "application"]))]
pub struct Usage {
    /// Context of the API
    #[arg(requires = "version")]
    context: Option<String>,
    /// Label of the version
    version: Option<String>,
    /// What this application calls, instead of who calls a version
    #[arg(long, value_name = "ID", conflicts_with = "version")]
    application: Option<String>,
    /// Only applications of this environment
    #[arg(long, value_enum)]
    environment: Option<Environment>,
    /// Only subscriptions of this class
    #[arg(long, value_enum)]
    class: Option<UsageClass>,
    /// Tell the calls of each day too (JSON and YAML)
    #[arg(long)]
    daily: bool,
    /// Only how many subscriptions to the version are of each class
    #[arg(long, conflicts_with_all = ["application", "class", "daily"])]
    summary: bool,
}

impl Usage {
    /// Asks and prints.
    ///
    /// # Errors
    /// When there is no such thing or the hub does not answer.
    pub async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        let hub = connection.hub().await?;
        let since = if self.summary { self.summarize(&hub, output).await? } else { self.list(&hub, output).await? };
        if let (Format::Table, Some(since)) = (output, since.as_ref().and_then(instant)) {
            print_text(&format!("counting since {}\n", brief_text(since)))?;
        }
        if let (Format::Table, Some(id)) = (output, &self.application) {
            let request = v1::GetApplicationRequest { application_id: id.clone() };
            let answer = hub.applications().get_application(request).await.map_err(explained)?.into_inner();
            if let Some(disuse) = answer.application.and_then(|application| application.disuse) {
                print_text(&format!("{}\n", DisuseView::from(disuse).text()))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    fn environment(&self) -> i32 {
        self.environment.map(|environment| environment.wire().into()).unwrap_or_default()
    }

    async fn summarize(&self, hub: &Hub, output: Format) -> Result<Option<prost_types::Timestamp>> {
        let request = v1::GetUsageSummaryRequest {
            context: self.context.clone().unwrap_or_default(),
            version: self.version.clone().unwrap_or_default(),
            environment: self.environment(),
        };
        let answer = hub.usage().get_usage_summary(request).await.map_err(explained)?.into_inner();
        let since = answer.counting_since;
        print_rows(output, &ClassCountView::all(answer))?;
        Ok(since)
    }

    async fn list(&self, hub: &Hub, output: Format) -> Result<Option<prost_types::Timestamp>> {
        let mut request = v1::ListUsageRequest {
            application_id: self.application.clone().unwrap_or_default(),
            context: self.context.clone().unwrap_or_default(),
            version: self.version.clone().unwrap_or_default(),
            environment: self.environment(),
            usage_class: self.class.map(|class| class.wire().into()).unwrap_or_default(),
            show_daily_calls: self.daily,
            page_size: PAGE,
            page_token: String::new(),
        };
        let mut rows = Vec::new();
        loop {
            let page = hub.usage().list_usage(request.clone()).await.map_err(explained)?.into_inner();
            let since = page.counting_since;
            rows.extend(page.usages.into_iter().map(|usage| UsageView::of(usage, since)));
            request.page_token = page.next_page_token;
            if request.page_token.is_empty() {
                print_rows(output, &rows)?;
                return Ok(since);
            }
        }
    }
}
