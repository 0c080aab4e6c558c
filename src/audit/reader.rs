//! Reading a trail, entry by entry, and believing none of it: every entry is checked against the chain, every text against
//! the reference in its entry, and the whole against its end.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use devhub_proto::audit::v1 as trail;
use prost::Message;

use super::block::{Block, BlockReader, END, END_BYTES, ENTRY, ERASED, HEADER, NoBlock, TEXT};
use super::flaw::{TrailError, digest, io};
use super::reference::{Digest, reference};
use super::writer::{Beside, Counts};
use super::{chain, entry};

/// An entry that fits, with what stands beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The entry.
    pub entry: trail::Entry,
    /// Its bytes, as the chain covers them.
    pub payload: Vec<u8>,
    /// The chain value after it.
    pub link: Digest,
    /// The texts that it is the first to refer to.
    pub texts: Vec<Beside>,
}

/// Reads a trail.
pub struct Reader<R> {
    /// Gone when the end was read.
    blocks: Option<BlockReader<R>>,
    ahead: Option<Block>,
    header: trail::Header,
    texts: HashMap<Digest, Option<Box<str>>>,
    counts: Counts,
}

impl Reader<BufReader<File>> {
    /// Begins to read the file at `path`.
    ///
    /// # Errors
    /// When it cannot be read or is no trail.
    pub fn open(path: &Path) -> Result<Reader<BufReader<File>>, TrailError> {
        let file = File::open(path).map_err(|error| io("read", path, error))?;
        Reader::begin(BufReader::with_capacity(1 << 18, file))
    }
}

impl<R: Read> Reader<R> {
    /// Begins to read.
    ///
    /// # Errors
    /// When there is no trail.
    pub fn begin(from: R) -> Result<Reader<R>, TrailError> {
        let blocks = BlockReader::begin(from)?;
        let header = trail::Header::default();
        let texts = HashMap::new();
        let mut reader = Reader { blocks: Some(blocks), ahead: None, header, texts, counts: Counts::NOTHING };
        let first = reader.block()?;
        if first.tag != HEADER {
            return Err(TrailError::NotATrail("it has no header"));
        }
        reader.header =
            trail::Header::decode(&first.body[..]).map_err(|_| TrailError::NotATrail("it has no header"))?;
        Ok(reader)
    }

    /// Where the trail says that it is from. It may be believed once the end was read, and its epoch once a head attests it.
    pub fn header(&self) -> &trail::Header {
        &self.header
    }

    /// What was read so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The text behind a reference of an entry that was read; `None` when it was erased.
    pub fn text(&self, reference: &[u8]) -> Option<&str> {
        self.texts.get(reference)?.as_deref()
    }

    fn broken(&self, problem: &'static str) -> TrailError {
        TrailError::Broken { after: self.counts.sequence, problem }
    }

    fn block(&mut self) -> Result<Block, TrailError> {
        if let Some(block) = self.ahead.take() {
            return Ok(block);
        }
        let after = self.counts.sequence;
        let Some(blocks) = &mut self.blocks else { return Err(self.broken("it has ended")) };
        blocks.next().map_err(|none| match none {
            NoBlock::Cut => TrailError::Broken { after, problem: "it is cut off there" },
            NoBlock::Length => TrailError::Broken { after, problem: "a length is impossible" },
            NoBlock::Io(error) => TrailError::Io(format!("could not read the trail: {error}")),
        })
    }

    /// The next entry; `None` at the end, once all of it was found sound.
    ///
    /// # Errors
    /// At the first thing that is wrong.
    pub fn next_entry(&mut self) -> Result<Option<Step>, TrailError> {
        if self.blocks.is_none() {
            return Ok(None);
        }
        let block = self.block()?;
        match block.tag {
            ENTRY => self.read_entry(&block.body).map(Some),
            END => self.read_end(&block.body).map(|()| None),
            _ => Err(self.broken("something stands there that is neither an entry nor the end")),
        }
    }

