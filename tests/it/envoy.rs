//! What Envoy is told: rules B60 to B63 and B65 through `envoy.service.auth.v3.Authorization`, and what a hub says that is
//! not ready. Envoy itself is asked in `tests/envoy.rs`.

use std::collections::BTreeMap;
use std::sync::Arc;

use devhub::clock::ManualClock;
use devhub::config::Config;
use devhub::server::Server;
use devhub::store::Store;
use devhub::store::embedded::{Embedded, Options};
use devhub::wire::timestamp;
use devhub_proto::envoy::service::auth::v3;
use devhub_proto::envoy::service::auth::v3::attribute_context::{HttpRequest, Peer, Request};
use devhub_proto::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use devhub_proto::envoy::service::auth::v3::check_response::HttpResponse;
use devhub_proto::v1;
use prost_types::value::Kind;
use prost_types::{Struct, Value};
use serde_json::Value as Json;
use tonic::Code;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::world::*;

/// A world whose gateways take identities from a header and versions from `Accept`.
async fn gateways() -> World {
    World::with(|config| {
        let reading = &mut config.gateway.reading;
        reading.identity = ["header:x-client-id", "claim:jwt.client_id", "principal:spiffe://example.org/"]
            .map(|text| text.parse().unwrap())
            .into();
        reading.environment = Some(devhub_decision::Environment::Sandbox);
        reading.path = devhub::gateway::request::PathUse::Context;
        reading.vendor = Some("hmrc".parse().unwrap());
    })
    .await
}

/// The same with an API, a version and an application.
async fn world() -> World {
    let world = gateways().await;
    world.api().await;
    world.version("1.0", v1::Maturity::Stable).await;
    world.application("app").await;
    world
}

/// A request as Envoy tells of it, with its headers joined.
pub(crate) fn request(target: &str, headers: &[(&str, &str)]) -> v3::CheckRequest {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let http = HttpRequest { method: "GET".into(), path: target.into(), headers, header_map: None };
    let attributes = v3::AttributeContext { request: Some(Request { http: Some(http) }), ..Default::default() };
    v3::CheckRequest { attributes: Some(attributes) }
}

/// The same with its headers as they came.
pub(crate) fn raw(target: &str, headers: &[(&str, &[u8])]) -> v3::CheckRequest {
    let mut check = request(target, &[]);
    let header = |(name, value): &(&str, &[u8])| v3::HeaderValue {
        key: (*name).into(),
        raw_value: (*value).into(),
        ..Default::default()
    };
    let map = v3::HeaderMap { headers: headers.iter().map(header).collect() };
    let attributes = check.attributes.as_mut().unwrap();
    attributes.request.as_mut().unwrap().http.as_mut().unwrap().header_map = Some(map);
    check
}

pub(crate) fn pinned(mut check: v3::CheckRequest, extensions: &[(&str, &str)]) -> v3::CheckRequest {
    let extensions = extensions.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    check.attributes.as_mut().unwrap().context_extensions = extensions.collect();
    check
}

pub(crate) const LOSSES: &str = "/individuals/losses/2026?page=1";
pub(crate) const ACCEPT: (&str, &str) = ("accept", "application/vnd.hmrc.1.0+json");
pub(crate) const APP: (&str, &str) = ("x-client-id", "client-app");

/// A reply as Envoy would act on it.
struct Acted {
    status: i32,
    headers: BTreeMap<String, String>,
    removed: Vec<String>,
    lifecycle: BTreeMap<String, (String, i32)>,
    body: Json,
    said: BTreeMap<String, String>,
}

fn named(options: &[v3::HeaderValueOption]) -> BTreeMap<String, (String, i32)> {
    let named = options.iter().map(|option| {
        let header = option.header.clone().unwrap();
        (header.key, (header.value, option.append_action))
    });
    named.collect()
}

fn plain(options: &[v3::HeaderValueOption]) -> BTreeMap<String, String> {
    named(options).into_iter().map(|(name, (value, _))| (name, value)).collect()
}

