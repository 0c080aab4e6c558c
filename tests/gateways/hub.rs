//! The hub that gateways ask: one in this process with a clock that moves when told to, or one that can be killed.

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
use devhub_proto::v1;
use devhub_proto::v1::api_service_client::ApiServiceClient;
use devhub_proto::v1::application_service_client::ApplicationServiceClient;
use devhub_proto::v1::lifecycle_change::Step;
use devhub_proto::v1::schedule_service_client::ScheduleServiceClient;
use devhub_proto::v1::schedule_target::Target;
use devhub_proto::v1::subscription_service_client::SubscriptionServiceClient;
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tonic::transport::Channel;
use tonic::{Request, Status};

/// How gateways ask.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Asked {
    /// Over gRPC, as Envoy does. Routes may name a second source of identities.
    Grpc,
    /// Over HTTP, with paths read for this.
    Http(&'static str),
}

impl Asked {
    /// How the examples say that the hub runs.
    fn settings(self) -> [(&'static str, &'static str); 4] {
        let (identity, path) = match self {
            Asked::Grpc => ("claim:jwt.client_id,header:x-client-id", "context"),
            Asked::Http(path) => ("header:x-client-id", path),
        };
        [
            ("gateway_identity", identity),
            ("gateway_vendor", "hmrc"),
            ("gateway_environment", "sandbox"),
            ("gateway_path", path),
        ]
    }

    /// The setting that says where they ask.
    fn listener(self) -> &'static str {
        match self {
            Asked::Grpc => "listen",
            Asked::Http(_) => "gateway_listen",
        }
    }
}

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

/// The configuration of a hub that gateways ask at `address`.
pub(crate) fn config(directory: &Path, asked: Asked, address: &str) -> Config {
    configured(directory, asked, address, &[])
}

