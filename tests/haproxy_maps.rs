//! What HAProxy reads from the map files is what `decide` answers, for any table, at any instant, and while they change.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use devhub::agent::haproxy::Maps;
use devhub::agent::haproxy::delta::{self, Step};
use devhub::agent::haproxy::maps::Changed;
use devhub_decision::{
    ApplicationEntry, Brownout, Change, CredentialClassEntry, Decision, Environment, ExemptionEntry, InstallationEntry,
    Lifecycle, Limits, Links, Maturity, NamespaceEntry, Operation, OperationEntry, Permissions, Question, Schedule,
    ServiceAccountEntry, Stage, StagePermissions, Standing, SubscriptionEntry, Table, VersionEntry, VersionName,
    WaiverEntry, decide,
};
use devhub_gateway::Touched;
use proptest::prelude::*;

const HERE: Environment = Environment::Production;
/// One of them is all that a client id may be.
const CLIENTS: [&str; 3] = ["client-1", "#a|b;c\\\"<<", "client-3"];
const CONTEXTS: [&str; 2] = ["hello", "hello/world"];
const COMPANIES: [&str; 2] = ["c1", "c2"];
const PROJECTS: [&str; 2] = ["p1", "p2"];

type Rows = BTreeMap<String, String>;

/// What HAProxy's configuration makes of the rows: reason, headers, and who calls. Nothing where it answers that calls
/// cannot be authorized at the moment.
fn read(rows: &Rows, question: &Question<'_>, now_ms: i64) -> Option<(String, String, Option<String>)> {
    let Question { client_id: client, context, label, company, project, .. } = *question;
    let row = |key: String| rows.get(&key).map(String::as_str);
    let Some(scope) = row(format!("v|{context}|{label}")) else {
        return Some(("UNKNOWN_VERSION".into(), "-".into(), None));
    };
    let caller: Vec<&str> = row(format!("c|{client}")).unwrap_or("0;0;0").splitn(5, ';').collect();
    let mut class = if now_ms < caller[1].parse().unwrap() { caller[0] } else { caller[2] };
    let installed = company.and_then(|company| row(format!("i|{company}|{client}")));
    let permitted = company.zip(project).and_then(|(company, project)| row(format!("j|{company}|{project}|{client}")));
    let access = match (scope, company, installed) {
        ("c", None, _) => "u",
        ("c", Some(_), None) => "n",
        ("c", Some(_), Some("+")) if project.is_some() && permitted.is_none() => "x",
        ("c", Some(_), Some(_)) => "p",
        _ => "-",
    };
    let grant = row(format!("g|{context}|{label}|{client}"));
    if class == "u" && grant == Some("s") {
        class = "s";
    }
    let line = if grant == Some("i") {
        row(format!("p|{context}|{label}|{access}|{client}"))
    } else {
        row(format!("t|{context}|{label}|{access}{class}"))
    };
    let pieces: Vec<&str> = line?.split(';').collect();
    assert!(pieces.len().is_multiple_of(3) && pieces.len() <= 12, "{pieces:?}");
    let piece = pieces.chunks(3).find(|piece| now_ms < piece[2].parse().unwrap())?;
    Some((piece[0].to_owned(), piece[1].to_owned(), caller.get(4).map(|id| (*id).to_owned())))
}

fn rows(maps: &Maps) -> Rows {
    let mut all = Rows::new();
    for (key, value) in maps.texts().flat_map(delta::rows) {
        assert_eq!(all.insert(key.to_owned(), value.to_owned()), None, "{key} stands twice");
    }
    assert_eq!(all.len(), maps.len());
    all
}