    fn read_entry(&mut self, body: &[u8]) -> Result<Step, TrailError> {
        if body.len() < 40 {
            return Err(self.broken("an entry is too short"));
        }
        let named = u64::from_be_bytes(body[..8].try_into().expect("eight bytes"));
        let (link, payload) = (digest(&body[8..40]), &body[40..]);
        let changed = |problem| TrailError::Changed { sequence: named, problem };
        if link != chain::after(&self.counts.link, payload) {
            return Err(changed("it does not continue the chain"));
        }
        let entry = trail::Entry::decode(payload).map_err(|_| changed("it is no entry"))?;
        if entry.sequence != named {
            let problem = "the number before it is another one";
            return Err(TrailError::Changed { sequence: entry.sequence, problem });
        }
        if entry.sequence <= self.counts.sequence {
            return Err(changed("it does not come after the one before it"));
        }
        let mut missing: HashSet<Digest> = HashSet::new();
        for reference in entry::references(&entry) {
            let reference = reference.try_into().map_err(|_| changed("a reference in it is none"))?;
            if !self.texts.contains_key(&reference) {
                missing.insert(reference);
            }
        }
        let sequence = entry.sequence;
        let counts = Counts { entries: self.counts.entries + 1, sequence, link, ..self.counts };
        self.counts = counts;
        let mut texts = Vec::new();
        loop {
            let block = self.block()?;
            let beside = match block.tag {
                TEXT => Some(read_text(sequence, &block.body)?),
                ERASED => Some(read_erased(sequence, &block.body)?),
                _ => {
                    self.ahead = Some(block);
                    None
                }
            };
            let Some(beside) = beside else { break };
            if !missing.remove(&beside.reference) {
                let problem = "a text stands beside it that it is not the first to refer to";
                return Err(TrailError::Changed { sequence, problem });
            }
            self.counts.texts += 1;
            self.counts.erased += u64::from(beside.known.is_none());
            self.texts.insert(beside.reference, beside.known.as_ref().map(|(_, text)| text.as_str().into()));
            texts.push(beside);
        }
        if !missing.is_empty() {
            let problem = "a text that it refers to is missing, and not marked as erased";
            return Err(TrailError::Changed { sequence, problem });
        }
        Ok(Step { entry, payload: payload.to_vec(), link, texts })
    }

    fn read_end(&mut self, body: &[u8]) -> Result<(), TrailError> {
        let Counts { entries, texts, erased, sequence, link } = self.counts;
        let numbers = [entries, texts, erased, sequence].map(u64::to_be_bytes);
        let counted = body.len() == END_BYTES && body[..32] == *numbers.as_flattened() && body[32..64] == link;
        let blocks = self.blocks.take().filter(|_| counted);
        let blocks = blocks.ok_or_else(|| self.broken("the end tells of another trail"))?;
        match blocks.ends_with(body) {
            Ok(true) => Ok(()),
            Ok(false) => {
                Err(self.broken("the hash of the whole file is wrong: something was changed outside of the entries"))
            }
            Err(error) => Err(TrailError::Io(format!("could not read the trail: {error}"))),
        }
    }
}

fn read_text(sequence: u64, body: &[u8]) -> Result<Beside, TrailError> {
    let wrong = || TrailError::Changed { sequence, problem: "a text beside it is not the one that it refers to" };
    if body.len() < 64 {
        return Err(wrong());
    }
    let (named, salt) = (digest(&body[..32]), digest(&body[32..64]));
    let text = std::str::from_utf8(&body[64..]).map_err(|_| wrong())?;
    if reference(&salt, text) != named {
        return Err(wrong());
    }
    Ok(Beside { reference: named, known: Some((salt, text.to_owned())) })
}

fn read_erased(sequence: u64, body: &[u8]) -> Result<Beside, TrailError> {
    let reference = body
        .try_into()
        .map_err(|_| TrailError::Changed { sequence, problem: "the mark of an erased text beside it is damaged" })?;
    Ok(Beside { reference, known: None })
}
