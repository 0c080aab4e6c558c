//! Dates of the calendar.

use devhub_proto::v1;
use serde::Serialize;

use super::target::TargetView;
use super::{or_empty, time};
use crate::cli::output::Row;
use crate::cli::words::wire_name;

/// One date.
#[derive(Debug, Clone, Serialize)]
pub struct CalendarView {
    time: Option<String>,
    local_time: String,
    zone: String,
    kind: String,
    target: TargetView,
    successor: String,
    live_subscriptions: i64,
}

impl From<v1::CalendarEntry> for CalendarView {
    fn from(entry: v1::CalendarEntry) -> CalendarView {
        CalendarView {
            time: time(entry.time),
            local_time: entry.local_time,
            zone: entry.zone,
            kind: wire_name(entry.kind, v1::CalendarKind::as_str_name, "CALENDAR_KIND_"),
            target: TargetView::of(entry.target),
            successor: entry.successor,
            live_subscriptions: entry.live_subscriptions,
        }
    }
}

impl Row for CalendarView {
    const HEADER: &'static [&'static str] =
        &["WHEN", "AS ANNOUNCED", "WHAT", "TARGET", "ENVIRONMENT", "SUCCESSOR", "LIVE SUBSCRIPTIONS"];

    fn cells(&self) -> Vec<String> {
        vec![
            or_empty(&self.time),
            if self.zone.is_empty() { String::new() } else { self.local_time.clone() },
            self.kind.clone(),
            self.target.name(),
            self.target.environment().to_owned(),
            self.successor.clone(),
            self.live_subscriptions.to_string(),
        ]
    }
}
