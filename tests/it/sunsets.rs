//! Procore's story: a namespace from announcement to the last refused call, as a transcript; and operations that only
//! their announcements end.

use devhub::wire::timestamp;
use devhub_proto::v1;
use devhub_proto::v1::lifecycle_change::Step;

use crate::golden;
use crate::stories::{Story, brownout};
use crate::world::*;

const VAPID: &str = "vapid/companies";

/// Procore deprecated the whole `/vapid` namespace on 1 February 2021, began to sunset it on 1 February 2022, and
/// expected to be done by the end of that month; Rest v1.0 replaced it. The days are those of Los Angeles.
#[tokio::test]
async fn vapid_from_the_announcement_to_the_last_refused_call() {
    let world = World::new().await;
    world.clock.set(instant("2021-01-04T16:00:00Z"));
    for context in [VAPID, "vapid/projects", "rest/v1.0/companies"] {
        world.api_with(context, "procore-rest").await;
        let deployment = crate::world::deployment(v1::Environment::Production, v1::Maturity::Stable);
        let version = v1::ApiVersion { context: context.into(), ..crate::world::version("1.0", vec![deployment]) };
        let endpoint = |method: &str| v1::Endpoint {
            method: method.into(),
            path: "/{id}".into(),
            auth_type: v1::AuthType::Application.into(),
        };
        let endpoints = vec![endpoint("GET"), endpoint("DELETE")];
        world.publish(v1::ApiVersion { endpoints, ..version }).await.unwrap();
    }
    let applications = vec!["sitebook", "planroom"];
    for id in &applications {
        let live = |application: &mut v1::Application| {
            application.environment = v1::Environment::Production.into();
        };
        world.application_with(id, live).await.unwrap();
        go_live(&world, id).await;
        for context in [VAPID, "vapid/projects"] {
            subscribe_to(&world, id, context).await.unwrap();
        }
    }
    let environment = v1::Environment::Production;
    let mut story = Story { world, environment, applications, told: Default::default(), text: String::new() };
    let whole = || v1::ScheduleTarget {
        environment: environment.into(),
        target: Some(v1::schedule_target::Target::Namespace("vapid".into())),
    };
    let successor = Some(v1::Successor {
        successor: Some(v1::successor::Successor::Namespace("rest/v1.0".into())),
        uri: "https://developers.example.com/rest/v1.0".into(),
    });
    let deprecate = v1::LifecycleChange {
        successor,
        reason: "Rest v1.0 replaces it".into(),
        zone: "America/Los_Angeles".into(),
        ..step(
            whole(),
            Step::Deprecate(v1::DeprecateStep {
                deprecate_time: Some(timestamp(instant("2021-02-01T08:00:00Z"))),
                sunset_begin_time: Some(timestamp(instant("2022-02-01T08:00:00Z"))),
                retire_time: Some(timestamp(instant("2022-03-01T08:00:00Z"))),
            }),
        )
    };
    story.at("2021-01-11T18:00:00Z").await;
    story.changes("announces the end of the namespace vapid", vec![deprecate]).await;
    story.ask("sitebook", VAPID, "1.0", None).await;
    story.at("2021-02-01T07:59:59.999Z").await;
    story.ask("sitebook", VAPID, "1.0", None).await;
    story.at("2021-02-01T08:00:00Z").await;
    story.ask("sitebook", VAPID, "1.0", None).await;
    story.ask("sitebook", "rest/v1.0/companies", "1.0", None).await;
    let world = &story.world;
    world
        .application_with("newcomer", |application| application.environment = v1::Environment::Production.into())
        .await
        .unwrap();
    go_live(world, "newcomer").await;
    let status = subscribe_to(world, "newcomer", VAPID).await.unwrap_err();
    story.say(format!("  newcomer subscribes to {VAPID} 1.0: REFUSED {}", reason(&status)));

    story.at("2021-06-01T16:00:00Z").await;
    let operation = |path: &str| v1::ScheduleTarget {
        environment: environment.into(),
        target: Some(v1::schedule_target::Target::Operation(v1::OperationName {
            version: Some(v1::VersionName { context: VAPID.into(), version: "1.0".into() }),
            method: "DELETE".into(),
            path: path.into(),
        })),
    };
    let replacement = Some(v1::Successor {
        successor: Some(v1::successor::Successor::Operation(v1::OperationName {
            version: Some(v1::VersionName { context: "rest/v1.0/companies".into(), version: "1.0".into() }),
            method: "DELETE".into(),
            path: "/{id}".into(),
        })),
        uri: String::new(),
    });
    let sooner = v1::LifecycleChange {
        successor: replacement,
        override_reason: "it deletes more than it says".into(),
        ..step(operation("/{id}"), Step::Retire(v1::RetireStep::default()))
    };
    story.changes("retires one operation at once", vec![sooner]).await;
    story.ask("sitebook", VAPID, "1.0", Some(("DELETE", "/42"))).await;
    story.ask("sitebook", VAPID, "1.0", Some(("GET", "/42"))).await;

    story.at("2021-12-01T08:00:00Z").await;
    story.at("2022-01-15T18:00:00Z").await;
    // In a gradual sunset brownouts may last longer than a day: a morning first, then two days.
    let windows = vec![
        step(whole(), brownout("2022-02-08T16:00:00Z", "2022-02-08T20:00:00Z")),
        step(whole(), brownout("2022-02-22T08:00:00Z", "2022-02-24T08:00:00Z")),
    ];
    story.changes("plans brownouts for the gradual sunset", windows).await;
    for now in [
        "2022-01-30T08:00:00Z",
        "2022-02-01T08:00:00Z",
        "2022-02-08T16:00:00Z",
        "2022-02-08T20:00:00Z",
        "2022-02-22T08:00:00Z",
        "2022-02-24T08:00:00Z",
        "2022-02-28T08:00:00Z",
        "2022-03-01T07:59:59.999Z",
        "2022-03-01T08:00:00Z",
    ] {
        story.at(now).await;
        story.ask("planroom", VAPID, "1.0", None).await;
    }
    story.ask("planroom", "vapid/projects", "1.0", None).await;
    let request = v1::GetApiVersionRequest { context: VAPID.into(), version: "1.0".into() };
    let version = story.world.apis(ADA).get_api_version(request).await.unwrap().into_inner().version.unwrap();
    let deployment = &version.deployments[0];
    let stage = deployment.stage().as_str_name().trim_start_matches("STAGE_").to_owned();
    story.say(format!("  {VAPID} 1.0 is {stage}, ended by the namespace {}", deployment.ended_by_namespace));
    golden::compare("tests/it/golden/story-vapid.txt", &story.text);
}

