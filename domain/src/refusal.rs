//! A refusal: the domain's no, with its kind, its stable code and its reason.

use crate::kitchen::ScheduleError;
use crate::order::OrderError;
use crate::payment::PaymentError;
use crate::pricing::PricingError;
use crate::shipment::ShipmentError;

/// What sort of no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// There is no such thing, or no longer.
    NotFound,
    /// Its state does not allow that now.
    Conflict,
    /// The rules never allow that.
    Invalid,
}

/// The domain's no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// By an order.
    #[error(transparent)]
    Order(#[from] OrderError),
    /// By a payment.
    #[error(transparent)]
    Payment(#[from] PaymentError),
    /// By a kitchen schedule.
    #[error(transparent)]
    Kitchen(#[from] ScheduleError),
    /// By a shipment.
    #[error(transparent)]
    Shipment(#[from] ShipmentError),
    /// By the price list.
    #[error(transparent)]
    Pricing(#[from] PricingError),
}

impl Refusal {
    /// The stable name of the rule, in snake case: part of the contract with clients.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Order(error) => error.code(),
            Self::Payment(error) => error.code(),
            Self::Kitchen(error) => error.code(),
            Self::Shipment(error) => error.code(),
            Self::Pricing(error) => error.code(),
        }
    }

    /// What sort of no.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Order(error) => error.kind(),
            Self::Payment(error) => error.kind(),
            Self::Kitchen(error) => error.kind(),
            Self::Shipment(error) => error.kind(),
            Self::Pricing(error) => error.kind(),
        }
    }
}
