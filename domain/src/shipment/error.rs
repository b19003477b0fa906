//! Why a shipment says no.

use crate::refusal::Kind;
use crate::values::{CourierId, OrderId};

use super::ShipmentStage;

/// Why a shipment says no: the rule, with its values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShipmentError {
    /// Nobody has requested it.
    #[error("there is no such shipment")]
    NotFound,
    /// The name is taken by another shipment.
    #[error("shipment exists already, for order {order}: its name cannot be used for another")]
    AlreadyRequested {
        /// Of this order.
        order: OrderId,
    },
    /// Another courier was first.
    #[error("shipment is assigned to courier {courier}: it must be unassigned before another takes it")]
    AlreadyAssigned {
        /// Who has it.
        courier: CourierId,
    },
    /// Somebody else's.
    #[error("shipment is courier {courier}'s, not {asked}'s: only the assigned courier may move it")]
    NotYourShipment {
        /// Who has it.
        courier: CourierId,
        /// Who asked.
        asked: CourierId,
    },
    /// Nobody needs a courier any more.
    #[error("shipment is {stage}: only a requested shipment can be assigned")]
    NotAssignable {
        /// How far it is.
        stage: ShipmentStage,
    },
    /// The courier has it in hand.
    #[error("shipment is {stage}: only before pick-up can a courier give it back")]
    NotUnassignable {
        /// How far it is.
        stage: ShipmentStage,
    },
    /// Nobody has taken it on.
    #[error("shipment is {stage}: only an assigned shipment can be picked up")]
    NotPickable {
        /// How far it is.
        stage: ShipmentStage,
    },
    /// Nobody carries it.
    #[error("shipment is {stage}: only an assigned or picked up shipment has a position")]
    NotTracked {
        /// How far it is.
        stage: ShipmentStage,
    },
    /// It is not on its way.
    #[error("shipment is {stage}: only a picked up shipment can be delivered")]
    NotDeliverable {
        /// How far it is.
        stage: ShipmentStage,
    },
    /// It is not on its way.
    #[error("shipment is {stage}: only the delivery of a picked up shipment can fail")]
    NotFailable {
        /// How far it is.
        stage: ShipmentStage,
    },
    /// Nothing went wrong.
    #[error("shipment is {stage}: only a shipment whose delivery failed can be returned")]
    NotReturnable {
        /// How far it is.
        stage: ShipmentStage,
    },
    /// The courier has it in hand.
    #[error("shipment is {stage}: only before pick-up can it be cancelled")]
    NotCancellable {
        /// How far it is.
        stage: ShipmentStage,
    },
}

impl ShipmentError {
    /// The stable name of the rule.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "shipment_not_found",
            Self::AlreadyRequested { .. } => "shipment_already_requested",
            Self::AlreadyAssigned { .. } => "shipment_already_assigned",
            Self::NotYourShipment { .. } => "not_your_shipment",
            Self::NotAssignable { .. } => "shipment_not_assignable",
            Self::NotUnassignable { .. } => "shipment_not_unassignable",
            Self::NotPickable { .. } => "shipment_not_pickable",
            Self::NotTracked { .. } => "shipment_not_tracked",
            Self::NotDeliverable { .. } => "shipment_not_deliverable",
            Self::NotFailable { .. } => "shipment_not_failable",
            Self::NotReturnable { .. } => "shipment_not_returnable",
            Self::NotCancellable { .. } => "shipment_not_cancellable",
        }
    }

    /// What sort of no.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::NotFound => Kind::NotFound,
            Self::AlreadyRequested { .. }
            | Self::AlreadyAssigned { .. }
            | Self::NotYourShipment { .. }
            | Self::NotAssignable { .. }
            | Self::NotUnassignable { .. }
            | Self::NotPickable { .. }
            | Self::NotTracked { .. }
            | Self::NotDeliverable { .. }
            | Self::NotFailable { .. }
            | Self::NotReturnable { .. }
            | Self::NotCancellable { .. } => Kind::Conflict,
        }
    }
}
