//! One frame: one group of commits, as bytes in a segment.
//!
//! ```text
//!  0  magic "DHJF"
//!  4  format, u16            this preamble, and what its fields mean, is the same in every format
//!  6  zero, u16
//!  8  length, u32            bytes after the preamble
//! 12  CRC32C, u32            of bytes 0..12 and of everything after the preamble
//! 16  chain value before, 32
//! 48  first revision, u64
//! 56  last revision, u64
//! 64  payload
//! ```
//! All numbers are big-endian. The chain value after the frame is SHA-256 of (value before, payload).

use bytes::Bytes;

use super::super::record;
use crate::store::Revision;

/// Bytes before the body; enough to know how long a frame is.
pub(crate) const PREAMBLE: usize = 16;
/// Bytes before the payload.
pub(crate) const HEADER: usize = 64;
pub(crate) const MAGIC: [u8; 4] = *b"DHJF";
/// No frame is longer; a length above it is damage, and must not become an allocation.
pub(crate) const BODY_BYTES_MAX: usize = 64 << 20;

/// A frame whose checksum is right.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) previous: [u8; 32],
    pub(crate) first: Revision,
    pub(crate) last: Revision,
    pub(crate) payload: Bytes,
}

impl Frame {
    /// Bytes that the frame takes in its segment.
    pub(crate) fn length(&self) -> u64 {
        (HEADER + self.payload.len()) as u64
    }

    /// The chain value after the frame.
    pub(crate) fn digest(&self) -> [u8; 32] {
        record::chain(&self.previous, &self.payload)
    }
}

/// Why bytes are not a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NoFrame {
    /// They end before the frame does; it needs this many.
    Short(usize),
    /// They are something else.
    Bad(&'static str),
    /// They are a frame of a later format.
    Newer(u16),
}

/// The bytes of a frame.
pub(crate) fn encode(previous: &[u8; 32], first: Revision, last: Revision, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(HEADER - PREAMBLE + payload.len()).expect("a group is far below 4 GiB");
    let mut bytes = Vec::with_capacity(HEADER + payload.len());
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&record::FORMAT.to_be_bytes());
    bytes.extend_from_slice(&[0; 2]);
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(previous);
    bytes.extend_from_slice(&first.to_be_bytes());
    bytes.extend_from_slice(&last.to_be_bytes());
    bytes.extend_from_slice(payload);
    let crc = checksum(&bytes);
    bytes[12..16].copy_from_slice(&crc.to_be_bytes());
    bytes
}

/// The frame at the beginning of `bytes`, which may go on after it.
pub(crate) fn decode(bytes: &Bytes) -> Result<Frame, NoFrame> {
    if bytes.len() < PREAMBLE {
        return Err(NoFrame::Short(PREAMBLE));
    }
    if bytes[..4] != MAGIC {
        return Err(NoFrame::Bad("no frame begins here"));
    }
    let body = number(&bytes[8..12]) as usize;
    if !(HEADER - PREAMBLE..=BODY_BYTES_MAX).contains(&body) {
        return Err(NoFrame::Bad("the frame has an impossible length"));
    }
    let length = PREAMBLE + body;
    if bytes.len() < length {
        return Err(NoFrame::Short(length));
    }
    if u64::from(checksum(&bytes[..length])) != number(&bytes[12..16]) {
        return Err(NoFrame::Bad("the checksum of the frame is wrong"));
    }
    let format = u16::from_be_bytes([bytes[4], bytes[5]]);
    if format > record::FORMAT {
        return Err(NoFrame::Newer(format));
    }
    let previous = bytes[16..48].try_into().expect("the range has 32 bytes");
    let (first, last) = (number(&bytes[48..56]), number(&bytes[56..64]));
    Ok(Frame { previous, first, last, payload: bytes.slice(HEADER..length) })
}

fn checksum(frame: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&frame[..12]), &frame[PREAMBLE..])
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_survives_its_bytes() {
        let bytes = Bytes::from(encode(&[7; 32], 3, 5, b"payload"));
        let frame = decode(&bytes).expect("the bytes are whole");
        assert_eq!((frame.previous, frame.first, frame.last, &frame.payload[..]), ([7; 32], 3, 5, &b"payload"[..]));
        assert_eq!(frame.length(), bytes.len() as u64);
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let whole = encode(&[7; 32], 3, 5, b"payload");
        for bit in 0..whole.len() * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&Bytes::from(bytes)).is_err(), "bit {bit}");
        }
        for length in 0..whole.len() {
            let bytes = Bytes::copy_from_slice(&whole[..length]);
            assert!(matches!(decode(&bytes), Err(NoFrame::Short(_))), "cut at {length}");
        }
    }
}
