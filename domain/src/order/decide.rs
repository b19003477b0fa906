//! Every rule of an order, on one page.
//!
//! Telling an order what it knows already is no error and no event: commands come at least once.

use chrono::{DateTime, TimeDelta, Utc};

use crate::pricing::Quote;
use crate::values::{Fulfilment, Note, PaymentId, PaymentMethod, ScheduleId, ShipmentId};

use super::command::{OrderCommand, Place};
use super::error::OrderError;
use super::event::{OrderEvent, Party};
use super::{Cancellation, Live, Order, Progress};

/// How far in the past a wanted time may lie: "now" grows old between the client's clock and ours.
const CLOCKS_DIFFER: TimeDelta = TimeDelta::minutes(1);

type Decision = Result<Vec<OrderEvent>, OrderError>;

/// It is so already.
const KNOWN: Decision = Ok(Vec::new());

impl Order {
    /// What happens when that is asked at that moment.
    ///
    /// # Errors
    /// [`OrderError`], naming the rule that says no.
    pub fn decide(&self, command: &OrderCommand, now: DateTime<Utc>) -> Decision {
        match (self, command) {
            (Self::Unplaced, OrderCommand::Place(place)) => new(place, now),
            (Self::Unplaced, _) => Err(OrderError::NotPlaced),
            (Self::Discarded, _) => Err(OrderError::Discarded),
            (Self::Live(order), command) => order.decide(command),
        }
    }
}

fn new(place: &Place, now: DateTime<Utc>) -> Decision {
    if let Some(requested_for) =
        place.requested_for.filter(|wanted| now.signed_duration_since(wanted) > CLOCKS_DIFFER)
    {
        return Err(OrderError::WantedInThePast { requested_for, now });
    }
    let mut events = vec![OrderEvent::Placed {
        quote: place.quote.clone(),
        contact: place.contact.clone(),
        customer: place.customer,
        fulfilment: place.fulfilment.clone(),
        location: place.location.clone(),
        note: place.note.clone(),
        requested_for: place.requested_for,
        at: now,
    }];
    if let Some((payment, method)) = &place.pay {
        events.push(payment_requested(*payment, &place.quote, method, 1));
    }
    Ok(events)
}

impl Live {
    fn decide(&self, command: &OrderCommand) -> Decision {
        match command {
            OrderCommand::Place(place) => self.place_again(place),
            OrderCommand::Revise { quote, note } => self.revise(quote, note.as_ref()),
            OrderCommand::RequestPayment { payment, method } => self.request_payment(*payment, method),
            OrderCommand::ConfirmPayment { payment } => self.confirm_payment(*payment),
            OrderCommand::RecordPaymentFailure { payment, why } => self.record_payment_failure(*payment, why),
            OrderCommand::EnterKitchen { schedule, ready_by } => self.enter_kitchen(*schedule, *ready_by),
            OrderCommand::MarkReady => self.mark_ready(),
            OrderCommand::Dispatch { shipment } => self.dispatch(*shipment),
            OrderCommand::Deliver => self.deliver(),
            OrderCommand::Collect => self.collect(),
            OrderCommand::Cancel { reason, by, detail } => {
                self.cancel(&Cancellation { reason: *reason, by: *by, detail: detail.clone() })
            }
            OrderCommand::ConfirmCancellation => self.confirm_cancellation(),
            OrderCommand::Discard if self.is_discardable() => Ok(vec![OrderEvent::Discarded]),
            OrderCommand::Discard => Err(OrderError::NotDiscardable { stage: self.progress.stage() }),
        }
    }

    /// The same content again is no news; another payment is other content.
    fn place_again(&self, place: &Place) -> Decision {
        let known = &self.details;
        let same = known.quote == place.quote
            && known.contact == place.contact
            && known.customer == place.customer
            && known.fulfilment == place.fulfilment
            && known.location == place.location
            && known.note == place.note
            && known.requested_for == place.requested_for
            && place.pay.as_ref().is_none_or(|(payment, _)| self.knows(*payment));
        if same { KNOWN } else { Err(OrderError::PlacedOtherwise) }
    }

