//! The table against plain maps: after any changes in any order both know the same.

use std::collections::{BTreeMap, BTreeSet};

use devhub_decision::{
    ApplicationEntry, Change, Environment, ExemptionEntry, Lifecycle, Maturity, NamespaceEntry, Operation,
    OperationEntry, Question, Schedule, Standing, SubscriptionEntry, Table, Terms, VersionEntry, VersionFacts,
    VersionName, WaiverEntry, decide,
};
use proptest::prelude::*;

use crate::given;

// Labels that a sloppy comparison would take for each other, and parts that join to the same text.
const CONTEXTS: [&str; 3] = ["hello", "hello/1", ""];
const LABELS: [&str; 4] = ["1.1", "1.10", "/11.1", ""];
const CLIENTS: [&str; 5] = ["a", "ab", "abc", "b", ""];

const NAMESPACES: [&str; 5] = ["hello", "hello/1", "hell", "", "hello/1/x"];
const TEMPLATES: [&str; 5] = ["/a/b", "/a/{x}", "/{x}/b", "/{x}/{y}", "/a"];
const CALLS: [(&str, &str); 4] = [("GET", "/a/b?c/d"), ("GET", "/a/c"), ("PUT", "/c/b"), ("PUT", "/a")];

type Key = (String, String, Environment);

