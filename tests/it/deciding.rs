//! Rules B60 to B63 of what gateways are told, and the defect X7.

use chrono::{DateTime, TimeDelta, Utc};
use devhub::wire::timestamp;
use devhub_proto::v1;
use devhub_proto::v1::lifecycle_change::Step;

use crate::world::*;

#[tokio::test]
async fn b60_not_subscribed_is_a_403() {
    let world = World::usual().await;
    let decision = world.authorize("app", "1.0").await;
    assert_eq!(words(&decision), "DENY NOT_SUBSCRIBED");
    assert_eq!((decision.http_status, decision.grpc_code), (403, 7));
    assert_eq!(decision.application_id, "app");
    assert_eq!(decision.remedy.unwrap().action(), v1::RemedyAction::Subscribe);
}

#[tokio::test]
async fn b61_x7_no_answer_outlives_a_change_that_time_will_bring() {
    let world = World::usual().await;
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    world.clock.set(start() + ms(1));
    assert_eq!(world.authorize("app", "1.0").await.valid_until, Some(timestamp(start() + ms(30_001))));
    let (deprecated, retired) = (start() + days(1), start() + days(200));
    world.deprecate("1.0", Some(deprecated), Some(retired)).await.unwrap();
    for change in [deprecated, retired] {
        for (before, expected) in [(30_001, change - ms(1)), (30_000, change), (29_999, change), (1, change)] {
            world.clock.set(change - ms(before));
            let decision = world.authorize("app", "1.0").await;
            assert_eq!(decision.valid_until, Some(timestamp(expected)), "{before} ms before {change}");
        }
    }
}

#[tokio::test]
async fn b62_an_allow_of_a_deprecated_version_carries_headers_ready_to_send() {
    let world = World::usual().await;
    let documentation_uri = "https://developer.example/docs/losses/2.0".to_owned();
    let sandbox = deployment(v1::Environment::Sandbox, v1::Maturity::Stable);
    world.publish(v1::ApiVersion { documentation_uri, ..version("2.0", vec![sandbox]) }).await.unwrap();
    let docs = v1::UpdateApiVersionRequest {
        context: CONTEXT.into(),
        version: "1.0".into(),
        documentation_uri: Some("https://developer.example/docs/losses/1.0".into()),
        ..Default::default()
    };
    world.apis(OPERATOR).update_api_version(docs).await.unwrap();
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    let successor = v1::VersionName { context: CONTEXT.into(), version: "2.0".into() };
    world
        .deprecate_with("1.0", |r| {
            r.retire_time = Some(timestamp(instant("2026-08-01T12:30:45.5Z")));
            r.successor = Some(successor.clone());
        })
        .await
        .unwrap();
    world.clock.set(instant("2026-07-31T12:30:45.5Z"));
    let decision = world.authorize("app", "1.0").await;
    let headers: Vec<(&str, &str)> =
        decision.headers.iter().map(|header| (header.name.as_str(), header.value.as_str())).collect();
    assert_eq!(
        headers,
        [
            ("Deprecation", "@1767225600"),
            ("Sunset", "Sat, 01 Aug 2026 12:30:45 GMT"),
            (
                "Link",
                "<https://developer.example/docs/losses/1.0>; rel=\"deprecation\", \
                 <https://developer.example/docs/losses/1.0>; rel=\"sunset\", \
                 <https://developer.example/docs/losses/2.0>; rel=\"successor-version\""
            ),
        ]
    );
    assert_eq!(decision.successor, Some(successor));
    assert_eq!(decision.days_left, Some(1));
}

#[tokio::test]
async fn b63_every_denial_has_a_machine_reason() {
    let world = World::usual().await;
    world.version("2.0", v1::Maturity::Alpha).await;
    assert_eq!(world.decision("app", "9.0").await, "DENY UNKNOWN_VERSION");
    assert_eq!(world.decision("app", "2.0").await, "DENY VERSION_ALPHA");
    assert_eq!(world.decision("nobody", "1.0").await, "DENY UNKNOWN_CLIENT");
    let production = v1::AuthorizeRequest { environment: v1::Environment::Production.into(), ..question("app", "1.0") };
    let decision = world.gateway().authorize(production).await.unwrap().into_inner();
    assert_eq!(words(&decision), "DENY ENVIRONMENT_MISMATCH");
}

