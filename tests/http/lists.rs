//! Lists: page by page, filtered, newest first.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, Utc};
use harness::{Client, Edge, order};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{shop, text, unpaid};

const ORDERS: &str = "/api/v1/orders";

/// The names of the rows of a list.
async fn ids(client: &Client, path: &str, field: &str) -> Result<Vec<String>> {
    client.all(path, field).await?.iter().map(|row| text(row, "id").map(str::to_owned)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_hold_every_order_once_while_new_ones_come_in() -> Result<()> {
    let edge = Edge::open().await?;
    let mut placed = Vec::new();
    let mut last = 0;
    for _ in 0..57 {
        let answer = edge.client.post(ORDERS, &unpaid()).await?;
        last = answer.position()?;
        placed.push(text(&answer.body, "id")?.to_owned());
    }
    let mut seen = Vec::new();
    let mut pages = 0;
    let mut path = format!("{ORDERS}?limit=10&after={last}");
    loop {
        let page = edge.client.get(&path).await?.ok()?;
        let rows = page["orders"].as_array().context("rows")?;
        pages += 1;
        ensure!(pages <= 6, "the pages do not end");
        for row in rows {
            seen.push(text(row, "id")?.to_owned());
        }
        // Somebody orders, and somebody cancels, between two looks.
        edge.client.post(ORDERS, &unpaid()).await?.ok()?;
        edge.client.post(&format!("{ORDERS}/{}/cancel", placed[pages]), &json!({})).await?.ok()?;
        let Some(next) = page["next_cursor"].as_str() else { break };
        ensure!(rows.len() == 10, "a page that is not the last has {} rows", rows.len());
        path = format!("{ORDERS}?limit=10&cursor={next}");
    }
    placed.reverse();
    ensure!(seen == placed, "{} rows on {pages} pages for {} orders", seen.len(), placed.len());

    // The whole list, again, with what came in.
    let all = ids(&edge.client, &format!("{ORDERS}?after={}", edge.stored().await?.head), "orders").await?;
    ensure!(all.len() == 57 + 6 && all.iter().collect::<BTreeSet<_>>().len() == all.len(), "{}", all.len());
    edge.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_are_found_by_what_they_are() -> Result<()> {
    let edge = Edge::open().await?;
    let customer = Uuid::now_v7();
    let place = async |change: Value| -> Result<(String, DateTime<Utc>)> {
        let mut body = unpaid();
        for (field, value) in change.as_object().context("fields")? {
            body[field] = value.clone();
        }
        let made = edge.client.post(ORDERS, &body).await?.ok()?;
        Ok((text(&made, "id")?.to_owned(), text(&made, "created")?.parse()?))
    };
    let (plain, _) = place(json!({})).await?;
    let (known, middle) = place(json!({ "customer_id": customer, "note": "50%_off \\ please" })).await?;
    let contact =
        json!({ "name": "Grace HOPPER", "email": "grace@navy.example", "phone": "+1 202 555 0100" });
    let (grace, _) = place(json!({ "contact": contact, "location": "North" })).await?;
    let (gone, latest) = place(json!({})).await?;
    edge.client.post(&format!("{ORDERS}/{gone}/cancel"), &json!({})).await?.ok()?;
    edge.client.post(&format!("{ORDERS}/{plain}/pay"), &json!({ "method": "tok_ok" })).await?.ok()?;
    let head = edge.stored().await?.head;

    let at = |time: DateTime<Utc>| time.to_rfc3339().replace('+', "%2B");
    let (plain, known, grace, gone) = (plain.as_str(), known.as_str(), grace.as_str(), gone.as_str());
    let cases: Vec<(String, Vec<&str>)> = vec![
        (String::new(), vec![gone, grace, known, plain]),
        ("status=created".into(), vec![grace, known, plain]),
        ("status=cancelled".into(), vec![gone]),
        ("status=delivered".into(), vec![]),
        ("stage=placed".into(), vec![grace, known]),
        ("stage=awaiting_payment".into(), vec![plain]),
        ("cancelled=true".into(), vec![gone]),
        ("cancelled=false".into(), vec![grace, known, plain]),
        (format!("customer={customer}"), vec![known]),
        (format!("customer={}", Uuid::now_v7()), vec![]),
        ("location=north".into(), vec![grace]),
        ("location=main".into(), vec![gone, known, plain]),
        (format!("since={}", at(middle)), vec![gone, grace, known]),
        (format!("until={}", at(middle)), vec![plain]),
        (format!("since={}&until={}", at(middle), at(latest)), vec![grace, known]),
        ("since=2999-01-01T00:00:00Z".into(), vec![]),
        ("q=hopper".into(), vec![grace]),
        ("q=GRACE@navy".into(), vec![grace]),
        ("q=202%20555".into(), vec![grace]),
        ("q=ada".into(), vec![gone, known, plain]),
        ("q=50%25_OFF%20%5C".into(), vec![known]),
        ("q=50__off".into(), vec![]),
        ("q=%25".into(), vec![known]),
        (format!("q={grace}"), vec![grace]),
        ("q=nobody".into(), vec![]),
        ("q=%27%20or%201%3D1%20--".into(), vec![]),
        ("q=ada&cancelled=true".into(), vec![gone]),
        ("q=ada&status=created&location=main&cancelled=false".into(), vec![known, plain]),
    ];
    for (query, expected) in &cases {
        let found = ids(&edge.client, &format!("{ORDERS}?{query}&after={head}"), "orders")
            .await
            .context(query.clone())?;
        ensure!(found == *expected, "{query}: {found:?}, expected {expected:?}");
    }
    edge.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn schedules_payments_and_shipments_are_found_by_what_they_are() -> Result<()> {
    let world = shop(|options| options.couriers = None).await?;
    let mut orders = Vec::new();
    for _ in 0..2 {
        orders.push(
            text(&super::post(&world.client, ORDERS, &order::delivery("tok_ok")).await?, "id")?.to_owned(),
        );
    }
    let declined = super::post(&world.client, ORDERS, &order::delivery("tok_declined")).await?;
    let mut links = Vec::new();
    for id in &orders {
        let (order, shipment) = harness::eventually(&format!("order {id} waits for a courier"), async || {
            let list =
                world.client.get(&format!("/api/v1/shipments?order={id}&stage=requested")).await.ok()?.body;
            let shipment = list["shipments"][0]["id"].as_str()?.to_owned();
            let order = world.client.order(id).await.ok()?;
            (order["stage"] == "ready").then_some((order, shipment))
        })
        .await?;
        links.push((
            text(&order, "payment_id")?.to_owned(),
            text(&order, "schedule_id")?.to_owned(),
            shipment,
        ));
    }
    let walk_in =
        super::post(&world.client, "/api/v1/kitchen/schedules", &json!({ "items": [], "location": "north" }))
            .await?;
    let walk_in = text(&walk_in, "id")?.to_owned();
    harness::eventually("the walk-in is handed over", async || {
        let shown = world.client.get(&format!("/api/v1/kitchen/schedules/{walk_in}")).await.ok()?.body;
        (shown["stage"] == "collected").then_some(())
    })
    .await?;
    world
        .client
        .post(&format!("/api/v1/shipments/{}/assign", links[0].2), &json!({ "courier": "bob" }))
        .await?
        .ok()?;
    let lost = harness::eventually("the other payment is declined", async || {
        let path = format!("/api/v1/payments?order={}&stage=failed", declined["id"].as_str()?);
        let list = world.client.get(&path).await.ok()?.body;
        Some(list["payments"][0]["id"].as_str()?.to_owned())
    })
    .await?;
    let head: i64 = sqlx::query_scalar("select position from event_log_head")
        .fetch_one(&world.database.pool().await?)
        .await?;

    let [(pay_1, cook_1, ship_1), (pay_2, cook_2, ship_2)] =
        <[_; 2]>::try_from(links).ok().context("two orders")?;
    let set = |names: &[&String]| names.iter().map(|name| (*name).clone()).collect::<BTreeSet<String>>();
    let cases = vec![
        ("kitchen/schedules", String::new(), set(&[&cook_1, &cook_2, &walk_in])),
        ("kitchen/schedules", "status=finished".into(), set(&[&cook_1, &cook_2, &walk_in])),
        ("kitchen/schedules", "status=pending".into(), set(&[])),
        ("kitchen/schedules", "stage=finished".into(), set(&[&cook_1, &cook_2])),
        ("kitchen/schedules", "stage=collected".into(), set(&[&walk_in])),
        ("kitchen/schedules", "progress=true".into(), set(&[])),
        ("kitchen/schedules", "progress=false".into(), set(&[&cook_1, &cook_2, &walk_in])),
        ("kitchen/schedules", format!("order={}", orders[1]), set(&[&cook_2])),
        ("kitchen/schedules", "location=north".into(), set(&[&walk_in])),
        ("kitchen/schedules", "since=2999-01-01T00:00:00Z".into(), set(&[])),
        ("payments", String::new(), set(&[&pay_1, &pay_2, &lost])),
        ("payments", "stage=captured".into(), set(&[&pay_1, &pay_2])),
        ("payments", "stage=failed".into(), set(&[&lost])),
        ("payments", format!("order={}", orders[0]), set(&[&pay_1])),
        ("payments", "until=2026-01-01T00:00:00Z".into(), set(&[])),
        ("shipments", String::new(), set(&[&ship_1, &ship_2])),
        ("shipments", "stage=requested".into(), set(&[&ship_2])),
        ("shipments", "courier=BOB".into(), set(&[&ship_1])),
        ("shipments", "courier=eve".into(), set(&[])),
        ("shipments", format!("order={}", orders[1]), set(&[&ship_2])),
        ("shipments", "location=main".into(), set(&[&ship_1, &ship_2])),
    ];
    for (list, query, expected) in cases {
        let field = list.rsplit('/').next().context("a name")?;
        let found = ids(&world.client, &format!("/api/v1/{list}?{query}&after={head}"), field).await?;
        ensure!(
            found.iter().cloned().collect::<BTreeSet<_>>() == expected,
            "{list}?{query}: {found:?}, not {expected:?}"
        );
        ensure!(found.len() == expected.len(), "{list}?{query}: {found:?}");
    }
    world.close().await
}
