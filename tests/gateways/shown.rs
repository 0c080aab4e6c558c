//! What is shown with every gateway that asks over HTTP.

use std::net::SocketAddr;
use std::sync::{Arc, mpsc};

use chrono::TimeDelta;
use devhub::server::Server;
use devhub::store::embedded::{Embedded, Options};

use crate::brownout;
use crate::gateway::Gateway;
use crate::heard::{reached, reason, text};
use crate::http::{self, Answer};
use crate::hub::{Asked, DOCUMENTATION, Hub, Process, begin, config, retirement, runtime};
use crate::upstream::Upstream;

/// A gateway, and how its hub runs.
pub(crate) struct Setup<'s> {
    /// What the hub reads paths for.
    pub(crate) path: &'static str,
    /// Starts the gateway in front of an API; the first address is the hub's.
    pub(crate) start: &'s dyn Fn(SocketAddr, SocketAddr) -> Gateway,
}

/// What a gateway makes of a denial with 503.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Relayed {
    /// A denial, with its reason and with the time that is left.
    Whole,
    /// A hub that is away.
    AsFailure,
}

const ONE: (&str, &str) = ("x-api-key", "example-key-1");
const TWO: (&str, &str) = ("x-api-key", "example-key-2");
const V1: (&str, &str) = ("accept", "application/vnd.hmrc.1.0+json");

/// A path, headers, and the status and reason that they come to.
type Case<'c> = (&'c str, &'c [(&'c str, &'c str)], u16, &'c str);

fn version(label: &'static str) -> (&'static str, String) {
    ("accept", format!("application/vnd.hmrc.{label}+json"))
}

fn get(gateway: &Gateway, path: &str, headers: &[(&str, &str)]) -> Answer {
    http::call(gateway.address, "GET", path, headers, b"")
}

/// Allows, and denies with the hub's own status and reason, and what is denied does not reach the API.
pub(crate) fn decides(setup: &Setup<'_>) {
    let (hub, upstream) = (Hub::start(Asked::Http(setup.path)), Upstream::start());
    let gateway = (setup.start)(hub.address, upstream.address);
    let allowed = get(&gateway, "/hello/world?year=2026", &[ONE, V1]);
    assert_eq!(allowed.status, 200, "{}\n{}", text(&allowed), gateway.log());
    assert!(text(&allowed).starts_with("GET /hello/world?year=2026 HTTP/1."), "{}", text(&allowed));
    assert_eq!(reached(&allowed, "x-devhub-application"), ["one"]);
    assert_eq!(reached(&allowed, "x-devhub-api"), ["hello"]);
    assert_eq!(reached(&allowed, "x-devhub-decision").len(), 1);
    assert!(reached(&allowed, "x-api-key").is_empty(), "{}", text(&allowed));
    for header in ["deprecation", "sunset", "link"] {
        assert_eq!(allowed.header(header), None, "nothing ends");
    }
    assert_eq!(http::call(gateway.address, "POST", "/hello", &[ONE, V1], b"{}").status, 200);
    let served = upstream.served();

    let (two, three, nine) = (version("2.0"), version("3.0"), version("9.0"));
    let (two, three, nine) = ((two.0, &*two.1), (three.0, &*three.1), (nine.0, &*nine.1));
    let both = ("accept", "application/vnd.hmrc.1.0+json, application/vnd.hmrc.2.0+json");
    let cases: &[Case<'_>] = &[
        ("/hello", &[V1], 401, "UNKNOWN_CLIENT"),
        ("/hello", &[("x-api-key", "stolen"), V1], 401, "UNKNOWN_CLIENT"),
        ("/hello", &[TWO, V1], 403, "NOT_SUBSCRIBED"),
        ("/hello", &[ONE, two], 403, "NOT_SUBSCRIBED"),
        ("/hello", &[ONE, three], 403, "VERSION_ALPHA"),
        ("/hello", &[ONE, nine], 404, "UNKNOWN_VERSION"),
        ("/nothing", &[ONE, V1], 404, "UNKNOWN_VERSION"),
        ("/hello", &[ONE], 406, "ACCEPT_MISSING"),
        ("/hello", &[ONE, both], 406, "ACCEPT_AMBIGUOUS"),
        ("/hello", &[ONE, V1, two], 406, "ACCEPT_AMBIGUOUS"),
        ("/hello/../old/x", &[ONE, V1], 400, "ODD_PATH"),
        ("/hello/a%2fb", &[ONE, V1], 400, "ODD_PATH"),
        ("/hello/%2e%2e/old", &[ONE, V1], 400, "ODD_PATH"),
        ("/hello//old", &[ONE, V1], 400, "ODD_PATH"),
        ("/hello;x/old", &[ONE, V1], 400, "ODD_PATH"),
    ];
    for (path, headers, status, expected) in cases {
        let denied = get(&gateway, path, headers);
        // A gateway may refuse an odd path, or find no route for it, before it asks.
        if *expected == "ODD_PATH" && [400, 404].contains(&denied.status) && denied.header("x-upstream").is_none() {
            continue;
        }
        assert_eq!(denied.status, *status, "{path} {headers:?}: {denied:?}\n{}", gateway.log());
        // Where paths name contexts, one that names none is no API's.
        let expected = if (setup.path, *path) == ("context", "/nothing") { "UNKNOWN_CONTEXT" } else { expected };
        assert_eq!(reason(&denied), expected, "{path} {headers:?}");
        assert_eq!(denied.header("content-type"), Some("application/json"), "{path}: {denied:?}");
    }
    assert_eq!(upstream.served(), served, "what is denied does not reach the API");
}

