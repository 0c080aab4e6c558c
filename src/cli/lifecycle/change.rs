//! Carrying out a step for its targets: as a preview, or as one commit.

use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::Args;
use devhub_proto::v1;
use devhub_proto::v1::lifecycle_change::Step;
use serde::Serialize;

use super::again::{shell_line, with_plan};
use super::read;
use super::successor::Successors;
use super::target::Targets;
use crate::cli::catalogue::read::PAGE;
use crate::cli::connection::{Connection, Hub, new_request_id};
use crate::cli::date::{Moment, stated_zone};
use crate::cli::failure::explained;
use crate::cli::output::{Format, print_machine, print_rows, print_text, visible};
use crate::cli::view::preview::PreviewView;
use crate::cli::view::schedule::ScheduleView;
use crate::wire::timestamp;

/// Options of every command that changes a lifecycle.
#[derive(Debug, Clone, Args)]
pub struct ChangeOptions {
    /// Why, for the record and for subscribers
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Why less time than the policy demands is acceptable
    #[arg(long, value_name = "TEXT")]
    override_reason: Option<String>,
    /// When it was made public, if not now
    #[arg(long, value_name = "INSTANT")]
    announced: Option<Moment>,
    /// Zone of the announcement, for example Europe/London [default: the zone that the dates are given in]
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    /// The etag last read; refuse if somebody has changed the target since
    #[arg(long, value_name = "ETAG")]
    etag: Option<String>,
    /// Only say what would happen, to whom, and when; exits 1 when something would be refused
    #[arg(long)]
    preview: bool,
    /// Show at most this many affected subscriptions in the preview
    #[arg(long, value_name = "COUNT", requires = "preview")]
    limit: Option<usize>,
    /// Token of a preview: refuse if anything that it showed is different now
    #[arg(long, value_name = "TOKEN", conflicts_with = "preview")]
    plan: Option<String>,
}

/// What a command is asked to do.
#[derive(Debug)]
pub struct Intent<'a> {
    /// To what.
    pub targets: &'a Targets,
    /// What.
    pub step: Step,
    /// Where to move to; `None` for a step that names no successor.
    pub successors: Option<&'a Successors>,
    /// The dates it names, for the zone that they are stated in.
    pub dates: Vec<&'a Moment>,
    /// The rest.
    pub options: &'a ChangeOptions,
}

/// A new value for a date, or that it is not known; `None` keeps the date.
pub fn new_instant(at: Option<&Moment>, unknown: bool) -> Option<v1::NewInstant> {
    use v1::new_instant::Value;

    let value = match at {
        Some(moment) => Some(Value::Time(timestamp(moment.instant))),
        None => unknown.then_some(Value::ToBeAnnounced(true)),
    };
    value.map(|value| v1::NewInstant { value: Some(value) })
}

#[derive(Debug, Serialize)]
struct DoneView {
    revision: u64,
    affected_subscriptions: i64,
    warnings: Vec<String>,
    schedules: Vec<ScheduleView>,
}

impl Intent<'_> {
    /// Previews or does it.
    ///
    /// # Errors
    /// When the options do not fit together, the hub refuses, or it does not answer.
    pub async fn run(self, connection: &Connection, output: Format) -> Result<ExitCode> {
        let changes = self.changes()?;
        let hub = connection.hub().await?;
        if self.options.preview {
            return preview(&hub, changes, self.options.limit.unwrap_or(usize::MAX), output).await;
        }
        let targets: Vec<v1::ScheduleTarget> = changes.iter().filter_map(|change| change.target.clone()).collect();
        let request = v1::ChangeLifecycleRequest {
            changes,
            plan_token: self.options.plan.clone().unwrap_or_default(),
            validate_only: false,
            request_id: new_request_id(),
        };
        let answer = hub.schedules().change_lifecycle(request).await.map_err(explained)?.into_inner();
        print_done(&hub, answer, targets, output).await?;
        Ok(ExitCode::SUCCESS)
    }

    fn changes(&self) -> Result<Vec<v1::LifecycleChange>> {
        let options = self.options;
        let listed = self.targets.all()?;
        ensure!(
            options.etag.is_none() || listed.len() == 1,
            "--etag belongs to one target; for {} of them preview the change and apply it with --plan",
            listed.len()
        );
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let zone = options.zone.clone().or_else(|| stated_zone(self.dates.iter().copied())).unwrap_or_default();
        let change = |listed| -> Result<v1::LifecycleChange> {
            let successor = match self.successors {
                Some(successors) => successors.of(&listed)?,
                None => None,
            };
            Ok(v1::LifecycleChange {
                target: Some(listed.target),
                step: Some(self.step),
                successor,
                reason: text(&options.reason),
                override_reason: text(&options.override_reason),
                announce_time: options.announced.as_ref().map(|moment| timestamp(moment.instant)),
                zone: zone.clone(),
                etag: text(&options.etag),
            })
        };
        listed.into_iter().map(change).collect()
    }
}

async fn preview(hub: &Hub, changes: Vec<v1::LifecycleChange>, limit: usize, output: Format) -> Result<ExitCode> {
    let page_size = i32::try_from(limit).unwrap_or(PAGE).clamp(1, PAGE);
    let mut request = v1::PreviewLifecycleChangeRequest { changes, page_size, page_token: String::new() };
    let mut page = hub.schedules().preview_lifecycle_change(request.clone()).await.map_err(explained)?.into_inner();
    let mut affected = std::mem::take(&mut page.affected);
    let mut next = std::mem::take(&mut page.next_page_token);
    let mut view = PreviewView::new(page, with_plan);
    while view.add(affected, limit) && !next.is_empty() {
        request.page_token = next;
        let page = hub.schedules().preview_lifecycle_change(request.clone()).await.map_err(explained)?.into_inner();
        (affected, next) = (page.affected, page.next_page_token);
    }
    if !next.is_empty() {
        view.truncate();
    }
    match output {
        Format::Table => print_text(&view.text(&shell_line(view.apply())))?,
        Format::Json | Format::Yaml => print_machine(output, &view)?,
    }
    Ok(if view.accepted() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What was committed, and what the dates are now.
async fn print_done(
    hub: &Hub,
    answer: v1::ChangeLifecycleResponse,
    targets: Vec<v1::ScheduleTarget>,
    output: Format,
) -> Result<()> {
    let mut schedules = Vec::new();
    for target in targets {
        schedules.push(ScheduleView::from(read::schedule(hub, target, None).await?));
    }
    let done = DoneView {
        revision: answer.revision,
        affected_subscriptions: answer.affected_subscriptions,
        warnings: answer.warnings,
        schedules,
    };
    match output {
        Format::Json | Format::Yaml => print_machine(output, &done),
        Format::Table => {
            print_rows(output, &done.schedules)?;
            for warning in &done.warnings {
                print_text(&format!("warning: {}\n", visible(warning)))?;
            }
            let (revision, affected) = (done.revision, done.affected_subscriptions);
            print_text(&format!("Done at revision {revision}; live subscriptions affected: {affected}.\n"))
        }
    }
}
