//! Backup and restore: the journal up to its witness, in one file.
//!
//! The journal only grows, and what the witness has seen is durable, so a backup needs no lock and no pause: it copies
//! frames up to the witness while commits go on behind it. A restore begins a new epoch, since clients may have seen
//! revisions that the backup does not have.
//!
//! ```text
//! magic "DHUBBACK", format u16, zero u16, store id 16, epoch 16, revision u64      52 bytes
//! the frames of the journal up to that revision
//! magic "DHUBBEND", bytes of the frames u64, chain value 32, SHA-256 of all before 32      80 bytes
//! ```

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::embedded::HeldDirectory;
use super::identity::Identity;
use super::journal::frame::{self, Frame};
use super::journal::segment::{self, Frames};
use super::journal::walk::{self, Walk};
use super::lock;
use super::witness::Witness;
use super::{Epoch, Head, Revision, StoreError, disk, identity, trouble, witness};

const MAGIC: &[u8; 8] = b"DHUBBACK";
const END_MAGIC: &[u8; 8] = b"DHUBBEND";
const FORMAT: u16 = 1;
const HEADER: u64 = 52;
const TRAILER: u64 = 80;
/// Attempts to read the witness while a running store overwrites it.
const WITNESS_ATTEMPTS: usize = 1000;
/// Bytes of a segment that a restore lays out.
const SEGMENT_BYTES: u64 = 64 << 20;

/// What a backup file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// The store that was backed up.
    pub store_id: [u8; 16],
    /// The history that its revisions count in.
    pub epoch: Epoch,
    /// The last commit in it.
    pub revision: Revision,
    /// The chain value at that commit.
    pub digest: [u8; 32],
    /// Length of the file.
    pub bytes: u64,
}

/// Writes a backup of the store in `directory` to `file`. The store may be running, in this process or another.
///
/// The file appears under its name only when it is complete, durable and verified by reading it back.
///
/// # Errors
/// [`StoreError::Io`] if `file` exists or cannot be written, [`StoreError::Damaged`] if the journal is damaged: a
/// damaged store yields no backup.
pub fn create(directory: &Path, file: &Path) -> Result<Summary, StoreError> {
    if file.exists() {
        return Err(trouble::io("write the backup", file, "the file exists; name another one"));
    }
    let path = directory.join(identity::FILE);
    let identity = Identity::load(directory)?.ok_or_else(|| trouble::io("read", &path, "there is no store"))?;
    let witness = read_witness(directory)?;
    if witness.epoch != identity.epoch {
        return Err(trouble::damaged(directory, "HEAD and store.json are from different histories"));
    }
    let draft = disk::draft_path(file);
    write(directory, &identity, &witness, &draft)?;
    let summary = verify(&draft)?;
    std::fs::rename(&draft, file).map_err(|error| trouble::io("put in place", file, error))?;
    disk::sync_dir(match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    })?;
    Ok(summary)
}

/// The witness of a store that may be overwriting it at this moment.
pub(super) fn read_witness(directory: &Path) -> Result<Witness, StoreError> {
    let mut attempt = 1;
    loop {
        match Witness::load(directory) {
            Ok(Some(witness)) => return Ok(witness),
            Ok(None) => return Err(trouble::damaged(&directory.join(witness::FILE), "the file is missing")),
            Err(StoreError::Damaged(_)) if attempt < WITNESS_ATTEMPTS => attempt += 1,
            Err(error) => return Err(error),
        }
    }
}

