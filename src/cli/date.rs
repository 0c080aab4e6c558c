//! Instants as people write them. An instant is unambiguous; a date is not, so a date must say its zone and its
//! boundary (rules B24, B25, B26). Nothing here guesses.

use std::fmt;
use std::str::FromStr;

use chrono::{
    DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat, TimeDelta, TimeZone, Timelike as _, Utc,
};
use chrono_tz::Tz;

/// An instant, and the words it was given in.
#[derive(Debug, Clone)]
pub struct Moment {
    /// The instant.
    pub instant: DateTime<Utc>,
    /// The date it was stated as, if it was not stated as an instant: both are shown, so that a reader can compare.
    pub stated: Option<ZonedDate>,
}

impl Moment {
    /// An instant stated as such.
    pub fn at(instant: DateTime<Utc>) -> Moment {
        Moment { instant, stated: None }
    }
}

/// Two moments are equal when the instants are, however they were stated.
impl PartialEq for Moment {
    fn eq(&self, other: &Moment) -> bool {
        self.instant == other.instant
    }
}

impl Eq for Moment {}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&instant_text(self.instant))?;
        match &self.stated {
            Some(stated) => write!(f, " ({stated})"),
            None => Ok(()),
        }
    }
}

/// The zone that all these moments are stated in, if there is one: that of the announcement, as far as it is known.
pub fn stated_zone<'m>(moments: impl IntoIterator<Item = &'m Moment>) -> Option<String> {
    let mut zones = moments.into_iter().map(|moment| moment.stated.map(|stated| stated.zone));
    let first = zones.next()??;
    zones.all(|zone| zone == Some(first)).then(|| first.name().to_owned())
}

/// RFC 3339 in UTC, with as many fractional digits as are needed.
pub fn instant_text(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// Which instant of a local day is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Boundary {
    /// The first instant of the day ("beginning 21 January").
    StartOfDay,
    /// The first instant after the day ("not after 31 July").
    EndOfDay,
    /// A time of the clock on the wall ("6 PM").
    At(NaiveTime),
}

impl FromStr for Boundary {
    type Err = DateError;

    fn from_str(text: &str) -> Result<Boundary, DateError> {
        match text {
            "start-of-day" => Ok(Boundary::StartOfDay),
            "end-of-day" => Ok(Boundary::EndOfDay),
            _ => ["%H:%M", "%H:%M:%S"]
                .into_iter()
                .find_map(|format| NaiveTime::parse_from_str(text, format).ok())
                // A leap second is no time of a clock on a wall: it would compare equal to no instant.
                .filter(|time| time.nanosecond() < 1_000_000_000)
                .map(Boundary::At)
                .ok_or_else(|| DateError::UnknownBoundary(text.to_owned())),
        }
    }
}

impl fmt::Display for Boundary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Boundary::StartOfDay => f.write_str("start-of-day"),
            Boundary::EndOfDay => f.write_str("end-of-day"),
            Boundary::At(time) => write!(f, "{}", time.format("%H:%M:%S")),
        }
    }
}

/// A date that says which instant it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ZonedDate {
    /// The local day.
    pub date: NaiveDate,
    /// Which instant of it.
    pub boundary: Boundary,
    /// Whose day.
    pub zone: Tz,
}

impl fmt::Display for ZonedDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.date, self.boundary, self.zone)
    }
}

/// Why a text is no instant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DateError {
    /// Neither an instant nor a date with boundary and zone.
    #[error(
        "`{0}` does not say which instant it means; write an instant such as 2024-07-31T23:00:00Z, or a date with \
         boundary and zone such as `2024-07-31 end-of-day Europe/London`"
    )]
    Ambiguous(String),
    /// Not a calendar day.
    #[error("`{0}` is not a day of the calendar; write year-month-day, for example 2024-07-31")]
    UnknownDay(String),
    /// Not a boundary.
    #[error(
        "`{0}` is not a boundary; write `start-of-day` (that day is included in what begins), `end-of-day` (that day \
         is the last one of what ends) or a local time such as 18:00"
    )]
    UnknownBoundary(String),
    /// Not a zone of the time zone database.
    #[error(
        "`{0}` is not a time zone; write its name in the time zone database, for example Europe/London or UTC, not an \
         abbreviation (PST in May would be the wrong hour)"
    )]
    UnknownZone(String),
    /// A calendar change removed the day.
    #[error("the day {date} does not exist in {zone}: the calendar was moved past it; choose a neighbouring day")]
    NoSuchDay {
        /// The day.
        date: NaiveDate,
        /// The zone.
        zone: Tz,
    },
    /// The clocks went forward past the time.
    #[error("{local} does not exist in {zone}: the clocks go forward past it; write the instant with its offset")]
    NoSuchTime {
        /// The local time.
        local: NaiveDateTime,
        /// The zone.
        zone: Tz,
    },
    /// The clocks went back through the time.
    #[error("{local} happens twice in {zone}, at {first} and at {second}; write the one you mean")]
    TwiceThatDay {
        /// The local time.
        local: NaiveDateTime,
        /// The zone.
        zone: Tz,
        /// The earlier instant.
        first: String,
        /// The later instant.
        second: String,
    },
    /// Out of the calendar's range.
    #[error("`{0}` lies outside the years 1 to 9999")]
    OutOfRange(String),
}

