//! Every error becomes a problem, and says no more than it should.

use axum::body::to_bytes;
use axum::http::header::CONTENT_TYPE;
use rstest::rstest;
use serde_json::json;
use spindle_domain::kitchen::ScheduleError;
use spindle_domain::order::{OrderError, Party, Stage};
use spindle_domain::payment::PaymentError;
use spindle_domain::pricing::PricingError;
use spindle_domain::shipment::ShipmentError;
use spindle_domain::values::{Currency, Money, Sku};

use super::*;

async fn answered(problem: Problem) -> (Response, Value) {
    let response = problem.into_response();
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, 1 << 16).await.unwrap();
    (Response::from_parts(parts, axum::body::Body::empty()), serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn a_problem_is_a_document() {
    let (response, body) = answered(Problem::body("/lines/0/quantity", "must be 1 or more")).await;
    assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
    assert_eq!(
        body,
        json!({
            "type": "/problems/invalid_body", "title": "The body breaks a rule", "status": 422,
            "detail": "/lines/0/quantity: must be 1 or more",
            "errors": [{"pointer": "/lines/0/quantity", "rule": "must be 1 or more"}],
        })
    );
}

#[rstest]
#[case(CommandError::Stale { expected: 2, actual: 3 }, 412, "version_mismatch", false)]
#[case(CommandError::KeyReused, 422, "idempotency_key_reused", false)]
#[case(CommandError::KeyInFlight, 409, "idempotency_key_in_flight", true)]
#[case(CommandError::Busy, 503, "overloaded", true)]
#[case(CommandError::Unavailable("secret".into()), 503, "log_unavailable", true)]
#[case(CommandError::Unknown("secret".into()), 503, "outcome_unknown", true)]
#[case(CommandError::Unreadable("secret".into()), 500, "history_unreadable", false)]
#[tokio::test]
async fn a_failed_command_says_what_to_do(
    #[case] error: CommandError,
    #[case] status: u16,
    #[case] code: &str,
    #[case] again: bool,
) {
    let (response, body) = answered(error.into()).await;
    assert_eq!(response.status().as_u16(), status);
    assert_eq!(body["type"], format!("/problems/{code}"));
    assert_eq!(response.headers().contains_key(RETRY_AFTER), again);
    assert!(!body.to_string().contains("secret"), "{body}");
    let inside = body["status"].as_u64().unwrap() >= 500 && code != "overloaded";
    assert_eq!(response.extensions().get::<Cause>().is_some(), inside, "the log reads the cause");
}

#[rstest]
#[case(OrderError::NotPlaced.into(), 404, "order_not_found", "Order not found")]
#[case(
    OrderError::NotCancellable { stage: Stage::Dispatched, by: Party::Customer }.into(),
    409, "order_not_cancellable", "Order not cancellable"
)]
#[case(OrderError::NotAPickup.into(), 422, "order_not_a_pickup", "Order not a pickup")]
#[case(PaymentError::NotFound.into(), 404, "payment_not_found", "Payment not found")]
#[case(ShipmentError::NotFound.into(), 404, "shipment_not_found", "Shipment not found")]
#[case(PricingError::NoLines.into(), 422, "no_lines", "No lines")]
fn a_refusal_keeps_its_code_and_its_words(
    #[case] refusal: Refusal,
    #[case] status: u16,
    #[case] code: &str,
    #[case] title: &str,
) {
    let words = refusal.to_string();
    let problem = Problem::from(CommandError::from(refusal));
    assert_eq!((problem.status().as_u16(), problem.code(), &*problem.0.title), (status, code, title));
    assert_eq!(problem.0.detail, words);
}

#[tokio::test]
async fn a_refusal_names_the_place_and_carries_the_values() {
    let (_, body) =
        answered(Refusal::from(ScheduleError::QuantityTooSmall { index: 2, quantity: 0 }).into()).await;
    assert_eq!(body["errors"][0]["pointer"], "/items/2/quantity");
    let money = |amount| Money::new(amount, Currency::EUR);
    let changed = PricingError::PriceChanged {
        sku: Sku::parse("latte").unwrap(),
        seen: money(400),
        current: money(420),
    };
    let (response, body) = answered(Refusal::from(changed).into()).await;
    assert_eq!(response.status(), StatusCode::CONFLICT);
    assert_eq!((&body["seen"]["amount"], &body["current"]["amount"]), (&json!(400), &json!(420)));
}

#[tokio::test]
async fn a_view_that_is_behind_says_how_far() {
    let behind = spindle_projections::queries::Behind { consumer: "c".into(), at: 3, wanted: 7 };
    let (response, body) = answered(QueryError::from(behind).into()).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(response.headers().contains_key(RETRY_AFTER));
    assert_eq!((&body["at"], &body["wanted"]), (&json!(3), &json!(7)));
}

#[test]
fn every_code_is_there_once() {
    let mut codes: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    codes.sort_unstable();
    let all = codes.len();
    codes.dedup();
    assert_eq!(codes.len(), all);
}

#[test]
fn what_a_client_sent_does_not_come_back_without_end() {
    let problem = Problem::body("/a", "ä".repeat(10_000));
    assert!(problem.0.detail.chars().count() <= LONGEST_ECHO + 1);
    assert!(problem.errors()[0].rule.chars().count() <= LONGEST_ECHO + 1);
}
