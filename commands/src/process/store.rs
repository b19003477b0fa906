//! Where processes, their journal, their work and their timers are kept.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde_json::Value;
use spindle_domain::fulfillment::{Fulfilment, Timer};
use spindle_eventlog::{checkpoint, parking};
use sqlx::types::Json;
use sqlx::{PgConnection, PgPool, Row};
use uuid::Uuid;

use super::NAME;
use super::labour::Due;
use super::turn::{Instance, Outcome, status_name};

/// Why a turn was not stored.
#[derive(Debug, thiserror::Error)]
pub(super) enum StoreError {
    #[error("the database cannot be asked: {0}")]
    Database(#[from] sqlx::Error),
    #[error("another worker is active")]
    Fenced,
    #[error("the state of process {0} cannot be read or written: {1}")]
    State(Uuid, String),
}

pub(super) async fn instances(pool: &PgPool, ids: &[Uuid]) -> Result<HashMap<Uuid, Instance>, StoreError> {
    let rows = sqlx::query(include_str!("sql/instances.sql")).bind(NAME).bind(ids).fetch_all(pool).await?;
    let mut instances = HashMap::with_capacity(rows.len());
    for row in rows {
        let id: Uuid = row.try_get("id")?;
        let state: Value = row.try_get("state")?;
        let state: Fulfilment =
            serde_json::from_value(state).map_err(|why| StoreError::State(id, why.to_string()))?;
        let instance = Instance {
            state,
            version: row.try_get("version")?,
            journal: row.try_get("journal")?,
            work: row.try_get("work")?,
            traceparent: row.try_get("traceparent")?,
            started_at: row.try_get("started_at")?,
        };
        instances.insert(id, instance);
    }
    Ok(instances)
}

pub(super) async fn due_timers(
    pool: &PgPool,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<(Uuid, Timer, DateTime<Utc>)>, StoreError> {
    let rows: Vec<(Uuid, String, DateTime<Utc>)> = sqlx::query_as(
        "select id, name, due_at from process_timers where process = $1 and due_at <= $2 order by due_at limit $3",
    )
    .bind(NAME)
    .bind(now)
    .bind(limit)
    .fetch_all(pool)
    .await?;
    rows.into_iter().map(|(id, name, due_at)| Ok((id, timer(id, &name)?, due_at))).collect()
}

pub(super) async fn due_work(
    pool: &PgPool,
    now: DateTime<Utc>,
    busy: &[Uuid],
    limit: i64,
) -> Result<Vec<Due>, StoreError> {
    let rows = sqlx::query(include_str!("sql/due.sql"))
        .bind(NAME)
        .bind(now)
        .bind(busy)
        .bind(limit)
        .fetch_all(pool)
        .await?;
    rows.into_iter()
        .map(|row| {
            let id: Uuid = row.try_get("id")?;
            let work: Value = row.try_get("work")?;
            Ok(Due {
                work_id: row.try_get("work_id")?,
                id,
                seq: row.try_get("seq")?,
                cause: row.try_get("cause")?,
                traceparent: row.try_get("traceparent")?,
                work: serde_json::from_value(work).map_err(|why| StoreError::State(id, why.to_string()))?,
                attempts: row.try_get("attempts")?,
            })
        })
        .collect()
}

/// Where the checkpoint moves, when a turn came from the log.
pub(super) struct Move<'a> {
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) parked: Vec<parking::Parked<'a>>,
}

/// Stores a turn whole, or nothing of it.
pub(super) async fn save(
    pool: &PgPool,
    instances: &HashMap<Uuid, Instance>,
    outcome: &Outcome,
    advance: Option<Move<'_>>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let mut transaction = pool.begin().await?;
    if let Some(Move { from, to, parked }) = advance {
        if !checkpoint::advance(&mut transaction, NAME, from, to).await? {
            return Err(StoreError::Fenced);
        }
        if !parked.is_empty() {
            parking::park(&mut transaction, NAME, &parked).await?;
        }
    }
    upsert(&mut transaction, instances, outcome, now).await?;
    journal(&mut transaction, outcome, now).await?;
    work(&mut transaction, outcome, now).await?;
    timers(&mut transaction, outcome).await?;
    transaction.commit().await?;
    Ok(())
}

