//! Verifying a trail with nothing but the file, signed heads and a public key.

use std::io::Read;

use super::flaw::TrailError;
use super::head::SignedHead;
use super::key::PublicKey;
use super::reader::Reader;
use super::writer::Counts;

/// What was found of a trail in which nothing is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// What it holds.
    pub counts: Counts,
    /// Up to which sequence it is attested; `None` without a head: then the file is whole, but whoever could write it
    /// could have computed all of it anew.
    pub attested: Option<u64>,
}

/// Reads the trail to its end, and compares it with the `heads` of its history, each of which must be signed by one of the
/// `keys`. Heads of other histories, before or after a restore, are passed over; there must be one of this one if there is any.
///
/// # Errors
/// At the first thing that is wrong.
pub fn verify<R: Read>(
    reader: &mut Reader<R>,
    heads: &[SignedHead],
    keys: &[PublicKey],
) -> Result<Verified, TrailError> {
    let unattested = |head: &SignedHead, problem| TrailError::Unattested { sequence: head.head.sequence, problem };
    if let Some(head) = heads.iter().find(|head| !keys.iter().any(|key| head.is_signed_by(key))) {
        return Err(unattested(head, "another key signed it, or it was changed"));
    }
    let last = heads.last();
    let of_this = |head: &&SignedHead| head.head.epoch == reader.header().epoch[..];
    let mut heads: Vec<&SignedHead> = heads.iter().filter(of_this).collect();
    heads.sort_by_key(|head| head.head.sequence);
    if let (Some(last), true) = (last, heads.is_empty()) {
        return Err(unattested(last, "it is of another history, before or after a restore"));
    }
    let mut waiting = heads.iter().copied().peekable();
    let mut attested = None;
    while let Some(step) = reader.next_entry()? {
        while let Some(head) = waiting.next_if(|head| head.head.sequence <= step.entry.sequence) {
            if head.head.sequence < step.entry.sequence {
                return Err(unattested(head, "the trail does not have this sequence"));
            }
            if head.head.link != step.link {
                return Err(unattested(head, "something at or before it was changed, and the chain computed anew"));
            }
            attested = Some(head.head.sequence);
        }
    }
    match waiting.next() {
        Some(head) => {
            Err(unattested(head, "the trail ends before it: entries were cut off, or it was exported earlier"))
        }
        None => Ok(Verified { counts: reader.counts(), attested }),
    }
}
