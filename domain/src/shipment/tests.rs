//! Given events, when a command, then events or a refusal.

use chrono::{DateTime, Utc};
use cqrs_es::test::TestFramework;
use cqrs_es::{Aggregate, DomainEvent};
use rstest::rstest;
use serde_json::json;
use uuid::Uuid;

use crate::Now;
use crate::refusal::Kind;
use crate::values::{Address, Contact, CourierId, GeoPoint, LocationId, Note, OrderId, PersonName};

use super::{
    Shipment, ShipmentCommand as Command, ShipmentError as Error, ShipmentEvent as Event,
    ShipmentStage as Stage,
};

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_750_000_000, 0).unwrap()
}

fn note(text: &str) -> Note {
    Note::parse(text).unwrap()
}

fn order(number: u128) -> OrderId {
    OrderId(Uuid::from_u128(number))
}

fn address() -> Address {
    Address { street: note("Inselstr. 1"), city: note("Berlin"), postal_code: None, country: None }
}

fn contact() -> Contact {
    Contact { name: PersonName::parse("Ada Lovelace").unwrap(), email: None, phone: None }
}

fn courier(name: &str) -> CourierId {
    CourierId::parse(name).unwrap()
}

fn place(latitude: f64) -> GeoPoint {
    GeoPoint::new(latitude, 13.4).unwrap()
}

fn request(order: OrderId) -> Command {
    Command::Request { order, address: address(), contact: contact(), location: LocationId::default() }
}

fn requested() -> Event {
    let location = LocationId::default();
    Event::Requested { order: order(1), address: address(), contact: contact(), location, at: now() }
}

fn assigned() -> Event {
    Event::Assigned { courier: courier("ann") }
}

fn picked_up() -> Event {
    Event::PickedUp { courier: courier("ann") }
}

fn failed() -> Event {
    Event::DeliveryFailed { reason: note("nobody home") }
}

fn after(events: Vec<Event>) -> Shipment {
    events.into_iter().fold(Shipment::default(), |mut shipment, event| {
        shipment.apply(event);
        shipment
    })
}

/// A shipment at that stage, with Ann as its courier.
fn at(stage: Stage) -> Shipment {
    let shipment = after(match stage {
        Stage::Unrequested => vec![],
        Stage::Requested => vec![requested()],
        Stage::Assigned => vec![requested(), assigned()],
        Stage::PickedUp => vec![requested(), assigned(), picked_up()],
        Stage::Delivered => {
            vec![requested(), assigned(), picked_up(), Event::Delivered { proof: Some(note("signed")) }]
        }
        Stage::DeliveryFailed => vec![requested(), assigned(), picked_up(), failed()],
        Stage::Returned => vec![requested(), assigned(), picked_up(), failed(), Event::Returned],
        Stage::Cancelled => vec![requested(), assigned(), Event::Cancelled { reason: note("too late") }],
    });
    assert_eq!(shipment.stage(), stage);
    shipment
}

/// What comes of it, in one word: event types, `-` for nothing, `!code` for a refusal.
fn outcome(shipment: &Shipment, command: &Command) -> String {
    match shipment.decide(command, now()) {
        Ok(events) if events.is_empty() => "-".to_owned(),
        Ok(events) => events.iter().map(DomainEvent::event_type).collect::<Vec<_>>().join(" "),
        Err(error) => format!("!{}", error.code()),
    }
    .replace("shipment.", "")
    .replace("shipment_", "")
}

const ALL: [Stage; 8] = [
    Stage::Unrequested,
    Stage::Requested,
    Stage::Assigned,
    Stage::PickedUp,
    Stage::Delivered,
    Stage::DeliveryFailed,
    Stage::Returned,
    Stage::Cancelled,
];

