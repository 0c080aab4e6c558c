//! What a hub does beside answering calls, in rounds, until it is told to stop.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::watch;

use crate::access::Door;
use crate::clock::CHECKED_EVERY;
use crate::hub::Hub;
use crate::listener::wait;

/// How often the caretaker goes round. Not at the start: gateways that kept answers while the hub was away may report first.
const ROUND_EVERY: Duration = Duration::from_secs(1800);

/// How often it is looked whether certificates or the keys of issuers have changed.
const ACCESS_ROUND_EVERY: Duration = Duration::from_secs(5);

/// How often old answers to request ids are forgotten.
const HOUSEKEEPING_EVERY: Duration = Duration::from_secs(3600);

/// Looks from time to time whether certificates or keys have changed.
pub(super) async fn watch_access(door: Arc<Door>, stopping: watch::Receiver<bool>) -> anyhow::Result<()> {
    loop {
        tokio::select! {
            () = tokio::time::sleep(ACCESS_ROUND_EVERY) => door.make_round().await,
            () = wait(stopping.clone()) => return Ok(()),
        }
    }
}

/// Writes counted calls from time to time.
pub(super) async fn note_usage(hub: Hub, every: Duration, stopping: watch::Receiver<bool>) -> anyhow::Result<()> {
    loop {
        tokio::select! {
            () = tokio::time::sleep(every) => {
                flush_usage(&hub).await;
                note_refusals(&hub, Some(hub.now())).await;
            }
            () = wait(stopping.clone()) => return Ok(()),
        }
    }
}

/// Records from time to time which installations were used for the first time.
pub(super) async fn record_first_uses(
    hub: Hub,
    every: Duration,
    stopping: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    loop {
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            () = wait(stopping.clone()) => return Ok(()),
        }
        tokio::select! {
            recorded = hub.note_first_uses() => if let Err(error) = recorded {
                tracing::warn!(%error, "some first uses were not recorded; the next turn tries again");
            },
            () = wait(stopping.clone()) => return Ok(()),
        }
    }
}

/// The same for the last time, as far as it can be done in the time that there is.
pub(super) async fn record_last_first_uses(hub: &Hub, within: Duration) {
    match tokio::time::timeout(within, hub.note_first_uses()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "some first uses were not recorded at the end; calls bring them back"),
        Err(_) => tracing::warn!("the drain time is over, and some first uses are not recorded; calls bring them back"),
    }
}

async fn flush_usage(hub: &Hub) {
    let meter = hub.clone();
    match tokio::task::spawn_blocking(move || meter.flush_notes()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "counted calls were not written; the next flush tries again"),
        Err(error) => {
            tracing::error!(%error, "the flush of counted calls ended early; those it held are lost");
            hub.usage().lose();
        }
    }
}

/// Records how many refused commands were not recorded one by one, up to an instant or all.
pub(super) async fn note_refusals(hub: &Hub, now: Option<DateTime<Utc>>) {
    if let Err(error) = hub.note_refusals(now).await {
        tracing::warn!(%error, "how many refused commands were left out of the trail was not recorded");
    }
}

pub(super) async fn close_usage(hub: &Hub) {
    let meter = hub.clone();
    match tokio::task::spawn_blocking(move || meter.close_notes()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "counted calls were not written at the end; they are lost"),
        Err(error) => tracing::error!(%error, "the last flush of counted calls ended early; they are lost"),
    }
}

/// Gives notices as their milestones come: woken by commits and by the clock.
pub(super) async fn cry(hub: Hub, stopping: watch::Receiver<bool>) -> anyhow::Result<()> {
    let mut head = hub.watch();
    loop {
        head.mark_unchanged();
        let crying = tokio::select! {
            cried = hub.cry(hub.now()) => cried,
            () = wait(stopping.clone()) => return Ok(()),
        };
        let wait_at_most = match crying {
            Ok(_) => {
                let until = hub.until_next_cry(hub.now()).and_then(|until| until.to_std().ok());
                // Never at once: what is due now was given just now.
                until.map_or(CHECKED_EVERY, |until| until.clamp(Duration::from_millis(1), CHECKED_EVERY))
            }
            Err(error) => {
                tracing::warn!(%error, "some notices were not given; the next round goes on where this one ended");
                CHECKED_EVERY
            }
        };
        tokio::select! {
            changed = head.changed() => if changed.is_err() { return Ok(()) },
            () = tokio::time::sleep(wait_at_most) => {}
            () = wait(stopping.clone()) => return Ok(()),
        }
    }
}

/// Has done what is due about applications that nobody uses.
pub(super) async fn take_care(hub: Hub, stopping: watch::Receiver<bool>) -> anyhow::Result<()> {
    loop {
        tokio::select! {
            () = tokio::time::sleep(ROUND_EVERY) => {}
            () = wait(stopping.clone()) => return Ok(()),
        }
        tokio::select! {
            round = hub.go_round() => if let Err(error) = round {
                tracing::warn!(%error, "the round of unused applications ended early; the next one begins anew");
            },
            () = wait(stopping.clone()) => return Ok(()),
        }
    }
}

pub(super) async fn keep_house(hub: Hub, stopping: watch::Receiver<bool>) -> anyhow::Result<()> {
    loop {
        tokio::select! {
            () = tokio::time::sleep(HOUSEKEEPING_EVERY) => {
                if let Err(error) = hub.forget_old_answers().await {
                    tracing::warn!(%error, "old answers to request ids were not forgotten; the next round tries again");
                }
            }
            () = wait(stopping.clone()) => return Ok(()),
        }
    }
}
