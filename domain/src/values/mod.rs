//! Values: parsed at the door, never checked again.
//!
//! Every value that carries a rule has a private inside and one way in (`parse` or `new`), which serde uses too:
//! a value that exists is valid.

mod contact;
mod goods;
mod ids;
mod money;
mod text;

pub use contact::{Address, Contact, Fulfilment, GeoPoint};
pub use goods::{Item, Quantity, Size, Sku};
pub use ids::{CourierId, CustomerId, LocationId, OrderId, PaymentId, RefundId, ScheduleId, ShipmentId};
pub use iso_currency::Currency;
pub use money::{Money, MoneyError};
pub use text::{Email, Note, PaymentMethod, PersonName, Phone};

/// A value that broke its rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{rule}")]
pub struct Invalid {
    rule: String,
}

impl Invalid {
    /// States the rule that was broken, as a sentence without a full stop.
    pub fn new(rule: impl Into<String>) -> Self {
        Self { rule: rule.into() }
    }
}
