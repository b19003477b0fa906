//! What clerks, couriers and operators do, step by step.

use anyhow::{Context, Result, ensure};
use harness::{Answer, Edge, World, eventually, order, truth};
use serde_json::{Value, json};

use super::{post, shop, text, unpaid};

const ORDERS: &str = "/api/v1/orders";
const SCHEDULES: &str = "/api/v1/kitchen/schedules";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_walk_in_is_cooked_without_an_order() -> Result<()> {
    let edge = Edge::open().await?;
    let item = |product: &str| json!({ "product": product, "quantity": 1 });
    let made = edge.client.post(SCHEDULES, &json!({ "items": [item("soup")], "note": "hot" })).await?;
    let one = format!("{SCHEDULES}/{}", text(&made.body, "id")?);
    ensure!(made.status == 201 && made.header("location") == Some(one.as_str()), "{made:?}");
    ensure!(made.body["status"] == "pending" && made.body.get("order_id").is_none(), "{}", made.body);
    let step = async |verb: &str, body: Value| edge.client.post(&format!("{one}/{verb}"), &body).await;
    let headers = [("content-type", "application/json")];
    let other = json!({ "items": [item("bread"), item("soup")] }).to_string().into_bytes();
    let revised = edge.client.send("PUT", &one, &headers, Some(other)).await?.ok()?;
    ensure!(revised["items"].as_array().map(Vec::len) == Some(2), "{revised}");

    step("finish", json!({})).await?.problem(409, "schedule_not_finishable")?;
    let accepted = step("accept", json!({ "ready_by": "2999-05-01T12:00:00Z" })).await?.ok()?;
    ensure!(accepted["stage"] == "accepted" && accepted["ready_by"] == "2999-05-01T12:00:00Z", "{accepted}");
    step("reject", json!({ "reason": "late" })).await?.problem(409, "schedule_not_rejectable")?;
    let started = step("start", json!({})).await?.ok()?;
    ensure!(started["status"] == "progress" && started["stage"] == "in_progress", "{started}");
    let refused = edge.client.send("DELETE", &one, &[], None).await?;
    refused.problem(409, "schedule_not_discardable")?;
    ensure!(step("finish", json!({})).await?.ok()?["status"] == "finished");
    step("cancel", json!({})).await?.problem(409, "schedule_not_cancellable")?;
    let twice = [step("collect", json!({})).await?.ok()?, step("collect", json!({})).await?.ok()?];
    ensure!(twice[0]["stage"] == "collected" && twice[0] == twice[1], "asked twice: {twice:?}");
    let status = edge.client.get(&format!("{one}/status")).await?.ok()?;
    ensure!(status["stage"] == "collected" && status["version"] == 6, "{status}");
    ensure!(edge.client.send("DELETE", &one, &[], None).await?.status == 204);
    edge.client.get(&one).await?.problem(404, "schedule_not_found")?;
    edge.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_price_is_refused_and_both_prices_are_named() -> Result<()> {
    let edge = Edge::open().await?;
    let mut body = unpaid();
    body["lines"] = json!([
        { "sku": "cookie", "quantity": 1, "unit_price": { "amount": 220, "currency": "EUR" } },
        { "sku": "Cappuccino", "size": "medium", "quantity": 1, "unit_price": { "amount": 350, "currency": "EUR" } },
    ]);
    let refused = edge.client.post(ORDERS, &body).await?;
    let problem = refused.problem(409, "price_changed")?;
    let money = |amount: i64| json!({ "amount": amount, "currency": "EUR" });
    ensure!(problem["sku"] == "cappuccino", "{problem}");
    ensure!(problem["seen"] == money(350) && problem["current"] == money(370), "{problem}");
    ensure!(text(problem, "detail")? == "cappuccino costs 3.70 EUR now, not 3.50 EUR", "{problem}");
    refused.rule("pointer", "/lines/1/unit_price")?;
    ensure!(edge.stored().await?.head == 0);

    body["lines"][1]["unit_price"] = money(370);
    let placed = edge.client.post(ORDERS, &body).await?.ok()?;
    ensure!(placed["total"] == money(590), "{placed}");
    edge.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_can_be_changed_until_somebody_pays_and_cancelled_until_it_is_cooked() -> Result<()> {
    let edge = Edge::open().await?;
    let one = format!("{ORDERS}/{}", edge.make(ORDERS, &unpaid()).await?);
    let put = async |body: Value| {
        let headers = [("content-type", "application/json")];
        edge.client.send("PUT", &one, &headers, Some(body.to_string().into())).await
    };
    let revised =
        put(json!({ "lines": [{ "sku": "cookie", "quantity": 2 }], "note": "warm" })).await?.ok()?;
    ensure!(
        revised["total"]["amount"] == 440 && revised["note"] == "warm" && revised["version"] == 2,
        "{revised}"
    );
    let no_lines = put(json!({ "lines": [] })).await?;
    no_lines.problem(422, "no_lines")?;
    no_lines.rule("pointer", "/lines")?;
    let unknown =
        put(json!({ "lines": [{ "sku": "cookie", "quantity": 1 }, { "sku": "unicorn", "quantity": 1 }] }))
            .await?;
    unknown.problem(422, "unknown_sku")?;
    unknown.rule("pointer", "/lines/1/sku")?;
    let size = put(json!({ "lines": [{ "sku": "latte", "quantity": 1 }] })).await?;
    ensure!(size.problem(422, "size_required")?["offered"] == json!(["small", "medium", "big"]));
    size.rule("pointer", "/lines/0/size")?;

    edge.client.post(&format!("{one}/pay"), &json!({ "method": "tok_ok" })).await?.ok()?;
    put(json!({ "lines": [{ "sku": "cookie", "quantity": 3 }] }))
        .await?
        .problem(409, "order_not_revisable")?;
    edge.client
        .post(&format!("{one}/pay"), &json!({ "method": "tok_ok" }))
        .await?
        .problem(409, "payment_in_progress")?;
    edge.client.send("DELETE", &one, &[], None).await?.problem(409, "order_not_discardable")?;
    let cancelled = edge.client.post(&format!("{one}/cancel"), &json!({})).await?.ok()?;
    ensure!(
        cancelled["cancellation"] == json!({ "reason": "customer_request", "by": "customer" }),
        "{cancelled}"
    );
    ensure!(cancelled["status"] == "cancelled" && cancelled["stage"] == "cancelling", "{cancelled}");
    let again = edge.client.post(&format!("{one}/cancel"), &json!({})).await?.ok()?;
    ensure!(again == cancelled, "asked twice: {again}");
    edge.close().await
}

/// An order that waits for its courier, and its shipment.
async fn ready(world: &World) -> Result<(String, String)> {
    let placed = post(&world.client, ORDERS, &order::delivery("tok_ok")).await?;
    let id = text(&placed, "id")?.to_owned();
    let shipment = eventually("a courier is asked for", async || {
        let list = world.client.get(&format!("/api/v1/shipments?order={id}")).await.ok()?.body;
        Some(list["shipments"][0]["id"].as_str()?.to_owned())
    })
    .await?;
    Ok((id, shipment))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_assigned_courier_moves_a_shipment() -> Result<()> {
    let world = shop(|options| options.couriers = None).await?;
    let (id, shipment) = ready(&world).await?;
    let one = format!("/api/v1/shipments/{shipment}");
    let step = async |verb: &str, body: Value| -> Result<Answer> {
        world.client.post(&format!("{one}/{verb}"), &body).await
    };
    let courier = |name: &str| json!({ "courier": name });
    let at = |name: &str| json!({ "courier": name, "latitude": 51.5, "longitude": -0.12 });
    step("pick-up", courier("bob")).await?.problem(409, "shipment_not_pickable")?;
    let assigned = step("assign", courier("Bob")).await?.ok()?;
    ensure!(assigned["stage"] == "assigned" && assigned["courier"] == "bob", "{assigned}");
    let taken = step("assign", courier("eve")).await?;
    ensure!(text(taken.problem(409, "shipment_already_assigned")?, "detail")?.contains("bob"), "{taken:?}");
    for (verb, body) in [
        ("pick-up", courier("eve")),
        ("position", at("eve")),
        ("deliver", courier("eve")),
        ("fail", json!({ "courier": "eve", "reason": "mine now" })),
        ("return", courier("eve")),
    ] {
        let refused = step(verb, body).await?;
        let detail = text(refused.problem(409, "not_your_shipment").context(verb)?, "detail")?;
        ensure!(detail.contains("bob") && detail.contains("eve"), "{detail}");
    }
    ensure!(world.client.get(&one).await?.ok()? == assigned, "a stranger changed it");
    ensure!(
        step("position", at("bob")).await?.ok()?["position"]
            == json!({ "latitude": 51.5, "longitude": -0.12 })
    );
    step("pick-up", courier("bob")).await?.ok()?;
    world.until(&id, "dispatched").await?;
    step("unassign", json!({})).await?.problem(409, "shipment_not_unassignable")?;
    step("cancel", json!({})).await?.problem(409, "shipment_not_cancellable")?;
    let cancel = world.client.post(&format!("{ORDERS}/{id}/cancel"), &json!({})).await?;
    cancel.problem(409, "order_not_cancellable")?;
    let delivered = step("deliver", json!({ "courier": "bob", "proof": "code 7" })).await?.ok()?;
    ensure!(delivered["stage"] == "delivered" && delivered["proof"] == "code 7", "{delivered}");
    ensure!(world.until(&id, "delivered").await?["shipment_id"] == shipment.as_str());
    world.settle().await?;
    truth::whole(&world.database).await?;
    truth::money(&world.database, &world.provider.ledger()).await?;
    world.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_gives_back_a_part_and_never_more_than_is_left() -> Result<()> {
    let world = shop(|_| ()).await?;
    let placed = post(&world.client, ORDERS, &order::pickup("tok_ok")).await?;
    let done = world.until(text(&placed, "id")?, "delivered").await?;
    let one = format!("/api/v1/payments/{}", text(&done, "payment_id")?);
    let eur = |amount: i64| json!({ "amount": amount, "currency": "EUR" });
    let total = done["total"]["amount"].as_i64().context("a total")?;
    let refund = async |body: Value| {
        let headers = [("content-type", "application/json"), ("spindle-actor", "operator:ann")];
        world.client.send("POST", &format!("{one}/refund"), &headers, Some(body.to_string().into())).await
    };
    let asked = refund(json!({ "amount": eur(240), "reason": "the milk was sour" })).await?;
    ensure!(asked.status == 202 && asked.body["stage"] == "refund_pending", "{asked:?}");
    let until = async |stage: &str| {
        eventually(&format!("the payment is {stage}"), async || {
            let payment = world.client.get(&one).await.ok()?.body;
            (payment["stage"] == stage).then_some(payment)
        })
        .await
    };
    let payment = until("partially_refunded").await?;
    ensure!(payment["refunded"] == eur(240) && payment["captured"] == eur(total), "{payment}");
    ensure!(payment["refunds"].as_array().map(Vec::len) == Some(1), "{payment}");

    let more = refund(json!({ "amount": eur(total), "reason": "all of it" })).await?;
    let problem = more.problem(409, "refund_exceeds_left")?;
    ensure!(problem["left"] == eur(total - 240), "{problem}");
    more.rule("pointer", "/amount")?;
    for amount in [0, -1] {
        let nothing = refund(json!({ "amount": eur(amount), "reason": "nothing" })).await?;
        nothing.problem(422, "amount_not_positive")?;
        nothing.rule("pointer", "/amount")?;
    }
    let dollars = refund(json!({ "amount": { "amount": 1, "currency": "USD" }, "reason": "abroad" })).await?;
    dollars.problem(422, "mixed_currencies")?;

    // Without an amount: what is left.
    refund(json!({ "reason": "the rest" })).await?.ok()?;
    ensure!(until("refunded").await?["refunded"] == eur(total));
    refund(json!({ "reason": "once more" })).await?.problem(409, "nothing_left")?;
    world.settle().await?;
    let account = truth::accounts(&world.provider.ledger());
    let account = account.values().next().context("the provider knows the payment")?;
    ensure!((account.captured, account.refunded, account.captures) == (total, total, 1), "{account:?}");
    let timeline = world.client.get(&format!("{ORDERS}/{}/timeline", text(&done, "id")?)).await?.ok()?;
    let entries = timeline["entries"].as_array().context("entries")?;
    let asked: Vec<_> =
        entries.iter().filter(|entry| entry["event_type"] == "payment.refund_requested").collect();
    ensure!(asked.len() == 2 && asked.iter().all(|entry| entry["actor"] == "operator:ann"), "{asked:?}");
    world.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_cancel_depends_on_how_far_the_order_is() -> Result<()> {
    let world = shop(|options| options.couriers = None).await?;
    let (id, _) = ready(&world).await?;
    let cancel = async |actor: &str, body: Value| {
        let headers = [("content-type", "application/json"), ("spindle-actor", actor)];
        world
            .client
            .send("POST", &format!("{ORDERS}/{id}/cancel"), &headers, Some(body.to_string().into()))
            .await
    };
    cancel("ann", json!({})).await?.problem(409, "order_not_cancellable")?;
    let excuse = cancel("ann", json!({ "reason": "out_of_stock" })).await?;
    excuse.problem(422, "invalid_body")?;
    excuse.rule("pointer", "/reason")?;
    let cancelled =
        cancel("operator:ann", json!({ "reason": "no_courier", "detail": "snow" })).await?.ok()?;
    let why = json!({ "reason": "no_courier", "by": "operator", "detail": "snow" });
    ensure!(cancelled["cancellation"] == why, "{cancelled}");
    world.settle().await?;
    truth::whole(&world.database).await?;
    truth::money(&world.database, &world.provider.ledger()).await?;
    world.close().await
}