async fn upsert(
    connection: &mut PgConnection,
    instances: &HashMap<Uuid, Instance>,
    outcome: &Outcome,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let changed: Vec<(&Uuid, &i64, &Instance)> = outcome
        .before
        .iter()
        .filter_map(|(id, before)| instances.get(id).map(|instance| (id, before, instance)))
        .collect();
    if changed.is_empty() {
        return Ok(());
    }
    let states = changed.iter().map(|(id, _, instance)| {
        serde_json::to_value(&instance.state).map_err(|why| StoreError::State(**id, why.to_string()))
    });
    let stored = sqlx::query(include_str!("sql/upsert.sql"))
        .bind(NAME)
        .bind(changed.iter().map(|(id, ..)| **id).collect::<Vec<_>>())
        .bind(changed.iter().map(|(_, before, _)| **before).collect::<Vec<_>>())
        .bind(changed.iter().map(|(.., i)| status_name(i.state.status())).collect::<Vec<_>>())
        .bind(changed.iter().map(|(.., i)| i.state.step().as_str()).collect::<Vec<_>>())
        .bind(changed.iter().map(|(.., i)| i.state.waiting_for()).collect::<Vec<_>>())
        .bind(changed.iter().map(|(.., i)| i.state.attention()).collect::<Vec<_>>())
        .bind(states.collect::<Result<Vec<_>, _>>()?)
        .bind(changed.iter().map(|(.., i)| i.started_at).collect::<Vec<_>>())
        .bind(changed.iter().map(|(.., i)| i.journal).collect::<Vec<_>>())
        .bind(changed.iter().map(|(.., i)| i.work).collect::<Vec<_>>())
        .bind(changed.iter().map(|(.., i)| i.traceparent.as_deref()).collect::<Vec<_>>())
        .bind(now)
        .execute(connection)
        .await?;
    expect(stored.rows_affected(), changed.len())
}

async fn journal(
    connection: &mut PgConnection,
    outcome: &Outcome,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let entries = &outcome.journal;
    if entries.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "insert into process_journal (process, id, seq, at, kind, entry) \
         select $1, j.id, j.seq, $2, j.kind, j.entry \
           from unnest($3::uuid[], $4::bigint[], $5::text[], $6::jsonb[]) as j (id, seq, kind, entry)",
    )
    .bind(NAME)
    .bind(now)
    .bind(entries.iter().map(|e| e.id).collect::<Vec<_>>())
    .bind(entries.iter().map(|e| e.seq).collect::<Vec<_>>())
    .bind(entries.iter().map(|e| e.kind).collect::<Vec<_>>())
    .bind(entries.iter().map(|e| &e.content).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}

async fn work(
    connection: &mut PgConnection,
    outcome: &Outcome,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let settled = &outcome.settled;
    if !settled.is_empty() {
        let done = sqlx::query(include_str!("sql/settle.sql"))
            .bind(NAME)
            .bind(settled.iter().map(|s| s.work_id).collect::<Vec<_>>())
            .bind(settled.iter().map(|s| s.status).collect::<Vec<_>>())
            .bind(settled.iter().map(|s| s.attempts).collect::<Vec<_>>())
            .bind(settled.iter().map(|s| s.next_attempt_at).collect::<Vec<_>>())
            .bind(settled.iter().map(|s| s.error.as_deref()).collect::<Vec<_>>())
            .bind(now)
            .execute(&mut *connection)
            .await?;
        expect(done.rows_affected(), settled.len())?;
    }
    let new = &outcome.work;
    if !new.is_empty() {
        sqlx::query(include_str!("sql/work.sql"))
            .bind(NAME)
            .bind(new.iter().map(|w| w.work_id).collect::<Vec<_>>())
            .bind(new.iter().map(|w| w.id).collect::<Vec<_>>())
            .bind(new.iter().map(|w| w.seq).collect::<Vec<_>>())
            .bind(new.iter().map(|w| w.cause).collect::<Vec<_>>())
            .bind(new.iter().map(|w| w.traceparent.as_deref()).collect::<Vec<_>>())
            .bind(new.iter().map(|w| Json(&w.work)).collect::<Vec<_>>())
            .bind(now)
            .execute(connection)
            .await?;
    }
    Ok(())
}

