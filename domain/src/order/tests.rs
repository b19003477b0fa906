//! Given what happened, when someone asks, then this follows.

mod story;
mod table;

use chrono::TimeDelta;
use cqrs_es::Aggregate;
use rstest::rstest;
use uuid::Uuid;

use super::*;
use crate::values::{Currency, Money};
use story::*;

use OrderCommand as C;
use OrderEvent as E;

#[test]
fn placing_can_pay_at_once() {
    let place = Place { pay: Some((FIRST, method())), ..delivery() };
    let events = given("unplaced").when(&C::Place(place.clone())).unwrap();
    assert_eq!(events, [placed(&delivery()), requested(FIRST, 1)]);
    let order = order(events);
    assert_eq!(order.stage(), Some(Stage::AwaitingPayment));
    assert_eq!(order.when(&C::Place(place)), Ok(vec![]));
    let other = Place { pay: Some((SECOND, method())), ..delivery() };
    assert_eq!(order.when(&C::Place(other)), Err(OrderError::PlacedOtherwise));
}

#[test]
fn an_id_that_is_taken_is_not_placed_with_other_content() {
    let others = [
        Place { quote: quote(5), ..delivery() },
        Place {
            contact: Contact { name: "Bob".to_owned().try_into().unwrap(), email: None, phone: None },
            ..delivery()
        },
        Place { customer: None, ..delivery() },
        Place { fulfilment: Fulfilment::Pickup, ..delivery() },
        Place { location: LocationId::parse("airport").unwrap(), ..delivery() },
        Place { note: None, ..delivery() },
        Place { requested_for: Some(ready_by()), ..delivery() },
    ];
    for other in others {
        assert_eq!(given("placed").when(&C::Place(other)), Err(OrderError::PlacedOtherwise));
    }
}

#[rstest]
#[case(-3600, false)]
#[case(-61, false)]
#[case(-59, true)]
#[case(3600, true)]
fn an_order_is_not_wanted_in_the_past(#[case] seconds: i64, #[case] fits: bool) {
    let requested_for = now() + TimeDelta::seconds(seconds);
    let place = Place { requested_for: Some(requested_for), ..delivery() };
    let expected = if fits {
        Ok(vec![placed(&place)])
    } else {
        Err(OrderError::WantedInThePast { requested_for, now: now() })
    };
    assert_eq!(given("unplaced").when(&C::Place(place)), expected);
}

#[test]
fn a_revision_changes_lines_and_keeps_the_note_unless_it_brings_one() {
    let mut order = given("placed");
    order.apply(E::Revised { quote: quote(3), note: None });
    assert_eq!((order.quote(), order.note()), (Some(&quote(3)), Some(&note("no sugar"))));
    assert_eq!(order.when(&C::Revise { quote: quote(3), note: Some(note("no sugar")) }), Ok(vec![]));

    let revised = E::Revised { quote: quote(3), note: Some(note("sugar")) };
    assert_eq!(
        order.when(&C::Revise { quote: quote(3), note: Some(note("sugar")) }),
        Ok(vec![revised.clone()])
    );
    order.apply(revised);
    assert_eq!(order.note(), Some(&note("sugar")));
}

#[test]
fn a_revision_cannot_change_the_currency() {
    let dollars = Quote { total: Money::new(1, Currency::USD), ..quote(1) };
    assert_eq!(
        given("placed").when(&C::Revise { quote: dollars, note: None }),
        Err(OrderError::CurrencyChanged { placed: Currency::EUR, revised: Currency::USD })
    );
}

#[test]
fn an_order_is_payable_again_after_a_failure_and_counts_its_attempts() {
    let mut order = given("payable-again");
    assert_eq!((order.stage(), order.status()), (Some(Stage::Placed), Some(Status::Created)));
    assert_eq!((order.attempts(), order.failed_attempts(), order.payment()), (1, 1, None));
    assert_eq!(order.when(&row("revise").0), Ok(vec![row("revise").1]), "it can be revised again");

    let second = order.when(&row("pay-other").0).unwrap();
    assert_eq!(second, [requested(SECOND, 2)]);
    for event in second {
        order.apply(event);
    }
    assert_eq!((order.attempts(), order.failed_attempts(), order.payment()), (2, 1, Some(SECOND)));
}

