//! Gateways belong to one environment: they prove which one they are of, and ask about nothing else.

use devhub_proto::envoy::service::auth::v3;
use devhub_proto::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use devhub_proto::v1;
use devhub_proto::v1::authorization_service_client::AuthorizationServiceClient;
use devhub_proto::v1::gateway_sync_service_client::GatewaySyncServiceClient;
use devhub_proto::v1::usage_service_client::UsageServiceClient;
use serde_json::json;

use crate::principals::{Guarded, Shown};
use crate::world::{CONTEXT, World, question, refused, start};

fn about(environment: v1::Environment) -> v1::AuthorizeRequest {
    v1::AuthorizeRequest { environment: environment.into(), ..question("app", "1.0") }
}

#[tokio::test]
async fn a_gateway_asks_about_its_own_environment_only() {
    let hub = Guarded::new().await;
    for (own, name, other) in [
        (v1::Environment::Sandbox, "sandbox", v1::Environment::Production),
        (v1::Environment::Production, "production", v1::Environment::Sandbox),
    ] {
        let certified = (hub.certified(&format!("devhub://gateway/{name}/edge")), Shown::default());
        let bearing = (hub.channel(None), Shown::bearer(hub.gateway(name)));
        for (channel, shown) in [certified, bearing] {
            let way = || hub.way(channel.clone(), shown.clone());
            let mut asks = AuthorizationServiceClient::new(way());
            asks.authorize(about(own)).await.unwrap();
            assert_eq!(refused(asks.authorize(about(other)).await), "ENVIRONMENT_NOT_PERMITTED");
            let batch = |questions: &[v1::AuthorizeRequest]| v1::BatchAuthorizeRequest {
                questions: questions.to_vec(),
                ..Default::default()
            };
            asks.batch_authorize(batch(&[about(own), about(own)])).await.unwrap();
            let mixed = asks.batch_authorize(batch(&[about(own), about(other)])).await;
            assert_eq!(refused(mixed), "ENVIRONMENT_NOT_PERMITTED");
            let explain = |environment| v1::ExplainRequest { question: Some(about(environment)), ..Default::default() };
            for environment in [own, other] {
                assert_eq!(refused(asks.explain(explain(environment)).await), "ROLE_NOT_PERMITTED");
            }

            let mut syncs = GatewaySyncServiceClient::new(way());
            let begin = |environment: v1::Environment| {
                let (gateway_id, environment) = ("edge".to_owned(), environment.into());
                let start = v1::SyncStart { environment, gateway_id, ..Default::default() };
                let first = v1::SyncRequest { message: Some(v1::sync_request::Message::Start(start)) };
                tokio_stream::iter([first])
            };
            let mut rows = syncs.sync(begin(own)).await.unwrap().into_inner();
            assert!(rows.message().await.unwrap().is_some());
            assert_eq!(refused(syncs.sync(begin(other)).await), "ENVIRONMENT_NOT_PERMITTED");

            let item = |environment: v1::Environment| v1::UsageReport {
                client_id: "client-app".into(),
                context: CONTEXT.into(),
                version: "1.0".into(),
                environment: environment.into(),
                calls: 1,
                last_call_time: Some(devhub::wire::timestamp(start())),
                ..Default::default()
            };
            let report = v1::ReportUsageRequest { items: vec![item(own), item(other)], ..Default::default() };
            let reported = UsageServiceClient::new(way()).report_usage(report).await.unwrap().into_inner();
            assert!(!reported.results[0].error.starts_with("environment"), "{reported:?}");
            assert!(reported.results[1].error.starts_with("environment: a gateway reports"), "{reported:?}");

            let mut envoy = AuthorizationClient::new(way());
            for (environment, foreign) in [(own, false), (other, true)] {
                let checked = envoy.check(check(environment)).await.unwrap().into_inner();
                let said = checked.dynamic_metadata.as_ref().unwrap().fields["reason"].clone();
                assert_ne!(checked.status.unwrap().code, 0, "denied either way: nobody is subscribed");
                assert_eq!(format!("{said:?}").contains("MISCONFIGURED"), foreign, "{said:?}");
            }
        }
    }
}