fn write(directory: &Path, identity: &Identity, witness: &Witness, draft: &Path) -> Result<(), StoreError> {
    let failed = |error| trouble::io("write the backup", draft, error);
    let mut out = Hashed { file: BufWriter::new(File::create(draft).map_err(failed)?), hash: Sha256::new(), bytes: 0 };
    let mut header = Vec::with_capacity(HEADER as usize);
    header.extend_from_slice(MAGIC);
    header.extend_from_slice(&FORMAT.to_be_bytes());
    header.extend_from_slice(&[0; 2]);
    header.extend_from_slice(&identity.store_id);
    header.extend_from_slice(&identity.epoch.0);
    header.extend_from_slice(&witness.revision.to_be_bytes());
    out.put(&header).map_err(failed)?;
    let mut walk = Walk::begin(&directory.join(segment::DIR))?;
    while walk.head().revision < witness.revision {
        let step = walk.next().map_err(|broken| broken.refusal())?;
        let Some(step) = step else { break };
        let Frame { previous, first, last, payload } = &step.frame;
        out.put(&frame::encode(previous, *first, *last, payload)).map_err(failed)?;
    }
    let head = walk.head();
    if head.revision != witness.revision || !witness.matches(&head.digest) {
        let what = format!("the journal does not have revision {} as HEAD has seen it", witness.revision);
        return Err(trouble::damaged(directory, what));
    }
    let mut trailer = END_MAGIC.to_vec();
    trailer.extend_from_slice(&(out.bytes - HEADER).to_be_bytes());
    trailer.extend_from_slice(&head.digest);
    out.put(&trailer).map_err(failed)?;
    let hash = out.hash.finalize();
    out.file.write_all(&hash).map_err(failed)?;
    let file = out.file.into_inner().map_err(|error| failed(error.into_error()))?;
    file.sync_all().map_err(failed)
}

struct Hashed {
    file: BufWriter<File>,
    hash: Sha256,
    bytes: u64,
}

impl Hashed {
    fn put(&mut self, bytes: &[u8]) -> Result<(), std::io::Error> {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        self.file.write_all(bytes)
    }
}

/// Reads the whole of `file`, checks every byte, frame and link, and says what it holds.
///
/// # Errors
/// [`StoreError::Damaged`] if anything is wrong with it, [`StoreError::Newer`] if a later release wrote it,
/// [`StoreError::Io`] if it cannot be read.
pub fn verify(file: &Path) -> Result<Summary, StoreError> {
    let (summary, mut frames) = open(file)?;
    let head = each_frame(file, &mut frames, |_| Ok(()))?;
    if head.revision != summary.revision || head.digest != summary.digest {
        return Err(unusable(file, "its frames do not add up to what its end says"));
    }
    Ok(summary)
}

/// Checks the hash of `file`, and finds its summary and its frames.
fn open(file: &Path) -> Result<(Summary, Frames), StoreError> {
    let failed = |error| trouble::io("read the backup", file, error);
    let handle = File::open(file).map_err(failed)?;
    let bytes = handle.metadata().map_err(failed)?.len();
    if bytes < HEADER + TRAILER {
        return Err(unusable(file, "it is too short"));
    }
    let (mut header, mut trailer) = ([0; HEADER as usize], [0; TRAILER as usize]);
    handle.read_exact_at(&mut header, 0).map_err(failed)?;
    handle.read_exact_at(&mut trailer, bytes - TRAILER).map_err(failed)?;
    if header[..8] != *MAGIC {
        return Err(unusable(file, "it is no backup of devhub"));
    }
    if hash(&handle, bytes - 32).map_err(failed)? != trailer[48..] {
        return Err(unusable(file, "its hash is wrong"));
    }
    let format = u16::from_be_bytes([header[8], header[9]]);
    if format > FORMAT {
        return Err(trouble::newer(file, u64::from(format), u64::from(FORMAT)));
    }
    let frames = u64::from_be_bytes(trailer[8..16].try_into().expect("eight bytes"));
    if trailer[..8] != *END_MAGIC || frames != bytes - HEADER - TRAILER {
        return Err(unusable(file, "its end is not where it should be"));
    }
    let summary = Summary {
        store_id: header[12..28].try_into().expect("sixteen bytes"),
        epoch: Epoch(header[28..44].try_into().expect("sixteen bytes")),
        revision: Revision::from_be_bytes(header[44..].try_into().expect("eight bytes")),
        digest: trailer[16..48].try_into().expect("32 bytes"),
        bytes,
    };
    Ok((summary, Frames::open(file, HEADER, HEADER + frames)?))
}

