//! `devhub subscribe` and `devhub unsubscribe`: one application, one version, and the way back.

use std::process::ExitCode;
use std::str::FromStr;

use anyhow::{Context, Result};
use clap::Args;
use devhub_proto::v1;

use super::connection::{Connection, new_request_id};
use super::failure::explained;
use super::output::{Format, print_one};
use super::view::subscription::SubscriptionView;

/// An application and a version.
#[derive(Debug, Clone, Args)]
struct Pair {
    /// Id of the application
    application: String,
    /// Context of the API, for example individuals/losses
    context: String,
    /// Label of the version, for example 1.10
    version: String,
}

/// A value of a subscription field.
#[derive(Debug, Clone)]
struct FieldValue {
    name: String,
    value: String,
}

impl FromStr for FieldValue {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<FieldValue, &'static str> {
        let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
        Ok(FieldValue { name: name.to_owned(), value: value.to_owned() })
    }
}

/// Arguments of `devhub subscribe`.
#[derive(Debug, Clone, Args)]
pub struct Subscribe {
    #[command(flatten)]
    pair: Pair,
    /// A value of a field that the version asks for; may be repeated
    #[arg(long = "field", value_name = "NAME=VALUE")]
    fields: Vec<FieldValue>,
}

/// Arguments of `devhub unsubscribe`.
#[derive(Debug, Clone, Args)]
pub struct Unsubscribe {
    #[command(flatten)]
    pair: Pair,
    /// You know that there is no way back to a deprecated version, but for a while by --undo
    #[arg(long, conflicts_with = "undo")]
    acknowledge_one_way: bool,
    /// Take the end of the subscription back: it goes on as it was
    #[arg(long)]
    undo: bool,
    /// Why
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    reason: String,
    /// The etag last read; refuse if somebody has changed the subscription since
    #[arg(long, value_name = "ETAG", default_value = "", hide_default_value = true)]
    etag: String,
}

fn print(output: Format, subscription: Option<v1::Subscription>) -> Result<ExitCode> {
    let subscription = subscription.context("the hub sent an empty answer; is it a devhub of this release?")?;
    let view = SubscriptionView::from(subscription);
    print_one(output, &view, &view.fields())?;
    Ok(ExitCode::SUCCESS)
}

impl Subscribe {
    /// Subscribes the application.
    ///
    /// # Errors
    /// When the hub refuses or does not answer.
    pub async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        let values = self.fields.iter().map(|field| (field.name.clone(), field.value.clone()));
        let request = v1::SubscribeRequest {
            application_id: self.pair.application.clone(),
            context: self.pair.context.clone(),
            version: self.pair.version.clone(),
            field_values: values.collect(),
            request_id: new_request_id(),
        };
        let hub = connection.hub().await?;
        print(output, hub.subscriptions().subscribe(request).await.map_err(explained)?.into_inner().subscription)
    }
}

impl Unsubscribe {
    /// Ends the subscription, or takes its end back.
    ///
    /// # Errors
    /// When the hub refuses or does not answer.
    pub async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        let hub = connection.hub().await?;
        let Pair { application, context, version } = self.pair.clone();
        let (reason, etag) = (self.reason.clone(), self.etag.clone());
        let subscription = if self.undo {
            let request = v1::UndoUnsubscribeRequest {
                application_id: application,
                context,
                version,
                reason,
                etag,
                request_id: new_request_id(),
            };
            hub.subscriptions().undo_unsubscribe(request).await.map_err(explained)?.into_inner().subscription
        } else {
            let request = v1::UnsubscribeRequest {
                application_id: application,
                context,
                version,
                acknowledge_one_way: self.acknowledge_one_way,
                reason,
                etag,
                request_id: new_request_id(),
            };
            hub.subscriptions().unsubscribe(request).await.map_err(explained)?.into_inner().subscription
        };
        print(output, subscription)
    }
}
