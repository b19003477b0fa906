//! A lost answer: whatever the provider turns out to say, the payment goes on from it.

use super::*;

/// A payment whose answer was lost, after these events.
fn lost(before: &[Event], operation: Operation) -> Payment {
    let payment = after(&[before, &[unknown(operation)]].concat());
    assert_eq!((payment.stage(), payment.unknown()), (Stage::OutcomeUnknown, Some(operation)));
    payment
}

#[rstest]
#[case(act("https://bank.example/1"), Stage::ActionRequired)]
#[case(authorize(1_000), Stage::Authorized)]
#[case(capture(1_000), Stage::Captured)]
#[case(fail(), Stage::Failed)]
#[case(Command::RecordVoided, Stage::Voided)]
fn a_lost_authorization_goes_on(#[case] answer: Command, #[case] to: Stage) {
    for before in [vec![requested()], vec![requested(), action_required()]] {
        let mut payment = lost(&before, Operation::Authorize);
        carry_out(&mut payment, &answer);
        assert_eq!((payment.stage(), payment.unknown()), (to, None));
    }
}

#[rstest]
#[case(authorize(1_000), Stage::Authorized)]
#[case(capture(1_000), Stage::Captured)]
#[case(fail_capture(), Stage::CaptureFailed)]
#[case(fail(), Stage::Failed)]
#[case(Command::RecordVoided, Stage::Voided)]
fn a_lost_capture_or_void_goes_on(#[case] answer: Command, #[case] to: Stage) {
    for operation in [Operation::Capture, Operation::Void] {
        for before in [vec![requested(), authorized()], vec![requested(), authorized(), capture_failed()]] {
            let mut payment = lost(&before, operation);
            carry_out(&mut payment, &answer);
            assert_eq!((payment.stage(), payment.unknown()), (to, None));
        }
    }
}

#[test]
fn a_late_challenge_does_not_resolve_a_lost_capture() {
    let payment = lost(&[requested(), authorized()], Operation::Capture);
    assert_eq!(outcome(&payment, &act("https://bank.example/1")), "-");
}

#[test]
fn what_was_certain_before_stays_readable() {
    let payment = lost(&[requested(), authorized()], Operation::Capture);
    assert_eq!((payment.order(), payment.reference()), (Some(order()), Some("ref")));
    assert_eq!((payment.authorized(), payment.captured()), (Some(euro(1_000)), None));
    let payment = lost(&[requested(), captured(), refunding(1, 400)], Operation::Refund);
    assert_eq!((payment.captured(), payment.refunded()), (Some(euro(1_000)), Some(euro(0))));
    assert!(!payment.is_settled());
}

#[test]
fn another_lost_answer_replaces_the_first() {
    let mut payment = lost(&[requested(), authorized()], Operation::Capture);
    carry_out(&mut payment, &lose(Operation::Void));
    assert_eq!(payment, lost(&[requested(), authorized()], Operation::Void));
}

#[rstest]
#[case(Command::RecordRefunded { refund: id(1) }, Stage::PartiallyRefunded)]
#[case(Command::RecordRefundFailed { refund: id(1), error: "account closed".to_owned() }, Stage::RefundFailed)]
fn a_lost_refund_goes_on(#[case] answer: Command, #[case] to: Stage) {
    let mut payment = lost(&[requested(), captured(), refunding(1, 400)], Operation::Refund);
    carry_out(&mut payment, &answer);
    assert_eq!((payment.stage(), payment.unknown()), (to, None));
}

#[test]
fn no_other_refund_begins_while_one_is_lost() {
    let payment = lost(&[requested(), captured(), refunding(1, 400)], Operation::Refund);
    assert_eq!(
        payment.decide(&refund(2, None), now()),
        Err(Error::OutcomeUnknown { operation: Operation::Refund })
    );
    assert_eq!(outcome(&payment, &refund(1, None)), "-");
}

#[test]
fn a_lost_refund_stays_lost_while_any_is_on_its_way() {
    let both = [requested(), captured(), refunding(1, 400), refunding(2, 300)];
    let mut payment = lost(&both, Operation::Refund);
    carry_out(&mut payment, &Command::RecordRefunded { refund: id(2) });
    assert_eq!(payment.stage(), Stage::OutcomeUnknown);
    carry_out(&mut payment, &Command::RecordRefunded { refund: id(1) });
    assert_eq!((payment.stage(), payment.refunded()), (Stage::PartiallyRefunded, Some(euro(700))));
}

#[test]
fn what_is_taken_is_taken_whatever_became_of_the_refund() {
    let payment = lost(&[requested(), captured(), refunding(1, 400)], Operation::Refund);
    let told = [authorize(1_000), capture(1_000), Command::RecordVoided, fail(), lose(Operation::Capture)];
    assert_eq!(
        told.map(|command| outcome(&payment, &command)),
        ["-", "-", "!not_voidable", "!not_failable", "-"].map(str::to_owned)
    );
}
