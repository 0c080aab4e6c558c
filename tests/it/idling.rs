//! Rule B58 for any history: what is told is what was planned, and nobody is deleted early or untold.

use std::sync::{Arc, Once};

use chrono::{DateTime, TimeDelta, Utc};
use devhub::clock::{Clock, ManualClock};
use devhub::domain::Actor;
use devhub::domain::approve::RestrictDeletion;
use devhub::domain::disuse::{Evidence, Term, plan};
use devhub::domain::name::{ApplicationId, VersionName};
use devhub::domain::notice::{Holder, Milestone, Notice};
use devhub::domain::record::{Record, RecordKey};
use devhub::domain::setting::Rules;
use devhub::domain::usage::{Report, hour};
use devhub::hub::{Acknowledged, Hub, Request, Round};
use devhub::store::fault::Faults;
use devhub::store::memory::Memory;
use devhub_decision::Environment;
use proptest::prelude::*;

use crate::disuse::limits;
use crate::racing::{rules, scenario};
use crate::world::{CONTEXT, OPERATOR, client, days, start};

const APPLICATIONS: [&str; 2] = ["one", "two"];

#[derive(Debug, Clone)]
enum Act {
    /// An application calls.
    Call(usize),
    /// The clock moves over each instant at which something is planned.
    Wait(i64),
    /// Nobody looks for so many days.
    Sleep(i64),
    /// Its deletion is restricted, or permitted again.
    Restrict(usize, &'static str),
}

fn act(surprises: u32) -> impl Strategy<Value = Act> {
    let waiting = prop_oneof![1i64..40, 300i64..400];
    prop_oneof![
        3 => (0..APPLICATIONS.len()).prop_map(Act::Call),
        6 => waiting.clone().prop_map(Act::Wait),
        surprises => waiting.prop_map(Act::Sleep),
        surprises => (0..APPLICATIONS.len(), prop_oneof![Just("keep it"), Just("")]).prop_map(|(a, r)| Act::Restrict(a, r)),
    ]
}

fn version() -> VersionName {
    VersionName { context: CONTEXT.parse().unwrap(), label: "1.0".parse().unwrap() }
}

/// What is expected of an application, worked out from the plan alone.
struct Expected {
    id: ApplicationId,
    created_at: DateTime<Utc>,
    calls: Vec<DateTime<Utc>>,
    number: u32,
    given: usize,
    announced_idle_since: DateTime<Utc>,
    told: Vec<(u32, Milestone)>,
}

impl Expected {
    fn evidence(&self, known_since: DateTime<Utc>) -> Evidence {
        Evidence { last_use: self.calls.last().copied().map(hour), known_since }
    }

    fn term(&self) -> Term {
        if self.calls.is_empty() { limits().never_used_sandbox } else { limits().sandbox }
    }

    fn plan(&self, known_since: DateTime<Utc>) -> Vec<(Milestone, DateTime<Utc>)> {
        plan(self.evidence(known_since).idle_since(self.created_at), &self.term())
    }

    fn is_deleted(&self) -> bool {
        self.told.last().is_some_and(|(_, milestone)| *milestone == Milestone::Deleted)
    }

