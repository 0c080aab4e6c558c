//! Notices of the dates of service accounts against the plan, for any history, and against kill -9.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use devhub::clock::{Clock, ManualClock};
use devhub::domain::Actor;
use devhub::domain::credential_class::{ClassRevision, plan};
use devhub::domain::notice::{Due, Holder, Milestone, NoticeSubject, Occasion, verdicts};
use devhub::domain::record::{Record, RecordKey};
use devhub::hub::{Acknowledged, Hub, Progress, Request};
use devhub::store::Store;
use devhub::store::memory::Memory;
use devhub_proto::v1;
use devhub_proto::v1::company_service_client::CompanyServiceClient;
use devhub_proto::v1::credential_class_service_client::CredentialClassServiceClient;
use devhub_proto::v1::notice_service_client::NoticeServiceClient;
use devhub_proto::v1::service_account_service_client::ServiceAccountServiceClient;
use proptest::prelude::*;
use tonic::transport::Channel;

use crate::accounts::{company, revision, time, undefined};
use crate::crying::Follower;
use crate::killing::Process;
use crate::racing::rules;
use crate::world::{OPERATOR, start};

pub(crate) mod scenario {
    //! Commands as the rpc room would parse them.

    use std::collections::BTreeSet;

    use chrono::{DateTime, Utc};
    use devhub::domain::Command;
    use devhub::domain::company::{CreateCompany, Tenancy};
    use devhub::domain::credential_class::{ClassStep, Earlier, ReviseCredentialClass};
    use devhub::domain::register::ClientIdOrigin;
    use devhub::domain::schedule::NewDate;
    use devhub::domain::service_account::{
        AccountType, ClassifyServiceAccount, CreateServiceAccount, Created, RecentUse, RemoveServiceAccount,
    };

    pub(crate) fn company(id: &str) -> Command {
        CreateCompany {
            id: id.parse().unwrap(),
            name: format!("Company {id}"),
            tenancy: Tenancy::Production,
            region: String::new(),
            zone: None,
            administrators: BTreeSet::from(["carol@builders.example".parse().unwrap()]),
        }
        .into()
    }

    fn account_type(application: Option<&str>) -> AccountType {
        application.map_or(AccountType::Undefined, |id| AccountType::Marketplace(id.parse().unwrap()))
    }

    pub(crate) fn account(company: &str, id: &str, application: Option<&str>) -> Command {
        CreateServiceAccount {
            id: id.parse().unwrap(),
            client_id: format!("client-{id}").parse().unwrap(),
            client_id_origin: ClientIdOrigin::Brought,
            company: company.parse().unwrap(),
            name: format!("Account {id}"),
            account_type: account_type(application),
            permissions: Default::default(),
            created: Created::Now(None),
        }
        .into()
    }

    pub(crate) fn classify(company: &str, id: &str, application: Option<&str>) -> Command {
        ClassifyServiceAccount {
            company: company.parse().unwrap(),
            id: id.parse().unwrap(),
            account_type: account_type(application),
            etag: None,
        }
        .into()
    }

    pub(crate) fn remove(company: &str, id: &str) -> Command {
        RemoveServiceAccount {
            company: company.parse().unwrap(),
            id: id.parse().unwrap(),
            recent_use: RecentUse::Acknowledged,
            reason: "a test".into(),
            etag: None,
        }
        .into()
    }

    pub(crate) fn step(step: ClassStep) -> Command {
        ReviseCredentialClass {
            step,
            earlier: Earlier::Accepted,
            reason: "a test".into(),
            override_reason: "a test".into(),
            announced_at: None,
            zone: None,
            etag: None,
        }
        .into()
    }

    pub(crate) fn dates(
        deprecated: DateTime<Utc>,
        cutoff: Option<DateTime<Utc>>,
        sunset: Option<DateTime<Utc>>,
    ) -> Command {
        let date = |date: Option<DateTime<Utc>>| date.map_or(NewDate::ToBeAnnounced, NewDate::At);
        step(ClassStep::Revise { deprecated: NewDate::At(deprecated), cutoff: date(cutoff), sunset: date(sunset) })
    }
}