async fn check(world: &World, check: v3::CheckRequest) -> Acted {
    let reply = AuthorizationClient::new(world.channel.clone()).check(check).await.unwrap().into_inner();
    let said = reply.dynamic_metadata.unwrap().fields.into_iter().map(|(name, value)| {
        let text = match value.kind {
            Some(Kind::StringValue(text)) => text,
            Some(Kind::NumberValue(number)) => number.to_string(),
            Some(Kind::NullValue(_) | Kind::BoolValue(_) | Kind::StructValue(_) | Kind::ListValue(_)) | None => {
                panic!("{name} is neither text nor a number")
            }
        };
        (name, text)
    });
    let said = said.collect();
    let code = reply.status.unwrap().code;
    match reply.http_response.unwrap() {
        HttpResponse::OkResponse(passed) => {
            assert_eq!(code, 0);
            let (headers, removed) = (plain(&passed.headers), passed.headers_to_remove);
            let lifecycle = named(&passed.response_headers_to_add);
            Acted { status: 200, headers, removed, lifecycle, body: Json::Null, said }
        }
        HttpResponse::DeniedResponse(denied) => {
            assert_ne!(code, 0);
            let status = denied.status.unwrap().code;
            let body = serde_json::from_str(&denied.body).unwrap();
            let (headers, lifecycle) = (plain(&denied.headers), BTreeMap::new());
            Acted { status, headers, removed: Vec::new(), lifecycle, body, said }
        }
    }
}

/// Status and reason.
async fn acted(world: &World, request: v3::CheckRequest) -> String {
    let acted = check(world, request).await;
    format!("{} {}", acted.status, acted.said["reason"])
}

#[tokio::test]
async fn b60_b63_each_denial_has_its_status_its_body_and_its_reason() {
    let world = world().await;
    let denied = check(&world, request(LOSSES, &[ACCEPT, APP])).await;
    assert_eq!((denied.status, denied.said["reason"].as_str()), (403, "NOT_SUBSCRIBED"));
    assert_eq!(denied.body["reason"], "NOT_SUBSCRIBED");
    assert_eq!(denied.body["remedy"]["action"], "SUBSCRIBE");
    assert_eq!(denied.body["decision"]["application"], "app");
    assert_eq!(denied.body["decision"]["id"], denied.said["decision_id"].as_str());
    assert_eq!(denied.headers["content-type"], "application/json");

    let version = |accept| request(LOSSES, &[("accept", accept), APP]);
    world.version("2.0", v1::Maturity::Alpha).await;
    assert_eq!(acted(&world, version("application/vnd.hmrc.9.0+json")).await, "404 UNKNOWN_VERSION");
    assert_eq!(acted(&world, version("application/vnd.hmrc.2.0+json")).await, "403 VERSION_ALPHA");
    assert_eq!(acted(&world, version("*/*")).await, "406 ACCEPT_MISSING");
    let nobody = check(&world, request(LOSSES, &[ACCEPT])).await;
    assert_eq!((nobody.status, nobody.headers["www-authenticate"].as_str()), (401, "Bearer"));
    let production = pinned(request(LOSSES, &[ACCEPT, APP]), &[("environment", "production")]);
    assert_eq!(acted(&world, production).await, "403 ENVIRONMENT_MISMATCH");
    assert_eq!(acted(&world, request("/nothing/here", &[ACCEPT, APP])).await, "404 UNKNOWN_CONTEXT");
}

#[tokio::test]
async fn b62_an_allow_tells_the_api_who_calls_and_the_client_what_ends() {
    let world = world().await;
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    let (deprecated, retired) = (start() + days(1), start() + days(200));
    world.deprecate("1.0", Some(deprecated), Some(retired)).await.unwrap();
    world.clock.set(deprecated);
    let passed = check(&world, request(LOSSES, &[ACCEPT, APP])).await;
    let headers: Vec<(&str, &str)> =
        passed.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let id = passed.said["decision_id"].as_str();
    assert_eq!(
        headers,
        [
            ("x-devhub-api", CONTEXT),
            ("x-devhub-application", "app"),
            ("x-devhub-decision", id),
            ("x-devhub-environment", "SANDBOX"),
            ("x-devhub-reason", "SUBSCRIBED"),
            ("x-devhub-version", "1.0"),
        ]
    );
    assert_eq!(passed.removed, ["x-devhub-account"], "what there is none of is taken away");
    let overwrite = v3::header_value_option::HeaderAppendAction::OverwriteIfExistsOrAdd as i32;
    assert_eq!(passed.lifecycle["deprecation"], ("@1767312000".to_owned(), overwrite));
    assert_eq!(passed.lifecycle["sunset"], ("Mon, 20 Jul 2026 00:00:00 GMT".to_owned(), overwrite));
    assert_eq!(passed.said["application"], "app");
    for (now, expected) in [(retired - ms(1), "200 SUBSCRIBED"), (retired, "410 VERSION_RETIRED")] {
        world.clock.set(now);
        assert_eq!(acted(&world, request(LOSSES, &[ACCEPT, APP])).await, expected);
    }
}

