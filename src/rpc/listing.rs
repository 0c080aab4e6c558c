//! ListingService: which applications stand in the marketplace.

use chrono::{DateTime, Utc};
use devhub_proto::v1;
use devhub_proto::v1::listing_service_server::ListingService;
use tonic::{Request, Response, Status};

use super::parse::{self, Fields, Query, REASON_CHARS_MAX};
use super::{execute, read, record, revision, seen, status};
use crate::domain::listing::{ApproveListing, Listing, ListingState, RemoveListing, SubmitListing};
use crate::domain::name::ApplicationId;
use crate::domain::record::{Record, RecordKey};
use crate::domain::refusal::Refusal;
use crate::hub::{Answer, Failure, Hub, Mode};
use crate::store::codec::Kind;
use crate::wire::{self, Word, timestamp};

/// Serves ListingService.
pub struct ListingRpc {
    hub: Hub,
}

/// A listing, as of `now`, in the given state.
fn render(listing: &Listing, revision: u64, (state, delists_at): (ListingState, Option<DateTime<Utc>>)) -> v1::Listing {
    let removal = listing.removal.as_ref();
    v1::Listing {
        application_id: listing.application.to_string(),
        state: state.number(),
        version: listing.submission.version.to_string(),
        submitted: Some(wire::step(&listing.submission.step)),
        approved: listing.approved.as_ref().map(wire::step),
        removed: removal.map(|removal| wire::step(&removal.step)),
        removal_reason: removal.map(|removal| removal.reason.clone()).unwrap_or_default(),
        first_list_time: listing.first_listed_at.map(timestamp),
        delist_time: delists_at.map(timestamp),
        etag: revision.to_string(),
    }
}

impl ListingRpc {
    /// Serves the listings of `hub`.
    pub fn new(hub: Hub) -> ListingRpc {
        ListingRpc { hub }
    }

    /// The listing and the revision of a reply.
    fn written(&self, answer: Answer) -> Result<(Option<v1::Listing>, u64), Status> {
        let revision = revision(&answer);
        let listing = record!(answer.subject, Listing)?;
        let state = self.hub.listing_state(&listing, answer.at).map_err(status::failed)?;
        Ok((Some(render(&listing, answer.revision, state)), revision))
    }
}

#[tonic::async_trait]
impl ListingService for ListingRpc {
    async fn submit_listing(
        &self,
        request: Request<v1::SubmitListingRequest>,
    ) -> Result<Response<v1::SubmitListingResponse>, Status> {
        let actor = parse::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let request = fields.request("SubmitListing", &actor, &message, &message.request_id, Mode::Commit);
        let application = fields.name("application_id", &message.application_id);
        let version = fields.name("version", &message.version);
        let etag = fields.etag(&message.etag);
        let (Some(application), Some(version)) = (application, version) else { return Err(fields.refuse()) };
        fields.check()?;
        let command = SubmitListing { application, version, etag };
        let (listing, revision) = self.written(execute(&self.hub, actor, command, request).await?)?;
        Ok(Response::new(v1::SubmitListingResponse { listing, revision }))
    }

    async fn approve_listing(
        &self,
        request: Request<v1::ApproveListingRequest>,
    ) -> Result<Response<v1::ApproveListingResponse>, Status> {
        let actor = parse::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let request = fields.request("ApproveListing", &actor, &message, &message.request_id, Mode::Commit);
        let application = fields.name("application_id", &message.application_id);
        let etag = fields.etag(&message.etag);
        let Some(application) = application.filter(|_| fields.is_clean()) else { return Err(fields.refuse()) };
        let command = ApproveListing { application, etag };
        let (listing, revision) = self.written(execute(&self.hub, actor, command, request).await?)?;
        Ok(Response::new(v1::ApproveListingResponse { listing, revision }))
    }

    async fn remove_listing(
        &self,
        request: Request<v1::RemoveListingRequest>,
    ) -> Result<Response<v1::RemoveListingResponse>, Status> {
        let actor = parse::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let request = fields.request("RemoveListing", &actor, &message, &message.request_id, Mode::Commit);
        let application = fields.name("application_id", &message.application_id);
        let reason = fields.needed_text("reason", &message.reason, REASON_CHARS_MAX);
        let etag = fields.etag(&message.etag);
        let Some(application) = application.filter(|_| fields.is_clean()) else { return Err(fields.refuse()) };
        let command = RemoveListing { application, reason, etag };
        let (listing, revision) = self.written(execute(&self.hub, actor, command, request).await?)?;
        Ok(Response::new(v1::RemoveListingResponse { listing, revision }))
    }

    async fn get_listing(
        &self,
        request: Request<v1::GetListingRequest>,
    ) -> Result<Response<v1::GetListingResponse>, Status> {
        let hub = seen(&self.hub, &request)?;
        let mut fields = Fields::default();
        let application = fields.name::<ApplicationId>("application_id", &request.get_ref().application_id);
        let Some(application) = application else { return Err(fields.refuse()) };
        let found = hub.get_one(RecordKey::Listing(application.clone())).map_err(status::failed)?;
        let stored = found.ok_or_else(|| status::refused(&Refusal::ListingNotFound(application)))?;
        let listing = record!(stored.record, Listing)?;
        let state = self.hub.listing_state(&listing, self.hub.now()).map_err(status::failed)?;
        let listing = Some(render(&listing, stored.revision, state));
        Ok(Response::new(v1::GetListingResponse { listing }))
    }

    async fn list_listings(
        &self,
        request: Request<v1::ListListingsRequest>,
    ) -> Result<Response<v1::ListListingsResponse>, Status> {
        let hub = seen(&self.hub, &request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let wanted = fields.word_or_none::<ListingState>("state", message.state);
        let size = fields.page_size(message.page_size);
        fields.check()?;
        let query =
            Query::new(self.hub.page_seals(), "ListListings", &[&message.state.to_string()]).within(hub.scope());
        let cursor = query.cursor(&message.page_token)?;
        let page = read(&hub, move |hub| {
            let now = hub.now();
            hub.list(&Hub::prefix(Kind::Listing, None), cursor, size, |stored| {
                let Record::Listing(listing) = &stored.record else { return Err(Failure::Defect) };
                let state = hub.listing_state(listing, now)?;
                let is_wanted = wanted.is_none_or(|wanted| wanted == state.0);
                Ok(is_wanted.then(|| render(listing, stored.revision, state)))
            })
        })
        .await?;
        let next_page_token = query.token(page.next);
        Ok(Response::new(v1::ListListingsResponse { listings: page.items, next_page_token }))
    }
}