fn begin() -> DateTime<Utc> {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

fn limits() -> Limits {
    Limits::new(TimeDelta::seconds(30), TimeDelta::seconds(30)).unwrap()
}

/// An instant within two minutes, sometimes between two milliseconds.
fn any_instant() -> impl Strategy<Value = DateTime<Utc>> {
    (0..12_i64, prop_oneof![4 => Just(0), 1 => Just(300)])
        .prop_map(|(tens, micros)| begin() + TimeDelta::seconds(tens * 10) + TimeDelta::microseconds(micros))
}

fn any_schedule() -> impl Strategy<Value = Schedule> {
    let pair = (any_instant(), any_instant()).prop_map(|(one, other)| (one.min(other), one.max(other)));
    prop_oneof![
        Just(Schedule::Open),
        any_instant().prop_map(|retires_at| Schedule::Retirement { retires_at }),
        (pair, any::<bool>()).prop_map(|((deprecated_at, end), ends)| Schedule::Deprecation {
            deprecated_at,
            sunset_begins_at: None,
            retires_at: ends.then_some(end),
        }),
    ]
}

fn any_brownouts() -> impl Strategy<Value = Box<[Brownout]>> {
    let window = (any_instant(), 1..15_i64)
        .prop_map(|(from, seconds)| Brownout { from, until: from + TimeDelta::seconds(seconds) });
    prop::collection::vec(window, 0..4).prop_map(Vec::into_boxed_slice)
}

fn any_name() -> impl Strategy<Value = VersionName> {
    prop::sample::select(CONTEXTS.to_vec()).prop_map(|context| VersionName::new(context, "1.0"))
}

fn any_client() -> impl Strategy<Value = Box<str>> {
    prop::sample::select(CLIENTS.to_vec()).prop_map(Box::from)
}

fn any_home() -> impl Strategy<Value = Environment> {
    prop_oneof![4 => Just(HERE), 1 => Just(Environment::Sandbox)]
}

fn any_operations() -> impl Strategy<Value = Box<[OperationEntry]>> {
    let operation = (any_schedule(), prop::sample::select(vec!["/{id}", "/x"])).prop_map(|(schedule, path)| {
        OperationEntry { method: "GET".into(), path: path.into(), schedule, replacement: None, links: Links::default() }
    });
    prop_oneof![3 => Just(Vec::new()), 1 => prop::collection::vec(operation, 1..3)].prop_map(Vec::into_boxed_slice)
}

fn any_version() -> impl Strategy<Value = Change> {
    let maturity = prop::sample::select(Maturity::ALL.to_vec());
    let flags = (prop::bool::weighted(0.2), prop::bool::weighted(0.4));
    (any_name(), maturity, flags, any_schedule(), any_brownouts(), any_operations()).prop_map(
        |(name, maturity, (open_access, company_scoped), schedule, brownouts, operations)| {
            let permissions = StagePermissions(Stage::ALL.map(|stage| {
                let calls = matches!(stage, Stage::Beta | Stage::Stable | Stage::Deprecated);
                Permissions { documentation: true, new_subscriptions: calls, calls }
            }));
            let links = Links { successor: Some("https://hub.example/2.0".into()), ..Links::default() };
            Change::Version(VersionEntry {
                name,
                environment: HERE,
                lifecycle: Lifecycle { maturity, schedule },
                permissions,
                open_access,
                company_scoped,
                successor: None,
                links,
                brownouts,
                operations,
            })
        },
    )
}

fn any_change() -> impl Strategy<Value = Change> {
    let namespace = (any_schedule(), any_brownouts()).prop_map(|(schedule, brownouts)| {
        let (namespace, links) = ("hello".into(), Links::default());
        Change::Namespace(NamespaceEntry { namespace, environment: HERE, schedule, brownouts, successor: None, links })
    });
    let standing = prop_oneof![3 => Just(Standing::Usable), 1 => prop::sample::select(Standing::ALL.to_vec())];
    let application = (any_client(), any_home(), standing).prop_map(|(client_id, environment, standing)| {
        Change::Application(ApplicationEntry { client_id, application_id: "app".into(), environment, standing })
    });
    let date = || prop::option::weighted(0.3, any_instant());
    let subscription = (any_client(), any_name(), prop::bool::weighted(0.8), date()).prop_map(
        |(client_id, version, live, ends_at)| {
            Change::Subscription(SubscriptionEntry { client_id, environment: HERE, version, live, ends_at })
        },
    );
    let waiver = (any_client(), any_name(), date()).prop_map(|(client_id, version, until)| {
        Change::Waiver(WaiverEntry { client_id, environment: HERE, version, until })
    });
    let exemption = (any_client(), any_name(), any::<bool>()).prop_map(|(client_id, version, exempt)| {
        Change::Exemption(ExemptionEntry { client_id, environment: HERE, version, exempt })
    });
    let class = date().prop_map(|sunset_at| Change::CredentialClass(CredentialClassEntry { sunset_at }));
    let company = || prop::sample::select(COMPANIES.to_vec()).prop_map(Box::<str>::from);
    let account = (any_client(), company(), any_home(), prop::bool::weighted(0.7), date()).prop_map(
        |(client_id, company_id, environment, live, extended_until)| {
            let account_id = "account".into();
            Change::ServiceAccount(ServiceAccountEntry {
                client_id,
                account_id,
                company_id,
                environment,
                live,
                extended_until,
            })
        },
    );
    let projects = prop::option::of(prop::sample::subsequence(PROJECTS.to_vec(), 0..=2));
    let installation = (any_client(), company(), prop::bool::weighted(0.8), projects).prop_map(
        |(client_id, company_id, installed, ids)| {
            let projects = ids.map(|ids| ids.into_iter().map(Box::from).collect());
            Change::Installation(InstallationEntry { client_id, company_id, installed, projects, awaits_use: false })
        },
    );
    prop_oneof![
        3 => any_version(), 1 => namespace, 3 => application, 4 => subscription, 2 => waiver, 1 => exemption,
        1 => class, 2 => account, 3 => installation
    ]
}

fn questions() -> Vec<Question<'static>> {
    let mut questions = Vec::new();
    for client_id in CLIENTS.into_iter().chain(["", "stranger"]) {
        for context in CONTEXTS.into_iter().chain(["nothing"]) {
            let plain = Question {
                client_id,
                context,
                label: "1.0",
                environment: HERE,
                operation: None,
                company: None,
                project: None,
            };
            questions.push(plain);
            for company in COMPANIES {
                let about = Question { company: Some(company), ..plain };
                questions.push(about);
                questions.extend(PROJECTS.map(|project| Question { project: Some(project), ..about }));
            }
        }
    }
    questions
}

