//! `devhub maintenance`: times at which collaborators change nothing.

mod load;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use devhub_proto::v1;

use super::catalogue::read::PAGE;
use super::connection::{Connection, Hub, new_request_id};
use super::date::{Moment, stated_zone};
use super::failure::explained;
use super::output::{Format, print_one, print_rows};
use super::view::EMPTY_ANSWER;
use super::view::maintenance::MaintenanceView;
use super::words::{Refuses, Tenancy};
use crate::wire::timestamp;

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Maintenance {
    /// Plan a window, or record one that is past
    Schedule(Schedule),
    /// Change a window that has not ended; what is not given stays
    Revise(Revise),
    /// Cancel a window that has not ended
    Cancel(Cancel),
    /// Those that there are
    List(List),
    /// Bring windows from a file
    ///
    /// Running it again is harmless: windows that the hub has are left as they are.
    Load {
        /// File of windows
        file: PathBuf,
    },
}

/// Arguments of `devhub maintenance schedule`.
#[derive(Debug, Clone, Args)]
pub struct Schedule {
    /// Its id: lower-case letters, digits and hyphens
    id: String,
    /// Which data it concerns
    #[arg(long, value_enum)]
    concerns: Tenancy,
    /// What it refuses
    #[arg(long, value_enum, default_value_t = Refuses::Writes)]
    refuses: Refuses,
    /// Its first instant: RFC 3339, or a date such as "2027-07-31 17:00 America/Los_Angeles"
    #[arg(long, value_name = "INSTANT")]
    from: Moment,
    /// The first instant after it
    #[arg(long, value_name = "INSTANT")]
    until: Moment,
    /// The zone in which it was announced [default: that of --from and --until, else UTC]
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

/// Arguments of `devhub maintenance revise`.
#[derive(Debug, Clone, Args)]
pub struct Revise {
    /// Its id
    id: String,
    /// Its first instant from now on; not once it has begun
    #[arg(long, value_name = "INSTANT")]
    from: Option<Moment>,
    /// The first instant after it from now on
    #[arg(long, value_name = "INSTANT")]
    until: Option<Moment>,
    /// What it refuses from now on
    #[arg(long, value_enum)]
    refuses: Option<Refuses>,
    /// Why, from now on
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    reason: String,
    /// The etag last read; refuse if somebody has changed it since
    #[arg(long, value_name = "ETAG", default_value = "", hide_default_value = true)]
    etag: String,
}

/// Arguments of `devhub maintenance cancel`.
#[derive(Debug, Clone, Args)]
pub struct Cancel {
    /// Its id
    id: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// The etag last read; refuse if somebody has changed it since
    #[arg(long, value_name = "ETAG", default_value = "", hide_default_value = true)]
    etag: String,
}

/// Arguments of `devhub maintenance list`.
#[derive(Debug, Clone, Args)]
pub struct List {
    /// Only those that concern this data
    #[arg(long, value_enum)]
    concerns: Option<Tenancy>,
    /// Only those that have not ended and are not cancelled
    #[arg(long)]
    ahead: bool,
}

fn print(output: Format, window: Option<v1::Maintenance>) -> Result<()> {
    let view = MaintenanceView::from(window.context(EMPTY_ANSWER)?);
    print_one(output, &view, &view.fields())
}

impl Schedule {
    fn message(&self) -> v1::Maintenance {
        let zone = self.zone.clone().or_else(|| stated_zone([&self.from, &self.until]));
        v1::Maintenance {
            maintenance_id: self.id.clone(),
            tenancy: self.concerns.wire().into(),
            start_time: Some(timestamp(self.from.instant)),
            end_time: Some(timestamp(self.until.instant)),
            refuses: self.refuses.wire().into(),
            reason: self.reason.clone(),
            zone: zone.unwrap_or_else(|| "UTC".to_owned()),
            ..Default::default()
        }
    }
}

impl Maintenance {
    /// Plans, changes, cancels, lists or loads.
    ///
    /// # Errors
    /// When the hub refuses or does not answer.
    pub async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        let hub = connection.hub().await?;
        let mut client = hub.maintenance();
        match self {
            Maintenance::Schedule(schedule) => {
                let (maintenance, request_id) = (Some(schedule.message()), new_request_id());
                let request = v1::ScheduleMaintenanceRequest { maintenance, request_id };
                let answer = client.schedule_maintenance(request).await.map_err(explained)?.into_inner();
                print(output, answer.maintenance)?;
            }
            Maintenance::Revise(revise) => {
                let instant = |moment: &Option<Moment>| moment.as_ref().map(|moment| timestamp(moment.instant));
                let request = v1::ReviseMaintenanceRequest {
                    maintenance_id: revise.id.clone(),
                    start_time: instant(&revise.from),
                    end_time: instant(&revise.until),
                    refuses: revise.refuses.map(|refuses| refuses.wire().into()).unwrap_or_default(),
                    reason: revise.reason.clone(),
                    etag: revise.etag.clone(),
                    request_id: new_request_id(),
                };
                let answer = client.revise_maintenance(request).await.map_err(explained)?.into_inner();
                print(output, answer.maintenance)?;
            }
            Maintenance::Cancel(cancel) => {
                let request = v1::CancelMaintenanceRequest {
                    maintenance_id: cancel.id.clone(),
                    reason: cancel.reason.clone(),
                    etag: cancel.etag.clone(),
                    request_id: new_request_id(),
                };
                let answer = client.cancel_maintenance(request).await.map_err(explained)?.into_inner();
                print(output, answer.maintenance)?;
            }
            Maintenance::List(list) => {
                let tenancy = list.concerns.map(|concerns| concerns.wire().into()).unwrap_or_default();
                let windows = windows(&hub, tenancy, list.ahead).await?;
                print_rows(output, &windows.into_iter().map(MaintenanceView::from).collect::<Vec<_>>())?;
            }
            Maintenance::Load { file } => load::run(&hub, file, output).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// All windows, or those that lie ahead.
async fn windows(hub: &Hub, tenancy: i32, ahead_only: bool) -> Result<Vec<v1::Maintenance>> {
    let mut request = v1::ListMaintenanceRequest { tenancy, ahead_only, page_size: PAGE, page_token: String::new() };
    let mut all = Vec::new();
    loop {
        let page = hub.maintenance().list_maintenance(request.clone()).await.map_err(explained)?.into_inner();
        all.extend(page.maintenance);
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            return Ok(all);
        }
    }
}
