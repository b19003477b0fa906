//! How far a payment is, as one word.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Payment;
use super::event::Operation;

/// How far a payment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStage {
    /// Nobody has asked for it.
    Unrequested,
    /// The provider has not answered yet.
    Requested,
    /// The customer must do something first.
    ActionRequired,
    /// The provider holds the money.
    Authorized,
    /// The provider would not take what it still holds.
    CaptureFailed,
    /// The provider took the money.
    Captured,
    /// Money is on its way back.
    RefundPending,
    /// Money did not go back: an operator must look.
    RefundFailed,
    /// A part went back.
    PartiallyRefunded,
    /// All of it went back.
    Refunded,
    /// Declined.
    Failed,
    /// The provider let go of what it held.
    Voided,
    /// The provider did not answer: ask it again.
    OutcomeUnknown,
}

impl PaymentStage {
    /// The word, as in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unrequested => "unrequested",
            Self::Requested => "requested",
            Self::ActionRequired => "action_required",
            Self::Authorized => "authorized",
            Self::CaptureFailed => "capture_failed",
            Self::Captured => "captured",
            Self::RefundPending => "refund_pending",
            Self::RefundFailed => "refund_failed",
            Self::PartiallyRefunded => "partially_refunded",
            Self::Refunded => "refunded",
            Self::Failed => "failed",
            Self::Voided => "voided",
            Self::OutcomeUnknown => "outcome_unknown",
        }
    }
}

impl fmt::Display for PaymentStage {
    /// In words, for messages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.as_str().replace('_', " "))
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Authorize => "authorization",
            Self::Capture => "capture",
            Self::Void => "void",
            Self::Refund => "refund",
        })
    }
}

impl Payment {
    /// How far it is. A refund on its way hides one that went wrong; one that went wrong shows until it is tried
    /// again or everything is back.
    #[must_use]
    pub fn stage(&self) -> PaymentStage {
        match self {
            Self::Unrequested => PaymentStage::Unrequested,
            Self::Requested(_) => PaymentStage::Requested,
            Self::ActionRequired { .. } => PaymentStage::ActionRequired,
            Self::Authorized(_) => PaymentStage::Authorized,
            Self::CaptureFailed { .. } => PaymentStage::CaptureFailed,
            Self::Captured(taken) if taken.is_refunding() => PaymentStage::RefundPending,
            Self::Captured(taken) => match taken.refunded() {
                Ok(back) if back == taken.amount && back.amount > 0 => PaymentStage::Refunded,
                _ if taken.has_failed_refund() => PaymentStage::RefundFailed,
                Ok(back) if back.amount > 0 => PaymentStage::PartiallyRefunded,
                _ => PaymentStage::Captured,
            },
            Self::Failed { .. } => PaymentStage::Failed,
            Self::Voided(_) => PaymentStage::Voided,
            Self::OutcomeUnknown { .. } => PaymentStage::OutcomeUnknown,
        }
    }

    /// Whether nothing more is expected of the provider: nothing is asked, held, on its way back or unknown, and
    /// no refund has gone wrong.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        use PaymentStage as Stage;
        matches!(
            self.stage(),
            Stage::Captured | Stage::PartiallyRefunded | Stage::Refunded | Stage::Failed | Stage::Voided
        )
    }
}
