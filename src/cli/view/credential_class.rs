//! The dates of traditional service accounts, and how they came about.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use devhub_proto::v1;
use serde::Serialize;

use super::{or_empty, time};
use crate::cli::date::instant_text;
use crate::cli::output::Row;
use crate::wire::instant;

/// What is said of a date that is not known.
const UNKNOWN: &str = "to be announced";

/// The dates; one that is missing is to be announced.
#[derive(Debug, Clone, Serialize)]
pub struct ClassScheduleView {
    deprecate_time: Option<String>,
    creation_cutoff_time: Option<String>,
    sunset_time: Option<String>,
}

impl ClassScheduleView {
    /// The dates of a message.
    pub fn of(schedule: Option<v1::ClassSchedule>) -> ClassScheduleView {
        let schedule = schedule.unwrap_or_default();
        ClassScheduleView {
            deprecate_time: time(schedule.deprecate_time),
            creation_cutoff_time: time(schedule.creation_cutoff_time),
            sunset_time: time(schedule.sunset_time),
        }
    }

    /// The dates, for people.
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        let date = |date: &Option<String>| date.clone().unwrap_or_else(|| UNKNOWN.to_owned());
        vec![
            ("deprecated at", date(&self.deprecate_time)),
            ("creation cut-off", date(&self.creation_cutoff_time)),
            ("sunset", date(&self.sunset_time)),
        ]
    }
}

/// The dates that are public at an instant, and what follows from them then.
#[derive(Debug, Clone, Serialize)]
pub struct ClassView {
    as_of: Option<String>,
    #[serde(flatten)]
    schedule: ClassScheduleView,
    deprecated: bool,
    creation_open: bool,
    accepted: bool,
    revisions: u32,
    summary: String,
    etag: String,
}

impl From<v1::GetCredentialClassResponse> for ClassView {
    fn from(class: v1::GetCredentialClassResponse) -> ClassView {
        ClassView {
            summary: summary(&class),
            as_of: time(class.as_of),
            schedule: ClassScheduleView::of(class.schedule),
            deprecated: class.deprecated,
            creation_open: class.creation_open,
            accepted: class.accepted,
            revisions: class.revision_number,
            etag: class.etag,
        }
    }
}

/// What the dates mean, in one line.
fn summary(class: &v1::GetCredentialClassResponse) -> String {
    let schedule = class.schedule.unwrap_or_default();
    let date = |date: Option<prost_types::Timestamp>| date.as_ref().and_then(instant);
    let (closes, sunset) = (date(class.creation_close_time), date(schedule.sunset_time));
    let state = |open: bool, on: &str, off: &str, at: Option<DateTime<Utc>>| match (open, at) {
        (true, Some(at)) => format!("{on} until {}", instant_text(at)),
        (true, None) => format!("{on}, its end is {UNKNOWN}"),
        (false, Some(at)) => format!("{off} since {}", instant_text(at)),
        (false, None) => off.to_owned(),
    };
    let revisions = match class.revision_number {
        0 => "nothing announced yet".to_owned(),
        1 => "1 revision".to_owned(),
        count => format!("{count} revisions"),
    };
    let creation = state(class.creation_open, "creation open", "creation closed", closes);
    let use_ = state(class.accepted, "accepted", "not accepted", sunset);
    format!("{creation}; {use_}; {revisions}")
}

impl ClassView {
    /// Its fields, for people.
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        let mut fields = vec![("means", self.summary.clone())];
        fields.extend(self.schedule.fields());
        fields.extend([("as of", or_empty(&self.as_of)), ("etag", self.etag.clone())]);
        fields
    }
}

/// Which way a date moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Way {
    /// It was announced for the first time, or again.
    Announced,
    /// It is not known any more.
    Withdrawn,
    /// It comes later than announced.
    Later,
    /// It comes earlier than announced.
    Earlier,
}

