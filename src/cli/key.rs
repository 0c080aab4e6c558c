//! `devhub key`: public keys of applications.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use devhub_proto::v1;

use super::catalogue::read::PAGE;
use super::connection::{Connection, Hub, new_request_id};
use super::date::Moment;
use super::failure::explained;
use super::output::{Format, print_one, print_rows};
use super::view::key::KeyView;
use crate::wire::timestamp;

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Key {
    /// Register a public one
    Add(Add),
    /// Those that there are
    List(Listing),
    /// End one at once
    Revoke(Revoke),
}

/// Arguments of `devhub key add`.
#[derive(Debug, Clone, Args)]
pub struct Add {
    /// Id of the application
    application: String,
    /// File with the public key as a JSON Web Key (RFC 7517)
    jwk: PathBuf,
    /// Name to know it by, for example that of the machine that signs with its other half
    #[arg(long, value_name = "NAME")]
    name: String,
    /// First instant at which it no longer verifies: RFC 3339, or a date such as "2027-07-31 end-of-day Europe/London"
    #[arg(long, value_name = "INSTANT")]
    expires: Option<Moment>,
}

/// Arguments of `devhub key list`.
#[derive(Debug, Clone, Args)]
pub struct Listing {
    /// Id of the application
    application: String,
}

/// Arguments of `devhub key revoke`.
#[derive(Debug, Clone, Args)]
pub struct Revoke {
    /// Id of the application
    application: String,
    /// Id of the key, its thumbprint
    #[arg(allow_hyphen_values = true)]
    key_id: String,
    /// Why
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    reason: String,
}

impl Key {
    /// Registers, lists or revokes.
    ///
    /// # Errors
    /// When the file cannot be read, or the hub refuses or does not answer.
    pub async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        let hub = connection.hub().await?;
        match self {
            Key::Add(command) => command.run(&hub, output).await?,
            Key::List(Listing { application }) => print_rows(output, &all(&hub, application).await?)?,
            Key::Revoke(Revoke { application, key_id, reason }) => {
                let request = v1::RevokeKeyRequest {
                    application_id: application.clone(),
                    key_id: key_id.clone(),
                    reason: reason.clone(),
                    request_id: new_request_id(),
                };
                let answer = hub.credentials().revoke_key(request).await.map_err(explained)?.into_inner();
                print_rows(output, &answer.keys.into_iter().map(KeyView::from).collect::<Vec<_>>())?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Add {
    async fn run(&self, hub: &Hub, output: Format) -> Result<()> {
        let jwk = std::fs::read_to_string(&self.jwk).with_context(|| format!("cannot read {}", self.jwk.display()))?;
        let request = v1::AddKeyRequest {
            application_id: self.application.clone(),
            name: self.name.clone(),
            jwk: jwk.trim().to_owned(),
            expire_time: self.expires.as_ref().map(|moment| timestamp(moment.instant)),
            request_id: new_request_id(),
        };
        let answer = hub.credentials().add_key(request).await.map_err(explained)?.into_inner();
        let added = answer.key.context("the hub sent an empty answer; is it a devhub of this release?")?;
        let view = KeyView::from(added);
        print_one(output, &view, &view.fields())
    }
}

async fn all(hub: &Hub, application: &str) -> Result<Vec<KeyView>> {
    let mut request =
        v1::ListKeysRequest { application_id: application.to_owned(), page_size: PAGE, page_token: String::new() };
    let mut rows = Vec::new();
    loop {
        let page = hub.credentials().list_keys(request.clone()).await.map_err(explained)?.into_inner();
        rows.extend(page.keys.into_iter().map(KeyView::from));
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            return Ok(rows);
        }
    }
}
