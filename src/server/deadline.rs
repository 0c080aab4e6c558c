//! Deadlines: how long a caller says it waits, as gRPC writes it.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName};

/// Where a caller says how long it waits.
const TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// Most digits, of which no unit makes more than fits.
const DIGITS_MAX: usize = 8;

/// It is written in no way that gRPC knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

/// How long the caller waits, if it says so.
pub(super) fn stated(headers: &HeaderMap) -> Result<Option<Duration>, Malformed> {
    let mut values = headers.get_all(TIMEOUT).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Malformed);
    }
    let text = value.to_str().map_err(|_| Malformed)?;
    let unit = text.chars().last().ok_or(Malformed)?;
    let digits = &text[..text.len() - unit.len_utf8()];
    if !(1..=DIGITS_MAX).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Malformed);
    }
    let number: u64 = digits.parse().map_err(|_| Malformed)?;
    Ok(Some(match unit {
        'H' => Duration::from_secs(number * 3600),
        'M' => Duration::from_secs(number * 60),
        'S' => Duration::from_secs(number),
        'm' => Duration::from_millis(number),
        'u' => Duration::from_micros(number),
        'n' => Duration::from_nanos(number),
        _ => return Err(Malformed),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(values: &[&str]) -> Result<Option<Duration>, Malformed> {
        let headers = values.iter().map(|value| (TIMEOUT, value.parse().expect("a value"))).collect();
        stated(&headers)
    }

    #[test]
    fn a_deadline_is_digits_and_a_unit_and_given_once() {
        assert_eq!(said(&[]), Ok(None));
        for (text, duration) in [
            ("2H", Duration::from_secs(7200)),
            ("3M", Duration::from_secs(180)),
            ("10S", Duration::from_secs(10)),
            ("200m", Duration::from_millis(200)),
            ("5u", Duration::from_micros(5)),
            ("0n", Duration::ZERO),
            ("99999999H", Duration::from_secs(99_999_999 * 3600)),
        ] {
            assert_eq!(said(&[text]), Ok(Some(duration)), "{text}");
        }
        for text in ["", "S", "1", "1s", "-1S", "+1S", "1.5S", " 1S", "1 S", "100000000n", "1\u{e9}"] {
            assert_eq!(said(&[text]), Err(Malformed), "{text:?}");
        }
        assert_eq!(said(&["1S", "2S"]), Err(Malformed));
    }
}
