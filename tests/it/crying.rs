//! The crier against the plan and against kill -9: what was to be told was told, each of it once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::TimeDelta;
use devhub::clock::{Clock, ManualClock};
use devhub::domain::Actor;
use devhub::domain::ledger::{Revision, Target};
use devhub::domain::name::{NoticeId, VersionName};
use devhub::domain::notice::{Holder, Milestone, NoticeSubject, Occasion, plan};
use devhub::domain::record::{Record, RecordKey};
use devhub::domain::schedule::{ChangeLifecycle, LifecycleChange, NewDate, Step};
use devhub::hub::{Acknowledged, Hub, Progress, Request};
use devhub::store::Store;
use devhub::store::memory::Memory;
use devhub_decision::{Brownout, Environment, Maturity};
use devhub_proto::v1;
use devhub_proto::v1::api_service_client::ApiServiceClient;
use devhub_proto::v1::notice_service_client::NoticeServiceClient;
use proptest::prelude::*;
use tonic::transport::Channel;

use crate::killing::{Process, prepare, write};
use crate::racing::{rules, scenario};
use crate::world::{CONTEXT, OPERATOR, start, target};

#[derive(Debug, Clone)]
enum Act {
    Deprecate(i64, Option<i64>),
    Revise(Option<i64>),
    Retire(Option<i64>),
    Withdraw,
    Reinstate(Option<i64>),
    Promote,
    Brownout(i64),
    /// The clock moves over each instant at which something is due.
    Wait(i64),
    /// Nobody is there for so many days.
    Sleep(i64),
}

fn act(sleep: u32) -> impl Strategy<Value = Act> {
    let later = || proptest::option::of(0i64..200);
    prop_oneof![
        4 => (0i64..100, later()).prop_map(|(d, r)| Act::Deprecate(d, r)),
        3 => later().prop_map(Act::Revise),
        2 => later().prop_map(Act::Retire),
        1 => Just(Act::Withdraw),
        1 => later().prop_map(Act::Reinstate),
        1 => Just(Act::Promote),
        1 => (0i64..100).prop_map(Act::Brownout),
        6 => (1i64..120).prop_map(Act::Wait),
        sleep => (1i64..120).prop_map(Act::Sleep),
    ]
}

fn version() -> VersionName {
    VersionName { context: CONTEXT.parse().unwrap(), label: "1.0".parse().unwrap() }
}

fn change(act: &Act, clock: &ManualClock) -> Option<ChangeLifecycle> {
    let in_days = |days: i64| clock.now() + TimeDelta::days(days);
    let date = |days: &Option<i64>| days.map_or(NewDate::ToBeAnnounced, |days| NewDate::At(in_days(days)));
    let step = match act {
        Act::Wait(_) | Act::Sleep(_) => return None,
        Act::Deprecate(deprecated, retires) => Step::Deprecate {
            deprecated_at: Some(in_days(*deprecated)),
            sunset_begins_at: None,
            retires_at: retires.map(in_days),
        },
        Act::Revise(retires) => {
            Step::Revise { deprecated: NewDate::Keep, sunset_begins: NewDate::Keep, retires: date(retires) }
        }
        Act::Retire(retires) => Step::Retire { retires_at: retires.map(in_days) },
        Act::Withdraw => Step::Withdraw,
        Act::Reinstate(retires) => Step::Reinstate { retires: date(retires) },
        Act::Promote => Step::Promote { maturity: Maturity::Stable, endpoints_enabled: false },
        Act::Brownout(days) => {
            Step::ScheduleBrownout(Brownout { from: in_days(*days), until: in_days(*days) + TimeDelta::hours(1) })
        }
    };
    let change = LifecycleChange {
        reason: "a test".into(),
        override_reason: "a test".into(),
        ..LifecycleChange::new(Target::Version(version(), Environment::Sandbox), step)
    };
    Some(change.into())
}

fn ledger(hub: &Hub) -> Vec<Revision> {
    let target = Target::Version(version(), Environment::Sandbox);
    let revision = |number| {
        let record = hub.get_one(RecordKey::Revision(target.clone(), number)).unwrap()?.record;
        if let Record::Revision(revision) = record { Some(revision) } else { panic!("{record:?}") }
    };
    (1..).map_while(revision).collect()
}

