//! What can go wrong while a customer pays, by payment token: declines, lost answers, callbacks, nobody who pays.

use anyhow::{Context, Result};
use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use harness::shop::{in_order, times};
use harness::{Watch, World, WorldOptions, order};
use serde_json::{Value, json};
use spindle::simulators::provider::{CallbackMode, EntryKind};
use std::time::Duration;

/// What is left of an order that was delivered and paid by the last of several payments.
fn delivered(payments: &[&str]) -> Value {
    json!({ "payments": payments, "schedules": ["collected"], "shipments": ["delivered"] })
}

/// What is left of an order that nobody but the provider ever heard of.
fn never_cooked(payments: &[&str]) -> Value {
    json!({ "payments": payments, "schedules": [], "shipments": [] })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_declined_order_can_be_paid_again_until_three_payments_have_failed() -> Result<()> {
    let shop = World::happy().await?;
    tokio::try_join!(
        another_token_pays_what_one_could_not(&shop, "tok_declined", "insufficient_funds"),
        another_token_pays_what_one_could_not(&shop, "tok_no_such_thing", "unknown_token"),
        the_third_decline_cancels(&shop),
    )?;
    shop.ends_well().await
}

async fn another_token_pays_what_one_could_not(shop: &World, token: &str, code: &str) -> Result<()> {
    let id = shop.place(&order::delivery(token)).await?;
    let open = shop.staged(&id, "placed").await?;
    assert_eq!((&open["status"], &open["payment_attempts"]), (&json!("created"), &json!(1)));
    assert_eq!(shop.payment_at(&id, "failed").await?["decline"]["code"], code);
    shop.pay(&id, "tok_ok").await?;
    shop.until(&id, "delivered").await?;
    assert_eq!(shop.left(&id).await?, delivered(&["failed", "captured"]));
    let story = shop.story(&id).await?;
    in_order(&story, &["payment.failed", "order.payment_failed", "payment.authorized", "order.paid"])
}

async fn the_third_decline_cancels(shop: &World) -> Result<()> {
    let id = shop.place(&order::delivery("tok_declined")).await?;
    for attempt in 1..=2 {
        let open = shop.staged(&id, "placed").await?;
        assert_eq!(open["payment_attempts"], attempt, "payable again: {open}");
        shop.pay(&id, "tok_declined").await?;
    }
    let ended = shop.cancelled(&id, "payment_failed").await?;
    assert_eq!(ended["cancellation"]["by"], "process");
    assert_eq!(shop.left(&id).await?, never_cooked(&["failed"; 3]));
    let late = shop.client.post(&format!("/api/v1/orders/{id}/pay"), &json!({ "method": "tok_ok" })).await?;
    late.problem(409, "order_not_payable")?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_was_lost_is_asked_for_before_anything_else_and_nothing_is_charged_twice() -> Result<()>
{
    let shop = World::happy().await?;
    tokio::try_join!(
        a_lost_answer_is_looked_up(&shop, "tok_timeout_after_charge", "authorize", "payment.authorized"),
        a_lost_answer_is_looked_up(&shop, "tok_capture_timeout_after_charge", "capture", "payment.captured"),
        a_refusal_that_promises_that_nothing_was_done_is_tried_again(&shop),
    )?;
    // Whatever is asked of the provider again is asked under the same name.
    for entry in shop.provider.ledger() {
        let operation = match entry.kind {
            EntryKind::Authorized => "authorize",
            EntryKind::Captured => "capture",
            other => panic!("{other:?} was not called for"),
        };
        assert_eq!(entry.idempotency_key, format!("{}:{operation}", entry.payment));
    }
    shop.ends_well().await
}

async fn a_lost_answer_is_looked_up(shop: &World, token: &str, operation: &str, fact: &str) -> Result<()> {
    let id = shop.place(&order::delivery(token)).await?;
    shop.until(&id, "delivered").await?;
    assert_eq!(shop.left(&id).await?, delivered(&["captured"]));
    let story = shop.story(&id).await?;
    in_order(&story, &["payment.outcome_unknown", fact])?;
    assert_eq!(times(&story, fact), 1);

    // The next thing that the provider is asked after the lost answer is what became of it.
    let saga = shop.saga(&id, "the process to be done", |saga| saga["status"] == "completed").await?;
    let asked = asked_of_the_provider(&saga);
    let lost =
        asked.iter().position(|(what, lost)| what == operation && *lost).context("no answer was lost")?;
    assert_eq!(asked[lost + 1].0, "look_up", "{asked:?}");
    assert_eq!(asked.iter().filter(|(what, _)| what == operation).count(), 1, "asked again: {asked:?}");
    Ok(())
}

/// What the provider was asked, in order, and whether the answer was lost.
fn asked_of_the_provider(saga: &Value) -> Vec<(String, bool)> {
    let entries = saga["journal"].as_array().into_iter().flatten();
    let answered = entries.filter(|line| line["kind"] == "answered").map(|line| &line["entry"]);
    answered
        .map(|entry| {
            let effect = entry["effect"].as_object().and_then(|effect| effect.keys().next()).cloned();
            (effect.unwrap_or_default(), entry["outcome"].get("unknown").is_some())
        })
        .collect()
}

async fn a_refusal_that_promises_that_nothing_was_done_is_tried_again(shop: &World) -> Result<()> {
    let id = shop.place(&order::delivery("tok_flaky")).await?;
    shop.until(&id, "delivered").await?;
    assert_eq!(shop.left(&id).await?, delivered(&["captured"]));
    let saga = shop.saga(&id, "the process to be done", |saga| saga["status"] == "completed").await?;
    let entries = saga["journal"].as_array().context("a journal")?;
    for effect in ["authorize", "capture"] {
        let failed = |line: &&Value| {
            line["entry"]["work"]["call"].get(effect).is_some() && line["entry"]["error"].is_string()
        };
        let first = entries.iter().find(failed).with_context(|| format!("no failed {effect}: {saga}"))?;
        assert!(first["entry"]["error"].as_str().is_some_and(|error| error.contains("503")), "{first}");
        assert!(first["entry"]["next_attempt_at"].is_string(), "{first}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_answer_could_not_tell_is_told_by_callback() -> Result<()> {
    let mut options = WorldOptions::default();
    // Nobody decides but the test, and no look-up is faster than the callback.
    options.provider.decide_after = None;
    options.config.process.reconcile_after = Duration::from_mins(10);
    let shop = World::start(options).await?;
    tokio::try_join!(
        the_customer_confirms(&shop),
        the_customer_fails_to_confirm(&shop),
        the_provider_thinks_about_it(&shop),
    )?;
    shop.ends_well().await
}

async fn the_customer_confirms(shop: &World) -> Result<()> {
    let id = shop.place(&order::delivery("tok_requires_action")).await?;
    let payment = shop.payment_at(&id, "action_required").await?;
    let url = payment["action_url"].as_str().context("no address")?;
    let page = shop.bank().get(url.strip_prefix(&shop.provider.url()).context("another's address")?).await?;
    assert_eq!(page.status, 200, "the customer can act there");
    decide(shop, &id, &json!({})).await?;
    told_by_the_provider(shop, &id, "payment.authorized").await
}

async fn the_provider_thinks_about_it(shop: &World) -> Result<()> {
    let id = shop.place(&order::delivery("tok_callback_only")).await?;
    shop.payment_at(&id, "outcome_unknown").await?;
    decide(shop, &id, &json!({})).await?;
    told_by_the_provider(shop, &id, "payment.authorized").await
}

async fn the_customer_fails_to_confirm(shop: &World) -> Result<()> {
    let id = shop.place(&order::delivery("tok_requires_action")).await?;
    shop.payment_at(&id, "action_required").await?;
    decide(shop, &id, &json!({ "result": "declined" })).await?;
    shop.staged(&id, "placed").await?;
    shop.pay(&id, "tok_ok").await?;
    shop.until(&id, "delivered").await?;
    assert_eq!(shop.left(&id).await?, delivered(&["failed", "captured"]));
    Ok(())
}

/// The payment of an order is decided at the provider.
async fn decide(shop: &World, order: &str, how: &Value) -> Result<()> {
    let path = format!("/v1/payments/{}/complete", shop.reference(order).await?);
    shop.bank().post(&path, how).await?.ok()?;
    Ok(())
}

async fn told_by_the_provider(shop: &World, order: &str, fact: &str) -> Result<()> {
    shop.until(order, "delivered").await?;
    assert_eq!(shop.left(order).await?, delivered(&["captured"]));
    let timeline = shop.timeline(order).await?;
    let told: Vec<_> = timeline.iter().filter(|entry| entry["event_type"] == fact).collect();
    assert_eq!(told.len(), 1, "{timeline:?}");
    assert_eq!(told[0]["actor"], "provider");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callbacks_that_come_thrice_and_overtake_the_answer_count_once() -> Result<()> {
    let mut options = WorldOptions { kitchen: None, couriers: None, ..WorldOptions::default() };
    options.provider.callbacks.mode = CallbackMode::All;
    options.provider.callbacks.copies = 3;
    options.provider.callbacks.before_answer = true;
    let shop = World::start(options).await?;
    let tokens = [
        "tok_ok",
        "tok_captured",
        "tok_callback_only",
        "tok_requires_action",
        "tok_capture_timeout_after_charge",
    ];
    let fetched = tokens.map(|token| fetched_and_paid_once(&shop, token));
    let given_back = ["tok_ok", "tok_captured"].map(|token| given_back_once(&shop, token));
    tokio::try_join!(
        futures_util::future::try_join_all(fetched),
        futures_util::future::try_join_all(given_back),
        let_go_once(&shop),
    )?;
    shop.ends_well().await
}

async fn fetched_and_paid_once(shop: &World, token: &str) -> Result<()> {
    let id = shop.place(&order::pickup(token)).await?;
    shop.cook(&id).await?;
    shop.kitchen(&id, "finished", "collect").await?;
    shop.until(&id, "delivered").await?;
    let story = shop.story(&id).await?;
    let held = usize::from(token != "tok_captured");
    assert_eq!(
        (times(&story, "payment.authorized"), times(&story, "payment.captured")),
        (held, 1),
        "{story:?}"
    );
    Ok(())
}

async fn given_back_once(shop: &World, token: &str) -> Result<()> {
    let id = shop.place(&order::pickup(token)).await?;
    shop.cook(&id).await?;
    shop.cancel(&id, Some(harness::shop::OPERATOR)).await?.ok()?;
    shop.cancelled(&id, "operator").await?;
    let story = shop.story(&id).await?;
    assert_eq!((times(&story, "payment.captured"), times(&story, "payment.refunded")), (1, 1), "{story:?}");
    Ok(())
}

async fn let_go_once(shop: &World) -> Result<()> {
    let id = shop.place(&order::pickup("tok_ok")).await?;
    shop.kitchen(&id, "pending", "reject").await?;
    shop.cancelled(&id, "kitchen_rejected").await?;
    assert_eq!(times(&shop.story(&id).await?, "payment.voided"), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_is_not_paid_in_time_is_cancelled_and_keeps_nothing() -> Result<()> {
    let watch = Watch::default();
    let mut options = WorldOptions { clock: watch.clock(), ..WorldOptions::default() };
    options.provider.decide_after = None;
    let shop = World::start(options).await?;

    let nobody_pays = shop.place(&order::unpaid(order::delivery("tok_ok"))).await?;
    let never_answered = shop.place(&order::delivery("tok_timeout")).await?;
    let never_confirmed = shop.place(&order::pickup("tok_requires_action")).await?;
    let never_decided = shop.place(&order::delivery("tok_callback_only")).await?;
    let orders = [&nobody_pays, &never_answered, &never_confirmed, &never_decided];

    // Each has fifteen minutes.
    let first = |saga: &Value| {
        saga["timers"].as_array().is_some_and(|all| all.iter().any(|t| t["name"] == "payment_due"))
    };
    for id in orders {
        let saga = shop.saga(id, "a limit to the payment", first).await?;
        let timers = saga["timers"].as_array().context("timers")?;
        let due = timers.iter().find(|timer| timer["name"] == "payment_due").context("payment_due")?;
        let due: DateTime<Utc> = due["due_at"].as_str().context("due_at")?.parse()?;
        let placed: DateTime<Utc> =
            shop.client.order(id).await?["created"].as_str().context("created")?.parse()?;
        // Rows hold microseconds.
        assert_eq!(due, placed.trunc_subsecs(6) + TimeDelta::minutes(15));
    }
    shop.payment_at(&never_answered, "outcome_unknown").await?;
    shop.payment_at(&never_confirmed, "action_required").await?;
    shop.payment_at(&never_decided, "outcome_unknown").await?;
    let asked_twice = |saga: &Value| {
        asked_of_the_provider(saga).iter().filter(|(what, lost)| what == "authorize" && *lost).count() >= 2
    };
    shop.saga(&never_answered, "the provider to be asked again, because it knows nothing", asked_twice)
        .await?;

    watch.forward(TimeDelta::minutes(15));
    for id in [&nobody_pays, &never_answered, &never_confirmed] {
        let ended = shop.cancelled(id, "payment_timeout").await?;
        assert_eq!(ended["cancellation"]["by"], "process");
    }
    // What the provider has not decided may still become money: the order is not closed before that is known.
    shop.staged(&never_decided, "cancelling").await?;
    decide(&shop, &never_decided, &json!({})).await?;
    let looks_again =
        |saga: &Value| saga["timers"][0]["name"] == "reconcile" || saga["status"] == "compensated";
    shop.saga(&never_decided, "the provider to be asked again", looks_again).await?;
    watch.forward(TimeDelta::minutes(5));
    shop.cancelled(&never_decided, "payment_timeout").await?;

    assert_eq!(shop.left(&nobody_pays).await?, never_cooked(&[]));
    assert_eq!(shop.left(&never_answered).await?, never_cooked(&["failed"]));
    assert_eq!(shop.left(&never_confirmed).await?, never_cooked(&["voided"]));
    assert_eq!(shop.left(&never_decided).await?, never_cooked(&["voided"]));
    let held: Vec<String> = shop
        .provider
        .ledger()
        .iter()
        .filter(|entry| entry.kind == EntryKind::Authorized)
        .map(|entry| entry.order.to_string())
        .collect();
    assert_eq!(held, [never_decided], "only that was ever held, and it was let go");
    shop.ends_well().await
}
