//! The planned or begun end of a version, an operation or a namespace: file against hub. The lifecycle has verbs, not
//! fields: a difference is turned into the verbs that would bring it about, and the hub judges them.

use serde::Serialize;

use super::plan::Change;
use crate::cli::date::Moment;

/// The dates of an end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dates<'a> {
    /// First instant of DEPRECATED.
    pub deprecated_at: Option<&'a Moment>,
    /// First instant of a gradual sunset.
    pub sunset_begins_at: Option<&'a Moment>,
    /// First instant of RETIRED.
    pub retires_at: Option<&'a Moment>,
}

/// A new value for a date that may be missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NewDate {
    /// The one it has.
    Keep,
    /// None, or not known yet.
    ToBeAnnounced,
    /// This one.
    At(Moment),
}

impl NewDate {
    fn moment(&self) -> Option<&Moment> {
        match self {
            NewDate::Keep | NewDate::ToBeAnnounced => None,
            NewDate::At(moment) => Some(moment),
        }
    }
}

/// One verb of the lifecycle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum EndStep {
    /// Plan or begin the deprecation.
    Deprecate {
        /// From when.
        deprecated_at: Moment,
        /// From when callers must expect brownouts.
        sunset_begins_at: Option<Moment>,
        /// First instant of RETIRED; `None` while it is to be announced.
        retires_at: Option<Moment>,
    },
    /// Change dates, or only the successor.
    Revise {
        /// First instant of DEPRECATED; `None` keeps it.
        deprecated_at: Option<Moment>,
        /// First instant of a gradual sunset.
        sunset_begins_at: NewDate,
        /// First instant of RETIRED.
        retires_at: NewDate,
    },
    /// Plan the retirement.
    Retire {
        /// From when.
        retires_at: Moment,
    },
    /// Take back the planned or begun end.
    Withdraw,
    /// Bring back what is retired.
    Reinstate {
        /// First instant of the next retirement; `None` while it is to be announced.
        retires_at: Option<Moment>,
    },
}

impl EndStep {
    /// Nothing but another successor.
    pub const RENAME: EndStep =
        EndStep::Revise { deprecated_at: None, sunset_begins_at: NewDate::Keep, retires_at: NewDate::Keep };

    /// The verb, for people.
    pub const fn verb(&self) -> &'static str {
        match self {
            EndStep::Deprecate { .. } => "deprecate",
            EndStep::Revise { .. } => "revise",
            EndStep::Retire { .. } => "retire",
            EndStep::Withdraw => "withdraw",
            EndStep::Reinstate { .. } => "reinstate",
        }
    }

    /// The dates that the step names.
    pub fn moments(&self) -> Vec<&Moment> {
        match self {
            EndStep::Deprecate { deprecated_at, sunset_begins_at, retires_at } => {
                [Some(deprecated_at), sunset_begins_at.as_ref(), retires_at.as_ref()].into_iter().flatten().collect()
            }
            EndStep::Revise { deprecated_at, sunset_begins_at, retires_at } => deprecated_at
                .iter()
                .chain([sunset_begins_at, retires_at].into_iter().filter_map(NewDate::moment))
                .collect(),
            EndStep::Retire { retires_at } => vec![retires_at],
            EndStep::Withdraw => Vec::new(),
            EndStep::Reinstate { retires_at } => retires_at.iter().collect(),
        }
    }
}

