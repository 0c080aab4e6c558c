//! Streams that follow the journal: sent step by step until the follower leaves, a step fails, or the hub stops.

use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::{read, status};
use crate::hub::{Failure, Hub};

/// Messages that wait for a slow follower; it is then waited for, at no cost to anybody else.
const STREAM_BUFFER: usize = 4;

/// Followers of a service at a time: each reads every commit, so many of them would slow writes down.
const FOLLOWERS_MAX: usize = 200;

/// The stream of a follower.
pub(super) type Following<M> = Pin<Box<dyn Stream<Item = Result<M, Status>> + Send>>;

/// What one look at the journal gave.
pub(super) struct Step<M> {
    /// What to send; nothing when nothing needs to be said.
    pub(super) messages: Vec<M>,
    /// Every commit up to here was looked at.
    pub(super) after: u64,
    /// Whether this is all there is now.
    pub(super) complete: bool,
}

/// The places of the followers of one service.
pub(super) struct Followers {
    hub: Hub,
    /// Becomes true when the hub stops: streams end then.
    stopping: watch::Receiver<bool>,
    places: Arc<Semaphore>,
}

impl Followers {
    pub(super) fn new(hub: Hub, stopping: watch::Receiver<bool>) -> Followers {
        Followers { hub, stopping, places: Arc::new(Semaphore::new(FOLLOWERS_MAX)) }
    }

    /// Begins a stream after a revision of an epoch; an empty epoch is any. `look` is asked what comes after a revision,
    /// and told the last revision that the follower was told of, none at first.
    ///
    /// # Errors
    /// When the epoch is another, the revision is not there yet, or there are too many followers.
    pub(super) fn begin<M: Send + 'static>(
        &self,
        epoch: &str,
        after: u64,
        look: impl Fn(&Hub, u64, Option<u64>) -> Result<Step<M>, Failure> + Send + Sync + 'static,
    ) -> Result<Following<M>, Status> {
        let (current, head) = (self.hub.epoch(), *self.hub.watch().borrow());
        if !epoch.is_empty() && epoch != current {
            return Err(status::epoch_changed(&current));
        }
        if after > head {
            return Err(status::revision_not_reached(after, head));
        }
        let place = Arc::clone(&self.places).try_acquire_owned();
        let place = place.map_err(|_| status::too_many_followers(FOLLOWERS_MAX))?;
        let (sender, receiver) = mpsc::channel(STREAM_BUFFER);
        tokio::spawn(follow(self.hub.clone(), after, Arc::new(look), sender, self.stopping.clone(), place));
        Ok(Box::pin(ReceiverStream::new(receiver)))
    }
}

async fn follow<M: Send + 'static>(
    hub: Hub,
    mut after: u64,
    look: Arc<impl Fn(&Hub, u64, Option<u64>) -> Result<Step<M>, Failure> + Send + Sync + 'static>,
    sender: mpsc::Sender<Result<M, Status>>,
    mut stopping: watch::Receiver<bool>,
    _place: OwnedSemaphorePermit,
) {
    let mut head = hub.watch();
    let mut told = None;
    loop {
        head.mark_unchanged();
        let look = Arc::clone(&look);
        let step = match read(&hub, move |hub| look(hub, after, told)).await {
            Ok(step) => step,
            Err(status) => {
                let _ = sender.send(Err(status)).await;
                return;
            }
        };
        after = step.after;
        for message in step.messages {
            told = Some(after);
            if sender.send(Ok(message)).await.is_err() {
                return;
            }
        }
        if step.complete {
            tokio::select! {
                changed = head.changed() => if changed.is_err() { return },
                () = sender.closed() => return,
                _ = stopping.wait_for(|stopping| *stopping) => {
                    // The follower may be slow; it then just sees the stream end.
                    let _ = sender.try_send(Err(status::stopping()));
                    return;
                }
            }
        }
    }
}
