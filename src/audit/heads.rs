//! The file of heads: one line each, oldest first, only ever appended to. It is meant to lie where whoever can change the
//! journal cannot change it: another machine, or a disk that takes no second write.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use super::flaw::{TrailError, io};
use super::head::SignedHead;

/// The heads in a file. A last line without its line break was cut by a crash and is left out.
///
/// # Errors
/// When it cannot be read or a line is no head.
pub fn read(path: &Path) -> Result<Vec<SignedHead>, TrailError> {
    let text = std::fs::read_to_string(path).map_err(|error| io("read", path, error))?;
    let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
    let lines = (1..).zip(whole.lines()).filter(|(_, line)| !line.trim().is_empty());
    lines.map(|(line, text)| SignedHead::parse(text).ok_or(TrailError::NoHead { line })).collect()
}

/// Appends a head, durably. The file is made if there is none.
///
/// # Errors
/// When it cannot be written.
pub fn append(path: &Path, head: &SignedHead) -> Result<(), TrailError> {
    let failed = |error| io("write", path, error);
    let mut file = OpenOptions::new().read(true).append(true).create(true).open(path).map_err(failed)?;
    let line = head.line() + "\n";
    if !ends_whole(&mut file).map_err(failed)? {
        // Nobody was told of a head that a crash cut off.
        let whole = whole_bytes(&mut file).map_err(failed)?;
        file.set_len(whole).map_err(failed)?;
    }
    file.write_all(line.as_bytes()).and_then(|()| file.sync_data()).map_err(failed)
}

fn ends_whole(file: &mut File) -> std::io::Result<bool> {
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(true);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

/// Bytes up to the last line break.
fn whole_bytes(file: &mut File) -> std::io::Result<u64> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.read_to_end(&mut bytes)?;
    Ok(bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end as u64 + 1))
}
