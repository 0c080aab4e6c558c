//! Records as bytes.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use devhub_decision::Lifecycle;
use devhub_proto::store::v1 as disk;
use devhub_proto::store::v1::record::Content;
use prost::Message;
use prost_types::Timestamp;

use super::{
    FORMAT, Undecodable, app, company, credential, disuse, gateway, installation, maintenance, notice, proposal,
    schedule, waiver,
};
use crate::domain::access::{AccessRequest, Decided};
use crate::domain::api::Api;
use crate::domain::application::{Absence, Application, Deletion};
use crate::domain::field::FieldDefinition;
use crate::domain::name::VersionName;
use crate::domain::record::Record;
use crate::domain::subscription::{End, Moved, Subscription};
use crate::domain::version::{Deployment, Endpoint, Version};
use crate::wire::{self, Word, instant, timestamp};

/// A record of the current format around `content`.
pub(super) fn wrap(content: Content) -> Bytes {
    disk::Record { format: FORMAT, content: Some(content) }.encode_to_vec().into()
}

/// The content of a record of any format that this release reads.
pub(super) fn read(bytes: &[u8]) -> Result<Content, Undecodable> {
    let record = disk::Record::decode(bytes).map_err(|_| Undecodable::Damaged("it is no valid message"))?;
    match record.format {
        FORMAT => record.content.ok_or(Undecodable::Damaged("it is empty")),
        newer if newer > FORMAT => Err(Undecodable::Newer(newer)),
        _ => Err(Undecodable::Damaged("it names no format")),
    }
}

/// The record as bytes.
pub fn encode(record: &Record) -> Bytes {
    wrap(match record {
        Record::Api(api) => Content::Api(encode_api(api)),
        Record::Version(version) => Content::Version(encode_version(version)),
        Record::Application(application) => Content::Application(encode_application(application)),
        Record::Subscription(subscription) => Content::Subscription(encode_subscription(subscription)),
        Record::AccessRequest(request) => Content::AccessRequest(encode_access_request(request)),
        Record::Exemption(exemption) => Content::Exemption(waiver::encode_exemption(exemption)),
        Record::Disuse(announced) => Content::Disuse(disuse::encode(announced)),
        Record::Waiver(granted) => Content::Waiver(waiver::encode_waiver(granted)),
        Record::Name(bearer) => Content::Name(company::encode_bearer(bearer)),
        Record::ClientSecrets(secrets) => Content::ClientSecrets(credential::encode_secrets(secrets)),
        Record::RegisteredKeys(keys) => Content::RegisteredKeys(credential::encode_keys(keys)),
        Record::CallLimits(limits) => Content::CallLimits(credential::encode_limits(limits)),
        Record::Revision(revision) => Content::Revision(schedule::encode_revision(revision)),
        Record::Namespace(namespace) => Content::Namespace(schedule::encode_namespace(namespace)),
        Record::Organisation(organisation) => Content::Organisation(app::encode_organisation(organisation)),
        Record::Gateway(known) => Content::Gateway(gateway::encode(known)),
        Record::AppVersion(version) => Content::AppVersion(app::encode_version(version)),
        Record::Releases(releases) => Content::Releases(app::encode_releases(releases)),
        Record::Listing(listing) => Content::Listing(app::encode_listing(listing)),
        Record::Installation(known) => Content::Installation(installation::encode_installation(known)),
        Record::Maintenance(window) => Content::Maintenance(maintenance::encode_window(window)),
        Record::MaintenanceAhead(ahead) => Content::MaintenanceAhead(maintenance::encode_ahead(ahead)),
        Record::Proposal(known) => Content::Proposal(proposal::encode(known)),
        Record::ProposalBook(book) => Content::ProposalBook(proposal::encode_book(book)),
        Record::RestoreConfirmation(known) => Content::RestoreConfirmation(proposal::encode_confirmation(known)),
        Record::Notice(notice) => Content::Notice(wire::notice(notice)),
        Record::NoticeRun(run) => Content::NoticeRun(notice::encode_run(run)),
        Record::Announcement(announcement) => Content::Announcement(notice::encode_announcement(announcement)),
        Record::Company(known) => Content::Company(company::encode_company(known)),
        Record::Project(project) => Content::Project(company::encode_project(project)),
        Record::ServiceAccount(account) => Content::ServiceAccount(company::encode_account(account)),
        Record::CredentialClass(class) => Content::CredentialClass(company::encode_class(class)),
        Record::ClassRevision(revision) => Content::ClassRevision(company::encode_class_revision(revision)),
        Record::AnnouncementRevision(revision) => {
            Content::AnnouncementRevision(notice::encode_announcement_revision(revision))
        }
    })
}

