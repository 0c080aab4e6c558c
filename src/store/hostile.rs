//! What may lie in the files of a store.

use std::io::Write as _;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::journal::frame;
use super::{Head, backup, codec, record};

/// Bytes of a backup before its frames, and behind them.
const BACKUP_HEADER: usize = 52;
const BACKUP_TRAILER: usize = 80;

/// The first frame of a segment: as it is, and with a checksum that is right, since no input guesses one.
pub(crate) fn frame(bytes: &[u8]) {
    for bytes in [Some(bytes.to_vec()), mended_frame(bytes, None)].into_iter().flatten() {
        if let Ok(frame) = frame::decode(&bytes.into()) {
            assert_eq!(frame.length(), (frame::HEADER + frame.payload.len()) as u64);
            record(&frame.payload);
        }
    }
}

/// The frame that `bytes` are, with its checksum put right; behind this one, if there is one.
fn mended_frame(bytes: &[u8], previous: Option<[u8; 32]>) -> Option<Vec<u8>> {
    let payload = bytes.get(frame::HEADER..)?;
    let number = |at: usize| bytes[at..].first_chunk().copied().map(u64::from_be_bytes);
    let previous = previous.or(bytes[frame::PREAMBLE..].first_chunk().copied())?;
    Some(frame::encode(&previous, number(48)?, number(56)?, payload))
}

/// The payload of a frame: the checksum before it is right, and what is in it need not be. What can be read of it is
/// written as the same bytes, or as ones that mean the same.
pub(crate) fn record(bytes: &[u8]) {
    let Ok(commits) = record::decode(bytes) else { return };
    assert_eq!(record::decode(&record::encode(&commits)).expect("what was read can be written"), commits);
    for commit in &commits {
        for write in &commit.writes {
            let _ = codec::key_kind(&write.key);
            let _ = codec::holder_of(&write.key);
            let Some(value) = &write.value else { continue };
            let _ = (codec::Answer::decode(value), codec::decode_usage(value), codec::decode_last_use(value));
            let _ = codec::decision_part(&write.key, value);
            if let Ok(record) = codec::decode_record(value) {
                let again = codec::decode_record(&codec::encode_record(&record)).expect("what was read can be written");
                assert_eq!(format!("{again:?}"), format!("{record:?}"));
            }
        }
        for ordinal in 0..commit.facts.len() {
            let _ = codec::decode_fact(commit, ordinal);
        }
    }
}

/// A backup that came from somewhere: as it is, and with sums that are right.
pub(crate) fn backup(bytes: &[u8]) {
    for bytes in [Some(bytes.to_vec()), mended_backup(bytes)].into_iter().flatten() {
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        file.write_all(&bytes).expect("a temporary file takes some bytes");
        let Ok(summary) = backup::verify(file.path()) else { continue };
        assert_eq!(summary.bytes, bytes.len() as u64);
    }
}

/// The same backup, its frames linked and its end as it should be.
fn mended_backup(bytes: &[u8]) -> Option<Vec<u8>> {
    let (header, rest) = bytes.split_at_checked(BACKUP_HEADER)?;
    let mut frames = rest.get(..rest.len().checked_sub(BACKUP_TRAILER)?)?;
    let mut mended = header.to_vec();
    let (mut digest, mut revision) = (Head::EMPTY.digest, Head::EMPTY.revision);
    while let Some(preamble) = frames.first_chunk::<{ frame::PREAMBLE }>() {
        let body = u32::from_be_bytes([preamble[8], preamble[9], preamble[10], preamble[11]]);
        let length = frame::PREAMBLE + usize::try_from(body).ok()?;
        let (one, after) = frames.split_at_checked(length)?;
        let one = Bytes::from(mended_frame(one, Some(digest))?);
        let frame = frame::decode(&one).ok()?;
        (digest, revision, frames) = (frame.digest(), frame.last, after);
        mended.extend(one);
    }
    mended.extend(frames);
    mended[BACKUP_HEADER - 8..BACKUP_HEADER].copy_from_slice(&revision.to_be_bytes());
    let length = (mended.len() - BACKUP_HEADER) as u64;
    mended.extend([b"DHUBBEND".as_slice(), &length.to_be_bytes(), &digest].concat());
    let hash = Sha256::digest(&mended);
    mended.extend(hash);
    Some(mended)
}

#[cfg(test)]
pub(crate) mod seeds {
    use std::path::Path;

