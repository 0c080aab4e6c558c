//! Envoy, the oldest and the newest, as `examples/gateways/envoy` configures it: rules B60 to B63 seen from outside.

use std::net::{SocketAddr, TcpListener};
use std::process::Command;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use chrono::TimeDelta;
use devhub::server::Server;
use devhub::store::Store;
use devhub::store::embedded::{Embedded, Options};
use devhub_proto::envoy::service::auth::v3;
use devhub_proto::envoy::service::auth::v3::check_response::HttpResponse;
use serde_json::{Value, json};

use crate::gateway::{Gateway, Template};
use crate::heard::{reached, text};
use crate::http::{self, Answer};
use crate::hub::{Asked, DOCUMENTATION, Hub, Process, begin, config, retirement, runtime};
use crate::impostor::Impostor;
use crate::program::{self, ENVOYS, Program};
use crate::provision::or_skip;
use crate::source;
use crate::token::{bearer, token};
use crate::upstream::Upstream;

/// Where the configurations say that the hub and the API are.
pub(crate) const HUB: u16 = 50051;
pub(crate) const API: u16 = 9300;

pub(crate) const V1: (&str, &str) = ("accept", "application/vnd.hmrc.1.0+json");

/// A machine that builds has more to do than to answer a gateway within its usual time.
pub(crate) const PATIENCE: [(&str, &str); 5] = [
    ("timeout: 0.25s", "timeout: 20s"),
    // The time of each try.
    ("max_interval: 0.12s", "max_interval: 10s"),
    ("connect_timeout: 0.1s", "connect_timeout: 20s"),
    ("    - timeout: 0.5s", "    - timeout: 20s"),
    ("timeout: 2s}", "timeout: 20s}"),
];

/// A path, headers, and the status and reason that they come to.
pub(crate) type Case<'c> = (&'c str, &'c [(&'c str, &'c str)], &'c str);

/// Runs a test with each Envoy.
pub(crate) fn each(name: &str, test: impl Fn(&Program)) {
    for version in ENVOYS {
        if let Some(envoy) = or_skip(&format!("{name} ({version})"), program::envoy(version)) {
            test(&envoy);
        }
    }
}

/// The configuration of the examples with changes, each of which it must know.
pub(crate) fn template(file: &str, changes: &[(&str, &str)]) -> Template {
    let text = std::fs::read_to_string(source("examples/gateways/envoy").join(file)).unwrap();
    let changed = changes.iter().fold(text, |text, (from, to)| {
        assert!(text.contains(from), "{file} does not say {from:?}");
        text.replace(from, to)
    });
    Template::written(&changed)
}

fn start(envoy: &Program, hub: SocketAddr, api: SocketAddr, changes: &[(&str, &str)]) -> Gateway {
    Gateway::envoy(envoy, &template("envoy.yaml", changes).at(HUB, hub).at(API, api))
}

/// The same with patience.
pub(crate) fn patient(envoy: &Program, hub: SocketAddr, api: SocketAddr, changes: &[(&str, &str)]) -> Gateway {
    start(envoy, hub, api, &[&PATIENCE, changes].concat())
}

pub(crate) fn call(gateway: &Gateway, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    http::call(gateway.address, method, path, headers, b"")
}

/// Status, and the reason in the hub's body.
pub(crate) fn said(answer: &Answer) -> String {
    let body: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let reason = body.and_then(|body| body["reason"].as_str().map(str::to_owned)).unwrap_or_default();
    format!("{} {reason}", answer.status).trim_end().to_owned()
}

