//! Rules B60 to B63 of what gateways are told, and the defect X7.

use devhub::wire::timestamp;
use devhub_proto::v1;

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
