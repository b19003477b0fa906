//! What one may ask of, or tell about, a payment.

use serde::{Deserialize, Serialize};

use crate::values::{Money, Note, OrderId, PaymentMethod, RefundId};

use super::event::Operation;

/// What one may ask of, or tell about, a payment. Telling the same thing twice is no error and no event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentCommand {
    /// Open a payment.
    Request {
        /// For this order.
        order: OrderId,
        /// How much.
        amount: Money,
        /// With what.
        method: PaymentMethod,
    },
    /// The provider wants the customer to do something first (3-D Secure, a bank's app).
    RecordActionRequired {
        /// The provider's name for this payment.
        reference: String,
        /// Where the customer does it.
        url: Option<String>,
    },
    /// The provider holds the money.
    RecordAuthorized {
        /// The provider's name for this payment.
        reference: String,
        /// How much it holds.
        amount: Money,
    },
    /// The provider took the money; also from providers that never hold.
    RecordCaptured {
        /// The provider's name for this payment.
        reference: String,
        /// How much it took.
        amount: Money,
    },
    /// The provider refused the payment for good.
    RecordFailed {
        /// The provider's decline code.
        code: String,
        /// In words.
        message: String,
    },
    /// The provider refuses to take what it holds.
    RecordCaptureFailed {
        /// The provider's code.
        code: String,
        /// In words.
        message: String,
    },
    /// The provider did not answer: ask it again before anything else.
    RecordOutcomeUnknown {
        /// What was asked of it.
        operation: Operation,
        /// The error seen.
        error: String,
    },
    /// The provider let go of what it held.
    RecordVoided,
    /// Give money back, all of it or a part.
    RequestRefund {
        /// Names this refund, so that asking twice gives back once.
        refund: RefundId,
        /// How much; everything that is left when absent.
        amount: Option<Money>,
        /// Why.
        reason: Note,
    },
    /// The provider gave the money back.
    RecordRefunded {
        /// Which refund.
        refund: RefundId,
    },
    /// The provider will not give it back: an operator must look.
    RecordRefundFailed {
        /// Which refund.
        refund: RefundId,
        /// The provider's error.
        error: String,
    },
}