impl FromStr for Moment {
    type Err = DateError;

    fn from_str(text: &str) -> Result<Moment, DateError> {
        if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
            let instant = instant.with_timezone(&Utc);
            // A leap second has no place on a line of seconds; it would compare equal to nothing.
            if instant.timestamp_subsec_nanos() >= 1_000_000_000 {
                return Err(DateError::Ambiguous(text.to_owned()));
            }
            return Ok(Moment::at(instant));
        }
        match text.split_whitespace().collect::<Vec<_>>()[..] {
            [date, boundary, zone] => ZonedDate::parse(date, boundary, zone)?.moment(),
            _ => Err(DateError::Ambiguous(text.to_owned())),
        }
    }
}

impl ZonedDate {
    /// Parses the three parts.
    ///
    /// # Errors
    /// When a part is not understood.
    pub fn parse(date: &str, boundary: &str, zone: &str) -> Result<ZonedDate, DateError> {
        let day = NaiveDate::parse_from_str(date, "%Y-%m-%d").map_err(|_| DateError::UnknownDay(date.to_owned()))?;
        let range = NaiveDate::from_ymd_opt(1, 1, 2)..NaiveDate::from_ymd_opt(9999, 12, 30);
        if !range.contains(&Some(day)) {
            return Err(DateError::OutOfRange(date.to_owned()));
        }
        let boundary = boundary.parse()?;
        // The database also knows abbreviations such as EST, which are wrong for half of the year.
        let named = zone == "UTC" || zone.contains('/');
        let zone = zone.parse::<Tz>().ok().filter(|_| named).ok_or_else(|| DateError::UnknownZone(zone.to_owned()))?;
        Ok(ZonedDate { date: day, boundary, zone })
    }

    /// The instant that is meant, with its words.
    ///
    /// # Errors
    /// When the day or the time does not exist in the zone, or happens twice.
    pub fn moment(self) -> Result<Moment, DateError> {
        let instant = match self.boundary {
            Boundary::StartOfDay => self.start_of_day()?,
            Boundary::EndOfDay => self.end_of_day()?,
            Boundary::At(time) => self.at(self.date.and_time(time))?,
        };
        Ok(Moment { instant, stated: Some(self) })
    }

    fn at(&self, local: NaiveDateTime) -> Result<DateTime<Utc>, DateError> {
        match self.zone.from_local_datetime(&local) {
            chrono::LocalResult::Single(instant) => Ok(instant.with_timezone(&Utc)),
            chrono::LocalResult::None => Err(DateError::NoSuchTime { local, zone: self.zone }),
            chrono::LocalResult::Ambiguous(first, second) => Err(DateError::TwiceThatDay {
                local,
                zone: self.zone,
                first: first.to_rfc3339(),
                second: second.to_rfc3339(),
            }),
        }
    }

    /// The first instant whose local date is the day. Where the clocks go forward at midnight, the day begins later.
    fn start_of_day(&self) -> Result<DateTime<Utc>, DateError> {
        self.first_instants(self.date)
            .map(|(first, _)| first)
            .ok_or(DateError::NoSuchDay { date: self.date, zone: self.zone })
    }

    /// The first instant after the last one whose local date is the day. Where the clocks go back through midnight,
    /// the day comes back for a while, and ends only then.
    fn end_of_day(&self) -> Result<DateTime<Utc>, DateError> {
        self.start_of_day()?;
        // The following day may itself have been skipped; the day ends where the next existing one begins.
        let next = [1, 2].into_iter().filter_map(|days| self.date.checked_add_days(Days::new(days)));
        let (first, second) = next
            .filter_map(|next| self.first_instants(next))
            .next()
            .ok_or_else(|| DateError::OutOfRange(self.date.to_string()))?;
        let before = (second - TimeDelta::nanoseconds(1)).with_timezone(&self.zone).date_naive();
        Ok(if before == self.date { second } else { first })
    }

