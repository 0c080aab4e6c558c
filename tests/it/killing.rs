//! kill -9 of the whole server while clients write: every acknowledged write is there after the restart, no command is
//! half done, and the restarted server gives the same answers.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use devhub_proto::v1;
use devhub_proto::v1::api_service_client::ApiServiceClient;
use devhub_proto::v1::app_version_service_client::AppVersionServiceClient;
use devhub_proto::v1::application_service_client::ApplicationServiceClient;
use devhub_proto::v1::authorization_service_client::AuthorizationServiceClient;
use devhub_proto::v1::company_service_client::CompanyServiceClient;
use devhub_proto::v1::fact_service_client::FactServiceClient;
use devhub_proto::v1::installation_service_client::InstallationServiceClient;
use devhub_proto::v1::migration_service_client::MigrationServiceClient;
use devhub_proto::v1::organisation_service_client::OrganisationServiceClient;
use devhub_proto::v1::service_account_service_client::ServiceAccountServiceClient;
use devhub_proto::v1::subscription_service_client::SubscriptionServiceClient;
use tonic::transport::Channel;
use tonic::{Request, Status};

use crate::world::{CONTEXT, client, deployment, question, version, words};

const ROUNDS: usize = 50;
const WRITERS: usize = 8;

/// A server process on a store.
pub(crate) struct Process {
    child: Child,
    address: String,
    pub(crate) channel: Channel,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Process {
    async fn start(directory: &std::path::Path) -> Process {
        Process::start_with(directory, &[]).await
    }

    /// Starts a server with further settings.
    pub(crate) async fn start_with(directory: &std::path::Path, settings: &[&str]) -> Process {
        let mut child = Command::new(env!("CARGO_BIN_EXE_devhub"))
            .args(["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--log-format", "json"])
            // A busy machine is no reason for an answer to be missing here.
            .args(["--limits-deadline-required=false", "--limits-decision-milliseconds-max", "10000"])
            .arg("--data-dir")
            .arg(directory)
            .args(settings)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // It says where it listens once it is ready.
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = loop {
            let line = lines.next().expect("the server ended before it was ready").unwrap();
            if let Some((_, rest)) = line.split_once("\"listen\":\"") {
                break rest.split('"').next().unwrap().to_owned();
            }
        };
        std::thread::spawn(move || lines.for_each(drop));
        let channel = Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
        Process { child, address, channel }
    }

    /// Where it listens, as others are told.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) fn terminate(mut self) {
        let id = i32::try_from(self.child.id()).unwrap();
        rustix::process::kill_process(rustix::process::Pid::from_raw(id).unwrap(), rustix::process::Signal::TERM)
            .unwrap();
        assert!(self.child.wait().unwrap().success());
    }
}

fn by<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("devhub-actor", "operator:olga".parse().unwrap());
    request
}

pub(crate) async fn prepare(channel: &Channel) {
    let api =
        v1::Api { context: CONTEXT.into(), title: "Losses".into(), policy: "hmrc-mtd".into(), ..Default::default() };
    let request = v1::CreateApiRequest { api: Some(api), request_id: String::new() };
    ApiServiceClient::new(channel.clone()).create_api(by(request)).await.unwrap();
    let sandbox = deployment(v1::Environment::Sandbox, v1::Maturity::Stable);
    let request = v1::CreateApiVersionRequest { version: Some(version("1.0", vec![sandbox])), ..Default::default() };
    ApiServiceClient::new(channel.clone()).create_api_version(by(request)).await.unwrap();
}

/// Registers an application and subscribes it: two commands, acknowledged one by one.
pub(crate) async fn write(channel: &Channel, id: &str) -> Result<(), (Status, usize)> {
    let application = v1::Application {
        application_id: id.into(),
        client_id: client(id),
        name: format!("Application {id}"),
        environment: v1::Environment::Sandbox.into(),
        collaborators: vec![v1::Collaborator { email: "ada@example.com".into(), role: v1::Role::Administrator.into() }],
        ..Default::default()
    };
    let request = v1::CreateApplicationRequest { application: Some(application), request_id: format!("c-{id}") };
    ApplicationServiceClient::new(channel.clone()).create_application(by(request)).await.map_err(|s| (s, 0))?;
    let request = v1::SubscribeRequest {
        application_id: id.into(),
        context: CONTEXT.into(),
        version: "1.0".into(),
        request_id: format!("s-{id}"),
        ..Default::default()
    };
    SubscriptionServiceClient::new(channel.clone()).subscribe(by(request)).await.map_err(|s| (s, 1))?;
    Ok(())
}

pub(crate) async fn decision(channel: &Channel, id: &str) -> String {
    words(&AuthorizationServiceClient::new(channel.clone()).authorize(question(id, "1.0")).await.unwrap().into_inner())
}

/// Ids with a fact of one kind.
async fn ids_with(channel: &Channel, kind: v1::FactKind) -> Vec<String> {
    facts_of(channel, kind, |fact| fact.application_id).await
}

