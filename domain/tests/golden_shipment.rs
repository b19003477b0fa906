//! Every stored event of a shipment loads for ever.

use chrono::DateTime;
use spindle_domain::shipment::ShipmentEvent as Event;
use spindle_domain::values::{
    Address, Contact, CourierId, Email, GeoPoint, LocationId, Note, OrderId, PersonName, Phone,
};
use uuid::Uuid;

mod golden;

#[test]
fn every_stored_shipment_event_loads_and_is_written_the_same() {
    let note = |text| Note::parse(text).unwrap();
    let courier = CourierId::parse("ann").unwrap();
    let events = [
        Event::Requested {
            order: OrderId(Uuid::from_u128(0x0197_6c2f_5c00_7000_8000_0000_0000_0001)),
            address: Address {
                street: note("Inselstr. 1"),
                city: note("Berlin"),
                postal_code: Some(note("10179")),
                country: Some(note("Germany")),
            },
            contact: Contact {
                name: PersonName::parse("Ada Lovelace").unwrap(),
                email: Some(Email::parse("ada@example.com").unwrap()),
                phone: Some(Phone::parse("+49 30 1234567").unwrap()),
            },
            location: LocationId::default(),
            at: DateTime::from_timestamp(1_750_000_000, 123_456_000).unwrap(),
        },
        Event::Assigned { courier: courier.clone() },
        Event::Unassigned { courier: courier.clone(), reason: Some(note("flat tyre")) },
        Event::PickedUp { courier },
        Event::PositionRecorded { at: GeoPoint::new(52.512_3, 13.414_5).unwrap() },
        Event::Delivered { proof: Some(note("signed by A. Lovelace")) },
        Event::DeliveryFailed { reason: note("nobody home") },
        Event::Returned,
        Event::Cancelled { reason: note("the order was cancelled") },
    ];
    golden::check(Event::WIRE_NAMES, &events);
}

#[test]
fn what_may_be_absent_loads() {
    for (stored, event) in [
        (
            r#"{"unassigned":{"courier":"ann"}}"#,
            Event::Unassigned { courier: CourierId::parse("ann").unwrap(), reason: None },
        ),
        (r#"{"delivered":{}}"#, Event::Delivered { proof: None }),
    ] {
        assert_eq!(serde_json::from_str::<Event>(stored).unwrap(), event);
        assert_eq!(serde_json::to_string(&event).unwrap(), stored);
    }
}
