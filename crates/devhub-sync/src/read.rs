//! Rows to entries.

use chrono::{DateTime, Utc};
use devhub_decision::{
    ApplicationEntry, Brownout, Change, CredentialClassEntry, Environment, ExemptionEntry, InstallationEntry,
    Lifecycle, Links, NamespaceEntry, OperationEntry, Replacement, Schedule, ServiceAccountEntry, SubscriptionEntry,
    VersionEntry, VersionName, WaiverEntry,
};
use devhub_proto::v1;
use prost_types::Timestamp;

use crate::word::{environment, instant, maturity, permissions, standing};

/// Why rows cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// A number stands for no word.
    #[error("{field}: {number} is no value that this release knows; update the gateway")]
    Word {
        /// The field.
        field: &'static str,
        /// The number.
        number: i32,
    },
    /// A part is missing.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A row refers to a name that is not there.
    #[error("there is no name {0} in the message")]
    Name(u32),
    /// An instant that is none.
    #[error("{seconds} s and {nanos} ns since 1970 is no instant")]
    Instant {
        /// Seconds.
        seconds: i64,
        /// Nanoseconds.
        nanos: i32,
    },
    /// Bits that mean nothing.
    #[error("permissions: {0:#b} has bits that mean nothing")]
    Permissions(u32),
    /// Dates that contradict each other.
    #[error("a gradual sunset needs a deprecation")]
    Schedule,
    /// A page that cannot stand in a header.
    #[error("a page cannot stand in a header: {0}")]
    Page(#[from] devhub_decision::header::UrlRefused),
}

/// The entries of rows of an environment, those of one key in their order.
///
/// # Errors
/// When one cannot be read: then none of them should be applied.
pub fn read(rows: v1::SyncRows, environment: Environment) -> Result<Vec<Change>, Malformed> {
    let v1::SyncRows {
        names,
        versions,
        namespaces,
        applications,
        subscriptions,
        waivers,
        exemptions,
        credential_classes,
        service_accounts,
        installations,
    } = rows;
    let names: Vec<VersionName> = names.into_iter().map(version_name).collect();
    let name = |position: u32| {
        let found = usize::try_from(position).ok().and_then(|position| names.get(position));
        found.cloned().ok_or(Malformed::Name(position))
    };
    let mut changes = Vec::new();
    for row in versions {
        changes.push(Change::Version(version(row, environment)?));
    }
    for row in namespaces {
        changes.push(Change::Namespace(namespace(row, environment)?));
    }
    for row in applications {
        changes.push(Change::Application(application(row)?));
    }
    for row in subscriptions {
        let v1::SyncSubscriptions { client_id, versions, removed, end_time } = row;
        let (ends_at, client_id) = (date(end_time.as_ref())?, client_id.into_boxed_str());
        for version in versions {
            let (client_id, version, live) = (client_id.clone(), name(version)?, !removed);
            changes.push(Change::Subscription(SubscriptionEntry { client_id, environment, version, live, ends_at }));
        }
    }
    for v1::SyncWaiver { client_id, version, end_time } in waivers {
        let (client_id, version, until) = (client_id.into(), name(version)?, date(end_time.as_ref())?);
        changes.push(Change::Waiver(WaiverEntry { client_id, environment, version, until }));
    }
    for v1::SyncExemption { client_id, version, removed } in exemptions {
        let (client_id, version, exempt) = (client_id.into(), name(version)?, !removed);
        changes.push(Change::Exemption(ExemptionEntry { client_id, environment, version, exempt }));
    }
    for v1::SyncCredentialClass { sunset_time } in credential_classes {
        changes.push(Change::CredentialClass(CredentialClassEntry { sunset_at: date(sunset_time.as_ref())? }));
    }
    for row in service_accounts {
        changes.push(Change::ServiceAccount(service_account(row)?));
    }
    changes.extend(installations.into_iter().map(installation).map(Change::Installation));
    Ok(changes)
}

fn version_name(v1::VersionName { context, version }: v1::VersionName) -> VersionName {
    VersionName::new(context, version)
}

fn date(timestamp: Option<&Timestamp>) -> Result<Option<DateTime<Utc>>, Malformed> {
    timestamp.map(instant).transpose()
}

