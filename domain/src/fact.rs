//! A fact: something that happened to one aggregate, as consumers of the log see it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::kitchen::{Schedule, ScheduleEvent};
use crate::order::{Order, OrderEvent};
use crate::payment::{Payment, PaymentEvent};
use crate::shipment::{Shipment, ShipmentEvent};
use crate::values::{OrderId, PaymentId, ScheduleId, ShipmentId};

/// Pins the names under which events are stored, apart from their Rust names.
macro_rules! wire_names {
    ($event:ident: $version:literal, $($pattern:pat => $name:literal),* $(,)?) => {
        impl cqrs_es::DomainEvent for $event {
            fn event_type(&self) -> String {
                use $event::*;
                match self { $($pattern => $name,)* }.to_owned()
            }

            fn event_version(&self) -> String {
                $version.to_owned()
            }
        }

        impl $event {
            /// Every name under which this kind of event is stored.
            pub const WIRE_NAMES: &'static [&'static str] = &[$($name),*];
        }
    };
}
pub(crate) use wire_names;

/// Something that happened to one aggregate.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    /// To an order.
    Order(OrderId, OrderEvent),
    /// To a payment.
    Payment(PaymentId, PaymentEvent),
    /// To a kitchen schedule.
    Kitchen(ScheduleId, ScheduleEvent),
    /// To a shipment.
    Shipment(ShipmentId, ShipmentEvent),
}

/// A stored event that this version cannot read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// No aggregate of this version has that name.
    #[error("unknown aggregate type {0:?}")]
    AggregateType(String),
    /// The aggregate's identifier is not a UUID.
    #[error("aggregate id {0:?} is not a UUID")]
    AggregateId(String),
    /// No event of this version has that name.
    #[error("unknown event type {0:?}")]
    EventType(String),
    /// The payload does not fit the event type.
    #[error("payload of {event_type}: {why}")]
    Payload {
        /// The stored event type.
        event_type: String,
        /// What does not fit.
        why: String,
    },
}

impl Fact {
    /// Reads a stored event.
    ///
    /// # Errors
    /// [`Unreadable`], naming what this version does not know.
    pub fn read(
        aggregate_type: &str,
        aggregate_id: &str,
        event_type: &str,
        payload: &str,
    ) -> Result<Self, Unreadable> {
        let id =
            || Uuid::parse_str(aggregate_id).map_err(|_| Unreadable::AggregateId(aggregate_id.to_owned()));
        match aggregate_type {
            Order::TYPE => {
                Ok(Self::Order(OrderId(id()?), body(event_type, payload, OrderEvent::WIRE_NAMES)?))
            }
            Payment::TYPE => {
                Ok(Self::Payment(PaymentId(id()?), body(event_type, payload, PaymentEvent::WIRE_NAMES)?))
            }
            Schedule::TYPE => {
                Ok(Self::Kitchen(ScheduleId(id()?), body(event_type, payload, ScheduleEvent::WIRE_NAMES)?))
            }
            Shipment::TYPE => {
                Ok(Self::Shipment(ShipmentId(id()?), body(event_type, payload, ShipmentEvent::WIRE_NAMES)?))
            }
            other => Err(Unreadable::AggregateType(other.to_owned())),
        }
    }
}

fn body<E: DeserializeOwned>(event_type: &str, payload: &str, known: &[&str]) -> Result<E, Unreadable> {
    if !known.contains(&event_type) {
        return Err(Unreadable::EventType(event_type.to_owned()));
    }
    serde_json::from_str(payload)
        .map_err(|why| Unreadable::Payload { event_type: event_type.to_owned(), why: why.to_string() })
}

/// A fact with its place in the log and its circumstances.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// Its place in the one global order, from 1.
    pub position: i64,
    /// Its place in its stream, from 1.
    pub sequence: i64,
    /// Its own name.
    pub event_id: Uuid,
    /// When the log stored it.
    pub recorded_at: DateTime<Utc>,
    /// Who, why, as part of what.
    pub circumstances: Circumstances,
    /// What happened.
    pub fact: Fact,
}

/// The columns of a stored event, as any log hands them out.
#[derive(Debug, Clone, Copy)]
pub struct Raw<'a> {
    /// Its place in the one global order.
    pub position: i64,
    /// Its place in its stream.
    pub sequence: i64,
    /// Its own name.
    pub event_id: Uuid,
    /// When the log stored it.
    pub recorded_at: DateTime<Utc>,
    /// The type of its aggregate.
    pub aggregate_type: &'a str,
    /// The id of its aggregate.
    pub aggregate_id: &'a str,
    /// Its stored name.
    pub event_type: &'a str,
    /// JSON text.
    pub payload: &'a str,
    /// JSON text: an object of strings.
    pub metadata: &'a str,
}

