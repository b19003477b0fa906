//! An order is paid, cooked, dispatched and delivered: orders made from the ones that the seed documents print,
//! with no help but the simulators.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use futures_util::future::try_join_all;
use harness::server::program;
use harness::{Spy, Watch, World, WorldOptions, eventually, order, truth};
use serde_json::{Value, json};
use spindle_commands::process;
use spindle_eventlog::relay;
use uuid::Uuid;

/// What happens to every order, and to one that a courier brings or a customer fetches.
const ALWAYS: [&str; 13] = [
    "order.placed",
    "order.payment_requested",
    "payment.requested",
    "payment.authorized",
    "order.paid",
    "kitchen.scheduled",
    "kitchen.accepted",
    "payment.captured",
    "order.entered_kitchen",
    "kitchen.started",
    "kitchen.finished",
    "order.ready",
    "kitchen.collected",
];
const BROUGHT: [&str; 6] = [
    "shipment.requested",
    "shipment.assigned",
    "shipment.picked_up",
    "order.dispatched",
    "shipment.delivered",
    "order.delivered",
];
const FETCHED: [&str; 1] = ["order.collected"];

/// What leads from the placing to the end, whatever overtakes what on the way.
const THREAD: [&str; 7] = [
    "order.placed",
    "order.payment_requested",
    "payment.requested",
    "payment.authorized",
    "order.paid",
    "kitchen.scheduled",
    "kitchen.accepted",
];

/// How an order is handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Delivery,
    Pickup,
}

/// An order made from one that a document prints.
struct Seed {
    body: Value,
    key: Option<String>,
    /// What it costs, in cents.
    total: i64,
}

/// The order of each document, in Spindle's words.
fn seeds() -> Result<[Seed; 4]> {
    Ok([coffee_mesh()?, order_service()?, order_processing()?, food_delivery()?])
}

/// 000 names product, size and quantity.
fn coffee_mesh() -> Result<Seed> {
    let printed = json!({ "order": [
        { "product": "cappuccino", "size": "small", "quantity": 1 },
        { "product": "espresso", "size": "big", "quantity": 3 },
    ] });
    let line = |item: &Value| {
        Ok(json!({ "sku": item["product"], "size": item["size"], "quantity": item["quantity"] }))
    };
    let body = json!({ "lines": lines(&printed["order"], line)?, "contact": { "name": "A guest" } });
    Ok(Seed { body, key: None, total: 320 + 3 * 300 })
}

/// 001 names one item, a user, and a key under which the order counts once.
fn order_service() -> Result<Seed> {
    let printed = json!({
        "item_id": "3fa85f64-5717-4562-b3fc-2c963f66afa6", "quantity": 2, "user_id": "user-123",
        "idempotency_key": Uuid::new_v4(),
    });
    let user = printed["user_id"].as_str().context("a user")?;
    let body = json!({
        "lines": [{ "sku": printed["item_id"], "quantity": printed["quantity"] }],
        "customer_id": Uuid::new_v5(&Uuid::NAMESPACE_OID, user.as_bytes()),
        "contact": { "name": user },
    });
    Ok(Seed { body, key: printed["idempotency_key"].as_str().map(str::to_owned), total: 2 * 2_500 })
}

/// 002 names the customer, and the prices that the client saw.
fn order_processing() -> Result<Seed> {
    let printed = json!({
        "customer_name": "John Doe",
        "customer_email": "john@example.com",
        "items": [
            { "product_id": "PROD001", "quantity": 2, "price": 79.99 },
            { "product_id": "PROD002", "quantity": 1, "price": 29.99 },
        ]
    });
    let line = |item: &Value| priced(&item["product_id"], item);
    let body = json!({
        "lines": lines(&printed["items"], line)?,
        "contact": { "name": printed["customer_name"], "email": printed["customer_email"] },
    });
    Ok(Seed { body, key: None, total: 2 * 7_999 + 2_999 })
}

/// 003 names a user, and dishes with their prices.
fn food_delivery() -> Result<Seed> {
    let printed = json!({ "user_id": "user-001", "items": [
        { "item_id": "sushi-set", "quantity": 1, "price": 25.50 },
        { "item_id": "pho-bo", "quantity": 2, "price": 9.00 },
    ] });
    let line = |item: &Value| priced(&item["item_id"], item);
    let body = json!({ "lines": lines(&printed["items"], line)?, "contact": { "name": printed["user_id"] } });
    Ok(Seed { body, key: None, total: 2_550 + 2 * 900 })
}

fn lines(items: &Value, line: impl Fn(&Value) -> Result<Value>) -> Result<Value> {
    items.as_array().context("items")?.iter().map(line).collect()
}

/// A line with the price that the client saw, in cents.
fn priced(sku: &Value, item: &Value) -> Result<Value> {
    let price = item["price"].as_f64().context("a price")?;
    let cents: i64 = format!("{price:.2}").replace('.', "").parse()?;
    Ok(json!({
        "sku": sku, "quantity": item["quantity"], "unit_price": { "amount": cents, "currency": "EUR" },
    }))
}

