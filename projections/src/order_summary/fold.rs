//! What each event changes in an order's summary.

use chrono::{DateTime, Utc};
use cqrs_es::Aggregate as _;
use spindle_domain::fact::{Fact, Recorded};
use spindle_domain::kitchen::{ScheduleEvent, ScheduleStage};
use spindle_domain::order::{OrderEvent, Stage, Status};
use spindle_domain::payment::{Payment, PaymentEvent, PaymentStage};
use spindle_domain::shipment::{ShipmentEvent, ShipmentStage};
use spindle_domain::values::{Money, OrderId, PaymentId, ScheduleId, ShipmentId};

use super::{CancellationPart, OrderSummary, PaymentPart, SchedulePart, ShipmentPart};
use crate::projection::{FoldError, State};
use crate::{kitchen_board, payments, shipments};

type Kept = State<OrderSummary, Payment>;

pub(super) fn fold(id: OrderId, before: Option<Kept>, event: &Recorded) -> Result<Option<Kept>, FoldError> {
    let Some(mut kept) = before else {
        return match &event.fact {
            Fact::Order(_, placed) => begin(id, placed, event).map(Some),
            // What was done for an order that this log does not know: there is nothing to show it on.
            Fact::Payment(..) | Fact::Kitchen(..) | Fact::Shipment(..) => Ok(None),
        };
    };
    let at = event.recorded_at;
    match &event.fact {
        Fact::Order(_, order) => {
            hear_order(&mut kept, order, at);
            kept.view.version = event.sequence;
        }
        Fact::Payment(id, payment) => hear_payment(&mut kept, *id, payment),
        Fact::Kitchen(id, schedule) => hear_kitchen(&mut kept.view, *id, schedule),
        Fact::Shipment(id, shipment) => hear_shipment(&mut kept.view, *id, shipment),
    }
    kept.view.updated_at = at;
    Ok(Some(kept))
}

fn begin(id: OrderId, event: &OrderEvent, recorded: &Recorded) -> Result<Kept, FoldError> {
    let OrderEvent::Placed { quote, contact, customer, fulfilment, location, note, requested_for, at } =
        event
    else {
        return Err(FoldError::NotBegun { event_type: recorded.event_type() });
    };
    let view = OrderSummary {
        id,
        status: Status::Created,
        stage: Stage::Placed,
        created_at: *at,
        updated_at: recorded.recorded_at,
        quote: quote.clone(),
        contact: contact.clone(),
        customer: *customer,
        fulfilment: fulfilment.clone(),
        location: location.clone(),
        note: note.clone(),
        requested_for: *requested_for,
        attempts: 0,
        payment: None,
        schedule: None,
        shipment: None,
        cancellation: None,
        paid_at: None,
        ready_at: None,
        dispatched_at: None,
        delivered_at: None,
        cancelled_at: None,
        version: recorded.sequence,
        discarded: false,
    };
    Ok(State { view, memory: Payment::default() })
}

/// The stage that an event leads to; none when it changes no stage.
fn stage_after(event: &OrderEvent) -> Option<Stage> {
    match event {
        OrderEvent::Placed { .. } | OrderEvent::PaymentFailed { .. } => Some(Stage::Placed),
        OrderEvent::Revised { .. } => None,
        OrderEvent::PaymentRequested { .. } => Some(Stage::AwaitingPayment),
        OrderEvent::Paid { .. } => Some(Stage::Paid),
        OrderEvent::EnteredKitchen { .. } => Some(Stage::InKitchen),
        OrderEvent::Ready => Some(Stage::Ready),
        OrderEvent::Dispatched { .. } => Some(Stage::Dispatched),
        OrderEvent::Delivered => Some(Stage::Delivered),
        OrderEvent::Collected => Some(Stage::Collected),
        OrderEvent::CancellationRequested { .. } => Some(Stage::Cancelling),
        OrderEvent::Cancelled => Some(Stage::Cancelled),
        OrderEvent::Discarded => Some(Stage::Discarded),
    }
}