/// Who caused an event, by what, as part of what.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Circumstances {
    /// The business transaction that the event belongs to: the order's id for all that is done for an order,
    /// else the stream's own id.
    pub correlation: Option<Uuid>,
    /// The event or request that caused it.
    pub causation: Option<Uuid>,
    /// The command that decided it.
    pub command: Option<Uuid>,
    /// Who asked: `customer:…`, `kitchen`, `process:fulfilment`.
    pub actor: Option<String>,
    /// W3C trace context.
    pub traceparent: Option<String>,
}

/// Keys of the metadata map of a stored event.
pub mod metadata {
    /// [`super::Circumstances::correlation`].
    pub const CORRELATION: &str = "correlation_id";
    /// [`super::Circumstances::causation`].
    pub const CAUSATION: &str = "causation_id";
    /// [`super::Circumstances::command`].
    pub const COMMAND: &str = "command_id";
    /// [`super::Circumstances::actor`].
    pub const ACTOR: &str = "actor";
    /// [`super::Circumstances::traceparent`].
    pub const TRACEPARENT: &str = "traceparent";
}

/// The trace of a W3C `traceparent` (version, trace, span, flags); `None` when it is not one.
#[must_use]
pub fn trace_id(traceparent: &str) -> Option<&str> {
    traceparent.split('-').nth(1).filter(|id| id.len() == 32)
}

impl Circumstances {
    /// The trace that it belongs to.
    #[must_use]
    pub fn trace_id(&self) -> Option<&str> {
        self.traceparent.as_deref().and_then(trace_id)
    }

    /// Reads what is known from a stored event's metadata; a stock `cqrs-es` writer may have stored none.
    #[must_use]
    pub fn read(map: &HashMap<String, String>) -> Self {
        let id = |key: &str| map.get(key).and_then(|text| Uuid::parse_str(text).ok());
        Self {
            correlation: id(metadata::CORRELATION),
            causation: id(metadata::CAUSATION),
            command: id(metadata::COMMAND),
            actor: map.get(metadata::ACTOR).cloned(),
            traceparent: map.get(metadata::TRACEPARENT).cloned(),
        }
    }

    /// The map as stored.
    #[must_use]
    pub fn write(&self) -> HashMap<String, String> {
        let id = |key: &str, value: Option<Uuid>| value.map(|v| (key.to_owned(), v.to_string()));
        let text = |key: &str, value: &Option<String>| value.clone().map(|v| (key.to_owned(), v));
        [
            id(metadata::CORRELATION, self.correlation),
            id(metadata::CAUSATION, self.causation),
            id(metadata::COMMAND, self.command),
            text(metadata::ACTOR, &self.actor),
            text(metadata::TRACEPARENT, &self.traceparent),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

impl Recorded {
    /// Reads a stored event with its circumstances. Metadata that a foreign writer made up counts as none.
    ///
    /// # Errors
    /// [`Unreadable`], naming what this version does not know.
    pub fn read(raw: &Raw<'_>) -> Result<Self, Unreadable> {
        Ok(Self {
            position: raw.position,
            sequence: raw.sequence,
            event_id: raw.event_id,
            recorded_at: raw.recorded_at,
            circumstances: Circumstances::read(&serde_json::from_str(raw.metadata).unwrap_or_default()),
            fact: Fact::read(raw.aggregate_type, raw.aggregate_id, raw.event_type, raw.payload)?,
        })
    }

    /// The order that this happened for, if it happened for one.
    #[must_use]
    pub fn order(&self) -> Option<OrderId> {
        match &self.fact {
            Fact::Order(id, _) => Some(*id),
            Fact::Kitchen(id, _) => {
                self.circumstances.correlation.filter(|correlation| *correlation != id.0).map(OrderId)
            }
            Fact::Payment(..) | Fact::Shipment(..) => self.circumstances.correlation.map(OrderId),
        }
    }

    /// The identifier of the aggregate that it happened to.
    #[must_use]
    pub fn aggregate(&self) -> Uuid {
        match &self.fact {
            Fact::Order(id, _) => id.0,
            Fact::Payment(id, _) => id.0,
            Fact::Kitchen(id, _) => id.0,
            Fact::Shipment(id, _) => id.0,
        }
    }

    /// The stored name of what happened.
    #[must_use]
    pub fn event_type(&self) -> String {
        use cqrs_es::DomainEvent;
        match &self.fact {
            Fact::Order(_, event) => event.event_type(),
            Fact::Payment(_, event) => event.event_type(),
            Fact::Kitchen(_, event) => event.event_type(),
            Fact::Shipment(_, event) => event.event_type(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_told_from_its_parent_line() {
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(trace_id(parent), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
        assert_eq!(trace_id("nonsense"), None);
        assert_eq!(trace_id("00-short-00-01"), None);
    }
}
