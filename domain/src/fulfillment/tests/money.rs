//! Lost answers, callbacks that race answers, refunds that fail, work that was given up: money is never guessed.

use rstest::rstest;

use crate::fact::Fact;
use crate::fulfillment::{Effect, Fulfilment, Input, Outcome, Status, Step, Timer, Work};
use crate::order::{CancelReason, OrderEvent, Party};
use crate::payment::{Operation, PaymentEvent};
use crate::values::RefundId;

use super::samples::{ORDER, payment};
use super::story::*;

fn unknown(operation: Operation) -> PaymentEvent {
    PaymentEvent::OutcomeUnknown { operation, error: "no answer".to_owned() }
}

#[test]
fn a_lost_authorization_is_looked_up() {
    let mut story = Story::placed();
    story
        .pays(1)
        .answers(lost(Operation::Authorize))
        .then(&["payment: record_outcome_unknown", "set reconcile 12:00:05"])
        .payment(1, unknown(Operation::Authorize))
        .then(&[]);
    assert!(story.process.waiting_for().contains("what became of the authorization"));
    story.rings(Timer::Reconcile).then(&["provider: look_up"]);
}

/// What follows from the look-up of a lost authorization.
#[rstest]
#[case::it_is_held(held(), &["payment: record_authorized"])]
#[case::it_is_taken(taken(), &["payment: record_captured"])]
#[case::it_is_declined(declined(), &["payment: record_failed"])]
#[case::it_never_arrived(Outcome::NotFound, &["provider: authorize"])]
#[case::it_is_let_go(Outcome::Voided, &["payment: record_failed"])]
#[case::the_customer_must_act(
    Outcome::ActionRequired { reference: "pr_1".to_owned(), url: None },
    &["payment: record_action_required"]
)]
#[case::nobody_knows(lost(Operation::Authorize), &["set reconcile 12:00:15"])]
fn a_lost_authorization_turns_out(#[case] answer: Outcome, #[case] then: &[&str]) {
    let mut story = Story::placed();
    story.pays(1).answers(lost(Operation::Authorize)).payment(1, unknown(Operation::Authorize));
    story.rings(Timer::Reconcile).answers(answer).then(then);
}

#[test]
fn the_provider_is_asked_less_and_less_often() {
    let mut story = Story::placed();
    story.pays(1).answers(lost(Operation::Authorize));
    let mut waits = Vec::new();
    for _ in 0..9 {
        let (_, due) = story.process.timers().find(|(timer, _)| *timer == Timer::Reconcile).unwrap();
        waits.push((due - story.now).num_seconds());
        story.rings(Timer::Reconcile).answers(lost(Operation::Authorize));
    }
    assert_eq!(waits, [5, 10, 20, 40, 80, 160, 300, 300, 300]);
}

#[test]
fn a_lost_authorization_of_an_order_that_nobody_paid_in_time_is_learnt_before_the_order_ends() {
    let mut story = Story::placed();
    story.policy.reconcile_after = chrono::TimeDelta::minutes(4);
    story.pays(1).answers(lost(Operation::Authorize));
    story.rings(Timer::Reconcile).answers(lost(Operation::Authorize));
    story.rings(Timer::Reconcile).answers(lost(Operation::Authorize));
    story.now = super::samples::after(15);
    story.hears(&Input::Timer(Timer::PaymentDue)).then(&["order: cancel payment_timeout"]);
    story.cancelled_by(CancelReason::PaymentTimeout, Party::Process).then(&[]);
    story
        .rings(Timer::Reconcile)
        .then(&["provider: look_up"])
        .answers(held())
        .then(&["payment: record_authorized"])
        .payment(1, authorized())
        .then(&["provider: void"]);
}

#[test]
fn a_lost_authorization_that_never_arrived_is_closed_when_the_order_is_cancelled() {
    let mut story = Story::placed();
    story.pays(1).answers(lost(Operation::Authorize)).customer_cancels().then(&["unset payment_due"]);
    story
        .rings(Timer::Reconcile)
        .answers(Outcome::NotFound)
        .then(&["payment: record_failed"])
        .payment(1, failed())
        .then(&["order: confirm_cancellation"]);
}

/// What follows from the look-up of a lost capture: it is repeated under the same key if it did not happen.
#[rstest]
#[case::it_happened(taken(), &["payment: record_captured"])]
#[case::it_did_not_happen(held(), &["provider: capture"])]
#[case::it_is_unknown_there(Outcome::NotFound, &["provider: capture"])]
#[case::it_is_declined(declined(), &["payment: record_capture_failed"])]
#[case::it_is_let_go(Outcome::Voided, &["payment: record_voided"])]
fn a_lost_capture_turns_out(#[case] answer: Outcome, #[case] then: &[&str]) {
    let mut story = Story::placed();
    story
        .accepted()
        .answers(lost(Operation::Capture))
        .then(&["payment: record_outcome_unknown", "set reconcile 12:00:05"])
        .payment(1, unknown(Operation::Capture))
        .rings(Timer::Reconcile)
        .answers(answer)
        .then(then);
}

