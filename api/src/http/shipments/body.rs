//! What is sent and read about shipments.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use spindle_domain::refusal::Refusal;
use spindle_domain::shipment::{Shipment, ShipmentCommand, ShipmentError, ShipmentStage};
use spindle_domain::values::{Address, Contact, CourierId, GeoPoint, LocationId, Note, OrderId};
use spindle_projections::ShipmentView;
use spindle_projections::queries::Row;
use uuid::Uuid;

use crate::http::answer::Resource;
use crate::problem::Problem;

/// Which courier says so.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CourierBody {
    pub(super) courier: CourierId,
}

/// Where the courier is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PositionBody {
    courier: CourierId,
    latitude: f64,
    longitude: f64,
}

/// It is delivered.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DeliverBody {
    courier: CourierId,
    #[serde(default)]
    proof: Option<Note>,
}

/// It could not be delivered.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FailBody {
    courier: CourierId,
    reason: Note,
}

impl PositionBody {
    pub(super) fn command(self) -> Result<ShipmentCommand, Problem> {
        let Self { courier, latitude, longitude } = self;
        // The point says that one of the two is wrong; clients want to know which.
        let pointer = if (-90.0..=90.0).contains(&latitude) { "/longitude" } else { "/latitude" };
        match GeoPoint::new(latitude, longitude) {
            Ok(at) => Ok(ShipmentCommand::RecordPosition { courier, at }),
            Err(rule) => Err(Problem::body(pointer, rule.to_string())),
        }
    }
}

impl DeliverBody {
    pub(super) fn command(self) -> ShipmentCommand {
        ShipmentCommand::Deliver { courier: self.courier, proof: self.proof }
    }
}

impl FailBody {
    pub(super) fn command(self) -> ShipmentCommand {
        ShipmentCommand::Fail { courier: self.courier, reason: self.reason }
    }
}

/// A shipment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(in crate::http) struct ShipmentBody {
    id: Uuid,
    order_id: OrderId,
    stage: ShipmentStage,
    version: i64,
    location: LocationId,
    address: Address,
    contact: Contact,
    requested: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    courier: Option<CourierId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<GeoPoint>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proof: Option<Note>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Note>,
}

impl Resource for Shipment {
    type Body = ShipmentBody;

    fn body(&self, id: Uuid, version: i64) -> Option<ShipmentBody> {
        let parcel = self.parcel()?;
        Some(ShipmentBody {
            id,
            order_id: parcel.order,
            stage: self.stage(),
            version,
            location: parcel.location.clone(),
            address: parcel.address.clone(),
            contact: parcel.contact.clone(),
            requested: parcel.at,
            courier: self.courier().cloned(),
            position: self.position(),
            proof: self.proof().cloned(),
            reason: self.reason().cloned(),
        })
    }

    fn missing() -> Problem {
        Refusal::from(ShipmentError::NotFound).into()
    }
}

impl From<Row<ShipmentView>> for ShipmentBody {
    fn from(Row { view, version, .. }: Row<ShipmentView>) -> Self {
        Self {
            id: view.id.0,
            order_id: view.order_id,
            stage: view.stage,
            version,
            location: view.location,
            address: view.address,
            contact: view.contact,
            requested: view.requested_at,
            courier: view.courier,
            position: view.position,
            proof: view.proof,
            reason: view.reason,
        }
    }
}
