//! `/authz`: what gateways without a client of their own ask over HTTP, and what they are told.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use devhub::config::Config;
use devhub::gateway::answer::IDENTITY;
use devhub::gateway::request::PathUse;
use devhub_decision::Environment;
use devhub_proto::v1;

use crate::http::{self, Answer};
use crate::world::{ADA, CONTEXT, World, days, deployment, ms, start, version};

/// How long an answer may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

const ONE: (&str, &str) = ("x-client-id", "client-app");
const V1: (&str, &str) = ("accept", "application/vnd.hmrc.1.0+json");

fn settings(config: &mut Config) {
    config.gateway.listen = "127.0.0.1:0".parse().ok();
    config.gateway.reading.environment = Some(Environment::Sandbox);
    config.gateway.reading.identity = vec!["header:x-client-id".parse().unwrap()];
    config.gateway.reading.vendor = "hmrc".parse().ok();
    config.gateway.reading.path = PathUse::Context;
}

/// A hub that gateways ask over HTTP, with one version and one subscriber.
pub(crate) async fn world(change: impl FnOnce(&mut Config)) -> World {
    let world = World::with(|config| {
        settings(config);
        change(config);
    })
    .await;
    world.api().await;
    world.version("1.0", v1::Maturity::Stable).await;
    world.application("app").await;
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    world
}

pub(crate) fn address(world: &World) -> SocketAddr {
    world.server().gateway_address.unwrap()
}

/// One request, as a gateway sends it.
pub(crate) async fn ask(
    world: &World,
    method: &'static str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let (address, path, body) = (address(world), path.to_owned(), body.to_vec());
    let headers: Vec<_> = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    // The server runs on the thread of the test.
    tokio::task::spawn_blocking(move || {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        http::call(address, method, &path, &headers, &body)
    })
    .await
    .unwrap()
}

fn told(profile: &str, target: &'static str) -> [(&'static str, &'static str); 2] {
    match profile {
        "nginx" => [("x-original-method", "GET"), ("x-original-uri", target)],
        _ => [("x-forwarded-method", "GET"), ("x-forwarded-uri", target)],
    }
}

/// Asks as a profile does about GET of a target.
async fn get(world: &World, profile: &str, target: &'static str, headers: &[(&str, &str)]) -> Answer {
    let path = match profile {
        "envoy" => format!("/authz/envoy{target}"),
        "pinned" => format!("/authz/pinned?context={CONTEXT}"),
        _ => format!("/authz/{profile}"),
    };
    let told: &[_] = if profile == "envoy" { &[] } else { &told(profile, target) };
    ask(world, "GET", &path, &[headers, told].concat(), b"").await
}

const PROFILES: [&str; 4] = ["nginx", "pinned", "forwarded", "envoy"];

#[tokio::test]
async fn b60_an_allow_is_200_and_says_who_calls() {
    let world = world(|_| {}).await;
    for profile in PROFILES {
        let counted = world.hub().usage().figures().counted;
        let answer = get(&world, profile, "/individuals/losses/2026?tax=year", &[ONE, V1]).await;
        assert_eq!(answer.status, 200, "{profile}: {answer:?}");
        assert_eq!(answer.header("x-devhub-application"), Some("app"));
        assert_eq!(answer.header("x-devhub-account"), Some("-"), "there is none, and no client's gets through");
        assert_eq!(answer.header("x-devhub-api"), Some(CONTEXT));
        assert_eq!(answer.header("x-devhub-version"), Some("1.0"));
        assert_eq!(answer.header("x-devhub-environment"), Some("SANDBOX"));
        assert_eq!(answer.header("x-devhub-reason"), Some("SUBSCRIBED"));
        assert!(answer.body.is_empty() && answer.header("deprecation").is_none(), "{answer:?}");
        assert_eq!(world.hub().usage().figures().counted, counted + 1, "it counts as a call");
    }
}

