use serde_json::value::RawValue;
use spindle_domain::kitchen::ScheduleEvent;
use spindle_domain::order::OrderEvent;
use spindle_domain::payment::PaymentEvent;
use spindle_domain::values::OrderId;
use spindle_eventlog::StoredEvent;

use super::*;
use crate::decode;
use crate::order_summary::OrderSummaries;
use crate::payments::Payments;
use crate::projection::State;
use crate::testing::*;
use crate::verify::{FoldedLog, fold_log};

const OTHER: OrderId = OrderId(Uuid::from_u128(77));

fn fold<P: Projection>(projection: P, events: Vec<StoredEvent>) -> FoldedLog {
    fold_log(projection, events).unwrap()
}

/// What is put aside: position, key, reason.
fn parked(log: &FoldedLog) -> Vec<(i64, &str, &str)> {
    log.parked.iter().map(|parked| (parked.position, parked.key.as_str(), parked.reason.as_str())).collect()
}

fn spoil(event: &mut StoredEvent) {
    event.payload = RawValue::from_string("{\"nonsense\":1}".to_owned()).unwrap();
}

#[test]
fn a_whole_log_folds_to_views_with_their_places() {
    let log = fold(OrderSummaries, Story::default().delivered().stored());
    assert!(log.parked.is_empty());
    let view = &log.views[&ORDER.0];
    assert_eq!((view.version, view.position), (7, 18));
    assert_eq!(view.view["stage"], "delivered");
    let payments = fold(Payments, Story::default().delivered().stored());
    assert_eq!((payments.views[&PAYMENT.0].version, payments.views[&PAYMENT.0].position), (3, 6));
}

#[test]
fn an_event_that_cannot_be_read_stops_its_own_view_and_no_other() {
    let story = Story::default()
        .placed()
        .order_of(OTHER, placed(500))
        .kitchen(scheduled(Some(ORDER)))
        .order_of(OTHER, OrderEvent::Discarded)
        .order(OrderEvent::Discarded);
    let mut events = story.stored();
    spoil(&mut events[2]);
    let log = fold(OrderSummaries, events);
    let parked = parked(&log);
    let (schedule, order) = (SCHEDULE.0.to_string(), ORDER.0.to_string());
    assert_eq!(parked.len(), 3);
    assert_eq!((parked[0].0, parked[0].1), (3, schedule.as_str()));
    assert!(parked[0].2.starts_with("payload of kitchen.scheduled: "), "{}", parked[0].2);
    assert_eq!((parked[1].0, parked[1].1), (3, order.as_str()));
    assert_eq!(parked[2], (5, order.as_str(), "waits behind position 3"));
    assert_eq!(log.views[&ORDER.0].position, 1);
    assert_eq!(log.views[&OTHER.0].position, 4);
}

#[test]
fn an_event_that_a_projection_does_not_read_is_not_looked_at() {
    let story = Story::default().paid().kitchen(scheduled(Some(ORDER)));
    let mut events = story.stored();
    spoil(&mut events[6]);
    assert_eq!(fold(Payments, events).parked, []);
}

#[test]
fn an_event_of_an_unknown_aggregate_is_never_passed_over() {
    let mut events = Story::default().placed().kitchen(ScheduleEvent::Started).stored();
    "warehouse".clone_into(&mut events[1].aggregate_type);
    let log = fold(Payments, events);
    let keys: Vec<&str> = parked(&log).iter().map(|parked| parked.1).collect();
    assert_eq!(keys, [SCHEDULE.0.to_string(), ORDER.0.to_string()]);
}

#[test]
fn an_event_that_does_not_follow_what_the_view_has_seen_is_put_aside() {
    let mut events = Story::default().placed().order(OrderEvent::Discarded).stored();
    events[1].sequence = 3;
    let log = fold(OrderSummaries, events);
    assert_eq!(parked(&log)[0].2, "its sequence is 3, but the view has seen 1");
    assert_eq!(log.views[&ORDER.0].version, 1);
}

#[test]
fn what_waits_from_an_earlier_batch_keeps_its_place() {
    let story = Story::default().placed();
    let blocked = Blocked::from([(ORDER.0.to_string(), -5)]);
    let mut folder = Folder::new(OrderSummaries, HashMap::new(), blocked);
    folder.take(1, &decode::read(OrderSummaries, &story.stored()[0]));
    let (changes, waiting, blocked) = folder.finish().unwrap();
    assert!(changes.is_empty());
    assert_eq!(waiting[0].reason, "waits behind position -5");
    assert_eq!(blocked[&ORDER.0.to_string()], -5);
}

#[test]
fn a_stored_view_that_cannot_be_read_stops_that_view() {
    let story = Story::default().placed();
    let views = HashMap::from([(ORDER.0, Err("missing field `id`".to_owned()))]);
    let mut folder = Folder::new(OrderSummaries, views, HashMap::new());
    folder.take(1, &decode::read(OrderSummaries, &story.stored()[0]));
    let (changes, waiting, _) = folder.finish().unwrap();
    assert!(changes.is_empty());
    assert_eq!(waiting[0].reason, "the stored view cannot be read: missing field `id`");
}

#[test]
fn a_view_that_a_batch_found_is_gone_on_with() {
    let story = Story::default().placed().order(OrderEvent::Discarded);
    let state = State {
        memory: spindle_domain::payment::Payment::default(),
        ..Story::default().placed().fold(OrderSummaries, ORDER.0)
    };
    let views = HashMap::from([(ORDER.0, Ok(Kept { version: 1, position: 1, state }))]);
    let mut folder = Folder::new(OrderSummaries, views, HashMap::new());
    folder.take(2, &decode::read(OrderSummaries, &story.stored()[1]));
    let (changes, waiting, _) = folder.finish().unwrap();
    assert!(waiting.is_empty());
    let document = changes[0].after.as_ref().unwrap();
    assert_eq!((document.version, document.position, document.index.listed_at), (2, 2, None));
}

#[test]
fn what_a_provider_says_can_always_be_stored() {
    let story = Story::default()
        .payment(PaymentEvent::Requested { order: ORDER, amount: eur(5), method: method(), at: moment(0) })
        .payment(PaymentEvent::Failed { code: "a\0b".to_owned(), message: String::new() });
    let log = fold(Payments, story.stored());
    assert_eq!(log.views[&PAYMENT.0].view["decline"]["code"], "a\u{fffd}b");
    assert!(!log.views[&PAYMENT.0].memory.to_string().contains("\\u0000"));
}
