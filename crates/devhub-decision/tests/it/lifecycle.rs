//! Two schedules that both apply, against the stages that each would give alone.

use chrono::{DateTime, TimeDelta, Utc};
use devhub_decision::{Lifecycle, Maturity, Schedule, Stage};
use proptest::prelude::*;

use crate::given::{self, MS, d, r};

fn any_instant() -> impl Strategy<Value = DateTime<Utc>> {
    (0_i64..12).prop_map(|days| d() + TimeDelta::days(days))
}

/// Schedules whose dates are in their order, some of them equal.
fn any_schedule() -> impl Strategy<Value = Schedule> {
    let deprecation = (any_instant(), prop::option::of(0_i64..6), prop::option::of(0_i64..6));
    prop_oneof![
        Just(Schedule::Open),
        any_instant().prop_map(|retires_at| Schedule::Retirement { retires_at }),
        deprecation.prop_map(|(deprecated_at, sunset, retired)| {
            let sunset_begins_at = sunset.map(|days| deprecated_at + TimeDelta::days(days));
            let earliest = sunset_begins_at.unwrap_or(deprecated_at);
            let retires_at = retired.map(|days| earliest + TimeDelta::days(days));
            Schedule::Deprecation { deprecated_at, sunset_begins_at, retires_at }
        }),
    ]
}

fn stage(schedule: Schedule, now: DateTime<Utc>) -> Stage {
    Lifecycle { maturity: Maturity::Stable, schedule }.stage(now)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn b23_under_another_schedule_the_stage_is_the_later_of_both(
        inner in any_schedule(),
        outer in any_schedule(),
        day in -1_i64..30,
        ms in -1_i32..=1,
    ) {
        let now = d() + TimeDelta::days(day) + MS * ms;
        let both = inner.under(outer);
        prop_assert_eq!(stage(both, now), stage(inner, now).max(stage(outer, now)));
        prop_assert_eq!(both, outer.under(inner));
        prop_assert_eq!(inner.under(inner), inner);
        prop_assert_eq!(both.under(outer), both);
        prop_assert_eq!((inner.under(Schedule::Open), Schedule::Open.under(inner)), (inner, inner));
    }

    #[test]
    fn b62_under_another_schedule_the_sunset_is_the_earlier_of_both(inner in any_schedule(), outer in any_schedule()) {
        let both = inner.under(outer);
        prop_assert_eq!(both.sunset_at(), inner.sunset_at().into_iter().chain(outer.sunset_at()).min());
        if let Schedule::Deprecation { deprecated_at, sunset_begins_at, retires_at } = both {
            prop_assert!(sunset_begins_at.is_none_or(|date| deprecated_at <= date));
            prop_assert!(retires_at.is_none_or(|retires_at| sunset_begins_at.is_none_or(|date| date <= retires_at)));
        }
    }
}

#[test]
fn b23_a_deprecation_that_the_other_retirement_overtakes_is_left_out() {
    let retirement = Schedule::Retirement { retires_at: d() };
    assert_eq!(given::deprecation().under(retirement), retirement);
    let later = Schedule::Retirement { retires_at: d() + MS };
    let deprecation = Schedule::Deprecation { deprecated_at: d(), sunset_begins_at: None, retires_at: Some(d() + MS) };
    assert_eq!(given::deprecation().under(later), deprecation);
}

#[test]
fn b62_the_sunset_begins_gradually_or_is_the_retirement() {
    let gradual =
        |sunset_begins_at, retires_at| Schedule::Deprecation { deprecated_at: d(), sunset_begins_at, retires_at };
    let s = given::date("S");
    assert_eq!(gradual(Some(s), Some(r())).sunset_at(), Some(s));
    assert_eq!(gradual(Some(s), None).sunset_at(), Some(s));
    assert_eq!(gradual(None, Some(r())).sunset_at(), Some(r()));
    assert_eq!(gradual(None, None).sunset_at(), None);
    // The stage takes no notice of it.
    assert_eq!(stage(gradual(Some(s), Some(r())), r() - MS), Stage::Deprecated);
}
