//! Given events, when a command, then events or a refusal: the whole table, and what a table cannot say.

mod invariants;
mod refunds;
mod state;
mod unknown;

use chrono::{DateTime, Utc};
use cqrs_es::test::TestFramework;
use cqrs_es::{Aggregate, DomainEvent};
use rstest::rstest;
use uuid::Uuid;

use crate::Now;
use crate::refusal::Kind;
use crate::values::{Currency, Money, MoneyError, Note, OrderId, PaymentMethod, RefundId};

use super::{
    Operation, Payment, PaymentCommand as Command, PaymentError as Error, PaymentEvent as Event,
    PaymentStage as Stage,
};

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_750_000_000, 0).unwrap()
}

fn euro(amount: i64) -> Money {
    Money::new(amount, Currency::EUR)
}

fn note(text: &str) -> Note {
    Note::parse(text).unwrap()
}

fn order() -> OrderId {
    OrderId(Uuid::from_u128(1))
}

fn id(number: u128) -> RefundId {
    RefundId(Uuid::from_u128(number))
}

fn token() -> PaymentMethod {
    PaymentMethod::parse("tok_ok").unwrap()
}

fn request(amount: i64) -> Command {
    Command::Request { order: order(), amount: euro(amount), method: token() }
}

fn act(url: &str) -> Command {
    Command::RecordActionRequired { reference: "ref".to_owned(), url: Some(url.to_owned()) }
}

fn authorize(amount: i64) -> Command {
    Command::RecordAuthorized { reference: "ref".to_owned(), amount: euro(amount) }
}

fn capture(amount: i64) -> Command {
    Command::RecordCaptured { reference: "ref".to_owned(), amount: euro(amount) }
}

fn fail() -> Command {
    Command::RecordFailed { code: "card_declined".to_owned(), message: "no".to_owned() }
}

fn fail_capture() -> Command {
    Command::RecordCaptureFailed { code: "expired".to_owned(), message: "too old".to_owned() }
}

fn lose(operation: Operation) -> Command {
    Command::RecordOutcomeUnknown { operation, error: "timed out".to_owned() }
}

fn refund(number: u128, amount: Option<i64>) -> Command {
    Command::RequestRefund { refund: id(number), amount: amount.map(euro), reason: note("cold") }
}

fn requested() -> Event {
    Event::Requested { order: order(), amount: euro(1_000), method: token(), at: now() }
}

fn action_required() -> Event {
    Event::ActionRequired { reference: "ref".to_owned(), url: Some("https://bank.example/1".to_owned()) }
}

fn authorized() -> Event {
    Event::Authorized { reference: "ref".to_owned(), amount: euro(1_000) }
}

fn captured() -> Event {
    Event::Captured { reference: "ref".to_owned(), amount: euro(1_000) }
}

fn failed() -> Event {
    Event::Failed { code: "card_declined".to_owned(), message: "no".to_owned() }
}

fn capture_failed() -> Event {
    Event::CaptureFailed { code: "expired".to_owned(), message: "too old".to_owned() }
}

fn unknown(operation: Operation) -> Event {
    Event::OutcomeUnknown { operation, error: "timed out".to_owned() }
}

fn refunding(number: u128, amount: i64) -> Event {
    Event::RefundRequested { refund: id(number), amount: euro(amount), reason: note("cold") }
}

fn refunded(number: u128, amount: i64) -> Event {
    Event::Refunded { refund: id(number), amount: euro(amount) }
}

fn refund_failed(number: u128, amount: i64) -> Event {
    Event::RefundFailed { refund: id(number), amount: euro(amount), error: "account closed".to_owned() }
}

fn after(events: &[Event]) -> Payment {
    events.iter().fold(Payment::default(), |mut payment, event| {
        payment.apply(event.clone());
        payment
    })
}

fn carry_out(payment: &mut Payment, command: &Command) -> Vec<Event> {
    let events = payment.decide(command, now()).unwrap();
    for event in &events {
        payment.apply(event.clone());
    }
    events
}

