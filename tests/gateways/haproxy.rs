//! HAProxy as `examples/gateways/haproxy` configures it: it decides by itself, from maps that a replica keeps current.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use devhub::agent::haproxy::{self, Unwritable};
use devhub::wire::timestamp;
use devhub_decision::Environment;
use devhub_gateway::{Clock, Replica, SystemClock};
use devhub_proto::v1;
use devhub_proto::v1::api_service_client::ApiServiceClient;
use devhub_proto::v1::subscription_service_client::SubscriptionServiceClient;
use parking_lot::Mutex;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tonic::transport::Channel;

use crate::agent::Running;
use crate::gateway::{Gateway, Template};
use crate::heard::{reached, reason, text};
use crate::http::{self, Answer};
use crate::hub::{Asked, DOCUMENTATION, Process, channel, operator, retirement, runtime};
use crate::program::{self, Program};
use crate::provision::or_skip;
use crate::upstream::Upstream;
use crate::{UPSTREAM, source};

const ONE: (&str, &str) = ("x-api-key", "example-key-1");
const TWO: (&str, &str) = ("x-api-key", "example-key-2");
const V1: (&str, &str) = ("accept", "application/vnd.hmrc.1.0+json");

/// A path, headers, and the status and reason that they come to.
type Case<'c> = (&'c str, &'c [(&'c str, &'c str)], u16, &'c str);

/// The clocks of the machine, one of which can be put forward: leases run out sooner then.
#[derive(Clone)]
struct Clocks {
    system: SystemClock,
    ahead: Arc<Mutex<Duration>>,
}

impl Clock for Clocks {
    fn now(&self) -> DateTime<Utc> {
        self.system.now()
    }

    fn elapsed(&self) -> Duration {
        self.system.elapsed() + *self.ahead.lock()
    }
}

/// What runs beside HAProxy.
struct Beside {
    replica: Replica,
    clocks: Clocks,
    stop: watch::Sender<bool>,
    keeper: Option<JoinHandle<Result<(), Unwritable>>>,
    runtime: Runtime,
    directory: TempDir,
}

impl Beside {
    /// Follows a hub, and keeps maps. Leases of HAProxy end so much earlier than those of the replica.
    fn start(hub: SocketAddr, step_max: Duration) -> Beside {
        let (directory, runtime) = (tempfile::tempdir().unwrap(), runtime());
        let clocks = Clocks { system: SystemClock::start(), ahead: Arc::default() };
        let settings = devhub_gateway::Settings {
            backoff: (Duration::from_millis(1), Duration::from_millis(50)),
            ping_every: Some(Duration::from_millis(50)),
            report_every: None,
            ..devhub_gateway::Settings::new(Environment::Sandbox, "haproxy-1")
        };
        let replica = runtime.block_on(async { Replica::follow(channel(hub), settings, Arc::new(clocks.clone())) });
        let (stop, stopped) = watch::channel(false);
        let settings = haproxy::Settings {
            socket: Some(directory.path().join("devhub.sock")),
            every: Duration::from_millis(20),
            step_max,
            ..haproxy::Settings::new(directory.path().join("maps"))
        };
        let keeper = runtime.spawn(haproxy::keep(replica.clone(), settings, stopped));
        let beside = Beside { replica, clocks, stop, keeper: Some(keeper), runtime, directory };
        // It begins when the hub has said something; HAProxy may begin as soon as the files are there.
        beside.runtime.block_on(beside.replica.wait_for(|replica| replica.trusted_until().is_some()));
        beside
    }

    fn haproxy(&self, program: &Program, upstream: SocketAddr) -> Gateway {
        haproxy_in(self.directory.path(), program, upstream)
    }

    /// Ends what keeps the maps, as a stopped agent does.
    fn end(&mut self) {
        self.stop.send_replace(true);
        let keeper = self.keeper.take().unwrap();
        self.runtime.block_on(keeper).unwrap().unwrap();
    }
}

/// HAProxy with maps and a socket in this directory.
fn haproxy_in(directory: &Path, program: &Program, upstream: SocketAddr) -> Gateway {
    let said = |path: PathBuf| path.display().to_string();
    let template = Template::of("haproxy/haproxy.cfg")
        .with("/etc/haproxy/devhub", &said(directory.join("maps")))
        .with("/etc/haproxy", &said(source("examples/gateways/haproxy")))
        .with("/run/haproxy/devhub.sock", &said(directory.join("devhub.sock")));
    Gateway::haproxy(program, &template.at(UPSTREAM, upstream))
}

