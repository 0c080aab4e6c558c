//! A server in a process of its own, and somebody whom it lets through.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;

use devhub_proto::v1;
use prost::Message as _;
use tonic::transport::Channel;

use crate::raw::ask;

/// How much the process may have grown when something bad is over: far less than what was sent to it.
const GROWTH_KIB: u64 = 64 << 10;

const CONTEXT: &str = "individuals/losses";

/// The server.
pub(crate) struct Target {
    child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) channel: Channel,
    /// What it has logged since it was ready.
    log: Option<JoinHandle<Vec<String>>>,
    directory: tempfile::TempDir,
}

impl Drop for Target {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An application that can be registered.
pub(crate) fn application(id: &str) -> v1::CreateApplicationRequest {
    let ada = v1::Collaborator { email: "ada@example.com".into(), role: v1::Role::Administrator.into() };
    let application = v1::Application {
        application_id: id.into(),
        client_id: format!("client-{id}"),
        name: format!("Application {id}"),
        environment: v1::Environment::Sandbox.into(),
        collaborators: vec![ada],
        ..Default::default()
    };
    v1::CreateApplicationRequest { application: Some(application), request_id: String::new() }
}

/// An API that can be registered.
pub(crate) fn api(context: &str) -> v1::CreateApiRequest {
    let api =
        v1::Api { context: context.into(), title: "Losses".into(), policy: "hmrc-mtd".into(), ..Default::default() };
    v1::CreateApiRequest { api: Some(api), request_id: String::new() }
}

/// A version that can be published.
pub(crate) fn version(label: &str) -> v1::CreateApiVersionRequest {
    let deployment = v1::Deployment {
        environment: v1::Environment::Sandbox.into(),
        maturity: v1::Maturity::Stable.into(),
        ..Default::default()
    };
    let version = v1::ApiVersion {
        context: CONTEXT.into(),
        version: label.into(),
        deployments: vec![deployment],
        ..Default::default()
    };
    v1::CreateApiVersionRequest { version: Some(version), ..Default::default() }
}

/// A subscription to the version that everybody here calls.
pub(crate) fn subscription(application: &str) -> v1::SubscribeRequest {
    v1::SubscribeRequest {
        application_id: application.into(),
        context: CONTEXT.into(),
        version: "1.0".into(),
        ..Default::default()
    }
}

impl Target {
    /// Starts it on an empty store.
    pub(crate) async fn start() -> Target {
        let directory = tempfile::tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_devhub"))
            .args(["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--log-format", "json"])
            .arg("--data-dir")
            .arg(directory.path())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // It says where it listens once it is ready.
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let address: SocketAddr = loop {
            let line = lines.next().expect("the server ended before it was ready").unwrap();
            if let Some((_, rest)) = line.split_once("\"listen\":\"") {
                break rest.split('"').next().unwrap().parse().unwrap();
            }
        };
        let log = std::thread::spawn(move || lines.map_while(Result::ok).collect());
        let channel = Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
        let target = Target { child, address, channel, log: Some(log), directory };
        target.does("ApiService/CreateApi", api(CONTEXT).encode_to_vec()).await;
        target.does("ApiService/CreateApiVersion", version("1.0").encode_to_vec()).await;
        target.does("ApplicationService/CreateApplication", application("app").encode_to_vec()).await;
        target.does("SubscriptionService/Subscribe", subscription("app").encode_to_vec()).await;
        // What is made once is made by now.
        for _ in 0..100 {
            target.answers_others().await;
        }
        target
    }

    /// Makes a call that is not refused.
    pub(crate) async fn does(&self, call: &str, message: Vec<u8>) {
        ask(&self.channel, call, message).await.unwrap_or_else(|status| panic!("{call}: {status:?}"));
    }

    /// Whether somebody who keeps to the rules is answered.
    pub(crate) async fn answers_others(&self) {
        let question = v1::AuthorizeRequest {
            client_id: "client-app".into(),
            context: CONTEXT.into(),
            version: "1.0".into(),
            environment: v1::Environment::Sandbox.into(),
            ..Default::default()
        };
        let answer = ask(&self.channel, "AuthorizationService/Authorize", question.encode_to_vec()).await.unwrap();
        let answer = v1::AuthorizeResponse::decode(answer).unwrap();
        assert_eq!((answer.verdict(), answer.reason()), (v1::Verdict::Allow, v1::DecisionReason::Subscribed));
    }

    fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Does something bad, and looks what became of others and of the process.
    pub(crate) async fn suffers<T>(&self, what: &str, bad: impl Future<Output = T>) -> T {
        let before = self.resident_kib();
        let came_of_it = bad.await;
        self.answers_others().await;
        let after = self.resident_kib();
        println!("{what}: {before} KiB, then {after} KiB");
        assert!(after < before + GROWTH_KIB, "{what}: {before} KiB became {after} KiB");
        came_of_it
    }

    /// Where its data lie.
    pub(crate) fn data(&self) -> &Path {
        self.directory.path()
    }

    /// Ends it, and says what it has logged since it was ready.
    pub(crate) fn end(&mut self) -> Vec<String> {
        let id = rustix::process::Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        assert!(self.child.wait().unwrap().success());
        self.log.take().unwrap().join().unwrap()
    }
}
