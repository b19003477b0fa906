//! What lists can be filtered by. Every part that is absent lets everything through.

use chrono::{DateTime, Utc};
use spindle_domain::kitchen::{ScheduleStage, ScheduleStatus};
use spindle_domain::order::{Stage, Status};
use spindle_domain::payment::PaymentStage;
use spindle_domain::shipment::ShipmentStage;
use spindle_domain::values::{CourierId, CustomerId, LocationId, OrderId};

use super::QueryError;
use super::list::{Column, Condition, search};

/// Which orders.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OrderFilter {
    /// Where they stand, as clients read it.
    pub status: Option<Status>,
    /// Where they stand, as people in the shop say it.
    pub stage: Option<Stage>,
    /// Only cancelled ones, or only others.
    pub cancelled: Option<bool>,
    /// Whose.
    pub customer: Option<CustomerId>,
    /// Placed then or later.
    pub since: Option<DateTime<Utc>>,
    /// Placed earlier than that.
    pub until: Option<DateTime<Utc>>,
    /// Part of a name, an e-mail address, a telephone number, an id or the note.
    pub search: Option<String>,
    /// Of which shop.
    pub location: Option<LocationId>,
}

/// Which schedules.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScheduleFilter {
    /// How far they are, as the outside sees it.
    pub status: Option<ScheduleStatus>,
    /// How far they are, as the kitchen sees it.
    pub stage: Option<ScheduleStage>,
    /// Only those on the stove, or only others.
    pub progress: Option<bool>,
    /// Put on the board then or later.
    pub since: Option<DateTime<Utc>>,
    /// Put on the board earlier than that.
    pub until: Option<DateTime<Utc>>,
    /// For which order.
    pub order: Option<OrderId>,
    /// In which shop.
    pub location: Option<LocationId>,
}

/// Which payments.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PaymentFilter {
    /// For which order.
    pub order: Option<OrderId>,
    /// How far they are.
    pub stage: Option<PaymentStage>,
    /// Asked for then or later.
    pub since: Option<DateTime<Utc>>,
    /// Asked for earlier than that.
    pub until: Option<DateTime<Utc>>,
}

/// Which shipments.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ShipmentFilter {
    /// How far they are.
    pub stage: Option<ShipmentStage>,
    /// With which courier.
    pub courier: Option<CourierId>,
    /// For which order.
    pub order: Option<OrderId>,
    /// Asked for then or later.
    pub since: Option<DateTime<Utc>>,
    /// Asked for earlier than that.
    pub until: Option<DateTime<Utc>>,
    /// From which shop.
    pub location: Option<LocationId>,
}

fn is(column: Column, value: Option<&str>) -> Option<Condition> {
    value.map(|value| Condition::Is(column, value.to_owned()))
}

fn is_or_not(column: Column, value: &str, wanted: Option<bool>) -> Option<Condition> {
    let value = value.to_owned();
    Some(if wanted? { Condition::Is(column, value) } else { Condition::IsNot(column, value) })
}

fn span(
    since: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
) -> impl Iterator<Item = Option<Condition>> {
    [since.map(Condition::Since), until.map(Condition::Until)].into_iter()
}

impl OrderFilter {
    pub(super) fn conditions(&self) -> Result<Vec<Condition>, QueryError> {
        Ok([
            is(Column::Status, self.status.map(Status::as_str)),
            is(Column::Stage, self.stage.map(Stage::as_str)),
            is_or_not(Column::Status, Status::Cancelled.as_str(), self.cancelled),
            self.customer.map(|id| Condition::IsId(Column::Customer, id.0)),
            is(Column::Location, self.location.as_ref().map(LocationId::as_str)),
            self.search.as_deref().map(search).transpose()?.flatten(),
        ]
        .into_iter()
        .chain(span(self.since, self.until))
        .flatten()
        .collect())
    }
}

impl ScheduleFilter {
    pub(super) fn conditions(&self) -> Vec<Condition> {
        [
            is(Column::Status, self.status.map(ScheduleStatus::as_str)),
            is(Column::Stage, self.stage.map(ScheduleStage::as_str)),
            is_or_not(Column::Status, ScheduleStatus::Progress.as_str(), self.progress),
            self.order.map(|id| Condition::IsId(Column::OrderId, id.0)),
            is(Column::Location, self.location.as_ref().map(LocationId::as_str)),
        ]
        .into_iter()
        .chain(span(self.since, self.until))
        .flatten()
        .collect()
    }
}

impl PaymentFilter {
    pub(super) fn conditions(&self) -> Vec<Condition> {
        [
            self.order.map(|id| Condition::IsId(Column::OrderId, id.0)),
            is(Column::Stage, self.stage.map(PaymentStage::as_str)),
        ]
        .into_iter()
        .chain(span(self.since, self.until))
        .flatten()
        .collect()
    }
}

impl ShipmentFilter {
    pub(super) fn conditions(&self) -> Vec<Condition> {
        [
            is(Column::Stage, self.stage.map(ShipmentStage::as_str)),
            is(Column::Courier, self.courier.as_ref().map(CourierId::as_str)),
            self.order.map(|id| Condition::IsId(Column::OrderId, id.0)),
            is(Column::Location, self.location.as_ref().map(LocationId::as_str)),
        ]
        .into_iter()
        .chain(span(self.since, self.until))
        .flatten()
        .collect()
    }
}
