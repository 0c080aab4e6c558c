//! What may lie in the files of a store.

use std::io::Write as _;

use bytes::Bytes;

use super::journal::frame;
use super::{backup, codec, record};

/// The first frame of a segment.
pub(crate) fn frame(bytes: &[u8]) {
    if let Ok(frame) = frame::decode(&Bytes::copy_from_slice(bytes)) {
        record(&frame.payload);
    }
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

/// A backup that came from somewhere.
pub(crate) fn backup(bytes: &[u8]) {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(bytes).expect("a temporary file takes some bytes");
    let _ = backup::verify(file.path());
}
