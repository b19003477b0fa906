//! The way forward, step by step, and what happens when a step fails or takes too long.

use chrono::TimeDelta;

use crate::command::Command;
use crate::fact::Fact;
use crate::fulfillment::{Effect, Fulfilment, Outcome, Status, Step, Timer};
use crate::kitchen::{ScheduleCommand, ScheduleEvent};
use crate::order::{CancelReason, OrderCommand, OrderEvent, Party};
use crate::payment::PaymentEvent;
use crate::shipment::ShipmentEvent;
use crate::values::Item;

use super::samples::{ORDER, after, delivery, euros, method, note, payment, quote};
use super::story::*;

#[test]
fn placing_begins_a_process_and_its_wait_for_money() {
    let mut story = Story::placed();
    story.then(&["set payment_due 12:15:00"]);
    assert_eq!((story.process.status(), story.process.step()), (Status::Running, Step::Pay));
    assert_eq!(story.process.waiting_for(), "the customer to pay (until 12:15:00Z)");
    let ready = story.recorded(Fact::Order(ORDER, OrderEvent::Ready));
    assert!(!Fulfilment::starts_with(&ready), "only a new order begins a process");
}

#[test]
fn an_order_goes_all_the_way_to_the_customers_door() {
    let mut story = Story::placed();
    story
        .order(OrderEvent::PaymentRequested {
            payment: payment(1),
            amount: euros(1_000),
            method: method(),
            attempt: 1,
        })
        .then(&["payment: request"])
        .payment(1, requested())
        .then(&["provider: authorize"])
        .answers(held())
        .then(&["payment: record_authorized"])
        .payment(1, authorized())
        .then(&["order: confirm_payment", "unset payment_due"])
        .order(OrderEvent::Paid { payment: payment(1) })
        .then(&["kitchen: schedule", "set accept_due 12:05:00"])
        .kitchen(scheduled())
        .then(&[])
        .kitchen(accepted())
        .then(&["provider: capture", "unset accept_due"])
        .answers(taken())
        .then(&["payment: record_captured"])
        .payment(1, captured())
        .then(&["order: enter_kitchen"])
        .order(entered())
        .then(&[])
        .kitchen(ScheduleEvent::Started)
        .then(&[])
        .kitchen(ScheduleEvent::Finished)
        .then(&["order: mark_ready"])
        .order(OrderEvent::Ready)
        .then(&["shipment 1: request", "set courier_due 12:10:00"])
        .shipment(1, wanted())
        .then(&[])
        .shipment(1, assigned())
        .then(&[])
        .shipment(1, picked_up())
        .then(&["kitchen: collect", "order: dispatch", "unset courier_due"])
        .kitchen(ScheduleEvent::Collected)
        .then(&[])
        .order(OrderEvent::Dispatched { shipment: Fulfilment::shipment_of(ORDER, 1) })
        .then(&[])
        .shipment(1, ShipmentEvent::Delivered { proof: None })
        .then(&["order: deliver"])
        .order(OrderEvent::Delivered)
        .then(&[]);
    assert_eq!((story.process.status(), story.process.step()), (Status::Completed, Step::Done));
    assert_eq!(story.process.waiting_for(), "nothing");
}

#[test]
fn a_pickup_waits_for_the_customer_and_asks_no_courier() {
    let mut story = Story::pickup();
    story.ready().then(&[]);
    assert_eq!(story.process.step(), Step::Collect);
    assert!(story.process.waiting_for().starts_with("the customer to collect schedule"));
    story.kitchen(ScheduleEvent::Collected).then(&["order: collect"]).order(OrderEvent::Collected).then(&[]);
    assert_eq!(story.process.status(), Status::Completed);
}

#[test]
fn the_kitchen_gets_the_items_as_they_were_revised() {
    let mut story = Story::placed();
    let mut revised = quote(500);
    revised.lines[0].quantity = crate::values::Quantity::new(7).unwrap();
    story.order(OrderEvent::Revised { quote: revised, note: Some(note("no sugar")) }).then(&[]);
    story.authorized().order(OrderEvent::Paid { payment: payment(1) });
    let Command::Kitchen { id, command: ScheduleCommand::Schedule { items, order, note, due, .. } } =
        story.last_command()
    else {
        panic!("the kitchen is asked")
    };
    assert_eq!(id, Fulfilment::schedule_of(ORDER));
    assert_eq!(items, vec![Item { product: "latte".to_owned(), size: None, quantity: 7 }]);
    assert_eq!((order, due), (Some(ORDER), None));
    assert_eq!(note.map(String::from), Some("no sugar".to_owned()));
}