#[tokio::test]
async fn b63_a_denial_is_never_a_success_and_owns_every_identity_header() {
    let world = world(|_| {}).await;
    world.version("2.0", v1::Maturity::Stable).await;
    let (v2, v9) = (("accept", "application/vnd.hmrc.2.0+json"), ("accept", "application/vnd.hmrc.9.0+json"));
    for profile in PROFILES {
        for (target, headers, status, reason) in [
            ("/individuals/losses", &[V1][..], 401, "UNKNOWN_CLIENT"),
            ("/individuals/losses", &[("x-client-id", "nobody"), V1], 401, "UNKNOWN_CLIENT"),
            ("/individuals/losses", &[ONE, ONE, V1], 400, "REPEATED_HEADER"),
            ("/individuals/losses", &[("x-client-id", "client-app,client-app"), V1], 400, "REPEATED_HEADER"),
            ("/individuals/losses", &[ONE, v2], 403, "NOT_SUBSCRIBED"),
            ("/individuals/losses", &[ONE, v9], 404, "UNKNOWN_VERSION"),
            ("/individuals/losses", &[ONE], 406, "ACCEPT_MISSING"),
            ("/individuals/losses", &[ONE, V1, v2], 406, "ACCEPT_AMBIGUOUS"),
            ("/individuals/losses/../x", &[ONE, V1], 400, "ODD_PATH"),
            ("/individuals/losses/%2e%2e/x", &[ONE, V1], 400, "ODD_PATH"),
            ("/individuals%2flosses", &[ONE, V1], 400, "ODD_PATH"),
            ("/individuals//losses", &[ONE, V1], 400, "ODD_PATH"),
        ] {
            let answer = get(&world, profile, target, headers).await;
            let shown = format!("{profile} {target} {headers:?}: {answer:?}");
            for name in IDENTITY {
                assert!(answer.header(name).is_some(), "{name}: {shown}");
            }
            assert_eq!(answer.header("x-devhub-reason"), Some(reason), "{shown}");
            let (told, body) = if profile == "nginx" {
                assert_eq!(answer.status, if status == 401 { 401 } else { 403 }, "{shown}");
                assert!(answer.body.is_empty(), "{shown}");
                (answer.header("x-devhub-status").unwrap().parse().unwrap(), answer.header("x-devhub-body").unwrap())
            } else {
                assert!(
                    answer.header("x-devhub-status").is_none() && answer.header("x-devhub-body").is_none(),
                    "{shown}"
                );
                assert_eq!(answer.header("content-type"), Some("application/json"), "{shown}");
                (answer.status, std::str::from_utf8(&answer.body).unwrap())
            };
            assert_eq!(told, status, "{shown}");
            let body: serde_json::Value = serde_json::from_str(body).unwrap();
            assert_eq!(body["reason"], reason, "{shown}");
        }
    }
    // Nobody's profile, and not the hub's business.
    for path in ["/", "/authz", "/authz/", "/authz/nginx/", "/authz/other", "/authz/Envoy/individuals/losses"] {
        assert_eq!(ask(&world, "GET", path, &[ONE, V1], b"").await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn b62_b61_lifecycle_headers_come_with_the_allow_until_the_instant_of_the_end() {
    let world = world(|_| {}).await;
    let end = start() + days(400);
    world.deprecate("1.0", None, Some(end)).await.unwrap();
    for profile in PROFILES {
        for method in ["GET", "HEAD", "POST"] {
            let path = format!("/authz/{profile}{}", if profile == "envoy" { "/individuals/losses" } else { "" });
            let path = if profile == "pinned" { format!("{path}?context={CONTEXT}") } else { path };
            let headers = [&[ONE, V1][..], &told(profile, "/individuals/losses")].concat();
            world.clock.set(end - ms(1));
            let answer = ask(&world, method, &path, &headers, b"").await;
            assert_eq!(answer.status, 200, "{profile} {method}: {answer:?}");
            assert_eq!(answer.header("deprecation"), Some("@1767225600"), "{profile} {method}: {answer:?}");
            assert_eq!(answer.header("sunset"), Some("Fri, 05 Feb 2027 00:00:00 GMT"), "{answer:?}");
            for after in [ms(0), ms(1)] {
                world.clock.set(end + after);
                let answer = ask(&world, method, &path, &headers, b"").await;
                assert_eq!(answer.header("x-devhub-reason"), Some("VERSION_RETIRED"), "{answer:?}");
                assert_eq!(answer.status, if profile == "nginx" { 403 } else { 410 }, "{answer:?}");
            }
        }
    }
}

#[tokio::test]
async fn b60_nothing_that_a_client_can_send_pins_anything() {
    let world = world(|_| {}).await;
    world.api_with("other", "hmrc-mtd").await;
    let sandbox = deployment(v1::Environment::Sandbox, v1::Maturity::Stable);
    let published = v1::ApiVersion { context: "other".into(), ..version("2.0", vec![sandbox]) };
    world.publish(published).await.unwrap();
    let claims = [
        ("x-api-context", CONTEXT),
        ("x-api-version", "1.0"),
        ("x-devhub-context", CONTEXT),
        ("x-original-uri", "/individuals/losses"),
        ("x-original-method", "GET"),
        ("x-authz-profile", "nginx"),
    ];
    let headers = [&[ONE, V1][..], &claims].concat();
    let answer = get(&world, "forwarded", "/other?context=individuals/losses", &headers).await;
    assert_eq!((answer.status, answer.header("x-devhub-api")), (404, Some("other")), "{answer:?}");
    let answer = get(&world, "envoy", "/other?context=individuals/losses", &headers).await;
    assert_eq!((answer.status, answer.header("x-devhub-api")), (404, Some("other")), "{answer:?}");
    // What the route pins is not for the path to say otherwise.
    let answer = get(&world, "pinned", "/other", &headers).await;
    assert_eq!((answer.status, answer.header("x-devhub-reason")), (404, Some("OUTSIDE_BASE_PATH")), "{answer:?}");
    // What the gateway must say and does not is its fault, and nobody gets in.
    for (path, told) in [
        ("/authz/nginx", told("forwarded", "/individuals/losses")),
        ("/authz/forwarded", told("nginx", "/individuals/losses")),
        ("/authz/pinned", told("forwarded", "/individuals/losses")),
        ("/authz/forwarded?kontext=individuals/losses", told("forwarded", "/individuals/losses")),
        ("/authz/forwarded?context=other&context=individuals/losses", told("forwarded", "/individuals/losses")),
    ] {
        let answer = ask(&world, "GET", path, &[&[ONE, V1][..], &told].concat(), b"").await;
        assert_eq!(answer.header("x-devhub-reason"), Some("GATEWAY_MISCONFIGURED"), "{path}: {answer:?}");
        assert!([403, 500].contains(&answer.status), "{answer:?}");
    }
    // A header that the gateway sets, and somebody else too.
    let twice = [&[ONE, V1][..], &told("forwarded", "/other"), &told("forwarded", "/individuals/losses")].concat();
    assert_eq!(ask(&world, "GET", "/authz/forwarded", &twice, b"").await.status, 500);
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused_and_not_judged() {
    let world = world(|_| {}).await;
    let address = address(&world);
    let answered = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(ANSWER_LIMIT)).unwrap();
        let long = "a".repeat(1 << 20);
        let head = format!("GET /authz/envoy/individuals/losses HTTP/1.1\r\nx-client-id: client-app\r\nx-long: {long}");
        // The hub may hang up before all of it is written, and before its answer is read.
        let _ = stream.write_all(head.as_bytes());
        let mut status = [0; 12];
        stream.read_exact(&mut status).ok().map(|()| status)
    });
    assert!(answered.await.unwrap().is_none_or(|status| &status == b"HTTP/1.1 431"));
    let many: Vec<_> = (0..200).map(|index| (format!("x-{index}"), "1")).collect();
    let many: Vec<_> = many.iter().map(|(name, value)| (name.as_str(), *value)).chain([ONE, V1]).collect();
    assert_eq!(ask(&world, "GET", "/authz/envoy/individuals/losses", &many, b"").await.status, 431);
    assert_eq!(world.hub().usage().figures().counted, 0);
}

#[tokio::test]
async fn connections_beyond_the_limit_are_closed_at_once_and_come_back_when_there_is_room() {
    let world = world(|config| config.gateway.connections_max = 1).await;
    let address = address(&world);
    let ask = move |mut stream: TcpStream| {
        let request = "GET /authz/envoy/individuals/losses HTTP/1.1\r\nhost: hub\r\nx-client-id: client-app\r\naccept: \
                       application/vnd.hmrc.1.0+json\r\n\r\n";
        stream.set_read_timeout(Some(ANSWER_LIMIT)).unwrap();
        let mut status = [0; 12];
        let answered = stream.write_all(request.as_bytes()).and_then(|()| stream.read_exact(&mut status));
        answered.ok().map(|()| (stream, status))
    };
    let told = tokio::task::spawn_blocking(move || {
        let connect = || TcpStream::connect(address).unwrap();
        let (first, status) = ask(connect()).expect("a place");
        assert_eq!(&status, b"HTTP/1.1 200");
        assert!(ask(connect()).is_none(), "there is one place");
        drop(first);
        // The hub learns of it when it reads.
        loop {
            if let Some((_, status)) = ask(connect()) {
                return status;
            }
        }
    })
    .await
    .unwrap();
    assert_eq!(&told, b"HTTP/1.1 200");
    assert_eq!(world.hub().usage().figures().counted, 2, "who was turned away asked nothing");
}

#[tokio::test]
async fn a_stop_answers_what_was_asked_and_lets_go_of_who_is_silent() {
    let mut world = world(|_| {}).await;
    let address = address(&world);
    let silent = tokio::task::spawn_blocking(move || TcpStream::connect(address).unwrap()).await.unwrap();
    assert_eq!(get(&world, "envoy", "/individuals/losses", &[ONE, V1]).await.status, 200);
    world.server.take().unwrap().stop().await.unwrap();
    let refused = tokio::task::spawn_blocking(move || {
        drop(silent);
        TcpStream::connect(address).is_err()
    });
    assert!(refused.await.unwrap(), "nobody listens any more");
}

#[test]
fn b60_every_example_owns_every_identity_header() {
    let examples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/gateways");
    for (file, asks) in [
        ("nginx/devhub.conf", "http://devhub/authz/nginx?context=$api_context;"),
        ("caddy/Caddyfile", "rewrite /authz/pinned?context={http.regexp.context.1}"),
        ("traefik/dynamic.yaml", "http://127.0.0.1:50053/authz/forwarded?context=hello"),
    ] {
        let text = std::fs::read_to_string(examples.join(file)).unwrap();
        assert!(text.contains(asks), "{file} asks elsewhere");
        for name in IDENTITY {
            assert!(text.to_ascii_lowercase().contains(name), "{file} lets a client's {name} through");
        }
    }
}
