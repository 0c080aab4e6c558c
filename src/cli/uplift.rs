//! `devhub uplift`: a production application from a sandbox one.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use devhub_proto::v1;
use serde::Serialize;

use super::connection::{Connection, new_request_id};
use super::failure::explained;
use super::lifecycle::successor::version_name;
use super::output::{Format, print_one};
use super::view::NameView;
use super::view::application::ApplicationView;

/// Arguments of `devhub uplift`.
#[derive(Debug, Clone, Args)]
pub struct Uplift {
    /// Id of the sandbox application
    application: String,
    /// Id of the production application [default: made by the hub]
    #[arg(long, value_name = "ID", default_value = "", hide_default_value = true)]
    id: String,
    /// Its name [default: that of the sandbox application]
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    name: String,
    /// What it does [default: what the sandbox application does]
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Carry only the subscription to this version; may be repeated
    #[arg(long, num_args = 2, value_names = ["CONTEXT", "VERSION"], conflicts_with = "without_subscriptions")]
    only: Vec<String>,
    /// Carry no subscription
    #[arg(long)]
    without_subscriptions: bool,
}

#[derive(Debug, Serialize)]
struct UpliftView {
    application: ApplicationView,
    carried: Vec<NameView>,
    dropped: Vec<DroppedView>,
    revision: u64,
}

#[derive(Debug, Serialize)]
struct DroppedView {
    #[serde(flatten)]
    version: NameView,
    reason: String,
    message: String,
}

impl From<v1::DroppedVersion> for DroppedView {
    fn from(dropped: v1::DroppedVersion) -> DroppedView {
        let version = NameView::from(dropped.version.unwrap_or_default());
        DroppedView { version, reason: dropped.reason, message: dropped.message }
    }
}

impl Uplift {
    /// Makes it, and says what was carried and what was not.
    ///
    /// # Errors
    /// When the hub refuses or does not answer.
    pub async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        let versions = self.only.chunks(2).filter_map(|pair| match pair {
            [context, version] => Some(version_name(context, version)),
            _ => None,
        });
        let request = v1::UpliftApplicationRequest {
            application_id: self.application.clone(),
            production_application_id: self.id.clone(),
            name: self.name.clone(),
            description: self.description.clone(),
            versions: versions.collect(),
            without_subscriptions: self.without_subscriptions,
            request_id: new_request_id(),
        };
        let hub = connection.hub().await?;
        let answer = hub.applications().uplift_application(request).await.map_err(explained)?.into_inner();
        let application =
            answer.application.context("the hub sent an empty answer; is it a devhub of this release?")?;
        let view = UpliftView {
            application: application.into(),
            carried: answer.carried.into_iter().map(NameView::from).collect(),
            dropped: answer.dropped.into_iter().map(DroppedView::from).collect(),
            revision: answer.revision,
        };
        let carried = view.carried.iter().map(|name| format!("{} {}", name.context, name.version));
        let dropped = view.dropped.iter().map(|dropped| {
            let NameView { context, version } = &dropped.version;
            format!("{context} {version}: {} [{}]", dropped.message, dropped.reason)
        });
        let mut fields = view.application.fields();
        fields.push(("carried", carried.collect::<Vec<_>>().join("\n")));
        fields.push(("dropped", dropped.collect::<Vec<_>>().join("\n")));
        print_one(output, &view, &fields)?;
        Ok(ExitCode::SUCCESS)
    }
}