#[test]
fn an_order_wanted_later_is_cooked_later() {
    let mut story = Story::of(delivery(), Some(after(120)), 1_000);
    story.authorized().order(OrderEvent::Paid { payment: payment(1) }).then(&["set kitchen_due 13:30:00"]);
    assert_eq!(story.process.step(), Step::Schedule);
    assert_eq!(story.process.waiting_for(), "the time to ask the kitchen (at 13:30:00Z)");
    story.rings(Timer::KitchenDue).then(&["kitchen: schedule", "set accept_due 13:35:00"]);
    let Command::Kitchen { command: ScheduleCommand::Schedule { due, .. }, .. } = story.last_command() else {
        panic!("the kitchen is asked")
    };
    assert_eq!(due, Some(after(120)));
}

#[test]
fn an_order_wanted_soon_is_cooked_at_once() {
    let mut story = Story::of(delivery(), Some(after(20)), 1_000);
    story.authorized().order(OrderEvent::Paid { payment: payment(1) });
    story.then(&["kitchen: schedule", "set accept_due 12:05:00"]);
}

#[test]
fn an_order_that_costs_nothing_needs_no_payment() {
    let mut story = Story::of(delivery(), None, 0);
    story
        .order(OrderEvent::PaymentRequested {
            payment: payment(1),
            amount: euros(0),
            method: method(),
            attempt: 1,
        })
        .then(&["order: confirm_payment", "unset payment_due"])
        .order(OrderEvent::Paid { payment: payment(1) })
        .kitchen(scheduled())
        .kitchen(accepted())
        .then(&["order: enter_kitchen", "unset accept_due"]);
    story
        .customer_cancels()
        .then(&["kitchen: cancel"])
        .kitchen(stopped())
        .then(&["order: confirm_cancellation"]);
}

#[test]
fn a_provider_that_only_says_succeeded_is_not_asked_to_capture() {
    let mut story = Story::placed();
    story
        .pays(1)
        .answers(taken())
        .then(&["payment: record_captured"])
        .payment(1, captured())
        .then(&["order: confirm_payment", "unset payment_due"])
        .order(OrderEvent::Paid { payment: payment(1) })
        .kitchen(scheduled())
        .kitchen(accepted())
        .then(&["order: enter_kitchen", "unset accept_due"]);
}

#[test]
fn a_kitchen_that_is_faster_than_the_capture_is_heard_in_the_right_order() {
    let mut story = Story::placed();
    story
        .accepted()
        .kitchen(ScheduleEvent::Started)
        .kitchen(ScheduleEvent::Finished)
        .then(&[])
        .answers(taken())
        .payment(1, captured())
        .then(&["order: enter_kitchen"])
        .order(entered())
        .then(&["order: mark_ready"]);
}

#[test]
fn a_declined_payment_leaves_the_order_payable() {
    let mut story = Story::placed();
    story.pays(1).answers(declined()).then(&["payment: record_failed"]).payment(1, failed());
    story.then(&["order: record_payment_failure"]);
    story.order(OrderEvent::PaymentFailed { payment: payment(1), why: "no money".to_owned() }).then(&[]);
    assert_eq!(story.process.waiting_for(), "the customer to pay (until 12:15:00Z)");
    story.pays(2).then(&["provider: authorize"]);
}

#[test]
fn too_many_declined_payments_cancel_the_order() {
    let mut story = Story::placed();
    for attempt in 1..=2 {
        story.pays(attempt).answers(declined()).payment(attempt, failed());
        story.order(OrderEvent::PaymentFailed { payment: payment(attempt), why: "no".to_owned() });
    }
    story.pays(3).answers(declined()).payment(3, failed()).then(&[
        "order: record_payment_failure",
        "order: cancel payment_failed",
        "unset payment_due",
    ]);
    assert_eq!(story.process.status(), Status::Compensating);
}