/// Columns: unrequested, requested, assigned, picked up, delivered, delivery failed, returned, cancelled.
#[rstest]
#[case::request(request(order(1)), ["requested", "-", "-", "-", "-", "-", "-", "-"])]
#[case::request_otherwise(
    request(order(2)),
    ["requested", "!already_requested", "!already_requested", "!already_requested", "!already_requested",
     "!already_requested", "!already_requested", "!already_requested"]
)]
#[case::assign(
    Command::Assign { courier: courier("ann") },
    ["!not_found", "assigned", "-", "-", "-", "-", "-", "!not_assignable"]
)]
#[case::assign_another(
    Command::Assign { courier: courier("bob") },
    ["!not_found", "assigned", "!already_assigned", "!already_assigned", "!already_assigned",
     "!already_assigned", "!already_assigned", "!not_assignable"]
)]
#[case::unassign(
    Command::Unassign { reason: None },
    ["!not_found", "-", "unassigned", "!not_unassignable", "!not_unassignable", "!not_unassignable",
     "!not_unassignable", "-"]
)]
#[case::pick_up(
    Command::PickUp { courier: courier("ann") },
    ["!not_found", "!not_pickable", "picked_up", "-", "-", "-", "-", "!not_pickable"]
)]
#[case::record_position(
    Command::RecordPosition { courier: courier("ann"), at: place(52.5) },
    ["!not_found", "!not_tracked", "position_recorded", "position_recorded", "!not_tracked", "!not_tracked",
     "!not_tracked", "!not_tracked"]
)]
#[case::deliver(
    Command::Deliver { courier: courier("ann"), proof: None },
    ["!not_found", "!not_deliverable", "!not_deliverable", "delivered", "-", "!not_deliverable",
     "!not_deliverable", "!not_deliverable"]
)]
#[case::fail(
    Command::Fail { courier: courier("ann"), reason: note("nobody home") },
    ["!not_found", "!not_failable", "!not_failable", "delivery_failed", "!not_failable", "-", "-",
     "!not_failable"]
)]
#[case::bring_back(
    Command::Return { courier: courier("ann") },
    ["!not_found", "!not_returnable", "!not_returnable", "!not_returnable", "!not_returnable", "returned", "-",
     "!not_returnable"]
)]
#[case::cancel(
    Command::Cancel { reason: note("too late") },
    ["!not_found", "cancelled", "cancelled", "!not_cancellable", "!not_cancellable", "!not_cancellable",
     "!not_cancellable", "-"]
)]
fn every_stage_answers_every_command(#[case] command: Command, #[case] expected: [&str; 8]) {
    assert_eq!(ALL.map(|stage| outcome(&at(stage), &command)), expected.map(str::to_owned));
}

#[rstest]
#[case(Command::PickUp { courier: courier("bob") })]
#[case(Command::RecordPosition { courier: courier("bob"), at: place(52.5) })]
#[case(Command::Deliver { courier: courier("bob"), proof: None })]
#[case(Command::Fail { courier: courier("bob"), reason: note("nobody home") })]
#[case(Command::Return { courier: courier("bob") })]
fn only_the_assigned_courier_may_move_it(#[case] command: Command) {
    let no = Error::NotYourShipment { courier: courier("ann"), asked: courier("bob") };
    for stage in [Stage::Assigned, Stage::PickedUp, Stage::Delivered, Stage::DeliveryFailed, Stage::Returned]
    {
        assert_eq!(at(stage).decide(&command, now()), Err(no.clone()), "{stage}");
    }
    for stage in [Stage::Unrequested, Stage::Requested, Stage::Cancelled] {
        assert!(at(stage).decide(&command, now()).is_err_and(|error| error != no), "{stage}");
    }
}

/// The stage that follows, for each command that does something.
#[rstest]
#[case(Stage::Unrequested, request(order(1)), Stage::Requested)]
#[case(Stage::Requested, Command::Assign { courier: courier("bob") }, Stage::Assigned)]
#[case(Stage::Requested, Command::Cancel { reason: note("too late") }, Stage::Cancelled)]
#[case(Stage::Assigned, Command::Unassign { reason: Some(note("flat tyre")) }, Stage::Requested)]
#[case(Stage::Assigned, Command::PickUp { courier: courier("ann") }, Stage::PickedUp)]
#[case(Stage::Assigned, Command::RecordPosition { courier: courier("ann"), at: place(1.0) }, Stage::Assigned)]
#[case(Stage::Assigned, Command::Cancel { reason: note("too late") }, Stage::Cancelled)]
#[case(Stage::PickedUp, Command::RecordPosition { courier: courier("ann"), at: place(1.0) }, Stage::PickedUp)]
#[case(Stage::PickedUp, Command::Deliver { courier: courier("ann"), proof: None }, Stage::Delivered)]
#[case(Stage::PickedUp, Command::Fail { courier: courier("ann"), reason: note("no") }, Stage::DeliveryFailed)]
#[case(Stage::DeliveryFailed, Command::Return { courier: courier("ann") }, Stage::Returned)]
fn a_command_leads_to_its_stage(#[case] from: Stage, #[case] command: Command, #[case] to: Stage) {
    let mut shipment = at(from);
    for event in shipment.decide(&command, now()).unwrap() {
        shipment.apply(event);
    }
    assert_eq!(shipment.stage(), to);
    assert_eq!(shipment.decide(&command, now()), Ok(vec![]), "told twice");
}

