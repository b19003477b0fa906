//! What a projection has put aside, as the database knows it.

use sqlx::PgExecutor;

use crate::folding::Blocked;

/// The keys that a consumer has put aside, each with the position of the first event that waits.
///
/// # Errors
/// When the database cannot be asked.
pub(crate) async fn blocked(executor: impl PgExecutor<'_>, consumer: &str) -> Result<Blocked, sqlx::Error> {
    let found: Vec<(String, i64)> =
        sqlx::query_as("select key, min(position) from parked_events where consumer = $1 group by key")
            .bind(consumer)
            .fetch_all(executor)
            .await?;
    Ok(found.into_iter().collect())
}
