//! What the decision table is told of a record. The table is a fold of these over all committed records.

use devhub_decision::{
    ApplicationEntry, Change, CredentialClassEntry, Environment, ExemptionEntry, InstallationEntry, Links,
    NamespaceEntry, OperationEntry, Permissions, Replacement, ServiceAccountEntry, StagePermissions, Standing,
    SubscriptionEntry, VersionEntry, WaiverEntry,
};

use super::application::{Application, State};
use super::exemption::{Exemption, Part};
use super::installation::{Installation, PermittedProjects};
use super::name::VersionName;
use super::namespace::Namespace;
use super::operation::OperationSchedule;
use super::record::{Record, RecordKey};
use super::service_account::ServiceAccount;
use super::setting::Rules;
use super::subscription::Subscription;
use super::version::Version;
use super::waiver::{Waiver, WaiverKind};

/// Adds to `changes` what the decision table must know of `record`.
pub fn project(key: &RecordKey, record: &Record, rules: &Rules, changes: &mut Vec<Change>) {
    match (key, record) {
        // The latest subscription alone decides; those that it followed have ended.
        (RecordKey::EndedSubscription(..), _) => {}
        (_, Record::Subscription(subscription)) => {
            changes.push(Change::Subscription(project_subscription(subscription)))
        }
        (_, Record::Application(application)) => changes.push(Change::Application(project_application(application))),
        (_, Record::Version(version)) => changes.extend(project_version(version, rules).map(Change::Version)),
        (_, Record::Namespace(namespace)) => {
            changes.extend(project_namespace(namespace).map(Change::Namespace));
        }
        (_, Record::Exemption(exemption)) => changes.push(Change::Exemption(project_exemption(exemption))),
        (_, Record::Installation(installation)) => {
            changes.push(Change::Installation(project_installation(installation)));
        }
        (_, Record::ServiceAccount(account)) => changes.push(Change::ServiceAccount(project_account(account))),
        (_, Record::CredentialClass(class)) => {
            changes.push(Change::CredentialClass(CredentialClassEntry { sunset_at: class.schedule.sunset_at }));
        }
        (_, Record::Waiver(waiver)) => changes.extend(project_waiver(waiver).map(Change::Waiver)),
        (_, Record::Notice(_) | Record::NoticeRun(_) | Record::Announcement(_) | Record::AnnouncementRevision(_)) => {}
        (
            _,
            Record::Company(_)
            | Record::Project(_)
            | Record::ClassRevision(_)
            | Record::Organisation(_)
            | Record::AppVersion(_)
            | Record::Releases(_)
            | Record::Listing(_)
            | Record::Maintenance(_)
            | Record::MaintenanceAhead(_)
            | Record::Proposal(_)
            | Record::ProposalBook(_)
            | Record::RestoreConfirmation(_)
            | Record::Gateway(_),
        ) => {}
        // Neither what an application proves itself with nor where it calls from is asked about with every call.
        (_, Record::ClientSecrets(_) | Record::RegisteredKeys(_) | Record::CallLimits(_)) => {}
        (_, Record::Api(_) | Record::AccessRequest(_) | Record::Name(_) | Record::Revision(_) | Record::Disuse(_)) => {}
    }
}

fn table_name(name: &VersionName) -> devhub_decision::VersionName {
    devhub_decision::VersionName::new(name.context.as_str(), name.label.as_str())
}

/// A subscription gives access until somebody ends it; retirement and deletion are the version's and the application's.
fn project_subscription(subscription: &Subscription) -> SubscriptionEntry {
    SubscriptionEntry {
        client_id: subscription.client_id.as_str().into(),
        environment: subscription.environment,
        version: table_name(&subscription.version),
        live: subscription.ended.is_none(),
        ends_at: subscription.ends_at(),
    }
}

/// Only calls past retirement concern gateways; a revoked waiver is none, and the clock ends the others.
fn project_waiver(waiver: &Waiver) -> Option<WaiverEntry> {
    (waiver.kind == WaiverKind::CallsPastRetirement).then(|| WaiverEntry {
        client_id: waiver.client_id.as_str().into(),
        environment: waiver.environment,
        version: table_name(&waiver.version),
        until: waiver.revoked.is_none().then_some(waiver.until),
    })
}