/// The notices of an application by what they were given for.
fn given(hub: &Hub, application: &str) -> BTreeMap<(u32, Milestone), NoticeId> {
    let application = Holder::Application(application.parse().unwrap());
    let page = hub.notices_of(&application, None, Acknowledged::Shown, None, 10_000).unwrap();
    let mut found = BTreeMap::new();
    for notice in page.items {
        let place = (notice.occasion.revision, notice.occasion.milestone);
        assert_eq!(found.insert(place, notice.id), None, "{place:?} twice");
    }
    found
}

/// Every milestone that came while its revision was the latest was given, or passed over for a later one; nothing else.
fn told_is_planned(hub: &Hub, may_skip: bool) {
    let revisions = ledger(hub);
    let now = hub.now();
    let subject = NoticeSubject::Schedule(Target::Version(version(), Environment::Sandbox));
    let told = [given(hub, "one"), given(hub, "two")];
    assert_eq!(told[0], told[1], "everybody is told the same");
    let mut expected = BTreeSet::new();
    for (position, revision) in revisions.iter().enumerate() {
        let until = revisions.get(position + 1).map_or(now, |next| next.recorded_at);
        let progress = hub.notice_progress(&subject, revision.number).unwrap().milestones;
        let guards = hub.guards_of(&revision.target);
        for ((milestone, due_at), progress) in plan(revision, &guards).into_iter().zip(progress) {
            assert_eq!((progress.milestone, progress.due_at), (milestone, due_at));
            let skipped = progress.progress == Progress::Skipped;
            assert!(may_skip || !skipped, "{milestone} of {} was passed over", revision.number);
            if due_at <= until && !skipped {
                let occasion = Occasion { subject: subject.clone(), revision: revision.number, milestone };
                let id = told[0].get(&(revision.number, milestone));
                assert_eq!(id, Some(&occasion.notice_id(due_at)), "{occasion} is missing");
                expected.insert((revision.number, milestone));
            }
            assert!(!skipped || milestone != Milestone::Announced, "every revision is announced");
        }
    }
    assert_eq!(told[0].keys().copied().collect::<BTreeSet<_>>(), expected, "nothing else is told");
}

async fn play(acts: &[Act], may_skip: bool) {
    let clock = ManualClock::at(start());
    let store: Arc<dyn Store> = Arc::new(Memory::open().unwrap());
    let hub = Hub::open(store, rules(), Arc::new(clock.clone())).unwrap();
    let operator: Actor = OPERATOR.parse().unwrap();
    let request = Request::once;
    let api = devhub::domain::api::CreateApi {
        context: CONTEXT.parse().unwrap(),
        title: "Losses".into(),
        description: String::new(),
        policy: "hmrc-mtd".parse().unwrap(),
        categories: Vec::new(),
    };
    hub.execute(operator.clone(), api.into(), request()).await.unwrap();
    hub.execute(operator.clone(), scenario::version(&version()), request()).await.unwrap();
    for (number, id) in ["one", "two"].into_iter().enumerate() {
        hub.execute(operator.clone(), scenario::application(id), request()).await.unwrap();
        hub.execute(operator.clone(), scenario::subscribe(id, &version(), number), request()).await.unwrap();
    }
    for act in acts {
        if let Some(change) = change(act, &clock) {
            // Refusals are part of the game.
            let _ = hub.execute(operator.clone(), change.into(), request()).await;
        }
        match act {
            Act::Wait(days) => {
                let end = clock.now() + TimeDelta::days(*days);
                while let Some(until) = hub.until_next_cry(hub.now()).filter(|until| hub.now() + *until <= end) {
                    clock.set(hub.now() + until);
                    hub.cry(hub.now()).await.unwrap();
                }
                clock.set(end);
            }
            Act::Sleep(days) => clock.advance(TimeDelta::days(*days)),
            Act::Deprecate(..)
            | Act::Revise(_)
            | Act::Retire(_)
            | Act::Withdraw
            | Act::Reinstate(_)
            | Act::Promote
            | Act::Brownout(_) => {}
        }
        hub.cry(hub.now()).await.unwrap();
        assert_eq!(hub.cry(hub.now()).await.unwrap(), Default::default(), "a second cry has nothing to say");
    }
    told_is_planned(&hub, may_skip);
}

