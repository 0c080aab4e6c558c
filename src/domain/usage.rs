//! Usage: how often, and when last, an application called a version that it is subscribed to.
//!
//! Days are days of UTC, and an effect holds from its first instant on: a call at 00:00 belongs to the day that begins.
//! Usage helps people to see who is affected by a retirement. It decides nothing.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use devhub_decision::Environment;

use super::installation::{Installation, Interval};
use super::name::{ApplicationId, ClientId, CompanyId, VersionName};
use super::subscription::Subscription;
use super::version::Version;

/// Days of which the calls are known: two months, so that the job of the first of the month is never called idle.
pub const DAYS_KEPT: u32 = 63;

/// Days in which calls are counted for [`Class::Daily`], and in figures for people.
pub const RECENT_DAYS: u32 = 28;

/// Most calls of one report.
pub const REPORTED_CALLS_MAX: u64 = 1_000_000_000;

/// Days with calls, of the recent ones, that make a caller daily: every working day.
const DAILY_DAYS_MIN: usize = 20;

/// Days of a week.
const WEEK_DAYS: u32 = 7;

/// Weeks with calls, of the recent four, that make a caller weekly.
const WEEKLY_WEEKS_MIN: usize = 3;

const DAY_SECONDS: i64 = 86_400;
const HOUR_SECONDS: i64 = 3_600;

/// A day of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(u32);

impl Day {
    /// The day of an instant; the first of January 1970 for earlier ones.
    pub fn of(instant: DateTime<Utc>) -> Day {
        Day(u32::try_from((instant.timestamp() / DAY_SECONDS).max(0)).unwrap_or(u32::MAX))
    }

    /// The day with this number, counted from the first of January 1970.
    pub const fn from_number(number: u32) -> Day {
        Day(number)
    }

    /// Its number.
    pub const fn number(self) -> u32 {
        self.0
    }

    /// Its first instant.
    pub fn start(self) -> DateTime<Utc> {
        DateTime::from_timestamp(i64::from(self.0) * DAY_SECONDS, 0).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// Whole days from its beginning to the beginning of `today`: 0 for today, and for a day that a clock which was set
    /// back since has seen.
    fn age(self, today: Day) -> u32 {
        today.0.saturating_sub(self.0)
    }
}

/// The beginning of the hour of an instant: all that is kept of a call's time.
pub fn hour(instant: DateTime<Utc>) -> DateTime<Utc> {
    let seconds = instant.timestamp();
    DateTime::from_timestamp(seconds - seconds.rem_euclid(HOUR_SECONDS), 0).unwrap_or(instant)
}

/// What is known of the calls of one subscription.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    calls: BTreeMap<Day, u64>,
    last_call: Option<DateTime<Utc>>,
}

impl Usage {
    /// Usage of these daily counts, last called in the hour of `last_call`.
    pub fn new(calls: impl IntoIterator<Item = (Day, u64)>, last_call: Option<DateTime<Utc>>) -> Usage {
        Usage { calls: calls.into_iter().collect(), last_call: last_call.map(hour) }
    }

    /// Adds what another source counted.
    pub fn add(&mut self, other: &Usage) {
        for (day, calls) in &other.calls {
            let sum = self.calls.entry(*day).or_default();
            *sum = sum.saturating_add(*calls);
        }
        self.last_call = self.last_call.max(other.last_call);
    }

    /// Forgets the counts of days that are not kept any more. The hour of the last call stays.
    pub fn forget_old(&mut self, now: DateTime<Utc>) {
        let today = Day::of(now);
        self.calls.retain(|day, _| day.age(today) < DAYS_KEPT);
    }

    /// The hour of the last call, by its beginning.
    pub fn last_call(&self) -> Option<DateTime<Utc>> {
        self.last_call
    }