#[tokio::test]
async fn a_batch_answers_in_order_at_one_revision_and_a_bad_question_spoils_no_other() {
    let world = World::usual().await;
    let done = world.subscribe(ADA, "app", "1.0").await.unwrap();
    let bad = v1::AuthorizeRequest { client_id: String::new(), ..question("app", "1.0") };
    let questions = vec![question("app", "1.0"), bad, question("nobody", "1.0"), question("app", "9.0")];
    let request = v1::BatchAuthorizeRequest { questions, min_revision: done.etag.parse().unwrap() };
    let response = world.gateway().batch_authorize(request).await.unwrap().into_inner();
    let results: Vec<String> = response
        .results
        .iter()
        .map(|result| match result.result.as_ref().unwrap() {
            v1::batch_result::Result::Decision(decision) => {
                assert_eq!(decision.revision, response.revision);
                words(decision)
            }
            v1::batch_result::Result::Error(sentence) => sentence.clone(),
        })
        .collect();
    assert_eq!(
        results,
        ["ALLOW SUBSCRIBED", "client_id: must have 1 to 128 bytes", "DENY UNKNOWN_CLIENT", "DENY UNKNOWN_VERSION"]
    );
    let many = v1::BatchAuthorizeRequest { questions: vec![question("app", "1.0"); 151], min_revision: 0 };
    assert_eq!(violations(&world.gateway().batch_authorize(many).await.unwrap_err()), ["questions"]);
}

#[tokio::test]
async fn min_revision_reads_your_own_write_or_says_that_it_cannot() {
    let world = World::usual().await;
    let made = world.subscribe(ADA, "app", "1.0").await.unwrap();
    let revision: u64 = made.etag.parse().unwrap();
    let own = v1::AuthorizeRequest { min_revision: revision, ..question("app", "1.0") };
    let decision = world.gateway().authorize(own).await.unwrap().into_inner();
    assert_eq!((words(&decision).as_str(), decision.revision >= revision), ("ALLOW SUBSCRIBED", true));
    let beyond = v1::AuthorizeRequest { min_revision: revision + 100, ..question("app", "1.0") };
    let status = world.gateway().authorize(beyond).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (tonic::Code::Unavailable, "REVISION_NOT_REACHED"));
}

#[tokio::test]
async fn explain_answers_for_any_instant_and_any_retained_revision() {
    let world = World::usual().await;
    let subscribed: u64 = world.subscribe(ADA, "app", "1.0").await.unwrap().etag.parse().unwrap();
    let (deprecated, retired) = (start() + days(1), start() + days(200));
    world.deprecate("1.0", Some(deprecated), Some(retired)).await.unwrap();
    world.clock.advance(ms(1));
    world.unsubscribe(ADA, "app", "1.0", false).await.unwrap();
    let explain = async |at: Option<chrono::DateTime<chrono::Utc>>, at_revision: u64| {
        let request = v1::ExplainRequest { question: Some(question("app", "1.0")), at: at.map(timestamp), at_revision };
        world.gateway().explain(request).await.unwrap().into_inner()
    };
    let words_of = |response: &v1::ExplainResponse| words(response.decision.as_ref().unwrap());
    assert_eq!(words_of(&explain(None, 0).await), "DENY NOT_SUBSCRIBED");
    // By what was known right after subscribing, no end was planned.
    assert_eq!(words_of(&explain(Some(retired), subscribed).await), "ALLOW SUBSCRIBED");
    assert_eq!(words_of(&explain(Some(retired - ms(1)), subscribed + 1).await), "ALLOW SUBSCRIBED");
    assert_eq!(words_of(&explain(Some(retired), subscribed + 1).await), "DENY VERSION_RETIRED");
    assert_eq!(words_of(&explain(None, subscribed - 1).await), "DENY NOT_SUBSCRIBED");

    let trail = explain(Some(deprecated), subscribed + 1).await;
    let steps: Vec<v1::StepOutcome> = trail.steps.iter().map(v1::TrailStep::outcome).collect();
    assert_eq!(steps.last(), Some(&v1::StepOutcome::Decided));
    assert!(steps[..steps.len() - 1].iter().all(|outcome| *outcome == v1::StepOutcome::Passed), "{steps:?}");
    assert_eq!(trail.upcoming.len(), 1);
    assert_eq!(trail.upcoming[0].time, Some(timestamp(retired)));
}

#[tokio::test]
async fn a_clock_set_back_reopens_nothing() {
    let world = World::usual().await;
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    world.deprecate("1.0", None, Some(start() + days(200))).await.unwrap();
    world.clock.set(start() + days(200));
    world.application("later").await;
    world.clock.set(start());
    assert_eq!(world.decision("app", "1.0").await, "DENY VERSION_RETIRED");
    assert_eq!(refused(world.subscribe(ADA, "later", "1.0").await), "VERSION_RETIRED");
}

