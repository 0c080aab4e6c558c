//! What decisions stand on, taken out of a record: the part that an exported audit trail carries.
//!
//! Everything is named that is taken, so a field that is added to a record later is left out until somebody decides
//! otherwise. What is left out: names, descriptions, addresses, who did something and why (the facts say it), secrets.
//! The bytes stand in the chain of the trail: what is taken of a record never changes within a format of the trail.

use bytes::Bytes;
use devhub_proto::store::v1 as disk;
use devhub_proto::store::v1::record::Content;

use super::key::{Kind, kind};
use super::record::{read, wrap};
use super::{Undecodable, decode_record};

/// The part of the record under `key` that decisions stand on, as a record; `None` for what no decision reads.
///
/// # Errors
/// When `value` is no record that this release reads.
pub fn decision_part(key: &[u8], value: &[u8]) -> Result<Option<Bytes>, Undecodable> {
    let Some(kind) = kind(key) else { return Ok(None) };
    match kind {
        Kind::Version
        | Kind::Application
        | Kind::Subscription
        | Kind::Waiver
        | Kind::Namespace
        | Kind::Exemption
        | Kind::ServiceAccount
        | Kind::CredentialClass
        | Kind::Installation => {}
        Kind::Api
        | Kind::EndedSubscription
        | Kind::AccessRequest
        | Kind::ClientId
        | Kind::ApplicationName
        | Kind::Answer
        | Kind::Revision
        | Kind::Notice
        | Kind::CompanyNotice
        | Kind::NoticeRun
        | Kind::Announcement
        | Kind::AnnouncementRevision
        | Kind::Company
        | Kind::Project
        | Kind::ClassRevision
        | Kind::ClientSecrets
        | Kind::RegisteredKeys
        | Kind::CallLimits
        | Kind::Disuse
        | Kind::Organisation
        | Kind::AppVersion
        | Kind::Listing
        | Kind::Maintenance
        | Kind::Proposal
        | Kind::RestoreConfirmation
        | Kind::Gateway => return Ok(None),
    }
    let Some(part) = part_of(read(value)?) else {
        return Err(Undecodable::Damaged("it is not what its key says"));
    };
    let part = wrap(part);
    debug_assert!(decode_record(value).is_err() || decode_record(&part).is_ok(), "what is left can still be read");
    Ok(Some(part))
}

fn part_of(content: Content) -> Option<Content> {
    Some(match content {
        Content::Version(version) => Content::Version(of_version(version)),
        Content::Application(application) => Content::Application(of_application(application)),
        Content::Subscription(subscription) => Content::Subscription(of_subscription(subscription)),
        Content::Waiver(waiver) => Content::Waiver(of_waiver(waiver)),
        Content::Namespace(namespace) => Content::Namespace(of_namespace(namespace)),
        Content::Exemption(exemption) => Content::Exemption(of_exemption(exemption)),
        Content::ServiceAccount(account) => Content::ServiceAccount(of_account(account)),
        Content::CredentialClass(class) => {
            Content::CredentialClass(disk::CredentialClassRecord { schedule: class.schedule, ledger: None })
        }
        Content::Installation(installation) => Content::Installation(of_installation(installation)),
        Content::Api(_)
        | Content::AccessRequest(_)
        | Content::Name(_)
        | Content::Answer(_)
        | Content::Revision(_)
        | Content::Notice(_)
        | Content::NoticeRun(_)
        | Content::Announcement(_)
        | Content::AnnouncementRevision(_)
        | Content::Company(_)
        | Content::Project(_)
        | Content::ClassRevision(_)
        | Content::ClientSecrets(_)
        | Content::RegisteredKeys(_)
        | Content::CallLimits(_)
        | Content::Disuse(_)
        | Content::Organisation(_)
        | Content::AppVersion(_)
        | Content::Releases(_)
        | Content::Listing(_)
        | Content::Maintenance(_)
        | Content::MaintenanceAhead(_)
        | Content::Proposal(_)
        | Content::ProposalBook(_)
        | Content::RestoreConfirmation(_)
        | Content::Gateway(_) => return None,
    })
}

