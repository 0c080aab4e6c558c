//! Backup and restore: the journal up to its witness, in one file.
//!
//! The journal only grows, and what the witness has seen is durable, so a backup needs no lock and no pause: it copies
//! frames up to the witness while commits go on behind it. A restore begins a new epoch, since clients may have seen
//! revisions that the backup does not have.
//!
//! A backup may be encrypted: then the file is an age file (age-encryption.org/v1), and this is what is in it.
//!
//! ```text
//! magic "DHUBBACK", format u16, zero u16, store id 16, epoch 16, revision u64      52 bytes
//! the frames of the journal up to that revision
//! magic "DHUBBEND", bytes of the frames u64, chain value 32, SHA-256 of all before 32      80 bytes
//! ```

mod encryption;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::embedded::HeldDirectory;
use super::identity::Identity;
use super::journal::frame::{self, Frame};
use super::journal::segment::{self, Frames, ReadAt as _};
use super::journal::walk::{self, Walk};
use super::lock;
use super::witness::Witness;
use super::{Epoch, Head, Revision, StoreError, disk, identity, trouble, witness};

use encryption::Source;
pub use encryption::{Identities, KeyError, Recipients};

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

/// A backup as it lies somewhere, with what it takes to read it.
#[derive(Clone, Copy)]
pub struct BackupFile<'a> {
    /// Where it lies.
    pub path: &'a Path,
    /// The keys that decrypt it; none for one that is not encrypted.
    pub identities: Option<&'a Identities>,
}

impl<'a> From<&'a Path> for BackupFile<'a> {
    fn from(path: &'a Path) -> Self {
        Self { path, identities: None }
    }
}

impl<'a> From<&'a PathBuf> for BackupFile<'a> {
    fn from(path: &'a PathBuf) -> Self {
        Self { path, identities: None }
    }
}

/// Writes a backup of the store in `directory` to `file`. The store may be running, in this process or another.
///
/// The file appears under its name only when it is complete, durable and verified by reading it back.
///
/// # Errors
/// [`StoreError::Io`] if `file` exists or cannot be written, [`StoreError::Damaged`] if the journal is damaged: a
/// damaged store yields no backup.
pub fn create(directory: &Path, file: &Path) -> Result<Summary, StoreError> {
    create_for(directory, file, None)
}

/// Writes a backup that only the owners of `recipients` can read, otherwise as [`create`] does. It is read back as it was
/// encrypted: what it says inside can be verified by those alone who can read it.
///
/// # Errors
/// As for [`create`].
pub fn create_encrypted(directory: &Path, file: &Path, recipients: &Recipients) -> Result<Summary, StoreError> {
    create_for(directory, file, Some(recipients))
}

