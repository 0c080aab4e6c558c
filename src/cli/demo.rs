//! `devhub demo`: a hub with the two stories in a temporary directory, and five commands worth trying.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use clap::Args;
use devhub_proto::v1;
use tokio::signal::unix::{SignalKind, signal};

use super::catalogue::apply::apply;
use super::catalogue::file;
use super::connection::{Connection, Hub};
use super::credential_class;
use super::date::Moment;
use super::import::story::Inventory;
use super::output::print_text;
use super::plan::Planned;
use crate::clock::SystemClock;
use crate::config::{Config, Layer, Sources};
use crate::secret;
use crate::server::Server;
use crate::wire::timestamp;

/// Arguments of `devhub demo`.
#[derive(Debug, Clone, Args)]
pub struct Demo {
    /// Where portals and gateways connect
    #[arg(long, default_value = "127.0.0.1:50051", value_name = "ADDRESS")]
    pub listen: SocketAddr,
    /// Where metrics and health are served
    #[arg(long, default_value = "127.0.0.1:50052", value_name = "ADDRESS")]
    pub admin_listen: SocketAddr,
}

/// The two stories: catalogues with real dates, and who is subscribed.
const STORIES: [(&str, &str); 2] = [
    (include_str!("../../examples/hmrc-mtd/catalogue.yaml"), include_str!("../../examples/hmrc-mtd/subscriptions.csv")),
    (
        include_str!("../../examples/procore-rest/catalogue.yaml"),
        include_str!("../../examples/procore-rest/subscriptions.csv"),
    ),
];

/// The dates of traditional service accounts, as they were announced.
const CLASS: &str = include_str!("../../examples/procore-rest/credential-class.yaml");

/// Who has such accounts, and who has left them behind.
const INVENTORY: Inventory = Inventory {
    companies: include_str!("../../examples/procore-rest/companies.csv"),
    accounts: include_str!("../../examples/procore-rest/accounts.csv"),
    installations: include_str!("../../examples/procore-rest/installations.csv"),
};

/// The application that companies leave them behind for, and what they install.
const RELEASED: (&str, &str) = ("buildsync", "1.0.0");

/// The applications of the stories: id, name, persona, and the environment it lives in.
const APPLICATIONS: [(&str, &str, v1::Persona, v1::Environment); 3] = [
    ("ledgerly", "Ledgerly", v1::Persona::TechnologyPartner, v1::Environment::Production),
    ("taxfolio", "Taxfolio", v1::Persona::CustomIntegration, v1::Environment::Sandbox),
    ("buildsync", "BuildSync", v1::Persona::TechnologyPartner, v1::Environment::Production),
];

/// Runs the demonstration until it is told to stop.
///
/// # Errors
/// When an address is in use or the stories cannot be loaded.
pub fn run(demo: &Demo) -> Result<()> {
    let directory = tempfile::tempdir().context("a temporary directory is needed")?;
    let peppers = directory.path().join("peppers");
    secret::create(&peppers)?;
    let flags = Layer::from([
        ("listen", demo.listen.to_string()),
        ("admin_listen", demo.admin_listen.to_string()),
        ("data_dir", directory.path().join("data").display().to_string()),
        ("pepper_file", peppers.display().to_string()),
    ]);
    let config = Config::load(&Sources { flags, environment: &|_| None, file: None })?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let server = Server::start(&config, Arc::new(SystemClock)).await?;
        let connection = Connection {
            server: format!("http://{}", server.address),
            actor: Some("operator:demo".to_owned()),
            timeout: 30,
            token_file: None,
            tls_ca: None,
            tls_cert: None,
            tls_key: None,
        };
        let loaded = load(&connection.hub().await?).await.context("the stories could not be loaded")?;
        print_text(&greeting(server.address, server.admin_address, &loaded))?;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        server.stop().await
    })
}

/// What became of what the stories bring from another system.
#[derive(Default)]
struct Loaded {
    subscriptions: usize,
    companies: usize,
    accounts: usize,
    installations: usize,
    refused: Vec<String>,
}

/// Loads the stories through the same calls that anybody uses.
async fn load(hub: &Hub) -> Result<Loaded> {
    let mut loaded = Loaded::default();
    for (catalogue, _) in STORIES {
        let planned = Planned::make(hub, &file::parse(catalogue)?).await?;
        ensure!(planned.plan.blocked.is_empty(), "the hub blocks a part of the catalogue: {:?}", planned.plan.blocked);
        apply(hub, &planned.plan, &planned.actual, |_| Ok(())).await?;
    }
    for (id, name, persona, environment) in APPLICATIONS {
        register(hub, id, name, persona, environment).await?;
    }
    for (_, subscriptions) in STORIES {
        let request = v1::ImportSubscriptionsRequest { rows: rows(subscriptions)?, validate_only: false };
        let answer = hub.subscriptions().import_subscriptions(request).await?.into_inner();
        for verdict in answer.verdicts {
            // Some rows are there to be refused: they state a beginning after the deprecation, or a retired version.
            match verdict.outcome() {
                v1::ImportOutcome::Imported | v1::ImportOutcome::Unchanged => loaded.subscriptions += 1,
                v1::ImportOutcome::Refused | v1::ImportOutcome::Unspecified => loaded.refused.push(verdict.message),
            }
        }
    }
    migration(hub, &mut loaded).await?;
    Ok(loaded)
}

