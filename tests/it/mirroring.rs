//! Whatever happens at a hub, and wherever the way to it is cut: a replica of each environment answers every question as
//! the hub does, with all that belongs to the answer. The world has everything that a decision depends on: two APIs under
//! two policies, namespaces, operations, brownouts, waivers, exemptions, companies, installations, service accounts and
//! the dates of their class.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use devhub::clock::{Clock as _, ManualClock};
use devhub::config::Config;
use devhub::domain::api::CreateApi;
use devhub::domain::application::{Kind, Persona, Role};
use devhub::domain::credential_class::ClassStep;
use devhub::domain::ledger::{OperationName, Target};
use devhub::domain::name::VersionName;
use devhub::domain::publish::CreateVersion;
use devhub::domain::register::{ClientIdOrigin, CreateApplication};
use devhub::domain::schedule::{ChangeLifecycle, LifecycleChange, NewDate, Step};
use devhub::domain::subscribe::{OneWay, Unsubscribe};
use devhub::domain::version::{AccessType, AuthType, Deployment, Endpoint};
use devhub::domain::waiver::WaiverKind;
use devhub::domain::{Actor, Command};
use devhub::hub::{Followed, Hub, Request};
use devhub::server::Server;
use devhub::store::memory::Memory;
use devhub_decision::{
    Brownout, Digests, Environment, Lifecycle, Maturity, Operation, Question, Reason, Schedule, Table,
};
use devhub_gateway::{Health, Replica, Settings, Unready};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::folding::{APPLICATIONS, Act, act, command, furnish};
use crate::foretelling::scenario as classes;
use crate::racing::scenario;
use crate::replica::{Clocks, Wire, both, meet, settings};
use crate::world::{CONTEXT, OPERATOR, start};

/// The other API, and the namespace that it lies in.
const REST: &str = "rest/projects";
const NAMESPACE: &str = "rest";

/// Its versions: one with operations, one whose calls are about a company, and one that is open to everybody.
const LABELS: [&str; 3] = ["1.0", "2.0", "3.0"];
const SCOPED: &str = "2.0";

/// A version of the first API that nobody may call yet.
const EARLY: &str = "9.0";

const ACCOUNTS: usize = 2;

#[derive(Debug, Clone, Copy)]
enum Subject {
    Namespace,
    Version(usize),
    Operation(usize),
}

#[derive(Debug, Clone, Copy)]
enum End {
    Deprecate(Option<i64>, Option<i64>),
    Retire(Option<i64>),
    Revise(Option<i64>),
    Withdraw,
    Reinstate,
    Brownout(i64),
}

/// What the first model cannot do.
#[derive(Debug, Clone)]
enum Deed {
    Act(Act),
    End(Subject, Environment, End),
    Subscribe(usize, usize),
    Unsubscribe(usize, usize),
    /// The cut-off and the sunset, in days from now.
    Class(Option<i64>, Option<i64>),
    SunsetNow,
    Account(usize),
    Remove(usize),
}

fn deed() -> impl Strategy<Value = Deed> {
    let days = || proptest::option::of(0i64..40);
    let subject = prop_oneof![
        2 => Just(Subject::Namespace),
        1 => (0..LABELS.len()).prop_map(Subject::Version),
        2 => (0usize..2).prop_map(Subject::Operation),
    ];
    let end = prop_oneof![
        4 => (days(), days()).prop_map(|(from, until)| End::Deprecate(from, until)),
        1 => days().prop_map(End::Retire),
        1 => days().prop_map(End::Revise),
        1 => Just(End::Withdraw),
        1 => Just(End::Reinstate),
        2 => (0i64..20).prop_map(End::Brownout),
    ];
    let environment = prop_oneof![3 => Just(Environment::Sandbox), 1 => Just(Environment::Production)];
    prop_oneof![
        10 => act().prop_map(Deed::Act),
        4 => (subject, environment, end).prop_map(|(subject, environment, end)| Deed::End(subject, environment, end)),
        3 => (0..APPLICATIONS, 0..LABELS.len()).prop_map(|(a, v)| Deed::Subscribe(a, v)),
        1 => (0..APPLICATIONS, 0..LABELS.len()).prop_map(|(a, v)| Deed::Unsubscribe(a, v)),
        1 => (days(), days()).prop_map(|(cutoff, sunset)| Deed::Class(cutoff, sunset)),
        1 => (0..ACCOUNTS).prop_map(Deed::Account),
        1 => (0..ACCOUNTS).prop_map(Deed::Remove),
        1 => Just(Deed::SunsetNow),
    ]
}

