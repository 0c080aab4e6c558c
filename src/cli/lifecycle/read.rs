//! Reading schedules, page by page where they have pages.

use anyhow::Result;
use devhub_proto::v1;

use crate::cli::catalogue::read::PAGE;
use crate::cli::connection::Hub;
use crate::cli::failure::explained;

/// The schedule of a target, as it was known at an instant.
///
/// # Errors
/// When there is none or the hub does not answer.
pub async fn schedule(
    hub: &Hub,
    target: v1::ScheduleTarget,
    as_of: Option<prost_types::Timestamp>,
) -> Result<v1::GetScheduleResponse> {
    let request = v1::GetScheduleRequest { target: Some(target), as_of };
    Ok(hub.schedules().get_schedule(request).await.map_err(explained)?.into_inner())
}

macro_rules! all_pages {
    ($hub:expr, $method:ident, $items:ident, $request:expr) => {{
        let mut all = Vec::new();
        let mut request = $request;
        loop {
            let page = $hub.schedules().$method(request.clone()).await.map_err(explained)?.into_inner();
            all.extend(page.$items);
            if page.next_page_token.is_empty() {
                return Ok(all);
            }
            request.page_token = page.next_page_token;
        }
    }};
}

/// The revisions of a target, oldest first.
///
/// # Errors
/// When the hub does not answer.
pub async fn revisions(hub: &Hub, target: v1::ScheduleTarget) -> Result<Vec<v1::ScheduleRevision>> {
    let request = v1::ListScheduleRevisionsRequest { target: Some(target), page_size: PAGE, page_token: String::new() };
    all_pages!(hub, list_schedule_revisions, revisions, request)
}

/// The revisions of everything in an API or a namespace.
///
/// # Errors
/// When the hub does not answer.
pub async fn changelog(hub: &Hub, context: &str) -> Result<Vec<v1::ScheduleRevision>> {
    let request = v1::ListChangelogRequest { context: context.to_owned(), page_size: PAGE, page_token: String::new() };
    all_pages!(hub, list_changelog, revisions, request)
}

/// The dates that a query matches; its page fields are ignored.
///
/// # Errors
/// When the hub does not answer.
pub async fn calendar(hub: &Hub, query: v1::ListCalendarRequest) -> Result<Vec<v1::CalendarEntry>> {
    all_pages!(
        hub,
        list_calendar,
        entries,
        v1::ListCalendarRequest { page_size: PAGE, page_token: String::new(), ..query }
    )
}

/// The namespaces that have a schedule.
///
/// # Errors
/// When the hub does not answer.
pub async fn namespaces(hub: &Hub) -> Result<Vec<v1::Namespace>> {
    all_pages!(
        hub,
        list_namespaces,
        namespaces,
        v1::ListNamespacesRequest { page_size: PAGE, page_token: String::new() }
    )
}
