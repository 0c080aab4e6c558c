//! A copy of the decision table on a replica's disk, or what its hub sends: messages, one after the other.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use devhub_decision::{
    Change, Environment, InstallationEntry, NamespaceEntry, Operation, Question, ServiceAccountEntry, Table,
    VersionEntry, decide, explain,
};
use devhub_gateway::{Fault, Follower, Health, copy};
use devhub_proto::v1;
use devhub_proto::v1::sync_response::Message as Told;

use super::empty;
use crate::gateway::answer::{Answer, BodyFormat, Ruling};

const HERE: Environment = Environment::Sandbox;

/// Names of one kind that are asked about.
const NAMES_MAX: usize = 3;

fn now() -> DateTime<Utc> {
    "2026-01-01T00:00:00Z".parse().expect("an instant")
}

fn follower() -> Follower {
    Follower::new(HERE, "edge-1", Duration::from_secs(5), Duration::ZERO)
}

/// A follower that was told all this, each message whatever came of the one before; the digests are put right, since no
/// input guesses one.
fn told(messages: &mut [v1::SyncResponse]) -> Follower {
    loop {
        let follower = follower();
        let diverged =
            (0..).zip(messages.iter()).find_map(|(at, message)| match follower.receive(message.clone(), now()) {
                Err(Fault::Diverged { held, told, .. }) => Some((at, held, told)),
                Ok(()) | Err(_) => None,
            });
        let Some((at, held, told)): Option<(usize, u64, u64)> = diverged else { return follower };
        assert_ne!(held, told);
        if let Some(Told::Commit(commit)) = &mut messages[at].message {
            commit.digest = held;
        }
    }
}

/// What the rows of a table name.
#[derive(Default)]
struct Named {
    clients: BTreeSet<Box<str>>,
    versions: BTreeSet<(Box<str>, Box<str>)>,
    operations: BTreeSet<(Box<str>, Box<str>)>,
    companies: BTreeSet<Box<str>>,
}

impl Named {
    fn add(&mut self, row: Change) {
        match row {
            Change::Version(VersionEntry { name, operations, .. }) => {
                self.versions.insert((name.context, name.label));
                self.operations.extend(operations.iter().map(|entry| (entry.method.clone(), entry.path.clone())));
            }
            Change::Application(entry) => drop(self.clients.insert(entry.client_id)),
            Change::Subscription(entry) => drop(self.clients.insert(entry.client_id)),
            Change::Waiver(entry) => drop(self.clients.insert(entry.client_id)),
            Change::Exemption(entry) => drop(self.clients.insert(entry.client_id)),
            Change::Namespace(NamespaceEntry { namespace, .. }) => {
                self.versions.insert((format!("{namespace}/x").into(), "1.0".into()));
            }
            Change::ServiceAccount(ServiceAccountEntry { client_id, company_id, .. }) => {
                self.clients.insert(client_id);
                self.companies.insert(company_id);
            }
            Change::Installation(InstallationEntry { client_id, company_id, .. }) => {
                self.clients.insert(client_id);
                self.companies.insert(company_id);
            }
            Change::CredentialClass(_) => {}
        }
    }
}

/// Every call that a table could be asked about, as far as its rows name anything. Nothing that is answered splits a header.
fn ask(table: &Table) {
    let mut named = Named::default();
    (0..Table::PARTS).flat_map(|part| table.part(part, HERE)).for_each(|row| named.add(row));
    let operations: Vec<Operation<'_>> =
        named.operations.iter().map(|(method, path)| Operation { method, path }).take(NAMES_MAX).collect();
    let companies: Vec<&str> = named.companies.iter().map(|company| &**company).take(NAMES_MAX).collect();
    let limits = empty::limits();
    for client_id in named.clients.iter().take(NAMES_MAX) {
        for (context, label) in named.versions.iter().take(NAMES_MAX) {
            for operation in [None].into_iter().chain(operations.iter().copied().map(Some)) {
                for company in [None].into_iter().chain(companies.iter().copied().map(Some)) {
                    let question =
                        Question { client_id, context, label, environment: HERE, operation, company, project: None };
                    table.ask(&question, |facts| {
                        let decision = decide(facts, now(), limits);
                        assert!(decision.valid_until > now(), "{decision:?}");
                        let _ = explain(facts, &question, now(), limits);
                        let ruling = Ruling { question: &question, decision: &decision, id: "id", now: now() };
                        for format in BodyFormat::ALL {
                            let allows = match Answer::to(&ruling, format) {
                                Answer::Pass(_) => true,
                                Answer::Deny(_) => false,
                            };
                            assert_eq!(allows, decision.reason.allows());
                        }
                    });
                }
            }
        }
    }
}

