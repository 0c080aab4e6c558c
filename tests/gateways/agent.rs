//! An agent beside a gateway: what a hub would decide it decides alone, until its lease ends.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use devhub::agent::Agent;
use devhub::clock::{Clock as _, ManualClock, SystemClock};
use devhub::config::agent::AgentConfig;
use devhub::config::{Layer, Sources};
use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::envoy::{API, Case, PATIENCE, V1, call, each, said, template};
use crate::gateway::{Gateway, Template};
use crate::heard::{reached, text};
use crate::http::{self, Answer};
use crate::hub::{Asked, DOCUMENTATION, Hub, Process, begin, retirement, runtime};
use crate::program::{self, ENVOYS, Program};
use crate::provision::or_skip;
use crate::token::bearer;
use crate::upstream::Upstream;
use crate::{HUB, UPSTREAM};

/// For how long a hub lets an agent decide without another word, as hubs do by default.
const TRUST: Duration = Duration::from_secs(30);

const MOMENT: Duration = Duration::from_millis(1);

/// Where the configurations say that the agent's socket is.
const SOCKET: &str = "/run/devhub/agent.sock";

/// What the clock on an agent's wall shows.
#[derive(Clone)]
enum Wall {
    /// What a test says.
    Set(ManualClock),
    /// The time, because the hub shows that too.
    Real,
}

/// The clocks of an agent. The one that leases run by stands until a test moves it.
#[derive(Clone)]
struct Clocks {
    wall: Wall,
    elapsed: Arc<Mutex<Duration>>,
}

impl Clocks {
    fn new(wall: Wall) -> Clocks {
        Clocks { wall, elapsed: Arc::default() }
    }

    fn set(&self, elapsed: Duration) {
        *self.elapsed.lock() = elapsed;
    }
}

impl devhub_gateway::Clock for Clocks {
    fn now(&self) -> DateTime<Utc> {
        match &self.wall {
            Wall::Set(clock) => clock.now(),
            Wall::Real => SystemClock.now(),
        }
    }

    fn elapsed(&self) -> Duration {
        *self.elapsed.lock()
    }
}

/// The settings of an agent beside Envoy, and of one that is asked over HTTP.
fn settings(hub: SocketAddr, identity: &str, path: &str) -> Layer {
    Layer::from([
        ("hub", format!("http://{hub}")),
        ("environment", "sandbox".to_owned()),
        ("gateway_id", "edge-1".to_owned()),
        ("admin_listen", "127.0.0.1:0".to_owned()),
        ("gateway_identity", identity.to_owned()),
        ("gateway_path", path.to_owned()),
        ("gateway_vendor", "hmrc".to_owned()),
    ])
}

/// An agent in this process, on a socket in a directory of its own.
struct Beside {
    agent: Option<Agent>,
    socket: PathBuf,
    runtime: Runtime,
    _directory: TempDir,
}

impl Beside {
    /// Starts one whose `setting` says that it listens on its socket, and waits until it decides.
    fn start(mut flags: Layer, setting: &'static str, clocks: &Clocks) -> Beside {
        let (directory, runtime) = (tempfile::tempdir().unwrap(), runtime());
        let socket = directory.path().join("agent.sock");
        let scheme = if setting == "gateway_listen" { "unix:" } else { "" };
        flags.insert(setting, format!("{scheme}{}", socket.display()));
        let config = AgentConfig::load(&Sources { flags, environment: &|_| None, file: None }).unwrap();
        let agent = runtime.block_on(Agent::start(&config, Arc::new(clocks.clone()))).unwrap();
        runtime.block_on(agent.replica().reach(1));
        Beside { agent: Some(agent), socket, runtime, _directory: directory }
    }

    fn agent(&self) -> &Agent {
        self.agent.as_ref().unwrap()
    }

    /// Waits until it holds what a hub holds.
    fn reach(&self, revision: u64) {
        self.runtime.block_on(self.agent().replica().reach(revision));
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        if let Some(agent) = self.agent.take() {
            let stopped = self.runtime.block_on(agent.stop());
            assert!(stopped.is_ok() || std::thread::panicking(), "{stopped:?}");
        }
    }
}

