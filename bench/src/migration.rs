//! What the questions about a migration cost, as the number of companies grows by tens: a hub in memory with that many pairs
//! of application and company, each with an account, half of them installed.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use devhub::clock::SystemClock;
use devhub::domain::Actor;
use devhub::domain::Command;
use devhub::domain::app_version::{Component, CreateAppVersion, PromoteAppVersion};
use devhub::domain::application::{Kind, Persona, Role};
use devhub::domain::company::{CreateCompany, Tenancy};
use devhub::domain::credential_class::{ClassStep, Earlier, ReviseCredentialClass};
use devhub::domain::installation::{Approval, Install, Installed, PermittedProjects};
use devhub::domain::organisation::{OrganisationStatus, SetOrganisation};
use devhub::domain::register::{ClientIdOrigin, CreateApplication};
use devhub::domain::schedule::NewDate;
use devhub::domain::service_account::{AccountType, CreateServiceAccount, Created};
use devhub::domain::tool::ToolPermissions;
use devhub::hub::{Hub, MigrationFilter, Request};
use devhub::store::memory::Memory;
use devhub_decision::Environment;
use futures_util::stream::{StreamExt, TryStreamExt, iter};

/// Applications that accounts are for.
const APPLICATIONS: usize = 100;

/// Commits that wait together.
const TOGETHER: usize = 512;

/// Days of the burn-down: longer than the whole story of the class.
const DAYS: usize = 1200;

/// Times that a question is asked; the median is printed.
const REPETITIONS: usize = 5;

/// Migrations on a page, as people ask for them.
const PAGE: usize = 50;

fn application(number: usize) -> String {
    format!("application-{number:03}")
}

fn company(number: usize) -> String {
    format!("company-{number:07}")
}

fn begin() -> DateTime<Utc> {
    DateTime::from_timestamp(1_600_000_000, 0).expect("an instant")
}

/// An instant of the years before, another for each pair.
fn some_day(number: usize) -> DateTime<Utc> {
    begin() + TimeDelta::hours(i64::try_from(number * 37 % (DAYS * 24)).unwrap_or_default())
}

fn catalogue() -> Result<Vec<Command>> {
    let mut commands: Vec<Command> = vec![
        SetOrganisation {
            id: "bench".parse()?,
            title: None,
            status: OrganisationStatus::VerifiedPartner,
            reason: "bench".to_owned(),
            etag: None,
        }
        .into(),
    ];
    for number in 0..APPLICATIONS {
        let id = application(number);
        commands.push(
            CreateApplication {
                id: id.parse()?,
                client_id: format!("client-{id}").parse()?,
                client_id_origin: ClientIdOrigin::Brought,
                name: id.clone(),
                description: String::new(),
                environment: Environment::Production,
                owner: "bench".to_owned(),
                kind: Kind::Privileged,
                persona: Persona::TechnologyPartner,
                collaborators: [("ada@example.com".parse()?, Role::Administrator)].into(),
            }
            .into(),
        );
        commands.push(
            CreateAppVersion {
                application: id.parse()?,
                number: "1.0.0".parse()?,
                components: [Component::ServiceAccountConnection].into(),
                permissions: ToolPermissions::default(),
                release_notes: String::new(),
                post_install_notes: String::new(),
                post_install_uri: String::new(),
                install_key: format!("install-key-{number:08}").parse()?,
            }
            .into(),
        );
        commands.push(PromoteAppVersion { application: id.parse()?, number: "1.0.0".parse()?, etag: None }.into());
    }
    // Five announcements, as there were; the last sunset lies ahead of nobody's clock.
    for (announced, sunset) in [(100, Some(400)), (300, None), (600, Some(900)), (800, Some(1000)), (950, Some(1100))] {
        let day = |days: i64| begin() + TimeDelta::days(days);
        commands.push(
            ReviseCredentialClass {
                step: ClassStep::Revise {
                    deprecated: NewDate::At(day(0)),
                    cutoff: NewDate::Keep,
                    sunset: sunset.map_or(NewDate::ToBeAnnounced, |sunset| NewDate::At(day(sunset))),
                },
                earlier: Earlier::Accepted,
                reason: "bench".to_owned(),
                override_reason: "history".to_owned(),
                announced_at: Some(day(announced)),
                zone: None,
                etag: None,
            }
            .into(),
        );
    }
    Ok(commands)
}

