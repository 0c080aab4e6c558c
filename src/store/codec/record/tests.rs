//! One of each record, there and back.

use std::collections::{BTreeMap, BTreeSet};

use devhub_decision::{Brownout, Environment, Maturity, Schedule};

use super::*;
use crate::domain::access::AccessState;
use crate::domain::actor::Actor;
use crate::domain::announcement::{
    Announcement, AnnouncementRevision, Audience, Category, Content, Effective, Impact, Scope,
};
use crate::domain::app_version::{AppVersion, Component, Release, Releases, Step};
use crate::domain::application::{Kind, Persona, Role, State};
use crate::domain::call_limit::{Allowlist, CallLimits, Enforcement, RateLimitTier};
use crate::domain::client_secret::{ClientSecret, ClientSecrets};
use crate::domain::company::{Company, Extension, Project, Shortening, Tenancy};
use crate::domain::credential_class::{ClassRevision, ClassSchedule, CredentialClass};
use crate::domain::disuse::{Cause, Disuse, Standing};
use crate::domain::exemption::{Exemption, Part};
use crate::domain::gateway::{Gateway, Trust};
use crate::domain::installation::{Installation, Interval, PermittedProjects};
use crate::domain::keyed_hash::KeyedHash;
use crate::domain::ledger::{LedgerEnd, OperationName, Revision, RevisionKind, Target};
use crate::domain::listing::{self, Listing, Submission};
use crate::domain::maintenance::{Cancellation, Maintenance, MaintenanceAhead, Refuses};
use crate::domain::namespace::{Namespace, NamespaceDeployment};
use crate::domain::notice::{Holder, Milestone, Notice, NoticeRun, NoticeSubject, Occasion, RunState, Wording};
use crate::domain::operation::OperationSchedule;
use crate::domain::organisation::{Organisation, OrganisationStatus};
use crate::domain::proposal::{Danger, Ended, Ending, Proposal, ProposalBook, Shown, WaitingProposal};
use crate::domain::record::Bearer;
use crate::domain::registered_key::{RegisteredKey, RegisteredKeys};
use crate::domain::restored::RestoreConfirmation;
use crate::domain::service_account::{AccountSecret, AccountType, Removal, ServiceAccount};
use crate::domain::subscription::EndReason;
use crate::domain::tool::{ToolPermission, ToolPermissions};
use crate::domain::version::{AccessType, AuthType};
use crate::domain::waiver::{Revocation, Waiver, WaiverKind};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("an instant")
}

fn name(label: &str) -> VersionName {
    VersionName { context: "individuals/losses".parse().expect("valid"), label: label.parse().expect("valid") }
}

fn operation(label: &str) -> OperationName {
    OperationName { version: name(label), method: "GET".into(), path: "/{id}".into() }
}

fn proposal() -> Proposal {
    let step = Step { by: "operator:otto".into(), at: at("2026-01-01T01:00:00Z") };
    Proposal {
        id: "p-1".parse().expect("valid"),
        danger: Danger::RetiresAtOnce,
        call: "ChangeLifecycle".into(),
        request: Box::new([1, 2, 3]),
        fingerprint: [7; 32],
        shown: Shown { stands_on: [8; 32], affected: 9 },
        would_record: vec!["VersionRetired".into()],
        by: Actor::Publisher { name: "losses".into(), apis: ["individuals/losses".parse().expect("valid")].into() },
        at: at("2026-01-01T00:00:00Z"),
        expires_at: at("2026-01-02T00:00:00Z"),
        ending: Some(Ending { how: Ended::BrokeGlass, step: step.clone(), reason: "nobody answers".into() }),
        acknowledged: Some(step),
    }
}

fn disuse(standing: Standing) -> Disuse {
    Disuse {
        application: "app".parse().expect("valid"),
        number: 2,
        idle_since: at("2025-01-02T03:04:05Z"),
        announced_at: at("2026-01-02T03:04:05Z"),
        deletes_at: at("2026-02-01T03:04:05Z"),
        notice_days: vec![30, 7, 1],
        given: 1,
        standing,
    }
}

fn taken(day: u32) -> Step {
    Step { by: "operator:olga".into(), at: at(&format!("2026-01-{day:02}T00:00:00Z")) }
}

