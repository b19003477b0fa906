//! The event log: one log, one order, one integer.
//!
//! Positions run 1, 2, 3, … without a gap and in commit order, so a consumer's checkpoint is one integer, lag is
//! a subtraction, and `next == checkpoint + 1` proves that nothing was skipped.
//!
//! **Invariant:** an append is acknowledged only after the database has committed it.

mod check;
mod postgres;
mod writer;

pub use check::Report;
pub use postgres::EventLog;
pub use writer::{Pending, Ticket, WriterOptions};

use crate::record::Claimed;

/// Why the log could not be read.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The database said no or nothing.
    #[error("the event log cannot be read: {0}")]
    Unavailable(#[from] sqlx::Error),
    /// Events are missing between two positions: the database was tampered with or restored in part.
    #[error(
        "the event log has a gap: position {expected} is missing, found {found}; run `spindle events check`"
    )]
    Gap {
        /// The position that should come next.
        expected: i64,
        /// The position that came.
        found: i64,
    },
    /// A stored row does not hold what its column promises.
    #[error("the event at position {position} is not readable: {why}")]
    Unreadable {
        /// Where.
        position: i64,
        /// Why.
        why: String,
    },
}

/// Why an append was not stored. Except for [`AppendError::Unknown`], nothing of it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// Somebody else has appended to the stream: load it again and decide again.
    #[error("the stream has moved on")]
    Conflict,
    /// The decision builds on an append that was not stored: load and decide again.
    #[error("an earlier append of the same stream was not stored")]
    Superseded,
    /// The key was claimed before: this is what its command did.
    #[error("the idempotency key is taken")]
    Claimed(Box<Claimed>),
    /// Too much is queued already.
    #[error("too many commands are waiting for the event log")]
    Busy,
    /// The database could not be asked; nothing was stored.
    #[error("the event log is not available: {0}")]
    Unavailable(String),
    /// The connection broke while the database was storing, and it could not be asked since.
    #[error("the event log did not answer, and whether the command was stored is not known: {0}")]
    Unknown(String),
}
