//! Takes in what was recorded in the log.

use chrono::{DateTime, Utc};

use crate::fact::{Fact, Recorded};
use crate::kitchen::ScheduleEvent;
use crate::order::OrderEvent;
use crate::payment::{Operation, PaymentEvent};
use crate::pricing::Quote;
use crate::shipment::ShipmentEvent;
use crate::values::{Item, PaymentId, RefundId, ScheduleId, ShipmentId};

use super::purse::{Asking, Held, News, Pending, Progress, Purse, Return};
use super::state::{At, Brief, Cook, Ride, Stage};
use super::{Fulfilment, Turn, later};

impl Turn<'_> {
    /// Facts of one stream come in order; one that was heard before is no news.
    pub(super) fn hear(&mut self, recorded: &Recorded) {
        let last = self.state.seen.entry(recorded.aggregate()).or_default();
        if recorded.sequence <= *last {
            return;
        }
        *last = recorded.sequence;
        match &recorded.fact {
            Fact::Order(id, event) if *id == self.state.order => self.hear_order(event),
            Fact::Order(..) => {}
            Fact::Payment(id, event) => self.hear_payment(*id, event),
            Fact::Kitchen(id, event) => self.hear_kitchen(*id, event),
            Fact::Shipment(id, event) => self.hear_shipment(*id, event),
        }
    }

    fn hear_order(&mut self, event: &OrderEvent) {
        match event {
            OrderEvent::Placed { quote, contact, fulfilment, location, note, requested_for, at, .. } => {
                self.state.stage = Stage::Unpaid;
                self.state.brief = Some(Brief {
                    items: items(quote),
                    contact: contact.clone(),
                    handover: fulfilment.clone(),
                    location: location.clone(),
                    note: note.clone(),
                    requested_for: *requested_for,
                    payment_due: later(*at, self.policy.payment_ttl),
                });
            }
            OrderEvent::Revised { quote, note } => {
                if let Some(brief) = &mut self.state.brief {
                    brief.items = items(quote);
                    brief.note = note.clone().or(brief.note.take());
                }
            }
            OrderEvent::PaymentRequested { payment, amount, method, attempt } => {
                if self.state.purse(*payment).is_none() {
                    let held = if amount.amount > 0 { Held::Asked } else { Held::Free };
                    self.state.purses.push(Purse::new(*payment, *amount, method.clone(), held));
                    self.open_payment(*payment);
                    self.remark(format!("the client pays {amount}, attempt {attempt}"));
                }
            }
            OrderEvent::PaymentFailed { payment, .. } => {
                if let Some(purse) = self.state.purse_mut(*payment) {
                    purse.failure_noted = true;
                }
            }
            OrderEvent::Paid { payment } => {
                self.state.stage = Stage::Paid;
                self.state.payer = Some(*payment);
                self.state.kitchen.not_before = self
                    .state
                    .brief
                    .as_ref()
                    .and_then(|brief| brief.requested_for)
                    .map(|wanted| later(wanted, -self.policy.kitchen_lead))
                    .filter(|begin| *begin > self.now);
            }
            OrderEvent::EnteredKitchen { .. } => self.state.stage = Stage::InKitchen,
            OrderEvent::Ready => self.state.stage = Stage::Ready,
            OrderEvent::Dispatched { shipment } => {
                self.state.stage = Stage::Dispatched;
                if self.state.ride(*shipment).is_none() {
                    self.state.rides.push(Ride::new(*shipment, At::PickedUp, self.now));
                }
            }
            OrderEvent::Delivered => self.state.stage = Stage::Delivered,
            OrderEvent::Collected => self.state.stage = Stage::Collected,
            OrderEvent::CancellationRequested { reason, by, .. } => {
                self.state.stage = Stage::Cancelling;
                self.state.cancellation = Some((*reason, *by));
                self.remark("the order is cancelled: what was done is undone, the last thing first");
            }
            OrderEvent::Cancelled => {
                self.state.stage = Stage::Cancelled;
                self.remark("everything is undone");
            }
            // What the customer has is never undone, and what was cancelled stays so.
            OrderEvent::Discarded if self.state.stage <= Stage::Dispatched => {
                self.state.stage = Stage::Discarded;
                self.remark("the order was discarded");
            }
            OrderEvent::Discarded => {}
        }
    }

    fn hear_payment(&mut self, id: PaymentId, event: &PaymentEvent) {
        if let PaymentEvent::Requested { amount, method, .. } = event
            && self.state.purse(id).is_none()
        {
            self.state.purses.push(Purse::new(id, *amount, method.clone(), Held::Asked));
        }
        let again = self.again_at(id);
        let Some(purse) = self.state.purse_mut(id) else { return };
        match event {
            PaymentEvent::Requested { .. } => purse.advance(Held::Requested),
            PaymentEvent::ActionRequired { reference, .. } => {
                purse.reference = Some(reference.clone());
                purse.advance(Held::ActionRequired);
            }
            PaymentEvent::Authorized { reference, amount } => {
                purse.reference = Some(reference.clone());
                purse.amount = *amount;
                purse.advance(Held::Authorized);
            }
            PaymentEvent::Captured { reference, amount } => {
                purse.reference = Some(reference.clone());
                purse.amount = *amount;
                purse.advance(Held::Captured);
            }
            PaymentEvent::Failed { message, .. } => {
                purse.failure = Some(message.clone());
                purse.advance(Held::Failed);
            }
            PaymentEvent::CaptureFailed { message, .. } => {
                purse.failure = Some(message.clone());
                purse.advance(Held::CaptureFailed);
            }
            PaymentEvent::Voided => purse.advance(Held::Voided),
            // Mostly our own telling, and then it is known; else somebody else lost an answer.
            PaymentEvent::OutcomeUnknown { operation, .. } => {
                if purse.pending == Pending::Nothing
                    && let Some(asking) = lost(*operation, purse)
                {
                    purse.pending = Pending::InDoubt(asking, again);
                }
            }
            PaymentEvent::RefundRequested { refund, amount, reason } => {
                match purse.back(*refund) {
                    Some(back) => back.progress = Progress::Due,
                    None => {
                        purse.returns.push(Return { id: *refund, amount: *amount, progress: Progress::Due });
                    }
                }
                if matches!(purse.pending, Pending::Telling(News::RefundAsked(_))) {
                    purse.pending = Pending::Nothing;
                }
                self.remark(format!("{amount} of payment {id} go back: {reason}"));
            }
            PaymentEvent::Refunded { refund, .. } => ended(purse, *refund, Progress::Done),
            PaymentEvent::RefundFailed { refund, error, .. } => {
                ended(purse, *refund, Progress::Failed(error.clone()));
            }
        }
    }

    fn hear_kitchen(&mut self, id: ScheduleId, event: &ScheduleEvent) {
        if id != self.state.schedule() {
            return;
        }
        let kitchen = &mut self.state.kitchen;
        match event {
            ScheduleEvent::Scheduled { .. } => {
                kitchen.cook = Cook::Pending;
                // It could not be stopped before it was there.
                kitchen.stop &= !kitchen.kept;
                kitchen.kept = false;
            }
            ScheduleEvent::Revised { .. } => {}
            ScheduleEvent::Accepted { ready_by } => {
                kitchen.cook = Cook::Accepted;
                kitchen.ready_by = Some(*ready_by);
            }
            ScheduleEvent::Rejected { reason } => {
                kitchen.cook = Cook::Rejected;
                kitchen.why_not = Some(reason.clone());
            }
            ScheduleEvent::Started => kitchen.cook = Cook::Started,
            ScheduleEvent::Finished => kitchen.cook = Cook::Finished,
            ScheduleEvent::Collected => kitchen.cook = Cook::Collected,
            ScheduleEvent::Cancelled { reason } => {
                kitchen.cook = Cook::Cancelled;
                kitchen.why_not = Some(reason.clone());
            }
            // Tidying the board up after the meal changes nothing.
            ScheduleEvent::Discarded if kitchen.cook == Cook::Collected || kitchen.cook.is_off() => {}
            ScheduleEvent::Discarded => kitchen.cook = Cook::Discarded,
        }
    }

    fn hear_shipment(&mut self, id: ShipmentId, event: &ShipmentEvent) {
        let due = self.courier_due();
        if matches!(event, ShipmentEvent::Requested { .. }) && self.state.ride(id).is_none() {
            self.state.rides.push(Ride::new(id, At::Asked, due));
        }
        let Some(ride) = self.state.rides.iter_mut().find(|ride| ride.id == id) else { return };
        match event {
            ShipmentEvent::Requested { .. } => {
                // It could not be recalled before it was there.
                ride.recall &= ride.at == At::Asked && !ride.kept;
                ride.kept = false;
                ride.at = At::Open;
            }
            ShipmentEvent::Assigned { .. } => ride.at = At::Assigned,
            ShipmentEvent::Unassigned { .. } => ride.at = At::Open,
            ShipmentEvent::PickedUp { .. } => ride.at = At::PickedUp,
            ShipmentEvent::PositionRecorded { .. } => {}
            ShipmentEvent::Delivered { .. } => ride.at = At::Delivered,
            ShipmentEvent::DeliveryFailed { reason } => {
                ride.at = At::Failed;
                ride.why_not = Some(reason.clone());
            }
            ShipmentEvent::Returned => ride.at = At::Returned,
            ShipmentEvent::Cancelled { reason } => {
                ride.at = At::Cancelled;
                ride.why_not = Some(reason.clone());
            }
        }
    }

    /// Until when a courier asked for now must have picked the order up.
    pub(super) fn courier_due(&self) -> DateTime<Utc> {
        later(self.now, self.policy.courier_within)
    }
}