/// A payment of 10 EUR at that stage; refund 1 is the only one. What is unknown is the authorization.
fn at(stage: Stage) -> Payment {
    let payment = after(&match stage {
        Stage::Unrequested => vec![],
        Stage::Requested => vec![requested()],
        Stage::ActionRequired => vec![requested(), action_required()],
        Stage::Authorized => vec![requested(), authorized()],
        Stage::CaptureFailed => vec![requested(), authorized(), capture_failed()],
        Stage::Captured => vec![requested(), authorized(), captured()],
        Stage::RefundPending => vec![requested(), captured(), refunding(1, 400)],
        Stage::RefundFailed => vec![requested(), captured(), refunding(1, 400), refund_failed(1, 400)],
        Stage::PartiallyRefunded => vec![requested(), captured(), refunding(1, 400), refunded(1, 400)],
        Stage::Refunded => vec![requested(), captured(), refunding(1, 1_000), refunded(1, 1_000)],
        Stage::Failed => vec![requested(), failed()],
        Stage::Voided => vec![requested(), authorized(), Event::Voided],
        Stage::OutcomeUnknown => vec![requested(), unknown(Operation::Authorize)],
    });
    assert_eq!(payment.stage(), stage);
    payment
}

/// What comes of it, in one word: event types, `-` for nothing, `!code` for a refusal.
fn outcome(payment: &Payment, command: &Command) -> String {
    match payment.decide(command, now()) {
        Ok(events) if events.is_empty() => "-".to_owned(),
        Ok(events) => events.iter().map(DomainEvent::event_type).collect::<Vec<_>>().join(" "),
        Err(error) => format!("!{}", error.code()),
    }
    .replace("payment.", "")
    .replace("payment_", "")
}

const ALL: [Stage; 13] = [
    Stage::Unrequested,
    Stage::Requested,
    Stage::ActionRequired,
    Stage::OutcomeUnknown,
    Stage::Authorized,
    Stage::CaptureFailed,
    Stage::Captured,
    Stage::RefundPending,
    Stage::RefundFailed,
    Stage::PartiallyRefunded,
    Stage::Refunded,
    Stage::Failed,
    Stage::Voided,
];

/// Columns: unrequested, requested, action required, outcome unknown; authorized, capture failed; captured, refund
/// pending, refund failed, partially refunded, refunded; failed, voided.
#[rstest]
#[case::request(request(1_000), "requested - - -  - -  - - - - -  - -")]
#[case::request_otherwise(
    request(999),
    "requested !already_requested !already_requested !already_requested  !already_requested !already_requested \
     !already_requested !already_requested !already_requested !already_requested !already_requested \
     !already_requested !already_requested"
)]
#[case::act(
    act("https://bank.example/1"),
    "!not_found action_required - action_required  - -  - - - - -  - -"
)]
#[case::authorize(
    authorize(1_000),
    "!not_found authorized authorized authorized  - -  - - - - -  authorized -"
)]
#[case::authorize_another_amount(
    authorize(900),
    "!not_found !amount_differs !amount_differs !amount_differs  !amount_differs !amount_differs \
     - - - - -  !amount_differs -"
)]
#[case::capture(
    capture(1_000),
    "!not_found captured captured captured  captured captured  - - - - -  captured captured"
)]
#[case::capture_less(
    capture(900),
    "!not_found !amount_differs !amount_differs !amount_differs  captured captured \
     !already_captured !already_captured !already_captured !already_captured !already_captured \
     !amount_differs !amount_differs"
)]
#[case::fail(
    fail(),
    "!not_found failed failed failed  !not_failable !not_failable \
     !not_failable !not_failable !not_failable !not_failable !not_failable  - -"
)]
#[case::fail_capture(
    fail_capture(),
    "!not_found !not_authorized !not_authorized !not_authorized  capture_failed - \
     !not_authorized !not_authorized !not_authorized !not_authorized !not_authorized  - -"
)]
#[case::lose_authorization(
    lose(Operation::Authorize),
    "!not_found outcome_unknown outcome_unknown -  - -  - - - - -  - -"
)]
#[case::lose_capture(
    lose(Operation::Capture),
    "!not_found outcome_unknown outcome_unknown outcome_unknown  outcome_unknown outcome_unknown \
     - - - - -  - -"
)]
#[case::lose_void(
    lose(Operation::Void),
    "!not_found outcome_unknown outcome_unknown outcome_unknown  outcome_unknown outcome_unknown \
     - - - - -  - -"
)]
#[case::lose_refund(
    lose(Operation::Refund),
    "!not_found !not_captured !not_captured !not_captured  !not_captured !not_captured \
     - outcome_unknown - - -  - -"
)]
#[case::void(
    Command::RecordVoided,
    "!not_found voided voided voided  voided voided \
     !not_voidable !not_voidable !not_voidable !not_voidable !not_voidable  - -"
)]
#[case::refund_the_rest(
    refund(2, None),
    "!not_found !not_captured !not_captured !outcome_unknown  !not_captured !not_captured \
     refund_requested refund_requested refund_requested refund_requested !nothing_left \
     !not_captured !not_captured"
)]
#[case::refund_the_same(
    refund(1, None),
    "!not_found !not_captured !not_captured !outcome_unknown  !not_captured !not_captured \
     refund_requested - refund_requested - -  !not_captured !not_captured"
)]
#[case::refunded(
    Command::RecordRefunded { refund: id(1) },
    "!not_found !not_captured !not_captured !outcome_unknown  !not_captured !not_captured \
     !refund_not_found refunded refunded - -  !not_captured !not_captured"
)]
#[case::refund_failed(
    Command::RecordRefundFailed { refund: id(1), error: "account closed".to_owned() },
    "!not_found !not_captured !not_captured !outcome_unknown  !not_captured !not_captured \
     !refund_not_found refund_failed - !refund_already_done !refund_already_done  !not_captured !not_captured"
)]
fn every_stage_answers_every_command(#[case] command: Command, #[case] expected: &str) {
    let told = ALL.map(|stage| outcome(&at(stage), &command));
    assert_eq!(told.to_vec(), expected.split_whitespace().collect::<Vec<_>>());
}