impl Dates<'_> {
    /// Whether no end is planned or begun.
    pub fn is_open(&self) -> bool {
        *self == Dates::default()
    }

    /// What differs, value by value.
    pub fn changes(&self, wanted: &Dates<'_>) -> Vec<Change> {
        let text = |moment: Option<&Moment>| moment.map(ToString::to_string).unwrap_or_default();
        let pairs = [
            ("deprecated_at", self.deprecated_at, wanted.deprecated_at),
            ("sunset_begins_at", self.sunset_begins_at, wanted.sunset_begins_at),
            ("retires_at", self.retires_at, wanted.retires_at),
        ];
        // Moments are compared, not their words.
        let differ = pairs.into_iter().filter(|(_, before, after)| before != after);
        differ.filter_map(|(field, before, after)| Change::between(field, text(before), text(after))).collect()
    }

    /// The verbs that make `wanted` of these dates; `retired` says where the hub stands.
    pub fn steps_to(&self, wanted: &Dates<'_>, retired: bool) -> Vec<EndStep> {
        if self == wanted {
            return Vec::new();
        }
        if retired && (wanted.is_open() || wanted.deprecated_at == self.deprecated_at) {
            let back = EndStep::Reinstate { retires_at: wanted.retires_at.cloned() };
            return if wanted.is_open() { vec![back, EndStep::Withdraw] } else { vec![back] };
        }
        match (self.deprecated_at, wanted.deprecated_at) {
            (None, _) if self.is_open() => vec![wanted.begin()],
            (_, None) if wanted.is_open() => vec![EndStep::Withdraw],
            (Some(_), None) | (None, Some(_)) => vec![EndStep::Withdraw, wanted.begin()],
            (Some(_), Some(_)) | (None, None) => vec![self.revise(wanted)],
        }
    }

    /// The verb for an end where there is none.
    fn begin(&self) -> EndStep {
        match (self.deprecated_at, self.retires_at) {
            (Some(deprecated_at), retires_at) => EndStep::Deprecate {
                deprecated_at: deprecated_at.clone(),
                sunset_begins_at: self.sunset_begins_at.cloned(),
                retires_at: retires_at.cloned(),
            },
            (None, Some(retires_at)) => EndStep::Retire { retires_at: retires_at.clone() },
            (None, None) => EndStep::Withdraw,
        }
    }

    fn revise(&self, wanted: &Dates<'_>) -> EndStep {
        let only_retirement = (self.deprecated_at, self.sunset_begins_at)
            == (wanted.deprecated_at, wanted.sunset_begins_at)
            && self.retires_at.is_none();
        if let (true, Some(retires_at)) = (only_retirement, wanted.retires_at) {
            return EndStep::Retire { retires_at: retires_at.clone() };
        }
        let new = |before: Option<&Moment>, after: Option<&Moment>| match after {
            _ if before == after => NewDate::Keep,
            None => NewDate::ToBeAnnounced,
            Some(after) => NewDate::At(after.clone()),
        };
        EndStep::Revise {
            deprecated_at: wanted.deprecated_at.filter(|after| self.deprecated_at != Some(*after)).cloned(),
            sunset_begins_at: new(self.sunset_begins_at, wanted.sunset_begins_at),
            retires_at: new(self.retires_at, wanted.retires_at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(day: u32) -> Moment {
        format!("2027-02-{day:02}T00:00:00Z").parse().expect("an instant")
    }

    fn dates([deprecated_at, sunset_begins_at, retires_at]: &[Option<Moment>; 3]) -> Dates<'_> {
        Dates {
            deprecated_at: deprecated_at.as_ref(),
            sunset_begins_at: sunset_begins_at.as_ref(),
            retires_at: retires_at.as_ref(),
        }
    }

    /// The verbs from one set of dates to another; 0 stands for none.
    fn verbs(from: [u32; 3], to: [u32; 3], retired: bool) -> Vec<&'static str> {
        let moments = |days: [u32; 3]| days.map(|day| (day > 0).then(|| moment(day)));
        let (from, to) = (moments(from), moments(to));
        dates(&from).steps_to(&dates(&to), retired).iter().map(EndStep::verb).collect()
    }

    #[test]
    fn every_difference_has_its_verbs() {
        for (from, to, expected) in [
            ([1, 2, 3], [1, 2, 3], vec![]),
            ([0, 0, 0], [1, 0, 0], vec!["deprecate"]),
            ([0, 0, 0], [1, 2, 3], vec!["deprecate"]),
            ([0, 0, 0], [0, 0, 3], vec!["retire"]),
            ([1, 0, 0], [1, 0, 3], vec!["retire"]),
            ([1, 0, 3], [1, 0, 4], vec!["revise"]),
            ([1, 0, 3], [1, 0, 0], vec!["revise"]),
            ([1, 0, 3], [1, 2, 3], vec!["revise"]),
            ([1, 0, 0], [1, 2, 3], vec!["revise"]),
            ([1, 0, 3], [2, 0, 3], vec!["revise"]),
            ([0, 0, 3], [0, 0, 4], vec!["revise"]),
            ([1, 2, 3], [0, 0, 0], vec!["withdraw"]),
            ([0, 0, 3], [0, 0, 0], vec!["withdraw"]),
            ([1, 0, 0], [0, 0, 3], vec!["withdraw", "retire"]),
            ([0, 0, 3], [1, 0, 3], vec!["withdraw", "deprecate"]),
        ] {
            assert_eq!(verbs(from, to, false), expected, "{from:?} {to:?}");
        }
        for (from, to, expected) in [
            ([1, 0, 3], [1, 0, 3], vec![]),
            ([1, 0, 3], [1, 0, 0], vec!["reinstate"]),
            ([1, 0, 3], [1, 0, 9], vec!["reinstate"]),
            ([1, 0, 3], [0, 0, 0], vec!["reinstate", "withdraw"]),
            ([1, 0, 3], [2, 0, 9], vec!["revise"]),
        ] {
            assert_eq!(verbs(from, to, true), expected, "retired: {from:?} {to:?}");
        }
    }
}