#[test]
fn a_lost_capture_of_a_cancelled_order_is_learnt_and_then_undone() {
    let mut story = Story::placed();
    story.accepted().answers(lost(Operation::Capture)).customer_cancels().kitchen(stopped()).then(&[]);
    story.rings(Timer::Reconcile).answers(held()).then(&["provider: void"]);
    let mut story = Story::placed();
    story.accepted().answers(lost(Operation::Capture)).customer_cancels().kitchen(stopped());
    story.rings(Timer::Reconcile).answers(taken()).payment(1, captured()).then(&["payment: request_refund"]);
}

/// What follows from the look-up of a lost void.
#[rstest]
#[case::it_happened(Outcome::Voided, &["payment: record_voided"])]
#[case::it_did_not_happen(held(), &["provider: void"])]
#[case::it_is_unknown_there(Outcome::NotFound, &["payment: record_voided"])]
#[case::it_was_taken(taken(), &["payment: record_captured"])]
fn a_lost_void_turns_out(#[case] answer: Outcome, #[case] then: &[&str]) {
    let mut story = Story::placed();
    story.authorized().customer_cancels().answers(lost(Operation::Void));
    story.rings(Timer::Reconcile).answers(answer).then(then);
}

/// What follows from the look-up of a lost refund.
#[rstest]
#[case::it_happened(Outcome::Refunded, &["payment: record_refunded"])]
#[case::it_did_not_happen(taken(), &["provider: refund"])]
#[case::it_is_unknown_there(Outcome::NotFound, &["provider: refund"])]
fn a_lost_refund_turns_out(#[case] answer: Outcome, #[case] then: &[&str]) {
    let mut story = Story::placed();
    story.cancelled_after_capture().answers(lost(Operation::Refund));
    story.payment(1, unknown(Operation::Refund)).then(&[]);
    story.rings(Timer::Reconcile).answers(answer).then(then);
}

#[test]
fn a_lost_refund_of_a_part_is_asked_again_because_a_look_up_cannot_tell_refunds_apart() {
    let mut story = Story::placed();
    let refund = RefundId(payment(9).0);
    story.delivered().payment(1, refund_requested(refund, 300)).then(&["provider: refund"]);
    story.answers(lost(Operation::Refund)).rings(Timer::Reconcile).answers(Outcome::Refunded);
    story.then(&["provider: refund"]);
}

impl Story {
    /// Taken, cancelled, and the refund is being carried out.
    fn cancelled_after_capture(&mut self) -> &mut Self {
        let refund = Fulfilment::refund_of(payment(1));
        self.captured().customer_cancels().kitchen(stopped()).then(&["payment: request_refund"]);
        self.payment(1, refund_requested(refund, 1_000)).then(&["provider: refund"])
    }
}

#[test]
fn a_callback_before_the_answer_is_enough() {
    let mut story = Story::placed();
    story.pays(1);
    let asked = story.last_effect();
    story
        .payment(1, authorized())
        .then(&["order: confirm_payment", "unset payment_due"])
        .answers_to(asked, held())
        .then(&[]);
}

#[test]
fn an_answer_is_not_told_again_when_a_callback_told_more() {
    let mut story = Story::placed();
    story.pays(1);
    let asked = story.last_effect();
    story.payment(1, captured()).answers_to(asked, held()).then(&[]);
}

#[test]
fn a_repeated_input_changes_nothing() {
    let mut story = Story::placed();
    story.authorized();
    let paid = story.recorded(Fact::Order(ORDER, OrderEvent::Paid { payment: payment(1) }));
    let again = Input::Fact(Box::new(paid));
    story.hears(&again).then(&["kitchen: schedule", "set accept_due 12:05:00"]);
    let before = story.process.clone();
    story.hears(&again).then(&[]);
    assert_eq!(story.process, before);
    story.rings(Timer::PaymentDue).then(&[]);
    assert_eq!(story.process, before, "a timer that is not set rings for nothing");
}

#[test]
fn a_void_that_is_declined_is_looked_up_and_the_money_refunded_if_it_was_taken() {
    let mut story = Story::placed();
    story.authorized().customer_cancels().then(&["provider: void"]);
    story
        .answers(declined())
        .then(&["provider: look_up"])
        .answers(taken())
        .then(&["payment: record_captured"]);
    story.payment(1, captured()).then(&["payment: request_refund"]);
}

#[test]
fn a_provider_that_will_not_let_go_needs_a_person() {
    let mut story = Story::placed();
    story.authorized().customer_cancels().answers(declined()).answers(held()).then(&[]);
    assert_eq!(story.process.status(), Status::Attention);
    assert!(story.process.waiting_for().contains("will not let go"), "{}", story.process.waiting_for());
    story.payment(1, PaymentEvent::Voided).then(&["order: confirm_cancellation"]);
    assert_eq!(story.process.status(), Status::Compensating);
}

