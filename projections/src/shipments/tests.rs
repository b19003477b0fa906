use super::*;
use crate::testing::*;

fn view(story: &Story) -> ShipmentView {
    story.fold(Shipments, SHIPMENT.0).view
}

fn picked_up() -> Story {
    Story::default()
        .shipment(requested())
        .shipment(ShipmentEvent::Assigned { courier: courier() })
        .shipment(ShipmentEvent::PickedUp { courier: courier() })
        .shipment(ShipmentEvent::PositionRecorded { at: here() })
}

fn here() -> GeoPoint {
    GeoPoint::new(51.300_000_000_000_004, -0.4).unwrap()
}

fn agrees(story: &Story) {
    let mut seen = Vec::new();
    story.each(Shipments, SHIPMENT.0, |_, State { view, .. }| {
        seen.push((view.stage, view.courier.clone(), view.position, view.proof.clone(), view.reason.clone()));
    });
    let mut said = Vec::new();
    let shipment = |fact: &Fact| match fact {
        Fact::Shipment(_, event) => Some(event.clone()),
        _ => None,
    };
    after_each::<Shipment>(story, shipment, |_, shipment| {
        let (courier, proof) = (shipment.courier().cloned(), shipment.proof().cloned());
        said.push((shipment.stage(), courier, shipment.position(), proof, shipment.reason().cloned()));
    });
    assert_eq!(seen, said);
}

#[test]
fn it_shows_what_the_domain_says_after_every_event() {
    let assigned =
        || Story::default().shipment(requested()).shipment(ShipmentEvent::Assigned { courier: courier() });
    let unassigned = |reason| ShipmentEvent::Unassigned { courier: courier(), reason };
    agrees(&picked_up().shipment(ShipmentEvent::Delivered { proof: Some(note("signed")) }));
    agrees(&assigned().shipment(unassigned(Some(note("Flat tyre")))));
    agrees(&assigned().shipment(ShipmentEvent::PositionRecorded { at: here() }).shipment(unassigned(None)));
    agrees(&assigned().shipment(ShipmentEvent::Cancelled { reason: note("no") }));
    agrees(
        &picked_up()
            .shipment(ShipmentEvent::DeliveryFailed { reason: note("Nobody there") })
            .shipment(ShipmentEvent::Returned),
    );
}

#[test]
fn a_shipment_shows_when_it_moved() {
    let view = view(&picked_up().shipment(ShipmentEvent::Delivered { proof: None }));
    assert_eq!((view.requested_at, view.assigned_at), (moment(0), Some(moment(2))));
    assert_eq!((view.picked_up_at, view.delivered_at), (Some(moment(3)), Some(moment(5))));
    assert_eq!((view.order_id, view.address), (ORDER, address()));
}

#[test]
fn a_place_comes_back_from_the_table_bit_for_bit() {
    let view = view(&picked_up());
    assert_eq!(view.position, Some(here()));
    let back: ShipmentView = serde_json::from_str(&serde_json::to_string(&view).unwrap()).unwrap();
    assert_eq!(back, view);
}

#[test]
fn a_shipment_that_begins_in_the_middle_is_an_error() {
    let story = Story::default().shipment(ShipmentEvent::Returned);
    let error = FoldError::NotBegun { event_type: "shipment.returned".to_owned() };
    assert_eq!(Shipments.fold(SHIPMENT.0, None, &story.events[0]), Err(error));
}