/// A hub, what runs beside HAProxy, HAProxy, and an API.
struct Scene {
    hub: Process,
    beside: Beside,
    gateway: Gateway,
    upstream: Upstream,
    program: Program,
}

fn scene(name: &str, step_max: Duration) -> Option<Scene> {
    let program = or_skip(name, program::haproxy())?;
    let (hub, upstream) = (Process::start(Asked::Grpc), Upstream::start());
    let beside = Beside::start(hub.address, step_max);
    let gateway = beside.haproxy(&program, upstream.address);
    let scene = Scene { hub, beside, gateway, upstream, program };
    scene.opens();
    Some(scene)
}

impl Scene {
    fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        http::call(self.gateway.address, "GET", path, headers, b"")
    }

    /// Waits until HAProxy has been told what there is.
    fn opens(&self) {
        self.becomes("/hello", &[ONE, V1], 200);
    }

    fn becomes(&self, path: &str, headers: &[(&str, &str)], status: u16) -> Answer {
        let wanted = |answer: &Answer| answer.status == status;
        self.gateway.eventually(&format!("{status} {:?}", self.beside.replica.health()), || {
            Some(self.get(path, headers)).filter(wanted)
        })
    }

    fn tell<R>(&self, what: impl AsyncFnOnce(Channel) -> R) -> R {
        self.beside.runtime.block_on(async { what(channel(self.hub.address)).await })
    }
}

const PLENTY: Duration = Duration::from_secs(1);

#[test]
fn b63_haproxy_allows_and_denies_with_the_reason() {
    let Some(scene) = scene("b63_haproxy_allows_and_denies_with_the_reason", PLENTY) else { return };
    let allowed = scene.get("/hello/world?year=2026", &[ONE, V1]);
    assert!(text(&allowed).starts_with("GET /hello/world?year=2026 HTTP/1."), "{}", text(&allowed));
    assert_eq!(reached(&allowed, "x-devhub-application"), ["one"]);
    assert_eq!(reached(&allowed, "x-devhub-environment"), ["SANDBOX"]);
    assert_eq!(reached(&allowed, "x-devhub-reason"), ["SUBSCRIBED"]);
    assert!(reached(&allowed, "x-api-key").is_empty(), "{}", text(&allowed));
    for header in ["deprecation", "sunset", "link", "retry-after", "cache-control"] {
        assert_eq!(allowed.header(header), None, "nothing ends");
    }
    assert_eq!(http::call(scene.gateway.address, "POST", "/hello", &[ONE, V1], b"{}").status, 200);
    let served = scene.upstream.served();

    let accept = |labels: &str| {
        let types: Vec<_> = labels.split(' ').map(|label| format!("application/vnd.hmrc.{label}+json")).collect();
        types.join(", ")
    };
    let (two, three, nine, both) = (accept("2.0"), accept("3.0"), accept("9.0"), accept("1.0 2.0"));
    let [two, three, nine, both] = [&two, &three, &nine, &both].map(|value| ("accept", value.as_str()));
    let refused = ("accept", "application/vnd.hmrc.1.0+json;q=0");
    let cases: &[Case<'_>] = &[
        ("/hello", &[V1], 401, "UNKNOWN_CLIENT"),
        ("/hello", &[("x-api-key", "stolen"), V1], 401, "UNKNOWN_CLIENT"),
        ("/hello", &[TWO, V1], 403, "NOT_SUBSCRIBED"),
        ("/hello", &[ONE, two], 403, "NOT_SUBSCRIBED"),
        ("/hello", &[ONE, three], 403, "VERSION_ALPHA"),
        ("/hello", &[ONE, nine], 404, "UNKNOWN_VERSION"),
        ("/nothing", &[ONE, V1], 404, "UNKNOWN_VERSION"),
        ("/Hello", &[ONE, V1], 404, "UNKNOWN_CONTEXT"),
        ("/hello|1.0", &[ONE, V1], 400, "ODD_PATH"),
        ("/hello", &[ONE], 406, "ACCEPT_MISSING"),
        ("/hello", &[ONE, ("accept", "*/*")], 406, "ACCEPT_MISSING"),
        ("/hello", &[ONE, ("accept", "application/vnd.hmrc+json")], 406, "ACCEPT_MALFORMED"),
        ("/hello", &[ONE, refused], 406, "ACCEPT_MALFORMED"),
        ("/hello", &[ONE, both], 406, "ACCEPT_AMBIGUOUS"),
        ("/hello", &[ONE, V1, two], 406, "ACCEPT_AMBIGUOUS"),
        ("/hello/../old/x", &[ONE, V1], 400, "ODD_PATH"),
        ("/hello/.", &[ONE, V1], 400, "ODD_PATH"),
        ("/hello/a%2fb", &[ONE, V1], 400, "ODD_PATH"),
        ("/hello/a%5Cb", &[ONE, V1], 400, "ODD_PATH"),
        ("/hello/%2e%2e/old", &[ONE, V1], 400, "ODD_PATH"),
        ("/hello/a%0d%0ab", &[ONE, V1], 400, "ODD_PATH"),
        ("/%68ello", &[ONE, V1], 400, "ODD_PATH"),
        ("/hello/%", &[ONE, V1], 400, "ODD_PATH"),
        ("/hello//old", &[ONE, V1], 400, "ODD_PATH"),
        ("/hello;x/old", &[ONE, V1], 400, "ODD_PATH"),
    ];
    let absolute = format!("http://{}/hello", scene.gateway.address);
    let absolute: Case<'_> = (&absolute, &[ONE, V1], 400, "ODD_PATH");
    for (path, headers, status, expected) in cases.iter().chain([&absolute]) {
        let denied = scene.get(path, headers);
        assert_eq!(denied.status, *status, "{path} {headers:?}: {denied:?}\n{}", scene.gateway.log());
        assert_eq!(reason(&denied), *expected, "{path} {headers:?}");
        assert_eq!(denied.header("content-type"), Some("application/json"), "{path}: {denied:?}");
        assert_eq!(denied.header("cache-control"), Some("no-store"), "{path}: {denied:?}");
    }
    assert_eq!(scene.upstream.served(), served, "what is denied does not reach the API");
    for accept in ["Application/Vnd.Hmrc.1.0+Json", " text/html , application/vnd.hmrc.1.0+xml ; q=0.9 , */*"] {
        assert_eq!(scene.get("/hello/a%20b", &[ONE, ("accept", accept)]).status, 200, "{accept}");
    }
    let challenged = scene.get("/hello", &[V1]);
    assert_eq!(challenged.header("www-authenticate"), Some("Bearer"));
    assert!(text(&challenged).contains("presents no identity"), "{}", text(&challenged));
}

