//! The rules of dates: what a step makes of a timetable.

use chrono::{DateTime, Utc};
use devhub_decision::{Brownout, Lifecycle, Maturity, Schedule, Stage};

use super::announced::{Announced, Tense};
use super::demands::{check_notice, check_order, check_period, check_sunset};
use super::{LifecycleChange, NewDate, Step};
use crate::domain::ledger::RevisionKind;
use crate::domain::moves::{Move, Planned, Verb, legal};
use crate::domain::namespace::pending;
use crate::domain::policy::{Period, Policy};
use crate::domain::refusal::{Refusal, Violation};

/// Most brownouts of a target that have not ended.
const BROWNOUTS_MAX: usize = 50;

/// What a step changes, whatever it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Timetable {
    pub(super) lifecycle: Lifecycle,
    pub(super) brownouts: Vec<Brownout>,
}

/// What a step made of a timetable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Changed {
    pub(super) timetable: Timetable,
    pub(super) kind: RevisionKind,
    /// From when it has effect, if that is a date of its own.
    pub(super) effective_at: Option<DateTime<Utc>>,
    /// The brownout concerned.
    pub(super) brownout: Option<Brownout>,
}

pub(super) fn violation(field: &str, sentence: &str) -> Refusal {
    Refusal::InvalidFields(vec![Violation { field: field.to_owned(), sentence: sentence.to_owned() }])
}

/// Refuses an illegal move, and one that needs an override reason but has none.
fn check_move(lifecycle: &Lifecycle, now: DateTime<Utc>, verb: Verb, override_reason: &str) -> Result<(), Refusal> {
    let from = lifecycle.stage(now);
    match legal(from, Planned::of(lifecycle, now), verb) {
        Move::Legal => Ok(()),
        Move::WithOverride(_) if !override_reason.is_empty() => Ok(()),
        Move::WithOverride(hint) | Move::Illegal(hint) => Err(Refusal::IllegalMove { verb: verb.name(), from, hint }),
    }
}

/// Now, or the given instant if it is not in the past.
fn not_past(field: &'static str, given: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Result<DateTime<Utc>, Refusal> {
    match given {
        Some(given) if given < now => Err(Refusal::InstantInPast { field, given }),
        Some(given) => Ok(given),
        None => Ok(now),
    }
}

/// One judgement of dates.
pub(super) struct Judge<'j> {
    pub(super) policy: &'j Policy,
    pub(super) change: &'j LifecycleChange,
    pub(super) now: DateTime<Utc>,
    pub(super) announced: Announced,
    /// It names another successor than is named already, which is a revision by itself.
    pub(super) renames: bool,
}

