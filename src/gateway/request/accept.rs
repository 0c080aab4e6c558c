//! Versions in `Accept`: `application/vnd.<vendor>.<version>+json`.

use std::fmt;
use std::str::FromStr;

/// Longest `Accept` that is read, in bytes, all its lines together.
const ACCEPT_BYTES_MAX: usize = 4096;

/// Longest vendor name, in bytes.
const VENDOR_BYTES_MAX: usize = 32;

/// Longest label of a version, in bytes.
const LABEL_BYTES_MAX: usize = 32;

/// The name of a platform in its media types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vendor(Box<str>);

impl Vendor {
    /// The rule that every value keeps.
    pub const RULE: &'static str = "a vendor has 1 to 32 lower-case letters, digits and hyphens";

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Vendor {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Vendor, &'static str> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let valid = (1..=VENDOR_BYTES_MAX).contains(&text.len()) && text.bytes().all(allowed);
        if valid { Ok(Vendor(text.into())) } else { Err(Vendor::RULE) }
    }
}

/// Why an `Accept` is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AcceptFault {
    /// It names no version, and the endpoint has no default.
    Missing,
    /// It cannot be read, or a media type of the vendor is not of the right form.
    Malformed,
    /// It names more than one media type of the vendor: which of them an API answers with is its own choice.
    Several,
    /// It names another version than the route that the gateway took.
    Contradicts,
}

impl fmt::Display for AcceptFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AcceptFault::Missing => "The Accept header names no version.",
            AcceptFault::Malformed => "The Accept header is malformed.",
            AcceptFault::Several => "The Accept header names more than one version.",
            AcceptFault::Contradicts => "The Accept header names another version than the path.",
        })
    }
}

/// The version that the lines of `Accept` name, if they name one.
///
/// # Errors
/// When they cannot be read, or name more than one media type of the vendor.
pub(super) fn version<'a>(
    vendor: &Vendor,
    lines: impl Iterator<Item = &'a [u8]>,
) -> Result<Option<&'a str>, AcceptFault> {
    let (mut found, mut bytes) = (None, 0);
    for line in lines {
        bytes += line.len();
        let visible = line.iter().all(|byte| byte.is_ascii_graphic() || matches!(byte, b' ' | b'\t'));
        let text = std::str::from_utf8(line).ok().filter(|_| visible && bytes <= ACCEPT_BYTES_MAX);
        for range in ranges(text.ok_or(AcceptFault::Malformed)?)? {
            let Some(label) = labelled(vendor, range)? else { continue };
            if found.replace(label).is_some() {
                return Err(AcceptFault::Several);
            }
        }
    }
    Ok(found)
}

/// The media ranges of a line; a comma within quotes separates nothing.
fn ranges(line: &str) -> Result<Vec<&str>, AcceptFault> {
    let (mut ranges, mut begin, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (position, byte) in line.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => {
                ranges.push(&line[begin..position]);
                begin = position + 1;
            }
            _ => {}
        }
    }
    ranges.push(&line[begin..]);
    if quoted { Err(AcceptFault::Malformed) } else { Ok(ranges) }
}

/// The label in a media range of the vendor.
fn labelled<'a>(vendor: &Vendor, range: &'a str) -> Result<Option<&'a str>, AcceptFault> {
    let (media, parameters) = range.split_once(';').unwrap_or((range, ""));
    let media = media.trim();
    let prefix = "application/vnd.";
    // Types are compared without regard to case, labels are not.
    let Some((begin, rest)) = media.split_at_checked(prefix.len()) else { return Ok(None) };
    if !begin.eq_ignore_ascii_case(prefix) {
        return Ok(None);
    }
    let Some((name, rest)) = rest.split_at_checked(vendor.0.len()) else { return Ok(None) };
    if !name.eq_ignore_ascii_case(&vendor.0) || !(rest.is_empty() || rest.starts_with(['.', '+'])) {
        return Ok(None);
    }
    let Some((label, format)) = rest.strip_prefix('.').and_then(|rest| rest.rsplit_once('+')) else {
        return Err(AcceptFault::Malformed);
    };
    let known = ["json", "xml"].iter().any(|known| format.eq_ignore_ascii_case(known));
    if !known || !is_label(label) || refuses(parameters) {
        return Err(AcceptFault::Malformed);
    }
    Ok(Some(label))
}

