//! Rule B77 and defect X13 for any history: whatever a company does with an installation, its permitted projects and its
//! user are what they were set to last.

use std::sync::Arc;

use devhub::clock::{Clock, ManualClock};
use devhub::domain::app_version::{Component, CreateAppVersion};
use devhub::domain::company::{CreateCompany, PutProject, Tenancy};
use devhub::domain::installation::{
    Approval, Install, Installation, Installed, PermittedProjects, SetPermittedProjects, Uninstall, UpdateInstallation,
};
use devhub::domain::name::{ApplicationId, CompanyId};
use devhub::domain::record::{Record, RecordKey};
use devhub::domain::tool::{ToolPermission, ToolPermissions};
use devhub::domain::{Actor, Command};
use devhub::hub::{Hub, Request};
use devhub::store::memory::Memory;
use proptest::prelude::*;

use crate::installing::CAROL;
use crate::racing::{rules, scenario};
use crate::world::{OPERATOR, days, start};

#[derive(Debug, Clone)]
enum Turn {
    Permit(Option<Vec<usize>>),
    Update(usize),
    Uninstall,
    Reinstall(usize),
    Release,
    Wait,
}

fn turn() -> impl Strategy<Value = Turn> {
    let projects = proptest::option::of(proptest::collection::vec(0usize..4, 0..4));
    prop_oneof![
        2 => projects.prop_map(Turn::Permit),
        3 => (0usize..6).prop_map(Turn::Update),
        3 => Just(Turn::Uninstall),
        3 => (0usize..6).prop_map(Turn::Reinstall),
        2 => Just(Turn::Release),
        1 => Just(Turn::Wait),
    ]
}

fn permitted(projects: Option<&[usize]>) -> PermittedProjects {
    match projects {
        None => PermittedProjects::All,
        Some(projects) => {
            PermittedProjects::Only(projects.iter().map(|number| format!("p-{number}").parse().unwrap()).collect())
        }
    }
}

/// A version whose permissions depend on its number, so that some updates widen and some do not.
fn version(number: usize) -> Command {
    let level = ToolPermission::ALL[number % ToolPermission::ALL.len()];
    CreateAppVersion {
        application: "app".parse().unwrap(),
        number: format!("{number}.0.0").parse().unwrap(),
        components: [Component::ServiceAccountConnection].into(),
        permissions: ToolPermissions { company: [("Directory".to_owned(), level)].into(), ..Default::default() },
        release_notes: String::new(),
        post_install_notes: String::new(),
        post_install_uri: String::new(),
        install_key: format!("key-{number:08}").parse().unwrap(),
    }
    .into()
}

async fn kept(turns: &[Turn]) {
    let clock = ManualClock::at(start());
    let hub = Hub::open(Arc::new(Memory::open().unwrap()), rules(), Arc::new(clock.clone())).unwrap();
    let operator: Actor = OPERATOR.parse().unwrap();
    let carol: Actor = CAROL.parse().unwrap();
    let (application, company): (ApplicationId, CompanyId) = ("app".parse().unwrap(), "acme".parse().unwrap());
    let must = async |command: Command| hub.execute(operator.clone(), command, Request::once()).await.unwrap();
    must(scenario::application("app")).await;
    let made = CreateCompany {
        id: company.clone(),
        name: "Acme".into(),
        tenancy: Tenancy::DevelopmentSandbox,
        region: String::new(),
        zone: None,
        administrators: ["carol@example.com".parse().unwrap()].into(),
    };
    must(made.into()).await;
    for number in 0..4 {
        let id = format!("p-{number}").parse().unwrap();
        must(PutProject { company: company.clone(), id, name: "A project".into() }.into()).await;
    }
    let mut versions = 1;
    must(version(versions)).await;
    let install = |number: Option<usize>, projects: Option<PermittedProjects>, approval: Approval| Install {
        application: application.clone(),
        company: company.clone(),
        version: number.map(|number| format!("{number}.0.0").parse().unwrap()),
        projects,
        service_user: format!("u-{}", clock.now().timestamp()).parse().unwrap(),
        approval,
        installed: Installed::Now,
        etag: None,
    };
    let mut expected = permitted(Some(&[0]));
    must(install(None, Some(expected.clone()), Approval::NotGiven).into()).await;
    let stored = || -> Installation {
        let key = RecordKey::Installation(application.clone(), company.clone());
        match hub.get_one(key).unwrap().map(|stored| stored.record) {
            Some(Record::Installation(installation)) => installation,
            other => panic!("{other:?}"),
        }
    };
    let user = stored().service_user;
    for turn in turns {
        // Refusals are part of the game, and change nothing.
        let command: Command = match turn {
            Turn::Permit(projects) => {
                let projects = permitted(projects.as_deref());
                let command = SetPermittedProjects {
                    application: application.clone(),
                    company: company.clone(),
                    projects: projects.clone(),
                    etag: None,
                };
                if stored().is_installed() {
                    expected = projects;
                }
                command.into()
            }
            Turn::Update(number) => UpdateInstallation {
                application: application.clone(),
                company: company.clone(),
                version: Some(format!("{number}.0.0").parse().unwrap()),
                service_user: "u-other".parse().unwrap(),
                approval: if number % 2 == 0 { Approval::Given } else { Approval::NotGiven },
                etag: None,
            }
            .into(),
            Turn::Uninstall => Uninstall {
                application: application.clone(),
                company: company.clone(),
                reason: String::new(),
                etag: None,
            }
            .into(),
            Turn::Reinstall(number) => {
                let approval = if number % 2 == 0 { Approval::Given } else { Approval::NotGiven };
                install(Some(*number), None, approval).into()
            }
            Turn::Release => {
                versions += 1;
                must(version(versions)).await;
                continue;
            }
            Turn::Wait => {
                clock.advance(days(1));
                continue;
            }
        };
        let _ = hub.execute(carol.clone(), command, Request::once()).await;
        let stored = stored();
        assert_eq!(stored.projects, expected, "after {turn:?}");
        assert_eq!(stored.service_user, user, "after {turn:?}");
        let closed = stored.intervals.iter().rev().skip(1).all(|interval| interval.until.is_some());
        let ordered = stored.intervals.windows(2).all(|pair| pair[0].until.is_some_and(|until| until <= pair[1].from));
        assert!(closed && ordered, "{:?}", stored.intervals);
        assert_eq!(stored.was_installed(hub.now()), stored.is_installed());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn b77_x13_permitted_projects_survive_any_sequence(turns in proptest::collection::vec(turn(), 1..40)) {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(kept(&turns));
    }
}
