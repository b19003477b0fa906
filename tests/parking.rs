//! An event that nobody can read: parked with what follows it on the same order, told, and not in the way.

use anyhow::{Context, Result, ensure};
use harness::{World, eventually, order, truth};
use serde_json::Value;
use spindle_eventlog::{Append, NewEvent, Stream};
use uuid::Uuid;

fn event(kind: &str, payload: &str, correlation: &str) -> NewEvent {
    NewEvent {
        event_id: Uuid::now_v7(),
        event_type: kind.into(),
        event_version: "1.0".into(),
        payload: payload.into(),
        metadata: format!("{{\"correlation_id\":\"{correlation}\"}}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_nobody_can_read_is_parked_with_its_followers_and_the_others_go_on() -> Result<()> {
    let world = World::happy().await?;
    let unpaid = order::unpaid(order::delivery(""));
    let sick =
        world.client.post("/api/v1/orders", &unpaid).await?.ok()?["id"].as_str().context("an id")?.to_owned();
    let log = world.database.log();
    let bad = event("order.exploded", "{\"exploded\":{}}", &sick);
    let follower = event("order.ready", "\"ready\"", &sick);
    let stored = log
        .append(Append {
            stream: Stream::new("order", sick.as_str()),
            after: 1,
            events: vec![bad.clone(), follower.clone()],
            claim: None,
        })
        .await?;
    // Whatever else goes on in the shop goes on.
    for _ in 0..5 {
        let well = world.client.post("/api/v1/orders", &order::delivery("tok_ok")).await?.ok()?;
        world.until(well["id"].as_str().context("an id")?, "delivered").await?;
    }
    let pool = world.database.pool().await?;
    for consumer in ["order_summary_v1", "order_timeline_v1", "fulfilment"] {
        let parked: Vec<(String, i64, String)> = sqlx::query_as(
            "select key, position, reason from parked_events where consumer = $1 and key = $2 order by position",
        )
        .bind(consumer)
        .bind(&sick)
        .fetch_all(&pool)
        .await?;
        let positions: Vec<i64> = parked.iter().map(|(_, position, _)| *position).collect();
        assert_eq!(positions, [stored.position - 1, stored.position], "{consumer}: {parked:?}");
        assert!(parked[0].2.contains("order.exploded"), "{consumer}: {parked:?}");
        assert!(parked[1].2.contains("wait"), "{consumer}: {parked:?}");
    }
    let ready = world.client.get("/readyz").await?;
    assert_eq!(ready.status, 200, "the shop is open: {}", ready.body);
    assert!(ready.body.to_string().contains("degraded"), "{}", ready.body);
    let metrics = world.client.get("/metrics").await?;
    let Value::String(text) = &metrics.body else { anyhow::bail!("no metrics") };
    let told = text.lines().any(|line| {
        line.starts_with("spindle_parked_events{") && line.contains("order_summary") && !line.ends_with(" 0")
    });
    ensure!(told, "metrics do not tell of parked events");
    // The sick order says that it cannot be read; it does not answer something old as if it were new.
    let read = world.client.get(&format!("/api/v1/orders/{sick}")).await?;
    assert!((500..600).contains(&read.status), "{}: {}", read.status, read.body);
    assert!(read.body["type"].is_string(), "{}", read.body);
    let saga = world.client.get(&format!("/api/v1/sagas/{sick}")).await?.ok()?;
    assert_eq!(saga["verdict"]["verdict"], "parked", "{saga}");
    eventually("all consumers reach the head", async || {
        let behind: i64 = sqlx::query_scalar(
            "select count(*) from checkpoints where position < (select position from event_log_head)",
        )
        .fetch_one(&pool)
        .await
        .ok()?;
        (behind == 0).then_some(())
    })
    .await?;
    truth::money(&world.database, &world.provider.ledger())
        .await
        .err()
        .context("the sick order has not ended")?;
    world.close().await
}
