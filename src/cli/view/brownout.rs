//! Brownouts that have not ended, with what the ledger says of them.

use devhub_proto::v1;
use serde::Serialize;

use super::target::TargetView;
use super::{or_empty, time};
use crate::cli::output::Row;

/// A planned short denial, and why it was planned.
#[derive(Debug, Clone, Serialize)]
pub struct PlannedBrownoutView {
    target: TargetView,
    start_time: Option<String>,
    end_time: Option<String>,
    reason: String,
    override_reason: String,
    actor: String,
}

impl PlannedBrownoutView {
    /// The brownouts of a target, each with the last revision that planned it.
    pub fn all(schedule: v1::GetScheduleResponse, revisions: &[v1::ScheduleRevision]) -> Vec<PlannedBrownoutView> {
        let target = TargetView::of(schedule.revision.and_then(|revision| revision.target));
        let view = |window: v1::BrownoutWindow| {
            let planned = revisions.iter().rfind(|revision| {
                revision.kind() == v1::RevisionKind::BrownoutScheduled
                    && (revision.brownout_start_time, revision.brownout_end_time)
                        == (window.start_time, window.end_time)
            });
            let planned = planned.cloned().unwrap_or_default();
            PlannedBrownoutView {
                target: target.clone(),
                start_time: time(window.start_time),
                end_time: time(window.end_time),
                reason: planned.reason,
                override_reason: planned.override_reason,
                actor: planned.actor,
            }
        };
        schedule.brownouts.into_iter().map(view).collect()
    }
}

impl Row for PlannedBrownoutView {
    const HEADER: &'static [&'static str] = &["TARGET", "ENVIRONMENT", "FROM", "UNTIL", "WHY", "BY"];

    fn cells(&self) -> Vec<String> {
        let why = [&self.reason, &self.override_reason].into_iter().filter(|text| !text.is_empty());
        vec![
            self.target.name(),
            self.target.environment().to_owned(),
            or_empty(&self.start_time),
            or_empty(&self.end_time),
            why.cloned().collect::<Vec<_>>().join("\n"),
            self.actor.clone(),
        ]
    }
}
