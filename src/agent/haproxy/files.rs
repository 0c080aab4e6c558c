//! The files that HAProxy loads when it starts: each is whole, whatever happens while it is written.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

/// All rows.
pub(super) const DECISIONS: &str = "decisions.map";

/// The end of the lease, in milliseconds since 1970, and who keeps the running HAProxy current.
pub(super) const LEASE: &str = "lease.map";

/// Writes all rows in place of those before. They are on the disk before they have their name, and before anybody writes
/// a lease for them: a file that is cut off would deny less than it should.
pub(super) fn write_decisions<'t>(directory: &Path, texts: impl Iterator<Item = &'t str>) -> io::Result<()> {
    let beside = beside(directory, DECISIONS);
    let mut writer = BufWriter::new(File::create(&beside)?);
    for text in texts {
        writer.write_all(text.as_bytes())?;
    }
    writer.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    fs::rename(beside, directory.join(DECISIONS))?;
    File::open(directory)?.sync_all()
}

/// Writes the end of the lease. Nobody keeps a HAProxy current that has only just read this. It need not outlive a power
/// cut: an older lease ends sooner, and none lets nobody in.
pub(super) fn write_lease(directory: &Path, until_ms: i64) -> io::Result<()> {
    let beside = beside(directory, LEASE);
    fs::write(&beside, format!("until {until_ms}\nholder 0\n"))?;
    fs::rename(beside, directory.join(LEASE))
}

fn beside(directory: &Path, name: &str) -> PathBuf {
    directory.join(format!(".{name}.new"))
}

/// Makes the files that are not there yet: HAProxy does not start without them. With these it lets nobody in.
pub fn begin(directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    // The lease first: rows without one let nobody in.
    if !directory.join(LEASE).try_exists()? {
        write_lease(directory, 0)?;
    }
    if !directory.join(DECISIONS).try_exists()? {
        write_decisions(directory, std::iter::empty())?;
    }
    Ok(())
}
