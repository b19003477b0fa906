//! What is sent and read about schedules.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use spindle_domain::kitchen::{Schedule, ScheduleCommand, ScheduleError, ScheduleStage, ScheduleStatus};
use spindle_domain::refusal::Refusal;
use spindle_domain::values::{Item, LocationId, Note, OrderId, Size};
use spindle_projections::ScheduleView;
use spindle_projections::queries::Row;
use uuid::Uuid;

use crate::http::answer::Resource;
use crate::http::moment::Moment;
use crate::problem::Problem;

/// Work for the kitchen that no order asks for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PlaceBody {
    items: Vec<ItemBody>,
    #[serde(default)]
    note: Option<Note>,
    #[serde(default)]
    due: Option<Moment>,
    #[serde(default)]
    location: Option<LocationId>,
}

/// Other items for a pending schedule.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReviseBody {
    items: Vec<ItemBody>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ItemBody {
    product: String,
    #[serde(default)]
    size: Option<Size>,
    #[serde(default = "one")]
    quantity: u64,
}

fn one() -> u64 {
    1
}

/// When it will be ready.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AcceptBody {
    #[serde(default)]
    ready_by: Option<Moment>,
}

fn items(bodies: Vec<ItemBody>) -> Vec<Item> {
    let item = |ItemBody { product, size, quantity }| Item { product, size, quantity };
    bodies.into_iter().map(item).collect()
}

impl PlaceBody {
    pub(super) fn command(self, location: &LocationId) -> ScheduleCommand {
        ScheduleCommand::Schedule {
            items: items(self.items),
            order: None,
            location: self.location.unwrap_or_else(|| location.clone()),
            due: self.due.map(|Moment(time)| time),
            note: self.note,
        }
    }
}

impl ReviseBody {
    pub(super) fn command(self) -> ScheduleCommand {
        ScheduleCommand::Revise { items: items(self.items) }
    }
}

impl AcceptBody {
    pub(super) fn command(self) -> ScheduleCommand {
        ScheduleCommand::Accept { ready_by: self.ready_by.map(|Moment(time)| time) }
    }
}

/// A schedule.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(in crate::http) struct ScheduleBody {
    id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<OrderId>,
    status: ScheduleStatus,
    stage: ScheduleStage,
    version: i64,
    location: LocationId,
    items: Vec<Item>,
    scheduled: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    due: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ready_by: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<Note>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Note>,
}

impl Resource for Schedule {
    type Body = ScheduleBody;

    fn body(&self, id: Uuid, version: i64) -> Option<ScheduleBody> {
        Some(ScheduleBody {
            id,
            order_id: self.order(),
            status: self.status()?,
            stage: self.stage(),
            version,
            location: self.location()?.clone(),
            items: self.items().to_vec(),
            scheduled: self.scheduled_at()?,
            due: self.due(),
            ready_by: self.ready_by(),
            note: self.note().cloned(),
            reason: self.reason().cloned(),
        })
    }

    fn missing() -> Problem {
        Refusal::from(ScheduleError::NotFound).into()
    }
}

impl From<Row<ScheduleView>> for ScheduleBody {
    fn from(Row { view, version, .. }: Row<ScheduleView>) -> Self {
        // A promise that was called off is none any more.
        let ready_by = view.ready_by.filter(|_| view.stage != ScheduleStage::Cancelled);
        Self {
            id: view.id.0,
            order_id: view.order_id,
            status: view.status,
            stage: view.stage,
            version,
            location: view.location,
            items: view.items,
            scheduled: view.scheduled_at,
            due: view.due,
            ready_by,
            note: view.note,
            reason: view.reason,
        }
    }
}

/// The least that tells how far a schedule is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct StatusBody {
    id: Uuid,
    status: ScheduleStatus,
    stage: ScheduleStage,
    version: i64,
    updated_at: DateTime<Utc>,
}

impl From<&Row<ScheduleView>> for StatusBody {
    fn from(Row { view, version, .. }: &Row<ScheduleView>) -> Self {
        Self {
            id: view.id.0,
            status: view.status,
            stage: view.stage,
            version: *version,
            updated_at: view.updated_at,
        }
    }
}
