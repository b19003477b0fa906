//! Many writers on one order, and clients that hang up.

use anyhow::{Context, Result, ensure};
use harness::{Client, InProcess, World, eventually, order, truth};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use uuid::Uuid;

const WRITERS: usize = 16;
const REVISIONS: usize = 10;

async fn revise(client: &Client, id: &str, quantity: usize) -> Result<Value> {
    let body = json!({ "lines": [{ "sku": "cappuccino", "size": "small", "quantity": quantity }] });
    let headers = [("content-type", "application/json")];
    client
        .send("PUT", &format!("/api/v1/orders/{id}"), &headers, Some(body.to_string().into_bytes()))
        .await?
        .ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_writers_of_one_order_on_two_nodes_are_refused_nothing_that_the_rules_allow() -> Result<()> {
    let world = World::happy().await?;
    let mut config = world.config.clone();
    config.listen.set_port(0);
    let other = InProcess::start(config).await?;
    let placed = world.client.post("/api/v1/orders", &order::unpaid(order::delivery(""))).await?.ok()?;
    let id = placed["id"].as_str().context("an id")?.to_owned();
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let client = if writer % 2 == 0 { world.client.clone() } else { Client::new(&other.url) };
        let id = id.clone();
        writers.spawn(async move {
            for revision in 0..REVISIONS {
                // Every quantity differs from the others, so that each revision is an event.
                revise(&client, &id, 1 + writer * REVISIONS + revision).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(written) = writers.join_next().await {
        written??;
    }
    let order = world.client.order(&id).await?;
    assert_eq!(order["version"], 1 + WRITERS * REVISIONS, "{order}");
    let log = world.database.log();
    let stream = spindle_eventlog::Stream::new("order", id.as_str());
    let events = log.read_stream(&stream, 0).await?;
    let last: Value = serde_json::from_str(events.last().context("events")?.payload.get())?;
    assert_eq!(order["lines"][0]["quantity"], last["revised"]["quote"]["lines"][0]["quantity"]);
    world.client.post(&format!("/api/v1/orders/{id}/cancel"), &json!({})).await?.ok()?;
    world.settle().await?;
    truth::whole(&world.database).await?;
    other.stop().await?;
    world.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_writers_with_the_version_that_they_have_seen_win_exactly_once_each_round() -> Result<()> {
    let world = World::happy().await?;
    let placed = world.client.post("/api/v1/orders", &order::unpaid(order::delivery(""))).await?.ok()?;
    let id = placed["id"].as_str().context("an id")?.to_owned();
    for round in 1..=5 {
        let mut writers = JoinSet::new();
        for writer in 0..WRITERS {
            let (client, id) = (world.client.clone(), id.clone());
            writers.spawn(async move {
                let quantity = round * 100 + writer;
                let body =
                    json!({ "lines": [{ "sku": "cappuccino", "size": "small", "quantity": quantity }] });
                let tag = format!("\"{round}\"");
                let headers = [("content-type", "application/json"), ("if-match", tag.as_str())];
                let path = format!("/api/v1/orders/{id}");
                client.send("PUT", &path, &headers, Some(body.to_string().into_bytes())).await
            });
        }
        let mut won = 0;
        while let Some(answer) = writers.join_next().await {
            let answer = answer??;
            match answer.status {
                200 => won += 1,
                412 => ensure!(answer.body["type"].is_string(), "{}", answer.body),
                other => anyhow::bail!("{other}: {}", answer.body),
            }
        }
        assert_eq!(won, 1, "round {round}");
    }
    world.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_hang_up_in_the_middle_lose_nothing() -> Result<()> {
    let world = World::happy().await?;
    let body = order::delivery("tok_ok").to_string();
    let keys: Vec<String> = (0..40).map(|_| Uuid::new_v4().to_string()).collect();
    let address = world.server.url.trim_start_matches("http://").to_owned();
    for (number, key) in keys.iter().enumerate() {
        let mut stream = TcpStream::connect(&address).await?;
        let request = format!(
            "POST /api/v1/orders HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n\
             idempotency-key: {key}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        // Some hang up before the body is complete, the others before the answer.
        let sent = if number % 4 == 0 { request.len() - 10 } else { request.len() };
        stream.write_all(&request.as_bytes()[..sent]).await?;
        stream.flush().await?;
        drop(stream);
    }
    let pool = world.database.pool().await?;
    eventually("the commands of those who hung up are carried out", async || {
        let placed: i64 = sqlx::query_scalar("select count(*) from events where event_type = 'order.placed'")
            .fetch_one(&pool)
            .await
            .ok()?;
        (placed > 0).then_some(())
    })
    .await?;
    let mut ids = std::collections::BTreeSet::new();
    for key in &keys {
        let answer =
            harness::eventually_ok("the retry is answered", std::time::Duration::from_secs(20), async || {
                let answer = world.client.post_as("/api/v1/orders", &order::delivery("tok_ok"), key).await?;
                ensure!(answer.status == 201, "{}: {}", answer.status, answer.body);
                Ok(answer)
            })
            .await?;
        ids.insert(answer.body["id"].as_str().context("an id")?.to_owned());
    }
    assert_eq!(ids.len(), keys.len());
    world.settle().await?;
    let placed: i64 = sqlx::query_scalar("select count(*) from events where event_type = 'order.placed'")
        .fetch_one(&pool)
        .await?;
    assert_eq!(usize::try_from(placed)?, keys.len(), "one order for each key");
    truth::whole(&world.database).await?;
    truth::money(&world.database, &world.provider.ledger()).await?;
    world.close().await
}
