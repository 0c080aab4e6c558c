//! `devhub watch`: what happens, as it happens.

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args;
use devhub_proto::v1;

use super::connection::Connection;
use super::failure::explained;
use super::list::FactFilter;
use super::output::{Format, print_text, visible};
use super::view::fact::FactView;

/// Arguments of `devhub watch`.
#[derive(Debug, Clone, Args)]
pub struct Watch {
    #[command(flatten)]
    filter: FactFilter,
    /// Start after this revision; 0 starts with the first fact
    #[arg(long, default_value_t = 0, value_name = "REVISION")]
    after_revision: u64,
    /// Stop after this many facts
    #[arg(long, value_name = "COUNT")]
    count: Option<u64>,
}

impl Watch {
    /// Follows and prints facts until the hub goes away or enough were seen.
    ///
    /// # Errors
    /// When the hub ends the stream.
    pub async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        let hub = connection.hub_without_timeout().await?;
        let request = v1::FollowFactsRequest {
            filter: Some(self.filter.message()?),
            after_revision: self.after_revision,
            epoch: String::new(),
        };
        let mut stream = hub.facts().follow_facts(request).await.map_err(explained)?.into_inner();
        let mut left = self.count.unwrap_or(u64::MAX);
        let mut seen = self.after_revision;
        while left > 0 {
            let Some(part) = stream.message().await.map_err(explained)? else {
                bail!("the hub ended the stream; go on with --after-revision {seen}");
            };
            for fact in part.facts {
                if left == 0 {
                    break;
                }
                print_fact(output, &FactView::from(fact))?;
                left -= 1;
            }
            seen = part.revision;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// One fact per line, or one document per fact.
fn print_fact(output: Format, fact: &FactView) -> Result<()> {
    print_text(&match output {
        Format::Table => visible(&fact.line()) + "\n",
        Format::Json => serde_json::to_string(fact)? + "\n",
        Format::Yaml => format!("---\n{}", serde_saphyr::to_string(fact)?),
    })
}
