//! `devhub secret`: secrets of applications.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use devhub_proto::v1;
use serde::Serialize;

use super::catalogue::read::PAGE;
use super::connection::{Connection, Hub, new_request_id};
use super::date::Moment;
use super::failure::explained;
use super::output::{Format, print_one, print_rows};
use super::view::secret::SecretView;
use crate::wire::timestamp;

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Secret {
    /// Make one and print it, once
    Create(Create),
    /// Those that there are, without their texts
    List(Listing),
    /// End one at once
    Revoke(Revoke),
}

/// Arguments of `devhub secret create`.
#[derive(Debug, Clone, Args)]
pub struct Create {
    /// Id of the application
    application: String,
    /// Name to know it by, for example that of the machine that uses it
    #[arg(long, value_name = "NAME")]
    name: String,
    /// First instant at which it no longer verifies: RFC 3339, or a date such as "2027-07-31 end-of-day Europe/London"
    #[arg(long, value_name = "INSTANT")]
    expires: Option<Moment>,
}

/// Arguments of `devhub secret list`.
#[derive(Debug, Clone, Args)]
pub struct Listing {
    /// Id of the application
    application: String,
}

/// Arguments of `devhub secret revoke`.
#[derive(Debug, Clone, Args)]
pub struct Revoke {
    /// Id of the application
    application: String,
    /// Id of the secret
    secret_id: String,
    /// Why
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    reason: String,
}

#[derive(Serialize)]
struct SecretAnswer {
    secret: String,
    #[serde(flatten)]
    view: SecretView,
}

impl Secret {
    /// Makes, lists or revokes.
    ///
    /// # Errors
    /// When the hub refuses or does not answer.
    pub async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        let hub = connection.hub().await?;
        match self {
            Secret::Create(command) => command.run(&hub, output).await?,
            Secret::List(Listing { application }) => print_rows(output, &all(&hub, application).await?)?,
            Secret::Revoke(Revoke { application, secret_id, reason }) => {
                let request = v1::RevokeClientSecretRequest {
                    application_id: application.clone(),
                    client_secret_id: secret_id.clone(),
                    reason: reason.clone(),
                    request_id: new_request_id(),
                };
                let answer = hub.credentials().revoke_client_secret(request).await.map_err(explained)?.into_inner();
                print_rows(output, &answer.client_secrets.into_iter().map(SecretView::from).collect::<Vec<_>>())?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Create {
    async fn run(&self, hub: &Hub, output: Format) -> Result<()> {
        let request = v1::CreateClientSecretRequest {
            application_id: self.application.clone(),
            name: self.name.clone(),
            expire_time: self.expires.as_ref().map(|moment| timestamp(moment.instant)),
            request_id: new_request_id(),
        };
        let answer = hub.credentials().create_client_secret(request).await.map_err(explained)?.into_inner();
        let made = answer.client_secret.context("the hub sent an empty answer; is it a devhub of this release?")?;
        let view = SecretView::from(made);
        let mut fields =
            vec![("secret", answer.secret.clone()), ("", "keep it now: it is never shown again".to_owned())];
        fields.extend(view.fields());
        print_one(output, &SecretAnswer { secret: answer.secret, view }, &fields)
    }
}

async fn all(hub: &Hub, application: &str) -> Result<Vec<SecretView>> {
    let mut request = v1::ListClientSecretsRequest {
        application_id: application.to_owned(),
        page_size: PAGE,
        page_token: String::new(),
    };
    let mut rows = Vec::new();
    loop {
        let page = hub.credentials().list_client_secrets(request.clone()).await.map_err(explained)?.into_inner();
        rows.extend(page.client_secrets.into_iter().map(SecretView::from));
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            return Ok(rows);
        }
    }
}
