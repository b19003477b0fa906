//! What happened to an order and for it, in order, in words.

#[cfg(test)]
mod tests;
mod words;

use chrono::{DateTime, Utc};
use cqrs_es::Aggregate as _;
use serde::{Deserialize, Serialize};
use spindle_domain::fact::{Fact, Recorded};
use spindle_domain::kitchen::Schedule;
use spindle_domain::order::{Order, OrderEvent};
use spindle_domain::payment::Payment;
use spindle_domain::shipment::{Shipment, ShipmentEvent};
use spindle_domain::values::OrderId;
use uuid::Uuid;

use crate::projection::{FoldError, Projection, State};

/// The most entries of one timeline: a whole order has about thirty, and the document is written anew with
/// each of them. Beyond it the oldest entry leaves; the log still has it.
const MAX_ENTRIES: usize = 500;

/// The timeline of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderTimeline {
    /// The order.
    pub order_id: OrderId,
    /// What happened, oldest first.
    pub entries: Vec<TimelineEntry>,
    /// How many older entries are left out.
    #[serde(default)]
    pub omitted: u32,
    /// Whether the order is out of sight.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub discarded: bool,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelineEntry {
    /// Its place in the log.
    pub position: i64,
    /// When it was recorded.
    pub at: DateTime<Utc>,
    /// The type of what it happened to: `order`, `payment`, `kitchen`, `shipment`.
    pub aggregate: String,
    /// What it happened to.
    pub aggregate_id: Uuid,
    /// Its stored name.
    pub event_type: String,
    /// In words.
    pub text: String,
    /// Who asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// The event or request that caused it; where that is not known, the command that decided it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caused_by: Option<Uuid>,
    /// Its own name.
    pub event_id: Uuid,
}

/// The projection.
#[derive(Debug, Clone, Copy)]
pub struct OrderTimelines;

impl TimelineEntry {
    fn of(event: &Recorded) -> Self {
        let aggregate = match &event.fact {
            Fact::Order(..) => Order::TYPE,
            Fact::Payment(..) => Payment::TYPE,
            Fact::Kitchen(..) => Schedule::TYPE,
            Fact::Shipment(..) => Shipment::TYPE,
        };
        Self {
            position: event.position,
            at: event.recorded_at,
            aggregate: aggregate.to_owned(),
            aggregate_id: event.aggregate(),
            event_type: event.event_type(),
            text: words::sentence(&event.fact),
            actor: event.circumstances.actor.clone(),
            caused_by: event.circumstances.causation.or(event.circumstances.command),
            event_id: event.event_id,
        }
    }
}

impl OrderTimeline {
    fn add(&mut self, entry: TimelineEntry) {
        if self.entries.len() >= MAX_ENTRIES {
            self.entries.remove(0);
            self.omitted = self.omitted.saturating_add(1);
        }
        self.entries.push(entry);
    }
}

impl Projection for OrderTimelines {
    const NAME: &'static str = "order_timeline";
    const VERSION: u32 = 1;
    const STREAM: &'static str = Order::TYPE;
    const READS: &'static [&'static str] = &[Order::TYPE, Payment::TYPE, Schedule::TYPE, Shipment::TYPE];
    type View = OrderTimeline;
    type Memory = ();

    /// Where the courier is from minute to minute is no milestone: it is left to the shipment.
    fn touches(&self, event: &Recorded) -> Option<Uuid> {
        match &event.fact {
            Fact::Shipment(_, ShipmentEvent::PositionRecorded { .. }) => None,
            _ => event.order().map(|order| order.0),
        }
    }

    fn fold(
        &self,
        id: Uuid,
        before: Option<State<OrderTimeline>>,
        event: &Recorded,
    ) -> Result<Option<State<OrderTimeline>>, FoldError> {
        let mut view = before.map_or_else(
            || OrderTimeline { order_id: OrderId(id), entries: Vec::new(), omitted: 0, discarded: false },
            |state| state.view,
        );
        view.add(TimelineEntry::of(event));
        view.discarded |= matches!(&event.fact, Fact::Order(_, OrderEvent::Discarded));
        Ok(Some(State { view, memory: () }))
    }

    fn is_discarded(&self, view: &OrderTimeline) -> bool {
        view.discarded
    }
}
