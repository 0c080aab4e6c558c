//! Encrypted backups: for whom, with which keys, and the bytes inside. The format is age's, with its X25519 recipients, so
//! that a backup can be read without devhub; the keys are made by `age-keygen`.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, ErrorKind, Read, Seek as _, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use ::age::stream::{StreamReader, StreamWriter};
use ::age::{DecryptError, Decryptor, Encryptor, x25519};
use sha2::{Digest as _, Sha256};

use super::{BackupFile, unusable};
use crate::store::journal::segment::ReadAt;
use crate::store::{StoreError, trouble};

/// What every age file begins with.
const AGE_MAGIC: &[u8] = b"age-encryption.org/";

/// Largest file of keys that is read, in bytes.
const KEYS_BYTES_MAX: u64 = 64 * 1024;

/// Permissions of others: an identity that everybody can read is none.
const OTHERS: u32 = 0o007;

/// What an identity begins with.
const IDENTITY_PREFIX: &str = "AGE-SECRET-KEY-";

/// Why keys of backups cannot be used. No sentence repeats an identity.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A file of them cannot be read.
    #[error("the file of keys {} cannot be read: {}", .0.display(), .1)]
    Unreadable(PathBuf, io::Error),
    /// Everybody can use it.
    #[error("everybody on this machine can read the identity file {} (mode {:04o}); run `chmod 600` on it", .0.display(), .1)]
    Open(PathBuf, u32),
    /// It is too large.
    #[error("the file of keys {} has {} bytes, and at most {KEYS_BYTES_MAX} are read; is it the right file?", .0.display(), .1)]
    TooLarge(PathBuf, u64),
    /// A line is wrong.
    #[error("line {} of {} is wrong: {}", .1, .0.display(), .2)]
    Malformed(PathBuf, usize, &'static str),
    /// It holds none.
    #[error("{} holds no key; `age-keygen` makes an identity, and says its recipient", .0.display())]
    Empty(PathBuf),
    /// A text is no recipient.
    #[error("--recipient is wrong: {0}")]
    NoRecipient(&'static str),
}

fn recipient(text: &str) -> Result<x25519::Recipient, &'static str> {
    // Whoever mistakes one for the other must not find the secret one in a log.
    if text.to_ascii_uppercase().starts_with(IDENTITY_PREFIX) {
        return Err("this is an identity, which is secret; a recipient begins with age1, and `age-keygen -y` says it");
    }
    text.parse().map_err(|_| "a recipient is an X25519 key as `age-keygen` writes it: age1 and 58 characters")
}

/// The lines of a file that say something, by their number.
fn lines(path: &Path) -> Result<Vec<(usize, String)>, KeyError> {
    let unreadable = |error| KeyError::Unreadable(path.to_owned(), error);
    let bytes = fs::metadata(path).map_err(unreadable)?.len();
    if bytes > KEYS_BYTES_MAX {
        return Err(KeyError::TooLarge(path.to_owned(), bytes));
    }
    let text = fs::read_to_string(path).map_err(unreadable)?;
    let said = (1..).zip(text.lines().map(str::trim)).filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let lines: Vec<(usize, String)> = said.map(|(number, line)| (number, line.to_owned())).collect();
    if lines.is_empty() { Err(KeyError::Empty(path.to_owned())) } else { Ok(lines) }
}

/// For whom a backup is encrypted: at least one.
pub struct Recipients(Vec<x25519::Recipient>);

impl Recipients {
    /// Those that are named, and those in files with one on a line; none when nobody is.
    ///
    /// # Errors
    /// When one of them is no X25519 recipient of age's, or a file cannot be read or holds none.
    pub fn read(named: &[String], files: &[PathBuf]) -> Result<Option<Recipients>, KeyError> {
        let mut all = Vec::new();
        for text in named {
            all.push(recipient(text).map_err(KeyError::NoRecipient)?);
        }
        for path in files {
            for (number, line) in lines(path)? {
                let wrong = |why| KeyError::Malformed(path.clone(), number, why);
                all.push(recipient(&line).map_err(wrong)?);
            }
        }
        Ok((!all.is_empty()).then_some(Recipients(all)))
    }

    /// Encrypts what is written from now on.
    pub(super) fn encrypt<W: Write>(&self, out: W) -> Result<StreamWriter<W>, io::Error> {
        let recipients = self.0.iter().map(|recipient| recipient as &dyn ::age::Recipient);
        Encryptor::with_recipients(recipients).map_err(io::Error::other)?.wrap_output(out)
    }
}

/// The keys that decrypt backups: at least one. Like all secrets, they have no `Debug`.
pub struct Identities(Vec<x25519::Identity>);

