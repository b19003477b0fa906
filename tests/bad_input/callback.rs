//! What comes to the address of the payment provider and is not from it, or not in order.

#![expect(clippy::expect_used, reason = "what a test makes itself it may count on")]

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use harness::edge::AMOUNT;
use harness::world::SECRET;
use harness::{Answer, Edge};
use serde_json::{Value, json};
use spindle::signature::{self, Secret};
use spindle_domain::payment::PaymentCommand;
use spindle_domain::values::{Currency, Money};
use uuid::Uuid;

use super::JSON;

const PATH: &str = "/api/v1/payments/callback";
/// A secret that the server does not know.
const STRANGE: &str = "whsec_YSBzZWNyZXQgb2Ygc29tZWJvZHkgZWxzZSwgbm90IG91cnM=";

/// What the provider would say of a payment that it holds.
fn held(payment: Uuid) -> Value {
    json!({
        "id": "pp_1", "payment_id": payment, "amount": "12.20", "currency": "EUR", "status": "authorized",
        "reference": "pp_1", "created_at": "2026-05-01T12:00:00Z",
    })
}

type Headers = Vec<(&'static str, String)>;

fn signed(secret: &str, id: &str, at: DateTime<Utc>, body: &[u8]) -> Headers {
    signature::sign(&[Secret::parse(secret).expect("a secret")], id, at, body).into()
}

async fn send(edge: &Edge, headers: &Headers, body: &[u8]) -> Result<Answer> {
    let headers: Vec<(&str, &str)> =
        std::iter::once(JSON).chain(headers.iter().map(|(name, value)| (*name, value.as_str()))).collect();
    edge.client.send("POST", PATH, &headers, Some(body.to_vec())).await
}

/// Sends what the provider says, as it would: signed, now, under a new id.
async fn say(edge: &Edge, body: &[u8]) -> Result<Answer> {
    send(edge, &signed(SECRET, &Uuid::new_v4().to_string(), Utc::now(), body), body).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_callback_that_is_unsigned_forged_changed_or_old_is_not_believed() -> Result<()> {
    let edge = Edge::open().await?;
    let payment = edge.payment().await?;
    let before = edge.stored().await?;
    let body = held(payment).to_string().into_bytes();
    let (id, now) = (Uuid::new_v4().to_string(), Utc::now());
    let good = signed(SECRET, &id, now, &body);
    let but = |name: &str, value: &str| -> Headers {
        let mut headers = good.clone();
        headers.retain(|(known, _)| *known != name);
        if !value.is_empty() {
            headers.extend(
                good.iter().filter(|(known, _)| *known == name).map(|(known, _)| (*known, value.to_owned())),
            );
        }
        headers
    };
    let (stamp, sign) = (signature::TIMESTAMP, signature::SIGNATURE);
    let twice = |name: &str| -> Headers {
        good.iter().chain(good.iter().filter(|(known, _)| *known == name)).cloned().collect()
    };
    let later = (now + TimeDelta::seconds(1)).timestamp().to_string();
    let code =
        good.iter().find(|(name, _)| *name == sign).map(|(_, code)| code.as_str()).context("a signature")?;
    let cases: Vec<(&str, Headers)> = vec![
        ("unsigned", Vec::new()),
        ("without an id", but(signature::ID, "")),
        ("without a time", but(stamp, "")),
        ("without a signature", but(sign, "")),
        ("another id", but(signature::ID, "another")),
        ("an id with a full stop", signed(SECRET, "a.b", now, &body)),
        ("another time", but(stamp, &later)),
        ("no time", but(stamp, "now")),
        ("a time beyond every clock", but(stamp, "1000000000000000000000000000000000000")),
        ("no base64", but(sign, "v1,???")),
        ("another version", but(sign, &code.replace("v1,", "v2,"))),
        ("an empty signature", but(sign, "v1,")),
        ("two ids", twice(signature::ID)),
        ("two times", twice(stamp)),
        ("two signatures", twice(sign)),
        ("forged", signed(STRANGE, &id, now, &body)),
        ("of another message", signed(SECRET, &id, now, b"{}")),
        ("old", signed(SECRET, &id, now - TimeDelta::seconds(310), &body)),
        ("from the future", signed(SECRET, &id, now + TimeDelta::seconds(330), &body)),
    ];
    for (what, headers) in &cases {
        let answer = send(&edge, headers, &body).await?;
        answer.problem(401, "invalid_signature").context(*what)?;
        ensure!(answer.header("www-authenticate").is_some(), "{what}: how to do better is not said");
    }
    let mut changed = body.clone();
    *changed.last_mut().context("a body")? = b' ';
    send(&edge, &good, &changed).await?.problem(401, "invalid_signature").context("changed on its way")?;
    ensure!(edge.stored().await? == before, "not believed, and yet stored");

    // The very message that was good all along.
    send(&edge, &good, &body).await?.ok()?;
    let stored = edge.stored().await?;
    ensure!((stored.head, stored.claims) == (before.head + 1, before.claims + 1), "{stored:?}");
    edge.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_callback_counts_once_however_often_it_comes() -> Result<()> {
    let edge = Edge::open().await?;
    let payment = edge.payment().await?;
    let body = held(payment).to_string().into_bytes();
    let (id, now) = (Uuid::new_v4().to_string(), Utc::now());
    send(&edge, &signed(SECRET, &id, now, &body), &body).await?.ok()?;
    let once = edge.stored().await?;
    for again in [now, now + TimeDelta::seconds(1)] {
        let answer = send(&edge, &signed(SECRET, &id, again, &body), &body).await?;
        ensure!(answer.status == 200 && answer.body == json!({}), "{answer:?}");
    }
    ensure!(edge.stored().await? == once, "played again, and counted twice");
    // Another message under a known id is no message; the same news under another id is no news.
    let mut other = held(payment);
    other["status"] = json!("voided");
    let other = other.to_string().into_bytes();
    let answer = send(&edge, &signed(SECRET, &id, now, &other), &other).await?;
    answer.problem(422, "idempotency_key_reused")?;
    say(&edge, &body).await?.ok()?;
    ensure!(edge.stored().await?.head == once.head);
    ensure!(edge.events("payment.authorized").await? == 1 && edge.events("payment.voided").await? == 0);
    edge.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signed_callback_that_makes_no_sense_is_refused_and_names_the_field() -> Result<()> {
    let edge = Edge::open().await?;
    let payment = edge.payment().await?;
    let before = edge.stored().await?;
    let with = |field: &str, value: Value| {
        let mut body = held(payment);
        body[field] = value;
        body.to_string()
    };
    let long = "x".repeat(201);
    let fields = [
        (with("id", json!(7)), "/id"),
        (with("payment_id", json!("me")), "/payment_id"),
        (with("order_id", json!(Uuid::now_v7())), "/order_id"),
        (with("status", json!(null)), "/status"),
        (with("status", json!(["authorized"])), "/status"),
        (with("amount", json!(12.2)), "/amount"),
        (with("amount", json!("12.201")), "/amount"),
        (with("amount", json!("1e2")), "/amount"),
        (with("amount", json!("1".repeat(40))), "/amount"),
        (with("amount", json!("-0")), "/amount"),
        (with("amount", json!(null)), "/amount"),
        (with("currency", json!("XQX")), "/currency"),
        (with("reference", json!("")), "/reference"),
        (with("reference", json!(long)), "/reference"),
        (with("reference", json!("a\0b")), "/reference"),
        (with("provider's own", json!("a\0b")), "/provider's own"),
        (with("provider's own", json!([1, { "a": "\0" }])), "/provider's own/1/a"),
    ];
    for (body, pointer) in &fields {
        let answer = say(&edge, body.as_bytes()).await?;
        answer.problem(422, "invalid_body").with_context(|| body.clone())?;
        answer.rule("pointer", pointer).with_context(|| body.clone())?;
    }
    // A NUL that hides behind more depth than a parser goes.
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let hidden = with("reference", json!("a\0b")).replacen('{', &format!("{{\"own\":{deep},"), 1);
    let answer = say(&edge, hidden.as_bytes()).await?;
    ensure!((400..500).contains(&answer.status), "{}", answer.body);
    for (body, status, code) in [
        ("{".to_owned(), 400, "invalid_json"),
        ("[]".to_owned(), 422, "invalid_body"),
        (with("payment_id", json!(Uuid::now_v7())), 404, "payment_not_found"),
        (with("amount", json!("12.21")), 409, "amount_differs"),
        (with("currency", json!("USD")), 409, "amount_differs"),
        (with("own", json!("x".repeat(256 * 1_024))), 413, "body_too_large"),
    ] {
        say(&edge, body.as_bytes()).await?.problem(status, code)?;
    }
    ensure!(edge.stored().await? == before, "refused, and yet stored");
    // What nothing follows from is no error: the provider would only send it again.
    say(&edge, with("status", json!("chargeback_opened")).as_bytes()).await?.ok()?;
    ensure!(edge.stored().await? == before);
    // The provider may say more than Spindle understands.
    say(&edge, with("own", json!({ "risk": [0.1, null] })).as_bytes()).await?.ok()?;
    ensure!(edge.events("payment.authorized").await? == 1);
    edge.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_one_secret_replaces_another_both_are_believed() -> Result<()> {
    let edge = Edge::open_with(|config| config.provider.callback_secrets.push(STRANGE.to_owned())).await?;
    for secret in [SECRET, STRANGE] {
        let body = held(edge.payment().await?).to_string().into_bytes();
        send(&edge, &signed(secret, &Uuid::new_v4().to_string(), Utc::now(), &body), &body).await?.ok()?;
    }
    ensure!(edge.events("payment.authorized").await? == 2);
    let edge = edge.restart(|config| config.provider.callback_secrets.clear()).await?;
    let body = held(edge.payment().await?).to_string().into_bytes();
    say(&edge, &body)
        .await?
        .problem(401, "invalid_signature")
        .context("without a secret nothing is believed")?;
    edge.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_provider_cannot_take_what_was_not_held_nor_more_than_was() -> Result<()> {
    let edge = Edge::open().await?;
    let payment = edge.payment().await?;
    let amount = Money::new(AMOUNT, Currency::EUR);
    edge.tell(payment, PaymentCommand::RecordAuthorized { reference: "pp_1".into(), amount }).await?;
    let before = edge.stored().await?;
    let mut body = held(payment);
    body["status"] = json!("succeeded");
    for (amount, status, code) in [("12.21", 409, "captured_too_much"), ("0", 422, "amount_not_positive")] {
        body["amount"] = json!(amount);
        say(&edge, body.to_string().as_bytes()).await?.problem(status, code).context(amount)?;
    }
    ensure!(edge.stored().await? == before);
    edge.close().await
}
