//! Headers of a request, as a gateway hands them over.

use super::misread::Misread;

/// How the names of all headers begin that devhub sets: no client's value may pass for one of them.
pub const OWNED_PREFIX: &str = "x-devhub-";

/// The headers of one request, in the order in which they came; a name may stand more than once.
#[derive(Debug, Clone, Default)]
pub struct Headers<'c>(Vec<(&'c str, &'c [u8])>);

impl<'c> Headers<'c> {
    /// Adds a header.
    pub fn push(&mut self, name: &'c str, value: &'c [u8]) {
        self.0.push((name, value));
    }

    /// All values of a header; names are compared without regard to case.
    pub fn all<'h>(&'h self, name: &'h str) -> impl Iterator<Item = &'c [u8]> + 'h {
        self.0.iter().filter(move |(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }

    /// The value of a header that may stand once. A comma counts as a repetition: gateways join repeated headers by one.
    ///
    /// # Errors
    /// When it stands there more than once, is empty, or has bytes that are not visible ASCII.
    pub fn one(&self, name: &str) -> Result<Option<&'c str>, Misread> {
        let mut values = self.all(name);
        let Some(value) = values.next() else { return Ok(None) };
        if values.next().is_some() || value.contains(&b',') {
            return Err(Misread::RepeatedHeader(name.into()));
        }
        let text = std::str::from_utf8(value).map(|text| text.trim_matches([' ', '\t'])).unwrap_or_default();
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Misread::MalformedHeader(name.into()));
        }
        Ok(Some(text))
    }
}

impl<'c> FromIterator<(&'c str, &'c [u8])> for Headers<'c> {
    fn from_iter<I: IntoIterator<Item = (&'c str, &'c [u8])>>(headers: I) -> Headers<'c> {
        Headers(headers.into_iter().collect())
    }
}

/// Whether `text` is the name of a header as configurations write it: lower-case.
pub fn is_header_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte))
}
