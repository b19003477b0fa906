//! What has happened to a payment.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::fact::wire_names;
use crate::values::{Money, Note, OrderId, PaymentMethod, RefundId};

/// What has happened to a payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentEvent {
    /// A payment was opened.
    Requested {
        /// For this order.
        order: OrderId,
        /// How much.
        amount: Money,
        /// With what.
        method: PaymentMethod,
        /// When.
        at: DateTime<Utc>,
    },
    /// The customer must do something first.
    ActionRequired {
        /// The provider's name for this payment.
        reference: String,
        /// Where.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        url: Option<String>,
    },
    /// The provider holds the money.
    Authorized {
        /// The provider's name for this payment.
        reference: String,
        /// How much.
        amount: Money,
    },
    /// The provider took the money.
    Captured {
        /// The provider's name for this payment.
        reference: String,
        /// How much.
        amount: Money,
    },
    /// Declined.
    Failed {
        /// The provider's decline code.
        code: String,
        /// In words.
        message: String,
    },
    /// The provider refused to take what it held.
    CaptureFailed {
        /// The provider's code.
        code: String,
        /// In words.
        message: String,
    },
    /// The provider did not answer.
    OutcomeUnknown {
        /// What was asked of it.
        operation: Operation,
        /// The error seen.
        error: String,
    },
    /// The provider let go of what it held.
    Voided,
    /// Money is to be given back.
    RefundRequested {
        /// Which refund.
        refund: RefundId,
        /// How much.
        amount: Money,
        /// Why.
        reason: Note,
    },
    /// The money was given back.
    Refunded {
        /// Which refund.
        refund: RefundId,
        /// How much.
        amount: Money,
    },
    /// The money was not given back: an operator must look.
    RefundFailed {
        /// Which refund.
        refund: RefundId,
        /// How much.
        amount: Money,
        /// The provider's error.
        error: String,
    },
}

wire_names! { PaymentEvent: "1.0",
    Requested { .. } => "payment.requested",
    ActionRequired { .. } => "payment.action_required",
    Authorized { .. } => "payment.authorized",
    Captured { .. } => "payment.captured",
    Failed { .. } => "payment.failed",
    CaptureFailed { .. } => "payment.capture_failed",
    OutcomeUnknown { .. } => "payment.outcome_unknown",
    Voided => "payment.voided",
    RefundRequested { .. } => "payment.refund_requested",
    Refunded { .. } => "payment.refunded",
    RefundFailed { .. } => "payment.refund_failed",
}

/// What Spindle asks of a payment provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Hold the money.
    Authorize,
    /// Take what is held.
    Capture,
    /// Let go of what is held.
    Void,
    /// Give back what was taken.
    Refund,
}
