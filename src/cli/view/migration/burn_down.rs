//! How many migrations were in which phase, day by day.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use clap::ValueEnum;
use devhub_proto::v1;
use serde::Serialize;

use super::phase;
use crate::cli::output::{Row, field_lines};
use crate::cli::view::{EMPTY_ANSWER, brief, or_empty, time};
use crate::cli::words::Phase;

/// How many migrations were in which phase, and the sunsets that were announced.
#[derive(Debug, Clone, Serialize)]
pub struct BurnDownView {
    days: Vec<DayView>,
    sunsets: Vec<SunsetView>,
}

/// The beginning of one day.
#[derive(Debug, Clone, Serialize)]
pub struct DayView {
    time: Option<String>,
    counts: BTreeMap<String, u64>,
    at_risk: u64,
    unfinished: u64,
}

/// A sunset, as it was announced.
#[derive(Debug, Clone, Serialize)]
struct SunsetView {
    announce_time: Option<String>,
    /// Missing when it became unknown.
    sunset_time: Option<String>,
}

impl BurnDownView {
    /// One day of `every`, beginning with the first.
    ///
    /// # Errors
    /// When a day does not count every phase.
    pub fn new(answer: v1::GetMigrationBurnDownResponse, every: usize) -> Result<BurnDownView> {
        let names: Vec<String> = answer.phases.into_iter().map(phase).collect();
        ensure!(answer.days.iter().all(|day| day.counts.len() == names.len()), EMPTY_ANSWER);
        let view = |day: v1::BurnDownDay| DayView {
            time: time(day.time),
            counts: names.iter().cloned().zip(day.counts).collect(),
            at_risk: day.at_risk,
            unfinished: day.unfinished,
        };
        let sunset = |revision: v1::ClassRevision| {
            let [before, after] = [revision.before, revision.after].map(|dates| dates.and_then(|d| d.sunset_time));
            (before != after)
                .then(|| SunsetView { announce_time: time(revision.announce_time), sunset_time: time(after) })
        };
        Ok(BurnDownView {
            days: answer.days.into_iter().step_by(every.max(1)).map(view).collect(),
            sunsets: answer.revisions.into_iter().filter_map(sunset).collect(),
        })
    }

    /// Day by day.
    pub fn days(&self) -> &[DayView] {
        &self.days
    }

    /// The sunsets, for people.
    pub fn sunsets_text(&self) -> String {
        let line = |sunset: &SunsetView| {
            let at = sunset.sunset_time.as_deref().map_or_else(|| "to be announced".to_owned(), brief);
            let field = [("sunset", format!("{at}, announced {}", or_empty(&sunset.announce_time)))];
            field_lines(&field)
        };
        self.sunsets.iter().map(line).collect()
    }
}

impl DayView {
    /// Titles of the columns of a report; they are stable.
    pub fn columns() -> Vec<String> {
        let phases = Phase::value_variants().iter().map(|phase| phase.name().to_ascii_lowercase());
        let after = ["at_risk", "unfinished"].map(str::to_owned);
        std::iter::once("time".to_owned()).chain(phases).chain(after).collect()
    }

    /// One text for each of these columns.
    pub fn values(&self) -> Vec<String> {
        let counts = Phase::value_variants().iter().map(|phase| self.counts.get(phase.name()).copied());
        let after = [self.at_risk, self.unfinished].map(Some);
        let counts = counts.chain(after).map(|count| count.unwrap_or_default().to_string());
        std::iter::once(self.time.clone().unwrap_or_default()).chain(counts).collect()
    }
}

impl Row for DayView {
    // In lines, so that a terminal has room for all of them.
    const HEADER: &'static [&'static str] = &[
        "DAY BEGINS",
        "BLOCKED\nUNKNOWN\nOWNER",
        "NOT\nSTARTED",
        "DEVELOPER\nREADY",
        "INSTALLED",
        "CUTOVER\nCONFIRMED",
        "OLD\nACCOUNT\nREMOVED",
        "COMPLETE\nBY SUNSET",
        "COMPLETE\nLATE",
        "EXPIRED",
        "DISCON-\nTINUED",
        "AT RISK",
        "LEFT\nTO DO",
    ];

    fn cells(&self) -> Vec<String> {
        self.values().iter().map(|value| brief(value)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_titles_and_values_are_as_many() {
        let day = DayView { time: None, counts: BTreeMap::new(), at_risk: 1, unfinished: 2 };
        assert_eq!(DayView::columns().len(), DayView::HEADER.len());
        assert_eq!(day.values().len(), DayView::HEADER.len());
        for (title, phase) in DayView::HEADER.iter().skip(1).zip(Phase::value_variants()) {
            let plain = |text: &str| text.replace(['\n', '_', ' ', '-'], "");
            assert_eq!(plain(title), plain(phase.name()));
        }
    }
}
