//! The state that the next command for an aggregate is decided on.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use cqrs_es::EventStore;
use spindle_domain::fact::Circumstances;
use spindle_eventlog::EventLog;
use spindle_eventlog::log::Ticket;
use tokio::sync::{Mutex, MutexGuard};
use uuid::Uuid;

use super::{CommandError, Context, Done};
use crate::decider::Decider;

/// An aggregate's state at a version. With a ticket, the last events are still on their way to the log.
#[derive(Debug, Clone)]
pub(super) struct Baseline<A> {
    pub(super) state: Arc<A>,
    pub(super) version: i64,
    pub(super) correlation: Option<Uuid>,
    pub(super) ticket: Option<Ticket>,
}

impl<A: Decider> Baseline<A> {
    /// The state that the log has, up to a version.
    pub(super) async fn load(log: &EventLog, id: Uuid, version: i64) -> Result<Self, CommandError> {
        let events =
            EventStore::<A>::load_events(log, &id.to_string()).await.map_err(|error| match error {
                cqrs_es::AggregateError::DatabaseConnectionError(why) => {
                    CommandError::Unavailable(why.to_string())
                }
                cqrs_es::AggregateError::DeserializationError(why) => {
                    CommandError::Unreadable(format!("{} {id}: {why}", A::TYPE))
                }
                other => CommandError::Unavailable(other.to_string()),
            })?;
        let mut baseline = Self { state: Arc::default(), version: 0, correlation: None, ticket: None };
        let mut state = A::default();
        for event in events {
            let sequence = i64::try_from(event.sequence).unwrap_or(i64::MAX);
            if sequence > version {
                break;
            }
            if baseline.version == 0 {
                baseline.correlation = Circumstances::read(&event.metadata).correlation;
            }
            baseline.version = sequence;
            state.apply(event.payload);
        }
        baseline.state = Arc::new(state);
        Ok(baseline)
    }

    /// Whether one may decide on it: not if what it builds on was never stored.
    pub(super) fn is_usable(&self) -> bool {
        !self.ticket.as_ref().is_some_and(Ticket::is_lost)
    }

    /// Waits until all of it is in the log, or known not to be.
    pub(super) async fn settled(self) {
        if let Some(ticket) = self.ticket {
            ticket.settled().await;
        }
    }

    pub(super) fn decide(
        &self,
        command: &A::Command,
        context: &Context,
        now: DateTime<Utc>,
    ) -> Result<Vec<A::Event>, CommandError> {
        match context.expected_version {
            Some(expected) if expected != self.version => {
                Err(CommandError::Stale { expected, actual: self.version })
            }
            _ => self.state.decide(command, now).map_err(|refusal| CommandError::Refused(refusal.into())),
        }
    }

    /// The state that the next command is decided on, once these events are handed to the log.
    pub(super) fn after(&self, events: Vec<A::Event>, ticket: Ticket, correlation: Option<Uuid>) -> Self {
        let mut state = (*self.state).clone();
        let mut version = self.version;
        for event in events {
            state.apply(event);
            version += 1;
        }
        Self { state: Arc::new(state), version, correlation, ticket: Some(ticket) }
    }

    pub(super) fn done(&self, id: Uuid) -> Done<A> {
        Done { id, state: Arc::clone(&self.state), version: self.version, position: 0, replayed: false }
    }
}

/// The room of one aggregate in memory: its baseline, under a lock.
#[derive(Debug)]
pub(super) struct Slot<A>(Arc<Mutex<Option<Baseline<A>>>>);

impl<A> Clone for Slot<A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<A> Default for Slot<A> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(None)))
    }
}

impl<A: Decider> Slot<A> {
    pub(super) async fn lock(&self) -> MutexGuard<'_, Option<Baseline<A>>> {
        self.0.lock().await
    }

    /// Forgets a state that builds on what was never stored.
    pub(super) async fn forget_lost(&self) {
        let mut kept = self.0.lock().await;
        if kept.as_ref().is_some_and(|baseline| !baseline.is_usable()) {
            *kept = None;
        }
    }
}
