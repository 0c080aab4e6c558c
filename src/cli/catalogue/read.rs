//! The catalogue as the hub has it, read page by page, with the etags that a plan rests on.

use std::collections::BTreeMap;

use anyhow::Result;
use devhub_proto::v1;

use super::entry::{ApiEntry, Catalogue, VersionEntry};
use super::wire;
use crate::cli::connection::Hub;
use crate::cli::failure::explained;

/// Items asked for per page: the most that the hub gives.
pub const PAGE: i32 = 200;

/// Versions asked for per page: fewer, since a version with all its endpoints is large and an answer has a limit.
const VERSIONS_PAGE: i32 = 50;

/// The APIs of a hub.
#[derive(Debug, Clone, Default)]
pub struct Actual {
    /// By context.
    pub apis: BTreeMap<String, ActualApi>,
}

/// An API of a hub.
#[derive(Debug, Clone)]
pub struct ActualApi {
    /// As a catalogue would say it, without versions.
    pub entry: ApiEntry,
    /// Its etag.
    pub etag: String,
    /// Its versions, in the hub's order.
    pub versions: Vec<ActualVersion>,
}

/// A version of a hub.
#[derive(Debug, Clone)]
pub struct ActualVersion {
    /// As a catalogue would say it.
    pub entry: VersionEntry,
    /// Its etag.
    pub etag: String,
    /// Live subscriptions to it.
    pub live_subscriptions: i64,
}

impl Actual {
    /// Reads the APIs for which `wanted` is true.
    ///
    /// # Errors
    /// When the hub does not answer, or answers with words that this release does not know.
    pub async fn read(hub: &Hub, wanted: impl Fn(&str) -> bool) -> Result<Actual> {
        let mut actual = Actual::default();
        for api in apis(hub, String::new()).await?.into_iter().filter(|api| wanted(&api.context)) {
            let versions =
                versions(hub, v1::ListApiVersionsRequest { context: api.context.clone(), ..Default::default() });
            let versions = versions.await?.into_iter().map(actual_version).collect::<Result<_>>()?;
            let etag = api.etag.clone();
            actual.apis.insert(api.context.clone(), ActualApi { entry: wire::api_entry(api), etag, versions });
        }
        Ok(actual)
    }

    /// The same as a catalogue.
    pub fn into_catalogue(self) -> Catalogue {
        let apis = self.apis.into_values().map(|api| ApiEntry {
            versions: api.versions.into_iter().map(|version| version.entry).collect(),
            ..api.entry
        });
        Catalogue { apis: apis.collect() }
    }
}

fn actual_version(version: v1::ApiVersion) -> Result<ActualVersion> {
    let (etag, live_subscriptions) = (version.etag.clone(), version.live_subscriptions);
    Ok(ActualVersion { entry: wire::version_entry(version)?, etag, live_subscriptions })
}

/// All APIs, of one policy if one is given.
///
/// # Errors
/// When the hub does not answer.
pub async fn apis(hub: &Hub, policy: String) -> Result<Vec<v1::Api>> {
    let mut all = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = v1::ListApisRequest { page_size: PAGE, page_token, policy: policy.clone(), ..Default::default() };
        let page = hub.apis().list_apis(request).await.map_err(explained)?.into_inner();
        all.extend(page.apis);
        if page.next_page_token.is_empty() {
            return Ok(all);
        }
        page_token = page.next_page_token;
    }
}

/// All versions that a query matches; its page fields are ignored.
///
/// # Errors
/// When the hub does not answer.
pub async fn versions(hub: &Hub, query: v1::ListApiVersionsRequest) -> Result<Vec<v1::ApiVersion>> {
    let mut all = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = v1::ListApiVersionsRequest { page_size: VERSIONS_PAGE, page_token, ..query.clone() };
        let page = hub.apis().list_api_versions(request).await.map_err(explained)?.into_inner();
        all.extend(page.versions);
        if page.next_page_token.is_empty() {
            return Ok(all);
        }
        page_token = page.next_page_token;
    }
}