    /// Other lines, as long as nobody pays for the old ones.
    fn revise(&self, quote: &Quote, note: Option<&Note>) -> Decision {
        let placed = &self.details;
        if self.progress != Progress::Placed {
            return Err(OrderError::NotRevisable { stage: self.progress.stage() });
        }
        let (from, to) = (placed.quote.total.currency, quote.total.currency);
        if from != to {
            return Err(OrderError::CurrencyChanged { placed: from, revised: to });
        }
        if placed.quote == *quote && (note.is_none() || note == placed.note.as_ref()) {
            return KNOWN;
        }
        Ok(vec![OrderEvent::Revised { quote: quote.clone(), note: note.cloned() }])
    }

    /// One payment at a time, and one that succeeds. An order of nothing is paid like any other.
    fn request_payment(&self, payment: PaymentId, method: &PaymentMethod) -> Decision {
        match &self.progress {
            _ if self.knows(payment) => KNOWN,
            Progress::Placed => {
                let attempt = u32::try_from(self.failed.len()).unwrap_or(u32::MAX).saturating_add(1);
                Ok(vec![payment_requested(payment, &self.details.quote, method, attempt)])
            }
            Progress::AwaitingPayment { payment } => Err(OrderError::PaymentInProgress { payment: *payment }),
            Progress::Paid { payment }
            | Progress::InKitchen { payment, .. }
            | Progress::Ready { payment, .. }
            | Progress::Dispatched { payment, .. }
            | Progress::Delivered { payment, .. }
            | Progress::Collected { payment, .. } => Err(OrderError::AlreadyPaid { payment: *payment }),
            Progress::Cancelling { .. } | Progress::Cancelled { .. } => {
                Err(OrderError::NotPayable { stage: self.progress.stage() })
            }
        }
    }

    /// Money that comes after a cancellation is no error: the process gives it back.
    fn confirm_payment(&self, payment: PaymentId) -> Decision {
        match &self.progress {
            Progress::AwaitingPayment { payment: awaited } if *awaited == payment => {
                Ok(vec![OrderEvent::Paid { payment }])
            }
            Progress::Cancelling { .. } | Progress::Cancelled { .. } => KNOWN,
            Progress::Placed | Progress::AwaitingPayment { .. } => self.not_awaited(payment),
            later if later.past().payment == Some(payment) => KNOWN,
            _ => self.not_awaited(payment),
        }
    }

    /// A failed payment leaves the order payable again.
    fn record_payment_failure(&self, payment: PaymentId, why: &str) -> Decision {
        match &self.progress {
            Progress::AwaitingPayment { payment: awaited } if *awaited == payment => {
                Ok(vec![OrderEvent::PaymentFailed { payment, why: why.to_owned() }])
            }
            Progress::Cancelling { .. } | Progress::Cancelled { .. } => KNOWN,
            _ if self.failed.contains(&payment) => KNOWN,
            _ => self.not_awaited(payment),
        }
    }

    /// The kitchen cooks what is paid, once.
    fn enter_kitchen(&self, schedule: ScheduleId, ready_by: DateTime<Utc>) -> Decision {
        let stage = self.progress.stage();
        match &self.progress {
            Progress::Paid { .. } => Ok(vec![OrderEvent::EnteredKitchen { schedule, ready_by }]),
            Progress::InKitchen { ticket, .. }
            | Progress::Ready { ticket, .. }
            | Progress::Dispatched { ticket, .. }
            | Progress::Delivered { ticket, .. }
            | Progress::Collected { ticket, .. } => match ticket.schedule {
                known if known == schedule => KNOWN,
                other => Err(OrderError::OtherSchedule { stage, schedule: other }),
            },
            _ => Err(OrderError::NotPaid { stage }),
        }
    }

