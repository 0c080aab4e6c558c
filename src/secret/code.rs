//! Sealed codes for an emergency: each opens once. The file holds a hash of each, so that whoever reads it opens nothing; which
//! codes were used is not known here.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::text::Secret;

/// Largest file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// Hexadecimal digits of a hash that name a code.
const NAME_DIGITS: usize = 16;

/// What is hashed before a code, so that the hash is one of nothing else.
const LABEL: &[u8] = b"devhub break-glass code\0";

const HEADER: &str = "\
# Codes of devhub for an emergency: a hash of each. The codes themselves were printed once; keep them sealed.
# A code that was used opens nothing any more; its line may stay or go.
";

/// Why a file of codes cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CodeFileError {
    /// It cannot be read.
    #[error("the file of break-glass codes {} cannot be read: {}; make one with `devhub break-glass new`", .0.display(), .1)]
    Unreadable(PathBuf, io::Error),
    /// It cannot be written.
    #[error("the file of break-glass codes {} cannot be written: {}", .0.display(), .1)]
    Unwritable(PathBuf, io::Error),
    /// It is too large.
    #[error("the file of break-glass codes {} has {} bytes, and at most {FILE_BYTES_MAX} are read; is it the right file?", .0.display(), .1)]
    TooLarge(PathBuf, u64),
    /// A line makes no sense.
    #[error("line {} of the file of break-glass codes {} is no hash: it has 64 hexadecimal digits; make another with `devhub break-glass new`", .1, .0.display())]
    Malformed(PathBuf, usize),
}

/// The hashes of codes.
pub struct Codes(Vec<[u8; 32]>);

fn hash(text: &str) -> [u8; 32] {
    Sha256::new().chain_update(LABEL).chain_update(text.as_bytes()).finalize().into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(digits: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if digits.len() != 64 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&digits[2 * place..2 * place + 2], 16).ok()?;
    }
    Some(bytes)
}

impl Codes {
    /// The codes of a file.
    ///
    /// # Errors
    /// When it cannot be read, or what it says is no list of hashes.
    pub fn read(path: &Path) -> Result<Codes, CodeFileError> {
        let unreadable = |error| CodeFileError::Unreadable(path.to_owned(), error);
        let bytes = fs::metadata(path).map_err(unreadable)?.len();
        if bytes > FILE_BYTES_MAX {
            return Err(CodeFileError::TooLarge(path.to_owned(), bytes));
        }
        let text = fs::read_to_string(path).map_err(unreadable)?;
        let lines =
            (1..).zip(text.lines().map(str::trim)).filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let hashes = lines.map(|(number, line)| unhex(line).ok_or(CodeFileError::Malformed(path.to_owned(), number)));
        hashes.collect::<Result<_, _>>().map(Codes)
    }

    /// The name of the code that was presented, if it is one of these. All are compared, whichever it is.
    pub fn find(&self, presented: &str) -> Option<String> {
        let presented = hash(presented);
        let same = |known: &&[u8; 32]| bool::from(known.ct_eq(&presented));
        let found: Vec<&[u8; 32]> = self.0.iter().filter(same).collect();
        found.first().map(|hash| hex(*hash)[..NAME_DIGITS].to_owned())
    }
}

/// Makes a new code and adds its hash to a file, which is made if it is not there. The code exists in the answer alone.
///
/// # Errors
/// When the file cannot be used as it is, or cannot be written.
pub fn add_code(path: &Path) -> Result<Secret, CodeFileError> {
    let unwritable = |error| CodeFileError::Unwritable(path.to_owned(), error);
    let is_new = !path.exists();
    if !is_new {
        Codes::read(path)?;
    }
    let code = Secret::generate();
    let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(path).map_err(unwritable)?;
    let line = format!("{}{}\n", if is_new { HEADER } else { "" }, hex(&hash(code.reveal())));
    file.write_all(line.as_bytes()).and_then(|()| file.sync_all()).map_err(unwritable)?;
    Ok(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_finds_its_codes_and_tells_none() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("codes");
        let (first, second) = (add_code(&path).expect("made"), add_code(&path).expect("added"));
        let codes = Codes::read(&path).expect("sound");
        let (a, b) = (codes.find(first.reveal()).expect("known"), codes.find(second.reveal()).expect("known"));
        assert!(a != b && a.len() == NAME_DIGITS);
        assert_eq!(codes.find(Secret::generate().reveal()), None);
        assert_eq!(codes.find(""), None);
        let text = fs::read_to_string(&path).expect("readable");
        assert!(!text.contains(first.reveal()) && text.contains(&a));
        fs::write(&path, "dhs_nothing\n").expect("written");
        assert!(matches!(Codes::read(&path), Err(CodeFileError::Malformed(_, 1))));
        assert!(add_code(&path).is_err(), "what is no list of hashes is not added to");
    }
}
