//! What is written to the log and what is read from it.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

/// Names a stream: the events of one aggregate.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Stream {
    /// The aggregate's type.
    pub aggregate_type: Arc<str>,
    /// The aggregate's id.
    pub aggregate_id: Arc<str>,
}

impl Stream {
    /// The stream of an aggregate.
    pub fn new(aggregate_type: impl Into<Arc<str>>, aggregate_id: impl Into<Arc<str>>) -> Self {
        Self { aggregate_type: aggregate_type.into(), aggregate_id: aggregate_id.into() }
    }
}

impl std::fmt::Display for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.aggregate_type, self.aggregate_id)
    }
}

/// An event that is about to be stored.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// Its own name, made before it is stored: tells after a lost answer whether it was stored.
    pub event_id: Uuid,
    /// Its stored name.
    pub event_type: String,
    /// The version of its shape.
    pub event_version: String,
    /// JSON text.
    pub payload: String,
    /// JSON text: an object of strings, as `cqrs-es` writes it.
    pub metadata: String,
}

/// A key under which a command has one effect, however often it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Whose key it is.
    pub scope: String,
    /// The key.
    pub key: String,
    /// A digest of what was asked, so that another question under the same key is recognised.
    pub fingerprint: Vec<u8>,
}

/// A claim that is in the log, with what its command did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// The claim.
    pub claim: Claim,
    /// The aggregate that the command was for.
    pub stream: Stream,
    /// That aggregate's version after the command.
    pub version: i64,
    /// The position of the command's last event.
    pub position: i64,
}

/// Events to be stored after a known version of one stream.
#[derive(Debug, Clone)]
pub struct Append {
    /// The stream.
    pub stream: Stream,
    /// The sequence of the last event that the decision has seen; 0 for a new stream.
    pub after: i64,
    /// The events, in order; may be empty when there is a claim.
    pub events: Vec<NewEvent>,
    /// The key that they are stored under.
    pub claim: Option<Claim>,
}

impl Append {
    /// The stream's version when this is stored.
    #[must_use]
    pub fn version(&self) -> i64 {
        self.after + i64::try_from(self.events.len()).unwrap_or(i64::MAX)
    }
}

/// Where events were stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// The position of the last event.
    pub position: i64,
    /// When.
    pub recorded_at: DateTime<Utc>,
}

/// An event as the log holds it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StoredEvent {
    /// Its place in the one global order, from 1.
    pub position: i64,
    /// Its own name.
    pub event_id: Uuid,
    /// When it was stored.
    pub recorded_at: DateTime<Utc>,
    /// The type of its aggregate.
    pub aggregate_type: String,
    /// The id of its aggregate.
    pub aggregate_id: String,
    /// Its place in its stream, from 1.
    pub sequence: i64,
    /// Its stored name.
    pub event_type: String,
    /// The version of its shape.
    pub event_version: String,
    /// JSON text.
    pub payload: Box<RawValue>,
    /// JSON text: an object of strings.
    pub metadata: Box<RawValue>,
}

impl PartialEq for StoredEvent {
    /// Two stored events are the same when they are the same event at the same place.
    fn eq(&self, other: &Self) -> bool {
        (self.position, self.event_id) == (other.position, other.event_id)
    }
}

impl StoredEvent {
    /// The metadata as a map; empty when a foreign writer stored something else.
    #[must_use]
    pub fn metadata(&self) -> std::collections::HashMap<String, String> {
        serde_json::from_str(self.metadata.get()).unwrap_or_default()
    }
}
