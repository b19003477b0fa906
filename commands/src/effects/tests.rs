use chrono::DateTime;
use serde_json::{Value, json};
use spindle_domain::values::{Currency, Money, OrderId, PaymentId, PaymentMethod, RefundId};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use uuid::Uuid;

use super::*;

const PAYMENT: PaymentId = PaymentId(Uuid::from_u128(1));
const ORDER: OrderId = OrderId(Uuid::from_u128(2));
const REFUND: RefundId = RefundId(Uuid::from_u128(3));

fn eur(amount: i64) -> Money {
    Money::new(amount, Currency::EUR)
}

fn authorize() -> Effect {
    let method = PaymentMethod::parse("tok_ok").unwrap();
    Effect::Authorize { payment: PAYMENT, order: ORDER, amount: eur(1220), method }
}

fn capture() -> Effect {
    Effect::Capture { payment: PAYMENT, reference: "pay_1".into(), amount: eur(1220) }
}

fn void() -> Effect {
    Effect::Void { payment: PAYMENT, reference: "pay_1".into() }
}

fn refund() -> Effect {
    Effect::Refund { payment: PAYMENT, refund: REFUND, reference: "pay_1".into(), amount: eur(300) }
}

const LOOK_UP: Effect = Effect::LookUp { payment: PAYMENT };

fn payment(status: wire::Status) -> wire::Payment {
    wire::Payment {
        id: "pay_1".into(),
        reference: PAYMENT,
        order_id: ORDER,
        status,
        amount: eur(1220),
        captured: eur(1220),
        refunded: eur(0),
        decline: None,
        action_url: None,
        created_at: DateTime::UNIX_EPOCH,
    }
}

fn failure(code: &str, processed: Option<bool>) -> Value {
    json!({ "error": { "code": code, "message": "no\u{0}", "processed": processed } })
}

fn answer(effect: &Effect, status: u16, body: &impl serde::Serialize) -> Result<Outcome, EffectError> {
    let body = Ok(serde_json::to_vec(body).unwrap());
    answer::outcome(effect, &Answer { status, retry_after: Some(Duration::from_secs(7)), body })
}

fn is_unknown(outcome: &Result<Outcome, EffectError>, expected: Operation) -> bool {
    matches!(outcome, Ok(Outcome::Unknown { operation, .. }) if *operation == expected)
}

#[test]
fn a_key_is_the_payment_with_the_operation() {
    assert_eq!(idempotency_key(&authorize()), Some(format!("{PAYMENT}:authorize")));
    assert_eq!(idempotency_key(&capture()), Some(format!("{PAYMENT}:capture")));
    assert_eq!(idempotency_key(&void()), Some(format!("{PAYMENT}:void")));
    assert_eq!(idempotency_key(&refund()), Some(format!("{PAYMENT}:refund:{REFUND}")));
    assert_eq!(idempotency_key(&LOOK_UP), None);
}

#[test]
fn a_yes_is_a_yes() {
    use wire::Status::{Authorized, Captured, Voided};
    let reference = || "pay_1".to_owned();
    assert_eq!(
        answer(&authorize(), 201, &payment(Authorized)),
        Ok(Outcome::Authorized { reference: reference(), amount: eur(1220) })
    );
    let captured = Ok(Outcome::Captured { reference: reference(), amount: eur(1220) });
    assert_eq!(answer(&authorize(), 201, &payment(Captured)), captured);
    assert_eq!(answer(&capture(), 200, &payment(Captured)), captured);
    assert_eq!(answer(&void(), 200, &payment(Voided)), Ok(Outcome::Voided));
    let refunded = wire::Refund {
        refund: REFUND,
        status: wire::RefundStatus::Succeeded,
        amount: eur(300),
        payment: payment(wire::Status::PartiallyRefunded),
    };
    assert_eq!(answer(&refund(), 201, &refunded), Ok(Outcome::Refunded));
}

#[test]
fn a_decline_is_a_no_and_keeps_the_code() {
    let declined = Ok(Outcome::Declined { code: "insufficient_funds".into(), message: "no ".into() });
    for effect in [authorize(), capture(), void(), refund()] {
        assert_eq!(answer(&effect, 402, &failure("insufficient_funds", None)), declined);
    }
}

#[test]
fn a_look_up_tells_what_became_of_a_lost_operation() {
    use wire::Status::{
        Authorized, Captured, Declined, PartiallyRefunded, Pending, Refunded, RequiresAction, Voided,
    };
    let of = |status| answer(&LOOK_UP, 200, &payment(status));
    assert!(matches!(of(Authorized), Ok(Outcome::Authorized { .. })));
    assert!(matches!(of(Captured), Ok(Outcome::Captured { .. })));
    assert!(matches!(of(PartiallyRefunded), Ok(Outcome::Captured { .. })));
    assert_eq!(of(Refunded), Ok(Outcome::Refunded));
    assert_eq!(of(Voided), Ok(Outcome::Voided));
    assert!(matches!(of(Declined), Ok(Outcome::Declined { .. })));
    assert!(matches!(of(RequiresAction), Ok(Outcome::ActionRequired { .. })));
    assert!(is_unknown(&of(Pending), Operation::Authorize));
    assert_eq!(answer(&LOOK_UP, 404, &failure(wire::code::PAYMENT_NOT_FOUND, None)), Ok(Outcome::NotFound));
}