fn envoy_on(envoy: &Program, socket: &Path, api: SocketAddr) -> Gateway {
    let template = template("agent.yaml", &PATIENCE).with(SOCKET, &socket.display().to_string());
    Gateway::envoy(envoy, &template.at(API, api))
}

/// The dates of a version that ends, as headers say them.
fn dated(answer: &Answer) {
    let sunset = retirement().format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    assert_eq!(answer.header("deprecation"), Some(&*format!("@{}", begin().timestamp())), "{answer:?}");
    assert_eq!(answer.header("sunset"), Some(&*sunset), "{answer:?}");
    assert!(answer.headers.iter().any(|(name, link)| name == "link" && link.contains(DOCUMENTATION)), "{answer:?}");
}

#[test]
fn b60_b61_b62_b63_envoy_asks_an_agent_on_a_socket_as_it_asks_a_hub() {
    each("b60_b61_b62_b63_envoy_asks_an_agent_on_a_socket_as_it_asks_a_hub", |envoy| {
        let (hub, api) = (Hub::start(Asked::Grpc), Upstream::start());
        let clock = hub.clock.clone();
        let flags = settings(hub.address, "claim:jwt.client_id", "context");
        let beside = Beside::start(flags, "listen_uds", &Clocks::new(Wall::Set(clock.clone())));
        beside.reach(hub.revision());
        let gateway = envoy_on(envoy, &beside.socket, api.address);
        let (one, two) = (bearer("client-one"), bearer("client-two"));
        let (one, two) = (("authorization", &*one), ("authorization", &*two));
        let allowed = gateway.eventually("allowed", || {
            Some(call(&gateway, "GET", "/hello/world?year=2026", &[one, V1])).filter(|answer| answer.status == 200)
        });
        assert_eq!(reached(&allowed, "x-devhub-application"), ["one"], "{}", text(&allowed));
        assert_eq!(allowed.header("deprecation"), None, "nothing ends");
        let (v2, v3) = (("accept", "application/vnd.hmrc.2.0+json"), ("accept", "application/vnd.hmrc.3.0+json"));
        let denials: &[Case<'_>] = &[
            ("/hello", &[V1], "401 UNKNOWN_CLIENT"),
            ("/hello", &[V1, two], "403 NOT_SUBSCRIBED"),
            ("/hello", &[one, v2], "403 NOT_SUBSCRIBED"),
            ("/hello", &[one, v3], "403 VERSION_ALPHA"),
            ("/nothing", &[one, V1], "404 UNKNOWN_CONTEXT"),
            ("/hello", &[one], "406 ACCEPT_MISSING"),
        ];
        let served = api.served();
        for (path, headers, expected) in denials {
            let denied = call(&gateway, "GET", path, headers);
            assert_eq!(said(&denied), *expected, "{path} {headers:?}: {denied:?}\n{}", gateway.log());
        }
        assert_eq!(api.served(), served, "what is denied does not reach the API");
        for (method, path, status) in
            [("GET", "/old/thing", 200), ("HEAD", "/old/thing", 200), ("GET", "/old/failing", 500)]
        {
            let answer = call(&gateway, method, path, &[one, V1]);
            assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
            dated(&answer);
        }

        // Nobody is there any more who could say that the version ends.
        drop(hub);
        let (figures, stand) = (beside.agent().replica().figures(), beside.agent().replica().follower().stand());
        for (milliseconds, expected) in [(-1, "200"), (0, "410 VERSION_RETIRED"), (1, "410 VERSION_RETIRED")] {
            clock.set(retirement() + TimeDelta::milliseconds(milliseconds));
            let answer = call(&gateway, "GET", "/old", &[one, V1]);
            assert_eq!(said(&answer), expected, "{milliseconds} ms after the end: {answer:?}");
            assert_eq!(call(&gateway, "GET", "/hello", &[one, V1]).status, 200, "what does not end goes on");
        }
        let after = beside.agent().replica().figures();
        assert_eq!((after.deltas, after.snapshots), (figures.deltas, figures.snapshots), "no message came");
        assert_eq!(beside.agent().replica().follower().stand(), stand);
    });
}

