//! Whose an account probably is, when nobody has said (rule B82, defect X12). A suggestion costs a company a question to a
//! developer; a wrong one costs it the date. So where signs are weak, or point to two applications, nothing is suggested.

use std::collections::BTreeSet;

use crate::domain::name::{ApplicationId, VersionName};

/// Names that a sentence spells out.
const NAMED_MAX: usize = 3;

/// Words that say nothing about whose an account is.
const GENERIC: &[&str] = &[
    "a",
    "access",
    "account",
    "accounts",
    "an",
    "and",
    "api",
    "app",
    "application",
    "bot",
    "client",
    "connection",
    "connector",
    "copy",
    "data",
    "dev",
    "export",
    "for",
    "import",
    "integration",
    "key",
    "live",
    "machine",
    "my",
    "new",
    "nightly",
    "of",
    "old",
    "prod",
    "production",
    "project",
    "report",
    "reports",
    "sa",
    "sandbox",
    "service",
    "sync",
    "system",
    "temp",
    "test",
    "the",
    "to",
    "token",
    "tool",
    "user",
    "web",
];

/// Shortest word by which two names are told to be alike.
const WORD_CHARS_MIN: usize = 3;

/// How sure a suggestion is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sureness {
    /// Something points to one application and to no other; it may be a coincidence.
    Possible,
    /// Several independent signs point to one application, and to no other.
    Likely,
}

/// An application that an account may be for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its id.
    pub id: ApplicationId,
    /// Its name.
    pub name: String,
    /// The versions that it is subscribed to.
    pub subscribed: BTreeSet<VersionName>,
    /// It is installed in the company of the account.
    pub installed: bool,
}

/// Whether the candidates include every application that is subscribed to what the account called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subscribers {
    /// All of them.
    All,
    /// There are too many to be told apart by it.
    TooMany,
}

/// Whose an account probably is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    /// The application.
    pub application: ApplicationId,
    /// How sure that is.
    pub sureness: Sureness,
    /// What points to it, and what to do.
    pub sentence: String,
}

/// How what an account called compares with what an application is subscribed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Calls {
    /// No call is known.
    Unknown,
    /// It is subscribed to exactly that.
    Exactly,
    /// It is subscribed to that and to more.
    AndMore,
    /// It is subscribed to some of it.
    Partly,
    /// It is subscribed to nothing of it: it could not make these calls.
    Never,
}

/// What points from an account to a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Signs {
    calls: Calls,
    installed: bool,
    named: bool,
}

/// The words of a name that may say whose it is.
fn words(name: &str) -> BTreeSet<String> {
    let parts = name.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase);
    parts.filter(|word| word.chars().count() >= WORD_CHARS_MIN && !GENERIC.contains(&word.as_str())).collect()
}

/// Whether every telling word of an application's name or id stands in the name of the account.
fn is_named_after(account: &str, candidate: &Candidate) -> bool {
    let account = words(account);
    [words(&candidate.name), words(candidate.id.as_str())]
        .iter()
        .any(|words| !words.is_empty() && words.is_subset(&account))
}

fn compare(called: &BTreeSet<VersionName>, subscribed: &BTreeSet<VersionName>) -> Calls {
    if called.is_empty() {
        Calls::Unknown
    } else if called == subscribed {
        Calls::Exactly
    } else if called.is_subset(subscribed) {
        Calls::AndMore
    } else if called.is_disjoint(subscribed) {
        Calls::Never
    } else {
        Calls::Partly
    }
}

/// How sure the signs make, by themselves; `sole` says that no other application is subscribed to all that was called.
fn sureness(signs: Signs, sole: bool) -> Option<Sureness> {
    use Sureness::{Likely, Possible};
    match (signs.calls, signs.named, signs.installed) {
        // Whoever has no subscription to what is called is not the caller, whatever the names say.
        (Calls::Never, _, _) => None,
        (Calls::Exactly | Calls::AndMore, true, _) | (Calls::Unknown, true, true) => Some(Likely),
        (Calls::Exactly, false, true) if sole => Some(Likely),
        (Calls::Exactly | Calls::AndMore, false, true)
        | (Calls::Partly, true, true)
        | (Calls::Unknown, true, false) => Some(Possible),
        (Calls::Exactly, false, false) if sole => Some(Possible),
        // Popular APIs are subscribed to by many, and every company has something installed.
        (Calls::Exactly | Calls::AndMore, false, false) | (Calls::Partly | Calls::Unknown, _, _) => None,
    }
}

