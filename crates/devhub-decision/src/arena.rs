//! The records of a shard as its readers see them: words in one run, found through a table of slots. No lock, no
//! allocation for each record, and no pointer to follow but one.
//!
//! ```text
//! slots: [ tag | offset ] [ 0 ] [ tag | offset ] ...     found by the tag, probed one after the other
//! words: 0, [ lengths ] [ count | flags ] [ client id ] [ application id ] [ numbers, two in a word ], ...
//! ```
//!
//! A writer changes records where they stand. So a reader may meet half of a change, and learns only afterwards, from
//! the table's turnstile, whether it did. Until then it must not trust a word: every length and offset that it reads is held
//! against the run, and whatever lies outside reads as nothing.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::catalogue::VersionNumber;
use crate::entry::Standing;
use crate::facts::ApplicationFacts;
use crate::stage::Environment;

/// Bytes in a word.
const WORD: usize = 8;

/// Words before the ids of a record.
const HEAD: usize = 2;

/// Up to so many numbers are looked at one by one; among more it is searched by halves.
const FEW: usize = 32;

/// What is known of an application besides its ids.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) environment: Environment,
    pub(crate) standing: Standing,
}

/// What a record says of itself, in its second word beside the count of its numbers.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Flags {
    /// Absent while only subscriptions or terms have mentioned the client id.
    pub(crate) known: Option<Known>,
    /// Terms stand beside the records.
    pub(crate) terms: bool,
}

impl Flags {
    const KNOWN: u32 = 1;
    const TERMS: u32 = 2;

    fn bits(self) -> u32 {
        let terms = if self.terms { Self::TERMS } else { 0 };
        let known = self.known.map_or(0, |Known { environment, standing }| {
            Self::KNOWN | (environment as u32) << 2 | (standing as u32) << 3
        });
        known | terms
    }

    fn from_bits(bits: u32) -> Self {
        let known = (bits & Self::KNOWN != 0).then(|| Known {
            environment: Environment::ALL[(bits >> 2) as usize % Environment::ALL.len()],
            standing: Standing::ALL[(bits >> 3) as usize % Standing::ALL.len()],
        });
        Self { known, terms: bits & Self::TERMS != 0 }
    }
}

/// A record as a writer makes it.
#[derive(Default)]
pub(crate) struct Draft {
    /// The first word: how long the ids are.
    lengths: u64,
    /// Both ids, as they stand in the record.
    ids: Vec<u64>,
    pub(crate) flags: Flags,
    /// Sorted.
    pub(crate) numbers: Vec<VersionNumber>,
}

impl Draft {
    /// Begins the record of a client id of which nothing is known.
    pub(crate) fn begin(&mut self, client_id: &str) {
        self.flags = Flags::default();
        self.numbers.clear();
        self.name(client_id, "");
    }

    /// Gives it these ids.
    pub(crate) fn name(&mut self, client_id: &str, application_id: &str) {
        self.lengths = length(client_id.len()) << 32 | length(application_id.len());
        self.ids.clear();
        self.ids.extend(text_words(client_id).chain(text_words(application_id)));
    }

    /// The words of the record, in place of what was in `words`.
    pub(crate) fn encode(&self, words: &mut Vec<u64>) {
        words.clear();
        words.push(self.lengths);
        words.push(length(self.numbers.len()) << 32 | u64::from(self.flags.bits()));
        words.extend_from_slice(&self.ids);
        let number = |pair: &[VersionNumber], place: usize| u64::from(pair.get(place).copied().unwrap_or_default());
        words.extend(self.numbers.chunks(2).map(|pair| number(pair, 0) << 32 | number(pair, 1)));
    }
}

fn length(count: usize) -> u64 {
    u64::from(u32::try_from(count).expect("the edge bounds records far below 4 GiB"))
}

fn text_words(text: &str) -> impl Iterator<Item = u64> {
    text.as_bytes().chunks(WORD).map(word_of)
}

fn word_of(chunk: &[u8]) -> u64 {
    let mut bytes = [0; WORD];
    bytes[..chunk.len()].copy_from_slice(chunk);
    u64::from_le_bytes(bytes)
}

/// A record that was found, and what its first two words said. Nothing of it is to be believed before the turnstile says so.
#[derive(Clone, Copy)]
pub(crate) struct Found {
    /// Where its ids begin.
    ids: usize,
    client_id_bytes: u32,
    application_id_bytes: u32,
    count: u32,
    pub(crate) flags: Flags,
}

impl Found {
    fn application_id(self) -> usize {
        self.ids + (self.client_id_bytes as usize).div_ceil(WORD)
    }

    fn numbers(self) -> usize {
        self.application_id() + (self.application_id_bytes as usize).div_ceil(WORD)
    }