/// What the facts of one kind are about.
async fn facts_of(channel: &Channel, kind: v1::FactKind, about: fn(v1::Fact) -> String) -> Vec<String> {
    let (mut ids, mut page_token) = (Vec::new(), String::new());
    loop {
        let filter = Some(v1::FactFilter { kinds: vec![kind.into()], ..Default::default() });
        let request = v1::ListFactsRequest { filter, page_size: 200, page_token };
        let page = FactServiceClient::new(channel.clone()).list_facts(request).await.unwrap().into_inner();
        ids.extend(page.facts.into_iter().map(about));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return ids;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_kills_lose_nothing_that_was_acknowledged() {
    let directory = tempfile::tempdir().unwrap();
    let mut process = Process::start(directory.path()).await;
    prepare(&process.channel).await;
    let (mut registered, mut subscribed) = (BTreeSet::new(), BTreeSet::new());
    for round in 0..ROUNDS {
        // Kill after a number of acknowledgements that differs from round to round.
        let target = 1 + (round * 7) % 40;
        let acknowledged = Arc::new(AtomicUsize::new(0));
        let reached = Arc::new(tokio::sync::Notify::new());
        let mut writers = Vec::new();
        for writer in 0..WRITERS {
            let (channel, acknowledged, reached) =
                (process.channel.clone(), Arc::clone(&acknowledged), Arc::clone(&reached));
            writers.push(tokio::spawn(async move {
                let mut done = Vec::new();
                for number in 0.. {
                    let id = format!("r{round}-w{writer}-{number}");
                    match write(&channel, &id).await {
                        Ok(()) => done.push((id, 2)),
                        Err((_killed, commands)) => {
                            done.push((id, commands));
                            break;
                        }
                    }
                    if acknowledged.fetch_add(1, Ordering::AcqRel) + 1 == target {
                        reached.notify_one();
                    }
                }
                done
            }));
        }
        reached.notified().await;
        process.child.kill().unwrap();
        process.child.wait().unwrap();
        let mut unsure = Vec::new();
        for writer in writers {
            for (id, commands) in writer.await.unwrap() {
                if commands >= 1 {
                    registered.insert(id.clone());
                }
                if commands == 2 {
                    subscribed.insert(id);
                } else {
                    unsure.push(id);
                }
            }
        }
        process = Process::start(directory.path()).await;
        // What was not answered is there as a whole or not at all; repeating it with its request id makes it so once.
        for id in unsure {
            write(&process.channel, &id).await.unwrap();
            registered.insert(id.clone());
            subscribed.insert(id);
        }
        for id in subscribed.iter().filter(|id| id.starts_with(&format!("r{round}-"))) {
            assert_eq!(decision(&process.channel, id).await, "ALLOW SUBSCRIBED", "{id}");
        }
    }
    assert!(subscribed.len() > ROUNDS * 10, "too few writes for this to mean anything: {}", subscribed.len());
    for (kind, expected) in [(v1::FactKind::ApplicationCreated, &registered), (v1::FactKind::Subscribed, &subscribed)] {
        let facts = ids_with(&process.channel, kind).await;
        let distinct: BTreeSet<String> = facts.iter().cloned().collect();
        assert_eq!(facts.len(), distinct.len(), "nothing is done twice");
        assert_eq!(&distinct, expected, "nothing is lost, nothing is made up");
    }
    for id in &subscribed {
        assert_eq!(decision(&process.channel, id).await, "ALLOW SUBSCRIBED", "{id}");
    }
}

/// What a writer does for one company, in order; each command is repeatable by its request id.
const MIGRATING: [v1::FactKind; 4] = [
    v1::FactKind::CompanyCreated,
    v1::FactKind::ServiceAccountCreated,
    v1::FactKind::AppInstalled,
    v1::FactKind::ServiceAccountRemoved,
];

/// An application in production with something to install.
async fn prepare_migration(channel: &Channel) {
    let set = v1::SetOrganisationRequest {
        organisation_id: "Example Ltd".into(),
        status: v1::OrganisationStatus::VerifiedPartner.into(),
        reason: "papers were checked".into(),
        ..Default::default()
    };
    OrganisationServiceClient::new(channel.clone()).set_organisation(by(set)).await.unwrap();
    let application = v1::Application {
        application_id: "app".into(),
        name: "App".into(),
        environment: v1::Environment::Production.into(),
        owner: "Example Ltd".into(),
        kind: v1::ApplicationKind::Privileged.into(),
        collaborators: vec![v1::Collaborator { email: "ada@example.com".into(), role: v1::Role::Administrator.into() }],
        ..Default::default()
    };
    let request = v1::CreateApplicationRequest { application: Some(application), ..Default::default() };
    ApplicationServiceClient::new(channel.clone()).create_application(by(request)).await.unwrap();
    let mut versions = AppVersionServiceClient::new(channel.clone());
    let version = crate::promoting::app_version("app", "1.0.0");
    let request = v1::CreateAppVersionRequest { app_version: Some(version), ..Default::default() };
    versions.create_app_version(by(request)).await.unwrap();
    let request =
        v1::PromoteAppVersionRequest { application_id: "app".into(), version: "1.0.0".into(), ..Default::default() };
    versions.promote_app_version(by(request)).await.unwrap();
}

/// Registers a company, makes its account, installs the application and removes the account; every other company keeps
/// its account. How many commands were acknowledged, if not all.
async fn migrate(channel: &Channel, id: &str, all: bool) -> Result<(), usize> {
    let request = v1::CreateCompanyRequest {
        company: Some(crate::accounts::company(id, "carol@example.com")),
        request_id: format!("company-{id}"),
    };
    CompanyServiceClient::new(channel.clone()).create_company(by(request)).await.map_err(|_| 0_usize)?;
    let account = v1::ServiceAccount {
        account_id: format!("sa-{id}"),
        company_id: id.into(),
        name: "Old".into(),
        account_type: Some(crate::accounts::marketplace("app")),
        ..Default::default()
    };
    let mut accounts = ServiceAccountServiceClient::new(channel.clone());
    let request = v1::CreateServiceAccountRequest { account: Some(account), request_id: format!("account-{id}") };
    accounts.create_service_account(by(request)).await.map_err(|_| 1_usize)?;
    let request =
        v1::InstallRequest { request_id: format!("install-{id}"), ..crate::installing::install("app", id, "1.0.0") };
    InstallationServiceClient::new(channel.clone()).install(by(request)).await.map_err(|_| 2_usize)?;
    if all {
        let request = v1::RemoveServiceAccountRequest {
            company_id: id.into(),
            account_id: format!("sa-{id}"),
            request_id: format!("remove-{id}"),
            ..Default::default()
        };
        accounts.remove_service_account(by(request)).await.map_err(|_| 3_usize)?;
    }
    Ok(())
}

/// The migrations in each phase.
async fn funnel(channel: &Channel) -> Vec<(v1::MigrationPhase, u64)> {
    let request = v1::GetMigrationFunnelRequest::default();
    let answer = MigrationServiceClient::new(channel.clone()).get_migration_funnel(request).await.unwrap();
    answer
        .into_inner()
        .phases
        .iter()
        .map(|count| (count.phase(), count.count))
        .filter(|(_, count)| *count > 0)
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b81_kills_lose_no_company_no_account_and_no_installation() {
    let directory = tempfile::tempdir().unwrap();
    let mut process = Process::start(directory.path()).await;
    prepare_migration(&process.channel).await;
    let mut done: [BTreeSet<String>; 4] = Default::default();
    for round in 0..ROUNDS / 5 {
        let target = 1 + (round * 7) % 30;
        let acknowledged = Arc::new(AtomicUsize::new(0));
        let reached = Arc::new(tokio::sync::Notify::new());
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (channel, acknowledged, reached) =
                    (process.channel.clone(), Arc::clone(&acknowledged), Arc::clone(&reached));
                tokio::spawn(async move {
                    let mut ids = Vec::new();
                    for number in 0.. {
                        let id = format!("r{round}-w{writer}-{number}");
                        let outcome = migrate(&channel, &id, number % 2 == 0).await;
                        ids.push((id, number % 2 == 0));
                        if outcome.is_err() {
                            break;
                        }
                        if acknowledged.fetch_add(1, Ordering::AcqRel) + 1 == target {
                            reached.notify_one();
                        }
                    }
                    ids
                })
            })
            .collect();
        reached.notified().await;
        process.child.kill().unwrap();
        process.child.wait().unwrap();
        let mut ids = Vec::new();
        for writer in writers {
            ids.extend(writer.await.unwrap());
        }
        process = Process::start(directory.path()).await;
        let before = funnel(&process.channel).await;
        for (id, all) in ids {
            // All of it again: what was acknowledged is not done twice, what was not is done once.
            migrate(&process.channel, &id, all).await.unwrap();
            done[..3].iter_mut().for_each(|ids| ids.extend([id.clone()]));
            if all {
                done[3].insert(id);
            }
        }
        let (kept, removed) = ((done[0].len() - done[3].len()) as u64, done[3].len() as u64);
        let expected = [(v1::MigrationPhase::Installed, kept), (v1::MigrationPhase::OldAccountRemoved, removed)];
        let after = funnel(&process.channel).await;
        assert_eq!(after, expected.into_iter().filter(|(_, count)| *count > 0).collect::<Vec<_>>(), "round {round}");
        let total = |counts: &[(v1::MigrationPhase, u64)]| counts.iter().map(|(_, count)| count).sum::<u64>();
        // Each writer was in the middle of one company at most.
        assert!(total(&before) + WRITERS as u64 >= total(&after), "round {round}: {before:?}, {after:?}");
    }
    assert!(done[0].len() > ROUNDS, "too few writes for this to mean anything: {}", done[0].len());
    for (kind, expected) in MIGRATING.into_iter().zip(&done) {
        let facts = facts_of(&process.channel, kind, |fact| fact.company_id).await;
        let distinct: BTreeSet<String> = facts.iter().cloned().collect();
        assert_eq!(facts.len(), distinct.len(), "nothing is done twice");
        assert_eq!(&distinct, expected, "nothing is lost, nothing is made up");
    }
    process.terminate();
}
