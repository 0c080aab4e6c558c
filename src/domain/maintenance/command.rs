//! Commands about maintenance windows, for operators.

use chrono::{DateTime, Utc};

use super::{AHEAD_MAX, Cancellation, Maintenance, MaintenanceAhead, MaintenanceState, Refuses};
use crate::domain::app_version::Step;
use crate::domain::company::Tenancy;
use crate::domain::fact::{Fact, FactKind, Subject, instant_text};
use crate::domain::name::{MaintenanceId, Zone};
use crate::domain::outcome::{Judgement, Outcome};
use crate::domain::record::{Record, RecordKey, Records};
use crate::domain::refusal::{Refusal, Taken, Violation};
use crate::domain::setting::Setting;

/// Command: plan a window, or record one that is past.
#[derive(Debug, Clone)]
pub struct ScheduleMaintenance {
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
}

/// Command: change a window that has not ended. What is not given stays.
#[derive(Debug, Clone)]
pub struct ReviseMaintenance {
    /// Its id.
    pub id: MaintenanceId,
    /// Its first instant from now on.
    pub from: Option<DateTime<Utc>>,
    /// The first instant after it from now on.
    pub until: Option<DateTime<Utc>>,
    /// What it refuses from now on.
    pub refuses: Option<Refuses>,
    /// Why, from now on.
    pub reason: Option<String>,
    /// The revision last read, if the change depends on it.
    pub etag: Option<u64>,
}

/// Command: cancel a window that has not ended.
#[derive(Debug, Clone)]
pub struct CancelMaintenance {
    /// Its id.
    pub id: MaintenanceId,
    /// Why.
    pub reason: String,
    /// The revision last read, if the change depends on it.
    pub etag: Option<u64>,
}

fn reads(id: &MaintenanceId) -> Vec<RecordKey> {
    vec![RecordKey::Maintenance(id.clone()), RecordKey::MaintenanceAhead]
}

fn load<'r>(id: &MaintenanceId, etag: Option<u64>, records: &'r Records) -> Result<&'r Maintenance, Refusal> {
    let window = records.maintenance(id).ok_or_else(|| Refusal::MaintenanceNotFound(id.clone()))?;
    records.check_etag(&window.key(), etag)?;
    Ok(window)
}

/// Refuses a window that nothing can change any more.
fn check_open(window: &Maintenance, now: DateTime<Utc>) -> Result<(), Refusal> {
    match window.state(now) {
        MaintenanceState::Planned | MaintenanceState::Running => Ok(()),
        MaintenanceState::Over => Err(Refusal::NothingToDo("the window has ended already; schedule another one")),
        MaintenanceState::Cancelled => Err(Refusal::NothingToDo("the window is cancelled already")),
    }
}

/// The outcome of giving a window a new record: the window, and its place among those ahead.
fn write(
    kind: FactKind,
    before: Option<&Maintenance>,
    after: Maintenance,
    records: &Records,
    setting: &Setting<'_>,
    reason: &str,
) -> Judgement {
    if after.until <= after.from {
        return Err(Refusal::InvalidFields(vec![Violation {
            field: "end_time".to_owned(),
            sentence: "must be later than start_time; a window without length refuses nothing".to_owned(),
        }]));
    }
    let known = records.maintenance_ahead().cloned().unwrap_or_default();
    let mut windows: Vec<Maintenance> =
        known.windows.into_iter().filter(|window| window.id != after.id).chain([after.clone()]).collect();
    windows.retain(|window| match window.state(setting.now) {
        MaintenanceState::Planned | MaintenanceState::Running => true,
        MaintenanceState::Over | MaintenanceState::Cancelled => false,
    });
    windows.sort_by(|a, b| (a.from, a.id.as_str()).cmp(&(b.from, b.id.as_str())));
    if windows.len() > AHEAD_MAX {
        return Err(Refusal::LimitReached { what: "maintenance windows ahead", limit: AHEAD_MAX });
    }
    let text = |of: fn(&Maintenance) -> String| before.map(of).unwrap_or_default();
    let subject = Subject { environment: Some(after.tenancy.credentials()), ..Subject::default() };
    let fact = Fact::new(kind, subject)
        .change("maintenance", "", &after.id)
        .change("concerns", text(|window| window.tenancy.to_string()), after.tenancy)
        .change("refuses", text(|window| window.refuses.to_string()), after.refuses)
        .change("from", text(|window| instant_text(Some(window.from))), instant_text(Some(after.from)))
        .change("until", text(|window| instant_text(Some(window.until))), instant_text(Some(after.until)))
        .change("zone", text(|window| window.zone.to_string()), &after.zone)
        .effective(Some(after.from))
        .because(reason);
    Ok(Outcome::write(after.key(), Record::Maintenance(after), fact)
        .also(RecordKey::MaintenanceAhead, Record::MaintenanceAhead(MaintenanceAhead { windows })))
}