/// A request of somebody to the API, as Envoy tells of it.
fn check(environment: v1::Environment) -> v3::CheckRequest {
    let headers = [("x-client-id", "client-app")].map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let http = v3::attribute_context::HttpRequest {
        method: "GET".into(),
        path: format!("/{CONTEXT}/x"),
        headers,
        header_map: None,
    };
    let name = if environment == v1::Environment::Sandbox { "sandbox" } else { "production" };
    let pins = [("api-context", CONTEXT), ("api-version", "1.0"), ("environment", name)];
    let attributes = v3::AttributeContext {
        request: Some(v3::attribute_context::Request { http: Some(http) }),
        context_extensions: pins.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        ..Default::default()
    };
    v3::CheckRequest { attributes: Some(attributes) }
}

/// A world without TLS, so that what gateways say by HTTP can be written by hand.
async fn plain(hub: &Guarded) -> World {
    let keys = hub.files.path("keys.json");
    World::with(|config| {
        config.access.issuers = vec![crate::pki::trusted_file(&keys)];
        config.gateway.listen = "127.0.0.1:0".parse().ok();
        config.gateway.reading.identity = vec!["header:x-client-id".parse().unwrap()];
    })
    .await
}

#[tokio::test]
async fn by_http_only_gateways_ask() {
    let hub = Guarded::new().await;
    let world = plain(&hub).await;
    let gateway = hub.gateway("sandbox");
    let told =
        [("x-forwarded-method", "GET"), ("x-forwarded-uri", "/individuals/losses/x"), ("x-client-id", "client-app")];
    let asked = async |environment: &str, headers: &[(&str, &str)]| {
        let path = format!("/authz/pinned?context={CONTEXT}&version=1.0&environment={environment}");
        let answer = crate::authz::ask(&world, "GET", &path, &[&told, headers].concat(), b"").await;
        (answer.status, String::from_utf8(answer.body).unwrap())
    };
    let token = ("devhub-gateway-token", gateway.as_str());
    let (status, body) = asked("sandbox", &[token]).await;
    assert!((400..500).contains(&status) && !body.contains("MISCONFIGURED"), "judged: {status} {body}");
    let (_, body) = asked("production", &[token]).await;
    assert!(body.contains("MISCONFIGURED"), "{body}");
    let operator = hub.operator();
    let bearer = format!("Bearer {gateway}");
    for (what, headers) in [
        ("nothing", &[][..]),
        ("the token of the client", &[("authorization", bearer.as_str())]),
        ("somebody else's token", &[("devhub-gateway-token", operator.as_str())]),
        ("two tokens", &[token, token]),
        ("no token", &[("devhub-gateway-token", "x")]),
    ] {
        let (status, body) = asked("sandbox", headers).await;
        assert_eq!(status, 500, "{what}: {body}");
        assert!(body.contains("GATEWAY_NOT_PROVEN"), "{what}: {body}");
    }
    let evaluation = |environment: &str| {
        let properties = json!({"environment": environment});
        let resource = json!({"type": "api_version", "id": format!("{CONTEXT}/1.0"), "properties": properties});
        let subject = json!({"type": "application", "id": "client-app"});
        json!({"subject": subject, "action": {"name": "invoke"}, "resource": resource}).to_string()
    };
    let evaluate = async |environment: &str, headers: &[(&str, &str)]| {
        let headers = [&[("content-type", "application/json")], headers].concat();
        let path = "/access/v1/evaluation";
        let answer = crate::authz::ask(&world, "POST", path, &headers, evaluation(environment).as_bytes()).await;
        (answer.status, String::from_utf8(answer.body).unwrap())
    };
    assert_eq!(evaluate("sandbox", &[]).await.0, 401);
    let (status, body) = evaluate("sandbox", &[token]).await;
    assert!(status == 200 && body.contains("\"decision\":false"), "{body}");
    let (status, body) = evaluate("production", &[token]).await;
    assert!(status == 400 && body.contains("its own environment"), "{body}");
}
