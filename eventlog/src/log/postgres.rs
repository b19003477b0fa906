//! The log on PostgreSQL: reading.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::value::RawValue;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgRow};
use sqlx::{PgPool, Row};
use tokio::sync::watch;
use uuid::Uuid;

use super::writer::{self, Pending, Ticket, WriterOptions};
use super::{AppendError, LogError};
use crate::record::{Append, Appended, Claim, Claimed, StoredEvent, Stream};

/// The log. Cheap to clone: all clones share one pool and one writer.
#[derive(Debug, Clone)]
pub struct EventLog {
    pool: PgPool,
    writer: writer::Handle,
    committed: Arc<watch::Sender<i64>>,
}

impl EventLog {
    /// Opens the log at a database address. Connections are made when they are needed, so this does not fail
    /// while the database is away.
    #[must_use]
    pub fn open(address: &PgConnectOptions, connections: u32, options: WriterOptions) -> Self {
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(Duration::from_secs(3))
            .idle_timeout(Duration::from_mins(5))
            .connect_lazy_with(address.clone());
        let committed = Arc::new(watch::Sender::new(0));
        let writer = writer::start(address.clone(), options, Arc::clone(&committed));
        Self { pool, writer, committed }
    }

    /// The pool, for what is stored beside the log: views, processes, checkpoints.
    #[must_use]
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// The highest position that this process has stored: wakes consumers without asking the database.
    #[must_use]
    pub fn committed(&self) -> watch::Receiver<i64> {
        self.committed.subscribe()
    }

    /// Hands an append to the writer, which merges it with others. Appends to one stream that build on each
    /// other are handed over in order, each with the ticket of the one before.
    ///
    /// # Errors
    /// [`AppendError::Busy`] at once when the queue is full.
    pub fn submit(&self, append: Append, builds_on: Option<Ticket>) -> Result<Pending, AppendError> {
        self.writer.submit(append, builds_on)
    }

    /// Stores events after a known version of a stream.
    ///
    /// # Errors
    /// [`AppendError`]; see there what each means for the caller.
    pub async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        self.submit(append, None)?.stored().await
    }

    /// The last position: against this, lag is measured.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn head(&self) -> Result<i64, LogError> {
        Ok(sqlx::query_scalar("select position from event_log_head").fetch_one(&self.pool).await?)
    }

    /// What tells this log from every other.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn identity(&self) -> Result<Uuid, LogError> {
        Ok(sqlx::query_scalar("select log_id from event_log_head").fetch_one(&self.pool).await?)
    }

    /// The events after a position, in order, at most `limit`. Fewer only at the end of the log.
    ///
    /// # Errors
    /// [`LogError::Gap`] when one is missing: a short read is not a success.
    pub async fn read_after(&self, position: i64, limit: i64) -> Result<Vec<StoredEvent>, LogError> {
        let rows = sqlx::query(include_str!("sql/read_after.sql"))
            .bind(position)
            .bind(limit)
            .fetch_all(&self.pool)
            .await?;
        let mut events = Vec::with_capacity(rows.len());
        for (expected, row) in (position + 1..).zip(&rows) {
            let event = stored_event(row)?;
            if event.position != expected {
                return Err(LogError::Gap { expected, found: event.position });
            }
            events.push(event);
        }
        Ok(events)
    }

    /// The events of one stream after a sequence, in order.
    ///
    /// # Errors
    /// [`LogError`].
    pub async fn read_stream(&self, stream: &Stream, after: i64) -> Result<Vec<StoredEvent>, LogError> {
        let rows = sqlx::query(include_str!("sql/read_stream.sql"))
            .bind(&*stream.aggregate_type)
            .bind(&*stream.aggregate_id)
            .bind(after)
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(stored_event).collect()
    }

    /// The version of a stream and the position of its last event; `None` when it is empty.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn stream_head(&self, stream: &Stream) -> Result<Option<(i64, i64)>, LogError> {
        Ok(sqlx::query_as(
            "select sequence, position from events where aggregate_type = $1 and aggregate_id = $2 \
             order by sequence desc limit 1",
        )
        .bind(&*stream.aggregate_type)
        .bind(&*stream.aggregate_id)
        .fetch_optional(&self.pool)
        .await?)
    }

    /// What the command did that came with this key before; `None` when none did.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn find_claim(&self, scope: &str, key: &str) -> Result<Option<Claimed>, LogError> {
        let rows = sqlx::query(include_str!("sql/claims.sql"))
            .bind(vec![scope])
            .bind(vec![key])
            .fetch_all(&self.pool)
            .await?;
        rows.first().map(claimed).transpose().map_err(LogError::from)
    }

    /// Stops the writer after it has stored what is queued.
    pub async fn close(&self) {
        self.writer.close().await;
    }
}

pub(super) fn claimed(row: &PgRow) -> Result<Claimed, sqlx::Error> {
    Ok(Claimed {
        claim: Claim {
            scope: row.try_get("scope")?,
            key: row.try_get("key")?,
            fingerprint: row.try_get("fingerprint")?,
        },
        stream: Stream::new(
            row.try_get::<String, _>("aggregate_type")?,
            row.try_get::<String, _>("aggregate_id")?,
        ),
        version: row.try_get("version")?,
        position: row.try_get("position")?,
    })
}

fn stored_event(row: &PgRow) -> Result<StoredEvent, LogError> {
    let position: i64 = row.try_get("position")?;
    let json = |column: &str| -> Result<Box<RawValue>, LogError> {
        RawValue::from_string(row.try_get(column)?)
            .map_err(|why| LogError::Unreadable { position, why: format!("{column}: {why}") })
    };
    Ok(StoredEvent {
        position,
        event_id: row.try_get::<Uuid, _>("event_id")?,
        recorded_at: row.try_get::<DateTime<Utc>, _>("recorded_at")?,
        aggregate_type: row.try_get("aggregate_type")?,
        aggregate_id: row.try_get("aggregate_id")?,
        sequence: row.try_get("sequence")?,
        event_type: row.try_get("event_type")?,
        event_version: row.try_get("event_version")?,
        payload: json("payload")?,
        metadata: json("metadata")?,
    })
}
