//! What was ever stored about an order loads for ever.
//!
//! Each file in `golden/` is one stored payload. A file is never edited: an event that changes its shape gets a
//! new version and a new file beside the old one.

use std::error::Error;
use std::path::PathBuf;

use cqrs_es::DomainEvent;
use serde_json::Value;
use spindle_domain::order::{CancelReason, OrderEvent, Party};
use spindle_domain::pricing::{Adjustment, Quote, QuotedLine};
use spindle_domain::values::{
    Address, Contact, Currency, CustomerId, Email, Fulfilment, LocationId, Money, Note, PaymentId,
    PaymentMethod, PersonName, Phone, Quantity, ScheduleId, ShipmentId, Size, Sku,
};

type Checked<T> = Result<T, Box<dyn Error>>;

fn stored(event_type: &str) -> Checked<Value> {
    let file = format!("{event_type}.v1.0.json");
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(&file);
    let text = std::fs::read_to_string(path).map_err(|why| format!("{file}: {why}"))?;
    Ok(serde_json::from_str(&text)?)
}

fn eur(cents: i64) -> Money {
    Money::new(cents, Currency::EUR)
}

fn quote() -> Checked<Quote> {
    let adjustment = |rule: &str, cents| vec![Adjustment { rule: rule.to_owned(), amount: eur(cents) }];
    Ok(Quote {
        lines: vec![
            QuotedLine {
                sku: Sku::parse("latte")?,
                name: "Latte".to_owned(),
                size: Some(Size::Medium),
                quantity: Quantity::new(2)?,
                unit_price: eur(390),
                total: eur(780),
            },
            QuotedLine {
                sku: Sku::parse("croissant")?,
                name: "Croissant".to_owned(),
                size: None,
                quantity: Quantity::new(1)?,
                unit_price: eur(250),
                total: eur(250),
            },
        ],
        discounts: adjustment("promo code SPRING", 103),
        fees: adjustment("delivery", 350),
        taxes: adjustment("tax on coffee 19.00 %, included", 112),
        total: eur(1_277),
    })
}

/// One event of each type, as the golden files tell it.
fn events() -> Checked<Vec<OrderEvent>> {
    let payment = PaymentId("01890a5d-ac96-774b-bcce-b302099a8057".parse()?);
    Ok(vec![
        OrderEvent::Placed {
            quote: quote()?,
            contact: Contact {
                name: PersonName::parse("Ada Lovelace")?,
                email: Some(Email::parse("ada@example.com")?),
                phone: Some(Phone::parse("+49 30 1234567")?),
            },
            customer: Some(CustomerId("01890a5d-ac96-774b-bcce-b302099a8058".parse()?)),
            fulfilment: Fulfilment::Delivery {
                address: Address {
                    street: Note::parse("Unter den Linden 1")?,
                    city: Note::parse("Berlin")?,
                    postal_code: Some(Note::parse("10117")?),
                    country: Some(Note::parse("Germany")?),
                },
            },
            location: LocationId::default(),
            note: Some(Note::parse("no sugar")?),
            requested_for: Some("2026-03-01T13:00:00Z".parse()?),
            at: "2026-03-01T12:00:00.123456Z".parse()?,
        },
        OrderEvent::Revised { quote: quote()?, note: Some(Note::parse("two sugars")?) },
        OrderEvent::PaymentRequested {
            payment,
            amount: eur(1_277),
            method: PaymentMethod::parse("tok_ok")?,
            attempt: 1,
        },
        OrderEvent::PaymentFailed { payment, why: "insufficient_funds".to_owned() },
        OrderEvent::Paid { payment },
        OrderEvent::EnteredKitchen {
            schedule: ScheduleId("01890a5d-ac96-774b-bcce-b302099a8059".parse()?),
            ready_by: "2026-03-01T12:15:00Z".parse()?,
        },
        OrderEvent::Ready,
        OrderEvent::Dispatched { shipment: ShipmentId("01890a5d-ac96-774b-bcce-b302099a805a".parse()?) },
        OrderEvent::Delivered,
        OrderEvent::Collected,
        OrderEvent::CancellationRequested {
            reason: CancelReason::OutOfStock,
            by: Party::Process,
            detail: Some(Note::parse("croissant")?),
        },
        OrderEvent::Cancelled,
        OrderEvent::Discarded,
    ])
}

#[test]
fn every_order_event_has_a_golden_file() -> Checked<()> {
    let told: Vec<_> = events()?.iter().map(OrderEvent::event_type).collect();
    assert_eq!(told, OrderEvent::WIRE_NAMES);
    for name in OrderEvent::WIRE_NAMES {
        stored(name)?;
    }
    Ok(())
}

#[test]
fn what_was_stored_loads_as_it_was_meant() -> Checked<()> {
    for event in events()? {
        let name = event.event_type();
        assert_eq!(serde_json::from_value::<OrderEvent>(stored(&name)?)?, event, "{name}");
    }
    Ok(())
}

#[test]
fn what_is_stored_now_is_what_was_stored_then() -> Checked<()> {
    for event in events()? {
        let name = event.event_type();
        assert_eq!(event.event_version(), "1.0", "{name}: a new version needs a new file");
        assert_eq!(serde_json::to_value(&event)?, stored(&name)?, "{name}");
    }
    Ok(())
}

#[test]
fn what_is_optional_may_be_absent() -> Checked<()> {
    let mut placed = stored("order.placed")?;
    for (at, fields) in [
        ("/placed", vec!["customer", "note", "requested_for"]),
        ("/placed/quote", vec!["discounts", "fees", "taxes"]),
        ("/placed/contact", vec!["email", "phone"]),
        ("/placed/fulfilment/address", vec!["postal_code", "country"]),
    ] {
        let object = placed.pointer_mut(at).and_then(Value::as_object_mut).ok_or(at)?;
        for field in fields {
            object.remove(field).ok_or(field)?;
        }
    }
    serde_json::from_value::<OrderEvent>(placed)?;
    serde_json::from_str::<OrderEvent>(
        r#"{"cancellation_requested": {"reason": "operator", "by": "operator"}}"#,
    )?;
    Ok(())
}

#[test]
fn every_reason_and_every_party_has_a_name_that_stays() -> Checked<()> {
    let reasons = [
        (CancelReason::CustomerRequest, "customer_request"),
        (CancelReason::OutOfStock, "out_of_stock"),
        (CancelReason::KitchenRejected, "kitchen_rejected"),
        (CancelReason::KitchenTimeout, "kitchen_timeout"),
        (CancelReason::PaymentFailed, "payment_failed"),
        (CancelReason::PaymentTimeout, "payment_timeout"),
        (CancelReason::NoCourier, "no_courier"),
        (CancelReason::DeliveryFailed, "delivery_failed"),
        (CancelReason::Operator, "operator"),
    ];
    for (reason, name) in reasons {
        assert_eq!(serde_json::to_value(reason)?, name);
        assert_eq!(serde_json::from_value::<CancelReason>(name.into())?, reason);
    }
    for (party, name) in
        [(Party::Customer, "customer"), (Party::Operator, "operator"), (Party::Process, "process")]
    {
        assert_eq!(serde_json::to_value(party)?, name);
        assert_eq!(serde_json::from_value::<Party>(name.into())?, party);
    }
    Ok(())
}
