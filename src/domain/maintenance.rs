//! Maintenance windows: times at which a part of the platform takes no changes by collaborators.
//!
//! A window says which data it concerns, what it refuses, from when until when, and in which zone that was announced
//! (rule B26). What operators do goes on, and so do gateways' questions. One gate judges every command, before its own
//! judgement: see `gate`.

mod command;

use chrono::{DateTime, Utc};
use devhub_decision::Environment;

use super::app_version::Step;
use super::command::Command;
use super::company::Tenancy;
use super::name::{MaintenanceId, Zone};
use super::record::{Record, RecordKey, Records};
use super::refusal::Refusal;

pub use command::{CancelMaintenance, ReviseMaintenance, ScheduleMaintenance};

/// Most windows that lie ahead at a time.
pub const AHEAD_MAX: usize = 100;

/// What a window refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refuses {
    /// New versions of applications.
    ManifestCreation,
    /// Every change.
    Writes,
}

impl Refuses {
    /// The name used in facts and on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Refuses::ManifestCreation => "MANIFEST_CREATION",
            Refuses::Writes => "WRITES",
        }
    }

    /// What it refuses, as a sentence calls it.
    pub const fn noun(self) -> &'static str {
        match self {
            Refuses::ManifestCreation => "new versions of applications",
            Refuses::Writes => "changes",
        }
    }
}

impl std::fmt::Display for Refuses {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// Where a window stands at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaintenanceState {
    /// It has not begun.
    Planned,
    /// It is on.
    Running,
    /// It has ended.
    Over,
    /// It was cancelled.
    Cancelled,
}

/// Why a window was cancelled, by whom, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cancellation {
    /// By whom, and when.
    pub step: Step,
    /// Why.
    pub reason: String,
}

/// A maintenance window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Maintenance {
    /// Its id.
    pub id: MaintenanceId,
    /// Which data it concerns.
    pub tenancy: Tenancy,
    /// Its first instant.
    pub from: DateTime<Utc>,
    /// The first instant after it.
    pub until: DateTime<Utc>,
    /// What it refuses.
    pub refuses: Refuses,
    /// Why.
    pub reason: String,
    /// The zone in which it was announced.
    pub zone: Zone,
    /// Who planned it, and when.
    pub planned: Step,
    /// Who changed it last, and when.
    pub revised: Option<Step>,
    /// Set once it was cancelled.
    pub cancelled: Option<Cancellation>,
}

impl Maintenance {
    /// Where it is kept.
    pub fn key(&self) -> RecordKey {
        RecordKey::Maintenance(self.id.clone())
    }

    /// Where it stands at `now`.
    pub fn state(&self, now: DateTime<Utc>) -> MaintenanceState {
        if self.cancelled.is_some() {
            MaintenanceState::Cancelled
        } else if now < self.from {
            MaintenanceState::Planned
        } else if now < self.until {
            MaintenanceState::Running
        } else {
            MaintenanceState::Over
        }
    }
}

/// The windows that had not ended when one was last planned, revised or cancelled: what the gate reads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MaintenanceAhead {
    /// In order of their beginning.
    pub windows: Vec<Maintenance>,
}

impl MaintenanceAhead {
    /// The window that refuses a change at `now`, if one does; of several the one that ends last, for until then the
    /// change is refused.
    fn refusing(&self, concern: &Concern, now: DateTime<Utc>) -> Option<&Maintenance> {
        let refuses = |window: &&Maintenance| {
            let is_meant = match window.refuses {
                Refuses::Writes => true,
                Refuses::ManifestCreation => concern.change == ChangeKind::Manifest,
            };
            is_meant && concern.places.contains(&window.tenancy) && window.state(now) == MaintenanceState::Running
        };
        self.windows.iter().filter(refuses).max_by_key(|window| window.until)
    }
}

/// What a command changes, as far as maintenance is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ChangeKind {
    /// It makes a version of an application.
    Manifest,
    /// Anything else.
    Other,
}

/// What a command is about, as far as maintenance is concerned.
struct Concern {
    places: Vec<Tenancy>,
    change: ChangeKind,
}

/// Where an application lives, for maintenance: a sandbox application beside the made-up data, a production application
/// beside the real data. A monthly sandbox has companies, but no applications of its own.
fn place(environment: Environment) -> Tenancy {
    match environment {
        Environment::Sandbox => Tenancy::DevelopmentSandbox,
        Environment::Production => Tenancy::Production,
    }
}

/// Which data a command is about: its company's if it has one, else that of the environments of its applications, of
/// what it makes and of what it names.
fn concern(command: &Command, records: &Records) -> Concern {
    // To have read something changes no data.
    if let Command::AcknowledgeNotice(_) = command {
        return Concern { places: Vec::new(), change: ChangeKind::Other };
    }
    let company = |record: &Record| if let Record::Company(company) = record { Some(company.tenancy) } else { None };
    let application = |record: &Record| {
        if let Record::Application(application) = record { Some(place(application.environment)) } else { None }
    };
    let change = if let Command::CreateAppVersion(_) = command { ChangeKind::Manifest } else { ChangeKind::Other };
    let companies: Vec<Tenancy> = records.all().filter_map(company).collect();
    if !companies.is_empty() {
        return Concern { places: companies, change };
    }
    let mut places: Vec<Tenancy> = records.all().filter_map(application).collect();
    if let Command::CreateApplication(command) = command {
        places.push(place(command.environment));
    }
    if let Command::UpliftApplication(_) = command {
        places.push(Tenancy::Production);
    }
    places.extend(command.subject().environment.map(place));
    Concern { places, change }
}

/// Refuses what a collaborator asks for during a window that refuses it: the one gate of maintenance, which every
/// command of a collaborator passes. The command must have announced [`RecordKey::MaintenanceAhead`].
pub(super) fn gate(command: &Command, records: &Records, now: DateTime<Utc>) -> Result<(), Refusal> {
    let Some(ahead) = records.maintenance_ahead() else { return Ok(()) };
    match ahead.refusing(&concern(command, records), now) {
        Some(window) => Err(Refusal::Maintenance(Box::new(window.clone()), now)),
        None => Ok(()),
    }
}
