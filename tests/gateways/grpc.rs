//! The hub that gateways ask over gRPC: one in this process with a clock that moves when told to, one that can be killed,
//! and one that is none and answers what it must not.

use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use devhub::clock::ManualClock;
use devhub::config::{Config, Layer, Sources};
use devhub::server::Server;
use devhub::wire::timestamp;
use devhub_proto::envoy::service::auth::v3;
use devhub_proto::envoy::service::auth::v3::authorization_server::{Authorization, AuthorizationServer};
use devhub_proto::v1;
use devhub_proto::v1::api_service_client::ApiServiceClient;
use devhub_proto::v1::application_service_client::ApplicationServiceClient;
use devhub_proto::v1::subscription_service_client::SubscriptionServiceClient;
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Server as Transport};
use tonic::{Request, Response, Status};

/// How the examples say that the hub runs, and a second source of identities for routes that name it.
const SETTINGS: [(&str, &str); 4] = [
    ("gateway_identity", "claim:jwt.client_id,header:x-client-id"),
    ("gateway_vendor", "hmrc"),
    ("gateway_environment", "sandbox"),
    ("gateway_path", "context"),
];

/// Where the successor of a deprecated version is documented.
pub(crate) const DOCUMENTATION: &str = "https://developer.example/old/2.0";

/// When every test begins.
pub(crate) fn begin() -> DateTime<Utc> {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

/// When `old` 1.0 is retired.
pub(crate) fn retirement() -> DateTime<Utc> {
    begin() + TimeDelta::days(3650)
}

/// Workers that serve while the test itself waits for a gateway.
pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// The configuration of a hub that listens at `address`.
pub(crate) fn config(directory: &Path, address: &str) -> Config {
    let data = directory.join("data").display().to_string();
    let mut flags =
        Layer::from([("listen", address.to_owned()), ("admin_listen", "127.0.0.1:0".to_owned()), ("data_dir", data)]);
    flags.extend(SETTINGS.map(|(name, value)| (name, value.to_owned())));
    Config::load(&Sources { flags, environment: &|_| None, file: None }).unwrap()
}

/// A hub in this process, with APIs and applications.
pub(crate) struct Hub {
    pub(crate) address: SocketAddr,
    pub(crate) clock: ManualClock,
    server: Option<Server>,
    runtime: Runtime,
    _directory: TempDir,
}

impl Hub {
    pub(crate) fn start() -> Hub {
        let directory = tempfile::tempdir().unwrap();
        let clock = ManualClock::at(begin());
        let runtime = runtime();
        let config = config(directory.path(), "127.0.0.1:0");
        let server = runtime.block_on(Server::start(&config, Arc::new(clock.clone()))).unwrap();
        let address = server.address;
        runtime.block_on(async { populate(&channel(address)).await });
        Hub { address, clock, server: Some(server), runtime, _directory: directory }
    }

    /// The newest revision.
    pub(crate) fn revision(&self) -> u64 {
        self.server.as_ref().unwrap().hub().store().head().revision
    }

    /// Publishes a version whose documentation is said to lie at `uri`.
    pub(crate) fn publish_documented(&self, uri: &str) -> Result<(), Status> {
        let mut version = version("old", "3.0", v1::Maturity::Stable);
        version.documentation_uri = uri.to_owned();
        let request = v1::CreateApiVersionRequest { version: Some(version), ..Default::default() };
        let address = self.address;
        self.runtime.block_on(async {
            ApiServiceClient::new(channel(address)).create_api_version(operator(request)).await.map(drop)
        })
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            let stopped = self.runtime.block_on(server.stop());
            assert!(stopped.is_ok() || std::thread::panicking(), "{stopped:?}");
        }
    }
}

fn channel(address: SocketAddr) -> Channel {
    Channel::from_shared(format!("http://{address}")).unwrap().connect_lazy()
}

/// A hub in a process of its own, on its own clock, with an address that it keeps.
pub(crate) struct Process {
    pub(crate) address: SocketAddr,
    child: Option<Child>,
    directory: TempDir,
}

impl Process {
    /// Starts it, with APIs and applications.
    pub(crate) fn start() -> Process {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut process = Process { address, child: None, directory: tempfile::tempdir().unwrap() };
        process.run();
        runtime().block_on(async { populate(&channel(address)).await });
        process
    }

