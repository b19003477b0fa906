//! Every stored event of a payment loads for ever.

use chrono::DateTime;
use spindle_domain::payment::{Operation, PaymentEvent as Event};
use spindle_domain::values::{Currency, Money, Note, OrderId, PaymentMethod, RefundId};
use uuid::Uuid;

mod golden;

#[test]
fn every_stored_payment_event_loads_and_is_written_the_same() {
    let refund = RefundId(Uuid::from_u128(0x0197_6c2f_5c00_7000_8000_0000_0000_00a1));
    let order = OrderId(Uuid::from_u128(0x0197_6c2f_5c00_7000_8000_0000_0000_0001));
    let amount = Money::new(1_220, Currency::EUR);
    let part = Money::new(420, Currency::EUR);
    let reference = || "pi_3RZ".to_owned();
    let events = [
        Event::Requested {
            order,
            amount,
            method: PaymentMethod::parse("tok_ok").unwrap(),
            at: DateTime::from_timestamp(1_750_000_000, 123_456_000).unwrap(),
        },
        Event::ActionRequired { reference: reference(), url: Some("https://bank.example/3ds/1".to_owned()) },
        Event::Authorized { reference: reference(), amount },
        Event::Captured { reference: reference(), amount },
        Event::Failed { code: "card_declined".to_owned(), message: "Your card was declined.".to_owned() },
        Event::CaptureFailed { code: "expired".to_owned(), message: "The hold has expired.".to_owned() },
        Event::OutcomeUnknown { operation: Operation::Authorize, error: "timed out after 10 s".to_owned() },
        Event::Voided,
        Event::RefundRequested { refund, amount: part, reason: Note::parse("The soup was cold.").unwrap() },
        Event::Refunded { refund, amount: part },
        Event::RefundFailed { refund, amount: part, error: "account closed".to_owned() },
    ];
    golden::check(Event::WIRE_NAMES, &events);
}

#[test]
fn the_names_of_operations_are_pinned() {
    let operations = [Operation::Authorize, Operation::Capture, Operation::Void, Operation::Refund];
    assert_eq!(serde_json::to_string(&operations).unwrap(), r#"["authorize","capture","void","refund"]"#);
}

#[test]
fn an_action_without_a_place_loads() {
    let stored = r#"{"action_required":{"reference":"pi_3RZ"}}"#;
    let event = Event::ActionRequired { reference: "pi_3RZ".to_owned(), url: None };
    assert_eq!(serde_json::from_str::<Event>(stored).unwrap(), event);
    assert_eq!(serde_json::to_string(&event).unwrap(), stored);
}
