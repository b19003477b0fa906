//! The event log: gapless, in commit order, honest about what was stored.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use cqrs_es::persist::{PersistedEventRepository, SerializedEvent};
use harness::{database, eventually};
use postgres_es::PostgresEventRepository;
use serde_json::json;
use spindle_domain::order::Order;
use spindle_eventlog::log::WriterOptions;
use spindle_eventlog::{Append, AppendError, Claim, EventLog, Feed, NewEvent, Stream, migrations};
use tokio::task::JoinSet;
use uuid::Uuid;

fn event() -> NewEvent {
    NewEvent {
        event_id: Uuid::now_v7(),
        event_type: "order.ready".into(),
        event_version: "1.0".into(),
        payload: "\"ready\"".into(),
        metadata: "{}".into(),
    }
}

fn stream() -> Stream {
    Stream::new("order", Uuid::now_v7().to_string())
}

fn append(stream: &Stream, after: i64, events: usize) -> Append {
    Append { stream: stream.clone(), after, events: (0..events).map(|_| event()).collect(), claim: None }
}

fn claim(key: &str) -> Claim {
    Claim { scope: "test".into(), key: key.into(), fingerprint: vec![1] }
}

/// Reads the log as a consumer does until it has seen `count` events; fails if one is skipped or repeated.
async fn follow(log: EventLog, count: i64) -> Result<Vec<Uuid>> {
    let mut feed = Feed::new(log, None, "test");
    let (mut position, mut seen) = (0, Vec::new());
    while position < count {
        for event in feed.next(position).await? {
            ensure!(event.position == position + 1, "{} follows {position}", event.position);
            position = event.position;
            seen.push(event.event_id);
        }
    }
    Ok(seen)
}

