//! What a trail holds of a commit: what decisions stand on and what happened, and nothing that names a person; in bytes
//! that stay the same for ever.

use devhub::audit::{AuditKey, Beside, Head, Referred, SignedHead, Writer, hex, redact};
use devhub::store::{Commit, Write};
use devhub::wire::timestamp;
use devhub_proto::audit::v1 as trail;
use devhub_proto::store::v1 as disk;
use devhub_proto::v1;
use prost::Message;

use crate::auditing::{attested, blocks, contains, key};
use crate::golden::compare;
use crate::world::{CONTEXT, start};

/// A commit with everything that names somebody, and what must remain of it.
fn telling() -> Commit {
    let private = || "PRIVATE".to_owned();
    let at = || Some(timestamp(start()));
    let record = |content| disk::Record { format: 1, content: Some(content) }.encode_to_vec().into();
    let application = disk::ApplicationRecord {
        id: "app".into(),
        client_id: "client-app".into(),
        name: private(),
        description: private(),
        environment: v1::Environment::Sandbox.into(),
        owner: private(),
        kind: v1::ApplicationKind::Standard.into(),
        persona: 1,
        state: 1,
        collaborators: vec![v1::Collaborator { email: "private@example.com".into(), role: v1::Role::Developer.into() }],
        deletion_restriction: private(),
        created_at: at(),
        deleted_at: at(),
        deleted_by: private(),
        ..Default::default()
    };
    let account = disk::ServiceAccountRecord {
        id: "acc".into(),
        client_id: "client-acc".into(),
        company_id: "acme".into(),
        environment: v1::Environment::Production.into(),
        name: private(),
        account_type: Some(v1::AccountType {
            r#type: Some(v1::account_type::Type::Custom(v1::CustomAccount {
                description: private(),
                developer_name: private(),
                developer_email: "private@example.com".into(),
                application_id: String::new(),
            })),
        }),
        created_at: at(),
        created_by: private(),
        removed_at: at(),
        removed_by: private(),
        remove_reason: private(),
        secret: Some(disk::AccountSecretRecord {
            created_at: at(),
            last_shown: "PRIV".into(),
            pepper: "private".into(),
            hash: b"PRIVATEPRIVATEPRIVATEPRIVATE1234".to_vec(),
        }),
        ..Default::default()
    };
    let subscription = disk::SubscriptionRecord {
        id: "sub-1".into(),
        application_id: "app".into(),
        client_id: "client-app".into(),
        context: CONTEXT.into(),
        label: "1.0".into(),
        environment: v1::Environment::Sandbox.into(),
        since: at(),
        subscribed_by: private(),
        ended_at: at(),
        end_reason: 1,
        ended_by: private(),
        field_values: [("field".to_owned(), private())].into(),
        waiver_id: "waiver-1".into(),
        moved_to: Some(v1::VersionName { context: CONTEXT.into(), version: "2.0".into() }),
        moved_at: at(),
        moved_by: private(),
        move_made: "sub-2".into(),
        overlap_until: at(),
    };
    let waiver = disk::WaiverRecord {
        id: "waiver-1".into(),
        application_id: "app".into(),
        client_id: "client-app".into(),
        environment: v1::Environment::Sandbox.into(),
        context: CONTEXT.into(),
        label: "1.0".into(),
        kind: 1,
        granted_at: at(),
        until: at(),
        reason: private(),
        approver: private(),
        granted_by: private(),
        revoked_at: at(),
        revoked_by: private(),
        revocation_reason: private(),
    };
    let exemption = disk::ExemptionRecord {
        application_id: "app".into(),
        client_id: "client-app".into(),
        environment: v1::Environment::Sandbox.into(),
        context: CONTEXT.into(),
        label: "1.0".into(),
        exempt: true,
        since: at(),
        by: private(),
        reason: private(),
    };
    let namespace = disk::NamespaceRecord {
        name: "individuals".into(),
        deployments: vec![disk::NamespaceDeploymentRecord {
            environment: v1::Environment::Sandbox.into(),
            deprecated_at: at(),
            successor: "people".into(),
            successor_uri: "https://example.com/people".into(),
            ..Default::default()
        }],
    };
    let installation = disk::InstallationRecord {
        application_id: "app".into(),
        client_id: "client-app".into(),
        company_id: "acme".into(),
        version: "1.0.0".into(),
        all_projects: false,
        projects: vec!["north".into()],
        service_user: private(),
        intervals: vec![disk::IntervalRecord { from: at(), service_account: true, ..Default::default() }],
        changed: Some(disk::StepRecord { by: private(), at: at() }),
    };
    let class = disk::CredentialClassRecord {
        schedule: Some(v1::ClassSchedule { deprecate_time: at(), ..Default::default() }),
        ledger: None,
    };
    let version = disk::VersionRecord {
        context: CONTEXT.into(),
        label: "1.0".into(),
        description: private(),
        access_type: 1,
        endpoints: vec![v1::Endpoint { method: "GET".into(), path: "/x".into(), auth_type: 1 }],
        fields: vec![v1::FieldDefinition { name: private(), description: private(), ..Default::default() }],
        deployments: vec![disk::DeploymentRecord {
            environment: v1::Environment::Sandbox.into(),
            maturity: v1::Maturity::Stable.into(),
            endpoints_enabled: true,
            deprecated_at: at(),
            successor: Some(v1::VersionName { context: CONTEXT.into(), version: "2.0".into() }),
            operations: vec![disk::OperationRecord {
                method: "GET".into(),
                path: "/x".into(),
                deprecated_at: at(),
                ..Default::default()
            }],
            ..Default::default()
        }],
        documentation_uri: "https://example.com/1.0".into(),
        created_at: at(),
        policy: "hmrc-mtd".into(),
        company_scoped: true,
    };
    let fact = v1::Fact {
        actor: "collaborator:private@example.com".into(),
        kind: v1::FactKind::ApplicationUpdated.into(),
        application_id: "app".into(),
        changes: vec![v1::FieldChange { field: "name".into(), before: private(), after: private() }],
        reason: private(),
        request_id: private(),
        ..Default::default()
    };
    let refused = v1::Fact {
        actor: "process:importer".into(),
        kind: v1::FactKind::CommandRefused.into(),
        refused_command: "Subscribe".into(),
        refusal: "VERSION_RETIRED".into(),
        ..Default::default()
    };
    let write = |key: &'static [u8], content| Write { key: key.into(), value: Some(record(content)) };
    Commit {
        revision: 1,
        instant: start(),
        writes: vec![
            write(b"aapp", disk::record::Content::Application(application)),
            write(b"Tacc", disk::record::Content::ServiceAccount(account)),
            write(b"ssubscription", disk::record::Content::Subscription(subscription)),
            write(b"wwaiver", disk::record::Content::Waiver(waiver)),
            write(b"eexemption", disk::record::Content::Exemption(exemption)),
            write(b"pnamespace", disk::record::Content::Namespace(namespace)),
            write(b"Sinstallation", disk::record::Content::Installation(installation)),
            write(b"Kclass", disk::record::Content::CredentialClass(class)),
            write(b"vversion", disk::record::Content::Version(version)),
            write(b"nprivate", disk::record::Content::Name(disk::NameRecord::default())),
        ],
        facts: vec![fact.encode_to_vec().into(), refused.encode_to_vec().into()],
    }
}

