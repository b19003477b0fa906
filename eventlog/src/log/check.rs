//! `spindle events check`: is the log what it promises to be?

use serde::Serialize;

use super::{EventLog, LogError};

/// What the log looks like as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct Report {
    /// The last position that was given out.
    pub head: i64,
    /// How many events are stored.
    pub events: i64,
    /// How many different positions they have.
    pub positions: i64,
    /// The lowest position; 1 for an empty log.
    pub first_position: i64,
    /// The highest position; 0 for an empty log.
    pub last_position: i64,
    /// How many streams there are.
    pub streams: i64,
    /// How many of them do not run 1, 2, 3, …
    pub broken_streams: i64,
    /// How many idempotency keys are claimed.
    pub claims: i64,
    /// How many of them name an event that is not there.
    pub dangling_claims: i64,
}

impl Report {
    /// What is wrong, a sentence each; empty when the log is whole.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.events != self.head {
            faults.push(format!(
                "the head is at position {}, but {} events are stored",
                self.head, self.events
            ));
        }
        if self.positions != self.events {
            faults.push(format!("{} events share {} positions", self.events, self.positions));
        }
        if self.first_position != 1 {
            faults.push(format!("the first position is {}, not 1", self.first_position));
        }
        if self.last_position != self.head {
            faults.push(format!("the last position is {}, the head says {}", self.last_position, self.head));
        }
        if self.broken_streams > 0 {
            faults.push(format!("{} of {} streams have gaps", self.broken_streams, self.streams));
        }
        if self.dangling_claims > 0 {
            faults.push(format!("{} idempotency keys name events that are not there", self.dangling_claims));
        }
        faults
    }
}

impl EventLog {
    /// Looks at every row of the log, in one statement and so at one moment.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn check(&self) -> Result<Report, LogError> {
        Ok(sqlx::query_as(include_str!("sql/check.sql")).fetch_one(self.pool()).await?)
    }
}