async fn timers(connection: &mut PgConnection, outcome: &Outcome) -> Result<(), StoreError> {
    let fired = &outcome.timers_fired;
    if !fired.is_empty() {
        // A timer fires in the transaction that consumes it: if it is gone, somebody else has.
        let gone = sqlx::query(
            "delete from process_timers t using unnest($2::uuid[], $3::text[], $4::timestamptz[]) as f (id, name, due_at) \
              where t.process = $1 and t.id = f.id and t.name = f.name and t.due_at = f.due_at",
        )
        .bind(NAME)
        .bind(fired.iter().map(|(id, ..)| *id).collect::<Vec<_>>())
        .bind(fired.iter().map(|(_, timer, _)| timer_name(*timer)).collect::<Vec<_>>())
        .bind(fired.iter().map(|(.., due_at)| *due_at).collect::<Vec<_>>())
        .execute(&mut *connection)
        .await?;
        expect(gone.rows_affected(), fired.len())?;
    }
    let cancelled = &outcome.timers_cancelled;
    if !cancelled.is_empty() {
        sqlx::query(
            "delete from process_timers t using unnest($2::uuid[], $3::text[]) as c (id, name) \
              where t.process = $1 and t.id = c.id and t.name = c.name",
        )
        .bind(NAME)
        .bind(cancelled.iter().map(|(id, _)| *id).collect::<Vec<_>>())
        .bind(cancelled.iter().map(|(_, timer)| timer_name(*timer)).collect::<Vec<_>>())
        .execute(&mut *connection)
        .await?;
    }
    let set = &outcome.timers_set;
    if !set.is_empty() {
        sqlx::query(
            "insert into process_timers (process, id, name, due_at) \
             select $1, * from unnest($2::uuid[], $3::text[], $4::timestamptz[]) \
                 on conflict (process, id, name) do update set due_at = excluded.due_at",
        )
        .bind(NAME)
        .bind(set.keys().map(|(id, _)| *id).collect::<Vec<_>>())
        .bind(set.keys().map(|(_, timer)| timer_name(*timer)).collect::<Vec<_>>())
        .bind(set.values().copied().collect::<Vec<_>>())
        .execute(connection)
        .await?;
    }
    Ok(())
}

fn expect(rows: u64, asked: usize) -> Result<(), StoreError> {
    if usize::try_from(rows) == Ok(asked) { Ok(()) } else { Err(StoreError::Fenced) }
}

const TIMERS: [(Timer, &str); 5] = [
    (Timer::PaymentDue, "payment_due"),
    (Timer::Reconcile, "reconcile"),
    (Timer::KitchenDue, "kitchen_due"),
    (Timer::AcceptDue, "accept_due"),
    (Timer::CourierDue, "courier_due"),
];

/// The name of a timer, as it is stored.
pub(super) fn timer_name(timer: Timer) -> &'static str {
    TIMERS.iter().find(|(known, _)| *known == timer).map_or("unknown", |(_, name)| name)
}

fn timer(id: Uuid, name: &str) -> Result<Timer, StoreError> {
    TIMERS
        .iter()
        .find(|(_, known)| *known == name)
        .map(|(timer, _)| *timer)
        .ok_or_else(|| StoreError::State(id, format!("unknown timer {name:?}")))
}
