//! A real retirement, from the announcement to the last refused call: every answer, header and notice on the way, as a
//! transcript that a person can read; Procore's stands in `sunsets`. Each step that can be undone is undone once.

use chrono::{DateTime, Utc};
use devhub::wire::{instant as from_wire, timestamp};
use devhub_proto::v1;
use devhub_proto::v1::lifecycle_change::Step;

use crate::golden;
use crate::world::{ADA, CONTEXT, OPERATOR, World, at, client, instant, reason, step, target};

/// What happened so far, in words.
pub(crate) struct Story {
    pub(crate) world: World,
    pub(crate) environment: v1::Environment,
    pub(crate) applications: Vec<&'static str>,
    pub(crate) told: std::collections::BTreeSet<(String, String)>,
    pub(crate) text: String,
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
    pub(crate) fn say(&mut self, line: impl AsRef<str>) {
        self.text.push_str(line.as_ref());
        self.text.push('\n');
    }

    /// Moves the clock on, and writes down who was told what since.
    pub(crate) async fn at(&mut self, now: &str) {
        let now = instant(now);
        self.world.clock.set(now);
        self.say(format!("\n{}", short(now)));
        self.world.cry().await;
        self.notices().await;
    }

    pub(crate) async fn notices(&mut self) {
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

    pub(crate) async fn changes(&mut self, what: &str, changes: Vec<v1::LifecycleChange>) {
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

    pub(crate) async fn ask(&mut self, id: &str, context: &str, label: &str, operation: Option<(&str, &str)>) {
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

pub(crate) fn brownout(from: &str, until: &str) -> Step {
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
