//! The log as a `cqrs-es` event store, so that everything built on that crate works on it.
//!
//! Events are loaded through `postgres-es`; they are stored by the log's writer, because
//! `PersistedEventRepository::persist` does not say where.

use std::collections::HashMap;

use cqrs_es::persist::{PersistedEventRepository, PersistenceError};
use cqrs_es::{Aggregate, AggregateContext, AggregateError, DomainEvent, EventEnvelope, EventStore};
use postgres_es::PostgresEventRepository;
use uuid::Uuid;

use crate::log::{AppendError, EventLog};
use crate::record::{Append, NewEvent, Stream};

/// An aggregate with its version.
#[derive(Debug, Clone)]
pub struct Loaded<A> {
    aggregate_id: String,
    aggregate: A,
    /// The sequence of the last event that the state has seen.
    pub version: i64,
}

impl<A: Aggregate> AggregateContext<A> for Loaded<A> {
    fn aggregate(&mut self) -> &mut A {
        &mut self.aggregate
    }
}

impl<A: Aggregate> EventStore<A> for EventLog {
    type AC = Loaded<A>;

    async fn load_events(
        &self,
        aggregate_id: &str,
    ) -> Result<Vec<EventEnvelope<A>>, AggregateError<A::Error>> {
        let repository = PostgresEventRepository::new(self.pool().clone());
        let stored = repository.get_events::<A>(aggregate_id).await?;
        stored.into_iter().map(|event| EventEnvelope::try_from(event).map_err(AggregateError::from)).collect()
    }

    async fn load_aggregate(&self, aggregate_id: &str) -> Result<Loaded<A>, AggregateError<A::Error>> {
        let mut loaded =
            Loaded { aggregate_id: aggregate_id.to_owned(), aggregate: A::default(), version: 0 };
        for event in EventStore::<A>::load_events(self, aggregate_id).await? {
            loaded.version = i64::try_from(event.sequence).unwrap_or(i64::MAX);
            loaded.aggregate.apply(event.payload);
        }
        Ok(loaded)
    }

    async fn commit(
        &self,
        events: Vec<A::Event>,
        context: Loaded<A>,
        metadata: HashMap<String, String>,
    ) -> Result<Vec<EventEnvelope<A>>, AggregateError<A::Error>> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let text = serde_json::to_string(&metadata).map_err(PersistenceError::from)?;
        let stored = events.iter().map(|event| new_event(event, &text)).collect::<Result<_, _>>();
        self.append(Append {
            stream: Stream::new(A::TYPE, context.aggregate_id.as_str()),
            after: context.version,
            events: stored.map_err(PersistenceError::from)?,
            claim: None,
        })
        .await
        .map_err(persistence)?;
        Ok(events
            .into_iter()
            .zip(usize::try_from(context.version + 1).unwrap_or(usize::MAX)..)
            .map(|(payload, sequence)| EventEnvelope {
                aggregate_id: context.aggregate_id.clone(),
                sequence,
                payload,
                metadata: metadata.clone(),
            })
            .collect())
    }
}

/// An event ready to be stored, with a name of its own.
///
/// # Errors
/// When the event cannot be written as JSON.
pub fn new_event<E: DomainEvent>(event: &E, metadata: &str) -> Result<NewEvent, serde_json::Error> {
    Ok(NewEvent {
        event_id: Uuid::now_v7(),
        event_type: event.event_type(),
        event_version: event.event_version(),
        payload: serde_json::to_string(event)?,
        metadata: metadata.to_owned(),
    })
}

fn persistence(error: AppendError) -> PersistenceError {
    match error {
        AppendError::Conflict | AppendError::Superseded => PersistenceError::OptimisticLockError,
        other => PersistenceError::ConnectionError(Box::new(other)),
    }
}
