//! The table against plain maps: after any changes in any order both know the same.

use std::collections::{BTreeMap, BTreeSet};

use devhub_decision::{
    ApplicationEntry, Change, Environment, Maturity, Question, Standing, SubscriptionEntry, Table, VersionEntry,
    VersionName, decide,
};
use proptest::prelude::*;

use crate::given;

// Labels that a sloppy comparison would take for each other, and parts that join to the same text.
const CONTEXTS: [&str; 3] = ["hello", "hello/1", ""];
const LABELS: [&str; 4] = ["1.1", "1.10", "/11.1", ""];
const CLIENTS: [&str; 5] = ["a", "ab", "abc", "b", ""];

type Key = (String, String, Environment);

/// The same knowledge, as simple as it can be held.
#[derive(Default)]
struct Model {
    versions: BTreeMap<Key, VersionEntry>,
    applications: BTreeMap<String, ApplicationEntry>,
    subscriptions: BTreeSet<(String, Key)>,
}

fn key(name: &VersionName, environment: Environment) -> Key {
    (name.context.to_string(), name.label.to_string(), environment)
}

impl Model {
    fn fold(&mut self, change: Change) {
        match change {
            Change::Version(entry) => {
                self.versions.insert(key(&entry.name, entry.environment), entry);
            }
            Change::Application(entry) => {
                self.applications.insert(entry.client_id.to_string(), entry);
            }
            Change::Subscription(entry) => {
                let subscription = (entry.client_id.to_string(), key(&entry.version, entry.environment));
                if entry.live {
                    self.subscriptions.insert(subscription);
                } else {
                    self.subscriptions.remove(&subscription);
                }
            }
            Change::Namespace(_) | Change::Waiver(_) | Change::Exemption(_) => {}
        }
    }

    /// What it knows, as changes that would tell a fresh table.
    fn changes(&self) -> Vec<Change> {
        let versions = self.versions.values().cloned().map(Change::Version);
        let applications = self.applications.values().cloned().map(Change::Application);
        let subscriptions = self.subscriptions.iter().map(|(client_id, (context, label, environment))| {
            Change::Subscription(SubscriptionEntry {
                client_id: client_id.as_str().into(),
                environment: *environment,
                version: VersionName::new(context.as_str(), label.as_str()),
                live: true,
                ends_at: None,
            })
        });
        versions.chain(applications).chain(subscriptions).collect()
    }

    /// The table must answer each question with exactly this knowledge.
    fn assert_known_to(&self, table: &Table, revision: u64) {
        let questions = questions();
        let answered = table.ask_all(&questions, |index, facts| {
            let question = &questions[index];
            let key = (question.context.to_owned(), question.label.to_owned(), question.environment);
            assert_eq!(facts.revision, revision);
            assert_eq!(facts.version.map(|version| version.entry()), self.versions.get(&key), "{question:?}");
            let known = facts.application.map(|facts| ApplicationEntry {
                client_id: question.client_id.into(),
                application_id: facts.application_id.into(),
                environment: facts.environment,
                standing: facts.standing,
            });
            assert_eq!(known.as_ref(), self.applications.get(question.client_id), "{question:?}");
            let subscribed = self.subscriptions.contains(&(question.client_id.to_owned(), key));
            assert_eq!(facts.subscribed, subscribed, "{question:?}");
            decide(facts, given::d(), given::limits()).reason
        });
        for (question, reason) in questions.iter().zip(answered) {
            let alone = table.ask(question, |facts| decide(facts, given::d(), given::limits()).reason);
            assert_eq!(alone, reason, "{question:?}");
        }
        let counts = table.counts();
        assert_eq!(counts.versions, self.versions.len());
        assert_eq!(counts.applications, self.applications.len());
        assert_eq!(counts.subscriptions, self.subscriptions.len());
    }
}

fn questions() -> Vec<Question<'static>> {
    let mut questions = Vec::new();
    for client_id in CLIENTS {
        for context in CONTEXTS {
            for label in LABELS {
                questions.extend(Environment::ALL.map(|environment| Question {
                    client_id,
                    context,
                    label,
                    environment,
                    operation: None,
                }));
            }
        }
    }
    questions
}

fn any_environment() -> impl Strategy<Value = Environment> {
    prop::sample::select(Environment::ALL.to_vec())
}

fn any_name() -> impl Strategy<Value = VersionName> {
    let parts = (prop::sample::select(CONTEXTS.to_vec()), prop::sample::select(LABELS.to_vec()));
    parts.prop_map(|(context, label)| VersionName::new(context, label))
}

