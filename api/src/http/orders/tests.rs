//! One version, one body: whether it is made from the aggregate or from the view.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use spindle_commands::Decider;
use spindle_domain::fact::{Circumstances, Fact, Recorded};
use spindle_domain::kitchen::ScheduleEvent;
use spindle_domain::order::{CancelReason, OrderEvent, Party};
use spindle_domain::payment::PaymentEvent;
use spindle_domain::shipment::ShipmentEvent;
use spindle_domain::values::{Currency, Money, OrderId, PaymentId, ScheduleId, ShipmentId};
use spindle_projections::Projection;

use super::*;

const ORDER: Uuid = Uuid::from_u128(1);

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
}

fn placed() -> OrderEvent {
    let money = json!({"amount": 420, "currency": "EUR"});
    serde_json::from_value(json!({"placed": {
        "quote": {
            "lines": [{"sku": "latte", "name": "Latte", "quantity": 1, "unit_price": money, "total": money}],
            "total": money,
        },
        "contact": {"name": "Ada", "email": "ada@example.com"},
        "fulfilment": {"type": "delivery", "address": {"street": "Quay 1", "city": "Kiel"}},
        "location": "main",
        "note": "no sugar",
        "at": at(0),
    }}))
    .unwrap()
}

fn requested(payment: u128, attempt: u32) -> OrderEvent {
    OrderEvent::PaymentRequested {
        payment: PaymentId(Uuid::from_u128(payment)),
        amount: Money::new(420, Currency::EUR),
        method: serde_json::from_value(json!("tok_ok")).unwrap(),
        attempt,
    }
}

fn kitchen(event: Value) -> Fact {
    Fact::Kitchen(ScheduleId(Uuid::from_u128(8)), serde_json::from_value::<ScheduleEvent>(event).unwrap())
}

fn shipment(event: Value) -> Fact {
    Fact::Shipment(ShipmentId(Uuid::from_u128(9)), serde_json::from_value::<ShipmentEvent>(event).unwrap())
}

fn payment(id: u128, event: Value) -> Fact {
    Fact::Payment(PaymentId(Uuid::from_u128(id)), serde_json::from_value::<PaymentEvent>(event).unwrap())
}

fn order(event: OrderEvent) -> Fact {
    Fact::Order(OrderId(ORDER), event)
}

/// A first attempt that fails, then all the way to the customer's door, with the others' news in between.
fn history() -> Vec<Fact> {
    let payment_id = |id| PaymentId(Uuid::from_u128(id));
    let money = json!({"amount": 420, "currency": "EUR"});
    let asked = json!({"requested": {"order": ORDER, "amount": money, "method": "tok_ok", "at": at(1)}});
    let address = json!({"street": "Quay 1", "city": "Kiel"});
    vec![
        order(placed()),
        order(requested(2, 1)),
        payment(2, asked.clone()),
        payment(2, json!({"failed": {"code": "no_money", "message": "sorry"}})),
        order(OrderEvent::PaymentFailed { payment: payment_id(2), why: "sorry".into() }),
        order(requested(3, 2)),
        payment(3, asked),
        payment(3, json!({"authorized": {"reference": "pp", "amount": money}})),
        order(OrderEvent::Paid { payment: payment_id(3) }),
        kitchen(json!({"scheduled": {"items": [], "order": ORDER, "location": "main", "at": at(2)}})),
        kitchen(json!({"accepted": {"ready_by": at(900)}})),
        payment(3, json!({"captured": {"reference": "pp", "amount": money}})),
        order(OrderEvent::EnteredKitchen { schedule: ScheduleId(Uuid::from_u128(8)), ready_by: at(900) }),
        kitchen(json!("started")),
        kitchen(json!("finished")),
        order(OrderEvent::Ready),
        shipment(json!({"requested": {"order": ORDER, "address": address, "contact": {"name": "Ada"},
            "location": "main", "at": at(3)}})),
        shipment(json!({"assigned": {"courier": "bob"}})),
        shipment(json!({"picked_up": {"courier": "bob"}})),
        order(OrderEvent::Dispatched { shipment: ShipmentId(Uuid::from_u128(9)) }),
        shipment(json!({"delivered": {}})),
        order(OrderEvent::Delivered),
    ]
}

/// After every fact, both bodies must be the same JSON.
fn compare(history: Vec<Fact>) -> Vec<Value> {
    let mut aggregate = Order::default();
    let mut view = None;
    let mut version = 0;
    let mut seen = Vec::new();
    for (fact, position) in history.into_iter().zip(1..) {
        if let Fact::Order(_, event) = &fact {
            version += 1;
            fold(&mut aggregate, event.clone());
        }
        let what = format!("{fact:?}");
        let recorded = Recorded {
            position,
            sequence: version,
            event_id: Uuid::from_u128(100),
            recorded_at: at(position),
            circumstances: Circumstances { correlation: Some(ORDER), ..Circumstances::default() },
            fact,
        };
        view = OrderSummaries.fold(ORDER, view, &recorded).unwrap();
        let from_view = OrderBody::from(view.clone().unwrap().view);
        let from_aggregate = aggregate.body(ORDER, version).unwrap();
        let json = serde_json::to_value(&from_aggregate).unwrap();
        assert_eq!(json, serde_json::to_value(&from_view).unwrap(), "after {what}");
        seen.push(json);
    }
    seen
}

