//! Where an announcement and the schedule ledger differ (defect X11).

use chrono::{DateTime, SecondsFormat, Utc};
use devhub_decision::Schedule;

use super::{Category, Content};
use crate::domain::ledger::Target;
use crate::domain::record::{Record, RecordKey};

/// The record that holds the dates of a target.
pub fn read_for(target: &Target) -> RecordKey {
    match target {
        Target::Version(name, _) => RecordKey::Version(name.clone()),
        Target::Operation(operation, _) => RecordKey::Version(operation.version.clone()),
        Target::Namespace(name, _) => RecordKey::Namespace(name.clone()),
    }
}

/// The dates of a target in the record that holds them; `None` when it has none, or there is no such target.
pub fn schedule_in(target: &Target, record: &Record) -> Option<Schedule> {
    match (target, record) {
        (Target::Version(_, environment), Record::Version(version)) => {
            Some(version.deployments.get(environment)?.lifecycle.schedule)
        }
        (Target::Operation(operation, environment), Record::Version(version)) => {
            let operations = &version.deployments.get(environment)?.operations;
            let known = operations.iter().find(|o| o.method == operation.method && o.path == operation.path)?;
            Some(known.schedule)
        }
        (Target::Namespace(_, environment), Record::Namespace(namespace)) => Some(namespace.schedule(*environment)),
        (Target::Version(..) | Target::Operation(..) | Target::Namespace(..), _) => None,
    }
}

fn at(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

fn differ(what: &str, announced: Option<DateTime<Utc>>, target: &Target, planned: &[DateTime<Utc>]) -> Option<String> {
    let announced = announced?;
    match planned {
        [] => Some(format!(
            "the announcement dates the {what} of {target} at {}, but none is planned there; plan it, or revise the \
             announcement",
            at(announced)
        )),
        planned if planned.contains(&announced) => None,
        planned => Some(format!(
            "the announcement dates the {what} of {target} at {}, but its schedule says {}; the schedule counts, so \
             revise one of them",
            at(announced),
            planned.iter().map(|planned| at(*planned)).collect::<Vec<_>>().join(" or ")
        )),
    }
}

/// What an announcement says differently from the dates of what it refers to, a sentence each. Only the deprecations and
/// sunsets that it announces can be compared: other things take effect on dates of their own.
pub fn contradictions(content: &Content, schedule_of: impl Fn(&Target) -> Option<Schedule>) -> Vec<String> {
    let (from, until) = (content.effective.from, content.effective.until);
    let compare = |target: &Target| -> Vec<String> {
        let schedule = schedule_of(target).unwrap_or(Schedule::Open);
        let deprecated: Vec<_> = schedule.deprecated_at().into_iter().collect();
        let retires: Vec<_> = schedule.retires_at().into_iter().collect();
        let begins: Vec<_> = schedule.sunset_begins_at().into_iter().chain(schedule.retires_at()).collect();
        let found = match content.category {
            // "Deprecated from" until "retired at".
            Category::Deprecation => {
                [differ("deprecation", from, target, &deprecated), differ("retirement", until, target, &retires)]
            }
            // A sunset at once, or one that begins and ends.
            Category::Sunset if until.is_none() => [differ("retirement", from, target, &begins), None],
            Category::Sunset => {
                [differ("sunset", from, target, &begins), differ("retirement", until, target, &retires)]
            }
            Category::Change | Category::Requirement | Category::Maintenance | Category::Release | Category::Other => {
                [None, None]
            }
        };
        found.into_iter().flatten().collect()
    };
    content.references.iter().flat_map(compare).collect()
}
