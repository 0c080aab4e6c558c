//! How records, their keys and facts become bytes, and back. The only place that knows the format on disk.
//!
//! A value is a `devhub.store.v1.Record`. Its `format` says how to read it: a newer one is refused with a sentence, an
//! older one is upgraded here (there is none yet). A key is one byte that says what it is of, then its parts, each but
//! the last followed by a zero byte, which no part contains.

mod answer;
mod app;
mod company;
mod credential;
mod disuse;
mod extract;
mod fact;
mod gateway;
mod installation;
mod key;
mod maintenance;
mod notice;
mod proposal;
mod record;
mod schedule;
mod usage;
mod waiver;

pub use answer::{Answer, Dropped};
pub use extract::decision_part;
pub use fact::{By, decode_fact, encode_fact};
pub use key::{
    Kind, announcement_revisions_of, encode as encode_key, holder_of, kind as key_kind, notices_of, prefix_of,
    projects_of, revisions_in, revisions_of,
};
#[cfg(test)]
pub(crate) use record::samples;
pub use record::{decode as decode_record, encode as encode_record};
pub use usage::{
    COUNTING_KEY, Complete, Counting, UsageKey, decode_counting, decode_last_use, decode_usage, encode_counting,
    encode_last_use, encode_usage, last_use_key, last_use_of_key_key,
};

/// The format that this release writes, and the newest that it reads.
pub const FORMAT: u32 = 1;

/// Stored bytes that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Undecodable {
    /// Not a record, or one with impossible content.
    #[error("a stored record is damaged: {0}")]
    Damaged(&'static str),
    /// Written by a newer release.
    #[error(
        "a stored record has format {0}, this release reads up to {FORMAT}; run the release that wrote it, or a newer one"
    )]
    Newer(u32),
}