fn create_for(directory: &Path, file: &Path, recipients: Option<&Recipients>) -> Result<Summary, StoreError> {
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
    let written = write(directory, &identity, &witness, &draft, recipients);
    let summary = written.inspect_err(|_| drop(std::fs::remove_file(&draft)))?;
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

/// Writes the backup to `draft`, makes it durable, and reads it back.
fn write(
    directory: &Path,
    identity: &Identity,
    witness: &Witness,
    draft: &Path,
    recipients: Option<&Recipients>,
) -> Result<Summary, StoreError> {
    let failed = |error| trouble::io("write the backup", draft, error);
    let sync = |file: BufWriter<File>| {
        file.into_inner().map_err(|error| failed(error.into_error())).and_then(|file| file.sync_all().map_err(failed))
    };
    let file = BufWriter::new(File::create(draft).map_err(failed)?);
    let Some(recipients) = recipients else {
        let (_, file) = put_all(directory, identity, witness, draft, file)?;
        sync(file)?;
        return verify(draft);
    };
    let encrypted = recipients.encrypt(Hashed::new(file)).map_err(failed)?;
    let (digest, encrypted) = put_all(directory, identity, witness, draft, encrypted)?;
    let Hashed { out, hash, bytes } = encrypted.finish().map_err(failed)?;
    sync(out)?;
    let mut written = File::open(draft).map_err(failed)?;
    if written.metadata().map_err(failed)?.len() != bytes
        || encryption::hash(&mut written, bytes).map_err(failed)? != <[u8; 32]>::from(hash.finalize())
    {
        return Err(trouble::io(
            "write the backup",
            draft,
            "what is read back is not what was written; is the disk sound?",
        ));
    }
    Ok(Summary { store_id: identity.store_id, epoch: identity.epoch, revision: witness.revision, digest, bytes })
}

/// Writes all parts of a backup to `out`, and says the chain value at its end.
fn put_all<W: Write>(
    directory: &Path,
    identity: &Identity,
    witness: &Witness,
    draft: &Path,
    out: W,
) -> Result<([u8; 32], W), StoreError> {
    let failed = |error| trouble::io("write the backup", draft, error);
    let mut out = Hashed::new(out);
    let mut header = Vec::with_capacity(HEADER as usize);
    header.extend_from_slice(MAGIC);
    header.extend_from_slice(&FORMAT.to_be_bytes());
    header.extend_from_slice(&[0; 2]);
    header.extend_from_slice(&identity.store_id);
    header.extend_from_slice(&identity.epoch.0);
    header.extend_from_slice(&witness.revision.to_be_bytes());
    out.write_all(&header).map_err(failed)?;
    let mut walk = Walk::begin(&directory.join(segment::DIR))?;
    while walk.head().revision < witness.revision {
        let step = walk.next().map_err(|broken| broken.refusal())?;
        let Some(step) = step else { break };
        let Frame { previous, first, last, payload } = &step.frame;
        out.write_all(&frame::encode(previous, *first, *last, payload)).map_err(failed)?;
    }
    let head = walk.head();
    if head.revision != witness.revision || !witness.matches(&head.digest) {
        let what = format!("the journal does not have revision {} as HEAD has seen it", witness.revision);
        return Err(trouble::damaged(directory, what));
    }
    let mut trailer = END_MAGIC.to_vec();
    trailer.extend_from_slice(&(out.bytes - HEADER).to_be_bytes());
    trailer.extend_from_slice(&head.digest);
    out.write_all(&trailer).map_err(failed)?;
    let Hashed { mut out, hash, bytes: _ } = out;
    out.write_all(&hash.finalize()).map_err(failed)?;
    Ok((head.digest, out))
}

/// Counts and hashes what is written.
struct Hashed<W> {
    out: W,
    hash: Sha256,
    bytes: u64,
}

impl<W> Hashed<W> {
    fn new(out: W) -> Self {
        Self { out, hash: Sha256::new(), bytes: 0 }
    }
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, io::Error> {
        let written = self.out.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> Result<(), io::Error> {
        self.out.flush()
    }
}

/// Reads the whole of `file`, checks every byte, frame and link, and says what it holds.
///
/// # Errors
/// [`StoreError::Damaged`] if anything is wrong with it, [`StoreError::Newer`] if a later release wrote it,
/// [`StoreError::Io`] if it cannot be read, or not with the identities that there are.
pub fn verify<'a>(file: impl Into<BackupFile<'a>>) -> Result<Summary, StoreError> {
    let backup = file.into();
    let (summary, mut frames) = open(backup)?;
    let head = each_frame(backup.path, &mut frames, |_| Ok(()))?;
    if head.revision != summary.revision || head.digest != summary.digest {
        return Err(unusable(backup.path, "its frames do not add up to what its end says"));
    }
    Ok(summary)
}

/// Checks the hash of `backup`, and finds its summary and its frames.
fn open(backup: BackupFile<'_>) -> Result<(Summary, Frames<Source>), StoreError> {
    let file = backup.path;
    let failed = |error| encryption::unread(file, &error);
    let mut source = Source::open(backup)?;
    let bytes = source.bytes();
    if bytes < HEADER + TRAILER {
        return Err(unusable(file, "it is too short"));
    }
    let (mut header, mut trailer) = ([0; HEADER as usize], [0; TRAILER as usize]);
    source.read_exact_at(&mut header, 0).map_err(failed)?;
    source.read_exact_at(&mut trailer, bytes - TRAILER).map_err(failed)?;
    if header[..8] != *MAGIC {
        return Err(unusable(file, "it is no backup of devhub"));
    }
    if encryption::hash(&mut source, bytes - 32).map_err(failed)? != trailer[48..] {
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
        bytes: source.file_bytes(),
    };
    Ok((summary, Frames::of(source, HEADER, HEADER + frames)))
}

fn each_frame(
    file: &Path,
    frames: &mut Frames<Source>,
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
pub fn restore<'a>(file: impl Into<BackupFile<'a>>, directory: &Path) -> Result<(Summary, Epoch), StoreError> {
    let backup = file.into();
    let summary = verify(backup)?;
    refuse_used(directory)?;
    let held = HeldDirectory::take(directory)?;
    let journal = held.journal();
    std::fs::create_dir_all(&journal).map_err(|error| trouble::io("create", &journal, error))?;
    let (_, mut frames) = open(backup)?;
    let mut out = Layout { path: segment::path(&journal, 1), bytes: Vec::new(), journal };
    let head = each_frame(backup.path, &mut frames, |frame| out.put(frame))?;
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
