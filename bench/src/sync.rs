//! What following costs: a snapshot's bytes, time and memory as data grows by tens, how soon a commit is in effect in a
//! replica, and a decision made there.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use devhub::clock::SystemClock;
use devhub::config::Config;
use devhub::domain::Actor;
use devhub::domain::subscribe::{Since, Subscribe};
use devhub::hub::Request;
use devhub::server::Server;
use devhub_decision::{Environment, Question};
use devhub_gateway::{Replica, Settings};
use devhub_proto::v1;
use devhub_proto::v1::gateway_sync_service_client::GatewaySyncServiceClient;
use devhub_proto::v1::sync_response::Message as Told;
use prost::Message as _;
use tonic::transport::Channel;

use crate::child::Served;
use crate::population::{self, EACH, Numbers};

const COMMITS: usize = 200;
const QUESTIONS: usize = 8_192;
const ROUNDS: usize = 100;
const REPETITIONS: usize = 5;

/// What a replica takes in a process of its own: resident before it follows, at the end of its snapshot, and at most.
async fn memory(server: &Server) -> Result<[u64; 3]> {
    let (address, revision) = (server.address.to_string(), server.hub().table().revision().to_string());
    let follower = Served::start(&["follow", &address, &revision]).await?;
    let before = follower.address.parse().context("what it took before")?;
    let taken = [before, follower.resident()?, follower.resident_most()?];
    follower.stop().await?;
    Ok(taken)
}

/// Bytes and messages of a snapshot, and how long it takes to receive it and throw it away.
async fn received(channel: Channel) -> Result<(usize, usize, Duration)> {
    let first = devhub_gateway::replica::start(Environment::Sandbox, "bench", Vec::new());
    let begin = Instant::now();
    let requests = futures_util::StreamExt::chain(
        futures_util::stream::iter([first]),
        futures_util::stream::pending::<v1::SyncRequest>(),
    );
    let mut inbound = GatewaySyncServiceClient::new(channel).sync(requests).await?.into_inner();
    let (mut bytes, mut messages) = (0, 0);
    while let Some(message) = inbound.message().await? {
        bytes += message.encoded_len();
        messages += 1;
        if let Some(Told::Commit(_)) = message.message {
            break;
        }
    }
    Ok((bytes, messages, begin.elapsed()))
}

pub(crate) fn settings() -> Settings {
    Settings { report_every: None, ..Settings::new(Environment::Sandbox, "bench") }
}

fn ask<R>(question: &v1::AuthorizeRequest, decide: impl FnOnce(&Question<'_>) -> R) -> R {
    let v1::AuthorizeRequest { client_id, context, version: label, .. } = question;
    let environment = Environment::Sandbox;
    decide(&Question { client_id, context, label, environment, operation: None, company: None, project: None })
}

/// Nanoseconds for a decision of the replica, the clocks included.
fn lookup(replica: &Replica, questions: &[v1::AuthorizeRequest]) -> f64 {
    let once = || {
        let begin = Instant::now();
        for question in (0..ROUNDS).flat_map(|_| questions) {
            let reason = ask(question, |question| replica.decide(question, |decision| decision.reason));
            std::hint::black_box(reason).expect("it serves");
        }
        begin.elapsed().as_nanos() as f64 / (ROUNDS * questions.len()) as f64
    };
    (0..REPETITIONS).map(|_| once()).fold(f64::INFINITY, f64::min)
}

/// From the call that commits a subscription to its effect in the replica: the answer of the hub is on the way meanwhile.
async fn latency(server: &Server, replica: &Replica, applications: usize) -> Result<[Duration; 2]> {
    let actor: Actor = "process:bench".parse()?;
    let (mut to_answer, mut to_effect) = (Vec::new(), Vec::new());
    for number in 0..COMMITS {
        let application = number % applications;
        // One that nobody has yet.
        let nth = EACH + number / applications;
        let (context, label) = (population::context(population::version_of(application, nth)), "1.0");
        let command = Subscribe {
            id: format!("latency-{number}").parse()?,
            application: population::application(application).parse()?,
            version: devhub::domain::name::VersionName { context: context.parse()?, label: label.parse()? },
            since: Since::Now,
            field_values: Default::default(),
        };
        let begin = Instant::now();
        server.hub().execute(actor.clone(), command.into(), Request::once()).await?;
        to_answer.push(begin.elapsed());
        let client_id = population::client(application);
        let question = v1::AuthorizeRequest { client_id, context, version: label.to_owned(), ..Default::default() };
        replica
            .wait_for(|replica| {
                ask(&question, |question| replica.decide(question, |decision| decision.reason.allows())) == Ok(true)
            })
            .await;
        to_effect.push(begin.elapsed());
    }
    let median = |mut times: Vec<Duration>| {
        times.sort_unstable();
        times[times.len() / 2]
    };
    Ok([median(to_answer), median(to_effect)])
}

pub(crate) async fn run(sizes: &[usize]) -> Result<()> {
    for subscriptions in sizes {
        let (applications, directory) = ((subscriptions / EACH).max(1), tempfile::tempdir()?);
        population::lay_out(directory.path(), applications, EACH).await?;
        let config = Config::for_testing(directory.path());
        let server = Server::start(&config, Arc::new(SystemClock)).await?;
        let channel =
            || Channel::from_shared(format!("http://{}", server.address)).map(|endpoint| endpoint.connect_lazy());
        let (bytes, messages, thrown_away) = received(channel()?).await?;
        let [before, resident, most] = memory(&server).await?;
        let begin = Instant::now();
        let replica = Replica::follow(channel()?, settings(), Arc::new(devhub_gateway::SystemClock::start()));
        replica.reach(server.hub().table().revision()).await;
        let ready = begin.elapsed();
        let mut numbers = Numbers::new(7);
        let questions: Vec<_> = (0..QUESTIONS).map(|_| population::question(numbers.next(), applications)).collect();
        let nanoseconds = lookup(&replica, &questions);
        let [answered, in_effect] = latency(&server, &replica, applications).await?;
        println!("{subscriptions} subscriptions of {applications} applications");
        println!("  snapshot   {:.1} MB in {messages} messages, {thrown_away:.2?} to receive", bytes as f64 / 1e6);
        println!("  ready      {ready:.2?}");
        println!(
            "  memory     {:.1} MB resident in a process of its own ({:.1} MB at most), {:.1} MB of it before: {} bytes each",
            resident as f64 / 1e6,
            most as f64 / 1e6,
            before as f64 / 1e6,
            resident.saturating_sub(before) / *subscriptions as u64,
        );
        println!("  decision   {nanoseconds:.0} ns");
        println!("  commit     {answered:.2?} to the answer, {in_effect:.2?} to the effect in the replica (medians)");
        drop(replica);
        server.stop().await?;
    }
    Ok(())
}
