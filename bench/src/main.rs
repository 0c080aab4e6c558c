//! Measures devhub beside baselines in the same run, and prints ratios: these machines are noisy, absolute figures are
//! not comparable between runs.
//!
//! ```text
//! cargo run -p bench --release -- ratio      Authorize beside a bare tonic unary call
//! cargo run -p bench --release -- durable    Subscribe beside a raw fdatasync
//! cargo run -p bench --release -- startup    time to ready and memory, as data grows by tens
//! cargo run -p bench --release -- migration  who is how far, over 10,000 to 1,000,000 pairs
//! cargo run -p bench --release -- usage      deciding and counting a call beside deciding alone
//! cargo run -p bench --release -- sync       a snapshot, a delta, a decision and the memory of a replica, as data grows by tens
//! cargo run -p bench --release -- verify     what the time of a verification tells of a client
//! cargo run -p bench --release -- gateway    a call through Envoy that asks, beside one through the same Envoy that does not
//! ```

mod child;
mod durable;
mod echo;
mod gateway;
mod keepalive;
mod migration;
mod population;
mod ratio;
mod startup;
mod sync;
mod usage;
mod verifying;

use anyhow::{Result, bail};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match words.as_slice() {
            ["ratio"] => ratio::run().await,
            ["durable"] => durable::run().await,
            ["usage"] => usage::run().await,
            ["migration"] => migration::run(&[10_000, 100_000, 1_000_000]).await,
            ["migration", pairs] => migration::run(&[pairs.parse()?]).await,
            ["sync"] => sync::run(&[10_000, 100_000, 1_000_000]).await,
            ["sync", subscriptions] => sync::run(&[subscriptions.parse()?]).await,
            ["startup"] => startup::run(&[10_000, 100_000, 1_000_000]).await,
            ["startup", subscriptions] => startup::run(&[subscriptions.parse()?]).await,
            ["gateway"] => gateway::run(None).await,
            ["gateway", calls] => gateway::run(Some(calls.parse()?)).await,
            ["verify"] => verifying::run(1_000_000).await,
            ["verify", samples] => verifying::run(samples.parse()?).await,
            // The servers under test run as children of this program, so that their CPU time is told apart.
            ["serve-echo"] => echo::serve().await,
            ["serve-hub", directory] => child::serve_hub(directory).await,
            ["serve-asked-hub", directory] => child::serve_asked_hub(directory).await,
            ["serve-agent", hub, socket] => child::serve_agent(hub, socket).await,
            ["follow", address, revision] => child::follow(address, revision).await,
            _ => bail!("say what to measure: ratio, durable, startup, migration, sync, gateway, verify or usage"),
        }
    })
}
