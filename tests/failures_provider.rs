//! A payment provider that is away, or that will not give money back: Spindle waits, says why, and asks for a
//! person when waiting does not help.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use harness::server::lasting_port;
use harness::shop::{OPERATOR, in_order, times};
use harness::truth::{self, accounts};
use harness::world::hire;
use harness::{World, WorldOptions, eventually, order};
use serde_json::{Value, json};
use spindle::simulators::CrewOptions;
use spindle::simulators::couriers::CourierOptions;
use spindle::simulators::kitchen::KitchenOptions;
use spindle::simulators::provider::{self, ProviderOptions};
use tokio_util::sync::CancellationToken;

/// A shop without a crew whose provider can go away and come back: it has a port of its own and remembers.
async fn with_a_lasting_provider(
    change: impl FnOnce(&mut WorldOptions),
) -> Result<(World, ProviderOptions, tempfile::TempDir)> {
    let folder = tempfile::tempdir()?;
    let mut options = WorldOptions { kitchen: None, couriers: None, ..WorldOptions::default() };
    options.provider.listen = SocketAddr::from(([127, 0, 0, 1], lasting_port()?));
    options.provider.file = Some(folder.path().join("provider.jsonl"));
    // Who is busy is not away.
    options.config.provider.timeout = Duration::from_secs(30);
    change(&mut options);
    let provider = options.provider.clone();
    Ok((World::start(options).await?, provider, folder))
}

/// The provider goes away; one that nobody speaks to stands in for it in the books of the test.
async fn goes_away(shop: &mut World, options: &ProviderOptions) -> Result<()> {
    let elsewhere = ProviderOptions::new(options.secret.clone());
    let away = std::mem::replace(&mut shop.provider, provider::start(elsewhere).await?);
    away.shutdown().await;
    Ok(())
}

async fn comes_back(shop: &mut World, options: &ProviderOptions) -> Result<()> {
    shop.provider = provider::start(options.clone()).await?;
    Ok(())
}