/// The API learns of a client what the hub says, whatever the client says.
pub(crate) fn cannot_be_fooled(setup: &Setup<'_>) {
    let (hub, upstream) = (Hub::start(Asked::Http(setup.path)), Upstream::start());
    let gateway = (setup.start)(hub.address, upstream.address);
    let claims = [
        ("x-client-id", "client-one"),
        ("x-devhub-application", "one"),
        ("x-devhub-status", "200"),
        ("x-original-uri", "/hello"),
        ("x-original-method", "GET"),
        ("x-forwarded-uri", "/hello"),
        ("x-forwarded-method", "GET"),
        ("x-authz-profile", "envoy"),
    ];
    for twice in [false, true] {
        let mut headers = vec![TWO, V1];
        for _ in 0..=usize::from(twice) {
            headers.extend(claims);
        }
        let denied = get(&gateway, "/hello", &headers);
        assert_eq!((denied.status, &*reason(&denied)), (403, "NOT_SUBSCRIBED"), "{denied:?}");
        let stranger = get(&gateway, "/hello", &headers[1..]);
        assert_eq!((stranger.status, &*reason(&stranger)), (401, "UNKNOWN_CLIENT"), "{stranger:?}");
        headers[0] = ONE;
        headers.push(("x-devhub-application", "two"));
        headers.push(("x-devhub-account", "boss"));
        headers.push(("X-Devhub-Environment", "PRODUCTION"));
        let allowed = get(&gateway, "/hello", &headers);
        assert_eq!(allowed.status, 200, "{allowed:?}");
        assert_eq!(reached(&allowed, "x-devhub-application"), ["one"], "{}", text(&allowed));
        for name in ["x-devhub-account", "x-devhub-environment"] {
            for value in reached(&allowed, name) {
                assert!(["-", "SANDBOX"].contains(&value.as_str()), "{name}: {value}");
            }
        }
        assert!(reached(&allowed, "x-client-id").is_empty(), "{}", text(&allowed));
    }
    // Nothing that ends a header gets into one: it is refused when it is written.
    for uri in ["https://developer.example/\r\nX-Evil: 1", "https://developer.example/\n", "https://x/\u{e9}"] {
        let refused = hub.publish_documented(uri).unwrap_err();
        assert_eq!(refused.code(), tonic::Code::InvalidArgument, "{refused:?}");
    }
}

/// Lifecycle headers reach the client, whatever the API answers, and the end comes on the instant, by the clock alone.
pub(crate) fn retires(setup: &Setup<'_>) {
    let (hub, upstream) = (Hub::start(Asked::Http(setup.path)), Upstream::start());
    let gateway = (setup.start)(hub.address, upstream.address);
    let sunset = retirement().format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let deprecation = format!("@{}", begin().timestamp());
    let dated = |answer: &Answer| {
        assert_eq!(answer.header("deprecation"), Some(&*deprecation), "{answer:?}");
        assert_eq!(answer.header("sunset"), Some(&*sunset), "{answer:?}");
        let links: Vec<_> = answer.headers.iter().filter(|(name, _)| name == "link").map(|(_, link)| link).collect();
        assert!(links.iter().any(|link| link.contains(&format!("<{DOCUMENTATION}>"))), "{answer:?}");
        assert!(links.iter().any(|link| link.contains("rel=\"successor-version\"")), "{answer:?}");
    };
    for (method, path, status) in [
        ("GET", "/old/thing", 200),
        ("HEAD", "/old/thing", 200),
        ("GET", "/old/failing", 500),
        ("GET", "/old/dated", 200),
    ] {
        let answer = http::call(gateway.address, method, path, &[ONE, V1], b"");
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}\n{}", gateway.log());
        assert_eq!(answer.header("x-upstream"), Some("reached"), "{answer:?}");
        dated(&answer);
    }
    // The API is away: that is the gateway's to say, and not that nobody could be asked.
    let nowhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let lost = (setup.start)(hub.address, nowhere);
    let answer = get(&lost, "/old/thing", &[ONE, V1]);
    assert!([502, 503].contains(&answer.status) && answer.header("retry-after").is_none(), "{answer:?}");

    let revision = hub.revision();
    for (milliseconds, status) in [(-1, 200), (0, 410), (1, 410), (-1, 200)] {
        // Backwards too: nobody but the clock has said anything.
        hub.clock.set(retirement() + TimeDelta::milliseconds(milliseconds));
        let answer = get(&gateway, "/old/thing", &[ONE, V1]);
        assert_eq!(answer.status, status, "{milliseconds} ms after the end: {answer:?}\n{}", gateway.log());
        if status == 410 {
            assert_eq!(reason(&answer), "VERSION_RETIRED");
            assert!(answer.headers.iter().any(|(name, value)| name == "link" && value.contains(DOCUMENTATION)));
        }
    }
    assert_eq!(get(&gateway, "/hello", &[ONE, V1]).status, 200, "what does not end goes on");
    assert_eq!(hub.revision(), revision, "nothing was written");
}

