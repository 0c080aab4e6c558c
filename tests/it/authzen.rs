//! AuthZEN: the Authorization API 1.0 over the same decisions.

use std::sync::Arc;

use devhub::clock::ManualClock;
use devhub::config::Config;
use devhub::server::Server;
use devhub::store::Store;
use devhub::store::embedded::{Embedded, Options};
use devhub_proto::v1;
use serde_json::{Value, json};

use crate::authz::{ask, world};
use crate::http::{self, Answer};
use crate::world::{CONTEXT, World, days, ms, start};

const ONE: &str = "/access/v1/evaluation";
const MANY: &str = "/access/v1/evaluations";
const METADATA: &str = "/.well-known/authzen-configuration";
const JSON: (&str, &str) = ("content-type", "application/json");

async fn post(world: &World, path: &'static str, body: &Value) -> Answer {
    ask(world, "POST", path, &[JSON], body.to_string().as_bytes()).await
}

fn said(answer: &Answer) -> Value {
    assert_eq!(answer.header("content-type"), Some("application/json"), "{answer:?}");
    serde_json::from_slice(&answer.body).unwrap_or_else(|_| panic!("{answer:?}"))
}

fn subject(client: &str) -> Value {
    json!({"type": "application", "id": client})
}

fn resource(label: &str) -> Value {
    json!({"type": "api_version", "id": format!("{CONTEXT}/{label}")})
}

fn question(client: &str, label: &str) -> Value {
    json!({"subject": subject(client), "action": {"name": "invoke"}, "resource": resource(label)})
}

fn counted(world: &World) -> u64 {
    world.hub().usage().figures().counted
}

#[tokio::test]
async fn b63_an_evaluation_is_a_decision_with_its_reason() {
    let world = world(|_| {}).await;
    let answer = post(&world, ONE, &question("client-app", "1.0")).await;
    assert_eq!(answer.status, 200);
    let allowed = said(&answer);
    assert_eq!(allowed["decision"], true, "{allowed}");
    assert_eq!(allowed["context"]["reason"], "SUBSCRIBED");
    assert_eq!(allowed["context"]["application"], "app");
    let until = allowed["context"]["valid_until"].as_str().unwrap();
    // Judged no earlier than the latest command, whose instant is later by nanoseconds.
    assert!(until.starts_with("2026-01-01T00:00:30"), "{until}");
    assert_eq!(counted(&world), 1, "it counts as a call");
    for (question, reason, status) in
        [(question("nobody", "1.0"), "UNKNOWN_CLIENT", 401), (question("client-app", "9.0"), "UNKNOWN_VERSION", 404)]
    {
        let answer = post(&world, ONE, &question).await;
        assert_eq!(answer.status, 200, "a denial is an answer");
        let denied = said(&answer);
        assert_eq!(denied["decision"], false, "{denied}");
        assert_eq!(denied["context"]["reason"], reason);
        assert_eq!(denied["context"]["http_status"], status);
        assert!(denied["context"]["error"].is_null(), "{denied}");
    }
    // Members that are not known are passed over, as the specification wants it.
    let mut question = question("client-app", "1.0");
    question["context"] = json!({"time": "2020-01-01T00:00:00Z"});
    question["subject"]["properties"] = json!({"department": "Sales"});
    assert_eq!(said(&post(&world, ONE, &question).await)["decision"], true);
    question["resource"]["properties"] = json!({"environment": "production"});
    assert_eq!(said(&post(&world, ONE, &question).await)["context"]["reason"], "ENVIRONMENT_MISMATCH");
    question["action"]["properties"] = json!({"method": "GET"});
    assert_eq!(post(&world, ONE, &question).await.status, 400, "a method without a path");
}

#[tokio::test]
async fn b61_an_evaluation_changes_on_the_instant() {
    let world = world(|_| {}).await;
    let end = start() + days(400);
    world.deprecate("1.0", None, Some(end)).await.unwrap();
    for (after, allowed) in [(ms(-1), true), (ms(0), false), (ms(1), false)] {
        world.clock.set(end + after);
        let said = said(&post(&world, ONE, &question("client-app", "1.0")).await);
        assert_eq!(said["decision"], allowed, "{said}");
        if allowed {
            assert_eq!(said["context"]["valid_until"], "2027-02-05T00:00:00Z");
            assert_eq!(said["context"]["headers"]["Deprecation"], "@1767225600");
        }
    }
}

#[tokio::test]
async fn the_request_id_comes_back_as_it_came() {
    let world = world(|_| {}).await;
    let body = question("client-app", "1.0").to_string();
    for (body, status) in [(body.as_bytes(), 200), (b"{", 400)] {
        let answer = ask(&world, "POST", ONE, &[JSON, ("x-request-id", "bfe9eb29-ab87")], body).await;
        assert_eq!((answer.status, answer.header("x-request-id")), (status, Some("bfe9eb29-ab87")), "{answer:?}");
        assert_eq!(ask(&world, "POST", ONE, &[JSON], body).await.header("x-request-id"), None);
    }
}