    /// How many words the record takes.
    pub(crate) fn words(self) -> usize {
        self.numbers() + (self.count as usize).div_ceil(2) - self.start()
    }

    fn start(self) -> usize {
        self.ids - HEAD
    }
}

/// The records of a shard.
pub(crate) struct Arena {
    /// A power of two, never full. Each is the low half of a hash above the offset of a record; zero is free.
    slots: Box<[AtomicU64]>,
    /// The first is none of a record's: offset zero stands for nothing.
    words: Box<[AtomicU64]>,
}

impl Arena {
    /// No record, and room for some.
    pub(crate) fn new(slots: usize, words: usize) -> Self {
        let zeros = |count: usize| (0..count).map(|_| AtomicU64::new(0)).collect();
        Self { slots: zeros(slots.next_power_of_two()), words: zeros(words) }
    }

    /// How many slots there are.
    pub(crate) fn slots(&self) -> usize {
        self.slots.len()
    }

    /// How many words there is room for.
    pub(crate) fn capacity(&self) -> usize {
        self.words.len()
    }

    fn word(&self, place: usize) -> u64 {
        self.words.get(place).map_or(0, |word| word.load(Ordering::Relaxed))
    }

    /// The record of a client id with this hash.
    #[inline]
    pub(crate) fn find(&self, hash: u64, client_id: &str) -> Option<Found> {
        self.seek(hash, client_id).map(|(_, found)| found)
    }

    /// The same, and the slot that leads to it.
    #[inline]
    pub(crate) fn seek(&self, hash: u64, client_id: &str) -> Option<(usize, Found)> {
        let mask = self.slots.len() - 1;
        let tag = hash as u32;
        let mut place = tag as usize & mask;
        // Bounded, because while slots move a reader might meet no free one.
        for _ in 0..self.slots.len() {
            let slot = self.slots[place].load(Ordering::Relaxed);
            if slot == 0 {
                return None;
            }
            if (slot >> 32) as u32 == tag {
                let found = self.at(slot as u32);
                // The whole id is compared: a mere hash could let a stranger in.
                if self.has_id(found, client_id) {
                    return Some((place, found));
                }
            }
            place = (place + 1) & mask;
        }
        None
    }

    #[inline]
    fn at(&self, offset: u32) -> Found {
        let (lengths, rest) = (self.word(offset as usize), self.word(offset as usize + 1));
        Found {
            ids: offset as usize + HEAD,
            client_id_bytes: (lengths >> 32) as u32,
            application_id_bytes: lengths as u32,
            count: (rest >> 32) as u32,
            flags: Flags::from_bits(rest as u32),
        }
    }

    #[inline]
    fn has_id(&self, found: Found, client_id: &str) -> bool {
        let bytes = client_id.as_bytes();
        if found.client_id_bytes as usize != bytes.len() {
            return false;
        }
        let Some(words) = self.words.get(found.ids..found.application_id()) else { return false };
        let mut chunks = bytes.chunks_exact(WORD);
        let whole = chunks.by_ref().zip(words).all(|(chunk, word)| word.load(Ordering::Relaxed) == word_of(chunk));
        let rest = chunks.remainder();
        whole && (rest.is_empty() || words.last().is_some_and(|word| word.load(Ordering::Relaxed) == word_of(rest)))
    }

    /// It holds a live subscription to this version.
    #[inline]
    pub(crate) fn subscribes(&self, found: Found, number: VersionNumber) -> bool {
        let (start, count) = (found.numbers(), found.count as usize);
        let Some(words) = self.words.get(start..start + count.div_ceil(2)) else { return false };
        if count <= FEW {
            let holds = |(index, word): (usize, &AtomicU64)| {
                let word = word.load(Ordering::Relaxed);
                (word >> 32) as u32 == number || (word as u32 == number && 2 * index + 1 < count)
            };
            return words.iter().enumerate().any(holds);
        }
        let nth = |index: usize| {
            let word = words[index / 2].load(Ordering::Relaxed);
            if index.is_multiple_of(2) { (word >> 32) as u32 } else { word as u32 }
        };
        let (mut first, mut after) = (0, count);
        while first < after {
            let middle = first.midpoint(after);
            match nth(middle).cmp(&number) {
                std::cmp::Ordering::Less => first = middle + 1,
                std::cmp::Ordering::Equal => return true,
                std::cmp::Ordering::Greater => after = middle,
            }
        }
        false
    }

    /// The versions that it is subscribed to.
    pub(crate) fn numbers(&self, found: Found) -> impl Iterator<Item = VersionNumber> {
        let start = found.numbers();
        (0..found.count as usize).map(move |index| {
            let word = self.word(start + index / 2);
            if index.is_multiple_of(2) { (word >> 32) as u32 } else { word as u32 }
        })
    }

