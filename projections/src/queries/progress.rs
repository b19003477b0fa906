//! How far the projections are, and what they have put aside.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{Queries, QueryError};
use crate::catalog;

/// The most parked events that one answer lists: an operator reads the first ones and counts the rest.
pub const MAX_PARKED_LISTED: u32 = 500;

/// How far a projection is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProjectionProgress {
    /// Its name.
    pub name: String,
    /// The version of its fold.
    pub version: u32,
    /// Its name among the consumers of the log.
    pub consumer: String,
    /// The position that it has come to; 0 when it never ran.
    pub checkpoint: i64,
    /// The last position of the log.
    pub head: i64,
    /// How many events it is behind.
    pub lag: i64,
    /// When the first event that it has not seen was recorded; none when it has seen all. Lag in time is
    /// measured from here.
    pub behind_since: Option<DateTime<Utc>>,
    /// How many events it has put aside.
    pub parked: i64,
    /// When it last moved; none when it never ran.
    pub updated_at: Option<DateTime<Utc>>,
}

/// An event that a consumer has put aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct ParkedEvent {
    /// Who has.
    pub consumer: String,
    /// Under which key: what follows under it waits.
    pub key: String,
    /// Its place in the log.
    pub position: i64,
    /// Its own name.
    pub event_id: uuid::Uuid,
    /// Its stored name.
    pub event_type: String,
    /// Why.
    pub reason: String,
    /// When it was put aside.
    pub parked_at: DateTime<Utc>,
}

#[derive(sqlx::FromRow)]
struct Standing {
    consumer: String,
    checkpoint: i64,
    updated_at: Option<DateTime<Utc>>,
    head: i64,
    behind_since: Option<DateTime<Utc>>,
    parked: i64,
}

impl Queries {
    /// Where a consumer of the log stands; 0 when it never ran.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn checkpoint(&self, consumer: &str) -> Result<i64, QueryError> {
        let position: Option<i64> =
            sqlx::query_scalar("select position from checkpoints where consumer = $1")
                .bind(consumer)
                .fetch_optional(self.log.pool())
                .await?;
        Ok(position.unwrap_or(0))
    }

    /// How far every projection is, at one moment.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn progress(&self) -> Result<Vec<ProjectionProgress>, QueryError> {
        let names = catalog::names().map(|name| (name, name.consumer()));
        let consumers: Vec<&str> = names.iter().map(|(_, consumer)| consumer.as_str()).collect();
        let standings: Vec<Standing> = sqlx::query_as(include_str!("../sql/progress.sql"))
            .bind(consumers)
            .fetch_all(self.log.pool())
            .await?;
        let mut progress = Vec::with_capacity(names.len());
        for (name, consumer) in names {
            let Some(standing) = standings.iter().find(|standing| standing.consumer == consumer) else {
                // The statement answers for every name that it is asked for.
                return Err(sqlx::Error::RowNotFound.into());
            };
            progress.push(ProjectionProgress {
                name: name.name().to_owned(),
                version: name.version(),
                consumer,
                checkpoint: standing.checkpoint,
                head: standing.head,
                lag: standing.head - standing.checkpoint,
                behind_since: standing.behind_since,
                parked: standing.parked,
                updated_at: standing.updated_at,
            });
        }
        Ok(progress)
    }

    /// What consumers have put aside, by consumer, key and position; of one consumer, or of all. At most `limit`
    /// events, and never more than [`MAX_PARKED_LISTED`].
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn parked(&self, consumer: Option<&str>, limit: u32) -> Result<Vec<ParkedEvent>, QueryError> {
        Ok(sqlx::query_as(include_str!("../sql/parked.sql"))
            .bind(consumer)
            .bind(i64::from(limit.clamp(1, MAX_PARKED_LISTED)))
            .fetch_all(self.log.pool())
            .await?)
    }
}
