//! Shipments: who brings what where, and where they are.

use chrono::{DateTime, Utc};
use cqrs_es::Aggregate as _;
use serde::{Deserialize, Serialize};
use spindle_domain::fact::{Fact, Recorded};
use spindle_domain::shipment::{Shipment, ShipmentEvent, ShipmentStage};
use spindle_domain::values::{Address, Contact, CourierId, GeoPoint, LocationId, Note, OrderId, ShipmentId};
use uuid::Uuid;

use crate::projection::{FoldError, Index, Projection, State};

/// A shipment, as couriers, operators and clients read it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShipmentView {
    /// Its name.
    pub id: ShipmentId,
    /// The order whose goods it brings.
    pub order_id: OrderId,
    /// The shop that it leaves.
    pub location: LocationId,
    /// How far it is.
    pub stage: ShipmentStage,
    /// Who has it, or brought it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub courier: Option<CourierId>,
    /// Where to.
    pub address: Address,
    /// To whom.
    pub contact: Contact,
    /// Where the courier was seen last, while the courier has it; a courier is not tracked for longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<GeoPoint>,
    /// Proof of delivery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Note>,
    /// Why it was cancelled or could not be delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Note>,
    /// When a courier was asked for.
    pub requested_at: DateTime<Utc>,
    /// When a courier took it on last, as recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assigned_at: Option<DateTime<Utc>>,
    /// When the courier picked it up, as recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picked_up_at: Option<DateTime<Utc>>,
    /// When it was delivered, as recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<DateTime<Utc>>,
    /// When something last happened to it, as recorded.
    pub updated_at: DateTime<Utc>,
}

/// The projection.
#[derive(Debug, Clone, Copy)]
pub struct Shipments;

/// The stage that an event leads to; none when it changes no stage.
pub(crate) fn stage_after(event: &ShipmentEvent) -> Option<ShipmentStage> {
    match event {
        ShipmentEvent::Requested { .. } | ShipmentEvent::Unassigned { .. } => Some(ShipmentStage::Requested),
        ShipmentEvent::Assigned { .. } => Some(ShipmentStage::Assigned),
        ShipmentEvent::PickedUp { .. } => Some(ShipmentStage::PickedUp),
        ShipmentEvent::PositionRecorded { .. } => None,
        ShipmentEvent::Delivered { .. } => Some(ShipmentStage::Delivered),
        ShipmentEvent::DeliveryFailed { .. } => Some(ShipmentStage::DeliveryFailed),
        ShipmentEvent::Returned => Some(ShipmentStage::Returned),
        ShipmentEvent::Cancelled { .. } => Some(ShipmentStage::Cancelled),
    }
}

/// Who has it after an event, given who had it before.
pub(crate) fn courier_after(event: &ShipmentEvent, before: Option<CourierId>) -> Option<CourierId> {
    match event {
        ShipmentEvent::Assigned { courier } | ShipmentEvent::PickedUp { courier } => Some(courier.clone()),
        ShipmentEvent::Requested { .. }
        | ShipmentEvent::Unassigned { .. }
        | ShipmentEvent::Cancelled { .. } => None,
        ShipmentEvent::PositionRecorded { .. }
        | ShipmentEvent::Delivered { .. }
        | ShipmentEvent::DeliveryFailed { .. }
        | ShipmentEvent::Returned => before,
    }
}

impl ShipmentView {
    fn begin(id: ShipmentId, event: &ShipmentEvent, recorded: &Recorded) -> Result<Self, FoldError> {
        let ShipmentEvent::Requested { order, address, contact, location, at } = event else {
            return Err(FoldError::NotBegun { event_type: recorded.event_type() });
        };
        Ok(Self {
            id,
            order_id: *order,
            location: location.clone(),
            stage: ShipmentStage::Requested,
            courier: None,
            address: address.clone(),
            contact: contact.clone(),
            position: None,
            proof: None,
            reason: None,
            requested_at: *at,
            assigned_at: None,
            picked_up_at: None,
            delivered_at: None,
            updated_at: recorded.recorded_at,
        })
    }

    fn take(&mut self, event: &ShipmentEvent, recorded_at: DateTime<Utc>) {
        if let Some(stage) = stage_after(event) {
            self.stage = stage;
        }
        self.courier = courier_after(event, self.courier.take());
        if !matches!(self.stage, ShipmentStage::Assigned | ShipmentStage::PickedUp) {
            self.position = None;
        }
        match event {
            ShipmentEvent::Assigned { .. } => {
                self.position = None;
                self.assigned_at = Some(recorded_at);
            }
            ShipmentEvent::PickedUp { .. } => self.picked_up_at = Some(recorded_at),
            ShipmentEvent::PositionRecorded { at } => self.position = Some(*at),
            ShipmentEvent::Delivered { proof } => {
                self.proof.clone_from(proof);
                self.delivered_at = Some(recorded_at);
            }
            ShipmentEvent::DeliveryFailed { reason } | ShipmentEvent::Cancelled { reason } => {
                self.reason = Some(reason.clone());
            }
            ShipmentEvent::Requested { .. } | ShipmentEvent::Unassigned { .. } | ShipmentEvent::Returned => {}
        }
        self.updated_at = recorded_at;
    }
}

impl Projection for Shipments {
    const NAME: &'static str = "shipments";
    const VERSION: u32 = 1;
    const STREAM: &'static str = Shipment::TYPE;
    const READS: &'static [&'static str] = &[Shipment::TYPE];
    type View = ShipmentView;
    type Memory = ();

    fn touches(&self, event: &Recorded) -> Option<Uuid> {
        match &event.fact {
            Fact::Shipment(id, _) => Some(id.0),
            _ => None,
        }
    }

    fn fold(
        &self,
        id: Uuid,
        before: Option<State<ShipmentView>>,
        recorded: &Recorded,
    ) -> Result<Option<State<ShipmentView>>, FoldError> {
        let Fact::Shipment(_, event) = &recorded.fact else { return Ok(before) };
        let view = match before {
            None => ShipmentView::begin(ShipmentId(id), event, recorded)?,
            Some(State { mut view, .. }) => {
                view.take(event, recorded.recorded_at);
                view
            }
        };
        Ok(Some(State { view, memory: () }))
    }

    fn index(&self, view: &ShipmentView) -> Index {
        Index { listed_at: Some(view.requested_at), search: None }
    }
}

#[cfg(test)]
mod tests;