#[test]
fn a_payment_that_cannot_be_opened_has_failed() {
    let mut story = Story::placed();
    story.order(OrderEvent::PaymentRequested {
        payment: payment(1),
        amount: euros(1_000),
        method: method(),
        attempt: 1,
    });
    story.is_refused("payment_already_requested").then(&["order: record_payment_failure"]);
    assert!(story.remark.as_ref().unwrap().contains("could not be opened"));
}

#[test]
fn nobody_pays_in_time() {
    let mut story = Story::placed();
    story.rings(Timer::PaymentDue).then(&["order: cancel payment_timeout"]);
    assert_eq!(story.process.step(), Step::Cancel);
    story
        .cancelled_by(CancelReason::PaymentTimeout, Party::Process)
        .then(&["order: confirm_cancellation"])
        .order(OrderEvent::Cancelled)
        .then(&[]);
    assert_eq!(story.process.status(), Status::Compensated);
}

#[test]
fn the_bank_may_want_the_customer_to_act_first() {
    let mut story = Story::placed();
    story
        .pays(1)
        .answers(Outcome::ActionRequired { reference: "pr_1".to_owned(), url: None })
        .then(&["payment: record_action_required"])
        .payment(1, action_required())
        .then(&[]);
    assert!(story.process.waiting_for().starts_with("the customer to confirm payment"));
    assert!(story.process.waiting_for().ends_with("(until 12:15:00Z)"));
    story.payment(1, authorized()).then(&["order: confirm_payment", "unset payment_due"]);
}

#[test]
fn a_kitchen_that_says_no_cancels_the_order() {
    let mut story = Story::placed();
    story
        .paid()
        .kitchen(ScheduleEvent::Rejected { reason: note("no milk") })
        .then(&["order: cancel kitchen_rejected", "unset accept_due"]);
    let Command::Order { command: OrderCommand::Cancel { detail, .. }, .. } = story.last_command() else {
        panic!("the order is cancelled")
    };
    assert_eq!(detail.map(String::from), Some("no milk".to_owned()));
}

#[test]
fn a_kitchen_that_cannot_be_asked_cancels_the_order() {
    let mut story = Story::placed();
    story.authorized().order(OrderEvent::Paid { payment: payment(1) }).is_refused("schedule_already_exists");
    story.then(&["order: cancel kitchen_rejected", "unset accept_due"]);
}

#[test]
fn a_kitchen_that_does_not_answer_cancels_the_order() {
    let mut story = Story::placed();
    story.paid();
    assert_eq!(story.process.step(), Step::Accept);
    assert!(story.process.waiting_for().ends_with("(until 12:05:00Z)"), "{}", story.process.waiting_for());
    story.rings(Timer::AcceptDue).then(&["order: cancel kitchen_timeout"]);
    // It says yes a moment too late: nothing is taken.
    story.kitchen(accepted()).then(&[]);
}

#[test]
fn a_kitchen_that_stops_cancels_the_order() {
    for story in [Story::accepted as fn(&mut Story) -> &mut Story, Story::cooking] {
        let mut told = Story::placed();
        story(&mut told).kitchen(stopped()).then(&["order: cancel kitchen_rejected"]);
    }
}

#[test]
fn money_that_cannot_be_taken_cancels_the_order() {
    let mut story = Story::placed();
    story
        .accepted()
        .answers(declined())
        .then(&["payment: record_capture_failed"])
        .payment(1, PaymentEvent::CaptureFailed { code: "expired".to_owned(), message: "no".to_owned() })
        .then(&["order: cancel payment_failed"])
        .cancelled_by(CancelReason::PaymentFailed, Party::Process)
        .then(&["kitchen: cancel"])
        .kitchen(stopped())
        .then(&["provider: void"]);
}

#[test]
fn money_that_is_no_longer_held_cancels_the_order() {
    let mut story = Story::placed();
    story.paid().payment(1, PaymentEvent::Voided);
    story.then(&["order: cancel payment_failed", "unset accept_due"]);
}

