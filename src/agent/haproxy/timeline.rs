//! What `decide` answers to one question from an instant on, as text: answer after answer, each with the instant at which
//! it ends.
//!
//! `SUBSCRIBED;DSL;1767225600000;VERSION_RETIRED;L;253402300800000`: reason, the headers to send (`D`eprecation,
//! `S`unset, `L`ink, or `-` for none) and the end, in milliseconds since 1970.

use std::fmt::Write as _;

use chrono::{DateTime, TimeDelta, Utc};
use devhub_decision::{Decision, Facts, Headers, Limits, Operation, decide};

/// Answers of one row. HAProxy's configuration reads as many.
pub const PIECES: usize = 4;

/// Stands for an end that is not known: the year 10000.
pub const FOREVER_MS: i64 = 253_402_300_800_000;

/// Takes the place of a reason where maps cannot say what the hub would.
pub const ASK_HUB: &str = "ASK_HUB";

/// What a question is answered, for as long as nobody changes anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeline {
    /// The answers, as a row says them.
    pub text: String,
    /// The end of the first one: from then on a new row says more.
    pub due: Option<DateTime<Utc>>,
}

/// One answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Says {
    reason: &'static str,
    allows: bool,
    headers: [bool; 3],
}

struct Piece {
    says: Says,
    until: Option<DateTime<Utc>>,
}

impl Timeline {
    /// What the question with these facts is answered from `from` on. The operation that is called is not among them: the
    /// answer is that for the whole version, unless one of its operations is worse off.
    pub fn of(facts: &Facts<'_>, from: DateTime<Utc>) -> Timeline {
        let mut pieces: Vec<Piece> = Vec::with_capacity(PIECES);
        let mut at = from;
        loop {
            let (says, until) = answer(facts, at);
            let full = pieces.len() == PIECES;
            match pieces.last_mut() {
                Some(last) if last.says == says => last.until = until,
                Some(_) if full => break,
                Some(_) | None => pieces.push(Piece { says, until }),
            }
            match until {
                Some(until) => at = until,
                None => break,
            }
        }
        let mut text = String::new();
        for Piece { says, until } in &pieces {
            let separator = if text.is_empty() { "" } else { ";" };
            let until = until.map_or(FOREVER_MS, |until| rounded(until, says.allows));
            // Text takes whatever is written.
            let _ = write!(text, "{separator}{};{};{until}", says.reason, letters(says.headers));
        }
        Timeline { text, due: pieces.first().and_then(|piece| piece.until) }
    }
}

/// What is answered at an instant, and when that ends.
fn answer(facts: &Facts<'_>, at: DateTime<Utc>) -> (Says, Option<DateTime<Utc>>) {
    let decision = decide(facts, at, unlimited());
    let mut until = decision.valid_until;
    let mut ask = false;
    if let Some(version) = facts.version {
        for entry in &version.entry().operations {
            let called = Operation { method: &entry.method, path: &entry.path };
            let of_operation = decide(&Facts { operation: version.operation(&called), ..*facts }, at, unlimited());
            until = until.min(of_operation.valid_until);
            ask |= decision.reason.allows() && !of_operation.reason.allows();
        }
    }
    let says = if ask {
        Says { reason: ASK_HUB, allows: false, headers: [false; 3] }
    } else {
        let Decision { reason, headers: Headers { deprecation, sunset, link }, .. } = decision;
        let headers = [deprecation.is_some(), sunset.is_some(), link.is_some()];
        Says { reason: reason.name(), allows: reason.allows(), headers }
    };
    (says, (until < DateTime::<Utc>::MAX_UTC).then_some(until))
}

/// An answer here ends when a date ends it, and is not cached: the lease bounds how old it is.
fn unlimited() -> Limits {
    Limits::new(TimeDelta::MAX, TimeDelta::MAX).expect("it is longer than the least")
}

/// In milliseconds, in such a way that nobody is let in for longer: an allow ends early, a denial late.
pub(super) fn rounded(until: DateTime<Utc>, allows: bool) -> i64 {
    let down = until.timestamp_millis();
    let exact = until.timestamp_subsec_nanos().is_multiple_of(1_000_000);
    if allows || exact { down } else { down + 1 }
}

fn letters(headers: [bool; 3]) -> String {
    let letters: String =
        headers.into_iter().zip(['D', 'S', 'L']).filter_map(|(is, letter)| is.then_some(letter)).collect();
    if letters.is_empty() { "-".to_owned() } else { letters }
}