/// The record of these bytes.
///
/// # Errors
/// When they are none, or of a newer format.
pub fn decode(bytes: &[u8]) -> Result<Record, Undecodable> {
    match read(bytes)? {
        Content::Api(api) => decode_api(api).map(Record::Api),
        Content::Version(version) => decode_version(version).map(Record::Version),
        Content::Application(application) => decode_application(application).map(Record::Application),
        Content::Subscription(subscription) => decode_subscription(subscription).map(Record::Subscription),
        Content::AccessRequest(request) => decode_access_request(request).map(Record::AccessRequest),
        Content::Name(name) => company::decode_bearer(&name).map(Record::Name),
        Content::Revision(revision) => schedule::decode_revision(revision).map(Record::Revision),
        Content::Namespace(namespace) => schedule::decode_namespace(namespace).map(Record::Namespace),
        Content::Exemption(exemption) => waiver::decode_exemption(exemption).map(Record::Exemption),
        Content::ClientSecrets(secrets) => credential::decode_secrets(secrets).map(Record::ClientSecrets),
        Content::RegisteredKeys(keys) => credential::decode_keys(keys).map(Record::RegisteredKeys),
        Content::CallLimits(limits) => credential::decode_limits(limits).map(Record::CallLimits),
        Content::Disuse(announced) => disuse::decode(announced).map(Record::Disuse),
        Content::Waiver(granted) => waiver::decode_waiver(granted).map(Record::Waiver),
        Content::Notice(notice) => wire::parse_notice(notice).map(Record::Notice),
        Content::NoticeRun(run) => notice::decode_run(run).map(Record::NoticeRun),
        Content::Announcement(announcement) => notice::decode_announcement(announcement).map(Record::Announcement),
        Content::AnnouncementRevision(revision) => {
            wire::parse_announcement_revision(revision).map(Record::AnnouncementRevision)
        }
        Content::Company(known) => company::decode_company(known).map(Record::Company),
        Content::Project(project) => company::decode_project(project).map(Record::Project),
        Content::ServiceAccount(account) => company::decode_account(account).map(Record::ServiceAccount),
        Content::CredentialClass(class) => company::decode_class(class).map(Record::CredentialClass),
        Content::ClassRevision(revision) => company::decode_class_revision(revision).map(Record::ClassRevision),
        Content::Organisation(organisation) => app::decode_organisation(organisation).map(Record::Organisation),
        Content::Gateway(known) => gateway::decode(known).map(Record::Gateway),
        Content::AppVersion(version) => app::decode_version(version).map(Record::AppVersion),
        Content::Releases(releases) => app::decode_releases(releases).map(Record::Releases),
        Content::Listing(listing) => app::decode_listing(listing).map(Record::Listing),
        Content::Installation(known) => installation::decode_installation(known).map(Record::Installation),
        Content::Maintenance(window) => maintenance::decode_window(window).map(Record::Maintenance),
        Content::MaintenanceAhead(ahead) => maintenance::decode_ahead(ahead).map(Record::MaintenanceAhead),
        Content::Proposal(known) => proposal::decode(known).map(Record::Proposal),
        Content::ProposalBook(book) => proposal::decode_book(book).map(Record::ProposalBook),
        Content::RestoreConfirmation(known) => proposal::decode_confirmation(known).map(Record::RestoreConfirmation),
        Content::Answer(_) => None,
    }
    .ok_or(IMPOSSIBLE)
}