#[test]
fn b60_b63_envoy_lets_pass_and_denies_with_the_reason() {
    each("b60_b63_envoy_lets_pass_and_denies_with_the_reason", |envoy| {
        let (hub, api) = (Hub::start(Asked::Grpc), Upstream::start());
        let gateway = patient(envoy, hub.address, api.address, &[]);
        let (one, two) = (bearer("client-one"), bearer("client-two"));
        let (one, two) = (("authorization", &*one), ("authorization", &*two));
        for path in ["/hello/world?year=2026", "/old/thing"] {
            let allowed = call(&gateway, "GET", path, &[one, V1]);
            assert_eq!(allowed.status, 200, "{}\n{}", text(&allowed), gateway.log());
            assert!(text(&allowed).starts_with(&format!("GET {path} HTTP/1.")), "{}", text(&allowed));
            assert_eq!(reached(&allowed, "x-devhub-application"), ["one"]);
        }
        let served = api.served();
        let accept = |label: &str| format!("application/vnd.hmrc.{label}+json");
        let (v2, v3, v9) = (accept("2.0"), accept("3.0"), accept("9.0"));
        let both = format!("{}, {v2}", V1.1);
        let unknown = bearer("client-nobody");
        let number = format!("Bearer {}", token(&json!(7)));
        let cases: &[Case<'_>] = &[
            ("/hello", &[V1], "401 UNKNOWN_CLIENT"),
            ("/hello", &[V1, ("authorization", "Bearer no.to.ken")], "401"),
            ("/hello", &[V1, ("authorization", &unknown)], "401 UNKNOWN_CLIENT"),
            ("/hello", &[V1, ("authorization", &number)], "401 MALFORMED_IDENTITY"),
            ("/hello", &[V1, two], "403 NOT_SUBSCRIBED"),
            ("/hello", &[one, ("accept", &v2)], "403 NOT_SUBSCRIBED"),
            ("/hello", &[one, ("accept", &v3)], "403 VERSION_ALPHA"),
            ("/hello", &[one, ("accept", &v9)], "404 UNKNOWN_VERSION"),
            ("/nothing", &[one, V1], "404 UNKNOWN_CONTEXT"),
            ("/hellox", &[one, V1], "404 UNKNOWN_CONTEXT"),
            ("/hello", &[one], "406 ACCEPT_MISSING"),
            ("/hello", &[one, ("accept", &both)], "406 ACCEPT_AMBIGUOUS"),
            ("/hello", &[one, V1, ("accept", &v2)], "406 ACCEPT_AMBIGUOUS"),
            ("/hello", &[one, V1, ("procore-company-id", "1"), ("procore-company-id", "2")], "400 REPEATED_HEADER"),
        ];
        for (path, headers, expected) in cases {
            let denied = call(&gateway, "GET", path, headers);
            assert_eq!(said(&denied), *expected, "{path} {headers:?}: {denied:?}\n{}", gateway.log());
            if expected.contains(' ') {
                assert_eq!(denied.header("content-type"), Some("application/json"), "{denied:?}");
                assert!(denied.header("x-devhub-decision").is_some(), "{denied:?}");
            }
        }
        hub.clock.set(retirement());
        let gone = call(&gateway, "GET", "/old", &[one, V1]);
        assert_eq!(said(&gone), "410 VERSION_RETIRED");
        assert!(gone.header("link").is_some_and(|link| link.contains(DOCUMENTATION)), "{gone:?}");
        assert_eq!(api.served(), served, "what is denied does not reach the API");
        // What access logs can say of decisions; Envoy writes them when it pleases.
        for line in [
            "GET 200 via_upstream SUBSCRIBED application=one decision=",
            "GET 403 ext_authz_denied NOT_SUBSCRIBED application=two decision=",
            "GET 406 ext_authz_denied ACCEPT_MISSING application=- decision=",
        ] {
            gateway.eventually(line, || gateway.log().contains(line).then_some(()));
        }
    });
}

