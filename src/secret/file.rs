//! The file of peppers: one line for each, its id and 64 hexadecimal digits, the newest last. It is kept apart from the
//! data directory and its backups: whoever has both can try secrets against the hashes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::pepper::{PEPPER_BYTES, PEPPERS_MAX, Pepper, Peppers};
use crate::domain::name::PepperId;

/// Largest file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// The file is its owner's alone.
const MODE: u32 = 0o600;

/// Permissions of others: a pepper that everybody can read is none.
const OTHERS: u32 = 0o007;

const HEADER: &str = "\
# Peppers of devhub: the keys under which it hashes secrets. The last line signs, the lines before it only verify.
# Keep this file apart from the data directory and its backups. If it is lost, no secret verifies any more.
";

/// Why a file of peppers cannot be used. No sentence repeats what the file says.
#[derive(Debug, thiserror::Error)]
pub enum PepperFileError {
    /// It cannot be read.
    #[error("the pepper file {} cannot be read: {}; make one with `devhub pepper new`", .0.display(), .1)]
    Unreadable(PathBuf, io::Error),
    /// It cannot be written.
    #[error("the pepper file {} cannot be written: {}", .0.display(), .1)]
    Unwritable(PathBuf, io::Error),
    /// It exists already.
    #[error(
        "{} exists already, and secrets may depend on it; name another file, or add a pepper to this one with `devhub pepper add`", .0.display()
    )]
    Exists(PathBuf),
    /// Everybody can use it.
    #[error("everybody on this machine can use the pepper file {} (mode {:04o}); run `chmod 600` on it", .0.display(), .1)]
    Open(PathBuf, u32),
    /// A line is wrong.
    #[error("line {} of the pepper file {} is wrong: {}", .1, .0.display(), .2)]
    Malformed(PathBuf, usize, &'static str),
    /// It holds none.
    #[error("the pepper file {} holds no pepper; make another with `devhub pepper new`", .0.display())]
    Empty(PathBuf),
    /// It holds too many.
    #[error("the pepper file {} holds {} peppers, and at most {PEPPERS_MAX} are used; remove the oldest, whose secrets no longer verify then", .0.display(), .1)]
    TooMany(PathBuf, usize),
    /// It is too large.
    #[error("the pepper file {} has {} bytes, and at most {FILE_BYTES_MAX} are read; is it the right file?", .0.display(), .1)]
    TooLarge(PathBuf, u64),
}

fn key(digits: &str) -> Option<[u8; PEPPER_BYTES]> {
    let mut key = [0; PEPPER_BYTES];
    if digits.len() != 2 * PEPPER_BYTES || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (place, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&digits[2 * place..2 * place + 2], 16).ok()?;
    }
    Some(key)
}

fn line(pepper: &Pepper) -> String {
    let digits: String = pepper.key.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{} {digits}\n", pepper.id)
}

fn parse(path: &Path, text: &str) -> Result<Vec<Pepper>, PepperFileError> {
    let mut peppers: Vec<Pepper> = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let wrong = |why| PepperFileError::Malformed(path.to_owned(), number, why);
        let (id, digits) = line
            .split_once(char::is_whitespace)
            .ok_or_else(|| wrong("write an id, a space and 64 hexadecimal digits"))?;
        let id = id.parse().map_err(|_| wrong(PepperId::RULE))?;
        let key = key(digits.trim_start()).ok_or_else(|| wrong("a pepper has 64 hexadecimal digits"))?;
        if peppers.iter().any(|known| known.id == id) {
            return Err(wrong("an earlier line has the same id; every pepper needs its own"));
        }
        peppers.push(Pepper { id, key });
    }
    Ok(peppers)
}

fn load(path: &Path) -> Result<(String, Vec<Pepper>), PepperFileError> {
    let unreadable = |error| PepperFileError::Unreadable(path.to_owned(), error);
    let known = fs::metadata(path).map_err(unreadable)?;
    let mode = known.permissions().mode() & 0o7777;
    if mode & OTHERS != 0 {
        return Err(PepperFileError::Open(path.to_owned(), mode));
    }
    if known.len() > FILE_BYTES_MAX {
        return Err(PepperFileError::TooLarge(path.to_owned(), known.len()));
    }
    let text = fs::read_to_string(path).map_err(unreadable)?;
    let peppers = parse(path, &text)?;
    Ok((text, peppers))
}

/// The peppers of a file.
///
/// # Errors
/// When it cannot be read, everybody can read it, or what it says is no list of 1 to 8 peppers.
pub fn read(path: &Path) -> Result<Peppers, PepperFileError> {
    let (_, mut peppers) = load(path)?;
    if peppers.len() > PEPPERS_MAX {
        return Err(PepperFileError::TooMany(path.to_owned(), peppers.len()));
    }
    let newest = peppers.pop().ok_or_else(|| PepperFileError::Empty(path.to_owned()))?;
    Ok(Peppers::new(peppers, newest))
}

