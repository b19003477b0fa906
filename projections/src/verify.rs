//! Is a table what the log says? The log is folded again in memory, by the same rules, and compared row by row.
//!
//! **Invariant:** nothing is written here.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use serde_json::Value;
use spindle_eventlog::{EventLog, LogError, StoredEvent};
use sqlx::{Connection as _, PgConnection};
use uuid::Uuid;

use crate::decode;
use crate::folding::{Folder, Waiting};
use crate::projection::Projection;
use crate::store::{self, Raw};

/// How many events are read at a time.
const EVENTS: i64 = 2_048;
/// How many rows are read at a time.
const ROWS: i64 = 1_024;
/// How many differences are listed: an operator needs a few, the rest is counted.
pub const MAX_DIFFERENCES: usize = 1_000;
/// How many fields of one row are listed.
const MAX_FIELDS: usize = 20;

/// What a log folds to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FoldedLog {
    /// The views by id.
    pub views: BTreeMap<Uuid, FoldedView>,
    /// What cannot be folded, with what waits behind it.
    pub parked: Vec<FoldedParked>,
}

/// A view with its place in the log.
#[derive(Debug, Clone, PartialEq)]
pub struct FoldedView {
    /// The sequence of the last event of its own stream.
    pub version: i64,
    /// The position of the last event that is in it.
    pub position: i64,
    /// What readers see.
    pub view: Value,
    /// What the fold remembers besides.
    pub memory: Value,
}

/// An event that cannot be folded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoldedParked {
    /// Its place in the log.
    pub position: i64,
    /// Under which key it would be put aside.
    pub key: String,
    /// Why.
    pub reason: String,
}

/// How a table and the log compare.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// The projection, as a consumer of the log.
    pub consumer: String,
    /// The position at which both were looked at.
    pub checkpoint: i64,
    /// How many rows the table has.
    pub rows: u64,
    /// How many rows differ.
    pub differing: u64,
    /// How many rows are missing from the table.
    pub missing: u64,
    /// How many rows the table has and the log knows nothing of.
    pub unexpected: u64,
    /// The differences, at most [`MAX_DIFFERENCES`].
    pub differences: Vec<Difference>,
}

/// One row that is not what the log says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Which.
    pub id: Uuid,
    /// In what way.
    pub kind: Kind,
    /// Which fields differ, as JSON pointers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
}

/// In what way a row is not what the log says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It has other fields.
    Differs,
    /// It should be there.
    Missing,
    /// It should not be there.
    Unexpected,
}

/// Why nothing could be compared.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The table cannot be read.
    #[error("the views cannot be read: {0}")]
    Database(#[from] sqlx::Error),
    /// A view is not JSON.
    #[error("a view is not JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The log ended before the checkpoint.
    #[error("the log ends at position {head}, before the checkpoint at {checkpoint}")]
    LogEndsEarly {
        /// Where the log ends.
        head: i64,
        /// Where the projection stands.
        checkpoint: i64,
    },
}

impl Comparison {
    /// Whether there is nothing to tell: the table is what the log says.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.differing + self.missing + self.unexpected == 0
    }

    fn note(&mut self, id: Uuid, kind: Kind, fields: Vec<String>) {
        let count = match kind {
            Kind::Differs => &mut self.differing,
            Kind::Missing => &mut self.missing,
            Kind::Unexpected => &mut self.unexpected,
        };
        *count += 1;
        if self.differences.len() < MAX_DIFFERENCES {
            self.differences.push(Difference { id, kind, fields });
        }
    }
}

/// Folds a whole log, in order, from its beginning.
///
/// # Errors
/// When a view cannot be written as JSON.
pub fn fold_log<P: Projection>(
    projection: P,
    events: impl IntoIterator<Item = StoredEvent>,
) -> Result<FoldedLog, serde_json::Error> {
    let mut folder = Folder::new(projection, HashMap::new(), HashMap::new());
    for event in events {
        folder.take(event.position, &decode::read(projection, &event));
    }
    folded(folder)
}

fn folded<P: Projection>(folder: Folder<P>) -> Result<FoldedLog, serde_json::Error> {
    let (changes, waiting, _) = folder.finish()?;
    let mut views = BTreeMap::new();
    for change in changes {
        let Some(document) = change.after else { continue };
        let (version, position) = (document.version, document.position);
        let (view, memory) = (serde_json::from_str(&document.view)?, serde_json::from_str(&document.memory)?);
        views.insert(change.id, FoldedView { version, position, view, memory });
    }
    let parked = waiting
        .into_iter()
        .map(|Waiting { key, position, reason }| FoldedParked { position, key, reason })
        .collect();
    Ok(FoldedLog { views, parked })
}