#[test]
fn b62_envoy_tells_the_client_what_ends_whatever_the_api_says() {
    each("b62_envoy_tells_the_client_what_ends_whatever_the_api_says", |envoy| {
        let (hub, api) = (Hub::start(Asked::Grpc), Upstream::start());
        let gateway = patient(envoy, hub.address, api.address, &[]);
        let one = bearer("client-one");
        let headers = [("authorization", &*one), V1];
        let sunset = retirement().format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let deprecation = format!("@{}", begin().timestamp());
        let dated = |answer: &Answer, links: usize| {
            assert_eq!(answer.header("deprecation"), Some(&*deprecation), "{answer:?}");
            assert_eq!(answer.header("sunset"), Some(&*sunset), "{answer:?}");
            let found: Vec<_> = answer.headers.iter().filter(|(name, _)| name == "link").collect();
            assert_eq!(found.len(), links, "{answer:?}");
            assert!(found.iter().any(|(_, link)| link.contains(DOCUMENTATION)), "{answer:?}");
        };
        for (method, path, status, links) in [
            ("GET", "/old/thing", 200, 1),
            ("HEAD", "/old/thing", 200, 1),
            ("GET", "/old/failing", 500, 1),
            // The API has dates and a link of its own: the hub's dates count, and both links stay.
            ("GET", "/old/dated", 200, 2),
        ] {
            let answer = call(&gateway, method, path, &headers);
            assert_eq!(answer.status, status, "{method} {path}: {answer:?}\n{}", gateway.log());
            assert_eq!(answer.header("x-upstream"), Some("reached"), "{answer:?}");
            dated(&answer, links);
        }
        let calm = call(&gateway, "GET", "/hello", &headers);
        assert_eq!((calm.status, calm.header("deprecation"), calm.header("link")), (200, None, None), "{calm:?}");
        // The API is away: Envoy's own answer says it too.
        let nowhere = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let lost = patient(envoy, hub.address, nowhere, &[]);
        let answer = call(&lost, "GET", "/old/thing", &headers);
        assert_eq!(answer.status, 503, "{answer:?}");
        dated(&answer, 1);
    });
}

#[test]
fn b61_a_retirement_comes_through_envoy_on_the_instant_and_without_a_message() {
    each("b61_a_retirement_comes_through_envoy_on_the_instant_and_without_a_message", |envoy| {
        let (hub, api) = (Hub::start(Asked::Grpc), Upstream::start());
        let gateway = patient(envoy, hub.address, api.address, &[]);
        let one = bearer("client-one");
        let headers = [("authorization", &*one), V1];
        assert_eq!(call(&gateway, "GET", "/old", &headers).status, 200, "{}", gateway.log());
        let revision = hub.revision();
        for (milliseconds, expected) in [(-1, "200"), (0, "410 VERSION_RETIRED"), (1, "410 VERSION_RETIRED")] {
            hub.clock.set(retirement() + TimeDelta::milliseconds(milliseconds));
            let answer = call(&gateway, "GET", "/old", &headers);
            assert_eq!(said(&answer), expected, "{milliseconds} ms after the end: {answer:?}");
            assert_eq!(call(&gateway, "GET", "/hello", &headers).status, 200, "what does not end goes on");
        }
        assert_eq!(hub.revision(), revision, "nothing was written");
    });
}

