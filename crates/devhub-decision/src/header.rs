//! The lifecycle headers of a version, rendered when the version changes and sent as they are from then on.
//!
//! `Deprecation` is a structured-field date (RFC 9745), `Sunset` an IMF-fixdate (RFC 8594), `Link` a list of bracketed
//! targets with a relation each (RFC 8288). Three shapes of dates and links are easily confused: they meet only here.

use std::fmt;

use chrono::{DateTime, Datelike, Utc};

use crate::entry::Links;
use crate::lifecycle::Schedule;

/// Name of the header that says since when, or from when, a version is deprecated.
pub const DEPRECATION: &str = "Deprecation";
/// Name of the header that says when a version is retired.
pub const SUNSET: &str = "Sunset";
/// Name of the header that points to the successor and to documentation.
pub const LINK: &str = "Link";

/// The longest URL that is put into a header, in bytes.
pub const URL_BYTES_MAX: usize = 2048;

/// Header values of one version, ready to send; each is absent when there is nothing to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Headers<'t> {
    /// Value of `Deprecation`.
    pub deprecation: Option<&'t str>,
    /// Value of `Sunset`.
    pub sunset: Option<&'t str>,
    /// Value of `Link`.
    pub link: Option<&'t str>,
}

impl<'t> Headers<'t> {
    /// No header at all.
    pub const NONE: Headers<'static> = Headers { deprecation: None, sunset: None, link: None };

    /// Name and value of each header to send.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &'t str)> + use<'t> {
        let named = [(DEPRECATION, self.deprecation), (SUNSET, self.sunset), (LINK, self.link)];
        named.into_iter().filter_map(|(name, value)| Some((name, value?)))
    }

    /// There is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }
}

/// The same values, owned by the version that they belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedHeaders {
    deprecation: Option<Box<str>>,
    sunset: Option<Box<str>>,
    link: Option<Box<str>>,
}

impl RenderedHeaders {
    /// Renders the headers of these dates and links. A date that has no valid form and a URL that [`check_url`] refuses
    /// are left out: a gateway must never send a malformed header because of us. So is a deprecation after the sunset,
    /// which RFC 9745 forbids.
    pub fn new(schedule: &Schedule, links: &Links) -> Self {
        let sunset_at = schedule.sunset_at();
        let deprecated_at =
            schedule.deprecated_at().filter(|date| sunset_at.is_none_or(|sunset_at| *date <= sunset_at));
        Self {
            deprecation: deprecated_at.map(|instant| structured_date(instant).into()),
            sunset: sunset_at.and_then(imf_fixdate).map(String::into_boxed_str),
            link: link(links).map(String::into_boxed_str),
        }
    }

    /// All of them.
    pub fn all(&self) -> Headers<'_> {
        Headers { deprecation: self.deprecation.as_deref(), ..self.without_deprecation() }
    }

    /// `Sunset` and `Link`, of a version that ends without having been deprecated.
    pub fn without_deprecation(&self) -> Headers<'_> {
        Headers { sunset: self.sunset.as_deref(), ..self.link_only() }
    }

    /// `Link` alone, of a version that is gone: where to go instead.
    pub fn link_only(&self) -> Headers<'_> {
        Headers { link: self.link.as_deref(), ..Headers::NONE }
    }
}

/// A structured-field date, in whole Unix seconds; a fraction is rounded down, never into the future.
pub fn structured_date(instant: DateTime<Utc>) -> String {
    format!("@{}", instant.timestamp())
}

/// An IMF-fixdate in GMT, rounded down to the second. The form has four digits for the year: none for other years.
pub fn imf_fixdate(instant: DateTime<Utc>) -> Option<String> {
    // Rebuilt from whole seconds because chrono prints a leap second as :60.
    let second = DateTime::from_timestamp(instant.timestamp(), 0)?;
    (0..=9999).contains(&second.year()).then(|| second.format("%a, %d %b %Y %H:%M:%S GMT").to_string())
}

/// The `Link` value: one bracketed target and its relation for each link that there is.
fn link(links: &Links) -> Option<String> {
    let targets =
        [(&links.deprecation, "deprecation"), (&links.sunset, "sunset"), (&links.successor, "successor-version")];
    let members: Vec<String> = targets
        .into_iter()
        .filter_map(|(url, relation)| Some((url.as_deref()?, relation)))
        .filter(|(url, _)| check_url(url).is_ok())
        .map(|(url, relation)| format!("<{url}>; rel=\"{relation}\""))
        .collect();
    (!members.is_empty()).then(|| members.join(", "))
}

/// Why a URL cannot stand in a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UrlRefused {
    /// It is longer than [`URL_BYTES_MAX`].
    TooLong,
    /// It does not start with `https://` or `http://` and a host.
    NotAbsolute,
    /// It holds a byte that RFC 3986 does not allow unescaped: a line break, a space, `>`, a quote, non-ASCII text.
    ForbiddenByte {
        /// The first such byte.
        byte: u8,
        /// Where it stands.
        position: usize,
    },
}

impl fmt::Display for UrlRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UrlRefused::TooLong => write!(f, "the URL is longer than {URL_BYTES_MAX} bytes"),
            UrlRefused::NotAbsolute => write!(f, "the URL must start with https:// or http:// and a host"),
            UrlRefused::ForbiddenByte { byte, position } => {
                write!(f, "the URL holds the byte 0x{byte:02x} at position {position}; escape it as %{byte:02X}")
            }
        }
    }
}

impl std::error::Error for UrlRefused {}

/// Refuses a URL that is not absolute, or that could end the brackets or the header that it stands in.
pub fn check_url(url: &str) -> Result<(), UrlRefused> {
    if url.len() > URL_BYTES_MAX {
        return Err(UrlRefused::TooLong);
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte);
    if let Some((position, byte)) = url.bytes().enumerate().find(|(_, byte)| !allowed(*byte)) {
        return Err(UrlRefused::ForbiddenByte { byte, position });
    }
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).ok_or(UrlRefused::NotAbsolute)?;
    let host_follows = rest.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'[');
    if host_follows { Ok(()) } else { Err(UrlRefused::NotAbsolute) }
}
