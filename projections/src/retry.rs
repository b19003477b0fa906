//! What an operator does after a fix: the events that were put aside under a key are folded in their order, and
//! the key is released.
//!
//! **Invariant:** an event is released only in the transaction that folds it, and never before one that stands
//! before it under the same key.

use std::collections::HashMap;

use serde::Serialize;
use spindle_eventlog::EventLog;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::decode::{self, Reading};
use crate::folding::{Folder, Stored};
use crate::projection::Projection;
use crate::store;

/// How many events one retry takes at the most: the projector waits meanwhile. What is left waits for the next.
pub const MAX_RETRIED: i64 = 2_000;

/// What came of a retry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Retried {
    /// How many events were folded, or turned out to be none of this key's business.
    pub applied: u64,
    /// How many still wait under the key; 0: it is released.
    pub left: u64,
    /// The event at which it stopped, and why; none when it did not stop at one.
    pub stopped: Option<Stopped>,
}

/// The event at which a retry stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stopped {
    /// Its place in the log.
    pub position: i64,
    /// Why it still cannot be folded.
    pub reason: String,
}

/// Why a retry changed nothing.
#[derive(Debug, thiserror::Error)]
pub enum RetryError {
    /// There is no such projection.
    #[error("{0:?} is no projection")]
    UnknownConsumer(String),
    /// Nothing waits there.
    #[error("nothing is parked under {key:?} by {consumer}")]
    NothingParked {
        /// The projection, as a consumer of the log.
        consumer: String,
        /// The key.
        key: String,
    },
    /// The database said no or nothing; nothing was changed.
    #[error("the parked events cannot be retried: {0}")]
    Database(#[from] sqlx::Error),
    /// The events cannot be read from the log; nothing was changed.
    #[error(transparent)]
    Log(#[from] spindle_eventlog::LogError),
    /// A view cannot be written as JSON: a defect of the view's type.
    #[error("a view cannot be written as JSON: {0}")]
    Unwritable(#[from] serde_json::Error),
}

/// Folds what is put aside under a key, in order, until all is folded, one event cannot be, or [`MAX_RETRIED`].
///
/// # Errors
/// [`RetryError`]. An event that still cannot be folded is no error: the answer names it.
pub async fn retry<P: Projection>(projection: P, log: &EventLog, key: &str) -> Result<Retried, RetryError> {
    let consumer = P::consumer();
    let mut transaction = log.pool().begin().await?;
    lock(&mut transaction, &consumer).await?;
    let positions = waiting(&mut transaction, &consumer, key).await?;
    if positions.is_empty() {
        return Err(RetryError::NothingParked { consumer, key: key.to_owned() });
    }

    let id = Uuid::parse_str(key).ok();
    let views: HashMap<Uuid, Stored<P>> = match id {
        Some(id) => store::load(&mut transaction, vec![id]).await?,
        None => HashMap::new(),
    };
    let mut folder = Folder::new(projection, views, HashMap::new());
    let mut done = Done::default();
    let mut stopped = None;
    for position in positions {
        // One at a time: they are few, and they lie far apart in the log.
        let events = log.read_after(position - 1, 1).await?;
        let Some(event) = events.first() else { break };
        match decode::read(projection, event) {
            Reading::Change { id: view, recorded } if Some(view) == id => {
                match folder.fold(view, &recorded) {
                    Ok(()) => done.everywhere.push(position),
                    Err(reason) => stopped = Some(Stopped { position, reason }),
                }
            }
            // Now that it can be read, it turns out to be about another view or about none.
            Reading::Change { .. } | Reading::PassedOver => done.here.push(position),
            Reading::Unreadable { why, .. } => stopped = Some(Stopped { position, reason: why }),
        }
        if stopped.is_some() {
            break;
        }
    }

    let (changes, _, _) = folder.finish()?;
    store::save::<P>(&mut transaction, changes).await?;
    let applied = done.here.len() + done.everywhere.len();
    let left = release(&mut transaction, &consumer, key, &done, stopped.as_ref()).await?;
    transaction.commit().await?;
    tracing::info!(
        consumer,
        key,
        applied,
        left,
        "{consumer} folded {applied} parked events of {key}; {left} are left"
    );
    Ok(Retried { applied: u64::try_from(applied).unwrap_or(u64::MAX), left, stopped })
}

/// Positions to release: under every key, or under the one that was retried.
#[derive(Default)]
struct Done {
    everywhere: Vec<i64>,
    here: Vec<i64>,
}

/// Keeps the projector out until the transaction ends: it moves this row before it does anything.
async fn lock(connection: &mut PgConnection, consumer: &str) -> Result<(), sqlx::Error> {
    sqlx::query("select position from checkpoints where consumer = $1 for update")
        .bind(consumer)
        .fetch_optional(connection)
        .await?;
    Ok(())
}

async fn waiting(connection: &mut PgConnection, consumer: &str, key: &str) -> Result<Vec<i64>, sqlx::Error> {
    sqlx::query_scalar(
        "select position from parked_events where consumer = $1 and key = $2 order by position limit $3",
    )
    .bind(consumer)
    .bind(key)
    .bind(MAX_RETRIED)
    .fetch_all(connection)
    .await
}

/// Releases what is done and notes why the rest is not. Says how many are left under the key.
async fn release(
    connection: &mut PgConnection,
    consumer: &str,
    key: &str,
    done: &Done,
    stopped: Option<&Stopped>,
) -> Result<u64, sqlx::Error> {
    sqlx::query(include_str!("sql/release.sql"))
        .bind(consumer)
        .bind(key)
        .bind(&done.everywhere)
        .bind(&done.here)
        .execute(&mut *connection)
        .await?;
    if let Some(Stopped { position, reason }) = stopped {
        sqlx::query(
            "update parked_events set reason = $4 where consumer = $1 and key = $2 and position = $3",
        )
        .bind(consumer)
        .bind(key)
        .bind(position)
        .bind(reason)
        .execute(&mut *connection)
        .await?;
    }
    let left: i64 = sqlx::query_scalar("select count(*) from parked_events where consumer = $1 and key = $2")
        .bind(consumer)
        .bind(key)
        .fetch_one(connection)
        .await?;
    Ok(u64::try_from(left).unwrap_or(0))
}
