//! What is written to standard output: tables and sentences for people, the API's own JSON for programs.
//!
//! **Invariant:** text that came from elsewhere reaches a terminal without control characters; JSON reaches a
//! program unchanged.

use std::io::{self, Write};

use chrono::{DateTime, SubsecRound, Utc};
use comfy_table::{Table, presets};
use serde_json::Value;
use spindle_domain::values::Money;

/// How answers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(super) enum Format {
    /// Tables and sentences.
    #[default]
    Human,
    /// JSON, one document a line.
    Json,
}

/// Where answers go.
pub(super) struct Out {
    format: Format,
    to: Box<dyn Write>,
}

impl std::fmt::Debug for Out {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Out").field("format", &self.format).finish_non_exhaustive()
    }
}

impl Out {
    pub(super) fn stdout(format: Format) -> Self {
        Self { format, to: Box::new(io::stdout()) }
    }

    pub(super) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Writes a line, or lines. Unlike `println!` it returns an error when nobody reads any more.
    pub(super) fn line(&mut self, text: impl AsRef<str>) -> io::Result<()> {
        self.to.write_all(text.as_ref().as_bytes())?;
        self.to.write_all(b"\n")?;
        self.to.flush()
    }
}

/// A table without lines.
pub(super) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    if !header.is_empty() {
        table.set_header(header.iter().copied());
    }
    table
}

/// A table as text: columns two blanks apart, as terminals and `awk` like them.
pub(super) fn drawn(mut table: Table) -> String {
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt()
}

/// Text on one line, safe for a terminal.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if is_unsafe(c) || c == '\n' { ' ' } else { c }).collect()
}

/// Text that keeps its lines, safe for a terminal.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if is_unsafe(c) { ' ' } else { c }).collect()
}

/// Control characters, and the marks that turn the direction of writing.
fn is_unsafe(c: char) -> bool {
    (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The text at an RFC 6901 pointer; empty where there is none.
pub(super) fn text(value: &Value, pointer: &str) -> String {
    match value.pointer(pointer) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => plain(text),
        Some(other) => plain(&other.to_string()),
    }
}

/// A name as people say it: `awaiting_payment` reads "awaiting payment".
pub(super) fn words(value: &Value, pointer: &str) -> String {
    text(value, pointer).replace('_', " ")
}

/// A list at a pointer; empty where there is none.
pub(super) fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Money at a pointer, such as `12.20 EUR`.
pub(super) fn money(value: &Value, pointer: &str) -> String {
    let found = value.pointer(pointer).and_then(|money| serde_json::from_value::<Money>(money.clone()).ok());
    found.map_or_else(|| text(value, pointer), |money| money.to_string())
}

/// A time at a pointer, such as `2026-05-01 12:00:00Z`.
pub(super) fn time(value: &Value, pointer: &str) -> String {
    let written = text(value, pointer);
    match DateTime::parse_from_rfc3339(&written) {
        Ok(time) => moment(time.to_utc()),
        Err(_) => written,
    }
}

/// A time for people: UTC, whole seconds.
pub(super) fn moment(time: DateTime<Utc>) -> String {
    time.trunc_subsecs(0).format("%F %TZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    struct Closed;

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_closed_pipe_is_an_error_and_no_panic() {
        let mut out = Out { format: Format::Human, to: Box::new(Closed) };
        assert_eq!(out.line("text").unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn columns_are_two_blanks_apart_and_lines_end_without_blanks() {
        let mut table = table(&["id", "status", "note"]);
        table.add_row(["1", "paid", ""]);
        assert_eq!(drawn(table), "id  status  note\n1   paid");
    }

    #[test]
    fn values_are_read_from_where_they_stand() {
        let value = json!({
            "total": { "amount": -1220, "currency": "EUR" }, "odd": { "amount": "x" },
            "at": "2026-05-01T14:00:00.9+02:00", "stage": "in_kitchen", "none": null, "n": 3,
        });
        assert_eq!(money(&value, "/total"), "-12.20 EUR");
        assert_eq!(money(&value, "/odd"), r#"{"amount":"x"}"#);
        assert_eq!(money(&value, "/missing"), "");
        assert_eq!(time(&value, "/at"), "2026-05-01 12:00:00Z");
        assert_eq!(words(&value, "/stage"), "in kitchen");
        assert_eq!((text(&value, "/none"), text(&value, "/n")), (String::new(), "3".to_owned()));
        assert!(list(&value, "/stage").is_empty());
    }

    #[test]
    fn control_characters_never_reach_a_terminal() {
        assert_eq!(plain("a\u{1b}[31m\nb\u{202e}c"), "a [31m b c");
        assert_eq!(printable("a\u{7}\nb"), "a \nb");
    }
}
