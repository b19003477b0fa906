//! An order: from a price to the customer's hands, or undone.
//!
//! **Invariant:** the state holds only what the order has at its stage, and `apply` never fails: an event that
//! does not fit the stage changes nothing. Every rule is in [`decide`](Order::decide).

mod command;
mod decide;
mod error;
mod event;
mod stage;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

pub use command::{OrderCommand, Place};
pub use error::OrderError;
pub use event::{CancelReason, OrderEvent, Party};
pub use stage::{Stage, Status};

use crate::Now;
use crate::pricing::Quote;
use crate::values::{Contact, CustomerId, Fulfilment, LocationId, Note, PaymentId, ScheduleId, ShipmentId};

/// An order.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Nothing was placed yet.
    #[default]
    Unplaced,
    /// Placed; boxed, because it is much larger than nothing.
    Live(Box<Live>),
    /// A tombstone.
    Discarded,
}

/// An order that was placed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Live {
    details: Details,
    /// Attempts that failed, in their order: news of them may come again.
    failed: Vec<PaymentId>,
    progress: Progress,
}

/// What an order has from its first moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Details {
    quote: Quote,
    contact: Contact,
    customer: Option<CustomerId>,
    fulfilment: Fulfilment,
    location: LocationId,
    note: Option<Note>,
    requested_for: Option<DateTime<Utc>>,
    placed_at: DateTime<Utc>,
}

/// How far the order has come, and what it has gained on the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Progress {
    Placed,
    AwaitingPayment { payment: PaymentId },
    Paid { payment: PaymentId },
    InKitchen { payment: PaymentId, ticket: Ticket },
    Ready { payment: PaymentId, ticket: Ticket },
    Dispatched { payment: PaymentId, ticket: Ticket, shipment: ShipmentId },
    Delivered { payment: PaymentId, ticket: Ticket, shipment: ShipmentId },
    Collected { payment: PaymentId, ticket: Ticket },
    Cancelling { past: Past, cancellation: Cancellation },
    Cancelled { past: Past, cancellation: Cancellation },
}

/// The kitchen's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Ticket {
    schedule: ScheduleId,
    ready_by: DateTime<Utc>,
}

/// What a cancelled order had gained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Past {
    payment: Option<PaymentId>,
    ticket: Option<Ticket>,
    shipment: Option<ShipmentId>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Cancellation {
    reason: CancelReason,
    by: Party,
    detail: Option<Note>,
}

impl Progress {
    fn stage(&self) -> Stage {
        match self {
            Self::Placed => Stage::Placed,
            Self::AwaitingPayment { .. } => Stage::AwaitingPayment,
            Self::Paid { .. } => Stage::Paid,
            Self::InKitchen { .. } => Stage::InKitchen,
            Self::Ready { .. } => Stage::Ready,
            Self::Dispatched { .. } => Stage::Dispatched,
            Self::Delivered { .. } => Stage::Delivered,
            Self::Collected { .. } => Stage::Collected,
            Self::Cancelling { .. } => Stage::Cancelling,
            Self::Cancelled { .. } => Stage::Cancelled,
        }
    }

    /// Everything gained so far.
    fn past(&self) -> Past {
        let past = |payment, ticket, shipment| Past { payment, ticket, shipment };
        match *self {
            Self::Placed => past(None, None, None),
            Self::AwaitingPayment { payment } | Self::Paid { payment } => past(Some(payment), None, None),
            Self::InKitchen { payment, ticket }
            | Self::Ready { payment, ticket }
            | Self::Collected { payment, ticket } => past(Some(payment), Some(ticket), None),
            Self::Dispatched { payment, ticket, shipment }
            | Self::Delivered { payment, ticket, shipment } => {
                past(Some(payment), Some(ticket), Some(shipment))
            }
            Self::Cancelling { ref past, .. } | Self::Cancelled { ref past, .. } => past.clone(),
        }
    }
}

impl Live {
    /// Takes what the event brings; an event that does not fit the stage changes nothing.
    fn apply(&mut self, event: OrderEvent) {
        use OrderEvent as E;
        use Progress as P;
        self.progress = match (self.progress.clone(), event) {
            (P::Placed, E::Revised { quote, note }) => {
                self.details.quote = quote;
                self.details.note = note.or_else(|| self.details.note.take());
                P::Placed
            }
            (P::Placed, E::PaymentRequested { payment, .. }) => P::AwaitingPayment { payment },
            (P::AwaitingPayment { payment }, E::PaymentFailed { payment: failed, .. })
                if payment == failed =>
            {
                self.failed.push(payment);
                P::Placed
            }
            (P::AwaitingPayment { payment }, E::Paid { payment: paid }) if payment == paid => {
                P::Paid { payment }
            }
            (P::Paid { payment }, E::EnteredKitchen { schedule, ready_by }) => {
                P::InKitchen { payment, ticket: Ticket { schedule, ready_by } }
            }
            (P::InKitchen { payment, ticket }, E::Ready) => P::Ready { payment, ticket },
            (P::Ready { payment, ticket }, E::Dispatched { shipment }) => {
                P::Dispatched { payment, ticket, shipment }
            }
            (P::Ready { payment, ticket }, E::Collected) => P::Collected { payment, ticket },
            (P::Dispatched { payment, ticket, shipment }, E::Delivered) => {
                P::Delivered { payment, ticket, shipment }
            }
            (P::Cancelling { past, cancellation }, E::Cancelled) => P::Cancelled { past, cancellation },
            (
                open @ (P::Placed
                | P::AwaitingPayment { .. }
                | P::Paid { .. }
                | P::InKitchen { .. }
                | P::Ready { .. }
                | P::Dispatched { .. }),
                E::CancellationRequested { reason, by, detail },
            ) => P::Cancelling { past: open.past(), cancellation: Cancellation { reason, by, detail } },
            (unmoved, _) => unmoved,
        };
    }

