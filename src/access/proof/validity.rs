//! Until when a certificate is valid: the library that verifies certificates does not tell. Of a certificate that was
//! verified already, so nothing is checked here but what is read.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use rustls::pki_types::CertificateDer;

/// The tag of a certificate's version, which the first of them have not.
const VERSION: u8 = 0xa0;

/// The tag of a time whose year has two digits.
const UTC_TIME: u8 = 0x17;

/// The tag of a time whose year has four digits.
const GENERALIZED_TIME: u8 = 0x18;

/// An element of DER: its tag, what it holds, and what comes after it.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (digits, rest) =
            rest.split_at_checked(usize::from(first & 0x7f)).filter(|(digits, _)| digits.len() <= 4)?;
        (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
    };
    let (held, rest) = rest.split_at_checked(length)?;
    Some((tag, held, rest))
}

/// The first instant at which a certificate is over. The second that it names as its last is one in which it is valid.
pub fn ends(certificate: &CertificateDer<'_>) -> Option<DateTime<Utc>> {
    let (_, certificate, _) = element(certificate)?;
    let (_, signed, _) = element(certificate)?;
    let (tag, _, after) = element(signed)?;
    let mut rest = if tag == VERSION { after } else { signed };
    // Serial number, algorithm, issuer.
    for _ in 0..3 {
        (_, _, rest) = element(rest)?;
    }
    let (_, validity, _) = element(rest)?;
    let (_, _, after) = element(validity)?;
    let (tag, text, _) = element(after)?;
    let text = std::str::from_utf8(text).ok()?;
    let text = match tag {
        GENERALIZED_TIME => text.to_owned(),
        // RFC 5280, 4.1.2.5.1.
        UTC_TIME if text < "50" => format!("20{text}"),
        UTC_TIME => format!("19{text}"),
        _ => return None,
    };
    let last = NaiveDateTime::parse_from_str(&text, "%Y%m%d%H%M%SZ").ok()?.and_utc();
    last.checked_add_signed(TimeDelta::seconds(1))
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    #[test]
    fn a_certificate_is_over_after_the_second_that_it_names_as_its_last() {
        let key = KeyPair::generate().expect("a key");
        for (year, expected) in [
            (1999, "1999-03-01T00:00:01Z"),
            (2049, "2049-03-01T00:00:01Z"),
            (2050, "2050-03-01T00:00:01Z"),
            (9998, "9998-03-01T00:00:01Z"),
        ] {
            let mut params = CertificateParams::new(vec!["a.example".to_owned()]).expect("a name");
            (params.not_before, params.not_after) = (date_time_ymd(1990, 1, 1), date_time_ymd(year, 3, 1));
            let certificate = params.self_signed(&key).expect("a certificate");
            assert_eq!(ends(certificate.der()), expected.parse().ok(), "{year}");
            // Whatever is cut off: nothing, and no panic.
            for length in 0..certificate.der().len().min(120) {
                assert_eq!(ends(&CertificateDer::from(&certificate.der()[..length])), None, "{length}");
            }
        }
        for bytes in [&[0x30, 0x85, 1, 1, 1, 1, 1][..], &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff], &[0x30, 0x80]] {
            assert_eq!(ends(&CertificateDer::from(bytes)), None);
        }
    }
}