    /// The application, if the table was told of it; its id is written into `text`.
    #[inline]
    pub(crate) fn facts<'t>(&self, found: Found, text: &'t mut Text) -> Option<ApplicationFacts<'t>> {
        let Known { environment, standing } = found.flags.known?;
        let application_id = self.text(found.application_id(), found.application_id_bytes, text)?;
        Some(ApplicationFacts { application_id, environment, standing })
    }

    /// The client id, written into `text`.
    pub(crate) fn client_id<'t>(&self, found: Found, text: &'t mut Text) -> Option<&'t str> {
        self.text(found.ids, found.client_id_bytes, text)
    }

    #[inline]
    fn text<'t>(&self, start: usize, bytes: u32, text: &'t mut Text) -> Option<&'t str> {
        let bytes = bytes as usize;
        let words = self.words.get(start..start + bytes.div_ceil(WORD))?;
        let room = text.room(words.len() * WORD);
        for (chunk, word) in room.chunks_exact_mut(WORD).zip(words) {
            chunk.copy_from_slice(&word.load(Ordering::Relaxed).to_le_bytes());
        }
        std::str::from_utf8(&room[..bytes]).ok()
    }

    /// Each record, with the half of its hash that its slot holds. For those who keep the writer away meanwhile.
    pub(crate) fn records(&self) -> impl Iterator<Item = (u32, Found)> {
        let taken = self.slots.iter().map(|slot| slot.load(Ordering::Relaxed)).filter(|slot| *slot != 0);
        taken.map(|slot| ((slot >> 32) as u32, self.at(slot as u32)))
    }

    /// The words of a record.
    pub(crate) fn copy(&self, found: Found, words: &mut Vec<u64>) {
        words.clear();
        let start = found.start();
        words.extend((start..start + found.words()).map(|place| self.word(place)));
    }

    /// Reads a record into a draft. For the writer, who meets nobody's half changes.
    pub(crate) fn read(&self, found: Found, draft: &mut Draft) {
        draft.lengths = length(found.client_id_bytes as usize) << 32 | length(found.application_id_bytes as usize);
        draft.ids.clear();
        draft.ids.extend(self.words[found.ids..found.numbers()].iter().map(|word| word.load(Ordering::Relaxed)));
        draft.flags = found.flags;
        draft.numbers.clear();
        draft.numbers.extend(self.numbers(found));
    }

    /// Writes a record.
    pub(crate) fn write(&self, offset: u32, words: &[u64]) {
        let places = &self.words[offset as usize..offset as usize + words.len()];
        for (place, word) in places.iter().zip(words) {
            place.store(*word, Ordering::Relaxed);
        }
    }

    /// Lets a slot lead to an offset.
    pub(crate) fn lead(&self, slot: usize, hash: u64, offset: u32) {
        self.slots[slot].store(u64::from(hash as u32) << 32 | u64::from(offset), Ordering::Relaxed);
    }

    /// The slot where a record with this hash belongs that is not there yet.
    pub(crate) fn vacant(&self, hash: u64) -> usize {
        let mask = self.slots.len() - 1;
        let mut place = hash as u32 as usize & mask;
        while self.slots[place].load(Ordering::Relaxed) != 0 {
            place = (place + 1) & mask;
        }
        place
    }

    /// Frees a slot, and moves those after it up that were pushed past it.
    pub(crate) fn vacate(&self, slot: usize) {
        let mask = self.slots.len() - 1;
        let (mut free, mut place) = (slot, slot);
        loop {
            place = (place + 1) & mask;
            let next = self.slots[place].load(Ordering::Relaxed);
            if next == 0 {
                break;
            }
            let home = (next >> 32) as usize & mask;
            // It may stand at the free slot only if that does not lie before its home.
            if (place.wrapping_sub(home) & mask) >= (place.wrapping_sub(free) & mask) {
                self.slots[free].store(next, Ordering::Relaxed);
                free = place;
            }
        }
        self.slots[free].store(0, Ordering::Relaxed);
    }

    /// Where a record begins.
    pub(crate) fn offset(found: Found) -> u32 {
        u32::try_from(found.start()).expect("a record was found by an offset of 32 bits")
    }
}

/// Room for an id that was read: on the stack for those of a usual length.
pub(crate) struct Text {
    short: [u8; Self::SHORT],
    long: Vec<u8>,
}

impl Text {
    const SHORT: usize = 8 * WORD;

    #[inline]
    fn room(&mut self, bytes: usize) -> &mut [u8] {
        if bytes <= Self::SHORT {
            return &mut self.short[..bytes];
        }
        self.long.resize(bytes, 0);
        &mut self.long
    }
}

impl Default for Text {
    fn default() -> Self {
        Self { short: [0; Self::SHORT], long: Vec::new() }
    }
}