/// Writes a file that was not there.
fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(MODE).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Makes the name of a file survive a power cut too.
fn sync_directory(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory)?.sync_all()
}

/// Makes a file with one new pepper, readable by its owner only; says the pepper's id.
///
/// # Errors
/// When there is such a file already, or it cannot be written.
pub fn create(path: &Path) -> Result<PepperId, PepperFileError> {
    let pepper = Pepper::generate();
    let written = write_new(path, &format!("{HEADER}{}", line(&pepper))).and_then(|()| sync_directory(path));
    match written {
        Ok(()) => Ok(pepper.id),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(PepperFileError::Exists(path.to_owned())),
        Err(error) => Err(PepperFileError::Unwritable(path.to_owned(), error)),
    }
}

/// Adds a new pepper to a file; says its id. The file is replaced whole, so that nobody reads half of it.
///
/// # Errors
/// When the file cannot be used as it is, has as many peppers as it may have, or cannot be written.
pub fn add(path: &Path) -> Result<PepperId, PepperFileError> {
    let (mut text, peppers) = load(path)?;
    if peppers.len() >= PEPPERS_MAX {
        return Err(PepperFileError::TooMany(path.to_owned(), peppers.len() + 1));
    }
    let pepper = Pepper::generate();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str(&line(&pepper));
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}", pepper.id));
    let beside = PathBuf::from(beside);
    let written =
        write_new(&beside, &text).and_then(|()| fs::rename(&beside, path)).and_then(|()| sync_directory(path));
    written.map_err(|error| PepperFileError::Unwritable(path.to_owned(), error))?;
    Ok(pepper.id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("peppers");
        write_new(&path, text).expect("written");
        (directory, path)
    }

    fn sentence(text: &str) -> String {
        let (_directory, path) = file(text);
        read(&path).err().expect(text).to_string()
    }

    #[test]
    fn a_new_file_is_its_owners_alone_and_is_never_overwritten() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("peppers");
        let id = create(&path).expect("made");
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        assert_eq!(read(&path).expect("sound").ids().collect::<Vec<_>>(), [&id]);
        let before = fs::read(&path).expect("readable");
        assert!(create(&path).expect_err("it exists").to_string().contains("devhub pepper add"));
        assert_eq!(fs::read(&path).expect("readable"), before);
    }

    #[test]
    fn b54_a_pepper_that_is_added_signs_and_the_older_ones_verify() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("peppers");
        let first = create(&path).expect("made");
        let secret = Secret::generate();
        let kept = read(&path).expect("sound").hash(&secret);
        let second = add(&path).expect("added");
        let peppers = read(&path).expect("sound");
        assert_eq!(peppers.ids().collect::<Vec<_>>(), [&first, &second]);
        assert_eq!(peppers.hash(&secret).pepper, second);
        assert_eq!(peppers.present(secret.reveal()).find(&[&kept], 1), Some(0));
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(directory.path()).expect("readable").count(), 1, "nothing is left beside it");
        for _ in 2..PEPPERS_MAX {
            add(&path).expect("added");
        }
        assert!(add(&path).expect_err("eight").to_string().contains("at most 8"));
        assert_eq!(read(&path).expect("still sound").ids().count(), PEPPERS_MAX);
    }

    #[test]
    fn a_file_that_everybody_can_read_is_refused() {
        let (_directory, path) = file("");
        create(&path.with_extension("2")).expect("made");
        for (mode, refused) in [(0o644, true), (0o604, true), (0o602, true), (0o640, false), (0o400, false)] {
            let path = path.with_extension("2");
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("set");
            let read = read(&path);
            assert_eq!(read.is_err(), refused, "{mode:o}");
            assert!(read.err().is_none_or(|error| error.to_string().contains("chmod 600")));
        }
    }

    #[test]
    fn every_wrong_line_is_named_and_none_is_repeated() {
        let digits = "0123456789abcdef".repeat(4);
        for (text, expected) in [
            (String::new(), "holds no pepper"),
            ("# only words\n".to_owned(), "holds no pepper"),
            (digits.clone(), "line 1"),
            (format!("\na {}", &digits[1..]), "line 2"),
            (format!("a {digits}\na {digits}"), "every pepper needs its own"),
            (format!("A! {digits}"), "line 1"),
            (format!("a {}", "é".repeat(32)), "64 hexadecimal digits"),
            ((0..9).map(|number| format!("p{number} {digits}\n")).collect(), "at most 8"),
        ] {
            let sentence = sentence(&text);
            assert!(sentence.contains(expected), "{sentence}");
            assert!(!sentence.contains(&digits[1..]), "{sentence}");
        }
        let (_directory, path) = file("x");
        assert!(read(&path.with_extension("none")).err().expect("none").to_string().contains("devhub pepper new"));
    }
}