/// The stage that follows, for each answer that is news.
#[rstest]
#[case(Stage::Unrequested, request(1_000), Stage::Requested)]
#[case(Stage::Requested, act("https://bank.example/1"), Stage::ActionRequired)]
#[case(Stage::ActionRequired, act("https://bank.example/2"), Stage::ActionRequired)]
#[case(Stage::Requested, authorize(1_000), Stage::Authorized)]
#[case(Stage::ActionRequired, authorize(1_000), Stage::Authorized)]
#[case(Stage::Failed, authorize(1_000), Stage::Authorized)]
#[case(Stage::Requested, capture(1_000), Stage::Captured)]
#[case(Stage::ActionRequired, capture(1_000), Stage::Captured)]
#[case(Stage::Authorized, capture(1_000), Stage::Captured)]
#[case(Stage::CaptureFailed, capture(1_000), Stage::Captured)]
#[case(Stage::Failed, capture(1_000), Stage::Captured)]
#[case(Stage::Voided, capture(1_000), Stage::Captured)]
#[case(Stage::Requested, fail(), Stage::Failed)]
#[case(Stage::ActionRequired, fail(), Stage::Failed)]
#[case(Stage::Authorized, fail_capture(), Stage::CaptureFailed)]
#[case(Stage::Requested, Command::RecordVoided, Stage::Voided)]
#[case(Stage::ActionRequired, Command::RecordVoided, Stage::Voided)]
#[case(Stage::Authorized, Command::RecordVoided, Stage::Voided)]
#[case(Stage::CaptureFailed, Command::RecordVoided, Stage::Voided)]
#[case(Stage::Requested, lose(Operation::Authorize), Stage::OutcomeUnknown)]
#[case(Stage::Authorized, lose(Operation::Capture), Stage::OutcomeUnknown)]
#[case(Stage::RefundPending, lose(Operation::Refund), Stage::OutcomeUnknown)]
#[case(Stage::Captured, refund(1, None), Stage::RefundPending)]
#[case(Stage::RefundPending, Command::RecordRefunded { refund: id(1) }, Stage::PartiallyRefunded)]
#[case(Stage::RefundFailed, refund(1, None), Stage::RefundPending)]
#[case(Stage::RefundFailed, Command::RecordRefunded { refund: id(1) }, Stage::PartiallyRefunded)]
#[case(Stage::PartiallyRefunded, refund(2, None), Stage::RefundPending)]
fn an_answer_leads_to_its_stage(#[case] from: Stage, #[case] command: Command, #[case] to: Stage) {
    let mut payment = at(from);
    assert_eq!(carry_out(&mut payment, &command).len(), 1);
    assert_eq!(payment.stage(), to);
    assert_eq!(payment.decide(&command, now()), Ok(vec![]), "told twice");
}

