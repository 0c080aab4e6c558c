//! Answers to request ids as bytes.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use devhub_proto::store::v1 as disk;

use super::record::{decode, read, wrap};
use super::{Undecodable, key};
use crate::domain::name::RequestId;
use crate::domain::record::Record;
use crate::wire::{instant, timestamp};

/// The first answer to a request id, kept so that a replay returns it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// SHA-256 of who asked for what.
    pub fingerprint: [u8; 32],
    /// The instant of the first answer.
    pub answered_at: DateTime<Utc>,
    /// The record that the answer shows, as it was then.
    pub subject: Record,
    /// What the answer warned of.
    pub warnings: Vec<String>,
    /// Live subscriptions concerned.
    pub affected: u64,
}

impl Answer {
    /// Where the answer to a request id is kept.
    pub fn key(id: &RequestId) -> Bytes {
        key::answer(id)
    }

    /// The answer as bytes.
    pub fn encode(&self) -> Bytes {
        wrap(disk::record::Content::Answer(disk::AnswerRecord {
            fingerprint: self.fingerprint.to_vec(),
            answered_at: Some(timestamp(self.answered_at)),
            subject: super::encode_record(&self.subject).to_vec(),
            warnings: self.warnings.clone(),
            affected: i64::try_from(self.affected).unwrap_or(i64::MAX),
        }))
    }

    /// The answer of these bytes.
    ///
    /// # Errors
    /// When they are none, or of a newer format.
    pub fn decode(bytes: &[u8]) -> Result<Answer, Undecodable> {
        let damaged = Undecodable::Damaged("an answer to a request id has impossible content");
        match read(bytes)? {
            disk::record::Content::Answer(answer) => Ok(Answer {
                fingerprint: answer.fingerprint.try_into().map_err(|_| damaged.clone())?,
                answered_at: answer.answered_at.as_ref().and_then(instant).ok_or(damaged)?,
                subject: decode(&answer.subject)?,
                warnings: answer.warnings,
                affected: u64::try_from(answer.affected).unwrap_or_default(),
            }),
            disk::record::Content::Api(_)
            | disk::record::Content::Version(_)
            | disk::record::Content::Application(_)
            | disk::record::Content::Subscription(_)
            | disk::record::Content::AccessRequest(_)
            | disk::record::Content::Name(_)
            | disk::record::Content::Revision(_)
            | disk::record::Content::Namespace(_)
            | disk::record::Content::Waiver(_) => Err(damaged),
        }
    }
}
