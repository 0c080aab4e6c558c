//! A file of revisions of the dates of traditional service accounts, as they were announced, oldest first.

use std::fmt;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use devhub_proto::v1;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};

use super::MaybeMoment;
use crate::cli::date::{Moment, stated_zone};
use crate::wire::timestamp;

/// Says on the record why dates are accepted that have passed.
const HISTORY: &str = "history, put on record as it was announced";

/// A file of revisions.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RevisionFile {
    revisions: Vec<RevisionEntry>,
}

/// One revision; a date that is left out is as in the one before.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RevisionEntry {
    announced: Moment,
    deprecate: Option<MaybeMoment>,
    cutoff: Option<MaybeMoment>,
    sunset: Option<MaybeMoment>,
    reason: String,
    #[serde(default)]
    zone: String,
}

impl<'de> Deserialize<'de> for MaybeMoment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<MaybeMoment, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = MaybeMoment;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an RFC 3339 instant, a date with boundary and zone, or tba")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<MaybeMoment, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// A revision with all its dates, as the hub keeps it, and the request that puts it on record.
#[derive(Debug, Clone)]
pub(super) struct Announced {
    /// The dates from then on.
    pub(super) after: v1::ClassSchedule,
    /// What to ask the hub for.
    pub(super) request: v1::ReviseCredentialClassRequest,
}

/// Reads a file.
///
/// # Errors
/// When it cannot be read or understood, or changes nothing somewhere.
pub(super) fn read(path: &Path) -> Result<Vec<Announced>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    parse(&text, &path.display().to_string())
}

/// Reads the text of a file.
///
/// # Errors
/// When it cannot be understood, or changes nothing somewhere.
pub(super) fn parse(text: &str, name: &str) -> Result<Vec<Announced>> {
    let file: RevisionFile = serde_saphyr::from_str(text).with_context(|| format!("{name} is no file of revisions"))?;
    let mut after = v1::ClassSchedule::default();
    let mut revisions = Vec::with_capacity(file.revisions.len());
    for (number, entry) in (1..).zip(file.revisions) {
        let before = after;
        let changes = [
            (&mut after.deprecate_time, &entry.deprecate),
            (&mut after.creation_cutoff_time, &entry.cutoff),
            (&mut after.sunset_time, &entry.sunset),
        ];
        for (date, change) in changes {
            if let Some(change) = change {
                *date = change.moment().map(|moment| timestamp(moment.instant));
            }
        }
        ensure!(after != before, "revision {number} of {name} changes no date");
        revisions.push(Announced { after, request: entry.request() });
    }
    Ok(revisions)
}

impl RevisionEntry {
    fn request(self) -> v1::ReviseCredentialClassRequest {
        let dates = [&self.deprecate, &self.cutoff, &self.sunset];
        let moments = dates.into_iter().flatten().filter_map(MaybeMoment::moment).chain([&self.announced]);
        let zone = if self.zone.is_empty() { stated_zone(moments).unwrap_or_default() } else { self.zone.clone() };
        v1::ReviseCredentialClassRequest {
            deprecate: self.deprecate.as_ref().map(MaybeMoment::message),
            creation_cutoff: self.cutoff.as_ref().map(MaybeMoment::message),
            sunset: self.sunset.as_ref().map(MaybeMoment::message),
            reason: self.reason,
            override_reason: HISTORY.to_owned(),
            announce_time: Some(timestamp(self.announced.instant)),
            zone,
            ..Default::default()
        }
    }
}
