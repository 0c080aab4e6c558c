//! The rows of a CSV file, one at a time: a file may be longer than memory.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, ensure};

/// A column, and whether a file must have it.
pub(super) type Column = (&'static str, bool);

/// A file's own titles of columns, as the command line gives them.
pub(super) type Titles = [(String, String)];

/// Reads `COLUMN=TITLE`.
pub(super) fn title(columns: &[Column], text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, title)) if columns.iter().any(|(known, _)| *known == name) && !title.is_empty() => {
            Ok((name.to_owned(), title.to_owned()))
        }
        Some(_) | None => {
            let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
            Err(format!("write COLUMN=TITLE, with one of {} as COLUMN", names.join(", ")))
        }
    }
}

/// A file that is being read, or its text.
pub(super) struct Rows<const N: usize, R = File> {
    reader: csv::Reader<R>,
    record: csv::StringRecord,
    places: [Option<usize>; N],
    number: u64,
    name: String,
}

impl<const N: usize> Rows<N> {
    /// Opens a file and finds its columns by their titles.
    ///
    /// # Errors
    /// When it cannot be read, or has no title for a column that is needed.
    pub(super) fn open(path: &Path, columns: &[Column; N], titles: &Titles) -> Result<Rows<N>> {
        let name = path.display().to_string();
        let file = File::open(path).with_context(|| format!("{name} cannot be read"))?;
        Rows::read(file, name, columns, titles)
    }
}

impl<const N: usize, R: Read> Rows<N, R> {
    /// Finds the columns of what is read by their titles.
    ///
    /// # Errors
    /// When it cannot be read, or has no title for a column that is needed.
    pub(super) fn read(reader: R, name: String, columns: &[Column; N], titles: &Titles) -> Result<Rows<N, R>> {
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).comment(Some(b'#')).from_reader(reader);
        // Spreadsheets write a byte order mark in front of the first title.
        let known: Vec<String> = reader
            .headers()
            .with_context(|| format!("{name} cannot be read"))?
            .iter()
            .map(|title| title.trim_start_matches('\u{feff}').to_owned())
            .collect();
        let mut places = [None; N];
        for (place, (column, needed)) in places.iter_mut().zip(columns) {
            let title = titles.iter().find(|(name, _)| name == column).map_or(*column, |(_, title)| title.as_str());
            *place = known.iter().position(|other| other == title);
            ensure!(
                place.is_some() || !needed,
                "{name} has no column {title:?}; its columns are {}; say which one it is with --column {column}=TITLE",
                known.join(", ")
            );
        }
        Ok(Rows { reader, record: csv::StringRecord::new(), places, number: 0, name })
    }

    /// The next row: its number, 1 for the first after the header, and its cells; empty where the file has no column.
    ///
    /// # Errors
    /// When the row is malformed or cannot be read.
    pub(super) fn next(&mut self) -> Result<Option<(u64, [&str; N])>> {
        self.number += 1;
        let (number, name) = (self.number, &self.name);
        let found = self.reader.read_record(&mut self.record);
        if !found.with_context(|| format!("row {number} of {name} is malformed"))? {
            return Ok(None);
        }
        let record = &self.record;
        Ok(Some((number, self.places.map(|place| place.and_then(|place| record.get(place)).unwrap_or_default()))))
    }

    /// How many rows are left. A file that is no CSV somewhere is refused before anything of it is sent.
    ///
    /// # Errors
    /// As for [`Rows::next`].
    pub(super) fn count(mut self) -> Result<u64> {
        let mut count = 0;
        while let Some((number, _)) = self.next()? {
            count = number;
        }
        Ok(count)
    }
}