    /// Starts it again on the same store, and waits until it says that it is ready.
    pub(crate) fn run(&mut self) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_devhub"));
        command.args(["serve", "--admin-listen", "127.0.0.1:0", "--log-format", "json", "--listen"]);
        command.arg(self.address.to_string()).arg("--data-dir").arg(self.directory.path().join("data"));
        for (name, value) in SETTINGS {
            let values = if name == "gateway_identity" { value.split(',').collect() } else { vec![value] };
            command.args(values.into_iter().map(|value| format!("--{}={value}", name.replace('_', "-"))));
        }
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        self.child = Some(child);
        while !lines.next().expect("the hub ended before it was ready").unwrap().contains("\"listen\":\"") {}
        std::thread::spawn(move || lines.for_each(drop));
    }

    /// Kills it.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Stops its time. Afterwards none of its threads runs any more.
    pub(crate) fn freeze(&self) {
        let process = Pid::from_child(self.child.as_ref().unwrap());
        kill_process(process, Signal::STOP).unwrap();
        let stopped = waitpid(Some(process), WaitOptions::UNTRACED).unwrap();
        assert!(stopped.is_some_and(|(_, status)| status.stopped()), "{stopped:?}");
    }

    /// Lets its time go on.
    pub(crate) fn thaw(&self) {
        kill_process(Pid::from_child(self.child.as_ref().unwrap()), Signal::CONT).unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.kill();
        }
    }
}

/// What is no hub: it answers each check with the same reply.
pub(crate) struct Impostor {
    pub(crate) address: SocketAddr,
    _runtime: Runtime,
}

struct Same(v3::CheckResponse);

#[tonic::async_trait]
impl Authorization for Same {
    async fn check(&self, _: Request<v3::CheckRequest>) -> Result<Response<v3::CheckResponse>, Status> {
        Ok(Response::new(self.0.clone()))
    }
}

impl Impostor {
    /// Starts it; it ends with the test.
    pub(crate) fn start(reply: v3::CheckResponse) -> Impostor {
        let runtime = runtime();
        let incoming = runtime.block_on(async { TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap() });
        let address = incoming.local_addr().unwrap();
        runtime.spawn(async move {
            let (health, service) = tonic_health::server::health_reporter();
            health.set_serving::<AuthorizationServer<Same>>().await;
            let authorization = AuthorizationServer::new(Same(reply));
            Transport::builder().add_service(service).add_service(authorization).serve_with_incoming(incoming).await
        });
        Impostor { address, _runtime: runtime }
    }
}

fn operator<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("devhub-actor", "operator:olga".parse().unwrap());
    request
}

fn version(context: &str, label: &str, maturity: v1::Maturity) -> v1::ApiVersion {
    let deployment = v1::Deployment {
        environment: v1::Environment::Sandbox.into(),
        maturity: maturity.into(),
        ..Default::default()
    };
    v1::ApiVersion {
        context: context.into(),
        version: label.into(),
        deployments: vec![deployment],
        documentation_uri: format!("https://developer.example/{context}/{label}"),
        ..Default::default()
    }
}

/// `hello` 1.0 and 2.0 are STABLE and 3.0 is ALPHA; `old` 1.0 is deprecated in favour of 2.0, with a date for its end. The
/// application `one` subscribes to both 1.0; `two` to nothing.
async fn populate(channel: &Channel) {
    let mut apis = ApiServiceClient::new(channel.clone());
    let mut applications = ApplicationServiceClient::new(channel.clone());
    let mut subscriptions = SubscriptionServiceClient::new(channel.clone());
    for context in ["hello", "old"] {
        let (context, title, policy) = (context.into(), "An API".into(), "hmrc-mtd".into());
        let api = Some(v1::Api { context, title, policy, ..Default::default() });
        apis.create_api(operator(v1::CreateApiRequest { api, request_id: String::new() })).await.unwrap();
    }
    let (stable, alpha) = (v1::Maturity::Stable, v1::Maturity::Alpha);
    for (context, label, maturity) in [
        ("hello", "1.0", stable),
        ("hello", "2.0", stable),
        ("hello", "3.0", alpha),
        ("old", "1.0", stable),
        ("old", "2.0", stable),
    ] {
        let version = Some(version(context, label, maturity));
        let request = v1::CreateApiVersionRequest { version, ..Default::default() };
        apis.create_api_version(operator(request)).await.unwrap();
    }
    for id in ["one", "two"] {
        let collaborator = v1::Collaborator { email: "ada@example.com".into(), role: v1::Role::Administrator.into() };
        let application = Some(v1::Application {
            application_id: id.into(),
            client_id: format!("client-{id}"),
            name: format!("Application {id}"),
            environment: v1::Environment::Sandbox.into(),
            collaborators: vec![collaborator],
            ..Default::default()
        });
        let request = v1::CreateApplicationRequest { application, request_id: String::new() };
        applications.create_application(operator(request)).await.unwrap();
    }
    for context in ["hello", "old"] {
        let (application_id, context, version) = ("one".into(), context.into(), "1.0".into());
        let request = v1::SubscribeRequest { application_id, context, version, ..Default::default() };
        subscriptions.subscribe(operator(request)).await.unwrap();
    }
    let request = v1::DeprecateApiVersionRequest {
        context: "old".into(),
        version: "1.0".into(),
        environment: v1::Environment::Sandbox.into(),
        retire_time: Some(timestamp(retirement())),
        successor: Some(v1::VersionName { context: "old".into(), version: "2.0".into() }),
        ..Default::default()
    };
    apis.deprecate_api_version(operator(request)).await.unwrap();
}