const IMPOSSIBLE: Undecodable = Undecodable::Damaged("it has impossible content");

/// An instant that must be there.
pub(super) fn needed(timestamp: Option<&Timestamp>) -> Option<DateTime<Utc>> {
    timestamp.and_then(instant)
}

/// An instant that may be left out, but must be valid if it is not.
pub(super) fn optional(timestamp: Option<&Timestamp>) -> Option<Option<DateTime<Utc>>> {
    match timestamp {
        Some(timestamp) => instant(timestamp).map(Some),
        None => Some(None),
    }
}

pub(super) fn decode_name(context: &str, label: &str) -> Option<VersionName> {
    Some(VersionName { context: context.parse().ok()?, label: label.parse().ok()? })
}

fn encode_api(api: &Api) -> disk::ApiRecord {
    disk::ApiRecord {
        context: api.context.to_string(),
        title: api.title.clone(),
        description: api.description.clone(),
        policy: api.policy.to_string(),
        categories: api.categories.clone(),
        created_at: Some(timestamp(api.created_at)),
    }
}

fn decode_api(api: disk::ApiRecord) -> Option<Api> {
    Some(Api {
        context: api.context.parse().ok()?,
        title: api.title,
        description: api.description,
        policy: api.policy.parse().ok()?,
        categories: api.categories,
        created_at: needed(api.created_at.as_ref())?,
    })
}

fn encode_version(version: &Version) -> disk::VersionRecord {
    disk::VersionRecord {
        context: version.name.context.to_string(),
        label: version.name.label.to_string(),
        description: version.description.clone(),
        access_type: version.access_type.number(),
        company_scoped: version.company_scoped,
        endpoints: wire::endpoints(&version.endpoints),
        fields: wire::fields(&version.fields),
        deployments: version
            .deployments
            .iter()
            .map(|(environment, deployment)| {
                let (deprecated_at, sunset_begins_at, retires_at) =
                    schedule::encode_dates(&deployment.lifecycle.schedule);
                disk::DeploymentRecord {
                    environment: environment.number(),
                    maturity: deployment.lifecycle.maturity.number(),
                    endpoints_enabled: deployment.endpoints_enabled,
                    deprecated_at,
                    sunset_begins_at,
                    retires_at,
                    successor: deployment.successor.as_ref().map(wire::version_name),
                    successor_uri: deployment.successor_uri.clone(),
                    brownouts: schedule::encode_brownouts(&deployment.brownouts),
                    operations: deployment.operations.iter().map(schedule::encode_operation).collect(),
                    ledger: schedule::encode_ledger_end(&deployment.ledger),
                }
            })
            .collect(),
        documentation_uri: version.documentation_uri.clone(),
        created_at: Some(timestamp(version.created_at)),
        policy: version.policy.to_string(),
    }
}