/// A shop whose provider may be slow: a machine that is busy is no lost answer.
fn unhurried() -> WorldOptions {
    let mut options = WorldOptions::default();
    options.config.provider.timeout = Duration::from_secs(30);
    options
}

/// Places an order, pays it at once or later, and waits until the customer has it.
async fn from_placing_to_the_end(shop: &World, mut seed: Seed, way: Way, at_once: bool) -> Result<()> {
    seed.body["fulfilment"] = match way {
        Way::Delivery => order::delivery("tok_ok")["fulfilment"].clone(),
        Way::Pickup => json!({ "type": "pickup" }),
    };
    if at_once {
        seed.body["payment"] = json!({ "method": "tok_ok" });
    }
    let key = seed.key.unwrap_or_else(|| Uuid::new_v4().to_string());
    let placed = shop.client.post_as("/api/v1/orders", &seed.body, &key).await?.ok()?;
    let again = shop.client.post_as("/api/v1/orders", &seed.body, &key).await?.ok()?;
    ensure!(again["id"] == placed["id"], "one key made two orders");
    ensure!(placed["total"] == json!({ "amount": seed.total, "currency": "EUR" }), "another price: {placed}");
    let id = placed["id"].as_str().context("no id")?;
    if !at_once {
        ensure!(placed["status"] == "created" && placed.get("payment_id").is_none(), "nobody paid: {placed}");
        shop.pay(id, "tok_ok").await?;
    }

    let ended = shop.until(id, "delivered").await?;
    let stage = if way == Way::Delivery { "delivered" } else { "collected" };
    ensure!(ended["stage"] == stage, "{way:?} ended as {ended}");
    let done = |saga: &Value| saga["status"] == "completed" && saga["work"] == json!([]);
    let saga = shop.saga(id, "the process to be done", done).await?;
    ensure!(saga["timers"] == json!([]), "a timer is left: {saga}");
    let shipments = if way == Way::Delivery { json!(["delivered"]) } else { json!([]) };
    let left = json!({ "payments": ["captured"], "schedules": ["collected"], "shipments": shipments });
    assert_eq!(shop.left(id).await?, left);
    tells_each_step_with_its_cause(&shop.timeline(id).await?, way)
}

/// The timeline shows each step once, in an order that makes sense, and whoever asks why gets from the end back to
/// the placing.
fn tells_each_step_with_its_cause(timeline: &[Value], way: Way) -> Result<()> {
    let types: Vec<&str> = timeline.iter().filter_map(|entry| entry["event_type"].as_str()).collect();
    let end: &[&str] = if way == Way::Delivery { &BROUGHT } else { &FETCHED };
    let mut expected = [&ALWAYS[..], end].concat();
    expected.sort_unstable();
    let mut seen = types.clone();
    seen.sort_unstable();
    assert_eq!(seen, expected, "not each step once: {types:?}");
    for entry in timeline {
        ensure!(entry["text"].as_str().is_some_and(|text| text.ends_with('.')), "no sentence: {entry}");
        ensure!(entry["actor"].is_string(), "nobody did it: {entry}");
    }

    let followed = follows(timeline)?;
    let mut at = timeline.len() - 1;
    ensure!(types[at] == *end.last().context("an end")?, "the last thing is {}", types[at]);
    let mut thread = vec![types[at]];
    while at > 0 {
        at = followed[at];
        thread.push(types[at]);
    }
    thread.reverse();
    let mut rest = thread.iter();
    for step in THREAD.iter().chain(end.last()) {
        ensure!(rest.any(|seen| seen == step), "{step} does not lead to the end: {thread:?}");
    }
    Ok(())
}

