//! The provider's memory beyond a restart: one JSON line per change, appended before it counts.
//!
//! A killed process forgets nothing that was answered. A machine that loses power may: lines are not synced to
//! disk, because what is simulated here is a provider, not its disk.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::Path;

use anyhow::Context;

use super::book::Book;
use super::records::Change;

/// An open journal.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
    length: u64,
}

impl Journal {
    /// Opens a journal, making it if need be, and reads it into the book. A last line that was cut short when the
    /// process was killed was never answered, and is removed.
    pub(super) fn open(path: &Path, book: &mut Book) -> anyhow::Result<Self> {
        let naming = || format!("the payment provider's journal {}", path.display());
        let mut file =
            OpenOptions::new().read(true).append(true).create(true).open(path).with_context(naming)?;
        let mut reader = BufReader::new(&file);
        let (mut length, mut number, mut line) = (0, 0, Vec::new());
        loop {
            line.clear();
            let read = reader.read_until(b'\n', &mut line).with_context(naming)?;
            if read == 0 || line.last() != Some(&b'\n') {
                break;
            }
            number += 1;
            let change: Change =
                serde_json::from_slice(&line).with_context(|| format!("{}, line {number}", naming()))?;
            book.apply(change);
            length += read as u64;
        }
        file.set_len(length).with_context(naming)?;
        file.seek(SeekFrom::End(0)).with_context(naming)?;
        Ok(Self { file, length })
    }

    /// Writes a change down: wholly, or not at all.
    pub(super) fn write(&mut self, change: &Change) -> io::Result<()> {
        let mut line = serde_json::to_vec(change)?;
        line.push(b'\n');
        if let Err(error) = self.file.write_all(&line) {
            // Half a line would make the next one unreadable.
            self.file.set_len(self.length)?;
            return Err(error);
        }
        self.length += line.len() as u64;
        Ok(())
    }
}