    fn mark_ready(&self) -> Decision {
        match &self.progress {
            Progress::InKitchen { .. } => Ok(vec![OrderEvent::Ready]),
            Progress::Ready { .. }
            | Progress::Dispatched { .. }
            | Progress::Delivered { .. }
            | Progress::Collected { .. } => KNOWN,
            other => Err(OrderError::NotInKitchen { stage: other.stage() }),
        }
    }

    /// A courier carries what is ready and goes to an address, once.
    fn dispatch(&self, shipment: ShipmentId) -> Decision {
        if self.details.fulfilment == Fulfilment::Pickup {
            return Err(OrderError::NotADelivery);
        }
        let stage = self.progress.stage();
        match &self.progress {
            Progress::Ready { .. } => Ok(vec![OrderEvent::Dispatched { shipment }]),
            Progress::Dispatched { shipment: known, .. } | Progress::Delivered { shipment: known, .. } => {
                if *known == shipment {
                    KNOWN
                } else {
                    Err(OrderError::OtherShipment { stage, shipment: *known })
                }
            }
            _ => Err(OrderError::NotReady { stage }),
        }
    }

    fn deliver(&self) -> Decision {
        if self.details.fulfilment == Fulfilment::Pickup {
            return Err(OrderError::NotADelivery);
        }
        match &self.progress {
            Progress::Dispatched { .. } => Ok(vec![OrderEvent::Delivered]),
            Progress::Delivered { .. } => KNOWN,
            other => Err(OrderError::NotDispatched { stage: other.stage() }),
        }
    }

    fn collect(&self) -> Decision {
        if self.details.fulfilment != Fulfilment::Pickup {
            return Err(OrderError::NotAPickup);
        }
        match &self.progress {
            Progress::Ready { .. } => Ok(vec![OrderEvent::Collected]),
            Progress::Collected { .. } => KNOWN,
            other => Err(OrderError::NotReady { stage: other.stage() }),
        }
    }

    /// A customer until the kitchen has finished, an operator until pick-up, the process until the customer has it.
    fn cancel(&self, asked: &Cancellation) -> Decision {
        let Cancellation { reason, by, detail } = asked.clone();
        let in_time = match &self.progress {
            Progress::Cancelling { .. } | Progress::Cancelled { .. } => return KNOWN,
            Progress::Placed
            | Progress::AwaitingPayment { .. }
            | Progress::Paid { .. }
            | Progress::InKitchen { .. } => true,
            Progress::Ready { .. } => by != Party::Customer,
            Progress::Dispatched { .. } => by == Party::Process,
            Progress::Delivered { .. } | Progress::Collected { .. } => false,
        };
        if in_time {
            Ok(vec![OrderEvent::CancellationRequested { reason, by, detail }])
        } else {
            Err(OrderError::NotCancellable { stage: self.progress.stage(), by })
        }
    }

    fn confirm_cancellation(&self) -> Decision {
        match &self.progress {
            Progress::Cancelling { .. } => Ok(vec![OrderEvent::Cancelled]),
            Progress::Cancelled { .. } => KNOWN,
            other => Err(OrderError::NotCancelling { stage: other.stage() }),
        }
    }

    /// Whether that payment was ever asked for here.
    fn knows(&self, payment: PaymentId) -> bool {
        self.failed.contains(&payment) || self.progress.past().payment == Some(payment)
    }

    fn not_awaited(&self, payment: PaymentId) -> Decision {
        Err(OrderError::PaymentNotAwaited { stage: self.progress.stage(), payment })
    }
}

fn payment_requested(payment: PaymentId, quote: &Quote, method: &PaymentMethod, attempt: u32) -> OrderEvent {
    OrderEvent::PaymentRequested { payment, amount: quote.total, method: method.clone(), attempt }
}
