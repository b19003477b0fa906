//! The story that the tests tell: two lattes for Ada, one order from placing to the end.

use chrono::{DateTime, TimeDelta, Utc};
use cqrs_es::Aggregate;
use uuid::Uuid;

use super::super::*;
use crate::pricing::QuotedLine;
use crate::values::{Address, Currency, Money, PaymentMethod, Quantity, Size, Sku};

use OrderCommand as C;
use OrderEvent as E;

pub(super) const FIRST: PaymentId = PaymentId(Uuid::from_u128(1));
pub(super) const SECOND: PaymentId = PaymentId(Uuid::from_u128(2));
pub(super) const SCHEDULE: ScheduleId = ScheduleId(Uuid::from_u128(3));
pub(super) const SHIPMENT: ShipmentId = ShipmentId(Uuid::from_u128(4));

pub(super) fn now() -> DateTime<Utc> {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

pub(super) fn ready_by() -> DateTime<Utc> {
    now() + TimeDelta::minutes(15)
}

pub(super) fn note(text: &str) -> Note {
    Note::parse(text).unwrap()
}

pub(super) fn quote(lattes: u32) -> Quote {
    let unit_price = Money::new(390, Currency::EUR);
    let total = unit_price.times(lattes).unwrap();
    let (sku, name, size) = (Sku::parse("latte").unwrap(), "Latte".to_owned(), Some(Size::Medium));
    let quantity = Quantity::new(i64::from(lattes)).unwrap();
    let line = QuotedLine { sku, name, size, quantity, unit_price, total };
    Quote { lines: vec![line], discounts: vec![], fees: vec![], taxes: vec![], total }
}

pub(super) fn place(fulfilment: Fulfilment) -> Place {
    Place {
        quote: quote(2),
        contact: Contact { name: "Ada".to_owned().try_into().unwrap(), email: None, phone: None },
        customer: Some(CustomerId(Uuid::from_u128(9))),
        fulfilment,
        location: LocationId::default(),
        note: Some(note("no sugar")),
        requested_for: None,
        pay: None,
    }
}

pub(super) fn delivery() -> Place {
    let address =
        Address { street: note("Main St 1"), city: note("Berlin"), postal_code: None, country: None };
    place(Fulfilment::Delivery { address })
}

pub(super) fn placed(place: &Place) -> E {
    E::Placed {
        quote: place.quote.clone(),
        contact: place.contact.clone(),
        customer: place.customer,
        fulfilment: place.fulfilment.clone(),
        location: place.location.clone(),
        note: place.note.clone(),
        requested_for: place.requested_for,
        at: now(),
    }
}

pub(super) fn requested(payment: PaymentId, attempt: u32) -> E {
    E::PaymentRequested { payment, amount: quote(2).total, method: method(), attempt }
}

pub(super) fn method() -> PaymentMethod {
    PaymentMethod::parse("tok_ok").unwrap()
}

pub(super) fn cancel(by: Party) -> C {
    C::Cancel { reason: CancelReason::Operator, by, detail: Some(note("sorry")) }
}

pub(super) fn cancellation(by: Party) -> E {
    E::CancellationRequested { reason: CancelReason::Operator, by, detail: Some(note("sorry")) }
}

/// The events that lead to a state of the table.
pub(super) fn history(state: &str) -> Vec<E> {
    let up_to = |place: Place, events: usize| {
        let mut story = vec![
            placed(&place),
            requested(FIRST, 1),
            E::Paid { payment: FIRST },
            E::EnteredKitchen { schedule: SCHEDULE, ready_by: ready_by() },
            E::Ready,
            E::Dispatched { shipment: SHIPMENT },
            E::Delivered,
        ];
        story.truncate(events);
        story
    };
    let then = |mut story: Vec<E>, events: &[E]| {
        story.extend_from_slice(events);
        story
    };
    let paid = || up_to(delivery(), 3);
    match state {
        "unplaced" => vec![],
        "placed" => up_to(delivery(), 1),
        "awaiting" => up_to(delivery(), 2),
        "paid" => paid(),
        "kitchen" => up_to(delivery(), 4),
        "ready" => up_to(delivery(), 5),
        "waiting" => up_to(place(Fulfilment::Pickup), 5),
        "dispatched" => up_to(delivery(), 6),
        "delivered" => up_to(delivery(), 7),
        "collected" => then(up_to(place(Fulfilment::Pickup), 5), &[E::Collected]),
        "cancelling" => then(paid(), &[cancellation(Party::Customer)]),
        "cancelled" => then(paid(), &[cancellation(Party::Customer), E::Cancelled]),
        "discarded" => then(up_to(delivery(), 1), &[E::Discarded]),
        "payable-again" => then(up_to(delivery(), 2), &[failed(FIRST)]),
        other => panic!("no state {other}"),
    }
}

pub(super) fn failed(payment: PaymentId) -> E {
    E::PaymentFailed { payment, why: "insufficient funds".to_owned() }
}

pub(super) fn order(events: Vec<E>) -> Order {
    let mut order = Order::default();
    for event in events {
        order.apply(event);
    }
    order
}

pub(super) fn given(state: &str) -> Order {
    order(history(state))
}

pub(super) trait When {
    fn when(&self, command: &C) -> Result<Vec<E>, OrderError>;
}

impl When for Order {
    fn when(&self, command: &C) -> Result<Vec<E>, OrderError> {
        self.decide(command, now())
    }
}

/// A row's command, and the event that it makes where it makes one.
pub(super) fn row(command: &str) -> (C, E) {
    let why = "insufficient funds".to_owned();
    match command {
        "place" => (C::Place(delivery()), placed(&delivery())),
        "revise" => (C::Revise { quote: quote(3), note: None }, E::Revised { quote: quote(3), note: None }),
        "pay" => (C::RequestPayment { payment: FIRST, method: method() }, requested(FIRST, 1)),
        "pay-other" => (C::RequestPayment { payment: SECOND, method: method() }, requested(SECOND, 1)),
        "paid" => (C::ConfirmPayment { payment: FIRST }, E::Paid { payment: FIRST }),
        "paid-other" => (C::ConfirmPayment { payment: SECOND }, E::Paid { payment: SECOND }),
        "fail" => (C::RecordPaymentFailure { payment: FIRST, why }, failed(FIRST)),
        "fail-other" => (C::RecordPaymentFailure { payment: SECOND, why }, failed(SECOND)),
        "cook" => (
            C::EnterKitchen { schedule: SCHEDULE, ready_by: ready_by() },
            E::EnteredKitchen { schedule: SCHEDULE, ready_by: ready_by() },
        ),
        "mark-ready" => (C::MarkReady, E::Ready),
        "dispatch" => (C::Dispatch { shipment: SHIPMENT }, E::Dispatched { shipment: SHIPMENT }),
        "deliver" => (C::Deliver, E::Delivered),
        "collect" => (C::Collect, E::Collected),
        "cancel-customer" => (cancel(Party::Customer), cancellation(Party::Customer)),
        "cancel-operator" => (cancel(Party::Operator), cancellation(Party::Operator)),
        "cancel-process" => (cancel(Party::Process), cancellation(Party::Process)),
        "confirm-cancel" => (C::ConfirmCancellation, E::Cancelled),
        "discard" => (C::Discard, E::Discarded),
        other => panic!("no command {other}"),
    }
}