/// A copy. Nothing in one renews a lease, so nobody decides from it before the hub has answered; and what is held is
/// copied again as it is.
pub(super) fn copy(bytes: &[u8]) {
    let mut messages: Vec<v1::SyncResponse> = copy::messages(bytes).map_while(Result::ok).collect();
    let follower = told(&mut messages);
    assert!(matches!(follower.health(Duration::ZERO), Health::Unready(_)));
    let table = follower.table();
    ask(&table);
    let mut written = Vec::new();
    let copied = follower.copy(|message| {
        written.push(message);
        Ok::<(), std::convert::Infallible>(())
    });
    let Ok(copied) = copied;
    if copied {
        let again = self::follower();
        for message in written {
            again.receive(message, now()).expect("what a follower tells, another takes");
        }
        assert_eq!((again.stand(), again.token()), (follower.stand(), follower.token()));
    }
}

#[cfg(test)]
pub(super) mod seeds {
    use devhub_decision::Table;
    use devhub_sync::{RowsWriter, timestamp};
    use prost::Message as _;

    use super::super::empty::rules;
    use super::*;
    use crate::domain::projection::project;
    use crate::domain::record::RecordKey;

    fn message(told: Told) -> Vec<u8> {
        v1::SyncResponse { message: Some(told) }.encode_length_delimited_to_vec()
    }

    fn begin(kind: v1::SyncKind) -> Vec<u8> {
        let decision_ttl = Some(prost_types::Duration { seconds: 15, nanos: 0 });
        message(Told::Begin(v1::SyncBegin { kind: kind.into(), decision_ttl, ..Default::default() }))
    }

    fn rows(changes: &[Change]) -> Vec<u8> {
        let mut writer = RowsWriter::default();
        changes.iter().for_each(|change| writer.write(change));
        message(Told::Rows(writer.take().unwrap_or_default()))
    }

    fn commit(table: &Table, revision: u64) -> Vec<u8> {
        let digest = table.stand().1.of(HERE);
        let latest_time = Some(timestamp(now()));
        message(Told::Commit(v1::SyncCommit { revision, resume_token: vec![7; 50], digest, latest_time }))
    }

    /// A table of one of each record, with a delta behind it, and one of nothing.
    pub(crate) fn copies() -> Vec<(String, Vec<u8>)> {
        let mut changes = Vec::new();
        for record in crate::store::codec::samples() {
            // Only an ended subscription is told by its key.
            project(&RecordKey::CredentialClass, &record, &rules(), &mut changes);
        }
        // As a gateway of one environment reads them.
        let mut writer = RowsWriter::default();
        changes.iter().for_each(|change| writer.write(change));
        let changes = devhub_sync::read(writer.take().unwrap_or_default(), HERE).expect("it was written");
        let (some, others) = changes.split_at(changes.len() / 2);
        let table = Table::default();
        let empty = [begin(v1::SyncKind::Snapshot), commit(&table, 0)].concat();
        table.load_all(some.to_vec());
        let mut whole = [begin(v1::SyncKind::Snapshot), rows(some), commit(&table, 5)].concat();
        table.load_all(others.to_vec());
        whole.extend([begin(v1::SyncKind::Delta), rows(others), commit(&table, 6)].concat());
        let by_row = changes.iter().enumerate().map(|(at, change)| {
            let table = Table::default();
            table.load_all(vec![change.clone()]);
            let bytes = [begin(v1::SyncKind::Snapshot), rows(std::slice::from_ref(change)), commit(&table, 1)].concat();
            (format!("row-{at}"), bytes)
        });
        let pong = message(Told::Pong(v1::SyncPong { nonce: 1, ..Default::default() }));
        [("empty".to_owned(), empty), ("whole".to_owned(), whole), ("pong".to_owned(), pong)]
            .into_iter()
            .chain(by_row.take(12))
            .collect()
    }
}
