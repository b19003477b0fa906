//! An order to tell stories about.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::order::Place;
use crate::pricing::{Quote, QuotedLine};
use crate::values::{
    Address, Contact, Currency, Fulfilment as Handover, LocationId, Money, Note, OrderId, PaymentId,
    PaymentMethod, PersonName, Quantity, Sku,
};

pub(super) const ORDER: OrderId = OrderId(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001));

/// When every story begins: noon.
pub(super) fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_049_600, 0).unwrap()
}

pub(super) fn after(minutes: i64) -> DateTime<Utc> {
    noon() + TimeDelta::minutes(minutes)
}

pub(super) fn payment(number: u128) -> PaymentId {
    PaymentId(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_1000 + number))
}

pub(super) fn euros(cents: i64) -> Money {
    Money::new(cents, Currency::EUR)
}

pub(super) fn method() -> PaymentMethod {
    PaymentMethod::parse("tok_ok").unwrap()
}

pub(super) fn note(text: &str) -> Note {
    Note::parse(text).unwrap()
}

pub(super) fn quote(cents: i64) -> Quote {
    let line = QuotedLine {
        sku: Sku::parse("latte").unwrap(),
        name: "Latte".to_owned(),
        size: None,
        quantity: Quantity::new(2).unwrap(),
        unit_price: euros(cents / 2),
        total: euros(cents),
    };
    Quote { lines: vec![line], discounts: vec![], fees: vec![], taxes: vec![], total: euros(cents) }
}

pub(super) fn contact() -> Contact {
    Contact { name: PersonName::parse("Ada").unwrap(), email: None, phone: None }
}

pub(super) fn address() -> Address {
    Address { street: note("1 Mill Lane"), city: note("Town"), postal_code: None, country: None }
}

pub(super) fn delivery() -> Handover {
    Handover::Delivery { address: address() }
}

pub(super) fn place(handover: Handover) -> Place {
    Place {
        quote: quote(1_000),
        contact: contact(),
        customer: None,
        fulfilment: handover,
        location: LocationId::default(),
        note: None,
        requested_for: None,
        pay: None,
    }
}
