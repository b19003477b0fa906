//! Orders that a customer or an operator cancels, at each stage: what was done is undone, the last thing first.

use anyhow::Result;
use harness::shop::{OPERATOR, times};
use harness::{World, WorldOptions, order};
use serde_json::{Value, json};

const ASKED: &str = "order.cancellation_requested";

/// A shop in which nothing happens unless a test does it.
async fn idle() -> Result<World> {
    let mut options = WorldOptions { kitchen: None, couriers: None, ..WorldOptions::default() };
    options.provider.decide_after = None;
    World::start(options).await
}

/// Cancels as the customer, and expects this to be left and to have been undone in this order, each undo confirmed
/// before the next.
async fn changes_their_mind(shop: &World, id: &str, left: Value, undone: &[&str]) -> Result<()> {
    shop.cancel(id, None).await?.ok()?;
    let ended = shop.cancelled(id, "customer_request").await?;
    assert_eq!(ended["cancellation"]["by"], "customer");
    assert_eq!(shop.left(id).await?, left);
    let story = shop.story(id).await?;
    shop.each_caused_the_next(id, &[undone, &["order.cancelled"]].concat()).await?;
    let before = story.len();
    let again = shop.cancel(id, None).await?.ok()?;
    assert_eq!(again["stage"], "cancelled", "cancelling twice is no error");
    assert_eq!(shop.story(id).await?.len(), before, "and no event");
    Ok(())
}

fn left(payments: &[&str], schedules: &[&str]) -> Value {
    json!({ "payments": payments, "schedules": schedules, "shipments": [] })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_changes_their_mind_before_the_money_is_taken() -> Result<()> {
    let shop = idle().await?;
    tokio::try_join!(
        before_paying(&shop),
        after_a_decline(&shop),
        before_confirming(&shop),
        before_the_answer_is_known(&shop),
        before_the_provider_has_decided(&shop),
        before_the_kitchen_has_accepted(&shop),
    )?;
    shop.ends_well().await
}

async fn before_paying(shop: &World) -> Result<()> {
    let id = shop.place(&order::unpaid(order::delivery("tok_ok"))).await?;
    changes_their_mind(shop, &id, left(&[], &[]), &[ASKED]).await
}

async fn after_a_decline(shop: &World) -> Result<()> {
    let id = shop.place(&order::pickup("tok_declined")).await?;
    shop.staged(&id, "placed").await?;
    changes_their_mind(shop, &id, left(&["failed"], &[]), &[ASKED]).await
}

async fn before_confirming(shop: &World) -> Result<()> {
    let id = shop.place(&order::delivery("tok_requires_action")).await?;
    shop.payment_at(&id, "action_required").await?;
    changes_their_mind(shop, &id, left(&["voided"], &[]), &[ASKED, "payment.voided"]).await
}

/// The money is held, and nobody but the provider knows.
async fn before_the_answer_is_known(shop: &World) -> Result<()> {
    let id = shop.place(&order::delivery("tok_timeout_after_charge")).await?;
    shop.reference(&id).await?;
    changes_their_mind(shop, &id, left(&["voided"], &[]), &["payment.authorized", "payment.voided"]).await
}

async fn before_the_provider_has_decided(shop: &World) -> Result<()> {
    let id = shop.place(&order::delivery("tok_callback_only")).await?;
    shop.payment_at(&id, "outcome_unknown").await?;
    shop.cancel(&id, None).await?.ok()?;
    shop.staged(&id, "cancelling").await?;
    shop.bank()
        .post(&format!("/v1/payments/{}/complete", shop.reference(&id).await?), &json!({}))
        .await?
        .ok()?;
    changes_their_mind(shop, &id, left(&["voided"], &[]), &["payment.authorized", "payment.voided"]).await
}

async fn before_the_kitchen_has_accepted(shop: &World) -> Result<()> {
    let id = shop.place(&order::delivery("tok_ok")).await?;
    shop.saga(&id, "the kitchen to be asked", |saga| saga["step"] == "accept" && saga["work"] == json!([]))
        .await?;
    changes_their_mind(
        shop,
        &id,
        left(&["voided"], &["cancelled"]),
        &[ASKED, "kitchen.cancelled", "payment.voided"],
    )
    .await?;
    assert_eq!(times(&shop.story(&id).await?, "payment.captured"), 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_cancelled_while_it_is_cooked_is_stopped_and_refunded_and_later_only_an_operator_can()
-> Result<()> {
    let shop = idle().await?;
    tokio::try_join!(
        while_the_kitchen_has_it(&shop, false),
        while_the_kitchen_has_it(&shop, true),
        when_it_is_ready(&shop),
        when_it_is_on_its_way(&shop),
    )?;
    shop.ends_well().await
}

async fn while_the_kitchen_has_it(shop: &World, cooking: bool) -> Result<()> {
    let id = shop.place(&order::delivery("tok_ok")).await?;
    shop.kitchen(&id, "pending", "accept").await?;
    if cooking {
        shop.kitchen(&id, "accepted", "start").await?;
    }
    shop.staged(&id, "in_kitchen").await?;
    let undone = [ASKED, "kitchen.cancelled", "payment.refund_requested", "payment.refunded"];
    changes_their_mind(shop, &id, left(&["refunded"], &["cancelled"]), &undone).await
}

async fn when_it_is_ready(shop: &World) -> Result<()> {
    let id = shop.place(&order::delivery("tok_ok")).await?;
    shop.cook(&id).await?;
    shop.courier(&id, 1, "requested", "assign").await?;
    shop.cancel(&id, None).await?.problem(409, "order_not_cancellable")?;
    shop.cancel(&id, Some(OPERATOR)).await?.ok()?;
    let ended = shop.cancelled(&id, "operator").await?;
    assert_eq!(ended["cancellation"]["by"], "operator");
    let left = json!({ "payments": ["refunded"], "schedules": ["finished"], "shipments": ["cancelled"] });
    assert_eq!(shop.left(&id).await?, left);
    let refund = "payment.refund_requested";
    let undone = [ASKED, "shipment.cancelled", refund, "payment.refunded", "order.cancelled"];
    shop.each_caused_the_next(&id, &undone).await
}

async fn when_it_is_on_its_way(shop: &World) -> Result<()> {
    let id = shop.place(&order::delivery("tok_ok")).await?;
    shop.cook(&id).await?;
    shop.courier(&id, 1, "requested", "assign").await?;
    shop.courier(&id, 1, "assigned", "pick-up").await?;
    shop.staged(&id, "dispatched").await?;
    for who in [None, Some(OPERATOR)] {
        shop.cancel(&id, who).await?.problem(409, "order_not_cancellable")?;
    }
    shop.courier(&id, 1, "picked_up", "deliver").await?;
    shop.until(&id, "delivered").await?;
    let left = json!({ "payments": ["captured"], "schedules": ["collected"], "shipments": ["delivered"] });
    assert_eq!(shop.left(&id).await?, left);
    shop.cancel(&id, Some(OPERATOR)).await?.problem(409, "order_not_cancellable")?;
    Ok(())
}
