//! FactService: the audit trail, listed and followed.

use std::pin::Pin;
use std::sync::Arc;

use devhub_proto::v1;
use devhub_proto::v1::fact_service_server::FactService;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::parse::{Fields, Query};
use super::{read, status};
use crate::domain::Actor;
use crate::domain::fact::FactKind;
use crate::domain::name::{ApplicationId, Context, Label};
use crate::hub::{FactFilter, Hub};

/// Facts gathered into one message of a stream, about.
const STREAM_STEP: usize = 200;

/// Messages that wait for a slow follower; it is then waited for, at no cost to anybody else.
const STREAM_BUFFER: usize = 4;

/// Followers at a time: each reads every commit, so many of them would slow writes down.
const FOLLOWERS_MAX: usize = 200;

/// Most kinds of one filter.
const KINDS_MAX: usize = 50;

/// Serves FactService.
pub struct FactRpc {
    hub: Hub,
    /// Becomes true when the hub stops: streams end then.
    stopping: watch::Receiver<bool>,
    places: Arc<Semaphore>,
}

impl FactRpc {
    /// Serves the facts of `hub` until `stopping` becomes true.
    pub fn new(hub: Hub, stopping: watch::Receiver<bool>) -> FactRpc {
        FactRpc { hub, stopping, places: Arc::new(Semaphore::new(FOLLOWERS_MAX)) }
    }
}

fn filter(fields: &mut Fields, filter: Option<&v1::FactFilter>) -> FactFilter {
    let Some(filter) = filter else { return FactFilter::default() };
    fields.name_or_none::<ApplicationId>("filter.application_id", &filter.application_id);
    fields.name_or_none::<Context>("filter.context", &filter.context);
    fields.name_or_none::<Label>("filter.version", &filter.version);
    fields.name_or_none::<Actor>("filter.actor", &filter.actor);
    if !filter.version.is_empty() && filter.context.is_empty() {
        fields.violate("filter.context", "is needed when version is given");
    }
    if filter.kinds.len() > KINDS_MAX {
        fields.violate("filter.kinds", "at most 50 kinds are accepted; leave the filter out to match all");
    }
    for kind in &filter.kinds {
        fields.word::<FactKind>("filter.kinds", *kind);
    }
    FactFilter {
        application: filter.application_id.clone(),
        context: filter.context.clone(),
        label: filter.version.clone(),
        actor: filter.actor.clone(),
        kinds: filter.kinds.clone(),
        from: fields.instant("filter.start_time", filter.start_time.as_ref()),
        until: fields.instant("filter.end_time", filter.end_time.as_ref()),
    }
}

/// Sends matching facts until the follower leaves, the journal cannot be read, or the hub stops.
async fn follow(
    hub: Hub,
    filter: FactFilter,
    mut after: u64,
    sender: mpsc::Sender<Result<v1::FollowFactsResponse, Status>>,
    mut stopping: watch::Receiver<bool>,
) {
    let mut head = hub.watch();
    let mut first = true;
    loop {
        head.mark_unchanged();
        let step = filter.clone();
        let page = read(&hub, move |hub| hub.facts(&step, after, STREAM_STEP)).await;
        let (message, complete) = match page {
            Ok(page) => {
                let told = first || page.revision > after;
                (first, after) = (false, page.revision);
                let message = v1::FollowFactsResponse { facts: page.facts, revision: after, epoch: hub.epoch() };
                (told.then_some(Ok(message)), page.complete)
            }
            Err(status) => (Some(Err(status)), true),
        };
        if let Some(message) = message {
            let failed = message.is_err();
            if sender.send(message).await.is_err() || failed {
                return;
            }
        }
        if complete {
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

#[tonic::async_trait]
impl FactService for FactRpc {
    async fn list_facts(
        &self,
        request: Request<v1::ListFactsRequest>,
    ) -> Result<Response<v1::ListFactsResponse>, Status> {
        let message = request.into_inner();
        let mut fields = Fields::default();
        let filter = filter(&mut fields, message.filter.as_ref());
        let size = fields.page_size(message.page_size);
        fields.check()?;
        let query = Query::new("ListFacts", &[&format!("{filter:?}")]);
        let after = match query.cursor(&message.page_token)? {
            None => 0,
            Some(cursor) => u64::from_be_bytes(cursor[..].try_into().map_err(|_| status::page_token())?),
        };
        let page = read(&self.hub, move |hub| hub.facts(&filter, after, size)).await?;
        let next = (!page.complete).then(|| page.revision.to_be_bytes().to_vec().into());
        Ok(Response::new(v1::ListFactsResponse { facts: page.facts, next_page_token: query.token(next) }))
    }

    type FollowFactsStream = Pin<Box<dyn Stream<Item = Result<v1::FollowFactsResponse, Status>> + Send>>;

    async fn follow_facts(
        &self,
        request: Request<v1::FollowFactsRequest>,
    ) -> Result<Response<Self::FollowFactsStream>, Status> {
        let message = request.into_inner();
        let mut fields = Fields::default();
        let filter = filter(&mut fields, message.filter.as_ref());
        fields.check()?;
        let (epoch, head) = (self.hub.epoch(), *self.hub.watch().borrow());
        if !message.epoch.is_empty() && message.epoch != epoch {
            return Err(status::epoch_changed(&epoch));
        }
        if message.after_revision > head {
            return Err(status::revision_not_reached(message.after_revision, head));
        }
        let place = Arc::clone(&self.places).try_acquire_owned();
        let place = place.map_err(|_| status::too_many_followers(FOLLOWERS_MAX))?;
        let (sender, receiver) = mpsc::channel(STREAM_BUFFER);
        let following = follow(self.hub.clone(), filter, message.after_revision, sender, self.stopping.clone());
        tokio::spawn(async move {
            following.await;
            drop(place);
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }
}