/// What an account called, in words.
fn called_words(called: &BTreeSet<VersionName>) -> String {
    let named: Vec<String> = called.iter().take(NAMED_MAX).map(ToString::to_string).collect();
    let more = called.len().saturating_sub(NAMED_MAX);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("{}{more}", named.join(", "))
}

fn sentence(
    account: &str,
    called: &BTreeSet<VersionName>,
    candidate: &Candidate,
    signs: Signs,
    sureness: Sureness,
    sole: bool,
) -> String {
    let mut reasons = Vec::new();
    let only = if sole { ", and no other application is" } else { "" };
    match signs.calls {
        Calls::Exactly => {
            reasons.push(format!("the account calls {}, exactly what it is subscribed to{only}", called_words(called)));
        }
        Calls::AndMore => {
            reasons.push(format!("the account calls {}, which it is subscribed to{only}", called_words(called)));
        }
        Calls::Partly => reasons.push("it is subscribed to some of what the account calls".to_owned()),
        Calls::Unknown | Calls::Never => {}
    }
    if signs.installed {
        reasons.push("it is installed in the company".to_owned());
    }
    if signs.named {
        reasons.push(format!("the account is called \"{account}\""));
    }
    let (sure, act) = match sureness {
        Sureness::Likely => ("Likely", "Confirm it with its developer, and say so"),
        Sureness::Possible => ("Possibly", "Ask its developer before you say so"),
    };
    format!("{sure} {} ({}): {}. {act}.", candidate.name, candidate.id, reasons.join("; "))
}

