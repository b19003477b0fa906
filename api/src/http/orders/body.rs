//! An order as clients read it.
//!
//! It is a function of the order's own stream: made from the aggregate and from the view it is the same, so that
//! one version has one body and an `ETag` can stand for it. What payment, kitchen and courier do in the meantime
//! is read from their own resources and from the timeline.

use chrono::{DateTime, Utc};
use serde::Serialize;
use spindle_domain::order::{CancelReason, Order, OrderError, Party, Stage, Status};
use spindle_domain::pricing::{Adjustment, QuotedLine};
use spindle_domain::refusal::Refusal;
use spindle_domain::values::{
    Contact, CustomerId, Fulfilment, LocationId, Money, Note, PaymentId, ScheduleId, ShipmentId,
};
use spindle_projections::OrderSummary;
use uuid::Uuid;

use crate::http::answer::Resource;
use crate::problem::Problem;

/// An order.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(in crate::http) struct OrderBody {
    id: Uuid,
    status: Status,
    stage: Stage,
    version: i64,
    created: DateTime<Utc>,
    lines: Vec<QuotedLine>,
    discounts: Vec<Adjustment>,
    fees: Vec<Adjustment>,
    taxes: Vec<Adjustment>,
    total: Money,
    contact: Contact,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_id: Option<CustomerId>,
    fulfilment: Fulfilment,
    location: LocationId,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<Note>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requested_for: Option<DateTime<Utc>>,
    payment_attempts: u32,
    #[serde(flatten)]
    links: Links,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancellation: Option<Cancellation>,
}

/// What the order has gained on its way. A cancelled order shows none of it: it is being taken back, and what
/// became of it stands in the timeline.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
struct Links {
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_id: Option<PaymentId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schedule_id: Option<ScheduleId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ready_by: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shipment_id: Option<ShipmentId>,
}

impl Links {
    /// Keeps what an order at that stage knows itself: a view has often heard of the next thing already.
    fn at(self, stage: Stage) -> Self {
        let Self { payment_id, schedule_id, ready_by, shipment_id } = self;
        match stage {
            Stage::Placed | Stage::Cancelling | Stage::Cancelled | Stage::Discarded => Self::default(),
            Stage::AwaitingPayment | Stage::Paid => Self { payment_id, ..Self::default() },
            Stage::InKitchen | Stage::Ready | Stage::Collected => {
                Self { payment_id, schedule_id, ready_by, shipment_id: None }
            }
            Stage::Dispatched | Stage::Delivered => Self { payment_id, schedule_id, ready_by, shipment_id },
        }
    }
}

/// Why an order is cancelled.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Cancellation {
    reason: CancelReason,
    by: Party,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<Note>,
}

impl Resource for Order {
    type Body = OrderBody;

    fn body(&self, id: Uuid, version: i64) -> Option<OrderBody> {
        let quote = self.quote()?;
        let stage = self.stage()?;
        Some(OrderBody {
            id,
            status: self.status()?,
            stage,
            version,
            created: self.placed_at()?,
            lines: quote.lines.clone(),
            discounts: quote.discounts.clone(),
            fees: quote.fees.clone(),
            taxes: quote.taxes.clone(),
            total: quote.total,
            contact: self.contact()?.clone(),
            customer_id: self.customer(),
            fulfilment: self.fulfilment()?.clone(),
            location: self.location()?.clone(),
            note: self.note().cloned(),
            requested_for: self.requested_for(),
            payment_attempts: self.attempts(),
            links: Links {
                payment_id: self.payment(),
                schedule_id: self.schedule(),
                ready_by: self.ready_by(),
                shipment_id: self.shipment(),
            }
            .at(stage),
            cancellation: self.cancellation().map(|(reason, by, detail)| Cancellation {
                reason,
                by,
                detail: detail.cloned(),
            }),
        })
    }

    fn missing() -> Problem {
        Refusal::from(OrderError::NotPlaced).into()
    }
}

impl From<OrderSummary> for OrderBody {
    fn from(view: OrderSummary) -> Self {
        Self {
            id: view.id.0,
            status: view.status,
            stage: view.stage,
            version: view.version,
            created: view.created_at,
            lines: view.quote.lines,
            discounts: view.quote.discounts,
            fees: view.quote.fees,
            taxes: view.quote.taxes,
            total: view.quote.total,
            contact: view.contact,
            customer_id: view.customer,
            fulfilment: view.fulfilment,
            location: view.location,
            note: view.note,
            requested_for: view.requested_for,
            payment_attempts: view.attempts,
            links: Links {
                payment_id: view.payment.map(|payment| payment.id),
                schedule_id: view.schedule.as_ref().map(|schedule| schedule.id),
                ready_by: view.schedule.and_then(|schedule| schedule.ready_by),
                shipment_id: view.shipment.map(|shipment| shipment.id),
            }
            .at(view.stage),
            cancellation: view.cancellation.map(|cancellation| Cancellation {
                reason: cancellation.reason,
                by: cancellation.by,
                detail: cancellation.detail,
            }),
        }
    }
}

/// The least that tells how far an order is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct StatusBody {
    id: Uuid,
    status: Status,
    stage: Stage,
    version: i64,
    updated_at: DateTime<Utc>,
}

impl From<&OrderSummary> for StatusBody {
    fn from(view: &OrderSummary) -> Self {
        Self {
            id: view.id.0,
            status: view.status,
            stage: view.stage,
            version: view.version,
            updated_at: view.updated_at,
        }
    }
}
