//! Rule B16 and defect X1: the check and the write are one step, so of "subscribe" and "deprecate" racing, one wins.

use std::sync::Arc;

use devhub::clock::SystemClock;
use devhub::domain::name::VersionName;
use devhub::domain::policy::Policies;
use devhub::domain::record::{Record, RecordKey};
use devhub::domain::setting::{ProductionDeletion, ProductionSubscriptions, Rules, TwoPersons};
use devhub::domain::{Actor, Command};
use devhub::hub::{Hub, Request};
use devhub::store::memory::Memory;
use devhub_proto::v1;

use crate::world::*;

pub(crate) fn rules() -> Rules {
    Rules {
        policies: Policies::built_in(),
        restore_window_days: 30,
        production_subscriptions: ProductionSubscriptions::Open,
        production_deletion: ProductionDeletion::Restricted,
        disuse: None,
        two_persons: TwoPersons::NotNeeded,
        quotas: devhub::domain::quota::Quotas::default(),
    }
}

fn request() -> Request {
    Request::once()
}

/// 1,000 interleavings of one subscribe and one deprecate "from now on", on the real clock and many threads: never a
/// subscription made at or after `deprecated_at`, and never a denial before it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn b16_x1_never_a_subscription_made_at_or_after_deprecation() {
    let hub = Hub::open(Arc::new(Memory::open().unwrap()), rules(), Arc::new(SystemClock)).unwrap();
    let operator: Actor = OPERATOR.parse().unwrap();
    let api = devhub::domain::api::CreateApi {
        context: CONTEXT.parse().unwrap(),
        title: "Losses".into(),
        description: String::new(),
        policy: "hmrc-mtd".parse().unwrap(),
        categories: Vec::new(),
    };
    hub.execute(operator.clone(), api.into(), request()).await.unwrap();
    let application = scenario::application("app");
    hub.execute(operator.clone(), application, request()).await.unwrap();

    let (mut admitted, mut denied) = (0, 0);
    for round in 0..1000 {
        let name = VersionName { context: CONTEXT.parse().unwrap(), label: format!("{round}.0").parse().unwrap() };
        hub.execute(operator.clone(), scenario::version(&name), request()).await.unwrap();
        let barrier = Arc::new(tokio::sync::Barrier::new(2));
        let run = |command: Command| {
            let (hub, operator, barrier) = (hub.clone(), operator.clone(), Arc::clone(&barrier));
            tokio::spawn(async move {
                barrier.wait().await;
                hub.execute(operator, command, request()).await
            })
        };
        let (first, second) = (scenario::subscribe("app", &name, round), scenario::deprecate(&name));
        let (subscribed, deprecated) = if round % 2 == 0 {
            let (a, b) = (run(first), run(second));
            (a.await.unwrap(), b.await.unwrap())
        } else {
            let (b, a) = (run(second), run(first));
            (a.await.unwrap(), b.await.unwrap())
        };
        let Record::Version(version) = deprecated.unwrap().subject else { panic!("a version") };
        let deprecated_at = version.deployments.values().next().unwrap().lifecycle.schedule.deprecated_at().unwrap();
        let key = RecordKey::Subscription("app".parse().unwrap(), name.clone());
        let stored = hub.get_one(key).unwrap().map(|stored| stored.record);
        match (subscribed, stored) {
            (Ok(_), Some(Record::Subscription(subscription))) => {
                assert!(subscription.since < deprecated_at, "{} >= {deprecated_at}", subscription.since);
                admitted += 1;
            }
            (Err(devhub::hub::Failure::Refused(devhub::domain::Refusal::VersionDeprecated { since, .. })), None) => {
                assert_eq!(since, deprecated_at);
                denied += 1;
            }
            (answer, stored) => panic!("half done: {answer:?}, {stored:?}"),
        }
    }
    assert_eq!(admitted + denied, 1000);
    assert!(admitted > 0 && denied > 0, "both orders must occur for this to mean anything: {admitted} and {denied}");
}