/// A world whose policy lets single operations and namespaces end, with Ada's application subscribed to a version that
/// has two operations.
async fn with_operations() -> World {
    let world = World::new().await;
    world.api_with(CONTEXT, "procore-rest").await;
    let endpoint = |method: &str, path: &str| v1::Endpoint {
        method: method.into(),
        path: path.into(),
        auth_type: v1::AuthType::User.into(),
    };
    let endpoints = vec![endpoint("GET", "/{id}/losses"), endpoint("POST", "/losses")];
    let sandbox = deployment(v1::Environment::Sandbox, v1::Maturity::Stable);
    world.publish(v1::ApiVersion { endpoints, ..version("1.0", vec![sandbox]) }).await.unwrap();
    world.application("app").await;
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    world
}

fn operation(method: &str, path: &str) -> v1::OperationName {
    let version = v1::VersionName { context: CONTEXT.into(), version: "1.0".into() };
    v1::OperationName { version: Some(version), method: method.into(), path: path.into() }
}

fn deprecate(sunset_begins_at: Option<DateTime<Utc>>, retires_at: Option<DateTime<Utc>>) -> Step {
    Step::Deprecate(v1::DeprecateStep {
        deprecate_time: None,
        sunset_begin_time: sunset_begins_at.map(timestamp),
        retire_time: retires_at.map(timestamp),
    })
}

fn overriding(change: v1::LifecycleChange) -> v1::LifecycleChange {
    v1::LifecycleChange { override_reason: "agreed with all callers".into(), ..change }
}

fn calling(method: &str, path: &str) -> v1::AuthorizeRequest {
    v1::AuthorizeRequest { method: Some(method.into()), path: Some(path.into()), ..question("app", "1.0") }
}

#[tokio::test]
async fn b23_a_call_of_a_retired_operation_is_a_410_that_names_the_replacement() {
    let world = with_operations().await;
    let environment = v1::Environment::Sandbox.into();
    let retired = start() + days(30);
    let name = v1::schedule_target::Target::Operation(operation("GET", "/{id}/losses"));
    let target = v1::ScheduleTarget { environment, target: Some(name) };
    let replacement = operation("POST", "/losses");
    let successor = Some(v1::Successor {
        successor: Some(v1::successor::Successor::Operation(replacement.clone())),
        uri: "https://developer.example/losses".into(),
    });
    let change = overriding(step(target, deprecate(None, Some(retired))));
    world.change(v1::LifecycleChange { successor, ..change }).await.unwrap();
    let ask = async |question: v1::AuthorizeRequest| world.gateway().authorize(question).await.unwrap().into_inner();
    for (now, expected) in [
        (retired - ms(1), "ALLOW SUBSCRIBED"),
        (retired, "DENY OPERATION_RETIRED"),
        (retired + ms(1), "DENY OPERATION_RETIRED"),
    ] {
        world.clock.set(now);
        let decision = ask(calling("GET", "/7/losses?year=2026")).await;
        assert_eq!(words(&decision), expected, "{now}");
        let named = decision.replacement.unwrap();
        assert_eq!(
            (named.version, named.method, named.path),
            (replacement.version.clone(), "POST".to_owned(), "/losses".to_owned())
        );
        for other in [question("app", "1.0"), calling("POST", "/losses"), calling("GET", "/7")] {
            let decision = ask(other).await;
            assert_eq!((words(&decision).as_str(), decision.replacement), ("ALLOW SUBSCRIBED", None));
            assert_eq!(decision.stage, v1::Stage::Stable as i32);
        }
    }
    let denied = ask(calling("GET", "/7/losses")).await;
    assert_eq!((denied.http_status, denied.grpc_code), (410, 9));
    assert_eq!(denied.remedy.unwrap().action(), v1::RemedyAction::UseReplacement);
    let link = "<https://developer.example/losses>; rel=\"successor-version\"".to_owned();
    assert_eq!(denied.headers, [v1::LifecycleHeader { name: "Link".into(), value: link }]);
    let request = v1::ExplainRequest {
        question: Some(calling("GET", "/7/losses")),
        at: Some(timestamp(retired - ms(1))),
        at_revision: 0,
    };
    let trail = world.gateway().explain(request).await.unwrap().into_inner();
    assert!(trail.steps[1].sentence.starts_with("The operation GET /{id}/losses is DEPRECATED"), "{trail:?}");
    assert!(trail.upcoming[0].sentence.ends_with("DENY OPERATION_RETIRED."), "{trail:?}");
}

