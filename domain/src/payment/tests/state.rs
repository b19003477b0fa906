//! What each stage shows, keeps and ignores.

use serde_json::json;

use super::*;

#[test]
fn each_stage_shows_what_it_has() {
    let waiting = at(Stage::ActionRequired);
    assert_eq!((waiting.order(), waiting.amount()), (Some(order()), Some(euro(1_000))));
    assert_eq!((waiting.method(), waiting.requested_at()), (Some(&token()), Some(now())));
    assert_eq!((waiting.reference(), waiting.action_url()), (Some("ref"), Some("https://bank.example/1")));
    assert_eq!((waiting.authorized(), waiting.captured(), waiting.refunded()), (None, None, None));
    assert_eq!(at(Stage::Failed).decline(), Some(("card_declined", "no")));
    assert_eq!(at(Stage::CaptureFailed).decline(), Some(("expired", "too old")));
    assert_eq!(at(Stage::CaptureFailed).authorized(), Some(euro(1_000)));
    assert_eq!((at(Stage::Voided).authorized(), at(Stage::Voided).decline()), (None, None));
    let direct = after(&[requested(), captured()]);
    assert_eq!((direct.authorized(), direct.captured()), (Some(euro(1_000)), Some(euro(1_000))));
    assert!(!Payment::default().exists() && direct.exists());
}

#[test]
fn a_payment_is_settled_when_nothing_more_is_expected_of_the_provider() {
    let settled = ALL.into_iter().filter(|stage| at(*stage).is_settled()).collect::<Vec<_>>();
    assert_eq!(
        settled,
        [Stage::Captured, Stage::PartiallyRefunded, Stage::Refunded, Stage::Failed, Stage::Voided]
    );
}

#[test]
fn an_event_that_does_not_fit_changes_nothing() {
    let money = [action_required(), authorized(), failed(), capture_failed(), Event::Voided, captured()];
    for stage in [Stage::Captured, Stage::Refunded] {
        for event in money.iter().chain([&requested(), &refunded(9, 1), &refund_failed(9, 1)]) {
            assert_eq!(after_also(at(stage), event), at(stage), "{event:?}");
        }
    }
    for event in [action_required(), authorized(), failed(), capture_failed(), unknown(Operation::Void)] {
        assert_eq!(after_also(at(Stage::Voided), &event), at(Stage::Voided), "{event:?}");
    }
    for event in money.iter().chain([&unknown(Operation::Void), &refunding(1, 1), &refunded(1, 1)]) {
        assert!(!after_also(Payment::default(), event).exists(), "{event:?}");
    }
    assert_eq!(after_also(at(Stage::Authorized), &failed()), at(Stage::Authorized));
    assert_eq!(after_also(at(Stage::Requested), &capture_failed()), at(Stage::Requested));
}

fn after_also(mut payment: Payment, event: &Event) -> Payment {
    payment.apply(event.clone());
    payment
}

#[test]
fn every_stage_survives_a_snapshot() {
    for stage in ALL {
        assert_eq!(serde_json::from_value::<Payment>(json!(at(stage))).unwrap(), at(stage));
        assert_eq!(json!(stage), stage.as_str());
    }
}
