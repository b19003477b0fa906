//! One message carries consecutive events.

use serde::{Deserialize, Serialize};

use crate::record::StoredEvent;

/// Consecutive events of the log, in order; never empty.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Batch(Vec<StoredEvent>);

/// A message that is not a batch.
#[derive(Debug, thiserror::Error)]
#[error("the message is not a batch of consecutive events: {0}")]
pub struct Garbled(String);

impl Batch {
    /// # Errors
    /// When there are no events or they are not consecutive.
    pub fn new(events: Vec<StoredEvent>) -> Result<Self, Garbled> {
        let Some(first) = events.first() else { return Err(Garbled("it is empty".into())) };
        for (expected, event) in (first.position..).zip(&events) {
            if event.position != expected {
                return Err(Garbled(format!("position {} stands where {expected} should", event.position)));
            }
        }
        Ok(Self(events))
    }

    /// # Errors
    /// When the bytes are not what [`Batch::encode`] makes.
    pub fn decode(bytes: &[u8]) -> Result<Self, Garbled> {
        let events = serde_json::from_slice(bytes).map_err(|error| Garbled(error.to_string()))?;
        Self::new(events)
    }

    /// The bytes of the message.
    ///
    /// # Errors
    /// When the events cannot be written as JSON.
    pub fn encode(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }

    /// The first position.
    #[must_use]
    pub fn first(&self) -> i64 {
        self.0.first().map_or(0, |event| event.position)
    }

    /// The last position.
    #[must_use]
    pub fn last(&self) -> i64 {
        self.0.last().map_or(0, |event| event.position)
    }

    /// What follows a checkpoint. Empty: all of it was seen. `None`: something between is missing.
    #[must_use]
    pub fn after(mut self, checkpoint: i64) -> Option<Vec<StoredEvent>> {
        if self.first() > checkpoint + 1 {
            return None;
        }
        let seen = usize::try_from(checkpoint + 1 - self.first()).unwrap_or(0);
        self.0.drain(..seen.min(self.0.len()));
        Some(self.0)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use serde_json::value::RawValue;
    use uuid::Uuid;

    pub(crate) fn event(position: i64) -> StoredEvent {
        let empty = || RawValue::from_string("{}".into()).unwrap();
        StoredEvent {
            position,
            event_id: Uuid::from_u128(u128::try_from(position).unwrap()),
            recorded_at: chrono::DateTime::UNIX_EPOCH,
            aggregate_type: "order".into(),
            aggregate_id: "1".into(),
            sequence: position,
            event_type: "order.placed".into(),
            event_version: "1.0".into(),
            payload: empty(),
            metadata: empty(),
        }
    }

    fn batch(positions: std::ops::RangeInclusive<i64>) -> Batch {
        Batch::new(positions.map(event).collect()).unwrap()
    }

    #[test]
    fn a_batch_survives_the_wire() {
        let bytes = batch(3..=5).encode().unwrap();
        assert_eq!(Batch::decode(&bytes).unwrap(), batch(3..=5));
    }

    #[test]
    fn a_batch_with_a_hole_is_refused() {
        assert!(Batch::new(vec![event(1), event(3)]).is_err());
        assert!(Batch::new(vec![]).is_err());
        assert!(Batch::decode(b"[]").is_err());
        assert!(Batch::decode(b"nonsense").is_err());
    }

    #[test]
    fn only_what_was_not_seen_is_taken_and_a_gap_is_told() {
        assert_eq!(batch(3..=5).after(2).unwrap().len(), 3);
        assert_eq!(batch(3..=5).after(4).unwrap(), vec![event(5)]);
        assert_eq!(batch(3..=5).after(5).unwrap(), vec![]);
        assert_eq!(batch(3..=5).after(99).unwrap(), vec![]);
        assert!(batch(3..=5).after(1).is_none());
    }
}