    /// Whether a tombstone may take its place.
    fn is_discardable(&self) -> bool {
        matches!(
            self.progress.stage(),
            Stage::Placed | Stage::Delivered | Stage::Collected | Stage::Cancelled
        )
    }
}

impl Aggregate for Order {
    const TYPE: &'static str = "order";
    type Command = OrderCommand;
    type Event = OrderEvent;
    type Error = OrderError;
    type Services = Now;

    async fn handle(
        &mut self,
        command: Self::Command,
        services: &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        for event in self.decide(&command, services.0)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: Self::Event) {
        match (&mut *self, event) {
            (
                Self::Unplaced,
                OrderEvent::Placed {
                    quote,
                    contact,
                    customer,
                    fulfilment,
                    location,
                    note,
                    requested_for,
                    at: placed_at,
                },
            ) => {
                let details = Details {
                    quote,
                    contact,
                    customer,
                    fulfilment,
                    location,
                    note,
                    requested_for,
                    placed_at,
                };
                *self =
                    Self::Live(Box::new(Live { details, failed: Vec::new(), progress: Progress::Placed }));
            }
            (Self::Live(live), OrderEvent::Discarded) if live.is_discardable() => *self = Self::Discarded,
            (Self::Live(live), event) => live.apply(event),
            (Self::Unplaced | Self::Discarded, _) => {}
        }
    }
}

/// What an order shows; nothing before it is placed and after it is discarded.
impl Order {
    /// Whether it was ever placed; true for a discarded order too.
    #[must_use]
    pub fn exists(&self) -> bool {
        !matches!(self, Self::Unplaced)
    }

    /// Whether it is out of sight.
    #[must_use]
    pub fn is_discarded(&self) -> bool {
        matches!(self, Self::Discarded)
    }

    fn live(&self) -> Option<&Live> {
        match self {
            Self::Live(live) => Some(live),
            Self::Unplaced | Self::Discarded => None,
        }
    }

    fn details(&self) -> Option<&Details> {
        self.live().map(|live| &live.details)
    }

    fn past(&self) -> Option<Past> {
        self.live().map(|live| live.progress.past())
    }

    /// Where it stands, as people in the shop say it.
    #[must_use]
    pub fn stage(&self) -> Option<Stage> {
        match self {
            Self::Unplaced => None,
            Self::Live(live) => Some(live.progress.stage()),
            Self::Discarded => Some(Stage::Discarded),
        }
    }

    /// Where it stands, as clients read it.
    #[must_use]
    pub fn status(&self) -> Option<Status> {
        self.stage().and_then(Stage::status)
    }

    /// Lines, discounts, fees, taxes and total.
    #[must_use]
    pub fn quote(&self) -> Option<&Quote> {
        self.details().map(|details| &details.quote)
    }

    /// Who ordered.
    #[must_use]
    pub fn contact(&self) -> Option<&Contact> {
        self.details().map(|details| &details.contact)
    }

    /// The known customer.
    #[must_use]
    pub fn customer(&self) -> Option<CustomerId> {
        self.details().and_then(|details| details.customer)
    }

    /// Delivered to an address, or picked up.
    #[must_use]
    pub fn fulfilment(&self) -> Option<&Fulfilment> {
        self.details().map(|details| &details.fulfilment)
    }

    /// The shop that cooks.
    #[must_use]
    pub fn location(&self) -> Option<&LocationId> {
        self.details().map(|details| &details.location)
    }

    /// A remark.
    #[must_use]
    pub fn note(&self) -> Option<&Note> {
        self.details().and_then(|details| details.note.as_ref())
    }

    /// When it is wanted; at once if absent.
    #[must_use]
    pub fn requested_for(&self) -> Option<DateTime<Utc>> {
        self.details().and_then(|details| details.requested_for)
    }

    /// When it was placed.
    #[must_use]
    pub fn placed_at(&self) -> Option<DateTime<Utc>> {
        self.details().map(|details| details.placed_at)
    }

    /// The payment that is open or has paid; a cancelled order keeps the one that it had.
    #[must_use]
    pub fn payment(&self) -> Option<PaymentId> {
        self.past().and_then(|past| past.payment)
    }

    /// How many payments were tried, the open or successful one included.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        let open = u32::from(self.payment().is_some());
        self.failed_attempts().saturating_add(open)
    }

    /// How many payments failed.
    #[must_use]
    pub fn failed_attempts(&self) -> u32 {
        self.live().map_or(0, |live| u32::try_from(live.failed.len()).unwrap_or(u32::MAX))
    }

    /// The kitchen's schedule.
    #[must_use]
    pub fn schedule(&self) -> Option<ScheduleId> {
        self.past().and_then(|past| past.ticket).map(|ticket| ticket.schedule)
    }

    /// When the kitchen meant to be ready.
    #[must_use]
    pub fn ready_by(&self) -> Option<DateTime<Utc>> {
        self.past().and_then(|past| past.ticket).map(|ticket| ticket.ready_by)
    }

    /// The shipment that carries it.
    #[must_use]
    pub fn shipment(&self) -> Option<ShipmentId> {
        self.past().and_then(|past| past.shipment)
    }

    /// Why it was cancelled, by whom, and in words.
    #[must_use]
    pub fn cancellation(&self) -> Option<(CancelReason, Party, Option<&Note>)> {
        match &self.live()?.progress {
            Progress::Cancelling { cancellation, .. } | Progress::Cancelled { cancellation, .. } => {
                Some((cancellation.reason, cancellation.by, cancellation.detail.as_ref()))
            }
            _ => None,
        }
    }
}