#[tokio::test]
async fn both_shapes_of_headers_are_read_and_a_repeated_identity_is_refused_in_either() {
    let world = world().await;
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    let accept: (&str, &[u8]) = ("accept", b"application/vnd.hmrc.1.0+json");
    let client = |id: &'static [u8]| ("x-client-id", id);
    assert_eq!(acted(&world, raw(LOSSES, &[accept, client(b"client-app")])).await, "200 SUBSCRIBED");
    let twice = [accept, client(b"client-nobody"), client(b"client-app")];
    assert_eq!(acted(&world, raw(LOSSES, &twice)).await, "400 REPEATED_HEADER");
    let joined = request(LOSSES, &[ACCEPT, ("x-client-id", "client-nobody,client-app")]);
    assert_eq!(acted(&world, joined).await, "400 REPEATED_HEADER");
    let mut both = raw(LOSSES, &[accept, client(b"client-app")]);
    let http = both.attributes.as_mut().unwrap().request.as_mut().unwrap().http.as_mut().unwrap();
    http.headers = BTreeMap::from([("x-client-id".to_owned(), "client-nobody".to_owned())]);
    assert_eq!(acted(&world, both).await, "400 REPEATED_HEADER");
    assert_eq!(acted(&world, raw(LOSSES, &[accept, client(b"client-\xff")])).await, "400 MALFORMED_HEADER");
    assert_eq!(acted(&world, raw(LOSSES, &[accept, accept, client(b"client-app")])).await, "406 ACCEPT_AMBIGUOUS");
}

#[tokio::test]
async fn odd_paths_are_refused_whoever_calls() {
    let world = world().await;
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    for target in [
        "/individuals/losses/../secrets",
        "/individuals/losses/%2e%2e/secrets",
        "/individuals%2flosses",
        "/individuals%5closses",
        "/individuals/losses%00",
        "/individuals//losses",
        "/individuals/losses;x=y",
        "/individuals/losses/./a",
        "/individuals\\losses",
        "/individuals/lösses",
    ] {
        assert_eq!(acted(&world, request(target, &[ACCEPT, APP])).await, "400 ODD_PATH", "{target}");
        let pinned = pinned(request(target, &[ACCEPT, APP]), &[("api-context", CONTEXT)]);
        assert_eq!(acted(&world, pinned).await, "400 ODD_PATH", "{target}, pinned");
    }
}

#[tokio::test]
async fn identities_come_from_where_the_configuration_and_the_route_say() {
    let world = world().await;
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    let text = |text: &str| Value { kind: Some(Kind::StringValue(text.into())) };
    let nested = |name: &str, value| Struct { fields: BTreeMap::from([(name.to_owned(), value)]) };
    let known = |claim: Value, principal: &str, source: &str| {
        let mut check = pinned(request(LOSSES, &[ACCEPT]), &[("identity", source)]);
        let payload = Value { kind: Some(Kind::StructValue(nested("client_id", claim))) };
        let tokens = BTreeMap::from([("envoy.filters.http.jwt_authn".to_owned(), nested("jwt", payload))]);
        let attributes = check.attributes.as_mut().unwrap();
        attributes.metadata_context = Some(v3::Metadata { filter_metadata: tokens });
        attributes.source = Some(Peer { principal: principal.into() });
        check
    };
    let (claim, principal) = ("claim:jwt.client_id", "principal:spiffe://example.org/");
    let spiffe = "spiffe://example.org/client-app";
    for (check, expected) in [
        (known(text("client-app"), "", claim), "200 SUBSCRIBED"),
        (known(text("client-nobody"), spiffe, claim), "401 UNKNOWN_CLIENT"),
        (known(Value { kind: Some(Kind::NumberValue(1.0)) }, spiffe, claim), "401 MALFORMED_IDENTITY"),
        (known(text("client-app"), spiffe, principal), "200 SUBSCRIBED"),
        (known(text("client-app"), "", principal), "401 UNKNOWN_CLIENT"),
        (known(text("client-app"), "spiffe://elsewhere/client-app", principal), "401 MALFORMED_IDENTITY"),
        // The first source of the configuration is a header: a token does not stand in for it.
        (known(text("client-app"), spiffe, "header:x-client-id"), "401 UNKNOWN_CLIENT"),
        (known(text("client-app"), spiffe, "header:x-other"), "500 GATEWAY_MISCONFIGURED"),
    ] {
        assert_eq!(acted(&world, check).await, expected);
    }
}

