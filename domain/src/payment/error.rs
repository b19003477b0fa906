//! Why a payment says no.

use crate::refusal::Kind;
use crate::values::{Money, MoneyError, OrderId, RefundId};

use super::PaymentStage;
use super::event::Operation;

/// Why a payment says no: the rule, with its values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PaymentError {
    /// Nobody has requested it.
    #[error("there is no such payment")]
    NotFound,
    /// The name is taken by another payment.
    #[error("payment exists already, of {amount} for order {order}: its name cannot be used for another")]
    AlreadyRequested {
        /// Of this order.
        order: OrderId,
        /// Over this much.
        amount: Money,
    },
    /// An amount that nobody can pay.
    #[error("{amount} cannot be paid: it must not be less than zero")]
    Negative {
        /// What was asked.
        amount: Money,
    },
    /// An amount that nobody can take or give back.
    #[error("{amount} cannot be taken or given back: it must be more than zero")]
    NotPositive {
        /// What was asked.
        amount: Money,
    },
    /// The provider tells of another amount than was asked for.
    #[error("payment asks for {requested} but the provider tells of {told}: both must be the same")]
    AmountDiffers {
        /// Asked for.
        requested: Money,
        /// Told.
        told: Money,
    },
    /// More was taken than was held.
    #[error("{authorized} is held but the provider tells of {captured} taken: no more than is held is taken")]
    CapturedTooMuch {
        /// Held.
        authorized: Money,
        /// Told.
        captured: Money,
    },
    /// Taken before, otherwise.
    #[error("{captured} is taken as {reference:?} already: a payment is captured once")]
    AlreadyCaptured {
        /// What was taken.
        captured: Money,
        /// The provider's name for it.
        reference: String,
    },
    /// Held before, under another name.
    #[error("the money is held as {known:?}, yet the provider now names {told:?}: it may be held twice")]
    OtherReference {
        /// The name of the first.
        known: String,
        /// The name of the second.
        told: String,
    },
    /// What is held or taken has not failed.
    #[error("payment is {stage}: only a payment of which nothing is held or taken can fail")]
    MoneyIsThere {
        /// How far it is.
        stage: PaymentStage,
    },
    /// Nothing is held that could not be taken.
    #[error("payment is {stage}: only what is held can fail to be captured")]
    NothingHeld {
        /// How far it is.
        stage: PaymentStage,
    },
    /// What is taken cannot be let go.
    #[error("payment is {stage}: what is captured is refunded, not voided")]
    NotVoidable {
        /// How far it is.
        stage: PaymentStage,
    },
    /// Nothing was taken that could go back.
    #[error("payment is {stage}: only what is captured can be refunded")]
    NotCaptured {
        /// How far it is.
        stage: PaymentStage,
    },
    /// The provider's answer is missing.
    #[error("what became of the last {operation} is unknown: the provider must answer before a refund")]
    OutcomeUnknown {
        /// Of what.
        operation: Operation,
    },
    /// Everything is back, or on its way.
    #[error("all of {captured} is refunded or on its way back: nothing is left")]
    NothingLeft {
        /// What was taken.
        captured: Money,
    },
    /// More than is left.
    #[error("only {left} is left to be refunded, {asked} was asked")]
    ExceedsLeft {
        /// What is left.
        left: Money,
        /// What was asked.
        asked: Money,
    },
    /// The name is taken by another refund.
    #[error("refund {refund} is of {known}: it cannot be asked again for {asked}")]
    RefundDiffers {
        /// Which.
        refund: RefundId,
        /// What was asked first.
        known: Money,
        /// What was asked now.
        asked: Money,
    },
    /// Nobody has asked for that refund.
    #[error("payment has no refund {refund}")]
    RefundNotFound {
        /// Which.
        refund: RefundId,
    },
    /// What went back has not failed.
    #[error("refund {refund} is done: only a refund on its way can fail")]
    RefundDone {
        /// Which.
        refund: RefundId,
    },
    /// More refunds than a payment may have.
    #[error("payment has {most} refunds already: it may not have more")]
    TooManyRefunds {
        /// The limit.
        most: usize,
    },
    /// A sum that cannot be made.
    #[error(transparent)]
    Sum(#[from] MoneyError),
}

impl PaymentError {
    /// The stable name of the rule.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "payment_not_found",
            Self::AlreadyRequested { .. } => "payment_already_requested",
            Self::Negative { .. } => "amount_negative",
            Self::NotPositive { .. } => "amount_not_positive",
            Self::AmountDiffers { .. } => "amount_differs",
            Self::CapturedTooMuch { .. } => "captured_too_much",
            Self::AlreadyCaptured { .. } => "payment_already_captured",
            Self::OtherReference { .. } => "payment_reference_differs",
            Self::MoneyIsThere { .. } => "payment_not_failable",
            Self::NothingHeld { .. } => "payment_not_authorized",
            Self::NotVoidable { .. } => "payment_not_voidable",
            Self::NotCaptured { .. } => "payment_not_captured",
            Self::OutcomeUnknown { .. } => "payment_outcome_unknown",
            Self::NothingLeft { .. } => "nothing_left",
            Self::ExceedsLeft { .. } => "refund_exceeds_left",
            Self::RefundDiffers { .. } => "refund_differs",
            Self::RefundNotFound { .. } => "refund_not_found",
            Self::RefundDone { .. } => "refund_already_done",
            Self::TooManyRefunds { .. } => "too_many_refunds",
            Self::Sum(MoneyError::MixedCurrencies(..)) => "mixed_currencies",
            Self::Sum(MoneyError::Overflow) => "amount_too_large",
        }
    }

    /// What sort of no.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::NotFound | Self::RefundNotFound { .. } => Kind::NotFound,
            Self::Negative { .. } | Self::NotPositive { .. } | Self::Sum(_) => Kind::Invalid,
            Self::AlreadyRequested { .. }
            | Self::AmountDiffers { .. }
            | Self::CapturedTooMuch { .. }
            | Self::AlreadyCaptured { .. }
            | Self::OtherReference { .. }
            | Self::MoneyIsThere { .. }
            | Self::NothingHeld { .. }
            | Self::NotVoidable { .. }
            | Self::NotCaptured { .. }
            | Self::OutcomeUnknown { .. }
            | Self::NothingLeft { .. }
            | Self::ExceedsLeft { .. }
            | Self::RefundDiffers { .. }
            | Self::RefundDone { .. }
            | Self::TooManyRefunds { .. } => Kind::Conflict,
        }
    }
}