#[test]
fn b60_haproxy_cannot_be_fooled() {
    let Some(scene) = scene("b60_haproxy_cannot_be_fooled", PLENTY) else { return };
    let claims = [
        ("x-client-id", "client-one"),
        ("X-Devhub-Application", "one"),
        ("x-devhub-account", "boss"),
        ("x-devhub-environment", "PRODUCTION"),
        ("x-devhub-decision", "1"),
        ("x-original-uri", "/hello"),
    ];
    for twice in [false, true] {
        let mut headers = vec![TWO, V1];
        for _ in 0..=usize::from(twice) {
            headers.extend(claims);
        }
        assert_eq!(reason(&scene.get("/hello", &headers)), "NOT_SUBSCRIBED");
        assert_eq!(reason(&scene.get("/hello", &headers[1..])), "UNKNOWN_CLIENT");
        headers[0] = ONE;
        let allowed = scene.get("/hello", &headers);
        assert_eq!(allowed.status, 200, "{allowed:?}");
        assert_eq!(reached(&allowed, "x-devhub-application"), ["one"], "{}", text(&allowed));
        assert_eq!(reached(&allowed, "x-devhub-environment"), ["SANDBOX"], "{}", text(&allowed));
        for name in ["x-devhub-account", "x-devhub-decision", "x-client-id"] {
            assert!(reached(&allowed, name).is_empty(), "{}", text(&allowed));
        }
    }
    let served = scene.upstream.served();
    let both = ("x-api-key", "example-key-2, example-key-1");
    for headers in [&[ONE, TWO, V1][..], &[TWO, ONE, V1], &[ONE, ONE, V1], &[both, V1]] {
        let denied = scene.get("/hello", headers);
        assert_eq!((denied.status, &*reason(&denied)), (400, "REPEATED_HEADER"), "{headers:?}: {denied:?}");
    }
    let odd = ("procore-company-id", "c|client-one");
    assert_eq!(reason(&scene.get("/hello", &[ONE, V1, odd])), "MALFORMED_HEADER");
    let twice = [ONE, V1, ("procore-company-id", "c1"), ("procore-company-id", "c2")];
    assert_eq!(reason(&scene.get("/hello", &twice)), "REPEATED_HEADER");
    // Nothing that ends a header gets into one: not from a client, and not from who writes a version.
    for odd in ["example-key-1\rx: 1", "example-key-1\nx"] {
        let denied = scene.get("/hello", &[("x-api-key", odd), V1]);
        assert_eq!(denied.status, 400, "{denied:?}");
    }
    assert_eq!(scene.upstream.served(), served);
}

