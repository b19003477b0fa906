//! Refunds: never more than was captured, each once.

use super::*;
use crate::payment::{MAX_REFUNDS, Progress};

#[test]
fn a_refund_without_an_amount_is_of_what_is_left() {
    assert_eq!(at(Stage::Captured).decide(&refund(2, None), now()), Ok(vec![refunding(2, 1_000)]));
    assert_eq!(at(Stage::PartiallyRefunded).decide(&refund(2, None), now()), Ok(vec![refunding(2, 600)]));
    assert_eq!(at(Stage::RefundPending).decide(&refund(2, None), now()), Ok(vec![refunding(2, 600)]));
    assert_eq!(at(Stage::RefundFailed).decide(&refund(2, None), now()), Ok(vec![refunding(2, 1_000)]));
}

#[test]
fn a_refund_of_more_than_is_left_names_what_is_left() {
    for stage in [Stage::RefundPending, Stage::PartiallyRefunded] {
        let no = at(stage).decide(&refund(2, Some(601)), now()).unwrap_err();
        assert_eq!(no, Error::ExceedsLeft { left: euro(600), asked: euro(601) });
        assert_eq!(no.to_string(), "only 6.00 EUR is left to be refunded, 6.01 EUR was asked");
        assert_eq!(outcome(&at(stage), &refund(2, Some(600))), "refund_requested");
    }
    assert_eq!(outcome(&at(Stage::Captured), &refund(2, Some(i64::MAX))), "!refund_exceeds_left");
}

#[test]
fn a_refund_of_nothing_or_less_is_refused_at_every_stage() {
    for stage in ALL.into_iter().filter(|stage| *stage != Stage::Unrequested) {
        for amount in [0, -1, i64::MIN] {
            assert_eq!(
                at(stage).decide(&refund(2, Some(amount)), now()),
                Err(Error::NotPositive { amount: euro(amount) })
            );
        }
    }
}

#[test]
fn a_refund_in_another_currency_is_refused() {
    let dollars = Some(Money::new(1, Currency::USD));
    let told = Command::RequestRefund { refund: id(2), amount: dollars, reason: note("cold") };
    let no = at(Stage::Captured).decide(&told, now()).unwrap_err();
    assert_eq!((no.code(), no.kind()), ("mixed_currencies", Kind::Invalid));
}

#[test]
fn the_same_refund_of_another_amount_is_refused() {
    for stage in [Stage::RefundPending, Stage::PartiallyRefunded, Stage::RefundFailed] {
        assert_eq!(
            at(stage).decide(&refund(1, Some(300)), now()),
            Err(Error::RefundDiffers { refund: id(1), known: euro(400), asked: euro(300) })
        );
    }
    assert_eq!(outcome(&at(Stage::RefundPending), &refund(1, Some(400))), "-");
}

#[test]
fn a_refund_that_failed_is_tried_again_with_its_amount() {
    let payment = at(Stage::RefundFailed);
    assert_eq!(payment.decide(&refund(1, None), now()), Ok(vec![refunding(1, 400)]));
    assert_eq!(payment.decide(&refund(1, Some(400)), now()), Ok(vec![refunding(1, 400)]));
}

#[test]
fn a_refund_that_failed_is_not_tried_again_once_its_money_went_another_way() {
    let events = [requested(), captured(), refunding(1, 400), refund_failed(1, 400), refunding(2, 900)];
    let no = Err(Error::ExceedsLeft { left: euro(100), asked: euro(400) });
    assert_eq!(after(&events).decide(&refund(1, None), now()), no);
    // Nor is a late success taken for true: somebody must look.
    assert_eq!(after(&events).decide(&Command::RecordRefunded { refund: id(1) }, now()), no);
}

#[test]
fn a_failed_refund_shows_until_everything_is_back() {
    let mut payment = at(Stage::RefundFailed);
    let Some(Progress::Failed { error }) = payment.refund(id(1)).map(|refund| &refund.progress) else {
        panic!("{payment:?}");
    };
    assert_eq!(error, "account closed");
    carry_out(&mut payment, &refund(2, Some(300)));
    carry_out(&mut payment, &Command::RecordRefunded { refund: id(2) });
    assert_eq!(payment.stage(), Stage::RefundFailed);
    carry_out(&mut payment, &refund(3, None));
    assert_eq!(payment.stage(), Stage::RefundPending);
    carry_out(&mut payment, &Command::RecordRefunded { refund: id(3) });
    assert_eq!((payment.stage(), payment.refunded()), (Stage::Refunded, Some(euro(1_000))));
}

#[test]
fn parts_add_up_to_the_whole_and_no_further() {
    let mut payment = at(Stage::Captured);
    for (number, amount) in [(1, 300), (2, 300), (3, 400)] {
        carry_out(&mut payment, &refund(number, Some(amount)));
        carry_out(&mut payment, &Command::RecordRefunded { refund: id(number) });
    }
    assert_eq!((payment.stage(), payment.refunds().len()), (Stage::Refunded, 3));
    assert_eq!(payment.decide(&refund(4, None), now()), Err(Error::NothingLeft { captured: euro(1_000) }));
    assert_eq!(outcome(&payment, &refund(4, Some(1))), "!nothing_left");
    assert_eq!(outcome(&payment, &refund(3, None)), "-");
}

#[test]
fn an_unknown_refund_is_named() {
    let no = at(Stage::Captured).decide(&Command::RecordRefunded { refund: id(9) }, now()).unwrap_err();
    assert_eq!((no.clone(), no.kind()), (Error::RefundNotFound { refund: id(9) }, Kind::NotFound));
}

#[test]
fn refunds_have_a_limit() {
    let mut events = vec![requested(), captured()];
    events.extend((0..MAX_REFUNDS).map(|number| refunding(100 + number as u128, 1)));
    let payment = after(&events);
    assert_eq!(payment.decide(&refund(1, Some(1)), now()), Err(Error::TooManyRefunds { most: MAX_REFUNDS }));
    assert_eq!(outcome(&payment, &refund(100, None)), "-");
}