#[test]
fn what_names_somebody_stands_beside_the_chain() {
    let redacted = redact(&telling(), key(1).salts()).unwrap();
    let entry = redacted.entry.encode_to_vec();
    for text in ["PRIV", "private", "PRIVATEPRIVATE"] {
        assert!(!contains(&entry, text), "{text}: {:?}", redacted.entry);
    }
    assert_eq!(redacted.entry.writes.len(), 9, "one of each kind that decisions stand on, and no name");
    assert!(contains(&entry, "client-app") && contains(&entry, "process:importer"));
    let texts: Vec<&str> = redacted.texts.iter().map(|text| text.text.as_str()).collect();
    assert_eq!(texts, ["collaborator:private@example.com", "PRIVATE", "PRIVATE", "PRIVATE", "PRIVATE"]);
    let other = redact(&telling(), AuditKey::of([1; 32], [8; 32]).salts()).unwrap();
    assert_ne!(other.texts[0].reference, redacted.texts[0].reference, "nobody tries texts without the key");
    assert_eq!(redact(&telling(), key(2).salts()).unwrap(), redacted, "another signature, the same chain");
}

#[test]
fn an_entry_says_through_which_portal_and_one_that_has_none_is_what_it_was() {
    let fact =
        |via: &str| v1::Fact { actor: "process:importer".into(), kind: 15, via: via.into(), ..Default::default() };
    let entry = |via: &str| {
        let commit = Commit { writes: Vec::new(), facts: vec![fact(via).encode_to_vec().into()], ..telling() };
        redact(&commit, key(1).salts()).unwrap().entry
    };
    let (with, without) = (entry("main"), entry(""));
    assert_eq!((&*with.facts[0].via, &*without.facts[0].via), ("main", ""));
    let old = trail::Fact { via: String::new(), ..with.facts[0].clone() };
    assert_eq!(old.encode_to_vec(), without.facts[0].encode_to_vec());
    assert_ne!(with.encode_to_vec(), without.encode_to_vec(), "the chain covers it");
}

/// Format 1 for ever: a trail that was attested once must be the same bytes in every later release.
#[test]
fn the_format_of_a_trail_changes_only_on_purpose() {
    let header = trail::Header {
        epoch: vec![7; 16],
        store_id: vec![8; 16],
        exported_at: Some(timestamp(start())),
        policies: String::new(),
    };
    let redacted = redact(&telling(), key(1).salts()).unwrap();
    let mut writer = Writer::begin(Vec::new(), &header).unwrap();
    let beside = |text: Referred| Beside {
        known: (!text.text.contains("@")).then_some((text.salt, text.text)),
        reference: text.reference,
    };
    let texts: Vec<_> = redacted.texts.into_iter().map(beside).collect();
    writer.entry(1, &redacted.entry.encode_to_vec(), texts).unwrap();
    let (bytes, counts) = writer.finish().unwrap();
    let head = Head { epoch: [7; 16], sequence: 1, link: counts.link, time: start() }.sign(&key(1));
    assert_eq!(SignedHead::parse(&head.line()), Some(head.clone()));
    let mut text = String::new();
    for (tag, begin, length, _) in blocks(&bytes) {
        text += &format!("{} {}\n", char::from(tag), hex(&bytes[begin + 5..begin + length]));
    }
    text += &format!("head {}\npublic {}\n", head.line(), key(1).public().text());
    compare("tests/it/golden/audit_trail.txt", &text);
    attested(&bytes, &[head]).unwrap();
}