fn rest(number: usize) -> VersionName {
    VersionName { context: REST.parse().unwrap(), label: LABELS[number].parse().unwrap() }
}

fn application(number: usize) -> String {
    format!("app-{number}")
}

fn end(hub: &Hub, now: DateTime<Utc>, subject: Subject, environment: Environment, end: End) -> Command {
    let at = |days: Option<i64>| days.map(|days| now + TimeDelta::days(days));
    let date = |days| at(days).map_or(NewDate::ToBeAnnounced, NewDate::At);
    let step = match end {
        End::Deprecate(from, until) => {
            Step::Deprecate { deprecated_at: at(from), sunset_begins_at: None, retires_at: at(until) }
        }
        End::Retire(days) => Step::Retire { retires_at: at(days) },
        End::Revise(days) => {
            Step::Revise { deprecated: NewDate::Keep, sunset_begins: NewDate::Keep, retires: date(days) }
        }
        End::Withdraw => Step::Withdraw,
        End::Reinstate => Step::Reinstate { retires: NewDate::ToBeAnnounced },
        End::Brownout(days) => {
            let from = now + TimeDelta::days(days);
            Step::ScheduleBrownout(Brownout { from, until: from + TimeDelta::hours(12) })
        }
    };
    let (target, members) = match subject {
        Subject::Namespace => {
            let namespace = NAMESPACE.parse().unwrap();
            let members = hub.index().members(&namespace);
            (Target::Namespace(namespace, environment), members)
        }
        Subject::Version(number) => (Target::Version(rest(number), environment), Vec::new()),
        Subject::Operation(number) => {
            let Endpoint { method, path, .. } = endpoints(AuthType::Application).swap_remove(number);
            (Target::Operation(OperationName { version: rest(0), method, path }, environment), Vec::new())
        }
    };
    let change = LifecycleChange {
        members,
        reason: "a test".into(),
        override_reason: "a test".into(),
        ..LifecycleChange::new(target, step)
    };
    ChangeLifecycle::from(change).into()
}

fn endpoints(auth_type: AuthType) -> Vec<Endpoint> {
    let endpoint = |method: &str, path: &str| Endpoint { method: method.into(), path: path.into(), auth_type };
    vec![endpoint("GET", "/items"), endpoint("POST", "/items/{id}")]
}

fn told(hub: &Hub, deed: &Deed, clock: &ManualClock, number: usize) -> Option<Command> {
    let at = |days: Option<i64>| days.map(|days| clock.now() + TimeDelta::days(days));
    Some(match deed {
        Deed::Act(act) => return command(act, clock, number),
        Deed::End(subject, environment, what) => end(hub, clock.now(), *subject, *environment, *what),
        Deed::Subscribe(a, v) => scenario::subscribe(&application(*a), &rest(*v), number),
        Deed::Unsubscribe(a, v) => Unsubscribe {
            application: application(*a).parse().unwrap(),
            version: rest(*v),
            one_way: OneWay::Acknowledged,
            reason: String::new(),
            etag: None,
        }
        .into(),
        Deed::Class(cutoff, sunset) => classes::dates(clock.now(), at(*cutoff), at(*sunset)),
        Deed::SunsetNow => classes::step(ClassStep::SunsetNow),
        Deed::Account(number) => classes::account("company-0", &format!("sa-{number}"), None),
        Deed::Remove(number) => classes::remove("company-0", &format!("sa-{number}")),
    })
}