#[test]
fn b64_envoy_goes_on_while_the_hub_is_away_until_the_lease_ends() {
    each("b64_envoy_goes_on_while_the_hub_is_away_until_the_lease_ends", |envoy| {
        let (mut hub, api) = (Process::start(Asked::Grpc), Upstream::start());
        let clocks = Clocks::new(Wall::Real);
        let beside = Beside::start(settings(hub.address, "claim:jwt.client_id", "context"), "listen_uds", &clocks);
        let gateway = envoy_on(envoy, &beside.socket, api.address);
        let (one, two) = (bearer("client-one"), bearer("client-two"));
        let ask = |token: &str| said(&call(&gateway, "GET", "/hello", &[("authorization", token), V1]));
        gateway.eventually("up", || (ask(&one) == "200").then_some(()));
        hub.kill();
        for at in [Duration::ZERO, TRUST - MOMENT] {
            clocks.set(at);
            assert_eq!((&*ask(&one), &*ask(&two)), ("200", "403 NOT_SUBSCRIBED"), "{at:?}\n{}", gateway.log());
        }
        let served = api.served();
        for at in [TRUST, TRUST + MOMENT] {
            clocks.set(at);
            // Neither an allow nor a denial, whoever calls.
            assert_eq!((&*ask(&one), &*ask(&two)), ("503", "503"), "{at:?}\n{}", gateway.log());
        }
        assert_eq!(api.served(), served, "nobody gets in");
        hub.run();
        gateway.eventually("back after the hub was killed", || (ask(&one) == "200").then_some(()));
        assert_eq!(ask(&two), "403 NOT_SUBSCRIBED");
    });
}

fn get(gateway: &Gateway, path: &str, headers: &[(&str, &str)]) -> Answer {
    http::call(gateway.address, "GET", path, headers, b"")
}

/// A gateway that asks over HTTP, on the agent's socket or wherever else: allow, denials, dates, the end, and the lease.
fn asked_over_http(setting: &'static str, start: impl Fn(&Beside, SocketAddr) -> Gateway) {
    const ONE: (&str, &str) = ("x-api-key", "example-key-1");
    const TWO: (&str, &str) = ("x-api-key", "example-key-2");
    let (hub, upstream) = (Hub::start(Asked::Grpc), Upstream::start());
    let clock = hub.clock.clone();
    let clocks = Clocks::new(Wall::Set(clock.clone()));
    let beside = Beside::start(settings(hub.address, "header:x-client-id", "operation"), setting, &clocks);
    beside.reach(hub.revision());
    let gateway = start(&beside, upstream.address);
    let allowed = get(&gateway, "/hello/world", &[ONE, V1]);
    assert_eq!(allowed.status, 200, "{allowed:?}\n{}", gateway.log());
    assert_eq!(reached(&allowed, "x-devhub-application"), ["one"], "{}", text(&allowed));
    dated(&get(&gateway, "/old/thing", &[ONE, V1]));
    let served = upstream.served();
    for (headers, expected) in [
        (&[V1][..], "401 UNKNOWN_CLIENT"),
        (&[TWO, V1], "403 NOT_SUBSCRIBED"),
        (&[ONE, ("accept", "application/vnd.hmrc.9.0+json")], "404 UNKNOWN_VERSION"),
        (&[ONE], "406 ACCEPT_MISSING"),
    ] {
        let denied = get(&gateway, "/hello", headers);
        assert_eq!(said(&denied), expected, "{headers:?}: {denied:?}\n{}", gateway.log());
    }
    drop(hub);
    for (milliseconds, status) in [(-1, 200), (0, 410), (1, 410)] {
        clock.set(retirement() + TimeDelta::milliseconds(milliseconds));
        assert_eq!(get(&gateway, "/old/thing", &[ONE, V1]).status, status, "{milliseconds} ms after the end");
    }
    assert_eq!(upstream.served(), served + 1, "the last call before the end");
    for (at, status) in [(TRUST - MOMENT, 200), (TRUST, 503), (TRUST + MOMENT, 503)] {
        clocks.set(at);
        let answer = get(&gateway, "/hello", &[ONE, V1]);
        assert_eq!(answer.status, status, "{at:?}: {answer:?}\n{}", gateway.log());
        assert_eq!(answer.header("retry-after"), (status == 503).then_some("5"), "{at:?}: {answer:?}");
    }
}