const COMPANIES: [&str; 3] = ["c-0", "c-1", "c-2"];
const APPLICATIONS: [&str; 2] = ["a-0", "a-1"];

#[derive(Debug, Clone)]
enum Act {
    /// The deprecation, the cut-off and the sunset, in days from now.
    Announce(i64, Option<i64>, Option<i64>),
    SunsetNow,
    /// Of a company, for an application or for nobody knows what.
    Create(usize, Option<usize>),
    /// Of the accounts made so far, one.
    Classify(usize, Option<usize>),
    Remove(usize),
    /// The clock moves over each instant at which something is due.
    Wait(i64),
    /// Nobody is there for so many days.
    Sleep(i64),
}

fn act(sleep: u32) -> impl Strategy<Value = Act> {
    let date = || proptest::option::weighted(0.7, 0i64..200);
    let application = || proptest::option::of(0..APPLICATIONS.len());
    prop_oneof![
        4 => (-50i64..50, date(), date()).prop_map(|(deprecated, cutoff, sunset)| Act::Announce(deprecated, cutoff, sunset)),
        1 => Just(Act::SunsetNow),
        4 => (0..COMPANIES.len(), application()).prop_map(|(company, application)| Act::Create(company, application)),
        2 => (0usize..20, application()).prop_map(|(account, application)| Act::Classify(account, application)),
        3 => (0usize..20).prop_map(Act::Remove),
        6 => (1i64..120).prop_map(Act::Wait),
        sleep => (1i64..120).prop_map(Act::Sleep),
    ]
}

/// What was told to whom: holder, revision, milestone, with the id of the notice.
type Told = BTreeSet<(Holder, u32, Milestone, String)>;

/// Who holds which accounts, as the test itself has seen it, and what must have been told by that.
struct Model {
    hub: Hub,
    clock: ManualClock,
    /// Company and application of each account that is not removed.
    accounts: BTreeMap<String, (&'static str, Option<&'static str>)>,
    made: Vec<(String, &'static str)>,
    settled: BTreeSet<(u32, Milestone)>,
    expected: Told,
}

impl Model {
    fn ledger(&self) -> Vec<ClassRevision> {
        let revision = |number| {
            let record = self.hub.get_one(RecordKey::ClassRevision(number)).unwrap()?.record;
            if let Record::ClassRevision(revision) = record { Some(revision) } else { panic!("{record:?}") }
        };
        (1..).map_while(revision).collect()
    }

    fn holders(&self) -> BTreeSet<Holder> {
        let companies = self.accounts.values().map(|(company, _)| Holder::Company(company.parse().unwrap()));
        let applications = self.accounts.values().filter_map(|(_, application)| *application);
        companies.chain(applications.map(|id| Holder::Application(id.parse().unwrap()))).collect()
    }

    fn expect(&mut self, revision: u32, milestone: Milestone, due_at: DateTime<Utc>) {
        let occasion = Occasion { subject: NoticeSubject::CredentialClass, revision, milestone };
        let id = occasion.notice_id(due_at).to_string();
        let told = self.holders().into_iter().map(|holder| (holder, revision, milestone, id.clone()));
        self.expected.extend(told);
    }

    /// Cries, and notes what must be told now: what the plan gives, to whoever has accounts at this moment.
    async fn cry(&mut self) {
        let (now, ledger) = (self.hub.now(), self.ledger());
        for (position, revision) in ledger.iter().enumerate() {
            let superseded_at = ledger.get(position + 1).map(|next| next.recorded_at);
            let plan = plan(revision);
            for ((milestone, due_at), verdict) in plan.iter().zip(verdicts(&plan, superseded_at, now)) {
                match verdict {
                    Due::Later | Due::Drop => {}
                    Due::Give if self.settled.insert((revision.number, *milestone)) => {
                        self.expect(revision.number, *milestone, *due_at);
                    }
                    Due::Give => {}
                    Due::Skip => {
                        self.settled.insert((revision.number, *milestone));
                    }
                }
            }
        }
        self.hub.cry(now).await.unwrap();
        assert_eq!(self.hub.cry(now).await.unwrap(), Default::default(), "a second cry has nothing to say");
    }

