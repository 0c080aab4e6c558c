//! Heads: what a trail was at one sequence, signed.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use super::key::{AuditKey, PublicKey};
use super::reference::Digest;
use super::{hex, unhex};

/// Tells these signatures from any others that may once be made with the same key.
const PURPOSE: &[u8] = b"devhub audit head 1\0";

/// What a trail was at one sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The history that sequences count in.
    pub epoch: [u8; 16],
    /// The last sequence that it covers.
    pub sequence: u64,
    /// The value of the chain there.
    pub link: Digest,
    /// When it was signed.
    pub time: DateTime<Utc>,
}

/// A head and its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedHead {
    /// What is signed.
    pub head: Head,
    /// Which key signed, so that the right public key is looked for. It proves nothing.
    pub key_id: String,
    /// Ed25519.
    pub signature: [u8; 64],
}

/// A signed head as a line of JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    format: u16,
    epoch: String,
    sequence: u64,
    link: String,
    time: String,
    key_id: String,
    signature: String,
}

impl Head {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = PURPOSE.to_vec();
        bytes.extend_from_slice(&self.epoch);
        bytes.extend_from_slice(&self.sequence.to_be_bytes());
        bytes.extend_from_slice(&self.link);
        bytes.extend_from_slice(&self.time.timestamp().to_be_bytes());
        bytes.extend_from_slice(&self.time.timestamp_subsec_nanos().to_be_bytes());
        bytes
    }

    /// The same, signed.
    pub fn sign(self, key: &AuditKey) -> SignedHead {
        SignedHead { signature: key.sign(&self.bytes()), key_id: key.public().id(), head: self }
    }
}

impl SignedHead {
    /// Whether `key` signed it.
    pub fn is_signed_by(&self, key: &PublicKey) -> bool {
        key.verifies(&self.head.bytes(), &self.signature)
    }

    /// The head as one line, without a line break.
    ///
    /// # Panics
    /// Never: texts and numbers always become JSON.
    pub fn line(&self) -> String {
        let line = Line {
            format: 1,
            epoch: hex(&self.head.epoch),
            sequence: self.head.sequence,
            link: hex(&self.head.link),
            time: self.head.time.to_rfc3339_opts(SecondsFormat::AutoSi, true),
            key_id: self.key_id.clone(),
            signature: hex(&self.signature),
        };
        serde_json::to_string(&line).expect("texts and numbers always become JSON")
    }

    /// The head that a line says.
    pub fn parse(line: &str) -> Option<SignedHead> {
        let line: Line = serde_json::from_str(line).ok()?;
        let time = DateTime::parse_from_rfc3339(&line.time).ok()?.to_utc();
        let head = Head { epoch: unhex(&line.epoch)?, sequence: line.sequence, link: unhex(&line.link)?, time };
        (line.format == 1).then_some(SignedHead { head, key_id: line.key_id, signature: unhex(&line.signature)? })
    }
}
