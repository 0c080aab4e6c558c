//! A hub on a free port with a clock that stands still, and the binary to talk to it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;

use devhub::clock::ManualClock;
use devhub::config::{Config, Layer, Sources};
use devhub::server::Server;
use devhub_proto::v1;
use devhub_proto::v1::application_service_client::ApplicationServiceClient;
use devhub_proto::v1::subscription_service_client::SubscriptionServiceClient;
use tokio::runtime::Runtime;
use tonic::Request;
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;

/// What a run of the binary left behind.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Ran {
        Ran {
            code: output.status.code().expect("the binary was not killed"),
            out: String::from_utf8(output.stdout).expect("text"),
            err: String::from_utf8(output.stderr).expect("text"),
        }
    }
}

impl Ran {
    /// The run, if it ended with `code`.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Ran {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    /// The output as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).expect(&self.out)
    }
}

/// Runs the binary with no configuration but its arguments.
pub(crate) fn devhub(args: &[&str]) -> Ran {
    binary(args).output().expect("the binary runs").into()
}

/// The binary with `args`, and nothing of the environment of whoever runs the tests.
pub(crate) fn binary(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_devhub"));
    command.env_clear().env("USER", "jane").args(args);
    command
}

/// A file of the repository.
pub(crate) fn example(path: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(path).display().to_string()
}

/// A hub and a directory for files.
pub(crate) struct TestHub {
    runtime: Runtime,
    server: Option<Server>,
    clock: Arc<ManualClock>,
    directory: tempfile::TempDir,
}

impl TestHub {
    /// A new hub on 21 November 2026.
    pub(crate) fn new() -> TestHub {
        TestHub::with(&[])
    }

    /// The same with some settings.
    pub(crate) fn with(settings: &[(&'static str, &str)]) -> TestHub {
        let directory = tempfile::tempdir().expect("a directory");
        let runtime = Runtime::new().expect("a runtime");
        let clock = Arc::new(ManualClock::at("2026-11-21T12:00:00Z".parse().expect("an instant")));
        let any = "127.0.0.1:0".to_owned();
        let data_dir = directory.path().join("data").display().to_string();
        let mut flags = Layer::from([("listen", any.clone()), ("admin_listen", any), ("data_dir", data_dir)]);
        // A busy machine is no reason for an answer to be missing here.
        flags.insert("limits_decision_milliseconds_max", "10000".to_owned());
        flags.extend(settings.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let sources = Sources { flags, environment: &|_| None, file: None };
        let config = Config::load(&sources).expect("a configuration");
        let server = runtime.block_on(Server::start(&config, clock.clone())).expect("a hub");
        TestHub { runtime, server: Some(server), clock, directory }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.server.as_ref().expect("it runs").address)
    }

    /// Lets time pass until `instant`.
    pub(crate) fn advance_to(&self, instant: &str) {
        self.clock.set(instant.parse().expect("an instant"));
    }

    /// Has done what is due about unused applications.
    pub(crate) fn go_round(&self) {
        let hub = self.server.as_ref().expect("it runs").hub();
        self.runtime.block_on(hub.go_round()).expect("a round");
    }

    /// Records which installations were used for the first time.
    pub(crate) fn note_first_uses(&self) {
        let hub = self.server.as_ref().expect("it runs").hub();
        self.runtime.block_on(hub.note_first_uses()).expect("they are recorded");
    }

    /// The newest revision: unchanged means that nothing was committed.
    pub(crate) fn revision(&self) -> u64 {
        let hub = self.server.as_ref().expect("it runs").hub();
        // What the crier has still to commit of earlier changes is not what the caller asks about.
        self.runtime.block_on(hub.cry(hub.now())).expect("notices are given");
        hub.store().head().revision
    }

    /// Runs the binary against this hub.
    pub(crate) fn devhub(&self, args: &[&str]) -> Ran {
        binary(args).env("DEVHUB_SERVER", self.url()).output().expect("the binary runs").into()
    }

    /// A path in the directory of this hub.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes a file and returns its path.
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        std::fs::write(&path, text).expect("written");
        path.display().to_string()
    }

    /// Plans and applies a catalogue.
    #[track_caller]
    pub(crate) fn apply(&self, file: &str) {
        self.devhub(&["apply", "-f", file]).exits(0);
    }

    /// Registers a live application in PRODUCTION that an operator manages, and returns its client id.
    pub(crate) fn application(&self, id: &str) -> String {
        self.application_in(id, v1::Environment::Production)
    }

    /// Registers an application that an operator manages, and returns its client id.
    pub(crate) fn application_in(&self, id: &str, environment: v1::Environment) -> String {
        let client_id = format!("client-of-{id}");
        let application = v1::Application {
            application_id: id.into(),
            client_id: client_id.clone(),
            name: format!("Application {id}"),
            environment: environment.into(),
            owner: "Example Ltd".into(),
            kind: v1::ApplicationKind::Privileged.into(),
            collaborators: vec![v1::Collaborator {
                email: "ada@example.com".into(),
                role: v1::Role::Administrator.into(),
            }],
            ..Default::default()
        };
        let request = v1::CreateApplicationRequest { application: Some(application), request_id: format!("make-{id}") };
        let mut client = ApplicationServiceClient::new(self.channel());
        self.runtime.block_on(client.create_application(operator(request))).expect("an application");
        client_id
    }

    /// Subscribes an application.
    pub(crate) fn subscribe(&self, application: &str, context: &str, version: &str) {
        let request = v1::SubscribeRequest {
            application_id: application.into(),
            context: context.into(),
            version: version.into(),
            request_id: format!("subscribe-{application}-{}", version.replace('.', "-")),
            ..Default::default()
        };
        let mut client = SubscriptionServiceClient::new(self.channel());
        self.runtime.block_on(client.subscribe(operator(request))).expect("a subscription");
    }

    fn channel(&self) -> Channel {
        let _entered = self.runtime.enter();
        Channel::from_shared(self.url()).expect("an address").connect_lazy()
    }
}

impl Drop for TestHub {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            let stopped = self.runtime.block_on(server.stop());
            assert!(stopped.is_ok() || std::thread::panicking(), "{stopped:?}");
        }
    }
}

pub(crate) fn operator<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(Duration::from_secs(10));
    request.metadata_mut().insert("devhub-actor", MetadataValue::from_static("operator:test"));
    request
}

/// A small catalogue: one API with one version, BETA in both environments.
pub(crate) const SMALL: &str = "\
apis:
  - context: individuals/losses
    title: Individual Losses
    policy: hmrc-mtd
    versions:
      - version: 1.10
        documentation_uri: https://example.com/losses/1.10
        endpoints:
          - {method: GET, path: /x, auth: USER}
        deployments:
          - {environment: SANDBOX, maturity: BETA, endpoints_enabled: true}
          - {environment: PRODUCTION, maturity: BETA, endpoints_enabled: true}
";
