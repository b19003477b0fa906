//! What can go wrong in the kitchen: it says no, it says nothing, it stops; and the money that cannot be taken
//! although it said yes.

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};
use harness::shop::{in_order, times};
use harness::{Watch, World, WorldOptions, order};
use serde_json::{Value, json};
use spindle::simulators::fate::Percent;

fn left(payment: &str, schedule: &str) -> Value {
    json!({ "payments": [payment], "schedules": [schedule], "shipments": [] })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_kitchen_rejects_is_voided_and_cancelled() -> Result<()> {
    let mut options = WorldOptions::default();
    if let Some(kitchen) = &mut options.kitchen {
        kitchen.rejects = Percent::ALWAYS;
    }
    let shop = World::start(options).await?;
    let held = shop.place(&order::delivery("tok_ok")).await?;
    let fetched = shop.place(&order::pickup("tok_timeout_after_charge")).await?;
    let taken = shop.place(&order::delivery("tok_captured")).await?;
    let lost = shop.place(&order::delivery("tok_void_timeout")).await?;
    for id in [&held, &fetched, &taken, &lost] {
        let ended = shop.cancelled(id, "kitchen_rejected").await?;
        assert_eq!(ended["cancellation"]["by"], "process");
        assert_eq!(ended["cancellation"]["detail"], "out of ingredients", "the kitchen's own words");
    }
    for id in [&held, &fetched, &lost] {
        assert_eq!(shop.left(id).await?, left("voided", "rejected"));
        let story = shop.story(id).await?;
        in_order(
            &story,
            &["kitchen.rejected", "order.cancellation_requested", "payment.voided", "order.cancelled"],
        )?;
        assert_eq!(
            times(&story, "payment.captured"),
            0,
            "nothing is taken for what is not cooked: {story:?}"
        );
    }
    assert_eq!(shop.left(&taken).await?, left("refunded", "rejected"), "a provider that only says succeeded");
    in_order(&shop.story(&lost).await?, &["payment.outcome_unknown", "payment.voided"])?;
    shop.ends_well().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_kitchen_gives_up_on_the_stove_is_refunded_and_cancelled() -> Result<()> {
    let mut options = WorldOptions::default();
    if let Some(kitchen) = &mut options.kitchen {
        kitchen.cancels = Percent::ALWAYS;
    }
    let shop = World::start(options).await?;
    let brought = shop.place(&order::delivery("tok_ok")).await?;
    let fetched = shop.place(&order::pickup("tok_captured")).await?;
    for id in [&brought, &fetched] {
        let ended = shop.cancelled(id, "kitchen_rejected").await?;
        assert_eq!(ended["cancellation"]["detail"], "the oven has failed");
        assert_eq!(shop.left(id).await?, left("refunded", "cancelled"));
        let story = shop.story(id).await?;
        in_order(
            &story,
            &["payment.captured", "payment.refund_requested", "payment.refunded", "order.cancelled"],
        )?;
        in_order(&story, &["kitchen.started", "kitchen.cancelled", "order.cancellation_requested"])?;
    }
    shop.ends_well().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_kitchen_does_not_accept_in_time_is_called_off_and_given_back() -> Result<()> {
    let watch = Watch::default();
    let options =
        WorldOptions { clock: watch.clock(), kitchen: None, couriers: None, ..WorldOptions::default() };
    let shop = World::start(options).await?;
    let held = shop.place(&order::delivery("tok_ok")).await?;
    let taken = shop.place(&order::pickup("tok_captured")).await?;
    let unpaid = shop.place(&order::unpaid(order::delivery("tok_ok"))).await?;
    for id in [&held, &taken] {
        let waits = |saga: &Value| saga["step"] == "accept" && saga["work"] == json!([]);
        let saga = shop.saga(id, "the process to wait for the kitchen", waits).await?;
        assert_eq!(saga["timers"][0]["name"], "accept_due", "{saga}");
        let due: DateTime<Utc> = saga["timers"][0]["due_at"].as_str().unwrap_or_default().parse()?;
        assert!(due <= watch.now() + TimeDelta::minutes(5), "more than five minutes: {saga}");
        assert!(due > watch.now(), "no time at all: {saga}");
        assert!(
            saga["waiting_for"].as_str().is_some_and(|text| text.starts_with("the kitchen to accept")),
            "{saga}"
        );
    }
    watch.forward(TimeDelta::minutes(5));
    for (id, payment) in [(&held, "voided"), (&taken, "refunded")] {
        shop.cancelled(id, "kitchen_timeout").await?;
        assert_eq!(shop.left(id).await?, left(payment, "cancelled"));
        let mut undone = vec!["order.cancellation_requested", "kitchen.cancelled"];
        undone.extend(["payment.refund_requested"].iter().filter(|_| payment == "refunded"));
        let given_back = format!("payment.{payment}");
        undone.extend([given_back.as_str(), "order.cancelled"]);
        shop.each_caused_the_next(id, &undone).await?;
    }
    // The time to pay is another.
    shop.staged(&unpaid, "placed").await?;
    watch.forward(TimeDelta::minutes(10));
    shop.cancelled(&unpaid, "payment_timeout").await?;
    shop.ends_well().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn money_that_cannot_be_taken_stops_the_kitchen_and_is_let_go() -> Result<()> {
    let shop =
        World::start(WorldOptions { kitchen: None, couriers: None, ..WorldOptions::default() }).await?;
    let id = shop.place(&order::delivery("tok_capture_declined")).await?;
    shop.kitchen(&id, "pending", "accept").await?;
    shop.cancelled(&id, "payment_failed").await?;
    assert_eq!(shop.left(&id).await?, left("voided", "cancelled"));
    let steps = [
        "kitchen.accepted",
        "payment.capture_failed",
        "order.cancellation_requested",
        "kitchen.cancelled",
        "payment.voided",
        "order.cancelled",
    ];
    shop.each_caused_the_next(&id, &steps).await?;
    shop.ends_well().await
}