fn hash(file: &File, bytes: u64) -> Result<[u8; 32], std::io::Error> {
    let mut reader = BufReader::with_capacity(1 << 20, file).take(bytes);
    let mut hash = Sha256::new();
    let mut chunk = vec![0; 1 << 16];
    loop {
        let read = reader.read(&mut chunk)?;
        if read == 0 {
            return Ok(hash.finalize().into());
        }
        hash.update(&chunk[..read]);
    }
}

fn each_frame(
    file: &Path,
    frames: &mut Frames,
    mut visit: impl FnMut(&Frame) -> Result<(), StoreError>,
) -> Result<Head, StoreError> {
    let mut head = Head::EMPTY;
    loop {
        let offset = frames.offset();
        let Some(frame) = frames.next().map_err(|flaw| flaw.at(file, offset))? else {
            return Ok(head);
        };
        (head, _) = walk::follow(&head, &frame).map_err(|why| unusable(file, &why))?;
        visit(&frame)?;
    }
}

fn unusable(file: &Path, why: &str) -> StoreError {
    StoreError::Damaged(format!("the backup {} cannot be used: {why}; take another one", file.display()))
}

/// Lays out a store with the content of the backup `file` in `directory`, which must be empty or not exist. It gets a
/// new epoch, which is returned with what was restored; the state is built when the store is opened.
///
/// # Errors
/// As for [`verify`], before anything is written; [`StoreError::Io`] if the directory is not empty or cannot be written.
pub fn restore(file: &Path, directory: &Path) -> Result<(Summary, Epoch), StoreError> {
    let summary = verify(file)?;
    refuse_used(directory)?;
    let held = HeldDirectory::take(directory)?;
    let journal = held.journal();
    std::fs::create_dir_all(&journal).map_err(|error| trouble::io("create", &journal, error))?;
    let (_, mut frames) = open(file)?;
    let mut out = Layout { path: segment::path(&journal, 1), bytes: Vec::new(), journal };
    let head = each_frame(file, &mut frames, |frame| out.put(frame))?;
    out.close()?;
    disk::sync_dir(&out.journal)?;
    let identity = Identity { store_id: summary.store_id, epoch: summary.epoch, previous: Vec::new() };
    let identity = identity.with_new_epoch()?;
    Witness::of(identity.epoch, &head).save(directory)?;
    identity.save(directory)?;
    drop(held.lock);
    Ok((summary, identity.epoch))
}

fn refuse_used(directory: &Path) -> Result<(), StoreError> {
    let mut entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries.flatten(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(trouble::io("list", directory, error)),
    };
    match entries.find(|entry| entry.file_name() != lock::FILE) {
        Some(_) => Err(trouble::io("restore into", directory, "the directory is not empty; name an empty one")),
        None => Ok(()),
    }
}

/// The segments of a restored journal, one after the other.
struct Layout {
    journal: PathBuf,
    path: PathBuf,
    bytes: Vec<u8>,
}

impl Layout {
    fn put(&mut self, frame: &Frame) -> Result<(), StoreError> {
        if !self.bytes.is_empty() && self.bytes.len() as u64 + frame.length() > SEGMENT_BYTES {
            self.close()?;
            self.path = segment::path(&self.journal, frame.first);
        }
        self.bytes.extend_from_slice(&frame::encode(&frame.previous, frame.first, frame.last, &frame.payload));
        Ok(())
    }

    fn close(&mut self) -> Result<(), StoreError> {
        let written = File::create(&self.path).and_then(|mut file| {
            file.write_all(&self.bytes)?;
            file.sync_all()
        });
        self.bytes.clear();
        written.map_err(|error| trouble::io("write", &self.path, error))
    }
}
