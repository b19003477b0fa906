//! Every rule of a shipment, on one page.

use chrono::{DateTime, Utc};

use crate::values::CourierId;

use super::{Parcel, Shipment, ShipmentCommand, ShipmentError, ShipmentEvent};

type Command = ShipmentCommand;
type Error = ShipmentError;
type Event = ShipmentEvent;

impl Shipment {
    /// What happens when that is asked at that moment.
    ///
    /// # Errors
    /// [`ShipmentError`], naming the rule that forbids it.
    #[expect(clippy::match_same_arms, reason = "one block per command reads better than one arm per outcome")]
    pub fn decide(&self, command: &Command, now: DateTime<Utc>) -> Result<Vec<Event>, Error> {
        let stage = self.stage();
        if let Some(asked) = moved_by(command) {
            self.only_its_courier(asked)?;
        }
        match (self, command) {
            (Self::Unrequested, Command::Request { order, address, contact, location }) => {
                Ok(vec![Event::Requested {
                    order: *order,
                    address: address.clone(),
                    contact: contact.clone(),
                    location: location.clone(),
                    at: now,
                }])
            }
            (Self::Unrequested, _) => Err(Error::NotFound),
            (_, Command::Request { .. }) => match self.parcel() {
                Some(parcel) if !parcel.asked_by(command) => {
                    Err(Error::AlreadyRequested { order: parcel.order })
                }
                _ => Ok(vec![]),
            },

            (Self::Requested(_), Command::Assign { courier }) => {
                Ok(vec![Event::Assigned { courier: courier.clone() }])
            }
            (_, Command::Assign { courier }) => match self.courier() {
                Some(present) if present == courier => Ok(vec![]),
                Some(present) => Err(Error::AlreadyAssigned { courier: present.clone() }),
                None => Err(Error::NotAssignable { stage }),
            },

            (Self::Assigned(tour), Command::Unassign { reason }) => {
                Ok(vec![Event::Unassigned { courier: tour.courier.clone(), reason: reason.clone() }])
            }
            // Nobody has it: nothing to give back.
            (Self::Requested(_) | Self::Cancelled { .. }, Command::Unassign { .. }) => Ok(vec![]),
            (_, Command::Unassign { .. }) => Err(Error::NotUnassignable { stage }),

            (Self::Assigned(_), Command::PickUp { courier }) => {
                Ok(vec![Event::PickedUp { courier: courier.clone() }])
            }
            (Self::Requested(_) | Self::Cancelled { .. }, Command::PickUp { .. }) => {
                Err(Error::NotPickable { stage })
            }
            // In hand, or already out of it again.
            (_, Command::PickUp { .. }) => Ok(vec![]),

            (Self::Assigned(tour) | Self::PickedUp(tour), Command::RecordPosition { at, .. }) => {
                Ok(if tour.position == Some(*at) {
                    vec![]
                } else {
                    vec![Event::PositionRecorded { at: *at }]
                })
            }
            (_, Command::RecordPosition { .. }) => Err(Error::NotTracked { stage }),

            (Self::PickedUp(_), Command::Deliver { proof, .. }) => {
                Ok(vec![Event::Delivered { proof: proof.clone() }])
            }
            (Self::Delivered { .. }, Command::Deliver { .. }) => Ok(vec![]),
            (_, Command::Deliver { .. }) => Err(Error::NotDeliverable { stage }),

            (Self::PickedUp(_), Command::Fail { reason, .. }) => {
                Ok(vec![Event::DeliveryFailed { reason: reason.clone() }])
            }
            (Self::DeliveryFailed { .. } | Self::Returned { .. }, Command::Fail { .. }) => Ok(vec![]),
            (_, Command::Fail { .. }) => Err(Error::NotFailable { stage }),

            (Self::DeliveryFailed { .. }, Command::Return { .. }) => Ok(vec![Event::Returned]),
            (Self::Returned { .. }, Command::Return { .. }) => Ok(vec![]),
            (_, Command::Return { .. }) => Err(Error::NotReturnable { stage }),

            (Self::Requested(_) | Self::Assigned(_), Command::Cancel { reason }) => {
                Ok(vec![Event::Cancelled { reason: reason.clone() }])
            }
            (Self::Cancelled { .. }, Command::Cancel { .. }) => Ok(vec![]),
            (_, Command::Cancel { .. }) => Err(Error::NotCancellable { stage }),
        }
    }

    fn only_its_courier(&self, asked: &CourierId) -> Result<(), Error> {
        match self.courier() {
            Some(courier) if courier != asked => {
                Err(Error::NotYourShipment { courier: courier.clone(), asked: asked.clone() })
            }
            _ => Ok(()),
        }
    }
}

impl Parcel {
    /// Whether that command asked for this.
    fn asked_by(&self, command: &Command) -> bool {
        matches!(command, Command::Request { order, address, contact, location }
            if (order, address, contact, location)
                == (&self.order, &self.address, &self.contact, &self.location))
    }
}

/// The courier who says that they move it.
fn moved_by(command: &Command) -> Option<&CourierId> {
    match command {
        Command::PickUp { courier }
        | Command::RecordPosition { courier, .. }
        | Command::Deliver { courier, .. }
        | Command::Fail { courier, .. }
        | Command::Return { courier } => Some(courier),
        Command::Request { .. }
        | Command::Assign { .. }
        | Command::Unassign { .. }
        | Command::Cancel { .. } => None,
    }
}
