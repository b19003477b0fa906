//! The same request under the same key counts once, and is answered the same.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, ensure};
use harness::{Answer, Edge, order};
use serde_json::{Value, json};
use spindle_domain::pricing::{Off, PromoCode};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{post, shop, text, unpaid};

const ORDERS: &str = "/api/v1/orders";
const JSON: (&str, &str) = ("content-type", "application/json");

/// The first answer again: all that a client sees is the same, but for the mark.
fn same(first: &Answer, again: &Answer) -> Result<()> {
    ensure!(again.status == first.status && again.body == first.body, "{first:?} became {again:?}");
    for header in ["location", "etag", "spindle-position", "content-type"] {
        ensure!(again.header(header) == first.header(header), "{header}: {first:?} became {again:?}");
    }
    ensure!(first.header("idempotent-replayed").is_none(), "the first is marked: {first:?}");
    ensure!(again.header("idempotent-replayed") == Some("true"), "the second is not marked: {again:?}");
    Ok(())
}

async fn delete(edge: &Edge, path: &str, key: &str) -> Result<Answer> {
    edge.client.send("DELETE", path, &[("idempotency-key", key)], None).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_request_under_the_same_key_counts_once_and_is_answered_the_same() -> Result<()> {
    let edge = Edge::open().await?;
    let keys = [(); 8].map(|()| Uuid::new_v4().to_string());
    let walk_in = json!({ "items": [{ "product": "soup" }] });
    // What is asked, and of whom: later steps change what earlier ones have made.
    let placed = edge.client.post_as(ORDERS, &unpaid(), &keys[0]).await?;
    let order = format!("{ORDERS}/{}", text(&placed.body, "id")?);
    ensure!(placed.status == 201 && placed.header("location") == Some(order.as_str()), "{placed:?}");
    let scheduled = edge.client.post_as("/api/v1/kitchen/schedules", &walk_in, &keys[1]).await?;
    let schedule = format!("/api/v1/kitchen/schedules/{}", text(&scheduled.body, "id")?);
    let payment = format!("/api/v1/payments/{}/refund", edge.captured().await?);
    let shipment = format!("/api/v1/shipments/{}/assign", edge.shipment().await?);
    let (accept, bob) = (format!("{schedule}/accept"), json!({ "courier": "bob" }));
    let refund = json!({ "amount": { "amount": 100, "currency": "EUR" }, "reason": "cold" });
    let (pay, cancel) = (format!("{order}/pay"), format!("{order}/cancel"));
    let steps: [(&str, &str, &Value); 7] = [
        (ORDERS, &keys[0], &unpaid()),
        ("/api/v1/kitchen/schedules", &keys[1], &walk_in),
        (&pay, &keys[2], &json!({ "method": "tok_ok" })),
        (&cancel, &keys[3], &json!({ "detail": "too late" })),
        (&accept, &keys[4], &json!({})),
        (&payment, &keys[5], &refund),
        (&shipment, &keys[6], &bob),
    ];
    let mut first = vec![placed, scheduled];
    for (path, key, body) in &steps[2..] {
        let answer = edge.client.post_as(path, body, key).await?;
        ensure!((200..300).contains(&answer.status), "{path}: {answer:?}");
        first.push(answer);
    }
    let gone = edge.make("/api/v1/kitchen/schedules", &walk_in).await?;
    let gone = format!("/api/v1/kitchen/schedules/{gone}");
    let deleted = delete(&edge, &gone, &keys[7]).await?;
    ensure!(deleted.status == 204 && deleted.body.is_null(), "{deleted:?}");

    let stored = edge.stored().await?;
    let check = async |edge: &Edge| {
        for ((path, key, body), first) in steps.iter().zip(&first) {
            same(first, &edge.client.post_as(path, body, key).await?)?;
        }
        same(&deleted, &delete(edge, &gone, &keys[7]).await?)?;
        ensure!(edge.stored().await? == stored, "asked again, and counted twice");
        anyhow::Ok(())
    };
    check(&edge).await?;
    // Not from memory.
    let edge = edge.restart(|_| ()).await?;
    check(&edge).await?;
    edge.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_answer_is_given_again_after_the_order_has_moved_on() -> Result<()> {
    let world = shop(|_| ()).await?;
    let (place_key, pay_key) = (Uuid::new_v4().to_string(), Uuid::new_v4().to_string());
    let body = order::unpaid(order::pickup(""));
    let placed = world.client.post_as(ORDERS, &body, &place_key).await?;
    let id = text(&placed.body, "id")?.to_owned();
    let (pay, method) = (format!("{ORDERS}/{id}/pay"), json!({ "method": "tok_ok" }));
    let paid = world.client.post_as(&pay, &method, &pay_key).await?;
    ensure!(paid.status == 202 && paid.body["stage"] == "awaiting_payment", "{paid:?}");
    world.until(&id, "delivered").await?;
    same(&placed, &world.client.post_as(ORDERS, &body, &place_key).await?)?;
    same(&paid, &world.client.post_as(&pay, &method, &pay_key).await?)?;
    ensure!(world.client.order(&id).await?["status"] == "delivered");
    // Without a key it is a new question, and has another answer.
    world
        .client
        .send("POST", &pay, &[JSON], Some(method.to_string().into()))
        .await?
        .problem(409, "already_paid")?;
    world.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_placed_is_answered_again_although_it_has_no_price_any_more() -> Result<()> {
    let promo = PromoCode { code: "spring".into(), off: Off::BasisPoints(1_000), from: None, until: None };
    let edge = Edge::open_with(|config| config.pricing.promo_codes = vec![promo]).await?;
    let mut body = unpaid();
    body["promo_code"] = json!("Spring");
    let key = Uuid::new_v4().to_string();
    let first = edge.client.post_as(ORDERS, &body, &key).await?;
    ensure!(first.status == 201 && first.body["total"]["amount"] == 666, "{first:?}");
    let edge = edge.restart(|config| config.pricing.promo_codes.clear()).await?;
    same(&first, &edge.client.post_as(ORDERS, &body, &key).await?)?;
    let refused = edge.client.post(ORDERS, &body).await?;
    refused.problem(422, "unknown_promo_code")?;
    refused.rule("pointer", "/promo_code")?;
    edge.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_request_under_the_same_key_is_refused_and_stores_nothing() -> Result<()> {
    let edge = Edge::open().await?;
    let key = Uuid::new_v4().to_string();
    let first = edge.client.post_as(ORDERS, &unpaid(), &key).await?;
    let id = text(&first.body, "id")?.to_owned();
    let stored = edge.stored().await?;
    let mut other = unpaid();
    other["lines"][0]["quantity"] = json!(3);
    let walk_in = json!({ "items": [] });
    let check = async |edge: &Edge| {
        for (path, body) in [
            (ORDERS.to_owned(), &other),
            ("/api/v1/kitchen/schedules".to_owned(), &walk_in),
            (format!("{ORDERS}/{id}/pay"), &json!({ "method": "tok_ok" })),
            (format!("{ORDERS}/{id}/cancel"), &json!({})),
        ] {
            edge.client.post_as(&path, body, &key).await?.problem(422, "idempotency_key_reused")?;
        }
        let lines = json!({ "lines": [{ "sku": "cookie", "quantity": 1 }] }).to_string().into_bytes();
        let headers = [JSON, ("idempotency-key", key.as_str())];
        let put = edge.client.send("PUT", &format!("{ORDERS}/{id}"), &headers, Some(lines)).await?;
        put.problem(422, "idempotency_key_reused")?;
        ensure!(edge.stored().await? == stored, "refused, and yet stored");
        anyhow::Ok(())
    };
    check(&edge).await?;
    let edge = edge.restart(|_| ()).await?;
    check(&edge).await?;
    edge.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_belongs_to_its_caller() -> Result<()> {
    let edge = Edge::open().await?;
    let mut seen = BTreeMap::new();
    for round in 0..2 {
        for actor in ["ann", "bob", "operator:ann", ""] {
            let mut headers = vec![JSON, ("idempotency-key", "1")];
            if !actor.is_empty() {
                headers.push(("spindle-actor", actor));
            }
            let answer =
                edge.client.send("POST", ORDERS, &headers, Some(unpaid().to_string().into())).await?;
            ensure!(answer.status == 201, "{answer:?}");
            let replayed = answer.header("idempotent-replayed").is_some();
            ensure!(replayed == (round == 1), "{actor}: {answer:?}");
            let id = text(&answer.body, "id")?.to_owned();
            ensure!(seen.entry(actor).or_insert(id.clone()) == &id, "{actor} got another's answer");
        }
    }
    let different: std::collections::BTreeSet<_> = seen.values().collect();
    ensure!(different.len() == 4 && edge.events("order.placed").await? == 4, "{seen:?}");
    edge.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_race_with_one_key_make_one_order() -> Result<()> {
    let edge = Edge::open().await?;
    // A second server on the same database: its memory knows nothing of the first one's requests.
    let other = harness::InProcess::start(edge.config.clone()).await?;
    let clients = [edge.client.clone(), harness::Client::new(&other.url)];
    for round in 0..5 {
        let key = Uuid::new_v4().to_string();
        let mut racers = JoinSet::new();
        for number in 0..16 {
            let (client, key) = (clients[number % 2].clone(), key.clone());
            racers.spawn(async move { client.post_as(ORDERS, &unpaid(), &key).await });
        }
        let (mut originals, mut ids) = (0, Vec::new());
        while let Some(answer) = racers.join_next().await {
            let answer = answer??;
            if answer.status == 409 {
                answer.problem(409, "idempotency_key_in_flight")?;
                ensure!(answer.header("retry-after").is_some(), "when to come again is not said: {answer:?}");
                continue;
            }
            ensure!(answer.status == 201, "{answer:?}");
            originals += i32::from(answer.header("idempotent-replayed").is_none());
            ids.push(text(&answer.body, "id")?.to_owned());
        }
        ids.dedup();
        ensure!(originals == 1 && ids.len() == 1, "{originals} originals of {ids:?}");
        // Who was told to come again gets the same.
        let again = edge.client.post_as(ORDERS, &unpaid(), &key).await?;
        ensure!(again.status == 201 && text(&again.body, "id")? == ids[0], "{again:?}");
        ensure!(edge.events("order.placed").await? == round + 1);
    }
    other.stop().await?;
    edge.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refund_under_one_key_is_given_back_once() -> Result<()> {
    let world = shop(|options| options.config.retry.first = Duration::from_millis(5)).await?;
    let placed = post(&world.client, ORDERS, &order::delivery("tok_ok")).await?;
    let done = world.until(text(&placed, "id")?, "delivered").await?;
    let payment = text(&done, "payment_id")?.to_owned();
    let path = format!("/api/v1/payments/{payment}/refund");
    let (key, body) = (
        Uuid::new_v4().to_string(),
        json!({ "reason": "cold", "amount": { "amount": 100, "currency": "EUR" } }),
    );
    let first = world.client.post_as(&path, &body, &key).await?;
    ensure!(first.status == 202 && first.body["stage"] == "refund_pending", "{first:?}");
    same(&first, &world.client.post_as(&path, &body, &key).await?)?;
    world.settle().await?;
    same(&first, &world.client.post_as(&path, &body, &key).await?)?;
    world.settle().await?;
    let back = harness::truth::accounts(&world.provider.ledger())[&payment.parse()?].refunded;
    ensure!(back == 100, "{back} went back");
    world.close().await
}