fn configured(directory: &Path, asked: Asked, address: &str, settings: &[(&'static str, &str)]) -> Config {
    let any = "127.0.0.1:0".to_owned();
    let data = directory.join("data").display().to_string();
    let mut flags = Layer::from([("listen", any.clone()), ("admin_listen", any), ("data_dir", data)]);
    flags.insert(asked.listener(), address.to_owned());
    flags.extend(asked.settings().map(|(name, value)| (name, value.to_owned())));
    flags.extend(settings.iter().map(|(name, value)| (*name, (*value).to_owned())));
    Config::load(&Sources { flags, environment: &|_| None, file: None }).unwrap()
}

/// A hub in this process, with APIs and applications.
pub(crate) struct Hub {
    /// Where gateways ask.
    pub(crate) address: SocketAddr,
    pub(crate) clock: ManualClock,
    server: Option<Server>,
    runtime: Runtime,
    _directory: TempDir,
}

impl Hub {
    pub(crate) fn start(asked: Asked) -> Hub {
        Hub::with(asked, &[])
    }

    /// Starts it with further settings, or with others than the examples have.
    pub(crate) fn with(asked: Asked, settings: &[(&'static str, &str)]) -> Hub {
        let directory = tempfile::tempdir().unwrap();
        let clock = ManualClock::at(begin());
        let runtime = runtime();
        let config = configured(directory.path(), asked, "127.0.0.1:0", settings);
        let server = runtime.block_on(Server::start(&config, Arc::new(clock.clone()))).unwrap();
        runtime.block_on(async { populate(&channel(server.address)).await });
        let address = match asked {
            Asked::Grpc => server.address,
            Asked::Http(_) => server.gateway_address.unwrap(),
        };
        Hub { address, clock, server: Some(server), runtime, _directory: directory }
    }

    /// The newest revision.
    pub(crate) fn revision(&self) -> u64 {
        self.server.as_ref().unwrap().hub().store().head().revision
    }

    /// Lets something happen in the hub, over its wire.
    pub(crate) fn play<R>(&self, story: impl AsyncFnOnce(Channel) -> R) -> R {
        let address = self.server.as_ref().unwrap().address;
        self.runtime.block_on(async { story(channel(address)).await })
    }

    /// Plans a brownout of `old` 1.0.
    pub(crate) fn brown_out(&self, from: DateTime<Utc>, until: DateTime<Utc>) {
        let window = v1::ScheduleBrownoutStep { start_time: Some(timestamp(from)), end_time: Some(timestamp(until)) };
        let name = v1::VersionName { context: "old".into(), version: "1.0".into() };
        let change = step(sandboxed(Target::Version(name)), Step::ScheduleBrownout(window));
        self.play(async |channel| change_lifecycle(&channel, change).await);
    }

    /// Publishes a version whose documentation is said to lie at `uri`.
    pub(crate) fn publish_documented(&self, uri: &str) -> Result<(), Status> {
        let mut version = version("old", "3.0", v1::Maturity::Stable);
        version.documentation_uri = uri.to_owned();
        let request = v1::CreateApiVersionRequest { version: Some(version), ..Default::default() };
        self.play(async |channel| ApiServiceClient::new(channel).create_api_version(operator(request)).await.map(drop))
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

pub(crate) fn channel(address: SocketAddr) -> Channel {
    Channel::from_shared(format!("http://{address}")).unwrap().connect_lazy()
}

/// A hub in a process of its own, on its own clock, with an address for gateways that it keeps.
pub(crate) struct Process {
    /// Where gateways ask.
    pub(crate) address: SocketAddr,
    asked: Asked,
    child: Option<Child>,
    directory: TempDir,
}

impl Process {
    /// Starts it, with APIs and applications.
    pub(crate) fn start(asked: Asked) -> Process {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut process = Process { address, asked, child: None, directory: tempfile::tempdir().unwrap() };
        let listen = process.run();
        runtime().block_on(async { populate(&channel(listen)).await });
        process
    }

    /// Starts it again on the same store. It is ready then, and says where it listens for everybody else.
    pub(crate) fn run(&mut self) -> SocketAddr {
        let mut command = Command::new(env!("CARGO_BIN_EXE_devhub"));
        command.args(["serve", "--admin-listen", "127.0.0.1:0", "--log-format", "json"]);
        let flag = |name: &str, value: &str| format!("--{}={value}", name.replace('_', "-"));
        command.arg(flag(self.asked.listener(), &self.address.to_string()));
        if let Asked::Http(_) = self.asked {
            command.arg(flag("listen", "127.0.0.1:0"));
        }
        command.arg("--data-dir").arg(self.directory.path().join("data"));
        for (name, value) in self.asked.settings() {
            // A list is a flag for each of its values.
            command.args(value.split(',').map(|value| flag(name, value)));
        }
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        self.child = Some(child);
        let listen = loop {
            let line = lines.next().expect("the hub ended before it was ready").unwrap();
            if let Some((_, rest)) = line.split_once("\"listen\":\"") {
                break rest.split('"').next().unwrap().parse().unwrap();
            }
        };
        std::thread::spawn(move || lines.for_each(drop));
        listen
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

/// As this actor.
pub(crate) fn by<T>(actor: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(std::time::Duration::from_secs(10));
    request.metadata_mut().insert("devhub-actor", actor.parse().unwrap());
    request
}

pub(crate) fn operator<T>(message: T) -> Request<T> {
    by("operator:olga", message)
}

/// A target in the sandbox.
pub(crate) fn sandboxed(target: Target) -> v1::ScheduleTarget {
    v1::ScheduleTarget { environment: v1::Environment::Sandbox.into(), target: Some(target) }
}

/// One step for one target.
pub(crate) fn step(target: v1::ScheduleTarget, step: Step) -> v1::LifecycleChange {
    v1::LifecycleChange { target: Some(target), step: Some(step), ..Default::default() }
}

/// Changes a lifecycle.
pub(crate) async fn change_lifecycle(channel: &Channel, change: v1::LifecycleChange) {
    let request = v1::ChangeLifecycleRequest { changes: vec![change], ..Default::default() };
    ScheduleServiceClient::new(channel.clone()).change_lifecycle(operator(request)).await.unwrap();
}

pub(crate) fn version(context: &str, label: &str, maturity: v1::Maturity) -> v1::ApiVersion {
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

/// An application of Ada's, whose client id can be guessed.
pub(crate) fn application(id: &str, environment: v1::Environment) -> v1::CreateApplicationRequest {
    let collaborator = v1::Collaborator { email: "ada@example.com".into(), role: v1::Role::Administrator.into() };
    let application = v1::Application {
        application_id: id.into(),
        client_id: format!("client-{id}"),
        name: format!("Application {id}"),
        environment: environment.into(),
        collaborators: vec![collaborator],
        ..Default::default()
    };
    v1::CreateApplicationRequest { application: Some(application), request_id: String::new() }
}

/// `hello` 1.0 and 2.0 are STABLE and 3.0 is ALPHA; `old` 1.0 is deprecated in favour of 2.0, with a date for its end. The
/// application `one` subscribes to both 1.0; `two` to nothing.
async fn populate(channel: &Channel) {
    let mut apis = ApiServiceClient::new(channel.clone());
    let mut applications = ApplicationServiceClient::new(channel.clone());
    let mut subscriptions = SubscriptionServiceClient::new(channel.clone());
    for context in ["hello", "old"] {
        let api = v1::Api {
            context: context.into(),
            title: "An API".into(),
            policy: "hmrc-mtd".into(),
            ..Default::default()
        };
        apis.create_api(operator(v1::CreateApiRequest { api: Some(api), request_id: String::new() })).await.unwrap();
        for label in ["1.0", "2.0", "3.0"] {
            let maturity = if label == "3.0" { v1::Maturity::Alpha } else { v1::Maturity::Stable };
            if (context, label) != ("old", "3.0") {
                let version = Some(version(context, label, maturity));
                let request = v1::CreateApiVersionRequest { version, ..Default::default() };
                apis.create_api_version(operator(request)).await.unwrap();
            }
        }
    }
    for id in ["one", "two"] {
        let request = application(id, v1::Environment::Sandbox);
        applications.create_application(operator(request)).await.unwrap();
    }
    for (context, label) in [("hello", "1.0"), ("old", "1.0")] {
        let request = v1::SubscribeRequest {
            application_id: "one".into(),
            context: context.into(),
            version: label.into(),
            ..Default::default()
        };
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