/// The company of a pair, its account and, for every other one, its installation.
fn pair(number: usize) -> Result<Vec<Command>> {
    let (company, application) = (company(number), application(number % APPLICATIONS));
    let mut commands: Vec<Command> = vec![
        CreateCompany {
            id: company.parse()?,
            name: company.clone(),
            tenancy: Tenancy::Production,
            region: String::new(),
            zone: None,
            administrators: [format!("admin-{number}@example.com").parse()?].into(),
        }
        .into(),
        CreateServiceAccount {
            id: format!("account-{number:07}").parse()?,
            client_id: format!("account-client-{number:07}").parse()?,
            client_id_origin: ClientIdOrigin::Brought,
            company: company.parse()?,
            name: "An account".to_owned(),
            account_type: AccountType::Marketplace(application.parse()?),
            permissions: ToolPermissions::default(),
            created: Created::Elsewhere(begin() - TimeDelta::days(1)),
        }
        .into(),
    ];
    if number.is_multiple_of(2) {
        commands.push(
            Install {
                application: application.parse()?,
                company: company.parse()?,
                version: None,
                projects: Some(PermittedProjects::All),
                service_user: format!("user-{number:07}").parse()?,
                approval: Approval::NotGiven,
                installed: Installed::Elsewhere { at: some_day(number), by: None },
                etag: None,
            }
            .into(),
        );
    }
    Ok(commands)
}

/// Resident memory of this process, in bytes.
fn resident() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("VmRSS")?;
    Ok(line.split_whitespace().nth(1).context("VmRSS")?.parse::<u64>()? * 1024)
}

/// The median time of a question, in milliseconds.
fn timed<T>(ask: impl Fn() -> T) -> f64 {
    let mut times: Vec<f64> = (0..REPETITIONS)
        .map(|_| {
            let begin = Instant::now();
            std::hint::black_box(ask());
            begin.elapsed().as_secs_f64() * 1000.0
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[REPETITIONS / 2]
}

/// Lays out hubs of these sizes, asks each, and prints a row.
pub(crate) async fn run(sizes: &[usize]) -> Result<()> {
    println!(
        "| pairs | laid out in s | funnel ms | burn-down of {DAYS} days ms | pace ms | first page ms | page in the middle ms \
         | page of one company ms | fold anew s | of the roster MB |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for pairs in sizes {
        let rules = devhub::server::rules(&devhub::config::Config::for_testing("unused"))?;
        let hub = Hub::open(Arc::new(Memory::open()?), rules, Arc::new(SystemClock))?;
        let actor: Actor = "process:bench".parse()?;
        let run = |commands: Vec<Command>| {
            let (hub, actor) = (hub.clone(), actor.clone());
            async move {
                for command in commands {
                    hub.execute(actor.clone(), command, Request::once()).await?;
                }
                anyhow::Ok(())
            }
        };
        let laying = Instant::now();
        run(catalogue()?).await?;
        iter(0..*pairs).map(|number| Ok(run(pair(number)?))).try_buffer_unordered(TOGETHER).try_collect::<()>().await?;
        let laid_out = laying.elapsed().as_secs_f64();
        // Another roster, folded from the same records: what it costs is what a roster costs.
        let (before, folding) = (resident()?, Instant::now());
        let roster = hub.roster_from_records()?;
        let (folded, after) = (folding.elapsed().as_secs_f64(), resident()?);
        ensure!(roster == *hub.roster(), "the fold and the commits disagree");
        let (all, now) = (MigrationFilter::default(), hub.now());
        ensure!(roster.funnel(&all, now, None).iter().sum::<u64>() == *pairs as u64, "a pair is missing");
        let funnel = timed(|| roster.funnel(&all, now, None));
        let burn_down = timed(|| roster.burn_down(&all, begin(), DAYS));
        let pace = timed(|| roster.pace(&all, (now - TimeDelta::days(28), now), None));
        let first = timed(|| roster.migrations(&all, (now, None), None, PAGE, |_| true));
        let place =
            (devhub::hub::Party::Application(application(APPLICATIONS / 2).parse()?), company(pairs / 2).parse()?);
        let middle = timed(|| roster.migrations(&all, (now, None), Some(&place), PAGE, |_| true));
        let one = MigrationFilter { company: Some(company(pairs / 3).parse()?), ..all.clone() };
        let of_company = timed(|| roster.migrations(&one, (now, None), None, PAGE, |_| true));
        println!(
            "| {pairs} | {laid_out:.1} | {funnel:.2} | {burn_down:.1} | {pace:.2} | {first:.3} | {middle:.3} | \
             {of_company:.4} | {folded:.2} | {} |",
            after.saturating_sub(before) >> 20
        );
    }
    Ok(())
}
