//! What must be true when all is quiet, whatever happened before.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use spindle::simulators::provider::{EntryKind, LedgerEntry};
use spindle_eventlog::relay;
use sqlx::{PgPool, Row};
use uuid::Uuid;

use crate::services::Database;
use crate::wait::eventually_ok;

/// How long a shop may take to become quiet.
const QUIET: Duration = Duration::from_mins(2);

/// Waits until every process is done, nothing is due, and every consumer but the relay has reached the head.
///
/// # Errors
/// When that does not happen; says what is left.
pub async fn settled(database: &Database) -> Result<()> {
    let pool = database.pool().await?;
    eventually_ok("everything comes to rest", QUIET, async || quiet(&pool).await).await
}

async fn quiet(pool: &PgPool) -> Result<()> {
    let open: Vec<(Uuid, String, String, String)> = sqlx::query_as(
        "select id, status, step, waiting_for from processes where status not in ('completed', 'compensated') limit 5",
    )
    .fetch_all(pool)
    .await?;
    ensure!(open.is_empty(), "processes are open: {open:?}");
    let due: i64 =
        sqlx::query_scalar("select count(*) from process_work where status = 'due'").fetch_one(pool).await?;
    ensure!(due == 0, "{due} pieces of work are due");
    let behind: Vec<(String, i64)> = sqlx::query_as(
        "select consumer, (select position from event_log_head) - position from checkpoints \
          where consumer <> $1 and position < (select position from event_log_head)",
    )
    .bind(relay::NAME)
    .fetch_all(pool)
    .await?;
    ensure!(behind.is_empty(), "consumers are behind: {behind:?}");
    let orders: i64 = sqlx::query_scalar("select count(*) from events where event_type = 'order.placed'")
        .fetch_one(pool)
        .await?;
    let processes: i64 = sqlx::query_scalar("select count(*) from processes").fetch_one(pool).await?;
    ensure!(orders == processes, "{orders} orders have {processes} processes");
    Ok(())
}

/// Everything that holds for any shop at rest: a whole log, read models that equal a fold of it, nothing parked,
/// nothing given up, no timer left.
///
/// # Errors
/// The first thing that does not hold.
pub async fn whole(database: &Database) -> Result<()> {
    let log = database.log();
    let report = log.check().await?;
    ensure!(report.faults().is_empty(), "the log: {:?}", report.faults());
    let pool = database.pool().await?;
    for (what, count) in [
        ("parked events", "select count(*) from parked_events"),
        ("dead work", "select count(*) from process_work where status = 'dead'"),
        ("timers", "select count(*) from process_timers"),
    ] {
        let count: i64 = sqlx::query_scalar(count).fetch_one(&pool).await?;
        ensure!(count == 0, "{what}: {count}");
    }
    for name in spindle_projections::names() {
        let differences = spindle_projections::compare(&log, name).await?;
        ensure!(differences.is_empty(), "{name} differs from a fold of the log: {differences:?}");
    }
    Ok(())
}

/// What the provider's own ledger says of one payment, in minor units.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    /// Held, at any time.
    pub authorized: i64,
    /// Taken.
    pub captured: i64,
    /// Given back.
    pub refunded: i64,
    /// Let go.
    pub voided: bool,
    /// How often it was taken.
    pub captures: usize,
}

/// The ledger by payment.
#[must_use]
pub fn accounts(ledger: &[LedgerEntry]) -> BTreeMap<Uuid, Account> {
    let mut accounts: BTreeMap<Uuid, Account> = BTreeMap::new();
    for entry in ledger {
        let account = accounts.entry(entry.payment.0).or_default();
        match entry.kind {
            EntryKind::Authorized => account.authorized += entry.amount.amount,
            EntryKind::Captured => {
                account.captured += entry.amount.amount;
                account.captures += 1;
            }
            EntryKind::Refunded => account.refunded += entry.amount.amount,
            EntryKind::Voided => account.voided = true,
            EntryKind::Declined => {}
        }
    }
    accounts
}

/// The provider's ledger and Spindle's payments say the same; nothing is taken twice; a cancelled order keeps
/// nothing; a fulfilled one is paid exactly.
///
/// # Errors
/// The first payment or order that does not add up.
pub async fn money(database: &Database, ledger: &[LedgerEntry]) -> Result<()> {
    let pool = database.pool().await?;
    let accounts = accounts(ledger);
    let mut kept: BTreeMap<Uuid, i64> = BTreeMap::new();
    let mut known = BTreeSet::new();
    for row in sqlx::query("select id, view from view_payments_v1").fetch_all(&pool).await? {
        let (id, view): (Uuid, serde_json::Value) = (row.try_get("id")?, row.try_get("view")?);
        known.insert(id);
        let account = accounts.get(&id).cloned().unwrap_or_default();
        let amount = |field: &str| view[field]["amount"].as_i64().unwrap_or(0);
        ensure!(account.captures <= 1, "payment {id} was taken {} times", account.captures);
        ensure!(
            amount("captured") == account.captured && amount("refunded") == account.refunded,
            "payment {id}: the provider says {account:?}, Spindle says {view}"
        );
        let held = account.authorized > 0 && account.captured == 0 && !account.voided;
        ensure!(!held, "payment {id} is still held: {account:?}, {view}");
        let order = view["order_id"].as_str().context("a payment without an order")?.parse()?;
        *kept.entry(order).or_default() += account.captured - account.refunded;
    }
    let strangers: Vec<_> = accounts.keys().filter(|id| !known.contains(id)).collect();
    ensure!(strangers.is_empty(), "the provider knows payments that Spindle does not: {strangers:?}");
    for row in sqlx::query("select id, view from view_order_summary_v1").fetch_all(&pool).await? {
        let (id, view): (Uuid, serde_json::Value) = (row.try_get("id")?, row.try_get("view")?);
        let kept = kept.get(&id).copied().unwrap_or(0);
        let total = view["quote"]["total"]["amount"].as_i64().context("an order without a total")?;
        match view["status"].as_str() {
            Some("delivered") => {
                ensure!(kept == total, "order {id} is delivered for {total}, {kept} was kept");
            }
            Some("cancelled") => ensure!(kept == 0, "order {id} is cancelled, {kept} was kept"),
            other => bail!("order {id} has not ended: {other:?}"),
        }
    }
    Ok(())
}
