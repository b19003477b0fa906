use spindle_domain::payment::PaymentEvent;

use super::*;
use crate::testing::*;

fn view(story: &Story) -> PaymentView {
    story.fold(Payments, PAYMENT.0).view
}

#[test]
fn a_captured_payment_shows_what_was_held_and_taken() {
    let view = view(&Story::default().paid());
    assert_eq!((view.stage, view.order_id, view.amount), (PaymentStage::Captured, ORDER, eur(1_220)));
    assert_eq!((view.authorized, view.captured), (Some(eur(1_220)), Some(eur(1_220))));
    assert_eq!((view.refunded, view.reference.as_deref()), (Some(eur(0)), Some("ch_1")));
    assert_eq!((view.method, view.created_at, view.updated_at), (method(), moment(3), moment(6)));
}

#[test]
fn its_stage_is_what_the_domain_says_after_every_event() {
    let story = Story::default()
        .paid()
        .payment(PaymentEvent::RefundRequested { refund: REFUND, amount: eur(220), reason: note("cold") })
        .payment(PaymentEvent::OutcomeUnknown { operation: Operation::Refund, error: "timeout".to_owned() })
        .payment(PaymentEvent::Refunded { refund: REFUND, amount: eur(220) });
    let mut seen = Vec::new();
    story.each(Payments, PAYMENT.0, |event, state| seen.push((event.position, state.view.stage)));
    let mut said = Vec::new();
    let payment = |fact: &Fact| match fact {
        Fact::Payment(_, event) => Some(event.clone()),
        _ => None,
    };
    after_each::<Payment>(&story, payment, |position, payment| said.push((position, payment.stage())));
    assert_eq!(seen, said);
    assert_eq!(seen.last().map(|last| last.1), Some(PaymentStage::PartiallyRefunded));
}

#[test]
fn a_refund_is_shown_from_the_request_to_its_end() {
    let story = Story::default().paid().payment(PaymentEvent::RefundRequested {
        refund: REFUND,
        amount: eur(220),
        reason: note("cold"),
    });
    assert_eq!(view(&story).refunds[0].stage, RefundStage::Pending);
    let story = story.payment(PaymentEvent::RefundFailed {
        refund: REFUND,
        amount: eur(220),
        error: "account closed".to_owned(),
    });
    let view = view(&story);
    let refund = &view.refunds[0];
    assert_eq!((view.stage, refund.stage), (PaymentStage::RefundFailed, RefundStage::Failed));
    assert_eq!((refund.error.as_deref(), refund.amount), (Some("account closed"), eur(220)));
}

#[test]
fn a_payment_whose_answer_was_lost_says_what_was_asked() {
    let story = Story::default()
        .payment(PaymentEvent::Requested { order: ORDER, amount: eur(5), method: method(), at: moment(0) })
        .payment(PaymentEvent::OutcomeUnknown {
            operation: Operation::Authorize,
            error: "timeout".to_owned(),
        });
    let view = view(&story);
    assert_eq!((view.stage, view.unknown), (PaymentStage::OutcomeUnknown, Some(Operation::Authorize)));
}

#[test]
fn what_the_customer_must_do_is_shown_while_they_must() {
    let story = Story::default()
        .payment(PaymentEvent::Requested { order: ORDER, amount: eur(5), method: method(), at: moment(0) })
        .payment(PaymentEvent::ActionRequired {
            reference: "ch_1".to_owned(),
            url: Some("https://bank.example".to_owned()),
        });
    assert_eq!(view(&story).action_url.as_deref(), Some("https://bank.example"));
    let story = story.payment(PaymentEvent::Failed { code: "no".to_owned(), message: "no".to_owned() });
    let view = view(&story);
    assert_eq!((view.action_url, view.decline.map(|decline| decline.code)), (None, Some("no".to_owned())));
}

#[test]
fn a_payment_that_begins_in_the_middle_is_an_error() {
    let story = Story::default().payment(PaymentEvent::Voided);
    let error = FoldError::NotBegun { event_type: "payment.voided".to_owned() };
    assert_eq!(Payments.fold(PAYMENT.0, None, &story.events[0]), Err(error));
}
