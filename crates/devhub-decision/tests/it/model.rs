//! The table against plain maps: after any changes in any order both know the same.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use devhub_decision::{
    AccountFacts, ApplicationEntry, Change, CompanyAccess, CredentialClassEntry, Environment, ExemptionEntry,
    InstallationEntry, Lifecycle, Maturity, NamespaceEntry, Operation, OperationEntry, Question, Schedule,
    ServiceAccountEntry, Standing, SubscriptionEntry, Table, Terms, VersionEntry, VersionFacts, VersionName,
    WaiverEntry, decide,
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

// Companies that join with a client id to the same text, and one too long to stand in the tree itself.
const COMPANIES: [&str; 5] = ["", "b", "bc", "fourteen-bytes", "fifteen-bytes-x"];
const PROJECTS: [&str; 5] = ["", "p", "pp", "q", "ppq"];

type Key = (String, String, Environment);

/// The same knowledge, as simple as it can be held.
#[derive(Default)]
struct Model {
    versions: BTreeMap<Key, VersionEntry>,
    applications: BTreeMap<String, ApplicationEntry>,
    subscriptions: BTreeSet<(String, Key)>,
    namespaces: BTreeMap<(String, Environment), NamespaceEntry>,
    terms: BTreeMap<(String, Key), Terms>,
    sunset_at: Option<DateTime<Utc>>,
    accounts: BTreeMap<String, ServiceAccountEntry>,
    installations: Vec<InstallationEntry>,
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
            Change::CredentialClass(CredentialClassEntry { sunset_at }) => self.sunset_at = sunset_at,
            Change::ServiceAccount(entry) => {
                self.accounts.remove(&*entry.client_id);
                if entry.live {
                    self.accounts.insert(entry.client_id.to_string(), entry);
                }
            }
            Change::Installation(entry) => {
                let same = |known: &InstallationEntry| {
                    known.client_id == entry.client_id && known.company_id == entry.company_id
                };
                self.installations.retain(|known| !same(known));
                if entry.installed {
                    self.installations.push(entry);
                }
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

    /// The service account that calls: the one of the client id, unless an application has that.
    fn account(&self, client_id: &str) -> Option<AccountFacts<'_>> {
        let account = self.accounts.get(client_id).filter(|_| !self.applications.contains_key(client_id));
        account.map(|entry| AccountFacts {
            account_id: &entry.account_id,
            company_id: &entry.company_id,
            environment: entry.environment,
            sunset_at: self.sunset_at,
            extended_until: entry.extended_until,
        })
    }

    /// How the caller stands to the company and the project, found by looking at each installation.
    fn access(&self, key: &Key, question: &Question<'_>) -> CompanyAccess {
        if !self.versions.get(key).is_some_and(|version| version.company_scoped) {
            return CompanyAccess::NotScoped;
        }
        match (self.account(question.client_id), question.company) {
            (Some(account), Some(company)) if account.company_id != company => CompanyAccess::OtherCompany,
            (Some(_), _) => CompanyAccess::Permitted,
            (None, None) => CompanyAccess::Unnamed,
            (None, Some(company)) => {
                let mut of_client = self.installations.iter().filter(|entry| *entry.client_id == *question.client_id);
                match of_client.find(|entry| *entry.company_id == *company) {
                    None => CompanyAccess::NotInstalled,
                    Some(InstallationEntry { projects: Some(projects), .. })
                        if question
                            .project
                            .is_some_and(|named| !projects.iter().any(|project| **project == *named)) =>
                    {
                        CompanyAccess::ProjectNotPermitted
                    }
                    Some(_) => CompanyAccess::Permitted,
                }
            }
        }
    }

    /// Whether the call would be the first of an installation that awaits its use.
    fn awaits_use(&self, key: &Key, question: &Question<'_>) -> bool {
        let scoped = self.versions.get(key).is_some_and(|version| version.company_scoped);
        let by_account = self.account(question.client_id).is_some();
        let mut of_client = self.installations.iter().filter(|entry| *entry.client_id == *question.client_id);
        let there = of_client.find(|entry| question.company == Some(&*entry.company_id));
        scoped && !by_account && there.is_some_and(|entry| entry.awaits_use)
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
        let class = Change::CredentialClass(CredentialClassEntry { sunset_at: self.sunset_at });
        let accounts = self.accounts.values().cloned().map(Change::ServiceAccount);
        let installations = self.installations.iter().cloned().map(Change::Installation);
        let told = versions.chain(applications).chain(subscriptions).chain(namespaces).chain(terms);
        told.chain([class]).chain(accounts).chain(installations).collect()
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
            assert_eq!(facts.account, self.account(question.client_id), "{question:?}");
            assert_eq!(facts.access, self.access(&key, question), "{question:?}");
            assert_eq!(facts.awaits_use, self.awaits_use(&key, question), "{question:?}");
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
        assert_eq!(counts.service_accounts, self.accounts.len());
        assert_eq!(counts.installations, self.installations.len());
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
                    ..given::question()
                }));
            }
            questions.extend(CALLS.map(|(method, path)| {
                let operation = Some(Operation { method, path });
                let label = LABELS[0];
                Question {
                    client_id,
                    context,
                    label,
                    environment: Environment::Sandbox,
                    operation,
                    ..given::question()
                }
            }));
        }
        for (company, project) in COMPANIES.into_iter().zip(PROJECTS) {
            let (context, label, environment) = (CONTEXTS[0], LABELS[0], Environment::Sandbox);
            let about = |project| Question {
                client_id,
                context,
                label,
                environment,
                ..given::question_about(company, project)
            };
            questions.extend([None, Some(project), Some("p")].map(about));
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

pub(crate) fn any_change() -> impl Strategy<Value = Change> {
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
    let flags = (any::<bool>(), prop::bool::weighted(0.7));
    let version = (any_name(), any_environment(), maturity, flags, any_schedule(), operations).prop_map(
        |(name, environment, maturity, (open_access, company_scoped), schedule, operations)| {
            let lifecycle = Lifecycle { maturity, schedule };
            let told = VersionEntry { name, environment, open_access, company_scoped, ..given::version() };
            let version = VersionEntry { lifecycle, operations, ..told };
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
    let class = date().prop_map(|sunset_at| Change::CredentialClass(CredentialClassEntry { sunset_at }));
    let company = || prop::sample::select(COMPANIES.to_vec());
    let account = ((any_client(), "[xy]{0,3}", company()), any_environment(), prop::bool::weighted(0.7), date())
        .prop_map(|((client_id, account_id, company), environment, live, extended_until)| {
            let (account_id, company_id) = (account_id.into(), company.into());
            let account = ServiceAccountEntry { client_id, account_id, company_id, environment, live, extended_until };
            Change::ServiceAccount(account)
        });
    // Out of order, and some twice.
    let projects = prop::option::of(prop::collection::vec(prop::sample::select(PROJECTS.to_vec()), 0..5));
    let installation = (any_client(), company(), prop::bool::weighted(0.7), projects, any::<bool>()).prop_map(
        |(client_id, company, installed, projects, awaits_use)| {
            let projects = projects.map(|projects| projects.into_iter().map(Box::from).collect());
            let company_id = company.into();
            Change::Installation(InstallationEntry { client_id, company_id, installed, projects, awaits_use })
        },
    );
    let known =
        prop_oneof![2 => version, 2 => namespace, 2 => application, 4 => subscription, 1 => waiver, 1 => exemption];
    prop_oneof![3 => known, 1 => prop_oneof![1 => class, 4 => account, 4 => installation]]
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