/// Until it is removed; whether it is accepted, its class says.
fn project_account(account: &ServiceAccount) -> ServiceAccountEntry {
    ServiceAccountEntry {
        client_id: account.client_id.as_str().into(),
        account_id: account.id.as_str().into(),
        company_id: account.company.as_str().into(),
        environment: account.environment,
        live: account.removal.is_none(),
        extended_until: account.extended_until,
    }
}

/// While it is installed, with the projects that are permitted; removed otherwise.
fn project_installation(installation: &Installation) -> InstallationEntry {
    InstallationEntry {
        client_id: installation.client_id.as_str().into(),
        company_id: installation.company.as_str().into(),
        installed: installation.is_installed(),
        projects: match &installation.projects {
            PermittedProjects::All => None,
            PermittedProjects::Only(projects) => Some(projects.iter().map(|project| project.as_str().into()).collect()),
        },
        awaits_use: installation.awaits_use(),
    }
}

fn project_exemption(exemption: &Exemption) -> ExemptionEntry {
    ExemptionEntry {
        client_id: exemption.client_id.as_str().into(),
        environment: exemption.environment,
        version: table_name(&exemption.version),
        exempt: exemption.part == Part::Exempt,
    }
}

/// Whether an application may call at all. Approval counts in production only; a deletion outweighs a block.
pub fn standing(application: &Application) -> Standing {
    let approved = match application.state {
        State::PreProduction | State::Production => true,
        State::Testing
        | State::PendingResponsibleIndividualVerification
        | State::PendingGatekeeperApproval
        | State::PendingRequesterVerification => application.environment == Environment::Sandbox,
    };
    if application.deletion.is_some() {
        Standing::Deleted
    } else if application.blocked {
        Standing::Blocked
    } else if approved {
        Standing::Usable
    } else {
        Standing::NotApproved
    }
}

fn project_application(application: &Application) -> ApplicationEntry {
    ApplicationEntry {
        client_id: application.client_id.as_str().into(),
        application_id: application.id.as_str().into(),
        environment: application.environment,
        standing: standing(application),
    }
}

fn link(uri: &str) -> Option<Box<str>> {
    (!uri.is_empty()).then(|| Box::from(uri))
}

fn project_version<'v>(version: &'v Version, rules: &Rules) -> impl Iterator<Item = VersionEntry> + 'v {
    let nothing = Permissions { documentation: false, new_subscriptions: false, calls: false };
    // A policy that the hub no longer knows permits nothing: fail closed. `serve` refuses to start before it comes to this.
    let permissions =
        rules.policies.get(&version.policy).map_or(StagePermissions([nothing; 5]), |policy| policy.permissions());
    version.deployments.iter().map(move |(environment, deployment)| {
        let links = Links::new(
            link(&version.documentation_uri),
            link(&version.documentation_uri),
            link(&deployment.successor_uri),
        );
        VersionEntry {
            name: table_name(&version.name),
            environment: *environment,
            lifecycle: deployment.lifecycle,
            permissions,
            open_access: version.is_open_access(),
            company_scoped: version.company_scoped,
            successor: deployment.successor.as_ref().map(table_name),
            links: links.unwrap_or_default(),
            brownouts: deployment.brownouts.as_slice().into(),
            operations: deployment.operations.iter().map(project_operation).collect(),
        }
    })
}

/// The links of a part: only where its replacement is documented is its own.
fn successor_link(uri: &str) -> Links {
    Links::new(None, None, link(uri)).unwrap_or_default()
}

fn project_operation(operation: &OperationSchedule) -> OperationEntry {
    OperationEntry {
        method: operation.method.as_str().into(),
        path: operation.path.as_str().into(),
        schedule: operation.schedule,
        replacement: operation.replacement.as_ref().map(|name| Replacement {
            version: table_name(&name.version),
            method: name.method.as_str().into(),
            path: name.path.as_str().into(),
        }),
        links: successor_link(&operation.replacement_uri),
    }
}

fn project_namespace(namespace: &Namespace) -> impl Iterator<Item = NamespaceEntry> + '_ {
    namespace.deployments.iter().map(|(environment, deployment)| NamespaceEntry {
        namespace: namespace.name.as_str().into(),
        environment: *environment,
        schedule: deployment.lifecycle.schedule,
        brownouts: deployment.brownouts.as_slice().into(),
        successor: deployment.successor.as_ref().map(|name| name.as_str().into()),
        links: successor_link(&deployment.successor_uri),
    })
}
