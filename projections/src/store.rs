//! The tables that hold views: one for each version of each projection, all alike but for the generated columns
//! that lists are filtered by. Nothing here knows what a view means.
//!
//! **Invariant:** a table's name is made of a projection's constants and of nothing else; this and the lists'
//! filters are the only places where SQL is composed.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, PgPool, Row as _};
use uuid::Uuid;

use crate::folding::{Change, Kept, Stored};
use crate::projection::{Projection, State};
use crate::queries::{QueryError, Row};

/// The table of a projection.
pub(crate) fn table<P: Projection>() -> String {
    format!("view_{}_v{}", P::NAME, P::VERSION)
}

/// A statement for the table of a projection.
fn sql<P: Projection>(template: &str) -> String {
    template.replace("{table}", &table::<P>())
}

/// A value as JSON text that the database can hold: it refuses NUL in text, which a provider's message may
/// contain, so NUL becomes the character for what cannot be shown.
pub(crate) fn document<T: Serialize>(value: &T) -> Result<String, serde_json::Error> {
    let text = serde_json::to_string(value)?;
    if !text.contains("\\u0000") {
        return Ok(text);
    }
    let mut document = serde_json::from_str(&text)?;
    without_nul(&mut document);
    serde_json::to_string(&document)
}

fn without_nul(value: &mut Value) {
    match value {
        Value::String(text) => *text = text.replace('\0', "\u{fffd}"),
        Value::Array(values) => values.iter_mut().for_each(without_nul),
        Value::Object(fields) => fields.values_mut().for_each(without_nul),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Reads a row that has `id`, `version`, `position` and `view`.
pub(crate) fn row<P: Projection>(row: &PgRow) -> Result<Row<P::View>, QueryError> {
    let view = serde_json::from_str(row.try_get("view")?).map_err(|why| QueryError::Unreadable {
        table: table::<P>(),
        id: row.try_get("id").unwrap_or_default(),
        why: why.to_string(),
    })?;
    Ok(Row { view, version: row.try_get("version")?, position: row.try_get("position")? })
}

/// One view.
pub(crate) async fn find<P: Projection>(pool: &PgPool, id: Uuid) -> Result<Option<Row<P::View>>, QueryError> {
    let found =
        sqlx::query(&sql::<P>("select id, version, position, view::text as view from {table} where id = $1"))
            .bind(id)
            .fetch_optional(pool)
            .await?;
    found.as_ref().map(row::<P>).transpose()
}

/// A view, how long its stream is, and whether it waits for an operator: all at one moment.
pub(crate) struct WithHead<View> {
    pub(crate) row: Option<Row<View>>,
    pub(crate) head: i64,
    pub(crate) parked: Option<(i64, String)>,
}

/// One view with what it takes to tell whether it is up to date.
pub(crate) async fn find_with_head<P: Projection>(
    pool: &PgPool,
    id: Uuid,
) -> Result<WithHead<P::View>, QueryError> {
    let found = sqlx::query(&sql::<P>(include_str!("sql/find_with_head.sql")))
        .bind(id)
        .bind(P::STREAM)
        .bind(id.to_string())
        .bind(P::consumer())
        .fetch_one(pool)
        .await?;
    let known = found.try_get::<Option<Uuid>, _>("id")?.is_some();
    let parked: Option<i64> = found.try_get("parked_position")?;
    Ok(WithHead {
        row: known.then(|| row::<P>(&found)).transpose()?,
        head: found.try_get("head")?,
        parked: match parked {
            Some(position) => Some((position, found.try_get("parked_reason")?)),
            None => None,
        },
    })
}

/// The views that are about to change. One that cannot be read comes as the reason why.
pub(crate) async fn load<P: Projection>(
    connection: &mut PgConnection,
    ids: Vec<Uuid>,
) -> Result<HashMap<Uuid, Stored<P>>, sqlx::Error> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let found = sqlx::query(&sql::<P>(
        "select id, version, position, view::text as view, memory::text as memory from {table} where id = any($1)",
    ))
    .bind(ids)
    .fetch_all(connection)
    .await?;
    found.iter().map(|row| Ok((row.try_get("id")?, stored::<P>(row)?))).collect()
}

fn stored<P: Projection>(row: &PgRow) -> Result<Stored<P>, sqlx::Error> {
    let memory: Option<&str> = row.try_get("memory")?;
    let state = serde_json::from_str(row.try_get("view")?)
        .and_then(|view| Ok(State { view, memory: serde_json::from_str(memory.unwrap_or("null"))? }));
    let (version, position) = (row.try_get("version")?, row.try_get("position")?);
    Ok(state.map(|state| Kept { version, position, state }).map_err(|why| why.to_string()))
}

/// Writes what has changed: one statement for all views that are there, one for all that are gone.
pub(crate) async fn save<P: Projection>(
    connection: &mut PgConnection,
    changes: Vec<Change>,
) -> Result<(), sqlx::Error> {
    let mut gone = Vec::new();
    let mut columns = Columns::default();
    for Change { id, after } in changes {
        match after {
            None => gone.push(id),
            Some(document) => {
                columns.id.push(id);
                columns.version.push(document.version);
                columns.position.push(document.position);
                columns.listed_at.push(document.index.listed_at);
                columns.search.push(document.index.search.map(|text| text.replace('\0', "\u{fffd}")));
                columns.view.push(document.view);
                columns.memory.push((document.memory != "null").then_some(document.memory));
            }
        }
    }
    if !columns.id.is_empty() {
        sqlx::query(&sql::<P>(include_str!("sql/upsert.sql")))
            .bind(columns.id)
            .bind(columns.version)
            .bind(columns.position)
            .bind(columns.listed_at)
            .bind(columns.search)
            .bind(columns.view)
            .bind(columns.memory)
            .execute(&mut *connection)
            .await?;
    }
    if !gone.is_empty() {
        sqlx::query(&sql::<P>("delete from {table} where id = any($1)"))
            .bind(gone)
            .execute(connection)
            .await?;
    }
    Ok(())
}

/// Rows turned on their side, as `unnest` takes them.
#[derive(Default)]
struct Columns {
    id: Vec<Uuid>,
    version: Vec<i64>,
    position: Vec<i64>,
    listed_at: Vec<Option<DateTime<Utc>>>,
    search: Vec<Option<String>>,
    view: Vec<String>,
    memory: Vec<Option<String>>,
}

/// A row of a table as it stands there, for comparison.
pub(crate) struct Raw {
    pub(crate) id: Uuid,
    pub(crate) version: i64,
    pub(crate) position: i64,
    pub(crate) view: String,
    pub(crate) memory: Option<String>,
}

/// The rows after an id, in the order of their ids, at most `limit`.
pub(crate) async fn rows_after<P: Projection>(
    connection: &mut PgConnection,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Raw>, sqlx::Error> {
    let found = sqlx::query(&sql::<P>(include_str!("sql/rows_after.sql")))
        .bind(after)
        .bind(limit)
        .fetch_all(connection)
        .await?;
    found
        .iter()
        .map(|row| {
            Ok(Raw {
                id: row.try_get("id")?,
                version: row.try_get("version")?,
                position: row.try_get("position")?,
                view: row.try_get("view")?,
                memory: row.try_get("memory")?,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_the_database_cannot_hold_is_shown_as_such() {
        let text = document(&json!({"why": "a\0b", "said": "\\u0000", "more": ["\0"]})).unwrap();
        let back: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(back, json!({"why": "a\u{fffd}b", "said": "\\u0000", "more": ["\u{fffd}"]}));
    }
}