    use super::super::{Commit, Write, codec};
    use super::*;
    use crate::domain::fact::{Fact, FactKind, Subject};
    use crate::domain::record::{Record, RecordKey};
    use chrono::{DateTime, Utc};

    fn fact() -> Bytes {
        let fact = Fact::new(FactKind::ApiCreated, Subject::default()).change("title", "Loss", "Losses").because("new");
        let actor = "collaborator:ada@example.com".parse().expect("valid");
        let id = "once".parse().expect("valid");
        codec::encode_fact(&fact, &codec::By { actor: &actor, via: None, request_id: Some(&id) }, None)
    }

    /// The key of a record that decisions stand on; of others, that of the maintenance that lies ahead.
    fn key(record: &Record) -> RecordKey {
        if let Record::Application(application) = record {
            RecordKey::Application(application.id.clone())
        } else if let Record::Version(version) = record {
            RecordKey::Version(version.name.clone())
        } else if let Record::Namespace(namespace) = record {
            RecordKey::Namespace(namespace.name.clone())
        } else if let Record::Subscription(one) = record {
            RecordKey::Subscription(one.application.clone(), one.version.clone())
        } else if let Record::Exemption(one) = record {
            RecordKey::Exemption(one.application.clone(), one.version.clone())
        } else if let Record::Waiver(one) = record {
            RecordKey::Waiver(one.application.clone(), one.version.clone(), one.kind)
        } else if let Record::ServiceAccount(account) = record {
            RecordKey::ServiceAccount(account.id.clone())
        } else if let Record::Installation(one) = record {
            RecordKey::Installation(one.application.clone(), one.company.clone())
        } else if let Record::CredentialClass(_) = record {
            RecordKey::CredentialClass
        } else {
            RecordKey::MaintenanceAhead
        }
    }

    /// Commits with one of each record.
    pub(crate) fn commits() -> Vec<Commit> {
        let instant: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().expect("an instant");
        let write =
            |record: &Record| Write { key: codec::encode_key(&key(record)), value: Some(codec::encode_record(record)) };
        (1..)
            .zip(codec::samples().chunks(8))
            .map(|(revision, records)| Commit {
                revision,
                instant,
                writes: records.iter().map(write).collect(),
                facts: vec![fact()],
            })
            .collect()
    }

    /// Each commit as a payload.
    pub(crate) fn records() -> Vec<(String, Vec<u8>)> {
        let seed = |commit: Commit| (format!("commit-{}", commit.revision), record::encode(&[commit]));
        commits().into_iter().map(seed).collect()
    }

    fn linked(commits: &[Commit]) -> (Vec<u8>, [u8; 32]) {
        let (mut frames, mut previous) = (Vec::new(), Head::EMPTY.digest);
        for commit in commits {
            let payload = record::encode(std::slice::from_ref(commit));
            frames.extend(frame::encode(&previous, commit.revision, commit.revision, &payload));
            previous = record::chain(&previous, &payload);
        }
        (frames, previous)
    }

    /// The first frame, alone and before another.
    pub(crate) fn frames() -> Vec<(String, Vec<u8>)> {
        let seed = |commits: usize| linked(&self::commits()[..commits]).0;
        vec![
            ("one".to_owned(), seed(1)),
            ("two".to_owned(), seed(2)),
            ("none".to_owned(), frame::encode(&[0; 32], 1, 0, b"")),
        ]
    }

    /// Backups of one commit, of some, and of none.
    pub(crate) fn backups() -> Vec<(String, Vec<u8>)> {
        let backup = |commits: &[Commit]| {
            let header = [b"DHUBBACK".as_slice(), &1u16.to_be_bytes(), &[0; 2], &[7; 32], &[0; 8]].concat();
            let bytes = [header, linked(commits).0, vec![0; BACKUP_TRAILER]].concat();
            mended_backup(&bytes).expect("whole frames")
        };
        let commits = commits();
        let seeds =
            [("none", 0), ("one", 1), ("three", 3)].map(|(name, some)| (name.to_owned(), backup(&commits[..some])));
        for (name, bytes) in &seeds {
            let file = tempfile::NamedTempFile::new().expect("a temporary file");
            std::fs::write(file.path(), bytes).expect("a temporary file takes some bytes");
            let verified = |path: &Path| backup::verify(path).is_ok();
            assert!(verified(file.path()), "{name}");
        }
        seeds.into()
    }
}
