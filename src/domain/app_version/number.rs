//! The number of a version of an application: a semantic version.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use semver::Version;

use crate::domain::name::InvalidName;

/// Longest number, in characters.
const CHARS_MAX: usize = 64;

/// The number of a version of an application, for example `2.1.0` or `2.1.0-rc.1`. Ordered by precedence, as semantic
/// versions are; without build metadata, which precedence does not see.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AppVersionNumber(Arc<Version>);

impl AppVersionNumber {
    /// The rule that every value keeps.
    pub const RULE: &'static str = "a version number has three numbers joined by dots, such as 2.1.0, and perhaps a \
        pre-release such as 2.1.0-rc.1, in at most 64 characters; leave out leading zeros and build metadata (+...)";
}

impl FromStr for AppVersionNumber {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<AppVersionNumber, InvalidName> {
        let parsed = Some(text).filter(|text| text.len() <= CHARS_MAX).and_then(|text| Version::parse(text).ok());
        match parsed {
            Some(version) if version.build.is_empty() => Ok(AppVersionNumber(Arc::new(version))),
            Some(_) | None => Err(InvalidName { rule: AppVersionNumber::RULE }),
        }
    }
}

impl fmt::Display for AppVersionNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for AppVersionNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_ordered_by_precedence() {
        let texts = ["1.0.0-alpha", "1.0.0-alpha.2", "1.0.0-alpha.10", "1.0.0-rc.1", "1.0.0", "1.2.0", "1.10.0"];
        let numbers: Vec<AppVersionNumber> = texts.iter().map(|text| text.parse().expect(text)).collect();
        assert!(numbers.is_sorted_by(|earlier, later| earlier < later), "{numbers:?}");
        assert_eq!(numbers.iter().map(ToString::to_string).collect::<Vec<_>>(), texts);
    }

    #[test]
    fn what_is_no_number_is_refused() {
        let long = format!("1.0.0-{}", "a".repeat(CHARS_MAX));
        for text in ["", "1", "1.0", "01.0.0", "1.0.0+build", "1.0.0 ", "v1.0.0", "1.0.0-", &long] {
            assert!(text.parse::<AppVersionNumber>().is_err(), "{text:?}");
        }
    }
}
