//! Two real retirements, from the announcement to the last refused call: every answer, header and notice on the way, as
//! a transcript that a person can read. Each step that can be undone is undone once.

use chrono::{DateTime, Utc};
use devhub::wire::{instant as from_wire, timestamp};
use devhub_proto::v1;
use devhub_proto::v1::lifecycle_change::Step;

use crate::golden;
use crate::world::{ADA, CONTEXT, OPERATOR, World, at, client, days, instant, ms, reason, step, target};

/// What happened so far, in words.
struct Story {
    world: World,
    environment: v1::Environment,
    applications: Vec<&'static str>,
    told: std::collections::BTreeSet<(String, String)>,
    text: String,
}

fn short(instant: DateTime<Utc>) -> String {
    let text = instant.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true);
    // Commands share no instant: their nanoseconds are no part of the story.
    match text.split_once('.') {
        Some((seconds, fraction)) if fraction.trim_end_matches('Z').len() > 3 => format!("{seconds}Z"),
        _ => text,
    }
}

impl Story {
    fn say(&mut self, line: impl AsRef<str>) {
        self.text.push_str(line.as_ref());
        self.text.push('\n');
    }

    /// Moves the clock on, and writes down who was told what since.
    async fn at(&mut self, now: &str) {
        let now = instant(now);
        self.world.clock.set(now);
        self.say(format!("\n{}", short(now)));
        self.world.cry().await;
        self.notices().await;
    }

    async fn notices(&mut self) {
        let mut new: Vec<(DateTime<Utc>, String)> = Vec::new();
        for id in self.applications.clone() {
            let request = v1::ListNoticesRequest { application_id: id.into(), page_size: 200, ..Default::default() };
            let page = self.world.notices(ADA).list_notices(request).await.unwrap().into_inner();
            for notice in page.notices {
                if self.told.insert((notice.application_id.clone(), notice.notice_id.clone())) {
                    let given = from_wire(&notice.give_time.unwrap()).unwrap();
                    let words = notice.sentences.join(" ");
                    new.push((given, format!("  notice to {} ({id}): {words}", notice.recipients.join(", "))));
                }
            }
        }
        new.sort();
        for (_, line) in new {
            self.say(line);
        }
    }

    async fn changes(&mut self, what: &str, changes: Vec<v1::LifecycleChange>) {
        match self.world.change_all(changes).await {
            Ok(done) => {
                self.say(format!("  operator: {what}; {} subscriptions concerned", done.affected_subscriptions));
                for warning in done.warnings {
                    self.say(format!("    warned: {warning}"));
                }
            }
            Err(status) => self.say(format!("  operator: {what}: REFUSED {}: {}", reason(&status), status.message())),
        }
        self.notices().await;
    }

    async fn ask(&mut self, id: &str, context: &str, label: &str, operation: Option<(&str, &str)>) {
        let (method, path) = operation.unzip();
        let question = v1::AuthorizeRequest {
            client_id: client(id),
            context: context.into(),
            version: label.into(),
            environment: self.environment.into(),
            method: method.map(str::to_owned),
            path: path.map(str::to_owned),
            ..Default::default()
        };
        let answer = self.world.gateway().authorize(question).await.unwrap().into_inner();
        let headers: Vec<_> =
            answer.headers.iter().map(|header| format!("{}: {}", header.name, header.value)).collect();
        let headers = if headers.is_empty() { String::new() } else { format!(" | {}", headers.join(" | ")) };
        let remedy = answer.remedy.as_ref().map(|remedy| format!(" | {}", remedy.sentence)).unwrap_or_default();
        let operation = operation.map(|(method, path)| format!(" {method} {path}")).unwrap_or_default();
        self.say(format!(
            "  {id} calls {context} {label}{operation}: {} ({}){headers}{remedy}",
            crate::world::words(&answer),
            answer.http_status
        ));
    }
}

async fn subscribe(story: &mut Story, id: &'static str, label: &str) {
    let line = match story.world.subscribe(ADA, id, label).await {
        Ok(_) => format!("  {id} subscribes to {label}"),
        Err(status) => format!("  {id} subscribes to {label}: REFUSED {}: {}", reason(&status), status.message()),
    };
    story.say(line);
}

fn brownout(from: &str, until: &str) -> Step {
    let (start_time, end_time) = (Some(timestamp(instant(from))), Some(timestamp(instant(until))));
    Step::ScheduleBrownout(v1::ScheduleBrownoutStep { start_time, end_time })
}

fn revise(retire: &str) -> Step {
    Step::Revise(v1::ReviseStep { retire: at(instant(retire)), ..Default::default() })
}