#[test]
fn b60_nobody_passes_envoy_as_somebody_else() {
    each("b60_nobody_passes_envoy_as_somebody_else", |envoy| {
        let (hub, api) = (Hub::start(Asked::Grpc), Upstream::start());
        let (one, two) = (bearer("client-one"), bearer("client-two"));
        let claims = [
            ("x-client-id", "client-one"),
            ("x-devhub-application", "boss"),
            ("X-Devhub-Account", "boss"),
            ("x-devhub-decision", "boss"),
            ("x-api-context", "hello"),
            ("x-envoy-original-path", "/hello"),
        ];
        // Even where nothing strips what clients claim: the hub's own word replaces it.
        let open = ("                - {remove_on_match: {key_matcher: {prefix: x-devhub-}}}\n", "");
        for changes in [&[][..], &[open]] {
            let gateway = patient(envoy, hub.address, api.address, changes);
            let mut headers = vec![("authorization", &*two), V1];
            headers.extend(claims);
            assert_eq!(said(&call(&gateway, "GET", "/hello", &headers)), "403 NOT_SUBSCRIBED", "{}", gateway.log());
            assert_eq!(said(&call(&gateway, "GET", "/hello", &headers[1..])), "401 UNKNOWN_CLIENT");
            headers[0] = ("authorization", &*one);
            let allowed = call(&gateway, "GET", "/hello", &headers);
            assert_eq!(allowed.status, 200, "{allowed:?}");
            assert_eq!(reached(&allowed, "x-devhub-application"), ["one"], "{}", text(&allowed));
            assert_eq!(reached(&allowed, "x-devhub-decision").len(), 1);
            assert!(!text(&allowed).contains("boss"), "{}", text(&allowed));
        }
        // A route whose identities a proxy in front sets as a header: a second one beside it is not the first one, nor the
        // last one, but a refusal; in either shape in which Envoy hands headers over.
        let route = ("{api-context: hello, ", "{api-context: hello, identity: \"header:x-client-id\", ");
        let proxied = ("                - {remove: x-client-id}\n", "");
        let joined = ("encode_raw_headers: true", "encode_raw_headers: false");
        for changes in [&[route, proxied][..], &[route, proxied, joined]] {
            let gateway = patient(envoy, hub.address, api.address, changes);
            let sent = |ids: &[&str]| {
                let mut headers = vec![V1];
                headers.extend(ids.iter().map(|id| ("x-client-id", *id)));
                said(&call(&gateway, "GET", "/hello", &headers))
            };
            assert_eq!(sent(&["client-one"]), "200", "{}", gateway.log());
            assert_eq!(sent(&["client-two"]), "403 NOT_SUBSCRIBED");
            for ids in [&["client-two", "client-one"][..], &["client-one", "client-two"], &["client-one,client-two"]] {
                assert_eq!(sent(ids), "400 REPEATED_HEADER", "{ids:?}");
            }
        }
    });
}

#[test]
fn b60_no_path_leads_around_the_decision() {
    each("b60_no_path_leads_around_the_decision", |envoy| {
        let (hub, api) = (Hub::start(Asked::Grpc), Upstream::start());
        let two = bearer("client-two");
        let one = bearer("client-one");
        let gateway = patient(envoy, hub.address, api.address, &[]);
        // Normalised, it is another API's path, and judged as that; escaped slashes Envoy refuses itself.
        let allowed = call(&gateway, "GET", "/hello/../old/x", &[("authorization", &one), V1]);
        assert!(text(&allowed).starts_with("GET /old/x HTTP/1."), "{}", text(&allowed));
        assert!(allowed.header("deprecation").is_some(), "it is judged as what is forwarded: {allowed:?}");
        for path in ["/hello%2fworld", "/hello/a%5cb"] {
            assert_eq!(call(&gateway, "GET", path, &[("authorization", &one), V1]).status, 400, "{path}");
        }
        // A gateway that forwards paths as they come: the hub refuses what could be read in two ways.
        let changes = [
            ("normalize_path: true", "normalize_path: false"),
            ("merge_slashes: true", "merge_slashes: false"),
            ("path_with_escaped_slashes_action: REJECT_REQUEST", "path_with_escaped_slashes_action: KEEP_UNCHANGED"),
        ];
        let raw = patient(envoy, hub.address, api.address, &changes);
        let served = api.served();
        for token in [&one, &two] {
            for path in [
                "/hello/../old/x",
                "/hello/./x",
                "/hello/%2e%2e/old",
                "/hello/a%2fb",
                "/hello%2F..%2Fold",
                "/hello/a%5cb",
                "/hello//x",
                "/hello;x=y/z",
                "/hello/a%00",
                "/old/../hello",
                "//hello",
            ] {
                let denied = call(&raw, "GET", path, &[("authorization", token), V1]);
                // Envoy itself has no patience with a NUL.
                let expected = if path.contains("%00") && denied.body.is_empty() { "400" } else { "400 ODD_PATH" };
                assert_eq!(said(&denied), expected, "{path}: {denied:?}\n{}", raw.log());
            }
        }
        assert_eq!(api.served(), served);
        // Nothing that ends a header gets into one: it is refused when it is written.
        for uri in ["https://developer.example/\r\nX-Evil: 1", "https://developer.example/\n", "https://x/\u{e9}"] {
            let refused = hub.publish_documented(uri).unwrap_err();
            assert_eq!(refused.code(), tonic::Code::InvalidArgument, "{refused:?}");
        }
    });
}

