use spindle_domain::fact::Fact;
use spindle_domain::kitchen::ScheduleEvent;
use spindle_domain::order::Order;
use spindle_domain::order::OrderEvent;
use spindle_domain::payment::PaymentEvent;
use spindle_domain::shipment::ShipmentEvent;

use super::*;
use crate::testing::*;

fn summary(story: &Story) -> OrderSummary {
    story.fold(OrderSummaries, ORDER.0).view
}

/// An order whose first payment is declined and whose second one pays.
fn paid_at_the_second_attempt() -> Story {
    Story::default()
        .placed()
        .order(payment_requested(PAYMENT, 1_220, 1))
        .payment(PaymentEvent::Requested {
            order: ORDER,
            amount: eur(1_220),
            method: method(),
            at: moment(3),
        })
        .payment(PaymentEvent::Failed { code: "card_declined".to_owned(), message: "No.".to_owned() })
        .order(OrderEvent::PaymentFailed { payment: PAYMENT, why: "No.".to_owned() })
        .order(payment_requested(SECOND_PAYMENT, 1_220, 2))
        .payment_of(
            SECOND_PAYMENT,
            PaymentEvent::Requested { order: ORDER, amount: eur(1_220), method: method(), at: moment(7) },
        )
        .payment_of(
            SECOND_PAYMENT,
            PaymentEvent::Captured { reference: "ch_2".to_owned(), amount: eur(1_220) },
        )
        .order(OrderEvent::Paid { payment: SECOND_PAYMENT })
}

#[test]
fn a_placed_order_shows_what_was_ordered_and_by_whom() {
    let view = summary(&Story::default().placed());
    assert_eq!((view.status, view.stage, view.version), (Status::Created, Stage::Placed, 1));
    assert_eq!((view.quote, view.contact), (quote(1_220), contact()));
    assert_eq!((view.created_at, view.updated_at), (moment(0), moment(1)));
    assert_eq!(view.payment, None);
}

#[test]
fn a_delivered_order_shows_its_milestones_and_what_was_done_for_it() {
    let view = summary(&Story::default().delivered());
    assert_eq!((view.status, view.stage, view.version), (Status::Delivered, Stage::Delivered, 7));
    let payment = view.payment.unwrap();
    assert_eq!(
        (payment.id, payment.stage, payment.captured),
        (PAYMENT, PaymentStage::Captured, Some(eur(1_220)))
    );
    let schedule = SchedulePart { id: SCHEDULE, stage: ScheduleStage::Finished, ready_by: Some(moment(600)) };
    assert_eq!(view.schedule, Some(schedule));
    let shipment = ShipmentPart { id: SHIPMENT, stage: ShipmentStage::Delivered, courier: Some(courier()) };
    assert_eq!(view.shipment, Some(shipment));
    let milestones = [view.paid_at, view.ready_at, view.dispatched_at, view.delivered_at];
    assert_eq!(milestones, [5, 12, 16, 18].map(|second| Some(moment(second))));
    assert_eq!((view.cancelled_at, view.updated_at), (None, moment(18)));
}

#[test]
fn its_stage_is_what_the_domain_says_after_every_event() {
    let collected = Story::default().cooked().order(OrderEvent::Collected);
    let cancelled = Story::default().cooked().cancelling().order(OrderEvent::Cancelled);
    let discarded = Story::default()
        .placed()
        .order(OrderEvent::Revised { quote: quote(900), note: None })
        .order(OrderEvent::Discarded);
    for story in [Story::default().delivered(), paid_at_the_second_attempt(), collected, cancelled, discarded]
    {
        let mut seen = Vec::new();
        story.each(OrderSummaries, ORDER.0, |event, state| {
            if matches!(event.fact, Fact::Order(..)) {
                seen.push((event.position, state.view.stage));
            }
        });
        let mut said = Vec::new();
        let order = |fact: &Fact| match fact {
            Fact::Order(_, event) => Some(event.clone()),
            _ => None,
        };
        after_each::<Order>(&story, order, |position, order| said.push((position, order.stage().unwrap())));
        assert_eq!(seen, said);
    }
}

#[test]
fn a_revised_order_shows_the_new_price_and_keeps_its_note_unless_there_is_a_new_one() {
    let story = Story::default().placed().order(OrderEvent::Revised { quote: quote(900), note: None });
    let view = summary(&story);
    assert_eq!((view.quote, view.note), (quote(900), Some(note("Ring twice"))));
    let story = story.order(OrderEvent::Revised { quote: quote(800), note: Some(note("Knock")) });
    assert_eq!(summary(&story).note, Some(note("Knock")));
}

#[test]
fn a_declined_payment_is_shown_until_the_next_attempt() {
    let story = Story::default()
        .placed()
        .order(payment_requested(PAYMENT, 1_220, 1))
        .payment(PaymentEvent::Requested {
            order: ORDER,
            amount: eur(1_220),
            method: method(),
            at: moment(3),
        })
        .payment(PaymentEvent::Failed { code: "card_declined".to_owned(), message: "No.".to_owned() });
    let view = summary(&story);
    let payment = view.payment.unwrap();
    assert_eq!((view.stage, payment.stage), (Stage::AwaitingPayment, PaymentStage::Failed));
    assert_eq!(payment.decline.map(|decline| decline.code), Some("card_declined".to_owned()));

    let view = summary(&paid_at_the_second_attempt());
    let payment = view.payment.unwrap();
    assert_eq!((payment.id, payment.stage, view.attempts), (SECOND_PAYMENT, PaymentStage::Captured, 2));
    assert_eq!(payment.decline, None);
}

