//! Looks at processes from outside: for `spindle saga list|show|why`, the API and the dashboard.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use spindle_eventlog::{EventLog, LogError, checkpoint, leases};
use sqlx::FromRow;
use uuid::Uuid;

use super::NAME;
use super::labour::Retry;
use super::why::{Circumstance, Verdict, Work, why};

/// How many processes one list holds at most.
pub const LONGEST_LIST: i64 = 200;

/// A process in a list.
#[derive(Debug, Clone, PartialEq, Serialize, FromRow)]
pub struct Listed {
    /// The order's id.
    pub id: Uuid,
    /// `running`, `compensating`, `attention`, `completed` or `compensated`.
    pub status: String,
    /// The step it is at.
    pub step: String,
    /// What it waits for, as a sentence.
    pub waiting_for: String,
    /// What a person must look at.
    pub attention: Option<String>,
    /// How often it has changed.
    pub version: i64,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// A line of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, FromRow)]
pub struct JournalEntry {
    /// Its number, from 1.
    pub seq: i64,
    /// When it was written.
    pub at: DateTime<Utc>,
    /// `event`, `timer`, `answered`, `refused`, `gave_up` or `attempt`.
    pub kind: String,
    /// What happened.
    pub entry: Value,
}

/// Work that is not done.
#[derive(Debug, Clone, PartialEq, Serialize, FromRow)]
pub struct OpenWork {
    /// Its own name: the command's id, and its idempotency key.
    pub work_id: Uuid,
    /// Its place in the order of the process's work.
    pub seq: i64,
    /// What is to be done.
    pub work: Value,
    /// `due` or `dead`.
    pub status: String,
    /// How often it failed.
    pub attempts: i32,
    /// When it is tried next.
    pub next_attempt_at: DateTime<Utc>,
    /// How it failed last.
    pub last_error: Option<String>,
}

/// A timer that is set.
#[derive(Debug, Clone, PartialEq, Serialize, FromRow)]
pub struct SetTimer {
    /// Its name.
    pub name: String,
    /// When it runs out.
    pub due_at: DateTime<Utc>,
}

/// Everything about one process.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Shown {
    /// Where it stands.
    #[serde(flatten)]
    pub listed: Listed,
    /// Why it stands there.
    pub verdict: Verdict,
    /// The verdict as a sentence.
    pub why: String,
    /// What it still has to do.
    pub work: Vec<OpenWork>,
    /// When it wants to be woken.
    pub timers: Vec<SetTimer>,
    /// What happened, in order.
    pub journal: Vec<JournalEntry>,
    /// What it knows.
    pub state: Value,
}

/// Asks about processes.
#[derive(Debug, Clone)]
pub struct Sagas {
    log: EventLog,
    retry: Retry,
}

impl Sagas {
    /// On a log.
    #[must_use]
    pub fn new(log: EventLog, retry: Retry) -> Self {
        Self { log, retry }
    }