fn app_version() -> AppVersion {
    AppVersion {
        application: "app-1".parse().expect("valid"),
        number: "1.2.0-rc.1".parse().expect("valid"),
        components: Component::ALL.into(),
        permissions: ToolPermissions {
            company: BTreeMap::from([("Directory".into(), ToolPermission::ReadOnly)]),
            project: BTreeMap::from([("RFIs".into(), ToolPermission::Admin), ("Punch".into(), ToolPermission::None)]),
        },
        release_notes: "New: RFIs".into(),
        post_install_notes: "Permit a project".into(),
        post_install_uri: "https://example.com/next".into(),
        install_key: "abcdefgh12345678".parse().expect("valid"),
        created: taken(1),
        promoted: Some(taken(2)),
        submitted: Some(taken(3)),
        approved: Some(taken(4)),
    }
}

fn maintenance() -> Maintenance {
    Maintenance {
        id: "sandbox-2022".parse().expect("valid"),
        tenancy: Tenancy::DevelopmentSandbox,
        from: at("2022-11-14T17:00:00Z"),
        until: at("2022-11-19T01:00:00Z"),
        refuses: Refuses::Writes,
        reason: "reliability".into(),
        zone: "America/Los_Angeles".parse().expect("valid"),
        planned: taken(1),
        revised: Some(taken(2)),
        cancelled: Some(Cancellation { step: taken(3), reason: "not needed".into() }),
    }
}