/// Compares every view of a projection with a fold of the log, both as they are at the checkpoint that the table
/// has now. The fold is held in memory.
///
/// # Errors
/// [`CompareError`]. A difference is no error: it is the answer.
pub async fn compare<P: Projection>(log: &EventLog, projection: P) -> Result<Comparison, CompareError> {
    let mut connection = log.pool().acquire().await?;
    let mut snapshot = connection.begin_with("begin isolation level repeatable read read only").await?;
    // The first query takes the snapshot: the table is looked at as it is at this checkpoint.
    let checkpoint: Option<i64> = sqlx::query_scalar("select position from checkpoints where consumer = $1")
        .bind(P::consumer())
        .fetch_optional(&mut *snapshot)
        .await?;
    let checkpoint = checkpoint.unwrap_or(0);
    let FoldedLog { mut views, .. } = fold_until(log, projection, checkpoint).await?;
    let mut comparison = Comparison {
        consumer: P::consumer(),
        checkpoint,
        rows: 0,
        differing: 0,
        missing: 0,
        unexpected: 0,
        differences: Vec::new(),
    };
    compare_rows::<P>(&mut snapshot, &mut views, &mut comparison).await?;
    for id in views.into_keys() {
        comparison.note(id, Kind::Missing, Vec::new());
    }
    snapshot.rollback().await?;
    Ok(comparison)
}

/// Folds the log up to a position.
async fn fold_until<P: Projection>(
    log: &EventLog,
    projection: P,
    end: i64,
) -> Result<FoldedLog, CompareError> {
    let mut folder = Folder::new(projection, HashMap::new(), HashMap::new());
    let mut position = 0;
    while position < end {
        let events = log.read_after(position, EVENTS.min(end - position)).await?;
        let Some(last) = events.last().map(|event| event.position) else {
            return Err(CompareError::LogEndsEarly { head: position, checkpoint: end });
        };
        for event in &events {
            folder.take(event.position, &decode::read(projection, event));
        }
        position = last;
    }
    Ok(folded(folder)?)
}

/// Takes every row of the table out of what is expected, and notes where it is something else.
async fn compare_rows<P: Projection>(
    connection: &mut PgConnection,
    expected: &mut BTreeMap<Uuid, FoldedView>,
    comparison: &mut Comparison,
) -> Result<(), CompareError> {
    let mut after = None;
    loop {
        let rows = store::rows_after::<P>(connection, after, ROWS).await?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = Some(last.id);
        for row in rows {
            comparison.rows += 1;
            let id = row.id;
            match expected.remove(&id) {
                None => comparison.note(id, Kind::Unexpected, Vec::new()),
                Some(wanted) => {
                    let fields = differences(&wanted, row)?;
                    if !fields.is_empty() {
                        comparison.note(id, Kind::Differs, fields);
                    }
                }
            }
        }
    }
}

fn differences(wanted: &FoldedView, row: Raw) -> Result<Vec<String>, serde_json::Error> {
    let mut fields = Vec::new();
    if wanted.version != row.version {
        fields.push("version".to_owned());
    }
    if wanted.position != row.position {
        fields.push("position".to_owned());
    }
    let view: Value = serde_json::from_str(&row.view)?;
    let memory: Value = row.memory.map_or(Ok(Value::Null), |text| serde_json::from_str(&text))?;
    differ("view", &wanted.view, &view, &mut fields);
    differ("memory", &wanted.memory, &memory, &mut fields);
    Ok(fields)
}

/// Lists where two documents differ, as far down as they have the same shape.
fn differ(path: &str, wanted: &Value, found: &Value, fields: &mut Vec<String>) {
    if wanted == found || fields.len() >= MAX_FIELDS {
        return;
    }
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(found)) => {
            for (name, value) in wanted {
                differ(&format!("{path}/{name}"), value, found.get(name).unwrap_or(&Value::Null), fields);
            }
            for (name, value) in found.iter().filter(|(name, _)| !wanted.contains_key(*name)) {
                differ(&format!("{path}/{name}"), &Value::Null, value, fields);
            }
        }
        (Value::Array(wanted), Value::Array(found)) if wanted.len() == found.len() => {
            for (index, (wanted, found)) in wanted.iter().zip(found).enumerate() {
                differ(&format!("{path}/{index}"), wanted, found, fields);
            }
        }
        _ => fields.push(path.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_difference_is_named_by_the_field_it_is_in() {
        let mut fields = Vec::new();
        let (wanted, found) =
            (json!({"a": {"b": 1}, "c": [1, 2], "d": 1}), json!({"a": {"b": 2}, "c": [1, 3], "e": 1}));
        differ("view", &wanted, &found, &mut fields);
        assert_eq!(fields, ["view/a/b", "view/c/1", "view/d", "view/e"]);
    }

    #[test]
    fn documents_that_are_equal_have_no_differences() {
        let mut fields = Vec::new();
        differ("view", &json!({"a": [1, {"b": null}]}), &json!({"a": [1, {"b": null}]}), &mut fields);
        assert!(fields.is_empty());
    }
}
