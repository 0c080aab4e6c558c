//! Installations as messages.

use devhub_proto::store::v1 as disk;

use super::app::{decode_step, encode_step};
use super::record::{needed, optional};
use crate::domain::installation::{Installation, Interval, PermittedProjects};
use crate::wire::timestamp;

pub(super) fn encode_installation(installation: &Installation) -> disk::InstallationRecord {
    let (all_projects, projects) = match &installation.projects {
        PermittedProjects::All => (true, Vec::new()),
        PermittedProjects::Only(projects) => (false, projects.iter().map(ToString::to_string).collect()),
    };
    let interval = |interval: &Interval| disk::IntervalRecord {
        from: Some(timestamp(interval.from)),
        until: interval.until.map(timestamp),
        service_account: interval.service_account,
        first_used_at: interval.first_used_at.map(timestamp),
    };
    disk::InstallationRecord {
        application_id: installation.application.to_string(),
        client_id: installation.client_id.to_string(),
        company_id: installation.company.to_string(),
        version: installation.version.to_string(),
        all_projects,
        projects,
        service_user: installation.service_user.as_ref().map(ToString::to_string).unwrap_or_default(),
        intervals: installation.intervals.iter().map(interval).collect(),
        changed: Some(encode_step(&installation.changed)),
    }
}

pub(super) fn decode_installation(installation: disk::InstallationRecord) -> Option<Installation> {
    let interval = |interval: disk::IntervalRecord| {
        Some(Interval {
            from: needed(interval.from.as_ref())?,
            until: optional(interval.until.as_ref())?,
            service_account: interval.service_account,
            first_used_at: optional(interval.first_used_at.as_ref())?,
        })
    };
    let projects = installation.projects.iter().map(|project| project.parse().ok()).collect::<Option<_>>()?;
    Some(Installation {
        application: installation.application_id.parse().ok()?,
        client_id: installation.client_id.parse().ok()?,
        company: installation.company_id.parse().ok()?,
        version: installation.version.parse().ok()?,
        projects: if installation.all_projects { PermittedProjects::All } else { PermittedProjects::Only(projects) },
        service_user: match installation.service_user.as_str() {
            "" => None,
            id => Some(id.parse().ok()?),
        },
        intervals: installation.intervals.into_iter().map(interval).collect::<Option<_>>()?,
        changed: decode_step(installation.changed)?,
    })
}
