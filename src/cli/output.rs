//! What is printed: tables for people, JSON and YAML with stable field names for programs.

use std::io::{self, Write};

use anyhow::{Context, Result};
use clap::ValueEnum;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{ContentArrangement, Table};
use serde::Serialize;

use crate::domain::name::is_hidden;

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A table for people
    Table,
    /// JSON with stable field names
    Json,
    /// YAML with the same field names
    Yaml,
}

/// A view that can stand in a table.
pub trait Row: Serialize {
    /// Titles of the columns.
    const HEADER: &'static [&'static str];

    /// One text for each column.
    fn cells(&self) -> Vec<String>;
}

/// Prints many things.
///
/// # Errors
/// When the output cannot be written.
pub fn print_rows<T: Row>(format: Format, rows: &[T]) -> Result<()> {
    match format {
        Format::Table if rows.is_empty() => print_text("none found\n"),
        Format::Table => print_text(&table(rows)),
        Format::Json | Format::Yaml => print_machine(format, &rows),
    }
}

/// Prints one thing: as a table of its fields, or as JSON or YAML.
///
/// # Errors
/// When the output cannot be written.
pub fn print_one<T: Serialize>(format: Format, value: &T, fields: &[(&str, String)]) -> Result<()> {
    match format {
        Format::Table => print_text(&field_lines(fields)),
        Format::Json | Format::Yaml => print_machine(format, value),
    }
}

/// Prints a value as JSON or YAML; as JSON when a table was asked for.
///
/// # Errors
/// When the output cannot be written.
pub fn print_machine<T: Serialize>(format: Format, value: &T) -> Result<()> {
    match format {
        Format::Table | Format::Json => {
            print_text(&(serde_json::to_string_pretty(value).context("the result cannot be written as JSON")? + "\n"))
        }
        Format::Yaml => print_text(&serde_saphyr::to_string(value).context("the result cannot be written as YAML")?),
    }
}

/// Prints text as it is.
///
/// # Errors
/// When the output cannot be written.
pub fn print_text(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).context("the output cannot be written")
}

/// Things as a table.
pub fn table<T: Row>(rows: &[T]) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(T::HEADER);
    for row in rows {
        table.add_row(row.cells().iter().map(|cell| lines(cell)).collect::<Vec<_>>());
    }
    format!("{}\n", table.trim_fmt())
}

/// A cell line by line; the frame of the table shows that they are one cell.
fn lines(cell: &str) -> String {
    cell.lines().map(visible).collect::<Vec<_>>().join("\n")
}

/// One thing as lines of its fields; empty ones are left out.
pub fn field_lines(fields: &[(&str, String)]) -> String {
    let width = fields.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let indent = " ".repeat(width + 2);
    fields
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| {
            let value = value.lines().map(visible).collect::<Vec<_>>().join(&format!("\n{indent}"));
            format!("{name:width$}  {value}\n")
        })
        .collect()
}

/// `text` with every character that is not shown as it is written as an escape: what others put into the hub must not
/// steer a terminal.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hidden(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_aligned_and_empty_ones_left_out() {
        let fields = [("a", "1".to_owned()), ("longer", "2\n3".to_owned()), ("none", String::new())];
        assert_eq!(field_lines(&fields), "a       1\nlonger  2\n        3\n");
    }

    #[test]
    fn nothing_hidden_reaches_the_terminal() {
        assert_eq!(visible("a\u{1b}[31mb\u{202e}c"), "a\\u{1b}[31mb\\u{202e}c");
        assert_eq!(visible("Zoë 1.10"), "Zoë 1.10");
    }
}