fn decode_version(version: disk::VersionRecord) -> Option<Version> {
    Some(Version {
        name: decode_name(&version.context, &version.label)?,
        description: version.description,
        access_type: Word::from_number(version.access_type)?,
        company_scoped: version.company_scoped,
        endpoints: version
            .endpoints
            .into_iter()
            .map(|e| Some(Endpoint { method: e.method, path: e.path, auth_type: Word::from_number(e.auth_type)? }))
            .collect::<Option<_>>()?,
        fields: version
            .fields
            .into_iter()
            .map(|field| FieldDefinition {
                name: field.name,
                description: field.description,
                default_value: field.default_value,
                required: field.required,
                pattern: field.pattern,
            })
            .collect(),
        deployments: version
            .deployments
            .into_iter()
            .map(|deployment| {
                let environment = Word::from_number(deployment.environment)?;
                let dates = (deployment.deprecated_at, deployment.sunset_begins_at, deployment.retires_at);
                let schedule = schedule::decode_dates(dates)?;
                let successor = match deployment.successor {
                    Some(name) => Some(decode_name(&name.context, &name.version)?),
                    None => None,
                };
                let lifecycle = Lifecycle { maturity: Word::from_number(deployment.maturity)?, schedule };
                let deployment = Deployment {
                    lifecycle,
                    endpoints_enabled: deployment.endpoints_enabled,
                    successor,
                    successor_uri: deployment.successor_uri,
                    brownouts: schedule::decode_brownouts(&deployment.brownouts)?,
                    operations: deployment
                        .operations
                        .into_iter()
                        .map(schedule::decode_operation)
                        .collect::<Option<_>>()?,
                    ledger: schedule::decode_ledger_end(deployment.ledger)?,
                };
                Some((environment, deployment))
            })
            .collect::<Option<_>>()?,
        documentation_uri: version.documentation_uri,
        created_at: needed(version.created_at.as_ref())?,
        policy: version.policy.parse().ok()?,
    })
}

fn encode_application(application: &Application) -> disk::ApplicationRecord {
    let deletion = application.deletion.as_ref();
    disk::ApplicationRecord {
        id: application.id.to_string(),
        client_id: application.client_id.to_string(),
        name: application.name.clone(),
        description: application.description.clone(),
        environment: application.environment.number(),
        owner: application.owner.clone(),
        kind: application.kind.number(),
        persona: application.persona.number(),
        state: application.state.number(),
        collaborators: wire::collaborators(&application.collaborators),
        blocked: application.blocked,
        deletion_restriction: application.deletion_restriction.clone(),
        created_at: Some(timestamp(application.created_at)),
        deleted_at: deletion.map(|deletion| timestamp(deletion.at)),
        deleted_by: deletion.map(|deletion| deletion.by.clone()).unwrap_or_default(),
        uplifted_from: application.uplifted_from.as_ref().map(ToString::to_string).unwrap_or_default(),
        absent_from: application.absence.map(|absence| timestamp(absence.from)),
        absent_until: application.absence.map(|absence| timestamp(absence.until)),
    }
}

fn decode_application(application: disk::ApplicationRecord) -> Option<Application> {
    let deleted_by = application.deleted_by;
    Some(Application {
        id: application.id.parse().ok()?,
        client_id: application.client_id.parse().ok()?,
        name: application.name,
        description: application.description,
        environment: Word::from_number(application.environment)?,
        owner: application.owner,
        kind: Word::from_number(application.kind)?,
        persona: Word::from_number(application.persona)?,
        state: Word::from_number(application.state)?,
        collaborators: application
            .collaborators
            .into_iter()
            .map(|person| Some((person.email.parse().ok()?, Word::from_number(person.role)?)))
            .collect::<Option<_>>()?,
        blocked: application.blocked,
        deletion_restriction: application.deletion_restriction,
        created_at: needed(application.created_at.as_ref())?,
        uplifted_from: match application.uplifted_from.as_str() {
            "" => None,
            id => Some(id.parse().ok()?),
        },
        absence: optional(application.absent_from.as_ref())?
            .zip(optional(application.absent_until.as_ref())?)
            .map(|(from, until)| Absence { from, until }),
        deletion: optional(application.deleted_at.as_ref())?.map(|at| Deletion { at, by: deleted_by }),
    })
}