#[test]
fn late_news_of_an_earlier_payment_changes_nothing_that_is_shown_of_the_current_one() {
    let before = summary(&paid_at_the_second_attempt());
    let late = PaymentEvent::OutcomeUnknown {
        operation: spindle_domain::payment::Operation::Void,
        error: "timeout".to_owned(),
    };
    assert_eq!(summary(&paid_at_the_second_attempt().payment(late)).payment, before.payment);
}

#[test]
fn an_order_that_costs_nothing_is_paid_without_a_provider() {
    let story = Story::default()
        .order(placed(0))
        .order(payment_requested(PAYMENT, 0, 1))
        .order(OrderEvent::Paid { payment: PAYMENT });
    let payment = summary(&story).payment.unwrap();
    assert_eq!((payment.stage, payment.captured), (PaymentStage::Captured, Some(eur(0))));
}

#[test]
fn a_refund_is_shown_with_the_cancellation_that_caused_it() {
    let story = Story::default().paid().cancelling().payment(PaymentEvent::RefundRequested {
        refund: REFUND,
        amount: eur(1_220),
        reason: note("cancelled"),
    });
    let view = summary(&story);
    assert_eq!((view.status, view.stage), (Status::Cancelled, Stage::Cancelling));
    assert_eq!(view.payment.unwrap().stage, PaymentStage::RefundPending);
    let cancellation = view.cancellation.unwrap();
    assert_eq!((cancellation.reason, cancellation.by), (CancelReason::OutOfStock, Party::Process));
    assert_eq!((cancellation.requested_at, view.cancelled_at), (moment(7), None));

    let story = story
        .payment(PaymentEvent::Refunded { refund: REFUND, amount: eur(1_220) })
        .order(OrderEvent::Cancelled);
    let view = summary(&story);
    let payment = view.payment.unwrap();
    assert_eq!((payment.stage, payment.refunded), (PaymentStage::Refunded, Some(eur(1_220))));
    assert_eq!(view.cancelled_at, Some(moment(10)));
}

#[test]
fn a_courier_who_gives_it_back_is_no_longer_shown() {
    let story = Story::default()
        .cooked()
        .shipment(requested())
        .shipment(ShipmentEvent::Assigned { courier: courier() })
        .shipment(ShipmentEvent::Unassigned { courier: courier(), reason: None });
    let part = summary(&story).shipment.unwrap();
    assert_eq!((part.stage, part.courier), (ShipmentStage::Requested, None));
}

#[test]
fn a_discarded_order_keeps_its_row_and_stands_in_no_list() {
    let view = summary(&Story::default().placed().order(OrderEvent::Discarded));
    assert!(OrderSummaries.is_discarded(&view));
    assert_eq!((view.stage, view.status, view.version), (Stage::Discarded, Status::Created, 2));
    assert_eq!(OrderSummaries.index(&view), Index::default());
}

#[test]
fn an_order_is_found_by_name_address_note_and_every_id() {
    let index = OrderSummaries.index(&summary(&Story::default().delivered()));
    assert_eq!(index.listed_at, Some(moment(0)));
    let search = index.search.unwrap();
    let ids = [ORDER.to_string(), PAYMENT.to_string(), SCHEDULE.to_string(), SHIPMENT.to_string()];
    for text in ids.iter().map(String::as_str).chain(["ada lovelace", "ada@example.com", "ring twice"]) {
        assert!(search.contains(text), "{text}");
    }
}

#[test]
fn what_is_done_for_an_order_that_is_not_known_shows_nothing() {
    let story = Story::default().kitchen(scheduled(Some(ORDER)));
    assert_eq!(OrderSummaries.fold(ORDER.0, None, &story.events[0]), Ok(None));
    let walk_in = Story::default().walk_in(ScheduleEvent::Started);
    assert_eq!(OrderSummaries.touches(&walk_in.events[0]), None);
}

#[test]
fn an_order_that_begins_in_the_middle_is_an_error() {
    let story = Story::default().order(OrderEvent::Ready);
    let error = FoldError::NotBegun { event_type: "order.ready".to_owned() };
    assert_eq!(OrderSummaries.fold(ORDER.0, None, &story.events[0]), Err(error));
}

#[test]
fn the_stored_view_is_clean_and_comes_back_as_it_was() {
    let view = summary(&Story::default().placed());
    let json = serde_json::to_value(&view).unwrap();
    let mut fields: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
    fields.sort_unstable();
    assert_eq!(
        fields,
        [
            "attempts",
            "contact",
            "created_at",
            "fulfilment",
            "id",
            "location",
            "note",
            "quote",
            "stage",
            "status",
            "updated_at",
            "version"
        ]
    );
    assert_eq!(serde_json::from_value::<OrderSummary>(json).unwrap(), view);
}
