//! Entries to rows.

use std::collections::HashMap;

use devhub_decision::{
    ApplicationEntry, Brownout, Change, CredentialClassEntry, ExemptionEntry, InstallationEntry, Lifecycle, Links,
    NamespaceEntry, OperationEntry, Replacement, Schedule, ServiceAccountEntry, SubscriptionEntry, VersionEntry,
    VersionName, WaiverEntry,
};
use devhub_proto::v1;

use crate::word::{environment_number, maturity_number, permission_bits, standing_number, timestamp};

/// About how many bytes a message of rows has: far below what a gateway accepts, so that one more row still fits, and
/// enough to make the price of a message small.
pub const ROWS_BYTES: usize = 64 * 1024;

/// Writes rows into messages of a good size.
#[derive(Debug, Default)]
pub struct RowsWriter {
    rows: v1::SyncRows,
    names: HashMap<VersionName, u32>,
    bytes: usize,
    count: u64,
}

impl RowsWriter {
    /// Adds an entry. The environment of one that has one must be that of the stream.
    pub fn write(&mut self, change: &Change) {
        self.count += 1;
        match change {
            Change::Version(entry) => {
                let row = version(entry);
                // These alone may be large.
                self.bytes += 256 + entry.operations.len() * 256 + entry.brownouts.len() * 32;
                self.rows.versions.push(row);
            }
            Change::Namespace(entry) => {
                self.bytes += 256 + entry.brownouts.len() * 32;
                self.rows.namespaces.push(namespace(entry));
            }
            Change::Application(entry) => {
                self.bytes += 10 + entry.client_id.len() + entry.application_id.len();
                self.rows.applications.push(application(entry));
            }
            Change::Subscription(entry) => self.write_subscription(entry),
            Change::Waiver(WaiverEntry { client_id, environment: _, version, until }) => {
                self.bytes += 26 + client_id.len();
                let (client_id, version) = (client_id.to_string(), self.name(version));
                self.rows.waivers.push(v1::SyncWaiver { client_id, version, end_time: until.map(timestamp) });
            }
            Change::Exemption(ExemptionEntry { client_id, environment: _, version, exempt }) => {
                self.bytes += 10 + client_id.len();
                let (client_id, version) = (client_id.to_string(), self.name(version));
                self.rows.exemptions.push(v1::SyncExemption { client_id, version, removed: !exempt });
            }
            Change::CredentialClass(CredentialClassEntry { sunset_at }) => {
                let sunset_time = sunset_at.map(timestamp);
                self.bytes += 16;
                self.rows.credential_classes.push(v1::SyncCredentialClass { sunset_time });
            }
            Change::ServiceAccount(entry) => {
                self.bytes += 30 + entry.client_id.len() + entry.account_id.len() + entry.company_id.len();
                self.rows.service_accounts.push(service_account(entry));
            }
            Change::Installation(entry) => {
                let projects: usize = entry.projects.iter().flatten().map(|project| 2 + project.len()).sum();
                self.bytes += 10 + entry.client_id.len() + entry.company_id.len() + projects;
                self.rows.installations.push(installation(entry));
            }
        }
    }

    /// Entries written so far, in all messages.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The message is large enough to be sent.
    pub fn is_full(&self) -> bool {
        self.bytes >= ROWS_BYTES
    }

    /// The message, if there is something in it; the next one begins.
    pub fn take(&mut self) -> Option<v1::SyncRows> {
        if self.bytes == 0 {
            return None;
        }
        self.bytes = 0;
        self.names.clear();
        Some(std::mem::take(&mut self.rows))
    }

    /// The position of a name among those of the message.
    fn name(&mut self, name: &VersionName) -> u32 {
        if let Some(position) = self.names.get(name) {
            return *position;
        }
        let position = u32::try_from(self.rows.names.len()).expect("a message is sent long before it has 2^32 names");
        self.bytes += 6 + name.context.len() + name.label.len();
        self.rows.names.push(version_name(name));
        self.names.insert(name.clone(), position);
        position
    }

    fn write_subscription(&mut self, entry: &SubscriptionEntry) {
        let SubscriptionEntry { client_id, environment: _, version, live, ends_at } = entry;
        let version = self.name(version);
        // What removes says nothing else.
        let (removed, end_time) = (!live, ends_at.filter(|_| *live).map(timestamp));
        self.bytes += 3;
        // Most clients have several, and they come together: the id is told once.
        if let Some(last) = self.rows.subscriptions.last_mut()
            && last.client_id == **client_id
            && last.removed == removed
            && last.end_time == end_time
        {
            last.versions.push(version);
            return;
        }
        self.bytes += 8 + client_id.len() + end_time.map_or(0, |_| 14);
        let (client_id, versions) = (client_id.to_string(), vec![version]);
        self.rows.subscriptions.push(v1::SyncSubscriptions { client_id, versions, removed, end_time });
    }
}