/// A brownout begins and ends on its instants. Whether the client learns that it is one depends on what the gateway makes
/// of a 5xx of the hub's.
pub(crate) fn browns_out(setup: &Setup<'_>, relayed: Relayed) {
    let (hub, upstream) = (Hub::start(Asked::Http(setup.path)), Upstream::start());
    hub.brown_out(brownout::from(), brownout::until());
    let gateway = (setup.start)(hub.address, upstream.address);
    for (now, left) in brownout::instants() {
        hub.clock.set(now);
        let served = upstream.served();
        let answer = get(&gateway, "/old/thing", &[ONE, V1]);
        let Some(left) = left else {
            assert_eq!(answer.status, 200, "{now}: {answer:?}\n{}", gateway.log());
            continue;
        };
        assert_eq!(answer.status, 503, "{now}: {answer:?}\n{}", gateway.log());
        assert_eq!(upstream.served(), served, "{now}");
        match relayed {
            Relayed::Whole => {
                assert_eq!(reason(&answer), "BROWNOUT");
                brownout::comes_again(&answer, left);
            }
            Relayed::AsFailure => {
                assert_eq!(reason(&answer), "HUB_UNAVAILABLE");
                brownout::comes_again(&answer, 5);
            }
        }
    }
}

/// Whatever becomes of the hub, nobody gets in without it, clients are told to come again, and they can.
pub(crate) fn survives(setup: &Setup<'_>) {
    let (mut hub, upstream) = (Process::start(Asked::Http(setup.path)), Upstream::start());
    let gateway = (setup.start)(hub.address, upstream.address);
    let status = || get(&gateway, "/hello", &[ONE, V1]).status;
    let closed = |served: usize| {
        let answer = get(&gateway, "/hello", &[ONE, V1]);
        assert_eq!(answer.status, 503, "{answer:?}\n{}", gateway.log());
        assert_eq!(answer.header("retry-after"), Some("5"), "{answer:?}");
        assert_eq!(upstream.served(), served, "nobody gets in");
    };
    assert_eq!(status(), 200, "{}", gateway.log());
    let served = upstream.served();

    hub.kill();
    closed(served);
    hub.run();
    gateway.eventually("back after the hub was killed", || (status() == 200).then_some(()));

    let served = upstream.served();
    hub.freeze();
    closed(served);
    hub.thaw();
    gateway.eventually("back after the hub was frozen", || (status() == 200).then_some(()));
}

/// A hub that is still reading its store judges nothing, and does so as soon as it has read it.
pub(crate) fn waits(setup: &Setup<'_>) {
    let runtime = runtime();
    let directory = tempfile::tempdir().unwrap();
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let config = config(directory.path(), Asked::Http(setup.path), &address.to_string());
    let (read, reading) = mpsc::channel::<()>();
    let data = config.data_dir.clone();
    let opening = runtime.spawn(async move {
        let open = move || {
            // The store takes its time until the test has seen enough.
            let _ = reading.recv();
            Ok(Arc::new(Embedded::open(data, Options::default())?) as Arc<dyn devhub::store::Store>)
        };
        Server::start_with(open, &config, Arc::new(devhub::clock::ManualClock::at(begin()))).await
    });
    let upstream = Upstream::start();
    let gateway = (setup.start)(address, upstream.address);
    let ask = || get(&gateway, "/hello", &[ONE, V1]);
    let answer = ask();
    assert_eq!(answer.status, 503, "{answer:?}\n{}", gateway.log());
    assert_eq!(answer.header("retry-after"), Some("5"), "{answer:?}");
    read.send(()).unwrap();
    // It has no APIs, and knows it.
    let denied = gateway.eventually("judged", || Some(ask()).filter(|answer| answer.status == 404));
    assert_eq!(reason(&denied), if setup.path == "context" { "UNKNOWN_CONTEXT" } else { "UNKNOWN_VERSION" });
    assert_eq!(upstream.served(), 0);
    let server = runtime.block_on(opening).unwrap().unwrap();
    runtime.block_on(server.stop()).unwrap();
}
