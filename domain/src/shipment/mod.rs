//! A shipment: one way of a courier from a shop to a customer.
//!
//! **Invariant:** only the assigned courier moves it, and it is never called off once it is picked up.

mod command;
mod decide;
mod error;
mod event;
mod stage;
#[cfg(test)]
mod tests;

use std::mem;

use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

use crate::Now;
use crate::values::{Address, Contact, CourierId, GeoPoint, LocationId, Note, OrderId};

pub use command::ShipmentCommand;
pub use error::ShipmentError;
pub use event::ShipmentEvent;
pub use stage::ShipmentStage;

/// A shipment; each stage holds what it has.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shipment {
    /// Nobody has asked for it.
    #[default]
    Unrequested,
    /// A courier is wanted.
    Requested(Parcel),
    /// A courier has taken it on.
    Assigned(Tour),
    /// On its way.
    PickedUp(Tour),
    /// The customer has it.
    Delivered {
        /// What and where to.
        parcel: Parcel,
        /// Who brought it.
        courier: CourierId,
        /// A signature, a photo's name, a code.
        proof: Option<Note>,
    },
    /// It could not be delivered.
    DeliveryFailed {
        /// What and where to.
        parcel: Parcel,
        /// Who has it.
        courier: CourierId,
        /// Why.
        reason: Note,
    },
    /// Back in the shop.
    Returned {
        /// What and where to.
        parcel: Parcel,
        /// Who brought it back.
        courier: CourierId,
        /// Why it could not be delivered.
        reason: Note,
    },
    /// No longer wanted.
    Cancelled {
        /// What and where to.
        parcel: Parcel,
        /// Why.
        reason: Note,
    },
}

/// What is brought where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parcel {
    /// The order's goods.
    pub order: OrderId,
    /// To this address.
    pub address: Address,
    /// For this person.
    pub contact: Contact,
    /// From this shop.
    pub location: LocationId,
    /// When a courier was asked for.
    pub at: DateTime<Utc>,
}

/// A parcel with its courier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tour {
    /// What and where to.
    pub parcel: Parcel,
    /// Who.
    pub courier: CourierId,
    /// Where the courier was seen last.
    pub position: Option<GeoPoint>,
}

impl Shipment {
    /// Whether it was ever requested.
    #[must_use]
    pub fn exists(&self) -> bool {
        *self != Self::Unrequested
    }

    /// How far it is.
    #[must_use]
    pub fn stage(&self) -> ShipmentStage {
        match self {
            Self::Unrequested => ShipmentStage::Unrequested,
            Self::Requested(_) => ShipmentStage::Requested,
            Self::Assigned(_) => ShipmentStage::Assigned,
            Self::PickedUp(_) => ShipmentStage::PickedUp,
            Self::Delivered { .. } => ShipmentStage::Delivered,
            Self::DeliveryFailed { .. } => ShipmentStage::DeliveryFailed,
            Self::Returned { .. } => ShipmentStage::Returned,
            Self::Cancelled { .. } => ShipmentStage::Cancelled,
        }
    }

    /// What is brought where, once it was requested.
    #[must_use]
    pub fn parcel(&self) -> Option<&Parcel> {
        match self {
            Self::Unrequested => None,
            Self::Assigned(tour) | Self::PickedUp(tour) => Some(&tour.parcel),
            Self::Requested(parcel)
            | Self::Delivered { parcel, .. }
            | Self::DeliveryFailed { parcel, .. }
            | Self::Returned { parcel, .. }
            | Self::Cancelled { parcel, .. } => Some(parcel),
        }
    }

    /// The order whose goods it brings.
    #[must_use]
    pub fn order(&self) -> Option<OrderId> {
        self.parcel().map(|parcel| parcel.order)
    }

    /// Where to.
    #[must_use]
    pub fn address(&self) -> Option<&Address> {
        self.parcel().map(|parcel| &parcel.address)
    }

    /// To whom.
    #[must_use]
    pub fn contact(&self) -> Option<&Contact> {
        self.parcel().map(|parcel| &parcel.contact)
    }

    /// The shop that it leaves.
    #[must_use]
    pub fn location(&self) -> Option<&LocationId> {
        self.parcel().map(|parcel| &parcel.location)
    }

    /// When a courier was asked for.
    #[must_use]
    pub fn requested_at(&self) -> Option<DateTime<Utc>> {
        self.parcel().map(|parcel| parcel.at)
    }

    /// Who has it, or brought it.
    #[must_use]
    pub fn courier(&self) -> Option<&CourierId> {
        match self {
            Self::Assigned(tour) | Self::PickedUp(tour) => Some(&tour.courier),
            Self::Delivered { courier, .. }
            | Self::DeliveryFailed { courier, .. }
            | Self::Returned { courier, .. } => Some(courier),
            Self::Unrequested | Self::Requested(_) | Self::Cancelled { .. } => None,
        }
    }

    /// Where the courier was seen last, while the courier has it; a courier is not tracked for longer.
    #[must_use]
    pub fn position(&self) -> Option<GeoPoint> {
        match self {
            Self::Assigned(tour) | Self::PickedUp(tour) => tour.position,
            _ => None,
        }
    }

    /// Proof of delivery.
    #[must_use]
    pub fn proof(&self) -> Option<&Note> {
        match self {
            Self::Delivered { proof, .. } => proof.as_ref(),
            _ => None,
        }
    }

    /// Why it was cancelled or could not be delivered.
    #[must_use]
    pub fn reason(&self) -> Option<&Note> {
        match self {
            Self::DeliveryFailed { reason, .. }
            | Self::Returned { reason, .. }
            | Self::Cancelled { reason, .. } => Some(reason),
            _ => None,
        }
    }
}

impl Aggregate for Shipment {
    const TYPE: &'static str = "shipment";
    type Command = ShipmentCommand;
    type Event = ShipmentEvent;
    type Error = ShipmentError;
    type Services = Now;

    async fn handle(
        &mut self,
        command: Self::Command,
        services: &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        for event in self.decide(&command, services.0)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: Self::Event) {
        use ShipmentEvent as Event;
        *self = match (mem::take(self), event) {
            (Self::Unrequested, Event::Requested { order, address, contact, location, at }) => {
                Self::Requested(Parcel { order, address, contact, location, at })
            }
            (Self::Requested(parcel), Event::Assigned { courier }) => {
                Self::Assigned(Tour { parcel, courier, position: None })
            }
            (Self::Assigned(tour), Event::Unassigned { .. }) => Self::Requested(tour.parcel),
            (Self::Assigned(tour), Event::PickedUp { courier }) => Self::PickedUp(Tour { courier, ..tour }),
            (Self::Assigned(tour), Event::PositionRecorded { at }) => {
                Self::Assigned(Tour { position: Some(at), ..tour })
            }
            (Self::PickedUp(tour), Event::PositionRecorded { at }) => {
                Self::PickedUp(Tour { position: Some(at), ..tour })
            }
            (Self::PickedUp(tour), Event::Delivered { proof }) => {
                Self::Delivered { parcel: tour.parcel, courier: tour.courier, proof }
            }
            (Self::PickedUp(tour), Event::DeliveryFailed { reason }) => {
                Self::DeliveryFailed { parcel: tour.parcel, courier: tour.courier, reason }
            }
            (Self::DeliveryFailed { parcel, courier, reason }, Event::Returned) => {
                Self::Returned { parcel, courier, reason }
            }
            (Self::Requested(parcel) | Self::Assigned(Tour { parcel, .. }), Event::Cancelled { reason }) => {
                Self::Cancelled { parcel, reason }
            }
            (unchanged, _) => unchanged,
        };
    }
}
