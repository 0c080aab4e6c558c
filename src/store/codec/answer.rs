//! Answers to request ids as bytes.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use devhub_proto::store::v1 as disk;

use super::record::{decode, decode_name, read, wrap};
use super::{Undecodable, key};
use crate::domain::name::{RequestId, VersionName};
use crate::domain::record::Record;
use crate::wire::{instant, timestamp, version_name};

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
    /// What was asked for besides and was not granted.
    pub dropped: Vec<Dropped>,
}

/// A version for which something was not granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// The version.
    pub version: VersionName,
    /// The name of the error reason.
    pub reason: String,
    /// Why not, in a sentence.
    pub sentence: String,
}

impl Dropped {
    fn encode(&self) -> disk::DroppedRecord {
        disk::DroppedRecord {
            version: Some(version_name(&self.version)),
            reason: self.reason.clone(),
            sentence: self.sentence.clone(),
        }
    }

    fn decode(dropped: disk::DroppedRecord) -> Option<Dropped> {
        let name = dropped.version?;
        let version = decode_name(&name.context, &name.version)?;
        Some(Dropped { version, reason: dropped.reason, sentence: dropped.sentence })
    }
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
            dropped: self.dropped.iter().map(Dropped::encode).collect(),
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
                answered_at: answer.answered_at.as_ref().and_then(instant).ok_or(damaged.clone())?,
                subject: decode(&answer.subject)?,
                warnings: answer.warnings,
                affected: u64::try_from(answer.affected).unwrap_or_default(),
                dropped: answer.dropped.into_iter().map(Dropped::decode).collect::<Option<_>>().ok_or(damaged)?,
            }),
            disk::record::Content::Api(_)
            | disk::record::Content::Version(_)
            | disk::record::Content::Application(_)
            | disk::record::Content::Subscription(_)
            | disk::record::Content::AccessRequest(_)
            | disk::record::Content::Name(_)
            | disk::record::Content::Revision(_)
            | disk::record::Content::Namespace(_)
            | disk::record::Content::Waiver(_)
            | disk::record::Content::Notice(_)
            | disk::record::Content::NoticeRun(_)
            | disk::record::Content::Announcement(_)
            | disk::record::Content::AnnouncementRevision(_)
            | disk::record::Content::Exemption(_)
            | disk::record::Content::Company(_)
            | disk::record::Content::Project(_)
            | disk::record::Content::ServiceAccount(_)
            | disk::record::Content::CredentialClass(_)
            | disk::record::Content::ClassRevision(_)
            | disk::record::Content::ClientSecrets(_)
            | disk::record::Content::RegisteredKeys(_)
            | disk::record::Content::CallLimits(_)
            | disk::record::Content::Disuse(_) => Err(damaged),
            disk::record::Content::Organisation(_)
            | disk::record::Content::AppVersion(_)
            | disk::record::Content::Releases(_)
            | disk::record::Content::Listing(_)
            | disk::record::Content::Maintenance(_)
            | disk::record::Content::Installation(_)
            | disk::record::Content::MaintenanceAhead(_)
            | disk::record::Content::Proposal(_)
            | disk::record::Content::ProposalBook(_)
            | disk::record::Content::RestoreConfirmation(_)
            | disk::record::Content::Gateway(_) => Err(damaged),
        }
    }
}