#[test]
fn b64_nobody_passes_envoy_while_the_hub_is_away() {
    each("b64_nobody_passes_envoy_while_the_hub_is_away", |envoy| {
        let (mut hub, api) = (Process::start(Asked::Grpc), Upstream::start());
        // With the time that the example gives a decision: it is what ends the wait for a frozen hub.
        let gateway = start(envoy, hub.address, api.address, &[]);
        let one = bearer("client-one");
        let status = || call(&gateway, "GET", "/hello", &[("authorization", &one), V1]).status;
        let back = |from: &str| gateway.eventually(from, || (status() == 200).then_some(()));
        let closed = || {
            let served = api.served();
            for _ in 0..3 {
                assert_eq!(status(), 503, "{}", gateway.log());
            }
            assert_eq!(api.served(), served, "nobody gets in");
        };
        back("up");
        hub.kill();
        closed();
        hub.run();
        back("back after the hub was killed");
        hub.freeze();
        closed();
        hub.thaw();
        back("back after the hub was frozen");
    });
}

#[test]
fn b64_nobody_passes_envoy_until_the_hub_is_ready() {
    each("b64_nobody_passes_envoy_until_the_hub_is_ready", |envoy| {
        let runtime = runtime();
        let directory = tempfile::tempdir().unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let config = config(directory.path(), Asked::Grpc, &address.to_string());
        let (read, reading) = mpsc::channel::<()>();
        let data = config.data_dir.clone();
        let opening = runtime.spawn(async move {
            let open = move || {
                // The store takes its time until the test has seen enough.
                let _ = reading.recv();
                Ok(Arc::new(Embedded::open(data, Options::default())?) as Arc<dyn Store>)
            };
            Server::start_with(open, &config, Arc::new(devhub::clock::ManualClock::at(begin()))).await
        });
        let api = Upstream::start();
        // Without health checks too: then the hub itself is asked, and says that it is not ready.
        let unchecked = ("    health_checks:\n", "    # health_checks:\n");
        let lines = [
            ("    - timeout: 20s\n", ""),
            ("      interval: 1s\n", ""),
            ("      no_traffic_interval: 1s\n", ""),
            ("      unhealthy_threshold: 2\n", ""),
            ("      healthy_threshold: 1\n", ""),
            ("      grpc_health_check: {service_name: envoy.service.auth.v3.Authorization}\n", ""),
        ];
        let without: Vec<_> = [unchecked].into_iter().chain(lines).collect();
        let gateways = [patient(envoy, address, api.address, &[]), patient(envoy, address, api.address, &without)];
        let ask = |gateway: &Gateway| call(gateway, "GET", "/hello", &[V1]);
        for gateway in &gateways {
            let answer = ask(gateway);
            assert_eq!(answer.status, 503, "{answer:?}\n{}", gateway.log());
        }
        read.send(()).unwrap();
        let server = runtime.block_on(opening).unwrap().unwrap();
        for gateway in &gateways {
            // It has no APIs, and knows it.
            let denied = gateway.eventually("judged", || Some(ask(gateway)).filter(|answer| answer.status == 404));
            assert_eq!(said(&denied), "404 UNKNOWN_VERSION");
        }
        assert_eq!(api.served(), 0);
        drop(gateways);
        runtime.block_on(server.stop()).unwrap();
        runtime.shutdown_timeout(Duration::from_secs(10));
    });
}