fn version_name(name: &VersionName) -> v1::VersionName {
    v1::VersionName { context: name.context.to_string(), version: name.label.to_string() }
}

fn version(entry: &VersionEntry) -> v1::SyncVersion {
    let VersionEntry {
        name,
        environment: _,
        lifecycle: Lifecycle { maturity, schedule: dates },
        permissions,
        open_access,
        company_scoped,
        successor,
        links: pages,
        brownouts,
        operations,
    } = entry;
    v1::SyncVersion {
        name: Some(version_name(name)),
        maturity: maturity_number(*maturity),
        schedule: schedule(dates),
        permissions: permission_bits(permissions),
        open_access: *open_access,
        company_scoped: *company_scoped,
        successor: successor.as_ref().map(version_name),
        links: links(pages),
        brownouts: brownouts.iter().map(brownout).collect(),
        operations: operations.iter().map(operation).collect(),
    }
}

fn namespace(entry: &NamespaceEntry) -> v1::SyncNamespace {
    let NamespaceEntry { namespace, environment: _, schedule: dates, brownouts, successor, links: pages } = entry;
    v1::SyncNamespace {
        namespace: namespace.to_string(),
        schedule: schedule(dates),
        brownouts: brownouts.iter().map(brownout).collect(),
        successor: successor.as_deref().map(str::to_owned),
        links: links(pages),
    }
}

fn application(entry: &ApplicationEntry) -> v1::SyncApplication {
    let ApplicationEntry { client_id, application_id, environment, standing } = entry;
    v1::SyncApplication {
        client_id: client_id.to_string(),
        application_id: application_id.to_string(),
        environment: environment_number(*environment),
        standing: standing_number(*standing),
    }
}

fn service_account(entry: &ServiceAccountEntry) -> v1::SyncServiceAccount {
    let ServiceAccountEntry { client_id, account_id, company_id, environment, live, extended_until } = entry;
    v1::SyncServiceAccount {
        client_id: client_id.to_string(),
        account_id: account_id.to_string(),
        company_id: company_id.to_string(),
        environment: environment_number(*environment),
        removed: !live,
        extended_until_time: extended_until.map(timestamp),
    }
}

fn installation(entry: &InstallationEntry) -> v1::SyncInstallation {
    let InstallationEntry { client_id, company_id, installed, projects, awaits_use } = entry;
    v1::SyncInstallation {
        client_id: client_id.to_string(),
        company_id: company_id.to_string(),
        removed: !installed,
        restricted: projects.is_some(),
        project_ids: projects.iter().flatten().map(|project| project.to_string()).collect(),
        awaits_use: *awaits_use,
    }
}

fn schedule(schedule: &Schedule) -> Option<v1::SyncSchedule> {
    let dates = |deprecated_at, sunset_begins_at, retires_at| v1::SyncSchedule {
        deprecate_time: Option::map(deprecated_at, timestamp),
        sunset_begin_time: Option::map(sunset_begins_at, timestamp),
        retire_time: Option::map(retires_at, timestamp),
    };
    match schedule {
        Schedule::Open => None,
        Schedule::Deprecation { deprecated_at, sunset_begins_at, retires_at } => {
            Some(dates(Some(*deprecated_at), *sunset_begins_at, *retires_at))
        }
        Schedule::Retirement { retires_at } => Some(dates(None, None, Some(*retires_at))),
    }
}

fn links(links: &Links) -> Option<v1::SyncLinks> {
    let Links { deprecation, sunset, successor } = links;
    let [deprecation, sunset, successor] =
        [deprecation, sunset, successor].map(|link| link.as_deref().map(str::to_owned));
    (*links != Links::default()).then_some(v1::SyncLinks { deprecation, sunset, successor })
}

fn brownout(Brownout { from, until }: &Brownout) -> v1::SyncBrownout {
    v1::SyncBrownout { begin_time: Some(timestamp(*from)), end_time: Some(timestamp(*until)) }
}

fn operation(entry: &OperationEntry) -> v1::SyncOperation {
    let OperationEntry { method, path, schedule: dates, replacement, links: pages } = entry;
    v1::SyncOperation {
        method: method.to_string(),
        path: path.to_string(),
        schedule: schedule(dates),
        replacement: replacement.as_ref().map(|Replacement { version, method, path }| v1::SyncReplacement {
            version: Some(version_name(version)),
            method: method.to_string(),
            path: path.to_string(),
        }),
        links: links(pages),
    }
}
