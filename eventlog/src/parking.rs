//! Events that a consumer could not handle are parked, with what follows them under the same key, so that the
//! others go on. An operator retries them in order.

use std::collections::HashSet;

use sqlx::{PgConnection, PgExecutor};

use crate::record::StoredEvent;

/// The keys that a consumer has parked: what comes under one of them is parked too.
///
/// # Errors
/// When the database cannot be asked.
pub async fn keys(executor: impl PgExecutor<'_>, consumer: &str) -> Result<HashSet<String>, sqlx::Error> {
    let keys: Vec<String> = sqlx::query_scalar("select distinct key from parked_events where consumer = $1")
        .bind(consumer)
        .fetch_all(executor)
        .await?;
    Ok(keys.into_iter().collect())
}

/// An event that is to be parked.
#[derive(Debug, Clone)]
pub struct Parked<'a> {
    /// Under which key: what follows under it waits.
    pub key: String,
    /// The event.
    pub event: &'a StoredEvent,
    /// Why it cannot be handled, or whom it waits for.
    pub reason: String,
}

/// Parks events, in the transaction that moves the checkpoint past them.
///
/// # Errors
/// When the database cannot be asked.
pub async fn park(
    connection: &mut PgConnection,
    consumer: &str,
    parked: &[Parked<'_>],
) -> Result<(), sqlx::Error> {
    for Parked { key, event, reason } in parked {
        tracing::error!(
            consumer,
            key,
            event.position = event.position,
            event.kind = event.event_type,
            reason,
            "{consumer} parked the event at position {}: {reason}",
            event.position
        );
    }
    sqlx::query(
        "insert into parked_events (consumer, key, position, event_id, event_type, reason) \
         select $1, * from unnest($2::text[], $3::bigint[], $4::uuid[], $5::text[], $6::text[])",
    )
    .bind(consumer)
    .bind(parked.iter().map(|p| p.key.as_str()).collect::<Vec<_>>())
    .bind(parked.iter().map(|p| p.event.position).collect::<Vec<_>>())
    .bind(parked.iter().map(|p| p.event.event_id).collect::<Vec<_>>())
    .bind(parked.iter().map(|p| p.event.event_type.as_str()).collect::<Vec<_>>())
    .bind(parked.iter().map(|p| p.reason.as_str()).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}

/// How many events each consumer has parked; consumers with none are not listed.
///
/// # Errors
/// When the database cannot be asked.
pub async fn counts(executor: impl PgExecutor<'_>) -> Result<Vec<(String, i64)>, sqlx::Error> {
    sqlx::query_as("select consumer, count(*) from parked_events group by consumer order by consumer")
        .fetch_all(executor)
        .await
}
