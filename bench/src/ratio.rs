//! Authorize beside a bare tonic unary call: calls per second, and the server's CPU time per call.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use devhub_proto::v1;
use devhub_proto::v1::authorization_service_client::AuthorizationServiceClient;
use tonic::transport::Endpoint;

use crate::child::Served;
use crate::population::{self, Numbers};

const APPLICATIONS: usize = 10_000;
const REPETITIONS: usize = 5;

/// Connections, and calls in flight on each.
const SHAPES: [(usize, usize); 3] = [(1, 1), (4, 4), (4, 25)];

/// Calls of one measurement with this many in flight.
fn calls(in_flight: usize) -> usize {
    if in_flight == 1 { 20_000 } else { 100_000 }
}

/// What answers are checked against: the hub's, or nothing for the baseline.
#[derive(Clone, Copy, PartialEq)]
enum Subject {
    Hub,
    Echo,
}

struct Measured {
    per_second: f64,
    cpu: Duration,
}

async fn measure(
    served: &Served,
    subject: Subject,
    connections: usize,
    in_flight: usize,
    seed: u64,
) -> Result<Measured> {
    let total = calls(connections * in_flight);
    let each = total / (connections * in_flight);
    let mut clients = Vec::new();
    for _ in 0..connections {
        let channel = Endpoint::from_shared(format!("http://{}", served.address))?.connect().await?;
        clients.push(AuthorizationServiceClient::new(channel));
    }
    let before = served.cpu()?;
    let begin = Instant::now();
    let mut tasks = Vec::new();
    for (connection, client) in clients.iter().enumerate() {
        for lane in 0..in_flight {
            let mut client = client.clone();
            let mut numbers = Numbers::new(seed * 1000 + (connection * in_flight + lane) as u64 + 1);
            tasks.push(tokio::spawn(async move {
                for _ in 0..each {
                    let random = numbers.next();
                    let answer = client.authorize(population::question(random, APPLICATIONS)).await?.into_inner();
                    let expected = if random % 10 == 9 { v1::Verdict::Deny } else { v1::Verdict::Allow };
                    ensure!(subject == Subject::Echo || answer.verdict() == expected, "a wrong answer: {answer:?}");
                }
                Ok(())
            }));
        }
    }
    for task in tasks {
        task.await??;
    }
    let elapsed = begin.elapsed();
    let count = each * connections * in_flight;
    let cpu = (served.cpu()? - before) / u32::try_from(count)?;
    Ok(Measured { per_second: count as f64 / elapsed.as_secs_f64(), cpu })
}

fn median(mut values: Vec<f64>) -> (f64, f64, f64) {
    values.sort_by(f64::total_cmp);
    (values[values.len() / 2], values[0], values[values.len() - 1])
}

/// Alternates the two and prints the ratios.
pub(crate) async fn run() -> Result<()> {
    let directory = tempfile::tempdir()?;
    population::lay_out(directory.path(), APPLICATIONS, population::EACH).await?;
    let (hub, echo) = (Served::hub(directory.path()).await?, Served::start(&["serve-echo"]).await?);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("population {APPLICATIONS} applications x {}, load average {}", population::EACH, load.trim());
    println!(
        "| connections x in flight | echo calls/s | Authorize calls/s | ratio (range) | echo CPU us | Authorize CPU us | ratio (range) |"
    );
    println!("|---|---|---|---|---|---|---|");
    for (connections, in_flight) in SHAPES {
        let (mut rates, mut costs, mut all) = (Vec::new(), Vec::new(), Vec::new());
        for repetition in 0..REPETITIONS {
            let seed = repetition as u64 + 1;
            let order = if repetition % 2 == 0 { [Subject::Echo, Subject::Hub] } else { [Subject::Hub, Subject::Echo] };
            let mut pair = Vec::new();
            for subject in order {
                let served = if subject == Subject::Echo { &echo } else { &hub };
                pair.push((subject, measure(served, subject, connections, in_flight, seed).await?));
            }
            pair.sort_by_key(|(subject, _)| *subject == Subject::Hub);
            let (base, ours) = (&pair[0].1, &pair[1].1);
            rates.push(ours.per_second / base.per_second);
            costs.push(ours.cpu.as_secs_f64() / base.cpu.as_secs_f64());
            all.push((base.per_second, ours.per_second, base.cpu.as_secs_f64() * 1e6, ours.cpu.as_secs_f64() * 1e6));
        }
        let middle = |pick: fn(&(f64, f64, f64, f64)) -> f64| median(all.iter().map(pick).collect()).0;
        let ((rate, low, high), (cost, cheap, dear)) = (median(rates), median(costs));
        println!(
            "| {connections} x {in_flight} | {:.0} | {:.0} | {rate:.2} ({low:.2}-{high:.2}) | {:.1} | {:.1} | {cost:.2} ({cheap:.2}-{dear:.2}) |",
            middle(|m| m.0),
            middle(|m| m.1),
            middle(|m| m.2),
            middle(|m| m.3),
        );
    }
    hub.stop().await?;
    echo.stop().await
}
