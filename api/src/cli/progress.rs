//! How far long work is, on standard error: a bar on a terminal, a line every ten seconds in a file.
//!
//! **Invariant:** progress is never written to standard output, and never stops the work that it is about.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use tokio::time::Instant;

/// How often the bar is drawn: as often as an eye can follow.
const DRAWN_EVERY: Duration = Duration::from_millis(100);
/// How often a line is written where there is no terminal.
const TOLD_EVERY: Duration = Duration::from_secs(10);
/// How wide the bar is, in characters: it fits an old terminal with its numbers.
const WIDTH: usize = 30;

/// How far work is.
#[derive(Debug)]
pub(super) struct Progress {
    what: &'static str,
    total: i64,
    terminal: bool,
    next: Instant,
    drawn: bool,
}

impl Progress {
    /// Work of so many pieces begins.
    pub(super) fn new(what: &'static str, total: i64) -> Self {
        let terminal = io::stderr().is_terminal();
        let now = Instant::now();
        Self { what, total, terminal, next: if terminal { now } else { now + TOLD_EVERY }, drawn: false }
    }

    /// So many are done.
    pub(super) fn at(&mut self, done: i64) {
        let now = Instant::now();
        if now < self.next {
            return;
        }
        if self.terminal {
            self.next = now + DRAWN_EVERY;
            self.drawn = true;
            show(&format!("\r{}", bar(self.what, done, self.total)));
        } else {
            self.next = now + TOLD_EVERY;
            show(&format!("{}\n", line(self.what, done, self.total)));
        }
    }
}

impl Drop for Progress {
    /// Takes the bar away, so that what is printed next stands on a clean line.
    fn drop(&mut self) {
        if self.drawn {
            show("\r\u{1b}[K");
        }
    }
}

/// Progress that cannot be shown is no reason to stop.
fn show(text: &str) {
    let mut to = io::stderr();
    drop(to.write_all(text.as_bytes()).and_then(|()| to.flush()));
}

fn percent(done: i64, total: i64) -> i64 {
    if total <= 0 {
        return 100;
    }
    // In 128 bits, so that no count is too large to be multiplied.
    i64::try_from(i128::from(done.clamp(0, total)) * 100 / i128::from(total)).unwrap_or(100)
}

fn bar(what: &str, done: i64, total: i64) -> String {
    let percent = percent(done, total);
    let full = usize::try_from(percent).unwrap_or(0) * WIDTH / 100;
    format!("{what} [{}{}] {percent:3} %  {done} of {total}", "#".repeat(full), ".".repeat(WIDTH - full))
}

fn line(what: &str, done: i64, total: i64) -> String {
    format!("{what}: {done} of {total} ({} %)", percent(done, total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_fills_from_nothing_to_all() {
        assert_eq!(bar("checking", 0, 200), format!("checking [{}]   0 %  0 of 200", ".".repeat(30)));
        assert_eq!(
            bar("checking", 100, 200),
            format!("checking [{}{}]  50 %  100 of 200", "#".repeat(15), ".".repeat(15))
        );
        assert_eq!(bar("checking", 200, 200), format!("checking [{}] 100 %  200 of 200", "#".repeat(30)));
    }

    #[test]
    fn no_count_breaks_the_bar() {
        for (done, total) in [(0, 0), (5, 0), (-1, 10), (11, 10), (i64::MAX, i64::MAX), (i64::MIN, i64::MIN)]
        {
            assert!((0..=100).contains(&percent(done, total)));
            assert!(bar("x", done, total).contains('['));
        }
    }

    #[test]
    fn a_line_reads_alone() {
        assert_eq!(line("checking", 5, 10), "checking: 5 of 10 (50 %)");
    }
}