    /// Somebody looks at it.
    fn look(&mut self, known_since: DateTime<Utc>, now: DateTime<Utc>) {
        let idle_since = self.evidence(known_since).idle_since(self.created_at);
        if self.is_deleted() {
            return;
        }
        if self.given > 0 && idle_since > self.announced_idle_since {
            self.told.push((self.number, Milestone::Kept));
            self.given = 0;
            return;
        }
        if let Some((milestone, due_at)) = self.plan(known_since).get(self.given).copied()
            && due_at <= now
        {
            if self.given == 0 {
                self.number += 1;
                self.announced_idle_since = idle_since;
            }
            self.given += 1;
            self.told.push((self.number, milestone));
        }
    }
}

fn notices(hub: &Hub, id: &ApplicationId) -> Vec<Notice> {
    let mut found =
        hub.notices_of(&Holder::Application(id.clone()), None, Acknowledged::Shown, None, 10_000).unwrap().items;
    found.sort_by_key(|notice| notice.given_at);
    found
}

/// Whatever happened: each notice once and in order, none short, and no deletion of what was used.
fn nobody_is_wronged(hub: &Hub, expected: &Expected) {
    let told = notices(hub, &expected.id);
    let numbers: Vec<u32> = told.iter().map(|notice| notice.occasion.revision).collect();
    assert!(numbers.is_sorted());
    for number in 1..=numbers.last().copied().unwrap_or_default() {
        let of_one: Vec<&Notice> = told.iter().filter(|notice| notice.occasion.revision == number).collect();
        let ends = |notice: &Notice| matches!(notice.occasion.milestone, Milestone::Deleted | Milestone::Kept);
        let (last, countdown) = of_one.split_last().unwrap();
        assert!(!countdown.iter().any(|notice| ends(notice)), "nothing follows the end");
        let countdown: Vec<&Notice> = of_one.iter().copied().filter(|notice| !ends(notice)).collect();
        let days_of = |notice: &Notice| {
            let Milestone::Countdown(days) = notice.occasion.milestone else { panic!("{notice:?}") };
            days
        };
        let given: Vec<u32> = countdown.iter().map(|notice| days_of(notice)).collect();
        let known = [&[30, 7, 1][..], &[7, 1][..]];
        let sequence = known.into_iter().find(|days| days.starts_with(&given)).expect("in order, each once");
        if last.occasion.milestone == Milestone::Deleted {
            assert_eq!(given, sequence, "all of them before the deletion");
            for notice in &countdown {
                let least = days(i64::from(days_of(notice))) - TimeDelta::hours(1);
                assert!(notice.given_at + least <= last.given_at, "{notice:?}, {last:?}");
            }
            let first = countdown[0];
            assert!(first.given_at + days(i64::from(days_of(first))) <= last.given_at, "the first one is never short");
            let least = days(i64::from(expected.term().days()));
            let used = expected.calls.last().map_or(expected.created_at, |call| *call);
            assert!(last.given_at >= used + least, "used {used}, deleted {}", last.given_at);
        }
    }
}

async fn play(acts: &[Act], is_exact: bool) {
    let clock = ManualClock::at(start());
    let rules = Rules { disuse: Some(limits()), ..rules() };
    let hub = Hub::open(Arc::new(Memory::open().unwrap()), rules, Arc::new(clock.clone())).unwrap();
    let known_since = hub.usage().known_since(hub.now());
    let operator: Actor = OPERATOR.parse().unwrap();
    let execute = async |command| hub.execute(operator.clone(), command, Request::once()).await;
    execute(scenario::api()).await.unwrap();
    execute(scenario::version(&version())).await.unwrap();
    let mut applications = Vec::new();
    for (number, id) in APPLICATIONS.into_iter().enumerate() {
        execute(scenario::application(id)).await.unwrap();
        execute(scenario::subscribe(id, &version(), number)).await.unwrap();
        let id: ApplicationId = id.parse().unwrap();
        let found = hub.get_one(RecordKey::Application(id.clone())).unwrap().unwrap().record;
        let Record::Application(found) = found else { panic!("{found:?}") };
        applications.push(Expected {
            id,
            created_at: found.created_at,
            calls: Vec::new(),
            number: 0,
            given: 0,
            announced_idle_since: found.created_at,
            told: Vec::new(),
        });
    }
    for act in acts {
        let end = match act {
            Act::Wait(length) | Act::Sleep(length) => clock.now() + days(*length),
            Act::Call(_) | Act::Restrict(..) => clock.now(),
        };
        match act {
            Act::Call(caller) => {
                let caller = &mut applications[*caller];
                let found = hub.get_one(RecordKey::Application(caller.id.clone())).unwrap().unwrap().record;
                // A deleted application's calls are refused, so no gateway has any to report.
                if matches!(found, Record::Application(found) if found.deletion.is_none()) {
                    let report = Report {
                        client_id: client(caller.id.as_str()).parse().unwrap(),
                        version: version(),
                        environment: Environment::Sandbox,
                        calls: 1,
                        last_call: hub.now(),
                        company: None,
                    };
                    let reported = hub.usage().report(None, [0; 32], &[report], hub.now()).unwrap();
                    assert_eq!(reported.verdicts[0], Ok(()));
                    caller.calls.push(hub.now());
                }
            }
            Act::Restrict(kept, restriction) => {
                let id = applications[*kept].id.clone();
                let command = RestrictDeletion { id, restriction: (*restriction).to_owned(), etag: None };
                // A deleted application refuses.
                let _ = execute(command.into()).await;
            }
            Act::Wait(_) => {
                let next = |now: DateTime<Utc>, applications: &[Expected]| {
                    // A little later than planned, and each a little later than the one before: commands take instants
                    // one after the other, and the first notice is never short.
                    let planned = applications.iter().flat_map(|expected| {
                        let late = |(rank, (_, at)): (i32, (_, DateTime<Utc>))| at + TimeDelta::milliseconds(1) * rank;
                        (1..).zip(expected.plan(known_since)).map(late)
                    });
                    planned.filter(|at| *at > now && *at <= end).min()
                };
                while let Some(at) = next(clock.now(), &applications) {
                    clock.set(at);
                    hub.go_round().await.unwrap();
                    applications.iter_mut().for_each(|expected| expected.look(known_since, hub.now()));
                }
            }
            Act::Sleep(_) => {}
        }
        clock.set(end);
        hub.usage().flush(hub.now()).unwrap();
        hub.go_round().await.unwrap();
        for expected in &mut applications {
            expected.look(known_since, hub.now());
            nobody_is_wronged(&hub, expected);
            if is_exact {
                let told = notices(&hub, &expected.id).into_iter();
                let told: Vec<_> = told.map(|n| (n.occasion.revision, n.occasion.milestone)).collect();
                assert_eq!(told, expected.told, "{}", expected.id);
            }
        }
    }
}

fn run(acts: &[Act], is_exact: bool) {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(play(acts, is_exact));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn b58_what_is_told_is_what_was_planned(acts in proptest::collection::vec(act(0), 1..25)) {
        run(&acts, true);
    }

    #[test]
    fn b58_nobody_is_wronged_by_a_hub_that_sleeps(acts in proptest::collection::vec(act(2), 1..25)) {
        run(&acts, false);
    }
}

/// The call comes after the evidence was read and before the deletion is committed; noted at once, or still in memory.
#[tokio::test]
async fn b58_a_use_at_the_last_moment_keeps_an_application_and_stands_in_nobodys_way() {
    for is_flushed in [false, true] {
        let clock = ManualClock::at(start());
        let faults = Faults::new();
        let store = Arc::new(Memory::with_faults(Arc::clone(&faults)).unwrap());
        let rules = Rules { disuse: Some(limits()), ..rules() };
        let hub = Hub::open(store, rules, Arc::new(clock.clone())).unwrap();
        let operator: Actor = OPERATOR.parse().unwrap();
        let execute = async |command| hub.execute(operator.clone(), command, Request::once()).await;
        execute(scenario::api()).await.unwrap();
        execute(scenario::version(&version())).await.unwrap();
        for (number, id) in APPLICATIONS.into_iter().enumerate() {
            execute(scenario::application(id)).await.unwrap();
            execute(scenario::subscribe(id, &version(), number)).await.unwrap();
        }
        for day in [23, 29] {
            clock.set(start() + days(day) + TimeDelta::seconds(day));
            hub.go_round().await.unwrap();
        }
        clock.set(start() + days(30) + TimeDelta::seconds(60));
        let (user, once) = (hub.clone(), Once::new());
        faults.before_sync(Some(Arc::new(move || {
            once.call_once(|| {
                let report = Report {
                    client_id: client("one").parse().unwrap(),
                    version: version(),
                    environment: Environment::Sandbox,
                    calls: 1,
                    last_call: user.now(),
                    company: None,
                };
                user.usage().report(None, [0; 32], &[report], user.now()).unwrap();
                if is_flushed {
                    user.usage().flush(user.now()).unwrap();
                }
            });
        })));
        assert_eq!(hub.go_round().await.unwrap(), Round { deleted: 1, cancelled: 1, ..Round::default() });
        faults.before_sync(None);
        assert_eq!(hub.go_round().await.unwrap(), Round::default());
        let last = |id: &str| notices(&hub, &id.parse().unwrap()).pop().unwrap().occasion.milestone;
        assert_eq!((last("one"), last("two")), (Milestone::Kept, Milestone::Deleted));
    }
}
