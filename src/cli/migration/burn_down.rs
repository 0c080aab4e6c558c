//! `devhub migration burn-down`.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use chrono_tz::Tz;
use clap::Args;
use devhub_proto::v1;

use super::{Which, one_form};
use crate::cli::chart::{Area, Chart, Mark};
use crate::cli::connection::Hub;
use crate::cli::date::{Moment, instant_text};
use crate::cli::failure::explained;
use crate::cli::output::{Format, print_machine, print_text, table};
use crate::cli::sheet::{Destination, Sheet, WholeFile};
use crate::cli::view::migration::{BurnDownView, DayView};
use crate::cli::words::Phase;
use crate::wire::{instant, timestamp};

/// Arguments of `devhub migration burn-down`.
#[derive(Debug, Clone, Args)]
pub struct BurnDown {
    #[command(flatten)]
    which: Which,
    /// First instant of the first day: RFC 3339, or a date such as "2027-01-01 start-of-day Europe/London"
    #[arg(long, value_name = "INSTANT")]
    from: Moment,
    /// How many days of 24 hours
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(i32).range(1..=2000))]
    days: i32,
    /// Show one day of so many, beginning with the first; 7 for weeks. The chart has every day
    #[arg(long, value_name = "DAYS", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=2000))]
    every: u16,
    /// Write CSV to this file, or to standard output with -, instead of a table
    #[arg(long, value_name = "FILE")]
    csv: Option<Destination>,
    /// Draw a chart into this file: areas by phase, a dashed line at each sunset that was announced
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

/// Phases as they are stacked: what the sunset stops or has stopped at the bottom, what is finished at the top, so that
/// the line between them comes down as the work is done.
const STACKED: [Phase; 10] = [
    Phase::Expired,
    Phase::BlockedUnknownOwner,
    Phase::NotStarted,
    Phase::DeveloperReady,
    Phase::Installed,
    Phase::CutoverConfirmed,
    Phase::OldAccountRemoved,
    Phase::CompleteBySunset,
    Phase::CompleteLate,
    Phase::Discontinued,
];

/// From red over yellow to blue, which those who see no red or no green can tell apart too.
const fn colour(phase: Phase) -> &'static str {
    match phase {
        Phase::Expired => "#7f1d1d",
        Phase::BlockedUnknownOwner => "#d73027",
        Phase::NotStarted => "#f46d43",
        Phase::DeveloperReady => "#fdae61",
        Phase::Installed => "#fee090",
        Phase::CutoverConfirmed => "#abd9e9",
        Phase::OldAccountRemoved => "#74add1",
        Phase::CompleteBySunset => "#4575b4",
        Phase::CompleteLate => "#313695",
        Phase::Discontinued => "#bdbdbd",
    }
}

impl BurnDown {
    pub(super) async fn run(&self, hub: &Hub, output: Format) -> Result<()> {
        one_form(self.csv.is_some(), output)?;
        let request = v1::GetMigrationBurnDownRequest {
            filter: Some(self.which.message()),
            from_time: Some(timestamp(self.from.instant)),
            days: self.days,
        };
        let answer = hub.migrations().get_migration_burn_down(request).await.map_err(explained)?.into_inner();
        if let Some(path) = &self.svg {
            write_whole(path, &self.chart(&answer)?.svg())?;
        }
        let view = BurnDownView::new(answer, self.every.into())?;
        match (&self.csv, output) {
            (Some(destination), _) => {
                let mut sheet = Sheet::begin(destination, &DayView::columns())?;
                view.days().iter().try_for_each(|day| sheet.row(&day.values()))?;
                sheet.finish()
            }
            (None, Format::Table) => print_text(&(table(view.days()) + &view.sunsets_text())),
            (None, Format::Json | Format::Yaml) => print_machine(output, &view),
        }
    }

    fn chart(&self, answer: &v1::GetMigrationBurnDownResponse) -> Result<Chart> {
        let times = answer.days.iter().map(|day| day.time.as_ref().and_then(instant));
        let times = times.collect::<Option<Vec<_>>>().context(crate::cli::view::EMPTY_ANSWER)?;
        let area = |phase: Phase| {
            let place = answer.phases.iter().position(|number| *number == i32::from(phase.wire()));
            let count = |day: &v1::BurnDownDay| place.and_then(|place| day.counts.get(place)).copied();
            let counts: Option<Vec<u64>> = answer.days.iter().map(count).collect();
            counts.map(|counts| Area { name: legible(phase), colour: colour(phase), counts })
        };
        let areas: Option<Vec<Area>> = STACKED.into_iter().map(area).collect();
        let areas = areas.context("the hub counts other phases than this release knows; is it a newer one?")?;
        ensure!(answer.phases.len() == areas.len(), "the hub counts phases that this release does not know");
        let zone = self.from.stated.map_or(Tz::UTC, |stated| stated.zone);
        Ok(Chart {
            title: format!("Migrations{} from traditional service accounts", self.which.words()),
            description: description(answer),
            times,
            zone,
            areas,
            line: ("something left to do".to_owned(), answer.days.iter().map(|day| day.unfinished).collect()),
            marks: sunsets(answer, zone),
        })
    }
}

/// The name of a phase as a sentence spells it.
fn legible(phase: Phase) -> String {
    phase.name().to_ascii_lowercase().replace('_', " ")
}

/// What the chart shows, for those who cannot see it.
fn description(answer: &v1::GetMigrationBurnDownResponse) -> String {
    let (Some(first), Some(last)) = (answer.days.first(), answer.days.last()) else { return String::new() };
    let at = |day: &v1::BurnDownDay| day.time.as_ref().and_then(instant).map(instant_text).unwrap_or_default();
    let mut sentences = vec![format!(
        "Migrations by phase at the beginning of each of {} days. At {} {} had something left to do and {} were at risk; \
         at {} {} had something left to do and {} were at risk.",
        answer.days.len(),
        at(first),
        first.unfinished,
        first.at_risk,
        at(last),
        last.unfinished,
        last.at_risk
    )];
    sentences.extend(sunsets(answer, Tz::UTC).into_iter().map(|mark| format!("Announced: {}.", mark.label)));
    sentences.join(" ")
}

/// Each sunset that was announced, in the order of the announcements.
fn sunsets(answer: &v1::GetMigrationBurnDownResponse, zone: Tz) -> Vec<Mark> {
    let mark = |revision: &v1::ClassRevision| {
        let before = revision.before.and_then(|dates| dates.sunset_time);
        let after = revision.after.and_then(|dates| dates.sunset_time).filter(|after| Some(*after) != before)?;
        let (at, announced) = (instant(&after)?, instant(revision.announce_time.as_ref()?)?);
        let day = announced.with_timezone(&zone).date_naive();
        Some(Mark { at, label: format!("sunset {} (announced {day})", instant_text(at)) })
    };
    answer.revisions.iter().filter_map(mark).collect()
}

fn write_whole(path: &std::path::Path, text: &str) -> Result<()> {
    let mut whole = WholeFile::begin(path)?;
    whole.write_all(text.as_bytes()).with_context(|| format!("{} cannot be written", path.display()))?;
    whole.finish()
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn every_phase_is_stacked_once_in_a_colour_of_its_own() {
        let phases = Phase::value_variants();
        let stacked = |phase: &Phase| STACKED.iter().filter(|other| *other == phase).count();
        assert!(phases.iter().all(|phase| stacked(phase) == 1));
        let colours: std::collections::BTreeSet<&str> = STACKED.into_iter().map(colour).collect();
        assert_eq!(colours.len(), phases.len());
    }
}
