//! What has happened to a shipment.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::fact::wire_names;
use crate::values::{Address, Contact, CourierId, GeoPoint, LocationId, Note, OrderId};

/// What has happened to a shipment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShipmentEvent {
    /// A courier is wanted.
    Requested {
        /// For this order.
        order: OrderId,
        /// To this address.
        address: Address,
        /// For this person.
        contact: Contact,
        /// From this shop.
        location: LocationId,
        /// When.
        at: DateTime<Utc>,
    },
    /// A courier has taken it.
    Assigned {
        /// Who.
        courier: CourierId,
    },
    /// The courier gave it back: open again.
    Unassigned {
        /// Who gave it back.
        courier: CourierId,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Note>,
    },
    /// On its way.
    PickedUp {
        /// With whom.
        courier: CourierId,
    },
    /// Where the courier is.
    PositionRecorded {
        /// Where.
        at: GeoPoint,
    },
    /// The customer has it.
    Delivered {
        /// A signature, a photo's name, a code.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        proof: Option<Note>,
    },
    /// It could not be delivered.
    DeliveryFailed {
        /// Why.
        reason: Note,
    },
    /// Back in the shop.
    Returned,
    /// No longer wanted.
    Cancelled {
        /// Why.
        reason: Note,
    },
}

wire_names! { ShipmentEvent: "1.0",
    Requested { .. } => "shipment.requested",
    Assigned { .. } => "shipment.assigned",
    Unassigned { .. } => "shipment.unassigned",
    PickedUp { .. } => "shipment.picked_up",
    PositionRecorded { .. } => "shipment.position_recorded",
    Delivered { .. } => "shipment.delivered",
    DeliveryFailed { .. } => "shipment.delivery_failed",
    Returned => "shipment.returned",
    Cancelled { .. } => "shipment.cancelled",
}
