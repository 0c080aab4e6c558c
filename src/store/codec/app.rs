//! Organisations, versions of applications and listings as messages.

use devhub_proto::store::v1 as disk;

use super::record::{needed, optional};
use crate::domain::app_version::{AppVersion, Release, Releases, Step};
use crate::domain::listing::{Listing, Removal, Submission};
use crate::domain::organisation::Organisation;
use crate::wire::{self, Word, timestamp};

pub(super) fn encode_step(step: &Step) -> disk::StepRecord {
    disk::StepRecord { by: step.by.clone(), at: Some(timestamp(step.at)) }
}

pub(super) fn decode_step(step: Option<disk::StepRecord>) -> Option<Step> {
    let step = step?;
    Some(Step { at: needed(step.at.as_ref())?, by: step.by })
}

/// A step that may not have been taken, but must be valid if it was.
pub(super) fn decode_taken(step: Option<disk::StepRecord>) -> Option<Option<Step>> {
    match step {
        Some(step) => decode_step(Some(step)).map(Some),
        None => Some(None),
    }
}

pub(super) fn encode_organisation(organisation: &Organisation) -> disk::OrganisationRecord {
    disk::OrganisationRecord {
        id: organisation.id.to_string(),
        title: organisation.title.clone(),
        status: organisation.status.number(),
        set: Some(disk::StepRecord {
            by: organisation.status_by.clone(),
            at: Some(timestamp(organisation.status_since)),
        }),
    }
}

pub(super) fn decode_organisation(organisation: disk::OrganisationRecord) -> Option<Organisation> {
    let set = decode_step(organisation.set)?;
    Some(Organisation {
        id: organisation.id.parse().ok()?,
        title: organisation.title,
        status: Word::from_number(organisation.status)?,
        status_by: set.by,
        status_since: set.at,
    })
}

pub(super) fn encode_version(version: &AppVersion) -> disk::AppVersionRecord {
    disk::AppVersionRecord {
        application_id: version.application.to_string(),
        number: version.number.to_string(),
        components: version.components.iter().map(|component| component.number()).collect(),
        permissions: Some(wire::tool_permissions(&version.permissions)),
        release_notes: version.release_notes.clone(),
        post_install_notes: version.post_install_notes.clone(),
        post_install_uri: version.post_install_uri.clone(),
        install_key: version.install_key.to_string(),
        created: Some(encode_step(&version.created)),
        promoted: version.promoted.as_ref().map(encode_step),
        submitted: version.submitted.as_ref().map(encode_step),
        approved: version.approved.as_ref().map(encode_step),
    }
}

pub(super) fn decode_version(version: disk::AppVersionRecord) -> Option<AppVersion> {
    Some(AppVersion {
        application: version.application_id.parse().ok()?,
        number: version.number.parse().ok()?,
        components: version.components.into_iter().map(Word::from_number).collect::<Option<_>>()?,
        permissions: wire::parse_tool_permissions(version.permissions.unwrap_or_default())?,
        release_notes: version.release_notes,
        post_install_notes: version.post_install_notes,
        post_install_uri: version.post_install_uri,
        install_key: version.install_key.parse().ok()?,
        created: decode_step(version.created)?,
        promoted: decode_taken(version.promoted)?,
        submitted: decode_taken(version.submitted)?,
        approved: decode_taken(version.approved)?,
    })
}

pub(super) fn encode_releases(releases: &Releases) -> disk::ReleasesRecord {
    let release = |release: &Release| disk::ReleaseRecord {
        number: release.number.to_string(),
        supported: release.supported,
        created_at: Some(timestamp(release.created_at)),
        promoted_at: release.promoted_at.map(timestamp),
        approved_at: release.approved_at.map(timestamp),
    };
    disk::ReleasesRecord {
        application_id: releases.application.to_string(),
        versions: releases.versions.iter().map(release).collect(),
    }
}

pub(super) fn decode_releases(releases: disk::ReleasesRecord) -> Option<Releases> {
    let release = |release: disk::ReleaseRecord| {
        Some(Release {
            number: release.number.parse().ok()?,
            supported: release.supported,
            created_at: needed(release.created_at.as_ref())?,
            promoted_at: optional(release.promoted_at.as_ref())?,
            approved_at: optional(release.approved_at.as_ref())?,
        })
    };
    Some(Releases {
        application: releases.application_id.parse().ok()?,
        versions: releases.versions.into_iter().map(release).collect::<Option<_>>()?,
    })
}

pub(super) fn encode_listing(listing: &Listing) -> disk::ListingRecord {
    let removal = listing.removal.as_ref();
    disk::ListingRecord {
        application_id: listing.application.to_string(),
        version: listing.submission.version.to_string(),
        submitted: Some(encode_step(&listing.submission.step)),
        approved: listing.approved.as_ref().map(encode_step),
        removed: removal.map(|removal| encode_step(&removal.step)),
        removal_reason: removal.map(|removal| removal.reason.clone()).unwrap_or_default(),
        first_listed_at: listing.first_listed_at.map(timestamp),
    }
}

pub(super) fn decode_listing(listing: disk::ListingRecord) -> Option<Listing> {
    let reason = listing.removal_reason;
    Some(Listing {
        application: listing.application_id.parse().ok()?,
        submission: Submission { version: listing.version.parse().ok()?, step: decode_step(listing.submitted)? },
        approved: decode_taken(listing.approved)?,
        removal: decode_taken(listing.removed)?.map(|step| Removal { step, reason }),
        first_listed_at: optional(listing.first_listed_at.as_ref())?,
    })
}
