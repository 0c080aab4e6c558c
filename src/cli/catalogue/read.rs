//! The catalogue as the hub has it, read page by page, with the etags that a plan rests on.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use devhub_proto::v1;
use devhub_proto::v1::schedule_target::Target;

use super::action::EndTarget;
use super::entry::{ApiEntry, Catalogue, NamespaceEntry, OperationRef, VersionEntry};
use super::{message, wire};
use crate::cli::connection::Hub;
use crate::cli::failure::explained;
use crate::cli::lifecycle::read as schedules;
use crate::cli::lifecycle::read::namespaces;
use crate::cli::words::Environment;

/// Items asked for per page: the most that the hub gives.
pub const PAGE: i32 = 200;

/// Versions asked for per page: fewer, since a version with all its endpoints is large and an answer has a limit.
const VERSIONS_PAGE: i32 = 50;

/// The APIs of a hub.
#[derive(Debug, Clone, Default)]
pub struct Actual {
    /// By context.
    pub apis: BTreeMap<String, ActualApi>,
    /// Namespaces with dates, by name.
    pub namespaces: BTreeMap<String, ActualNamespace>,
}

/// A namespace of a hub.
#[derive(Debug, Clone)]
pub struct ActualNamespace {
    /// As a catalogue would say it.
    pub entry: NamespaceEntry,
    /// Its etag.
    pub etag: String,
    /// Where it is retired now.
    pub retired: BTreeSet<Environment>,
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
    /// Where it is retired now.
    pub retired: BTreeSet<Environment>,
    /// Its operations that are retired now.
    pub retired_operations: BTreeSet<(Environment, OperationRef)>,
}

impl ActualVersion {
    /// Its operations that are retired in one environment.
    pub fn retired_operations_in(&self, environment: Environment) -> BTreeSet<OperationRef> {
        let retired = self.retired_operations.iter().filter(|(there, _)| *there == environment);
        retired.map(|(_, operation)| operation.clone()).collect()
    }
}

impl Actual {
    /// Reads the APIs and the namespaces that are wanted.
    ///
    /// # Errors
    /// When the hub does not answer, or answers with words that this release does not know.
    pub async fn read(
        hub: &Hub,
        wanted: impl Fn(&str) -> bool,
        wanted_namespace: impl Fn(&str) -> bool,
    ) -> Result<Actual> {
        let mut actual = Actual::default();
        for namespace in namespaces(hub).await?.into_iter().filter(|found| wanted_namespace(&found.namespace)) {
            let mut namespace = actual_namespace(namespace)?;
            add_announcements(hub, &mut namespace.entry).await?;
            actual.namespaces.insert(namespace.entry.namespace.clone(), namespace);
        }
        for api in apis(hub, String::new()).await?.into_iter().filter(|api| wanted(&api.context)) {
            let versions =
                versions(hub, v1::ListApiVersionsRequest { context: api.context.clone(), ..Default::default() });
            let mut versions: Vec<_> = versions.await?.into_iter().map(actual_version).collect::<Result<_>>()?;
            add_operations(hub, &api.context, &mut versions).await?;
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
        let namespaces = self.namespaces.into_values().map(|namespace| namespace.entry);
        Catalogue { apis: apis.collect(), namespaces: namespaces.collect() }
    }
}

fn actual_version(version: v1::ApiVersion) -> Result<ActualVersion> {
    let (etag, live_subscriptions) = (version.etag.clone(), version.live_subscriptions);
    // By its own dates: a namespace that ended it sooner has its own entry.
    let retired = version.deployments.iter().filter(|d| is_retired(d.stage) && d.ended_by_namespace.is_empty());
    let retired = retired.filter_map(|d| Environment::from_wire(d.environment)).collect();
    let retired_operations = BTreeSet::new();
    Ok(ActualVersion { entry: wire::version_entry(version)?, etag, live_subscriptions, retired, retired_operations })
}

fn is_retired(stage: i32) -> bool {
    stage == i32::from(v1::Stage::Retired)
}

fn actual_namespace(namespace: v1::Namespace) -> Result<ActualNamespace> {
    let retired = namespace.deployments.iter().filter(|deployment| is_retired(deployment.stage));
    let retired = retired.filter_map(|deployment| Environment::from_wire(deployment.environment)).collect();
    let etag = namespace.etag.clone();
    Ok(ActualNamespace { entry: message::namespace_entry(namespace)?, etag, retired })
}

/// Adds when and why the dates of a namespace were announced: what its last revision says that concerns them.
async fn add_announcements(hub: &Hub, namespace: &mut NamespaceEntry) -> Result<()> {
    for deployment in &mut namespace.deployments {
        let target = EndTarget::Namespace(namespace.namespace.clone());
        let revisions = schedules::revisions(hub, message::schedule_target(&target, deployment.environment)).await?;
        let is_brownout = |kind| match kind {
            v1::RevisionKind::BrownoutScheduled | v1::RevisionKind::BrownoutCancelled => true,
            v1::RevisionKind::Unspecified
            | v1::RevisionKind::Published
            | v1::RevisionKind::Promoted
            | v1::RevisionKind::Deprecated
            | v1::RevisionKind::Revised
            | v1::RevisionKind::Withdrawn
            | v1::RevisionKind::Retired
            | v1::RevisionKind::Reinstated => false,
        };
        let Some(last) = revisions.into_iter().rfind(|revision| !is_brownout(revision.kind())) else { continue };
        deployment.announced_at = last.announce_time.map(wire::moment).transpose()?;
        (deployment.zone, deployment.reason) = (last.zone, last.reason);
        deployment.override_reason = last.override_reason;
    }
    Ok(())
}

/// Adds the operations that have dates of their own: those that the changelog names, each as its schedule is now.
async fn add_operations(hub: &Hub, context: &str, versions: &mut [ActualVersion]) -> Result<()> {
    let mut targets: Vec<v1::ScheduleTarget> = Vec::new();
    for target in schedules::changelog(hub, context).await?.into_iter().filter_map(|revision| revision.target) {
        if matches!(target.target, Some(Target::Operation(_))) && !targets.contains(&target) {
            targets.push(target);
        }
    }
    for target in targets {
        let answer = schedules::schedule(hub, target, None).await?;
        let retired = is_retired(answer.stage);
        let (operation, environment, entry) = message::operation_entry(answer.revision.unwrap_or_default())?;
        let Some(version) = versions.iter_mut().find(|version| version.entry.version == operation.version) else {
            continue;
        };
        let deployment = version.entry.deployments.iter_mut().find(|there| there.environment == environment);
        if let Some(deployment) = deployment.filter(|_| !entry.dates().is_open()) {
            deployment.operations.push(entry);
        }
        if retired {
            version.retired_operations.insert((environment, operation));
        }
    }
    Ok(())
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
