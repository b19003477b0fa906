//! What one may ask of a shipment.

use serde::{Deserialize, Serialize};

use crate::values::{Address, Contact, CourierId, GeoPoint, LocationId, Note, OrderId};

/// What one may ask of a shipment. Only the assigned courier may move it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShipmentCommand {
    /// Ask for a courier.
    Request {
        /// For this order.
        order: OrderId,
        /// To this address.
        address: Address,
        /// For this person.
        contact: Contact,
        /// From this shop.
        location: LocationId,
    },
    /// A courier takes it.
    Assign {
        /// Who.
        courier: CourierId,
    },
    /// The courier gives it back before picking it up: it is open again.
    Unassign {
        /// Why.
        reason: Option<Note>,
    },
    /// The courier has it.
    PickUp {
        /// Who says so.
        courier: CourierId,
    },
    /// Where the courier is.
    RecordPosition {
        /// Who says so.
        courier: CourierId,
        /// Where.
        at: GeoPoint,
    },
    /// It is delivered.
    Deliver {
        /// Who says so.
        courier: CourierId,
        /// A signature, a photo's name, a code.
        proof: Option<Note>,
    },
    /// It could not be delivered.
    Fail {
        /// Who says so.
        courier: CourierId,
        /// Why.
        reason: Note,
    },
    /// It is back in the shop.
    Return {
        /// Who says so.
        courier: CourierId,
    },
    /// No longer wanted; only before pick-up. Asking twice is no error.
    Cancel {
        /// Why.
        reason: Note,
    },
}