#[test]
fn news_of_a_failed_attempt_that_comes_again_is_no_news() {
    for order in
        [given("payable-again"), order([history("payable-again"), vec![requested(SECOND, 2)]].concat())]
    {
        assert_eq!(order.when(&row("pay").0), Ok(vec![]));
        assert_eq!(order.when(&row("fail").0), Ok(vec![]));
        assert!(matches!(
            order.when(&row("paid").0),
            Err(OrderError::PaymentNotAwaited { payment: FIRST, .. })
        ));
    }
}

#[test]
fn an_order_of_nothing_is_paid_like_any_other() {
    let free = Quote { total: Money::zero(Currency::EUR), ..quote(1) };
    let order = order(vec![placed(&Place { quote: free, ..delivery() })]);
    let expected = E::PaymentRequested {
        payment: FIRST,
        amount: Money::zero(Currency::EUR),
        method: method(),
        attempt: 1,
    };
    assert_eq!(order.when(&row("pay").0), Ok(vec![expected]));
}

#[rstest]
#[case("placed", "revise", None)]
#[case("awaiting", "revise", Some(OrderError::NotRevisable { stage: Stage::AwaitingPayment }))]
#[case("awaiting", "pay-other", Some(OrderError::PaymentInProgress { payment: FIRST }))]
#[case("paid", "pay-other", Some(OrderError::AlreadyPaid { payment: FIRST }))]
#[case("delivered", "pay-other", Some(OrderError::AlreadyPaid { payment: FIRST }))]
#[case("cancelling", "pay-other", Some(OrderError::NotPayable { stage: Stage::Cancelling }))]
#[case("awaiting", "paid-other", Some(OrderError::PaymentNotAwaited { stage: Stage::AwaitingPayment, payment: SECOND }))]
#[case("paid", "fail", Some(OrderError::PaymentNotAwaited { stage: Stage::Paid, payment: FIRST }))]
#[case("placed", "cook", Some(OrderError::NotPaid { stage: Stage::Placed }))]
#[case("paid", "mark-ready", Some(OrderError::NotInKitchen { stage: Stage::Paid }))]
#[case("kitchen", "dispatch", Some(OrderError::NotReady { stage: Stage::InKitchen }))]
#[case("waiting", "dispatch", Some(OrderError::NotADelivery))]
#[case("waiting", "deliver", Some(OrderError::NotADelivery))]
#[case("ready", "collect", Some(OrderError::NotAPickup))]
#[case("ready", "deliver", Some(OrderError::NotDispatched { stage: Stage::Ready }))]
#[case("ready", "cancel-customer", Some(OrderError::NotCancellable { stage: Stage::Ready, by: Party::Customer }))]
#[case("dispatched", "cancel-operator", Some(OrderError::NotCancellable { stage: Stage::Dispatched, by: Party::Operator }))]
#[case("collected", "cancel-process", Some(OrderError::NotCancellable { stage: Stage::Collected, by: Party::Process }))]
#[case("paid", "confirm-cancel", Some(OrderError::NotCancelling { stage: Stage::Paid }))]
#[case("paid", "discard", Some(OrderError::NotDiscardable { stage: Stage::Paid }))]
#[case("unplaced", "discard", Some(OrderError::NotPlaced))]
#[case("discarded", "discard", Some(OrderError::Discarded))]
fn a_refusal_names_its_rule(#[case] state: &str, #[case] command: &str, #[case] refusal: Option<OrderError>) {
    assert_eq!(given(state).when(&row(command).0).err(), refusal);
}

#[test]
fn an_order_is_cooked_once_and_carried_once() {
    let other = C::EnterKitchen { schedule: ScheduleId(Uuid::from_u128(33)), ready_by: ready_by() };
    assert_eq!(
        given("ready").when(&other),
        Err(OrderError::OtherSchedule { stage: Stage::Ready, schedule: SCHEDULE })
    );
    let other = C::Dispatch { shipment: ShipmentId(Uuid::from_u128(44)) };
    assert_eq!(
        given("dispatched").when(&other),
        Err(OrderError::OtherShipment { stage: Stage::Dispatched, shipment: SHIPMENT })
    );
}

