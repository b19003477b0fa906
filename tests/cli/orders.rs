//! `spindle order` and `spindle saga`, against a shop at work.

use anyhow::{Context, Result, ensure};
use harness::{World, WorldOptions, eventually, order};
use serde_json::{Value, json};

use super::Shell;

async fn shop(change: impl FnOnce(&mut WorldOptions)) -> Result<(World, Shell)> {
    let mut options = WorldOptions { broker: false, ..WorldOptions::default() };
    change(&mut options);
    let world = World::start(options).await?;
    let shell =
        Shell::new(&[("SPINDLE_URL", &world.server.url), ("SPINDLE_DATABASE_URL", &world.database.url)])?;
    Ok((world, shell))
}

fn id(order: &Value) -> Result<String> {
    Ok(order["id"].as_str().with_context(|| format!("no id: {order}"))?.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_is_placed_watched_to_its_end_and_explained() -> Result<()> {
    let (world, shell) = shop(|_| ()).await?;
    let words = "order place --line cappuccino:medium:2 --line croissant --name Ada --email ada@example.com --pickup \
                 --note hot --pay tok_ok --wait 80";
    let watched = shell.run(&words.split_whitespace().collect::<Vec<_>>()).await?.with(0)?;
    let page = world.client.get("/api/v1/orders").await?.ok()?;
    let order = &page["orders"][0];
    let id = id(order)?;
    ensure!(
        order["stage"] == "collected" && order["total"]["amount"] == 990 && order["note"] == "hot",
        "{order}"
    );
    ensure!(watched.out.contains(&id) && watched.out.contains("9.90 EUR"), "{watched:?}");
    // Every step once, in order.
    world.settle().await?;
    let timeline = world.client.get(&format!("/api/v1/orders/{id}/timeline")).await?.ok()?;
    let mut rest = watched.out.as_str();
    let mut told = 0;
    for entry in timeline["entries"].as_array().context("entries")? {
        let text = entry["text"].as_str().context("a sentence")?;
        let Some((_, after)) = rest.split_once(text) else {
            // The end is told as soon as it is there; what is tidied up afterwards is not waited for.
            ensure!(told >= 8, "{text} is not told after {told} steps: {watched:?}");
            break;
        };
        (rest, told) = (after, told + 1);
        if entry["event_type"] == "order.collected" {
            break;
        }
    }

    let show = shell.run(&["order", "show", &id]).await?.with(0)?.out;
    for part in [
        id.as_str(),
        "delivered, collected",
        "Ada, ada@example.com",
        "Cappuccino",
        "9.90 EUR",
        "pickup",
        "hot",
    ] {
        ensure!(show.contains(part), "{part}: {show}");
    }
    let shown = shell.run(&["--output", "json", "order", "show", &id]).await?.with(0)?.json()?;
    ensure!(shown == world.client.order(&id).await?, "{shown}");
    let events = shell.run(&["order", "events", &id]).await?.with(0)?.out;
    for part in
        ["order.placed", "payment.captured", "kitchen.finished", "order.collected", "process:fulfilment"]
    {
        ensure!(events.contains(part), "{part}: {events}");
    }
    let events = shell.run(&["order", "events", &id, "--output", "json"]).await?.with(0)?.json()?;
    ensure!(events == timeline, "{events}");

    let sagas = shell.run(&["saga", "list"]).await?.with(0)?.out;
    ensure!(sagas.contains(&id) && sagas.contains("completed"), "{sagas}");
    ensure!(!shell.run(&["saga", "list", "--status", "attention"]).await?.with(0)?.out.contains(&id));
    let why = shell.run(&["saga", "why", &id]).await?.with(0)?.out;
    ensure!(why.trim().lines().count() == 1 && why.trim().len() > 10, "{why}");
    let shown = shell.run(&["saga", "show", &id]).await?.with(0)?.out;
    ensure!(
        shown.starts_with(why.trim()) && shown.contains("Journal") && shown.contains("order.placed"),
        "{shown}"
    );
    let verdict = shell.run(&["saga", "why", &id, "--output", "json"]).await?.with(0)?.json()?;
    ensure!(verdict["why"] == why.trim() && verdict["status"] == "completed", "{verdict}");
    let check = shell.run(&["events", "check"]).await?.with(0)?.out;
    ensure!(check.contains("without a gap") && check.contains("every payload readable"), "{check}");
    world.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_are_listed_paid_and_cancelled_and_a_refusal_has_its_code() -> Result<()> {
    let (world, shell) = shop(|options| (options.kitchen, options.couriers) = (None, None)).await?;
    let place = [
        "order",
        "place",
        "--line",
        "latte:big",
        "--name",
        "Ada",
        "--street",
        "Long Lane 1",
        "--city",
        "London",
    ];
    let keyed = [&place[..], &["--key", "once"]].concat();
    let first = shell.run(&[&keyed[..], &["--output", "json"]].concat()).await?.with(0)?.json()?;
    let one = id(&first)?;
    ensure!(first["fulfilment"]["address"]["city"] == "London" && first["status"] == "created", "{first}");
    let again = shell.run(&keyed).await?.with(0)?.out;
    ensure!(again.contains(&one) && again.contains("used before"), "{again}");
    let other = [&keyed[..], &["--note", "another"]].concat();
    let reused = shell.run(&other).await?.with(1)?;
    ensure!(reused.err.contains("idempotency key"), "{reused:?}");

    let grace = ["order", "place", "--line", "cookie:3", "--name", "Grace", "--pickup", "--output", "json"];
    let two = id(&shell.run(&grace).await?.with(0)?.json()?)?;
    eventually("the list shows both", async || {
        let page = world.client.get("/api/v1/orders").await.ok()?.body;
        (page["orders"].as_array().map(Vec::len) == Some(2)).then_some(())
    })
    .await?;
    let list = shell.run(&["order", "list"]).await?.with(0)?.out;
    ensure!(list.contains(&one) && list.contains(&two) && list.contains("6.60 EUR"), "{list}");
    let found =
        shell.run(&["order", "list", "--search", "grace", "--output", "json"]).await?.with(0)?.json()?;
    ensure!(
        found["orders"].as_array().map(Vec::len) == Some(1) && found["orders"][0]["id"] == two.as_str(),
        "{found}"
    );
    let short = shell.run(&["order", "list", "--limit", "1"]).await?.with(0)?.out;
    ensure!(short.contains(&two) && !short.contains(&one) && short.contains("--all"), "{short}");
    let all =
        shell.run(&["order", "list", "--limit", "1", "--all", "--output", "json"]).await?.with(0)?.lines()?;
    ensure!(all.len() == 2, "{all:?}");
    let none = shell.run(&["order", "list", "--status", "delivered"]).await?.with(0)?.out;
    ensure!(none.contains("no orders"), "{none}");

    let pay = ["order", "pay", &one, "--method", "tok_ok"];
    ensure!(shell.run(&pay).await?.with(0)?.out.contains("awaiting payment"));
    world.until(&one, "paid").await?;
    let twice = shell.run(&pay).await?.with(5)?;
    ensure!(twice.err.contains("paid"), "{twice:?}");
    let cancelled = shell.run(&["order", "cancel", &two, "--detail", "too late"]).await?.with(0)?;
    ensure!(cancelled.out.contains(&two) && cancelled.out.contains("cancel"), "{cancelled:?}");
    shell.run(&["order", "cancel", &one, "--reason", "no_courier"]).await?.with(1)?;
    let operator =
        ["order", "cancel", &one, "--reason", "no_courier", "--as", "operator:ann", "--output", "json"];
    let cancelled = shell.run(&operator).await?.with(0)?.json()?;
    ensure!(cancelled["cancellation"] == json!({ "reason": "no_courier", "by": "operator" }), "{cancelled}");

    let nobody = "0190b5a0-0000-7000-8000-000000000001";
    for words in [
        &["order", "show", nobody][..],
        &["order", "events", nobody],
        &["order", "cancel", nobody],
        &["saga", "show", nobody],
        &["saga", "why", nobody],
    ] {
        shell.run(words).await?.with(4).with_context(|| words.join(" "))?;
    }
    let words = ["order", "place", "--line", "latte:big", "--line", "unicorn", "--name", "A", "--pickup"];
    let unknown = shell.run(&words).await?.with(1)?.err;
    ensure!(unknown.contains("/lines/1/sku") && unknown.contains("there is no product unicorn"), "{unknown}");
    let machine = shell.run(&["order", "show", nobody, "--output", "json"]).await?.with(4)?;
    let problem: Value = serde_json::from_str(&machine.err)?;
    ensure!(problem["type"] == "/problems/order_not_found" && machine.out.is_empty(), "{machine:?}");
    shell.run(&["order", "list", "--status", "lost"]).await?.with(1)?;
    world.settle().await?;
    world.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_comes_from_a_file_or_a_pipe() -> Result<()> {
    let (world, shell) = shop(|options| (options.kitchen, options.couriers) = (None, None)).await?;
    let body = order::unpaid(order::pickup("")).to_string();
    std::fs::write(shell.folder.path().join("order.json"), &body)?;
    let file =
        shell.run(&["order", "place", "--file", "order.json", "--output", "json"]).await?.with(0)?.json()?;
    let pipe =
        shell.feed(&["order", "place", "--file", "-", "--output", "json"], &body).await?.with(0)?.json()?;
    ensure!(
        file["contact"]["name"] == "Ada Lovelace"
            && file["lines"] == pipe["lines"]
            && file["id"] != pipe["id"]
    );
    for bad in ["", "{", "[]", r#"{"lines":[]}"#] {
        let left = shell.feed(&["order", "place", "--file", "-"], bad).await?.with(1).context(bad)?;
        ensure!(!left.err.is_empty(), "{left:?}");
    }
    let line = ["order", "place", "--file", "-"];
    let named = shell.feed(&line, &body.replace("\"quantity\":2", "\"quantity\":0")).await?.with(1)?;
    ensure!(named.err.contains("/lines/0/quantity") && named.err.contains("1000000"), "{named:?}");
    world.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_does_not_reach_its_customer_is_told_with_code_1() -> Result<()> {
    let (world, shell) = shop(|options| {
        (options.kitchen, options.couriers) = (None, None);
        options.config.process.payment_attempts = 1;
    })
    .await?;
    let place = ["order", "place", "--line", "latte:big", "--name", "Ada", "--pickup"];
    let declined = [&place[..], &["--pay", "tok_declined", "--wait", "80"]].concat();
    let left = shell.run(&declined).await?.with(1)?;
    ensure!(left.out.to_lowercase().contains("cancelled") && left.out.contains("insufficient"), "{left:?}");
    // Nobody cooks.
    let waiting = [&place[..], &["--pay", "tok_ok", "--wait", "1"]].concat();
    let left = shell.run(&waiting).await?.with(1)?;
    ensure!(left.err.contains("after 1 s") && left.err.contains("spindle saga why"), "{left:?}");
    let page = world.client.get("/api/v1/orders").await?.ok()?;
    let waiting = id(&page["orders"][0])?;
    world.until(&waiting, "paid").await?;
    eventually("it is said that the kitchen is waited for", async || {
        let why = shell.run(&["saga", "why", &waiting]).await.ok()?;
        (why.code == 0 && why.out.contains("kitchen")).then_some(())
    })
    .await?;
    world.close().await
}