fn run(acts: &[Act], may_skip: bool) {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(play(acts, may_skip));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn b91_what_is_told_is_what_was_planned(acts in proptest::collection::vec(act(0), 1..25)) {
        run(&acts, false);
    }

    #[test]
    fn a_hub_that_sleeps_passes_over_but_loses_and_repeats_nothing(acts in proptest::collection::vec(act(3), 1..25)) {
        run(&acts, true);
    }
}

/// Affected applications.
const APPLICATIONS: usize = 10_000;

/// Callers that make them.
const WRITERS: usize = 64;

/// How many notices are seen before each kill.
const KILLED_AFTER: [usize; 6] = [1, 700, 2_000, 4_500, 6_000, 8_500];

/// A follower that goes on where it was, and the holders that it saw notices of.
#[derive(Default)]
pub(crate) struct Follower {
    pub(crate) seen: Vec<String>,
    revision: u64,
    epoch: String,
}

impl Follower {
    /// Follows until `count` notices were seen in all.
    pub(crate) async fn follow(&mut self, channel: &Channel, count: usize) {
        let request =
            v1::FollowNoticesRequest { after_revision: self.revision, epoch: self.epoch.clone(), ..Default::default() };
        let mut client = NoticeServiceClient::new(channel.clone()).max_decoding_message_size(64 << 20);
        let mut stream = client.follow_notices(request).await.unwrap().into_inner();
        while self.seen.len() < count {
            let message = stream.message().await.unwrap().unwrap();
            // One of the two is empty.
            let holder = |notice: v1::Notice| notice.application_id + &notice.company_id;
            self.seen.extend(message.notices.into_iter().map(holder));
            (self.revision, self.epoch) = (message.revision, message.epoch);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b33_ten_thousand_applications_are_told_once_each_across_kills() {
    let directory = tempfile::tempdir().unwrap();
    let mut process = Process::start_with(directory.path(), &[]).await;
    prepare(&process.channel).await;
    let next = Arc::new(AtomicUsize::new(0));
    let writers: Vec<_> = (0..WRITERS)
        .map(|_| {
            let (channel, next) = (process.channel.clone(), Arc::clone(&next));
            tokio::spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= APPLICATIONS {
                        return;
                    }
                    write(&channel, &format!("app-{number:05}")).await.unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let mut request = tonic::Request::new(v1::DeprecateApiVersionRequest {
        context: CONTEXT.into(),
        version: "1.0".into(),
        environment: v1::Environment::Sandbox.into(),
        ..Default::default()
    });
    request.metadata_mut().insert("devhub-actor", OPERATOR.parse().unwrap());
    ApiServiceClient::new(process.channel.clone()).deprecate_api_version(request).await.unwrap();
    let mut follower = Follower::default();
    for count in KILLED_AFTER {
        follower.follow(&process.channel, count).await;
        drop(process);
        assert!(follower.seen.len() < APPLICATIONS, "the kill came too late to mean anything");
        process = Process::start_with(directory.path(), &[]).await;
    }
    follower.follow(&process.channel, APPLICATIONS).await;
    let expected: Vec<String> = (0..APPLICATIONS).map(|number| format!("app-{number:05}")).collect();
    assert_eq!(follower.seen, expected, "each once, in order, for a follower that was cut off with the hub");
    let mut again = Follower::default();
    again.follow(&process.channel, APPLICATIONS).await;
    assert_eq!(again.seen, expected, "and each once in the journal");
    let subject = v1::NoticeSubject { subject: Some(v1::notice_subject::Subject::Schedule(target("1.0"))) };
    let request = v1::GetNoticeProgressRequest { subject: Some(subject), revision_number: 2 };
    let progress = NoticeServiceClient::new(process.channel.clone()).get_notice_progress(request).await.unwrap();
    let milestones = progress.into_inner().milestones;
    assert_eq!(milestones.len(), 1);
    assert_eq!(milestones[0].state(), v1::NoticeProgressState::Given);
    assert_eq!((milestones[0].applications, milestones[0].people), (10_000, 10_000));
}
