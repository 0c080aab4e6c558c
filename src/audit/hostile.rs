//! What may lie in a file of the audit trail, and in one of signed heads.

use std::str::from_utf8;

use sha2::{Digest as _, Sha256};

use super::block::{END, END_BYTES, ENTRY, TEXT};
use super::{Counts, Reader, SignedHead, Step, TrailError, Writer, chain, reference, shown, verify};

/// Bytes before the first block.
const START_BYTES: usize = 12;

/// A trail; or a line of a file of heads. The trail is read as it is, and once more with sums that are right: no input
/// guesses a hash, and what is read behind it has to stand as well.
pub(crate) fn trail(bytes: &[u8]) {
    if let Some(head) = from_utf8(bytes).ok().and_then(SignedHead::parse) {
        assert_eq!(SignedHead::parse(&head.line()).as_ref(), Some(&head));
        assert!(Reader::begin(bytes).is_err());
    }
    let found = read(bytes);
    if let (Ok((steps, counts)), Ok(reader)) = (&found, Reader::begin(bytes)) {
        let header = reader.header().clone();
        let mut writer = Writer::begin(Vec::new(), &header).expect("memory takes bytes");
        for step in steps {
            writer.entry(step.entry.sequence, &step.payload, step.texts.clone()).expect("memory takes bytes");
        }
        let (again, written) = writer.finish().expect("memory takes bytes");
        assert_eq!(written, *counts);
        assert_eq!(&read(&again).expect("what was read can be written"), found.as_ref().expect("it was read"));
    }
    if let Some(mended) = mended(bytes) {
        if found.is_ok() {
            assert_eq!(mended, bytes, "what was sound is not to be mended");
        } else if let Ok(mut reader) = Reader::begin(&*mended) {
            let _ = verify(&mut reader, &[], &[]);
            let _ = read(&mended);
        }
    }
}

/// All of a trail, shown to its reader.
fn read(bytes: &[u8]) -> Result<(Vec<Step>, Counts), TrailError> {
    let mut reader = Reader::begin(bytes)?;
    let mut steps = Vec::new();
    while let Some(step) = reader.next_entry()? {
        let facts = shown(&step.entry, |reference| reader.text(reference));
        assert_eq!(facts.len(), step.entry.facts.len());
        steps.push(step);
    }
    Ok((steps, reader.counts()))
}

/// The same blocks, linked and counted as they should be.
fn mended(bytes: &[u8]) -> Option<Vec<u8>> {
    let (start, mut rest) = bytes.split_at_checked(START_BYTES)?;
    let mut mended = start.to_vec();
    let mut counts = Counts::NOTHING;
    while let Some((head, after)) = rest.split_first_chunk::<5>() {
        let length = usize::try_from(u32::from_be_bytes([head[1], head[2], head[3], head[4]])).ok()?;
        let (body, after) = after.split_at_checked(length)?;
        mended.extend(head);
        match head[0] {
            ENTRY if length >= 40 => {
                let link = chain::after(&counts.link, &body[40..]);
                let sequence = u64::from_be_bytes(*body.first_chunk()?);
                counts = Counts { entries: counts.entries + 1, sequence, link, ..counts };
                mended.extend([&body[..8], &link, &body[40..]].concat());
            }
            TEXT if length >= 64 => {
                counts.texts += 1;
                let salt = body[32..64].try_into().ok()?;
                let reference = from_utf8(&body[64..]).map_or([0; 32], |text| reference(&salt, text));
                // An entry that refers to it was written before: only what fits already goes on.
                mended.extend(if reference == body[..32] { body.to_vec() } else { [&reference, &body[32..]].concat() });
            }
            super::block::ERASED => {
                (counts.texts, counts.erased) = (counts.texts + 1, counts.erased + 1);
                mended.extend(body);
            }
            END if length == END_BYTES => {
                let Counts { entries, texts, erased, sequence, link } = counts;
                mended.extend([entries, texts, erased, sequence].map(u64::to_be_bytes).as_flattened());
                mended.extend(link);
                let hash = Sha256::digest(&mended);
                mended.extend(hash);
            }
            _ => mended.extend(body),
        }
        rest = after;
    }
    mended.extend(rest);
    Some(mended)
}

#[cfg(test)]
pub(crate) mod seeds {
    use devhub_proto::audit::v1 as trail;
    use prost::Message as _;

    use super::super::{AuditKey, Beside, Head, redact};
    use super::*;
    use crate::store::Commit;

    /// A trail of these commits, one without the texts of a person, and a head of it.
    pub(crate) fn trails(commits: &[Commit]) -> Vec<(String, Vec<u8>)> {
        let key = AuditKey::of([7; 32], [8; 32]);
        let header = trail::Header { epoch: vec![7; 16], store_id: vec![8; 16], ..Default::default() };
        let written = |erased: bool| {
            let mut writer = Writer::begin(Vec::new(), &header).expect("memory takes bytes");
            for commit in commits {
                let redacted = redact(commit, key.salts()).expect("sound commits");
                let texts = redacted.texts.into_iter().map(|text| Beside {
                    reference: text.reference,
                    known: (!erased).then_some((text.salt, text.text)),
                });
                writer.entry(commit.revision, &redacted.entry.encode_to_vec(), texts).expect("memory takes bytes");
            }
            writer.finish().expect("memory takes bytes")
        };
        let (whole, counts) = written(false);
        let time = commits[0].instant;
        let head = Head { epoch: [7; 16], sequence: counts.sequence, link: counts.link, time }.sign(&key);
        let seeds = [
            ("whole", whole),
            ("erased", written(true).0),
            ("empty", Writer::begin(Vec::new(), &header).and_then(Writer::finish).expect("memory takes bytes").0),
            ("head", head.line().into_bytes()),
        ];
        seeds.map(|(name, seed)| (name.to_owned(), seed)).into()
    }
}
