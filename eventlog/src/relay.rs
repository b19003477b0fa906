//! Carries recorded events to the bus, in order, at least once.
//!
//! **Invariant:** the checkpoint moves only over confirmed batches.

use std::convert::Infallible;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::bus::{Batch, Bus, BusError, Garbled};
use crate::leases::Leases;
use crate::log::{EventLog, LogError};
use crate::record::StoredEvent;
use crate::{checkpoint, leader};

/// The relay's name among the consumers of the log.
pub const NAME: &str = "relay";
/// How many events one message carries at most.
const EVENTS: i64 = 256;
/// How many bytes of payload one message carries at most, one event excepted.
const BYTES: usize = 512 * 1024;
/// How often the log is asked while nothing happens.
const QUIET: Duration = Duration::from_millis(50);
/// How often it is asked while events come.
const BUSY: Duration = Duration::from_millis(2);

/// Why the relay stopped; it starts again.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Bus(#[from] BusError),
    #[error(transparent)]
    Batch(#[from] Garbled),
    #[error("another relay is active")]
    Fenced,
}

impl From<sqlx::Error> for Broken {
    fn from(error: sqlx::Error) -> Self {
        Self::Log(LogError::Unavailable(error))
    }
}

/// Relays whenever this process holds the relay's lease, until `stop`.
pub async fn run(log: EventLog, bus: Bus, leases: Leases, stop: CancellationToken) {
    let (log, bus) = (&log, &bus);
    leader::run(NAME, &leases, &stop, || async move {
        match lead(log, bus).await {
            Ok(never) => match never {},
            Err(broken) => broken,
        }
    })
    .await;
}

async fn lead(log: &EventLog, bus: &Bus) -> Result<Infallible, Broken> {
    let publisher = bus.publisher(log.identity().await?).await?;
    let mut position = checkpoint::load(log.pool(), NAME).await?;
    let mut committed = log.committed();
    let mut idle = BUSY;
    loop {
        let events = log.read_after(position, EVENTS).await?;
        if events.is_empty() {
            tokio::select! {
                Ok(()) = committed.changed() => {}
                () = tokio::time::sleep(idle) => idle = (idle * 2).min(QUIET),
            }
            continue;
        }
        idle = BUSY;
        let batch = Batch::new(bounded(events))?;
        let last = batch.last();
        if !publisher.publish(&batch).await? {
            // Nobody has a queue. Whoever makes one finds these events in the log.
            metrics::counter!("spindle_relay_unrouted_total").increment(1);
        }
        metrics::histogram!("spindle_relay_batch_size")
            .record(f64::from(u32::try_from(last - position).unwrap_or(u32::MAX)));
        let mut connection = log.pool().acquire().await?;
        if !checkpoint::advance(&mut connection, NAME, position, last).await? {
            return Err(Broken::Fenced);
        }
        position = last;
    }
}

/// Cuts a batch where it would become too large for one message; at least one event stays.
fn bounded(mut events: Vec<StoredEvent>) -> Vec<StoredEvent> {
    let mut bytes = 0;
    let fits = events
        .iter()
        .take_while(|event| {
            bytes += event.payload.get().len() + event.metadata.get().len();
            bytes <= BYTES
        })
        .count();
    events.truncate(fits.max(1));
    events
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::tests_support::event;

    #[test]
    fn a_message_is_bounded_but_never_empty() {
        let mut large = event(1);
        large.payload = serde_json::value::RawValue::from_string(format!("{:?}", "x".repeat(BYTES))).unwrap();
        assert_eq!(bounded(vec![large.clone(), event(2)]).len(), 1);
        assert_eq!(bounded(vec![event(1), event(2)]).len(), 2);
    }
}