fn version(row: v1::SyncVersion, environment: Environment) -> Result<VersionEntry, Malformed> {
    let v1::SyncVersion {
        name,
        maturity: number,
        schedule: dates,
        permissions: bits,
        open_access,
        company_scoped,
        successor,
        links: pages,
        brownouts,
        operations,
    } = row;
    Ok(VersionEntry {
        name: name.map(version_name).ok_or(Malformed::Missing("the name of a version"))?,
        environment,
        lifecycle: Lifecycle { maturity: maturity(number)?, schedule: schedule(dates)? },
        permissions: permissions(bits)?,
        open_access,
        company_scoped,
        successor: successor.map(version_name),
        links: links(pages)?,
        brownouts: brownouts.into_iter().map(brownout).collect::<Result<_, _>>()?,
        operations: operations.into_iter().map(operation).collect::<Result<_, _>>()?,
    })
}

fn namespace(row: v1::SyncNamespace, environment: Environment) -> Result<NamespaceEntry, Malformed> {
    let v1::SyncNamespace { namespace, schedule: dates, brownouts, successor, links: pages } = row;
    Ok(NamespaceEntry {
        namespace: namespace.into(),
        environment,
        schedule: schedule(dates)?,
        brownouts: brownouts.into_iter().map(brownout).collect::<Result<_, _>>()?,
        successor: successor.map(String::into_boxed_str),
        links: links(pages)?,
    })
}

fn application(row: v1::SyncApplication) -> Result<ApplicationEntry, Malformed> {
    let v1::SyncApplication { client_id, application_id, environment: number, standing: word } = row;
    Ok(ApplicationEntry {
        client_id: client_id.into(),
        application_id: application_id.into(),
        environment: environment(number)?,
        standing: standing(word)?,
    })
}

fn service_account(row: v1::SyncServiceAccount) -> Result<ServiceAccountEntry, Malformed> {
    let v1::SyncServiceAccount { client_id, account_id, company_id, environment: number, removed, extended_until_time } =
        row;
    Ok(ServiceAccountEntry {
        client_id: client_id.into(),
        account_id: account_id.into(),
        company_id: company_id.into(),
        environment: environment(number)?,
        live: !removed,
        extended_until: date(extended_until_time.as_ref())?,
    })
}

fn installation(row: v1::SyncInstallation) -> InstallationEntry {
    let v1::SyncInstallation { client_id, company_id, removed, restricted, project_ids, awaits_use } = row;
    InstallationEntry {
        client_id: client_id.into(),
        company_id: company_id.into(),
        installed: !removed,
        projects: restricted.then(|| project_ids.into_iter().map(String::into_boxed_str).collect()),
        awaits_use,
    }
}

fn schedule(dates: Option<v1::SyncSchedule>) -> Result<Schedule, Malformed> {
    let Some(v1::SyncSchedule { deprecate_time, sunset_begin_time, retire_time }) = dates else {
        return Ok(Schedule::Open);
    };
    let retires_at = date(retire_time.as_ref())?;
    match (date(deprecate_time.as_ref())?, date(sunset_begin_time.as_ref())?, retires_at) {
        (Some(deprecated_at), sunset_begins_at, retires_at) => {
            Ok(Schedule::Deprecation { deprecated_at, sunset_begins_at, retires_at })
        }
        (None, None, Some(retires_at)) => Ok(Schedule::Retirement { retires_at }),
        (None, None, None) => Ok(Schedule::Open),
        (None, Some(_), _) => Err(Malformed::Schedule),
    }
}

fn links(pages: Option<v1::SyncLinks>) -> Result<Links, Malformed> {
    let v1::SyncLinks { deprecation, sunset, successor } = pages.unwrap_or_default();
    let [deprecation, sunset, successor] =
        [deprecation, sunset, successor].map(|page| page.map(String::into_boxed_str));
    Ok(Links::new(deprecation, sunset, successor)?)
}

fn brownout(row: v1::SyncBrownout) -> Result<Brownout, Malformed> {
    let edge = |time: Option<Timestamp>| {
        date(time.as_ref()).and_then(|date| date.ok_or(Malformed::Missing("an edge of a brownout")))
    };
    Ok(Brownout { from: edge(row.begin_time)?, until: edge(row.end_time)? })
}

fn operation(row: v1::SyncOperation) -> Result<OperationEntry, Malformed> {
    let v1::SyncOperation { method, path, schedule: dates, replacement, links: pages } = row;
    let replacement = replacement.map(|v1::SyncReplacement { version, method, path }| {
        let version = version.map(version_name).ok_or(Malformed::Missing("the version of a replacement"))?;
        Ok::<_, Malformed>(Replacement { version, method: method.into(), path: path.into() })
    });
    Ok(OperationEntry {
        method: method.into(),
        path: path.into(),
        schedule: schedule(dates)?,
        replacement: replacement.transpose()?,
        links: links(pages)?,
    })
}