/// The same knowledge, as simple as it can be held.
#[derive(Default)]
struct Model {
    versions: BTreeMap<Key, VersionEntry>,
    applications: BTreeMap<String, ApplicationEntry>,
    subscriptions: BTreeSet<(String, Key)>,
    namespaces: BTreeMap<(String, Environment), NamespaceEntry>,
    terms: BTreeMap<(String, Key), Terms>,
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
                self.terms.entry(subscription.clone()).or_default().ends_at = entry.ends_at.filter(|_| entry.live);
                if entry.live {
                    self.subscriptions.insert(subscription);
                } else {
                    self.subscriptions.remove(&subscription);
                }
            }
            Change::Namespace(entry) => {
                self.namespaces.insert((entry.namespace.to_string(), entry.environment), entry);
            }
            Change::Waiver(entry) => {
                let between = (entry.client_id.to_string(), key(&entry.version, entry.environment));
                self.terms.entry(between).or_default().waived_until = entry.until;
            }
            Change::Exemption(entry) => {
                let between = (entry.client_id.to_string(), key(&entry.version, entry.environment));
                self.terms.entry(between).or_default().exempt = entry.exempt;
            }
        }
    }

    /// A version as it stands in its namespaces, found by looking at each of them.
    fn version(&self, key: &Key) -> Option<VersionFacts> {
        let (context, _, environment) = key;
        let around = |entry: &&NamespaceEntry| {
            entry.environment == *environment
                && (**context == *entry.namespace || context.starts_with(&format!("{}/", entry.namespace)))
        };
        let mut namespaces: Vec<&NamespaceEntry> = self.namespaces.values().filter(around).collect();
        namespaces.sort_by_key(|entry| std::cmp::Reverse(entry.namespace.len()));
        self.versions.get(key).map(|told| VersionFacts::within(told.clone(), &namespaces))
    }

    /// The template of the operation that a question names: of those that match, the one with the first literal.
    fn operation(&self, key: &Key, question: &Question<'_>) -> Option<String> {
        let Operation { method, path } = question.operation?;
        let given: Vec<&str> = path.split('?').next()?.split('/').collect();
        let matches = |template: &&str| {
            let template: Vec<&str> = template.split('/').collect();
            template.len() == given.len()
                && template.iter().zip(&given).all(|(expected, segment)| match expected.starts_with('{') {
                    true => !segment.is_empty(),
                    false => expected == segment,
                })
        };
        let told = &self.versions.get(key)?.operations;
        let templates = told.iter().filter(|entry| *entry.method == *method).map(|entry| &*entry.path);
        // '{' sorts after every letter of these templates, so the least is the one with the first literal.
        templates.filter(matches).min().map(str::to_owned)
    }

    /// What it knows, as changes that would tell a fresh table.
    fn changes(&self) -> Vec<Change> {
        let versions = self.versions.values().cloned().map(Change::Version);
        let applications = self.applications.values().cloned().map(Change::Application);
        let subscriptions = self.subscriptions.iter().map(|(client_id, (context, label, environment))| {
            let terms = self.terms.get(&(client_id.clone(), (context.clone(), label.clone(), *environment)));
            Change::Subscription(SubscriptionEntry {
                client_id: client_id.as_str().into(),
                environment: *environment,
                version: VersionName::new(context.as_str(), label.as_str()),
                live: true,
                ends_at: terms.and_then(|terms| terms.ends_at),
            })
        });
        let namespaces = self.namespaces.values().cloned().map(Change::Namespace);
        let terms = self.terms.iter().flat_map(|((client_id, (context, label, environment)), terms)| {
            let client_id: Box<str> = client_id.as_str().into();
            let version = VersionName::new(context.as_str(), label.as_str());
            let (environment, until, exempt) = (*environment, terms.waived_until, terms.exempt);
            let (client, name) = (client_id.clone(), version.clone());
            let waiver = Change::Waiver(WaiverEntry { client_id, environment, version, until });
            [waiver, Change::Exemption(ExemptionEntry { client_id: client, environment, version: name, exempt })]
        });
        versions.chain(applications).chain(subscriptions).chain(namespaces).chain(terms).collect()
    }

    /// The table must answer each question with exactly this knowledge.
    fn assert_known_to(&self, table: &Table, revision: u64) {
        let questions = questions();
        let answered = table.ask_all(&questions, |index, facts| {
            let question = &questions[index];
            let key = (question.context.to_owned(), question.label.to_owned(), question.environment);
            assert_eq!(facts.revision, revision);
            assert_eq!(facts.version, self.version(&key).as_ref(), "{question:?}");
            let operation = facts.operation.map(|operation| &*operation.entry().path);
            assert_eq!(operation, self.operation(&key, question).as_deref(), "{question:?}");
            let between = (question.client_id.to_owned(), key.clone());
            assert_eq!(facts.terms, self.terms.get(&between).copied().unwrap_or_default(), "{question:?}");
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
            questions.extend(CALLS.map(|(method, path)| {
                let operation = Some(Operation { method, path });
                Question { client_id, context, label: LABELS[0], environment: Environment::Sandbox, operation }
            }));
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

fn any_schedule() -> impl Strategy<Value = Schedule> {
    let retirement = Schedule::Retirement { retires_at: given::date("O") };
    prop::sample::select(vec![Schedule::Open, given::deprecation(), retirement])
}

fn any_change() -> impl Strategy<Value = Change> {
    let maturity = prop::sample::select(Maturity::ALL.to_vec());
    let operations = prop::sample::subsequence(TEMPLATES.to_vec(), 0..=TEMPLATES.len());
    let operations = (operations, any::<bool>()).prop_map(|(paths, get)| {
        let method = if get { "GET" } else { "PUT" };
        let operation = |path: &str| OperationEntry {
            method: method.into(),
            path: path.into(),
            ..given::operation(given::deprecation())
        };
        paths.into_iter().map(operation).collect()
    });
    let version = (any_name(), any_environment(), maturity, any::<bool>(), any_schedule(), operations).prop_map(
        |(name, environment, maturity, open_access, schedule, operations)| {
            let lifecycle = Lifecycle { maturity, schedule };
            let version = VersionEntry { name, environment, open_access, lifecycle, operations, ..given::version() };
            Change::Version(version)
        },
    );
    let name = prop::sample::select(NAMESPACES.to_vec());
    let namespace =
        (name, any_environment(), any_schedule(), any::<bool>()).prop_map(|(name, environment, schedule, brownout)| {
            let brownouts = brownout.then(given::brownout).into_iter().collect();
            let namespace = name.into();
            Change::Namespace(NamespaceEntry { namespace, environment, brownouts, ..given::namespace(schedule) })
        });
    let standing = prop::sample::select(Standing::ALL.to_vec());
    let application = (any_client(), "[xy]{0,3}", any_environment(), standing).prop_map(
        |(client_id, application_id, environment, standing)| {
            let application_id = application_id.into();
            Change::Application(ApplicationEntry { client_id, application_id, environment, standing })
        },
    );
    let date = || prop::option::weighted(0.3, prop::sample::select(vec![given::d(), given::r()]));
    let subscription = (any_client(), any_environment(), any_name(), prop::bool::weighted(0.6), date()).prop_map(
        |(client_id, environment, version, live, ends_at)| {
            Change::Subscription(SubscriptionEntry { client_id, environment, version, live, ends_at })
        },
    );
    let waiver =
        (any_client(), any_environment(), any_name(), date()).prop_map(|(client_id, environment, version, until)| {
            Change::Waiver(WaiverEntry { client_id, environment, version, until })
        });
    let exemption = (any_client(), any_environment(), any_name(), any::<bool>()).prop_map(
        |(client_id, environment, version, exempt)| {
            Change::Exemption(ExemptionEntry { client_id, environment, version, exempt })
        },
    );
    prop_oneof![2 => version, 2 => namespace, 2 => application, 4 => subscription, 1 => waiver, 1 => exemption]
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