/// One of each kind, with every part filled.
pub(crate) fn records() -> Vec<Record> {
    let deployment = |schedule| Deployment {
        lifecycle: Lifecycle { maturity: Maturity::Stable, schedule },
        endpoints_enabled: true,
        successor: Some(name("2.0")),
        successor_uri: "https://example.com/2.0".into(),
        brownouts: vec![Brownout { from: at("2026-08-01T00:00:00Z"), until: at("2026-08-01T01:00:00Z") }],
        operations: vec![OperationSchedule {
            method: "GET".into(),
            path: "/{id}".into(),
            schedule: Schedule::Retirement { retires_at: at("2026-09-09T00:00:00Z") },
            replacement: Some(operation("2.0")),
            replacement_uri: "https://example.com/2.0/get".into(),
            ledger: LedgerEnd {
                revisions: 1,
                announced_at: Some(at("2026-01-01T00:00:00Z")),
                recorded_at: None,
                zone: Some("Europe/London".parse().expect("valid")),
            },
        }],
        ledger: LedgerEnd {
            revisions: 2,
            announced_at: Some(at("2026-01-02T00:00:00Z")),
            recorded_at: Some(at("2026-01-03T00:00:00Z")),
            zone: Some("Europe/London".parse().expect("valid")),
        },
    };
    let (deprecated_at, retires_at) = (at("2026-01-02T03:04:05.000000006Z"), at("2026-09-09T00:00:00Z"));
    let sunset_begins_at = Some(at("2026-09-01T00:00:00Z"));
    let dated = Schedule::Deprecation { deprecated_at, sunset_begins_at, retires_at: Some(retires_at) };
    let lifecycle = |schedule| Lifecycle { maturity: Maturity::Stable, schedule };
    let revision = |target| Revision {
        target,
        number: 2,
        kind: RevisionKind::BrownoutScheduled,
        before: Some(lifecycle(Schedule::Open)),
        after: lifecycle(dated),
        brownout: Some(Brownout { from: at("2026-08-01T00:00:00Z"), until: at("2026-08-01T01:00:00Z") }),
        successor: "individuals/losses 2.0".into(),
        announced_at: at("2026-01-01T00:00:00Z"),
        recorded_at: at("2026-01-02T00:00:00Z"),
        zone: Some("Europe/London".parse().expect("valid")),
        by: "operator:jane".into(),
        reason: "because".into(),
        override_reason: "an emergency".into(),
    };
    let occasion = Occasion {
        subject: NoticeSubject::Schedule(Target::Version(name("1.10"), Environment::Production)),
        revision: 3,
        milestone: Milestone::Countdown(30),
    };
    let notice = Notice {
        id: occasion.notice_id(at("2026-08-10T00:00:00Z")),
        occasion: Occasion {
            subject: NoticeSubject::Announcement("shorter-tokens".parse().expect("valid")),
            ..occasion.clone()
        },
        holder: Holder::Application("ledgerly".parse().expect("valid")),
        versions: vec![name("1.10")],
        versions_count: 2,
        further_contexts: vec!["other/context".parse().expect("valid")],
        environment: Environment::Production,
        recipients: vec!["ada@example.com".parse().expect("valid")],
        due_at: at("2026-08-10T00:00:00Z"),
        given_at: at("2026-08-10T00:00:01Z"),
        wording: Wording {
            sentences: vec!["It ends.".into()],
            deprecated_at: Some(deprecated_at),
            ends_at: Some(retires_at),
            zone: Some("Europe/London".parse().expect("valid")),
            days_left: Some(0),
            successor: "individuals/losses 2.0".into(),
        },
        acknowledgements: BTreeMap::from([("ada@example.com".parse().expect("valid"), at("2026-08-11T00:00:00Z"))]),
    };
    let announcement = AnnouncementRevision {
        id: "shorter-tokens".parse().expect("valid"),
        number: 2,
        content: Content {
            category: Category::Change,
            impact: Impact::Breaking,
            audience: Audience::Subscribers(
                Environment::Production,
                vec![Scope::Api(name("1.10").context), Scope::Version(name("1.10"))],
            ),
            title: "Shorter tokens".into(),
            body: "Tokens live for 15 minutes.".into(),
            effective: Effective {
                from: Some(at("2023-11-18T02:00:00Z")),
                until: Some(at("2023-11-19T02:00:00Z")),
                zone: Some("America/Los_Angeles".parse().expect("valid")),
                stated: "NOVEMBER 17, 2023 6PM PT".into(),
            },
            references: vec![Target::Operation(operation("1.10"), Environment::Production)],
        },
        withdrawn: true,
        published_at: at("2023-08-04T00:00:00Z"),
        recorded_at: at("2026-01-01T00:00:00Z"),
        by: "operator:jane".into(),
        note: "a misprint".into(),
    };
    vec![
        Record::Api(Api {
            context: name("1.0").context,
            title: "Losses".into(),
            description: "Of individuals".into(),
            policy: "hmrc-mtd".parse().expect("valid"),
            categories: vec!["INCOME".into()],
            created_at: at("2026-01-01T00:00:00Z"),
        }),
        Record::Version(Version {
            name: name("1.10"),
            description: "First".into(),
            access_type: AccessType::Controlled,
            company_scoped: true,
            endpoints: vec![Endpoint { method: "GET".into(), path: "/{id}".into(), auth_type: AuthType::User }],
            fields: vec![FieldDefinition {
                name: "callback".into(),
                description: "Where to".into(),
                default_value: "none".into(),
                required: true,
                pattern: "[a-z]+".into(),
            }],
            deployments: BTreeMap::from([
                (Environment::Sandbox, deployment(dated)),
                (Environment::Production, deployment(Schedule::Retirement { retires_at })),
            ]),
            documentation_uri: "https://example.com/1.10".into(),
            created_at: at("2026-01-01T00:00:00Z"),
            policy: "hmrc-mtd".parse().expect("valid"),
        }),
        Record::Application(Application {
            id: "ledgerly".parse().expect("valid"),
            client_id: "ledgerly-client".parse().expect("valid"),
            name: "Ledgerly".into(),
            description: "Books".into(),
            environment: Environment::Production,
            owner: "Ledgerly Ltd".into(),
            kind: Kind::Standard,
            persona: Persona::TechnologyPartner,
            state: State::PendingRequesterVerification,
            collaborators: BTreeMap::from([("ada@example.com".parse().expect("valid"), Role::Administrator)]),
            blocked: true,
            deletion_restriction: "hold".into(),
            created_at: at("2026-01-01T00:00:00Z"),
            uplifted_from: Some("ledgerly-test".parse().expect("valid")),
            absence: Some(Absence { from: at("2026-01-02T00:00:00Z"), until: at("2026-01-03T00:00:00Z") }),
            deletion: Some(Deletion { at: at("2026-02-01T00:00:00Z"), by: "operator:jane".into() }),
        }),
        Record::Subscription(subscription()),
        Record::Subscription(Subscription { ended: None, moved: Some(moved(true)), ..subscription() }),
        Record::Subscription(Subscription { moved: Some(moved(false)), ..subscription() }),
        Record::Subscription(Subscription { waiver: Some("w-1".parse().expect("valid")), ..subscription() }),
        Record::Waiver(waiver()),
        Record::ClientSecrets(ClientSecrets {
            application: "app".parse().expect("valid"),
            secrets: vec![
                ClientSecret {
                    id: "secret-1".parse().expect("valid"),
                    name: "Build server".into(),
                    created_at: at("2026-01-01T00:00:00Z"),
                    created_by: "collaborator:ada@example.com".into(),
                    expires_at: Some(at("2027-01-01T00:00:00Z")),
                    last_shown: "aB3x".into(),
                    hash: KeyedHash { pepper: "p1".parse().expect("valid"), bytes: [7; 32] },
                },
                ClientSecret {
                    id: "secret-2".parse().expect("valid"),
                    name: "Laptop".into(),
                    created_at: at("2026-01-02T00:00:00Z"),
                    created_by: "operator:jane".into(),
                    expires_at: None,
                    last_shown: "zzzz".into(),
                    hash: KeyedHash { pepper: "p2".parse().expect("valid"), bytes: [8; 32] },
                },
            ],
            made_on: None,
        }),
        Record::ClientSecrets(ClientSecrets {
            application: "app".parse().expect("valid"),
            secrets: Vec::new(),
            made_on: Some((crate::domain::usage::Day::from_number(20_454), 2)),
        }),
        Record::RegisteredKeys(RegisteredKeys {
            application: "app".parse().expect("valid"),
            keys: vec![RegisteredKey {
                id: "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs".parse().expect("valid"),
                name: "Build server".into(),
                created_at: at("2026-01-01T00:00:00Z"),
                created_by: "collaborator:ada@example.com".into(),
                expires_at: Some(at("2027-01-01T00:00:00Z")),
                jwk: r#"{"crv":"Ed25519","kty":"OKP","x":"id8f-32_HXJKbdDV76-Jqhg0nVCX-xZ7Rta8FcCEbm8"}"#.into(),
            }],
        }),
        Record::CallLimits(CallLimits {
            application: "app".parse().expect("valid"),
            client_id: "client-app".parse().expect("valid"),
            environment: Environment::Production,
            allowlist: Allowlist {
                enforcement: Enforcement::Required,
                networks: ["198.51.100.0/24", "2001:db8::/32"].map(|text| text.parse().expect("valid")).into(),
            },
            tier: RateLimitTier::Rhodium,
        }),
        Record::Disuse(disuse(Standing::Announced)),
        Record::Disuse(disuse(Standing::Cancelled(at("2026-02-02T00:00:00Z"), Cause::Used))),
        Record::Disuse(disuse(Standing::Done(at("2026-03-03T00:00:00Z")))),
        Record::Organisation(Organisation {
            id: "Ledgerly Ltd".parse().expect("valid"),
            title: "Ledgerly".into(),
            status: OrganisationStatus::VerifiedPartner,
            status_by: "operator:olga".into(),
            status_since: at("2026-01-02T00:00:00Z"),
        }),
        Record::Gateway(Gateway {
            environment: Environment::Production,
            id: "edge-1".parse().expect("valid"),
            trust: Trust::Revoked,
            by: "operator:olga".into(),
            since: at("2026-01-02T00:00:00Z"),
            reason: "stolen".into(),
        }),
        Record::AppVersion(app_version()),
        Record::Releases(Releases {
            application: "app-1".parse().expect("valid"),
            versions: vec![Release::of(&app_version())],
        }),
        Record::Listing(Listing {
            application: "app-1".parse().expect("valid"),
            submission: Submission { version: "1.2.0-rc.1".parse().expect("valid"), step: taken(3) },
            approved: Some(taken(4)),
            removal: Some(listing::Removal { step: taken(5), reason: "no answer".into() }),
            first_listed_at: Some(at("2026-01-04T00:00:00Z")),
        }),
        Record::Maintenance(maintenance()),
        Record::Installation(Installation {
            application: "app-1".parse().expect("valid"),
            client_id: "client-app-1".parse().expect("valid"),
            company: "Acme_1".parse().expect("valid"),
            version: "1.2.0".parse().expect("valid"),
            projects: PermittedProjects::Only(
                ["north".parse().expect("valid"), "south".parse().expect("valid")].into(),
            ),
            service_user: Some("u-1".parse().expect("valid")),
            intervals: vec![
                Interval {
                    from: at("2026-01-01T00:00:00Z"),
                    until: Some(at("2026-01-02T00:00:00Z")),
                    service_account: false,
                    first_used_at: None,
                },
                Interval {
                    from: at("2026-01-03T00:00:00Z"),
                    until: None,
                    service_account: true,
                    first_used_at: Some(at("2026-01-04T10:20:30.123Z")),
                },
            ],
            changed: taken(3),
        }),
        Record::MaintenanceAhead(MaintenanceAhead { windows: vec![maintenance()] }),
        Record::Proposal(proposal()),
        Record::Proposal(Proposal { by: "operator:jane".parse().expect("valid"), ending: None, ..proposal() }),
        Record::ProposalBook(ProposalBook {
            waiting: vec![WaitingProposal {
                id: "p-1".parse().expect("valid"),
                fingerprint: [7; 32],
                expires_at: at("2026-01-02T00:00:00Z"),
            }],
            unacknowledged: vec!["p-2".parse().expect("valid")],
            spent: vec!["0123456789abcdef".into()],
        }),
        Record::RestoreConfirmation(RestoreConfirmation {
            epoch: "00ff".into(),
            confirmed: Step { by: "operator:jane".into(), at: at("2026-01-03T00:00:00Z") },
            reason: "the disk died".into(),
            later_facts: Some(0),
        }),
        Record::Exemption(Exemption {
            application: "ledgerly".parse().expect("valid"),
            client_id: "ledgerly-client".parse().expect("valid"),
            environment: Environment::Production,
            version: name("1.10"),
            part: Part::Exempt,
            since: at("2026-01-01T00:00:00Z"),
            by: "operator:jane".into(),
            reason: "payroll runs".into(),
        }),
        Record::Waiver(Waiver { revoked: None, ..waiver() }),
        Record::AccessRequest(AccessRequest {
            application: "ledgerly".parse().expect("valid"),
            version: name("1.10"),
            state: AccessState::Granted,
            requested_by: "collaborator:ada@example.com".into(),
            requested_at: at("2026-01-01T00:00:00Z"),
            purpose: "to file".into(),
            decided: Some(Decided {
                by: "operator:jane".into(),
                at: at("2026-01-02T00:00:00Z"),
                reason: "reviewed".into(),
            }),
        }),
        Record::Name(Bearer::Application("ledgerly".parse().expect("valid"))),
        Record::Name(Bearer::Account("sa-1".parse().expect("valid"))),
        Record::Revision(revision(Target::Version(name("1.10"), Environment::Sandbox))),
        Record::Revision(revision(Target::Operation(operation("1.10"), Environment::Production))),
        Record::Revision(revision(Target::Namespace(name("1.10").context, Environment::Production))),
        Record::Namespace(Namespace {
            name: "individuals".parse().expect("valid"),
            deployments: BTreeMap::from([(
                Environment::Production,
                NamespaceDeployment {
                    lifecycle: lifecycle(dated),
                    brownouts: vec![Brownout { from: at("2026-08-01T00:00:00Z"), until: at("2026-08-01T01:00:00Z") }],
                    successor: Some("people".parse().expect("valid")),
                    successor_uri: "https://example.com/people".into(),
                    ledger: LedgerEnd {
                        revisions: 3,
                        announced_at: None,
                        recorded_at: None,
                        zone: Some("Europe/London".parse().expect("valid")),
                    },
                },
            )]),
        }),
        Record::Notice(Notice {
            occasion: Occasion {
                subject: NoticeSubject::CredentialClass,
                revision: 5,
                milestone: Milestone::CreationEnds,
            },
            holder: Holder::Company("562949953421312".parse().expect("valid")),
            ..notice.clone()
        }),
        Record::Notice(notice),
        Record::NoticeRun(NoticeRun {
            occasion: Occasion { subject: NoticeSubject::CredentialClass, revision: 5, milestone: Milestone::Sunset },
            due_at: at("2026-08-10T00:00:00Z"),
            begun_at: at("2026-08-10T00:00:01Z"),
            ended_at: None,
            state: RunState::Running(Holder::Company("562949953421312".parse().expect("valid"))),
            applications: 56,
            companies: 200,
            people: 300,
        }),
        Record::NoticeRun(NoticeRun {
            occasion: occasion.clone(),
            due_at: at("2026-08-10T00:00:00Z"),
            begun_at: at("2026-08-10T00:00:01Z"),
            ended_at: None,
            state: RunState::Running(Holder::Application("ledgerly".parse().expect("valid"))),
            applications: 256,
            companies: 0,
            people: 300,
        }),
        Record::NoticeRun(NoticeRun {
            occasion,
            due_at: at("2026-08-10T00:00:00Z"),
            begun_at: at("2026-08-10T00:00:01Z"),
            ended_at: Some(at("2026-08-10T00:00:02Z")),
            state: RunState::Skipped,
            applications: 0,
            companies: 0,
            people: 0,
        }),
        Record::Announcement(Announcement {
            first_published_at: at("2023-08-04T00:00:00Z"),
            current: announcement.clone(),
        }),
        Record::AnnouncementRevision(announcement),
        Record::Company(company()),
        Record::Company(Company { zone: None, extension: None, ..company() }),
        Record::Project(Project {
            company: "562949953421312".parse().expect("valid"),
            id: "p-1".parse().expect("valid"),
            name: "Tower".into(),
            created_at: at("2026-01-01T00:00:00Z"),
        }),
        Record::ServiceAccount(account(AccountType::Undefined)),
        Record::ServiceAccount(account_with_secret()),
        Record::ServiceAccount(account(AccountType::Marketplace("ledgerly".parse().expect("valid")))),
        Record::ServiceAccount(account(AccountType::Custom {
            description: "nightly copy".into(),
            developer_name: "Bob".into(),
            developer_email: "bob@example.com".parse().expect("valid"),
            application: None,
        })),
        Record::CredentialClass(CredentialClass {
            schedule: class_schedule(),
            ledger: LedgerEnd {
                revisions: 2,
                announced_at: Some(at("2024-01-29T00:00:00Z")),
                recorded_at: Some(at("2024-01-29T01:00:00Z")),
                zone: None,
            },
        }),
        Record::ClassRevision(ClassRevision {
            number: 2,
            before: ClassSchedule::default(),
            after: class_schedule(),
            announced_at: at("2024-01-29T00:00:00Z"),
            recorded_at: at("2024-01-29T01:00:00Z"),
            zone: Some("America/Los_Angeles".parse().expect("valid")),
            by: "operator:jane".into(),
            reason: "announced".into(),
            override_reason: String::new(),
        }),
    ]
}

