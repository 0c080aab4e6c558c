//! An agent whose process stood still: its lease went on without it, and what it held before decides nothing after.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use chrono::TimeDelta;
use devhub::wire::instant;
use devhub_decision::Environment;
use devhub_proto::envoy::service::auth::v3;
use devhub_proto::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use devhub_proto::v1;
use devhub_proto::v1::application_service_client::ApplicationServiceClient;
use devhub_proto::v1::gateway_fleet_service_client::GatewayFleetServiceClient;
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use tonic::transport::Channel;
use tonic::{Code, Request};

use crate::envoy::{ACCEPT, LOSSES, request};
use crate::killing::{Process, prepare, write};
use crate::replica::Stream;
use crate::world::client;

/// How long an agent decides without another word of its hub, in seconds.
const TRUST: i64 = 2;

/// The binary beside a gateway.
struct Frozen {
    child: Child,
    channel: Channel,
}

impl Drop for Frozen {
    fn drop(&mut self) {
        // A process that stands still can be killed as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Frozen {
    /// Starts one that follows a hub.
    fn start(hub: &str) -> Frozen {
        let mut child = Command::new(env!("CARGO_BIN_EXE_devhub"))
            .args(["agent", "--hub", hub, "--environment", "sandbox", "--gateway-id", "edge-1", "--log-format", "json"])
            .args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--gateway-vendor", "hmrc"])
            .args(["--gateway-path", "context", "--gateway-identity", "header:x-client-id"])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = loop {
            let line = lines.next().expect("the agent ended before it listened").unwrap();
            if let Some((_, rest)) = line.split_once("\"listen\":\"") {
                break rest.split('"').next().unwrap().to_owned();
            }
        };
        std::thread::spawn(move || lines.for_each(drop));
        Frozen { child, channel: Channel::from_shared(format!("http://{address}")).unwrap().connect_lazy() }
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Stops its time. Afterwards none of its threads runs any more.
    fn freeze(&self) {
        kill_process(self.pid(), Signal::STOP).unwrap();
        let stopped = waitpid(Some(self.pid()), WaitOptions::UNTRACED).unwrap();
        assert!(stopped.is_some_and(|(_, status)| status.stopped()), "{stopped:?}");
    }

    /// Lets its time go on.
    fn thaw(&self) {
        kill_process(self.pid(), Signal::CONT).unwrap();
    }
}

/// Whether a call of an application passes.
async fn passes(channel: Channel) -> Result<bool, Code> {
    let app = client("app-one");
    let check = request(LOSSES, &[ACCEPT, ("x-client-id", &app)]);
    let reply: v3::CheckResponse =
        AuthorizationClient::new(channel).check(check).await.map_err(|status| status.code())?.into_inner();
    Ok(reply.status.unwrap().code == 0)
}

#[tokio::test(flavor = "multi_thread")]
async fn b64_an_agent_that_stood_still_past_its_lease_lets_nobody_pass_by_what_it_held() {
    let directory = tempfile::tempdir().unwrap();
    let hub = Process::start_with(directory.path(), &["--decision-ttl-seconds", &TRUST.to_string()]).await;
    prepare(&hub.channel).await;
    write(&hub.channel, "app-one").await.unwrap();
    let agent = Frozen::start(&hub.url());
    while passes(agent.channel.clone()).await != Ok(true) {
        tokio::task::yield_now().await;
    }
    agent.freeze();

    let mut block =
        Request::new(v1::BlockApplicationRequest { application_id: "app-one".into(), ..Default::default() });
    block.metadata_mut().insert("devhub-actor", "operator:olga".parse().unwrap());
    ApplicationServiceClient::new(hub.channel.clone()).block_application(block).await.unwrap();
    let mut fleet = GatewayFleetServiceClient::new(hub.channel.clone());
    let listed = fleet.list_gateways(v1::ListGatewaysRequest::default()).await.unwrap().into_inner().gateways;
    let ours = listed.iter().find(|gateway| gateway.gateway_id == "edge-1").unwrap();
    let over = instant(&ours.last_ping_time.unwrap()).unwrap() + TimeDelta::seconds(TRUST);
    // The hub says when that is over: the lease was given at the latest when the last ping came.
    let first = devhub_gateway::replica::start(Environment::Sandbox, "watch", Vec::new());
    let mut stream = Stream::open(hub.channel.clone(), first).await.unwrap();
    loop {
        let (_, pong) = stream.ping(0, 0).await;
        if instant(&pong.server_time.unwrap()).unwrap() > over {
            break;
        }
    }

    // Asked while nobody is there to answer; the answer is the first that it gives.
    let waiting = tokio::spawn(passes(agent.channel.clone()));
    agent.thaw();
    let mut answers = vec![waiting.await.unwrap()];
    while answers.last() != Some(&Ok(false)) {
        assert_eq!(answers.last(), Some(&Err(Code::Unavailable)), "what it held is over: {answers:?}");
        answers.push(passes(agent.channel.clone()).await);
    }
}