fn encode_subscription(subscription: &Subscription) -> disk::SubscriptionRecord {
    let (ended, moved) = (subscription.ended.as_ref(), subscription.moved.as_ref());
    disk::SubscriptionRecord {
        id: subscription.id.to_string(),
        application_id: subscription.application.to_string(),
        client_id: subscription.client_id.to_string(),
        context: subscription.version.context.to_string(),
        label: subscription.version.label.to_string(),
        environment: subscription.environment.number(),
        since: Some(timestamp(subscription.since)),
        subscribed_by: subscription.subscribed_by.clone(),
        ended_at: ended.map(|end| timestamp(end.at)),
        end_reason: ended.map(|end| end.reason.number()).unwrap_or_default(),
        ended_by: ended.map(|end| end.by.clone()).unwrap_or_default(),
        field_values: subscription.field_values.clone(),
        moved_to: moved.map(|moved| wire::version_name(&moved.to)),
        moved_at: moved.map(|moved| timestamp(moved.at)),
        moved_by: moved.map(|moved| moved.by.clone()).unwrap_or_default(),
        move_made: moved.and_then(|moved| moved.made.as_ref()).map(ToString::to_string).unwrap_or_default(),
        overlap_until: moved.and_then(|moved| moved.overlap_until).map(timestamp),
        waiver_id: subscription.waiver.as_ref().map(ToString::to_string).unwrap_or_default(),
    }
}

fn decode_moved(subscription: &disk::SubscriptionRecord) -> Option<Option<Moved>> {
    let Some(to) = &subscription.moved_to else { return Some(None) };
    Some(Some(Moved {
        to: decode_name(&to.context, &to.version)?,
        at: needed(subscription.moved_at.as_ref())?,
        by: subscription.moved_by.clone(),
        made: match subscription.move_made.as_str() {
            "" => None,
            id => Some(id.parse().ok()?),
        },
        overlap_until: optional(subscription.overlap_until.as_ref())?,
    }))
}

fn decode_subscription(subscription: disk::SubscriptionRecord) -> Option<Subscription> {
    let moved = decode_moved(&subscription)?;
    let ended = match optional(subscription.ended_at.as_ref())? {
        Some(at) => Some(End { at, reason: Word::from_number(subscription.end_reason)?, by: subscription.ended_by }),
        None => None,
    };
    Some(Subscription {
        id: subscription.id.parse().ok()?,
        application: subscription.application_id.parse().ok()?,
        client_id: subscription.client_id.parse().ok()?,
        version: decode_name(&subscription.context, &subscription.label)?,
        environment: Word::from_number(subscription.environment)?,
        since: needed(subscription.since.as_ref())?,
        subscribed_by: subscription.subscribed_by,
        waiver: match subscription.waiver_id.as_str() {
            "" => None,
            id => Some(id.parse().ok()?),
        },
        ended,
        moved,
        field_values: subscription.field_values,
    })
}

fn encode_access_request(request: &AccessRequest) -> disk::AccessRequestRecord {
    let decided = request.decided.as_ref();
    disk::AccessRequestRecord {
        application_id: request.application.to_string(),
        context: request.version.context.to_string(),
        label: request.version.label.to_string(),
        state: request.state.number(),
        requested_by: request.requested_by.clone(),
        requested_at: Some(timestamp(request.requested_at)),
        purpose: request.purpose.clone(),
        decided_by: decided.map(|decided| decided.by.clone()).unwrap_or_default(),
        decided_at: decided.map(|decided| timestamp(decided.at)),
        decision_reason: decided.map(|decided| decided.reason.clone()).unwrap_or_default(),
    }
}

fn decode_access_request(request: disk::AccessRequestRecord) -> Option<AccessRequest> {
    let (by, reason) = (request.decided_by, request.decision_reason);
    Some(AccessRequest {
        application: request.application_id.parse().ok()?,
        version: decode_name(&request.context, &request.label)?,
        state: Word::from_number(request.state)?,
        requested_by: request.requested_by,
        requested_at: needed(request.requested_at.as_ref())?,
        purpose: request.purpose,
        decided: optional(request.decided_at.as_ref())?.map(|at| Decided { by, at, reason }),
    })
}

#[cfg(test)]
pub(crate) use tests::records as samples;
#[cfg(test)]
mod tests;
