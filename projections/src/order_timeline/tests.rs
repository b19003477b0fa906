use spindle_domain::kitchen::ScheduleEvent;
use spindle_domain::payment::{Operation, PaymentEvent};
use spindle_domain::values::GeoPoint;

use super::*;
use crate::testing::*;

fn timeline(story: &Story) -> OrderTimeline {
    story.fold(OrderTimelines, ORDER.0).view
}

fn texts(story: &Story) -> Vec<String> {
    timeline(story).entries.into_iter().map(|entry| entry.text).collect()
}

#[test]
fn a_delivered_order_tells_its_story_in_sentences() {
    let ready = moment(600).format("%H:%M").to_string();
    assert_eq!(
        texts(&Story::default().delivered()),
        [
            "Ada Lovelace ordered 1 × Latte for delivery, 12.20 EUR.".to_owned(),
            "The customer pays 12.20 EUR, attempt 1.".to_owned(),
            "The payment provider is asked for 12.20 EUR.".to_owned(),
            "The payment provider holds 12.20 EUR.".to_owned(),
            "The order is paid.".to_owned(),
            "The payment provider took 12.20 EUR.".to_owned(),
            "The kitchen is asked for 1 × latte.".to_owned(),
            format!("The kitchen accepted; ready by {ready} UTC."),
            format!("The kitchen works on the order; it will be ready by {ready} UTC."),
            "Cooking began.".to_owned(),
            "Cooking is done.".to_owned(),
            "Everything is cooked.".to_owned(),
            "A courier is wanted to 1 Mill Lane, Ockham.".to_owned(),
            "Courier bea took it on.".to_owned(),
            "Courier bea picked it up.".to_owned(),
            "The order is on its way.".to_owned(),
            "The courier delivered it.".to_owned(),
            "The customer has the order.".to_owned(),
        ]
    );
}

#[test]
fn what_went_wrong_is_told_with_its_reason_and_one_full_stop() {
    let story = Story::default()
        .payment(PaymentEvent::Failed { code: "card_declined".to_owned(), message: "Not enough.".to_owned() })
        .payment(PaymentEvent::OutcomeUnknown { operation: Operation::Refund, error: "timeout".to_owned() })
        .kitchen(ScheduleEvent::Rejected { reason: note("The oven is cold.") })
        .shipment(ShipmentEvent::Unassigned { courier: courier(), reason: Some(note("Flat tyre.")) })
        .cancelling();
    assert_eq!(
        texts(&story),
        [
            "The payment was declined (card_declined): Not enough.",
            "The outcome of the refund is unknown and will be asked for: timeout.",
            "The kitchen said no: The oven is cold.",
            "Courier bea gave it back (Flat tyre).",
            "Spindle cancelled the order: something is out of stock (latte is out).",
        ]
    );
}

#[test]
fn an_entry_says_who_asked_and_what_caused_it() {
    let view = timeline(&Story::default().placed());
    let entry = &view.entries[0];
    assert_eq!((entry.position, entry.at, entry.aggregate.as_str()), (1, moment(1), "order"));
    assert_eq!((entry.aggregate_id, entry.event_type.as_str()), (ORDER.0, "order.placed"));
    assert_eq!((entry.actor.as_deref(), entry.caused_by), (Some("test"), Some(Uuid::from_u128(9))));
    assert_eq!(entry.event_id, Uuid::from_u128(1_001));
}

#[test]
fn where_the_courier_is_from_minute_to_minute_is_left_out() {
    let at = GeoPoint::new(51.3, -0.4).unwrap();
    let story = Story::default().placed().shipment(ShipmentEvent::PositionRecorded { at });
    assert_eq!(timeline(&story).entries.len(), 1);
}

#[test]
fn a_timeline_that_grows_without_end_loses_its_oldest_entries_and_says_so() {
    let mut story = Story::default().placed();
    for _ in 0..MAX_ENTRIES {
        story = story.kitchen(ScheduleEvent::Revised { items: items() });
    }
    let view = timeline(&story);
    assert_eq!((view.entries.len(), view.omitted), (MAX_ENTRIES, 1));
    assert_eq!(view.entries[0].position, 2);
}

#[test]
fn the_timeline_of_a_discarded_order_is_out_of_sight() {
    let view = timeline(&Story::default().placed().order(OrderEvent::Discarded));
    assert!(OrderTimelines.is_discarded(&view));
}