#[tokio::test]
async fn b61_a_brownout_is_a_503_until_it_ends() {
    let world = World::usual().await;
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    world.change(step(target("1.0"), deprecate(None, Some(start() + days(200))))).await.unwrap();
    let (from, until) = (start() + days(100), start() + days(100) + TimeDelta::hours(1));
    let window = v1::ScheduleBrownoutStep { start_time: Some(timestamp(from)), end_time: Some(timestamp(until)) };
    world.change(step(target("1.0"), Step::ScheduleBrownout(window))).await.unwrap();
    for (now, expected, valid_until) in [
        (from - ms(1), "ALLOW SUBSCRIBED", from),
        (from, "DENY BROWNOUT", from + ms(30_000)),
        (until - ms(1), "DENY BROWNOUT", until),
        (until, "ALLOW SUBSCRIBED", until + ms(30_000)),
        (until + ms(1), "ALLOW SUBSCRIBED", until + ms(30_001)),
    ] {
        world.clock.set(now);
        let decision = world.authorize("app", "1.0").await;
        assert_eq!(words(&decision), expected, "{now}");
        assert_eq!(decision.valid_until, Some(timestamp(valid_until)), "{now}");
        let names: Vec<&str> = decision.headers.iter().map(|header| header.name.as_str()).collect();
        assert_eq!(names, ["Deprecation", "Sunset"]);
        if let Some(remedy) = decision.remedy {
            assert_eq!((decision.http_status, decision.grpc_code), (503, 14));
            assert_eq!(remedy.action(), v1::RemedyAction::WaitForBrownoutEnd);
            assert_eq!(remedy.earliest, Some(timestamp(until)));
        }
    }
}

#[tokio::test]
async fn b62_a_gradual_sunset_is_announced_by_its_beginning() {
    let world = World::usual().await;
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    let (sunset, retired) = (instant("2026-12-01T00:00:00Z"), instant("2026-12-31T00:00:00Z"));
    world.change(step(target("1.0"), deprecate(Some(sunset), Some(retired)))).await.unwrap();
    for now in [sunset - ms(1), sunset, retired - ms(1)] {
        world.clock.set(now);
        let decision = world.authorize("app", "1.0").await;
        assert_eq!((words(&decision).as_str(), decision.stage()), ("ALLOW SUBSCRIBED", v1::Stage::Deprecated));
        assert_eq!(decision.headers[1].value, "Tue, 01 Dec 2026 00:00:00 GMT");
    }
    world.clock.set(retired);
    assert_eq!(world.decision("app", "1.0").await, "DENY VERSION_RETIRED");
}

#[tokio::test]
async fn b23_the_end_of_a_namespace_is_told_with_the_namespace_that_replaces_it() {
    let world = with_operations().await;
    world.api_with("businesses/losses", "procore-rest").await;
    let before = world.hub().store().head().revision;
    let retired = start() + days(30);
    let name = v1::schedule_target::Target::Namespace("individuals".into());
    let target = v1::ScheduleTarget { environment: v1::Environment::Sandbox.into(), target: Some(name) };
    let successor = Some(v1::Successor {
        successor: Some(v1::successor::Successor::Namespace("businesses".into())),
        uri: String::new(),
    });
    let change = overriding(step(target, deprecate(None, Some(retired))));
    world.change(v1::LifecycleChange { successor, ..change }).await.unwrap();
    for (now, expected) in [(retired - ms(1), "ALLOW SUBSCRIBED"), (retired, "DENY VERSION_RETIRED")] {
        world.clock.set(now);
        let decision = world.authorize("app", "1.0").await;
        assert_eq!(words(&decision), expected);
        assert_eq!(decision.successor_namespace.as_deref(), Some("businesses"));
    }
    // What was known before says otherwise, and what was known then says the same.
    for (at_revision, expected) in [(before, "ALLOW SUBSCRIBED"), (before + 1, "DENY VERSION_RETIRED")] {
        let request = v1::ExplainRequest { question: Some(question("app", "1.0")), at: None, at_revision };
        let trail = world.gateway().explain(request).await.unwrap().into_inner();
        assert_eq!(words(&trail.decision.unwrap()), expected);
    }
}

#[tokio::test]
async fn a_malformed_operation_is_refused_by_field() {
    let world = World::usual().await;
    for (method, path, field) in [
        (Some("GET"), None, "path"),
        (None, Some("/a"), "method"),
        (Some(""), Some("/a"), "method"),
        (Some("get"), Some("/a"), "method"),
        (Some("ABCDEFGHIJKLMNOPQ"), Some("/a"), "method"),
        (Some("GET"), Some(""), "path"),
        (Some("GET"), Some("a"), "path"),
        (Some("GET"), Some(&*format!("/{}", "a".repeat(2048))), "path"),
    ] {
        let question = v1::AuthorizeRequest {
            method: method.map(str::to_owned),
            path: path.map(str::to_owned),
            ..question("app", "1.0")
        };
        assert_eq!(violations(&world.gateway().authorize(question).await.unwrap_err()), [field], "{method:?} {path:?}");
    }
    let longest = calling("ABCDEFGHIJKLMNOP", &format!("/{}", "a".repeat(2047)));
    assert_eq!(words(&world.gateway().authorize(longest).await.unwrap().into_inner()), "DENY NOT_SUBSCRIBED");
}