#[tokio::test(flavor = "multi_thread")]
async fn positions_are_gapless_and_no_consumer_skips_an_event_under_concurrent_appends() -> Result<()> {
    let database = database().await?;
    // Two nodes write, each with a writer of its own.
    let nodes = [database.log(), database.log()];
    let follower = tokio::spawn(follow(database.log(), 2 * 40 * 25));
    let mut writers = JoinSet::new();
    for number in 0..40 {
        let log = nodes[number % 2].clone();
        writers.spawn(async move {
            let stream = stream();
            for after in 0..25 {
                log.append(append(&stream, after * 2, 2)).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(written) = writers.join_next().await {
        written??;
    }
    let seen = follower.await??;
    assert_eq!(seen.iter().collect::<HashSet<_>>().len(), 2_000);
    let report = nodes[0].check().await?;
    assert_eq!((report.faults(), report.head, report.streams), (vec![], 2_000, 40));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stock_repository_reads_and_appends() -> Result<()> {
    let database = database().await?;
    let log = database.log();
    let stream = stream();
    log.append(append(&stream, 0, 1)).await?;
    let stock = PostgresEventRepository::new(database.pool().await?);
    let id = stream.aggregate_id.to_string();
    let read = stock.get_events::<Order>(&id).await?;
    assert_eq!((read.len(), read[0].sequence, read[0].event_type.as_str()), (1, 1, "order.ready"));
    let foreign = |sequence| {
        SerializedEvent::new(
            id.clone(),
            sequence,
            "order".into(),
            "order.ready".into(),
            "1.0".into(),
            json!("ready"),
            json!({}),
        )
    };
    stock.persist::<Order>(&[foreign(2), foreign(3)], None).await?;
    assert!(stock.persist::<Order>(&[foreign(3)], None).await.is_err(), "a taken place is a conflict");
    assert_eq!(log.append(append(&stream, 3, 1)).await?.position, 4);
    assert_eq!(log.append(append(&stream, 3, 1)).await, Err(AppendError::Conflict));
    let report = log.check().await?;
    assert_eq!((report.faults(), report.head), (vec![], 4));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_writer_that_holds_its_transaction_open_hides_nothing() -> Result<()> {
    let database = database().await?;
    let log = database.log();
    let pool = database.pool().await?;
    for commits in [true, false] {
        let before = log.head().await?;
        let mut foreign = pool.begin().await?;
        // What a stock repository sends.
        sqlx::query(
            "INSERT INTO events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata) \
             VALUES ('order', $1, 1, 'order.ready', '1.0', '\"ready\"', '{}')",
        )
        .bind(Uuid::now_v7().to_string())
        .execute(&mut *foreign)
        .await?;
        let writing = {
            let log = log.clone();
            tokio::spawn(async move { log.append(append(&stream(), 0, 1)).await })
        };
        // The second writer waits for the first: seen in the server's own list of waiting sessions.
        eventually("the append waits", async || {
            let locked: i64 = sqlx::query_scalar(
                "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
            )
            .fetch_one(&pool)
            .await
            .ok()?;
            (locked > 0).then_some(())
        })
        .await?;
        assert!(!writing.is_finished());
        assert_eq!(log.read_after(before, 10).await?, vec![], "nothing may overtake the open transaction");
        if commits {
            foreign.commit().await?;
        } else {
            foreign.rollback().await?;
        }
        let stored = writing.await??;
        let expected = if commits { before + 2 } else { before + 1 };
        assert_eq!(stored.position, expected, "commits: {commits}");
        assert_eq!(log.read_after(before, 10).await?.len(), usize::try_from(expected - before)?);
    }
    assert_eq!(log.check().await?.faults(), Vec::<String>::new());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_that_interleave_commit_and_roll_back_leave_no_gap() -> Result<()> {
    let database = database().await?;
    let log = database.log();
    let mut writers = JoinSet::new();
    for writer in 0..6_u64 {
        let pool = database.pool().await?;
        writers.spawn(async move {
            let mut stored = 0;
            for step in 0..30_u64 {
                let mut transaction = pool.begin().await?;
                let events = 1 + (writer + step) % 3;
                let id = Uuid::now_v7().to_string();
                for sequence in 1..=events {
                    sqlx::query(
                        "insert into events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata) \
                         values ('order', $1, $2, 'order.ready', '1.0', '\"ready\"', '{}')",
                    )
                    .bind(&id)
                    .bind(i64::try_from(sequence)?)
                    .execute(&mut *transaction)
                    .await?;
                    tokio::task::yield_now().await;
                }
                if (writer * 7 + step) % 4 == 0 {
                    transaction.rollback().await?;
                } else {
                    transaction.commit().await?;
                    stored += events;
                }
            }
            anyhow::Ok(stored)
        });
    }
    for _ in 0..3 {
        let log = log.clone();
        writers.spawn(async move {
            let stream = stream();
            for after in 0..50 {
                log.append(append(&stream, after, 1)).await?;
            }
            anyhow::Ok(50)
        });
    }
    let watcher = {
        let log = log.clone();
        tokio::spawn(async move {
            // Looks at the log all the while: `read_after` fails on a gap.
            let mut position = 0;
            while position < i64::MAX {
                match log.read_after(position, 1_000).await?.last() {
                    Some(last) if last.event_type == "test.end" => return anyhow::Ok(last.position),
                    Some(last) => position = last.position,
                    None => tokio::task::yield_now().await,
                }
            }
            anyhow::bail!("never ends")
        })
    };
    let mut expected = 0;
    while let Some(stored) = writers.join_next().await {
        expected += i64::try_from(stored??)?;
    }
    let mut last = append(&stream(), 0, 1);
    last.events[0].event_type = "test.end".into();
    log.append(last).await?;
    assert_eq!(watcher.await??, expected + 1);
    assert_eq!(log.check().await?.faults(), Vec::<String>::new());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_hurts_only_the_stale_append() -> Result<()> {
    let database = database().await?;
    let log = database.log();
    let contested = stream();
    log.append(append(&contested, 0, 3)).await?;
    let mut batch = Vec::new();
    for number in 0..50 {
        let stale = number % 10 == 0;
        let made = if stale { append(&contested, 1, 1) } else { append(&stream(), 0, 1) };
        batch.push((stale, log.submit(made, None)?));
    }
    for (stale, pending) in batch {
        let result = pending.stored().await;
        assert_eq!(result.is_err(), stale, "{result:?}");
    }
    assert_eq!(log.head().await?, 3 + 45);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_that_builds_on_a_lost_one_is_not_stored() -> Result<()> {
    let database = database().await?;
    let log = database.log();
    let stream = stream();
    log.append(append(&stream, 0, 1)).await?;
    let lost = log.submit(append(&stream, 0, 1), None)?;
    let next = log.submit(append(&stream, 1, 1), Some(lost.ticket()))?;
    assert_eq!(lost.stored().await, Err(AppendError::Conflict));
    assert_eq!(next.stored().await, Err(AppendError::Superseded));
    // Whatever a caller believes: a stream never gets a hole.
    assert_eq!(log.append(append(&stream, 7, 1)).await, Err(AppendError::Conflict));
    assert_eq!(log.head().await?, 1);
    assert_eq!(log.check().await?.faults(), Vec::<String>::new());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_claimed_once_whoever_races_for_it() -> Result<()> {
    let database = database().await?;
    let nodes = [database.log(), database.log()];
    let mut racers = JoinSet::new();
    for number in 0..40 {
        let log = nodes[number % 2].clone();
        racers.spawn(async move {
            let keyed = Append { claim: Some(claim("only")), ..append(&stream(), 0, 2) };
            log.append(keyed).await
        });
    }
    let (mut stored, mut told) = (Vec::new(), Vec::new());
    while let Some(result) = racers.join_next().await {
        match result? {
            Ok(appended) => stored.push(appended.position),
            Err(AppendError::Claimed(known)) => told.push(known.position),
            Err(other) => anyhow::bail!("{other}"),
        }
    }
    assert_eq!((stored.len(), told.len()), (1, 39));
    assert!(told.iter().all(|position| *position == stored[0]));
    assert_eq!(nodes[0].head().await?, 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_stored_once_and_what_was_refused_is_not_when_connections_break()
-> Result<()> {
    let database = database().await?;
    let log = database.log();
    let pool = database.pool().await?;
    let done = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let assassin = {
        let (pool, done) = (pool.clone(), Arc::clone(&done));
        tokio::spawn(async move {
            let mut killed = 0_i64;
            while killed < 40 && !done.load(std::sync::atomic::Ordering::Relaxed) {
                killed += sqlx::query_scalar::<_, i64>(
                    "select count(pg_terminate_backend(pid)) from pg_stat_activity \
                      where datname = current_database() and application_name = 'spindle-writer' and state = 'active'",
                )
                .fetch_one(&pool)
                .await?;
            }
            anyhow::Ok(killed)
        })
    };
    let mut writers = JoinSet::new();
    for _ in 0..16 {
        let log = log.clone();
        writers.spawn(async move {
            let mut results = Vec::new();
            for _ in 0..60 {
                let made = append(&stream(), 0, 1);
                let id = made.events[0].event_id;
                results.push((id, log.append(made).await));
            }
            results
        });
    }
    let mut results = Vec::new();
    while let Some(part) = writers.join_next().await {
        results.extend(part?);
    }
    done.store(true, std::sync::atomic::Ordering::Relaxed);
    let killed = assassin.await??;
    assert!(killed > 0, "nothing was broken, so nothing was tested");
    let stored: HashSet<Uuid> =
        sqlx::query_scalar("select event_id from events").fetch_all(&pool).await?.into_iter().collect();
    for (id, result) in &results {
        match result {
            Ok(_) => assert!(stored.contains(id), "acknowledged and lost"),
            Err(AppendError::Unavailable(why)) => assert!(!stored.contains(id), "refused and stored: {why}"),
            Err(AppendError::Unknown(_)) => {}
            Err(other) => anyhow::bail!("{other}"),
        }
    }
    assert_eq!(log.check().await?.faults(), Vec::<String>::new());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_refuses_at_once() -> Result<()> {
    let database = database().await?;
    let options = WriterOptions { queue: 4, ..WriterOptions::default() };
    let log = EventLog::open(&database.options(), 2, options);
    let pool = database.pool().await?;
    let mut holder = pool.begin().await?;
    sqlx::query("update event_log_head set position = position").execute(&mut *holder).await?;
    let mut waiting = Vec::new();
    let refused = loop {
        match log.submit(append(&stream(), 0, 1), None) {
            Ok(pending) => waiting.push(pending),
            Err(error) => break error,
        }
        tokio::task::yield_now().await;
        ensure!(waiting.len() < 100, "the queue has no bound");
    };
    assert_eq!(refused, AppendError::Busy);
    holder.rollback().await?;
    for pending in waiting {
        pending.stored().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn events_cannot_be_changed_or_deleted() -> Result<()> {
    let database = database().await?;
    database.log().append(append(&stream(), 0, 1)).await?;
    let pool = database.pool().await?;
    for statement in ["update events set payload = '{}'", "delete from events", "truncate events"] {
        let error = sqlx::query(statement).execute(&pool).await.expect_err(statement);
        assert!(error.to_string().contains("append-only"), "{statement}: {error}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn check_tells_a_gap_and_a_reader_refuses_to_cross_it() -> Result<()> {
    let database = database().await?;
    let log = database.log();
    let streams = [stream(), stream()];
    log.append(append(&streams[0], 0, 3)).await?;
    log.append(append(&streams[1], 0, 2)).await?;
    let pool = database.pool().await?;
    for statement in
        ["alter table events disable trigger events_are_append_only", "delete from events where position = 2"]
    {
        sqlx::query(statement).execute(&pool).await?;
    }
    assert!(log.read_after(0, 10).await.is_err(), "a short read is not a success");
    assert!(log.read_after(1, 10).await.is_err());
    let faults = log.check().await?.faults();
    assert_eq!(faults.len(), 2, "{faults:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn migrations_go_down_and_up_again() -> Result<()> {
    let database = database().await?;
    let pool = database.pool().await?;
    assert!(migrations::status(&pool).await?.iter().all(|step| step.applied));
    migrations::down(&pool, 0).await?;
    let left: i64 = sqlx::query_scalar(
        "select count(*) from information_schema.tables where table_schema = 'public' and table_name <> '_sqlx_migrations'",
    )
    .fetch_one(&pool)
    .await?;
    assert_eq!(left, 0);
    assert!(migrations::status(&pool).await?.iter().all(|step| !step.applied));
    migrations::up(&pool).await?;
    let log = database.log();
    log.append(append(&stream(), 0, 1)).await?;
    assert_eq!(log.head().await?, 1);
    tokio::time::timeout(Duration::from_secs(10), log.close()).await?;
    Ok(())
}
