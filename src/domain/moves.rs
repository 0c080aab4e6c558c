//! The legal moves of a lifecycle: one table, printed in full to a golden file by `tests/it/policies.rs`.

use chrono::{DateTime, Utc};
use devhub_decision::{Lifecycle, Maturity, Schedule, Stage};

/// What an operator may try to do with a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Raise the maturity.
    Promote(Maturity),
    /// Plan or begin the deprecation.
    Deprecate,
    /// Plan or begin the retirement.
    Retire,
    /// Change the dates of an end.
    Revise,
    /// Take back a planned or begun end.
    Withdraw,
    /// Bring back what is retired.
    Reinstate,
}

impl Verb {
    /// Every verb, for tables.
    pub const ALL: [Verb; 8] = [
        Verb::Promote(Maturity::Alpha),
        Verb::Promote(Maturity::Beta),
        Verb::Promote(Maturity::Stable),
        Verb::Deprecate,
        Verb::Retire,
        Verb::Revise,
        Verb::Withdraw,
        Verb::Reinstate,
    ];

    /// The verb as sentences use it.
    pub const fn name(self) -> &'static str {
        match self {
            Verb::Promote(Maturity::Alpha) => "promote to ALPHA",
            Verb::Promote(Maturity::Beta) => "promote to BETA",
            Verb::Promote(Maturity::Stable) => "promote to STABLE",
            Verb::Deprecate => "deprecate",
            Verb::Retire => "retire",
            Verb::Revise => "revise the dates of",
            Verb::Withdraw => "withdraw the end of",
            Verb::Reinstate => "reinstate",
        }
    }
}

/// Which end of a version is planned but not reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Planned {
    /// None.
    Nothing,
    /// Its deprecation, and perhaps its retirement.
    Deprecation,
    /// Its retirement only.
    Retirement,
}

impl Planned {
    /// All, for tables.
    pub const ALL: [Planned; 3] = [Planned::Nothing, Planned::Deprecation, Planned::Retirement];

    /// What is planned for `lifecycle` at `now`.
    pub fn of(lifecycle: &Lifecycle, now: DateTime<Utc>) -> Planned {
        match lifecycle.schedule {
            Schedule::Deprecation { deprecated_at, .. } if deprecated_at > now => Planned::Deprecation,
            Schedule::Deprecation { retires_at: Some(retires_at), .. } | Schedule::Retirement { retires_at }
                if retires_at > now =>
            {
                Planned::Retirement
            }
            Schedule::Open | Schedule::Deprecation { .. } | Schedule::Retirement { .. } => Planned::Nothing,
        }
    }
}

/// Whether a move is legal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// It is.
    Legal,
    /// Only with a recorded override reason; the text says what is overridden.
    WithOverride(&'static str),
    /// It is not; the text says what would be.
    Illegal(&'static str),
}

/// Whether `verb` is legal for a version in `stage` with `planned` ahead of it.
pub const fn legal(stage: Stage, planned: Planned, verb: Verb) -> Move {
    match (verb, stage, planned) {
        (Verb::Reinstate, Stage::Retired, _) => Move::Legal,
        (Verb::Reinstate, _, _) => Move::Illegal("it is not retired; revise or withdraw its end instead"),
        (_, Stage::Retired, _) => {
            Move::Illegal("a retired version stays retired; publish a new version, or reinstate this one with a reason")
        }
        (Verb::Revise | Verb::Withdraw, Stage::Deprecated, _)
        | (Verb::Revise | Verb::Withdraw, _, Planned::Deprecation | Planned::Retirement) => Move::Legal,
        (Verb::Revise | Verb::Withdraw, _, Planned::Nothing) => Move::Illegal("no end is planned; deprecate it first"),
        (Verb::Promote(_), Stage::Deprecated, _) => {
            Move::Illegal("a deprecated version is on its way out; publish a new version")
        }
        (Verb::Promote(_), _, Planned::Deprecation | Planned::Retirement) => {
            Move::Illegal("its end is planned already; publish a new version")
        }
        (Verb::Promote(Maturity::Beta | Maturity::Stable), Stage::Alpha, Planned::Nothing)
        | (Verb::Promote(Maturity::Stable), Stage::Beta, Planned::Nothing) => Move::Legal,
        (Verb::Promote(_), Stage::Alpha | Stage::Beta | Stage::Stable, Planned::Nothing) => {
            Move::Illegal("maturity only rises: ALPHA to BETA to STABLE")
        }
        (Verb::Deprecate, Stage::Alpha, _) => {
            Move::Illegal("an ALPHA version has no subscribers to protect; retire it instead")
        }
        (Verb::Deprecate, Stage::Deprecated, _) => {
            Move::Illegal("it is deprecated already; retire it when its time comes")
        }
        (Verb::Deprecate, Stage::Beta | Stage::Stable, Planned::Nothing) => Move::Legal,
        (Verb::Deprecate, Stage::Beta | Stage::Stable, Planned::Deprecation) => {
            Move::Illegal("its deprecation is planned already")
        }
        (Verb::Deprecate, Stage::Beta | Stage::Stable, Planned::Retirement) => {
            Move::Illegal("its retirement is planned already")
        }
        (Verb::Retire, Stage::Alpha | Stage::Deprecated, _) => Move::Legal,
        (Verb::Retire, Stage::Beta | Stage::Stable, Planned::Deprecation) => Move::Legal,
        (Verb::Retire, Stage::Beta | Stage::Stable, Planned::Nothing | Planned::Retirement) => {
            Move::WithOverride("deprecate it first, or give an override reason for an emergency retirement")
        }
    }
}