/// Takes a production application through its approval.
async fn go_live(world: &World, id: &str) {
    use v1::ApplicationStep as Step;
    for step in [Step::Submit, Step::Approve, Step::Confirm, Step::GoLive] {
        let request =
            v1::AdvanceApplicationRequest { application_id: id.into(), step: step.into(), ..Default::default() };
        world.applications(OPERATOR).advance_application(request).await.unwrap();
    }
}

async fn subscribe_to(world: &World, id: &str, context: &str) -> Result<(), tonic::Status> {
    let request = v1::SubscribeRequest {
        application_id: id.into(),
        context: context.into(),
        version: "1.0".into(),
        ..Default::default()
    };
    world.subscriptions(ADA).subscribe(request).await.map(|_| ())
}

/// The stories end where the calendar says so, whatever the clock does in between: one leap over everything.
#[tokio::test]
async fn a_leap_over_the_whole_story_ends_where_the_steps_do() {
    let world = World::usual().await;
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    let retire = Some(timestamp(crate::world::start() + days(200)));
    let dates = v1::DeprecateStep { retire_time: retire, ..Default::default() };
    world.change(step(target("1.0"), Step::Deprecate(dates))).await.unwrap();
    world.clock.set(crate::world::start() + days(200) - ms(1));
    assert_eq!(world.decision("app", "1.0").await, "ALLOW SUBSCRIBED");
    world.clock.set(crate::world::start() + days(4000));
    assert_eq!(world.decision("app", "1.0").await, "DENY VERSION_RETIRED");
    world.cry().await;
    let request = v1::ListNoticesRequest { application_id: "app".into(), ..Default::default() };
    let notices = world.notices(ADA).list_notices(request).await.unwrap().into_inner().notices;
    let milestones: Vec<_> = notices.iter().map(|notice| notice.milestone()).collect();
    assert_eq!(milestones, [v1::NoticeMilestone::Retired, v1::NoticeMilestone::Announced], "nothing stale in between");
}