/// How one date moved.
#[derive(Debug, Clone, Serialize)]
struct MovedView {
    date: &'static str,
    before: Option<String>,
    after: Option<String>,
    way: Way,
    /// By how many days of the zone that the dates were announced in; of UTC when that is not known.
    days: Option<i64>,
}

impl MovedView {
    fn new(
        date: &'static str,
        before: Option<prost_types::Timestamp>,
        after: Option<prost_types::Timestamp>,
        zone: Tz,
    ) -> Option<MovedView> {
        let [old, new] = [before, after].map(|date| date.as_ref().and_then(instant));
        let day = |at: DateTime<Utc>| at.with_timezone(&zone).date_naive();
        let (way, days) = match (old, new) {
            _ if old == new => return None,
            (None, _) => (Way::Announced, None),
            (Some(_), None) => (Way::Withdrawn, None),
            (Some(old), Some(new)) => {
                let way = if old < new { Way::Later } else { Way::Earlier };
                (way, Some((day(new) - day(old)).num_days().abs()))
            }
        };
        Some(MovedView { date, before: time(before), after: time(after), way, days })
    }

    fn text(&self) -> String {
        let at = |date: &Option<String>| date.clone().unwrap_or_else(|| UNKNOWN.to_owned());
        let days = |word: &str| match self.days {
            // The hour moved, the day did not.
            None | Some(0) => word.to_owned(),
            Some(1) => format!("1 day {word}"),
            Some(days) => format!("{days} days {word}"),
        };
        let (date, before, after) = (self.date, at(&self.before), at(&self.after));
        match self.way {
            Way::Announced => format!("{date}: {after}"),
            Way::Withdrawn => format!("{date}: {before} -> {after}"),
            Way::Later => format!("{date}: {before} -> {after}, {}", days("later")),
            Way::Earlier => format!("{date}: {before} -> {after}, {}", days("earlier")),
        }
    }
}

/// A revision of the dates.
#[derive(Debug, Clone, Serialize)]
pub struct ClassRevisionView {
    number: u32,
    announce_time: Option<String>,
    record_time: Option<String>,
    moved: Vec<MovedView>,
    reopens_creation: bool,
    after: ClassScheduleView,
    zone: String,
    actor: String,
    reason: String,
    override_reason: String,
}

impl From<v1::ClassRevision> for ClassRevisionView {
    fn from(revision: v1::ClassRevision) -> ClassRevisionView {
        let zone = revision.zone.parse().unwrap_or(Tz::UTC);
        let (before, after) = (revision.before.unwrap_or_default(), revision.after.unwrap_or_default());
        let moved = [
            MovedView::new("deprecated", before.deprecate_time, after.deprecate_time, zone),
            MovedView::new("creation cut-off", before.creation_cutoff_time, after.creation_cutoff_time, zone),
            MovedView::new("sunset", before.sunset_time, after.sunset_time, zone),
        ];
        ClassRevisionView {
            number: revision.number,
            announce_time: time(revision.announce_time),
            record_time: time(revision.record_time),
            moved: moved.into_iter().flatten().collect(),
            reopens_creation: revision.reopens_creation,
            after: ClassScheduleView::of(revision.after),
            zone: revision.zone,
            actor: revision.actor,
            reason: revision.reason,
            override_reason: revision.override_reason,
        }
    }
}

impl Row for ClassRevisionView {
    const HEADER: &'static [&'static str] = &["REVISION", "ANNOUNCED", "CHANGE", "WHY", "OVERRIDE", "BY"];

    fn cells(&self) -> Vec<String> {
        let mut change: Vec<String> = self.moved.iter().map(MovedView::text).collect();
        if self.reopens_creation {
            change.push("creation is open again".to_owned());
        }
        vec![
            self.number.to_string(),
            or_empty(&self.announce_time),
            change.join("\n"),
            self.reason.clone(),
            self.override_reason.clone(),
            self.actor.clone(),
        ]
    }
}