#[test]
fn b62_haproxy_tells_of_the_end_whoever_answers() {
    let Some(scene) = scene("b62_haproxy_tells_of_the_end_whoever_answers", PLENTY) else { return };
    let sunset = devhub_decision::header::imf_fixdate(retirement()).unwrap();
    let dated = |answer: &Answer| {
        assert!(answer.header("deprecation").unwrap().starts_with('@'), "{answer:?}");
        assert_ne!(answer.header("deprecation"), Some("@1"), "the hub's, not the API's");
        assert_eq!(answer.header("sunset"), Some(&*sunset), "{answer:?}");
        let links: Vec<_> = answer.headers.iter().filter(|(name, _)| name == "link").map(|(_, link)| link).collect();
        assert!(links.iter().any(|link| link.contains(&format!("<{DOCUMENTATION}>"))), "{answer:?}");
        links.len()
    };
    for (method, path, status, links) in [
        ("GET", "/old/thing", 200, 1),
        ("HEAD", "/old/thing", 200, 1),
        ("GET", "/old/failing", 500, 1),
        ("GET", "/old/dated", 200, 2),
    ] {
        let answer = http::call(scene.gateway.address, method, path, &[ONE, V1], b"");
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}\n{}", scene.gateway.log());
        assert_eq!(answer.header("x-upstream"), Some("reached"), "{answer:?}");
        assert_eq!(dated(&answer), links, "{method} {path}");
    }
    // The API is away: that is HAProxy's to say, and it says it with the dates.
    let nowhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let lost = scene.beside.haproxy(&scene.program, nowhere);
    let answer = lost.eventually("away", || {
        let answer = http::call(lost.address, "GET", "/old/thing", &[ONE, V1], b"");
        answer.header("sunset").is_some().then_some(answer)
    });
    assert!([502, 503].contains(&answer.status) && answer.header("retry-after").is_none(), "{answer:?}");
    dated(&answer);
}

#[test]
fn b23_haproxy_retires_on_the_instant_though_nobody_says_anything() {
    let name = "b23_haproxy_retires_on_the_instant_though_nobody_says_anything";
    let Some(mut scene) = scene(name, PLENTY) else { return };
    let clock = SystemClock::start();
    // HAProxy counts milliseconds.
    let end = DateTime::from_timestamp_millis((clock.now() + TimeDelta::seconds(6)).timestamp_millis()).unwrap();
    scene.tell(async |channel| {
        let request = v1::RetireApiVersionRequest {
            context: "hello".into(),
            version: "1.0".into(),
            environment: v1::Environment::Sandbox.into(),
            retire_time: Some(timestamp(end)),
            successor: Some(v1::VersionName { context: "hello".into(), version: "2.0".into() }),
            reason: "A test of its end.".into(),
            override_reason: "It is a test.".into(),
            ..Default::default()
        };
        ApiServiceClient::new(channel).retire_api_version(operator(request)).await.unwrap();
    });
    let sunset = devhub_decision::header::imf_fixdate(end).unwrap();
    scene.gateway.eventually("told of the end", || {
        (scene.get("/hello", &[ONE, V1]).header("sunset") == Some(&*sunset)).then_some(())
    });
    // From here on nobody says anything: HAProxy is on its own with its rows and its clock.
    scene.beside.end();
    scene.hub.kill();
    let (mut before, mut after) = (0, 0);
    while after < 3 {
        let sent = clock.now();
        let answer = scene.get("/hello", &[ONE, V1]);
        let received = clock.now();
        if received < end {
            assert_eq!(answer.status, 200, "received {received}, and it ends {end}: {answer:?}");
            before += 1;
        } else if sent >= end {
            assert_eq!(answer.status, 410, "sent {sent}, and it ended {end}: {answer:?}");
            assert_eq!(reason(&answer), "VERSION_RETIRED");
            assert!(answer.header("link").unwrap().contains("hello/2.0"), "{answer:?}");
            after += 1;
        } else {
            assert!([200, 410].contains(&answer.status), "{answer:?}");
        }
    }
    assert!(before > 0, "it was told of in time");
}