#[test]
fn a_refund_that_fails_needs_a_person_and_a_later_one_goes_on() {
    let refund = Fulfilment::refund_of(payment(1));
    let mut story = Story::placed();
    story.cancelled_after_capture().answers(declined()).then(&["payment: record_refund_failed"]);
    story.payment(1, refund_failed(refund, 1_000)).then(&[]);
    assert_eq!(story.process.status(), Status::Attention);
    assert!(story.process.waiting_for().contains("account closed"), "{}", story.process.waiting_for());
    story.payment(1, refund_requested(refund, 1_000)).then(&["provider: refund"]);
    assert_eq!(story.process.status(), Status::Compensating);
    story
        .answers(Outcome::Refunded)
        .payment(1, refunded(refund, 1_000))
        .then(&["order: confirm_cancellation"]);
}

#[test]
fn the_rest_follows_when_a_part_went_back_after_a_failure() {
    let refund = Fulfilment::refund_of(payment(1));
    let part = RefundId(payment(9).0);
    let mut story = Story::placed();
    story.cancelled_after_capture().answers(declined()).payment(1, refund_failed(refund, 1_000));
    story.payment(1, refund_requested(part, 300)).answers(Outcome::Refunded).payment(1, refunded(part, 300));
    story.then(&["payment: request_refund"]);
}

#[test]
fn an_operators_refund_of_a_delivered_order_is_carried_out() {
    let refund = RefundId(payment(9).0);
    let mut story = Story::placed();
    story.delivered().payment(1, refund_requested(refund, 300)).then(&["provider: refund"]);
    assert_eq!((story.process.status(), story.process.step()), (Status::Compensating, Step::ReturnMoney));
    story
        .answers(Outcome::Refunded)
        .then(&["payment: record_refunded"])
        .payment(1, refunded(refund, 300))
        .then(&[]);
    assert_eq!(story.process.status(), Status::Completed);
}

#[test]
fn an_operators_refund_that_fails_is_never_silent() {
    let refund = RefundId(payment(9).0);
    let mut story = Story::placed();
    story.delivered().payment(1, refund_requested(refund, 300)).answers(declined());
    story.payment(1, refund_failed(refund, 300)).then(&[]);
    assert_eq!(story.process.status(), Status::Attention);
    story.payment(1, refunded(refund, 300)).then(&[]);
    assert_eq!(story.process.status(), Status::Completed);
}

#[test]
fn a_cancellation_waits_for_an_operators_refund_and_then_returns_the_rest() {
    let part = RefundId(payment(9).0);
    let mut story = Story::placed();
    story.captured().payment(1, refund_requested(part, 300)).then(&["provider: refund"]);
    let asked = story.last_effect();
    story.customer_cancels().kitchen(stopped()).then(&[]);
    story
        .answers_to(asked, Outcome::Refunded)
        .payment(1, refunded(part, 300))
        .then(&["payment: request_refund"]);
}

#[test]
fn work_that_was_given_up_needs_a_person_until_it_succeeds() {
    let mut story = Story::placed();
    story.pays(1).gives_up().then(&[]);
    assert_eq!(story.process.status(), Status::Attention);
    assert!(
        story.process.waiting_for().contains("the provider's authorize"),
        "{}",
        story.process.waiting_for()
    );
    assert!(story.remark.as_ref().unwrap().contains("connection refused"));
    story.answers(held()).then(&["payment: record_authorized"]).gives_up();
    assert_eq!(story.process.status(), Status::Attention);
    story.payment(1, authorized()).then(&["order: confirm_payment", "unset payment_due"]).gives_up();
    assert!(story.process.waiting_for().contains("confirm payment"));
    story.order(OrderEvent::Paid { payment: payment(1) });
    assert_eq!(story.process.status(), Status::Running);
}

#[test]
fn work_that_was_given_up_after_it_was_settled_needs_nobody() {
    let mut story = Story::placed();
    story.pays(1).answers(lost(Operation::Authorize));
    let work = Work::Dispatch(story.last_command());
    story.payment(1, authorized());
    story.hears(&Input::GaveUp { work, error: "late".to_owned() }).then(&[]);
    assert_eq!(story.process.status(), Status::Running);
}

#[test]
fn money_of_another_amount_needs_a_person() {
    let mut story = Story::placed();
    story.pays(1).answers(held()).is_refused("amount_differs");
    assert_eq!(story.process.status(), Status::Attention);
    assert!(story.process.waiting_for().contains("record authorized"));
}

#[test]
fn a_refusal_that_only_says_moved_on_needs_nobody() {
    let mut story = Story::placed();
    story.captured().then(&["order: enter_kitchen"]).is_refused("order_not_paid").then(&[]);
    assert_eq!(story.process.status(), Status::Running);
    story.customer_cancels().then(&["kitchen: cancel"]);
}

#[test]
fn an_answer_about_a_payment_that_nobody_knows_changes_nothing() {
    let mut story = Story::placed();
    let before = story.process.clone();
    story.answers_to(Effect::LookUp { payment: payment(5) }, held()).then(&[]);
    assert_eq!(story.process, before);
}