/// A move against the deprecation of its target: whoever wins, the application keeps one of the two subscriptions.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn b16_b45_a_move_that_loses_against_a_deprecation_loses_nothing() {
    let hub = Hub::open(Arc::new(Memory::open().unwrap()), rules(), Arc::new(SystemClock)).unwrap();
    let operator: Actor = OPERATOR.parse().unwrap();
    let execute = async |command: Command| hub.execute(operator.clone(), command, request()).await;
    execute(scenario::api()).await.unwrap();
    execute(scenario::application("app")).await.unwrap();
    let (mut moved, mut refused) = (0, 0);
    for round in 0..1000 {
        let name = |side: &str| VersionName {
            context: CONTEXT.parse().unwrap(),
            label: format!("{round}.{side}").parse().unwrap(),
        };
        let (from, to) = (name("1"), name("2"));
        for version in [&from, &to] {
            execute(scenario::version(version)).await.unwrap();
        }
        execute(scenario::subscribe("app", &from, round)).await.unwrap();
        let barrier = Arc::new(tokio::sync::Barrier::new(2));
        let run = |command: Command| {
            let (hub, operator, barrier) = (hub.clone(), operator.clone(), Arc::clone(&barrier));
            tokio::spawn(async move {
                barrier.wait().await;
                hub.execute(operator, command, request()).await
            })
        };
        let (first, second) = (scenario::relocate("app", &from, &to, 1000 + round), scenario::deprecate(&to));
        let (relocated, deprecated) = if round % 2 == 0 {
            let (a, b) = (run(first), run(second));
            (a.await.unwrap(), b.await.unwrap())
        } else {
            let (b, a) = (run(second), run(first));
            (a.await.unwrap(), b.await.unwrap())
        };
        let Record::Version(version) = deprecated.unwrap().subject else { panic!("a version") };
        let deprecated_at = version.deployments.values().next().unwrap().lifecycle.schedule.deprecated_at().unwrap();
        let held = |name: &VersionName| {
            let key = RecordKey::Subscription("app".parse().unwrap(), name.clone());
            match hub.get_one(key).unwrap().map(|stored| stored.record) {
                Some(Record::Subscription(subscription)) => Some(subscription),
                _ => None,
            }
        };
        let (old, new) = (held(&from).unwrap(), held(&to));
        match (relocated, new) {
            (Ok(_), Some(new)) => {
                assert!(old.ended.is_some() && new.since < deprecated_at, "{old:?} {new:?}");
                moved += 1;
            }
            (Err(devhub::hub::Failure::Refused(devhub::domain::Refusal::VersionDeprecated { .. })), None) => {
                assert!(old.ended.is_none(), "{old:?}");
                refused += 1;
            }
            (answer, new) => panic!("half done: {answer:?}, {old:?}, {new:?}"),
        }
    }
    assert!(moved > 0 && refused > 0, "both orders must occur for this to mean anything: {moved} and {refused}");
}

/// The same through the wire: many applications at once, one deprecation among them.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn b16_through_the_wire_one_side_wins_for_each_application() {
    let world = World::usual().await;
    for number in 0..64 {
        world.application(&format!("racer-{number}")).await;
    }
    let world = Arc::new(world);
    let mut racers = Vec::new();
    for number in 0..64 {
        let racer = Arc::clone(&world);
        racers.push(tokio::spawn(async move { racer.subscribe(ADA, &format!("racer-{number}"), "1.0").await }));
        if number == 32 {
            let operator = Arc::clone(&world);
            racers.push(tokio::spawn(async move {
                operator.deprecate("1.0", None, None).await.map(|_| v1::Subscription::default())
            }));
        }
    }
    for racer in racers {
        if let Err(status) = racer.await.unwrap() {
            assert_eq!(reason(&status), "VERSION_DEPRECATED");
        }
    }
    let get = v1::GetApiVersionRequest { context: CONTEXT.into(), version: "1.0".into() };
    let version = world.apis("").get_api_version(get).await.unwrap().into_inner().version.unwrap();
    let deprecated_at = version.deployments[0].deprecate_time.unwrap();
    for number in 0..64 {
        if let Ok(subscription) = world.subscription(&format!("racer-{number}"), "1.0").await {
            let since = subscription.start_time.unwrap();
            assert!((since.seconds, since.nanos) < (deprecated_at.seconds, deprecated_at.nanos));
        }
    }
}