#[test]
fn a_payment_of_less_than_nothing_is_refused() {
    for amount in [-1, i64::MIN] {
        let no = Error::Negative { amount: euro(amount) };
        assert_eq!(no.kind(), Kind::Invalid);
        assert_eq!(Payment::default().decide(&request(amount), now()), Err(no));
    }
}

#[test]
fn a_payment_of_nothing_is_held_and_taken_like_any_other() {
    let mut payment = Payment::default();
    for command in [request(0), authorize(0), capture(0)] {
        assert_eq!(carry_out(&mut payment, &command).len(), 1);
    }
    assert_eq!((payment.stage(), payment.captured()), (Stage::Captured, Some(euro(0))));
    assert_eq!(payment.decide(&refund(1, None), now()), Err(Error::NothingLeft { captured: euro(0) }));
}

#[test]
fn nothing_or_less_is_not_captured_of_something_held() {
    for amount in [0, -1, i64::MIN] {
        let no = Error::NotPositive { amount: euro(amount) };
        assert_eq!(no.kind(), Kind::Invalid);
        assert_eq!(at(Stage::Authorized).decide(&capture(amount), now()), Err(no));
    }
}

#[test]
fn no_more_is_captured_than_was_held() {
    assert_eq!(
        at(Stage::Authorized).decide(&capture(1_001), now()),
        Err(Error::CapturedTooMuch { authorized: euro(1_000), captured: euro(1_001) })
    );
    let mut payment = at(Stage::Authorized);
    carry_out(&mut payment, &capture(600));
    assert_eq!((payment.authorized(), payment.captured()), (Some(euro(1_000)), Some(euro(600))));
}

#[test]
fn what_is_held_in_euro_is_not_captured_in_dollars() {
    let dollars = Money::new(1_000, Currency::USD);
    let told = Command::RecordCaptured { reference: "ref".to_owned(), amount: dollars };
    let mixed = Error::Sum(MoneyError::MixedCurrencies(Currency::EUR, Currency::USD));
    assert_eq!(at(Stage::Authorized).decide(&told, now()), Err(mixed));
    let differs = Error::AmountDiffers { requested: euro(1_000), told: dollars };
    assert_eq!(at(Stage::Requested).decide(&told, now()), Err(differs));
}

#[test]
fn a_second_hold_or_charge_is_not_passed_by() {
    let other = "ref2".to_owned();
    let held = Command::RecordAuthorized { reference: other.clone(), amount: euro(1_000) };
    assert_eq!(outcome(&at(Stage::Authorized), &held), "!reference_differs");
    let taken = Command::RecordCaptured { reference: other, amount: euro(1_000) };
    assert_eq!(outcome(&at(Stage::Captured), &taken), "!already_captured");
}

#[test]
fn refusals_are_sentences_with_values() {
    let differs = Error::AmountDiffers { requested: euro(1_000), told: euro(900) };
    assert_eq!(
        differs.to_string(),
        "payment asks for 10.00 EUR but the provider tells of 9.00 EUR: both must be the same"
    );
    assert_eq!(differs.kind(), Kind::Conflict);
    assert_eq!(
        Error::NotVoidable { stage: Stage::PartiallyRefunded }.to_string(),
        "payment is partially refunded: what is captured is refunded, not voided"
    );
    assert_eq!(
        Error::OutcomeUnknown { operation: Operation::Authorize }.to_string(),
        "what became of the last authorization is unknown: the provider must answer before a refund"
    );
    assert_eq!(Error::NotFound.kind(), Kind::NotFound);
    assert_eq!(Error::Sum(MoneyError::Overflow).code(), "amount_too_large");
}

#[test]
fn the_framework_sees_the_same_rules() {
    TestFramework::<Payment>::with(Now(now()))
        .given_no_previous_events()
        .when(request(1_000))
        .then_expect_events(vec![requested()]);
    TestFramework::<Payment>::with(Now(now()))
        .given(vec![requested(), captured()])
        .when(Command::RecordVoided)
        .then_expect_error(Error::NotVoidable { stage: Stage::Captured });
}