    async fn execute(&self, command: devhub::domain::Command) -> bool {
        self.hub.execute(OPERATOR.parse::<Actor>().unwrap(), command, Request::once()).await.is_ok()
    }

    async fn act(&mut self, act: &Act) {
        let in_days = |days: i64| self.clock.now() + TimeDelta::days(days);
        match act {
            // Refusals are part of the game.
            Act::Announce(deprecated, cutoff, sunset) => {
                let dates = scenario::dates(in_days(*deprecated), cutoff.map(in_days), sunset.map(in_days));
                self.execute(dates).await;
            }
            Act::SunsetNow => {
                self.execute(scenario::step(devhub::domain::credential_class::ClassStep::SunsetNow)).await;
            }
            Act::Create(company, application) => {
                let id = format!("sa-{}", self.made.len());
                let (company, application) = (COMPANIES[*company], application.map(|number| APPLICATIONS[number]));
                if self.execute(scenario::account(company, &id, application)).await {
                    self.accounts.insert(id.clone(), (company, application));
                    self.made.push((id, company));
                }
            }
            Act::Classify(account, application) => {
                let Some((id, company)) = self.made.get(*account).cloned() else { return };
                let application = application.map(|number| APPLICATIONS[number]);
                if self.execute(scenario::classify(company, &id, application)).await {
                    self.accounts.insert(id, (company, application));
                }
            }
            Act::Remove(account) => {
                let Some((id, company)) = self.made.get(*account).cloned() else { return };
                if self.execute(scenario::remove(company, &id)).await {
                    self.accounts.remove(&id);
                }
            }
            Act::Wait(days) => {
                let end = in_days(*days);
                while let Some(until) = self.hub.until_next_cry(self.hub.now()) {
                    let due = self.hub.now() + until;
                    if due > end {
                        break;
                    }
                    self.clock.set(due);
                    self.cry().await;
                }
                self.clock.set(end);
            }
            Act::Sleep(days) => self.clock.set(in_days(*days)),
        }
        self.cry().await;
    }

    fn told(&self, may_skip: bool) -> Told {
        let companies = COMPANIES.map(|id| Holder::Company(id.parse().unwrap()));
        let applications = APPLICATIONS.map(|id| Holder::Application(id.parse().unwrap()));
        let mut told = Told::new();
        for holder in companies.into_iter().chain(applications) {
            for notice in self.hub.notices_of(&holder, None, Acknowledged::Shown, None, 10_000).unwrap().items {
                assert_eq!(notice.holder, holder);
                let Occasion { revision, milestone, .. } = notice.occasion;
                let is_late = notice.given_at != notice.due_at && milestone != Milestone::Announced;
                assert!(may_skip || !is_late, "{milestone} of {revision} was late");
                let place = (holder.clone(), revision, milestone, notice.id.to_string());
                assert!(told.insert(place), "{notice:?} twice");
            }
        }
        told
    }
}

async fn play(acts: &[Act], may_skip: bool) {
    let clock = ManualClock::at(start());
    let store: Arc<dyn Store> = Arc::new(Memory::open().unwrap());
    let hub = Hub::open(store, rules(), Arc::new(clock.clone())).unwrap();
    let mut model = Model {
        hub,
        clock,
        accounts: BTreeMap::new(),
        made: Vec::new(),
        settled: BTreeSet::new(),
        expected: Told::new(),
    };
    for company in COMPANIES {
        assert!(model.execute(scenario::company(company)).await);
    }
    for application in APPLICATIONS {
        assert!(model.execute(crate::racing::scenario::application(application)).await);
    }
    for act in acts {
        model.act(act).await;
    }
    assert_eq!(model.told(may_skip), model.expected);
    for revision in model.ledger() {
        let progress = model.hub.notice_progress(&NoticeSubject::CredentialClass, revision.number).unwrap();
        for milestone in progress.milestones {
            let told = |company: bool| {
                let of = |holder: &Holder| matches!(holder, Holder::Company(_)) == company;
                let place = |(holder, number, m, _): &&(Holder, u32, Milestone, String)| {
                    *number == revision.number && *m == milestone.milestone && of(holder)
                };
                model.expected.iter().filter(place).count() as u64
            };
            let run = milestone.run.map(|run| (run.applications, run.companies)).unwrap_or_default();
            assert_eq!(run, (told(false), told(true)), "{} of {}", milestone.milestone, revision.number);
            assert!(may_skip || milestone.progress != Progress::Skipped, "nobody slept");
        }
    }
}

fn run(acts: &[Act], may_skip: bool) {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(play(acts, may_skip));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn b91_whoever_depends_on_accounts_is_told_what_was_planned(acts in proptest::collection::vec(act(0), 1..30)) {
        run(&acts, false);
    }

    #[test]
    fn a_hub_that_sleeps_passes_over_dates_of_accounts_but_loses_and_repeats_nothing(
        acts in proptest::collection::vec(act(3), 1..30)
    ) {
        run(&acts, true);
    }
}

/// Companies with an account each.
const MANY: usize = 700;

/// Callers that make them.
const WRITERS: usize = 32;

/// How many notices are seen before each kill.
const KILLED_AFTER: [usize; 3] = [1, 257, 600];

fn by<T>(message: T) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    request.metadata_mut().insert("devhub-actor", OPERATOR.parse().unwrap());
    request
}

