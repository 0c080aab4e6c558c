//! Bad input: each refusal names the field, the limit and the remedy, and changes nothing.

use devhub_proto::v1;
use tonic::Code;

use crate::world::*;

#[tokio::test]
async fn malformed_ids_are_named_field_by_field() {
    let world = World::usual().await;
    let request = v1::SubscribeRequest {
        application_id: "Not An Id".into(),
        context: "../etc".into(),
        version: "1 0".into(),
        request_id: "no spaces please".into(),
        ..Default::default()
    };
    let status = world.subscriptions(ADA).subscribe(request).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::InvalidArgument, "INVALID_FIELD"));
    assert_eq!(violations(&status), ["request_id", "application_id", "context", "version"]);
}

#[tokio::test]
async fn names_for_people_are_bounded_and_plain() {
    let world = World::usual().await;
    let long = "x".repeat(51);
    for name in ["x", &long, "bell\u{7}", "over\u{202E}ride", "<script>", "quote\"", " padded ", "tab\tbed"] {
        let status = world.application_with("new", |a| a.name = name.into()).await.unwrap_err();
        assert_eq!(violations(&status), ["application.name"], "{name:?}");
    }
    let description = "line\u{1b}[31m red".to_owned();
    let status = world.application_with("new", |a| a.description = description).await.unwrap_err();
    assert_eq!(violations(&status), ["application.description"]);
    let status = world.application_with("new", |a| a.description = "x".repeat(2001)).await.unwrap_err();
    assert!(status.message().contains("at most 2000 characters"), "{}", status.message());
}

#[tokio::test]
async fn unknown_enum_values_are_refused_not_guessed() {
    let world = World::usual().await;
    let status = world.application_with("new", |a| a.environment = 99).await.unwrap_err();
    assert_eq!(violations(&status), ["application.environment"]);
    let status = world.application_with("new", |a| a.environment = 0).await.unwrap_err();
    assert_eq!(violations(&status), ["application.environment"]);
    let status = world.application_with("new", |a| a.kind = 77).await.unwrap_err();
    assert_eq!(violations(&status), ["application.kind"]);
    let question = v1::AuthorizeRequest { environment: 7, ..question("app", "1.0") };
    let status = world.gateway().authorize(question).await.unwrap_err();
    assert_eq!(violations(&status), ["environment"]);
    let mut odd = version("2.0", vec![deployment(v1::Environment::Sandbox, v1::Maturity::Stable)]);
    odd.deployments[0].maturity = 4;
    assert_eq!(violations(&world.publish(odd).await.unwrap_err()), ["version.deployments[0].maturity"]);
}