#[tokio::test]
async fn what_is_no_question_is_refused() {
    let world = world(|config| config.max_request_bytes = 4096).await;
    let broken = |member: &str, value: Value| {
        let mut broken = question("client-app", "1.0");
        broken[member] = value;
        broken
    };
    for body in [
        json!([]),
        json!({}),
        broken("subject", Value::Null),
        broken("subject", json!({"type": "application"})),
        broken("subject", json!({"type": "user", "id": "client-app"})),
        broken("subject", json!({"type": "application", "id": ""})),
        broken("subject", json!({"type": "application", "id": "a".repeat(129)})),
        broken("subject", json!({"type": "application", "id": 7})),
        broken("action", json!({"name": "delete"})),
        broken("action", json!("invoke")),
        broken("resource", json!({"type": "api_version", "id": "losses"})),
        broken("resource", json!({"type": "api", "id": "losses/1.0"})),
    ] {
        let answer = post(&world, ONE, &body).await;
        assert_eq!(answer.status, 400, "{body}: {answer:?}");
        assert!(said(&answer).is_string(), "a sentence: {answer:?}");
    }
    let body = question("client-app", "1.0").to_string();
    assert_eq!(ask(&world, "POST", ONE, &[], body.as_bytes()).await.status, 400, "no content type");
    assert_eq!(ask(&world, "POST", ONE, &[("content-type", "text/plain")], body.as_bytes()).await.status, 400);
    assert_eq!(ask(&world, "POST", ONE, &[JSON], format!("{body}{}", " ".repeat(4096)).as_bytes()).await.status, 400);
    let asked_by_get = ask(&world, "GET", ONE, &[JSON], b"").await;
    assert_eq!((asked_by_get.status, asked_by_get.header("allow")), (405, Some("POST")));
    assert_eq!(ask(&world, "POST", "/access/v1/search", &[JSON], body.as_bytes()).await.status, 404);
    assert_eq!(counted(&world), 0, "none of it was a call");
}

#[tokio::test]
async fn searches_are_not_served_and_say_so() {
    let world = world(|_| {}).await;
    let body = question("client-app", "1.0").to_string();
    for search in ["/access/v1/search/subject", "/access/v1/search/resource", "/access/v1/search/action"] {
        let answer = ask(&world, "POST", search, &[JSON, ("x-request-id", "7")], body.as_bytes()).await;
        assert_eq!((answer.status, answer.header("x-request-id")), (501, Some("7")), "{search}: {answer:?}");
        assert!(said(&answer).as_str().unwrap().contains(MANY), "what to do instead: {answer:?}");
    }
    assert_eq!(counted(&world), 0);
}

#[tokio::test]
async fn the_metadata_name_what_is_served_under_the_configured_origin_only() {
    let nameless = world(|_| {}).await;
    let answer = ask(&nameless, "GET", METADATA, &[], b"").await;
    assert_eq!(answer.status, 404, "nothing is made up: {answer:?}");
    assert!(said(&answer).as_str().unwrap().contains("gateway_public_origin"), "{answer:?}");

    let origin = "https://pdp.example:8443";
    let world = world(|config| config.gateway.public_origin = Some(origin.into())).await;
    // Whatever host a request names, the document is about the one that the operator named.
    let headers = [("x-forwarded-host", "evil.example"), ("x-request-id", "7")];
    let answer = ask(&world, "GET", METADATA, &headers, b"").await;
    assert_eq!((answer.status, answer.header("x-request-id")), (200, Some("7")), "{answer:?}");
    assert_eq!(answer.header("cache-control"), Some("max-age=3600"));
    let document = said(&answer);
    assert_eq!(
        document,
        json!({
            "policy_decision_point": origin,
            "access_evaluation_endpoint": format!("{origin}{ONE}"),
            "access_evaluations_endpoint": format!("{origin}{MANY}"),
        }),
        "what is not served is left out"
    );
    // What it names is there.
    for endpoint in ["access_evaluation_endpoint", "access_evaluations_endpoint"] {
        let path = document[endpoint].as_str().unwrap().strip_prefix(origin).unwrap();
        let body = question("client-app", "1.0").to_string();
        assert_eq!(said(&ask(&world, "POST", path, &[JSON], body.as_bytes()).await)["decision"], true, "{endpoint}");
    }
    let posted = ask(&world, "POST", METADATA, &[JSON], b"{}").await;
    assert_eq!((posted.status, posted.header("allow")), (405, Some("GET")));
}

