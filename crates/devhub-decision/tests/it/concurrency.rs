//! Readers beside a writer: an answer is from before a commit or from after it, and a batch is from one revision.

use std::sync::Barrier;

use devhub_decision::{ApplicationEntry, Change, Facts, Question, SubscriptionEntry, Table, VersionEntry};

use crate::given;

const COMMITS: u64 = 3_000;
const READS: u64 = 6_000;
/// Enough that they lie in different shards.
const CLIENTS: [&str; 4] = ["anna", "ben", "carla", "dora"];

/// Commit `revision` writes its own number into the version and into every application, and subscribes on even ones.
fn commit(revision: u64) -> Vec<Change> {
    let mut changes =
        vec![Change::Version(VersionEntry { successor: Some(given::name(&revision.to_string())), ..given::version() })];
    for client_id in CLIENTS {
        changes.push(Change::Application(ApplicationEntry {
            client_id: client_id.into(),
            application_id: revision.to_string().into(),
            ..given::application()
        }));
        changes.push(Change::Subscription(SubscriptionEntry {
            client_id: client_id.into(),
            live: revision.is_multiple_of(2),
            ..given::subscription()
        }));
    }
    changes
}

/// Asserts that the facts are those of exactly one commit, and returns its revision.
fn whole(facts: &Facts<'_>) -> u64 {
    let revision = facts.revision;
    let successor = facts.version.unwrap().entry().successor.as_ref().unwrap();
    assert_eq!(*successor.label, revision.to_string());
    assert_eq!(facts.application.unwrap().application_id, revision.to_string());
    assert_eq!(facts.subscribed, revision.is_multiple_of(2));
    revision
}

fn questions() -> [Question<'static>; 4] {
    CLIENTS.map(|client_id| Question { client_id, ..given::question() })
}

#[test]
fn readers_see_whole_commits_and_a_batch_sees_one_revision() {
    let table = Table::new();
    table.apply(1, commit(1));
    let start = Barrier::new(4);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            start.wait();
            for revision in 2..=COMMITS {
                table.apply(revision, commit(revision));
                // Read your own write: whoever asks after the commit sees at least it.
                assert_eq!(table.ask(&questions()[0], whole), revision);
            }
        });
        scope.spawn(|| {
            start.wait();
            let mut newest = 1;
            for read in 0..READS {
                let promised = table.revision();
                let seen = table.ask(&questions()[read as usize % CLIENTS.len()], whole);
                assert!(seen >= promised && seen >= newest, "{seen} after {promised} and {newest}");
                newest = seen;
            }
        });
        for _ in 0..2 {
            scope.spawn(|| {
                start.wait();
                let mut newest = 1;
                for _ in 0..READS {
                    let seen = table.ask_all(&questions(), |_, facts| whole(facts));
                    assert!(seen.iter().all(|revision| *revision == seen[0]), "{seen:?}");
                    assert!(seen[0] >= newest);
                    newest = seen[0];
                }
            });
        }
    });
    assert_eq!(table.revision(), COMMITS);
}

#[test]
fn commits_to_single_shards_are_as_whole_as_those_to_all() {
    let table = Table::new();
    table.apply(1, commit(1));
    let start = Barrier::new(2);
    // These commits leave the version alone, so they lock the shards of two clients and no more.
    let pair = |revision: u64| {
        let of = |client_id: &str| {
            Change::Application(ApplicationEntry {
                client_id: client_id.into(),
                application_id: revision.to_string().into(),
                ..given::application()
            })
        };
        vec![of(CLIENTS[0]), of(CLIENTS[3])]
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            start.wait();
            for revision in 2..=COMMITS {
                table.apply(revision, pair(revision));
            }
        });
        scope.spawn(|| {
            start.wait();
            let [first, _, _, last] = questions();
            let id = |facts: &Facts<'_>| (facts.revision, facts.application.unwrap().application_id.to_owned());
            for _ in 0..READS {
                let (revision, application_id) = table.ask(&first, id);
                assert_eq!(application_id, revision.to_string());
                let both = table.ask_all(&[first, last], |_, facts| id(facts));
                assert_eq!(both[0], both[1]);
            }
        });
    });
}

#[test]
fn readers_see_whole_records_while_shards_outgrow_their_room() {
    let table = Table::new();
    table.apply(1, vec![Change::Version(given::version())]);
    let client_id = |client: u64| format!("client-{client}-{}", "x".repeat((client % 90) as usize));
    // The application's id says which client it belongs to, and how long that id is depends on the round.
    let application = |client: u64, round: u64| {
        Change::Application(ApplicationEntry {
            client_id: client_id(client).into(),
            application_id: format!("{client}-{}", "y".repeat((round % 70) as usize)).into(),
            ..given::application()
        })
    };
    const CLIENTS: u64 = 3_000;
    let start = Barrier::new(3);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            start.wait();
            for round in 0..6 {
                for client in 0..CLIENTS {
                    table.apply(2 + round * CLIENTS + client, vec![application(client, round * 13 + client)]);
                }
            }
        });
        for seed in [1_u64, 2] {
            let (table, start) = (&table, &start);
            scope.spawn(move || {
                start.wait();
                let (mut found, mut random) = (0, seed);
                while table.revision() < 6 * CLIENTS {
                    random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    let client = (random >> 33) % CLIENTS;
                    let id = client_id(client);
                    table.ask(&Question { client_id: &id, ..given::question() }, |facts| {
                        let Some(application) = facts.application else { return };
                        let rest = application.application_id.strip_prefix(&format!("{client}-")).expect("its own id");
                        assert!(rest.bytes().all(|byte| byte == b'y'), "{rest:?}");
                        found += 1;
                    });
                }
                assert!(found > 0, "a reader that found nothing shows nothing");
            });
        }
    });
}