#[test]
fn an_unassigned_shipment_is_open_to_another_courier() {
    let shipment = after(vec![
        requested(),
        assigned(),
        Event::PositionRecorded { at: place(52.5) },
        Event::Unassigned { courier: courier("ann"), reason: None },
        Event::Assigned { courier: courier("bob") },
    ]);
    assert_eq!((shipment.courier(), shipment.position()), (Some(&courier("bob")), None));
    assert_eq!(outcome(&shipment, &Command::PickUp { courier: courier("bob") }), "picked_up");
    assert_eq!(outcome(&shipment, &Command::PickUp { courier: courier("ann") }), "!not_your_shipment");
}

#[test]
fn the_event_of_giving_back_names_the_courier() {
    let reason = Some(note("flat tyre"));
    assert_eq!(
        at(Stage::Assigned).decide(&Command::Unassign { reason: reason.clone() }, now()),
        Ok(vec![Event::Unassigned { courier: courier("ann"), reason }])
    );
}

#[test]
fn a_new_position_is_news_and_the_same_is_not() {
    let mut shipment = at(Stage::PickedUp);
    let record = |latitude| Command::RecordPosition { courier: courier("ann"), at: place(latitude) };
    for event in shipment.decide(&record(52.5), now()).unwrap() {
        shipment.apply(event);
    }
    assert_eq!(shipment.position(), Some(place(52.5)));
    assert_eq!(outcome(&shipment, &record(52.5)), "-");
    assert_eq!(outcome(&shipment, &record(52.6)), "position_recorded");
}

#[test]
fn refusals_are_sentences_with_values() {
    assert_eq!(
        at(Stage::Assigned)
            .decide(&Command::Assign { courier: courier("bob") }, now())
            .unwrap_err()
            .to_string(),
        "shipment is assigned to courier ann: it must be unassigned before another takes it"
    );
    assert_eq!(
        Error::NotYourShipment { courier: courier("ann"), asked: courier("bob") }.to_string(),
        "shipment is courier ann's, not bob's: only the assigned courier may move it"
    );
    let stage = Stage::PickedUp;
    assert_eq!(
        Error::NotCancellable { stage }.to_string(),
        "shipment is picked up: only before pick-up can it be cancelled"
    );
    assert_eq!(Error::NotFound.kind(), Kind::NotFound);
    assert_eq!(Error::NotCancellable { stage }.kind(), Kind::Conflict);
}

#[test]
fn an_event_that_does_not_fit_changes_nothing() {
    let events = [
        requested(),
        assigned(),
        Event::Unassigned { courier: courier("ann"), reason: None },
        picked_up(),
        Event::PositionRecorded { at: place(1.0) },
        Event::Delivered { proof: None },
        failed(),
        Event::Returned,
        Event::Cancelled { reason: note("too late") },
    ];
    for stage in [Stage::Delivered, Stage::Returned, Stage::Cancelled] {
        for event in &events {
            let mut shipment = at(stage);
            shipment.apply(event.clone());
            assert_eq!(shipment, at(stage), "{event:?}");
        }
    }
    assert!(!after(events[1..].to_vec()).exists());
}

#[test]
fn each_stage_shows_what_it_has() {
    let delivered = at(Stage::Delivered);
    assert!(delivered.exists());
    assert_eq!((delivered.order(), delivered.requested_at()), (Some(order(1)), Some(now())));
    assert_eq!((delivered.address(), delivered.contact()), (Some(&address()), Some(&contact())));
    assert_eq!((delivered.courier(), delivered.proof()), (Some(&courier("ann")), Some(&note("signed"))));
    assert_eq!((delivered.location(), delivered.reason()), (Some(&LocationId::default()), None));
    assert_eq!(at(Stage::Returned).reason(), Some(&note("nobody home")));
    assert_eq!(at(Stage::Cancelled).courier(), None);
    for stage in ALL {
        assert_eq!(json!(stage), stage.as_str());
    }
}

#[test]
fn every_stage_survives_a_snapshot() {
    for stage in ALL {
        assert_eq!(serde_json::from_value::<Shipment>(json!(at(stage))).unwrap(), at(stage));
    }
}

#[test]
fn the_framework_sees_the_same_rules() {
    TestFramework::<Shipment>::with(Now(now()))
        .given(vec![requested(), assigned()])
        .when(Command::PickUp { courier: courier("ann") })
        .then_expect_events(vec![picked_up()]);
    TestFramework::<Shipment>::with(Now(now()))
        .given_no_previous_events()
        .when(Command::Cancel { reason: note("too late") })
        .then_expect_error(Error::NotFound);
}