fn class_schedule() -> ClassSchedule {
    ClassSchedule {
        deprecated_at: Some(at("2021-12-09T08:00:00Z")),
        cutoff_at: Some(at("2024-10-01T07:00:00Z")),
        sunset_at: None,
    }
}

fn company() -> Company {
    Company {
        id: "562949953421312".parse().expect("valid"),
        name: "Builders".into(),
        tenancy: Tenancy::MonthlySandbox,
        region: "us02".into(),
        zone: Some("America/Los_Angeles".parse().expect("valid")),
        administrators: BTreeSet::from(["carol@example.com".parse().expect("valid")]),
        account_count: 1,
        extension: Some(Extension {
            until: at("2025-04-18T00:00:00Z"),
            reason: "payroll".into(),
            approver: "Head of APIs".into(),
            granted_by: "operator:jane".into(),
            granted_at: at("2025-03-01T00:00:00Z"),
            shortened: Some(Shortening {
                granted_until: at("2025-06-16T00:00:00Z"),
                at: at("2025-03-20T00:00:00Z"),
                by: "operator:jane".into(),
                reason: "moved".into(),
            }),
        }),
        created_at: at("2020-01-01T00:00:00Z"),
    }
}

fn account(account_type: AccountType) -> ServiceAccount {
    ServiceAccount {
        id: "sa-1".parse().expect("valid"),
        client_id: "sa-client-1".parse().expect("valid"),
        company: "562949953421312".parse().expect("valid"),
        environment: Environment::Production,
        name: "Nightly".into(),
        account_type,
        classified_at: Some(at("2024-02-01T00:00:00Z")),
        permissions: ToolPermissions {
            company: BTreeMap::from([("Directory".to_owned(), ToolPermission::ReadOnly)]),
            project: BTreeMap::from([("Budget".to_owned(), ToolPermission::Admin)]),
        },
        created_at: at("2021-01-01T00:00:00Z"),
        created_by: "collaborator:carol@example.com".into(),
        extended_until: Some(at("2025-04-18T00:00:00Z")),
        removal: Some(Removal {
            at: at("2025-03-02T00:00:00Z"),
            by: "collaborator:carol@example.com".into(),
            reason: "replaced".into(),
        }),
        secret: None,
    }
}

