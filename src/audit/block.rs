//! The file as bytes.
//!
//! ```text
//! magic "DHUBAUDT", format u16, zero u16                                12 bytes
//! blocks: tag u8, length u32, so many bytes
//!   H  a Header; once, first
//!   E  sequence u64, chain value after it 32, an Entry; behind it what it is the first to refer to:
//!   T    reference 32, salt 32, the text
//!   X    reference 32: the text was erased
//!   Z  entries u64, texts u64, erased u64, last sequence u64, chain value 32, SHA-256 of everything before it 32; once, last
//! ```
//! All numbers are big-endian.

use std::io::{Read, Write};

use sha2::{Digest as _, Sha256};

use super::flaw::TrailError;
use super::reference::Digest;

pub(super) const MAGIC: &[u8; 8] = b"DHUBAUDT";
pub(super) const FORMAT: u16 = 1;
pub(super) const HEADER: u8 = b'H';
pub(super) const ENTRY: u8 = b'E';
pub(super) const TEXT: u8 = b'T';
pub(super) const ERASED: u8 = b'X';
pub(super) const END: u8 = b'Z';

/// Bytes of the last block.
pub(super) const END_BYTES: usize = 96;

/// No block is longer; a length above it is damage, and must not become an allocation.
const BLOCK_BYTES_MAX: usize = 64 << 20;

/// Writes blocks, and hashes what it writes.
pub(super) struct BlockWriter<W> {
    out: W,
    hash: Sha256,
}

impl<W: Write> BlockWriter<W> {
    pub(super) fn begin(out: W) -> std::io::Result<BlockWriter<W>> {
        let mut writer = BlockWriter { out, hash: Sha256::new() };
        writer.put(MAGIC)?;
        writer.put(&FORMAT.to_be_bytes())?;
        writer.put(&[0; 2])?;
        Ok(writer)
    }

    fn put(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.hash.update(bytes);
        self.out.write_all(bytes)
    }

    pub(super) fn block(&mut self, tag: u8, parts: &[&[u8]]) -> std::io::Result<()> {
        self.open(tag, parts.iter().map(|part| part.len()).sum())?;
        parts.iter().try_for_each(|part| self.put(part))
    }

    fn open(&mut self, tag: u8, length: usize) -> std::io::Result<()> {
        let length = u32::try_from(length).ok().filter(|length| *length as usize <= BLOCK_BYTES_MAX);
        let length = length.ok_or_else(|| std::io::Error::other("an entry has more than 64 MiB"))?;
        self.put(&[tag])?;
        self.put(&length.to_be_bytes())
    }

    /// The last block: `parts` and the hash of everything.
    pub(super) fn finish(mut self, parts: &[&[u8]]) -> std::io::Result<W> {
        self.open(END, END_BYTES)?;
        for part in parts {
            self.put(part)?;
        }
        let hash = self.hash.finalize();
        self.out.write_all(&hash)?;
        Ok(self.out)
    }
}

/// A block as it was read.
pub(super) struct Block {
    pub(super) tag: u8,
    pub(super) body: Vec<u8>,
}

/// Reads blocks, and hashes what it reads.
pub(super) struct BlockReader<R> {
    from: R,
    hash: Sha256,
}

/// Why there is no further block.
pub(super) enum NoBlock {
    /// The file ends before the block does.
    Cut,
    /// It has an impossible length.
    Length,
    /// It could not be read.
    Io(std::io::Error),
}

impl<R: Read> BlockReader<R> {
    pub(super) fn begin(mut from: R) -> Result<BlockReader<R>, TrailError> {
        let mut start = [0; 12];
        match fill(&mut from, &mut start) {
            Ok(12) => {}
            Ok(_) => return Err(TrailError::NotATrail("it is too short")),
            Err(error) => return Err(TrailError::Io(format!("could not read the trail: {error}"))),
        }
        if start[..8] != *MAGIC {
            return Err(TrailError::NotATrail("it begins with something else"));
        }
        match u16::from_be_bytes([start[8], start[9]]) {
            FORMAT if start[10..] == [0; 2] => {}
            newer if newer > FORMAT => return Err(TrailError::Newer(newer)),
            _ => return Err(TrailError::NotATrail("it names no format")),
        }
        let mut hash = Sha256::new();
        hash.update(start);
        Ok(BlockReader { from, hash })
    }

    pub(super) fn next(&mut self) -> Result<Block, NoBlock> {
        let mut head = [0; 5];
        self.exactly(&mut head)?;
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
        if length > BLOCK_BYTES_MAX {
            return Err(NoBlock::Length);
        }
        // Grown as it is read: a length that was changed must not cost more than the file has.
        let mut body = Vec::new();
        let read = (&mut self.from).take(length as u64).read_to_end(&mut body).map_err(NoBlock::Io)?;
        if read < length {
            return Err(NoBlock::Cut);
        }
        self.hash.update(head);
        if head[0] != END {
            self.hash.update(&body);
        }
        Ok(Block { tag: head[0], body })
    }

    fn exactly(&mut self, bytes: &mut [u8]) -> Result<(), NoBlock> {
        let read = fill(&mut self.from, bytes).map_err(NoBlock::Io)?;
        if read < bytes.len() { Err(NoBlock::Cut) } else { Ok(()) }
    }

    /// Whether `body`, that of the last block, ends with the hash of everything before, and nothing follows it.
    pub(super) fn ends_with(mut self, body: &[u8]) -> Result<bool, std::io::Error> {
        self.hash.update(&body[..END_BYTES - 32]);
        let hash: Digest = self.hash.finalize().into();
        Ok(hash == body[END_BYTES - 32..] && fill(&mut self.from, &mut [0])? == 0)
    }
}

/// Reads until `bytes` are full or there is nothing more; says how many there were.
fn fill(from: &mut impl Read, bytes: &mut [u8]) -> std::io::Result<usize> {
    let mut read = 0;
    while read < bytes.len() {
        match from.read(&mut bytes[read..]) {
            Ok(0) => break,
            Ok(more) => read += more,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}
