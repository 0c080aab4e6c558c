//! A secret as text.

/// What every secret begins with, so that a scanner finds it.
pub const PREFIX: &str = "dhs_";

/// How many of its last characters may be shown to tell it from others.
pub const LAST_SHOWN: usize = 4;

/// Characters of the random part: 62^43 is more than 2^256.
const BODY_CHARS: usize = 43;

/// Characters of the checksum: 62^6 is more than 2^32.
const CHECKSUM_CHARS: usize = 6;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The greatest multiple of 62 that a byte can hold: bytes from there on are drawn again, so that no character is
/// likelier than another.
const EVEN: u8 = 248;

/// A secret. It is shown by [`Secret::reveal`] and by nothing else: it has no `Debug`, no `Display`, no serialization.
///
/// ```compile_fail
/// fn is_logged<T: std::fmt::Debug>() {}
/// is_logged::<devhub::secret::Secret>();
/// ```
#[derive(Clone)]
pub struct Secret(Box<str>);

/// The text is no secret of devhub's. What it is instead is not repeated: it may be a secret of somebody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no secret made by devhub: one begins with dhs_, has 53 characters, and its last six fit the others")]
pub struct NotASecret;

/// A number as six digits in base 62.
fn digits(mut number: u32) -> [u8; CHECKSUM_CHARS] {
    let mut digits = [BASE62[0]; CHECKSUM_CHARS];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[(number % 62) as usize];
        number /= 62;
    }
    digits
}

impl Secret {
    /// A new secret, from the operating system's random bytes.
    ///
    /// # Panics
    /// When the operating system gives none: then nothing can be kept secret.
    pub fn generate() -> Secret {
        Secret::drawn(|bytes| getrandom::fill(bytes).expect("the operating system gives random bytes"))
    }

    fn drawn(mut fill: impl FnMut(&mut [u8])) -> Secret {
        let mut body = String::with_capacity(BODY_CHARS);
        let mut bytes = [0; 64];
        while body.len() < BODY_CHARS {
            fill(&mut bytes);
            let even = bytes.iter().filter(|byte| **byte < EVEN);
            body.extend(even.take(BODY_CHARS - body.len()).map(|byte| char::from(BASE62[usize::from(byte % 62)])));
        }
        Secret::around(&body)
    }

    /// The secret with this random part.
    fn around(body: &str) -> Secret {
        let mut text = format!("{PREFIX}{body}");
        text.extend(digits(crc32c::crc32c(text.as_bytes())).map(char::from));
        Secret(text.into())
    }

    /// The secret that a text is.
    ///
    /// # Errors
    /// When it is none that devhub could have made.
    pub fn parse(text: &str) -> Result<Secret, NotASecret> {
        let body = text.strip_prefix(PREFIX).and_then(|rest| rest.get(..BODY_CHARS)).ok_or(NotASecret)?;
        let made = Secret::around(body);
        let plain = body.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if plain && &*made.0 == text { Ok(made) } else { Err(NotASecret) }
    }

    /// The text. Whoever calls this passes the secret on.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Its last characters, by which people tell their secrets apart.
    pub fn last_shown(&self) -> &str {
        &self.0[self.0.len() - LAST_SHOWN..]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::Regex;

    use super::*;

    /// What the documentation gives to scanners.
    const SCANNED: &str = r"\bdhs_[0-9A-Za-z]{49}\b";

    #[test]
    fn the_format_stays_as_it_is() {
        let secret = Secret::around(&"0123456789".repeat(5)[..BODY_CHARS]);
        assert_eq!(secret.reveal(), "dhs_01234567890123456789012345678901234567890120r98Tu");
        assert_eq!(secret.last_shown().len(), 4);
    }

    #[test]
    fn what_is_drawn_unevenly_is_drawn_again() {
        let mut round = 0;
        let secret = Secret::drawn(|bytes| {
            round += 1;
            bytes.fill(if round == 1 { EVEN } else { EVEN - 1 });
        });
        assert_eq!((round, &secret.reveal()[..8]), (2, "dhs_zzzz"));
    }

    #[test]
    fn no_secret_is_made_twice_and_every_character_is_used() {
        let made: Vec<Secret> = (0..200).map(|_| Secret::generate()).collect();
        let texts: std::collections::BTreeSet<&str> = made.iter().map(Secret::reveal).collect();
        assert_eq!(texts.len(), 200);
        let used: std::collections::BTreeSet<u8> = texts.iter().flat_map(|text| text[4..47].bytes()).collect();
        assert_eq!(used.len(), 62, "of 8,600 drawn characters none of 62 is missing");
    }

    #[test]
    fn other_texts_are_no_secrets() {
        let secret = Secret::generate();
        let text = secret.reveal();
        let odd = ["", "dhs_", "secret", &text[..52], &format!("{text}0"), &format!(" {text}"), &text.to_uppercase()];
        for odd in odd {
            assert!(Secret::parse(odd).is_err(), "{odd:?}");
        }
        assert!(Secret::parse(&format!("dhs_{}", "é".repeat(25))).is_err());
        assert!(!NotASecret.to_string().contains(text));
    }

    proptest! {
        #[test]
        fn a_secret_reads_back_and_is_found_by_scanners(body in "[0-9A-Za-z]{43}") {
            let secret = Secret::around(&body);
            let again = Secret::parse(secret.reveal());
            prop_assert!(again.is_ok_and(|again| again.reveal() == secret.reveal()));
            let log = format!("token=\"{}\",", secret.reveal());
            let found = Regex::new(SCANNED).expect("valid").find(&log).map(|found| found.as_str().to_owned());
            prop_assert_eq!(found.as_deref(), Some(secret.reveal()));
        }

        #[test]
        fn a_changed_character_fails_the_checksum(body in "[0-9A-Za-z]{43}", place in 0_usize..53, other in 0_usize..95) {
            let secret = Secret::around(&body);
            let mut changed = secret.reveal().as_bytes().to_vec();
            let other = b' ' + u8::try_from(other).expect("below 95");
            prop_assume!(changed[place] != other);
            changed[place] = other;
            let changed = String::from_utf8(changed).expect("ASCII");
            prop_assert!(Secret::parse(&changed).is_err());
        }

        #[test]
        fn two_swapped_neighbours_fail_the_checksum(body in "[0-9A-Za-z]{43}", place in 4_usize..52) {
            let secret = Secret::around(&body);
            let mut swapped = secret.reveal().as_bytes().to_vec();
            prop_assume!(swapped[place] != swapped[place + 1]);
            swapped.swap(place, place + 1);
            prop_assert!(Secret::parse(&String::from_utf8(swapped).expect("ASCII")).is_err());
        }
    }
}
