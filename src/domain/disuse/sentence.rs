//! What the administrators of an unused application are told.

use chrono::{DateTime, Utc};

use super::{Cause, Disuse};
use crate::domain::application::Application;
use crate::domain::notice::{Wording, days_left, days_text, zoned};

fn name(application: &Application) -> String {
    format!("{} ({}) in {}", application.name, application.id, application.environment.name())
}

fn wording(sentences: Vec<String>, deletes_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Wording {
    Wording {
        sentences,
        deprecated_at: None,
        ends_at: deletes_at,
        zone: None,
        days_left: deletes_at.and_then(|at| days_left(at, now)),
        successor: String::new(),
    }
}

/// What is said so many days before the deletion.
pub(super) fn of_notice(application: &Application, disuse: &Disuse, now: DateTime<Utc>) -> Wording {
    let left = days_text(days_left(disuse.deletes_at, now).unwrap_or_default());
    let sentences = vec![
        format!("{} is deleted in {left}, because nobody uses it.", name(application)),
        format!("It has not been used since {}.", zoned(disuse.idle_since, None)),
        format!("It is deleted on {}.", zoned(disuse.deletes_at, None)),
        "Any call that it may make as a subscriber keeps it; or ask an operator to restrict its deletion.".to_owned(),
    ];
    wording(sentences, Some(disuse.deletes_at), now)
}

/// What is said at the deletion.
pub(super) fn of_deletion(
    application: &Application,
    disuse: &Disuse,
    restorable_until: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Wording {
    let mut sentences = vec![
        format!("{} is deleted now, because nobody uses it: its calls are refused.", name(application)),
        format!("It has not been used since {}.", zoned(disuse.idle_since, None)),
    ];
    if let Some(until) = restorable_until {
        sentences.push(format!("An operator can restore it until {}.", zoned(until, None)));
    }
    wording(sentences, Some(now), now)
}

/// What is said when the deletion is taken back.
pub(super) fn of_cancellation(application: &Application, cause: Cause, now: DateTime<Utc>) -> Wording {
    let why = match cause {
        Cause::Used => "it was used",
        Cause::Unknown => "calls were lost, and it may have made some of them; the time without use begins anew",
        Cause::Restricted => "its deletion is restricted",
        Cause::Blocked => "it is blocked and cannot be used",
        Cause::Policy => "the policy for unused applications has changed",
        Cause::Deleted => "somebody has deleted it",
    };
    wording(vec![format!("{} is not deleted for disuse any more: {why}.", name(application))], None, now)
}
