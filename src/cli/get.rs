//! `devhub get`: one thing.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Subcommand;
use devhub_proto::v1;
use serde::Serialize;

use super::connection::{Connection, Hub};
use super::failure::explained;
use super::output::{Format, print_one};
use super::view::api::ApiView;
use super::view::application::ApplicationView;
use super::view::subscription::SubscriptionView;
use super::view::version::VersionView;

/// What to show.
#[derive(Debug, Clone, Subcommand)]
pub enum Get {
    /// An API
    Api {
        /// Its context
        context: String,
    },
    /// A version
    Version {
        /// Context of its API
        context: String,
        /// Its label
        version: String,
    },
    /// An application
    Application {
        /// Its id
        application: String,
    },
    /// The latest subscription of an application to a version
    Subscription {
        /// Id of the application
        application: String,
        /// Context of the API
        context: String,
        /// Label of the version
        version: String,
    },
}

/// The hub answered without what was asked for, which the contract rules out.
const EMPTY_ANSWER: &str = "the hub sent an empty answer; is it a devhub of this release?";

#[derive(Debug, Serialize)]
struct VersionAnswer {
    #[serde(flatten)]
    version: VersionView,
    instead: Vec<InsteadView>,
}

#[derive(Debug, Serialize)]
struct InsteadView {
    environment: String,
    version: String,
}

impl Get {
    /// Asks and prints.
    ///
    /// # Errors
    /// When there is no such thing or the hub does not answer.
    pub async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        let hub = connection.hub().await?;
        match self {
            Get::Api { context } => {
                let request = v1::GetApiRequest { context: context.clone() };
                let answer = hub.apis().get_api(request).await.map_err(explained)?.into_inner();
                let view = ApiView::from(answer.api.context(EMPTY_ANSWER)?);
                print_one(output, &view, &view.fields())?;
            }
            Get::Version { context, version } => print_version(&hub, output, context, version).await?,
            Get::Application { application } => {
                let request = v1::GetApplicationRequest { application_id: application.clone() };
                let answer = hub.applications().get_application(request).await.map_err(explained)?.into_inner();
                let view = ApplicationView::from(answer.application.context(EMPTY_ANSWER)?);
                print_one(output, &view, &view.fields())?;
            }
            Get::Subscription { application, context, version } => {
                let request = v1::GetSubscriptionRequest {
                    application_id: application.clone(),
                    context: context.clone(),
                    version: version.clone(),
                };
                let answer = hub.subscriptions().get_subscription(request).await.map_err(explained)?.into_inner();
                let view = SubscriptionView::from(answer.subscription.context(EMPTY_ANSWER)?);
                print_one(output, &view, &view.fields())?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn print_version(hub: &Hub, output: Format, context: &str, version: &str) -> Result<()> {
    let request = v1::GetApiVersionRequest { context: context.to_owned(), version: version.to_owned() };
    let answer = hub.apis().get_api_version(request).await.map_err(explained)?.into_inner();
    let instead = answer.instead.into_iter().map(|default| InsteadView {
        environment: super::words::wire_name(default.environment, v1::Environment::as_str_name, "ENVIRONMENT_"),
        version: default.version,
    });
    let view =
        VersionAnswer { version: VersionView::from(answer.version.context(EMPTY_ANSWER)?), instead: instead.collect() };
    let mut fields = view.version.fields();
    let instead = view.instead.iter().map(|instead| format!("{} {}", instead.environment, instead.version));
    fields.push(("read instead", instead.collect::<Vec<_>>().join(", ")));
    print_one(output, &view, &fields)
}