fn account_with_secret() -> ServiceAccount {
    let secret = AccountSecret {
        created_at: at("2021-01-01T00:00:00Z"),
        last_shown: "x7Qk".into(),
        hash: KeyedHash { pepper: "0a1b2c3d".parse().expect("valid"), bytes: [7; 32] },
    };
    ServiceAccount { removal: None, secret: Some(secret), ..account(AccountType::Undefined) }
}

fn moved(overlapping: bool) -> Moved {
    Moved {
        to: name("2.0"),
        at: at("2026-01-03T00:00:00Z"),
        by: "operator:jane".into(),
        made: overlapping.then(|| "s-2".parse().expect("valid")),
        overlap_until: overlapping.then(|| at("2026-02-03T00:00:00Z")),
    }
}

fn waiver() -> Waiver {
    Waiver {
        id: "w-1".parse().expect("valid"),
        application: "ledgerly".parse().expect("valid"),
        client_id: "ledgerly-client".parse().expect("valid"),
        environment: Environment::Production,
        version: name("1.10"),
        kind: WaiverKind::CallsPastRetirement,
        from: at("2026-01-01T00:00:00Z"),
        until: at("2026-02-01T00:00:00Z"),
        reason: "migrating".into(),
        approver: "Head of APIs".into(),
        granted_by: "operator:jane".into(),
        revoked: Some(Revocation { at: at("2026-01-09T00:00:00Z"), by: "operator:jane".into(), reason: "done".into() }),
    }
}

