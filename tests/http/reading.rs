//! Reads show what was written.

use anyhow::{Context, Result, ensure};
use harness::Edge;
use serde_json::json;
use spindle::config::Role;

use super::{text, unpaid};

const ORDERS: &str = "/api/v1/orders";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_can_be_read_at_once() -> Result<()> {
    let edge = Edge::open().await?;
    for number in 0..100_i64 {
        let placed = edge.client.post(ORDERS, &unpaid()).await?;
        let (id, position) = (text(&placed.body, "id")?.to_owned(), placed.position()?);
        ensure!(position == 2 * number + 1, "{placed:?}");
        let read = edge.client.get(&format!("{ORDERS}/{id}")).await?;
        ensure!(read.status == 200 && read.body == placed.body, "order {number}: {placed:?} reads {read:?}");
        let status = edge.client.get(&format!("{ORDERS}/{id}/status")).await?.ok()?;
        ensure!(status["status"] == "created" && status["version"] == 1, "{status}");
        let timeline = edge.client.get(&format!("{ORDERS}/{id}/timeline")).await?.ok()?;
        ensure!(timeline["entries"][0]["position"] == position, "{timeline}");
        // A list is as fresh as the caller asks for.
        let page = edge.client.get(&format!("{ORDERS}?limit=1&after={position}")).await?.ok()?;
        ensure!(page["orders"][0] == placed.body, "order {number} is not the newest: {page}");

        let cancelled = edge.client.post(&format!("{ORDERS}/{id}/cancel"), &json!({})).await?;
        let read = edge.client.get(&format!("{ORDERS}/{id}")).await?;
        ensure!(
            read.body == cancelled.body && read.body["status"] == "cancelled",
            "order {number}: {read:?}"
        );
        let page = edge
            .client
            .get(&format!("{ORDERS}?cancelled=false&after={}", cancelled.position()?))
            .await?
            .ok()?;
        ensure!(page["orders"] == json!([]), "{page}");
    }
    edge.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_view_that_cannot_catch_up_is_told_and_nothing_stale_is_shown() -> Result<()> {
    // Nobody projects.
    let edge = Edge::open_with(|config| config.roles = vec![Role::Api]).await?;
    let placed = edge.client.post(ORDERS, &unpaid()).await?;
    let (id, position) = (text(&placed.body, "id")?.to_owned(), placed.position()?);
    let one = format!("{ORDERS}/{id}");
    let status = format!("{ORDERS}/{id}/status");
    let timeline = format!("{ORDERS}/{id}/timeline");
    let list = format!("{ORDERS}?after={position}");
    let saga = format!("/api/v1/sagas?after={position}");
    let (one, status, timeline, list, saga, stranger) = tokio::join!(
        edge.client.get(&one),
        edge.client.get(&status),
        edge.client.get(&timeline),
        edge.client.get(&list),
        edge.client.get(&saga),
        edge.client.get("/api/v1/orders/0190b5a0-0000-7000-8000-000000000001"),
    );
    for answer in [one?, status?, timeline?, list?, saga?] {
        let problem = answer.problem(503, "projection_behind")?;
        ensure!(problem["wanted"].as_i64() > problem["at"].as_i64(), "{problem}");
        ensure!(answer.header("retry-after").is_some(), "when to come again is not said: {answer:?}");
    }
    stranger?.problem(404, "order_not_found")?;
    // A list that nobody asks to be fresh is answered as it is.
    ensure!(edge.client.get(ORDERS).await?.ok()?["orders"] == json!([]));
    let edge = edge.restart(|config| config.roles.push(Role::Projector)).await?;
    ensure!(edge.client.get(&format!("{ORDERS}/{id}")).await?.ok()? == placed.body);
    edge.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_deleted_is_gone_everywhere() -> Result<()> {
    let edge = Edge::open().await?;
    let order = edge.make(ORDERS, &unpaid()).await?;
    let schedule = edge.make("/api/v1/kitchen/schedules", &json!({ "items": [] })).await?;
    for (list, field, id, code) in
        [(ORDERS, "orders", order, "order"), ("/api/v1/kitchen/schedules", "schedules", schedule, "schedule")]
    {
        let one = format!("{list}/{id}");
        ensure!(edge.client.get(&one).await?.status == 200);
        let deleted = edge.client.send("DELETE", &one, &[], None).await?;
        ensure!(deleted.status == 204 && deleted.body.is_null(), "{deleted:?}");
        for sub in ["", "/status"] {
            edge.client
                .get(&format!("{one}{sub}"))
                .await?
                .problem(404, &format!("{code}_not_found"))
                .context(sub)?;
        }
        let page = edge.client.get(&format!("{list}?after={}", deleted.position()?)).await?.ok()?;
        ensure!(page[field] == json!([]), "{page}");
    }
    let order = format!("{ORDERS}/{}", edge.make(ORDERS, &unpaid()).await?);
    edge.client.send("DELETE", &order, &[], None).await?.ok()?;
    edge.client.get(&format!("{order}/timeline")).await?.problem(404, "order_not_found")?;
    // Nothing can be done with it any more, and it stays in the log.
    for (method, verb, body) in [
        ("POST", "/pay", json!({ "method": "tok_ok" })),
        ("POST", "/cancel", json!({})),
        ("DELETE", "", json!({})),
    ] {
        let headers = [("content-type", "application/json")];
        let path = format!("{order}{verb}");
        let answer = edge.client.send(method, &path, &headers, Some(body.to_string().into())).await?;
        ensure!(answer.status == 404, "{answer:?}");
    }
    ensure!(edge.events("order.placed").await? == 2 && edge.events("order.discarded").await? == 2);
    edge.close().await
}