/// A refund came to its end; whatever was open about it is closed.
fn ended(purse: &mut Purse, refund: RefundId, progress: Progress) {
    purse.end(refund, progress);
    let about_it = match &purse.pending {
        Pending::Called(asking) | Pending::LookingUp(asking) | Pending::InDoubt(asking, _) => {
            *asking == Asking::Refund(refund)
        }
        Pending::Telling(news) => *news == News::RefundEnded(refund),
        Pending::Nothing | Pending::Stuck(_) => false,
    };
    if about_it {
        purse.pending = Pending::Nothing;
        purse.tries = 0;
    }
}

/// What was asked when that operation's answer was lost; nothing if it is settled since.
fn lost(operation: Operation, purse: &Purse) -> Option<Asking> {
    match (operation, purse.held) {
        (Operation::Authorize, Held::Requested | Held::ActionRequired) => Some(Asking::Authorize),
        (Operation::Capture, Held::Authorized) => Some(Asking::Capture),
        (Operation::Void, Held::ActionRequired | Held::Authorized | Held::CaptureFailed) => {
            Some(Asking::Void)
        }
        (Operation::Refund, Held::Captured) => purse.due().map(|back| Asking::Refund(back.id)),
        _ => None,
    }
}

fn items(quote: &Quote) -> Vec<Item> {
    let line = |line: &crate::pricing::QuotedLine| Item {
        product: line.sku.to_string(),
        size: line.size,
        quantity: u64::from(line.quantity.get()),
    };
    quote.lines.iter().map(line).collect()
}

impl Fulfilment {
    pub(super) fn schedule(&self) -> ScheduleId {
        Self::schedule_of(self.order)
    }

    pub(super) fn purse(&self, id: PaymentId) -> Option<&Purse> {
        self.purses.iter().find(|purse| purse.id == id)
    }

    pub(super) fn purse_mut(&mut self, id: PaymentId) -> Option<&mut Purse> {
        self.purses.iter_mut().find(|purse| purse.id == id)
    }

    pub(super) fn ride(&self, id: ShipmentId) -> Option<&Ride> {
        self.rides.iter().find(|ride| ride.id == id)
    }
}
