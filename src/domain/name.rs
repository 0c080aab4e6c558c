//! Names: every identifier that enters devhub is parsed once, into one of these, and stays valid from then on.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The given text is not a valid name of its kind; the sentence says what one looks like.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{rule}")]
pub struct InvalidName {
    /// The rule that was broken.
    pub rule: &'static str,
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $rule:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash)]
        pub struct $type(Arc<str>);

        impl $type {
            /// The rule that every value keeps.
            pub const RULE: &'static str = $rule;

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) { Ok(Self(text.into())) } else { Err(InvalidName { rule: Self::RULE }) }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }
    };
}

macro_rules! text_order {
    ($($type:ident),*) => {$(
        impl PartialOrd for $type {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Ord for $type {
            fn cmp(&self, other: &Self) -> Ordering {
                self.0.cmp(&other.0)
            }
        }
    )*};
}

fn len(text: &str, min: usize, max: usize) -> bool {
    (min..=max).contains(&text.len())
}

fn all(text: &str, allowed: fn(u8) -> bool) -> bool {
    text.bytes().all(allowed)
}

name!(
    /// The path prefix that identifies an API, for example `individuals/losses`.
    Context,
    "a context has 2 to 128 characters: segments of lower-case letters, digits, '-', '_' and '.', joined by '/', each beginning with a letter or digit",
    |text| len(text, 2, 128)
        && text.split('/').all(|segment| {
            segment.bytes().next().is_some_and(|first| first.is_ascii_lowercase() || first.is_ascii_digit())
                && all(segment, |b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.'))
                && !segment.contains("..")
        })
);

name!(
    /// The label of a version, for example `1.10`: text, never a number.
    Label,
    "a version label has 1 to 32 letters, digits, dots and hyphens and begins with a letter or digit",
    |text| len(text, 1, 32)
        && text.as_bytes()[0].is_ascii_alphanumeric()
        && all(text, |b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'))
);

name!(
    /// The id of an application.
    ApplicationId,
    "an application id has 3 to 64 lower-case letters, digits and hyphens and begins with a letter or digit",
    |text| len(text, 3, 64)
        && !text.starts_with('-')
        && all(text, |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
);

name!(
    /// What an application presents to gateways.
    ClientId,
    "a client id has 8 to 128 visible ASCII characters",
    |text| len(text, 8, 128) && all(text, |b| b.is_ascii_graphic())
);

name!(
    /// The id of a subscription, made by devhub.
    SubscriptionId,
    "a subscription id has 1 to 64 lower-case letters, digits and hyphens",
    |text| len(text, 1, 64) && all(text, |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
);

name!(
    /// The id of a waiver, made by devhub.
    WaiverId,
    "a waiver id has 1 to 64 lower-case letters, digits and hyphens",
    |text| len(text, 1, 64) && all(text, |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
);

name!(
    /// The id of a proposal, made by devhub.
    ProposalId,
    "a proposal id has 1 to 64 lower-case letters, digits and hyphens",
    |text| len(text, 1, 64) && all(text, |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
);

name!(
    /// The id of a client secret, made by devhub. It is no secret itself.
    ClientSecretId,
    "a client secret id has 1 to 64 lower-case letters, digits and hyphens",
    |text| len(text, 1, 64) && all(text, |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
);

name!(
    /// The id of a pepper, the key under which secrets are hashed.
    PepperId,
    "a pepper id has 1 to 32 lower-case letters, digits and hyphens",
    |text| len(text, 1, 32) && all(text, |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
);

name!(
    /// The id of a registered public key: its thumbprint, as RFC 7638 makes it.
    KeyId,
    "a key id has 43 letters, digits, hyphens and underscores: the SHA-256 thumbprint of the key",
    |text| len(text, 43, 43) && all(text, |b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
);

name!(
    /// The id of an announcement, chosen by who publishes it.
    AnnouncementId,
    "an announcement id has 3 to 80 lower-case letters, digits and hyphens and begins with a letter or digit",
    |text| len(text, 3, 80)
        && !text.starts_with('-')
        && all(text, |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
);

name!(
    /// The id of a developer organisation: what the owner of an application names.
    OrganisationId,
    "an organisation id has 1 to 100 characters, none of them a control character, and no space at either end",
    |text| !text.is_empty() && text.trim() == text && check_text(text, 100).is_ok() && !text.contains('\n')
);

name!(
    /// What operators call a gateway; another one of the other environment may be called the same.
    GatewayId,
    "a gateway id has 1 to 64 letters, digits, '-', '_' and '.'",
    |text| len(text, 1, 64) && all(text, |b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
);

name!(
    /// The id of a maintenance window, chosen by who plans it.
    MaintenanceId,
    "a maintenance id has 3 to 80 lower-case letters, digits and hyphens and begins with a letter or digit",
    |text| len(text, 3, 80)
        && !text.starts_with('-')
        && all(text, |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
);

name!(
    /// What a company is given to install one version of an application, made by devhub.
    InstallKey,
    "an install key has 8 to 128 visible ASCII characters",
    |text| len(text, 8, 128) && all(text, |b| b.is_ascii_graphic())
);

name!(
    /// The id of the user that an installation makes in its company, made by devhub.
    ServiceUserId,
    "a service user id has 1 to 64 lower-case letters, digits and hyphens",
    |text| len(text, 1, 64) && all(text, |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
);

name!(
    /// The id of a notice among those of its application: the same occasion always makes the same one.
    NoticeId,
    "a notice id has 40 hexadecimal digits in lower case",
    |text| text.len() == 40 && all(text, |b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
);

name!(
    /// The id of a company: what gateways read in the header that names the company of a call.
    CompanyId,
    "a company id has 1 to 64 letters, digits, '-' and '_'",
    |text| len(text, 1, 64) && all(text, |b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
);

name!(
    /// The id of a project among those of its company.
    ProjectId,
    "a project id has 1 to 64 letters, digits, '-' and '_'",
    |text| len(text, 1, 64) && all(text, |b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
);

name!(
    /// The id of a traditional service account.
    AccountId,
    "an account id has 3 to 64 lower-case letters, digits and hyphens and begins with a letter or digit",
    |text| len(text, 3, 64)
        && !text.starts_with('-')
        && all(text, |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
);

name!(
    /// The id that makes a write repeatable.
    RequestId,
    "a request id has 1 to 64 letters, digits, '-', '_' and '.'",
    |text| len(text, 1, 64) && all(text, |b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
);

name!(
    /// The name of a lifecycle policy.
    PolicyName,
    "a policy name has 2 to 50 lower-case letters, digits and hyphens",
    |text| len(text, 2, 50) && all(text, |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
);

name!(
    /// The name of a time zone, as the IANA database lists it. Whether it is listed is checked where it comes in.
    Zone,
    "a zone is the IANA name of a time zone, for example America/Los_Angeles, in at most 64 characters",
    |text| len(text, 1, 64) && all(text, |b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'_' | b'-' | b'+'))
);

name!(
    /// An e-mail address in lower case (rule B51). Only its shape is checked; whether it exists is not our business.
    Email,
    "an e-mail address has one '@' with something on both sides, 3 to 254 visible ASCII characters, and no spaces",
    |text| len(text, 3, 254)
        && all(text, |b| b.is_ascii_graphic() && !b.is_ascii_uppercase() && !matches!(b, b'<' | b'>' | b'"' | b','))
        && matches!(text.split_once('@'), Some((user, host)) if !user.is_empty() && !host.is_empty() && !host.contains('@'))
);

text_order!(
    Context,
    ApplicationId,
    ClientId,
    SubscriptionId,
    AnnouncementId,
    NoticeId,
    RequestId,
    PolicyName,
    CompanyId,
    ProjectId,
    AccountId,
    PepperId,
    Zone,
    Email
);

impl Email {
    /// Parses an address as people type it: surrounding spaces and upper case are forgiven.
    ///
    /// # Errors
    /// When the rest is no address.
    pub fn lenient(text: &str) -> Result<Email, InvalidName> {
        text.trim().to_ascii_lowercase().parse()
    }
}

impl Label {
    /// The parts between dots; a part that is no number sorts below every number.
    fn parts(&self) -> impl Iterator<Item = Option<u64>> + '_ {
        self.as_str().split('.').map(|part| part.parse().ok())
    }
}

impl PartialOrd for Label {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Label {
    /// Numeric part by part, so that 1.9 comes before 1.10; equal numbers are told apart by their text.
    fn cmp(&self, other: &Self) -> Ordering {
        self.parts().cmp(other.parts()).then_with(|| self.as_str().cmp(other.as_str()))
    }
}

/// A version of an API.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VersionName {
    /// The API.
    pub context: Context,
    /// The version.
    pub label: Label,
}

impl fmt::Display for VersionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.context, self.label)
    }
}

/// Text for people: trimmed of nothing, free of control characters, bounded.
///
/// # Errors
/// When it is longer than `max` characters or holds a control character other than a line feed.
pub fn check_text(text: &str, max: usize) -> Result<(), InvalidText> {
    if text.chars().count() > max {
        return Err(InvalidText::TooLong { max });
    }
    if text.chars().any(|c| is_hidden(c) && c != '\n') {
        return Err(InvalidText::Control);
    }
    Ok(())
}

/// Characters that make text read differently from what it is: controls, separators of lines and paragraphs, bidirectional
/// overrides and marks, zero-width and other invisible ones, tags.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}')
        || matches!(c, '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}')
        || matches!(c, '\u{180B}'..='\u{180F}' | '\u{3164}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}')
        || matches!(c, '\u{E0000}'..='\u{E0FFF}')
}

/// Why text for people was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidText {
    /// Too many characters.
    #[error("at most {max} characters are accepted")]
    TooLong {
        /// The limit.
        max: usize,
    },
    /// A control character or an invisible direction mark.
    #[error("control characters and invisible direction marks are not accepted")]
    Control,
}

/// An absolute https URL that can stand in a header: no space, quote, angle bracket, control or non-ASCII character.
///
/// # Errors
/// When it is anything else.
pub fn check_url(text: &str) -> Result<(), InvalidName> {
    let rest = text.strip_prefix("https://").unwrap_or("");
    let plain = all(text, |b| {
        b.is_ascii_graphic() && !matches!(b, b'<' | b'>' | b'"' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}')
    });
    if plain && text.len() <= 500 && rest.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric() || b == b'[') {
        Ok(())
    } else {
        Err(InvalidName {
            rule: "a URL begins with https:// and has at most 500 ASCII characters, none of them a space, quote or angle bracket",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_ordered_by_number() {
        let mut labels: Vec<Label> =
            ["1.10", "2.0", "1.9", "P1.0", "1.0"].iter().map(|text| text.parse().expect("a label")).collect();
        labels.sort();
        let texts: Vec<&str> = labels.iter().map(Label::as_str).collect();
        assert_eq!(texts, ["P1.0", "1.0", "1.9", "1.10", "2.0"]);
    }

    #[test]
    fn malformed_names_are_refused() {
        for text in ["", "a", "A/b", "/ab", "ab/", "a//b", "a b", "../ab", "ab/..", "ab\n", "ab/%2f", "é/aa"] {
            assert!(text.parse::<Context>().is_err(), "{text:?}");
        }
        for text in ["individuals/losses", "vapid", "rest/v1.0", "organisations/vat", "a1"] {
            assert_eq!(text.parse::<Context>().expect(text).as_str(), text);
        }
        for text in ["", ".1", "1 0", "1\u{0}", "-1", "123456789012345678901234567890123"] {
            assert!(text.parse::<Label>().is_err(), "{text:?}");
        }
        for text in ["", "ab", "-ab", "A-b", "a_b", "app\u{202E}x"] {
            assert!(text.parse::<ApplicationId>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn b51_addresses_are_lower_cased_on_entry() {
        assert_eq!(Email::lenient(" Ada@Example.COM ").expect("an address").as_str(), "ada@example.com");
        for text in ["ada", "@example.com", "ada@", "a@b@c", "a b@c", "a@b\r\nBcc: x"] {
            assert!(Email::lenient(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn urls_cannot_break_a_header() {
        assert!(check_url("https://developer.example/api?v=1.0#top").is_ok());
        for text in [
            "http://x",
            "https://",
            "https://x\r\nSet-Cookie: a",
            "https://x>;rel=next",
            "https://x y",
            "https://é",
            "x",
        ] {
            assert!(check_url(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn text_for_people_has_no_tricks() {
        assert!(check_text("Plain, with a\nsecond line", 100).is_ok());
        let signs =
            ["\u{7}", "\r", "\0", "\u{202E}", "\u{200B}", "\u{2028}", "\u{2029}", "\u{61C}", "\u{AD}", "\u{E0041}"];
        for text in signs.map(|sign| format!("a{sign}b")) {
            let text = text.as_str();
            assert_eq!(check_text(text, 100), Err(InvalidText::Control), "{text:?}");
        }
        assert_eq!(check_text("four", 3), Err(InvalidText::TooLong { max: 3 }));
    }
}