    /// Calls by day, oldest first; days without any are left out.
    pub fn daily(&self) -> impl Iterator<Item = (Day, u64)> + '_ {
        self.calls.iter().map(|(day, calls)| (*day, *calls))
    }

    /// Calls of the last `days` days, today included.
    pub fn calls_in(&self, days: u32, now: DateTime<Utc>) -> u64 {
        let today = Day::of(now);
        let recent = self.calls.iter().filter(|(day, _)| day.age(today) < days);
        recent.fold(0, |sum, (_, calls)| sum.saturating_add(*calls))
    }
}

/// How regularly an application calls a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// On at least 20 of the last 28 days.
    Daily,
    /// In at least 3 of the last 4 weeks.
    Weekly,
    /// At some time in the last 63 days.
    Monthly,
    /// Once, but not in the last 63 days.
    Idle,
    /// Never, as far as is known.
    Never,
}

impl Class {
    /// All classes, the most regular first.
    pub const ALL: [Class; 5] = [Class::Daily, Class::Weekly, Class::Monthly, Class::Idle, Class::Never];
}

/// How regularly a version is called, as of `now`. Windows of days end with today and include it.
pub fn class(usage: &Usage, now: DateTime<Utc>) -> Class {
    let today = Day::of(now);
    let ages = || usage.calls.iter().filter(|(_, calls)| **calls > 0).map(|(day, _)| day.age(today));
    let recent = ages().filter(|age| *age < RECENT_DAYS);
    let week_called = |week: u32| ages().any(|age| age / WEEK_DAYS == week);
    let weeks = (0..RECENT_DAYS / WEEK_DAYS).filter(|week| week_called(*week)).count();
    if recent.count() >= DAILY_DAYS_MIN {
        Class::Daily
    } else if weeks >= WEEKLY_WEEKS_MIN {
        Class::Weekly
    } else if ages().any(|age| age < DAYS_KEPT) {
        Class::Monthly
    } else if usage.last_call.is_some() {
        Class::Idle
    } else {
        Class::Never
    }
}

/// Calls that a gateway let pass by itself, with an answer that it had kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Who called.
    pub client_id: ClientId,
    /// What was called.
    pub version: VersionName,
    /// Where.
    pub environment: Environment,
    /// How often.
    pub calls: u64,
    /// When last; all the calls are counted on the day of this instant.
    pub last_call: DateTime<Utc>,
    /// In which company, if the gateway wants its first use there to be known.
    pub company: Option<CompanyId>,
}

/// What is known of a report: the records that it is judged against.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known<'r> {
    /// The application that bears the client id.
    pub bearer: Option<&'r ApplicationId>,
    /// That application's latest subscription to the version. An ended one counts too: the calls were made before the
    /// report.
    pub subscription: Option<&'r Subscription>,
    /// The version, if the report names a company.
    pub version: Option<&'r Version>,
    /// The application in that company.
    pub installation: Option<&'r Installation>,
}

/// Why a report is not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// No application has the client id.
    #[error("client_id: no application has it; report calls of registered applications only")]
    UnknownClient,
    /// The application never subscribed to the version.
    #[error("version: the application has no subscription to it in this environment; report calls of subscribers only")]
    NoSubscription,
    /// The number of calls is out of range.
    #[error("calls: must be from 1 to {REPORTED_CALLS_MAX}; leave out what was not called, split what is more")]
    Calls,
    /// The last call lies in the future.
    #[error("last_call_time: lies in the future; the beginning of the hour is enough, and never does")]
    Future,
    /// The last call lies too far back.
    #[error("last_call_time: lies {DAYS_KEPT} days back or more, where nothing is counted any more; leave it out")]
    TooOld,
    /// The calls are about no company.
    #[error("company_id: calls to this version are about no company, it is not company-scoped; leave the company out")]
    NotCompanyScoped,
    /// The application was not installed in the company.
    #[error(
        "company_id: the application was not installed there in the hour of last_call_time; name the company of the calls, \
         or leave it out"
    )]
    NotInstalled,
    /// As many subscriptions as may be held in memory have calls already.
    #[error("usage_entries_max subscriptions have calls that are not written yet; report it again in a minute")]
    NoRoom,
}