/// HMRC deprecated twenty versions at once on 19 June 2025 and retired them on 9 January 2026, 204 days later; a bare
/// date of theirs means the end of the day in London. This is one of them.
#[tokio::test]
async fn x8_an_hmrc_retirement_from_the_announcement_to_the_last_refused_call() {
    let world = World::new().await;
    world.clock.set(instant("2025-05-01T08:00:00Z"));
    world.api().await;
    for label in ["4.0", "5.0"] {
        let both = [v1::Environment::Sandbox, v1::Environment::Production];
        let deployments = both.map(|environment| crate::world::deployment(environment, v1::Maturity::Stable));
        let documentation_uri = format!("https://developer.example.org/losses/{label}");
        let version = crate::world::version(label, deployments.into());
        world.publish(v1::ApiVersion { documentation_uri, ..version }).await.unwrap();
    }
    let applications = vec!["ledgerly", "payday", "monthly", "latecomer", "newcomer"];
    for id in &applications {
        world.application(id).await;
    }
    let environment = v1::Environment::Sandbox;
    let mut story = Story { world, environment, applications, told: Default::default(), text: String::new() };
    for id in ["ledgerly", "payday", "monthly"] {
        subscribe(&mut story, id, "4.0").await;
    }
    story.ask("ledgerly", CONTEXT, "4.0", None).await;

    story.at("2025-06-05T09:00:00Z").await;
    let name = v1::VersionName { context: CONTEXT.into(), version: "5.0".into() };
    let successor =
        Some(v1::Successor { successor: Some(v1::successor::Successor::Version(name.clone())), uri: String::new() });
    let announced = v1::LifecycleChange {
        successor,
        reason: "5.0 replaces it".into(),
        zone: "Europe/London".into(),
        ..step(
            target("4.0"),
            Step::Deprecate(v1::DeprecateStep {
                deprecate_time: Some(timestamp(instant("2025-06-19T23:00:00Z"))),
                sunset_begin_time: None,
                retire_time: Some(timestamp(instant("2026-01-10T00:00:00Z"))),
            }),
        )
    };
    let request = v1::PreviewLifecycleChangeRequest { changes: vec![announced.clone()], ..Default::default() };
    let preview = story.world.schedules(OPERATOR).preview_lifecycle_change(request).await.unwrap().into_inner();
    story.say(format!("  preview: {} subscriptions", preview.changes[0].affected_subscriptions));
    for affected in &preview.affected {
        let answers: Vec<_> = affected
            .answers
            .iter()
            .map(|answer| format!("{} from {}", answer.reason, short(from_wire(&answer.time.unwrap()).unwrap())))
            .collect();
        story.say(format!("    {}: {}", affected.application_id, answers.join(", ")));
    }
    for notice in &preview.notices {
        let (at, milestone) = (short(from_wire(&notice.time.unwrap()).unwrap()), &notice.milestone);
        story.say(format!("    {at} {milestone} to {} applications", notice.applications));
    }
    story.changes("deprecates 4.0, announced for 19 June, in error", vec![announced.clone()]).await;

    story.at("2025-06-06T09:00:00Z").await;
    let withdraw = v1::LifecycleChange {
        reason: "announced too early, with apologies".into(),
        ..step(target("4.0"), Step::Withdraw(v1::WithdrawStep {}))
    };
    story.changes("withdraws it", vec![withdraw]).await;
    story.at("2025-06-12T09:00:00Z").await;
    story.changes("announces it again", vec![announced]).await;

    story.at("2025-06-19T22:59:59.999Z").await;
    subscribe(&mut story, "latecomer", "4.0").await;
    story.ask("ledgerly", CONTEXT, "4.0", None).await;
    story.at("2025-06-19T23:00:00Z").await;
    subscribe(&mut story, "newcomer", "4.0").await;
    story.ask("ledgerly", CONTEXT, "4.0", None).await;

    story.at("2025-07-10T09:00:00Z").await;
    let until = Some(timestamp(instant("2025-08-09T09:00:00Z")));
    story.world.relocate(ADA, "payday", ("4.0", "5.0"), |r| r.overlap_until = until).await.unwrap();
    story.say("  payday moves to 5.0 and keeps 4.0 for thirty days");
    story.ask("payday", CONTEXT, "4.0", None).await;
    story.ask("payday", CONTEXT, "5.0", None).await;
    let undo = v1::UndoMoveRequest {
        application_id: "payday".into(),
        from: Some(v1::VersionName { version: "4.0".into(), ..name.clone() }),
        to: Some(name),
        ..Default::default()
    };
    story.world.subscriptions(ADA).undo_move(undo).await.unwrap();
    story.say("  payday takes the move back");
    story.ask("payday", CONTEXT, "5.0", None).await;
    story.world.relocate(ADA, "payday", ("4.0", "5.0"), |_| {}).await.unwrap();
    story.say("  payday moves for good");
    story.ask("payday", CONTEXT, "4.0", None).await;
    story.world.unsubscribe(ADA, "latecomer", "4.0", true).await.unwrap();
    story.say("  latecomer unsubscribes, by mistake");
    let undo = v1::UndoUnsubscribeRequest {
        application_id: "latecomer".into(),
        context: CONTEXT.into(),
        version: "4.0".into(),
        ..Default::default()
    };
    let back = story.world.subscriptions(ADA).undo_unsubscribe(undo).await.unwrap().into_inner();
    let since = from_wire(&back.subscription.unwrap().start_time.unwrap()).unwrap();
    story.say(format!("  latecomer takes it back, subscribed since {} as before", short(since)));

    story.at("2025-10-12T00:00:00Z").await;
    story.at("2025-11-20T09:00:00Z").await;
    story
        .changes("moves the end to the end of January", vec![step(target("4.0"), revise("2026-02-01T00:00:00Z"))])
        .await;
    story.at("2025-11-25T09:00:00Z").await;
    story
        .changes("moves it back, with 45 days' notice", vec![step(target("4.0"), revise("2026-01-10T00:00:00Z"))])
        .await;
    story.changes("tries 20 December", vec![step(target("4.0"), revise("2025-12-20T00:00:00Z"))]).await;

    story.at("2025-12-01T09:00:00Z").await;
    let window = |from, until| step(target("4.0"), brownout(from, until));
    story.changes("plans a brownout", vec![window("2025-12-09T12:00:00Z", "2025-12-09T13:00:00Z")]).await;
    let from = Some(timestamp(instant("2025-12-09T12:00:00Z")));
    let cancel = step(target("4.0"), Step::CancelBrownout(v1::CancelBrownoutStep { start_time: from }));
    let other = window("2025-12-10T12:00:00Z", "2025-12-10T13:00:00Z");
    story.changes("plans it for the day after instead", vec![cancel, other]).await;
    let exempt = v1::ExemptFromBrownoutsRequest {
        application_id: "monthly".into(),
        context: CONTEXT.into(),
        version: "4.0".into(),
        reason: "the returns of the month are due".into(),
        ..Default::default()
    };
    story.world.subscriptions(ADA).exempt_from_brownouts(exempt).await.unwrap();
    story.say("  monthly opts out of the brownouts");
    for now in ["2025-12-10T11:59:59.999Z", "2025-12-10T12:00:00Z", "2025-12-10T12:59:59.999Z", "2025-12-10T13:00:00Z"]
    {
        story.at(now).await;
        story.ask("ledgerly", CONTEXT, "4.0", None).await;
        story.ask("monthly", CONTEXT, "4.0", None).await;
    }

    story.at("2025-12-11T00:00:00Z").await;
    story.at("2026-01-03T00:00:00Z").await;
    let kind = v1::WaiverKind::CallsPastRetirement;
    story.world.waive("monthly", "4.0", kind, instant("2026-02-01T00:00:00Z")).await;
    story.say("  operator: waives the retirement for monthly until 1 February");
    story.at("2026-01-09T00:00:00Z").await;
    story.at("2026-01-09T23:59:59.999Z").await;
    story.ask("ledgerly", CONTEXT, "4.0", None).await;
    story.at("2026-01-10T00:00:00Z").await;
    story.ask("ledgerly", CONTEXT, "4.0", None).await;
    story.ask("monthly", CONTEXT, "4.0", None).await;

    story.at("2026-01-10T08:00:00Z").await;
    let retire = at(instant("2026-01-31T00:00:00Z"));
    let reinstate = v1::LifecycleChange {
        reason: "a filing deadline was overlooked".into(),
        ..step(target("4.0"), Step::Reinstate(v1::ReinstateStep { retire }))
    };
    story.changes("reinstates 4.0 until the end of the month", vec![reinstate]).await;
    story.ask("ledgerly", CONTEXT, "4.0", None).await;
    story.at("2026-01-24T00:00:00Z").await;
    story.at("2026-01-30T00:00:00Z").await;
    story.at("2026-01-31T00:00:00Z").await;
    story.ask("ledgerly", CONTEXT, "4.0", None).await;
    story.ask("monthly", CONTEXT, "4.0", None).await;
    story.at("2026-01-31T23:59:59.999Z").await;
    story.ask("monthly", CONTEXT, "4.0", None).await;
    story.at("2026-02-01T00:00:00Z").await;
    story.ask("monthly", CONTEXT, "4.0", None).await;

    story.say("\nThe ledger, as anybody can read it:");
    let request = v1::ListScheduleRevisionsRequest { target: Some(target("4.0")), ..Default::default() };
    let revisions = story.world.schedules(ADA).list_schedule_revisions(request).await.unwrap().into_inner().revisions;
    for revision in revisions {
        let announced = short(from_wire(&revision.announce_time.unwrap()).unwrap());
        let kind = revision.kind().as_str_name().trim_start_matches("REVISION_KIND_").to_owned();
        let local = revision.after.unwrap().retire_local;
        let retires = if local.is_empty() { "-".to_owned() } else { local };
        story.say(format!("  {} {announced} {kind}: retires {retires}", revision.number));
    }
    let (text, facts) = (story.text, story.world.all_facts(v1::FactFilter::default()).await);
    assert!(facts.windows(2).all(|pair| pair[0].revision <= pair[1].revision));
    golden::compare("tests/it/golden/story-hmrc.txt", &text);
}

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
        crate::stories::go_live(&world, id).await;
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
