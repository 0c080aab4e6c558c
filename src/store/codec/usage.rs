//! Notes of usage as bytes: their keys, and what they say. A note that cannot be read counts as lost.

use bytes::{BufMut, Bytes, BytesMut};
use chrono::{DateTime, Utc};
use devhub_decision::Environment;
use devhub_proto::store::v1 as disk;
use prost::Message;

use super::{FORMAT, Undecodable};
use crate::domain::name::{ApplicationId, ClientSecretId, KeyId, VersionName};
use crate::domain::usage::{Day, Usage};
use crate::wire::{instant, timestamp};

/// The key of the note that says since when calls have been counted.
pub const COUNTING_KEY: Bytes = Bytes::from_static(b"c");

/// First byte of the keys of usage.
const USAGE: u8 = b'u';

/// First byte of the keys of last uses of secrets.
const LAST_USE: u8 = b's';

/// First byte of the keys of last uses of public keys.
const LAST_USE_OF_KEY: u8 = b'k';

/// Whose calls of what a note is about, by borrowed parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct UsageKey<'a> {
    /// Who calls.
    pub client_id: &'a str,
    /// The API.
    pub context: &'a str,
    /// The version.
    pub label: &'a str,
    /// Where.
    pub environment: Environment,
}

const fn environment_byte(environment: Environment) -> u8 {
    match environment {
        Environment::Sandbox => b's',
        Environment::Production => b'p',
    }
}

impl UsageKey<'_> {
    /// The key as bytes: kind, environment, then the parts, each but the last followed by a zero byte, which no part
    /// contains.
    pub fn encode(&self) -> Bytes {
        let mut key = BytesMut::with_capacity(self.client_id.len() + self.context.len() + self.label.len() + 4);
        key.put_slice(&[USAGE, environment_byte(self.environment)]);
        key.put_slice(self.client_id.as_bytes());
        key.put_u8(0);
        key.put_slice(self.context.as_bytes());
        key.put_u8(0);
        key.put_slice(self.label.as_bytes());
        key.freeze()
    }

    /// The beginning that the keys of all versions have in common, for one client in one environment.
    pub fn encode_client(client_id: &str, environment: Environment) -> Bytes {
        let mut key = BytesMut::with_capacity(client_id.len() + 3);
        key.put_slice(&[USAGE, environment_byte(environment)]);
        key.put_slice(client_id.as_bytes());
        key.put_u8(0);
        key.freeze()
    }

    /// The version that a key as bytes names; none if it is no such key.
    pub fn version_of(key: &[u8]) -> Option<VersionName> {
        let mut parts = key.strip_prefix(&[USAGE])?.split(|byte| *byte == 0).skip(1);
        let mut part = || std::str::from_utf8(parts.next()?).ok();
        Some(VersionName { context: part()?.parse().ok()?, label: part()?.parse().ok()? })
    }

    /// Whether `key` is this key as bytes. Nothing is allocated to find out.
    pub fn is(&self, key: &[u8]) -> bool {
        let rest = key
            .strip_prefix(&[USAGE, environment_byte(self.environment)])
            .and_then(|rest| rest.strip_prefix(self.client_id.as_bytes())?.strip_prefix(&[0]))
            .and_then(|rest| rest.strip_prefix(self.context.as_bytes())?.strip_prefix(&[0]));
        rest == Some(self.label.as_bytes())
    }
}

/// Usage as bytes.
pub fn encode_usage(usage: &Usage) -> Bytes {
    let note = disk::UsageNote {
        format: FORMAT,
        calls: usage.daily().map(|(day, calls)| (day.number(), calls)).collect(),
        last_call_hour: usage.last_call().map(timestamp),
    };
    note.encode_to_vec().into()
}

/// The usage of these bytes.
///
/// # Errors
/// When they are none, or of a newer format.
pub fn decode_usage(bytes: &[u8]) -> Result<Usage, Undecodable> {
    let note = disk::UsageNote::decode(bytes).map_err(|_| Undecodable::Damaged("it is no valid note of usage"))?;
    check(note.format)?;
    let calls = note.calls.into_iter().map(|(day, calls)| (Day::from_number(day), calls));
    Ok(Usage::new(calls, note.last_call_hour.as_ref().and_then(instant)))
}

/// Since when calls have been counted, and what the end of a run knows of gaps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counting {
    /// The first instant.
    pub since: DateTime<Utc>,
    /// How the run that wrote this ended: `None` while it lasts, and when it was cut off.
    pub complete: Option<Complete>,
}

/// A run that ended with every call noted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complete {
    /// From when on no call was lost.
    pub known_since: DateTime<Utc>,
    /// Revision of the newest commit then.
    pub head: u64,
}

/// The beginning of counting as bytes.
pub fn encode_counting(counting: &Counting) -> Bytes {
    let complete = counting.complete.as_ref();
    let note = disk::CountingNote {
        format: FORMAT,
        since: Some(timestamp(counting.since)),
        known_since: complete.map(|complete| timestamp(complete.known_since)),
        complete: complete.is_some(),
        head: complete.map(|complete| complete.head).unwrap_or_default(),
    };
    note.encode_to_vec().into()
}

/// The beginning of counting of these bytes.
///
/// # Errors
/// When they are none, or of a newer format.
pub fn decode_counting(bytes: &[u8]) -> Result<Counting, Undecodable> {
    const WRONG: Undecodable = Undecodable::Damaged("it is no valid note of counting");
    let note = disk::CountingNote::decode(bytes).map_err(|_| WRONG)?;
    check(note.format)?;
    let since = note.since.as_ref().and_then(instant).ok_or(WRONG)?;
    let known_since = note.known_since.as_ref().and_then(instant).filter(|_| note.complete);
    Ok(Counting { since, complete: known_since.map(|known_since| Complete { known_since, head: note.head }) })
}