pub(crate) mod scenario {
    //! Commands as the rpc room would parse them.

    use std::collections::BTreeMap;

    use devhub::domain::Command;
    use devhub::domain::application::{Kind, Persona, Role};
    use devhub::domain::ledger::Target;
    use devhub::domain::name::VersionName;
    use devhub::domain::publish::CreateVersion;
    use devhub::domain::register::{ClientIdOrigin, CreateApplication};
    use devhub::domain::relocate::{MoveSubscription, Scope};
    use devhub::domain::schedule::{ChangeLifecycle, LifecycleChange, Step};
    use devhub::domain::subscribe::{Since, Subscribe};
    use devhub::domain::version::{AccessType, Deployment};
    use devhub_decision::{Environment, Lifecycle, Maturity, Schedule};

    pub(crate) fn version(name: &VersionName) -> Command {
        let deployment = Deployment {
            endpoints_enabled: true,
            ..Deployment::new(Lifecycle { maturity: Maturity::Stable, schedule: Schedule::Open })
        };
        CreateVersion {
            name: name.clone(),
            description: String::new(),
            company_scoped: false,
            access_type: AccessType::Public,
            endpoints: Vec::new(),
            fields: Vec::new(),
            deployments: BTreeMap::from([(Environment::Sandbox, deployment)]),
            documentation_uri: String::new(),
            override_reason: String::new(),
        }
        .into()
    }

    pub(crate) fn api() -> Command {
        devhub::domain::api::CreateApi {
            context: crate::world::CONTEXT.parse().unwrap(),
            title: "Losses".into(),
            description: String::new(),
            policy: "hmrc-mtd".parse().unwrap(),
            categories: Vec::new(),
        }
        .into()
    }

    pub(crate) fn relocate(id: &str, from: &VersionName, to: &VersionName, number: usize) -> Command {
        MoveSubscription {
            id: format!("s-{number}").parse().unwrap(),
            application: id.parse().unwrap(),
            from: from.clone(),
            to: to.clone(),
            overlap_until: None,
            field_values: BTreeMap::new(),
            scope: Scope::One,
            reason: String::new(),
            etag: None,
        }
        .into()
    }

    pub(crate) fn application(id: &str) -> Command {
        CreateApplication {
            id: id.parse().unwrap(),
            client_id: format!("client-{id}").parse().unwrap(),
            client_id_origin: ClientIdOrigin::Brought,
            name: format!("Application {id}"),
            description: String::new(),
            environment: Environment::Sandbox,
            owner: "org".into(),
            kind: Kind::Standard,
            persona: Persona::CustomIntegration,
            collaborators: BTreeMap::from([("ada@example.com".parse().unwrap(), Role::Administrator)]),
        }
        .into()
    }

    pub(crate) fn subscribe(id: &str, name: &VersionName, number: usize) -> Command {
        Subscribe {
            id: format!("s-{number}").parse().unwrap(),
            application: id.parse().unwrap(),
            version: name.clone(),
            since: Since::Now,
            field_values: BTreeMap::new(),
        }
        .into()
    }

    pub(crate) fn deprecate(name: &VersionName) -> Command {
        let step = Step::Deprecate { deprecated_at: None, sunset_begins_at: None, retires_at: None };
        let target = Target::Version(name.clone(), Environment::Sandbox);
        ChangeLifecycle::from(LifecycleChange::new(target, step)).into()
    }
}