async fn company_with_account(channel: &Channel, id: &str) {
    let request =
        v1::CreateCompanyRequest { company: Some(company(id, "carol@builders.example")), ..Default::default() };
    CompanyServiceClient::new(channel.clone()).create_company(by(request)).await.unwrap();
    let account = v1::ServiceAccount {
        account_id: format!("sa-{id}"),
        company_id: id.into(),
        name: "An account".into(),
        account_type: Some(undefined()),
        ..Default::default()
    };
    let request = v1::CreateServiceAccountRequest { account: Some(account), ..Default::default() };
    ServiceAccountServiceClient::new(channel.clone()).create_service_account(by(request)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b33_seven_hundred_companies_are_told_once_each_across_kills() {
    let directory = tempfile::tempdir().unwrap();
    let mut process = Process::start_with(directory.path(), &[]).await;
    let next = Arc::new(AtomicUsize::new(0));
    let writers: Vec<_> = (0..WRITERS)
        .map(|_| {
            let (channel, next) = (process.channel.clone(), Arc::clone(&next));
            tokio::spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= MANY {
                        return;
                    }
                    company_with_account(&channel, &format!("c-{number:03}")).await;
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    // Far ahead of whatever the real clock says.
    let far = |year: i32| format!("{year}-01-01T00:00:00Z").parse::<DateTime<Utc>>().unwrap();
    let dates =
        v1::ReviseCredentialClassRequest { deprecate: time(far(2001)), ..revision(time(far(2200)), time(far(2201))) };
    CredentialClassServiceClient::new(process.channel.clone()).revise_credential_class(by(dates)).await.unwrap();
    let mut follower = Follower::default();
    for count in KILLED_AFTER {
        follower.follow(&process.channel, count).await;
        drop(process);
        process = Process::start_with(directory.path(), &[]).await;
    }
    follower.follow(&process.channel, MANY).await;
    let expected: Vec<String> = (0..MANY).map(|number| format!("c-{number:03}")).collect();
    assert_eq!(follower.seen, expected, "each once, in order, for a follower that was cut off with the hub");
    let mut again = Follower::default();
    again.follow(&process.channel, MANY).await;
    assert_eq!(again.seen, expected, "and each once in the journal");
    let subject = v1::notice_subject::Subject::CredentialClass(true);
    let request = v1::GetNoticeProgressRequest {
        subject: Some(v1::NoticeSubject { subject: Some(subject) }),
        revision_number: 1,
    };
    let progress = NoticeServiceClient::new(process.channel.clone()).get_notice_progress(request).await.unwrap();
    let announced = &progress.into_inner().milestones[0];
    assert_eq!(announced.state(), v1::NoticeProgressState::Given);
    assert_eq!((announced.companies, announced.people), (700, 700));
}
