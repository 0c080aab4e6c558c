//! Words and instants as messages carry them.

use chrono::{DateTime, Utc};
use devhub_decision::{Environment, Maturity, Permissions, Stage, StagePermissions, Standing};
use devhub_proto::v1;
use prost_types::Timestamp;

use crate::read::Malformed;

/// Each word and its number, told once and read both ways. The `match` is exhaustive: a new word does not compile here.
macro_rules! words {
    ($there:ident, $back:ident, $word:ty, $number:ty, $field:literal, { $($value:ident),+ }) => {
        pub(crate) const fn $there(word: $word) -> i32 {
            match word {
                $(<$word>::$value => <$number>::$value as i32,)+
            }
        }

        pub(crate) fn $back(number: i32) -> Result<$word, Malformed> {
            match <$number>::try_from(number) {
                $(Ok(<$number>::$value) => Ok(<$word>::$value),)+
                Ok(<$number>::Unspecified) | Err(_) => Err(Malformed::Word { field: $field, number }),
            }
        }
    };
}

words!(maturity_number, maturity, Maturity, v1::Maturity, "maturity", { Alpha, Beta, Stable });
words!(standing_number, standing, Standing, v1::SyncStanding, "standing", {
    Usable, NotApproved, Blocked, Deleted
});
words!(number_of_environment, environment_of, Environment, v1::Environment, "environment", { Sandbox, Production });

/// The number of an environment.
pub const fn environment_number(environment: Environment) -> i32 {
    number_of_environment(environment)
}

/// The environment of a number.
///
/// # Errors
/// When there is none.
pub fn environment(number: i32) -> Result<Environment, Malformed> {
    environment_of(number)
}

/// Bits of what a policy permits in one stage.
const BITS: usize = 3;

pub(crate) fn permission_bits(StagePermissions(stages): &StagePermissions) -> u32 {
    let bits = |Permissions { documentation, new_subscriptions, calls }: &Permissions| {
        u32::from(*documentation) | u32::from(*new_subscriptions) << 1 | u32::from(*calls) << 2
    };
    stages.iter().enumerate().map(|(at, stage)| bits(stage) << (at * BITS)).sum()
}

pub(crate) fn permissions(bits: u32) -> Result<StagePermissions, Malformed> {
    if bits >> (Stage::ALL.len() * BITS) != 0 {
        return Err(Malformed::Permissions(bits));
    }
    Ok(StagePermissions(Stage::ALL.map(|stage| {
        let bits = bits >> (stage as usize * BITS);
        Permissions { documentation: bits & 1 != 0, new_subscriptions: bits & 2 != 0, calls: bits & 4 != 0 }
    })))
}

/// An instant as messages carry it.
pub fn timestamp(instant: DateTime<Utc>) -> Timestamp {
    // A leap second is counted into the second before it, as Unix time does.
    let nanos = instant.timestamp_subsec_nanos().min(999_999_999);
    Timestamp { seconds: instant.timestamp(), nanos: nanos.cast_signed() }
}

/// The instant of a message.
///
/// # Errors
/// When it is none.
pub fn instant(timestamp: &Timestamp) -> Result<DateTime<Utc>, Malformed> {
    let nanos = u32::try_from(timestamp.nanos).ok().filter(|nanos| *nanos < 1_000_000_000);
    let found = nanos.and_then(|nanos| DateTime::from_timestamp(timestamp.seconds, nanos));
    found.ok_or(Malformed::Instant { seconds: timestamp.seconds, nanos: timestamp.nanos })
}