/// The earlier entry from which each follows: what Spindle did names the event that caused it, and what somebody
/// outside did follows what had happened to the same thing before.
fn follows(timeline: &[Value]) -> Result<Vec<usize>> {
    let link = |(at, entry): (usize, &Value)| {
        let earlier = &timeline[..at];
        ensure!(
            earlier.last().is_none_or(|last| last["position"].as_i64() < entry["position"].as_i64()),
            "order"
        );
        ensure!(entry["caused_by"].is_string(), "no cause: {entry}");
        let cause = earlier.iter().position(|known| known["event_id"] == entry["caused_by"]);
        let before = earlier.iter().rposition(|known| known["aggregate_id"] == entry["aggregate_id"]);
        match (entry["actor"] == format!("process:{}", process::NAME), cause, before) {
            (true, Some(cause), _) => Ok(cause),
            (false, None, Some(before)) => Ok(before),
            (false, None, None) if at == 0 => Ok(0),
            _ => bail!("{entry} does not follow from {earlier:?}"),
        }
    };
    timeline.iter().enumerate().map(link).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_of_the_seed_documents_reach_their_customers_over_the_broker_without_help() -> Result<()> {
    let shop = World::start(unhurried()).await?;
    let spy = Spy::on(&shop).await?;
    let mut orders = Vec::new();
    for (way, at_once) in
        [(Way::Delivery, true), (Way::Delivery, false), (Way::Pickup, true), (Way::Pickup, false)]
    {
        orders.extend(seeds()?.map(|seed| from_placing_to_the_end(&shop, seed, way, at_once)));
    }
    let ended = try_join_all(orders).await?;
    assert_eq!(ended.len(), 16);

    shop.settle().await?;
    let head = shop.head().await?;
    // A courier also tells where they are, once each.
    assert_eq!(head, 8 * (19 + 1) + 8 * 14, "each order has its steps and nothing else happened");
    spy.heard_all_up_to(head).await?;
    spy.sees_every_consumer_at_its_queue().await?;
    let pool = shop.database.pool().await?;
    eventually("the relay to note that it has told everything", async || {
        let told: i64 = sqlx::query_scalar("select position from checkpoints where consumer = $1")
            .bind(relay::NAME)
            .fetch_one(&pool)
            .await
            .ok()?;
        (told == head).then_some(())
    })
    .await?;
    let check = tokio::process::Command::new(program()?)
        .args(["events", "check", "--database-url", &shop.database.url])
        .output()
        .await?;
    let said = String::from_utf8_lossy(&check.stdout).into_owned();
    assert!(check.status.success() && said.contains(&format!("1…{head} without a gap")), "{check:?}");
    shop.ends_well().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_broker_never_delivers_is_read_from_the_log() -> Result<()> {
    let shop = World::start(unhurried()).await?;
    let spy = Spy::on(&shop).await?;
    spy.sees_every_consumer_at_its_queue().await?;
    spy.swallows_every_message().await?;
    let id = shop.place(&order::delivery("tok_ok")).await?;
    shop.until(&id, "delivered").await?;
    spy.heard_all_up_to(shop.head().await?).await?;
    shop.ends_well().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_is_wanted_later_waits_and_is_cooked_in_time() -> Result<()> {
    let watch = Watch::default();
    let shop = World::start(WorldOptions { clock: watch.clock(), ..unhurried() }).await?;
    let wanted = (watch.now() + TimeDelta::hours(2)).to_rfc3339_opts(SecondsFormat::Secs, true);
    let mut later = order::delivery("tok_ok");
    later["requested_for"] = json!(wanted);
    let id = shop.place(&later).await?;

    let waits = |saga: &Value| saga["step"] == "schedule" && saga["work"] == json!([]);
    let saga = shop.saga(&id, "the process to wait for the wanted time", waits).await?;
    let due: DateTime<Utc> = saga["timers"][0]["due_at"].as_str().context("no timer")?.parse()?;
    assert_eq!(saga["timers"][0]["name"], "kitchen_due");
    assert_eq!(due, wanted.parse::<DateTime<Utc>>()? - shop.config.policy().kitchen_lead);
    let waiting = json!({ "payments": ["authorized"], "schedules": [], "shipments": [] });

    // An hour later it is still not time; an order that is wanted at once overtakes it.
    watch.forward(TimeDelta::hours(1));
    let at_once = shop.place(&order::delivery("tok_ok")).await?;
    shop.until(&at_once, "delivered").await?;
    assert_eq!(shop.left(&id).await?, waiting);

    watch.forward(due - watch.now());
    shop.until(&id, "delivered").await?;
    let schedules = shop.client.all(&format!("/api/v1/kitchen/schedules?order={id}"), "schedules").await?;
    assert_eq!(schedules[0]["due"], json!(wanted), "the kitchen knows when it is wanted: {schedules:?}");
    // No event causes what the time brings: a command of the process does.
    let timeline = shop.timeline(&id).await?;
    let asked =
        timeline.iter().find(|entry| entry["event_type"] == "kitchen.scheduled").context("not asked")?;
    let command: Uuid = asked["caused_by"].as_str().context("no cause")?.parse()?;
    let pool = shop.database.pool().await?;
    let work: Vec<String> = sqlx::query_scalar("select status from process_work where work_id = $1")
        .bind(command)
        .fetch_all(&pool)
        .await?;
    assert_eq!(work, ["done"]);
    shop.ends_well().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_of_a_price_that_is_not_the_clients_is_not_placed() -> Result<()> {
    let shop = World::start(WorldOptions { broker: false, ..WorldOptions::default() }).await?;
    let Seed { mut body, .. } = order_processing()?;
    body["fulfilment"] = json!({ "type": "pickup" });
    body["lines"][1]["unit_price"]["amount"] = json!(2_998);
    let refused = shop.client.post("/api/v1/orders", &body).await?;
    refused.problem(409, "price_changed")?;
    let said = refused.body.to_string();
    assert!(said.contains("29.98") && said.contains("29.99"), "both prices are named: {said}");
    assert_eq!(shop.head().await?, 0);
    truth::whole(&shop.database).await?;
    shop.close().await
}