fn subscription() -> Subscription {
    Subscription {
        id: "s-1".parse().expect("valid"),
        application: "ledgerly".parse().expect("valid"),
        client_id: "ledgerly-client".parse().expect("valid"),
        version: name("1.10"),
        environment: Environment::Production,
        since: at("2026-01-01T00:00:00Z"),
        subscribed_by: "operator:jane".into(),
        waiver: None,
        ended: Some(End { at: at("2026-01-03T00:00:00Z"), reason: EndReason::Revoked, by: "operator:jane".into() }),
        moved: None,
        field_values: BTreeMap::from([("callback".to_owned(), "home".to_owned())]),
    }
}

#[test]
fn every_record_reads_back_as_it_was() {
    for record in records() {
        assert_eq!(decode(&encode(&record)), Ok(record));
    }
}

#[test]
fn format_1_stays_readable() {
    let bytes = b"\x08\x01*~\n\x03s-1\x12\x08ledgerly\x1a\x0fledgerly-client\"\x12individuals/losses*\x041.100\
        \x02:\x06\x08\x80\xf2\xd6\xca\x06B\roperator:janeJ\x06\x08\x80\xb8\xe1\xca\x06P\x02Z\roperator:\
        janeb\x10\n\x08callback\x12\x04home";
    assert_eq!(decode(bytes), Ok(Record::Subscription(subscription())));
    assert_eq!(encode(&Record::Subscription(subscription())), &bytes[..], "and is what is written");
}