/// Whether a process has failed so often to reach the provider, and says so.
fn backs_off(attempts: i64) -> impl Fn(&Value) -> bool {
    move |saga| {
        let work = &saga["work"][0];
        work["status"] == "due"
            && work["attempts"].as_i64().is_some_and(|failed| failed >= attempts)
            && work["last_error"].as_str().is_some_and(|error| error.contains("cannot be reached"))
            && saga["verdict"]["verdict"] == "backing_off"
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_provider_is_away_the_process_backs_off_and_when_it_is_back_it_goes_on() -> Result<()> {
    let (mut shop, options, _folder) = with_a_lasting_provider(|_| ()).await?;
    let held = shop.place(&order::delivery("tok_ok")).await?;
    let given_back = shop.place(&order::delivery("tok_captured")).await?;
    for id in [&held, &given_back] {
        shop.saga(id, "the kitchen to be asked", |saga| {
            saga["step"] == "accept" && saga["work"] == json!([])
        })
        .await?;
    }

    goes_away(&mut shop, &options).await?;
    let new = shop.place(&order::pickup("tok_ok")).await?;
    shop.kitchen(&held, "pending", "accept").await?;
    shop.kitchen(&given_back, "pending", "reject").await?;
    for (id, step) in [(&new, "pay"), (&held, "capture"), (&given_back, "return_money")] {
        let saga = shop.saga(id, "the process to back off", backs_off(3)).await?;
        assert_eq!(saga["step"], step, "{saga}");
        let why = saga["why"].as_str().context("no reason")?;
        assert!(why.starts_with("Backing off after attempt"), "{why}");
        // Every attempt is in the journal, with its number, its error and when the next one is due.
        let journal = saga["journal"].as_array().context("no journal")?;
        let failed: Vec<_> = journal
            .iter()
            .filter(|line| line["kind"] == "attempt" && line["entry"]["error"].is_string())
            .collect();
        let numbers: Vec<_> = failed.iter().filter_map(|line| line["entry"]["attempt"].as_i64()).collect();
        // One more may have failed since the work was looked at.
        let attempts = saga["work"][0]["attempts"].as_i64().context("attempts")?;
        let last = numbers.last().copied().context("no failed attempt")?;
        assert!(last == attempts || last == attempts + 1, "{attempts} failed: {journal:?}");
        assert_eq!(numbers, (1..=last).collect::<Vec<_>>(), "{journal:?}");
        assert!(failed.iter().all(|line| line["entry"]["next_attempt_at"].is_string()), "{failed:?}");
    }
    assert_eq!(shop.left(&new).await?["payments"], json!(["requested"]));
    assert_eq!(shop.left(&held).await?["payments"], json!(["authorized"]));

    comes_back(&mut shop, &options).await?;
    let crew = CancellationToken::new();
    let hands = || CrewOptions::new("");
    hire(&shop.server.url, Some(KitchenOptions::new(hands())), Some(CourierOptions::new(hands())), &crew);
    shop.until(&new, "delivered").await?;
    shop.until(&held, "delivered").await?;
    shop.cancelled(&given_back, "kitchen_rejected").await?;
    crew.cancel();
    for (id, payment) in [(&new, "captured"), (&held, "captured"), (&given_back, "refunded")] {
        assert_eq!(shop.left(id).await?["payments"], json!([payment]));
        assert_eq!(
            times(&shop.story(id).await?, "payment.outcome_unknown"),
            0,
            "who is not there did nothing"
        );
    }
    shop.ends_well().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_that_fails_too_often_is_given_up_and_a_person_is_asked_for() -> Result<()> {
    let (mut shop, options, _folder) = with_a_lasting_provider(|options| {
        options.config.retry.attempts = 2;
        options.broker = false;
    })
    .await?;
    eventually("the process to be well", async || {
        let ready = shop.client.get("/readyz").await.ok()?.body;
        (ready["process"]["status"] == "ok").then_some(())
    })
    .await?;
    let held = shop.place(&order::delivery("tok_ok")).await?;
    shop.saga(&held, "the kitchen to be asked", |saga| saga["step"] == "accept" && saga["work"] == json!([]))
        .await?;
    goes_away(&mut shop, &options).await?;
    let new = shop.place(&order::pickup("tok_ok")).await?;
    shop.kitchen(&held, "pending", "accept").await?;

    for (id, work, words) in
        [(&new, "authorize", "the provider's authorize"), (&held, "capture", "the provider's capture")]
    {
        let saga =
            shop.saga(id, "the process to ask for a person", |saga| saga["status"] == "attention").await?;
        let given_up = &saga["work"][0];
        assert_eq!((&given_up["status"], &given_up["attempts"]), (&json!("dead"), &json!(2)), "{saga}");
        assert!(given_up["work"]["call"].get(work).is_some(), "{given_up}");
        assert_eq!(saga["verdict"]["verdict"], "dead_lettered", "{saga}");
        let why = saga["why"].as_str().context("no reason")?;
        assert!(why.starts_with("Given up after 2 attempts") && why.contains("cannot be reached"), "{why}");
        let attention = saga["attention"].as_str().context("no sentence")?;
        assert!(attention.starts_with(words) && attention.contains("did not succeed"), "{attention}");
        assert_eq!(saga["waiting_for"], format!("a person to look: {attention}"));
        let kinds: Vec<_> =
            saga["journal"].as_array().context("journal")?.iter().map(|line| &line["kind"]).collect();
        assert!(kinds.contains(&&json!("gave_up")), "{kinds:?}");
    }
    let listed = shop.client.get("/api/v1/sagas?status=attention").await?.ok()?;
    let mut ids: Vec<_> =
        listed["sagas"].as_array().context("a list")?.iter().map(|saga| saga["id"].clone()).collect();
    ids.sort_by_key(ToString::to_string);
    assert_eq!(ids, [json!(held), json!(new)], "who looks for work finds both: {listed}");
    let ready = shop.client.get("/readyz").await?.body;
    let said = ready["process"]["detail"].as_str().unwrap_or_default();
    assert!(said.contains("2 dead-lettered") && said.contains("2 need attention"), "{ready}");

    // Nothing happened to the money meanwhile, and nobody claims that it did.
    comes_back(&mut shop, &options).await?;
    let held_money: Vec<_> = accounts(&shop.provider.ledger()).into_values().collect();
    assert_eq!(held_money.len(), 1);
    assert!(
        held_money[0].authorized == 740 && held_money[0].captures == 0 && !held_money[0].voided,
        "{held_money:?}"
    );
    assert_eq!(shop.left(&new).await?["payments"], json!(["requested"]));
    assert_eq!(shop.left(&held).await?["payments"], json!(["authorized"]));
    assert_eq!(shop.database.log().check().await?.faults(), Vec::<String>::new());
    shop.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refund_that_fails_is_shown_until_an_operator_has_it_given_back() -> Result<()> {
    let shop =
        World::start(WorldOptions { kitchen: None, couriers: None, ..WorldOptions::default() }).await?;
    let id = shop.place(&order::delivery("tok_refund_fails")).await?;
    shop.kitchen(&id, "pending", "accept").await?;
    shop.staged(&id, "in_kitchen").await?;
    shop.cancel(&id, None).await?.ok()?;

    // The order stays open, with a sentence that says what is wrong.
    let saga =
        shop.saga(&id, "the process to ask for a person", |saga| saga["status"] == "attention").await?;
    assert_eq!(saga["step"], "return_money");
    let attention = saga["attention"].as_str().context("no sentence")?;
    assert!(
        attention.contains("failed: the customer's account takes no money (account_closed)"),
        "{attention}"
    );
    assert!(attention.contains("7.40 EUR"), "how much: {attention}");
    assert_eq!(saga["why"], format!("A person must look: {attention}."));
    assert_eq!(shop.client.order(&id).await?["stage"], "cancelling");
    let failed = json!({ "payments": ["refund_failed"], "schedules": ["cancelled"], "shipments": [] });
    assert_eq!(shop.left(&id).await?, failed);
    let payment = shop.payment_at(&id, "refund_failed").await?;
    assert_eq!(payment["refunds"][0]["stage"], "failed", "{payment}");
    let money = truth::money(&shop.database, &shop.provider.ledger()).await;
    assert!(money.is_err(), "a cancelled order that keeps money does not add up");

    // An operator who tries too early is told so in the same way.
    let refund = format!("/api/v1/payments/{}/refund", payment["id"].as_str().context("id")?);
    let reason = json!({ "reason": "the customer has called" });
    shop.ask_as(Some(OPERATOR), &refund, &reason).await?.ok()?;
    let twice = |saga: &Value| {
        saga["status"] == "attention"
            && saga["state"]["purses"][0]["returns"].as_array().is_some_and(|all| all.len() == 2)
    };
    shop.saga(&id, "the second refund to fail, too", twice).await?;
    shop.payment_at(&id, "refund_failed").await?;

    let allow = format!("/v1/payments/{}/allow-refunds", shop.reference(&id).await?);
    shop.bank().post(&allow, &json!({})).await?.ok()?;
    let asked = shop.ask_as(Some(OPERATOR), &refund, &reason).await?;
    assert_eq!(asked.status, 202, "{}", asked.body);
    shop.cancelled(&id, "customer_request").await?;
    let saga = shop.saga(&id, "the process to be done", |saga| saga["status"] == "compensated").await?;
    assert_eq!(saga["attention"], Value::Null);
    assert_eq!(shop.left(&id).await?["payments"], json!(["refunded"]));
    let story = shop.story(&id).await?;
    assert_eq!(
        (times(&story, "payment.refund_failed"), times(&story, "payment.refunded")),
        (2, 1),
        "{story:?}"
    );
    in_order(
        &story,
        &["payment.refund_failed", "payment.refund_failed", "payment.refunded", "order.cancelled"],
    )?;
    shop.ends_well().await
}
