//! How much room installations take and how fast a company-scoped call is judged, as they grow.
//!
//! ```text
//! cargo run --release -p devhub-decision --example installations -- [installations ...]
//! ```
//!
//! A hundred applications share the installations evenly, each in companies with ids of eight digits. "cold" judges calls
//! of random applications for random companies that installed them. Each size is measured with every project permitted and
//! with ten permitted projects, in a process of its own.

use std::hint::black_box;
use std::process::Command;
use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use devhub_decision::{
    ApplicationEntry, Change, Environment, InstallationEntry, Lifecycle, Limits, Links, Maturity, Permissions,
    Question, Reason, Schedule, StagePermissions, Standing, SubscriptionEntry, Table, VersionEntry, VersionName,
    decide,
};

const APPLICATIONS: u64 = 100;
const CALLS: u64 = 200_000;
const PAGE_BYTES: u64 = 4_096;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [only, size, projects] if only == "--only" => {
            let number = |text: &String| text.parse().expect("a number");
            measure(number(size), number(projects));
        }
        [] => each(&["10000", "100000", "1000000"].map(str::to_owned)),
        sizes => each(sizes),
    }
}

fn each(sizes: &[String]) {
    println!("installations  projects  RSS MiB  B/installation  load s  cold ns");
    let program = std::env::current_exe().expect("the program knows its own path");
    for size in sizes {
        for projects in ["0", "10"] {
            let status = Command::new(&program).args(["--only", size, projects]).status();
            assert!(status.expect("the program starts again").success(), "measuring {size} installations failed");
        }
    }
}

fn measure(installations: u64, projects: u64) {
    let table = Table::new();
    table.load(Change::Version(version()));
    (0..APPLICATIONS).for_each(|application| register(&table, application));
    let (before, started) = (resident_bytes(), Instant::now());
    (0..installations).for_each(|number| table.load(installation(number, projects)));
    let (load, resident) = (started.elapsed(), resident_bytes() - before);
    assert_eq!(table.counts().installations as u64, installations);
    let cold = (0..3).map(|_| calls(&table, installations)).fold(f64::INFINITY, f64::min);
    println!(
        "{installations:>13} {projects:>9} {:>8.1} {:>15.1} {:>7.2} {cold:>8.0}",
        resident as f64 / f64::from(1 << 20),
        resident as f64 / installations as f64,
        load.as_secs_f64(),
    );
}

/// Nanoseconds for each decision.
fn calls(table: &Table, installations: u64) -> f64 {
    let limits = Limits::new(TimeDelta::seconds(300), TimeDelta::seconds(60)).expect("both are long enough");
    let picks: Vec<(String, String)> = (0..CALLS)
        .map(|call| {
            let number = mixed(call) % installations;
            (client_id(number % APPLICATIONS), company_id(number))
        })
        .collect();
    let started = Instant::now();
    for (client_id, company) in &picks {
        let question = Question {
            client_id,
            context: "hello/world",
            label: "1.0",
            environment: Environment::Production,
            operation: None,
            company: Some(company),
            project: None,
        };
        let reason = black_box(table.ask(&question, |facts| decide(facts, noon(), limits).reason));
        assert_eq!(reason, Reason::Subscribed);
    }
    started.elapsed().as_nanos() as f64 / CALLS as f64
}

fn installation(number: u64, projects: u64) -> Change {
    let permitted = (0..projects).map(|project| format!("{}", 10_000_000 + number * 16 + project).into());
    Change::Installation(InstallationEntry {
        client_id: client_id(number % APPLICATIONS).into(),
        company_id: company_id(number).into(),
        installed: true,
        projects: (projects > 0).then(|| permitted.collect()),
        awaits_use: false,
    })
}

fn register(table: &Table, application: u64) {
    table.load(Change::Application(ApplicationEntry {
        client_id: client_id(application).into(),
        application_id: format!("{application:036x}").into(),
        environment: Environment::Production,
        standing: Standing::Usable,
    }));
    table.load(Change::Subscription(SubscriptionEntry {
        client_id: client_id(application).into(),
        environment: Environment::Production,
        version: VersionName::new("hello/world", "1.0"),
        live: true,
        ends_at: None,
    }));
}

fn version() -> VersionEntry {
    VersionEntry {
        name: VersionName::new("hello/world", "1.0"),
        environment: Environment::Production,
        lifecycle: Lifecycle { maturity: Maturity::Stable, schedule: Schedule::Open },
        permissions: StagePermissions([Permissions { documentation: true, new_subscriptions: true, calls: true }; 5]),
        open_access: false,
        company_scoped: true,
        successor: None,
        links: Links::default(),
        brownouts: Box::default(),
        operations: Box::default(),
    }
}

/// 32 characters, as an OAuth client id has them.
fn client_id(application: u64) -> String {
    format!("{:016x}{:016x}", mixed(application), mixed(application ^ u64::MAX))
}

/// Eight digits, no two alike: the factor shares none with the modulus.
fn company_id(number: u64) -> String {
    format!("{:08}", number * 61_803_399 % 100_000_000)
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
