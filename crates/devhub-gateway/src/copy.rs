//! A copy of what a replica holds, on disk, so that it is soon ready after a restart: it resumes where the copy was made,
//! and needs no snapshot. The copy renews no lease: nothing is decided before the hub has answered.
//!
//! The file holds what a stream would: a snapshot, message by message. A damaged one is noticed as damage on a stream is,
//! by a message that cannot be read or by the digest, and then a snapshot is asked for.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use chrono::{DateTime, Utc};
use devhub_proto::v1;
use prost::Message as _;

use crate::follower::Follower;

/// Writes a copy in place of the one before; says whether there was something to copy.
///
/// # Errors
/// When the file cannot be written. The one before is there then.
pub fn write(follower: &Follower, file: &Path) -> io::Result<bool> {
    let beside = file.with_extension("new");
    let mut writer = BufWriter::new(File::create(&beside)?);
    let copied = follower.copy(|message| writer.write_all(&message.encode_length_delimited_to_vec()))?;
    writer.flush()?;
    if copied {
        std::fs::rename(beside, file)?;
    }
    Ok(copied)
}

/// Has a follower that knows nothing yet take a copy.
///
/// # Errors
/// When there is none, or it cannot be used: then the follower begins anew, as it would have without it.
pub fn read(follower: &Follower, file: &Path, now: DateTime<Utc>) -> io::Result<()> {
    for message in messages(&std::fs::read(file)?) {
        follower.receive(message?, now).map_err(|fault| io::Error::new(io::ErrorKind::InvalidData, fault))?;
    }
    Ok(())
}

/// The messages of a copy, up to the first that is none.
pub fn messages(mut bytes: &[u8]) -> impl Iterator<Item = io::Result<v1::SyncResponse>> + '_ {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let message = v1::SyncResponse::decode_length_delimited(&mut bytes);
        if message.is_err() {
            bytes = &[];
        }
        Some(message.map_err(io::Error::from))
    })
}