#[test]
fn b60_haproxy_learns_of_subscriptions_through_its_socket_and_from_files() {
    let name = "b60_haproxy_learns_of_subscriptions_through_its_socket_and_from_files";
    let Some(mut scene) = scene(name, PLENTY) else { return };
    let subscribe = |scene: &Scene| {
        scene.tell(async |channel| {
            let (application_id, context, version) = ("two".into(), "hello".into(), "1.0".into());
            let request = v1::SubscribeRequest { application_id, context, version, ..Default::default() };
            SubscriptionServiceClient::new(channel).subscribe(operator(request)).await.unwrap();
        });
    };
    let unsubscribe = |scene: &Scene| {
        scene.tell(async |channel| {
            let (application_id, context, version) = ("two".into(), "hello".into(), "1.0".into());
            let request = v1::UnsubscribeRequest { application_id, context, version, ..Default::default() };
            SubscriptionServiceClient::new(channel).unsubscribe(operator(request)).await.unwrap();
        });
    };
    assert_eq!(scene.get("/hello", &[TWO, V1]).status, 403);
    subscribe(&scene);
    scene.becomes("/hello", &[TWO, V1], 200);
    unsubscribe(&scene);
    scene.becomes("/hello", &[TWO, V1], 403);
    subscribe(&scene);
    scene.becomes("/hello", &[TWO, V1], 200);

    // Another process under the same socket: it reads the files, and is kept current from then on.
    scene.gateway = scene.beside.haproxy(&scene.program, scene.upstream.address);
    scene.becomes("/hello", &[TWO, V1], 200);
    unsubscribe(&scene);
    scene.becomes("/hello", &[TWO, V1], 403);

    // Nobody keeps it current now, and the files do.
    scene.beside.end();
    scene.gateway = scene.beside.haproxy(&scene.program, scene.upstream.address);
    assert_eq!(scene.get("/hello", &[ONE, V1]).status, 200, "{}", scene.gateway.log());
    assert_eq!(scene.get("/hello", &[TWO, V1]).status, 403);
}

#[test]
fn b64_haproxy_goes_on_until_the_lease_ends_and_comes_back() {
    let Some(mut scene) = scene("b64_haproxy_goes_on_until_the_lease_ends_and_comes_back", PLENTY) else { return };
    scene.hub.kill();
    for _ in 0..20 {
        assert_eq!(scene.get("/hello", &[ONE, V1]).status, 200, "it decides by itself");
        assert_eq!(scene.get("/hello", &[TWO, V1]).status, 403);
    }
    *scene.beside.clocks.ahead.lock() += Duration::from_secs(31);
    let closed = scene.becomes("/hello", &[ONE, V1], 503);
    assert_eq!(closed.header("retry-after"), Some("5"), "{closed:?}");
    assert_eq!(reason(&closed), "HUB_UNAVAILABLE");
    let served = scene.upstream.served();
    assert_eq!(scene.get("/hello", &[ONE, V1]).status, 503);
    assert_eq!(scene.upstream.served(), served, "nobody gets in");
    scene.hub.run();
    scene.opens();
}

#[test]
fn b64_haproxy_closes_when_its_agent_is_gone() {
    // The lease of the maps ends 28 seconds before that of the replica, so that nobody has to wait for its end.
    let Some(mut scene) = scene("b64_haproxy_closes_when_its_agent_is_gone", Duration::from_secs(28)) else { return };
    scene.beside.keeper.take().unwrap().abort();
    let closed = scene.becomes("/hello", &[ONE, V1], 503);
    assert_eq!(reason(&closed), "HUB_UNAVAILABLE");
    // A HAProxy that starts now finds no other lease in its files.
    scene.gateway = scene.beside.haproxy(&scene.program, scene.upstream.address);
    assert_eq!(scene.get("/hello", &[ONE, V1]).status, 503);
}

#[test]
fn b60_the_agent_that_runs_beside_haproxy_keeps_it_current() {
    let name = "b60_the_agent_that_runs_beside_haproxy_keeps_it_current";
    let Some(program) = or_skip(name, program::haproxy()) else { return };
    let (hub, upstream) = (Process::start(Asked::Grpc), Upstream::start());
    let directory = tempfile::tempdir().unwrap();
    let (maps, socket) = (directory.path().join("maps"), directory.path().join("devhub.sock"));
    let agent = Running::with(hub.address, &[("--haproxy-maps", &maps), ("--haproxy-socket", &socket)]);
    let gateway = haproxy_in(directory.path(), &program, upstream.address);
    let status = |client| http::call(gateway.address, "GET", "/hello", &[client, V1], b"").status;
    gateway.eventually("open", || (status(ONE) == 200).then_some(()));
    assert_eq!([status(TWO), status(("x-api-key", "stolen"))], [403, 401]);
    drop(agent);
}
