//! Rows that are the same for all callers: versions, what each class of callers is answered, and words.
//!
//! | key | value |
//! |---|---|
//! | `v`, context, label | `c` if calls are about a company, else `-` |
//! | `t`, context, label, access and class | a timeline |
//! | `D`, `S`, `L`, context, label | the value of a lifecycle header |
//! | `r`, reason | status and sentence of the reply |

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use devhub_decision::{Change, Environment, Question, Reason, Table, VersionName};

use super::class::{Access, Class};
use super::timeline::{ASK_HUB, Timeline};
use crate::gateway::answer;

/// Rows as a map file has them, one a line, and when some of them have more to say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Section {
    /// The rows: a key without spaces, a space, and a value.
    pub text: String,
    /// When the first answer of one of them ends.
    pub due: Option<DateTime<Utc>>,
}

impl Section {
    pub(super) fn tell(&mut self, timeline: Timeline, key: std::fmt::Arguments<'_>) {
        let Timeline { text, due } = timeline;
        // Text takes whatever is written.
        let _ = writeln!(self.text, "{key} {text}");
        self.due = self.due.into_iter().chain(due).min();
    }
}

/// The question about a whole version that names no company.
pub(super) fn ask<'q>(client_id: &'q str, name: &'q VersionName, environment: Environment) -> Question<'q> {
    Question {
        client_id,
        context: &name.context,
        label: &name.label,
        environment,
        operation: None,
        company: None,
        project: None,
    }
}

/// The rows of all versions of an environment, from an instant on.
pub fn section(table: &Table, environment: Environment, from: DateTime<Utc>) -> Section {
    let mut section = Section::default();
    words(&mut section.text, environment);
    let rows = table.part(0, environment);
    let sunset_at = rows.iter().find_map(|row| match row {
        Change::CredentialClass(entry) => Some(entry.sunset_at),
        Change::Version(_)
        | Change::Application(_)
        | Change::Subscription(_)
        | Change::Namespace(_)
        | Change::Waiver(_)
        | Change::Exemption(_)
        | Change::ServiceAccount(_)
        | Change::Installation(_) => None,
    });
    for row in &rows {
        if let Change::Version(entry) = row {
            version(&mut section, table, &entry.name, environment, sunset_at.flatten(), from);
        }
    }
    section
}

fn version(
    section: &mut Section,
    table: &Table,
    name: &VersionName,
    environment: Environment,
    sunset_at: Option<DateTime<Utc>>,
    from: DateTime<Utc>,
) {
    let VersionName { context, label } = name;
    // No client id is empty.
    table.ask(&ask("", name, environment), |stranger| {
        let Some(version) = stranger.version else { return };
        let scoped = version.entry().company_scoped;
        let _ = writeln!(section.text, "v|{context}|{label} {}", if scoped { 'c' } else { '-' });
        for (letter, value) in ['D', 'S', 'L'].into_iter().zip({
            let all = version.headers().all();
            [all.deprecation, all.sunset, all.link]
        }) {
            if let Some(value) = value {
                let _ = writeln!(section.text, "{letter}|{context}|{label} {value}");
            }
        }
        for access in Access::all(scoped) {
            for class in Class::ALL {
                let timeline = Timeline::of(&class.facts(stranger, sunset_at, *access), from);
                let (access, class) = (access.letter(), class.letter());
                section.tell(timeline, format_args!("t|{context}|{label}|{access}{class}"));
            }
        }
    });
}

/// Status and sentence of each reason, and the environment for the bodies of replies.
fn words(text: &mut String, environment: Environment) {
    let _ = writeln!(text, "environment {environment}");
    for reason in Reason::ALL {
        let _ = match answer::told(reason, true) {
            None => writeln!(text, "r|{reason} 200;"),
            Some((status, sentence)) => writeln!(text, "r|{reason} {};{sentence}", status.number()),
        };
    }
    if let Some((status, sentence)) = answer::told(Reason::UnknownClient, false) {
        let _ = writeln!(text, "r|{}|anonymous {};{sentence}", Reason::UnknownClient, status.number());
    }
    let _ = writeln!(
        text,
        "r|{ASK_HUB} 503;Calls to this API version are judged by the hub, which this gateway does not ask."
    );
}
