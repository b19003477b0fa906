//! Why an order says no. Every message names the rule and carries the values.

use chrono::{DateTime, Utc};

use crate::refusal::Kind;
use crate::values::{Currency, PaymentId, ScheduleId, ShipmentId};

use super::event::Party;
use super::stage::Stage;

/// Why an order says no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// Nothing was ever placed under this identifier.
    #[error("there is no such order")]
    NotPlaced,
    /// A tombstone answers nothing.
    #[error("the order was discarded")]
    Discarded,
    /// The identifier is taken by another order.
    #[error("an order with this id was placed already, and not with this content")]
    PlacedOtherwise,
    /// Nobody can cook for yesterday.
    #[error("an order cannot be wanted for {requested_for}: it is {now} already")]
    WantedInThePast {
        /// What was asked.
        requested_for: DateTime<Utc>,
        /// When it was asked.
        now: DateTime<Utc>,
    },
    /// Too late to change the lines.
    #[error("order is {stage}: only an unpaid order can be revised")]
    NotRevisable {
        /// Where it stands.
        stage: Stage,
    },
    /// A revision cannot change the currency.
    #[error("order is in {}: a revision cannot make it {}", .placed.code(), .revised.code())]
    CurrencyChanged {
        /// As placed.
        placed: Currency,
        /// As asked.
        revised: Currency,
    },
    /// One payment at a time.
    #[error("payment {payment} is in progress: only one payment at a time")]
    PaymentInProgress {
        /// The open attempt.
        payment: PaymentId,
    },
    /// An order is paid once.
    #[error("order is paid already, by payment {payment}")]
    AlreadyPaid {
        /// The payment that paid it.
        payment: PaymentId,
    },
    /// Nobody pays for an order that will not come.
    #[error("order is {stage}: it can no longer be paid")]
    NotPayable {
        /// Where it stands.
        stage: Stage,
    },
    /// News of a payment that the order does not wait for.
    #[error("order is {stage} and does not await payment {payment}")]
    PaymentNotAwaited {
        /// Where it stands.
        stage: Stage,
        /// The payment that the news is about.
        payment: PaymentId,
    },
    /// The kitchen cooks only what is paid.
    #[error("order is {stage}: only a paid order enters the kitchen")]
    NotPaid {
        /// Where it stands.
        stage: Stage,
    },
    /// An order is cooked once.
    #[error("order is {stage} under schedule {schedule}: it cannot enter the kitchen again")]
    OtherSchedule {
        /// Where it stands.
        stage: Stage,
        /// The schedule that the kitchen works on.
        schedule: ScheduleId,
    },
    /// Only what is being cooked becomes ready.
    #[error("order is {stage}: only an order in the kitchen becomes ready")]
    NotInKitchen {
        /// Where it stands.
        stage: Stage,
    },
    /// Only what is ready is handed over.
    #[error("order is {stage}: only a ready order is handed over")]
    NotReady {
        /// Where it stands.
        stage: Stage,
    },
    /// An order is carried once.
    #[error("order is {stage} with shipment {shipment}: it cannot be dispatched again")]
    OtherShipment {
        /// Where it stands.
        stage: Stage,
        /// The shipment that carries it.
        shipment: ShipmentId,
    },
    /// No courier brings what the customer fetches.
    #[error("order is picked up by the customer: no courier carries it")]
    NotADelivery,
    /// The customer does not fetch what a courier brings.
    #[error("order is delivered to an address: it cannot be collected")]
    NotAPickup,
    /// Only what is on its way arrives.
    #[error("order is {stage}: only a dispatched order is delivered")]
    NotDispatched {
        /// Where it stands.
        stage: Stage,
    },
    /// Too late to cancel, for this party.
    #[error("order is {stage}: {}", until(*.by))]
    NotCancellable {
        /// Where it stands.
        stage: Stage,
        /// Who asked.
        by: Party,
    },
    /// Nothing is being undone.
    #[error("order is {stage}: only a cancellation in progress is confirmed")]
    NotCancelling {
        /// Where it stands.
        stage: Stage,
    },
    /// Somebody still waits for something.
    #[error("order is {stage}: cancel it first, only an unpaid or ended order is discarded")]
    NotDiscardable {
        /// Where it stands.
        stage: Stage,
    },
}

impl OrderError {
    /// The stable name of the rule, in snake case: part of the contract with clients.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotPlaced => "order_not_found",
            Self::Discarded => "order_discarded",
            Self::PlacedOtherwise => "order_already_placed",
            Self::WantedInThePast { .. } => "order_wanted_in_the_past",
            Self::NotRevisable { .. } => "order_not_revisable",
            Self::CurrencyChanged { .. } => "order_currency_changed",
            Self::PaymentInProgress { .. } => "payment_in_progress",
            Self::AlreadyPaid { .. } => "already_paid",
            Self::NotPayable { .. } => "order_not_payable",
            Self::PaymentNotAwaited { .. } => "payment_not_awaited",
            Self::NotPaid { .. } => "order_not_paid",
            Self::OtherSchedule { .. } => "order_has_other_schedule",
            Self::NotInKitchen { .. } => "order_not_in_kitchen",
            Self::NotReady { .. } => "order_not_ready",
            Self::OtherShipment { .. } => "order_has_other_shipment",
            Self::NotADelivery => "order_not_a_delivery",
            Self::NotAPickup => "order_not_a_pickup",
            Self::NotDispatched { .. } => "order_not_dispatched",
            Self::NotCancellable { .. } => "order_not_cancellable",
            Self::NotCancelling { .. } => "order_not_cancelling",
            Self::NotDiscardable { .. } => "order_not_discardable",
        }
    }

    /// What sort of no.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::NotPlaced | Self::Discarded => Kind::NotFound,
            Self::WantedInThePast { .. }
            | Self::CurrencyChanged { .. }
            | Self::NotADelivery
            | Self::NotAPickup => Kind::Invalid,
            _ => Kind::Conflict,
        }
    }
}

fn until(by: Party) -> &'static str {
    match by {
        Party::Customer => "a customer can cancel until the kitchen has finished",
        Party::Operator => "an operator can cancel until it is picked up",
        Party::Process => "nobody can cancel what the customer has",
    }
}