/// The form of a version's label, as the domain has it.
pub(super) fn is_label(text: &str) -> bool {
    (1..=LABEL_BYTES_MAX).contains(&text.len())
        && text.as_bytes()[0].is_ascii_alphanumeric()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
}

/// Whether the parameters say that the range is not acceptable: `q=0`.
fn refuses(parameters: &str) -> bool {
    parameters.split(';').filter_map(|parameter| parameter.split_once('=')).any(|(name, value)| {
        let value = value.trim();
        name.trim().eq_ignore_ascii_case("q")
            && value.starts_with('0')
            && value.bytes().all(|b| matches!(b, b'0' | b'.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<'a>(lines: &[&'a str]) -> Result<Option<&'a str>, AcceptFault> {
        version(&"hmrc".parse().expect("a vendor"), lines.iter().map(|line| line.as_bytes()))
    }

    #[test]
    fn one_media_type_of_the_vendor_names_the_version() {
        for (line, label) in [
            ("application/vnd.hmrc.1.0+json", "1.0"),
            ("application/vnd.hmrc.1.10+xml", "1.10"),
            ("APPLICATION/VND.HMRC.P1.0+JSON", "P1.0"),
            (" text/html , application/vnd.hmrc.2.0+json ; q=0.9 , */*", "2.0"),
            ("text/html;x=\"a, application/vnd.hmrc.9.0+json\", application/vnd.hmrc.2.0+json", "2.0"),
            ("text/html;x=\"\\\"\", application/vnd.hmrc.2.0+json", "2.0"),
        ] {
            assert_eq!(read(&[line]), Ok(Some(label)), "{line}");
        }
        assert_eq!(read(&["text/html", "application/vnd.hmrc.1.0+json"]), Ok(Some("1.0")), "two lines are one list");
    }

    #[test]
    fn other_media_types_name_none() {
        for line in ["", "*/*", "application/json", "application/vnd.hmrcx.1.0+json", "application/vnd.other.1.0+json"]
        {
            assert_eq!(read(&[line]), Ok(None), "{line}");
        }
        assert_eq!(read(&[]), Ok(None));
    }

    #[test]
    fn two_media_types_of_the_vendor_are_refused_even_if_they_agree() {
        let (one, two) = ("application/vnd.hmrc.1.0+json", "application/vnd.hmrc.2.0+json");
        assert_eq!(read(&[&format!("{one}, {two}")]), Err(AcceptFault::Several));
        assert_eq!(read(&[one, two]), Err(AcceptFault::Several));
        assert_eq!(read(&[one, one]), Err(AcceptFault::Several));
        assert_eq!(read(&["application/vnd.hmrc.1.0+json, application/VND.hmrc.1.0+xml"]), Err(AcceptFault::Several));
    }

    #[test]
    fn a_media_type_of_the_vendor_that_is_nearly_right_is_refused() {
        for line in [
            "application/vnd.hmrc",
            "application/vnd.hmrc.",
            "application/vnd.hmrc+json",
            "application/vnd.hmrc.+json",
            "application/vnd.hmrc.1.0",
            "application/vnd.hmrc.1.0+yaml",
            "application/vnd.hmrc.1.0+json+json",
            "application/vnd.hmrc.1_0+json",
            "application/vnd.hmrc..1+json",
            "application/vnd.hmrc.1.0+json;q=0",
            "application/vnd.hmrc.1.0+json; q = 0.000",
            "text/html;x=\"open",
            "application/vnd.hmrc.1.0+json\r\nx: y",
            "é",
        ] {
            assert_eq!(read(&[line]), Err(AcceptFault::Malformed), "{line:?}");
        }
        let long = format!("text/{}", "a".repeat(ACCEPT_BYTES_MAX - 5));
        assert_eq!(read(&[&long]), Ok(None));
        assert_eq!(read(&[&long, "b"]), Err(AcceptFault::Malformed));
    }

    #[test]
    fn vendors_are_names() {
        for text in ["", "Hmrc", "hm.rc", "h+", &"a".repeat(33)] {
            assert!(text.parse::<Vendor>().is_err(), "{text:?}");
        }
    }
}
