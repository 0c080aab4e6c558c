//! Paths: read as they stand, or refused. A path that a gateway, this hub and an API could read in different ways is
//! never repaired, because the request that is forwarded is the one that was sent, not the one that was meant.

use std::fmt;

/// Longest context, in bytes: no prefix of a path that is longer can be one.
const CONTEXT_BYTES_MAX: usize = 128;

/// Why a path is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OddPath {
    /// It does not begin with a slash.
    NotRooted,
    /// It is longer than the endpoint reads.
    TooLong {
        /// The longest that is read, in bytes.
        max: usize,
    },
    /// It holds a byte that RFC 3986 does not allow in a path, or a `;`, which some servers cut off.
    Byte {
        /// The first such byte.
        byte: u8,
    },
    /// Two slashes stand together.
    EmptySegment,
    /// A segment is `.` or `..`.
    DotSegment,
    /// A percent sign is not followed by two hexadecimal digits, or by those of a character that needs no escape, of a
    /// separator, of a control character, or of another escape.
    Escape,
}

impl fmt::Display for OddPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OddPath::NotRooted => write!(f, "it must begin with a slash"),
            OddPath::TooLong { max } => write!(f, "it must have at most {max} bytes before the query string"),
            OddPath::Byte { byte } => write!(f, "it holds the byte 0x{byte:02x}, which must not stand there"),
            OddPath::EmptySegment => write!(f, "it holds two slashes in a row"),
            OddPath::DotSegment => write!(f, "it holds a segment that is a dot or two"),
            OddPath::Escape => write!(
                f,
                "it escapes something that must not be escaped: a letter, a digit, one of - . _ ~ / \\ ; or %, or a control \
                 character"
            ),
        }
    }
}

/// A path that everybody reads alike, without its query string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlainPath<'p>(&'p str);

impl<'p> PlainPath<'p> {
    /// Takes the path of a request target, which may have a query string.
    ///
    /// # Errors
    /// When it is odd.
    pub fn of(target: &'p str, bytes_max: usize) -> Result<PlainPath<'p>, OddPath> {
        let path = target.split_once('?').map_or(target, |(path, _)| path);
        if path.len() > bytes_max {
            return Err(OddPath::TooLong { max: bytes_max });
        }
        let Some(rest) = path.strip_prefix('/') else { return Err(OddPath::NotRooted) };
        check_bytes(path.as_bytes())?;
        let mut segments = rest.split('/').peekable();
        while let Some(segment) = segments.next() {
            match segment {
                // One slash at the end is how directories are written.
                "" if segments.peek().is_some() => return Err(OddPath::EmptySegment),
                "." | ".." => return Err(OddPath::DotSegment),
                _ => {}
            }
        }
        Ok(PlainPath(path))
    }

    /// What lies below `base`, beginning with a slash; `None` if the path lies elsewhere.
    pub fn below(self, base: &str) -> Option<&'p str> {
        match self.0.strip_prefix(base.strip_suffix('/').unwrap_or(base))? {
            "" => Some("/"),
            rest => rest.starts_with('/').then_some(rest),
        }
    }

    /// What lies below the path of a context.
    pub fn below_context(self, context: &str) -> Option<&'p str> {
        match self.0.strip_prefix('/')?.strip_prefix(context)? {
            "" => Some("/"),
            rest => rest.starts_with('/').then_some(rest),
        }
    }

    /// The prefixes that could be a context, longest first: of an API and one in its path, the inner one is called.
    pub fn contexts(self) -> impl Iterator<Item = &'p str> {
        let rest = &self.0[1..];
        let slashes = rest.bytes().enumerate().filter(|(_, byte)| *byte == b'/').map(|(position, _)| position);
        let mut ends: Vec<usize> = slashes.chain([rest.len()]).take_while(|end| *end <= CONTEXT_BYTES_MAX).collect();
        ends.reverse();
        ends.into_iter().map(move |end| &rest[..end])
    }
}

fn check_bytes(path: &[u8]) -> Result<(), OddPath> {
    for (position, &byte) in path.iter().enumerate() {
        match byte {
            b'%' => {
                let digit = |offset: usize| path.get(position + offset).and_then(|byte| char::from(*byte).to_digit(16));
                let escaped = digit(1).zip(digit(2)).and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
                let allowed = escaped.is_some_and(|escaped| {
                    !(is_unreserved(escaped) || escaped.is_ascii_control() || b"/\\;%".contains(&escaped))
                });
                if !allowed {
                    return Err(OddPath::Escape);
                }
            }
            _ if is_unreserved(byte) || b"/!$&'()*+,=:@".contains(&byte) => {}
            _ => return Err(OddPath::Byte { byte }),
        }
    }
    Ok(())
}