/// The companies, their accounts, and what they installed instead.
async fn migration(hub: &Hub, loaded: &mut Loaded) -> Result<()> {
    for request in credential_class::announced(CLASS)? {
        hub.credential_class().revise_credential_class(request).await?;
    }
    let (application_id, version) = RELEASED;
    let organisation = v1::SetOrganisationRequest {
        organisation_id: "BuildSync Ltd".to_owned(),
        status: v1::OrganisationStatus::VerifiedPartner.into(),
        reason: "the demonstration".to_owned(),
        ..v1::SetOrganisationRequest::default()
    };
    hub.organisations().set_organisation(organisation).await?;
    let app_version = v1::AppVersion {
        application_id: application_id.to_owned(),
        version: version.to_owned(),
        components: vec![v1::AppComponent::ServiceAccountConnection.into()],
        ..v1::AppVersion::default()
    };
    let request = v1::CreateAppVersionRequest { app_version: Some(app_version), request_id: String::new() };
    hub.app_versions().create_app_version(request).await?;
    let request = v1::PromoteAppVersionRequest {
        application_id: application_id.to_owned(),
        version: version.to_owned(),
        ..v1::PromoteAppVersionRequest::default()
    };
    hub.app_versions().promote_app_version(request).await?;
    loaded.companies = INVENTORY.companies(hub).await?;
    for (count, brought) in [
        (&mut loaded.accounts, INVENTORY.accounts(hub).await?),
        (&mut loaded.installations, INVENTORY.installations(hub).await?),
    ] {
        *count = brought.imported;
        loaded.refused.extend(brought.refused);
    }
    Ok(())
}

async fn register(hub: &Hub, id: &str, name: &str, persona: v1::Persona, environment: v1::Environment) -> Result<()> {
    let application = v1::Application {
        application_id: id.to_owned(),
        client_id: format!("{id}-client"),
        name: name.to_owned(),
        owner: format!("{name} Ltd"),
        environment: environment.into(),
        persona: persona.into(),
        collaborators: vec![v1::Collaborator {
            email: "ada@example.com".to_owned(),
            role: v1::Role::Administrator.into(),
        }],
        ..v1::Application::default()
    };
    let request = v1::CreateApplicationRequest { application: Some(application), request_id: String::new() };
    hub.applications().create_application(request).await?;
    if environment == v1::Environment::Production {
        use v1::ApplicationStep::{Approve, Confirm, GoLive, Submit};
        for step in [Submit, Approve, Confirm, GoLive] {
            let request = v1::AdvanceApplicationRequest {
                application_id: id.to_owned(),
                step: step.into(),
                ..v1::AdvanceApplicationRequest::default()
            };
            hub.applications().advance_application(request).await?;
        }
    }
    Ok(())
}

/// The rows of a story's subscriptions.
fn rows(csv: &str) -> Result<Vec<v1::ImportRow>> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).comment(Some(b'#')).from_reader(csv.as_bytes());
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record?;
        let cell = |column: usize| record.get(column).unwrap_or_default().to_owned();
        let start_time =
            Some(cell(3)).filter(|text| !text.is_empty()).map(|text| text.parse::<Moment>()).transpose()?;
        rows.push(v1::ImportRow {
            application_id: cell(0),
            context: cell(1),
            version: cell(2),
            start_time: start_time.map(|moment| timestamp(moment.instant)),
        });
    }
    Ok(rows)
}

fn greeting(address: SocketAddr, admin: SocketAddr, loaded: &Loaded) -> String {
    let refused: String = loaded.refused.iter().map(|message| format!("    {message}\n")).collect();
    let (subscriptions, count) = (loaded.subscriptions, loaded.refused.len());
    let (companies, accounts, installations) = (loaded.companies, loaded.accounts, loaded.installations);
    let server = if address.port() == 50051 { String::new() } else { format!(" --server http://{address}") };
    format!(
        "devhub demo is running; everything vanishes when it stops (Ctrl-C).

  gRPC and gRPC-Web   http://{address}   (reflection is on)
  metrics and health  http://{admin}/metrics

Loaded: the catalogues of examples/hmrc-mtd and examples/procore-rest with their real dates, three applications; from
another system {subscriptions} subscriptions, {companies} companies, {accounts} of their service accounts, and {installations} installations of what replaces these. {count} more
rows were refused, as they should be:
{refused}
Worth trying, in a second terminal (`cargo run --release --locked --` stands for `devhub` in a checkout):

  devhub{server} list versions vapid
  devhub{server} check --client ledgerly-client individuals/business/self-employment 5.0
  devhub{server} check --client buildsync-client rest/v1.0/cost-codes 1.0 --method DELETE --path /standard_cost_codes/42
  devhub{server} explain --client buildsync-client vapid 1.0 --at 2021-06-01T00:00:00Z
  devhub{server} list facts --kind COMMAND_REFUSED
  devhub{server} migration list

"
    )
}