impl Judge<'_> {
    /// What the step of the change makes of `old`.
    pub(super) fn apply(&self, old: &Timetable) -> Result<Changed, Refusal> {
        let lifecycle = old.lifecycle;
        let (schedule, kind, effective_at) = match &self.change.step {
            Step::Promote { maturity, .. } => return self.promote(old, *maturity),
            Step::ScheduleBrownout(window) => return self.schedule_brownout(old, *window),
            Step::CancelBrownout { from } => return self.cancel_brownout(old, *from),
            Step::Deprecate { deprecated_at, sunset_begins_at, retires_at } => {
                check_move(&lifecycle, self.now, Verb::Deprecate, "")?;
                let deprecated_at = self.not_past("deprecate_time", *deprecated_at)?;
                self.check_notice(self.policy.guards.notice.of(lifecycle.maturity), deprecated_at)?;
                let schedule = self.deprecation(&lifecycle, deprecated_at, *sunset_begins_at, *retires_at)?;
                (schedule, RevisionKind::Deprecated, Some(deprecated_at))
            }
            Step::Revise { deprecated, sunset_begins, retires } => {
                check_move(&lifecycle, self.now, Verb::Revise, "")?;
                let schedule = self.revise(&lifecycle, *deprecated, *sunset_begins, *retires)?;
                if schedule == lifecycle.schedule && !self.renames {
                    return Err(Refusal::NothingToDo(
                        "these are the dates and the successor already; name at least one other",
                    ));
                }
                (schedule, RevisionKind::Revised, None)
            }
            Step::Retire { retires_at } => {
                check_move(&lifecycle, self.now, Verb::Retire, &self.change.override_reason)?;
                let retires_at = self.not_past("retire_time", *retires_at)?;
                (self.retire(&lifecycle, retires_at)?, RevisionKind::Retired, Some(retires_at))
            }
            Step::Withdraw => {
                check_move(&lifecycle, self.now, Verb::Withdraw, "")?;
                (Schedule::Open, RevisionKind::Withdrawn, None)
            }
            Step::Reinstate { retires } => {
                check_move(&lifecycle, self.now, Verb::Reinstate, "")?;
                (self.reinstate(&lifecycle, *retires)?, RevisionKind::Reinstated, None)
            }
        };
        // A brownout belongs to the deprecation that it was planned in, wherever the dates of that go.
        let brownouts = match schedule {
            Schedule::Open | Schedule::Retirement { .. } => Vec::new(),
            Schedule::Deprecation { .. } if kind == RevisionKind::Reinstated => Vec::new(),
            Schedule::Deprecation { deprecated_at, retires_at, .. } => {
                let mut brownouts = pending(&old.brownouts, self.now);
                let ahead = |from: DateTime<Utc>| retires_at.is_none_or(|retires_at| from < retires_at);
                brownouts.retain(|window| deprecated_at <= window.from && ahead(window.from));
                brownouts
            }
        };
        let timetable = Timetable { lifecycle: Lifecycle { schedule, ..lifecycle }, brownouts };
        Ok(Changed { timetable, kind, effective_at, brownout: None })
    }

    fn promote(&self, old: &Timetable, maturity: Maturity) -> Result<Changed, Refusal> {
        check_move(&old.lifecycle, self.now, Verb::Promote(maturity), "")?;
        if !self.policy.stages.contains_key(&maturity.stage()) {
            return Err(Refusal::StageNotInPolicy { policy: self.policy.name.clone(), stage: maturity.stage() });
        }
        let lifecycle = Lifecycle { maturity, ..old.lifecycle };
        let timetable = Timetable { lifecycle, brownouts: old.brownouts.clone() };
        Ok(Changed { timetable, kind: RevisionKind::Promoted, effective_at: None, brownout: None })
    }

    /// Now, or the given instant if it is not in the past, or may be there.
    fn not_past(&self, field: &'static str, given: Option<DateTime<Utc>>) -> Result<DateTime<Utc>, Refusal> {
        match (self.announced.tense, given) {
            (Tense::AsItWas, Some(given)) => Ok(given),
            (Tense::AsItWas | Tense::Ahead, given) => not_past(field, given, self.now),
        }
    }

    fn check_notice(&self, notice: Period, date: DateTime<Utc>) -> Result<(), Refusal> {
        let override_reason = &self.change.override_reason;
        check_notice(self.policy, notice, self.announced.counts_from, date, self.now, override_reason)
    }

    /// A date that comes sooner than was promised (`None`: no date was) needs the policy's notice.
    fn check_sooner(&self, promised: Option<DateTime<Utc>>, date: DateTime<Utc>) -> Result<(), Refusal> {
        if promised.is_some_and(|promised| date >= promised) {
            return Ok(());
        }
        self.check_notice(self.policy.guards.earlier_notice, date)
    }

    /// A deprecation with these dates, in place of what `old` has.
    fn deprecation(
        &self,
        old: &Lifecycle,
        deprecated_at: DateTime<Utc>,
        sunset_begins_at: Option<DateTime<Utc>>,
        retires_at: Option<DateTime<Utc>>,
    ) -> Result<Schedule, Refusal> {
        let override_reason = &self.change.override_reason;
        check_sunset(deprecated_at, sunset_begins_at, retires_at)?;
        if let Some(retires_at) = retires_at {
            check_order(deprecated_at, retires_at, override_reason)?;
            self.not_past("retire_time", Some(retires_at))?;
        }
        if let Some(ends_at) = sunset_begins_at.or(retires_at) {
            check_order(deprecated_at, ends_at, override_reason)?;
            // Where the period was too short already, by an override, more of it is free.
            let was = old.schedule.deprecated_at().zip(old.schedule.sunset_at());
            if was.is_none_or(|(began_at, ended_at)| deprecated_at > began_at || ends_at < ended_at) {
                // Whatever was promised elsewhere: who calls it here learns of it with the commit.
                let begins_at = match self.announced.tense {
                    Tense::Ahead => deprecated_at,
                    Tense::AsItWas => deprecated_at.max(self.now),
                };
                check_period(self.policy, old.maturity, begins_at, ends_at, self.now, override_reason)?;
            }
        }
        Ok(match retires_at {
            Some(retires_at) if retires_at <= deprecated_at => Schedule::Retirement { retires_at },
            retires_at => Schedule::Deprecation { deprecated_at, sunset_begins_at, retires_at },
        })
    }

    fn revise(
        &self,
        lifecycle: &Lifecycle,
        deprecated: NewDate,
        sunset_begins: NewDate,
        retires: NewDate,
    ) -> Result<Schedule, Refusal> {
        let old = lifecycle.schedule;
        match old {
            Schedule::Open => Ok(Schedule::Open),
            Schedule::Retirement { retires_at } => {
                if (deprecated, sunset_begins) != (NewDate::Keep, NewDate::Keep) {
                    return Err(violation(
                        "revise",
                        "only retire can change: this is a retirement without a deprecation",
                    ));
                }
                match retires {
                    NewDate::Keep => Ok(old),
                    NewDate::ToBeAnnounced => Err(violation(
                        "revise.retire",
                        "a retirement without a deprecation has a date; withdraw it instead",
                    )),
                    NewDate::At(date) => {
                        let date = not_past("retire_time", Some(date), self.now)?;
                        self.check_sooner(Some(retires_at), date)?;
                        Ok(Schedule::Retirement { retires_at: date })
                    }
                }
            }
            Schedule::Deprecation { deprecated_at, sunset_begins_at, retires_at } => {
                let new_deprecated_at = self.revise_deprecation(lifecycle.maturity, deprecated_at, deprecated)?;
                let new_sunset = match sunset_begins {
                    NewDate::Keep => sunset_begins_at,
                    NewDate::ToBeAnnounced => None,
                    NewDate::At(date) => Some(not_past("sunset_begin_time", Some(date), self.now)?),
                };
                let new_retires_at = match retires {
                    NewDate::Keep => retires_at,
                    NewDate::ToBeAnnounced => None,
                    NewDate::At(date) => Some(not_past("retire_time", Some(date), self.now)?),
                };
                let new = self.deprecation(lifecycle, new_deprecated_at, new_sunset, new_retires_at)?;
                // What was promised is the instant from which callers may be turned away.
                if let Some(date) = new.sunset_at()
                    && new.sunset_at() != old.sunset_at()
                {
                    self.check_sooner(old.sunset_at(), date)?;
                }
                if let Some(date) = new.retires_at()
                    && new.retires_at() != old.retires_at()
                {
                    self.check_sooner(old.retires_at(), date)?;
                }
                Ok(new)
            }
        }
    }

    fn revise_deprecation(
        &self,
        maturity: Maturity,
        old: DateTime<Utc>,
        new: NewDate,
    ) -> Result<DateTime<Utc>, Refusal> {
        let NewDate::At(date) = new else {
            return match new {
                NewDate::ToBeAnnounced => {
                    Err(violation("revise.deprecate", "a deprecation has a date; withdraw it until there is a new one"))
                }
                NewDate::Keep | NewDate::At(_) => Ok(old),
            };
        };
        if old <= self.now && date != old {
            return Err(violation(
                "revise.deprecate",
                "it is deprecated already, so its date stays; withdraw it instead",
            ));
        }
        let date = not_past("deprecate_time", Some(date), self.now)?;
        if date < old {
            self.check_notice(self.policy.guards.notice.of(maturity), date)?;
            self.check_sooner(Some(old), date)?;
        }
        Ok(date)
    }

    fn retire(&self, lifecycle: &Lifecycle, retires_at: DateTime<Utc>) -> Result<Schedule, Refusal> {
        match lifecycle.schedule {
            Schedule::Deprecation { deprecated_at, sunset_begins_at, retires_at: planned } => {
                // A sunset that would begin at or after the end is none.
                let sunset_begins_at = sunset_begins_at.filter(|begins_at| *begins_at < retires_at);
                let schedule = self.deprecation(lifecycle, deprecated_at, sunset_begins_at, Some(retires_at))?;
                self.check_sooner(planned, retires_at)?;
                Ok(schedule)
            }
            Schedule::Retirement { retires_at: planned } => {
                self.check_sooner(Some(planned), retires_at)?;
                Ok(Schedule::Retirement { retires_at })
            }
            Schedule::Open => Ok(Schedule::Retirement { retires_at }),
        }
    }

    fn reinstate(&self, lifecycle: &Lifecycle, retires: NewDate) -> Result<Schedule, Refusal> {
        if self.change.reason.is_empty() {
            return Err(violation(
                "reason",
                "is needed to bring back what is retired; say why, for those who moved away",
            ));
        }
        let next = match retires {
            NewDate::Keep | NewDate::ToBeAnnounced => None,
            NewDate::At(date) if date <= self.now => {
                return Err(Refusal::InstantInPast { field: "retire_time", given: date });
            }
            NewDate::At(date) => Some(date),
        };
        Ok(match (lifecycle.schedule, next) {
            // Deprecated as it was before; a gradual sunset belonged to the end that is undone.
            (Schedule::Deprecation { deprecated_at, .. }, next) => {
                Schedule::Deprecation { deprecated_at, sunset_begins_at: None, retires_at: next }
            }
            (Schedule::Open | Schedule::Retirement { .. }, Some(retires_at)) => Schedule::Retirement { retires_at },
            (Schedule::Open | Schedule::Retirement { .. }, None) => Schedule::Open,
        })
    }

    fn schedule_brownout(&self, old: &Timetable, window: Brownout) -> Result<Changed, Refusal> {
        let refuse = |why: String| Err(Refusal::BrownoutRefused(why));
        not_past("start_time", Some(window.from), self.now)?;
        if window.until <= window.from {
            return refuse("end_time must be later than start_time".to_owned());
        }
        let Schedule::Deprecation { deprecated_at, sunset_begins_at, retires_at } = old.lifecycle.schedule else {
            return refuse("there is no deprecation; a brownout warns of a retirement, so deprecate first".to_owned());
        };
        if old.lifecycle.stage(self.now) == Stage::Retired {
            return refuse("it is retired; every call is denied already".to_owned());
        }
        if window.from < deprecated_at || retires_at.is_some_and(|retires_at| window.until > retires_at) {
            return refuse("a brownout lies between deprecate_time and retire_time; choose other instants".to_owned());
        }
        let longest = self.policy.guards.brownout_max();
        let gradual = sunset_begins_at.is_some_and(|begins_at| window.from >= begins_at);
        if window.until - window.from > longest && !gradual && self.change.override_reason.is_empty() {
            return refuse(format!(
                "a brownout lasts at most {} hours by policy {}; choose an earlier end_time, or give an override reason",
                longest.num_hours(),
                self.policy.name
            ));
        }
        let mut brownouts = pending(&old.brownouts, self.now);
        if brownouts.len() >= BROWNOUTS_MAX {
            return Err(Refusal::LimitReached { what: "brownouts that have not ended", limit: BROWNOUTS_MAX });
        }
        if brownouts.iter().any(|known| known.from < window.until && window.from < known.until) {
            return refuse("it overlaps with a brownout that is planned already; cancel that one first".to_owned());
        }
        brownouts.push(window);
        brownouts.sort_unstable_by_key(|window| window.from);
        Ok(Changed {
            timetable: Timetable { lifecycle: old.lifecycle, brownouts },
            kind: RevisionKind::BrownoutScheduled,
            effective_at: Some(window.from),
            brownout: Some(window),
        })
    }

    fn cancel_brownout(&self, old: &Timetable, from: DateTime<Utc>) -> Result<Changed, Refusal> {
        let mut brownouts = pending(&old.brownouts, self.now);
        let Some(position) = brownouts.iter().position(|window| window.from == from) else {
            return Err(Refusal::BrownoutRefused(
                "no brownout that has not ended begins at start_time; read the schedule to see which there are"
                    .to_owned(),
            ));
        };
        let window = brownouts.remove(position);
        Ok(Changed {
            timetable: Timetable { lifecycle: old.lifecycle, brownouts },
            kind: RevisionKind::BrownoutCancelled,
            effective_at: None,
            brownout: Some(window),
        })
    }
}