/// Whether an application was installed at some instant of the hour that `at` lies in: gateways may tell hours only.
fn was_installed_in_hour(installation: &Installation, at: DateTime<Utc>) -> bool {
    let from = hour(at);
    let until = from + TimeDelta::seconds(HOUR_SECONDS);
    let meets = |time: &Interval| time.from < until && time.until.is_none_or(|ended| from < ended);
    installation.intervals.iter().any(meets)
}

/// Judges a report.
///
/// # Errors
/// When it is not to be counted.
pub fn judge(report: &Report, known: &Known<'_>, now: DateTime<Utc>) -> Result<(), Unusable> {
    if known.bearer.is_none() {
        return Err(Unusable::UnknownClient);
    }
    if known.subscription.is_none_or(|subscription| subscription.environment != report.environment) {
        return Err(Unusable::NoSubscription);
    }
    if !(1..=REPORTED_CALLS_MAX).contains(&report.calls) {
        return Err(Unusable::Calls);
    }
    if report.last_call > now {
        return Err(Unusable::Future);
    }
    if Day::of(report.last_call).age(Day::of(now)) >= DAYS_KEPT {
        return Err(Unusable::TooOld);
    }
    if report.company.is_some() {
        if !known.version.is_some_and(|version| version.company_scoped) {
            return Err(Unusable::NotCompanyScoped);
        }
        if !known.installation.is_some_and(|installation| was_installed_in_hour(installation, report.last_call)) {
            return Err(Unusable::NotInstalled);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-03-31T15:30:00Z".parse().expect("an instant")
    }

    /// Usage with one call on each of the days so many days ago.
    fn called(days_ago: impl IntoIterator<Item = u32>) -> Usage {
        let today = Day::of(now());
        let days: Vec<Day> = days_ago.into_iter().map(|ago| Day(today.0 - ago)).collect();
        let last = days.iter().max().map(|day| day.start());
        Usage::new(days.into_iter().map(|day| (day, 1)), last)
    }

    #[test]
    fn classes_are_what_people_would_say() {
        let table: [(&str, Vec<u32>, Class); 16] = [
            ("every day", (0..63).collect(), Class::Daily),
            ("every working day", (0..28).filter(|ago| ago % 7 < 5).collect(), Class::Daily),
            ("20 of 28 days", (8..28).collect(), Class::Daily),
            ("19 of 28 days", (9..28).collect(), Class::Weekly),
            ("20 days, one of them 28 days ago", (9..29).collect(), Class::Weekly),
            ("every Monday", vec![1, 8, 15, 22, 29], Class::Weekly),
            ("every Monday, one left out", vec![1, 15, 22], Class::Weekly),
            ("three weeks, at their edges", vec![6, 7, 20], Class::Weekly),
            ("two weeks", vec![6, 7, 13], Class::Monthly),
            ("two weeks, and one before the last four", vec![6, 7, 28], Class::Monthly),
            ("the first of each month", vec![30, 58], Class::Monthly),
            ("today, for the first time", vec![0], Class::Monthly),
            ("62 days ago", vec![62], Class::Monthly),
            ("63 days ago", vec![63], Class::Idle),
            ("every day until 63 days ago", (63..90).collect(), Class::Idle),
            ("never", vec![], Class::Never),
        ];
        for (who, days_ago, expected) in table {
            assert_eq!(class(&called(days_ago), now()), expected, "{who}");
        }
    }

    #[test]
    fn a_day_ends_on_the_millisecond() {
        let call: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().expect("an instant");
        let usage = Usage::new([(Day::of(call), 1)], Some(call));
        let (ms, idle_at) = (TimeDelta::milliseconds(1), call + TimeDelta::days(63));
        assert_eq!(class(&usage, idle_at - ms), Class::Monthly);
        assert_eq!(class(&usage, idle_at), Class::Idle);
        assert_eq!(class(&usage, idle_at + ms), Class::Idle);
        assert_ne!(Day::of(call - ms), Day::of(call));
        assert_eq!(Day::of(call + ms), Day::of(call));
        // However late on its day the call came: days count, not hours.
        let late = Usage::new([(Day::of(call), 1)], Some(call + TimeDelta::days(1) - ms));
        assert_eq!(class(&late, idle_at), Class::Idle);
        assert_eq!((usage.calls_in(63, idle_at - ms), usage.calls_in(63, idle_at)), (1, 0));
    }

    #[test]
    fn what_is_forgotten_was_idle_already() {
        let mut usage = called([62, 63, 64]);
        usage.forget_old(now());
        assert_eq!(usage.daily().count(), 1);
        let mut idle = called([63]);
        idle.forget_old(now());
        assert_eq!((idle.daily().count(), class(&idle, now())), (0, Class::Idle), "idle is not never");
    }

    #[test]
    fn sources_add_up_without_running_over() {
        let mut usage = called([0, 1]);
        usage.add(&Usage::new([(Day::of(now()), u64::MAX)], Some(now())));
        assert_eq!(usage.daily().map(|(_, calls)| calls).collect::<Vec<_>>(), [1, u64::MAX]);
        assert_eq!(usage.calls_in(RECENT_DAYS, now()), u64::MAX);
        assert_eq!(usage.last_call(), Some("2026-03-31T15:00:00Z".parse().expect("an instant")));
    }

    #[test]
    fn a_clock_that_was_set_back_sees_calls_as_of_today() {
        let usage = called([0]);
        let earlier = now() - TimeDelta::days(5);
        assert_eq!((class(&usage, earlier), usage.calls_in(1, earlier)), (Class::Monthly, 1));
    }

    #[test]
    fn reports_are_judged_to_the_millisecond() {
        let subscription = Subscription {
            id: "s".parse().expect("valid"),
            application: "app".parse().expect("valid"),
            client_id: "client-app".parse().expect("valid"),
            version: VersionName { context: "losses".parse().expect("valid"), label: "1.0".parse().expect("valid") },
            environment: Environment::Sandbox,
            since: now(),
            subscribed_by: String::new(),
            waiver: None,
            ended: None,
            moved: None,
            field_values: BTreeMap::new(),
        };
        let report = Report {
            client_id: subscription.client_id.clone(),
            version: subscription.version.clone(),
            environment: Environment::Sandbox,
            calls: 1,
            last_call: now(),
            company: None,
        };
        let bearer = Known { bearer: Some(&subscription.application), ..Known::default() };
        let known = Known { subscription: Some(&subscription), ..bearer };
        let verdict = |report: &Report| judge(report, &known, now());
        assert_eq!(verdict(&report), Ok(()));
        let ms = TimeDelta::milliseconds(1);
        let oldest = Day(Day::of(now()).0 - 62).start();
        for (last_call, expected) in [
            (now() - ms, Ok(())),
            (now() + ms, Err(Unusable::Future)),
            (oldest - ms, Err(Unusable::TooOld)),
            (oldest, Ok(())),
            (oldest + ms, Ok(())),
        ] {
            assert_eq!(verdict(&Report { last_call, ..report.clone() }), expected, "{last_call}");
        }
        for (calls, expected) in
            [(0, Err(Unusable::Calls)), (REPORTED_CALLS_MAX, Ok(())), (REPORTED_CALLS_MAX + 1, Err(Unusable::Calls))]
        {
            assert_eq!(verdict(&Report { calls, ..report.clone() }), expected, "{calls}");
        }
        let elsewhere = Report { environment: Environment::Production, ..report.clone() };
        assert_eq!(verdict(&elsewhere), Err(Unusable::NoSubscription));
        assert_eq!(judge(&report, &Known::default(), now()), Err(Unusable::UnknownClient));
        assert_eq!(judge(&report, &bearer, now()), Err(Unusable::NoSubscription));
    }
}
