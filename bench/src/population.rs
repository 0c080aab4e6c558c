//! Data to measure with: applications with ten subscriptions each, made through the hub itself.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use devhub::clock::SystemClock;
use devhub::domain::application::{Kind, Persona, Role};
use devhub::domain::name::VersionName;
use devhub::domain::publish::CreateVersion;
use devhub::domain::register::{ClientIdOrigin, CreateApplication};
use devhub::domain::subscribe::{Since, Subscribe};
use devhub::domain::version::{AccessType, Deployment};
use devhub::domain::{Actor, Command};
use devhub::hub::{Hub, Request};
use devhub::store::embedded::{Embedded, Options};
use devhub_decision::{Environment, Lifecycle, Maturity, Schedule};
use devhub_proto::v1;
use futures_util::stream::{StreamExt, TryStreamExt, iter};

/// Subscriptions of each application.
pub(crate) const EACH: usize = 10;

/// Versions in the catalogue.
pub(crate) const VERSIONS: usize = 100;

/// Commits that wait together.
const TOGETHER: usize = 512;

pub(crate) fn context(number: usize) -> String {
    format!("bench/api-{:02}", number % VERSIONS)
}

pub(crate) fn application(number: usize) -> String {
    format!("application-{number:08}")
}

/// Thirty-two characters, as ours are.
pub(crate) fn client(number: usize) -> String {
    format!("client-{number:025}")
}

/// The versions that an application subscribes to: ten in a row, from its own place in the catalogue on.
pub(crate) fn version_of(application: usize, nth: usize) -> usize {
    (application * 7 + nth) % VERSIONS
}

fn request() -> Request {
    Request::once()
}

fn name(number: usize) -> VersionName {
    let label = "1.0".parse().expect("a label");
    VersionName { context: context(number).parse().expect("a context"), label }
}

fn publish(number: usize) -> [Command; 2] {
    let api = devhub::domain::api::CreateApi {
        context: name(number).context,
        title: "An API".to_owned(),
        description: String::new(),
        policy: "hmrc-mtd".parse().expect("a policy"),
        categories: Vec::new(),
    };
    let lifecycle = Lifecycle { maturity: Maturity::Stable, schedule: Schedule::Open };
    let deployment = Deployment { endpoints_enabled: true, ..Deployment::new(lifecycle) };
    let version = CreateVersion {
        name: name(number),
        description: String::new(),
        access_type: AccessType::Public,
        company_scoped: false,
        endpoints: Vec::new(),
        fields: Vec::new(),
        deployments: BTreeMap::from([(Environment::Sandbox, deployment)]),
        documentation_uri: String::new(),
        override_reason: String::new(),
    };
    [api.into(), version.into()]
}

fn register(number: usize) -> Command {
    CreateApplication {
        id: application(number).parse().expect("an id"),
        client_id: client(number).parse().expect("a client id"),
        client_id_origin: ClientIdOrigin::Brought,
        name: format!("Application {number}"),
        description: String::new(),
        environment: Environment::Sandbox,
        owner: format!("owner-{}", number % 1000),
        kind: Kind::Standard,
        persona: Persona::CustomIntegration,
        collaborators: BTreeMap::from([(
            format!("admin-{}@example.com", number % 10_000).parse().expect("an address"),
            Role::Administrator,
        )]),
    }
    .into()
}

fn subscribe(application_number: usize, nth: usize) -> Command {
    Subscribe {
        id: format!("subscription-{application_number}-{nth}").parse().expect("an id"),
        application: application(application_number).parse().expect("an id"),
        version: name(version_of(application_number, nth)),
        since: Since::Now,
        field_values: BTreeMap::new(),
    }
    .into()
}

/// Lays out a store with `applications` applications, each with `each` subscriptions.
pub(crate) async fn lay_out(directory: &Path, applications: usize, each: usize) -> Result<()> {
    let store = Embedded::open(directory, Options::default())?;
    let rules = devhub::server::rules(&devhub::config::Config::for_testing(directory))?;
    let hub = Hub::open(Arc::new(store), rules, Arc::new(SystemClock))?;
    let actor: Actor = "process:bench".parse()?;
    let run = |command: Command| {
        let (hub, actor) = (hub.clone(), actor.clone());
        async move { hub.execute(actor, command, request()).await.map(drop) }
    };
    for number in 0..VERSIONS {
        for command in publish(number) {
            run(command).await?;
        }
    }
    iter(0..applications).map(|n| Ok(run(register(n)))).try_buffer_unordered(TOGETHER).try_collect::<()>().await?;
    iter((0..applications).flat_map(|n| (0..each).map(move |nth| (n, nth))))
        .map(|(n, nth)| Ok(run(subscribe(n, nth))))
        .try_buffer_unordered(TOGETHER)
        .try_collect::<()>()
        .await?;
    Ok(())
}

/// A question about a random application of the population; nine of ten are subscribed.
pub(crate) fn question(random: u64, applications: usize) -> v1::AuthorizeRequest {
    let application = usize::try_from(random >> 8).unwrap_or(0) % applications;
    // The eleventh version in a row is one that the application has not subscribed to.
    let nth = usize::try_from(random % 10).unwrap_or(0);
    let nth = if nth == 9 { EACH } else { nth };
    v1::AuthorizeRequest {
        client_id: client(application),
        context: context(version_of(application, nth)),
        version: "1.0".to_owned(),
        environment: v1::Environment::Sandbox.into(),
        min_revision: 0,
        ..Default::default()
    }
}

/// A fast generator of numbers to choose by (xorshift*).
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) fn new(seed: u64) -> Numbers {
        Numbers(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }
}