/// What RFC 3986 calls unreserved: written plainly, and the same as its escape to whoever decodes.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(target: &str) -> Result<PlainPath<'_>, OddPath> {
        PlainPath::of(target, 64)
    }

    #[test]
    fn paths_that_could_be_read_in_two_ways_are_refused() {
        for (target, odd) in [
            ("", OddPath::NotRooted),
            ("*", OddPath::NotRooted),
            ("http://host/a", OddPath::NotRooted),
            ("/a//b", OddPath::EmptySegment),
            ("//a", OddPath::EmptySegment),
            ("/a//", OddPath::EmptySegment),
            ("/a/./b", OddPath::DotSegment),
            ("/a/../b", OddPath::DotSegment),
            ("/a/..", OddPath::DotSegment),
            ("/.", OddPath::DotSegment),
            ("/a/%2e%2e/b", OddPath::Escape),
            ("/a/%2E/b", OddPath::Escape),
            ("/a%2fb", OddPath::Escape),
            ("/a%2Fb", OddPath::Escape),
            ("/a%5cb", OddPath::Escape),
            ("/a%5Cb", OddPath::Escape),
            ("/a%00", OddPath::Escape),
            ("/a%0d%0ab", OddPath::Escape),
            ("/a%7f", OddPath::Escape),
            ("/a%3bb", OddPath::Escape),
            ("/a/%252e%252e/b", OddPath::Escape),
            ("/%68ello", OddPath::Escape),
            ("/a%", OddPath::Escape),
            ("/a%2", OddPath::Escape),
            ("/a%zz", OddPath::Escape),
            ("/a%+1", OddPath::Escape),
            ("/a\\b", OddPath::Byte { byte: b'\\' }),
            ("/a;b=c", OddPath::Byte { byte: b';' }),
            ("/a b", OddPath::Byte { byte: b' ' }),
            ("/a#b", OddPath::Byte { byte: b'#' }),
            ("/a\r\nb", OddPath::Byte { byte: b'\r' }),
            ("/a\0", OddPath::Byte { byte: 0 }),
            ("/é", OddPath::Byte { byte: 0xc3 }),
        ] {
            assert_eq!(plain(target), Err(odd), "{target:?}");
        }
    }

    #[test]
    fn plain_paths_are_taken_as_they_stand() {
        for target in ["/", "/a", "/a/", "/A.b_c~d-e", "/a/b:c@d", "/a%20b%C3%A9", "/(a),b=c&d+e*!$'", "/a/...", "/.a"]
        {
            assert_eq!(plain(target).map(|path| path.0), Ok(target));
        }
        // What follows the question mark belongs to the API alone.
        assert_eq!(plain("/a?b=//../%2f;\\").map(|path| path.0), Ok("/a"));
    }

    #[test]
    fn the_limit_of_a_path_is_exact_and_does_not_count_the_query() {
        let longest = format!("/{}", "a".repeat(63));
        assert!(plain(&longest).is_ok() && plain(&format!("{longest}?{longest}")).is_ok());
        assert_eq!(plain(&format!("{longest}a")), Err(OddPath::TooLong { max: 64 }));
    }

    #[test]
    fn a_base_ends_at_a_slash() {
        for (target, base, below) in [
            ("/hello", "/hello", Some("/")),
            ("/hello/", "/hello", Some("/")),
            ("/hello/world?x=1", "/hello", Some("/world")),
            ("/hellox", "/hello", None),
            ("/hell", "/hello", None),
            ("/Hello/world", "/hello", None),
            ("/a/b", "/", Some("/a/b")),
            ("/", "/", Some("/")),
        ] {
            assert_eq!(plain(target).expect("plain").below(base), below, "{target} below {base}");
        }
    }

    #[test]
    fn the_innermost_context_is_tried_first() {
        let contexts = |target| plain(target).expect("plain").contexts().collect::<Vec<_>>();
        assert_eq!(contexts("/a/b/c"), ["a/b/c", "a/b", "a"]);
        assert_eq!(contexts("/a/"), ["a/", "a"]);
        let long = format!("/a/{}", "b".repeat(200));
        assert_eq!(PlainPath::of(&long, 1024).expect("plain").contexts().collect::<Vec<_>>(), ["a"]);
    }
}
