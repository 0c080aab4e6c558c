//! The key of the trail, in a file apart from the data: what signs heads, and what salts are made with.
//!
//! ```text
//! sign <64 hexadecimal digits>
//! salt <64 hexadecimal digits>
//! ```
//! Beside it, `<file>.pub` has the public key, for whoever verifies. The salt must stay as it is for as long as heads
//! shall attest new exports; the line `sign` can be exchanged at any time.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};

use super::reference::Salts;
use super::{hex, unhex};

/// The file is its owner's alone.
const MODE: u32 = 0o600;

/// Permissions of others: a key that everybody can read proves nothing.
const OTHERS: u32 = 0o007;

/// What stands before a public key.
const ALGORITHM: &str = "devhub-audit-ed25519";

const HEADER: &str = "\
# Key of the audit trail of devhub: it signs heads, and makes the salts of what the trail refers to.
# Keep this file apart from the data directory and its backups. If the salt is lost, no head attests a new export.
";

/// Why a key file cannot be used. No sentence repeats what the file says.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// It cannot be read.
    #[error("the audit key file {} cannot be read: {}; make one with `devhub audit key`", .0.display(), .1)]
    Unreadable(PathBuf, io::Error),
    /// It cannot be written.
    #[error("the audit key file {} cannot be written: {}", .0.display(), .1)]
    Unwritable(PathBuf, io::Error),
    /// It exists already.
    #[error("{} exists already, and heads may be signed with it; name another file", .0.display())]
    Exists(PathBuf),
    /// Everybody can use it.
    #[error("everybody on this machine can use the audit key file {} (mode {:04o}); run `chmod 600` on it", .0.display(), .1)]
    Open(PathBuf, u32),
    /// It says something else.
    #[error("the audit key file {} is wrong: {}", .0.display(), .1)]
    Malformed(PathBuf, &'static str),
}

/// The key of a trail. Like a secret, it has no `Debug`.
#[derive(Clone)]
pub struct AuditKey {
    signing: SigningKey,
    salts: Salts,
}

/// What verifies the signatures of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl AuditKey {
    /// A key of these random bytes.
    pub fn of(sign: [u8; 32], salt: [u8; 32]) -> AuditKey {
        AuditKey { signing: SigningKey::from_bytes(&sign), salts: Salts(salt) }
    }

    /// What verifies its signatures.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.signing.verifying_key())
    }

    /// What makes its salts.
    pub fn salts(&self) -> &Salts {
        &self.salts
    }

    pub(super) fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        self.signing.sign(bytes).to_bytes()
    }
}

impl PublicKey {
    /// Names the key: the first digits of its hash.
    pub fn id(&self) -> String {
        hex(&Sha256::digest(self.0.as_bytes())[..8])
    }

    /// The key as text.
    pub fn text(&self) -> String {
        format!("{ALGORITHM} {}", hex(self.0.as_bytes()))
    }

    /// The key that a text says.
    pub fn parse(text: &str) -> Option<PublicKey> {
        let digits = text.trim().strip_prefix(ALGORITHM)?.strip_prefix(' ')?;
        VerifyingKey::from_bytes(&unhex(digits)?).ok().map(PublicKey)
    }

    pub(super) fn verifies(&self, bytes: &[u8], signature: &[u8; 64]) -> bool {
        self.0.verify_strict(bytes, &Signature::from_bytes(signature)).is_ok()
    }
}

/// Where the public key of a key file stands.
fn public_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".pub");
    PathBuf::from(name)
}

fn write_new(path: &Path, mode: u32, text: &str) -> Result<(), KeyFileError> {
    let written = OpenOptions::new().write(true).create_new(true).mode(mode).open(path).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    match written {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(KeyFileError::Exists(path.to_owned())),
        Err(error) => Err(KeyFileError::Unwritable(path.to_owned(), error)),
        Ok(()) => Ok(()),
    }
}

/// Makes a file with a new key that only its owner can read, and one with its public key beside it.
///
/// # Errors
/// When one of them exists already or cannot be written.
///
/// # Panics
/// When the operating system gives no random bytes.
pub fn create(path: &Path) -> Result<(AuditKey, PathBuf), KeyFileError> {
    let (mut sign, mut salt) = ([0; 32], [0; 32]);
    for bytes in [&mut sign, &mut salt] {
        getrandom::fill(bytes).expect("the operating system gives random bytes");
    }
    let key = AuditKey::of(sign, salt);
    let public = public_path(path);
    write_new(path, MODE, &format!("{HEADER}sign {}\nsalt {}\n", hex(&sign), hex(&salt)))?;
    write_new(&public, 0o644, &format!("{}\n", key.public().text()))?;
    Ok((key, public))
}

/// The key of a file.
///
/// # Errors
/// When it cannot be read, everybody can read it, or it holds no key.
pub fn read(path: &Path) -> Result<AuditKey, KeyFileError> {
    let unreadable = |error| KeyFileError::Unreadable(path.to_owned(), error);
    let mode = std::fs::metadata(path).map_err(unreadable)?.permissions().mode() & 0o7777;
    if mode & OTHERS != 0 {
        return Err(KeyFileError::Open(path.to_owned(), mode));
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    let malformed = |why| KeyFileError::Malformed(path.to_owned(), why);
    let (mut sign, mut salt) = (None, None);
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (name, digits) = line.split_once(' ').ok_or_else(|| malformed("write a word and 64 hexadecimal digits"))?;
        let bytes = unhex(digits.trim()).ok_or_else(|| malformed("a key has 64 hexadecimal digits"))?;
        let place = match name {
            "sign" => &mut sign,
            "salt" => &mut salt,
            _ => return Err(malformed("a line begins with neither sign nor salt")),
        };
        if place.replace(bytes).is_some() {
            return Err(malformed("it has two lines of one kind"));
        }
    }
    match (sign, salt) {
        (Some(sign), Some(salt)) => Ok(AuditKey::of(sign, salt)),
        (None, _) => Err(malformed("it has no line `sign`")),
        (_, None) => Err(malformed("it has no line `salt`")),
    }
}

/// The public key of a file.
///
/// # Errors
/// When it cannot be read or holds none.
pub fn read_public(path: &Path) -> Result<PublicKey, KeyFileError> {
    let text = std::fs::read_to_string(path).map_err(|error| KeyFileError::Unreadable(path.to_owned(), error))?;
    PublicKey::parse(&text).ok_or_else(|| {
        KeyFileError::Malformed(path.to_owned(), "it holds no public key; `devhub audit key` writes one to <file>.pub")
    })
}
