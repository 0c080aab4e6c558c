//! Durable Subscribe through the wire beside a raw append and fdatasync of the same file system, in the same run.

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use devhub_proto::v1;
use devhub_proto::v1::subscription_service_client::SubscriptionServiceClient;
use tonic::Request;
use tonic::metadata::MetadataValue;
use tonic::transport::Endpoint;

use crate::child::Served;
use crate::population;

const APPLICATIONS: usize = 4000;
const REPETITIONS: usize = 3;

/// Appends and syncs of about what one commit writes, per second.
fn raw(directory: &Path) -> Result<f64> {
    const SYNCS: u32 = 2000;
    let mut file = std::fs::File::create(directory.join("raw"))?;
    let begin = Instant::now();
    for _ in 0..SYNCS {
        file.write_all(&[7; 512])?;
        file.sync_data()?;
    }
    Ok(f64::from(SYNCS) / begin.elapsed().as_secs_f64())
}

/// Subscriptions per second with this many clients, each on its own connection and waiting for each answer.
async fn subscribe(served: &Served, clients: usize, first: usize, count: usize) -> Result<f64> {
    let mut callers = Vec::new();
    for _ in 0..clients {
        let channel = Endpoint::from_shared(format!("http://{}", served.address))?.connect().await?;
        callers.push(SubscriptionServiceClient::new(channel));
    }
    let begin = Instant::now();
    let mut tasks = Vec::new();
    for (lane, mut caller) in callers.into_iter().enumerate() {
        tasks.push(tokio::spawn(async move {
            for number in (first..first + count).skip(lane).step_by(clients) {
                let (application, nth) = (number / population::EACH, number % population::EACH);
                let mut request = Request::new(v1::SubscribeRequest {
                    application_id: population::application(application),
                    context: population::context(population::version_of(application, nth)),
                    version: "1.0".to_owned(),
                    ..v1::SubscribeRequest::default()
                });
                request.metadata_mut().insert("devhub-actor", MetadataValue::from_static("operator:bench"));
                caller.subscribe(request).await?;
            }
            anyhow::Ok(())
        }));
    }
    for task in tasks {
        task.await??;
    }
    Ok(count as f64 / begin.elapsed().as_secs_f64())
}

/// Alternates the baseline and both shapes, and prints the ratios.
pub(crate) async fn run() -> Result<()> {
    let directory = tempfile::tempdir_in(".")?;
    population::lay_out(&directory.path().join("store"), APPLICATIONS, 0).await?;
    let hub = Served::hub(&directory.path().join("store")).await?;
    println!("| run | raw fdatasync/s | Subscribe/s, 1 client | ratio | Subscribe/s, 64 clients | ratio |");
    println!("|---|---|---|---|---|---|");
    let mut next = 0;
    for repetition in 1..=REPETITIONS {
        let base = raw(directory.path())?;
        let one = subscribe(&hub, 1, next, 2000).await?;
        let many = subscribe(&hub, 64, next + 2000, 10_000).await?;
        next += 12_000;
        println!("| {repetition} | {base:.0} | {one:.0} | {:.2} | {many:.0} | {:.2} |", one / base, many / base);
    }
    hub.stop().await
}