/// The operations that calls of a test name: of no entry, and of each.
const CALLS: [Option<Operation<'static>>; 3] =
    [None, Some(Operation { method: "GET", path: "/7" }), Some(Operation { method: "GET", path: "/x" })];

fn judged<R>(table: &Table, question: &Question<'_>, now: DateTime<Utc>, answer: impl FnOnce(&Decision<'_>) -> R) -> R {
    table.ask(question, |facts| answer(&decide(facts, now, limits())))
}

fn headers(decision: &Decision<'_>) -> String {
    let letters: String = decision.headers.iter().map(|(name, _)| &name[..1]).collect();
    if letters.is_empty() { "-".into() } else { letters }
}

/// HAProxy lets nobody in whom `decide` does not, and says the same otherwise.
fn agrees(table: &Table, rows: &Rows, question: &Question<'_>, from: DateTime<Utc>, now: DateTime<Utc>) {
    let said = read(rows, question, now.timestamp_millis());
    let of_calls =
        CALLS.map(|operation| judged(table, &Question { operation, ..*question }, now, |decision| decision.reason));
    let context = || format!("{question:?} at {now}: HAProxy {said:?}, devhub {of_calls:?}\n{rows:#?}");
    let version = judged(table, question, now, |decision| (decision.reason, headers(decision)));
    let same =
        |at: DateTime<Utc>| judged(table, question, at, |decision| (decision.reason, headers(decision))) == version;
    match &said {
        Some((reason, flags, id)) if devhub_decision::Reason::ALL.iter().any(|known| known.name() == reason) => {
            let allows = devhub_decision::Reason::ALL.iter().any(|known| known.allows() && known.name() == reason);
            if allows {
                assert!(of_calls.iter().all(|reason| reason.allows()), "{}", context());
                let known = judged(table, question, now, |decision| {
                    decision.application_id.or(decision.account_id).map(str::to_owned)
                });
                assert_eq!(id, &known, "{}", context());
            }
            // Between two milliseconds an allow ends early, and a denial late.
            if same(now - TimeDelta::milliseconds(1)) && same(now + TimeDelta::milliseconds(1)) {
                assert_eq!((&**reason, flags), (version.0.name(), &version.1), "{}", context());
            }
        }
        Some((reason, _, _)) => {
            assert_eq!(reason, "ASK_HUB", "{}", context());
            let near = [-1, 0, 1].map(|ms| now + TimeDelta::milliseconds(ms)).into_iter().any(|at| {
                CALLS.iter().any(|operation| {
                    judged(table, &Question { operation: *operation, ..*question }, at, |decision| {
                        !decision.reason.allows()
                    })
                })
            });
            assert!(near || operation_is_shadowed(table, question), "{}", context());
        }
        // Four answers were not enough: it never happens soon.
        None => {
            let mut changes = 0;
            let mut at = from;
            while at < now {
                let until =
                    |operation| judged(table, &Question { operation, ..*question }, at, |said| said.valid_until);
                at = CALLS.map(until).into_iter().min().unwrap();
                changes += 1;
            }
            assert!(changes > 3, "{}", context());
        }
    }
}

