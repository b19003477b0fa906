//! How far a shipment is, as one word.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How far a shipment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShipmentStage {
    /// Nobody has asked for it.
    Unrequested,
    /// A courier is wanted.
    Requested,
    /// A courier has taken it on.
    Assigned,
    /// On its way.
    PickedUp,
    /// The customer has it.
    Delivered,
    /// It could not be delivered.
    DeliveryFailed,
    /// Back in the shop.
    Returned,
    /// No longer wanted.
    Cancelled,
}

impl ShipmentStage {
    /// The word, as in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unrequested => "unrequested",
            Self::Requested => "requested",
            Self::Assigned => "assigned",
            Self::PickedUp => "picked_up",
            Self::Delivered => "delivered",
            Self::DeliveryFailed => "delivery_failed",
            Self::Returned => "returned",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for ShipmentStage {
    /// In words, for messages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.as_str().replace('_', " "))
    }
}
