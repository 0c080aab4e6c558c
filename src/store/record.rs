//! What a group of commits looks like in bytes: a versioned prost message.
//!
//! Field numbers are for ever. A change that an older release would misread raises [`FORMAT`].

use bytes::Bytes;
use chrono::DateTime;
use prost::Message;
use sha2::{Digest, Sha256};

use super::{Commit, Write};

/// Format of the payload of a frame.
pub(crate) const FORMAT: u16 = 1;

#[derive(Clone, PartialEq, Message)]
struct Group {
    #[prost(message, repeated, tag = "1")]
    commits: Vec<CommitRecord>,
}

#[derive(Clone, PartialEq, Message)]
struct CommitRecord {
    #[prost(uint64, tag = "1")]
    revision: u64,
    #[prost(sint64, tag = "2")]
    instant_seconds: i64,
    #[prost(uint32, tag = "3")]
    instant_nanos: u32,
    #[prost(message, repeated, tag = "4")]
    writes: Vec<WriteRecord>,
    #[prost(bytes = "bytes", repeated, tag = "5")]
    facts: Vec<Bytes>,
}

#[derive(Clone, PartialEq, Message)]
struct WriteRecord {
    #[prost(bytes = "bytes", tag = "1")]
    key: Bytes,
    #[prost(bytes = "bytes", optional, tag = "2")]
    value: Option<Bytes>,
}

/// The payload that holds `commits`.
pub(crate) fn encode(commits: &[Commit]) -> Vec<u8> {
    let record = |commit: &Commit| CommitRecord {
        revision: commit.revision,
        instant_seconds: commit.instant.timestamp(),
        instant_nanos: commit.instant.timestamp_subsec_nanos(),
        writes: commit
            .writes
            .iter()
            .map(|Write { key, value }| WriteRecord { key: key.clone(), value: value.clone() })
            .collect(),
        facts: commit.facts.clone(),
    };
    Group { commits: commits.iter().map(record).collect() }.encode_to_vec()
}

/// The commits in `payload`. Every value gets memory of its own, so that keeping one does not keep the whole group.
pub(crate) fn decode(payload: &[u8]) -> Result<Vec<Commit>, String> {
    let group = Group::decode(payload).map_err(|error| format!("the group cannot be decoded ({error})"))?;
    let commit = |record: CommitRecord| {
        let instant = DateTime::from_timestamp(record.instant_seconds, record.instant_nanos)
            .ok_or_else(|| format!("revision {} has an instant out of range", record.revision))?;
        let writes = record.writes.into_iter().map(|WriteRecord { key, value }| Write { key, value }).collect();
        Ok(Commit { revision: record.revision, instant, writes, facts: record.facts })
    };
    group.commits.into_iter().map(commit).collect()
}

/// The chain value after `payload`.
pub(crate) fn chain(previous: &[u8; 32], payload: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(previous).chain_update(payload).finalize().into()
}
