//! What has happened to an order. Wire names are pinned: a stored event must load for ever.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::fact::wire_names;
use crate::pricing::Quote;
use crate::values::{
    Contact, CustomerId, Fulfilment, LocationId, Money, Note, PaymentId, PaymentMethod, ScheduleId,
    ShipmentId,
};

/// What has happened to an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(
    clippy::large_enum_variant,
    reason = "events live one at a time, between the log and a state; a box saves nothing"
)]
pub enum OrderEvent {
    /// The order exists and has a price.
    Placed {
        /// Lines, discounts, fees and total.
        quote: Quote,
        /// Who ordered.
        contact: Contact,
        /// The known customer, when there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        customer: Option<CustomerId>,
        /// Delivered to an address, or picked up.
        fulfilment: Fulfilment,
        /// The shop that cooks.
        location: LocationId,
        /// A remark.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<Note>,
        /// When it is wanted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        requested_for: Option<DateTime<Utc>>,
        /// When it was placed.
        at: DateTime<Utc>,
    },
    /// Other lines, another price.
    Revised {
        /// The new quote.
        quote: Quote,
        /// The new note.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<Note>,
    },
    /// The client asked to pay.
    PaymentRequested {
        /// The attempt.
        payment: PaymentId,
        /// How much.
        amount: Money,
        /// With what.
        method: PaymentMethod,
        /// The how-manieth attempt, from 1.
        attempt: u32,
    },
    /// The attempt failed; the order is payable again.
    PaymentFailed {
        /// The attempt.
        payment: PaymentId,
        /// Why, in the provider's words.
        why: String,
    },
    /// The money is held or taken.
    Paid {
        /// By this payment.
        payment: PaymentId,
    },
    /// The kitchen works on it.
    EnteredKitchen {
        /// The kitchen's schedule.
        schedule: ScheduleId,
        /// When the kitchen means to be ready.
        ready_by: DateTime<Utc>,
    },
    /// Everything is cooked.
    Ready,
    /// A courier has it.
    Dispatched {
        /// The shipment.
        shipment: ShipmentId,
    },
    /// The customer has it.
    Delivered,
    /// The customer has fetched it.
    Collected,
    /// Someone cancelled; what was done is being undone.
    CancellationRequested {
        /// Why.
        reason: CancelReason,
        /// Who asked.
        by: Party,
        /// In words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<Note>,
    },
    /// Cancelled, and everything is undone.
    Cancelled,
    /// Out of sight.
    Discarded,
}

wire_names! { OrderEvent: "1.0",
    Placed { .. } => "order.placed",
    Revised { .. } => "order.revised",
    PaymentRequested { .. } => "order.payment_requested",
    PaymentFailed { .. } => "order.payment_failed",
    Paid { .. } => "order.paid",
    EnteredKitchen { .. } => "order.entered_kitchen",
    Ready => "order.ready",
    Dispatched { .. } => "order.dispatched",
    Delivered => "order.delivered",
    Collected => "order.collected",
    CancellationRequested { .. } => "order.cancellation_requested",
    Cancelled => "order.cancelled",
    Discarded => "order.discarded",
}

/// Why an order is cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelReason {
    /// The customer changed their mind.
    CustomerRequest,
    /// A line could not be reserved.
    OutOfStock,
    /// The kitchen said no, or stopped.
    KitchenRejected,
    /// The kitchen did not answer in time.
    KitchenTimeout,
    /// The money could not be taken.
    PaymentFailed,
    /// Nobody paid in time.
    PaymentTimeout,
    /// No courier was found.
    NoCourier,
    /// The courier came back with it.
    DeliveryFailed,
    /// An operator decided.
    Operator,
}

/// Who asks for a cancellation; decides until when it is possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Party {
    /// Until the kitchen has finished.
    Customer,
    /// Until a courier or the customer has picked it up.
    Operator,
    /// The fulfilment process: until it is delivered.
    Process,
}