#[test]
fn why_no_reply_may_be_empty() {
    each("why_no_reply_may_be_empty", |envoy| {
        let api = Upstream::start();
        let denied = HttpResponse::DeniedResponse(v3::DeniedHttpResponse {
            status: Some(v3::HttpStatus { code: 403 }),
            headers: Vec::new(),
            body: "denied".into(),
        });
        let ok = Some(v3::Status::default());
        let of = |status, http_response| v3::CheckResponse { status, http_response, dynamic_metadata: None };
        // All of these pass, though the configuration says to fail closed; so none of them may ever be sent.
        for reply in [of(None, None), of(ok.clone(), None), of(ok, Some(denied.clone()))] {
            let impostor = Impostor::start(reply.clone());
            let gateway = patient(envoy, impostor.address, api.address, &[]);
            let answer = gateway.eventually("asked", || {
                Some(call(&gateway, "GET", "/hello", &[V1])).filter(|answer| answer.status != 503)
            });
            assert_eq!((answer.status, answer.header("x-upstream")), (200, Some("reached")), "{reply:?}: {answer:?}");
        }
        let impostor = Impostor::start(of(Some(v3::Status { code: 7, message: String::new() }), Some(denied)));
        let gateway = patient(envoy, impostor.address, api.address, &[]);
        let answer = gateway
            .eventually("asked", || Some(call(&gateway, "GET", "/hello", &[V1])).filter(|answer| answer.status != 503));
        assert_eq!((answer.status, &*text(&answer)), (403, "denied"), "as a hub denies");
    });
}

#[test]
fn envoy_makes_rest_of_the_contract() {
    each("envoy_makes_rest_of_the_contract", |envoy| {
        let hub = Hub::start(Asked::Grpc);
        let written = Command::new(env!("CARGO_BIN_EXE_devhub")).arg("descriptors").output().unwrap();
        assert!(written.status.success() && !written.stdout.is_empty(), "{written:?}");
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("devhub.pb");
        std::fs::write(&file, &written.stdout).unwrap();
        let template =
            template("rest.yaml", &[("proto_descriptor: devhub.pb", &format!("proto_descriptor: {}", file.display()))]);
        let gateway = Gateway::envoy(envoy, &template.at(HUB, hub.address));
        let post = |method: &str, headers: &[(&str, &str)], body: Value| {
            let headers: Vec<_> =
                [("content-type", "application/json")].into_iter().chain(headers.iter().copied()).collect();
            let answer = http::call(gateway.address, "POST", method, &headers, body.to_string().as_bytes());
            let said: Value =
                serde_json::from_slice(&answer.body).unwrap_or_else(|_| panic!("{answer:?}\n{}", gateway.log()));
            (answer.status, said)
        };
        let question = json!({"client_id": "client-one", "context": "hello", "version": "1.0", "environment": "ENVIRONMENT_SANDBOX"});
        let (status, decision) = post("/devhub.v1.AuthorizationService/Authorize", &[], question);
        assert_eq!(status, 200, "{decision}");
        assert_eq!(
            (&decision["verdict"], &decision["reason"]),
            (&json!("VERDICT_ALLOW"), &json!("DECISION_REASON_SUBSCRIBED"))
        );
        let operator = [("devhub-actor", "operator:olga")];
        let api = json!({"api": {"context": "rest", "title": "By JSON", "policy": "hmrc-mtd"}});
        let (status, made) = post("/devhub.v1.ApiService/CreateApi", &operator, api.clone());
        assert_eq!((status, &made["api"]["context"]), (200, &json!("rest")), "{made}");
        // A refusal is a status and JSON, with the reason that clients match on.
        let (status, refused) = post("/devhub.v1.ApiService/CreateApi", &operator, api);
        assert_eq!(status, 409, "{refused}");
        assert_eq!(refused["details"][0]["reason"], "ALREADY_EXISTS", "{refused}");
    });
}
