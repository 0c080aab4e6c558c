//! Reports as CSV, for spreadsheets: written row by row, so that a report may be longer than memory.
//!
//! A spreadsheet computes a cell that begins with `=`, `+`, `-` or `@`, and some do after a tab or a line break too. What
//! others put into the hub must not be computed by whoever opens a report, so such a cell gets an apostrophe in front.

use std::borrow::Cow;
use std::convert::Infallible;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, Result};

/// Where a report goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// Standard output.
    Standard,
    /// A file; one that is there is replaced.
    File(PathBuf),
}

impl FromStr for Destination {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Destination, Infallible> {
        Ok(if text == "-" { Destination::Standard } else { Destination::File(text.into()) })
    }
}

/// A file that appears under its name when it is whole: half a report would be taken for a short one.
#[derive(Debug)]
pub struct WholeFile {
    file: File,
    path: PathBuf,
    /// Where it is written until then; none for what is no ordinary file, such as a pipe.
    draft: Option<PathBuf>,
}

impl WholeFile {
    /// Begins the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn begin(path: &Path) -> Result<WholeFile> {
        let is_special = path.symlink_metadata().is_ok_and(|known| !known.is_file());
        let draft = (!is_special).then(|| {
            let mut name = OsString::from(path);
            name.push(".new");
            PathBuf::from(name)
        });
        let at = draft.as_deref().unwrap_or(path);
        let file = File::create(at).with_context(|| format!("{} cannot be written", at.display()))?;
        Ok(WholeFile { file, path: path.to_owned(), draft })
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> Result<()> {
        let written = self.file.flush();
        let renamed = written.and_then(|()| match self.draft.take() {
            None => Ok(()),
            Some(draft) => std::fs::rename(draft, &self.path),
        });
        renamed.with_context(|| format!("{} cannot be written", self.path.display()))
    }
}

impl Write for WholeFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for WholeFile {
    fn drop(&mut self) {
        if let Some(draft) = &self.draft {
            // The command fails already; what is left of the draft does no harm.
            let _ = std::fs::remove_file(draft);
        }
    }
}

/// Where the rows go.
#[derive(Debug)]
enum Sink {
    Standard(io::Stdout),
    File(WholeFile),
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Sink::Standard(out) => out.write(bytes),
            Sink::File(whole) => whole.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Sink::Standard(out) => out.flush(),
            Sink::File(whole) => whole.flush(),
        }
    }
}

/// A report that is being written.
#[derive(Debug)]
pub struct Sheet {
    writer: csv::Writer<Sink>,
}

impl Sheet {
    /// Begins a report with the titles of its columns.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn begin<T: AsRef<str>>(destination: &Destination, header: &[T]) -> Result<Sheet> {
        let sink = match destination {
            Destination::Standard => Sink::Standard(io::stdout()),
            Destination::File(path) => Sink::File(WholeFile::begin(path)?),
        };
        let mut sheet = Sheet { writer: csv::Writer::from_writer(sink) };
        sheet.row(header)?;
        Ok(sheet)
    }

    /// Adds a row.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn row<T: AsRef<str>>(&mut self, cells: &[T]) -> Result<()> {
        let safe = cells.iter().map(|cell| uncomputed(cell.as_ref()).into_owned());
        self.writer.write_record(safe).context("the report cannot be written")
    }

    /// Hands what was added to the operating system.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn flush(&mut self) -> Result<()> {
        self.writer.flush().context("the report cannot be written")
    }

    /// Ends the report.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(self) -> Result<()> {
        match self
            .writer
            .into_inner()
            .map_err(csv::IntoInnerError::into_error)
            .context("the report cannot be written")?
        {
            Sink::Standard(mut out) => out.flush().context("the report cannot be written"),
            Sink::File(whole) => whole.finish(),
        }
    }
}

/// A cell that no spreadsheet computes.
fn uncomputed(cell: &str) -> Cow<'_, str> {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
        Cow::Owned(format!("'{cell}"))
    } else {
        Cow::Borrowed(cell)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_computed_and_nothing_else_is_changed() {
        for computed in ["=1+1", "+44", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"] {
            assert_eq!(uncomputed(computed), format!("'{computed}"));
        }
        for plain in ["", "42", "a=b", "ada@example.com", "'quoted", " =1", "2027-06-30T23:00:00Z"] {
            assert_eq!(uncomputed(plain), plain);
        }
    }

    #[test]
    fn a_report_appears_when_it_is_whole() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("report.csv");
        std::fs::write(&path, "the report of yesterday").expect("written");
        let destination: Destination = path.display().to_string().parse().expect("any text is a destination");
        let mut sheet = Sheet::begin(&destination, &["a", "b"]).expect("a report");
        sheet.row(&["x, \"y\"", "=z"]).expect("a row");
        sheet.flush().expect("handed over");
        assert_eq!(std::fs::read_to_string(&path).expect("text"), "the report of yesterday");
        sheet.finish().expect("whole");
        assert_eq!(std::fs::read_to_string(&path).expect("text"), "a,b\n\"x, \"\"y\"\"\",'=z\n");
        drop(Sheet::begin(&destination, &["half"]).expect("a report"));
        let left: Vec<_> = directory.path().read_dir().expect("a listing").collect();
        assert_eq!(left.len(), 1, "a report that came to nothing leaves nothing: {left:?}");
        assert_eq!("-".parse(), Ok(Destination::Standard));
    }
}
