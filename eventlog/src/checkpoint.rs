//! How far a consumer has come: one integer, moved by compare-and-set in the transaction that does the work.
//!
//! **Invariant:** a checkpoint never moves unless it stood where the mover believed it to stand. Two workers of
//! one consumer can both be active for a moment; only one of them can commit.

use sqlx::{PgConnection, PgExecutor};

/// Reads where a consumer stands, and puts it at the beginning if it never stood anywhere.
///
/// # Errors
/// When the database cannot be asked.
pub async fn load(executor: impl PgExecutor<'_>, consumer: &str) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(
        "insert into checkpoints (consumer, position) values ($1, 0) \
         on conflict (consumer) do update set consumer = excluded.consumer returning position",
    )
    .bind(consumer)
    .fetch_one(executor)
    .await
}

/// Moves a consumer from one position to another. `false`: it stood elsewhere, another worker is active, and
/// the caller must roll back.
///
/// # Errors
/// When the database cannot be asked.
pub async fn advance(
    connection: &mut PgConnection,
    consumer: &str,
    from: i64,
    to: i64,
) -> Result<bool, sqlx::Error> {
    let moved = sqlx::query(
        "update checkpoints set position = $3, updated_at = clock_timestamp() \
         where consumer = $1 and position = $2",
    )
    .bind(consumer)
    .bind(from)
    .bind(to)
    .execute(connection)
    .await?;
    Ok(moved.rows_affected() == 1)
}

/// Where every consumer stands, by name.
///
/// # Errors
/// When the database cannot be asked.
pub async fn all(executor: impl PgExecutor<'_>) -> Result<Vec<(String, i64)>, sqlx::Error> {
    sqlx::query_as("select consumer, position from checkpoints order by consumer").fetch_all(executor).await
}