fn any_client() -> impl Strategy<Value = Box<str>> {
    prop::sample::select(CLIENTS.to_vec()).prop_map(Box::from)
}

fn any_change() -> impl Strategy<Value = Change> {
    let version = (any_name(), any_environment(), prop::sample::select(Maturity::ALL.to_vec()), any::<bool>())
        .prop_map(|(name, environment, maturity, open_access)| {
            let mut version = VersionEntry { name, environment, open_access, ..given::version() };
            version.lifecycle.maturity = maturity;
            Change::Version(version)
        });
    let standing = prop::sample::select(Standing::ALL.to_vec());
    let application = (any_client(), "[xy]{0,3}", any_environment(), standing).prop_map(
        |(client_id, application_id, environment, standing)| {
            let application_id = application_id.into();
            Change::Application(ApplicationEntry { client_id, application_id, environment, standing })
        },
    );
    let subscription = (any_client(), any_environment(), any_name(), prop::bool::weighted(0.6)).prop_map(
        |(client_id, environment, version, live)| {
            Change::Subscription(SubscriptionEntry { client_id, environment, version, live, ends_at: None })
        },
    );
    prop_oneof![1 => version, 1 => application, 4 => subscription]
}

proptest! {
    #[test]
    fn the_table_knows_what_plain_maps_know(
        loaded in prop::collection::vec(any_change(), 0..40),
        commits in prop::collection::vec(prop::collection::vec(any_change(), 0..6), 0..20),
    ) {
        let (table, mut model) = (Table::new(), Model::default());
        for change in loaded {
            table.load(change.clone());
            model.fold(change);
        }
        table.advance(7);
        model.assert_known_to(&table, 7);
        // Revisions may have gaps.
        for (revision, changes) in (10..).step_by(3).zip(commits) {
            table.apply(revision, changes.clone());
            changes.into_iter().for_each(|change| model.fold(change));
            prop_assert_eq!(table.revision(), revision);
            model.assert_known_to(&table, revision);
        }
    }

    #[test]
    fn the_order_of_different_keys_does_not_matter(
        changes in prop::collection::vec(any_change(), 0..80),
        seed in any::<u64>(),
    ) {
        let (table, mut model) = (Table::new(), Model::default());
        for change in changes {
            table.load(change.clone());
            model.fold(change);
        }
        let mut shuffled = model.changes();
        let mut random = seed;
        for last in (1..shuffled.len()).rev() {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            shuffled.swap(last, (random >> 33) as usize % (last + 1));
        }
        let replay = Table::new();
        replay.apply(1, shuffled);
        prop_assert_eq!(replay.dump(), table.dump());
        prop_assert_eq!(replay.counts(), table.counts());
    }
}

#[test]
fn a_thousand_subscriptions_of_one_client_and_a_thousand_clients_are_all_found() {
    let table = Table::new();
    let subscription = |client: u32, version: u32, live: bool| {
        Change::Subscription(SubscriptionEntry {
            client_id: client.to_string().into(),
            environment: Environment::Production,
            version: VersionName::new("hello", version.to_string()),
            live,
            ends_at: None,
        })
    };
    // 7 and 1000 share no factor: every number comes once, out of order.
    for step in 0..1000 {
        table.load(subscription(0, step * 7 % 1000, true));
        table.load(subscription(step, 0, true));
    }
    assert_eq!(table.counts().subscriptions, 1999);
    for step in (0..1000).filter(|step| step % 3 == 0) {
        table.load(subscription(0, step, false));
    }
    for step in 0..1000_u32 {
        let (client, label) = (step.to_string(), step.to_string());
        let subscribed = |client_id: &str, label: &str| {
            let question = Question { client_id, label, ..Question { context: "hello", ..given::question() } };
            table.ask(&question, |facts| facts.subscribed)
        };
        assert_eq!(subscribed("0", &label), step % 3 != 0, "version {step}");
        assert_eq!(subscribed(&client, "0"), step != 0, "client {step}");
    }
}

#[test]
fn a_stranger_is_never_taken_for_a_client_with_a_similar_hash() {
    // Among so many of one length, some share bucket and tag with a client: only the whole id tells them apart.
    let table = Table::new();
    let client_id = |number: u32| format!("{number:08}");
    for number in (0..4_000).step_by(2) {
        let client_id = client_id(number).into();
        table.load(Change::Application(ApplicationEntry { client_id, ..given::application() }));
    }
    for number in 0..4_000_u32 {
        let question = Question { client_id: &client_id(number), ..given::question() };
        let known = table.ask(&question, |facts| facts.application.is_some());
        assert_eq!(known, number.is_multiple_of(2), "client {number}");
    }
}