#[tokio::test]
async fn an_empty_request_is_refused_in_every_call() {
    let world = World::usual().await;
    assert!(world.publish(v1::ApiVersion::default()).await.is_err());
    let empty = v1::CreateApiRequest::default();
    let status = world.apis(OPERATOR).create_api(empty).await.unwrap_err();
    assert_eq!(violations(&status), ["api.context", "api.policy", "api.title"]);
    let status = world.gateway().authorize(v1::AuthorizeRequest::default()).await.unwrap_err();
    assert_eq!(violations(&status), ["client_id"]);
    let status = world.gateway().explain(v1::ExplainRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn instants_out_of_range_are_refused() {
    let world = World::usual().await;
    for (seconds, nanos) in [(i64::MAX, 0), (i64::MIN, 0), (0, -1), (0, 1_000_000_000), (253_402_300_800, 0)] {
        let odd = prost_types::Timestamp { seconds, nanos };
        let status = world.deprecate_with("1.0", |r| r.deprecate_time = Some(odd)).await.unwrap_err();
        assert_eq!(violations(&status), ["deprecate_time"], "{odd:?}");
    }
}

#[tokio::test]
async fn a_page_token_of_another_query_is_refused() {
    let world = World::usual().await;
    for number in 0..3 {
        world.application(&format!("page-{number}")).await;
    }
    let list = |owner: &str, page_token: &str| v1::ListApplicationsRequest {
        owner: owner.into(),
        page_size: 2,
        page_token: page_token.into(),
        ..Default::default()
    };
    let page = world.applications("").list_applications(list("", "")).await.unwrap().into_inner();
    assert_eq!(page.applications.len(), 2);
    let token = page.next_page_token;
    let next = world.applications("").list_applications(list("", &token)).await.unwrap().into_inner();
    assert_eq!((next.applications.len(), next.next_page_token.as_str()), (2, ""));
    for (owner, token) in [("somebody", token.as_str()), ("", "zz"), ("", "00"), ("", "é"), ("", &token[1..])] {
        let status = world.applications("").list_applications(list(owner, token)).await.unwrap_err();
        assert_eq!(reason(&status), "PAGE_TOKEN", "{owner:?} {token:?}");
    }
    let negative = v1::ListApplicationsRequest { page_size: -1, ..Default::default() };
    let status = world.applications("").list_applications(negative).await.unwrap_err();
    assert_eq!(violations(&status), ["page_size"]);
}

#[tokio::test]
async fn a_request_over_the_limit_is_refused_before_it_is_read() {
    let world = World::usual().await;
    let status = world.application_with("new", |a| a.description = "x".repeat(300_000)).await.unwrap_err();
    assert_eq!(status.code(), Code::OutOfRange, "{status:?}");
    assert_eq!(world.decision("app", "1.0").await, "DENY NOT_SUBSCRIBED", "the connection lives on");
}

/// A question as a newer client might send it.
#[derive(Clone, PartialEq, prost::Message)]
struct NewerQuestion {
    #[prost(string, tag = "1")]
    client_id: String,
    #[prost(string, tag = "2")]
    context: String,
    #[prost(string, tag = "3")]
    version: String,
    #[prost(int32, tag = "4")]
    environment: i32,
    #[prost(string, repeated, tag = "1023")]
    news: Vec<String>,
}

#[tokio::test]
async fn unknown_fields_of_a_newer_client_do_no_harm() {
    let world = World::usual().await;
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    let mut client = tonic::client::Grpc::new(world.channel.clone());
    client.ready().await.unwrap();
    let path = http::uri::PathAndQuery::from_static("/devhub.v1.AuthorizationService/Authorize");
    let codec = tonic_prost::ProstCodec::<NewerQuestion, v1::AuthorizeResponse>::default();
    let known = question("app", "1.0");
    let newer = NewerQuestion {
        client_id: known.client_id,
        context: known.context,
        version: known.version,
        environment: known.environment,
        news: vec!["what is this?".into(), String::new()],
    };
    let answer = client.unary(tonic::Request::new(newer), path, codec).await.unwrap().into_inner();
    assert_eq!(words(&answer), "ALLOW SUBSCRIBED");
}

#[tokio::test]
async fn an_unknown_call_is_unimplemented() {
    let world = World::new().await;
    let mut client = tonic::client::Grpc::new(world.channel.clone());
    client.ready().await.unwrap();
    let path = http::uri::PathAndQuery::from_static("/devhub.v1.ApiService/DropEverything");
    let codec = tonic_prost::ProstCodec::<v1::GetApiRequest, v1::GetApiResponse>::default();
    let status = client.unary(tonic::Request::new(v1::GetApiRequest::default()), path, codec).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
}

#[tokio::test]
async fn catalogue_input_is_checked_in_depth() {
    let world = World::usual().await;
    let sandbox = || vec![deployment(v1::Environment::Sandbox, v1::Maturity::Stable)];
    let endpoint = |method: &str, path: &str| v1::Endpoint {
        method: method.into(),
        path: path.into(),
        auth_type: v1::AuthType::User.into(),
    };
    let field = |name: &str, pattern: &str| v1::FieldDefinition {
        name: name.into(),
        pattern: pattern.into(),
        ..Default::default()
    };
    let mut cases: Vec<(v1::ApiVersion, &[&str])> = Vec::new();
    let base = || version("2.0", sandbox());
    cases.push((v1::ApiVersion { deployments: Vec::new(), ..base() }, &["version.deployments"]));
    let twice = [sandbox(), sandbox()].concat();
    cases.push((v1::ApiVersion { deployments: twice, ..base() }, &["version.deployments[1].environment"]));
    let odd = vec![endpoint("get", "/a"), endpoint("GET", "a b")];
    cases.push((
        v1::ApiVersion { endpoints: odd, ..base() },
        &["version.endpoints[0].method", "version.endpoints[1].path"],
    ));
    let odd = vec![field("vrn", "["), field("vrn", ""), field("v1", "")];
    cases.push((
        v1::ApiVersion { fields: odd, ..base() },
        &["version.fields[0].pattern", "version.fields[1].name", "version.fields[2].name"],
    ));
    let huge = vec![field("vrn", "(a{1000}){1000}")];
    cases.push((v1::ApiVersion { fields: huge, ..base() }, &["version.fields[0].pattern"]));
    let split = "https://x\r\nSet-Cookie: a=b".to_owned();
    cases.push((v1::ApiVersion { documentation_uri: split, ..base() }, &["version.documentation_uri"]));
    for (version, expected) in cases {
        let status = world.publish(version).await.unwrap_err();
        assert_eq!(violations(&status), expected);
    }
}
