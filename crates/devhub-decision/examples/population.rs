//! How much room the table takes and how fast it answers, as it grows.
//!
//! ```text
//! cargo run --release -p devhub-decision --example population -- [applications ...]
//! ```
//!
//! Each size holds ten subscriptions per application over 1,000 versions. "cold" asks about random applications, nine
//! of ten times about a version that they are subscribed to; "warm" asks about the same 500 applications; "judged" is
//! cold with the decision made; "beside" is cold while a writer never rests; "batch" asks a hundred questions at a time.
//! Times are those of the thread's processor, best of seven rounds, so that a busy machine shows less in them. One process
//! per size, so that no size inherits the memory of another.

use std::hint::black_box;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use devhub_decision::{
    ApplicationEntry, Change, Environment, Lifecycle, Limits, Links, Maturity, Permissions, Question, Schedule, Stage,
    StagePermissions, Standing, SubscriptionEntry, Table, VersionEntry, VersionName, decide,
};

const SUBSCRIPTIONS_EACH: u64 = 10;
const VERSIONS: u64 = 1_000;
const LOOKUPS: u64 = 1_000_000;
const WARM_APPLICATIONS: u64 = 500;
const PAGE_BYTES: u64 = 4_096;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [only, size] if only == "--only" => measure(size.parse().expect("a number of applications")),
        [] => each(&["10000", "100000", "1000000"].map(str::to_owned)),
        sizes => each(sizes),
    }
}

fn each(sizes: &[String]) {
    println!(
        "applications subscriptions  RSS MiB  B/sub  load s  cold ns  warm ns  judged ns  2 threads ns  beside ns  batch ns  apply us  version us"
    );
    let program = std::env::current_exe().expect("the program knows its own path");
    for size in sizes {
        let status = Command::new(&program).args(["--only", size]).status().expect("the program starts again");
        assert!(status.success(), "measuring {size} applications failed");
    }
}

fn measure(applications: u64) {
    let before = resident_bytes();
    let table = Table::new();
    let started = spent();
    fill(&table, applications);
    let load = spent() - started;
    let resident = resident_bytes() - before;
    let subscriptions = applications * SUBSCRIPTIONS_EACH;

    let cold = best_of(7, || lookups(&table, applications, applications, Work::Find));
    let warm = best_of(7, || lookups(&table, applications, WARM_APPLICATIONS.min(applications), Work::Find));
    let judged = best_of(7, || lookups(&table, applications, applications, Work::Judge));
    let both = best_of(7, || {
        let other = || lookups(&table, applications, applications, Work::Find);
        std::thread::scope(|scope| {
            let threads = [scope.spawn(other), scope.spawn(other)];
            threads.map(|thread| thread.join().expect("no look-up panics")).into_iter().fold(0.0, f64::max)
        })
    });
    let beside = best_of(7, || {
        let resting = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !resting.load(Ordering::Relaxed) {
                    commits(&table, applications, 1_000);
                }
            });
            let cold = lookups(&table, applications, applications, Work::Find);
            resting.store(true, Ordering::Relaxed);
            cold
        })
    });
    let batch = best_of(7, || lookups(&table, applications, applications, Work::Batch));
    let apply = best_of(7, || commits(&table, applications, 20_000));
    let version = best_of(7, || deprecations(&table));

    println!(
        "{applications:>12} {subscriptions:>13} {:>8.1} {:>6.1} {:>7.2} {cold:>8.0} {warm:>8.0} {judged:>10.0} \
         {both:>13.0} {beside:>10.0} {batch:>9.0} {apply:>9.2} {version:>11.2}",
        resident as f64 / f64::from(1 << 20),
        resident as f64 / subscriptions as f64,
        load.as_secs_f64(),
    );
}

fn best_of(rounds: u32, round: impl Fn() -> f64) -> f64 {
    (0..rounds).map(|_| round()).fold(f64::INFINITY, f64::min)
}

/// Whether a look-up ends with the facts or goes on to the decision, or is one of many.
#[derive(Clone, Copy)]
enum Work {
    Find,
    Judge,
    Batch,
}

/// Nanoseconds for each look-up among the first `among` applications.
fn lookups(table: &Table, applications: u64, among: u64, work: Work) -> f64 {
    let limits = Limits::new(TimeDelta::seconds(300), TimeDelta::seconds(60)).expect("both are long enough");
    let now = noon();
    let mut ids = String::new();
    // Questions are written out before the clock starts, a slice at a time so that they stay in the cache.
    let slice = 1_000;
    let mut taken = Duration::ZERO;
    let mut random = 0x9e37_79b9_7f4a_7c15_u64 ^ applications;
    let labels: Vec<String> = (0..VERSIONS).map(label).collect();
    for _ in 0..LOOKUPS / slice {
        ids.clear();
        let mut picks = Vec::with_capacity(slice as usize);
        for _ in 0..slice {
            random = mixed(random);
            let application = random % among;
            let nth = (random >> 32) % SUBSCRIPTIONS_EACH;
            // One in ten asks for a version that only chance subscribes the application to.
            let version = if random >> 61 == 0 { (random >> 40) % VERSIONS } else { subscribed(application, nth) };
            let start = ids.len();
            ids.push_str(&client_id(application));
            picks.push((start..ids.len(), version));
        }
        let questions: Vec<Question<'_>> = picks
            .iter()
            .map(|(range, version)| Question {
                client_id: &ids[range.clone()],
                context: "hello/world",
                label: &labels[*version as usize],
                environment: Environment::Production,
                operation: None,
                company: None,
                project: None,
            })
            .collect();
        let started = spent();
        match work {
            Work::Find => questions.iter().for_each(|question| {
                black_box(table.ask(question, |facts| facts.subscribed));
            }),
            Work::Judge => questions.iter().for_each(|question| {
                black_box(table.ask(question, |facts| decide(facts, now, limits).reason.allows()));
            }),
            Work::Batch => questions.chunks(100).for_each(|questions| {
                black_box(table.ask_all(questions, |_, facts| facts.subscribed));
            }),
        }
        taken += spent() - started;
    }
    taken.as_nanos() as f64 / LOOKUPS as f64
}