#[tokio::test]
async fn b64_a_hub_that_is_not_ready_says_when_to_ask_again() {
    let directory = tempfile::tempdir().unwrap();
    // The test must know the port before the server says it: a free one below those that systems give out by themselves.
    let from = 20_000 + u16::try_from(std::process::id() % 5_000).unwrap();
    let bind = |port| std::net::TcpListener::bind(("127.0.0.1", port)).and_then(|listener| listener.local_addr());
    let free = (from..30_000).find_map(|port| bind(port).ok()).unwrap();
    let mut config = Config::for_testing(directory.path());
    config.gateway.listen = Some(free);
    config.gateway.public_origin = Some("https://pdp.example".into());
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
    let call = async |method: &'static str, path: &'static str| {
        let body = question("client-app", "1.0").to_string();
        tokio::task::spawn_blocking(move || http::call(free, method, path, &[JSON], body.as_bytes())).await.unwrap()
    };
    for path in [ONE, MANY] {
        let answer = call("POST", path).await;
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("5")), "{path}: {answer:?}");
        assert!(said(&answer).is_string(), "a sentence: {answer:?}");
    }
    // Where it is asked, it knows all the same.
    assert_eq!(call("GET", METADATA).await.status, 200);
    release.send(()).unwrap();
    let server = starting.await.unwrap();
    // It has no environment of its own here: it judges, and refuses the question for that.
    let answer = call("POST", ONE).await;
    assert_eq!((answer.status, answer.header("retry-after")), (400, None), "{answer:?}");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn several_are_evaluated_in_order_over_defaults() {
    let world = world(|_| {}).await;
    world.version("2.0", v1::Maturity::Stable).await;
    let body = json!({
        "subject": subject("client-app"),
        "action": {"name": "invoke"},
        "evaluations": [
            {"resource": resource("1.0")},
            {"resource": resource("2.0")},
            {"resource": {"type": "document", "id": "1"}},
            {"resource": resource("1.0"), "subject": subject("nobody")},
            {"resource": resource("1.0")},
            {},
        ],
    });
    let said_by = async |body: Value| said(&post(&world, MANY, &body).await);
    let all = said_by(body.clone()).await;
    let reasons: Vec<_> = all["evaluations"].as_array().unwrap().iter().map(reason).collect();
    assert_eq!(
        reasons,
        [
            "true SUBSCRIBED",
            "false NOT_SUBSCRIBED",
            "false 400",
            "false UNKNOWN_CLIENT",
            "true SUBSCRIBED",
            "false 400"
        ]
    );
    assert_eq!(counted(&world), 2);
    let with = |semantic: &str, skipped: usize| {
        let mut body = body.clone();
        body["options"] = json!({"evaluations_semantic": semantic});
        body["evaluations"].as_array_mut().unwrap().drain(..skipped);
        body
    };
    assert_eq!(said_by(with("execute_all", 0)).await["evaluations"].as_array().unwrap().len(), 6);
    for (semantic, skipped, reasons, calls) in [
        ("deny_on_first_deny", 0, &["true SUBSCRIBED", "false NOT_SUBSCRIBED"][..], 1),
        ("deny_on_first_deny", 2, &["false 400"], 0),
        ("permit_on_first_permit", 0, &["true SUBSCRIBED"], 1),
        (
            "permit_on_first_permit",
            1,
            &["false NOT_SUBSCRIBED", "false 400", "false UNKNOWN_CLIENT", "true SUBSCRIBED"],
            1,
        ),
    ] {
        let before = counted(&world);
        let said = said_by(with(semantic, skipped)).await;
        let found: Vec<_> = said["evaluations"].as_array().unwrap().iter().map(reason).collect();
        assert_eq!(found, reasons, "{semantic}");
        assert_eq!(counted(&world), before + calls, "what comes after the last one is not counted");
    }
    assert_eq!(post(&world, MANY, &with("whatever", 0)).await.status, 400);
}

fn reason(evaluation: &Value) -> String {
    let context = &evaluation["context"];
    let reason = context["reason"].as_str().map_or_else(|| context["error"]["status"].to_string(), str::to_owned);
    format!("{} {reason}", evaluation["decision"])
}

#[tokio::test]
async fn a_batch_is_bounded_and_without_a_list_it_is_one_question() {
    let world = world(|_| {}).await;
    let of = |count: usize| {
        let mut body = question("client-app", "1.0");
        body["evaluations"] = json!(vec![json!({}); count]);
        body
    };
    let answer = post(&world, MANY, &of(150)).await;
    assert_eq!(said(&answer)["evaluations"].as_array().unwrap().len(), 150);
    let refused = post(&world, MANY, &of(151)).await;
    assert_eq!(refused.status, 400);
    assert!(said(&refused).as_str().unwrap().contains("150"), "{refused:?}");
    for body in [of(0), question("client-app", "1.0")] {
        let single = said(&post(&world, MANY, &body).await);
        assert_eq!((&single["decision"], single.get("evaluations")), (&json!(true), None), "{single}");
    }
}