/// What this world has besides the first model's.
async fn furnish_more(hub: &Hub) {
    let operator: Actor = OPERATOR.parse().unwrap();
    let api = CreateApi {
        context: REST.parse().unwrap(),
        title: "Projects".into(),
        description: String::new(),
        policy: "procore-rest".parse().unwrap(),
        categories: Vec::new(),
    };
    let version = |name: VersionName, maturity, scoped, auth_type| {
        let deployment = Deployment::new(Lifecycle { maturity, schedule: Schedule::Open });
        CreateVersion {
            name,
            description: String::new(),
            company_scoped: scoped,
            access_type: AccessType::Public,
            endpoints: endpoints(auth_type),
            fields: Vec::new(),
            deployments: Environment::ALL.map(|environment| (environment, deployment.clone())).into(),
            documentation_uri: String::new(),
            override_reason: String::new(),
        }
    };
    let early = VersionName { context: CONTEXT.parse().unwrap(), label: EARLY.parse().unwrap() };
    let live = CreateApplication {
        id: "live".parse().unwrap(),
        client_id: "client-live".parse().unwrap(),
        client_id_origin: ClientIdOrigin::Brought,
        name: "Not approved yet".into(),
        description: String::new(),
        environment: Environment::Production,
        owner: "org".into(),
        kind: Kind::Standard,
        persona: Persona::CustomIntegration,
        collaborators: BTreeMap::from([("ada@example.com".parse().unwrap(), Role::Administrator)]),
    };
    for command in [
        api.into(),
        version(rest(0), Maturity::Stable, false, AuthType::Application).into(),
        version(rest(1), Maturity::Stable, true, AuthType::Application).into(),
        version(rest(2), Maturity::Stable, false, AuthType::None).into(),
        version(early, Maturity::Alpha, false, AuthType::Application).into(),
        Command::from(live),
        classes::account("company-0", "sa-0", None),
    ] {
        hub.execute(operator.clone(), command, Request::once()).await.unwrap();
    }
}

/// Every question of this world, to a gateway of one environment.
fn questions(environment: Environment) -> Vec<Question<'static>> {
    const CLIENTS: [&str; 7] =
        ["client-app-0", "client-app-1", "client-app-2", "client-app-3", "client-live", "client-sa-0", "client-sa-1"];
    let question = |client_id, context, label| Question {
        client_id,
        context,
        label,
        environment,
        operation: None,
        company: None,
        project: None,
    };
    let operation = |method, path| Some(Operation { method, path });
    let mut all = Vec::new();
    for client_id in CLIENTS {
        all.extend(["0.0", "1.0", "2.0", EARLY].map(|label| question(client_id, CONTEXT, label)));
        all.extend(LABELS.map(|label| question(client_id, REST, label)));
        for operation in [operation("GET", "/items?page=2"), operation("POST", "/items/7"), operation("PUT", "/items")]
        {
            all.push(Question { operation, ..question(client_id, REST, LABELS[0]) });
        }
        for company in [Some("company-0"), Some("company-1")] {
            all.extend([None, Some("north"), Some("south")].map(|project| Question {
                company,
                project,
                ..question(client_id, REST, SCOPED)
            }));
        }
    }
    all
}

/// Does deeds at a hub that replicas of both environments follow, over wires that are cut after some of them; asks
/// everything after every so many, and says which reasons there were.
async fn play(deeds: &[(Deed, bool)], every: usize) -> BTreeSet<&'static str> {
    let directory = tempfile::tempdir().unwrap();
    let clock = ManualClock::at(start());
    let config = Config::for_testing(directory.path());
    let server = Server::start_with(|| Ok(Arc::new(Memory::open()?)), &config, Arc::new(clock.clone())).await.unwrap();
    let (hub, operator): (_, Actor) = (server.hub().clone(), OPERATOR.parse().unwrap());
    let wire = Wire::to(server.address).await;
    let replicas = Environment::ALL
        .map(|environment| Replica::follow(wire.channel(), settings(environment), Arc::new(Clocks::of(&clock))));
    let narrow = Settings { contexts: BTreeSet::from([REST.into()]), ..settings(Environment::Sandbox) };
    let narrow = Replica::follow(wire.channel(), narrow, Arc::new(Clocks::of(&clock)));
    furnish(&hub).await;
    furnish_more(&hub).await;
    let mut reasons = BTreeSet::new();
    for (number, (deed, cut)) in deeds.iter().enumerate() {
        if let Deed::Act(Act::Wait(days)) = deed {
            clock.advance(TimeDelta::days(*days));
        }
        if let Some(command) = told(&hub, deed, &clock, number) {
            // Refusals are part of the game.
            let _ = hub.execute(operator.clone(), command, Request::once()).await;
        }
        if *cut {
            wire.cut();
        }
        // Not after each of many, so that deltas of several commits are among what is tested.
        if (number + 1) % every != 0 && number + 1 != deeds.len() {
            continue;
        }
        hub.cry(hub.now()).await.unwrap();
        for replica in &replicas {
            meet(&hub, replica).await;
            let now = hub.now().max(clock.now());
            for question in questions(replica.follower().environment()) {
                let ([theirs, ours], reason) = both(&hub, replica, &question, now);
                assert_eq!(theirs, ours, "{question:?} after {deed:?}");
                reasons.insert(reason.name());
            }
        }
        agree_about_one(&hub, &narrow, hub.now().max(clock.now())).await;
    }
    drop((replicas, narrow));
    server.stop().await.unwrap();
    reasons
}

