//! What one may ask of an order.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::pricing::Quote;
use crate::values::{
    Contact, CustomerId, Fulfilment, LocationId, Note, PaymentId, PaymentMethod, ScheduleId, ShipmentId,
};

use super::event::{CancelReason, Party};

/// What one may ask of an order. Prices are not asked for: the quote was made by the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(
    clippy::large_enum_variant,
    reason = "placing is what most commands are; a box would cost more than it saves"
)]
pub enum OrderCommand {
    /// Place a new order.
    Place(Place),
    /// Replace the lines of an order that nobody has paid.
    Revise {
        /// The new lines with their prices.
        quote: Quote,
        /// A new note, when the client sent one.
        note: Option<Note>,
    },
    /// Ask for the money. Refused while another attempt is open or its outcome is unknown.
    RequestPayment {
        /// The payment that this attempt creates.
        payment: PaymentId,
        /// What the client pays with.
        method: PaymentMethod,
    },
    /// The money is held or taken.
    ConfirmPayment {
        /// The payment that holds it.
        payment: PaymentId,
    },
    /// The attempt failed; the order is payable again.
    RecordPaymentFailure {
        /// The attempt that failed.
        payment: PaymentId,
        /// Why, in the provider's words.
        why: String,
    },
    /// The kitchen has accepted and the money is taken.
    EnterKitchen {
        /// The schedule that the kitchen works on.
        schedule: ScheduleId,
        /// When the kitchen means to be ready.
        ready_by: DateTime<Utc>,
    },
    /// Everything is cooked.
    MarkReady,
    /// A courier has taken the order along.
    Dispatch {
        /// The shipment that carries it.
        shipment: ShipmentId,
    },
    /// The order is in the customer's hands.
    Deliver,
    /// The customer has fetched the order.
    Collect,
    /// Cancel: undo what was done, then end. Asking twice is no error.
    Cancel {
        /// Why.
        reason: CancelReason,
        /// Who asks.
        by: Party,
        /// In words: the sku that is out, the courier's remark.
        detail: Option<Note>,
    },
    /// Everything that had to be undone is undone.
    ConfirmCancellation,
    /// Take the order out of sight: reads answer 404 from now on.
    Discard,
}

/// A new order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Lines, discounts, fees and total, as priced by the server.
    pub quote: Quote,
    /// Who ordered, and how to reach them.
    pub contact: Contact,
    /// The known customer, when there is one.
    pub customer: Option<CustomerId>,
    /// Delivered to an address, or picked up.
    pub fulfilment: Fulfilment,
    /// The shop that cooks.
    pub location: LocationId,
    /// A remark for the kitchen or the courier.
    pub note: Option<Note>,
    /// When it is wanted; at once if absent.
    pub requested_for: Option<DateTime<Utc>>,
    /// Pay at once: the first payment attempt.
    pub pay: Option<(PaymentId, PaymentMethod)>,
}
