//! Every stored event of a kitchen schedule loads for ever.

use chrono::DateTime;
use spindle_domain::kitchen::ScheduleEvent as Event;
use spindle_domain::values::{Item, LocationId, Note, OrderId, Size};
use uuid::Uuid;

mod golden;

#[test]
fn every_stored_kitchen_event_loads_and_is_written_the_same() {
    let order = OrderId(Uuid::from_u128(0x0197_6c2f_5c00_7000_8000_0000_0000_0001));
    let at = |seconds| DateTime::from_timestamp(seconds, 123_456_000).unwrap();
    let soup = Item { product: "soup".to_owned(), size: Some(Size::Big), quantity: 2 };
    let bread = Item { product: "bread, well done".to_owned(), size: None, quantity: 1 };
    let events = [
        Event::Scheduled {
            items: vec![soup.clone(), bread],
            order: Some(order),
            location: LocationId::default(),
            due: Some(at(1_750_003_600)),
            note: Some(Note::parse("no salt").unwrap()),
            at: at(1_750_000_000),
        },
        Event::Revised { items: vec![soup] },
        Event::Accepted { ready_by: at(1_750_003_600) },
        Event::Rejected { reason: Note::parse("we are closing").unwrap() },
        Event::Started,
        Event::Finished,
        Event::Collected,
        Event::Cancelled { reason: Note::parse("the stove is broken").unwrap() },
        Event::Discarded,
    ];
    golden::check(Event::WIRE_NAMES, &events);
}

#[test]
fn an_empty_walk_in_loads() {
    let stored = r#"{"scheduled":{"items":[],"location":"main","at":"2025-06-15T15:06:40Z"}}"#;
    let event = Event::Scheduled {
        items: vec![],
        order: None,
        location: LocationId::default(),
        due: None,
        note: None,
        at: DateTime::from_timestamp(1_750_000_000, 0).unwrap(),
    };
    assert_eq!(serde_json::from_str::<Event>(stored).unwrap(), event);
    assert_eq!(serde_json::to_string(&event).unwrap(), stored);
}