/// A replica of one API: it holds what is about that, with the digest of that, and decides nothing about the other one.
async fn agree_about_one(hub: &Hub, replica: &Replica, now: DateTime<Utc>) {
    let contexts = BTreeSet::from([REST.into()]);
    let view = Followed { environment: Environment::Sandbox, contexts: Some(Arc::new(contexts)) };
    let stand = || {
        let revision = hub.change_log().newest().revision;
        (revision, hub.change_log().digest_at(revision, &view).unwrap())
    };
    replica.wait_for(|replica| replica.follower().stand().0 >= stand().0).await;
    replica.ping();
    let serving = |replica: &Replica| replica.health() == Health::Serving && replica.follower().stand() == stand();
    replica.wait_for(serving).await;
    let rows: Vec<_> = (0..Table::PARTS).flat_map(|part| hub.table().part(part, view.environment)).collect();
    let shown = rows.iter().filter(|row| view.shows(row));
    assert_eq!(Digests::of_rows(shown).of(view.environment), stand().1);
    assert_eq!(replica.figures().divergences, 0);
    for question in questions(view.environment) {
        if question.context == REST {
            let ([theirs, ours], _) = both(hub, replica, &question, now);
            assert_eq!(theirs, ours, "{question:?}");
        } else {
            let decided = replica.follower().decide(&question, now, Default::default(), |_, decision| decision.reason);
            assert_eq!(decided, Err(Unready::OtherContext));
        }
    }
}

/// A history in which every reason occurs.
fn eventful() -> Vec<Deed> {
    use Environment::Sandbox;
    let calls = WaiverKind::ALL.iter().position(|kind| *kind == WaiverKind::CallsPastRetirement).unwrap();
    let acts = |acts: Vec<Act>| acts.into_iter().map(Deed::Act);
    let mut deeds = vec![Deed::Subscribe(0, 0), Deed::Subscribe(0, 1), Deed::Subscribe(1, 0)];
    deeds.extend(acts(vec![
        Act::Subscribe(0, 0),
        Act::Subscribe(1, 1),
        Act::Waive(1, 1, calls, 59),
        Act::Retire(1, None),
        Act::Release(0),
        Act::Install(0, 0, Some(false)),
        Act::Block(2),
        Act::Unblock(2),
        Act::Delete(2),
        Act::Deprecate(0, None, Some(39)),
        Act::Brownout(0, 1),
        Act::Wait(1),
    ]));
    deeds.extend([
        Deed::End(Subject::Operation(0), Sandbox, End::Deprecate(None, Some(1))),
        Deed::End(Subject::Namespace, Sandbox, End::Deprecate(None, Some(3))),
        Deed::Act(Act::Wait(1)),
        Deed::Class(None, Some(35)),
        Deed::SunsetNow,
        Deed::Act(Act::Wait(2)),
    ]);
    deeds
}

#[test]
fn b60_b63_a_replica_answers_every_question_as_its_hub_does() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let history: Vec<_> = eventful().into_iter().enumerate().map(|(number, deed)| (deed, number % 7 == 3)).collect();
    let seen = RefCell::new(runtime.block_on(play(&history, 1)));
    let random = RefCell::new(BTreeSet::new());
    let histories = proptest::collection::vec((deed(), prop::bool::weighted(0.15)), 1..50);
    let mut runner = TestRunner::new(ProptestConfig { cases: 12, ..ProptestConfig::default() });
    let played = runner.run(&histories, |history| {
        random.borrow_mut().extend(runtime.block_on(play(&history, 5)));
        Ok(())
    });
    played.unwrap();
    // Equal answers say little if they are always the same one.
    let missing = |seen: &BTreeSet<&'static str>| -> Vec<&'static str> {
        Reason::ALL.iter().map(|reason| reason.name()).filter(|name| !seen.contains(name)).collect()
    };
    println!("reasons that did not come up by chance: {:?}", missing(&random.borrow()));
    seen.borrow_mut().extend(random.borrow().iter());
    assert_eq!(missing(&seen.borrow()), Vec::<&str>::new(), "every reason occurred");
}