#[tokio::test]
async fn b65_a_company_is_named_once_or_not_at_all() {
    let world = world().await;
    let company = |values: &[&str]| {
        let mut headers = vec![("accept", ACCEPT.1.as_bytes()), ("x-client-id", APP.1.as_bytes())];
        headers.extend(values.iter().map(|value| ("procore-company-id", value.as_bytes())));
        raw(LOSSES, &headers)
    };
    assert_eq!(acted(&world, company(&["42"])).await, "403 NOT_SUBSCRIBED");
    assert_eq!(acted(&world, company(&["42", "43"])).await, "400 REPEATED_HEADER");
    assert_eq!(acted(&world, company(&["42,43"])).await, "400 REPEATED_HEADER");
    assert_eq!(acted(&world, company(&["4/2"])).await, "400 MALFORMED_HEADER");
}

#[tokio::test]
async fn a_check_that_names_nothing_is_denied_and_counted() {
    let world = world().await;
    for empty in [v3::CheckRequest::default(), v3::CheckRequest { attributes: Some(Default::default()) }] {
        assert_eq!(acted(&world, empty).await, "500 GATEWAY_MISCONFIGURED");
    }
    let nowhere = World::with(|_| {}).await;
    assert_eq!(acted(&nowhere, request(LOSSES, &[ACCEPT, APP])).await, "500 GATEWAY_MISCONFIGURED");
    let metrics = crate::enduring::admin(world.server().admin_address, "/metrics").await;
    let line = "devhub_calls_misread_total{reason=\"GATEWAY_MISCONFIGURED\"} 2";
    assert!(metrics.lines().any(|known| known == line), "{metrics}");
}

#[tokio::test]
async fn an_allowed_check_counts_as_a_call() {
    let world = world().await;
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    for _ in 0..3 {
        assert_eq!(acted(&world, request(LOSSES, &[ACCEPT, APP])).await, "200 SUBSCRIBED");
    }
    assert_eq!(world.decision("app", "1.0").await, "ALLOW SUBSCRIBED");
    let metrics = crate::enduring::admin(world.server().admin_address, "/metrics").await;
    for line in ["devhub_usage_calls_total 4", "devhub_decisions_total{verdict=\"ALLOW\",reason=\"SUBSCRIBED\"} 4"] {
        assert!(metrics.lines().any(|known| known == line), "{line} is missing in\n{metrics}");
    }
}

#[tokio::test]
async fn b23_an_operation_that_ended_is_told_apart_from_its_version() {
    let world = gateways().await;
    world.api().await;
    let endpoint = |method: &str, path: &str| v1::Endpoint {
        method: method.into(),
        path: path.into(),
        auth_type: v1::AuthType::User.into(),
    };
    let endpoints = vec![endpoint("GET", "/{id}/losses"), endpoint("POST", "/losses")];
    let sandbox = deployment(v1::Environment::Sandbox, v1::Maturity::Stable);
    world.api_with("individuals/procore", "procore-rest").await;
    let published =
        v1::ApiVersion { endpoints, context: "individuals/procore".into(), ..version("1.0", vec![sandbox]) };
    world.publish(published).await.unwrap();
    world.application("app").await;
    let request_of = |path: &str| request(path, &[ACCEPT, APP]);
    let subscribed = v1::SubscribeRequest {
        application_id: "app".into(),
        context: "individuals/procore".into(),
        version: "1.0".into(),
        ..Default::default()
    };
    world.subscriptions(ADA).subscribe(subscribed).await.unwrap();
    let name = v1::VersionName { context: "individuals/procore".into(), version: "1.0".into() };
    let operation = v1::OperationName { version: Some(name), method: "GET".into(), path: "/{id}/losses".into() };
    let target = v1::ScheduleTarget {
        environment: v1::Environment::Sandbox.into(),
        target: Some(v1::schedule_target::Target::Operation(operation)),
    };
    let retired = start() + days(30);
    let deprecated = v1::lifecycle_change::Step::Deprecate(v1::DeprecateStep {
        deprecate_time: None,
        sunset_begin_time: None,
        retire_time: Some(timestamp(retired)),
    });
    let change = v1::LifecycleChange { override_reason: "agreed with all callers".into(), ..step(target, deprecated) };
    world.change(change).await.unwrap();
    let based = [("api-context", "individuals/procore"), ("api-base-path", "/v9")];
    for (now, expected) in [(retired - ms(1), "200 SUBSCRIBED"), (retired, "410 OPERATION_RETIRED")] {
        world.clock.set(now);
        assert_eq!(acted(&world, request_of("/individuals/procore/7/losses?year=2026")).await, expected);
        assert_eq!(acted(&world, pinned(request_of("/v9/7/losses"), &based)).await, expected);
        assert_eq!(acted(&world, request_of("/individuals/procore/7")).await, "200 SUBSCRIBED");
    }
    assert_eq!(acted(&world, pinned(request_of("/v9x/7/losses"), &based)).await, "404 OUTSIDE_BASE_PATH");
    let contradicted = pinned(request_of("/individuals/procore/7"), &[("api-version", "2.0")]);
    assert_eq!(acted(&world, contradicted).await, "406 ACCEPT_CONTRADICTORY");
}

