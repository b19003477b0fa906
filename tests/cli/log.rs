//! `spindle events`: what happened, and whether the log is what it promises to be.

use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use harness::{Edge, order};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};

use super::{PATIENCE, Shell};

async fn placed(edge: &Edge) -> Result<String> {
    edge.make("/api/v1/orders", &order::unpaid(order::delivery(""))).await
}

fn positions(events: &[Value]) -> Vec<i64> {
    events.iter().filter_map(|event| event["position"].as_i64()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_shown_from_where_one_asks_and_only_those() -> Result<()> {
    let edge = Edge::open().await?;
    let shell = Shell::new(&[("DATABASE_URL", &edge.database.url)])?;
    let mut orders = Vec::new();
    for _ in 0..12 {
        orders.push(placed(&edge).await?);
    }
    for id in &orders {
        edge.client.post(&format!("/api/v1/orders/{id}/cancel"), &json!({})).await?.ok()?;
    }
    let tail = async |words: &str| -> Result<Vec<Value>> {
        let words: Vec<&str> =
            "events tail --output json".split(' ').chain(words.split_whitespace()).collect();
        shell.run(&words).await?.with(0)?.lines()
    };
    ensure!(positions(&tail("").await?) == (5..=24).collect::<Vec<_>>(), "the last twenty");
    ensure!(positions(&tail("--from 1").await?) == (1..=24).collect::<Vec<_>>());
    ensure!(positions(&tail("--from 23").await?) == [23, 24]);
    ensure!(positions(&tail("--from 25").await?).is_empty());
    ensure!(positions(&tail("--limit 3").await?) == [22, 23, 24]);
    ensure!(positions(&tail("--from 3 --limit 2").await?) == [3, 4]);
    ensure!(positions(&tail("--type order.placed --limit 2").await?) == [11, 12]);
    ensure!(positions(&tail("--type order. --from 1 --limit 30").await?).len() == 24);
    ensure!(positions(&tail("--type payment.").await?).is_empty());
    let of_one = tail(&format!("--order {}", orders[4])).await?;
    ensure!(positions(&of_one) == [5, 17], "{of_one:?}");
    ensure!(
        of_one[0]["event_type"] == "order.placed"
            && of_one[1]["event_type"] == "order.cancellation_requested"
    );
    let text = shell.run(&["events", "tail", "--limit", "2"]).await?.with(0)?.out;
    ensure!(
        text.lines().count() == 2
            && text.contains("order.cancellation_requested")
            && text.contains(&orders[11]),
        "{text}"
    );
    let check = shell.run(&["events", "check"]).await?.with(0)?;
    ensure!(
        check.out.contains("positions 1…24 without a gap, 12 streams, every payload readable"),
        "{check:?}"
    );
    edge.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_follows_the_log_sees_what_is_stored_then() -> Result<()> {
    let edge = Edge::open().await?;
    let shell = Shell::new(&[("DATABASE_URL", &edge.database.url)])?;
    let first = placed(&edge).await?;
    let mut child = shell.command(&["events", "tail", "--follow", "--output", "json"])?.spawn()?;
    let mut lines = BufReader::new(child.stdout.take().context("standard output")?).lines();
    let mut seen = Vec::new();
    for expected in 1..=4 {
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.context("no line")??;
        let event: Value = serde_json::from_str(&line.context("the program ended")?)?;
        ensure!(event["position"] == expected, "{event}");
        seen.push(event["aggregate_id"].as_str().unwrap_or_default().to_owned());
        // Only now the next one is stored.
        let next = placed(&edge).await?;
        ensure!(next != first);
    }
    ensure!(seen[0] == first && child.try_wait()?.is_none(), "{seen:?}");
    child.kill().await?;
    edge.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_read_enough_breaks_nothing() -> Result<()> {
    let edge = Edge::open().await?;
    let shell = Shell::new(&[("DATABASE_URL", &edge.database.url)])?;
    placed(&edge).await?;
    let mut child = shell.command(&["events", "tail", "--from", "1"])?.stdout(Stdio::piped()).spawn()?;
    drop(child.stdout.take());
    let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await??;
    let complaint = String::from_utf8(output.stderr)?;
    ensure!(output.status.code() == Some(0) && complaint.is_empty(), "{:?}: {complaint}", output.status);
    edge.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_is_not_whole_is_told_with_code_3_and_every_fault() -> Result<()> {
    let edge = Edge::open().await?;
    let shell = Shell::new(&[("DATABASE_URL", &edge.database.url)])?;
    for _ in 0..5 {
        placed(&edge).await?;
    }
    shell.run(&["events", "check"]).await?.with(0)?;
    // An event of a version that does not exist yet, written by somebody else, and one whose payload is damaged.
    for (event_type, payload) in [("order.eaten", "\"eaten\""), ("order.paid", "{\"paid\":{}}")] {
        sqlx::query(
            "insert into events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata) \
             values ('order', gen_random_uuid()::text, 1, $1, '1.0', $2::json, '{}')",
        )
        .bind(event_type)
        .bind(payload)
        .execute(&edge.pool)
        .await?;
    }
    let left = shell.run(&["events", "check"]).await?.with(3)?;
    ensure!(left.out.lines().count() == 2, "{left:?}");
    ensure!(
        left.out.contains("position 6: unknown event type") && left.out.contains("position 7: payload"),
        "{left:?}"
    );

    // What only somebody with all rights can do: take one out of the middle, and turn a cause around.
    for statement in [
        "alter table events disable trigger events_are_append_only",
        "delete from events where position = 3",
        "update events set metadata = json_build_object('causation_id', (select event_id from events where position = 4)) \
         where position = 2",
    ] {
        sqlx::query(statement).execute(&edge.pool).await?;
    }
    let left = shell.run(&["events", "check"]).await?.with(3)?;
    ensure!(left.out.contains("position 3 is missing"), "{left:?}");
    ensure!(left.out.contains("position 2: causation points backwards, to position 4"), "{left:?}");
    ensure!(left.out.contains("position 6: unknown event type"), "one fault hides another: {left:?}");
    let report = shell.run(&["events", "check", "--output", "json"]).await?.with(3)?.json()?;
    let faults = report["faults"].as_array().context("faults")?;
    ensure!(faults.len() >= 4 && report["report"]["head"] == 7, "{report}");
    edge.close().await
}