#[test]
fn a_newer_format_is_refused_and_damage_is_named() {
    assert_eq!(decode(b"\x08\x02\x3a\x00"), Err(Undecodable::Newer(2)));
    assert!(matches!(decode(b"\x3a\x00"), Err(Undecodable::Damaged(_))));
    assert!(matches!(decode(b"\x08\x01"), Err(Undecodable::Damaged(_))));
    assert!(matches!(decode(b"\xff\xff"), Err(Undecodable::Damaged(_))));
    assert!(matches!(decode(b"\x08\x01\x3a\x02\x0a\x00"), Err(Undecodable::Damaged(_))), "an empty name");
}

#[test]
fn secrets_and_limits_of_format_1_stay_readable() {
    let secrets = b"\x08\x01\x9a\x01\xd0\x01\x0a\x03app\x12r\x0a\x08secret-1\x12\x0cBuild\x20server\x1a\x06\x08\x80\
        \xf2\xd6\xca\x06\x22\x1ccollaborator:ada@example.com*\x06\x08\x80\xd9\xdb\xd9\x062\x04aB3x:\x02\
        p1B\x20\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\
        \x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x12U\x0a\x08secret-2\x12\x06Laptop\x1a\x06\x08\x80\x95\
        \xdc\xca\x06\x22\x0doperator:jane2\x04zzzz:\x02p2B\x20\x08\x08\x08\x08\x08\x08\x08\x08\x08\x08\
        \x08\x08\x08\x08\x08\x08\x08\x08\x08\x08\x08\x08\x08\x08\x08\x08\x08\x08\x08\x08\x08\x08";
    let limits = b"\x08\x01\xa2\x017\x0a\x03app\x12\x0aclient-app\x18\x02\x20\x01*\x0f198.51.100.0/24*\x0d2001:db8\
        ::/320\x05";
    for bytes in [&secrets[..], &limits[..]] {
        let record = decode(bytes).expect("it is of this format");
        assert!(records().contains(&record), "{record:?}");
        assert_eq!(encode(&record), bytes, "and is what is written");
    }
}