impl Identities {
    /// Those in files with one on a line, as `age-keygen` makes them; none when there is no file.
    ///
    /// # Errors
    /// When a file cannot be read, everybody can read it, or it holds anything but X25519 identities of age's.
    pub fn read(files: &[PathBuf]) -> Result<Option<Identities>, KeyError> {
        let mut all = Vec::new();
        for path in files {
            let known = fs::metadata(path).map_err(|error| KeyError::Unreadable(path.clone(), error))?;
            let mode = known.permissions().mode() & 0o7777;
            if mode & OTHERS != 0 {
                return Err(KeyError::Open(path.clone(), mode));
            }
            for (number, line) in lines(path)? {
                let why = "an identity is a line as `age-keygen` writes it: AGE-SECRET-KEY-1 and 58 characters";
                all.push(line.parse().map_err(|_| KeyError::Malformed(path.clone(), number, why))?);
            }
        }
        Ok((!all.is_empty()).then_some(Identities(all)))
    }
}

/// The bytes of a backup, decrypted if it is encrypted. They are decrypted as they are read, and written nowhere.
pub(super) struct Source {
    file_bytes: u64,
    bytes: u64,
    reader: Reader,
}

enum Reader {
    Plain(File),
    Encrypted(Box<StreamReader<BufReader<File>>>),
}

impl Source {
    /// Opens a backup, with its identities if and only if it is encrypted.
    pub(super) fn open(backup: BackupFile<'_>) -> Result<Source, StoreError> {
        let path = backup.path;
        let failed = |error| unread(path, &error);
        let file = File::open(path).map_err(failed)?;
        let file_bytes = file.metadata().map_err(failed)?.len();
        let mut file = BufReader::new(file);
        let encrypted = file.fill_buf().map_err(failed)?.starts_with(AGE_MAGIC);
        let identities = match (encrypted, backup.identities) {
            (false, None) => {
                return Ok(Source { file_bytes, bytes: file_bytes, reader: Reader::Plain(file.into_inner()) });
            }
            (true, None) => return Err(trouble::io("read", path, "it is encrypted; name the file of an --identity")),
            (false, Some(_)) => {
                let why = "it is not encrypted, and an --identity is given: is it the backup that you made? If it is, \
                           leave the identity out";
                return Err(trouble::io("decrypt", path, why));
            }
            (true, Some(identities)) => identities,
        };
        let refused = |error| undecrypted(path, error);
        let keys = identities.0.iter().map(|identity| identity as &dyn ::age::Identity);
        let decryptor = Decryptor::new_buffered(file).map_err(refused)?;
        let mut reader = decryptor.decrypt(keys).map_err(refused)?;
        // Looks at the last part, which alone can say that it is the last one.
        let bytes = reader.seek(SeekFrom::End(0)).map_err(failed)?;
        Ok(Source { file_bytes, bytes, reader: Reader::Encrypted(Box::new(reader)) })
    }

    /// Bytes inside.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Bytes of the file.
    pub(super) fn file_bytes(&self) -> u64 {
        self.file_bytes
    }
}

impl ReadAt for Source {
    fn read_exact_at(&mut self, bytes: &mut [u8], offset: u64) -> Result<(), io::Error> {
        match &mut self.reader {
            Reader::Plain(file) => ReadAt::read_exact_at(file, bytes, offset),
            Reader::Encrypted(reader) => {
                reader.seek(SeekFrom::Start(offset))?;
                reader.read_exact(bytes)
            }
        }
    }
}

/// The hash of the first `bytes` bytes.
pub(super) fn hash(source: &mut impl ReadAt, bytes: u64) -> Result<[u8; 32], io::Error> {
    let mut hash = Sha256::new();
    let mut chunk = vec![0; 1 << 16];
    let mut offset = 0;
    while offset < bytes {
        let part = &mut chunk[..(bytes - offset).min(1 << 16) as usize];
        source.read_exact_at(part, offset)?;
        hash.update(&part);
        offset += part.len() as u64;
    }
    Ok(hash.finalize().into())
}

/// The refusal of a backup that cannot be read to its end.
pub(super) fn unread(file: &Path, error: &io::Error) -> StoreError {
    if matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof) {
        return unusable(file, "it was cut or changed after it was made");
    }
    trouble::io("read the backup", file, error)
}

fn undecrypted(file: &Path, error: DecryptError) -> StoreError {
    match error {
        DecryptError::NoMatchingKeys => {
            let why = "it was made for other recipients; name the file with the identity of one of them, --identity";
            trouble::io("decrypt", file, why)
        }
        DecryptError::Io(error) => unread(file, &error),
        DecryptError::DecryptionFailed
        | DecryptError::InvalidHeader
        | DecryptError::InvalidMac
        | DecryptError::KeyDecryptionFailed => unusable(file, "its beginning was cut or changed after it was made"),
        DecryptError::UnknownFormat | DecryptError::ExcessiveWork { .. } => {
            unusable(file, "it is not encrypted as devhub does it, for X25519 recipients of age-encryption.org/v1")
        }
    }
}