impl ScheduleMaintenance {
    pub(in crate::domain) fn reads(&self) -> Vec<RecordKey> {
        reads(&self.id)
    }

    pub(in crate::domain) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        setting.operator("plan maintenance")?;
        if records.maintenance(&self.id).is_some() {
            return Err(Refusal::AlreadyExists { what: Taken::Maintenance, name: self.id.to_string() });
        }
        let window = Maintenance {
            id: self.id.clone(),
            tenancy: self.tenancy,
            from: self.from,
            until: self.until,
            refuses: self.refuses,
            reason: self.reason.clone(),
            zone: self.zone.clone(),
            planned: Step { by: setting.actor.to_string(), at: setting.now },
            revised: None,
            cancelled: None,
        };
        write(FactKind::MaintenanceScheduled, None, window, records, setting, &self.reason)
    }
}

impl ReviseMaintenance {
    pub(in crate::domain) fn reads(&self) -> Vec<RecordKey> {
        reads(&self.id)
    }

    pub(in crate::domain) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        setting.operator("revise maintenance")?;
        let old = load(&self.id, self.etag, records)?;
        check_open(old, setting.now)?;
        let same = Maintenance {
            from: self.from.unwrap_or(old.from),
            until: self.until.unwrap_or(old.until),
            refuses: self.refuses.unwrap_or(old.refuses),
            reason: self.reason.clone().unwrap_or_else(|| old.reason.clone()),
            ..old.clone()
        };
        if same == *old {
            return Err(Refusal::NothingToDo("the window is just so already"));
        }
        // What has begun has begun, and what is to come does not lie in the past.
        if same.from != old.from && (old.from <= setting.now || same.from < setting.now) {
            let given = if old.from <= setting.now { old.from } else { same.from };
            return Err(Refusal::InstantInPast { field: "start_time", given });
        }
        if same.until != old.until && same.until < setting.now {
            return Err(Refusal::InstantInPast { field: "end_time", given: same.until });
        }
        let new = Maintenance { revised: Some(Step { by: setting.actor.to_string(), at: setting.now }), ..same };
        let reason = new.reason.clone();
        write(FactKind::MaintenanceRevised, Some(old), new, records, setting, &reason)
    }
}

impl CancelMaintenance {
    pub(in crate::domain) fn reads(&self) -> Vec<RecordKey> {
        reads(&self.id)
    }

    pub(in crate::domain) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        setting.operator("cancel maintenance")?;
        let old = load(&self.id, self.etag, records)?;
        check_open(old, setting.now)?;
        let step = Step { by: setting.actor.to_string(), at: setting.now };
        let cancelled = Some(Cancellation { step, reason: self.reason.clone() });
        let new = Maintenance { cancelled, ..old.clone() };
        write(FactKind::MaintenanceCancelled, Some(old), new, records, setting, &self.reason)
    }
}
