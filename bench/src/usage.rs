//! What counting costs: a decision with and without it, in the same process, without the network around it.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use chrono::TimeDelta;
use devhub::clock::SystemClock;
use devhub::config::Config;
use devhub::hub::Hub;
use devhub::store::embedded::{Embedded, Options};
use devhub_decision::{Environment, Limits, Question, decide};
use devhub_proto::v1;

use crate::population::{self, Numbers};

const APPLICATIONS: usize = 1_000;
const QUESTIONS: usize = 8_192;
const ROUNDS: usize = 50;
const REPETITIONS: usize = 9;
const THREADS: [usize; 2] = [1, 2];

#[derive(Clone, Copy, PartialEq)]
enum Subject {
    Decide,
    DecideAndCount,
}

/// Asks everything `ROUNDS` times on each thread; nanoseconds for each question.
fn measure(hub: &Hub, questions: &[v1::AuthorizeRequest], limits: Limits, threads: usize, subject: Subject) -> f64 {
    let begin = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                for message in (0..ROUNDS).flat_map(|_| questions) {
                    let (client_id, context, label) = (&*message.client_id, &*message.context, &*message.version);
                    let question = Question {
                        client_id,
                        context,
                        label,
                        environment: Environment::Sandbox,
                        operation: None,
                        company: None,
                        project: None,
                    };
                    // Both read the clock, as every call does.
                    let now = hub.now();
                    hub.table().ask(&question, |facts| {
                        let decision = decide(facts, now, limits);
                        if subject == Subject::DecideAndCount {
                            hub.usage().count(&question, &decision, now);
                        }
                        std::hint::black_box(decision.reason)
                    });
                }
            });
        }
    });
    begin.elapsed().as_nanos() as f64 / (ROUNDS * questions.len()) as f64
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Alternates the two and prints the ratio, and what a flush takes.
pub(crate) async fn run() -> Result<()> {
    let directory = tempfile::tempdir()?;
    population::lay_out(directory.path(), APPLICATIONS, population::EACH).await?;
    let store = Embedded::open(directory.path(), Options::default())?;
    let rules = devhub::server::rules(&Config::for_testing(directory.path()))?;
    let hub = Hub::open(Arc::new(store), rules, Arc::new(SystemClock))?;
    let ttl = TimeDelta::seconds(30);
    let limits = Limits::new(ttl, ttl)?;
    let mut numbers = Numbers::new(1);
    let questions: Vec<v1::AuthorizeRequest> =
        (0..QUESTIONS).map(|_| population::question(numbers.next(), APPLICATIONS)).collect();
    println!("| threads | decide ns | decide and count ns | ratio |");
    println!("|---|---|---|---|");
    for threads in THREADS {
        let (mut alone, mut counted, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for repetition in 0..REPETITIONS {
            let ask = |subject| measure(&hub, &questions, limits, threads, subject);
            let (base, ours) = if repetition % 2 == 0 {
                let base = ask(Subject::Decide);
                (base, ask(Subject::DecideAndCount))
            } else {
                let ours = ask(Subject::DecideAndCount);
                (ask(Subject::Decide), ours)
            };
            alone.push(base);
            counted.push(ours);
            ratios.push(ours / base);
        }
        let (alone, counted, ratio) = (median(&mut alone), median(&mut counted), median(&mut ratios));
        println!("| {threads} | {alone:.0} | {counted:.0} | {ratio:.2} |");
    }
    let (held, begin) = (hub.usage().figures().held, Instant::now());
    hub.usage().flush(hub.now())?;
    println!("a flush of {held} subscriptions took {} ms", begin.elapsed().as_millis());
    Ok(())
}