fn of_version(version: disk::VersionRecord) -> disk::VersionRecord {
    let operation = |operation: disk::OperationRecord| disk::OperationRecord {
        method: operation.method,
        path: operation.path,
        deprecated_at: operation.deprecated_at,
        sunset_begins_at: operation.sunset_begins_at,
        retires_at: operation.retires_at,
        replacement: operation.replacement,
        replacement_uri: operation.replacement_uri,
        ledger: None,
    };
    let deployment = |deployment: disk::DeploymentRecord| disk::DeploymentRecord {
        environment: deployment.environment,
        maturity: deployment.maturity,
        endpoints_enabled: deployment.endpoints_enabled,
        deprecated_at: deployment.deprecated_at,
        sunset_begins_at: deployment.sunset_begins_at,
        retires_at: deployment.retires_at,
        successor: deployment.successor,
        successor_uri: deployment.successor_uri,
        brownouts: deployment.brownouts,
        operations: deployment.operations.into_iter().map(operation).collect(),
        ledger: None,
    };
    disk::VersionRecord {
        context: version.context,
        label: version.label,
        access_type: version.access_type,
        endpoints: version.endpoints,
        deployments: version.deployments.into_iter().map(deployment).collect(),
        documentation_uri: version.documentation_uri,
        created_at: version.created_at,
        policy: version.policy,
        company_scoped: version.company_scoped,
        ..Default::default()
    }
}

fn of_application(application: disk::ApplicationRecord) -> disk::ApplicationRecord {
    disk::ApplicationRecord {
        id: application.id,
        client_id: application.client_id,
        environment: application.environment,
        kind: application.kind,
        persona: application.persona,
        state: application.state,
        blocked: application.blocked,
        created_at: application.created_at,
        deleted_at: application.deleted_at,
        ..Default::default()
    }
}

fn of_subscription(subscription: disk::SubscriptionRecord) -> disk::SubscriptionRecord {
    disk::SubscriptionRecord {
        id: subscription.id,
        application_id: subscription.application_id,
        client_id: subscription.client_id,
        context: subscription.context,
        label: subscription.label,
        environment: subscription.environment,
        since: subscription.since,
        ended_at: subscription.ended_at,
        end_reason: subscription.end_reason,
        waiver_id: subscription.waiver_id,
        moved_to: subscription.moved_to,
        moved_at: subscription.moved_at,
        move_made: subscription.move_made,
        overlap_until: subscription.overlap_until,
        ..Default::default()
    }
}

fn of_waiver(waiver: disk::WaiverRecord) -> disk::WaiverRecord {
    disk::WaiverRecord {
        id: waiver.id,
        application_id: waiver.application_id,
        client_id: waiver.client_id,
        environment: waiver.environment,
        context: waiver.context,
        label: waiver.label,
        kind: waiver.kind,
        granted_at: waiver.granted_at,
        until: waiver.until,
        revoked_at: waiver.revoked_at,
        ..Default::default()
    }
}

fn of_namespace(namespace: disk::NamespaceRecord) -> disk::NamespaceRecord {
    let deployment = |deployment: disk::NamespaceDeploymentRecord| disk::NamespaceDeploymentRecord {
        environment: deployment.environment,
        deprecated_at: deployment.deprecated_at,
        sunset_begins_at: deployment.sunset_begins_at,
        retires_at: deployment.retires_at,
        brownouts: deployment.brownouts,
        successor: deployment.successor,
        successor_uri: deployment.successor_uri,
        ledger: None,
    };
    disk::NamespaceRecord {
        name: namespace.name,
        deployments: namespace.deployments.into_iter().map(deployment).collect(),
    }
}

fn of_exemption(exemption: disk::ExemptionRecord) -> disk::ExemptionRecord {
    disk::ExemptionRecord {
        application_id: exemption.application_id,
        client_id: exemption.client_id,
        environment: exemption.environment,
        context: exemption.context,
        label: exemption.label,
        exempt: exemption.exempt,
        since: exemption.since,
        ..Default::default()
    }
}

fn of_account(account: disk::ServiceAccountRecord) -> disk::ServiceAccountRecord {
    disk::ServiceAccountRecord {
        id: account.id,
        client_id: account.client_id,
        company_id: account.company_id,
        environment: account.environment,
        // Whose it is names a person; that there is a type must be there.
        account_type: Some(Default::default()),
        created_at: account.created_at,
        extended_until: account.extended_until,
        removed_at: account.removed_at,
        ..Default::default()
    }
}

fn of_installation(installation: disk::InstallationRecord) -> disk::InstallationRecord {
    disk::InstallationRecord {
        application_id: installation.application_id,
        client_id: installation.client_id,
        company_id: installation.company_id,
        version: installation.version,
        all_projects: installation.all_projects,
        projects: installation.projects,
        intervals: installation.intervals,
        changed: installation.changed.map(|step| disk::StepRecord { by: String::new(), at: step.at }),
        ..Default::default()
    }
}