#[tokio::test]
async fn a_hub_that_is_not_ready_says_so_and_answers_nothing() {
    let directory = tempfile::tempdir().unwrap();
    // The test must know the port before the server says it: a free one below those that systems give out by themselves.
    let from = 10_000 + u16::try_from(std::process::id() % 5_000).unwrap();
    let bind = |port| std::net::TcpListener::bind(("127.0.0.1", port)).and_then(|listener| listener.local_addr());
    let free = (from..20_000).find_map(|port| bind(port).ok()).unwrap();
    let config = Config { listen: free, ..Config::for_testing(directory.path()) };
    let opening = Arc::new(tokio::sync::Notify::new());
    let (release, held) = std::sync::mpsc::channel::<()>();
    let (signal, path) = (Arc::clone(&opening), directory.path().to_owned());
    let open = move || {
        signal.notify_one();
        held.recv().expect("the test releases the store");
        Ok(Arc::new(Embedded::open(path, Options::default())?) as Arc<dyn Store>)
    };
    let starting =
        tokio::spawn(
            async move { Server::start_with(open, &config, Arc::new(ManualClock::at(start()))).await.unwrap() },
        );
    opening.notified().await;
    let channel = Channel::from_shared(format!("http://{free}")).unwrap().connect_lazy();
    let mut envoy = AuthorizationClient::new(channel.clone());
    let refused = envoy.check(request(LOSSES, &[ACCEPT, APP])).await.expect_err("no answer");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::Unavailable, "HUB_NOT_READY"));
    let name = "envoy.service.auth.v3.Authorization";
    let asked = HealthCheckRequest { service: name.into() };
    let health = HealthClient::new(channel.clone()).check(asked.clone()).await.expect_err("no health");
    assert_eq!(health.code(), Code::Unavailable);
    release.send(()).unwrap();
    let server = starting.await.unwrap();
    let reply = envoy.check(request(LOSSES, &[ACCEPT, APP])).await.unwrap().into_inner();
    assert_ne!(reply.status.unwrap().code, 0);
    let health = HealthClient::new(channel).check(asked).await.unwrap().into_inner();
    assert_eq!(health.status(), tonic_health::pb::health_check_response::ServingStatus::Serving);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn b61_what_envoy_is_told_is_what_a_question_would_be_told() {
    let world = world().await;
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    world.version("2.0", v1::Maturity::Stable).await;
    let retired = start() + days(200);
    world.deprecate("2.0", None, Some(retired)).await.unwrap();
    for now in [start() + ms(1), retired - ms(1), retired, retired + ms(1)] {
        world.clock.set(now);
        for label in ["1.0", "2.0", "3.0"] {
            for id in ["app", "nobody"] {
                let accept = format!("application/vnd.hmrc.{label}+json");
                let headers = [("accept", accept.as_str()), ("x-client-id", &client(id))];
                let told = check(&world, request(LOSSES, &headers)).await;
                let asked = world.authorize(id, label).await;
                let said = format!("{} {}", told.said["verdict"], told.said["reason"]);
                assert_eq!((said, told.status), (words(&asked), asked.http_status), "{id} {label} {now}");
            }
        }
    }
}