fn hear_order(kept: &mut Kept, event: &OrderEvent, at: DateTime<Utc>) {
    let view = &mut kept.view;
    if let Some(stage) = stage_after(event) {
        view.stage = stage;
        view.status = stage.status().unwrap_or(view.status);
    }
    match event {
        OrderEvent::Revised { quote, note } => {
            view.quote = quote.clone();
            if note.is_some() {
                view.note.clone_from(note);
            }
        }
        OrderEvent::PaymentRequested { payment, amount, attempt, .. } => {
            view.attempts = *attempt;
            kept.memory = Payment::default();
            view.payment = Some(payment_part(*payment, *amount, &kept.memory));
        }
        OrderEvent::Paid { payment } => {
            view.paid_at = Some(at);
            if let Some(part) = &mut view.payment
                && part.id == *payment
                && part.amount.amount == 0
            {
                // An order that costs nothing is paid without asking a provider: no payment will say so.
                part.stage = PaymentStage::Captured;
                part.captured = Some(part.amount);
            }
        }
        OrderEvent::EnteredKitchen { schedule, ready_by } => {
            let part = schedule_part(view, *schedule);
            part.ready_by = Some(*ready_by);
        }
        OrderEvent::Ready => view.ready_at = Some(at),
        OrderEvent::Dispatched { shipment } => {
            view.dispatched_at = Some(at);
            shipment_part(view, *shipment);
        }
        OrderEvent::Delivered | OrderEvent::Collected => view.delivered_at = Some(at),
        OrderEvent::CancellationRequested { reason, by, detail } => {
            view.cancellation =
                Some(CancellationPart { reason: *reason, by: *by, detail: detail.clone(), requested_at: at });
        }
        OrderEvent::Cancelled => view.cancelled_at = Some(at),
        OrderEvent::Discarded => view.discarded = true,
        OrderEvent::Placed { .. } | OrderEvent::PaymentFailed { .. } => {}
    }
}

/// Only the payment that was tried last is shown; news of earlier ones are in the timeline.
fn hear_payment(kept: &mut Kept, id: PaymentId, event: &PaymentEvent) {
    let Some(part) = kept.view.payment.as_mut().filter(|part| part.id == id) else { return };
    kept.memory.apply(event.clone());
    *part = payment_part(id, part.amount, &kept.memory);
}

fn payment_part(id: PaymentId, amount: Money, payment: &Payment) -> PaymentPart {
    PaymentPart {
        id,
        stage: if payment.exists() { payment.stage() } else { PaymentStage::Requested },
        amount: payment.amount().unwrap_or(amount),
        captured: payment.captured(),
        refunded: payment.refunded(),
        action_url: payment.action_url().map(str::to_owned),
        decline: payments::decline(payment),
    }
}

fn hear_kitchen(view: &mut OrderSummary, id: ScheduleId, event: &ScheduleEvent) {
    if matches!(event, ScheduleEvent::Scheduled { .. }) {
        schedule_part(view, id);
        return;
    }
    let Some(part) = view.schedule.as_mut().filter(|part| part.id == id) else { return };
    if let Some(stage) = kitchen_board::stage_after(event) {
        part.stage = stage;
    }
    if let ScheduleEvent::Accepted { ready_by } = event {
        part.ready_by = Some(*ready_by);
    }
}

/// The part of that schedule; a new one takes the place of another.
fn schedule_part(view: &mut OrderSummary, id: ScheduleId) -> &mut SchedulePart {
    let known = view.schedule.take().filter(|part| part.id == id);
    view.schedule.insert(known.unwrap_or(SchedulePart { id, stage: ScheduleStage::Pending, ready_by: None }))
}

fn hear_shipment(view: &mut OrderSummary, id: ShipmentId, event: &ShipmentEvent) {
    if matches!(event, ShipmentEvent::Requested { .. }) {
        shipment_part(view, id);
        return;
    }
    let Some(part) = view.shipment.as_mut().filter(|part| part.id == id) else { return };
    if let Some(stage) = shipments::stage_after(event) {
        part.stage = stage;
    }
    part.courier = shipments::courier_after(event, part.courier.take());
}

/// The part of that shipment; a new one takes the place of another.
fn shipment_part(view: &mut OrderSummary, id: ShipmentId) {
    if view.shipment.as_ref().is_none_or(|part| part.id != id) {
        view.shipment = Some(ShipmentPart { id, stage: ShipmentStage::Requested, courier: None });
    }
}
