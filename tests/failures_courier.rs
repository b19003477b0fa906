//! What can go wrong on the way: nobody comes, somebody gives it back, nobody is at home.

use anyhow::Result;
use chrono::TimeDelta;
use harness::shop::{in_order, times};
use harness::{Watch, World, WorldOptions, order};
use serde_json::{Value, json};
use spindle::simulators::fate::Percent;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_courier_who_does_not_come_in_time_is_replaced_until_there_are_no_more_tries() -> Result<()> {
    let watch = Watch::default();
    let mut options = WorldOptions { clock: watch.clock(), couriers: None, ..WorldOptions::default() };
    options.config.process.courier_attempts = 2;
    let shop = World::start(options).await?;
    let nobody_comes = shop.place(&order::delivery("tok_ok")).await?;
    let the_second_comes = shop.place(&order::delivery("tok_captured")).await?;
    let both = [&nobody_comes, &the_second_comes];

    shop.courier(&the_second_comes, 1, "requested", "assign").await?;
    for id in both {
        looked_for(&shop, id, 1).await?;
    }
    watch.forward(TimeDelta::minutes(10));
    for id in both {
        looked_for(&shop, id, 2).await?;
        let left = json!({ "payments": ["captured"], "schedules": ["finished"], "shipments": ["cancelled", "requested"] });
        assert_eq!(shop.left(id).await?, left);
    }

    // The courier of the first try comes too late and finds nothing to take along.
    let late = format!(
        "/api/v1/shipments/{}/pick-up",
        shipment(&shop, &the_second_comes, 0).await?["id"].as_str().unwrap_or_default()
    );
    shop.client.post(&late, &json!({ "courier": "bob" })).await?.problem(409, "shipment_not_pickable")?;
    for (stage, verb) in [("requested", "assign"), ("assigned", "pick-up"), ("picked_up", "deliver")] {
        shop.courier(&the_second_comes, 2, stage, verb).await?;
    }
    shop.until(&the_second_comes, "delivered").await?;
    let left = json!({ "payments": ["captured"], "schedules": ["collected"], "shipments": ["cancelled", "delivered"] });
    assert_eq!(shop.left(&the_second_comes).await?, left);

    watch.forward(TimeDelta::minutes(10));
    shop.cancelled(&nobody_comes, "no_courier").await?;
    let left = json!({ "payments": ["refunded"], "schedules": ["finished"], "shipments": ["cancelled", "cancelled"] });
    assert_eq!(shop.left(&nobody_comes).await?, left);
    let undone = [
        "order.cancellation_requested",
        "shipment.cancelled",
        "payment.refund_requested",
        "payment.refunded",
        "order.cancelled",
    ];
    shop.each_caused_the_next(&nobody_comes, &undone).await?;
    shop.ends_well().await
}

/// Waits until a courier is looked for, for the n-th time.
async fn looked_for(shop: &World, order: &str, number: usize) -> Result<()> {
    let waits = |saga: &Value| {
        let timed = saga["timers"][0]["name"] == "courier_due";
        let tries = saga["state"]["rides"].as_array().map_or(0, Vec::len);
        timed && tries == number && saga["step"] == "dispatch" && saga["work"] == json!([])
    };
    shop.saga(order, &format!("a courier to be looked for, try {number}"), waits).await?;
    Ok(())
}

async fn shipment(shop: &World, order: &str, index: usize) -> Result<Value> {
    let mut all = shop.client.all(&format!("/api/v1/shipments?order={order}"), "shipments").await?;
    all.sort_by_key(|shipment| shipment["requested"].as_str().unwrap_or_default().to_owned());
    Ok(all[index].clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_courier_gives_back_another_delivers() -> Result<()> {
    let mut options = WorldOptions::default();
    if let Some(couriers) = &mut options.couriers {
        couriers.gives_back = Percent::ALWAYS;
    }
    let shop = World::start(options).await?;
    let id = shop.place(&order::delivery("tok_ok")).await?;
    shop.until(&id, "delivered").await?;
    let left = json!({ "payments": ["captured"], "schedules": ["collected"], "shipments": ["delivered"] });
    assert_eq!(shop.left(&id).await?, left);
    let timeline = shop.timeline(&id).await?;
    let said = |what: &str| {
        let of = timeline.iter().filter(|entry| entry["event_type"] == what);
        of.map(|entry| entry["text"].clone()).collect::<Vec<_>>()
    };
    let taken_on = said("shipment.assigned");
    assert_eq!((taken_on.len(), said("shipment.unassigned").len()), (2, 1), "{timeline:?}");
    assert_ne!(taken_on[0], taken_on[1], "the same courier");
    shop.ends_well().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_delivered_comes_back_and_is_refunded() -> Result<()> {
    let mut options = WorldOptions::default();
    if let Some(couriers) = &mut options.couriers {
        couriers.fails = Percent::ALWAYS;
    }
    let shop = World::start(options).await?;
    let held = shop.place(&order::delivery("tok_ok")).await?;
    let taken = shop.place(&order::delivery("tok_captured")).await?;
    for id in [&held, &taken] {
        let ended = shop.cancelled(id, "delivery_failed").await?;
        assert_eq!(ended["cancellation"]["detail"], "nobody was at home", "the courier's own words");
        let left = json!({ "payments": ["refunded"], "schedules": ["collected"], "shipments": ["returned"] });
        assert_eq!(shop.left(id).await?, left);
        let story = shop.story(id).await?;
        let steps = [
            "shipment.delivery_failed",
            "shipment.returned",
            "order.cancellation_requested",
            "payment.refunded",
        ];
        in_order(&story, &steps)?;
        let undone = [
            "order.cancellation_requested",
            "payment.refund_requested",
            "payment.refunded",
            "order.cancelled",
        ];
        shop.each_caused_the_next(id, &undone).await?;
        assert_eq!(times(&story, "order.delivered"), 0);
    }
    shop.ends_well().await
}