#[test]
fn what_was_certainly_not_done_may_be_asked_again() {
    for status in [401, 403, 404, 408, 429, 418] {
        let error = answer(&authorize(), status, &json!("<html>")).unwrap_err();
        assert_eq!(error.retry_after, Some(Duration::from_secs(7)), "HTTP {status}");
    }
    assert!(answer(&authorize(), 503, &failure("overloaded", Some(false))).is_err());
    assert!(answer(&authorize(), 409, &failure(wire::code::KEY_IN_USE, None)).is_err());
    assert!(answer(&authorize(), 302, &json!({})).is_err());
}

#[test]
fn a_broken_provider_leaves_the_outcome_open_unless_it_promises_that_nothing_was_done() {
    assert!(is_unknown(&answer(&capture(), 500, &failure("oops", None)), Operation::Capture));
    assert!(is_unknown(&answer(&capture(), 500, &failure("oops", Some(true))), Operation::Capture));
    assert!(is_unknown(&answer(&capture(), 502, &json!("<html>")), Operation::Capture));
    assert!(answer(&LOOK_UP, 502, &json!("<html>")).is_err(), "a read is read again");
}

#[test]
fn a_yes_that_cannot_be_read_or_is_about_something_else_leaves_the_outcome_open() {
    assert!(is_unknown(&answer(&authorize(), 200, &json!({ "ok": true })), Operation::Authorize));
    assert!(is_unknown(&answer(&authorize(), 201, &payment(wire::Status::Other)), Operation::Authorize));
    assert!(is_unknown(&answer(&capture(), 200, &payment(wire::Status::Authorized)), Operation::Capture));
    assert!(is_unknown(&answer(&void(), 200, &payment(wire::Status::Captured)), Operation::Void));
    let other =
        wire::Payment { reference: PaymentId(Uuid::from_u128(9)), ..payment(wire::Status::Authorized) };
    assert!(is_unknown(&answer(&authorize(), 201, &other), Operation::Authorize));
    for id in ["", "..", "a b", "a\u{0}"] {
        let odd = wire::Payment { id: id.into(), ..payment(wire::Status::Authorized) };
        assert!(is_unknown(&answer(&authorize(), 201, &odd), Operation::Authorize), "{id:?} was taken");
    }
}

#[test]
fn a_refusal_that_speaks_of_an_earlier_request_is_looked_up() {
    let key_reused = failure(wire::code::KEY_REUSED, None);
    assert!(is_unknown(&answer(&refund(), 422, &key_reused), Operation::Refund));
    let already = failure(wire::code::ALREADY_CAPTURED, None);
    assert!(is_unknown(&answer(&capture(), 409, &already), Operation::Capture));
    assert!(matches!(answer(&void(), 409, &already), Ok(Outcome::Declined { .. })));
    assert_eq!(answer(&void(), 409, &failure(wire::code::ALREADY_VOIDED, None)), Ok(Outcome::Voided));
}

fn provider(url: String, total: Duration) -> PaymentProvider {
    PaymentProvider::new(ProviderSettings {
        url,
        api_key: Some("k".into()),
        callback_url: None,
        patience: Patience { connect: Duration::from_secs(2), total },
    })
    .unwrap()
}

#[tokio::test]
async fn without_a_provider_the_error_names_the_setting() {
    let error = PaymentProvider::none("payments.url").call(&authorize(), None).await.unwrap_err();
    assert!(error.message.contains("payments.url"), "{error}");
}

#[tokio::test]
async fn a_refused_connection_proves_that_nothing_was_done() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let result =
        provider(format!("http://{address}"), Duration::from_secs(10)).call(&authorize(), None).await;
    assert!(result.is_err(), "{result:?}");
}

#[tokio::test]
async fn a_connection_lost_after_the_request_leaves_the_outcome_open() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut seen = vec![0; 64 * 1024];
        let length = socket.read(&mut seen).await.unwrap();
        String::from_utf8_lossy(&seen[..length]).to_lowercase()
    });
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let result = provider(url, Duration::from_secs(10)).call(&capture(), Some(trace)).await;
    assert!(is_unknown(&result, Operation::Capture), "{result:?}");
    let seen = server.await.unwrap();
    assert!(seen.starts_with("post /v1/payments/pay_1/capture "), "{seen}");
    for header in
        [format!("idempotency-key: {PAYMENT}:capture"), format!("traceparent: {trace}"), "bearer k".into()]
    {
        assert!(seen.contains(&header), "{header} is missing in {seen}");
    }
}

#[tokio::test]
async fn an_answer_that_comes_too_late_leaves_the_outcome_open() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let result = provider(url, Duration::from_millis(50)).call(&authorize(), None).await;
    assert!(is_unknown(&result, Operation::Authorize), "{result:?}");
}

#[tokio::test]
async fn an_answer_cut_short_leaves_the_outcome_open() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut seen = vec![0; 64 * 1024];
        assert!(socket.read(&mut seen).await.unwrap() > 0);
        socket.write_all(b"HTTP/1.1 201 Created\r\ncontent-length: 500\r\n\r\n{\"id\":").await.unwrap();
    });
    let result = provider(url, Duration::from_secs(10)).call(&authorize(), None).await;
    assert!(is_unknown(&result, Operation::Authorize), "{result:?}");
}