/// Procore deprecated three financial line-item operations on 31 March 2022, each with its replacement, "until a sunset
/// date is determined": they go on being answered, with a Deprecation header and no Sunset (rule B28).
#[tokio::test]
async fn b28_line_item_operations_are_deprecated_with_replacements_and_no_end_yet() {
    let world = World::new().await;
    world.clock.set(instant("2022-03-01T08:00:00Z"));
    let operations = [
        ("rest/v1.0/cost-codes", "GET", "/standard_cost_code_lists", "GET", "/segment-items/lists"),
        ("rest/v1.0/standard-cost-codes", "DELETE", "/{id}", "DELETE", "/segment-items/{id}"),
        ("rest/v1.0/sub-jobs", "DELETE", "/{id}", "DELETE", "/projects/{project}/segment-items/{id}"),
    ];
    let replacing = "rest/v1.0/wbs";
    let endpoint = |method: &str, path: &str| v1::Endpoint {
        method: method.into(),
        path: path.into(),
        auth_type: v1::AuthType::Application.into(),
    };
    let publish = async |context: &str, endpoints: Vec<v1::Endpoint>| {
        world.api_with(context, "procore-rest").await;
        let deployment = crate::world::deployment(v1::Environment::Sandbox, v1::Maturity::Stable);
        let version = v1::ApiVersion { context: context.into(), ..crate::world::version("1.0", vec![deployment]) };
        world.publish(v1::ApiVersion { endpoints, ..version }).await.unwrap();
    };
    publish(replacing, operations.iter().map(|(_, _, _, method, path)| endpoint(method, path)).collect()).await;
    world.application("budgets").await;
    for (context, method, path, ..) in operations {
        publish(context, vec![endpoint(method, path), endpoint("PATCH", path)]).await;
        subscribe_to(&world, "budgets", context).await.unwrap();
    }
    let name = |context: &str, method: &str, path: &str| v1::OperationName {
        version: Some(v1::VersionName { context: context.into(), version: "1.0".into() }),
        method: method.into(),
        path: path.into(),
    };
    let deprecated_at = instant("2022-03-31T07:00:00Z");
    let changes = operations.map(|(context, method, path, new_method, new_path)| v1::LifecycleChange {
        successor: Some(v1::Successor {
            successor: Some(v1::successor::Successor::Operation(name(replacing, new_method, new_path))),
            uri: String::new(),
        }),
        zone: "America/Los_Angeles".into(),
        ..step(
            v1::ScheduleTarget {
                environment: v1::Environment::Sandbox.into(),
                target: Some(v1::schedule_target::Target::Operation(name(context, method, path))),
            },
            Step::Deprecate(v1::DeprecateStep { deprecate_time: Some(timestamp(deprecated_at)), ..Default::default() }),
        )
    });
    let done = world.change_all(changes.into()).await.unwrap();
    assert_eq!((done.warnings, done.affected_subscriptions), (Vec::new(), 3), "one commit, and nothing to warn of");
    let ask = async |context: &str, method: &str, path: &str| {
        let question = v1::AuthorizeRequest {
            client_id: client("budgets"),
            context: context.into(),
            version: "1.0".into(),
            environment: v1::Environment::Sandbox.into(),
            method: Some(method.into()),
            path: Some(path.into()),
            ..Default::default()
        };
        world.gateway().authorize(question).await.unwrap().into_inner()
    };
    for (context, method, path, new_method, new_path) in operations {
        let called = path.replace("{id}", "42");
        world.clock.set(deprecated_at - ms(1));
        let before = ask(context, method, &called).await;
        assert_eq!((before.stage(), before.headers.len()), (v1::Stage::Stable, 0));
        assert_eq!(before.valid_until, Some(timestamp(deprecated_at)), "no cached answer outlives the date");
        world.clock.set(deprecated_at);
        let after = ask(context, method, &called).await;
        assert_eq!(crate::world::words(&after), "ALLOW SUBSCRIBED");
        let headers: Vec<_> = after.headers.iter().map(|h| format!("{}: {}", h.name, h.value)).collect();
        assert_eq!((after.stage(), headers.join(" ")), (v1::Stage::Deprecated, "Deprecation: @1648710000".to_owned()));
        assert_eq!(after.replacement, Some(name(replacing, new_method, new_path)));
        let other = ask(context, "PATCH", &called).await;
        assert_eq!((other.stage(), other.headers.len()), (v1::Stage::Stable, 0), "the other operation is as it was");
    }
}
