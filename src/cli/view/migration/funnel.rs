//! How many migrations are in which phase.

use chrono::{DateTime, Utc};
use devhub_proto::v1;
use serde::Serialize;

use super::phase;
use crate::cli::date::instant_text;
use crate::cli::output::Row;
use crate::cli::view::credential_class::ClassScheduleView;
use crate::cli::view::{or_empty, time};

/// How many migrations are in which phase, and the dates that this follows from.
#[derive(Debug, Clone, Serialize)]
pub struct FunnelView {
    at: Option<String>,
    supposed_sunset_time: Option<String>,
    phases: Vec<PhaseView>,
    total: u64,
    at_risk: u64,
    finished: u64,
    public_dates: ClassScheduleView,
}

/// How many migrations are in one phase.
#[derive(Debug, Clone, Serialize)]
pub struct PhaseView {
    phase: String,
    count: u64,
    /// Of all, to a tenth.
    percent: f64,
}

/// Thousandths of `total`, rounded; none of nothing.
fn per_mille(count: u64, total: u64) -> u16 {
    let total = u128::from(total.max(1));
    u16::try_from((u128::from(count) * 1000 + total / 2) / total).unwrap_or(u16::MAX)
}

impl FunnelView {
    /// The answer to a question that may have supposed a sunset.
    pub fn new(funnel: v1::GetMigrationFunnelResponse, supposed_sunset: Option<DateTime<Utc>>) -> FunnelView {
        let total = funnel.total;
        let view = |counted: v1::PhaseCount| PhaseView {
            phase: phase(counted.phase),
            count: counted.count,
            percent: f64::from(per_mille(counted.count, total)) / 10.0,
        };
        FunnelView {
            at: time(funnel.at),
            supposed_sunset_time: supposed_sunset.map(instant_text),
            phases: funnel.phases.into_iter().map(view).collect(),
            total,
            at_risk: funnel.at_risk,
            finished: funnel.finished,
            public_dates: ClassScheduleView::of(funnel.schedule),
        }
    }

    /// Phase by phase.
    pub fn phases(&self) -> &[PhaseView] {
        &self.phases
    }

    /// What is said of all of them together, for people.
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        let share = |count: u64| format!("{count} ({:.1}%)", f64::from(per_mille(count, self.total)) / 10.0);
        let mut fields = vec![
            ("migrations", self.total.to_string()),
            ("at risk", share(self.at_risk)),
            ("finished", share(self.finished)),
            ("at", or_empty(&self.at)),
            ("supposed sunset", or_empty(&self.supposed_sunset_time)),
        ];
        fields.extend(self.public_dates.fields());
        fields
    }
}

impl Row for PhaseView {
    const HEADER: &'static [&'static str] = &["PHASE", "MIGRATIONS", "SHARE"];

    fn cells(&self) -> Vec<String> {
        vec![self.phase.clone(), self.count.to_string(), format!("{:.1}%", self.percent)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_rounded_and_nothing_has_none() {
        for (count, total, expected) in
            [(0, 0, 0), (0, 3, 0), (1, 3, 333), (2, 3, 667), (3, 3, 1000), (1, 2000, 1), (u64::MAX, u64::MAX, 1000)]
        {
            assert_eq!(per_mille(count, total), expected, "{count} of {total}");
        }
    }
}