    /// The processes that changed last, first; of one status if asked for.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list(&self, status: Option<&str>, limit: i64) -> Result<Vec<Listed>, LogError> {
        Ok(sqlx::query_as(
            "select id, status, step, waiting_for, attention, version, started_at, updated_at from processes \
              where process = $1 and ($2::text is null or status = $2) order by updated_at desc, id limit $3",
        )
        .bind(NAME)
        .bind(status)
        .bind(limit.clamp(1, LONGEST_LIST))
        .fetch_all(self.log.pool())
        .await?)
    }

    /// How many processes there are of each status.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn counts(&self) -> Result<Vec<(String, i64)>, LogError> {
        Ok(sqlx::query_as(
            "select status, count(*) from processes where process = $1 group by status order by status",
        )
        .bind(NAME)
        .fetch_all(self.log.pool())
        .await?)
    }

    /// How much work is due, and how much is dead-lettered.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn work(&self) -> Result<(i64, i64), LogError> {
        Ok(sqlx::query_as(
            "select count(*) filter (where status = 'due'), count(*) filter (where status = 'dead') \
               from process_work where process = $1 and status <> 'done'",
        )
        .bind(NAME)
        .fetch_one(self.log.pool())
        .await?)
    }

    /// Everything about the process of an order; `None` when the order has none.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn show(&self, id: Uuid, now: DateTime<Utc>) -> Result<Option<Shown>, LogError> {
        let pool = self.log.pool();
        let listed: Option<Listed> = sqlx::query_as(
            "select id, status, step, waiting_for, attention, version, started_at, updated_at from processes \
              where process = $1 and id = $2",
        )
        .bind(NAME)
        .bind(id)
        .fetch_optional(pool)
        .await?;
        let Some(listed) = listed else { return Ok(None) };
        let state = sqlx::query_scalar("select state from processes where process = $1 and id = $2")
            .bind(NAME)
            .bind(id)
            .fetch_one(pool)
            .await?;
        let work: Vec<OpenWork> = sqlx::query_as(
            "select work_id, seq, work, status, attempts, next_attempt_at, last_error from process_work \
              where process = $1 and id = $2 and status <> 'done' order by seq",
        )
        .bind(NAME)
        .bind(id)
        .fetch_all(pool)
        .await?;
        let timers: Vec<SetTimer> = sqlx::query_as(
            "select name, due_at from process_timers where process = $1 and id = $2 order by due_at",
        )
        .bind(NAME)
        .bind(id)
        .fetch_all(pool)
        .await?;
        let journal = sqlx::query_as(
            "select seq, at, kind, entry from process_journal where process = $1 and id = $2 order by seq",
        )
        .bind(NAME)
        .bind(id)
        .fetch_all(pool)
        .await?;
        let verdict = why(&self.circumstance(&listed, &work, &timers, now).await?);
        let sentence = verdict.to_string();
        Ok(Some(Shown { listed, verdict, why: sentence, work, timers, journal, state }))
    }

    async fn circumstance(
        &self,
        listed: &Listed,
        work: &[OpenWork],
        timers: &[SetTimer],
        now: DateTime<Utc>,
    ) -> Result<Circumstance, LogError> {
        let pool = self.log.pool();
        let position = checkpoint::load(pool, NAME).await?;
        // The log is read after the checkpoint, so that a busy shop is never said to be behind by less than it is.
        let head = self.log.head().await?;
        let parked: i64 =
            sqlx::query_scalar("select count(*) from parked_events where consumer = $1 and key = $2")
                .bind(NAME)
                .bind(listed.id.to_string())
                .fetch_one(pool)
                .await?;
        Ok(Circumstance {
            now,
            status: listed.status.clone(),
            step: listed.step.clone(),
            waiting_for: listed.waiting_for.clone(),
            attention: listed.attention.clone(),
            work: work
                .iter()
                .map(|work| Work {
                    what: describe(&work.work),
                    dead: work.status == "dead",
                    attempts: work.attempts,
                    of: self.retry.attempts,
                    next_attempt_at: work.next_attempt_at,
                    error: work.last_error.clone(),
                })
                .collect(),
            timers: timers.iter().map(|timer| (timer.name.clone(), timer.due_at)).collect(),
            behind: head - position,
            worker: leases::is_held(pool, NAME).await?,
            parked,
        })
    }
}

/// Work in a few words: `order: enter_kitchen`, `provider: capture`.
fn describe(work: &Value) -> String {
    let first_key = |value: &Value| match value {
        Value::Object(map) => map.keys().next().cloned(),
        Value::String(text) => Some(text.clone()),
        _ => None,
    };
    if let Some(command) = work.get("dispatch") {
        let to = command.get("aggregate").and_then(Value::as_str).unwrap_or("aggregate");
        let what = command.get("command").and_then(first_key).unwrap_or_default();
        return format!("{to}: {what}");
    }
    let what = work.get("call").and_then(first_key).unwrap_or_default();
    format!("provider: {what}")
}
