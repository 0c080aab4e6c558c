//! Signing heads of the audit trail while the hub runs.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tokio::sync::watch;

use crate::audit::{self, Sealer, Standing};
use crate::config::{Config, Signing};
use crate::hub::Hub;
use crate::listener::wait;

/// Signs heads as a configuration says.
pub(super) struct Sealing {
    sealer: Sealer,
    commits: u64,
    every: Duration,
    /// How long a stop waits for a head that is being made.
    patience: Duration,
}

/// Refuses a file that whoever takes or changes the data has as well.
pub(super) fn apart(name: &str, file: &Path, data: &Path) -> anyhow::Result<()> {
    let directory = file.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if let (Ok(directory), Ok(data)) = (directory.canonicalize(), data.canonicalize()) {
        ensure!(!directory.starts_with(&data), "{name} {} lies in data_dir; keep it elsewhere", file.display());
    }
    Ok(())
}

impl Sealing {
    /// What is to be signed of `hub`, if anything.
    ///
    /// # Errors
    /// When the key or the heads cannot be read, or lie where the data lies.
    pub(super) fn of(config: &Config, hub: &Hub) -> anyhow::Result<Option<Sealing>> {
        let Some(Signing { key_file, heads_file, commits, seconds }) = &config.audit.signing else { return Ok(None) };
        apart("audit_key_file", key_file, &config.data_dir)?;
        apart("audit_heads_file", heads_file, &config.data_dir)?;
        let key = audit::read_key(key_file).context("audit_key_file")?;
        let sealer = Sealer::open(Arc::clone(hub.store()), key, heads_file.clone()).context("audit_heads_file")?;
        let every = Duration::from_secs(u64::from(*seconds));
        let patience = Duration::from_secs(u64::from(config.drain_seconds)) / 2;
        Ok(Some(Sealing { sealer, commits: *commits, every, patience }))
    }

    /// How it stands, for whoever asks.
    pub(super) fn standing(&self) -> Arc<Standing> {
        self.sealer.standing()
    }

    /// Signs a head when enough was committed or some time has passed, and one at the end.
    pub(super) async fn run(self, hub: Hub, stopping: watch::Receiver<bool>) -> anyhow::Result<()> {
        let Sealing { mut sealer, commits, every, patience } = self;
        let standing = sealer.standing();
        let mut head = hub.watch();
        loop {
            let stop = *stopping.borrow();
            // The first one at once: it compares the whole journal with what was attested before.
            let sealed = tokio::select! {
                sealed = seal(sealer, &hub) => sealed?,
                () = lose_patience(stopping.clone(), patience) => {
                    standing.halt();
                    tracing::info!("the journal was not read to its end; the next start signs its head");
                    return Ok(());
                }
            };
            let Some(again) = sealed else { return Ok(()) };
            sealer = again;
            if stop {
                return Ok(());
            }
            let enough = sealer.signed() + commits;
            tokio::select! {
                () = tokio::time::sleep(every) => {}
                grown = head.wait_for(|revision| *revision >= enough) => if grown.is_err() { return Ok(()) },
                () = wait(stopping.clone()) => {}
            }
        }
    }
}

async fn lose_patience(stopping: watch::Receiver<bool>, patience: Duration) {
    wait(stopping).await;
    tokio::time::sleep(patience).await;
}

/// Signs a head; gives the sealer back if signing goes on.
async fn seal(mut sealer: Sealer, hub: &Hub) -> anyhow::Result<Option<Sealer>> {
    let now = hub.now();
    let work = move || {
        let sealed = sealer.seal(now);
        (sealer, sealed)
    };
    let (sealer, sealed) = tokio::task::spawn_blocking(work).await.context("signing heads of the audit trail")?;
    match sealed {
        Ok(_) => {}
        Err(error @ audit::TrailError::Unattested { .. }) => {
            tracing::error!(%error, "the journal is not the one that was attested; no further head is signed");
            return Ok(None);
        }
        Err(error) => tracing::warn!(%error, "no head of the audit trail was signed; the next turn tries again"),
    }
    Ok(Some(sealer))
}
