//! How long a start takes and how much memory it needs, as data grows by tens.

use std::path::Path;
use std::time::Instant;

use anyhow::Result;

use crate::child::Served;
use crate::population::{self, EACH};

fn bytes(directory: &Path) -> Result<u64> {
    let mut total = 0;
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        total += if entry.file_type()?.is_dir() { bytes(&entry.path())? } else { entry.metadata()?.len() };
    }
    Ok(total)
}

/// Lays out stores of these sizes, starts each, and prints a row.
pub(crate) async fn run(sizes: &[usize]) -> Result<()> {
    println!(
        "| subscriptions | laid out in s | start to ready s | CPU s | resident MB | bytes each | journal MB | state MB |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for subscriptions in sizes {
        let directory = tempfile::tempdir_in(".")?;
        let begin = Instant::now();
        population::lay_out(directory.path(), subscriptions / EACH, EACH).await?;
        let laid_out = begin.elapsed().as_secs_f64();
        let hub = Served::hub(directory.path()).await?;
        let (ready, cpu, resident) = (hub.ready_after.as_secs_f64(), hub.cpu()?.as_secs_f64(), hub.resident()?);
        let journal = bytes(&directory.path().join("journal"))?;
        let state = bytes(directory.path())? - journal;
        println!(
            "| {subscriptions} | {laid_out:.1} | {ready:.2} | {cpu:.2} | {} | {} | {} | {} |",
            resident >> 20,
            resident / *subscriptions as u64,
            journal >> 20,
            state >> 20
        );
        hub.stop().await?;
    }
    Ok(())
}
