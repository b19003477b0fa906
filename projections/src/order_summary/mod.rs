//! An order as a client, an operator and the dashboard need it: one document with what its payment, its
//! schedule and its shipment have come to.

mod fold;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use cqrs_es::Aggregate as _;
use serde::{Deserialize, Serialize};
use spindle_domain::fact::Recorded;
use spindle_domain::kitchen::{Schedule, ScheduleStage};
use spindle_domain::order::{CancelReason, Order, Party, Stage, Status};
use spindle_domain::payment::{Decline, Payment, PaymentStage};
use spindle_domain::pricing::Quote;
use spindle_domain::shipment::{Shipment, ShipmentStage};
use spindle_domain::values::{
    Contact, CourierId, CustomerId, Fulfilment, LocationId, Money, Note, OrderId, PaymentId, ScheduleId,
    ShipmentId,
};
use uuid::Uuid;

use crate::projection::{FoldError, Index, Projection, State};

/// An order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderSummary {
    /// Its name.
    pub id: OrderId,
    /// Where it stands, as clients read it; for a discarded one, as it was last seen.
    pub status: Status,
    /// Where it stands, as people in the shop say it.
    pub stage: Stage,
    /// When it was placed.
    pub created_at: DateTime<Utc>,
    /// When something last happened to it or for it, as recorded.
    pub updated_at: DateTime<Utc>,
    /// Lines, discounts, fees, taxes and total.
    pub quote: Quote,
    /// Who ordered.
    pub contact: Contact,
    /// The known customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<CustomerId>,
    /// Delivered to an address, or picked up.
    pub fulfilment: Fulfilment,
    /// The shop that cooks.
    pub location: LocationId,
    /// A remark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Note>,
    /// When it is wanted; at once if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_for: Option<DateTime<Utc>>,
    /// How many payments were tried.
    #[serde(default)]
    pub attempts: u32,
    /// The payment that was tried last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment: Option<PaymentPart>,
    /// The kitchen's schedule that was made last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<SchedulePart>,
    /// The shipment that was asked for last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipment: Option<ShipmentPart>,
    /// Why it is cancelled, once somebody asked for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancellation: Option<CancellationPart>,
    /// When the money was held or taken, as recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid_at: Option<DateTime<Utc>>,
    /// When everything was cooked, as recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready_at: Option<DateTime<Utc>>,
    /// When a courier took it along, as recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dispatched_at: Option<DateTime<Utc>>,
    /// When the customer had it, brought or fetched, as recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<DateTime<Utc>>,
    /// When everything was undone, as recorded; when that was asked for is in the cancellation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled_at: Option<DateTime<Utc>>,
    /// The sequence of the last event of the order itself.
    pub version: i64,
    /// Whether it is out of sight.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub discarded: bool,
}

/// What the order's payment has come to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PaymentPart {
    /// Its name.
    pub id: PaymentId,
    /// How far it is.
    pub stage: PaymentStage,
    /// How much was asked for.
    pub amount: Money,
    /// How much was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub captured: Option<Money>,
    /// How much went back, once something was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refunded: Option<Money>,
    /// Where the customer must do something, while they must.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action_url: Option<String>,
    /// The provider's no, while it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decline: Option<Decline>,
}

/// What the kitchen has come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchedulePart {
    /// Its name.
    pub id: ScheduleId,
    /// How far it is.
    pub stage: ScheduleStage,
    /// When the kitchen said that it will be ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready_by: Option<DateTime<Utc>>,
}

/// What the courier has come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShipmentPart {
    /// Its name.
    pub id: ShipmentId,
    /// How far it is.
    pub stage: ShipmentStage,
    /// Who has it, or brought it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub courier: Option<CourierId>,
}

/// Why an order is cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancellationPart {
    /// Why.
    pub reason: CancelReason,
    /// Who asked.
    pub by: Party,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Note>,
    /// When it was asked for, as recorded.
    pub requested_at: DateTime<Utc>,
}

/// The projection.
#[derive(Debug, Clone, Copy)]
pub struct OrderSummaries;

impl Projection for OrderSummaries {
    const NAME: &'static str = "order_summary";
    const VERSION: u32 = 1;
    const STREAM: &'static str = Order::TYPE;
    const READS: &'static [&'static str] = &[Order::TYPE, Payment::TYPE, Schedule::TYPE, Shipment::TYPE];
    type View = OrderSummary;
    /// The payment that the summary shows: what it is after an event, the domain says.
    type Memory = Payment;

    fn touches(&self, event: &Recorded) -> Option<Uuid> {
        event.order().map(|order| order.0)
    }

    fn fold(
        &self,
        id: Uuid,
        before: Option<State<OrderSummary, Payment>>,
        event: &Recorded,
    ) -> Result<Option<State<OrderSummary, Payment>>, FoldError> {
        fold::fold(OrderId(id), before, event)
    }

    fn index(&self, view: &OrderSummary) -> Index {
        Index {
            listed_at: (!view.discarded).then_some(view.created_at),
            search: (!view.discarded).then(|| view.search()),
        }
    }

    fn is_discarded(&self, view: &OrderSummary) -> bool {
        view.discarded
    }
}

impl OrderSummary {
    /// Everything that a person might type to find the order, in lower case.
    fn search(&self) -> String {
        let texts = [
            Some(self.id.to_string()),
            Some(self.contact.name.to_string()),
            self.contact.email.as_ref().map(ToString::to_string),
            self.contact.phone.as_ref().map(ToString::to_string),
            self.customer.map(|id| id.to_string()),
            self.payment.as_ref().map(|part| part.id.to_string()),
            self.schedule.as_ref().map(|part| part.id.to_string()),
            self.shipment.as_ref().map(|part| part.id.to_string()),
            self.note.as_ref().map(ToString::to_string),
        ];
        texts.into_iter().flatten().collect::<Vec<_>>().join("\n").to_lowercase()
    }
}
