//! Writing a trail, entry by entry.

use std::collections::HashSet;
use std::io::Write;

use devhub_proto::audit::v1 as trail;
use prost::Message;

use super::block::{BlockWriter, ENTRY, ERASED, HEADER, TEXT};
use super::chain;
use super::reference::Digest;

/// What a trail holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Entries.
    pub entries: u64,
    /// Texts, each counted once.
    pub texts: u64,
    /// Of them, those that were erased.
    pub erased: u64,
    /// The last sequence; 0 for none.
    pub sequence: u64,
    /// The chain value there.
    pub link: Digest,
}

impl Counts {
    pub(super) const NOTHING: Counts = Counts { entries: 0, texts: 0, erased: 0, sequence: 0, link: chain::START };
}

/// A text beside an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beside {
    /// What stands in the entry.
    pub reference: Digest,
    /// Salt and text; `None` when they were erased.
    pub known: Option<(Digest, String)>,
}

/// Writes a trail.
pub struct Writer<W> {
    blocks: BlockWriter<W>,
    seen: HashSet<Digest>,
    counts: Counts,
}

impl<W: Write> Writer<W> {
    /// Begins a trail.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn begin(out: W, header: &trail::Header) -> std::io::Result<Writer<W>> {
        let mut blocks = BlockWriter::begin(out)?;
        blocks.block(HEADER, &[&header.encode_to_vec()])?;
        Ok(Writer { blocks, seen: HashSet::new(), counts: Counts::NOTHING })
    }

    /// Adds an entry, as bytes, and those of the texts that no earlier entry refers to.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn entry(
        &mut self,
        sequence: u64,
        payload: &[u8],
        texts: impl IntoIterator<Item = Beside>,
    ) -> std::io::Result<()> {
        let link = chain::after(&self.counts.link, payload);
        self.blocks.block(ENTRY, &[&sequence.to_be_bytes(), &link, payload])?;
        for text in texts {
            if !self.seen.insert(text.reference) {
                continue;
            }
            self.counts.texts += 1;
            match &text.known {
                Some((salt, known)) => self.blocks.block(TEXT, &[&text.reference, salt, known.as_bytes()])?,
                None => {
                    self.counts.erased += 1;
                    self.blocks.block(ERASED, &[&text.reference])?;
                }
            }
        }
        self.counts = Counts { entries: self.counts.entries + 1, sequence, link, ..self.counts };
        Ok(())
    }

    /// Ends the trail.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(self) -> std::io::Result<(W, Counts)> {
        let Counts { entries, texts, erased, sequence, link } = self.counts;
        let numbers = [entries, texts, erased, sequence].map(u64::to_be_bytes);
        let out = self.blocks.finish(&[numbers.as_flattened(), &link])?;
        Ok((out, self.counts))
    }
}
