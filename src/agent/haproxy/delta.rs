//! From the rows before to the rows after, step by step, in an order in which no mix of the two lets anybody in whom
//! neither does.

use std::collections::BTreeMap;

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A row that is there says something else.
    Set {
        /// Its key.
        key: Box<str>,
        /// What it says.
        value: Box<str>,
    },
    /// There is another row.
    Add {
        /// Its key.
        key: Box<str>,
        /// What it says.
        value: Box<str>,
    },
    /// A row goes.
    Delete {
        /// Its key.
        key: Box<str>,
    },
}

/// The rows of a text, by key.
pub fn rows(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter_map(|line| line.split_once(' '))
}

/// The steps from one text to another.
pub(super) fn between(before: &str, after: &str, steps: &mut Vec<Step>) {
    if before == after {
        return;
    }
    let mut before: BTreeMap<&str, &str> = rows(before).collect();
    for (key, value) in rows(after) {
        match before.remove(key) {
            Some(known) if known == value => {}
            Some(_) => steps.push(Step::Set { key: key.into(), value: value.into() }),
            None => steps.push(Step::Add { key: key.into(), value: value.into() }),
        }
    }
    steps.extend(before.into_keys().map(|key| Step::Delete { key: key.into() }));
}

/// When a step is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    /// A timeline that nothing points to yet, or one that denies.
    Prepare,
    /// Whatever takes something away.
    Restrict,
    /// A timeline that allows.
    Allow,
    /// Whatever points to more.
    Permit,
    /// What nothing points to any more.
    Clean,
}

impl Step {
    fn turn(&self) -> Turn {
        let (key, value) = match self {
            Step::Set { key, value } => (key, Some((value, true))),
            Step::Add { key, value } => (key, Some((value, false))),
            Step::Delete { key } => (key, None),
        };
        let kind = key.bytes().next();
        let timeline = matches!(kind, Some(b't' | b'p'));
        match (kind, value) {
            (Some(b'c' | b'g' | b'i' | b'j' | b'v'), None) => Turn::Restrict,
            (_, None) => Turn::Clean,
            (_, Some((_, false))) if timeline => Turn::Prepare,
            (_, Some((value, true))) if timeline => {
                if allows(value) {
                    Turn::Allow
                } else {
                    Turn::Prepare
                }
            }
            // Usable applications and service accounts that have not ended.
            (Some(b'c'), Some((value, true))) if !value.starts_with(['u', 'a', 'e']) => Turn::Restrict,
            // From a subscription like all others to one of its own; from all projects to some; about a company now.
            (Some(b'g'), Some((value, true))) if &**value == "i" => Turn::Restrict,
            (Some(b'i'), Some((value, true))) if &**value == "+" => Turn::Restrict,
            (Some(b'v'), Some((value, true))) if &**value == "c" => Turn::Restrict,
            (Some(_) | None, Some(_)) => Turn::Permit,
        }
    }
}

/// Whether the first answer of a timeline is an allow.
fn allows(timeline: &str) -> bool {
    let reason = timeline.split(';').next();
    devhub_decision::Reason::ALL.iter().any(|known| known.allows() && Some(known.name()) == reason)
}

/// Puts steps into an order in which they may be made one by one.
pub(super) fn order(steps: &mut [Step]) {
    steps.sort_by_cached_key(Step::turn);
}
