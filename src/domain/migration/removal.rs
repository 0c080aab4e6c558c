//! Whether an old account can be removed, as a fact and not as a feeling (rules B83, B84).

use chrono::{DateTime, Utc};

use crate::domain::fact::instant_text;
use crate::domain::service_account::{RECENT_USE, is_recent_use};

/// Whether an account can be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RemovalVerdict {
    /// Its replacement calls, and it is not used any more.
    Safe,
    /// It is not used any more; whether anybody still needs it has to be asked.
    AskFirst,
    /// It is used, or nobody can know yet that it is not.
    NotYet,
}

/// Whose an account is, as far as somebody has said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountOwner<'u> {
    /// Nobody has said.
    Unknown,
    /// This developer's, who has registered nothing that replaces it.
    Developer(&'u str),
    /// That of this application.
    Application(&'u str),
}

/// What is known of the use of an account and of what replaces it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountUse<'u> {
    /// Whose it is.
    pub owner: AccountOwner<'u>,
    /// The application that replaces it is installed in the company.
    pub installed: bool,
    /// When that first called in the company with its own credentials, as far as is known.
    pub replacement_first_used: Option<DateTime<Utc>>,
    /// When the account was last used, as far as is known.
    pub last_used: Option<DateTime<Utc>>,
    /// Since when every call is known.
    pub known_since: DateTime<Utc>,
}

fn text(at: DateTime<Utc>) -> String {
    instant_text(Some(at))
}

/// What to do about an account that was used lately, or may have been.
fn how_to_go_on(known: &AccountUse<'_>) -> String {
    match (known.owner, known.installed) {
        (AccountOwner::Unknown, _) => "say whose it is first".to_owned(),
        (AccountOwner::Developer(developer), _) => format!("ask {developer} for an application that replaces it"),
        (AccountOwner::Application(application), false) => format!("install {application} first"),
        (AccountOwner::Application(application), true) => {
            format!("ask the developer of {application} to call with the application's own credentials")
        }
    }
}

/// Whether an account can be removed at `now`, and why, in a sentence that says what to do.
pub fn removal(known: &AccountUse<'_>, now: DateTime<Utc>) -> (RemovalVerdict, String) {
    use RemovalVerdict::{AskFirst, NotYet, Safe};
    let days = RECENT_USE.num_days();
    if let Some(last_used) = known.last_used.filter(|last_used| is_recent_use(*last_used, now)) {
        let sentence = format!(
            "Not yet: it was used at {}, less than {days} days ago; {}. Unused until {}, it can be removed without an \
             acknowledgement.",
            text(last_used),
            how_to_go_on(known),
            text(last_used + RECENT_USE)
        );
        return (NotYet, sentence);
    }
    if is_recent_use(known.known_since, now) {
        let sentence = format!(
            "Not yet: every call of it is known since {} only, less than {days} days ago; look again at {}.",
            text(known.known_since),
            text(known.known_since + RECENT_USE)
        );
        return (NotYet, sentence);
    }
    let unused = match known.last_used {
        Some(last_used) => format!("it was last used at {}", text(last_used)),
        None => format!("no use of it is known since {}", text(known.known_since)),
    };
    match (known.owner, known.installed, known.replacement_first_used) {
        (AccountOwner::Application(application), true, Some(first_used)) => (
            Safe,
            format!(
                "Remove it: {unused}, and {application} has called here with its own credentials since {}.",
                text(first_used)
            ),
        ),
        (AccountOwner::Application(application), true, None) => (
            AskFirst,
            format!(
                "Ask the developer of {application} whether it calls here with its own credentials, which is not known; \
                 if so remove the account: {unused}."
            ),
        ),
        (AccountOwner::Application(application), false, _) => (
            AskFirst,
            format!(
                "Ask the developer of {application} whether the account is still needed: {unused}. If not, remove it; \
                 otherwise install {application} first."
            ),
        ),
        (AccountOwner::Developer(developer), _, _) => (
            AskFirst,
            format!(
                "Ask {developer} whether the account is still needed: {unused}. If not, remove it; otherwise ask for an \
                 application that replaces it."
            ),
        ),
        (AccountOwner::Unknown, _, _) => (
            AskFirst,
            format!(
                "Ask in your company who needs it: {unused}. If nobody does, remove it; otherwise say whose it is."
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn b83_b84_what_is_safe_to_remove_is_a_fact() {
        use RemovalVerdict::{AskFirst, NotYet, Safe};
        let at = |day: i64| DateTime::from_timestamp(day * 86_400, 0).expect("a day");
        let (now, ms) = (at(100), TimeDelta::milliseconds(1));
        let known = AccountUse {
            owner: AccountOwner::Application("ledgerly"),
            installed: true,
            replacement_first_used: Some(at(60)),
            last_used: Some(at(70)),
            known_since: at(70),
        };
        let cases = [
            ("30 days ago to the millisecond", known, now, Safe, "Remove it: it was last used at"),
            ("a millisecond earlier", known, now - ms, NotYet, "less than 30 days ago; ask the developer of ledgerly"),
            ("a millisecond later", known, now + ms, Safe, "since 1970-03-02T00:00:00Z."),
            ("never", AccountUse { last_used: None, ..known }, now, Safe, "no use of it is known since 1970-03-12"),
            (
                "counted since yesterday",
                AccountUse { last_used: None, known_since: at(99), ..known },
                now,
                NotYet,
                "look again at 1970-05-10T00:00:00Z",
            ),
            (
                "nobody knows of the new",
                AccountUse { replacement_first_used: None, ..known },
                now,
                AskFirst,
                "Ask the developer of ledgerly whether it calls here",
            ),
            (
                "not installed",
                AccountUse { installed: false, ..known },
                now,
                AskFirst,
                "otherwise install ledgerly first",
            ),
            (
                "used, not installed",
                AccountUse { installed: false, last_used: Some(at(99)), ..known },
                now,
                NotYet,
                "install ledgerly first. Unused until 1970-05-10T00:00:00Z",
            ),
            (
                "nobody's",
                AccountUse { owner: AccountOwner::Unknown, ..known },
                now,
                AskFirst,
                "Ask in your company who needs it",
            ),
            (
                "nothing registered",
                AccountUse { owner: AccountOwner::Developer("Bob"), installed: false, ..known },
                now,
                AskFirst,
                "Ask Bob whether the account is still needed",
            ),
            (
                "nothing registered, used",
                AccountUse { owner: AccountOwner::Developer("Bob"), last_used: Some(at(99)), ..known },
                now,
                NotYet,
                "ask Bob for an application that replaces it",
            ),
        ];
        for (case, known, now, verdict, part) in cases {
            let (judged, sentence) = removal(&known, now);
            assert_eq!(judged, verdict, "{case}: {sentence}");
            assert!(sentence.contains(part), "{case}: {sentence}");
        }
    }
}