/// What this thread has used of its processor.
fn spent() -> Duration {
    let read = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux counts what threads use");
    let nanoseconds = read.split(' ').next().and_then(|text| text.parse().ok()).expect("a number of nanoseconds");
    Duration::from_nanos(nanoseconds)
}

/// Microseconds for each commit that changes the dates of a version.
fn deprecations(table: &Table) -> f64 {
    let rounds = 2_000;
    let changes: Vec<Vec<Change>> =
        (0..rounds).map(|round| vec![Change::Version(version_entry(mixed(round) % VERSIONS))]).collect();
    let started = spent();
    for (revision, changes) in (1..).zip(changes) {
        table.apply(revision, changes);
    }
    (spent() - started).as_nanos() as f64 / 1e3 / rounds as f64
}

/// Microseconds for each commit that ends one subscription and begins another.
fn commits(table: &Table, applications: u64, rounds: u32) -> f64 {
    let mut random = 42;
    let changes: Vec<Vec<Change>> = (0..rounds)
        .map(|_| {
            random = mixed(random);
            let application = random % applications;
            let version = subscribed(application, 0);
            vec![subscription(application, version, false), subscription(application, version, true)]
        })
        .collect();
    let started = spent();
    for (revision, changes) in (1..).zip(changes) {
        table.apply(revision, changes);
    }
    (spent() - started).as_nanos() as f64 / 1e3 / f64::from(rounds)
}

fn fill(table: &Table, applications: u64) {
    for version in 0..VERSIONS {
        table.load(Change::Version(version_entry(version)));
    }
    for application in 0..applications {
        let mut changes = vec![Change::Application(ApplicationEntry {
            client_id: client_id(application).into(),
            application_id: format!("{:036x}", mixed(application)).into(),
            environment: Environment::Production,
            standing: Standing::Usable,
        })];
        let subscribed = |nth| subscription(application, subscribed(application, nth), true);
        changes.extend((0..SUBSCRIPTIONS_EACH).map(subscribed));
        table.load_all(changes);
    }
    table.advance(1);
}

fn version_entry(version: u64) -> VersionEntry {
    let permissions = Stage::ALL.map(|stage| Permissions {
        documentation: stage != Stage::Retired,
        new_subscriptions: matches!(stage, Stage::Beta | Stage::Stable),
        calls: matches!(stage, Stage::Beta | Stage::Stable | Stage::Deprecated),
    });
    VersionEntry {
        name: VersionName::new("hello/world", label(version)),
        environment: Environment::Production,
        lifecycle: Lifecycle {
            maturity: Maturity::Stable,
            schedule: Schedule::Deprecation {
                deprecated_at: noon(),
                sunset_begins_at: None,
                retires_at: Some(noon() + TimeDelta::days(180)),
            },
        },
        permissions: StagePermissions(permissions),
        open_access: false,
        company_scoped: false,
        successor: None,
        links: Links::default(),
        brownouts: Box::default(),
        operations: Box::default(),
    }
}

fn subscription(application: u64, version: u64, live: bool) -> Change {
    Change::Subscription(SubscriptionEntry {
        client_id: client_id(application).into(),
        environment: Environment::Production,
        version: VersionName::new("hello/world", label(version)),
        live,
        ends_at: None,
    })
}

/// 32 characters, as an OAuth client id has them.
fn client_id(application: u64) -> String {
    format!("{:016x}{:016x}", mixed(application), mixed(application ^ u64::MAX))
}

fn label(version: u64) -> String {
    format!("{}.{}", version / 10, version % 10)
}

/// The nth subscription of an application: distinct versions, spread over all.
fn subscribed(application: u64, nth: u64) -> u64 {
    (mixed(application) + nth * (VERSIONS / SUBSCRIPTIONS_EACH)) % VERSIONS
}

/// SplitMix64: the same population each time, without order.
fn mixed(seed: u64) -> u64 {
    let mut mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_750_000_000, 0).expect("an instant in 2025")
}

fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux tells how much memory is resident");
    let pages = statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.expect("the second number is the resident set") * PAGE_BYTES
}