#[test]
fn another_courier_is_looked_for_when_the_first_is_certain_not_to_come() {
    let mut story = Story::placed();
    story.wanted_courier();
    assert_eq!(story.process.step(), Step::Dispatch);
    assert!(story.process.waiting_for().ends_with("(until 12:10:00Z)"), "{}", story.process.waiting_for());
    story
        .rings(Timer::CourierDue)
        .then(&["shipment 1: cancel"])
        .shipment(1, recalled())
        .then(&["shipment 2: request", "set courier_due 12:20:00"])
        .shipment(2, wanted())
        .rings(Timer::CourierDue)
        .then(&["shipment 2: cancel"])
        .shipment(2, recalled())
        .then(&["shipment 3: request", "set courier_due 12:30:00"])
        .shipment(3, wanted())
        .rings(Timer::CourierDue)
        .then(&["order: cancel no_courier"]);
}

#[test]
fn a_courier_who_picks_up_at_the_last_moment_is_not_replaced() {
    let mut story = Story::placed();
    story
        .wanted_courier()
        .shipment(1, assigned())
        .rings(Timer::CourierDue)
        .then(&["shipment 1: cancel"])
        .is_refused("shipment_not_cancellable")
        .then(&[])
        .shipment(1, picked_up())
        .then(&["kitchen: collect", "order: dispatch"]);
}

#[test]
fn a_courier_who_gives_back_leaves_the_shipment_open_and_the_timer_running() {
    let mut story = Story::placed();
    story.wanted_courier().shipment(1, assigned());
    assert!(story.process.waiting_for().starts_with("the courier to pick shipment"));
    story.shipment(1, ShipmentEvent::Unassigned { courier: courier(), reason: None }).then(&[]);
    assert_eq!(story.process.timers().collect::<Vec<_>>(), [(Timer::CourierDue, after(10))]);
    assert!(story.process.waiting_for().starts_with("a courier to take shipment"));
}

#[test]
fn a_shipment_that_cannot_be_requested_or_is_called_off_is_followed_by_another() {
    let mut story = Story::placed();
    story.ready().is_refused("shipment_already_requested");
    story.then(&["shipment 2: request"]);
    story.now += TimeDelta::minutes(1);
    story.shipment(2, wanted()).shipment(2, recalled());
    story.then(&["shipment 3: request", "set courier_due 12:11:00"]);
    story.shipment(3, wanted()).shipment(3, recalled());
    story.then(&["order: cancel no_courier", "unset courier_due"]);
}

#[test]
fn what_comes_back_is_refunded() {
    let mut story = Story::placed();
    story.dispatched();
    assert!(story.process.waiting_for().starts_with("the courier to deliver shipment"));
    story.shipment(1, ShipmentEvent::DeliveryFailed { reason: note("nobody at home") }).then(&[]);
    assert!(story.process.waiting_for().starts_with("the courier to bring shipment"));
    story
        .shipment(1, ShipmentEvent::Returned)
        .then(&["order: cancel delivery_failed"])
        .cancelled_by(CancelReason::DeliveryFailed, Party::Process)
        .then(&["payment: request_refund"]);
}

#[test]
fn the_provider_is_asked_for_what_was_ordered() {
    let mut story = Story::placed();
    story.pays(1);
    assert_eq!(
        story.last_effect(),
        Effect::Authorize { payment: payment(1), order: ORDER, amount: euros(1_000), method: method() }
    );
}

#[test]
fn what_was_decided_is_said_in_words() {
    let mut story = Story::placed();
    story.paid().kitchen(accepted());
    assert_eq!(story.remark.as_deref(), Some("the kitchen has accepted: the money is taken"));
    story.customer_cancels();
    assert_eq!(
        story.remark.as_deref(),
        Some(
            "the order is cancelled: what was done is undone, the last thing first; the kitchen is told to stop"
        )
    );
}

#[test]
fn a_wait_without_end_is_no_panic() {
    let mut story = Story::placed();
    story.policy.accept_within = TimeDelta::MAX;
    story.policy.reconcile_after = TimeDelta::MAX;
    story.paid().kitchen(accepted()).answers(lost(crate::payment::Operation::Capture));
    story.then(&["payment: record_outcome_unknown", "set reconcile 12:05:00"]);
}
