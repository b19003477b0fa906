//! The way back: whoever cancels, whenever, everything is undone, the last thing first, each undo confirmed.

use rstest::rstest;

use crate::fulfillment::{Effect, Fulfilment, Outcome, Status, Step, Undo};
use crate::kitchen::ScheduleEvent;
use crate::order::{CancelReason, OrderEvent, Party};
use crate::payment::PaymentEvent;
use crate::shipment::ShipmentEvent;

use super::samples::{ORDER, euros, method, payment};
use super::story::*;

type Milestone = fn(&mut Story) -> &mut Story;

fn nothing(story: &mut Story) -> &mut Story {
    story
}

fn opened(story: &mut Story) -> &mut Story {
    story.order(OrderEvent::PaymentRequested {
        payment: payment(1),
        amount: euros(1_000),
        method: method(),
        attempt: 1,
    })
}

fn asked(story: &mut Story) -> &mut Story {
    story.pays(1)
}

/// The first thing that a cancellation does, at every step.
#[rstest]
#[case::nobody_pays(nothing, &["order: confirm_cancellation", "unset payment_due"], Step::CloseOrder)]
#[case::payment_not_yet_open(opened, &["unset payment_due"], Step::ReturnMoney)]
#[case::provider_asked(asked, &["unset payment_due"], Step::ReturnMoney)]
#[case::money_held(Story::authorized, &["provider: void"], Step::ReturnMoney)]
#[case::kitchen_asked(Story::paid, &["kitchen: cancel", "unset accept_due"], Step::StopKitchen)]
#[case::kitchen_willing(Story::accepted, &["kitchen: cancel"], Step::StopKitchen)]
#[case::money_taken(Story::captured, &["kitchen: cancel"], Step::StopKitchen)]
#[case::cooking(Story::cooking, &["kitchen: cancel"], Step::StopKitchen)]
#[case::courier_asked(Story::ready, &["shipment 1: cancel", "unset courier_due"], Step::RecallCourier)]
#[case::courier_wanted(Story::wanted_courier, &["shipment 1: cancel", "unset courier_due"], Step::RecallCourier)]
#[case::on_its_way(Story::dispatched, &["payment: request_refund"], Step::ReturnMoney)]
fn a_cancellation_begins_with_the_last_thing_done(
    #[case] milestone: Milestone,
    #[case] first: &[&str],
    #[case] step: Step,
) {
    let mut story = Story::placed();
    milestone(&mut story).cancelled_by(CancelReason::Operator, Party::Operator).then(first);
    assert_eq!(story.process.step(), step);
    assert_eq!(story.process.status(), Status::Compensating);
    assert_eq!(story.process.cancellation(), Some((CancelReason::Operator, Party::Operator)));
    assert_eq!(story.process.timers().count(), 0);
}

#[test]
fn everything_is_undone_in_reverse_order_each_undo_confirmed_before_the_next() {
    let refund = Fulfilment::refund_of(payment(1));
    let mut story = Story::placed();
    // Neither the kitchen nor the courier is through: the food is cooked under a schedule that can still stop.
    story.cooking().order(OrderEvent::Ready).shipment(1, wanted());
    story
        .cancelled_by(CancelReason::Operator, Party::Operator)
        .then(&["shipment 1: cancel", "unset courier_due"]);
    assert_eq!(
        story.process.compensation(),
        [
            Undo::RecallCourier(Fulfilment::shipment_of(ORDER, 1)),
            Undo::StopKitchen(Fulfilment::schedule_of(ORDER)),
            Undo::ReturnMoney(payment(1)),
            Undo::CloseOrder
        ]
    );
    story
        .shipment(1, recalled())
        .then(&["kitchen: cancel"])
        .kitchen(stopped())
        .then(&["payment: request_refund"])
        .payment(1, refund_requested(refund, 1_000))
        .then(&["provider: refund"])
        .answers(Outcome::Refunded)
        .then(&["payment: record_refunded"])
        .payment(1, refunded(refund, 1_000))
        .then(&["order: confirm_cancellation"])
        .order(OrderEvent::Cancelled)
        .then(&[]);
    assert_eq!(story.process.status(), Status::Compensated);
    assert!(story.process.compensation().is_empty());
}

#[test]
fn what_is_held_is_let_go() {
    let mut story = Story::placed();
    story.accepted().customer_cancels().kitchen(stopped());
    // The capture was on its way: its answer comes first.
    story.then(&[]);
    assert!(story.process.waiting_for().contains("to answer the capture"), "{}", story.process.waiting_for());
    story.answers_to(capture(), declined()).then(&["payment: record_capture_failed"]);
    let failed = PaymentEvent::CaptureFailed { code: "expired".to_owned(), message: "no".to_owned() };
    story
        .payment(1, failed)
        .then(&["provider: void"])
        .answers(Outcome::Voided)
        .then(&["payment: record_voided"])
        .payment(1, PaymentEvent::Voided)
        .then(&["order: confirm_cancellation"]);
}

fn capture() -> Effect {
    Effect::Capture { payment: payment(1), reference: "pr_1".to_owned(), amount: euros(1_000) }
}

