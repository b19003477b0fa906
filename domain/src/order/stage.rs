//! The names of an order's stages: one set for people inside, one for clients outside.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where an order stands, as people in the shop say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// It has a price; nobody is paying.
    Placed,
    /// A payment attempt is open.
    AwaitingPayment,
    /// The money is held or taken.
    Paid,
    /// The kitchen works on it.
    InKitchen,
    /// Everything is cooked.
    Ready,
    /// A courier has it.
    Dispatched,
    /// A courier has brought it.
    Delivered,
    /// The customer has fetched it.
    Collected,
    /// Cancelled, and being undone.
    Cancelling,
    /// Cancelled, and everything is undone.
    Cancelled,
    /// Out of sight.
    Discarded,
}

/// Where an order stands, as clients read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Not paid yet.
    Created,
    /// Paid, and waiting for the kitchen.
    Paid,
    /// In the kitchen, or waiting to be picked up.
    Progress,
    /// On its way.
    Dispatched,
    /// In the customer's hands.
    Delivered,
    /// Will not come.
    Cancelled,
}

impl Stage {
    /// Its name, as it is stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Placed => "placed",
            Self::AwaitingPayment => "awaiting_payment",
            Self::Paid => "paid",
            Self::InKitchen => "in_kitchen",
            Self::Ready => "ready",
            Self::Dispatched => "dispatched",
            Self::Delivered => "delivered",
            Self::Collected => "collected",
            Self::Cancelling => "cancelling",
            Self::Cancelled => "cancelled",
            Self::Discarded => "discarded",
        }
    }

    /// What clients read; nothing for a discarded order, which they cannot see.
    #[must_use]
    pub fn status(self) -> Option<Status> {
        match self {
            Self::Placed | Self::AwaitingPayment => Some(Status::Created),
            Self::Paid => Some(Status::Paid),
            Self::InKitchen | Self::Ready => Some(Status::Progress),
            Self::Dispatched => Some(Status::Dispatched),
            Self::Delivered | Self::Collected => Some(Status::Delivered),
            Self::Cancelling | Self::Cancelled => Some(Status::Cancelled),
            Self::Discarded => None,
        }
    }
}

impl Status {
    /// Its name, as it is stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Paid => "paid",
            Self::Progress => "progress",
            Self::Dispatched => "dispatched",
            Self::Delivered => "delivered",
            Self::Cancelled => "cancelled",
        }
    }
}

/// In a sentence, `awaiting_payment` reads "awaiting payment".
impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.as_str().replace('_', " "))
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