fn fold<A: Decider>(state: &mut A, event: A::Event) {
    state.apply(event);
}

#[test]
fn a_version_has_one_body_all_the_way_to_the_door() {
    let bodies = compare(history());
    let last = bodies.last().unwrap();
    assert_eq!(last["status"], "delivered");
    assert_eq!(last["payment_id"], json!(Uuid::from_u128(3)));
    assert_eq!(last["shipment_id"], json!(Uuid::from_u128(9)));
    assert_eq!(last["payment_attempts"], 2);
    assert_eq!(last["total"], json!({"amount": 420, "currency": "EUR"}));
    assert_eq!(last["created"], "2027-01-15T08:00:00Z");
}

#[test]
fn a_version_has_one_body_wherever_the_order_is_cancelled() {
    let whole = history();
    for length in 1..whole.len() {
        let mut cut = whole[..length].to_vec();
        if matches!(cut.last(), Some(Fact::Order(_, OrderEvent::Delivered))) {
            continue;
        }
        cut.push(order(OrderEvent::CancellationRequested {
            reason: CancelReason::CustomerRequest,
            by: Party::Customer,
            detail: None,
        }));
        cut.push(order(OrderEvent::Cancelled));
        let bodies = compare(cut);
        assert_eq!(bodies.last().unwrap()["cancellation"]["reason"], "customer_request");
    }
}

#[test]
fn what_a_client_sends_is_read_field_by_field() {
    let body = |changes: Value| {
        let mut body = json!({
            "lines": [{"sku": "latte", "size": "medium", "quantity": 2}],
            "contact": {"name": "Ada"},
            "fulfilment": {"type": "pickup"},
        });
        if let (Value::Object(body), Value::Object(changes)) = (&mut body, changes) {
            body.extend(changes);
        }
        crate::http::json::parse::<PlaceBody>(body.to_string().as_bytes())
            .and_then(|mut body| body.fulfilment().map(|_| ()))
            .map_err(|problem| problem.to_string())
    };
    assert_eq!(body(json!({})), Ok(()));
    let cases = [
        (json!({"lines": [{"sku": "latte", "quantity": 0}]}), "/lines/0/quantity"),
        (json!({"lines": [{"sku": "a b", "quantity": 1}]}), "/lines/0/sku"),
        (json!({"lines": [{"sku": "latte", "quantity": 1, "size": "huge"}]}), "/lines/0/size"),
        (json!({"lines": [{"sku": "latte", "quantity": 1, "colour": "red"}]}), "/lines/0/colour"),
        (json!({"fulfilment": {"type": "delivery"}}), "/fulfilment/address"),
        (
            json!({"fulfilment": {"type": "delivery", "address": {"city": "Kiel"}}}),
            "/fulfilment/address/street",
        ),
        (
            json!({"fulfilment": {"type": "pickup", "address": {"street": "a", "city": "b"}}}),
            "/fulfilment/address",
        ),
        (json!({"fulfilment": {"type": "post"}}), "/fulfilment/type"),
        (json!({"contact": {"name": ""}}), "/contact/name"),
        (json!({"currency": "XQX"}), "/currency"),
        (json!({"requested_for": "tomorrow"}), "/requested_for"),
        (json!({"payment": {"method": "4242424242424242"}}), "/payment/method"),
        (json!({"promo_code": ""}), "/promo_code"),
        (json!({"user_id": "u"}), "/user_id"),
    ];
    for (changes, pointer) in cases {
        let problem = body(changes.clone()).unwrap_err();
        assert!(problem.contains(&format!("invalid_body: {pointer}: ")), "{changes}: {problem}");
    }
}

#[test]
fn only_an_operator_gives_another_reason_than_the_customers_wish() {
    let cancel = |body: &str, by| {
        crate::http::json::parse::<CancelBody>(body.as_bytes())
            .unwrap()
            .command(by)
            .map_err(|problem| problem.status().as_u16())
    };
    let command = |reason, by| Ok(OrderCommand::Cancel { reason, by, detail: None });
    assert_eq!(cancel("{}", Party::Customer), command(CancelReason::CustomerRequest, Party::Customer));
    assert_eq!(cancel("{}", Party::Operator), command(CancelReason::Operator, Party::Operator));
    let late = r#"{"reason": "no_courier"}"#;
    assert_eq!(cancel(late, Party::Operator), command(CancelReason::NoCourier, Party::Operator));
    assert_eq!(cancel(late, Party::Customer), Err(422));
}