#[test]
fn a_pickup_order_is_collected_only_when_it_is_ready() {
    let mut story = history("waiting");
    story.pop();
    assert_eq!(order(story).when(&C::Collect), Err(OrderError::NotReady { stage: Stage::InKitchen }));
}

#[test]
fn a_refusal_reads_as_a_sentence_with_its_values() {
    let message = |state: &str, command: &str| given(state).when(&row(command).0).unwrap_err().to_string();
    assert_eq!(
        message("awaiting", "revise"),
        "order is awaiting payment: only an unpaid order can be revised"
    );
    assert_eq!(
        message("ready", "cancel-customer"),
        "order is ready: a customer can cancel until the kitchen has finished"
    );
    assert_eq!(
        message("awaiting", "pay-other"),
        "payment 00000000-0000-0000-0000-000000000001 is in progress: only one payment at a time"
    );
}

#[test]
fn a_cancelled_order_remembers_why_and_what_it_had() {
    let order = given("cancelled");
    assert_eq!(order.cancellation(), Some((CancelReason::Operator, Party::Customer, Some(&note("sorry")))));
    assert_eq!((order.payment(), order.attempts(), order.schedule()), (Some(FIRST), 1, None));

    let mut order = given("dispatched");
    order.apply(cancellation(Party::Process));
    assert_eq!((order.schedule(), order.shipment()), (Some(SCHEDULE), Some(SHIPMENT)));
}

#[rstest]
#[case("placed", Stage::Placed, Some(Status::Created))]
#[case("awaiting", Stage::AwaitingPayment, Some(Status::Created))]
#[case("paid", Stage::Paid, Some(Status::Paid))]
#[case("kitchen", Stage::InKitchen, Some(Status::Progress))]
#[case("ready", Stage::Ready, Some(Status::Progress))]
#[case("dispatched", Stage::Dispatched, Some(Status::Dispatched))]
#[case("delivered", Stage::Delivered, Some(Status::Delivered))]
#[case("collected", Stage::Collected, Some(Status::Delivered))]
#[case("cancelling", Stage::Cancelling, Some(Status::Cancelled))]
#[case("cancelled", Stage::Cancelled, Some(Status::Cancelled))]
#[case("discarded", Stage::Discarded, None)]
fn a_stage_has_one_name_inside_and_one_outside(
    #[case] state: &str,
    #[case] stage: Stage,
    #[case] status: Option<Status>,
) {
    let order = given(state);
    assert_eq!((order.stage(), order.status()), (Some(stage), status));
    assert_eq!(serde_json::to_value(stage).unwrap(), stage.as_str());
    if let Some(status) = status {
        assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
    }
}

#[test]
fn an_order_shows_what_it_has_while_it_can_be_seen() {
    let place = delivery();
    let order = given("dispatched");
    assert!(order.exists() && !order.is_discarded());
    assert_eq!(order.quote(), Some(&place.quote));
    assert_eq!(order.contact(), Some(&place.contact));
    assert_eq!(order.customer(), place.customer);
    assert_eq!(order.fulfilment(), Some(&place.fulfilment));
    assert_eq!(order.location(), Some(&place.location));
    assert_eq!(order.note(), place.note.as_ref());
    assert_eq!((order.requested_for(), order.placed_at()), (None, Some(now())));
    assert_eq!((order.schedule(), order.ready_by()), (Some(SCHEDULE), Some(ready_by())));
    assert_eq!(
        (order.shipment(), order.payment(), order.cancellation()),
        (Some(SHIPMENT), Some(FIRST), None)
    );

    let nothing = given("unplaced");
    assert!(!nothing.exists() && nothing.stage().is_none() && nothing.attempts() == 0);
    let tombstone = given("discarded");
    assert!(tombstone.exists() && tombstone.is_discarded() && tombstone.quote().is_none());
}