/// The key of the note that says when a secret was last verified.
pub fn last_use_key(secret: &ClientSecretId) -> Bytes {
    let mut key = BytesMut::with_capacity(secret.as_str().len() + 1);
    key.put_u8(LAST_USE);
    key.put_slice(secret.as_str().as_bytes());
    key.freeze()
}

/// The key of the note that says when a public key of an application last verified something. Two applications may have one
/// key.
pub fn last_use_of_key_key(application: &ApplicationId, id: &KeyId) -> Bytes {
    let mut key = BytesMut::with_capacity(application.as_str().len() + id.as_str().len() + 2);
    key.put_u8(LAST_USE_OF_KEY);
    key.put_slice(application.as_str().as_bytes());
    key.put_u8(0);
    key.put_slice(id.as_str().as_bytes());
    key.freeze()
}

/// The hour of a last use as bytes.
pub fn encode_last_use(hour: DateTime<Utc>) -> Bytes {
    disk::LastUseNote { format: FORMAT, hour: Some(timestamp(hour)) }.encode_to_vec().into()
}

/// The hour of a last use of these bytes.
///
/// # Errors
/// When they are none, or of a newer format.
pub fn decode_last_use(bytes: &[u8]) -> Result<DateTime<Utc>, Undecodable> {
    const WRONG: Undecodable = Undecodable::Damaged("it is no valid note of a last use");
    let note = disk::LastUseNote::decode(bytes).map_err(|_| WRONG)?;
    check(note.format)?;
    note.hour.as_ref().and_then(instant).ok_or(WRONG)
}

fn check(format: u32) -> Result<(), Undecodable> {
    match format {
        FORMAT => Ok(()),
        newer if newer > FORMAT => Err(Undecodable::Newer(newer)),
        _ => Err(Undecodable::Damaged("a note names no format")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-01-01T12:34:56Z".parse().expect("an instant")
    }

    #[test]
    fn a_key_is_found_by_its_parts_only() {
        let key = UsageKey { client_id: "client", context: "a/b", label: "1.0", environment: Environment::Sandbox };
        assert_eq!(&key.encode()[..], b"usclient\0a/b\x001.0");
        assert!(key.is(&key.encode()));
        assert_eq!(UsageKey::version_of(&key.encode()).map(|name| name.to_string()), Some("a/b 1.0".to_owned()));
        assert_eq!(UsageKey::version_of(b"usclient"), None);
        let beginning = UsageKey::encode_client("client", Environment::Sandbox);
        assert_eq!(&beginning[..], b"usclient\0");
        for other in [
            UsageKey { client_id: "clien", ..key },
            UsageKey { client_id: "client2", ..key },
            UsageKey { context: "a", ..key },
            UsageKey { label: "1.0.1", ..key },
            UsageKey { label: "1", ..key },
            UsageKey { environment: Environment::Production, ..key },
        ] {
            assert!(!other.is(&key.encode()) && !key.is(&other.encode()), "{other:?}");
        }
    }

    #[test]
    fn notes_round_trip_and_their_first_bytes_stay_readable() {
        let usage = Usage::new([(Day::from_number(20_454), 7), (Day::from_number(20_455), 300)], Some(now()));
        assert_eq!(decode_usage(&encode_usage(&usage)), Ok(usage.clone()));
        let bytes = b"\x08\x01\x12\x06\x08\xe6\x9f\x01\x10\x07\x12\x07\x08\xe7\x9f\x01\x10\xac\x02\x1a\x06\x08\xc0\xdf\xd9\xca\x06";
        assert_eq!(decode_usage(bytes), Ok(usage));
        assert_eq!(decode_usage(&encode_usage(&Usage::default())), Ok(Usage::default()));
        assert_eq!(decode_last_use(&encode_last_use(now())), Ok(now()));
        assert_eq!(
            decode_last_use(b"\x08\x01\x12\x06\x08\xc0\xdf\xd9\xca\x06").map(|hour| hour.timestamp()),
            Ok(1_767_272_384)
        );
        let complete = Complete { known_since: now() + chrono::TimeDelta::days(1), head: 7 };
        for complete in [None, Some(complete)] {
            let counting = Counting { since: now(), complete };
            assert_eq!(decode_counting(&encode_counting(&counting)), Ok(counting));
        }
        let first = b"\x08\x01\x12\x06\x08\xf0\xd3\xd9\xca\x06";
        assert_eq!(decode_counting(first), Ok(Counting { since: now(), complete: None }), "of the first release");
    }

    #[test]
    fn what_is_no_note_is_said_to_be_none() {
        assert_eq!(decode_usage(b"\x08\x02"), Err(Undecodable::Newer(2)));
        assert!(matches!(decode_usage(b""), Err(Undecodable::Damaged(_))));
        assert!(matches!(decode_usage(b"\xff"), Err(Undecodable::Damaged(_))));
        assert!(matches!(decode_counting(b"\x08\x01"), Err(Undecodable::Damaged(_))));
        assert!(matches!(decode_last_use(b"\x08\x01"), Err(Undecodable::Damaged(_))));
        assert_eq!(decode_last_use(b"\x08\x02"), Err(Undecodable::Newer(2)));
    }
}
