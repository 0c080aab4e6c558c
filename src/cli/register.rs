//! `devhub register`: a new application.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use devhub_proto::v1;

use super::connection::{Connection, new_request_id};
use super::failure::explained;
use super::output::{Format, print_one};
use super::view::application::ApplicationView;
use super::words::Environment;

/// Arguments of `devhub register`.
#[derive(Debug, Clone, Args)]
pub struct Register {
    /// Its name, as people see it
    name: String,
    /// Its id [default: made by the hub]
    #[arg(long, value_name = "ID", default_value = "", hide_default_value = true)]
    id: String,
    /// Where it lives, forever; `devhub uplift` makes a production application of a sandbox one
    #[arg(long, value_enum, default_value_t = Environment::Sandbox)]
    environment: Environment,
    /// What it does
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    description: String,
    /// The organisation that owns it
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    owner: String,
    /// It is made for many customers, not for one's own use
    #[arg(long)]
    partner: bool,
    /// Somebody who administers it, besides you if you are a collaborator; may be repeated
    #[arg(long = "administrator", value_name = "E-MAIL")]
    administrators: Vec<String>,
    /// Somebody who develops it; may be repeated
    #[arg(long = "developer", value_name = "E-MAIL")]
    developers: Vec<String>,
    /// What it presents to gateways; operators only [default: made by the hub]
    #[arg(long, value_name = "CLIENT-ID", default_value = "", hide_default_value = true)]
    client_id: String,
}

impl Register {
    /// Registers it.
    ///
    /// # Errors
    /// When the hub refuses or does not answer.
    pub async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        let people = |emails: &[String], role: v1::Role| {
            emails.iter().map(|email| v1::Collaborator { email: email.clone(), role: role.into() }).collect::<Vec<_>>()
        };
        let persona = if self.partner { v1::Persona::TechnologyPartner } else { v1::Persona::CustomIntegration };
        let application = v1::Application {
            application_id: self.id.clone(),
            client_id: self.client_id.clone(),
            name: self.name.clone(),
            description: self.description.clone(),
            environment: self.environment.wire().into(),
            owner: self.owner.clone(),
            persona: persona.into(),
            collaborators: [
                people(&self.administrators, v1::Role::Administrator),
                people(&self.developers, v1::Role::Developer),
            ]
            .concat(),
            ..Default::default()
        };
        let request = v1::CreateApplicationRequest { application: Some(application), request_id: new_request_id() };
        let hub = connection.hub().await?;
        let answer = hub.applications().create_application(request).await.map_err(explained)?.into_inner();
        let application =
            answer.application.context("the hub sent an empty answer; is it a devhub of this release?")?;
        let view = ApplicationView::from(application);
        print_one(output, &view, &view.fields())?;
        Ok(ExitCode::SUCCESS)
    }
}