/// Whose an account with this name probably is, by what it called lately and by what is known of the candidates. None
/// when the signs are weak or point to more than one.
pub fn suggest(
    account: &str,
    called: &BTreeSet<VersionName>,
    candidates: &[Candidate],
    subscribers: Subscribers,
) -> Option<Suggestion> {
    let able = candidates
        .iter()
        .filter(|candidate| matches!(compare(called, &candidate.subscribed), Calls::Exactly | Calls::AndMore));
    let sole = subscribers == Subscribers::All && able.count() == 1;
    let judged = candidates.iter().filter_map(|candidate| {
        let signs = Signs {
            calls: compare(called, &candidate.subscribed),
            installed: candidate.installed,
            named: is_named_after(account, candidate),
        };
        Some((sureness(signs, sole)?, candidate, signs))
    });
    let judged: Vec<_> = judged.collect();
    let best = judged.iter().map(|(sureness, _, _)| *sureness).max()?;
    let mut leading = judged.into_iter().filter(|(sureness, _, _)| *sureness == best);
    let (Some((sureness, candidate, signs)), None) = (leading.next(), leading.next()) else { return None };
    Some(Suggestion {
        application: candidate.id.clone(),
        sureness,
        sentence: sentence(account, called, candidate, signs, sureness, sole),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn versions(labels: &str) -> BTreeSet<VersionName> {
        let name = |label: &str| VersionName {
            context: "projects".parse().expect("valid"),
            label: label.parse().expect("valid"),
        };
        labels.split_whitespace().map(name).collect()
    }

    /// A candidate as a case writes it: id, name, what it is subscribed to, whether it is installed.
    type Known<'k> = (&'k str, &'k str, &'k str, bool);

    /// The account's name, what it called, the candidates, and what is suggested.
    type Case<'c> = (&'c str, &'c str, &'c str, &'c [Known<'c>], Subscribers, &'c str);

    #[test]
    fn b82_x12_a_suggestion_is_made_only_where_it_is_hardly_wrong() {
        use Subscribers::{All, TooMany};
        const LEDGER: Known<'_> = ("ledgerly", "Ledgerly", "1.0 2.0", true);
        const PHOTO: Known<'_> = ("photo-pro", "Photo Pro", "1.0", true);
        let absent = |(id, name, subscribed, _): Known<'static>| (id, name, subscribed, false);
        let cases: &[Case<'_>] = &[
            ("nothing is known", "Nightly copy", "", &[], All, "-"),
            ("installed alone is no sign", "Nightly copy", "", &[LEDGER], All, "-"),
            ("its name, and installed", "Ledgerly sync", "", &[LEDGER, PHOTO], All, "LIKELY ledgerly"),
            ("its name alone", "LEDGERLY (old)", "", &[absent(LEDGER)], All, "POSSIBLE ledgerly"),
            ("one word of two is no name", "Photo upload", "", &[PHOTO], All, "-"),
            ("both words, in any order", "pro-photo", "", &[PHOTO], All, "LIKELY photo-pro"),
            ("a part of a word is no word", "Ledgerlyzer", "", &[LEDGER], All, "-"),
            ("its calls, its name", "ledgerly", "2.0", &[absent(LEDGER)], TooMany, "LIKELY ledgerly"),
            ("exactly its calls, installed, the only one", "copy", "1.0 2.0", &[LEDGER, PHOTO], All, "LIKELY ledgerly"),
            ("exactly its calls, installed, of many", "copy", "1.0 2.0", &[LEDGER], TooMany, "POSSIBLE ledgerly"),
            ("exactly its calls, the only one", "copy", "1.0 2.0", &[absent(LEDGER)], All, "POSSIBLE ledgerly"),
            ("exactly its calls, one of many", "copy", "1.0 2.0", &[absent(LEDGER)], TooMany, "-"),
            ("some of its calls, installed", "copy", "2.0", &[LEDGER, PHOTO], All, "POSSIBLE ledgerly"),
            ("some of its calls, not installed", "copy", "2.0", &[absent(LEDGER)], All, "-"),
            ("two that could be it", "copy", "1.0", &[LEDGER, PHOTO], All, "-"),
            ("two that could be it, one named", "photo pro", "1.0", &[LEDGER, PHOTO], All, "LIKELY photo-pro"),
            ("named, but never subscribed to it", "Ledgerly", "3.0", &[LEDGER], All, "-"),
            ("named, and subscribed to some of it", "Ledgerly", "1.0 3.0", &[LEDGER], All, "POSSIBLE ledgerly"),
            ("two of one name", "Ledgerly", "", &[LEDGER, ("ledgerly-2", "Ledgerly", "1.0", true)], All, "-"),
            ("generic names name nobody", "Data sync", "", &[("data-sync", "Data Sync", "1.0", true)], All, "-"),
        ];
        for (case, account, called, known, subscribers, expected) in cases {
            let candidate = |(id, name, subscribed, installed): &Known<'_>| Candidate {
                id: id.parse().expect("valid"),
                name: (*name).to_owned(),
                subscribed: versions(subscribed),
                installed: *installed,
            };
            let candidates: Vec<Candidate> = known.iter().map(candidate).collect();
            let suggestion = suggest(account, &versions(called), &candidates, *subscribers);
            let told = suggestion.as_ref().map_or("-".to_owned(), |suggestion| match suggestion.sureness {
                Sureness::Likely => format!("LIKELY {}", suggestion.application),
                Sureness::Possible => format!("POSSIBLE {}", suggestion.application),
            });
            assert_eq!(told, *expected, "{case}: {suggestion:?}");
            // Whatever the order in which the candidates are found.
            let reversed: Vec<Candidate> = candidates.iter().rev().cloned().collect();
            assert_eq!(suggest(account, &versions(called), &reversed, *subscribers), suggestion, "{case}");
        }
    }

    #[test]
    fn b82_the_sentence_says_what_points_to_it_and_what_to_do() {
        let candidate = Candidate {
            id: "ledgerly".parse().expect("valid"),
            name: "Ledgerly".to_owned(),
            subscribed: versions("1.0 2.0 3.0 4.0"),
            installed: true,
        };
        let called = versions("1.0 2.0 3.0 4.0");
        let said = suggest("copy", &called, std::slice::from_ref(&candidate), Subscribers::All).expect("a suggestion");
        assert_eq!(
            said.sentence,
            "Likely Ledgerly (ledgerly): the account calls projects 1.0, projects 2.0, projects 3.0 and 1 more, exactly \
             what it is subscribed to, and no other application is; it is installed in the company. Confirm it with its \
             developer, and say so."
        );
        let said = suggest("Ledgerly", &versions(""), &[Candidate { installed: false, ..candidate }], Subscribers::All);
        assert_eq!(
            said.expect("a suggestion").sentence,
            "Possibly Ledgerly (ledgerly): the account is called \"Ledgerly\". Ask its developer before you say so."
        );
    }
}