#[test]
fn a_company_that_named_its_accounts_is_read_as_one_that_counts_them() {
    let bytes = b"\x08\x01\xf2\x017\x0a\x0242\x12\x08Builders\x18\x012\x11carol@example.com:\x04sa-1:\x04sa-2J\x06\
        \x08\x80\xc2\xaf\xf0\x05";
    let Ok(Record::Company(company)) = decode(bytes) else { panic!("it is of this format") };
    assert_eq!((company.id.as_str(), company.account_count), ("42", 2));
    assert_eq!(decode(&encode(&Record::Company(company.clone()))), Ok(Record::Company(company)));
}

/// As they were written when only applications had notices.
#[test]
fn notices_and_runs_of_applications_of_format_1_stay_readable() {
    let run =
        b"\x08\x01\x7a\x1f\x0a\x06\x12\x04news\x10\x03\x18\x01\x2a\x02\x08\x01\x32\x02\x08\x01\x40\x02\x4a\x03app\
        \x50\x02\x58\x03";
    let notice = b"\x08\x01\x72\x45\x0a\x03app\x12\x280123456789012345678901234567890123456789\x1a\x06\x12\x04news\x20\
        \x03\x28\x01\x48\x01\x5a\x02\x08\x01\x62\x02\x08\x01";
    let application = Holder::Application("app".parse().expect("valid"));
    let Ok(Record::NoticeRun(read)) = decode(run) else { panic!("it is of this format") };
    assert_eq!((&read.state, read.applications, read.companies), (&RunState::Running(application.clone()), 2, 0));
    assert_eq!(encode(&Record::NoticeRun(read)), &run[..], "and is what is written");
    let Ok(Record::Notice(read)) = decode(notice) else { panic!("it is of this format") };
    assert_eq!(read.holder, application);
    assert_eq!(encode(&Record::Notice(read)), &notice[..], "and is what is written");
    let both =
        b"\x08\x01\x7a\x25\x0a\x06\x12\x04news\x10\x03\x18\x01\x2a\x02\x08\x01\x32\x02\x08\x01\x40\x02\x4a\x03app\
        \x50\x02\x58\x03\x62\x04acme";
    assert!(matches!(decode(both), Err(Undecodable::Damaged(_))), "a run has come to one holder, not to two");
}