#[test]
fn money_that_was_being_taken_when_the_order_was_cancelled_is_refunded() {
    let mut story = Story::placed();
    story
        .accepted()
        .customer_cancels()
        .then(&["kitchen: cancel"])
        .answers_to(capture(), taken())
        .then(&["payment: record_captured"])
        .payment(1, captured())
        .then(&[])
        .kitchen(stopped())
        .then(&["payment: request_refund"]);
}

#[test]
fn a_kitchen_that_has_finished_is_not_stopped() {
    let mut story = Story::placed();
    story.cooking().kitchen(ScheduleEvent::Finished).customer_cancels().then(&["payment: request_refund"]);
}

#[test]
fn a_kitchen_that_finishes_meanwhile_is_left_alone() {
    let mut story = Story::placed();
    story
        .cooking()
        .customer_cancels()
        .then(&["kitchen: cancel"])
        .is_refused("schedule_not_cancellable")
        .then(&["payment: request_refund"])
        .kitchen(ScheduleEvent::Finished)
        .then(&[]);
    assert_eq!(story.process.attention(), None);
}

#[test]
fn a_courier_who_has_it_meanwhile_is_left_alone() {
    let mut story = Story::placed();
    story
        .wanted_courier()
        .shipment(1, assigned())
        .cancelled_by(CancelReason::Operator, Party::Operator)
        .then(&["shipment 1: cancel", "unset courier_due"])
        .is_refused("shipment_not_cancellable")
        .then(&["payment: request_refund"])
        .shipment(1, picked_up())
        .then(&[])
        .shipment(1, ShipmentEvent::Delivered { proof: None })
        .then(&[]);
    assert_eq!(story.process.step(), Step::ReturnMoney);
}

#[test]
fn a_late_authorization_after_the_cancellation_is_let_go() {
    let mut story = Story::placed();
    story.pays(1).answers(declined()).payment(1, failed());
    story.customer_cancels().then(&["order: confirm_cancellation", "unset payment_due"]);
    story.order(OrderEvent::Cancelled);
    assert_eq!(story.process.status(), Status::Compensated);
    story.payment(1, authorized()).then(&["provider: void"]);
    assert_eq!((story.process.status(), story.process.step()), (Status::Compensating, Step::ReturnMoney));
    story.answers(Outcome::Voided).payment(1, PaymentEvent::Voided).then(&[]);
    assert_eq!(story.process.status(), Status::Compensated);
}

#[test]
fn late_money_after_the_cancellation_is_refunded() {
    let mut story = Story::placed();
    story.customer_cancels().order(OrderEvent::Cancelled);
    story.payment(7, requested()).then(&["payment: record_failed"]);
    story.payment(7, captured()).then(&["payment: request_refund"]);
}

#[test]
fn money_of_a_discarded_order_is_let_go() {
    let mut story = Story::placed();
    story.authorized().order(OrderEvent::Discarded).then(&["provider: void"]);
    story.answers(Outcome::Voided).payment(1, PaymentEvent::Voided).then(&[]);
    assert_eq!(story.process.status(), Status::Compensated);
}

#[test]
fn a_delivered_order_that_is_discarded_keeps_its_money() {
    let mut story = Story::placed();
    story.delivered().order(OrderEvent::Discarded).then(&[]);
    assert_eq!(story.process.status(), Status::Completed);
}

#[test]
fn a_payment_that_the_order_does_not_want_is_let_go_and_the_order_stays_payable() {
    let mut story = Story::placed();
    story
        .authorized()
        .then(&["order: confirm_payment", "unset payment_due"])
        .is_refused("payment_not_awaited")
        .then(&["provider: void", "set payment_due 12:15:00"])
        .answers(Outcome::Voided)
        .payment(1, PaymentEvent::Voided)
        .then(&["order: record_payment_failure"]);
    assert_eq!(story.process.status(), Status::Running);
}

#[test]
fn a_schedule_that_is_made_after_all_is_stopped_after_all() {
    let mut story = Story::placed();
    story.authorized().order(OrderEvent::Paid { payment: payment(1) }).gives_up();
    assert_eq!(story.process.status(), Status::Attention);
    story.customer_cancels().then(&["kitchen: cancel", "unset accept_due"]).is_refused("schedule_not_found");
    story.then(&["provider: void"]).answers(Outcome::Voided).payment(1, PaymentEvent::Voided);
    story.order(OrderEvent::Cancelled);
    assert_eq!(story.process.status(), Status::Compensated);
    story.kitchen(scheduled()).then(&["kitchen: cancel"]).kitchen(stopped()).then(&[]);
    assert_eq!(story.process.status(), Status::Compensated);
}

#[test]
fn every_reason_can_be_said() {
    use CancelReason as Why;
    let reasons = [
        Why::CustomerRequest,
        Why::OutOfStock,
        Why::KitchenRejected,
        Why::KitchenTimeout,
        Why::PaymentFailed,
        Why::PaymentTimeout,
        Why::NoCourier,
        Why::DeliveryFailed,
        Why::Operator,
    ];
    for reason in reasons {
        let mut story = Story::placed();
        story.accepted().cancelled_by(reason, Party::Process).then(&["kitchen: cancel"]);
    }
}
