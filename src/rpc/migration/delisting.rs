//! The listings that leave the marketplace with the sunset.

use devhub_proto::v1;
use tonic::Status;

use super::shown::{administrators, days_left};
use crate::hub::{Delisting, Hub};
use crate::rpc::parse::{Fields, Query};
use crate::rpc::read;
use crate::wire::{Word, timestamp};

/// A page of them.
pub(super) async fn list(hub: &Hub, message: v1::ListDelistingsRequest) -> Result<v1::ListDelistingsResponse, Status> {
    let mut fields = Fields::default();
    let supposed = fields.instant("supposed_sunset_time", message.supposed_sunset_time.as_ref());
    let size = fields.page_size(message.page_size);
    fields.check()?;
    let query = Query::new(hub.page_seals(), "ListDelistings", &[&format!("{supposed:?}")]);
    let after = query.cursor(&message.page_token)?;
    let now = hub.now();
    let sunset = hub.sunset_or(supposed);
    let page = read(hub, move |hub| hub.delistings(now, supposed, after, size)).await?;
    let render = |found: Delisting| v1::Delisting {
        application_id: found.application.id.to_string(),
        application_name: found.application.name.clone(),
        owner: found.application.owner.clone(),
        owner_title: found.owner.map(|owner| owner.title).unwrap_or_default(),
        version: found.listing.submission.version.to_string(),
        state: found.state.number(),
        delist_time: sunset.map(timestamp),
        days_left: days_left(sunset, now),
        installations: found.installations,
        remedy: found.remedy,
        developer_contacts: administrators(&found.application),
    };
    Ok(v1::ListDelistingsResponse {
        delistings: page.items.into_iter().map(render).collect(),
        sunset_time: sunset.map(timestamp),
        next_page_token: query.token(page.next),
    })
}