/// Of two operations with the same path, calls reach the first only; that nobody can call the other is no reason to let
/// anybody in.
fn operation_is_shadowed(table: &Table, question: &Question<'_>) -> bool {
    table.ask(question, |facts| facts.version.is_some_and(|version| version.entry().operations.len() > 1))
}

fn touched(changes: &[Change]) -> Touched {
    let mut touched = Touched::default();
    for change in changes {
        match change {
            Change::Version(_) | Change::Namespace(_) | Change::CredentialClass(_) => touched.catalogue = true,
            Change::Application(entry) => drop(touched.clients.insert(entry.client_id.clone())),
            Change::Subscription(entry) => drop(touched.clients.insert(entry.client_id.clone())),
            Change::Waiver(entry) => drop(touched.clients.insert(entry.client_id.clone())),
            Change::Exemption(entry) => drop(touched.clients.insert(entry.client_id.clone())),
            Change::ServiceAccount(entry) => drop(touched.clients.insert(entry.client_id.clone())),
            Change::Installation(entry) => drop(touched.clients.insert(entry.client_id.clone())),
        }
    }
    touched
}

fn allowed(rows: &Rows, question: &Question<'_>, now: DateTime<Utc>) -> bool {
    let said = read(rows, question, now.timestamp_millis());
    said.is_some_and(|(reason, ..)| {
        devhub_decision::Reason::ALL.iter().any(|known| known.allows() && known.name() == reason)
    })
}

fn step(rows: &mut Rows, step: &Step) {
    match step {
        Step::Set { key, value } => assert!(rows.insert(key.to_string(), value.to_string()).is_some(), "{step:?}"),
        Step::Add { key, value } => assert!(rows.insert(key.to_string(), value.to_string()).is_none(), "{step:?}"),
        Step::Delete { key } => assert!(rows.remove(&**key).is_some(), "{step:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn b61_haproxy_reads_what_devhub_decides_at_every_instant(
        changes in prop::collection::vec(any_change(), 1..40),
        from in any_instant(),
        later in prop::collection::vec((any_instant(), -1..2_i64), 1..6),
    ) {
        let table = Table::new();
        table.apply(1, changes);
        let mut maps = Maps::default();
        prop_assert_eq!(maps.refresh(&table, HERE, &Touched::everything(), from), Changed::All);
        let rows = rows(&maps);
        for question in questions() {
            agrees(&table, &rows, &question, from, from);
            for (instant, ms) in &later {
                let now = *instant + TimeDelta::milliseconds(*ms);
                if now >= from {
                    agrees(&table, &rows, &question, from, now);
                }
            }
        }
    }

    #[test]
    fn b64_no_step_on_the_way_lets_anybody_in_whom_neither_end_does(
        changes in prop::collection::vec(any_change(), 1..30),
        more in prop::collection::vec(any_change(), 1..4),
        from in any_instant(),
        later in 0..30_i64,
    ) {
        let table = Table::new();
        table.apply(1, changes);
        let mut maps = Maps::default();
        maps.refresh(&table, HERE, &Touched::everything(), from);
        let before = rows(&maps);
        let now = from + TimeDelta::seconds(later);
        let touched = touched(&more);
        table.apply(2, more);
        let Changed::Some(steps) = maps.refresh(&table, HERE, &touched, now) else { panic!("not everything") };
        let after = rows(&maps);
        let denied = |question: &Question<'_>| !allowed(&before, question, now) && !allowed(&after, question, now);
        let denied: Vec<_> = questions().into_iter().filter(denied).collect();
        let mut mixed = before.clone();
        for made in &steps {
            step(&mut mixed, made);
            for question in &denied {
                prop_assert!(!allowed(&mixed, question, now), "{:?} after {:?} of {:#?}", question, made, steps);
            }
        }
        prop_assert_eq!(&mixed, &after);
        let mut anew = Maps::default();
        anew.refresh(&table, HERE, &Touched::everything(), now);
        let (anew, now_ms) = (rows(&anew), now.timestamp_millis());
        for question in questions() {
            prop_assert_eq!(read(&after, &question, now_ms), read(&anew, &question, now_ms), "{:?}", question);
        }
    }
}
