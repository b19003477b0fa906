//! A command to any aggregate: what processes send, and what is stored as due work.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::kitchen::ScheduleCommand;
use crate::order::OrderCommand;
use crate::payment::PaymentCommand;
use crate::shipment::ShipmentCommand;
use crate::values::{OrderId, PaymentId, ScheduleId, ShipmentId};

/// A command to one aggregate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "aggregate", rename_all = "snake_case")]
pub enum Command {
    /// To an order.
    Order {
        /// Which.
        id: OrderId,
        /// What.
        command: OrderCommand,
    },
    /// To a payment.
    Payment {
        /// Which.
        id: PaymentId,
        /// What.
        command: PaymentCommand,
    },
    /// To a kitchen schedule.
    Kitchen {
        /// Which.
        id: ScheduleId,
        /// What.
        command: ScheduleCommand,
    },
    /// To a shipment.
    Shipment {
        /// Which.
        id: ShipmentId,
        /// What.
        command: ShipmentCommand,
    },
}

impl Command {
    /// The aggregate that it is for.
    #[must_use]
    pub fn target(&self) -> Uuid {
        match self {
            Self::Order { id, .. } => id.0,
            Self::Payment { id, .. } => id.0,
            Self::Kitchen { id, .. } => id.0,
            Self::Shipment { id, .. } => id.0,
        }
    }
}
