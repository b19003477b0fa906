//! Migrations, embedded in the binary, up and down.

use sqlx::PgPool;
use sqlx::migrate::{Migrate, MigrateError, Migrator};

static POSTGRES: Migrator = sqlx::migrate!("../migrations/postgres");

/// A migration and whether it is applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its number.
    pub version: i64,
    /// Its name.
    pub name: String,
    /// Whether the database has it.
    pub applied: bool,
}

/// Applies every migration that is missing.
///
/// # Errors
/// When the database refuses, or was migrated by a newer version.
pub async fn up(pool: &PgPool) -> Result<(), MigrateError> {
    POSTGRES.run(pool).await
}

/// Takes back every migration after `version`; 0 takes back all, data included.
///
/// # Errors
/// When the database refuses.
pub async fn down(pool: &PgPool, version: i64) -> Result<(), MigrateError> {
    POSTGRES.undo(pool, version).await
}

/// What is applied and what is not. Only looks: needs no right to change anything.
///
/// # Errors
/// When the database cannot be asked, or holds migrations that this version does not know.
pub async fn status(pool: &PgPool) -> Result<Vec<Step>, MigrateError> {
    let mut connection = pool.acquire().await?;
    let ever: bool = sqlx::query_scalar("select to_regclass('_sqlx_migrations') is not null")
        .fetch_one(&mut *connection)
        .await?;
    let applied = if ever { connection.list_applied_migrations().await? } else { Vec::new() };
    if let Some(newer) = applied.iter().find(|done| !POSTGRES.version_exists(done.version)) {
        return Err(MigrateError::VersionMissing(newer.version));
    }
    Ok(POSTGRES
        .iter()
        .filter(|migration| !migration.migration_type.is_down_migration())
        .map(|migration| Step {
            version: migration.version,
            name: migration.description.to_string(),
            applied: applied.iter().any(|done| done.version == migration.version),
        })
        .collect())
}
