//! `devhub exempt`: an application's part in the brownouts of a version.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use devhub_proto::v1;

use super::connection::{Connection, new_request_id};
use super::failure::explained;
use super::output::{Format, print_one};
use super::view::access::ExemptionView;

/// Arguments of `devhub exempt`.
#[derive(Debug, Clone, Args)]
pub struct Exempt {
    /// Id of the application
    application: String,
    /// Context of the API
    context: String,
    /// Label of the version
    version: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// End the exemption: brownouts deny its calls again
    #[arg(long)]
    remove: bool,
    /// The etag last read; refuse if somebody has changed it since
    #[arg(long, value_name = "ETAG", default_value = "", hide_default_value = true)]
    etag: String,
}

impl Exempt {
    /// Exempts the application, or ends its exemption.
    ///
    /// # Errors
    /// When the hub refuses or does not answer.
    pub async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        let hub = connection.hub().await?;
        let exemption = if self.remove {
            let request = v1::RemoveBrownoutExemptionRequest {
                application_id: self.application.clone(),
                context: self.context.clone(),
                version: self.version.clone(),
                reason: self.reason.clone(),
                etag: self.etag.clone(),
                request_id: new_request_id(),
            };
            hub.subscriptions().remove_brownout_exemption(request).await.map_err(explained)?.into_inner().exemption
        } else {
            let request = v1::ExemptFromBrownoutsRequest {
                application_id: self.application.clone(),
                context: self.context.clone(),
                version: self.version.clone(),
                reason: self.reason.clone(),
                etag: self.etag.clone(),
                request_id: new_request_id(),
            };
            hub.subscriptions().exempt_from_brownouts(request).await.map_err(explained)?.into_inner().exemption
        };
        let exemption = exemption.context("the hub sent an empty answer; is it a devhub of this release?")?;
        let view = ExemptionView::from(exemption);
        print_one(output, &view, &view.fields())?;
        Ok(ExitCode::SUCCESS)
    }
}