#[test]
fn b60_b61_b63_b64_nginx_asks_an_agent_on_a_socket() {
    let Some(nginx) = or_skip("b60_b61_b63_b64_nginx_asks_an_agent_on_a_socket", program::nginx()) else { return };
    asked_over_http("gateway_listen", |beside, upstream| {
        let template = Template::of("nginx/devhub.conf").with("200ms", "3s").with("300ms", "3s");
        let socket = format!("unix:{}", beside.socket.display());
        Gateway::nginx(&nginx, &template.with(&format!("127.0.0.1:{HUB}"), &socket).at(UPSTREAM, upstream))
    });
}

/// The binary, as it runs beside a gateway.
pub(crate) struct Running(Child);

impl Running {
    fn start(hub: SocketAddr, directory: &Path) -> Running {
        let (socket, copy) = (directory.join("agent.sock"), directory.join("copy"));
        Running::with(hub, &[("--listen-uds", &socket), ("--copy-file", &copy)])
    }

    /// The binary with these paths.
    pub(crate) fn with(hub: SocketAddr, paths: &[(&str, &Path)]) -> Running {
        let mut command = Command::new(env!("CARGO_BIN_EXE_devhub"));
        command.args(["agent", "--environment", "sandbox", "--gateway-id", "edge-1", "--log-format", "json"]);
        command.args(["--admin-listen", "127.0.0.1:0", "--gateway-vendor", "hmrc", "--gateway-path", "context"]);
        command.arg("--hub").arg(format!("http://{hub}"));
        for (flag, path) in paths {
            command.arg(flag).arg(path);
        }
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        while !lines.next().expect("the agent ended before it listened").unwrap().contains("\"following\"") {}
        std::thread::spawn(move || lines.for_each(drop));
        Running(child)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_agent_takes_the_place_of_a_dead_one_and_leaves_in_order() {
    let name = "the_agent_takes_the_place_of_a_dead_one_and_leaves_in_order";
    let Some(envoy) = or_skip(name, program::envoy(ENVOYS[1])) else { return };
    let (hub, api) = (Process::start(Asked::Grpc), Upstream::start());
    let directory = tempfile::tempdir().unwrap();
    let (socket, copy) = (directory.path().join("agent.sock"), directory.path().join("copy"));
    let mut running = Running::start(hub.address, directory.path());
    let gateway = envoy_on(&envoy, &socket, api.address);
    let one = bearer("client-one");
    let status = || call(&gateway, "GET", "/hello", &[("authorization", &one), V1]).status;
    gateway.eventually("up", || (status() == 200).then_some(()));

    running.0.kill().unwrap();
    running.0.wait().unwrap();
    assert_eq!(status(), 503, "nobody passes while nobody judges");
    assert!(socket.exists(), "a dead one leaves its socket behind");
    let mut running = Running::start(hub.address, directory.path());
    gateway.eventually("up again", || (status() == 200).then_some(()));

    kill_process(Pid::from_child(&running.0), Signal::TERM).unwrap();
    let ended = running.0.wait().unwrap();
    assert!(ended.success(), "{ended}");
    assert!(!socket.exists() && copy.exists(), "the socket is removed and the copy is kept");
    assert_eq!(status(), 503);
    drop(hub);
}