    /// The earlier and the later instant at which the clocks show the first local time that exists on `day`.
    fn first_instants(&self, day: NaiveDate) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        let midnight = day.and_time(NaiveTime::MIN);
        (0..86_400).find_map(|second| {
            let local = self.zone.from_local_datetime(&(midnight + TimeDelta::seconds(second)));
            let utc = |instant: DateTime<Tz>| instant.with_timezone(&Utc);
            Some((utc(local.earliest()?), utc(local.latest()?)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instant(text: &str) -> String {
        instant_text(text.parse::<Moment>().expect(text).instant)
    }

    fn sentence(text: &str) -> String {
        text.parse::<Moment>().expect_err(text).to_string()
    }

    #[test]
    fn instants_are_taken_as_they_are() {
        assert_eq!(instant("2024-07-31T23:00:00Z"), "2024-07-31T23:00:00Z");
        assert_eq!(instant("2024-08-01T00:00:00+01:00"), "2024-07-31T23:00:00Z");
        assert_eq!(instant("2024-08-01T00:00:00.250Z"), "2024-08-01T00:00:00.250Z");
    }

    #[test]
    fn b24_a_bare_date_is_refused() {
        for text in ["2024-07-31", "2024-07-31 Europe/London", "2024-07-31 end-of-day", "", "tomorrow"] {
            assert!(sentence(text).contains("does not say which instant it means"), "{text:?}");
        }
        assert!(sentence("2024-07-31T23:00:00").contains("does not say which instant"));
        assert!(sentence("07/31/2024 end-of-day Europe/London").contains("is not a day of the calendar"));
        assert!(sentence("31 July 2024").contains("is not a day of the calendar"));
        assert!(sentence("2024-02-30 end-of-day Europe/London").contains("is not a day of the calendar"));
        assert!(sentence("2024-07-31 midnight Europe/London").contains("is not a boundary"));
        assert!(sentence("2024-07-31 end-of-day Europe/Londres").contains("is not a time zone"));
    }

    #[test]
    fn b25_not_after_a_day_and_beginning_a_day_are_different_instants() {
        // "No longer allowed after July 31, 2022": the first forbidden instant is 1 August, 00:00 local.
        assert_eq!(instant("2022-07-31 end-of-day America/Los_Angeles"), "2022-08-01T07:00:00Z");
        assert_eq!(instant("2022-07-31 end-of-day Europe/London"), "2022-07-31T23:00:00Z");
        // "Beginning January 21, 2025, we will no longer allow": that day's first instant.
        assert_eq!(instant("2025-01-21 start-of-day America/Los_Angeles"), "2025-01-21T08:00:00Z");
    }

    #[test]
    fn b26_a_local_time_needs_a_true_zone() {
        assert_eq!(instant("2023-11-17 18:00 America/Los_Angeles"), "2023-11-18T02:00:00Z");
        for label in ["PST", "PT", "EST", "BST"] {
            assert!(sentence(&format!("2022-05-18 17:00 {label}")).contains("not an abbreviation"), "{label}");
        }
        let moment: Moment = "2023-11-17 18:00 America/Los_Angeles".parse().expect("a moment");
        assert_eq!(moment.to_string(), "2023-11-18T02:00:00Z (2023-11-17 18:00:00 America/Los_Angeles)");
    }

    #[test]
    fn a_time_in_a_gap_or_a_fold_is_refused() {
        assert!(sentence("2024-03-31 01:30 Europe/London").contains("does not exist in Europe/London"));
        let fold = sentence("2024-10-27 01:30 Europe/London");
        assert!(fold.contains("2024-10-27T01:30:00+01:00") && fold.contains("2024-10-27T01:30:00+00:00"), "{fold}");
    }

    #[test]
    fn a_day_without_midnight_begins_when_it_begins() {
        // Clocks went from 00:00 to 01:00 on 4 November 2018 in Sao Paulo.
        assert_eq!(instant("2018-11-04 start-of-day America/Sao_Paulo"), "2018-11-04T03:00:00Z");
        assert_eq!(instant("2018-11-03 end-of-day America/Sao_Paulo"), "2018-11-04T03:00:00Z");
    }

    #[test]
    fn a_day_with_two_midnights_begins_at_the_first() {
        // Clocks went from 01:00 back to 00:00 on 3 November 2024 in Havana.
        assert_eq!(instant("2024-11-03 start-of-day America/Havana"), "2024-11-03T04:00:00Z");
        assert_eq!(instant("2024-11-02 end-of-day America/Havana"), "2024-11-03T04:00:00Z");
    }

    #[test]
    fn a_day_that_comes_back_ends_after_its_return() {
        // Clocks went from 00:01 on 7 November 2010 back to 23:01 on the 6th in St. John's.
        assert_eq!(instant("2010-11-07 start-of-day America/St_Johns"), "2010-11-07T02:30:00Z");
        assert_eq!(instant("2010-11-06 end-of-day America/St_Johns"), "2010-11-07T03:30:00Z");
    }

    #[test]
    fn a_skipped_day_is_refused() {
        assert!(sentence("2011-12-30 start-of-day Pacific/Apia").contains("does not exist in Pacific/Apia"));
        assert_eq!(instant("2011-12-29 end-of-day Pacific/Apia"), instant("2011-12-31 start-of-day Pacific/Apia"));
    }
}
