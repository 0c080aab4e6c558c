//! `devhub maintenance load`: windows of a file.

use std::path::Path;

use anyhow::{Context, Result, bail};
use devhub_proto::v1;
use serde::{Deserialize, Serialize};

use crate::cli::connection::Hub;
use crate::cli::date::{Moment, instant_text, stated_zone};
use crate::cli::failure::explained;
use crate::cli::output::{Format, Row, print_rows};
use crate::cli::words::{Refuses, Tenancy};
use crate::wire::timestamp;

/// A file of windows.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MaintenanceFile {
    /// In any order.
    maintenance: Vec<WindowEntry>,
}

/// One window. Its zone is that in which its dates are stated.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WindowEntry {
    id: String,
    concerns: Tenancy,
    refuses: Refuses,
    from: Moment,
    until: Moment,
    reason: String,
    zone: Option<String>,
}

/// What became of a window.
#[derive(Debug, Serialize)]
struct Loaded {
    maintenance_id: String,
    start_time: String,
    end_time: String,
    outcome: &'static str,
}

impl Row for Loaded {
    const HEADER: &'static [&'static str] = &["MAINTENANCE", "FROM", "UNTIL", "OUTCOME"];

    fn cells(&self) -> Vec<String> {
        vec![self.maintenance_id.clone(), self.start_time.clone(), self.end_time.clone(), self.outcome.to_owned()]
    }
}

impl WindowEntry {
    fn message(&self) -> Result<v1::Maintenance> {
        let zone = self.zone.clone().or_else(|| stated_zone([&self.from, &self.until]));
        let about = || format!("maintenance {}: say in which zone it was announced", self.id);
        Ok(v1::Maintenance {
            maintenance_id: self.id.clone(),
            tenancy: self.concerns.wire().into(),
            start_time: Some(timestamp(self.from.instant)),
            end_time: Some(timestamp(self.until.instant)),
            refuses: self.refuses.wire().into(),
            reason: self.reason.trim().to_owned(),
            zone: zone.with_context(about)?,
            ..Default::default()
        })
    }
}

/// What a file says of a window, of what the hub has of it.
fn stated(window: &v1::Maintenance) -> v1::Maintenance {
    v1::Maintenance {
        maintenance_id: window.maintenance_id.clone(),
        tenancy: window.tenancy,
        start_time: window.start_time,
        end_time: window.end_time,
        refuses: window.refuses,
        reason: window.reason.clone(),
        zone: window.zone.clone(),
        ..Default::default()
    }
}

/// Loads a file. The whole file is read and understood before anything is sent.
pub(super) async fn run(hub: &Hub, path: &Path, output: Format) -> Result<()> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let file: MaintenanceFile = serde_saphyr::from_str(&text)
        .with_context(|| format!("{} is no file of maintenance windows", path.display()))?;
    let messages: Vec<v1::Maintenance> = file.maintenance.iter().map(WindowEntry::message).collect::<Result<_>>()?;
    let known = super::windows(hub, 0, false).await?;
    let mut rows = Vec::new();
    for (entry, message) in file.maintenance.iter().zip(messages) {
        let outcome = match known.iter().find(|known| known.maintenance_id == entry.id) {
            Some(known) if stated(known) == message => "there already",
            Some(_) => bail!("the hub has another maintenance {}; revise or cancel that one", entry.id),
            None => {
                let request = v1::ScheduleMaintenanceRequest { maintenance: Some(message), ..Default::default() };
                hub.maintenance().schedule_maintenance(request).await.map_err(explained)?;
                "added"
            }
        };
        rows.push(Loaded {
            maintenance_id: entry.id.clone(),
            start_time: instant_text(entry.from.instant),
            end_time: instant_text(entry.until.instant),
            outcome,
        });
    }
    print_rows(output, &rows)
}
