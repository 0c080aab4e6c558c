//! Text that may stand in a header.

use std::fmt;

/// Longest value of a header, in bytes. Three links of the greatest length fit.
const VALUE_BYTES_MAX: usize = 8192;

/// The value of a header: 1 to 8192 visible ASCII characters and spaces, no space at either end. There is no other way to
/// a header of an answer than through here, so no line break gets into one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderText(Box<str>);

impl HeaderText {
    /// The text, if it may stand in a header.
    pub fn new(text: &str) -> Option<HeaderText> {
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
        let fits = (1..=VALUE_BYTES_MAX).contains(&text.len()) && text.trim() == text;
        (visible && fits).then(|| HeaderText(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HeaderText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_ends_or_splits_a_header_is_text_of_one() {
        let longest = "a".repeat(VALUE_BYTES_MAX);
        for text in
            ["a", "@1767225600", "Sat, 01 Aug 2026 12:30:45 GMT", "<https://x.example>; rel=\"sunset\"", &longest]
        {
            assert_eq!(HeaderText::new(text).expect(text).as_str(), text);
        }
        for text in ["", " ", " a", "a ", "a\r\nb", "a\nb", "a\rb", "a\tb", "a\0b", "a\u{7f}", "é", &(longest + "a")] {
            assert_eq!(HeaderText::new(text), None, "{text:?}");
        }
    }
}
